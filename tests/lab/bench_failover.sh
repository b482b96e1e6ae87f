# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# Sections of tests/bench: memory, failover, kill and neighbours.

MEMORY_FLOWS=100000
sync_of() { pgrep -P "${LAB_DAEMON[$1]}" -f -- --sync-worker; }
has_flows() { [ "$(table "$1" | wc -l)" -ge "$2" ]; }
put_rss() { # WHEN
	local i
	for i in 1 2; do
		put "rss-$( [ $i = 1 ] && echo source || echo replica)-core-$1" "$(rss_kb "${LAB_DAEMON[$i]}")"
		put "rss-$( [ $i = 1 ] && echo source || echo replica)-sync-$1" "$(rss_kb "$(sync_of $i)")"
	done
}

one_memory() { # FLOWS
	lab_standard 2
	lab_start 1
	wait_for "controller 1 ACTIVE" 20 is_active 1
	lab_start 2
	wait_for "controller 2 ready" 30 is_ready 2
	put_rss 0
	lab_in c1-vr "$TRAFFIC" fill --target $HOST:1000 --source 10.20.0.101 --via $PUBLIC_VIP --count "$1" --rate 40000
	wait_for "$1 flows on the replica" 60 has_flows 2 "$1"
	put_rss "$1"
	lab_stop 2
	lab_revive 2
	local start
	start=$(now_ms)
	lab_run 2
	wait_for "controller 2 ready again" 60 is_ready 2
	put join-ms $(($(now_ms) - start))
	has_flows 2 "$1" || fail "ready without all flows"
}
runs_memory() { measure memory memory $MEMORY_FLOWS; }
report_memory() {
	local p
	printf '\nMemory of vrouterd, KB of RSS\n%-16s %26s %26s %10s\n' process "0 flows" "$MEMORY_FLOWS flows" growth
	for p in source-core source-sync replica-core replica-sync; do
		printf '%-16s %26s %26s %10s\n' $p "$(median memory.rss-$p-0)" "$(median memory.rss-$p-$MEMORY_FLOWS)" \
			$(($(middle memory.rss-$p-$MEMORY_FLOWS) - $(middle memory.rss-$p-0)))
	done
	printf '\nJoin of a replica at %s flows, start of the daemon to ready, ms: %s\n' $MEMORY_FLOWS "$(median memory.join-ms)"
	printf 'CPU stolen in these runs, %%: %s\n' "$(median memory.steal)"
}

vip_somewhere() { has_vip 1 || has_vip 2; }
# The daemons that elect, nothing else: links, namespaces and flows stay.
kill_daemons() { # DRIVER N
	local pid pids=
	if [ "$1" = vrouterd ]; then
		pids=${LAB_DAEMON[$2]}
	else
		for pid in $(ip netns pids "$LAB-c$2-vr"); do
			[ "$(<"/proc/$pid/comm")" != keepalived ] || pids+=" $pid"
		done
	fi
	kill -KILL $pids
}
# A crash, with FLOWS entries in the table beside those that talk. fast: with fast detection.
one_failover() { # DRIVER ADVERT [FLOWS [crash | kill | fast]]
	local flows=${3:-0} old=1
	ADVERT=$2
	[ "${4:-}" != fast ] || ELECTION_EXTRA="fast-detect = 3  fast-interval = 3"
	bench_standard "$1"
	has_vip 1 || old=2
	[ "$flows" = 0 ] || lab_in c$old-vr "$TRAFFIC" fill "${SET[@]}" --count "$flows" --rate 50000
	traffic probe n1 probe --target $HOST:7
	traffic tcp n1 tcp-flows --target $HOST:7 --count 1000 --interval-us 500
	if [ "$1" = engine ]; then
		within 10 engine_synced $((3 - old)) $((flows + 1000)) || note "not all flows replicated"
	elif [ "$1" != vrouterd ]; then
		within 10 rival_synced $((3 - old)) $((flows + 1000)) || note "not all flows replicated"
	elif [ "$flows" = 0 ]; then
		wait_for "equal tables" 20 same_table 1 2
	else
		within 10 pair_kernel_has $((3 - old)) $((flows + 1000)) || note "not all flows replicated"
		has_vip $old && wait_for "one ACTIVE, one ready" 20 settled
	fi
	sleep 0.5
	ask probe reset
	if [ "${4:-crash}" != kill ]; then
		lab_crash $old
	else
		kill_daemons "$1" $old
		within 10 has_vip $((3 - old)) || note "nobody took over"
	fi
	sleep 0.6 # the connections go on talking through the takeover
	has_vip $old && put holders 2 || put holders 1
	# before all connections talk at once, which keeps the echo server from the probe for some 20 ms
	ask probe report
	put gap-ms "$(field gap_ms)"
	put stall-ms "$(field stall_in_gap_ms)"
	ask tcp check
	put alive "$(field alive)"
	put tcp-ms "$(field slowest_ms)"
	[ "$1" != vrouterd ] || put promotion-us "$(ctl $((3 - old)) --json stats | jq '.routers[0].network.last_promotion_us')"
	[ "$flows" = 0 ] || put held "$(lab_in c$((3 - old))-vr "$TRAFFIC" have "${SET[@]}" --count "$flows")"
}
runs_failover() {
	local advert driver
	for advert in 100 10; do
		for driver in $DRIVERS engine; do measure "$driver-$advert" failover "$driver" $advert; done
	done
	runs_fast
}
runs_fast() { measure fast-10 failover vrouterd 10 0 fast; }
runs_kill() {
	local advert driver
	for advert in 1000 100; do
		for driver in $DRIVERS; do measure "$driver-kill-$advert" failover "$driver" $advert 0 kill; done
	done
}
# report_gaps GROUP [DRIVER...]
report_gaps() {
	local d name group=$1
	shift
	printf '%-22s %28s %6s %24s %24s %s\n' "" "UDP gap ms" "ratio" "TCP alive" "TCP stall ms" "stolen %"
	for d in ${*:-$DRIVERS}; do
		case $d in vrouterd) name=vrouterd ;; fast) name="vrouterd, fast-detect" ;; cache-on) name="conntrackd, cache" ;; engine) name="vrouterd, its engine" ;; *) name="conntrackd, direct" ;; esac
		printf '%-22s %28s %6s %24s %24s %s\n' "$name" "$(median "$d-$group.gap-ms")" \
			"$(ratio "$(middle "$d-$group.gap-ms")" "$(middle "vrouterd-$group.gap-ms")")" \
			"$(median "$d-$group.alive")" "$(median "$d-$group.tcp-ms")" "$(median "$d-$group.steal")"
	done
}
report_kill() {
	local advert d
	for advert in 1000 100; do
		printf '\nSIGKILL of the daemon that holds the election, adverts every %s ms\n' $advert
		report_gaps kill-$advert
		for d in $DRIVERS; do echo "$d: holders of the VIPs afterwards: $(median "$d-kill-$advert.holders")"; done
	done
}
report_failover() {
	local advert
	for advert in 100 10; do
		printf '\nCrash, adverts every %s ms, random SNAT ports, 1000 TCP connections\n' $advert
		report_gaps $advert $DRIVERS engine $([ $advert != 10 ] || echo fast)
	done
}
report_fast() {
	printf '\nCrash, adverts every 10 ms, 3 heartbeats of 3 ms, random SNAT ports, 1000 TCP connections\n'
	report_gaps 10 fast
}

