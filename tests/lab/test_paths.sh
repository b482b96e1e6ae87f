#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# VRRP and replication as two paths. VRRP is cut between two controllers whose replication has a link of
# its own: nobody takes over, and both say why. A dead ACTIVE vetoes nothing, a hung one neither. Without
# the veto there are two ACTIVE, and one is left when VRRP is heard again. A fence has to succeed first.
. "$(dirname "$0")/lib.sh"

vrrp_cut() { # both ways; 0 ends it
	lab_loss c1-mgmt "$1" "ip protocol 112"
}
has_event() { ctl "$1" --json events -n 256 | jq -e -s "any(.[] | if type == \"array\" then .[] else . end; .type == \"$2\" and (.text | test(\"$3\")))" >/dev/null; }
takeover() { ctl "$1" --json stats | jq ".routers[0].takeover.$2"; }
follows() { is_active "$1" && is_ready "$2"; }
two_active() { is_active 1 && is_active 2; }
reloads() { # reloads N: with the settings of now
	lab_config "$1"
	ctl "$1" reload >/dev/null || fail "reload of $1"
}
hook() { # hook BODY: the fence of controller 2
	printf '#!/bin/sh\n%s\n' "$1" >"$LAB_DIR/fence.new"
	chmod 755 "$LAB_DIR/fence.new"
	mv "$LAB_DIR/fence.new" "$LAB_DIR/fence"
}

lab_standard 2
for i in 1 2; do lab_sync_link $i; done
SYNC_INTERFACE='"sync"'
lab_start 1
wait_for "controller 1 ACTIVE" 20 is_active 1
lab_start 2
wait_for "controller 2 ready" 20 follows 1 2

# one that knows nothing says nothing for itself
wait_for "controller 1 holds the table" 10 eval '[ "$(status 1 .election.blind)" = false ]'

note "VRRP is cut, replication is not"
vrrp_cut 100
wait_for "controller 2 holds back" 10 has_alarm 2 "veto: controller-1 says by replication"
wait_for "controller 1 knows who does not hear it" 10 has_alarm 1 "deaf-peer: controller-2 does not hear"
wait_for "several questions were answered" 10 eval '[ "$(ctl 1 --json stats | jq .routers[0].replication.tx_vouched)" -ge 10 ]'
is_ready 2 || fail "controller 2 took over from a healthy ACTIVE"
[ "$(takeover 2 vetoes)" = 1 ] || fail "vetoes: $(takeover 2 vetoes)"
vrrp_cut 0
wait_for "the alarm ends" 10 not has_alarm 2 veto
wait_for "at the other end, too" 10 not has_alarm 1 deaf-peer

note "the core of the ACTIVE hangs, its replication lives"
vrrp_cut 100
wait_for "controller 2 holds back" 10 has_alarm 2 veto
kill -STOP "${LAB_DAEMON[1]}"
wait_for "controller 2 takes over" 10 is_active 2
kill -CONT "${LAB_DAEMON[1]}" # it hears of the other one by replication alone
wait_for "the hung one leaves" 20 not is_active 1
vrrp_cut 0
wait_for "and follows" 20 follows 2 1
grep -q "ACTIVE -> STANDBY.*stood still" "$LAB_DIR/c1.log" || fail "it left for another reason"

note "the ACTIVE dies behind a cut"
vrrp_cut 100
wait_for "controller 1 holds back" 10 has_alarm 1 veto
lab_crash 2
wait_for "controller 1 takes over" 10 is_active 1
vrrp_cut 0
lab_revive 2
lab_start 2
wait_for "controller 2 ready" 20 follows 1 2

note "without the veto: two ACTIVE, and then one"
stood_still() { cat "$LAB_DIR"/c?.log | grep -c "stood still"; }
before=$(takeover 1 clashes) stood=$(stood_still)
sed -i 's/preempt = false/preempt = false  veto = false/' "$LAB_DIR/c2/vrouterd.conf"
ctl 2 reload >/dev/null || fail "reload"
vrrp_cut 100
wait_for "two are ACTIVE" 10 two_active
wait_for "and say so" 10 has_alarm 1 two-sources
vrrp_cut 0
wait_for "one is left" 20 settled
if [ "$(stood_still)" = "$stood" ]; then
	follows 1 2 || fail "the one that bids less stays"
	wait_for "the winner's event" 10 has_event 1 winner "controller-1 stays, term [0-9]"
	[ "$(takeover 1 clashes)" = $((before + 1)) ] || fail "clashes: $before, then $(takeover 1 clashes)"
else
	note "the machine stood still: the one that did may rightly have left"
	is_active 1 || ctl 2 demote vrouter >/dev/null || fail "demote"
	wait_for "controller 1 ACTIVE" 20 follows 1 2
fi

note "a fence that fails, hangs, succeeds"
hook "echo \"\$VROUTERD_ROUTER \$VROUTERD_PEER \$VROUTERD_PEER_ADDRESS\" >>$LAB_DIR/fenced; exit 3"
ROUTER_EXTRA="fence = \"$LAB_DIR/fence\"  fence-timeout = 1"
reloads 2
lab_crash 1
wait_for "the failure is an alarm" 10 has_alarm 2 "fence: $LAB_DIR/fence: .*status 3.*no takeover"
is_ready 2 || [ "$(status 2 .role)" = STANDBY ] || fail "it took over without its fence"
grep -qx "vrouter controller-1 10.20.0.11" "$LAB_DIR/fenced" || fail "environment: $(cat "$LAB_DIR/fenced")"
hook "sleep 1000"
wait_for "one that hangs is killed" 15 eval '[ "$(takeover 2 fence_killed)" -ge 1 ]'
[ "$(status 2 .role)" = STANDBY ] || fail "it took over after a fence that hung"
hook "exit 0"
wait_for "it succeeds, and only now somebody is ACTIVE" 20 is_active 2
! has_alarm 2 fence || fail "the alarm stays"
note "passed"
