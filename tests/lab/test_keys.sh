#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Keys are rotated under load, and no replica notices; a wrong key has a name; a recording of what an
# earlier lifetime of both controllers said changes nothing but counters.
. "$(dirname "$0")/lib.sh"

counter() { ctl "$1" --json stats | jq ".routers[0].replication.$2"; }
problem() { ctl "$1" --json peers | jq -r '[.[0].peers[].problem | select(. != null)] | .[0] // "none"'; }
has_problem() { [ "$(problem "$1")" = "$2" ]; }
left_ready() { ctl "$1" --json events | jq -r .text | grep -c 'replication: ready ->'; }
keys() { # N LINE...: the key file of controller N, taken over at once
	local i=$1
	shift
	(umask 077; printf '%s\n' "$@" >"$LAB_DIR/c$i/key")
	[ -z "${LAB_DAEMON[$i]:-}" ] || ctl "$i" reload >/dev/null || fail "reload of controller $i"
}
with_id() { echo "$1 ${2#* }"; } # the same key under another id

lab_up
lab_controller 1
lab_controller 2
first=$(with_id 1 "$("$LAB_BUILD/daemon/vrouterctl" keygen)") second=$(with_id 2 "$("$LAB_BUILD/daemon/vrouterctl" keygen)") other=$(with_id 2 "$("$LAB_BUILD/daemon/vrouterctl" keygen)")
for i in 1 2; do
	lab_config $i
	sed -i "s|key-file .*|key-file = \"$LAB_DIR/c$i/key\"|" "$LAB_DIR/c$i/vrouterd.conf"
	keys $i "$first"
	lab_run $i
done
wait_for "one ACTIVE, one ready" 30 settled
lab_exec c1 tcpdump -i br-mgmt -n -U -w "$LAB_DIR/record" 'udp port 3781' >/dev/null 2>"$LAB_DIR/tcpdump.log" &
LAB_PIDS+=($!)
recorder=$!
disown $recorder
wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/tcpdump.log"

note "rotation: the new key is known, is used, is the only one"
at=$(the_active) standby=$((3 - at))
repairs=$(counter $standby repairs) ready=$(left_ready $standby)
lab_exec c$at-vr "$TRAFFIC" fill --target $HOST:1000 --source 10.20.0.101 --via $PUBLIC_VIP \
	--count 4000 --interval-us 20000 >/dev/null &
load=$!
for i in 1 2; do keys $i "$first" "$second"; done
for i in 1 2; do keys $i "$second" "$first"; done
for i in 1 2; do keys $i "$second"; done
wait $load
wait_for "equal tables" 20 same_table 1 2
if is_active $at; then # a machine that stood still may have moved the role
	[ "$(counter $standby repairs)" = "$repairs" ] || fail "the replica had to be repaired"
	[ "$(left_ready $standby)" = "$ready" ] || fail "the replica left READY"
	for i in 1 2; do
		[ "$(counter $i rx_bad_key)/$(counter $i rx_bad_seal)" = 0/0 ] || fail "controller $i could not unseal"
	done
fi

note "a wrong key, and one that is not known"
keys $standby "$other"
wait_for "a wrong key" 10 has_problem $at "wrong key"
ctl $at peers | grep -q "PROBLEM: wrong key" || fail "peers: $(ctl $at peers)"
keys $standby "$(with_id 7 "$other")"
wait_for "an unknown key" 10 has_problem $at "key 7 unknown"
keys $standby "$second"
wait_for "one ACTIVE, one ready" 30 settled
wait_for "the end of the problem" 20 has_problem $at none

note "both start again, and a recording of before is played to them"
kill -INT $recorder
for i in 1 2; do lab_stop $i; done
for i in 1 2; do lab_run $i; done
wait_for "one ACTIVE, one ready" 30 settled
wait_for "equal tables" 20 same_table 1 2
# of the recording what was sealed with the key of today: all else would not even unseal
at=$(the_active) term=$(status 1 .term)/$(status 2 .term)
before=$(($(counter 1 rx_unproven) + $(counter 2 rx_unproven)))
# Ethernet (14 bytes), IPv4 without options, UDP; then magic, version, kind and the key's id
tcpdump -n -r "$LAB_DIR/record" -xx 2>/dev/null | awk '/^[^\t ]/ { if (h != "") print substr(h, 29); h = ""; next }
	{ sub(/^[^:]*:/, ""); gsub(/ /, ""); h = h $0 } END { if (h != "") print substr(h, 29) }' |
	grep -E '^45.{54}5601..02' | head -n 300 >"$LAB_DIR/recorded"
[ "$(wc -l <"$LAB_DIR/recorded")" -ge 50 ] || fail "the recording is too short"
# from controller 1 to each of both, 10.20.0.11 and .12; without a checksum of UDP, as addresses change
for to in 0b 0c; do sed -E "s/^(.{24}).{16}(.{12})..../\10a14000b0a1400$to\20000/" "$LAB_DIR/recorded"; done |
	lab_in c1 "$TRAFFIC" play >/dev/null || fail "play: exit $?"
answered() { [ $(($(counter 1 rx_unproven) + $(counter 2 rx_unproven))) -gt $((before + 20)) ]; }
wait_for "counters that tell of it" 10 answered
settled || fail "the recording moved something"
if is_active "$at"; then
	[ "$(status 1 .term)/$(status 2 .term)" = "$term" ] || fail "terms: $term before, $(status 1 .term)/$(status 2 .term)"
fi
same_table 1 2 || fail "the recording changed a table"
lab_in c$at-vr "$TRAFFIC" fill --target $HOST:1000 --source 10.20.0.101 --via $PUBLIC_VIP --first 4000 --count 500 >/dev/null
wait_for "equal tables" 20 same_table 1 2
note "passed"
