#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# IPv6 beside IPv4 on a pair with a virtual MAC: NAT66 through the VIP, and every flow of both versions survives a
# switchover and a crash. Neighbours see one MAC address throughout, switches see it move, and tshark finds no fault
# with what the routers say of their addresses. Then the VIPs take nothing (accept = false), and a core that is killed
# leaves neither VIPs nor the MAC behind.
. "$(dirname "$0")/lib.sh"

command -v tshark >/dev/null || skip "tshark is not installed"
VMAC=00:00:5e:00:01:33

# of the node's entry for an address
lladdr() { lab_ip n1 neigh show "$1" dev eth0 | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'; }
knows_virtual() { [ "$(lladdr $MGMT_VIP)" = $VMAC ] && [ "$(lladdr $MGMT_VIP6)" = $VMAC ]; }
# the port of a switch that a MAC address is behind: switch_has sw-mgmt c1-mgmt
switch_has() { bridge -n "$LAB-fabric" fdb show br "$1" | grep -qi "^$VMAC dev $2 "; }
moved_to() { switch_has sw-mgmt "c$1-mgmt" && switch_has sw-ex "c$1-ex"; }
leg_has_virtual() { lab_ip "c$1-vr" link show vr-mgmt | grep -qi $VMAC; }
has_vip6() { lab_ip "c$1-vr" -6 -o address show dev vr-mgmt | grep -qF " $MGMT_VIP6/"; }
# a TCP connection to a VIP's own port 9: refused, or never answered
connect() { lab_in n1 timeout 2 bash -c "echo >/dev/tcp/$1/9" 2>/dev/null; }
is_refused() { connect "$1"; [ $? = 1 ]; }
is_silent() { connect "$1"; [ $? = 124 ]; }
alive() {
	all_alive tcp4 tcp6
	wait_for "the switches know the way to controller $1" 10 moved_to "$1"
	wait_for "the node knows the virtual MAC only" 10 knows_virtual
}

lab_standard 2
lab_ipv6
lab_exec n1 tcpdump -i eth0 -U --immediate-mode -w "$LAB_DIR/nd.pcap" icmp6 2>"$LAB_DIR/tcpdump.log" &
LAB_PIDS+=($!)
disown $!
wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/tcpdump.log"
ELECTION_EXTRA="virtual-mac = true"
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) new=$((3 - old))
[ "$(status "$old" '.management_vips | join(" ")')" = "$MGMT_VIP/24 $MGMT_VIP6/64" ] || fail "the VIPs in status"

note "traffic of both versions"
traffic tcp4 n1 tcp-flows --target $HOST:7 --count 100 --interval-us 1000
traffic tcp6 n1 tcp-flows --target "[$HOST6]:7" --count 100 --interval-us 1000
alive "$old"
! has_vip6 "$new" && ! leg_has_virtual "$new" || fail "a STANDBY has the VIP or the virtual MAC"

note "switchover to controller $new"
ctl "$old" demote vrouter >/dev/null || fail "demote"
wait_for "the role moves" 20 is_active "$new"
alive "$new"
wait_for "the demoted one is ready" 30 is_ready "$old"
! has_vip6 "$old" && ! leg_has_virtual "$old" || fail "the demoted one has the VIP or the virtual MAC"

note "controller $new crashes"
ctl "$old" promote vrouter >/dev/null || fail "promote"
wait_for "the role moves back" 20 is_active "$old"
alive "$old"
wait_for "a successor is ready" 30 is_ready "$new"
lab_crash "$old"
wait_for "the other one is ACTIVE" 20 is_active "$new"
alive "$new"

note "what tshark saw of the neighbour advertisements"
# by: flags; hop limit; destination; target's link-layer address; checksum; target and source are one
seen() {
	tshark -n -r "$LAB_DIR/nd.pcap" -Y "icmpv6.type == 136 && icmpv6.nd.na.target_address == $MGMT_VIP6 && $1" \
		-T fields -E separator=' ' -e ipv6.hlim -e ipv6.dst -e icmpv6.nd.na.flag.r -e icmpv6.nd.na.flag.s \
		-e icmpv6.nd.na.flag.o -e icmpv6.opt.linkaddr -e eth.src -e icmpv6.checksum.status -e ipv6.src \
		2>"$LAB_DIR/tshark.log" | sort | uniq -c
}
unsolicited=$(seen "icmpv6.nd.na.flag.s == 0")
solicited=$(seen "icmpv6.nd.na.flag.s == 1 && ipv6.dst == 2001:db8:1::101")
echo "$unsolicited"
echo "$solicited"
yes='(1|True)' no='(0|False)'
[ "$(wc -l <<<"$unsolicited")" = 1 ] &&
	grep -Eq "^ *[0-9]+ 255 ff02::1 $yes $no $yes $VMAC $VMAC (1|Good) $MGMT_VIP6\$" <<<"$unsolicited" ||
	fail "unsolicited neighbour advertisements are not as RFC 4861 7.2.6 and RFC 9568 7.4 have them"
[ -z "$solicited" ] || ! grep -Evq "^ *[0-9]+ 255 2001:db8:1::101 $yes $yes $yes $VMAC $VMAC (1|Good) $MGMT_VIP6\$" \
	<<<"$solicited" || fail "an answer to a neighbour is not that of a router"
[ -n "$solicited" ] || fail "the node never asked for the VIP"

note "VIPs that take nothing"
for vip in $MGMT_VIP $MGMT_VIP6; do wait_for "$vip refuses" 10 is_refused "$vip"; done
ELECTION_EXTRA+=" accept = false"
lab_config "$new"
ctl "$new" reload >/dev/null || fail "reload"
lab_ip n1 neigh flush dev eth0
for vip in $MGMT_VIP $MGMT_VIP6; do wait_for "$vip is silent" 10 is_silent "$vip"; done
alive "$new"

note "the core of controller $new is killed"
kill -KILL "${LAB_DAEMON[$new]}"
wait_for "no VIP is left" 10 not has_vip6 "$new"
wait_for "no virtual MAC is left" 10 not leg_has_virtual "$new"
