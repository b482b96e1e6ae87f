# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
# A core that ends and another one that adopts what it left, judged: what test_adopt.sh and test_upgrade.sh have
# in common. Source it.
#
# Two controllers with two routers: "vrouter" has crash = "adopt" and carries the flows, "other" has "withdraw".
# Flows have to live whatever happens. That nobody noticed is judged only where the machine did not stand still
# meanwhile: after three missed advertisements the role rightly moves. Then the attempt is made again.
. "$(dirname "$0")/lib.sh"
ADVERT=300 ELECTION_EXTRA='veto = false' ROUTER_EXTRA='crash = "adopt"  adopt-timeout = 30'

# Another router on the same bridges, with the other policy.
config() {
	lab_config "$1"
	cat >>"$LAB_DIR/c$1/vrouterd.conf" <<-END
		router "other" {
		  namespace  = "$LAB-c$1-other"
		  management { attach = "bridge:br-mgmt"  interface = "vr-mgmt"  vip = "10.20.0.2/24" }
		  public     { attach = "bridge:br-ex"    interface = "vr-ex"    vip = "198.18.0.2/24" }
		  election   { mode = "vrrp"  interface = "br-mgmt"  vrid = 52  advert-interval = $ADVERT
		               priority = $((160 - 10 * $1))  preempt = false }
		}
	END
}
# From a file of its own, so that it can be replaced.
start() { # CONTROLLER
	lab_exec "c$1" "$LAB_DIR/vrouterd" --config "$LAB_DIR/c$1/vrouterd.conf" --foreground >>"$LAB_DIR/c$1.log" 2>&1 &
	LAB_DAEMON[$1]=$!
	LAB_PIDS+=($!)
}
install_as() { cp "$1" "$LAB_DIR/new" && mv "$LAB_DIR/new" "$LAB_DIR/vrouterd"; }
kill_core() {
	kill -KILL "${LAB_DAEMON[$1]}"
	{ wait "${LAB_DAEMON[$1]}"; } 2>/dev/null
}
other_is() { [ "$(ctl "$1" --json status other 2>/dev/null | jq -r '.routers[0].role' 2>/dev/null)" = "$2" ]; }
other_rests() { [ "$(ctl "$1" --json status other | jq -r '.routers[0].state')" = standby ]; }
sync_pid() { ctl "$1" --json stats 2>/dev/null | jq .replication_process.pid; }
guard_pid() { ctl "$1" --json stats 2>/dev/null | jq .guard.pid; }
announcements() { ctl "$1" --json stats vrouter | jq .routers[0].network.announcements; }
role_events() { ctl "$1" --json events | jq -c 'select(.type == "role" and .router == "vrouter")' | wc -l; }
another_guard() { local g; g=$(guard_pid "$a") && [ -n "$g" ] && [ "$g" != "$guard" ]; }

# For how long the machine let nobody of the daemon's priority run.
watch_stalls() {
	chrt -r 2 perl -MTime::HiRes=time,sleep -e '$| = 1; my ($t, $max) = (time, 0); while (1) { sleep 0.01; my $n = time;
		if ($n - $t > $max) { $max = $n - $t; printf "%d\n", $max * 1000 } $t = $n }' >"$LAB_DIR/stalls" 2>/dev/null &
	STALLS=$!
	LAB_PIDS+=($!)
	disown $!
}
stood_still() { cat "$LAB_DIR"/c?.log | grep -c 'stood still for'; }
# The longest, or that a replication process got so little time that it was taken for dead, or a core so little
# that it says so.
disturbance() {
	local stall
	[ "$(stood_still)" = "$stood" ] || echo "a core stood still"
	[ "$(cat "$LAB_DIR"/c?.log | grep -c 'does not answer')" = "$hung" ] || echo "replication stood still"
	stall=$(tail -n 1 "$LAB_DIR/stalls")
	[ "${stall:-0}" -lt 200 ] || echo "the machine stood still for $stall ms"
}

watch_vips() {
	local p
	for p in mgmt ex; do
		ip -n "$LAB-c$a-vr" -o monitor address dev "vr-$p" >"$LAB_DIR/monitor-$p" 2>/dev/null &
		WATCHES+=($!)
		LAB_PIDS+=($!)
		disown $!
	done
}
WATCHES=() STALLS=

# What may not change while the core is away, on the ACTIVE ($a) and on the other one ($b).
remember() {
	wait_for "one ACTIVE, one ready" 30 settled
	a=$(the_active) || return 1
	b=$((3 - a))
	other_is "$b" ACTIVE || ctl "$a" demote other >/dev/null || return 1
	wait_for "the routers on two controllers" 10 other_is "$b" ACTIVE
	wait_for "its former ACTIVE has left" 10 other_rests "$a"
	term=$(status "$a" .term) since=$(status "$a" .since) sync=$(sync_pid "$a") guard=$(guard_pid "$a")
	events=$(role_events "$b") hung=$(cat "$LAB_DIR"/c?.log | grep -c 'does not answer') stood=$(stood_still)
	[ ${#WATCHES[@]} = 0 ] || kill "${WATCHES[@]}" $STALLS 2>/dev/null
	WATCHES=()
	watch_vips
	watch_stalls
}
# What is not as it was, if anything.
differs() {
	[ "$(status "$a" '.role + " " + (.adopted | tostring)')" = "ACTIVE true" ] || echo "not adopted"
	[ "$(role_events "$b")" = "$events" ] || echo "the role of the other controller has changed"
	[ "$(status "$a" .since)" = "$since" ] || echo "ACTIVE since another time"
	! grep -qi deleted "$LAB_DIR"/monitor-* || echo "VIPs went"
	[ "$(announcements "$a")" = 0 ] || echo "VIPs were announced"
	[ "$1" = replaced ] || [ "$(status "$a" .term)" = "$term" ] || echo "another term"
	[ "$1" = replaced ] || [ "$(sync_pid "$a")" = "$sync" ] || echo "another replication process"
}
# attempt TEXT kept|replaced COMMAND: the ACTIVE's core ends and another one begins, and nothing happens.
attempt() {
	local text=$1 stream=$2 try what why
	shift 2
	for try in 1 2 3 4; do
		note "$text, controller $(the_active)"
		remember && "$@"
		wait_for "$text: another guard" 15 another_guard
		wait_for "$text: one ACTIVE, one ready" 30 settled
		all_alive tcp udp
		[ "$(resets public)/$(resets node)" = 0/0 ] || fail "$text: connections were reset"
		what=$(differs "$stream")
		[ -n "$what" ] || return 0
		why=$(disturbance)
		[ -n "$why" ] || fail "$text: $what"
		note "$what, but $why: again"
	done
	fail "$text: $what"
}

adopt_setup() {
	local i
	lab_standard 2
	install_as "$LAB_BUILD/daemon/vrouterd"
	for i in 1 2; do config $i; start $i; done
	for i in 1 2; do wait_for "controller $i answers" 10 answers $i; done
	wait_for "one ACTIVE, one ready" 30 settled
	watch_resets public h1 eth0
	watch_resets node n1 eth0
	traffic tcp n1 tcp-flows --target $HOST:7 --count 200 --interval-us 500
	traffic udp n1 udp-flows --target $HOST:7 --count 50
	traffic probe n1 probe --target $HOST:7
	all_alive tcp udp
}
