#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Elections that are none: mode "external", where promote and demote decide, and "single".
. "$(dirname "$0")/lib.sh"

flows_of() { table "$1" | grep -c "^$2 .*$HOST"; } # CONTROLLER PROTOCOL
flushed() { [ "$(flows_of "$1" 6)" = 0 ]; }
is_alone() { [ "$(status "$1" .sync)" = alone ]; }
nobody() { ! is_active 1 && ! is_active 2 && ! has_vip 1 && ! has_vip 2; }

note "external: nobody is ACTIVE until told"
ELECTION=external NAT_MODE=masquerade
lab_standard 2
lab_start 1 2
sleep 1 # as long as an election would take
nobody || fail "a controller is ACTIVE without being promoted"
ctl 1 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 1 ACTIVE" 20 is_active 1
# As by a version before: what the kernel itself masquerades it ends with the address, here, not everywhere.
lab_in c1-vr nft -f - <<-END || fail "nft"
	table inet before {
		chain postrouting { type nat hook postrouting priority srcnat - 10; meta l4proto tcp oifname vr-ex masquerade; }
	}
END
traffic tcp n1 tcp-flows --target $HOST:7 --count 100
traffic udp n1 udp-flows --target $HOST:7 --count 50
wait_for "controller 2 ready" 30 is_ready 2
all_alive tcp udp
lab_in c1-vr nft delete table inet before || fail "nft"

note "external: a planned move while replication stands still"
wait_for "equal tables" 20 same_table 1 2
sync=$(pgrep -P "${LAB_DAEMON[1]}" -f -- --sync-worker) || fail "no replication process"
kill -STOP "$sync"
ctl 1 demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "nobody ACTIVE" 20 nobody
wait_for "the kernel ends what it masqueraded" 8 flushed 1
[ "$(flows_of 1 17)" -ge 50 ] || fail "it ended what it did not masquerade: $(flows_of 1 17) of 50 are left"
kill -CONT "$sync" # it reads what the kernel did meanwhile
wait_for "controller 1 alone" 20 is_alone 1
ctl 2 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 2 ACTIVE" 20 is_active 2
all_alive tcp udp

note "external: a planned move"
wait_for "controller 1 ready" 30 is_ready 1
wait_for "equal tables" 20 same_table 1 2
ctl 2 demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "nobody ACTIVE" 20 nobody
ctl 1 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 1 ACTIVE" 20 is_active 1
all_alive tcp udp

note "external: promoted after a crash"
wait_for "controller 2 ready" 30 is_ready 2
lab_crash 1
ctl 2 promote vrouter || fail "vrouterctl promote: exit $?"
wait_for "controller 2 ACTIVE" 20 is_active 2
all_alive tcp udp
lab_stop 2 || fail "vrouterd ended with $? after SIGTERM"
! has_vip 2 || fail "the stopped controller kept the VIP"

note "single: ACTIVE by itself"
ELECTION=single
lab_start 2
wait_for "controller 2 ACTIVE" 20 is_active 2
all_alive tcp udp
note "passed"
