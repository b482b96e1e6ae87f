#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Elections that are none: mode "external", where promote and demote decide, and "single".
. "$(dirname "$0")/lib.sh"

nobody() { ! is_active 1 && ! is_active 2 && ! has_vip 1 && ! has_vip 2; }

note "external: nobody is ACTIVE until told"
ELECTION=external
lab_standard 2
lab_start 1 2
sleep 1 # as long as an election would take
nobody || fail "a controller is ACTIVE without being promoted"
ctl 1 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 1 ACTIVE" 20 is_active 1
traffic tcp n1 tcp-flows --target $HOST:7 --count 100
traffic udp n1 udp-flows --target $HOST:7 --count 50
wait_for "controller 2 ready" 30 is_ready 2
all_alive tcp udp

note "external: a planned move"
wait_for "equal tables" 20 same_table 1 2
ctl 1 demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "nobody ACTIVE" 20 nobody
ctl 2 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 2 ACTIVE" 20 is_active 2
all_alive tcp udp

note "external: promoted after a crash"
wait_for "controller 1 ready" 30 is_ready 1
lab_crash 2
ctl 1 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 1 ACTIVE" 20 is_active 1
all_alive tcp udp
lab_stop 1 || fail "vrouterd ended with $? after SIGTERM"
! has_vip 1 || fail "the stopped controller kept the VIP"

note "single: ACTIVE by itself"
ELECTION=single
lab_start 1
wait_for "controller 1 ACTIVE" 20 is_active 1
all_alive tcp udp
note "passed"
