# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# Sections of tests/bench: replication, by vrouterd and by conntrackd, on a link of its own. Flows are
# established TCP with SNAT, made by conntrack netlink at a paced rate in the source's router namespace.
#
#   kernel  what the kernel itself can do through netlink, nobody replicating
#   cost    CPU, bytes and memory of new flows and of deletions at 50,000 a second
#   rate    the highest rate with every flow replicated within a second of the last
#   lag     from insertion at the source to presence in the replica's kernel, at rest and under load
#   join    a replica with an empty table comes
#   rejoin  1 % of the table differs: after a loss of the link; after a restart of the replica's daemon
#   crash   from crash to forwarding, with a full table
#   loss    flows that arrive when the link loses datagrams

if [ -z "${BENCH_QUICK:-}" ]; then
	JOIN_SIZES="100000 500000 1000000" BIG=1000000 KERNEL_FLOWS=500000 LOSS_FLOWS=100000 LAG_PROBES=1000 RATE_S=3
else
	JOIN_SIZES="20000 100000" BIG=100000 KERNEL_FLOWS=100000 LOSS_FLOWS=20000 LAG_PROBES=200 RATE_S=1
fi
LOAD=50000 # new flows a second

# ---- kernel ---------------------------------------------------------------------------------

one_kernel() { # FLOWS
	local key
	lab_up
	lab_namespace k
	lab_in k nft 'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }'
	REPLY=$(lab_in k "$TRAFFIC" limits "${SET[@]}" --count "$1") || fail "limits"
	for key in insert dump delete insert_heard events; do put $key "$(field $key)"; done
}
runs_kernel() { measure kernel kernel $KERNEL_FLOWS; }
report_kernel() {
	printf '\nThe kernel alone, through netlink, %s flows, per second (stolen %%: %s)\n' $KERNEL_FLOWS "$(median kernel.steal)"
	printf '%-44s %26s\n' insert "$(median kernel.insert)" "insert while somebody listens to events" \
		"$(median kernel.insert_heard)" "read queued events" "$(median kernel.events)" \
		dump "$(median kernel.dump)" delete "$(median kernel.delete)"
}

# ---- cost -----------------------------------------------------------------------------------

# put_cost SUFFIX FLOWS: what was used since $cpu1, $cpu2 and $wire
put_cost() {
	put "cpu-source-$1" "$(awk -v a="$(pair_cpu 1)" -v b="$cpu1" -v n="$2" 'BEGIN { printf "%.2f", (a - b) * 1e6 / n }')"
	put "cpu-replica-$1" "$(awk -v a="$(pair_cpu 2)" -v b="$cpu2" -v n="$2" 'BEGIN { printf "%.2f", (a - b) * 1e6 / n }')"
	put "bytes-$1" "$(divide $(($(pair_wire) - wire)) "$2")"
}
start_cost() {
	cpu1=$(pair_cpu 1) cpu2=$(pair_cpu 2) wire=$(pair_wire)
}
one_cost() { # DRIVER FLOWS RATE
	local cpu1 cpu2 wire rss1 rss2 base
	pair_up "$1"
	pair_replica
	pair_replica_ready
	rss1=$(pair_rss 1) rss2=$(pair_rss 2) base=$(pair_count)
	start_cost
	pair_make 0 "$2" "$3"
	put rate "$(field rate)"
	pair_wait "$2"
	put_cost new "$2"
	put complete "$(divide "$(pair_have 0 "$2")00" "$2" 4)"
	put rss-source "$(divide $((($(pair_rss 1) - rss1) * 1024)) "$2")"
	put rss-replica "$(divide $((($(pair_rss 2) - rss2) * 1024)) "$2")"
	start_cost
	pair_drop 0 "$2" "$3"
	pair_wait_gone "$base"
	put_cost del "$2"
}
runs_cost() {
	local d
	for d in $DRIVERS; do measure "cost-$d" cost "$d" $BIG $LOAD; done
}
report_cost() {
	table_head "$BIG flows made and then deleted, $LOAD a second"
	compare "new: CPU s per million, source" cost-@.cpu-source-new
	compare "new: CPU s per million, replica" cost-@.cpu-replica-new
	compare "new: bytes on the wire per flow" cost-@.bytes-new
	compare "deletion: CPU s per million, source" cost-@.cpu-source-del
	compare "deletion: CPU s per million, replica" cost-@.cpu-replica-del
	compare "deletion: bytes on the wire per flow" cost-@.bytes-del
	compare "RSS per flow, bytes, source" cost-@.rss-source
	compare "RSS per flow, bytes, replica" cost-@.rss-replica
	compare "flows at the replica in the end, %" cost-@.complete
	compare "rate that the load had, per second" cost-@.rate
	compare "CPU stolen, %" cost-@.steal
}

