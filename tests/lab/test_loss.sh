#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Replication datagrams get lost, both ways: the tables still become equal, and every flow survives.
. "$(dirname "$0")/lib.sh"

lab_standard 3
lab_start 1 2 3
wait_for "one ACTIVE, two ready" 30 settled
for i in 1 2 3; do lab_loss "c$i-mgmt" 5 "udp dport 3781"; done
traffic tcp n1 tcp-flows --target $HOST:7 --count 2000
traffic udp n1 udp-flows --target $HOST:7 --count 500
a=$(the_active) || fail "nobody is ACTIVE"
lab_in "c$a-vr" "$TRAFFIC" fill --target $HOST:1000 --source 10.20.0.101 --via $PUBLIC_VIP --count 20000 --interval-us 2000
all_alive tcp udp

equal() { local a i; a=$(the_active) || return 1; for i in 1 2 3; do same_table "$a" "$i" || return 1; done; }
wait_for "equal tables in spite of loss" 40 equal
lost=0
for i in 1 2 3; do lost=$((lost + $(lab_lost "c$i-mgmt"))); done
note "$lost replication datagrams were lost"
[ "$lost" -gt 0 ] || fail "nothing was lost: the test proves nothing"
wait_for "one ACTIVE, two ready" 30 settled
a=$(the_active) || fail "nobody is ACTIVE"
lab_crash "$a"
note "controller $a is dead"
all_alive tcp udp
note "passed"
