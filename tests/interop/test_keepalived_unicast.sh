#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same by unicast: keepalived has us as its unicast_peer, we have it among our peers.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/keepalived.sh"

PREEMPT=true ROUTER_EXTRA='sync-hold = 0' ELECTION_EXTRA='peers = { "10.20.0.11", "10.20.0.12" }'
KEEPALIVED_EXTRA="unicast_src_ip 10.20.0.12
		    unicast_peer {
		        10.20.0.11
		    }"
interop_up
interop_story 10.20.0.12
interop_judge "ip.src == 10.20.0.11" "ip.checksum.status == 1 && ip.ttl == 255 && ip.dst == 10.20.0.12 &&
	vrrp.ip_addr == $MGMT_VIP && vrrp.ip_addr == $PUBLIC_VIP"
