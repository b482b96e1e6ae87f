#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Planned: the role moves by `vrouterctl demote` and by SIGTERM, under live flows.
. "$(dirname "$0")/lib.sh"

took_over() { local a; a=$(the_active) && [ "$a" != "$1" ]; }

lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
watch_resets public h1 eth0
watch_resets node n1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count 300 --interval-us 500
traffic udp n1 udp-flows --target $HOST:7 --count 100
traffic ping n1 ping-flows --target $HOST:0 --count 30
traffic probe n1 probe --target $HOST:7
all_alive tcp udp ping
wait_for "one ACTIVE, one ready" 30 settled

old=$(the_active) || fail "nobody is ACTIVE"
ask probe reset
ctl "$old" demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "another one is ACTIVE" 20 took_over "$old"
all_alive tcp udp ping
ask probe report
note "demote of controller $old: $REPLY"
[ "$(field moved)" = 0 ] || fail "the probe got another translation"

wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) || fail "nobody is ACTIVE"
ask probe reset
lab_stop "$old" || fail "vrouterd ended with $? after SIGTERM"
! has_vip "$old" || fail "the stopped controller kept the VIP"
wait_for "another one is ACTIVE" 20 the_active >/dev/null
all_alive tcp udp ping
ask probe report
note "SIGTERM of controller $old: $REPLY"
[ "$(field moved)" = 0 ] || fail "the probe got another translation"
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"

lab_start "$old"
wait_for "one ACTIVE, one ready" 30 settled
all_alive tcp udp ping
note "passed"
