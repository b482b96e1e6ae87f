#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stock keepalived is the other router of the election: each of the two preempts, yields, resigns and
# dies, and the other one takes over. tshark judges every advertisement of ours.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/keepalived.sh"

PREEMPT=true ROUTER_EXTRA='sync-hold = 0'
interop_up
interop_story 10.20.0.12 "auth = offer" # which it does not notice
interop_judge "ip.src == 10.20.0.11" "ip.checksum.status == 1 && ip.ttl == 255 && ip.dst == 224.0.0.18 &&
	vrrp.ip_addr == $MGMT_VIP && vrrp.ip_addr == $PUBLIC_VIP"
[ "$(judged "ip.hdr_len == 60")" -gt 0 ] || fail "no stamp was seen"
