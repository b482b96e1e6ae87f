#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is wrong before the start: each mistake is named, and nothing was changed when the daemon ends.
. "$(dirname "$0")/lib.sh"

# All that a start could change: links, addresses, rules of the controller; namespaces; the run-dir.
world() {
	lab_ip c1 -o link | sed 's/ state .*//'
	lab_ip c1 -o address | grep -v inet6
	lab_in c1 nft list ruleset
	lab_in c1 sysctl -a 2>/dev/null | grep -E '^net\.ipv4\.(ip_forward|conf\.all\.)'
	lab_namespaces "$LAB-"
	find "$LAB_DIR/c1"
}
# refused WHAT PATTERN [COMMAND...]: the daemon, put behind COMMAND, says so and ends.
refused() {
	local what=$1 pattern=$2 log=$LAB_DIR/refused rc before
	shift 2
	before=$(world)
	timeout 20 nsenter "--net=/run/netns/$LAB-c1" "$@" "$LAB_BUILD/daemon/vrouterd" --foreground \
		--config "$LAB_DIR/c1/vrouterd.conf" >"$log" 2>&1
	rc=$?
	[ $rc = 1 ] || fail "$what: not refused (exit $rc): $(cat "$log")"
	grep -qE -- "$pattern" "$log" || fail "$what: the error does not say so: $(cat "$log")"
	[ "$(world)" = "$before" ] || fail "$what: changed: $(diff <(echo "$before") <(world))"
	note "$what: $(grep -E -m 1 -- "$pattern" "$log" | cut -c 1-160)"
}
# wrong WHAT PATTERN SED-EXPRESSION: so changed, the configuration is refused, by --check-config, too.
wrong() {
	lab_config 1
	sed -i "$3" "$LAB_DIR/c1/vrouterd.conf"
	! "$LAB_BUILD/daemon/vrouterd" --check-config --config "$LAB_DIR/c1/vrouterd.conf" >"$LAB_DIR/check" 2>&1 ||
		fail "$1: --check-config finds nothing"
	grep -qE -- "$2" "$LAB_DIR/check" || fail "$1: --check-config says $(cat "$LAB_DIR/check")"
	refused "$1" "$2"
}
second() { # NAMESPACE VRID VIP PUBLIC-VIP
	cat >>"$LAB_DIR/c1/vrouterd.conf" <<-END
		router "second" {
		  namespace  = "$1"
		  management { attach = "bridge:br-mgmt"  interface = "vr-mgmt"  vip = "$3/24" }
		  public     { attach = "bridge:br-ex"    interface = "vr-ex"    vip = "$4/24" }
		  election   { mode = "vrrp"  interface = "br-mgmt"  vrid = $2 }
		}
	END
}

lab_up
lab_controller 1
lab_config 1
key=$LAB_DIR/sync.key

note "the configuration"
at='vrouterd\.conf:[0-9]+:'
wrong "a VIP that is the network" "$at.*management: vip = \"10\.20\.0\.0/24\".*allowed" 's|10\.20\.0\.1/24|10.20.0.0/24|'
wrong "a VIP that is no address" "$at.*public: vip = \"198\.18\.0\.300/24\"" 's|198\.18\.0\.1/24|198.18.0.300/24|'
wrong "a VIP in the other leg's network" "$at.*public: vip.*overlaps" 's|198\.18\.0\.1/24|10.20.0.77/24|'
wrong "a gateway that the prefix does not reach" "$at.*gateway = \"198\.19\.0\.1\": cannot be reached" \
	's/gateway = ".*"/gateway = "198.19.0.1"/'
wrong "an unknown option" "$at.*no such option 'colour'" 's/random = true/colour = "red"/'
lab_config 1
second "$LAB-c1-vr" 52 10.20.0.2 198.18.0.2
refused "two routers in one namespace" "$at router \"second\": namespace.*router \"vrouter\"'s, too"
lab_config 1
second "$LAB-c1-second" 51 10.20.0.2 198.18.0.2
refused "two routers of one VRID" "$at router \"second\": election: vrid = 51.*router \"vrouter\"'s, too"
lab_config 1

note "the key"
chmod 644 "$key"
refused "a key that all may read" 'sync\.key.*(others|group|mode|chmod)'
chmod 600 "$key"
mv "$key" "$key.away"
refused "a key that is not there" 'sync\.key.*No such file'
mkdir "$key"
refused "a key that cannot be read" 'sync\.key'
rmdir "$key"
(umask 077; echo "no key at all" >"$key")
refused "a key that is none" 'sync\.key:1'
mv "$key.away" "$key"

note "the machine"
refused "no CAP_NET_ADMIN" 'missing: CAP_NET_ADMIN' setpriv --bounding-set=-net_admin
refused "no CAP_NET_BROADCAST" 'missing: CAP_NET_BROADCAST' setpriv --bounding-set=-net_broadcast
refused "no CAP_NET_RAW" 'missing: CAP_NET_RAW' setpriv --bounding-set=-net_raw
refused "no CAP_SYS_ADMIN" 'missing: CAP_SYS_ADMIN' setpriv --bounding-set=-sys_admin
refused "a kernel without conntrack netlink" 'no conntrack netlink.*CONFIG_NF_CT_NETLINK' \
	"$LAB_BUILD/tests/lab/no_conntrack"
# of a leg's it is a fault that may go away: lab/legs
lab_ip c1 link set br-mgmt name br-other
refused "no interface for replication" "br-mgmt does not exist"
lab_ip c1 link set br-other name br-mgmt
lab_config 1

note "it was good all the time; but for replication's port, which another program has until it ends"
says() { ctl 1 events | grep "$1" >/dev/null; } # -q would end the pipe early
traffic taken c1 echo-server --listen 10.20.0.11:3781
lab_start 1
wait_for "the link is down" 10 says 'link br-mgmt is down.*port 3781 on br-mgmt is another program.s'
traffic_end taken
wait_for "the link is up" 10 says 'link br-mgmt is up'
wait_for "controller 1 ACTIVE" 20 is_active 1
refused "a second daemon on the run-dir" "another vrouterd \(pid ${LAB_DAEMON[1]}\) already runs on run-dir"
is_active 1 && has_vip 1 || fail "the second daemon disturbed the first"
note "passed"
