# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154
# Section of tests/bench: `vrouterctl flows` beside `conntrack -L`, on the same full table, in turns.

if [ -z "${BENCH_QUICK:-}" ]; then FLOWS_TABLE=1000000; else FLOWS_TABLE=100000; fi
declare -A FLOWS_ARGS=([list]='' [pipe]='' [extended]='-o extended' [save]='-o save' [xml]='-o xml'
	[search]='-p udp -s 192.0.2.1' [json]='--json' [count]='--count')
FLOWS_BOTH="list pipe extended save xml search"

flows_old() { lab_in c1-vr conntrack -L "$@"; }
flows_new() { "$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c1/control.sock" flows vrouter "$@"; }
# flows_timed PROGRAM KIND
flows_timed() {
	local start=${EPOCHREALTIME/./}
	if [ "$2" = pipe ]; then
		"flows_$1" ${FLOWS_ARGS[$2]} 2>/dev/null | cat >/dev/null || fail "$1 $2"
	else
		"flows_$1" ${FLOWS_ARGS[$2]} >/dev/null 2>&1 || fail "$1 $2"
	fi
	put "$1-$2" $(((${EPOCHREALTIME/./} - start) / 1000))
}
# The most memory that a list of all takes, KB: the last that is seen of it.
flows_memory() {
	local pid kb=0 last
	if [ "$1" = old ]; then
		lab_exec c1-vr conntrack -L >/dev/null 2>&1 &
	else
		"$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c1/control.sock" flows vrouter >/dev/null &
	fi
	pid=$!
	while last=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$last" ]; do
		kb=$last
		sleep 0.1
	done
	put "$1-memory" "$kb"
}

one_flows() {
	local kind round
	lab_up
	lab_controller 1
	ELECTION=single
	lab_start 1
	wait_for "ACTIVE" 20 is_active 1
	REPLY=$(lab_in c1-vr "$TRAFFIC" fill "${SET[@]}" --first 0 --count $FLOWS_TABLE)
	[ "$(field refused)" = 0 ] || fail "flows could not be made: $REPLY"
	for round in 1 2 3; do
		for kind in list pipe; do
			flows_timed old $kind
			flows_timed new $kind
		done
	done
	for kind in extended save xml search; do
		flows_timed new $kind
		flows_timed old $kind
	done
	flows_timed new json
	flows_timed new count
	flows_memory old
	flows_memory new
}
runs_flows() { measure flows flows; }
report_flows() {
	local kind
	printf '\nA table of %s flows shown, ms (stolen %%: %s)\n%-44s %28s %28s %7s\n' $FLOWS_TABLE "$(median flows.steal)" \
		"" "vrouterctl flows" "conntrack -L" ratio
	for kind in $FLOWS_BOTH memory; do
		printf '%-44s %28s %28s %7s\n' "$([ $kind = memory ] && echo "memory of the first, KB" || echo "$kind: ${FLOWS_ARGS[$kind]}")" \
			"$(median flows.new-$kind)" "$(median flows.old-$kind)" \
			"$(ratio "$(middle flows.old-$kind)" "$(middle flows.new-$kind)")"
	done
	printf '%-44s %28s\n' --json "$(median flows.new-json)" --count "$(median flows.new-count)"
}
