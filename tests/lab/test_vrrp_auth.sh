#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Authenticated advertisements: switched on while everything runs, through a switchover, the death of
# a core (its guard's last packet is stamped, too) and a rotation of keys. Who has no stamp or a bad
# one is not heard, and a recording of an earlier lifetime of both changes nothing but counters.
. "$(dirname "$0")/lib.sh"

vrrp() { ctl "$1" --json stats | jq ".routers[0].vrrp.$2"; }
both() { echo $(($(vrrp 1 "rx_refused.$1") + $(vrrp 2 "rx_refused.$1"))); } # how often that was refused
hears() { [ "$(status "$1" .election.heard_ms_ago)" -lt 1000 ]; }
asked() { [ "$(vrrp "$1" tx_challenges)" -gt 0 ]; }
resigned_to() { [ "$(ctl "$1" --json events | jq -r '.reason // ""' | grep -c ' resigned$')" -gt 0 ]; }
refused() { [ "$(ctl "$1" --json events | jq -r .text | grep -c 'a VRRP packet was refused')" -gt 0 ]; }
reload() { # both, with an option of the election
	ELECTION_EXTRA=$1
	for i in 1 2; do
		lab_config $i
		ctl $i reload >/dev/null || fail "reload of controller $i: $1"
	done
}
keys() {
	(umask 077; printf '%s\n' "$@" >"$LAB_DIR/sync.key")
	for i in 1 2; do ctl $i reload >/dev/null || fail "reload of controller $i"; done
}
new_key() { echo "$1 $("$LAB_BUILD/daemon/vrouterctl" keygen | cut -d' ' -f2)"; }

lab_up
for i in 1 2; do lab_controller $i; done
lab_node 1
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
lab_exec n1 tcpdump -i eth0 -n -U --immediate-mode -w "$LAB_DIR/record" 'ip proto 112' >/dev/null 2>"$LAB_DIR/tcpdump.log" &
LAB_PIDS+=($!)
recorder=$!
disown $recorder
wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/tcpdump.log"

note "switched on: offered by both, then required by both"
reload 'auth = "offer"'
reload 'auth = "hmac"'
at=$(the_active) standby=$((3 - at))
wait_for "the standby asks who that is" 10 asked $standby
wait_for "it believes the answer" 10 hears $standby
[ "$(both no_auth)/$(both bad_auth)/$(both unknown_key)" = 0/0/0 ] ||
	fail "refused on the way: $(ctl 1 --json stats | jq -c '.routers[0].vrrp') $(ctl 2 --json stats | jq -c '.routers[0].vrrp')"

note "a switchover"
ctl $at demote vrouter >/dev/null || fail "demote: exit $?"
wait_for "one ACTIVE, one ready" 30 settled

note "the core of the ACTIVE is killed: its guard resigns"
at=$(the_active) standby=$((3 - at))
wait_for "the standby hears it" 10 hears $standby
kill -KILL "${LAB_DAEMON[$at]}"
wait "${LAB_DAEMON[$at]}" 2>/dev/null
wait_for "the other one is ACTIVE" 20 is_active $standby
resigned_to $standby || fail "its last packet was not believed: $(ctl $standby --json events | tail -n 2)"
lab_run $at
wait_for "one ACTIVE, one ready" 30 settled

note "keys are rotated"
first=$(<"$LAB_DIR/sync.key") second=$(new_key 2)
keys "$first" "$second"
keys "$second" "$first"
keys "$second"
wait_for "one ACTIVE, one ready" 30 settled
for i in 1 2; do is_active $i || wait_for "controller $i hears the other" 10 hears $i; done
[ "$(both bad_auth)/$(both unknown_key)" = 0/0 ] || fail "refused: $(both bad_auth) bad, $(both unknown_key) unknown"

note "both start again; a recording of before, and forgeries, are played to them"
for i in 1 2; do lab_stop $i || fail "controller $i ended with $?"; done
kill -INT $recorder
for i in 1 2; do lab_run $i; done
wait_for "one ACTIVE, one ready" 30 settled
# without their Ethernet header; what came with a stamp has an IP header of 60 bytes
tcpdump -n -r "$LAB_DIR/record" -xx 2>/dev/null | awk '/^[^\t ]/ { if (h != "") print substr(h, 29); h = ""; next }
	{ sub(/^[^:]*:/, ""); gsub(/ /, ""); h = h $0 } END { if (h != "") print substr(h, 29) }' |
	grep '^4f' | tail -n 300 >"$LAB_DIR/stamped"
[ "$(wc -l <"$LAB_DIR/stamped")" -ge 20 ] || fail "the recording is too short"
sed -E 's/^4f(.{38}).{80}/45\1/' "$LAB_DIR/stamped" >"$LAB_DIR/stripped"
sed -E 's/^(.{118})../\1zz/; y/z/0/' "$LAB_DIR/stamped" >"$LAB_DIR/forged"
play() { lab_in n1 "$TRAFFIC" play --source 10.20.0.101 <"$LAB_DIR/$1" >/dev/null || fail "play: exit $?"; }
# again and again: how much of the recording is of the last key depends on the machine
worthless() { play stamped && [ $(($(both unproven) + $(both unanswered) + $(both replayed))) -ge 10 ]; }
without() { [ "$(both no_auth)" -ge 10 ]; }
forged() { play forged && [ "$(both bad_auth)" -ge 10 ]; }
play stripped
wait_for "recordings are counted" 10 worthless
wait_for "what has no stamp is counted" 10 without
wait_for "what has a bad one is counted" 10 forged
refused 1 || refused 2 || fail "no event tells of it"
! resigned_to 1 && ! resigned_to 2 || fail "a recorded resignation was believed"
wait_for "one ACTIVE, one ready" 10 settled
note "passed: $(both no_auth) without, $(both bad_auth) bad, $(both unproven) unproven, $(both replayed) replayed"
