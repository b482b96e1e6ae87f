#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fast detection: adverts of 600 ms, so VRRP alone needs 2 s, and heartbeats. A crash is known by missing
# heartbeats and one advertisement that is late: the reason says so. The ACTIVE's replication process alone,
# stopped or killed, is no crash, and neither is the loss of all replication links; and what is said of
# missing heartbeats counts no more when an advertisement is heard. The ACTIVE's own loss of carrier is
# one: it leaves at once.
. "$(dirname "$0")/lib.sh"

worker_of() { pgrep -P "${LAB_DAEMON[$1]}" -f -- --sync-worker; }
follows() { is_active "$1" && is_ready "$2"; }
beats() { [ "$(status "$1" .election.heartbeats)" = "$2" ]; }
counter() { ctl "$1" --json stats | jq ".routers[0].$2"; }
adverts() { counter "$1" vrrp.rx; }
heard_since() { [ "$(adverts "$1")" -gt "$2" ]; }
reason() { status "$1" .reason; }
# An advertisement after the heartbeats went missing: nobody took over.
no_takeover() { # ACTIVE STANDBY
	local before
	before=$(adverts "$2")
	wait_for "an advert goes by" 20 heard_since "$2" "$before"
	is_active "$1" && [ "$(status "$2" .role)" = STANDBY ] || fail "controller $2 took over: $(reason "$2")"
}

# the election has a link of its own (sync), so that its carrier can go; replication has two
lab_standard 2
for i in 1 2; do lab_sync_link $i; done
ADVERT=600 SYNC_INTERFACE='"br-mgmt", "sync"' ELECTION_EXTRA='fast-detect = 3  fast-interval = 10'
for i in 1 2; do
	lab_config $i
	sed -i 's/mode = "vrrp"  interface = "br-mgmt"/mode = "vrrp"  interface = "sync"/' "$LAB_DIR/c$i/vrouterd.conf"
done
lab_run 1
wait_for "controller 1 ACTIVE" 20 is_active 1
lab_run 2
wait_for "controller 2 ready" 20 follows 1 2
wait_for "heartbeats are heard" 10 beats 2 heard
beats 1 sent || fail "the ACTIVE sends none"

note "the replication process of the ACTIVE stands still"
kill -STOP "$(worker_of 1)"
wait_for "heartbeats are missed" 10 beats 2 missing
no_takeover 1 2
kill -CONT "$(worker_of 1)"
wait_for "heartbeats are heard again" 10 beats 2 heard

note "it is killed"
kill -KILL "$(worker_of 1)"
wait_for "heartbeats are missed, and heard again" 20 eval '[ "$(counter 2 replication.beats_missing)" -ge 2 ] && beats 2 heard'
no_takeover 1 2
wait_for "controller 2 ready" 20 follows 1 2

note "all replication links are cut"
for i in mgmt sync; do lab_loss c1-$i 100 "udp dport 3781"; done
wait_for "heartbeats are missed" 10 beats 2 missing
no_takeover 1 2
lab_loss c1-sync 0
wait_for "one link is enough" 10 beats 2 heard
lab_loss c1-mgmt 0

note "the ACTIVE loses the carrier of its election"
lab_cut c1-sync
wait_for "controller 1 leaves" 10 is_faulty 1
wait_for "controller 2 ACTIVE" 10 is_active 2
[[ $(reason 2) = "heartbeats missing on all links, no advertisement from 10.20.1.11"* ]] || fail "reason: $(reason 2)"
lab_mend c1-sync
wait_for "controller 1 ready" 20 follows 2 1
wait_for "it hears heartbeats" 10 beats 1 heard
wait_for "and advertisements" 10 eval '[ "$(adverts 1)" -gt 0 ]'

note "the ACTIVE dies"
lab_loss c2-sync 100 # its guard would resign
lab_crash 2
wait_for "controller 1 ACTIVE" 10 is_active 1
[[ $(reason 1) = "heartbeats missing on all links, no advertisement from 10.20.1.12"* ]] || fail "reason: $(reason 1)"
[ "$(counter 1 vrrp.fast_takeovers)" = 1 ] || fail "takeovers: $(counter 1 vrrp)"
note "passed"
