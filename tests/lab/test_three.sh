#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three controllers, two of them die one after the other: the last one holds every flow, those of
# before the first crash and those of between.
. "$(dirname "$0")/lib.sh"

lab_standard 3
lab_start 1 2 3
wait_for "one ACTIVE, two ready" 30 settled
watch_resets public h1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count 500 --interval-us 500
traffic udp n1 udp-flows --target $HOST:7 --count 100
traffic ping n1 ping-flows --target $HOST:0 --count 30
all_alive tcp udp ping
wait_for "one ACTIVE, two ready" 30 settled

first=$(the_active) || fail "nobody is ACTIVE"
lab_crash "$first"
note "controller $first is dead"
all_alive tcp udp ping
wait_for "one ACTIVE, one ready" 30 settled
traffic tcp2 n1 tcp-flows --target $HOST:7 --count 500 --interval-us 500
traffic udp2 n1 udp-flows --target $HOST:7 --count 100
all_alive tcp2 udp2
wait_for "one ACTIVE, one ready" 30 settled

second=$(the_active) || fail "nobody is ACTIVE"
left=$((6 - first - second))
wait_for "equal tables on $second and $left" 20 same_table "$second" "$left"
lab_crash "$second"
note "controller $second is dead"
all_alive tcp udp ping tcp2 udp2
[ "$(resets public)" = 0 ] || fail "connections were reset"
note "passed"
