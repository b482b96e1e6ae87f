#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ACTIVE controller dies under live TCP, UDP and ICMP flows and in the middle of a download.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/http.sh"

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
http_serve h1 64 16
http_download n1

percent() { http_progress; [ "$(field percent || echo 0)" -ge "$1" ]; }
wait_for "a third of the download" 30 percent 30
wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) || fail "nobody is ACTIVE"
ask probe reset
lab_crash "$old"
note "controller $old is dead"
all_alive tcp udp ping
ask probe report
note "probe: $REPLY"
[ "$(field moved)" = 0 ] || fail "the probe got another translation"
http_intact || fail "the download is broken: $(cat "$LAB_DIR/curl.log")"
note "download: $REPLY"
[ "$(resets public)" = 0 ] || fail "resets on the public side: $(head -3 "$LAB_DIR/public.resets")"
[ "$(resets node)" = 0 ] || fail "resets on the node's side: $(head -3 "$LAB_DIR/node.resets")"

note "controller $old reboots and becomes ready again"
lab_revive "$old"
lab_start "$old"
wait_for "one ACTIVE, one ready" 30 settled
all_alive tcp udp ping
note "passed"
