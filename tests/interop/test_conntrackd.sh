#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stock conntrackd is the other side of the replication: every flow that one of the two has is with the
# other one, whoever is the source, with its caches and without, also while datagrams are lost.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/../lab/rival.sh"
. "$(dirname "$0")/conntrackd.sh"

N=5000
# the flows from $2 on, $3 of them, and none of those before, of 2 N in all
has_just() { [ "$(flows "$1" have "$3" "$2")" = "$3" ] && [ "$(flows "$1" have "$2" 0)" = 0 ]; }
told() { rival_ctl 2 -e 2>/dev/null | grep -c 'src=10.20.0.101'; }
told_are() { [ "$(told)" = "$1" ]; }
lossy() { lab_loss c2-sync "$1" "udp dport 3780"; }
all_of() { # WHAT: the source is CONTROLLER $2, its flows are changed while datagrams are lost
	flows "$2" fill $N $N >/dev/null
	flows "$2" drop $((N / 2)) >/dev/null
	wait_for "$1" 15 "${@:3}"
}

lab_up
lab_controller 1
lab_controller 2
lab_sync_link 1
rival_router 2
ELECTION=external

note "conntrackd is the source: we are ready when we have all"
stock_start
flows 2 fill $N >/dev/null
ours
lab_start 1
wait_for "ready" 15 ready
has_flows 1 $N || fail "ready with $(flows 1 have $N) of $N flows"

note "the same with 5 % of the datagrams lost"
lossy 5
all_of "all of them are here" 2 has_just 1 $((N / 2)) $((3 * N / 2))
[ "$(counter rx_gaps)" -gt 0 ] || fail "nothing was lost"

note "we are the source: its external cache has all"
ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
wait_for "all of them are in its cache" 15 told_are $((3 * N / 2))
flows 1 drop $((N / 2)) $N >/dev/null
flows 1 fill $((N / 4)) >/dev/null
wait_for "what changed is in its cache" 15 told_are $((5 * N / 4))
[ "$(counter tx_resent)" -gt 0 ] || fail "nothing had to be sent again"
[ "$(ctl 1 --json peers | jq -r '.[0].peers[0] | .name + " " + .phase')" = "10.20.1.12 unknown" ] ||
	fail "peers: $(ctl 1 --json peers)"
lossy 0

note "it comes back without an external cache: its kernel has all"
stock_end
lab_in c2-vr "$TRAFFIC" flush
STOCK_OPTIONS="DisableExternalCache on"
stock_start
wait_for "all of them are in its kernel" 15 has_flows 2 $((N / 4))
has_flows 2 $((N / 2)) $((N / 2)) && has_flows 2 $((N / 2)) $((3 * N / 2)) || fail "some are missing"

N=2000
note "NOTRACK, without any cache, by unicast, without checksums"
lab_stop 1 || fail "vrouterd ended with $?"
stock_end
lab_in c2-vr "$TRAFFIC" flush
STOCK_MODE=NOTRACK STOCK_OPTIONS=$'DisableExternalCache on\nDisableInternalCache on' OUR_MODE=notrack
STOCK_CHANNEL='UDP {
	IPv4_address 10.20.1.12
	IPv4_Destination_Address 10.20.1.11
	Port 3780
	Interface sync
	RcvSocketBuffer 4194304
	Checksum off
}'
OUR_EXTRA='checksum = false'
ours 'peers = { "10.20.1.12" }'
stock_start
lab_start 1
wait_for "ready" 15 ready
lab_in c1-vr "$TRAFFIC" flush # before anybody is told: nobody asks again for what a full socket loses
ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
flows 1 fill $N >/dev/null
wait_for "all of them are in its kernel" 15 has_flows 2 $N
ctl 1 demote vrouter >/dev/null
wait_for "ready" 15 ready
# (not their end: without internal cache it ends itself when the first one does)
flows 2 fill $((N / 2)) $N >/dev/null
wait_for "what it has is here" 15 has_flows 1 $((N / 2)) $N

note "the same with an external cache, and still no internal one"
stock_end
STOCK_OPTIONS="DisableInternalCache on"
stock_start
ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
flows 1 fill 100 $((2 * N)) >/dev/null
wait_for "all of them are in its cache" 15 told_are $((3 * N / 2 + 100))
ctl 1 demote vrouter >/dev/null
wait_for "ready" 15 ready
flows 2 fill 100 $((3 * N)) >/dev/null
wait_for "what it has is here" 15 has_flows 1 100 $((3 * N))

note "ALARM, over IPv6: what is lost comes by itself"
lab_stop 1 || fail "vrouterd ended with $?"
stock_end
STOCK_MODE=ALARM STOCK_OPTIONS=$'RefreshTime 1\nCacheTimeout 30' OUR_MODE=alarm
STOCK_CHANNEL='Multicast {
	IPv6_address ff02::50
	Group 3780
	Interface sync
}'
OUR_EXTRA='refresh = 1'
for c in c1 c2; do lab_in "$c-vr" "$TRAFFIC" flush; done
lossy 5
flows 2 fill 200 >/dev/null
ours 'group = "ff02::50"'
stock_start
lab_start 1
wait_for "all of them are here" 20 has_flows 1 200
wait_for "ready" 15 ready
ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
flows 1 fill 200 200 >/dev/null
wait_for "all of them are in its cache" 20 told_are 400
note "passed"