# ---- neighbours -------------------------------------------------------------------------------

NEIGHBOURS=1000
neighbours_known() { [ "$(status "$1" .neighbours.known)" -ge $NEIGHBOURS ]; }
# A crash; then each of that many nodes asks, until all have their answer. LOSS: per cent of ARP that the
# nodes' port loses, both ways: what an overloaded network does to a storm.
one_neighbours() { # WARM LOSS
	local i old=1
	ROUTER_EXTRA="warm-neighbours = $1"
	lab_standard 2
	for i in $(seq 0 $((NEIGHBOURS - 1))); do
		echo "address add 10.20.$((4 + (i + 1) / 256)).$(((i + 1) % 256))/16 dev eth0"
	done | lab_ip n1 -batch -
	for i in 1 2; do
		lab_config $i
		sed -i "s#$MGMT_VIP/24#$MGMT_VIP/16#" "$LAB_DIR/c$i/vrouterd.conf"
		lab_run $i
	done
	for i in 1 2; do wait_for "controller $i answers" 10 answers $i; done
	wait_for "one ACTIVE, one ready" 30 settled
	has_vip 1 || old=2
	traffic udp n1 udp-flows --target $HOST:7 --source 10.20.4.1 --sources $NEIGHBOURS --count $NEIGHBOURS
	wait_for "equal tables" 20 same_table 1 2
	[ "$1" = false ] || wait_for "the standby knows all nodes" 20 neighbours_known $((3 - old))
	all_alive udp
	[ "$2" = 0 ] || lab_loss n1 "$2" "ether type arp"
	lab_crash $old
	until has_vip $((3 - old)); do :; done
	ask udp check
	put answered-ms "$(field slowest_ms)"
	put total-ms $(($(now_ms) - LAB_CRASHED))
	put alive "$(field alive)"
	[ "$1" = false ] || put install-us "$(status $((3 - old)) .neighbours.install_us)"
}
NEIGHBOUR_LOSS="0 2"
runs_neighbours() {
	local loss warm
	neighbours_room
	for loss in $NEIGHBOUR_LOSS; do
		for warm in true false; do measure "neighbours-$warm-$loss" neighbours $warm "$loss"; done
	done
}
report_neighbours() {
	local loss warm
	printf '\nCrash, then %s nodes ask at once: ms until all have their answer\n%-36s %28s %28s %24s %s\n' $NEIGHBOURS "" \
		"after the VIP" "after the crash" "answered in 10 s" "stolen %"
	for loss in $NEIGHBOUR_LOSS; do
		for warm in true false; do
			printf '%-36s %28s %28s %24s %s\n' "warm-neighbours = $warm, ARP loss $loss %" \
				"$(median neighbours-$warm-$loss.answered-ms)" "$(median neighbours-$warm-$loss.total-ms)" \
				"$(median neighbours-$warm-$loss.alive)" "$(median neighbours-$warm-$loss.steal)"
		done
	done
	printf 'Putting them into the kernel, us: %s\n' "$(median neighbours-true-0.install-us)"
}
