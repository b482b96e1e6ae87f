#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The core of the ACTIVE, then that of the replica, stands still for 3 s while flows come and go. The
# first time the other one takes over, and the two settle when it wakes. No flow is lost and the
# tables become equal. (lab/contain does the same to the replication processes.)
. "$(dirname "$0")/lib.sh"

equal() { settled && same_table 1 2; }

FLOWS=10000 RATE=4000 # entries at the ACTIVE, all of them made before the process goes on
load_on() {
	lab_exec "c$active-vr" "$TRAFFIC" fill --target $HOST:$((1000 + N)) --source 10.20.0.$((150 + N)) \
		--via $PUBLIC_VIP --count $FLOWS --rate $RATE >/dev/null &
	FILL=$!
	lab_exec n1 bash -c "while :; do : | $TRAFFIC tcp-flows --target $HOST:7 --count 100 \
		--interval-us 1000; sleep 0.05; done" >/dev/null 2>&1 &
	LOAD=$!
	LAB_PIDS+=($FILL $LOAD)
	disown $LOAD
}
has_all() { # CONTROLLER
	[ "$(lab_in "c$1-vr" "$TRAFFIC" have --target $HOST:$((1000 + N)) --source 10.20.0.$((150 + N)) \
		--via $PUBLIC_VIP --count $FLOWS)" = $FLOWS ]
}

N=0
pause() { # CONTROLLER
	local pid=${LAB_DAEMON[$1]}
	N=$((N + 1))
	load_on
	kill -STOP "$pid"
	traffic "tcp$N" n1 tcp-flows --target $HOST:7 --count 200 --interval-us 500
	traffic "udp$N" n1 udp-flows --target $HOST:7 --count 50
	names+=("tcp$N" "udp$N")
	sleep 3
	all_alive "${names[@]}"
	wait $FILL
	kill -CONT "$pid"
	wait_for "one ACTIVE, one ready, while flows go on changing" 30 settled
	kill -KILL $LOAD
	wait_for "one ACTIVE, one ready, equal tables" 30 equal
	all_alive "${names[@]}"
	note "controller $(the_active) is ACTIVE"
}

names=()
lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
active=$(the_active) || fail "nobody is ACTIVE"
note "the core of the ACTIVE, controller $active, stands still"
pause "$active"
active=$(the_active) || fail "nobody is ACTIVE"
note "the core of the replica, controller $((3 - active)), stands still"
pause $((3 - active))
[ "$(the_active)" != "$active" ] || for i in 1 2; do has_all $i || fail "controller $i does not hold every flow"; done
note "and what was replicated after all that is worth it"
lab_crash "$(the_active)"
all_alive "${names[@]}"
note "passed"
