#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A replica joins a table of 100,000 flows. The moment it says `ready` it must hold all of them.
. "$(dirname "$0")/lib.sh"
FLOWS=100000

lab_standard 2
[ "$(cat /proc/sys/net/netfilter/nf_conntrack_max)" -gt $((FLOWS + 1000)) ] || skip "nf_conntrack_max is too low"
lab_start 1
wait_for "controller 1 ACTIVE" 20 is_active 1
lab_in c1-vr "$TRAFFIC" fill --target $HOST:1000 --source 10.20.0.101 --via $PUBLIC_VIP --count $FLOWS
[ "$(table 1 | wc -l)" -ge $FLOWS ] || fail "the source has only $(table 1 | wc -l) flows"

lab_start 2
start=${EPOCHREALTIME/./}
wait_for "controller 2 ready" 60 is_ready 2
table 2 >"$LAB_DIR/replica"
note "ready $(((${EPOCHREALTIME/./} - start) / 1000)) ms after its first answer"
table 1 >"$LAB_DIR/source"
if ! cmp -s "$LAB_DIR/source" "$LAB_DIR/replica"; then
	diff "$LAB_DIR/source" "$LAB_DIR/replica" | head -5 >&2
	fail "ready with $(comm -23 "$LAB_DIR/source" "$LAB_DIR/replica" | wc -l) flows missing," \
		"$(comm -13 "$LAB_DIR/source" "$LAB_DIR/replica" | wc -l) too many"
fi
note "passed: $(wc -l <"$LAB_DIR/replica") flows"
