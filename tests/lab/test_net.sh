#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A controller, a node behind it and a gateway in front of it, each a namespace of its own:
#   node eth0 (10.20.0.10/24) -- br-mgmt [controller] br-ex -- eth0 (198.18.0.254/24) gateway
# net_lab runs in the controller's and builds the router in between.
[ "$(id -u)" = 0 ] || exit 77
program=${LAB_BUILD:?}/tests/lab/net_lab
c=netns$$-c n=netns$$-n g=netns$$-g r=netns$$-r

cleanup() {
	for ns in $r $c $n $g; do
		ip netns del $ns 2>/dev/null
		rm -f /run/netns/$ns # what is no namespace, after a failure
	done
}
trap cleanup EXIT
trap 'exit 1' INT TERM

attach() { # namespace, port on the bridge, bridge, mtu
	ip -n $c link add $2 mtu $4 type veth peer name eth0 mtu $4 netns $1
	ip -n $c link set $2 master $3 up
	ip -n $1 link set eth0 up
}

set -e
for ns in $c $n $g; do
	ip netns add $ns
	ip -n $ns link set lo up
done
ip -n $c link add br-mgmt type bridge
ip -n $c link add br-ex mtu 1400 type bridge
ip -n $c link set br-mgmt up
ip -n $c link set br-ex up
attach $n node br-mgmt 1500
attach $g gate br-ex 1400
ip -n $n addr add 10.20.0.10/24 dev eth0
ip -n $n route add default via 10.20.0.1
ip -n $g addr add 198.18.0.254/24 dev eth0
ip -n $g addr add 203.0.113.80/32 dev lo

ip -n $n addr add 2001:db8:1::10/64 dev eth0 nodad
ip -n $n -6 route add default via 2001:db8:1::1
ip -n $g addr add 2001:db8:2::fe/64 dev eth0 nodad
ip -n $g addr add 2001:db8:80::80/128 dev lo

set +e
nsenter --net=/run/netns/$c "$program" $c $n $g $r