# ---- rate -----------------------------------------------------------------------------------

# A rate that the load cannot make is not one that replication passed.
one_rate() { # DRIVER RATE SECONDS
	local flows=$(($2 * $3)) have end
	pair_up "$1"
	pair_replica
	pair_replica_ready
	pair_make 0 $flows "$2"
	end=$(($(now_ms) + 1000))
	until have=$(pair_count) && [ "$have" -ge $flows ] || [ "$(now_ms)" -ge $end ]; do sleep 0.02; done
	have=$(pair_have 0 $flows)
	put have "$(divide "${have}00" $flows 2)"
	put made "$(field rate)"
	put passed $((have >= flows && $(field rate) * 20 >= $2 * 19))
}
RATES=(20000 30000 40000 50000 60000 80000 100000 120000 150000 180000 220000 270000)
# The highest of RATES that passes, by bisection; a rate has failed when it failed twice.
runs_rate() {
	local d low high mid try
	for d in $DRIVERS; do
		low=-1 high=${#RATES[@]}
		while [ $((high - low)) -gt 1 ]; do
			mid=$(((low + high) / 2))
			for try in 1 2; do
				measure "rate-$d" rate "$d" "${RATES[mid]}" $RATE_S
				echo "  $d, ${RATES[mid]} a second, try $try: $(last "rate-$d.have") % within a second, made at $(last "rate-$d.made")" >&2
				[ "$(last "rate-$d.passed")" != 1 ] || break
			done
			if [ "$(last "rate-$d.passed")" = 1 ]; then low=$mid; else high=$mid; fi
		done
		[ $low -lt 0 ] || echo "${RATES[low]}" >>"$results/rate-$d.best"
	done
}
report_rate() {
	table_head "Highest rate of new flows with all of them at the replica within 1 s of the last, $RATE_S s of load; of: ${RATES[*]}"
	compare "flows a second (ratio: smaller is better)" rate-@.best
	compare "CPU stolen, %" rate-@.steal
}

# ---- lag ------------------------------------------------------------------------------------

one_lag() { # DRIVER RATE PROBES
	pair_up "$1"
	pair_replica
	pair_replica_ready
	sleep 8 # until then a new source may look through its table for timeouts to set back
	if [ "$2" != 0 ]; then
		lab_exec c1-vr "$TRAFFIC" fill "${SET[@]}" --rate "$2" --count $(($2 * ($3 / 100 + 10))) >"$LAB_DIR/load" &
		LAB_PIDS+=($!)
		disown $!
		sleep 0.5
	fi
	REPLY=$(lab_in c1-vr "$TRAFFIC" lag "${PROBES[@]}" --replica "/run/netns/$LAB-c2-vr" --count "$3" --interval-us 5000) ||
		fail "the probes: $REPLY"
	[ ! -s "$LAB_DIR/load" ] || fail "the load ended before the probes"
	put lost "$(field lost)"
	put p50 "$(field p50_us)"
	put p99 "$(field p99_us)"
	put max "$(field max_us)"
}
runs_lag() {
	local d rate
	for rate in 0 $LOAD; do
		for d in vrouterd cache-off; do measure "lag-$rate-$d" lag "$d" $rate $LAG_PROBES; done
	done
}
report_lag() {
	local rate
	for rate in 0 $LOAD; do
		table_head "Lag of $LAG_PROBES probes at $rate new flows a second, microseconds (looked for every ~20; with a cache flows come at failover only)"
		compare "p50" "lag-$rate-@.p50"
		compare "p99" "lag-$rate-@.p99"
		compare "worst" "lag-$rate-@.max"
		compare "not there after 1 s" "lag-$rate-@.lost"
		compare "CPU stolen, %" "lag-$rate-@.steal"
	done
}

# ---- join -----------------------------------------------------------------------------------

# put_peak FLOWS: what a repair held at its peak beyond what stays, per flow, at source and replica
put_peak() {
	local i kb
	for i in 1 2; do
		kb=$(($(pair_peak $i) - $(pair_rss $i)))
		put "peak-$i" "$(divide $((kb > 0 ? kb * 1024 : 0)) "$1")"
	done
}
one_join() { # DRIVER FLOWS
	local wire start watch
	pair_up "$1"
	pair_make 0 "$2" 100000
	wire=$(pair_wire)
	pair_peak_reset 1
	if [ "$PAIR" = vrouterd ]; then ip netns add "$LAB-c2-vr"; fi # the daemon adopts it
	lab_exec c2-vr "$TRAFFIC" watch --count "$2" --deadline 60000 >"$LAB_DIR/watch" &
	watch=$!
	start=$(now_ms)
	pair_replica
	if [ "$PAIR" = vrouterd ]; then
		wait_for "ready" 60 pair_ready_now
		put ms $(($(now_ms) - start))
	else
		pair_wait "$2"
		put ms $((LAST_MS - start))
	fi
	put bytes "$(divide $(($(pair_wire) - wire)) "$2")"
	put_peak "$2"
	put complete "$(divide "$(pair_have 0 "$2")00" "$2" 4)"
	[ "$PAIR" != cache-on ] || return 0
	wait $watch
	REPLY=$(<"$LAB_DIR/watch")
	[ "$(field ms)" = 0 ] || put rate "$(divide "$(field count)000" "$(field ms)" 0)"
}
pair_ready_now() { is_ready 2; }
runs_join() {
	local d n
	for n in $JOIN_SIZES; do
		for d in $DRIVERS; do measure "join-$n-$d" join "$d" "$n"; done
	done
}
percent() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0) printf "%.0f", 100 * a / b; else printf "-" }'; }
report_join() {
	local n rate raw
	for n in $JOIN_SIZES; do
		table_head "Join of a replica with an empty table, $n flows; conntrackd asks with -n"
		compare "from the start of its daemon, ms" "join-$n-@.ms"
		compare "bytes on the wire per flow" "join-$n-@.bytes"
		compare "insertions into its kernel per second" "join-$n-@.rate"
		compare "memory for it per flow, bytes, source" "join-$n-@.peak-1"
		compare "memory for it per flow, bytes, replica" "join-$n-@.peak-2"
		compare "flows at the replica, %" "join-$n-@.complete"
		compare_whole "runs that were complete" "join-$n-@.complete"
		compare "CPU stolen, %" "join-$n-@.steal"
		rate=$(middle "join-$n-vrouterd.rate") raw=$(middle kernel.insert)
		[ "$raw" = - ] || echo "vrouterd's insertions are $(percent "$rate" "$raw") % of the kernel's own rate," \
			"$(percent "$rate" "$(middle kernel.insert_heard)") % of that with a listener (the source is one, see docs/bench.md)"
	done
}

