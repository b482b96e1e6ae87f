#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A pair without any IPv4: VRRP and replication over IPv6, a router with IPv6 VIPs alone. Every TCP flow survives a
# switchover and a crash. Advertisements are authenticated, and who has no stamp is not heard. While the interface has no usable link-local address, that is a fault, and it says so.
. "$(dirname "$0")/lib.sh"

has_vip6() { lab_ip "c$1-vr" -6 -o address show dev vr-mgmt 2>/dev/null | grep -qF " $MGMT_VIP6/"; }
says_fault() { [[ $(status "$1" .fault) == *"$2"* ]]; }
ipv6() { lab_in "c$1" sysctl -qw "net.ipv6.conf.br-mgmt.disable_ipv6=$2"; } # N 1: off

counted() { ctl "$1" --json stats | jq ".routers[0].vrrp.$2"; }
some() { [ "$(counted "$1" "$2")" -gt 0 ]; }
play() { # FILE: to all, from the node
	lab_in n1 "$TRAFFIC" play <"$LAB_DIR/$1" >/dev/null || fail "play: exit $?"
}

ADVERT=50 SYNC_TO='group = "ff02::77"' ELECTION_EXTRA='family = "ipv6" virtual-mac = true auth = hmac'
lab_standard 2
lab_ipv6
IPV6=only
for i in 1 2; do lab_ip c$i address del "10.20.0.1$i/24" dev br-mgmt; done

note "a start without IPv6 on the interface"
ipv6 1 1
lab_start 1 2
wait_for "controller 1 says what it lacks" 10 says_fault 1 "interface br-mgmt: has no link-local address"
wait_for "controller 2 is ACTIVE" 30 is_active 2
lab_in c1 sysctl -qw net.ipv6.conf.br-mgmt.dad_transmits=4 # one per second
ipv6 1 0
wait_for "controller 1 waits for duplicate detection" 10 says_fault 1 "interface br-mgmt: has an address that is not verified yet"
lab_in c1 sysctl -qw net.ipv6.conf.br-mgmt.dad_transmits=1
wait_for "one ACTIVE, one ready" 30 settled
for i in 1 2; do
	[[ $(status $i .election.address) == fe80:* ]] || fail "controller $i speaks as $(status $i .election.address)"
done
lab_ip "c$(the_active)-vr" link show vr-mgmt | grep -qi 00:00:5e:00:02:33 || fail "no virtual MAC of IPv6"

note "switchover with live flows"
old=$(the_active) new=$((3 - old))
traffic tcp n1 tcp-flows --target "[$HOST6]:7" --count 100 --interval-us 1000
ctl "$old" demote vrouter >/dev/null || fail "demote"
wait_for "the role moves" 20 is_active "$new"
all_alive tcp
wait_for "the demoted one is ready" 30 is_ready "$old"
! has_vip6 "$old" || fail "the demoted one has the VIP"
[ "$(status "$old" .election.heard_from)" = "$(status "$new" .election.address)" ] || fail "who is heard"
for i in 1 2; do
	for reason in no_auth bad_auth unknown_key; do
		! some $i rx_refused.$reason || fail "controller $i refused $(counted $i rx_refused.$reason): $reason"
	done
done
some "$old" tx_challenges || fail "nobody was asked who it is"

note "advertisements are played again, without their stamp and with a wrong one, too"
timeout 20 ip netns exec "$LAB-n1" tcpdump -i eth0 -n -xx -c 4 'ip6[6] == 60 and ip6[40] == 112' 2>/dev/null |
	awk '/^[^\t ]/ { if (h != "") print substr(h, 29); h = ""; next }
	{ sub(/^[^:]*:/, ""); gsub(/ /, ""); h = h $0 } END { if (h != "") print substr(h, 29) }' >"$LAB_DIR/again"
[ "$(wc -l <"$LAB_DIR/again")" = 4 ] || fail "no stamped advertisements were seen"
sed -E 's/^(.{132})../\1zz/; y/z/0/' "$LAB_DIR/again" >"$LAB_DIR/forged" # the tag begins at byte 66
size=$(printf %04x $(($(head -n 1 "$LAB_DIR/again" | wc -c) / 2 - 88)))
sed -E "s/^(.{8})....3c(.{66}).{96}/\\1${size}70\\2/" "$LAB_DIR/again" >"$LAB_DIR/bare"
for i in again forged bare; do play $i; done
wait_for "they are refused" 10 some "$old" rx_refused.replayed
wait_for "a wrong tag is refused" 10 some "$old" rx_refused.bad_auth
wait_for "what has none is refused" 10 some "$old" rx_refused.no_auth

note "the ACTIVE loses its address, and gets it back"
ipv6 "$new" 1
wait_for "the other one is ACTIVE" 20 is_active "$old"
wait_for "that is a fault" 10 is_faulty "$new"
all_alive tcp
ipv6 "$new" 0
wait_for "it is ready again" 30 is_ready "$new"

note "controller $old crashes"
lab_crash "$old"
wait_for "the other one is ACTIVE" 20 is_active "$new"
all_alive tcp
