#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# By unicast over IPv6, between addresses that are not link-local, beside IPv4 VIPs that follow. Without unicast_ttl
# keepalived 2.2.7 sends these with the kernel's hop limit of 64, which we do not take.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/keepalived.sh"

OURS=2001:db8:1::11 ITS=2001:db8:1::12 LINK_LOCAL_VIP=fe80::5e:51
PREEMPT=true ROUTER_EXTRA='sync-hold = 0'
ELECTION_EXTRA="family = \"ipv6\" peers = { \"$OURS\", \"$ITS\" }"
IPV6=1 MGMT_LINK_LOCAL=$LINK_LOCAL_VIP
KEEPALIVED_VIPS="$LINK_LOCAL_VIP/64 $MGMT_VIP6/64 $PUBLIC_VIP6/64"
KEEPALIVED_EXTRA="unicast_src_ip $ITS
		    unicast_ttl 255
		    unicast_peer {
		        $OURS
		    }"
interop_up
lab_ip c1 address add $OURS/64 dev br-mgmt nodad
lab_ip c2 address add $ITS/64 dev br-mgmt nodad
interop_story $ITS "auth = offer"
has_vip 1 || fail "the IPv4 VIP did not follow"
interop_judge "ipv6.src == $OURS" "ipv6.hlim == 255 && ipv6.dst == $ITS && vrrp.addr_count == 3 &&
	vrrp.ipv6_addr == $LINK_LOCAL_VIP && vrrp.ipv6_addr == $MGMT_VIP6 && vrrp.ipv6_addr == $PUBLIC_VIP6"
[ "$(judged "ipv6.dstopts && ipv6.opt.type == 0x1e")" -gt 0 ] || fail "no stamp was seen"
