#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The core of the ACTIVE, then that of the replica, then both processes of the ACTIVE stand still for 3 s
# while flows come and go. When the core of the ACTIVE does, the other one takes over, the two settle when it
# wakes, and the VIPs are announced again to who may have learned it wrong meanwhile. No flow is lost and
# the tables become equal. (lab/contain does the same to the replication processes alone.)
. "$(dirname "$0")/lib.sh"

equal() { settled && same_table 1 2; }

FLOWS=10000 RATE=4000 # entries at the ACTIVE, all of them made before the process goes on
load_on() {
	lab_exec "c$active-vr" "$TRAFFIC" fill --target $HOST:$((1000 + N)) --source 10.20.0.$((150 + N)) \
		--via $PUBLIC_VIP --count $FLOWS --rate $RATE >/dev/null &
	FILL=$!
	lab_exec n1 bash -c "while :; do : | $TRAFFIC tcp-flows --target $HOST:8 --count 100 \
		--interval-us 1000; sleep 0.05; done" >/dev/null 2>&1 &
	LOAD=$!
	LAB_PIDS+=($FILL $LOAD)
	disown $LOAD
}
has_all() { # CONTROLLER
	[ "$(lab_in "c$1-vr" "$TRAFFIC" have --target $HOST:$((1000 + N)) --source 10.20.0.$((150 + N)) \
		--via $PUBLIC_VIP --count $FLOWS)" = $FLOWS ]
}

mac() { lab_ip "c$1-vr" -j link show dev "$2" | jq -r '.[0].address'; }
# Both controllers have the VIPs while one stands still, and both kernels answer for them. So the hosts
# learn the wrong one, and keep it until they hear an announcement.
mislead() { # CONTROLLER
	local n
	for n in n1 h1; do lab_in $n sysctl -qw net.ipv4.neigh.eth0.base_reachable_time_ms=3600000; done
	lab_ip n1 neigh replace $MGMT_VIP lladdr "$(mac "$1" vr-mgmt)" nud reachable dev eth0
	lab_ip h1 neigh replace $PUBLIC_VIP lladdr "$(mac "$1" vr-ex)" nud reachable dev eth0
}
knows() { # CONTROLLER
	[[ $(lab_ip n1 neigh show $MGMT_VIP) = *" $(mac "$1" vr-mgmt) "* ]] &&
		[[ $(lab_ip h1 neigh show $PUBLIC_VIP) = *" $(mac "$1" vr-ex) "* ]]
}

N=0
pause() { # CONTROLLER [ANOTHER PROCESS]
	local pids="${LAB_DAEMON[$1]} ${2:-}"
	N=$((N + 1))
	load_on
	kill -STOP $pids
	# what a kernel forwards while nobody tells of it cannot be known elsewhere
	[ -z "${2:-}" ] || wait_for "the other one ACTIVE" 10 is_active $((3 - $1))
	traffic "tcp$N" n1 tcp-flows --target $HOST:7 --count 200 --interval-us 500
	traffic "udp$N" n1 udp-flows --target $HOST:7 --count 50
	names+=("tcp$N" "udp$N")
	sleep 3
	all_alive "${names[@]}"
	wait $FILL
	! is_active $((3 - $1)) || [ "$1" != "$active" ] || mislead "$1"
	kill -CONT $pids
	wait_for "one ACTIVE, one ready, while flows go on changing" 30 settled
	wait_for "the hosts know who is ACTIVE" 20 knows "$(the_active)"
	kill -KILL $LOAD
	wait_for "one ACTIVE, one ready, equal tables" 30 equal
	all_alive "${names[@]}"
	note "controller $(the_active) is ACTIVE"
}

names=()
lab_standard 2
# Two that forward, each not knowing the flows of the other one, pick ports at random. For one target that
# is now and then the port of a connection that lives, and the host resets that. So what comes and goes has
# a target of its own.
traffic echo8 h1 echo-server --listen $HOST:8
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
active=$(the_active) || fail "nobody is ACTIVE"
note "the core of the ACTIVE, controller $active, stands still"
pause "$active"
active=$(the_active) || fail "nobody is ACTIVE"
note "the core of the replica, controller $((3 - active)), stands still"
pause $((3 - active))
[ "$(the_active)" != "$active" ] || for i in 1 2; do has_all $i || fail "controller $i does not hold every flow"; done
active=$(the_active) || fail "nobody is ACTIVE"
note "both processes of the ACTIVE, controller $active, stand still"
pause "$active" "$(pgrep -P "${LAB_DAEMON[$active]}" -f -- --sync-worker)"
note "and what was replicated after all that is worth it"
lab_crash "$(the_active)"
all_alive "${names[@]}"
note "passed"
