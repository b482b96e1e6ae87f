#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The files of the stack that vrouterd replaces, with those programs as the judges: the examples that their
# Debian packages ship are read, and stock conntrackd replicates with what is written for it.
. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/../lab/rival.sh"
. "$(dirname "$0")/conntrackd.sh"

N=500
program() { timeout 20 "$LAB_BUILD/daemon/vrouterctl" "$@"; }
import() {
	program import --controller c2 -o "$LAB_DIR/imported" "$@" 2>"$LAB_DIR/report" ||
		fail "import $*: $(cat "$LAB_DIR/report")"
}
has() { grep -qF -- "$1" "$LAB_DIR/imported" || fail "no '$1' in $(cat "$LAB_DIR/imported")"; }
stock_config() { # for stock_start: not a file of ours, but what is written
	program export conntrackd --config "$LAB_DIR/c1/vrouterd.conf" --address 10.20.1.12 \
		--dir "$LAB_DIR/c2" >"$FILE" || fail "export: exit $?"
}

lab_up
FILE=$LAB_DIR/c2/conntrackd.conf
lab_controller 1
lab_controller 2
lab_sync_link 1
rival_router 2
mkdir -p "$LAB_DIR/c2"
ELECTION=external

note "the examples of the packages"
for mode in ftfw:ft-fw notrack:notrack alarm:alarm; do
	example=/usr/share/doc/conntrackd/examples/sync/${mode%:*}/conntrackd.conf
	[ -e "$example" ] || continue # documentation may be left out of an installation
	import "$example" "${example%/*/*}/keepalived.conf"
	has 'security = "sealed"'
	import --protocol conntrackd "$example" "${example%/*/*}/keepalived.conf"
	has 'protocol = "conntrackd"'
	has "mode = \"${mode#*:}\""
	has 'group = "225.0.0.50"'
done

note "a file that is not UTF-8, and a report that is"
printf 'vrrp_instance a {\n virtual_router_id 1\n interface e0\n notify /opt/\xe9\n}\n' >"$LAB_DIR/latin1"
program --json import "$LAB_DIR/latin1" | jq -e '[.report[].text] | any(contains("/opt/?"))' >/dev/null ||
	fail "the report is not whole: $(program --json import "$LAB_DIR/latin1")"

# MODE [MORE SETTINGS]: stock conntrackd runs with what is written for it, and each has the flows of the other
both_ways() {
	note "$1: written for stock conntrackd, and read again"
	OUR_MODE=$1 OUR_EXTRA=${2:-}
	ours
	lab_start 1
	rm -f "$LAB_DIR"/c2/{lock,ctl} # of one that was killed
	stock_start
	import --protocol conntrackd "$FILE"
	has "mode = \"$1\""
	has 'group = "225.0.0.50"'
	has 'port = 3780'
	flows 2 fill $N >/dev/null
	wait_for "its flows are here" 15 has_flows 1 $N
	wait_for "ready" 15 ready
	ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
	flows 1 fill $N $N >/dev/null
	wait_for "ours are in its cache" 15 told_are $((2 * N))
	lab_stop 1 || fail "vrouterd ended with $?"
	stock_end
	lab_in c1-vr "$TRAFFIC" flush
	lab_in c2-vr "$TRAFFIC" flush
}
told_are() { [ "$(rival_ctl 2 -e 2>/dev/null | grep -c 'src=10.20.0.101')" = "$1" ]; }

both_ways ft-fw
both_ways notrack
both_ways alarm 'refresh = 1 checksum = false'
note "passed"
