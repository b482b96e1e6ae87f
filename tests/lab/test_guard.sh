#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The core alone dies, by SIGKILL: links, namespaces and flows stay. Its guard resigns and withdraws the
# VIPs, the other controller takes over, and nobody loses a connection. The interval of advertisements is
# a second, so waiting for silence would take more than three.
. "$(dirname "$0")/lib.sh"
ADVERT=1000

guard_of() { pgrep -P "${LAB_DAEMON[$1]}" -f -- --guard; }
has_guard() { [ -n "$(guard_of "$1")" ]; }
another_guard() { has_guard "$1" && [ "$(guard_of "$1")" != "$2" ]; }
vips_gone() { ! has_vip "$1" && ! lab_ip "c$1-vr" -4 -o address show dev vr-ex | grep -qF " $PUBLIC_VIP/"; }
kill_core() {
	kill -KILL "${LAB_DAEMON[$1]}"
	{ wait "${LAB_DAEMON[$1]}"; } 2>/dev/null
	unset "LAB_DAEMON[$1]"
}

lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
watch_resets public h1 eth0
watch_resets node n1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count 300 --interval-us 500
traffic udp n1 udp-flows --target $HOST:7 --count 50
traffic probe n1 probe --target $HOST:7
all_alive tcp udp

note "a guard that dies is replaced, and knows what the first one knew"
old=$(the_active) || fail "nobody is ACTIVE"
wait_for "a guard" 10 has_guard "$old"
guard=$(guard_of "$old")
kill -KILL "$guard"
wait_for "another guard" 10 another_guard "$old" "$guard"
is_active "$old" || fail "the end of the guard moved the role"

note "the core of controller $old dies"
wait_for "one ACTIVE, one ready" 30 settled
ask probe reset
kill_core "$old"
wait_for "no VIP on controller $old" 10 vips_gone "$old"
wait_for "the other one is ACTIVE" 10 the_active >/dev/null
all_alive tcp udp
ask probe report
note "SIGKILL of the core: $REPLY"
[ "$(field moved)" = 0 ] || fail "the probe got another translation"
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"
! pgrep -f "$LAB_DIR/c$old/vrouterd.conf" >/dev/null || fail "processes of controller $old are left"

note "it starts again, and the same in the other direction"
lab_start "$old"
wait_for "one ACTIVE, one ready" 30 settled
new=$(the_active) || fail "nobody is ACTIVE"
kill_core "$new"
wait_for "no VIP on controller $new" 10 vips_gone "$new"
wait_for "the other one is ACTIVE" 10 the_active >/dev/null
all_alive tcp udp
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"
note "passed"
