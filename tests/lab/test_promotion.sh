#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One controller comes up from nothing and carries traffic; a restarted daemon adopts what is there;
# a standby is silent on both of its legs.
. "$(dirname "$0")/lib.sh"

capture() { # NAME NAMESPACE INTERFACE FILTER...: what the port receives from its link
	local name=$1 ns=$2 dev=$3
	shift 3
	: >"$LAB_DIR/$name.log"
	lab_exec "$ns" tcpdump -i "$dev" -Q in -n -U -w "$LAB_DIR/$name.pcap" "$@" 2>"$LAB_DIR/$name.log" &
	LAB_PIDS+=($!)
	disown $!
	wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/$name.log"
}
captured() { # NAME FILTER: number of frames
	tcpdump -r "$LAB_DIR/$1.pcap" -n "$2" 2>/dev/null | wc -l
}
mac() { lab_ip "$1" -o link show dev "$2" | sed -E 's/.*link\/ether ([0-9a-f:]+).*/\1/'; }
ifindex() { lab_ip "$1" -o link show dev "$2" | cut -d: -f1; }

lab_standard 2
capture host h1 eth0 ip
capture c1-ex fabric c1-ex
capture c2-ex fabric c2-ex
capture c2-mgmt fabric c2-mgmt

note "controller 1 alone"
lab_start 1
wait_for "controller 1 ACTIVE" 20 is_active 1
has_vip 1 || fail "ACTIVE without the VIP in the kernel"
traffic tcp n1 tcp-flows --target $HOST:7 --count 50
traffic udp n1 udp-flows --target $HOST:7 --count 20
traffic ping n1 ping-flows --target $HOST:0 --count 10
all_alive tcp udp ping

note "the daemon dies and comes back; the kernel goes on meanwhile"
legs="$(ifindex c1-vr vr-mgmt) $(ifindex c1-vr vr-ex)"
kill -KILL $(ip netns pids "$LAB-c1")
{ wait "${LAB_DAEMON[1]}"; } 2>/dev/null
lab_start 1
wait_for "controller 1 ACTIVE again" 20 is_active 1
[ "$legs" = "$(ifindex c1-vr vr-mgmt) $(ifindex c1-vr vr-ex)" ] || fail "the legs were made anew"
all_alive tcp udp ping

note "controller 2 joins as a silent standby"
lab_start 2
wait_for "one ACTIVE, one ready" 30 settled
all_alive tcp udp ping
sleep 1 # time for what should not be sent
if is_ready 2; then
	for leg in mgmt ex; do
		n=$(captured c2-$leg "ether src $(mac c2-vr vr-$leg)")
		[ "$n" = 0 ] || fail "standby sent $n frames on its leg $leg"
	done
fi
[ "$(captured c1-ex "ether src $(mac c1-vr vr-ex)")" -gt 0 ] || fail "the capture itself does not work"

n=$(captured host "src net 10.20.0.0/16 or dst net 10.20.0.0/16")
[ "$n" = 0 ] || fail "$n packets with a node's address reached the public side"
[ "$(captured host "src host $PUBLIC_VIP")" -gt 0 ] || fail "the public host saw nothing of the VIP"
for c in status peers stats "flows vrouter" "events --lines 1" keygen version; do
	# shellcheck disable=SC2086 # a command and its arguments
	ctl 1 --json $c | jq -e . >/dev/null || fail "vrouterctl --json $c is not JSON"
done
note "passed"
