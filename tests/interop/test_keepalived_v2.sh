#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same with version 2 of VRRP (RFC 3768), whose whole seconds make a shorter story.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/keepalived.sh"

VRRP=2 ADVERT=1000 PREEMPT=true ROUTER_EXTRA='sync-hold = 0' ELECTION_EXTRA="version = 2"
interop_up
interop_story 10.20.0.12 "auth = offer"
interop_judge "ip.src == 10.20.0.11" "ip.checksum.status == 1 && ip.ttl == 255 && ip.dst == 224.0.0.18 &&
	vrrp.ip_addr == $MGMT_VIP && vrrp.ip_addr == $PUBLIC_VIP"
[ "$(judged "ip.hdr_len == 60")" -gt 0 ] || fail "no stamp was seen"
