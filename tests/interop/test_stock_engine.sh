#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034
# sync { engine = "conntrackd" }: two controllers whose flows Debian's conntrackd replicates, driven by
# the daemon. Flows survive switchovers by plan and a crash; a command that fails is seen; a conntrackd
# that is killed is started again; flows that a commit cannot put into the kernel are told. Roles are moved by hand
# (election mode "external"), as there is no veto without our replication: a machine that stands still for a second
# would move them, too. And: the stock program runs with what `vrouterctl export` writes.
. "$(dirname "$0")/../lab/lib.sh"
for tool in conntrackd conntrack; do command -v $tool >/dev/null || skip "$tool is not installed"; done

N=5300
stock() { status "$1" ".conntrackd.$2"; }
counter() { ctl "$1" --json stats | jq -r ".routers[0].conntrackd[\"$2\"].$3"; }
is_counted() { [ "$(counter "$1" "$2" "$3")" -ge "$4" ]; }
cached() {
	lab_in "c$1-vr" conntrackd -C "$LAB_DIR/c$1/services/vrouter.conntrackd/config" -s cache 2>/dev/null |
		awk '/^cache:external/ { e = 1 } e && /active objects/ { print $NF; exit }'
}
is_left_out() { [ "$(ctl "$1" --json stats | jq -r .routers[0].conntrackd.left_out)" = "$2" ]; }
has_cached() { [ "$(cached "$1")" -ge "$2" ]; }
has_event() { ctl "$1" events --lines 200 | grep "$2" >/dev/null; }
is_new() { [ "$(stock "$1" state)" = up ] && [ "$(stock "$1" pid)" != "$2" ]; }
# Three flows of that source on N, translated to the same ports whatever the source.
clash() {
	local i
	for i in 1 2 3; do
		lab_in "c$1-vr" conntrack -I -p udp -s "$2" -d $HOST --sport $i --dport 53 -t 300 -u SEEN_REPLY \
			-n $PUBLIC_VIP:$((50000 + i)) >/dev/null 2>&1 || fail "conntrack -I"
	done
}
hand_over() { # FROM TO
	wait_for "$2 is ready" 20 is_ready "$2"
	ctl "$1" demote vrouter >/dev/null || fail "demote"
	ctl "$2" promote vrouter >/dev/null || fail "promote"
	committed=$(count "$2")
	[ "$committed" -ge $N ] || fail "the VIPs came with $committed of $N flows in the kernel"
	wait_for "$2 is ACTIVE" 20 is_active "$2"
	all_alive tcp udp
	wait_for "$2: committed, flushed, filled and sent" 10 is_counted "$2" bulk runs 1
	[ "$(counter "$2" commit failed)" = 0 ] || fail "the commit failed"
}

ELECTION=external SYNC_KEY='' SYNC_TO='group = "225.0.0.50"  engine = "conntrackd"'
lab_standard 2
lab_start 1 2
both_ready() { is_ready 1 && is_ready 2; }
wait_for "both are ready" 40 both_ready
a=1 b=2
ctl "$a" promote vrouter >/dev/null || fail "promote"
wait_for "$a is ACTIVE" 20 is_active "$a"
lab_in "c$a-vr" "$TRAFFIC" fill --target "$HOST:80" --source 10.20.0.101 --via $PUBLIC_VIP --count 5000 >/dev/null ||
	fail "fill"
clash "$a" 10.20.0.102
traffic tcp n1 tcp-flows --target "$HOST:7" --count 200 --interval-us 1000
traffic udp n1 udp-flows --target "$HOST:7" --count 100
watch_resets node n1 eth0
wait_for "the flows are in the other one's cache" 20 has_cached "$b" $N

note "a switchover by plan: $a to $b, in whose kernel others have what three flows are translated to"
clash "$b" 10.20.0.103
hand_over "$a" "$b"
wait_for "three are told to be left out" 10 is_left_out "$b" 3
[ "$(stock "$b" left_out)" = 3 ] || fail "status does not tell"
ctl "$b" status vrouter | grep -q '; 3 flows could not be committed' || fail "status does not show it"
has_event "$b" "3 flows could not be committed" || fail "no event"
grep -q '3 flows could not be committed: they are missing' "$LAB_DIR/c$b.log" || fail "nothing in the log"
wait_for "timers shortened, table asked for" 10 is_counted "$a" request runs 1
wait_for "timers shortened" 10 is_counted "$a" shorten-timers runs 1
[ "$(counter "$a" shorten-timers failed)" = 0 ] || fail "-t failed"
wait_for "the flows are in the other one's cache" 20 has_cached "$a" $N

note "back; $b's conntrackd does not answer when it is to shorten timers"
rm "$LAB_DIR/c$b/services/vrouter.conntrackd/ctl"
hand_over "$b" "$a"
wait_for "the failure is counted" 20 is_counted "$b" shorten-timers failed 1
has_event "$b" "a command of conntrackd failed" || fail "no event"
[ "$(stock "$b" failed_command)" != null ] || fail "status does not tell"

note "$b's conntrackd is killed"
pid=$(stock "$b" pid)
kill -KILL "$pid" 2>/dev/null
wait_for "a new one is up" 20 is_new "$b" "$pid"
has_event "$b" "conntrackd is down" || fail "no event about its end"
wait_for "one ACTIVE, one ready" 20 settled
wait_for "the flows are in its cache again" 20 has_cached "$b" $N

note "$b gets another filter: its conntrackd is started anew, and asks again"
pid=$(stock "$b" pid)
SYNC_EXTRA='filter { ignore-addresses = "10.20.0.199" }' lab_config "$b"
ctl "$b" reload >/dev/null || fail "reload: exit $?"
wait_for "a new one is up" 20 is_new "$b" "$pid"
wait_for "one ACTIVE, one ready" 20 settled
wait_for "the flows are in its cache again" 20 has_cached "$b" $N

note "crash of $a"
lab_crash "$a"
ctl "$b" promote vrouter >/dev/null || fail "promote"
wait_for "$b is ACTIVE" 20 is_active "$b"
all_alive tcp udp
[ "$(resets node)" = 0 ] || fail "$(resets node) resets"

note "export"
lab_in "c$b" "$LAB_BUILD/daemon/vrouterctl" export conntrackd --config "$LAB_DIR/c$b/vrouterd.conf" \
	--dir "$LAB_DIR" >"$LAB_DIR/exported.conf" || fail "export"
lab_exec "c$b" conntrackd -C "$LAB_DIR/exported.conf" >"$LAB_DIR/exported.log" 2>&1 &
LAB_PIDS+=($!)
disown $!
exported_answers() { lab_in "c$b" conntrackd -C "$LAB_DIR/exported.conf" -s >/dev/null 2>&1; }
wait_for "the stock program runs with the exported file" 10 exported_answers
note "done"
