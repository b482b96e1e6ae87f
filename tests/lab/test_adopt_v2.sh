#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash = "adopt" with version 2 of VRRP: the guard that stands in says and hears what the core would.
. "$(dirname "$0")/adopt_lib.sh"
ADVERT=1000 ELECTION_EXTRA='version = 2  veto = false'

adopt_setup
longer() {
	SINCE=$(received)
	kill_core "$a"
	# a BACKUP waits for 3 s and its skew
	wait_for "adverts of the guard" 15 heard_more 5
	start "$a"
}
received() { ctl "$b" --json stats vrouter | jq .routers[0].vrrp.rx; }
heard_more() { [ "$(received)" -ge $((SINCE + $1)) ]; } # COUNT
attempt "the core is away for longer than a BACKUP waits" kept longer

# The guard hears the version, too: whoever outbids it is followed.
a=$(the_active) b=$((3 - a))
note "another controller outbids the guard, controller $a"
kill_core "$a"
unset "LAB_DAEMON[$a]"
ctl "$b" promote vrouter --force >/dev/null || fail "promote"
vips_gone() { ! has_vip "$a"; }
wait_for "no VIP on controller $a" 15 vips_gone
is_active "$b" || fail "controller $b is not ACTIVE"
yielded() { grep -q "guard\[vrouter\]: .*another controller is ACTIVE" "$LAB_DIR/c$a.log"; }
wait_for "it was the guard that yielded" 5 yielded
all_alive tcp udp
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"
note "passed"
