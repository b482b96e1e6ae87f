#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Controller 2 has the old stack, keepalived and conntrackd. The role goes to vrouterd and back, by plan and by
# a crash, and connections live on; and what FTP's helper expects comes.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/../lab/rival.sh"
. "$(dirname "$0")/../lab/ftp.sh"
. "$(dirname "$0")/conntrackd.sh"

ELECTION_EXTRA='veto = false' # there is nobody to ask
it_holds() { has_vip 2 && ! has_vip 1; }
expects() { ctl 1 --json stats | jq -e "[.. | objects | select(has(\"events_own\"))][0].$1 >= $2" >/dev/null; }
it_expects() { rival_ctl 2 -e expect 2>/dev/null | grep -q 'dport=50000'; }
we_hold() { has_vip 1 && is_active 1; }
committed() { [ "$(count 2)" -ge "$1" ]; }

lab_standard 2
lab_sync_link 1
rival_router 2
stock_start
rival_keepalived 2
wait_for "keepalived has the VIPs" 20 it_holds
use_helper 2
traffic control h1 echo-server --listen "$HOST:21"
traffic data h1 echo-server --listen "$HOST:50000"
talk ftp n1 "$HOST" 21
echoes ftp "USER nobody"
echoes ftp "227 Entering Passive Mode (${HOST//./,},195,80)"
traffic talk n1 tcp-flows --target $HOST:7 --count 200 --interval-us 2000
traffic udp n1 udp-flows --target $HOST:7 --count 100
traffic idle n1 tcp-flows --target $HOST:7 --count 200

note "we come, have all flows, and bid more"
ours
lab_start 1
use_helper 1
wait_for "we hold the VIPs" 20 we_hold
all_alive talk udp idle
expects applied_expect 1 || fail "we do not expect the data connection: $(ctl 1 --json stats)"
talk fetched n1 "$HOST" 50000
echoes fetched "data that the other one saw announced"
echoes ftp "227 Entering Passive Mode (${HOST//./,},195,80)"
wait_for "it expects the next one" 10 it_expects

note "we crash: it takes over"
traffic_end talk # it moves VIPs before it commits: who talks meanwhile is reset
wait_for "it knows all of them" 15 rival_synced 2 300
lab_crash 1
wait_for "keepalived has the VIPs" 20 has_vip 2
wait_for "the flows are in its kernel" 10 committed 300
all_alive udp idle

note "we come back: we take over with all flows again"
traffic talk2 n1 tcp-flows --target $HOST:7 --count 200 --interval-us 2000
lab_revive 1
lab_start 1
wait_for "we hold the VIPs" 20 we_hold
all_alive talk2 udp idle

note "it crashes: nothing happens; it comes back, and follows"
stock_end
all_alive talk2
stock_start
wait_for "it knows all of them" 15 rival_synced 2 500
note "passed"