# ---- rejoin ---------------------------------------------------------------------------------

# One half of the difference is deletions, the other half new flows.
# A cache cannot be asked for a flow, but it counts what it makes and deletes.
pair_converged() { # FLOWS CHANGED
	[ "$PAIR" != vrouterd ] || is_ready 2 || return 1
	if [ "$PAIR" = cache-on ]; then
		local made dropped
		read -r made dropped <<<"$(rival_changes 2)"
		[ "$made" -ge $((made_before + made_want)) ] && [ "$dropped" -ge $((dropped_before + dropped_want)) ]
	else
		[ "$(pair_have "$1" "$2")" = "$2" ] && [ "$(pair_have 0 "$2")" = 0 ]
	fi
}
one_rejoin() { # DRIVER FLOWS HOW
	local changed=$(($2 / 200)) wire start missing extra
	local made_before=0 dropped_before=0 made_want=$2 dropped_want=0 # of a cache that starts empty
	pair_up "$1"
	pair_replica
	pair_replica_ready
	pair_make 0 "$2" $LOAD
	pair_wait "$2" || note "the replica has not got all flows"
	if [ "$3" = cut ]; then
		pair_cut
		made_want=$changed dropped_want=$changed
		[ "$PAIR" != cache-on ] || read -r made_before dropped_before <<<"$(rival_changes 2)"
	else
		pair_replica_kill
	fi
	pair_drop 0 $changed $LOAD
	pair_make "$2" $changed $LOAD
	sleep 1.5 # the loss is noticed
	pair_peak_reset 1
	[ "$3" != cut ] || pair_peak_reset 2
	wire=$(pair_wire) start=$(now_ms)
	if [ "$3" = cut ]; then pair_mend; else pair_replica; fi
	if within 20 pair_converged "$2" $changed; then put ms $(($(now_ms) - start)); fi
	put bytes-all $(($(pair_wire) - wire))
	put_peak "$2"
	if [ "$PAIR" = cache-on ]; then
		put complete "$(divide "$(pair_have 0 "$2")00" "$2" 4)"
		return
	fi
	missing=$(($2 - $(pair_have $changed "$2")))
	extra=$(pair_have 0 $changed)
	put complete "$(divide $((($2 - missing - extra) * 100)) "$2" 4)"
}
runs_rejoin() {
	local d how
	for how in cut restart; do
		for d in $DRIVERS; do measure "rejoin-$how-$d" rejoin "$d" $BIG $how; done
	done
}
report_rejoin() {
	local how text
	for how in cut restart; do
		text="the link was cut for 1.5 s and more"
		[ $how = cut ] || text="the replica's daemon died and was started again"
		table_head "Rejoin, $BIG flows, 1 % differ (half deleted, half new): $text"
		compare "until equal, ms (none: not within 20 s)" "rejoin-$how-@.ms"
		compare "bytes on the wire, in all" "rejoin-$how-@.bytes-all"
		compare "memory for it per flow, bytes, source" "rejoin-$how-@.peak-1"
		compare "memory for it per flow, bytes, replica" "rejoin-$how-@.peak-2"
		compare "flows that are right, %" "rejoin-$how-@.complete"
		compare_whole "runs that were complete" "rejoin-$how-@.complete"
		compare "CPU stolen, %" "rejoin-$how-@.steal"
	done
}

