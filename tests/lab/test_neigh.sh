#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Warm neighbours: a standby knows whom the ACTIVE talks to, has nothing of it in its kernel, and is
# promoted without asking for anybody; with warm-neighbours = false it asks for each.
. "$(dirname "$0")/lib.sh"

# Few enough for all of them on two controllers: above 512 in all namespaces of the host (gc_thresh2)
# the kernel forgets entries that were not used for 5 s.
NODES=100 FIRST=10.20.0.120

known() { [ "$(status "$1" .neighbours.known)" -ge "$2" ]; }
installed() { [ "$(status "$1" .neighbours.installed)" -ge "$2" ]; }
# The standby has learned what the ACTIVE has, and that is at least so much.
learned() { known "$new" "$1" && [ "$(status $new .neighbours.known)" = "$(status $old .neighbours.known)" ]; }
knows_none() { [ "$(status "$1" .neighbours.known)" = 0 ]; }
# Nodes with a MAC in the kernel of a controller's router.
nodes_in_kernel() { lab_ip "c$1-vr" neigh show dev vr-mgmt | grep -c "^10\.20\.0\..* lladdr "; }
mac_of() { lab_ip "c$1-vr" neigh show "$2" dev "${3:-vr-mgmt}" | sed -nE 's/.* lladdr ([0-9a-f:]+).*/\1/p'; }

# Who is asked for on the legs of controller N, apart from announcements, which ask for the VIP itself.
watch_requests() {
	local leg log
	for leg in mgmt ex; do
		log=$LAB_DIR/requests-$1-$leg
		: >"$log.log"
		lab_exec "c$1-vr" tcpdump -i vr-$leg -n -s 96 --immediate-mode -l -Q out \
			"arp[6:2] = 1 and ether broadcast and not (arp[14:4] = arp[24:4])" >"$log" 2>"$log.log" &
		LAB_PIDS+=($!)
		disown $!
		wait_for "tcpdump listens" 10 grep -q 'listening on' "$log.log"
	done
}
# count_requests N: n is how many it has sent. What the capture still holds back comes out before a request for nobody.
asked_for_nobody() {
	lab_in "c$1-vr" bash -c 'echo >/dev/udp/10.20.0.251/9'
	grep -q 'who-has 10.20.0.251 ' "$LAB_DIR/requests-$1-mgmt"
}
count_requests() {
	wait_for "the capture of controller $1" 10 asked_for_nobody "$1"
	n=$(cat "$LAB_DIR/requests-$1-"{mgmt,ex} | grep -cv 'who-has 10.20.0.251 ')
}

lab_standard 2
lab_ipv6
for i in $(seq 0 $((NODES - 1))); do lab_ip n1 address add "10.20.0.$((120 + i))/24" dev eth0; done
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
until old=$(the_active); do sleep 0.1; done # a busy machine may move the role
new=$((3 - old))
lab_ip "c$old-vr" neigh replace 2001:db8:ffff::5 lladdr 02:00:00:00:00:05 dev vr-ex nud reachable || fail "no IPv6 entry"
traffic udp n1 udp-flows --target $HOST:7 --source $FIRST --sources $NODES --count $NODES
wait_for "the standby knows $NODES nodes, the gateway and one by IPv6" 20 learned $((NODES + 2))
[ "$(nodes_in_kernel $new)" = 0 ] || fail "a standby's kernel has neighbours"

had=$(status $new .neighbours.known)
note "somebody leaves, and comes with another address"
lab_ip "c$old-vr" neigh del 2001:db8:ffff::5 dev vr-ex
lab_ip "c$old-vr" neigh replace 2001:db8:ffff::6 lladdr 02:00:00:00:00:06 dev vr-ex nud stale
lab_ip "c$old-vr" neigh replace 10.20.0.250 lladdr 02:00:00:00:00:07 dev vr-mgmt nud stale
wait_for "the standby knows that" 20 learned $((had + 1))

# Roles and counts are as before until the controllers notice: so there come ten more meanwhile, whom
# only the next process tells, along with all others. What comes by itself (link-local) is less than ten.
note "the replication process of the ACTIVE dies, and all is told again"
kill -KILL "$(pgrep -P "${LAB_DAEMON[$old]}" -f -- --sync-worker)"
for i in {0..9}; do echo "neigh replace 10.20.0.23$i lladdr 02:00:00:00:01:0$i dev vr-mgmt nud stale"; done |
	lab_ip "c$old-vr" -batch - || fail "no ten more"
all=$((NODES + 3 + 10))
wait_for "the standby knows all" 20 learned $all
wait_for "one ACTIVE, one ready" 30 settled

watch_requests $new
note "controller $old crashes"
lab_crash $old
wait_for "controller $new ACTIVE" 20 is_active $new
wait_for "neighbours are installed" 10 installed $new $all
wait_for "the new ACTIVE knows them" 10 known $new $all
n=$(nodes_in_kernel $new)
note "$(status $new .neighbours), $n nodes in the kernel"
[ "$n" -ge $((NODES + 1 + 10)) ] || fail "$n nodes in the kernel of the new ACTIVE"
[ "$(mac_of $new 10.20.0.250)" = 02:00:00:00:00:07 ] || fail "a wrong MAC"
[ "$(mac_of $new 10.20.0.239)" = 02:00:00:00:01:09 ] || fail "a wrong MAC of who came last"
[ "$(mac_of $new 2001:db8:ffff::6 vr-ex)" = 02:00:00:00:00:06 ] || fail "the IPv6 neighbour is not there"
[ -z "$(mac_of $new 2001:db8:ffff::5 vr-ex)" ] || fail "a neighbour that had left is there"
all_alive udp
count_requests $new
[ "$n" = 0 ] || fail "$n requests for neighbours that were known"

note "the other way round, without"
lab_revive $old
ROUTER_EXTRA="warm-neighbours = false"
lab_start $old
wait_for "one ACTIVE, one ready" 30 settled
if is_active $new; then
	all_alive udp
	wait_for "it knows nobody" 5 knows_none $old
	watch_requests $old
	lab_crash $new
	wait_for "controller $old ACTIVE" 20 is_active $old
	all_alive udp
	count_requests $old
	note "$n requests"
	[ "$n" -ge $NODES ] || fail "the capture itself does not work: $n requests for $NODES nodes"
fi
note "passed"
