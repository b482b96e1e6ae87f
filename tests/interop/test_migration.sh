#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC2086
# docs/migration.md, step by step: two controllers with keepalived and conntrackd, 5,000 live flows. The
# standby is replaced, the role moves, the other one is replaced, both go over to the native protocol, and the
# role moves again. No flow is lost and no connection is reset, at any step.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/../lab/rival.sh"
for tool in conntrackd keepalived tcpdump; do command -v $tool >/dev/null || skip "$tool is not installed"; done

FLOWS=5000
RIVAL_SYNC=yes
ADVERT=1000 # as keepalived has it by default; at 100 ms the old pair moves its VIPs whenever the machine stands still
FLOW_SETS=(held talk udp)
unharmed() { # after WHAT
	all_alive "${FLOW_SETS[@]}"
	[ "$(resets node)/$(resets public)" = 0/0 ] || fail "$1: $(resets node)/$(resets public) resets"
}
has_flows() { [ "$(count "$1")" -ge "$FLOWS" ]; }
holds() { has_vip "$1" && ! has_vip "$2"; }
is_empty() { [ -z "$(ip netns pids "$LAB-c$1-vr")" ]; }
no_port() { ! lab_ip fabric link show "c$1-sync" >/dev/null 2>&1; }

import() { # N: what the operator has to choose is what the report names
	local dir=$LAB_DIR/c$1
	"$LAB_BUILD/daemon/vrouterctl" import --controller "controller-$1" --protocol conntrackd -o "$dir/vrouterd.conf" \
		"$dir/conntrackd.conf" "$dir/keepalived.conf" 2>"$LAB_DIR/import-$1.log" || fail "import: exit $?"
	sed -i -e "s|^controller .*|controller \"controller-$1\" { run-dir = \"$dir\" control-socket = \"$dir/control.sock\" }|" \
		-e "s|namespace = .*|namespace = \"$LAB-c$1-vr\"|" -e 's|br-vr-|br-|' \
		-e 's|nat {.*|nat { mode = "snat" random = true }|' "$dir/vrouterd.conf"
}
replace() { # N: the old programs and what their scripts made go, vrouterd comes
	import "$1"
	kill -TERM $(ip netns pids "$LAB-c$1-vr")
	wait_for "the old stack of $1 has ended" 10 is_empty "$1"
	ip netns del "$LAB-c$1-vr"
	wait_for "its links are gone" 10 no_port "$1"
	lab_sync_link "$1"
	lab_run "$1"
	wait_for "$1 is ready" 30 is_ready "$1"
	wait_for "$1 has all flows in its kernel" 10 has_flows "$1"
}
native() { # N
	sed -i -e '/^  protocol = /d; /^  mode = "ft-fw"/d; /^  port = /d' \
		-e "s|^  security = .*|  key-file = \"$LAB_DIR/sync.key\"|" "$LAB_DIR/c$1/vrouterd.conf"
	ctl "$1" reload >"$LAB_DIR/reload-$1.log" || fail "reload: exit $?"
}

lab_standard 2
rival_start 1
rival_start 2
wait_for "keepalived on 1 has the VIPs" 20 holds 1 2
traffic held n1 tcp-flows --target $HOST:7 --count 4600
traffic talk n1 tcp-flows --target $HOST:7 --count 300 --interval-us 3000
traffic udp n1 udp-flows --target $HOST:7 --count 100
watch_resets node n1 eth0
watch_resets public h1 eth0
wait_for "conntrackd on 2 knows all flows" 20 rival_synced 2 $FLOWS

note "the standby is replaced"
replace 2
holds 1 2 || fail "the role moved"
unharmed "the standby was replaced"

note "the role moves to vrouterd"
ctl 2 promote vr >/dev/null || fail "promote: exit $?"
wait_for "2 holds the VIPs" 10 holds 2 1
unharmed "the role moved to vrouterd"

note "the other one is replaced"
replace 1
holds 2 1 || fail "the role moved"
unharmed "the other one was replaced"

note "to the native protocol: first the standby, then the ACTIVE"
lab_key
native 1
grep -q 'replication starts anew, with protocol = "native"' "$LAB_DIR/reload-1.log" || fail "$(cat "$LAB_DIR/reload-1.log")"
has_flows 1 || fail "the standby dropped its flows"
traffic between n1 tcp-flows --target $HOST:7 --count 100
FLOW_SETS+=(between) FLOWS=5100
native 2
wait_for "1 is ready" 30 is_ready 1
is_active 2 || fail "the role moved"
ctl 2 verify vr >"$LAB_DIR/verify.log" || fail "the tables differ: $(cat "$LAB_DIR/verify.log")"
unharmed "the protocol changed"

note "the role moves once more"
ctl 2 demote vr >/dev/null || fail "demote: exit $?"
wait_for "1 holds the VIPs" 10 holds 1 2
unharmed "the role moved by the native protocol"
note "passed"
