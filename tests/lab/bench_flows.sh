# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154
# Section of tests/bench: `vrouterctl flows` beside `conntrack -L`, on the same full table, in turns.

if [ -z "${BENCH_QUICK:-}" ]; then FLOWS_TABLE=1000000; else FLOWS_TABLE=100000; fi
declare -A FLOWS_ARGS=([list]='' [pipe]='' [extended]='-o extended' [save]='-o save' [search]='-p udp -s 192.0.2.1'
	[memory]='' [json]='--json' [count]='--count')

flows_old() { lab_exec c1-vr conntrack -L "$@"; }
flows_new() { exec "$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c1/control.sock" flows vrouter "$@"; }
# The most memory of a process until it ends, KB.
flows_memory() {
	local kb=0 now
	while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$now" ]; do
		kb=$now
		sleep 0.2
	done
	echo "$kb"
}
flows_run() { # PROGRAM KIND
	local pid
	if [ "$2" = pipe ]; then
		("flows_$1") 2>/dev/null | cat >/dev/null
		return
	fi
	("flows_$1" ${FLOWS_ARGS[$2]}) >/dev/null 2>&1 &
	pid=$!
	[ "$2" != memory ] || flows_memory $pid >"$LAB_DIR/memory"
	wait $pid
}
# Time on the clock, and that of CPUs in user space and in the kernel, ms.
flows_timed() {
	local TIMEFORMAT='%R %U %S' real user sys
	{ time flows_run "$1" "$2"; } 2>"$LAB_DIR/time" || fail "$1 $2"
	read -r real user sys <"$LAB_DIR/time"
	put "$1-$2" "$(awk -v t="$real" 'BEGIN { printf "%d", 1000 * t }')"
	put "$1-$2-cpu" "$(awk -v u="$user" -v s="$sys" 'BEGIN { printf "%d", 1000 * (u + s) }')"
}

one_flows() {
	local kind
	lab_up
	lab_controller 1
	ELECTION=single
	lab_start 1
	wait_for "ACTIVE" 20 is_active 1
	REPLY=$(lab_in c1-vr "$TRAFFIC" fill "${SET[@]}" --first 0 --count $FLOWS_TABLE)
	[ "$(field refused)" = 0 ] || fail "flows could not be made: $REPLY"
	for kind in list pipe extended save search; do
		flows_timed old $kind
		flows_timed new $kind
	done
	flows_timed new json
	flows_timed new count
	for kind in old new; do
		flows_run $kind memory
		put $kind-memory "$(cat "$LAB_DIR/memory")"
	done
}
runs_flows() { measure flows flows; }
flows_report() { # LABEL KEY
	printf '%-44s %28s %28s %7s\n' "$1" "$(median flows.new-$2)" "$(median flows.old-$2)" \
		"$(ratio "$(middle flows.old-$2)" "$(middle flows.new-$2)")"
}
report_flows() {
	local kind
	printf '\nA table of %s flows shown, ms (stolen %%: %s)\n%-44s %28s %28s %7s\n' $FLOWS_TABLE "$(median flows.steal)" \
		"" "vrouterctl flows" "conntrack -L" ratio
	for kind in list pipe extended save search; do
		flows_report "$kind: ${FLOWS_ARGS[$kind]}" $kind
		flows_report "  of CPUs" $kind-cpu
	done
	flows_report "memory, KB" memory
	printf '%-44s %28s\n' --json "$(median flows.new-json)" --count "$(median flows.new-count)"
}
