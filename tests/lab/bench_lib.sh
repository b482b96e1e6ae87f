# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
# What the sections of tests/bench share. A section NAME has functions: one_*, which run in a process and a
# lab of their own and `put` figures; runs_NAME, which does all of one run by `measure`; report_NAME.

# ---- in the process of one measurement ------------------------------------------------------

put() { echo "$*" >&3; }
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
divide() { # A B [DECIMALS], without zeros at the end
	awk -v a="$1" -v b="$2" -v d="${3:-1}" 'BEGIN {
		if (b + 0 == 0) { print "-"; exit }
		t = sprintf("%.*f", d, a / b)
		if (t ~ /\./) sub(/\.?0+$/, "", t)
		print t }'
}

# ---- over all of them -----------------------------------------------------------------------

bench_begin() {
	results=$(mktemp -d) || exit 1
	trap bench_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}
bench_end() {
	local name
	for name in buckets max; do
		[ ! -s "$results/was-$name" ] || cat "$results/was-$name" >"/proc/sys/net/netfilter/nf_conntrack_$name"
	done
	for name in 1 2 3; do
		[ ! -s "$results/was-gc$name" ] || cat "$results/was-gc$name" >/proc/sys/net/ipv4/neigh/default/gc_thresh$name
	done
	rm -rf "$results"
}

# ARP tables of all namespaces share these bounds, which can be set in the initial one only: 1,024 entries
# by default, and above 512 what was not used for 5 s goes.
neighbours_room() {
	local file n
	for n in 3 2 1; do
		file=/proc/sys/net/ipv4/neigh/default/gc_thresh$n
		[ -s "$results/was-gc$n" ] || cat $file >"$results/was-gc$n"
		echo 16384 >$file
	done
}

# The kernel's bound of a conntrack table can be set in the initial namespace only. For the tables of a
# million flows it goes up, and the hash with it, so that no chain gets long.
BENCH_MAX=4194304 BENCH_BUCKETS=1048576
bench_room() {
	local dir=/proc/sys/net/netfilter name want
	for name in max buckets; do
		want=$BENCH_MAX
		[ $name = max ] || want=$BENCH_BUCKETS
		[ "$(cat $dir/nf_conntrack_$name)" -lt $want ] || continue
		cat $dir/nf_conntrack_$name >"$results/was-$name"
		echo $want >$dir/nf_conntrack_$name
	done
}

cpu() { awk '/^cpu / { for (i = 2; i <= 9; i++) t += $i; print t, $9; exit }' /proc/stat; }
# measure GROUP ARGUMENTS: one measurement, its figures appended to $results/GROUP.KEY
measure() {
	local group=$1 t0 s0 t1 s1 key value
	shift
	read -r t0 s0 <<<"$(cpu)"
	if ! "$0" --one "$@" 3>"$results/run" 2>"$results/log"; then
		echo "a run of $group failed:" >&2
		tail -n 20 "$results/log" >&2
		return 1
	fi
	read -r t1 s1 <<<"$(cpu)"
	while read -r key value; do echo "$value" >>"$results/$group.$key"; done <"$results/run"
	awk -v t=$((t1 - t0)) -v s=$((s1 - s0)) 'BEGIN { printf "%.1f\n", t ? 100 * s / t : 0 }' >>"$results/$group.steal"
}
# last GROUP.KEY: of the measurement that was just made
last() { tail -n 1 "$results/$1" 2>/dev/null; }
middle() { sort -n "$results/$1" 2>/dev/null | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)]; else print "-" }'; }
median() { sort -n "$results/$1" 2>/dev/null | awk '{ v[NR] = $1 } END { if (NR) printf "%s [%s .. %s]", v[int((NR + 1) / 2)], v[1], v[NR]; else printf "-" }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a + 0 && b + 0) printf "%.2f", a / b; else print "-" }'; }

DRIVERS="vrouterd cache-on cache-off"
bench_head() {
	printf '\nMachine: %s CPUs, kernel %s, load %s; medians [min .. max] of %s runs%s\n' "$(nproc)" "$(uname -r)" \
		"$(cut -d ' ' -f 1-3 /proc/loadavg)" "$1" "${BENCH_QUICK:+, quick: small tables}"
	echo "Ratio: conntrackd's median divided by vrouterd's. Cache: external cache on; direct: off, flows into the kernel."
}
table_head() { printf '\n%s\n%-44s %28s %28s %7s %28s %7s\n' "$1" "" vrouterd "conntrackd, cache" ratio "conntrackd, direct" ratio; }
# compare LABEL GROUP.KEY, where @ stands for the driver
compare() {
	printf '%-44s %28s %28s %7s %28s %7s\n' "$1" "$(median "${2/@/vrouterd}")" \
		"$(median "${2/@/cache-on}")" "$(ratio "$(middle "${2/@/cache-on}")" "$(middle "${2/@/vrouterd}")")" \
		"$(median "${2/@/cache-off}")" "$(ratio "$(middle "${2/@/cache-off}")" "$(middle "${2/@/vrouterd}")")"
}
# compare_whole LABEL GROUP.KEY: in how many of its runs a figure that should be 100 was
whole() { awk '{ n++; if ($1 >= 100) ok++ } END { if (n) printf "%d of %d", ok, n; else printf "-" }' "$results/$1" 2>/dev/null || printf -- -; }
compare_whole() {
	printf '%-44s %28s %28s %7s %28s\n' "$1" "$(whole "${2/@/vrouterd}")" "$(whole "${2/@/cache-on}")" "" \
		"$(whole "${2/@/cache-off}")"
}
