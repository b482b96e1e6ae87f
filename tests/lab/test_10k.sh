#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 10,000 established connections with random ports: all on the replica, all alive after the crash.
. "$(dirname "$0")/lib.sh"
FLOWS=10000
[ "$(ulimit -Hn)" -ge $((FLOWS + 100)) ] || skip "the limit of open files is too low"

lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
watch_resets public h1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count $FLOWS --interval-us 200 --deadline 30000
note "tcp: $REPLY"
wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) || fail "nobody is ACTIVE"
new=$((3 - old))
wait_for "equal tables" 30 same_table "$old" "$new"
n=$(table "$new" | grep -c '^6 ')
[ "$n" -ge $FLOWS ] || fail "the replica holds only $n connections"
# Ports must be random, or flows could survive without being replicated.
kept=$(table "$old" | awk '$1 == 6 && $3 == $10' | wc -l)
[ "$kept" -lt $((FLOWS / 100)) ] || fail "$kept connections kept their port: SNAT is not random"

lab_crash "$old"
note "controller $old is dead"
all_alive tcp
[ "$(resets public)" = 0 ] || fail "connections were reset"
note "passed"
