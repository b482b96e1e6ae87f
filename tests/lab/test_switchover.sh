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
# SYNs and their answers, where they leave and where they come: who sends one again after a second says nothing about
# where the first one was for so long, these do.
count_syns() { # NAMESPACE {ITS PORT, FLAGS} OF-WHAT-LEAVES {...} OF-WHAT-COMES
	lab_in "$1" nft -f - <<-END || fail "nft in $1"
		table inet syns {
			counter out { }
			counter in { }
			chain output { type filter hook output priority 0; tcp $2 8 tcp flags & (syn | ack | rst) == $3 counter name out; }
			chain input { type filter hook input priority 0; tcp $4 8 tcp flags & (syn | ack | rst) == $5 counter name in; }
		}
	END
}
syns() { lab_in "$1" nft "${3:-list}" counter inet syns "$2" | sed -nE 's/.*packets ([0-9]+) .*/\1/p'; }
all_came() { [ "$(syns h1 in)" -ge "$(syns n1 out)" ] && [ "$(syns n1 in)" -ge "$(syns h1 out)" ]; }
begin() {
	DROPPED=$(lab_dropped)
	ask opens settle # what is on its way at a reset would count as one more that came
	ask opens6 settle
	for c in "h1 in" "n1 in" "n1 out" "h1 out"; do syns $c reset >/dev/null; done
	ask opens reset
	ask opens6 reset
	ask probe reset
}
judge_opens() { # WHAT
	note "$1: $REPLY"
	[ "$(field failed)/$(field pending)" = 0/0 ] || fail "$1 did not come about"
}
# What is under way has its time to come; then all that began has to have ended well.
nothing_lost() { # WHAT
	local opens opens6
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
	REPLY=$opens
	judge_opens "$1: new connections"
	REPLY=$opens6
	judge_opens "$1: new connections over IPv6"
	within 10 all_came || fail "$1: of $(syns n1 out) SYNs $(syns h1 in) came, of $(syns h1 out) answers $(syns n1 in)"
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
count_syns n1 dport syn sport "(syn | ack)"
count_syns h1 sport "(syn | ack)" dport syn

begin
for i in 1 2 3; do
	wait_for "one ACTIVE, one ready" 30 settled
	old=$(the_active) || fail "nobody is ACTIVE"
	ctl "$old" demote vrouter >/dev/null || fail "vrouterctl demote: exit $?"
	wait_for "another one is ACTIVE" 20 took_over "$old"
done
nothing_lost "demote"
all_alive tcp tcp6 udp ping
if [ "$NAT_MODE" = masquerade ]; then # a kernel that masquerades itself ends flows of a former ACTIVE in its own time
	wait_for "one ACTIVE, one ready" 30 settled
	b=$((3 - $(the_active)))
	lab_in "c$b-vr" conntrack -D -p udp -d $HOST >/dev/null 2>&1 || fail "no flow to end"
	has_udp() { [ "$(table "$b" | grep -c "^17 .*$HOST")" -ge 100 ]; }
	wait_for "the replica has what its kernel ended" 20 has_udp
	for i in 1 2; do # and back, before a kernel that masquerades itself would be through
		old=$(the_active) || fail "nobody is ACTIVE"
		ctl "$old" demote vrouter >/dev/null || fail "vrouterctl demote: exit $?"
		wait_for "another one is ACTIVE" 20 took_over "$old"
	done
	all_alive tcp tcp6 udp ping
fi

begin
lab_stop 1 || fail "vrouterd ended with $? after SIGTERM"
! has_vip 1 || fail "the stopped controller kept the VIP"
wait_for "controller 2 ACTIVE" 20 is_active 2
lab_start 1 # complete first, then it asks for the role
wait_for "controller 1 ACTIVE again" 30 is_active 1
wait_for "the word of who was asked" 10 asked_for
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
