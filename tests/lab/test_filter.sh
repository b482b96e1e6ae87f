#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Filters: the other controller holds exactly what the filter lets through, also when flows enter and
# leave it and when it changes; and what the kernel can drop never reaches the process.
. "$(dirname "$0")/lib.sh"

counter() { ctl "$1" --json stats | jq ".routers[0].replication | $2"; }
# But for those of its own writes: after a promotion it sets timeouts back to normal.
events() { counter "$active" ".events - .events_own"; }
# Entries that conntrack(8) puts into the ACTIVE's table, each of them one event.
ct() { lab_in "c$active-vr" conntrack "$@" >/dev/null 2>"$LAB_DIR/ct.log" || fail "conntrack $*: $(cat "$LAB_DIR/ct.log")"; }
put() { # PROTOCOL SOURCE PORT MORE...
	ct -I -t 100 -p "$1" -s "$2" -d 198.18.5.5 --sport "$3" --dport 80 --src-nat "$PUBLIC_VIP:$((40000 + $3))" "${@:4}"
}
change() { ct -U -p "$1" -s "$2" -d 198.18.5.5 --sport "$3" --dport 80 "${@:4}"; }
# What of these is on controller N: "protocol source port" and the state, NAT, mark and status.
held() {
	lab_in "c$1-vr" conntrack -L -o extended 2>/dev/null | grep 'dst=198.18.5.5' |
		sed -E 's/^ipv4 +2 +(\S+) +[0-9]+ +[0-9]+ +/\1 /; s/ use=[0-9]+//' | LC_ALL=C sort
}
keys() { held "$1" | sed -E 's/^(\S+) .*src=(\S+) dst=198.18.5.5 sport=([0-9]+) .*/\1 \2 \3/' | tr '\n' ';'; }
holds() { [ "$(keys "$standby")" = "$1" ]; }
# node PROTOCOL: how many flows of the node are on the standby.
node() { table "$standby" | grep -F ' 10.20.0.101 ' | grep -c "^$1 "; }
node_has() { [ "$(node 6) $(node 17)" = "$1" ]; }
same_held() { [ "$(held 1)" = "$(held 2)" ]; }
reload_with() {
	local i
	SYNC_EXTRA=$1
	for i in 1 2; do
		lab_config $i
		ctl $i reload >"$LAB_DIR/reload" 2>&1 || fail "reload: $(cat "$LAB_DIR/reload")"
	done
	wait_for "one ACTIVE, one ready" 20 settled
}

SYNC_EXTRA='filter { protocols = { "tcp", "icmp" }  ignore-addresses = { "10.77.9.0/24" } }'
lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
active=$(the_active) || fail "nobody is ACTIVE"
standby=$((3 - active))

put tcp 10.77.0.1 1 --state SYN_SENT
wait_for "TCP is there" 10 holds "tcp 10.77.0.1 1;"
before=$(events)
for i in $(seq 20); do
	lab_in n1 bash -c "echo x >/dev/udp/$HOST/$((9000 + i))"           # another protocol
	lab_in "c$active-vr" bash -c "echo x >/dev/udp/$HOST/$((9100 + i))" # the router's own
done
for i in 1 2 3; do # to and from the router itself
	lab_in "c$active-vr" bash -c "echo x >/dev/tcp/$HOST/7" || fail "the router does not reach $HOST"
	lab_in n1 bash -c "echo x >/dev/tcp/$MGMT_VIP/9" 2>/dev/null && fail "who answers at port 9?"
done
put udp 10.77.0.2 2
put tcp 10.77.9.3 3 --state SYN_SENT
put tcp 10.77.0.4 4 --state SYN_SENT
wait_for "what came last" 10 holds "tcp 10.77.0.1 1;tcp 10.77.0.4 4;"
n=$(($(events) - before))
[ "$n" = 1 ] || fail "$n events reached the process, not 1"
note "48 flows that are not replicated: $((n - 1)) of their events reached the process"
traffic tcp n1 tcp-flows --target $HOST:7 --count 20
traffic udp n1 udp-flows --target $HOST:7 --count 20
wait_for "TCP of the node there, UDP not" 10 node_has "20 0"

note "another one: only what is ASSURED"
reload_with 'filter { assured = true }'
put udp 10.77.0.5 5 -m 7
put udp 10.77.0.6 6
wait_for "only what is ASSURED" 10 holds ""
node_has "20 0" || fail "UDP that the kernel does not call ASSURED yet: $(table "$standby")"
# It enters with an event that tells neither mark nor translation.
change udp 10.77.0.5 5 -u SEEN_REPLY,ASSURED
wait_for "what became ASSURED" 10 holds "udp 10.77.0.5 5;"
held "$standby" | grep -q "dport=40005 .*mark=7" || fail "it is not complete: $(held "$standby")"
ct -D -p udp -s 10.77.0.5
wait_for "what ended" 10 holds ""

ct -D -p udp -s 10.77.0.2
put udp 10.77.0.2 2
note "another one: TCP while ESTABLISHED, of one network"
reload_with 'filter { addresses = { "10.77.0.0/16", "2001:db8::/32" }  tcp-states = "ESTABLISHED" }'
wait_for "UDP, of that network alone" 10 holds "udp 10.77.0.2 2;udp 10.77.0.6 6;"
node_has "0 0" || fail "flows of the node: $(table "$standby")"
change tcp 10.77.0.1 1 --state ESTABLISHED -u SEEN_REPLY,ASSURED
wait_for "what entered" 10 holds "tcp 10.77.0.1 1;udp 10.77.0.2 2;udp 10.77.0.6 6;"
change tcp 10.77.0.1 1 --state FIN_WAIT
wait_for "what left" 10 holds "udp 10.77.0.2 2;udp 10.77.0.6 6;"

note "none"
reload_with ''
wait_for "all there" 10 same_held
wait_for "equal tables" 10 same_table 1 2
[ "$(held "$standby" | wc -l)" = 5 ] || fail "$(held "$standby")"
all_alive tcp udp
[ "$(counter "$standby" .apply_errors)" = 0 ] || fail "something was refused: $(ctl "$standby" --json stats)"

note "what is wrong is refused, and nothing changes"
SYNC_EXTRA='filter { protocols = "tpc" }'
lab_config "$active"
! ctl "$active" reload >"$LAB_DIR/refused" 2>&1 || fail "accepted: $SYNC_EXTRA"
grep -q 'filter: protocols = "tpc": is no protocol; allowed: "tcp", "udp"' "$LAB_DIR/refused" ||
	fail "$(cat "$LAB_DIR/refused")"
put udp 10.77.0.7 7
wait_for "all is told as before" 10 same_held
note "passed"
