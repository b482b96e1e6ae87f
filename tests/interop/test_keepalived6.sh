#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same over IPv6 (RFC 9568), with a router that has no IPv4 at all: advertisements leave from the
# link-local address, and list a link-local VIP first. Their stamp is in a Destination Options header, which keepalived
# does not notice.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/keepalived.sh"

LINK_LOCAL_VIP=fe80::5e:51
link_local() { lab_ip "$1" -6 -o address show dev br-mgmt scope link -tentative | sed -n 's|.* \(fe80::[^/ ]*\)/.*|\1|p'; }
has_link_local() { [ -n "$(link_local "$1")" ]; }

PREEMPT=true ROUTER_EXTRA='sync-hold = 0' ELECTION_EXTRA='family = "ipv6"' SYNC_TO='group = "ff02::77"'
IPV6=only MGMT_LINK_LOCAL=$LINK_LOCAL_VIP
KEEPALIVED_VIPS="$LINK_LOCAL_VIP/64 $MGMT_VIP6/64 $PUBLIC_VIP6/64"
interop_up
for i in 1 2; do
	lab_ip c$i address del 10.20.0.1$i/24 dev br-mgmt
	wait_for "a link-local address of controller $i" 20 has_link_local c$i
done
us=$(link_local c1) it=$(link_local c2)
interop_story "$it" "auth = offer"
[ "$(status 1 .election.address)" = "$us" ] || fail "status says that we speak as $(status 1 .election.address)"
[ "$(status 1 .election.heard_from)" = "$it" ] || fail "status says that we heard $(status 1 .election.heard_from)"
interop_judge "ipv6.src == $us" "ipv6.hlim == 255 && ipv6.dst == ff02::12 && vrrp.addr_count == 3 &&
	vrrp.ipv6_addr == $MGMT_VIP6 && vrrp.ipv6_addr == $PUBLIC_VIP6"
first=$(tshark -n -r "$LAB_DIR/vrrp.pcap" -Y "vrrp && ipv6.src == $us" -T fields -E occurrence=f -e vrrp.ipv6_addr \
	2>/dev/null | sort -u)
[ "$first" = $LINK_LOCAL_VIP ] || fail "the first address is $first, not the link-local VIP (RFC 9568 5.2.9)"
[ "$(judged "ipv6.dstopts && ipv6.opt.type == 0x1e")" -gt 0 ] || fail "no stamp was seen"
