# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# Section of tests/bench: steady. Adverts every 10 ms while every CPU is kept busy and the table of the
# standby, emptied again and again, is filled anew: nobody may take over, for nobody died.

if [ -z "${BENCH_QUICK:-}" ]; then STEADY_S=600 STEADY_FLOWS=1000000; else STEADY_S=20 STEADY_FLOWS=100000; fi

steady_log() { # DRIVER: when somebody took the role, in seconds of the day
	case $1 in
	vrouterd) cat "$LAB_DIR"/c[12].log | sed -nE 's/^([0-9:.]+) .*-> ACTIVE.*/\1/p' ;;
	*) cat "$LAB_DIR"/c[12]-keepalived.log | sed -nE 's/.* ([0-9]{2}:[0-9]{2}:[0-9]{2}) .*Entering MASTER STATE/\1/p' ;;
	esac | awk -F: '{ printf "%.3f\n", $1 * 3600 + $2 * 60 + $3 }' | sort -n
}
# How many of these times no stolen CPU explains: one of over 20 ms that ended not long before.
# keepalived's log has whole seconds.
steady_unexplained() { # DRIVER
	awk -v slack="$([ "$1" = vrouterd ] && echo 0 || echo 1)" -v zone="$(date +%z)" 'BEGIN { split(zone, z, ""); off = ((z[2] z[3]) * 3600 + (z[4] z[5]) * 60) * (z[1] == "-" ? -1 : 1) }
		FNR == NR { if ($3 == "host") { n++; to[n] = ($1 + off) % 86400; from[n] = to[n] - $2 / 1000 } next }
		{ ok = 0; for (i = 1; i <= n; i++) if ($1 + slack >= from[i] && $1 <= to[i] + 0.3) ok = 1; if (!ok) un++ }
		END { print un + 0 }' "$LAB_DIR/stalls.log" -
}
# The standby's table is emptied and its replication begins from nothing. One by one, as a flush may be
# one call into the kernel of 0.7 s that nothing interrupts, for both controllers of this host.
steady_repair() { # DRIVER FLOWS
	local standby=2
	! has_vip 2 || standby=1
	lab_in "c$standby-vr" nice -n -15 "$TRAFFIC" drop "${SET[@]}" --count "$2" >/dev/null
	case $1 in
	vrouterd) kill -KILL "$(sync_of $standby)" ;;
	*) rival_ctl $standby -n ;;
	esac
}
steady_both() { pair_kernel_has 1 "$1" && pair_kernel_has 2 "$1"; }
one_steady() { # DRIVER SECONDS FLOWS
	local old=1 cpu busy=() repairs=0 end
	ADVERT=10
	bench_standard "$1"
	has_vip 1 || old=2
	lab_in c$old-vr "$TRAFFIC" fill "${SET[@]}" --count "$3" --rate 50000
	within 60 pair_kernel_has $((3 - old)) "$3" || note "not all flows replicated"
	traffic probe n1 probe --target $HOST:7
	traffic stalls n1 stalls --interval-us 20000
	for cpu in $(seq "$(nproc)"); do
		lab_exec n1 sh -c 'while :; do :; done' &
		busy+=($!)
		LAB_PIDS+=($!)
		disown $!
	done
	steady_log "$1" >"$LAB_DIR/before"
	ask probe reset
	end=$((SECONDS + $2))
	while [ $SECONDS -lt $end ]; do
		steady_repair "$1" "$3"
		within 60 steady_both "$3" && repairs=$((repairs + 1))
	done
	steady_log "$1" | comm -13 "$LAB_DIR/before" - >"$LAB_DIR/takeovers"
	put takeovers "$(wc -l <"$LAB_DIR/takeovers")"
	put unexplained "$(steady_unexplained "$1" <"$LAB_DIR/takeovers")"
	ask stalls report
	put host-stalls "$(field host)"
	put host-stall-ms "$(field host_ms)"
	put kernel-stalls "$(field kernel)"
	put kernel-stall-ms "$(field kernel_ms)"
	ask probe report
	kill -KILL "${busy[@]}"
	put gap-ms "$(field gap_ms)"
	put repairs $repairs
	has_vip 1 && has_vip 2 && put holders 2 || put holders 1
}
runs_steady() {
	local d
	for d in vrouterd cache-off; do measure "steady-$d" steady "$d" $STEADY_S $STEADY_FLOWS; done
}
report_steady() {
	table_head "$STEADY_S s of adverts every 10 ms, all CPUs busy, the standby's $STEADY_FLOWS flows emptied and filled again and again"
	compare "takeovers, though nobody died" "steady-@.takeovers"
	compare "of these, no stolen CPU near" "steady-@.unexplained"
	compare "times the standby's table was filled" "steady-@.repairs"
	compare "holders of the VIPs afterwards" "steady-@.holders"
	compare "longest gap of a node's UDP probe, ms" "steady-@.gap-ms"
	compare "a CPU was stolen for over 20 ms, times" "steady-@.host-stalls"
	compare "the longest, ms" "steady-@.host-stall-ms"
	compare "a CPU ran nothing of real time for 20 ms, times" "steady-@.kernel-stalls"
	compare "the longest, ms" "steady-@.kernel-stall-ms"
	compare "CPU stolen, %" "steady-@.steal"
}
