#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A public leg that is an internal port of Open vSwitch, in a VLAN. Each controller has one of its own,
# with its database in the test's folder and the datapath in user space.
. "$(dirname "$0")/lib.sh"

for p in ethtool ovsdb-tool ovsdb-server ovs-vswitchd ovs-vsctl; do
	command -v $p >/dev/null || skip "no $p (openvswitch-switch)"
done

fault_says() { is_faulty "$1" && [[ $(status "$1" .fault) = *$2* ]]; }
alive() { all_alive tcp udp; }
pair() {
	wait_for "one ACTIVE, one ready" 30 settled
	old=$(the_active) || fail "nobody is ACTIVE"
	other=$((3 - old))
}
ovs() { local i=$1; shift; ovs-vsctl --db="unix:$LAB_DIR/ovs$i/db.sock" --timeout=10 "$@" 2>/dev/null; }
# ovs_run N PROGRAM ARGUMENT...: a daemon of controller N's Open vSwitch
ovs_run() {
	local i=$1 d=$LAB_DIR/ovs$1
	shift
	OVS_RUNDIR=$d OVS_LOGDIR=$d OVS_DBDIR=$d lab_exec "c$i" "$@" >>"$LAB_DIR/ovs$i.log" 2>&1 &
	LAB_PIDS+=($!)
	disown $!
	OVS_PID[$i]=$!
}
declare -A OVS_PID=()
vswitchd() { ovs_run "$1" ovs-vswitchd "unix:$LAB_DIR/ovs$1/db.sock" --disable-system; }
# The bridge, with the uplink in VLAN 7: what the leg sends with that tag comes out without.
bridge_of() {
	ovs "$1" -- --may-exist add-br br-ex -- set Bridge br-ex datapath_type=netdev \
		-- --may-exist add-port br-ex up-ex tag=7
}
ovs_start() {
	local d=$LAB_DIR/ovs$1
	mkdir -p "$d"
	ovsdb-tool create "$d/conf.db" /usr/share/openvswitch/vswitch.ovsschema || fail "ovsdb-tool"
	ovs_run "$1" ovsdb-server "$d/conf.db" --remote="punix:$d/db.sock"
	wait_for "ovsdb-server" 10 ovs "$1" --no-wait init
}
port_count() { ovs "$1" list-ports br-ex | grep -c '^vr-ex$'; }

# two more pairs of daemons that want to run: the election bears that they have to wait
ADVERT=500 PUBLIC_ATTACH=ovs:br-ex PUBLIC_EXTRA="vlan = 7"
lab_standard 2
# the datapath in user space takes packets as they are, and nobody would fill in their checksums
lab_in h1 ethtool -K eth0 tx off >/dev/null || skip "ethtool cannot switch off checksums"
for i in 1 2; do
	lab_ip c$i link delete br-ex
	lab_config $i
	sed -i "s|control-socket .*|&\n  ovs-db = \"$LAB_DIR/ovs$i/db.sock\"|" "$LAB_DIR/c$i/vrouterd.conf"
done

note "Open vSwitch is not running, knows no such bridge, and then is there"
lab_run 1
wait_for "controller 1 answers" 10 answers 1
wait_for "FAULT: not running" 20 fault_says 1 "Open vSwitch is not running (systemctl start"
ovs_start 1
vswitchd 1
wait_for "FAULT: no bridge" 20 fault_says 1 "Open vSwitch has no bridge br-ex"
bridge_of 1 || fail "no bridge"
ovs_start 2
vswitchd 2
bridge_of 2 || fail "no bridge"
ovs 2 add-port br-ex vr-ex -- set Interface vr-ex type=internal || fail "add-port"
lab_run 2
wait_for "FAULT: somebody else's port" 20 fault_says 2 "a port vr-ex that is not ours"
ovs 2 del-port vr-ex
pair
[ "$(ovs 1 get Interface vr-ex external_ids:vrouterd)" = "\"$LAB-c1-vr br-ex\"" ] || fail "the port does not say whose it is"
[ "$(ovs 1 get Port vr-ex tag)" = 7 ] || fail "the port is in VLAN $(ovs 1 get Port vr-ex tag)"
traffic tcp n1 tcp-flows --target $HOST:7 --count 100 --interval-us 2000
traffic udp n1 udp-flows --target $HOST:7 --count 20
alive

note "Open vSwitch is started anew under the ACTIVE"
kill -KILL "${OVS_PID[$old]}"
wait_for "FAULT because of the port" 20 fault_says "$old" "Open vSwitch"
wait_for "the other one ACTIVE" 20 is_active "$other"
alive
vswitchd "$old"
pair
[ "$(port_count $((3 - old)))" = 1 ] || fail "the port is there twice"

note "its bridge is deleted under the ACTIVE"
ovs "$old" del-br br-ex
wait_for "FAULT because of the bridge" 20 fault_says "$old" "Open vSwitch has no bridge br-ex"
wait_for "the other one ACTIVE" 20 is_active "$other"
alive
bridge_of "$old" || fail "no bridge"
pair

note "another VLAN and another kind of leg, live"
# reload_with SED: on the STANDBY
reload_with() {
	sed -i "$1" "$LAB_DIR/c$other/vrouterd.conf"
	ctl "$other" reload >"$LAB_DIR/reload" || fail "reload: $(cat "$LAB_DIR/reload")"
}
tag_is() { [ "$(ovs "$1" get Port vr-ex tag)" = "$2" ]; }
no_port() { [ "$(port_count "$1")" = 0 ]; }
cp "$LAB_DIR/c$other/vrouterd.conf" "$LAB_DIR/good.conf"
reload_with 's/vlan = 7/vlan = 9/' # which is not done yet when there is
reload_with 's/vlan = 9/vlan = 8/'
wait_for "the port's other VLAN" 10 tag_is "$other" 8
reload_with 's/vlan = 8//; s/ovs:br-ex/macvlan:up-ex/'
wait_for "the port given back" 10 no_port "$other"
cp "$LAB_DIR/good.conf" "$LAB_DIR/c$other/vrouterd.conf"
ctl "$other" reload >/dev/null # says that the port is yet to come
wait_for "the port again" 10 tag_is "$other" 7

note "passed"
