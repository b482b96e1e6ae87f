#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash = "adopt": the core of the ACTIVE dies, by SIGKILL, and is started again; its guard stands in for it.
# No flow is lost, the VIPs never go, the stream goes on, and the other controller does not even notice.
# A router with crash = "withdraw" beside it does move. From the middle on advertisements are authenticated. Then all the ways in which the guard's standing in ends
# without a daemon: the other controller takes over, and nobody else has the VIPs.
. "$(dirname "$0")/adopt_lib.sh"

adopt_setup
short() { kill_core "$a"; sleep 0.5; start "$a"; }
ask probe reset
attempt "the core dies, and is back half a second later" kept short
ask probe report
note "SIGKILL, start after 0.5 s: $REPLY"
[ "$(field moved)" = 0 ] || fail "the probe got another translation"

N=0
longer() {
	kill_core "$a"
	N=$((N + 1))
	traffic "during$N" n1 tcp-flows --target $HOST:7 --count 100 --interval-us 500
	sleep 1.5
	start "$a"
}
attempt "and after longer than a BACKUP waits, with flows that begin meanwhile" kept longer
wait_for "equal tables" 10 same_table 1 2

unheard() {
	lab_loss "c$a-mgmt" 100 "ip protocol 112"
	kill_core "$a"
	sleep 1.5
	lab_loss "c$a-mgmt" 0
	start "$a"
}
for i in 1 2; do
	sed -i 's/veto = false/veto = true/' "$LAB_DIR/c$i/vrouterd.conf"
	ctl $i reload >/dev/null || fail "reload"
done
attempt "its guard is not heard by VRRP, but answers by replication" kept unheard

refused() { ctl "$b" --json stats vrouter | jq '[.routers[0].vrrp.rx_refused | .no_auth, .bad_auth, .unknown_key, .unanswered] | add'; }
hears() { [ "$(status "$1" .election.heard_ms_ago)" -lt 1000 ]; }
for i in 1 2; do
	sed -i 's/veto = true/veto = false auth = hmac/' "$LAB_DIR/c$i/vrouterd.conf"
	ctl $i reload >/dev/null || fail "reload"
done
wait_for "controller $b believes that controller $a is the ACTIVE" 10 hears "$b"
silent() {
	known=$(refused)
	kill_core "$a"
	sleep 1.5
	start "$a"
}
attempt "its guard stamps what it says, and the core after it, too" kept silent
[ "$(refused)" = "$known" ] || fail "controller $b did not believe the guard, or the core after it: $(refused)"

# The router that would be withdrawn is ACTIVE on the same controller, and dies with the core.
note "two policies"
ctl "$b" demote other >/dev/null || fail "demote"
wait_for "both routers on one controller" 10 other_is "$a" ACTIVE
kill_core "$a"
wait_for "the other router has moved" 10 other_is "$b" ACTIVE
start "$a"
wait_for "controller $a answers" 10 answers "$a"
wait_for "one ACTIVE, one ready" 30 settled
other_is "$a" STANDBY || fail "the other router was adopted, too"
all_alive tcp udp

# Ways out while the guard stands in: the other controller is ACTIVE, and nobody else has the VIPs.
vips_gone() { ! has_vip "$1" && ! lab_ip "c$1-vr" -4 -o address show dev vr-ex | grep -qF " $PUBLIC_VIP/"; }
way_out() { # TEXT IN-THE-LOG COMMAND
	local text=$1 log=$2
	shift 2
	wait_for "one ACTIVE, one ready" 30 settled
	a=$(the_active) || fail "nobody is ACTIVE"
	b=$((3 - a))
	note "$text, controller $a"
	"$@"
	unset "LAB_DAEMON[$a]"
	wait_for "$text: no VIP on controller $a" 15 vips_gone "$a"
	wait_for "$text: the other one is ACTIVE" 10 is_active "$b"
	grep -q "guard\[vrouter\]: .*$log" "$LAB_DIR/c$a.log" || fail "$text: the log does not say \"$log\""
	all_alive tcp udp
	[ "$(resets public)/$(resets node)" = 0/0 ] || fail "$text: connections were reset"
}
stand_still() { kill -STOP "${LAB_DAEMON[$a]}"; wait_for "the other one ACTIVE" 15 is_active "$b"; kill_core "$a"; }
take_vip() { kill_core "$a"; lab_ip "c$a-vr" address del $PUBLIC_VIP/24 dev vr-ex; }
tell_guard() { guard=$(guard_pid "$a"); kill_core "$a"; kill -TERM "$guard"; }
nobody() {
	sed -i 's/adopt-timeout = 30/adopt-timeout = 1/' "$LAB_DIR/c$a/vrouterd.conf"
	ctl "$a" reload >/dev/null || fail "reload"
	kill_core "$a"
}
note "a guard is asked who it is by a controller that has just started"
kill_core "$a"
lab_stop "$b" || fail "controller $b ended with $?"
start "$b"
wait_for "controller $b answers" 10 answers "$b"
wait_for "it believes the guard" 10 hears "$b"
[ "$(status "$b" .role)" = STANDBY ] || fail "it is $(status "$b" .role)"
start "$a"
wait_for "controller $a answers" 10 answers "$a"
wait_for "one ACTIVE, one ready" 30 settled
is_active "$a" || fail "controller $a was not adopted"

way_out "it stood still before it died, and another one took over" "another controller is ACTIVE" stand_still
start "$a"
way_out "somebody takes a VIP away" "a VIP is gone: resigned" take_vip
start "$a"
way_out "the guard is told to end" "was told to: resigned" tell_guard
start "$a"
way_out "nobody starts it again" "not back within 1 s: resigned" nobody
for i in $(seq $N); do names+=("during$i"); done
all_alive "${names[@]}"
gone() { [ -z "$(ip netns pids "$LAB-c$a")" ]; }
wait_for "nothing of it is left" 10 gone
note "passed"
