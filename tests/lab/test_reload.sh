#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reload: routers come, change and go under the flows of another router, which notices nothing.
. "$(dirname "$0")/lib.sh"

SECOND=$LAB-c1-second
# Role of the router named $1.
role() { ctl 1 --json status "$1" 2>/dev/null | jq -r '.routers[0].role' 2>/dev/null; }
role_is() { [ "$(role "$1")" = "$2" ]; }
gone() { ! role_is "$1" ACTIVE && ! ctl 1 status "$1" >/dev/null 2>&1; }
# second_has PATTERN: among the addresses and routes of the second router.
second_has() { [[ $(ip -n "$SECOND" -4 -o address; ip -n "$SECOND" -o route) = *$1* ]]; }
reload() { ctl 1 reload || fail "reload: exit $?"; }
refused() {
	! ctl 1 reload >"$LAB_DIR/refused" 2>&1 || fail "accepted: $1"
	grep -q "$1" "$LAB_DIR/refused" || fail "the refusal does not name it: $(cat "$LAB_DIR/refused")"
	note "$(head -n 1 "$LAB_DIR/refused")"
}
second() {
	cat <<-END
		router "second" {
		  namespace  = "$SECOND"
		  management { attach = "bridge:br-mgmt"  interface = "vr-mgmt"  vip = "10.20.0.2/24" }
		  public     { attach = "bridge:br-ex"    interface = "vr-ex"    vip = "198.18.0.2/24" }
		  election   { mode = "$1"  interface = "br-mgmt"  vrid = 52 }
		}
	END
}

lab_standard 2
conf=$LAB_DIR/c1/vrouterd.conf
lab_start 1
wait_for "controller 1 ACTIVE" 20 is_active 1
traffic tcp n1 tcp-flows --target $HOST:7 --count 50
traffic udp n1 udp-flows --target $HOST:7 --count 20
cp "$conf" "$LAB_DIR/first.conf"
moves() { status 1 .since; }
before=$(moves)

note "a second router comes"
second single >>"$conf"
reload
wait_for "the second router ACTIVE" 10 role_is second ACTIVE
second_has "vr-ex    inet 198.18.0.2/24" || fail "its VIP is not there"
second_has "default via" && fail "it has a default route without a gateway"

note "it changes"
sed -i '$d' "$conf"
echo '  nat { mode = "none" } announce-refresh = 1 }' >>"$conf"
sed -i 's|vip = "198.18.0.2/24"|& gateway = "198.18.0.254"|' "$conf"
reload
second_has "default via 198.18.0.254" || fail "its new gateway is not there"
# Without an election its VIP may move, too.
sed -i 's|10.20.0.2/24|10.20.0.3/24|' "$conf"
reload
second_has 10.20.0.3/24 || fail "its new VIP is not there"
! second_has 10.20.0.2/24 || fail "its old VIP is still there"

note "what is refused changes nothing at all"
cp "$conf" "$LAB_DIR/good.conf"
sed -i 's|vrid = 51|vrid = 50|; s|announce-refresh = 1|announce-refresh = 2|' "$conf"
refused 'election: vrid'
cp "$LAB_DIR/good.conf" "$conf"
sed -i 's|vr-mgmt"  vip = "10.20.0.1/24"|vr-mgmt"  vip = "10.20.0.9/24"|' "$conf"
refused 'management: vip'
cp "$LAB_DIR/good.conf" "$conf"
sed -i 's|port *=.*||; s|group     = .*|group = "239.255.77.9"|' "$conf"
refused 'sync: group'
cp "$LAB_DIR/good.conf" "$conf"
echo 'router "third" {' >>"$conf"
refused 'vrouterd.conf:[0-9]*:'
cp "$LAB_DIR/good.conf" "$conf"
sed -i '0,/bridge:br-ex/s//bridge:br-none/' "$conf"
refused 'br-none does not exist'
cp "$LAB_DIR/good.conf" "$conf"
sed -i '0,/bridge:br-ex/s//ovs:br-none/' "$conf"
refused 'Open vSwitch bridge br-none does not exist, or Open vSwitch is not running'
cp "$LAB_DIR/good.conf" "$conf"
sed -i 's|198.18.0.2/24|10.20.0.50/24|' "$conf"
refused 'second.*10.20.0.50/24.*overlaps'
cp "$LAB_DIR/good.conf" "$conf"
sed -i 's|gateway = "198.18.0.254"|gateway = "198.19.0.254"|' "$conf"
refused 'gateway = "198.19.0.254": cannot be reached'
cp "$LAB_DIR/good.conf" "$conf"
chmod 644 "$LAB_DIR/sync.key"
refused 'sync.key'
chmod 600 "$LAB_DIR/sync.key"
role_is second ACTIVE || fail "the second router is $(role second)"

note "it goes"
cp "$LAB_DIR/first.conf" "$conf"
reload
wait_for "the second router gone" 10 gone second
! ip -n "$SECOND" link show vr-mgmt >/dev/null 2>&1 || fail "its leg is still there"
[ -e "/run/netns/$SECOND" ] || fail "its namespace went, too"

note "and comes back, elected"
second vrrp >>"$conf"
reload
wait_for "the second router ACTIVE" 10 role_is second ACTIVE
all_alive tcp udp
[ "$(moves)" = "$before" ] || fail "the first router noticed: $(ctl 1 events)"
lab_stop 1 || fail "vrouterd ended with $? after SIGTERM"
note "passed"