# ---- crash ----------------------------------------------------------------------------------

runs_crash() {
	local d
	for d in $DRIVERS; do measure "$d-crash" failover "$d" 100 $BIG; done
}
report_crash() {
	printf '\nCrash with %s flows, adverts every 100 ms, random SNAT ports, 1000 TCP connections that talk\n' $BIG
	report_gaps crash
	local d
	for d in $DRIVERS; do echo "$d: of these flows in the kernel of the new ACTIVE afterwards: $(median "$d-crash.held")"; done
	echo "vrouterd: promotion, decision to the kernel's last answer, us: $(median vrouterd-crash.promotion-us)"
}

# ---- loss -----------------------------------------------------------------------------------

one_loss() { # DRIVER PERCENT FLOWS
	local end
	pair_up "$1"
	pair_replica
	pair_replica_ready
	lab_loss c2-sync "$2"
	pair_make 0 "$3" 20000
	end=$(now_ms)
	pair_wait "$3"
	put ms $((LAST_MS - end))
	put complete "$(divide "$(pair_have 0 "$3")00" "$3" 4)"
	put lost "$(lab_lost c2-sync)"
}
runs_loss() {
	local d percent
	for percent in 1 5 10; do
		for d in $DRIVERS; do measure "loss-$percent-$d" loss "$d" $percent $LOSS_FLOWS; done
	done
}
report_loss() {
	local percent
	for percent in 1 5 10; do
		table_head "$LOSS_FLOWS new flows at 20000 a second, $percent % of the datagrams of the replica's link lost, each way"
		compare "flows at the replica in the end, %" "loss-$percent-@.complete"
		compare_whole "runs that were complete" "loss-$percent-@.complete"
		compare "the last one came after the last was made, ms" "loss-$percent-@.ms"
		compare "datagrams lost" "loss-$percent-@.lost"
		compare "CPU stolen, %" "loss-$percent-@.steal"
	done
}
