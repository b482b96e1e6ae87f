#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Planned: the role moves by `vrouterctl demote`, by SIGTERM and because a higher priority comes back, under
# live flows, with connections being opened all the time. Nothing is lost: no probe, no connection, no SYN, neither of
# IPv4 nor of IPv6.
# What is late on a busy machine is not lost, so counts are judged and times are not.
. "$(dirname "$0")/lib.sh"
# A machine that stands still for a second is to be no reason to take over, or to leave before all is told.
NAT_MODE=${1:-snat} PREEMPT=true ADVERT=500 ROUTER_EXTRA="drain = 10000  linger = 10000"

took_over() { local a; a=$(the_active) && [ "$a" != "$1" ]; }
begin() {
	DROPPED=$(lab_dropped)
	ask opens reset
	ask opens6 reset
	ask probe reset
}
judge_opens() { # WHAT GAP-MS
	note "$1: $REPLY"
	[ "$(field failed)/$(field pending)" = 0/0 ] || fail "$1 did not come about"
	# a SYN is sent again after a second, also where the machine stood still for so long
	[ "$(field syn_retrans)" = 0 ] || [ "${2%.*}" -ge 900 ] || fail "$1: a SYN had to be sent again"
}
# What is under way has its time to come; then all that began has to have ended well.
nothing_lost() { # WHAT
	local opens opens6 gap
	ask opens settle
	opens=$REPLY
	ask opens6 settle
	opens6=$REPLY
	ask probe settle
	note "$1: probe: $REPLY"
	[ "$(field moved)" = 0 ] || fail "$1: the probe got another translation"
	if [ "$(lab_dropped)" != "$DROPPED" ]; then
		note "the machine dropped packets by itself: what is lost is not judged"
		return
	fi
	[ "$(field lost)" = 0 ] || fail "$1: probes were lost"
	gap=$(field gap_ms)
	REPLY=$opens
	judge_opens "$1: new connections" "$gap"
	REPLY=$opens6
	judge_opens "$1: new connections over IPv6" "$gap"
}
asked_for() { grep -q "controller-1 bids more and asks for it" "$LAB_DIR/c2.log"; }

lab_standard 2
lab_ipv6
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
# tcp-opens ends its connections with one
watch_resets public h1 eth0 "and src host $HOST"
watch_resets node n1 eth0 "and dst net 10.20.0.0/24"
traffic tcp n1 tcp-flows --target $HOST:7 --count 300 --interval-us 2000
traffic tcp6 n1 tcp-flows --target "[$HOST6]:7" --count 100 --interval-us 2000
traffic udp n1 udp-flows --target $HOST:7 --count 100
traffic ping n1 ping-flows --target $HOST:0 --count 30
# For one target two routers can pick the port of a connection that lives, where they pick at random: so
# these have one of their own, and more of them would need more ports than there are.
traffic echo8 h1 echo-server --listen $HOST:8
traffic echo86 h1 echo-server --listen "[$HOST6]:8"
traffic opens n1 tcp-opens --target $HOST:8 --interval-us 4000
traffic opens6 n1 tcp-opens --target "[$HOST6]:8" --interval-us 10000
traffic probe n1 probe --target $HOST:7
all_alive tcp tcp6 udp ping

begin
for i in 1 2 3; do
	wait_for "one ACTIVE, one ready" 30 settled
	old=$(the_active) || fail "nobody is ACTIVE"
	ctl "$old" demote vrouter >/dev/null || fail "vrouterctl demote: exit $?"
	wait_for "another one is ACTIVE" 20 took_over "$old"
done
nothing_lost "demote"
all_alive tcp tcp6 udp ping

begin
lab_stop 1 || fail "vrouterd ended with $? after SIGTERM"
! has_vip 1 || fail "the stopped controller kept the VIP"
wait_for "controller 2 ACTIVE" 20 is_active 2
lab_start 1 # complete first, then it asks for the role
wait_for "controller 1 ACTIVE again" 30 is_active 1
asked_for || fail "controller 1 took the role without asking for it"
nothing_lost "restart and preemption"
all_alive tcp tcp6 udp ping

wait_for "one ACTIVE, one ready" 30 settled
begin
lab_stop 1 || fail "vrouterd ended with $? after SIGTERM"
! has_vip 1 || fail "the stopped controller kept the VIP"
wait_for "controller 2 ACTIVE" 20 is_active 2
nothing_lost "SIGTERM"
all_alive tcp tcp6 udp ping
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"
note "passed"
