#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The controller with the highest priority reboots, and its daemon starts before its links work: it
# hears nobody and becomes ACTIVE with an empty table. When the links come it must leave to the one
# that holds the flows, follow it, and only then take the role back. It boots twice like that, so
# that its stream ranks above that of the holder and the third controller follows it for a moment.
. "$(dirname "$0")/lib.sh"

bids_one() { [ "$(status 1 .election.blind)" = true ]; }
others_settled() { is_active 2 && is_ready 3; }
took_back() { is_active 1 && is_ready 2 && is_ready 3; }
boots_alone() {
	local ns
	for ns in $(lab_namespaces "$LAB-c1-"); do ip netns del "$ns"; done
	lab_start 1
	wait_for "controller 1 ACTIVE, too" 10 is_active 1
}

PREEMPT=true
lab_standard 3
lab_start 1 2 3
wait_for "one ACTIVE, two ready" 30 settled
lab_crash 1
wait_for "controller 2 ACTIVE, 3 ready" 20 others_settled
watch_resets public h1 eth0
watch_resets node n1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count 300 --interval-us 500
traffic udp n1 udp-flows --target $HOST:7 --count 100
traffic ping n1 ping-flows --target $HOST:0 --count 30
all_alive tcp udp ping

note "controller 1 boots twice, its links do not work yet"
boots_alone
lab_crash 1
boots_alone
bids_one || fail "controller 1 knows nothing and does not bid 1"
ctl 1 status | grep -q "bids 1 until a replica follows" || fail "the status does not say so"

note "its links come"
lab_mend c1-mgmt
lab_mend c1-ex
wait_for "controller 1 leaves" 20 not is_active 1
all_alive tcp udp ping
left=$(grep "ACTIVE -> STANDBY" "$LAB_DIR/c1.log" | tail -1)
note "controller 1: ${left#*: }"
[[ $left == *", we bid 1" ]] || fail "it left for another reason"

note "it becomes complete, and takes the role back"
wait_for "controller 1 ACTIVE, the others ready" 40 took_back
all_alive tcp udp ping
! bids_one || fail "controller 1 holds the table and bids 1"
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"
note "passed"
