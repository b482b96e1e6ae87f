#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong with a replica shows: in `peers` what it holds and what repairs cost, in `status` an
# alarm that begins and ends. Each ends with equal tables.
. "$(dirname "$0")/lib.sh"

peer() { ctl "$1" --json peers | jq -r ".[0].peers[0] | $2"; }
self() { ctl "$1" --json peers | jq -r ".[0].self | $2"; }
was_repaired() { [ "$(peer "$1" ".last_repair.$2")" "$3" "$4" ]; }
stat_of() { ctl "$1" --json stats | jq ".routers[0].replication.$2"; }

SYNC_INTERFACE='"sync"'
lab_up
lab_controller 1
lab_controller 2
lab_sync_link 1
lab_sync_link 2
lab_start 1
wait_for "controller 1 ACTIVE" 20 is_active 1
FLOWS=(--target $HOST:1000 --source 10.20.0.101 --via $PUBLIC_VIP)
lab_in c1-vr "$TRAFFIC" fill "${FLOWS[@]}" --count 3000 >/dev/null
lab_start 2
wait_for "controller 2 ready" 30 is_ready 2

note "what a join cost"
wait_for "the cost of the join" 10 was_repaired 1 listed -ge 3000
wait_for "its flows" 10 eval '[ "$(peer 1 .flows)" -ge 3000 ]'
[ "$(peer 1 .percent)" = 100 ] || fail "not complete: $(peer 1 .)"
[ "$(peer 1 .last_repair.why)" = "another stream" ] || fail "why: $(peer 1 .last_repair)"
[ "$(peer 1 .last_repair.bytes)" -gt 30000 ] || fail "bytes: $(peer 1 .last_repair)"
[ "$(self 2 .last_repair.listed)" = "$(peer 1 .last_repair.listed)" ] || fail "self: $(self 2 .)"
note "$(ctl 1 peers | grep complete | head -n 1)"

note "a reply tuple that somebody else holds at the replica"
nat=$((1024 + 3000)) # of the next flow; vr-traffic counts from port 1024
lab_in c2-vr conntrack -I -p tcp -s 10.20.0.77 -d $HOST --sport 7 --dport 1000 -r $HOST -q $PUBLIC_VIP \
	--reply-port-src 1000 --reply-port-dst "$nat" --state ESTABLISHED -u SEEN_REPLY,ASSURED --timeout 1000 \
	>/dev/null 2>&1 || fail "an entry of the replica's own"
clashes=$(stat_of 2 apply_clash)
lab_in c1-vr "$TRAFFIC" fill "${FLOWS[@]}" --first 3000 --count 1 >/dev/null
wait_for "the alarm" 10 has_alarm 2 flow-clash
[ "$(stat_of 2 apply_clash)" -gt "$clashes" ] || fail "the clash was not counted"
! lab_in c2-vr conntrack -L -p tcp -s 10.20.0.77 2>/dev/null | grep -q . || fail "the replica's own entry won"
wait_for "equal tables" 20 same_table 1 2
wait_for "the end of the alarm" 30 not has_alarm 2 flow-clash

note "a link that takes nothing"
lab_ip c2 link set sync down
wait_for "the alarm" 20 has_alarm 2 send-failed
lab_in c1-vr "$TRAFFIC" drop "${FLOWS[@]}" --count 500 >/dev/null
lab_ip c2 link set sync up
wait_for "controller 2 ready" 30 is_ready 2
wait_for "equal tables" 20 same_table 1 2
wait_for "the end of the alarm" 30 not has_alarm 2 send-failed

note "a bound below what the source holds"
max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
restore() { echo "$max" >/proc/sys/net/netfilter/nf_conntrack_max; }
trap 'restore; exit 1' INT TERM
echo 2000 >/proc/sys/net/netfilter/nf_conntrack_max || fail "nf_conntrack_max"
within 20 has_alarm 2 table-too-small && within 20 has_alarm 1 table-too-small
rc=$?
restore
[ $rc = 0 ] || fail "no alarm"
ctl 1 --json events | jq -e 'select(.text == "alarm") | select(.reason | endswith("source (controller-2)"))' >/dev/null ||
	fail "the event does not name the replica: $(ctl 1 --json events | tail -n 3)"
wait_for "the end of the alarm" 20 not has_alarm 2 table-too-small
wait_for "equal tables" 20 same_table 1 2
note "passed"
