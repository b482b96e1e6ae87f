#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Elections that are none: mode "external", where promote and demote decide, and "single".
. "$(dirname "$0")/lib.sh"

flushed() { [ "$(count "$1")" -lt 50 ]; }
is_alone() { [ "$(status "$1" .sync)" = alone ]; }
nobody() { ! is_active 1 && ! is_active 2 && ! has_vip 1 && ! has_vip 2; }

note "external: nobody is ACTIVE until told"
ELECTION=external NAT_MODE=masquerade # the kernel ends such flows with their address: here, not everywhere
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

note "external: a planned move while replication stands still"
wait_for "equal tables" 20 same_table 1 2
sync=$(pgrep -P "${LAB_DAEMON[1]}" -f -- --sync-worker) || fail "no replication process"
kill -STOP "$sync"
ctl 1 demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "nobody ACTIVE" 20 nobody
wait_for "the kernel ends what was masqueraded" 8 flushed 1
kill -CONT "$sync" # it reads what the kernel did meanwhile
wait_for "controller 1 alone" 20 is_alone 1
ctl 2 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 2 ACTIVE" 20 is_active 2
all_alive tcp udp

note "external: a planned move"
wait_for "controller 1 ready" 30 is_ready 1
wait_for "equal tables" 20 same_table 1 2
ctl 2 demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "nobody ACTIVE" 20 nobody
ctl 1 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 1 ACTIVE" 20 is_active 1
all_alive tcp udp

note "external: promoted after a crash"
wait_for "controller 2 ready" 30 is_ready 2
lab_crash 1
ctl 2 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 2 ACTIVE" 20 is_active 2
all_alive tcp udp
lab_stop 2 || fail "vrouterd ended with $? after SIGTERM"
! has_vip 2 || fail "the stopped controller kept the VIP"

note "single: ACTIVE by itself"
ELECTION=single
lab_start 2
wait_for "controller 2 ACTIVE" 20 is_active 2
all_alive tcp udp
note "passed"
