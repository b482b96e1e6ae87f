#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vip = "auto": addresses that somebody has are left alone, both controllers agree on the free ones, flows
# survive a crash under them, and they stay the same over restarts, of one controller and of all. A range that
# is exhausted is a fault that says so, until it is wider; two routers never choose the same; and somebody who
# takes a VIP later is an alarm.
. "$(dirname "$0")/lib.sh"

MGMT_VIP=10.20.0.51 PUBLIC_VIP=198.18.0.12 # all that is free
ROUTER_EXTRA='crash = "adopt"'

config() {
	lab_config "$1"
	sed -i -e "s|^  run-dir .*|&\n  state-dir = \"$LAB_DIR/c$1/state\"|" \
		-e "s|vip = \"$MGMT_VIP/24\"|vip = \"auto\" vip-range = \"10.20.0.50-10.20.0.51/24\"|" \
		-e "s|vip = \"$PUBLIC_VIP/24\"|vip = \"auto\" vip-range = \"198.18.0.10-198.18.0.12/24\"|" \
		"$LAB_DIR/c$1/vrouterd.conf"
	cat >>"$LAB_DIR/c$1/vrouterd.conf" <<-END
		router "second" {
		  namespace  = "$LAB-c$1-vr2"
		  management { attach = "bridge:br-mgmt"  interface = "vr-mgmt"  vip = "auto"
		               vip-range = "10.20.0.51-10.20.0.52/24" }
		  public     { attach = "bridge:br-ex"  interface = "vr-ex"  vip = "auto"
		               vip-range = { "$2/24", "2001:db8:ffff::10-2001:db8:ffff::11/64" } }
		  election   { interface = "br-mgmt"  vrid = 52  preempt = false }
		  crash      = "adopt"
		}
	END
}
second() { ctl "$1" --json status 2>/dev/null | jq -r ".routers[] | select(.router == \"second\") | $2"; }
has_pair() { [ "$(status "$1" '.vips | join(" ")')" = "$MGMT_VIP/24 $PUBLIC_VIP/24" ]; }
second_is() { [ "$(second "$1" ".vips | join(\" \")")" = "10.20.0.52/24 198.18.0.13/24 2001:db8:ffff::11/64" ]; }
is_adopted() { [ "$(status "$1" .adopted)" = true ] && is_active "$1" && has_pair "$1"; }
exhausted() { second "$1" .fault | grep -q "public: vip-range 198.18.0.10-198.18.0.11 is exhausted, .*: widen it"; }
any_exhausted() { exhausted 1 || exhausted 2; }

lab_standard 2
lab_node 2
lab_ip n2 address add 10.20.0.50/24 dev eth0
lab_host 2
lab_ip h2 address add 198.18.0.10/24 dev eth0
lab_ip h2 address add 198.18.0.11/24 dev eth0
lab_ip h2 address add 2001:db8:ffff::10/64 dev eth0 nodad
for i in 1 2; do
	config $i 198.18.0.10-198.18.0.11
	lab_run $i
done
for i in 1 2; do wait_for "controller $i has the free pair" 20 has_pair $i; done
wait_for "one ACTIVE, one ready" 20 settled
wait_for "the second router's range is exhausted" 10 any_exhausted
[ "$(second 1 '.vips | length')$(second 2 '.vips | length')" = 00 ] || fail "it has VIPs: $(ctl 1 status)"

note "flows under the chosen pair outlive a crash; the other range becomes wider"
traffic tcp n1 tcp-flows --target $HOST:7 --count 100 --interval-us 2000
traffic udp n1 udp-flows --target $HOST:7 --count 20
for i in 1 2; do
	config $i 198.18.0.10-198.18.0.13
	ctl $i reload >/dev/null || fail "reload on controller $i"
done
a=$(the_active) || fail "nobody, or two, are ACTIVE"
b=$((3 - a))
lab_crash "$a"
wait_for "controller $b takes over" 20 is_active $b
has_pair $b && all_alive tcp udp
wait_for "the second router's VIPs, on controller $b" 20 second_is $b
traffic_end tcp
traffic_end udp

note "one that comes back without a memory of it takes what the other one holds"
rm "$LAB_DIR/c$a/state/vrouter.vips"
lab_revive "$a"
lab_run "$a"
wait_for "controller $a has the pair again" 20 has_pair "$a"
wait_for "so has the second router" 20 second_is "$a"
wait_for "and it is written down" 10 test -s "$LAB_DIR/c$a/state/vrouter.vips"

note "alone, with other addresses free: what was chosen stays; who takes it now is an alarm"
for i in 1 2; do lab_stop $i; done
lab_ip h2 address del 198.18.0.10/24 dev eth0
lab_ip h2 address add $PUBLIC_VIP/24 dev eth0
lab_run "$a"
wait_for "controller $a is ACTIVE alone" 20 is_active "$a"
has_pair "$a" || fail "other VIPs: $(ctl "$a" status)"
ctl "$a" upgrade >/dev/null || fail "vrouterctl upgrade"
wait_for "the next core adopts it, with its VIPs" 20 is_adopted "$a"
wait_for "somebody else's use of the VIP is an alarm" 20 has_alarm "$a" "vip-conflict: ..:..:..:..:..:.. uses the VIP $PUBLIC_VIP"
is_active "$a" && has_pair "$a" || fail "it gave its VIPs up: $(ctl "$a" status)"
note "done"
