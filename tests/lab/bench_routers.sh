# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154
# Section of tests/bench: a thousand routers in one daemon, in groups of one election each, on two controllers. Their legs are
# on several bridges, BENCH_LEGS (50) on each: what is sent to all on a bridge is copied to each leg there.

ROUTERS_SIZES=${BENCH_ROUTERS:-50 200 1000}
[ -z "${BENCH_QUICK:-}" ] || ROUTERS_SIZES="50 200"
ROUTERS_PER_GROUP=250
ROUTERS_PER_BRIDGE=${BENCH_LEGS:-50}

# routers_config N COUNT [BROKEN]: BROKEN is the number of a router whose bridge is missing; it has no group.
routers_config() {
	local i=$1 n=$2 broken=${3:-0} r k election mgmt bridge
	mkdir -p "$LAB_DIR/c$i"
	lab_key
	{
		cat <<-END
			controller "controller-$i" { run-dir = "$LAB_DIR/c$i"  control-socket = "$LAB_DIR/c$i/control.sock" }
			sync { interface = "sync"  group = "239.255.77.1"  key-file = "$LAB_DIR/sync.key" }
		END
		for ((r = 1; r <= n; r++)); do
			election="group = \"g$(((r - 1) / ROUTERS_PER_GROUP))\"  vrid = $((10 + (r - 1) / ROUTERS_PER_GROUP))"
			mgmt=br-mgmt bridge=br-ex k=$(((r - 1) / ROUTERS_PER_BRIDGE))
			[ $k = 0 ] || mgmt=br-m$k bridge=br-e$k
			[ $r != $broken ] || election="vrid = 9" bridge=br-missing
			cat <<-END
				router "r$r" {
				  namespace  = "$LAB-c$i-r$r"
				  management { attach = "bridge:$mgmt"  interface = "vr-mgmt"  vip = "10.$((64 + r / 256)).$((r % 256)).1/24" }
				  public     { attach = "bridge:$bridge"  interface = "vr-ex"  vip = "172.$((16 + r / 256)).$((r % 256)).1/24"
				               gateway = "172.$((16 + r / 256)).$((r % 256)).254" }
				  nat        { mode = "snat" }
				  election   { interface = "sync"  $election  priority = $((160 - 10 * i))  preempt = false }
				}
			END
		done
	} >"$LAB_DIR/c$i/vrouterd.conf"
}
# Bridges beside br-mgmt and br-ex.
routers_bridges() { # N COUNT
	local k
	for ((k = 1; k * ROUTERS_PER_BRIDGE < $2; k++)); do
		lab_bridge c$1 br-m$k
		lab_bridge c$1 br-e$k
	done
}
# The daemon of controller N and its children.
routers_processes() { echo ${LAB_DAEMON[$1]} $(ps -o pid= --ppid ${LAB_DAEMON[$1]}); }
routers_sum() { # N FUNCTION: of all its processes
	local pid sum=0
	for pid in $(routers_processes "$1"); do sum=$((sum + $("$2" $pid))); done
	echo $sum
}
routers_cpu() { awk '{ print $14 + $15 }' /proc/$1/stat; } # ticks of 10 ms
routers_anon_kb() { awk '/^Anonymous:/ { print $2 }' /proc/$1/smaps_rollup; } # of its own, and not of a library
routers_fds() { ls /proc/$1/fd | wc -l; }
# routers_are N COUNT FILTER: that many of them are so
routers_are() { [ "$(ctl "$1" --json status 2>/dev/null | jq "[.routers[] | select($3)] | length")" = "$2" ]; }
# The same from the log: to ask the daemon for all of it 20 times a second would be what is measured.
routers_said() { [ "$(grep -c -e "$3" "$LAB_DIR/c$1.log")" -ge "$2" ]; }
routers_idle() { # N SECONDS: percent of one core, in hundredths
	local before after
	before=$(routers_sum "$1" routers_cpu)
	sleep "$2"
	after=$(routers_sum "$1" routers_cpu)
	divide $((100 * (after - before))) $((100 * $2)) 2
}
routers_stat() { ctl $1 --json stats r1 | jq ".announcing.$2"; } # N FIELD
routers_told() { [ "$(routers_stat $1 unheard)" = 0 ]; }
# Power off: lab_crash looks into each namespace for processes, which takes a minute here.
routers_crash() {
	local pids
	pids=$(routers_processes 1)
	LAB_CRASHED=$((${EPOCHREALTIME/./} / 1000)) # ms
	lab_cut c1-sync
	kill -KILL $pids
	{ wait ${LAB_DAEMON[1]}; } 2>/dev/null
	unset "LAB_DAEMON[1]"
}

