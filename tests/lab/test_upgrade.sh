#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The binary is replaced on the ACTIVE: nothing is lost, the stream goes on, and the other controller does not even
# notice. The same with a binary whose replication process has to be replaced. One that does not work is not started.
. "$(dirname "$0")/adopt_lib.sh"

adopt_setup
upgrade() { install_as "$1" && ctl "$a" upgrade; }
attempt "upgrade" kept upgrade "$LAB_BUILD/daemon/vrouterd"
pid=${LAB_DAEMON[$a]}
[ "$(readlink "/proc/$pid/exe")" = "$LAB_DIR/vrouterd" ] || fail "process $pid is not the new binary"
! pgrep -P "$pid" -r Z >/dev/null || fail "a process was not waited for"

note "what cannot be upgraded"
printf '#!/bin/sh\nexit 1\n' >"$LAB_DIR/broken"
chmod 755 "$LAB_DIR/broken"
! upgrade "$LAB_DIR/broken" >"$LAB_DIR/refused" 2>&1 || fail "it was started"
grep -q 'does not accept the configuration' "$LAB_DIR/refused" || fail "refused otherwise: $(cat "$LAB_DIR/refused")"
wait_for "both are as they were" 30 settled
! ctl "$b" upgrade >"$LAB_DIR/refused" 2>&1 || fail "a router that would be withdrawn does not hold it up"
grep -q 'router "other": .*demote it first' "$LAB_DIR/refused" || fail "refused otherwise: $(cat "$LAB_DIR/refused")"

sed 's/vrouterd-build-[0-9a-f]\{16\}/vrouterd-build-0000000000000000/g' "$LAB_BUILD/daemon/vrouterd" >"$LAB_DIR/differs"
chmod 755 "$LAB_DIR/differs"
! cmp -s "$LAB_DIR/differs" "$LAB_BUILD/daemon/vrouterd" || fail "no other build"
attempt "upgrade to one whose replication process speaks differently" replaced upgrade "$LAB_DIR/differs"
[ "$(sync_pid "$a")" != "$sync" ] || fail "its replication process was kept"
[ "$(status "$a" .term)" -gt "$term" ] || fail "not a new stream"
wait_for "equal tables" 10 same_table 1 2
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"
note "passed"
