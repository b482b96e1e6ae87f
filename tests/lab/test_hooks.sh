#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# on-role-change: told in order and with the right words, and a program that fails or hangs costs nothing but
# an event. Events as JSON, one object a line.
. "$(dirname "$0")/lib.sh"

hook() { # hook N BODY: the program of controller N
	printf '#!/bin/sh\n%s\n' "$2" >"$LAB_DIR/hook$1.new"
	chmod 755 "$LAB_DIR/hook$1.new"
	mv "$LAB_DIR/hook$1.new" "$LAB_DIR/hook$1"
}
tell() {
	hook "$1" "echo \"\$VROUTERD_OLD_ROLE \$VROUTERD_ROLE \$VROUTERD_CONTROLLER \$VROUTERD_ROUTER \$VROUTERD_TERM\" >>$LAB_DIR/told$1"
}
told() { tail -n 1 "$LAB_DIR/told$1" 2>/dev/null | grep -q "^$2"; }
hook_stat() { ctl "$1" --json stats | jq ".routers[0].on_role_change.$2"; }
stat_is() { [ "$(hook_stat "$1" "$2")" -ge "$3" ]; }

lab_standard 2
PREEMPT=false
for i in 1 2; do
	tell $i
	ROUTER_EXTRA="on-role-change = \"$LAB_DIR/hook$i\"  on-role-change-timeout = 1"
	lab_config $i
	lab_run $i
done
wait_for "one ACTIVE, one ready" 30 settled
a=$(the_active) b=$((3 - $(the_active)))
lab_exec "c$a" "$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c$a/control.sock" --json events --follow \
	>"$LAB_DIR/events" 2>"$LAB_DIR/events.log" &
LAB_PIDS+=($!)
wait_for "the program was told of ACTIVE" 10 told "$a" "STANDBY ACTIVE controller-$a vrouter [0-9]"
wait_for "the other one of STANDBY" 10 told "$b" "INIT STANDBY controller-$b vrouter"

# ---- one that fails -------------------------------------------------------------------------------
hook "$b" 'echo the words of a program; exit 3'
ctl "$a" demote vrouter >/dev/null || fail "demote"
wait_for "the other one is ACTIVE" 20 is_active "$b"
wait_for "the failure is counted" 10 stat_is "$b" failed 1
wait_for "and an event" 10 eval "ctl $b events | grep -q 'on-role-change failed: .*exit status 3'"
grep -q 'the words of a program' "$LAB_DIR/c$b.log" || fail "its output is not in the log"
wait_for "the first one was told of STANDBY" 10 told "$a" "ACTIVE STANDBY"

# ---- one that hangs: the role moves meanwhile, and the loop answers --------------------------------
hook "$b" 'sleep 1000 & sleep 1000'
wait_for "one ACTIVE, one ready" 30 settled
ctl "$b" demote vrouter >/dev/null || fail "demote"
wait_for "the first one is ACTIVE again" 20 is_active "$a"
answers "$b" || fail "a hanging program keeps the daemon from answering"
tell "$b"
wait_for "one ACTIVE, one ready" 30 settled
ctl "$a" demote vrouter >/dev/null || fail "demote"
wait_for "the other one is ACTIVE" 20 is_active "$b"
wait_for "the hanging one is killed" 20 stat_is "$b" killed 1
wait_for "and the news told by the next" 20 told "$b" "STANDBY ACTIVE"
wait_for "an event says so" 10 eval "ctl $b events | grep -q 'on-role-change failed: .*killed'"

# ---- the end is told, too; a reload checks the program ---------------------------------------------
sed -i "s|on-role-change = \"[^\"]*\"|on-role-change = \"$LAB_DIR/nothing\"|" "$LAB_DIR/c$a/vrouterd.conf"
ctl "$a" reload >"$LAB_DIR/reload.out" 2>&1 && fail "a program that is not there was accepted"
grep -q "on-role-change: $LAB_DIR/nothing cannot be found" "$LAB_DIR/reload.out" || fail "reload: $(cat "$LAB_DIR/reload.out")"
lab_stop "$b" || fail "the daemon ended with $?"
told "$b" "[A-Z]* INIT controller-$b" || fail "the end was not told: $(cat "$LAB_DIR/told$b")"

# ---- events ----------------------------------------------------------------------------------------
jq -e -s 'length > 4 and all(has("id") and has("time") and has("router") and has("type") and has("text")
	and has("reason") and has("term"))' "$LAB_DIR/events" >/dev/null || fail "events --follow --json: $(cat "$LAB_DIR/events")"
[ "$(jq -s length "$LAB_DIR/events")" = "$(wc -l <"$LAB_DIR/events")" ] || fail "not one object a line"
note "$(hook_stat "$a" runs) runs here, $(wc -l <"$LAB_DIR/events") events; passed"