one_routers() { # COUNT
	local n=$1 t0 i first last
	lab_up
	for i in 1 2; do lab_controller $i && lab_sync_link $i && routers_bridges $i $n; done
	for i in 1 2; do routers_config $i $n; done
	t0=$(now_ms)
	lab_run 1
	wait_for "controller 1 has started" 300 routers_said 1 $n "-> ACTIVE: "
	put start $(($(now_ms) - t0))
	t0=$(now_ms)
	lab_run 2
	wait_for "controller 2 is ready" 300 routers_said 2 $n "replication: .* -> ready"
	put ready $(($(now_ms) - t0))
	routers_are 1 $n '.role == "ACTIVE"' || fail "not all of them are ACTIVE"
	wait_for "controller 2 says so" 60 routers_are 2 $n '.sync == "ready"'
	wait_for "all have announced themselves" 300 routers_told 1
	put announced-start $(($(routers_stat 1 longest_wait_us) / 1000))
	sleep 10
	for i in 1 2; do
		put rss-$i $(routers_sum $i rss_kb)
		put fds-$i $(routers_sum $i routers_fds)
		put idle-$i $(routers_idle $i 20)
		t0=$(now_ms)
		ctl $i status >/dev/null || fail "status"
		put status-$i $(($(now_ms) - t0))
		t0=$(now_ms)
		ctl $i --json status >/dev/null || fail "status as JSON"
		put status-json-$i $(($(now_ms) - t0))
		t0=$(now_ms)
		ctl $i status r1 >/dev/null || fail "status of one"
		put status-one-$i $(($(now_ms) - t0))
		put held-$i $(ctl $i --json stats r1 | jq .control.longest_us)
	done
	lab_exec c2 "$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c2/control.sock" --json events --lines 0 --follow >"$LAB_DIR/events" &
	LAB_PIDS+=($!)
	disown $!
	routers_crash
	wait_for "controller 2 has taken over" 60 routers_said 2 $n "-> ACTIVE: "
	wait_for "controller 2 says so" 60 routers_are 2 $n '.role == "ACTIVE"'
	read -r first last <<<"$(jq -rs --argjson crash $LAB_CRASHED '[.[] | select(.type == "role" and (.text | test("ACTIVE"))) |
		(.time[0:19] + "Z" | fromdateiso8601) * 1000 + (.time[20:23] | tonumber) - $crash] | "\(min) \(max)"' "$LAB_DIR/events")"
	put takeover-first $first
	put takeover-last $last
	wait_for "all have announced themselves" 300 routers_told 2
	put announced $(($(routers_stat 2 longest_wait_us) / 1000))
	put frame-us $(($(routers_stat 2 spent_us) / $(routers_stat 2 sends)))
}

runs_routers() {
	local n
	for n in $ROUTERS_SIZES; do measure routers-$n routers $n; done
}
routers_row() { # LABEL KEY
	local n
	printf '%-52s' "$1"
	for n in $ROUTERS_SIZES; do printf ' %24s' "$(median routers-$n.$2)"; done
	echo
}
report_routers() {
	local n
	printf '\nMany routers in one daemon, without flows, in groups of %s, %s legs on a bridge\n%-52s' $ROUTERS_PER_GROUP $ROUTERS_PER_BRIDGE ""
	for n in $ROUTERS_SIZES; do printf ' %24s' "$n"; done
	echo
	routers_row "start of all, until the last is ACTIVE, ms" start
	routers_row "  longest wait for its first announcement, ms" announced-start
	routers_row "start of the other one, until the last is ready, ms" ready
	routers_row "RSS of all processes, KB: ACTIVE" rss-1
	routers_row "  STANDBY" rss-2
	routers_row "descriptors: ACTIVE" fds-1
	routers_row "  STANDBY" fds-2
	routers_row "idle, % of one core: ACTIVE" idle-1
	routers_row "  STANDBY" idle-2
	routers_row "vrouterctl status, ms: ACTIVE" status-1
	routers_row "  STANDBY" status-2
	routers_row "  of all, as JSON: ACTIVE" status-json-1
	routers_row "  STANDBY" status-json-2
	routers_row "  of one: ACTIVE" status-one-1
	routers_row "  STANDBY" status-one-2
	routers_row "  the loop was held by a part of it, us: ACTIVE" held-1
	routers_row "  STANDBY" held-2
	routers_row "crash: the first is ACTIVE after, ms" takeover-first
	routers_row "  the last" takeover-last
	routers_row "  longest wait for its first announcement" announced
	routers_row "  a VIP's announcement, us" frame-us
	routers_row "stolen, %" steal
}
