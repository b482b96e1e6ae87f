#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Five controllers whose links lose every tenth replication datagram in each direction, and that die
# one after the other. With 5, 4, 3 and 2 of them left, flows come and go, and each replica is asked
# for every single one; so also after the first, the second and the third failover.
. "$(dirname "$0")/lib.sh"
FLOWS=3000 GONE=1000 N=5 ROUND=0

replicas() {
	local i
	for i in "${!LAB_DAEMON[@]}"; do [ "$i" = "$active" ] || echo "$i"; done
}
entries() { # FILL|DROP|HAVE CONTROLLER ROUND FIRST COUNT...
	local do=$1 c=$2 round=$3 first=$4 count=$5
	shift 5
	lab_in "c$c-vr" "$TRAFFIC" "$do" --target $HOST:$((1000 + round)) --source 10.20.0.$((150 + round)) \
		--via $PUBLIC_VIP --first "$first" --count "$count" "$@"
}
# Of every round so far: what was dropped is gone, all else is there.
complete_at() {
	local r
	for r in $(seq $ROUND); do
		[ "$(entries have "$1" "$r" 0 $GONE)" = 0 ] &&
			[ "$(entries have "$1" "$r" $GONE $((FLOWS - GONE)))" = $((FLOWS - GONE)) ] || return 1
	done
}
complete() {
	local i
	for i in $(replicas); do complete_at "$i" && same_table "$active" "$i" || return 1; done
}
lost() {
	local i n=0
	for i in $(seq $N); do n=$((n + $(lab_lost "c$i-mgmt"))); done
	echo $n
}

change() {
	local before
	wait_for "one ACTIVE, $((${#LAB_DAEMON[@]} - 1)) ready" 40 settled
	active=$(the_active) || fail "nobody is ACTIVE"
	before=$(lost)
	ROUND=$((ROUND + 1))
	traffic "tcp$ROUND" n1 tcp-flows --target $HOST:7 --count 100 --interval-us 1000
	traffic "udp$ROUND" n1 udp-flows --target $HOST:7 --count 20
	names+=("tcp$ROUND" "udp$ROUND")
	entries fill "$active" $ROUND 0 $FLOWS --rate 20000 >/dev/null
	entries drop "$active" $ROUND 0 $GONE --rate 20000 >/dev/null
	wait_for "every flow on each of $((${#LAB_DAEMON[@]} - 1)) replicas" 40 complete
	note "${#LAB_DAEMON[@]} controllers, round $ROUND: complete; $(($(lost) - before)) datagrams were lost"
	[ "$(lost)" -gt "$before" ] || fail "nothing was lost: the test proves nothing"
	all_alive "${names[@]}"
}

names=()
lab_standard $N
lab_start $(seq $N)
for i in $(seq $N); do lab_loss "c$i-mgmt" 10 "udp dport 3781"; done
watch_resets public h1 eth0
change
while [ ${#LAB_DAEMON[@]} -gt 2 ]; do
	active=$(the_active) || fail "nobody is ACTIVE"
	lab_crash "$active"
	note "controller $active is dead"
	change
done
wait_for "one ACTIVE, one ready" 30 settled
lab_crash "$(the_active)"
note "the last one is alone"
wait_for "it is ACTIVE" 20 the_active >/dev/null
active=$(the_active)
complete_at "$active" || fail "controller $active does not hold every flow"
all_alive "${names[@]}"
[ "$(resets public)" = 0 ] || fail "connections were reset"
note "passed"
