#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A pair that elects by unicast, with one list of peers on both: no multicast is sent, every TCP flow survives a crash,
# and a killed core's guard resigns to the peer. Who is not listed is counted and not heeded, until a reload lists it. A
# list without anybody else is an alarm.
. "$(dirname "$0")/lib.sh"

unknown() { [ "$(ctl "$1" --json stats | jq '.routers[0].vrrp.rx_refused.unknown_peer')" -gt 0 ]; }
reload() { # N PEERS
	ELECTION_EXTRA="veto = false peers = { $2 }"
	lab_config "$1"
	ctl "$1" reload >/dev/null || fail "reload: exit $?"
}
both='"10.20.0.11", "10.20.0.12"'
resigned_to() { ctl "$1" --json events | jq -r '.reason // ""' | grep "^10.20.0.1$2 resigned" >/dev/null; }

lab_standard 2
lab_exec n1 tcpdump -i eth0 -n --immediate-mode -l ip proto 112 and multicast >"$LAB_DIR/vrrp.seen" 2>"$LAB_DIR/tcpdump.log" &
LAB_PIDS+=($!)
disown $!
wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/tcpdump.log"

note "controller 1 does not list controller 2: both are ACTIVE, and it says why"
ADVERT=50 ELECTION_EXTRA='veto = false peers = { "10.20.0.11", "10.20.0.99" }'
lab_start 1
wait_for "controller 1 is ACTIVE" 20 is_active 1
ELECTION_EXTRA="veto = false peers = { $both }"
lab_start 2
wait_for "controller 1 hears somebody whom it does not know" 20 unknown 1
reload 1 "$both"
wait_for "one ACTIVE, one ready" 30 settled
for i in 1 2; do
	[ "$(status $i '.election.address + " " + (.election.peers | join(","))')" = "10.20.0.1$i 10.20.0.1$((3 - i))" ] ||
		fail "controller $i: $(status $i .election)"
done

note "the ACTIVE's core is killed: its guard resigns to the peer"
traffic tcp n1 tcp-flows --target $HOST:7 --count 100 --interval-us 1000
wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) new=$((3 - $(the_active)))
kill -KILL "${LAB_DAEMON[$old]}"
wait "${LAB_DAEMON[$old]}" 2>/dev/null
wait_for "the other one is ACTIVE" 20 is_active "$new"
resigned_to "$new" "$old" || fail "not because of a resignation: $(ctl "$new" --json events | tail -n 3)"
all_alive tcp

note "it comes back, and the ACTIVE crashes"
lab_run "$old"
wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) new=$((3 - $(the_active)))
lab_crash "$old"
wait_for "the other one is ACTIVE" 20 is_active "$new"
all_alive tcp

note "a list without anybody else"
reload "$new" "\"10.20.0.1$new\""
wait_for "an alarm" 10 has_alarm "$new" no-peer
reload "$new" "$both"
wait_for "the alarm ends" 10 not has_alarm "$new" no-peer
ELECTION_EXTRA=
lab_config "$new"
ctl "$new" reload >"$LAB_DIR/reload.txt" 2>&1 && fail "a change to multicast was taken"
grep -q 'election: peers' "$LAB_DIR/reload.txt" || fail "the refusal: $(<"$LAB_DIR/reload.txt")"
! [ -s "$LAB_DIR/vrrp.seen" ] || fail "advertisements by multicast: $(head -3 "$LAB_DIR/vrrp.seen")"
