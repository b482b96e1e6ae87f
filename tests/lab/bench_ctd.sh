# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# A section of tests/bench: vrouterd in conntrackd's protocol (FT-FW, multicast) with stock conntrackd as the other
# one, in either role, beside stock conntrackd in that role. The load is that of the other replication sections.
#
#   ctd     flows that are on the other side in the end, and CPU an event, without loss and with 5 % of datagrams lost
#
# As source: vrouterd to conntrackd with its cache, beside conntrackd to the same. As replica: conntrackd to
# vrouterd, beside conntrackd to conntrackd. "direct" writes into its kernel, as vrouterd does; with the cache that is
# work for the moment of a failover (-c), so it is done and counted in the end.

if [ -z "${BENCH_QUICK:-}" ]; then CTD_FLOWS=100000; else CTD_FLOWS=10000; fi
CTD_RATE=20000
declare -A SIDE=() # of controllers 1 and 2: as PAIR

# PAIR is what the functions of bench_pair.sh go by.
side() { local PAIR=${SIDE[$1]}; "${@:2}"; }
ctd_router() { # N
	if [ "${SIDE[$1]}" = vrouterd ]; then
		lab_sync_link "$1"
	else
		bench_rival "${SIDE[$1]}"
		rival_router "$1"
		rival_config "$1"
	fi
}
ctd_start() { # N
	if [ "${SIDE[$1]}" = vrouterd ]; then lab_start "$1"; else rival_conntrackd "$1"; fi
}
ctd_ready() { [ "$(status 2 .sync)" = ready ]; }
ctd_up() { # SOURCE REPLICA
	SIDE=([1]=$1 [2]=$2)
	RIVAL_SYNC=yes SYNC_INTERFACE='"sync"' ELECTION=external SYNC_TO='group = "225.0.0.50"'
	SYNC_EXTRA='protocol = "conntrackd" security = "none"'
	lab_up
	local i
	for i in 1 2; do
		lab_controller $i
		ctd_router $i
	done
	for i in 1 2; do ctd_start $i; done
	wait_for "the replication link" 10 pair_link_forwards
	[ "$1" != vrouterd ] || ctl 1 promote vrouter >/dev/null || fail "promote: exit $?"
	[ "$2" != vrouterd ] || wait_for "ready" 20 ctd_ready
}
ctd_start_cost() { cpu1=$(side 1 pair_cpu 1) cpu2=$(side 2 pair_cpu 2); }
ctd_put_cost() { # WHAT EVENTS
	local i was
	for i in 1 2; do
		was=cpu$i
		put "cpu-$1-$i" "$(awk -v a="$(side $i pair_cpu $i)" -v b="${!was}" -v n="$2" 'BEGIN { printf "%.2f", (a - b) * 1e6 / n }')"
	done
}
# What the kernel of the replica lacks is put there, as far as it knows of it.
ctd_commit() { # FLOWS
	[ "${SIDE[2]}" != cache-on ] || rival_ctl 2 -c
	within 3 pair_kernel_has 2 "$1" || note "the replica has not got all flows"
	sleep 0.2 # it may have a last line to write
}
one_ctd() { # SOURCE REPLICA LOSS FLOWS
	local cpu1 cpu2 PAIR=$2
	ctd_up "$1" "$2"
	[ "$3" = 0 ] || lab_loss c2-sync "$3" "udp dport 3780"
	ctd_start_cost
	pair_make 0 "$4" $CTD_RATE
	put rate "$(field rate)"
	pair_wait "$4"
	ctd_put_cost new "$4"
	put complete "$(divide "$(pair_have 0 "$4")00" "$4" 4)"
	ctd_commit "$4"
	ctd_put_cost kernel "$4"
	ctd_start_cost
	pair_drop 0 "$4" $CTD_RATE
	pair_wait_gone $(($4 / 100))
	ctd_put_cost del "$4"
	[ "$3" = 0 ] || put lost "$(lab_lost c2-sync)"
}
runs_ctd() {
	local loss
	for loss in 0 5; do
		measure "ctd-$loss-source-vrouterd" ctd vrouterd cache-on $loss $CTD_FLOWS
		measure "ctd-$loss-replica-vrouterd" ctd cache-on vrouterd $loss $CTD_FLOWS
		measure "ctd-$loss-stock-cache-on" ctd cache-on cache-on $loss $CTD_FLOWS
		measure "ctd-$loss-stock-cache-off" ctd cache-off cache-off $loss $CTD_FLOWS
	done
}
ctd_rows() { # LOSS ROLE N: that is controller N; conntrackd's are of one measurement
	local key d
	for d in cache-on cache-off; do
		for key in cpu-new-1 cpu-new-2 cpu-kernel-2 cpu-del-1 cpu-del-2 complete rate lost steal; do
			[ ! -e "$results/ctd-$1-stock-$d.$key" ] || cp "$results/ctd-$1-stock-$d.$key" "$results/ctd-$1-$2-$d.$key"
		done
	done
	table_head "$CTD_FLOWS flows made and deleted, $CTD_RATE a second, $1 % of datagrams lost: the $2 is"
	compare "new: CPU us an event" "ctd-$1-$2-@.cpu-new-$3"
	[ "$3" = 1 ] || compare "new: the same until they are in its kernel" "ctd-$1-$2-@.cpu-kernel-$3"
	compare "deletion: CPU us an event" "ctd-$1-$2-@.cpu-del-$3"
	compare "flows on the other side in the end, %" "ctd-$1-$2-@.complete"
	compare_whole "runs that were complete" "ctd-$1-$2-@.complete"
	compare "rate that the load had, per second" "ctd-$1-$2-@.rate"
	[ "$1" = 0 ] || compare "datagrams lost" "ctd-$1-$2-@.lost"
	compare "CPU stolen, %" "ctd-$1-$2-@.steal"
}
report_ctd() {
	local loss
	for loss in 0 5; do
		ctd_rows $loss source 1
		ctd_rows $loss replica 2
	done
}
