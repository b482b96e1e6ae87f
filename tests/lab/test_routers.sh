#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Thirty routers in one daemon: in groups of one election each, one of them broken. It has no group, and disturbs
# nobody. More files than the soft limit allows are open, and no more than a few for each. A replication process that
# stands still is missed by all routers of the other one, and waited for once when all fail over.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bench_lib.sh"
. "$(dirname "$0")/bench_routers.sh"

N=30 BROKEN=7 ROUTERS_PER_GROUP=15
others() { routers_are "$1" $((N - 1)) ".router != \"r$BROKEN\" and $2"; }
broken() { ctl "$1" --json status r$BROKEN | jq -r '.routers[0] | .role + " " + (.fault // "")'; }
vips() { # N: routers that have their VIPs there
	local r n=0
	for ((r = 1; r <= N; r++)); do
		! ip -n "$LAB-c$1-r$r" -4 -o address show dev vr-mgmt 2>/dev/null | grep -q " 10\.64\.$r\.1/24" || n=$((n + 1))
	done
	echo $n
}

lab_up
for i in 1 2; do
	lab_controller $i
	lab_sync_link $i
	routers_config $i $N $BROKEN
done
lab_run 1 prlimit --nofile=128:8192
wait_for "all but one are ACTIVE on controller 1" 30 others 1 '.role == "ACTIVE"'
lab_run 2 prlimit --nofile=128:8192
wait_for "all but one are ready on controller 2" 30 others 2 '.role == "STANDBY" and .sync == "ready"'
note "started"
for i in 1 2; do
	[ "$(broken $i)" = "FAULT bridge br-missing does not exist" ] || fail "the broken one: $(broken $i)"
	files=$(routers_sum $i routers_fds)
	note "controller $i has $files files open"
	[ "$files" -le $((N * 15 + 80)) ] || fail "controller $i has $files files open"
	memory=$(routers_sum $i routers_anon_kb)
	note "controller $i has $memory KB of its own in memory"
	[ "$memory" -le $((3000 + N * 60)) ] || fail "controller $i has $memory KB in memory"
done
[ "$(vips 1) $(vips 2)" = "$((N - 1)) 0" ] || fail "VIPs: $(vips 1) and $(vips 2)"

# What is said of all comes in pieces, of which none is large; of one replication tells no more than that.
control() { ctl 1 --json stats r1 | jq -r '.control | "\(.pieces) \(.reports)"'; }
read -r pieces reports <<<"$(control)"
full=$(ctl 1 --json status)
read -r pieces_then reports_then <<<"$(control)"
[ $((pieces_then - pieces - 1)) -ge $((${#full} / 2 / 16384)) ] || fail "${#full} bytes in $((pieces_then - pieces - 1)) pieces"
asked=$((reports_then - reports)) # of one of a group also by its first router
[ $asked = $((N + 1)) ] || [ $asked = $((N + 2)) ] || fail "status of all: $asked reports"
[ "$(ctl 1 --json status r3 | jq -c '[.routers[].router]')" = '["r3"]' ] || fail "status of one"
read -r pieces reports <<<"$(control)"
[ $((pieces - pieces_then)) = 2 ] || fail "status of one: $((pieces - pieces_then - 1)) pieces"
[ $((reports - reports_then)) -le 4 ] || fail "status of one: $((reports - reports_then)) reports"
brief=$(ctl 1 --json status --brief)
same=$(jq --argjson brief "$brief" '[.routers[] | with_entries(select(.key as $k | $brief.routers[0] | has($k)))], $brief.routers | map(del(.alarms, .lag_ms))' <<<"$full")
same=$(jq -s '.[0] == .[1]' <<<"$same")
[ "$same" = true ] || fail "brief says something else: $brief"
[ "$(jq --argjson brief "$brief" '(.routers[0] | length) - ($brief.routers[0] | length) > 10' <<<"$full")" = true ] || fail "brief is not"
list=$(ctl 1 status)
[ "$(grep -c '^r[0-9]* *ACTIVE .* source  *1  *0$' <<<"$list")" = $((N - 1)) ] || fail "the list: $list"
[ "$(grep -A 1 "^r$BROKEN " <<<"$list" | tail -n 1)" = "  FAULT        bridge br-missing does not exist" ] || fail "the list: $list"
[ "$(ctl 1 status --long | grep -c '^  election ')" = $N ] || fail "status --long"
was=$(ctl 2 --json status | jq -c '[.routers[] | [.router, .since]]')
lab_ip c1 link add other0 type veth peer name other1 # the host's side changes, and concerns nobody
[ "$(ctl 2 --json status | jq -c '[.routers[] | [.router, .since]]')" = "$was" ] || fail "roles changed for nothing"

lab_bridge c2 br-missing
wait_for "the broken one is well on controller 2" 20 routers_are 2 1 ".router == \"r$BROKEN\" and .role == \"ACTIVE\""
others 2 '.role == "STANDBY" and .sync == "ready"' || fail "that disturbed others"
lab_ip c2 link del br-missing
wait_for "and broken again" 20 routers_are 2 1 ".router == \"r$BROKEN\" and .role == \"FAULT\""

counter() { ctl "$1" --json stats r1 | jq "[.. | .$2? // empty] | add // 0"; } # N NAME
lost_before=$(counter 2 pulses_lost)
sync=$(pgrep -P "${LAB_DAEMON[1]}" -f -- --sync-worker) || fail "no replication process"
kill -STOP "$sync"
# That its pulse is what they miss, and not their own silence, is the unit test's (test_quiet): here it was lost, and
# all know of it.
wait_for "all routers miss it" 20 others 2 '.sync == "alone"'
lost_one() { [ "$(counter 2 pulses_lost)" -gt "$lost_before" ]; } # told with the next report
wait_for "a pulse was lost" 20 lost_one
kill -CONT "$sync"
wait_for "and hear it again" 20 others 2 '.sync == "ready"'
others 1 '.role == "ACTIVE"' || fail "roles changed for it"
note "missed and found"

sync=$(pgrep -P "${LAB_DAEMON[2]}" -f -- --sync-worker) || fail "no replication process"
waited() { grep -c 'no word for 50 ms' "$LAB_DIR/c2.log"; }
waited_before=$(waited) || :
kill -STOP "$sync"
lab_crash 1
wait_for "all others are ACTIVE on controller 2" 20 others 2 '.role == "ACTIVE"'
[ "$(vips 2)" = $((N - 1)) ] || fail "VIPs: $(vips 2)"
heard() { [ "$(ctl 2 --json stats r1 | jq ".namespaces.$1")" -ge "$2" ]; }
has_vip() { ip -n "$LAB-c2-r$1" -4 -o address show dev vr-mgmt | grep -q " 10\.64\.$1\.1/24"; }
wait_for "what happened while they were promoted is looked at" 20 heard deaf 1
ip -n "$LAB-c2-r3" address del 10.64.3.1/24 dev vr-mgmt
wait_for "and what happens later is heard again" 20 has_vip 3
heard overflows 1 && fail "messages were lost"
waited_now=$(waited)
[ $((waited_now - waited_before)) = 1 ] || fail "it was waited for again and again: $waited_before, then $waited_now"
kill -CONT "$sync"
wait_for "replication goes on" 20 others 2 '.sync == "source"'
note "passed"
