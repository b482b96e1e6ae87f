#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vrouterctl verify on real kernels: equal is called equal; what conntrack(8) changes in a replica's
# table behind the daemon's back is named, all of it and nothing else, and repaired by that; from
# either side, with flows coming and going, and with nobody to compare with.
. "$(dirname "$0")/lib.sh"

# A machine that stands still makes controllers lose each other, and moves the role: then a verify
# says that nothing was compared, and is asked for again.
compared() {
	verified=$(ctl "$1" --json verify vrouter 2>"$LAB_DIR/verify.log")
	rc=$?
	[ $rc -le 1 ] || fail "exit status $rc: $(cat "$LAB_DIR/verify.log")"
	of_verified '.reason == null and (.replicas | length) == 1 and .replicas[0].reason == null' >/dev/null
}
verify() { wait_for "a comparison" 40 compared "$1"; }
of_verified() { jq -er "$1" <<<"$verified"; }
expect_equal() {
	verify "$1"
	[ $rc = 0 ] && [ "$(of_verified .equal)" = true ] || fail "$2: exit status $rc, $verified"
}
ct() { # CONTROLLER ARGUMENTS...
	local c=$1
	shift
	lab_in "c$c-vr" conntrack "$@" >/dev/null 2>"$LAB_DIR/ct.log" || fail "conntrack $*: $(cat "$LAB_DIR/ct.log")"
}
put() { ct "$1" -I -t 600 -p udp -s 10.77.0.1 -d 198.18.5.5 --sport "$2" --dport 80 --src-nat "$PUBLIC_VIP:$((40000 + $2))" "${@:3}"; }
has() { lab_in "c$1-vr" conntrack -L -p udp -s 10.77.0.1 --sport "$2" 2>/dev/null | grep -q .; }
entries() { lab_in "c$1-vr" "$TRAFFIC" "$2" --target $HOST:6000 --source 10.20.0.151 --via $PUBLIC_VIP "${@:3}" >/dev/null; }
counter() { ctl "$1" --json stats | jq ".routers[0].replication.$2"; }
who() {
	wait_for "one ACTIVE, one ready" 30 settled
	until active=$(the_active); do sleep 0.1; done
	standby=$((3 - active))
}

# One flow goes, one comes, one has another mark.
tamper() {
	ct $standby -D -p udp -s 10.77.0.1 --sport 1
	put $standby 99 -m 5
	ct $standby -U -p udp -s 10.77.0.1 -d 198.18.5.5 --sport 2 --dport 80 -m 77
}
TAMPERED="different:2 extra:99 missing:1 "
tamper_much() { entries $standby drop --first 100 --count 250; }
expect_tampering() { # of_verified's answer, for what tamper did
	local named
	named=$(of_verified '.replicas[].findings[] | .what + ":" + (.flow | capture("sport=(?<p>[0-9]+)").p)' |
		LC_ALL=C sort | tr '\n' ' ')
	[ "$named" = "$TAMPERED" ] && [ "$counts" = "1 1 1 3" ] || fail "$1: named: $named, $verified"
	of_verified '.replicas[].findings[] | select(.what == "different") | .flow + " " + .replica_flow' |
		grep -q 'mark=3 .*mark=77' || fail "$1: no marks: $verified"
	within 10 has $standby 1 && within 10 not has $standby 99 || fail "$1: it is not repaired"
}
expect_much() { [ "$counts" = "250 0 0 100" ] || fail "$1: 250 are gone: $verified"; }
# finds TAMPER EXPECT SIDE TEXT: unless a repair for another reason comes first.
finds() {
	local repairs n
	for n in 1 2 3 4 5; do
		who
		[ "$3" = source ] && side=$active || side=$standby
		repairs=$(counter $standby repairs)
		$1
		verify $side
		counts=$(of_verified '.replicas[0] | "\(.missing) \(.extra) \(.different) \(.findings | length)"')
		[ "$counts" = "0 0 0 0" ] && [ "$(counter $standby repairs)" != "$repairs" ] && continue
		[ $rc = 1 ] && [ "$(of_verified '.equal, .replicas[].equal' | tr '\n' ' ')" = "false false " ] &&
			[ "$(of_verified '.replicas[0].controller')" = controller-$standby ] ||
			fail "$4: exit status $rc, $verified"
		$2 "$4"
		who
		expect_equal $side "$4, once more"
		return
	done
	fail "$4: repairs come all the time"
}

ADVERT=1000
lab_standard 2
lab_start 1 2
who
traffic tcp n1 tcp-flows --target $HOST:7 --count 60 --interval-us 5000
for i in $(seq 20); do put $active "$i" -m 3; done
entries $active fill --first 0 --count 400
wait_for "equal tables" 10 same_table 1 2

note "equal"
expect_equal $active "at the source"
[ "$(of_verified '.replicas[0].flows')" -ge 480 ] || fail "$verified"
expect_equal $standby "at the replica"
text=$(ctl $active verify vrouter)
grep -qE "^controller-$standby \(ready\): (equal, [0-9]+ flows|not compared)" <<<"$text" || fail "$text"

note "tampered with"
finds tamper expect_tampering source "at the source"
finds tamper expect_tampering replica "at the replica"
finds tamper_much expect_much source "much is gone"

note "with flows coming and going"
before=$(counter $standby verify_differ)
(
	for i in $(seq 1000); do
		for do in fill drop; do
			lab_in "c$active-vr" "$TRAFFIC" $do --target $HOST:$((5000 + i % 100)) --source 10.20.0.150 \
				--via $PUBLIC_VIP --first 0 --count 300 --rate 3000
		done
	done
) >/dev/null 2>&1 &
load=$!
LAB_PIDS+=($load)
for i in 1 2 3; do expect_equal $active "under load"; done
[ "$(counter $standby verify_differ)" = "$before" ] || fail "a replica that is equal was repaired"
finds tamper expect_tampering source "under load"
expect_equal $standby "under load, at the replica"
kill -0 $load 2>/dev/null || fail "the load ended too early"
kill $load
wait $load 2>/dev/null
all_alive tcp

note "nobody to compare with, and mistakes"
lab_stop $standby
no_peer() {
	! compared $active && [ $rc = 1 ] &&
		of_verified '.reason, .replicas[].reason' | grep -E 'no longer heard|no replica|no source' >/dev/null
}
wait_for "no replica" 20 no_peer
text=$(ctl $active verify vrouter) && fail "exit status 0: $text"
grep -q 'not compared: ' <<<"$text" || fail "no reason: $text"
ctl $active verify other 2>/dev/null
[ $? = 1 ] || fail "an unknown router"
ctl $active verify 2>/dev/null
[ $? = 2 ] || fail "no router"
"$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/none.sock" verify vrouter 2>/dev/null
[ $? = 3 ] || fail "no daemon"
note "passed"
