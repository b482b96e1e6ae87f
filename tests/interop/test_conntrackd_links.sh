#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stock conntrackd on two dedicated links, over IPv6, of which one after the other is lost; and over TCP, over IPv6
# and IPv4, whose connections end and are made anew. Every flow that one of the two has is with the other one.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/../lab/rival.sh"
. "$(dirname "$0")/conntrackd.sh"

N=500
told_are() { [ "$(rival_ctl 2 -e 2>/dev/null | grep -c 'src=10.20.0.101')" = "$1" ]; }
uses() { grep 'is used now' "$LAB_DIR/c1.log" | tail -n 1 | grep -qF "[$1]: is used now"; }
unicast() { # KIND INTERFACE OURS ITS PORT [Default]
	local v=4
	[[ $3 != *:* ]] || v=6
	printf '%s %s {\nIPv%d_address %s\nIPv%d_Destination_Address %s\nPort %s\nInterface %s\nChecksum on\n}\n' \
		"$1" "${6:-}" $v "$4" $v "$3" "$5" "$2"
}
over_tcp() { # OURS ITS
	STOCK_CHANNEL=$(unicast TCP sync "$1" "$2" 3780 Default)
	ours "peers = { \"$1\", \"$2\" }"
}
connected_to() { # both ways, with that address
	[ "$(lab_in c1 ss -Htn state established '( sport = :3780 or dport = :3780 )' | grep -cF "$1")" = 2 ]
}
sync_pid() { ctl 1 --json stats | jq .replication_process.pid; }
clear_all() {
	lab_stop 1 || fail "vrouterd ended with $?"
	stock_end
	for c in c1 c2; do lab_in "$c-vr" "$TRAFFIC" flush; done
}

lab_up
lab_controller 1
lab_controller 2
lab_sync_link 1
rival_router 2
lab_switch sw-sync2
lab_link c1 sync2 sw-sync2 c1-sync2
lab_link c2-vr sync2 sw-sync2 c2-sync2
for link in 1 2; do
	lab_ip c1 address add "2001:db8:$link::11/64" dev "sync${link#1}" nodad
	lab_ip c2-vr address add "2001:db8:$link::12/64" dev "sync${link#1}" nodad
done
ELECTION=external

note "two links over IPv6"
STOCK_CHANNEL="$(unicast UDP sync 2001:db8:1::11 2001:db8:1::12 3780 Default)
$(unicast UDP sync2 2001:db8:2::11 2001:db8:2::12 3780)"
SYNC_INTERFACE='"sync", "sync2"'
ours 'peers = { "2001:db8:1::12", "2001:db8:2::12%sync2" } port = { 3780, 3780 }'
stock_start
lab_start 1
ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
flows 1 fill $N >/dev/null
wait_for "all of them are in its cache" 15 told_are $N

note "it loses a link and we do not: we find it on the other one"
lab_cut c2-sync
flows 1 fill $N $N >/dev/null
wait_for "all of them are in its cache" 15 told_are $((2 * N))
uses sync2 || fail "not on the second link"

note "both lose that one: the first one carries again"
lab_mend c2-sync
lab_cut c1-sync2
lab_cut c2-sync2
flows 1 fill $N $((2 * N)) >/dev/null
wait_for "all of them are in its cache" 15 told_are $((3 * N))
uses sync || fail "not on the first link"
[ "$(ctl 1 --json peers | jq -r '.[0].peers | length')" = 1 ] || fail "peers: $(ctl 1 --json peers)"
ctl 1 demote vrouter >/dev/null
flows 2 fill $N $((3 * N)) >/dev/null
wait_for "what it has is here" 15 has_flows 1 $N $((3 * N))

note "TCP over IPv6: it is the source"
clear_all
SYNC_INTERFACE='"sync"' OUR_EXTRA='transport = "tcp"'
over_tcp 2001:db8:1::11 2001:db8:1::12
stock_start
flows 2 fill $N >/dev/null
lab_start 1
wait_for "ready" 15 ready
has_flows 1 $N || fail "ready with $(flows 1 have $N) of $N flows"
connected_to '[2001:db8:1::12]' || fail "$(lab_in c1 ss -tn)"

note "we are; our replication process ends, and has its connections again"
ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
wait_for "all of them are in its cache" 15 told_are $N
kill -KILL "$(sync_pid)"
flows 1 fill $N $N >/dev/null
wait_for "all of them are in its cache" 20 told_are $((2 * N))

note "both are started anew, over IPv4"
lab_stop 1 || fail "vrouterd ended with $?"
stock_end
over_tcp 10.20.1.11 10.20.1.12
stock_start
lab_start 1
ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
flows 1 fill $N $((2 * N)) >/dev/null
wait_for "all of them are in its cache" 20 told_are $((3 * N))
wait_for "connections both ways" 10 connected_to 10.20.1.12

note "it ends and comes again: so do its connections; then it is the source"
stock_end
flows 1 fill $N $((3 * N)) >/dev/null
stock_start
wait_for "all of them are in its cache" 20 told_are $((4 * N))
ctl 1 demote vrouter >/dev/null
flows 2 fill $N $((4 * N)) >/dev/null
wait_for "what it has is here" 15 has_flows 1 $N $((4 * N))

note "a stranger is turned away"
lab_ip c2-vr address add 10.20.1.99/24 dev sync
lab_ip c2-vr route add 10.20.1.11 dev sync src 10.20.1.99
lab_in c2-vr timeout 10 bash -c 'exec 3<>/dev/tcp/10.20.1.11/3780 && ! read -r <&3' || fail "it is not"
grep -q 'a connection from 10.20.1.99, which is no peer' "$LAB_DIR/c1.log" || fail "nobody says so"
note "passed"
