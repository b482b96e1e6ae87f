#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Legs that are not a pair of veths into two bridges: the public one is a macvlan, a third one serves
# nodes of its own, of IPv4 and IPv6. What they are attached to may come late, go, and change its MTU.
. "$(dirname "$0")/lib.sh"

in_router() { local i=$1; shift; lab_in "c$i-vr" "$@"; }
mtu_is() { [ "$(in_router "$1" ip -o link show "$2" 2>/dev/null | sed -E 's/.* mtu ([0-9]+).*/\1/')" = "$3" ]; }
mac_of() { in_router "$1" ip -o link show "$2" | sed -E 's/.*ether ([0-9a-f:]+).*/\1/'; }
fault_says() { is_faulty "$1" && [[ $(status "$1" .fault) = *$2* ]]; }
alive() { all_alive tcp udp far far6; }
# The ACTIVE is in $old, the other one in $other.
pair() {
	wait_for "one ACTIVE, one ready" 30 settled
	old=$(the_active) || fail "nobody is ACTIVE"
	other=$((3 - old))
}
storage() {
	lab_bridge "c$1" br-st
	lab_ip "c$1" link set up-st master br-st
}

PUBLIC_ATTACH=macvlan:up-ex MGMT_EXTRA="mtu = 1400"
ROUTER_EXTRA='leg "storage" { attach = "bridge:br-st"  interface = "vr-st"
  vip = { "10.30.0.1/24", "2001:db8:3::1/64", "10.31.0.1/24" } }
  track "wire" { kind = "carrier"  leg = "public" }'
lab_standard 2
lab_ipv6
lab_switch sw-st
for i in 1 2; do
	lab_ip c$i link set up-ex nomaster
	lab_link c$i up-st sw-st c$i-st
done
storage 2
lab_namespace n2
lab_link n2 eth0 sw-st n2
lab_ip n2 address add 10.30.0.101/24 dev eth0
lab_ip n2 address add 2001:db8:3::101/64 dev eth0 nodad
lab_ip n2 route add default via 10.30.0.1
lab_ip n2 -6 route add default via 2001:db8:3::1

note "a bridge that is not there yet"
lab_start 1 2
wait_for "FAULT because of br-st" 20 fault_says 1 "bridge br-st does not exist"
wait_for "controller 2 ACTIVE" 20 is_active 2
storage 1
pair

note "flows of both sides, translated to the public VIP"
traffic tcp n1 tcp-flows --target $HOST:7 --count 100 --interval-us 2000
traffic udp n1 udp-flows --target $HOST:7 --count 20
traffic far n2 tcp-flows --target $HOST:7 --count 100 --interval-us 2000
traffic far6 n2 tcp-flows --target "[$HOST6]:7" --count 50 --interval-us 2000
alive
status "$old" '.legs[2] | "\(.name) \(.side) \(.interface) \(.attach) \(.vips | length)"' |
	grep -qx 'storage inside vr-st bridge:br-st 3' || fail "status: $(status "$old" .legs)"
in_router "$old" ip -o -d link show vr-ex | grep -q 'macvlan mode bridge' || fail "vr-ex is no macvlan"

note "a macvlan has its parent's carrier"
lab_cut "c$other-ex"
wait_for "FAULT because of the wire" 20 fault_says "$other" "has no carrier"
lab_mend "c$other-ex"
wait_for "the STANDBY ready" 20 is_ready "$other"

note "a STANDBY is silent on its macvlan"
: >"$LAB_DIR/loud.log"
lab_exec fabric tcpdump -i "c$other-ex" -n --immediate-mode -l ether src "$(mac_of "$other" vr-ex)" \
	>"$LAB_DIR/loud" 2>"$LAB_DIR/loud.log" &
LAB_PIDS+=($!)
wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/loud.log"

note "MTUs follow, and a fixed one does not"
mtu_is "$old" vr-mgmt 1400 || fail "the fixed MTU is another one"
lab_ip "c$old" link set up-ex mtu 1420
lab_ip "c$old" link set br-st mtu 1430
wait_for "the parent's smaller MTU" 10 mtu_is "$old" vr-ex 1420
wait_for "the bridge's smaller MTU" 10 mtu_is "$old" vr-st 1430
lab_ip "c$old" link set up-ex mtu 1500
lab_ip "c$old" link set br-st mtu 1500
wait_for "the parent's larger MTU" 10 mtu_is "$old" vr-ex 1500
wait_for "the bridge's larger MTU" 10 mtu_is "$old" vr-st 1500
is_active "$old" || fail "an MTU cost the role"

note "what the third leg is attached to goes"
[ ! -s "$LAB_DIR/loud" ] || fail "the STANDBY spoke: $(head -n 3 "$LAB_DIR/loud")"
lab_ip "c$old" link delete br-st
wait_for "FAULT because of br-st" 20 fault_says "$old" "bridge br-st does not exist"
wait_for "the other one ACTIVE" 20 is_active "$other"
alive
storage "$old"
pair

note "a macvlan's parent goes down"
lab_ip "c$old" link set up-ex down
wait_for "FAULT because of up-ex" 20 fault_says "$old" "interface up-ex is down"
wait_for "the other one ACTIVE" 20 is_active "$other"
lab_ip "c$old" link set up-ex up
pair
alive

note "a crash"
lab_crash "$old"
wait_for "the other one ACTIVE" 20 is_active "$other"
alive
note "passed"
