# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2206,SC1091
# Two controllers with a replication link of their own (sw-sync), run by vrouterd or by conntrackd alone:
# what the replication sections of tests/bench measure. Controller 1 is the source. Source it after lib.sh.
# Drivers: vrouterd; cache-on, cache-off: conntrackd with and without its external cache. Where the role
# moves also engine: vrouterd with conntrackd as its engine.

. "$LAB_SOURCE/tests/lab/rival.sh"
SET=(--target $HOST:1000 --source 10.20.0.101 --via $PUBLIC_VIP)       # the flows
PROBES=(--target $HOST:30000 --source 10.20.0.201 --via $PUBLIC_VIP) # those of the lag probes
PAIR=

bench_rival() { # DRIVER: with room for every table of the bench
	RIVAL_CACHE=${1#cache-} RIVAL_HASH_SIZE=1048576 RIVAL_HASH_LIMIT=4194304
}

is_ours() { [ "$1" = vrouterd ] || [ "$1" = engine ]; }
# How many flows the cache of the engine on N holds.
engine_cached() {
	lab_in "c$1-vr" conntrackd -C "$LAB_DIR/c$1/services/vrouter.conntrackd/config" -s cache 2>/dev/null |
		awk '/^cache:external/ { e = 1 } e && /active objects/ { print $NF; exit }'
}
engine_synced() { [ "$(engine_cached "$1")" -ge "$2" ]; }

# Two controllers on their networks under the driver. It ends when one of them holds the role.
bench_ready() { # DRIVER
	if is_ours "$1"; then
		wait_for "one ACTIVE, one ready" 30 settled
	else
		wait_for "a VIP" 20 vip_somewhere
	fi
}
bench_standard() { # DRIVER
	lab_standard 2
	[ "$1" != engine ] || SYNC_KEY='' SYNC_TO='group = "225.0.0.50"  engine = "conntrackd"'
	if is_ours "$1"; then
		lab_start 1 2
		bench_ready "$1"
	else
		bench_rival "$1"
		rival_start 1
		rival_start 2
		bench_ready "$1"
		sleep 1 # its notify script, of which nothing tells the end
	fi
}

pair_up() { # DRIVER: the controllers and the source
	PAIR=$1
	lab_up
	lab_controller 1
	lab_controller 2
	if [ "$PAIR" = vrouterd ]; then
		SYNC_INTERFACE=sync
		lab_sync_link 1
		lab_sync_link 2
		lab_config 2
		lab_start 1
		wait_for "controller 1 ACTIVE" 20 is_active 1
	else
		bench_rival "$PAIR"
		RIVAL_SYNC=yes
		local i
		for i in 1 2; do
			rival_router $i
			rival_config $i
		done
		rival_conntrackd 1
	fi
	wait_for "the replication link" 10 pair_link_forwards
}
pair_link_forwards() {
	local i
	for i in 1 2; do bridge -n "$LAB-fabric" link show dev "c$i-sync" | grep -q 'state forwarding' || return 1; done
}

# The replica's daemon, on the table that its kernel has. conntrackd leaves its lock behind when it is
# killed, and has to be told to ask. (Not `-t`, which notify scripts add: it empties the table a minute later.)
pair_replica() {
	if [ "$PAIR" = vrouterd ]; then
		lab_run 2
	else
		rm -f "$LAB_DIR/c2/conntrackd.lock" "$LAB_DIR/c2/conntrackd.ctl"
		rival_conntrackd 2
		rival_ctl 2 -n
	fi
}
pair_replica_ready() {
	if [ "$PAIR" = vrouterd ]; then
		wait_for "controller 2 ready" 60 is_ready 2
	else
		sleep 0.5
	fi
}
# Dies at one moment, its kernel's table stays.
pair_replica_kill() {
	# shellcheck disable=SC2046 # a list of numbers
	kill -KILL $(pair_pids 2)
	[ "$PAIR" != vrouterd ] || {
		wait "${LAB_DAEMON[2]}"
		unset 'LAB_DAEMON[2]'
	} 2>/dev/null
	sleep 0.1
}

pair_pids() {
	if [ "$PAIR" = vrouterd ]; then
		echo "${LAB_DAEMON[$1]} $(pgrep -P "${LAB_DAEMON[$1]}" | tr '\n' ' ')"
	else
		echo "${RIVAL_DAEMON[$1]}"
	fi
}
# Of all processes of controller N: CPU seconds user and system so far, KB of memory.
pair_cpu() {
	local pid
	for pid in $(pair_pids "$1"); do sed 's/.*) //' "/proc/$pid/stat"; done |
		awk -v hz="$(getconf CLK_TCK)" '{ t += $12 + $13 } END { printf "%.2f", t / hz }'
}
pair_rss() {
	local pid kb=0
	for pid in $(pair_pids "$1"); do kb=$((kb + $(rss_kb "$pid"))); done
	echo $kb
}
# The most that they have held since pair_peak_reset, KB.
pair_peak_reset() {
	local pid
	for pid in $(pair_pids "$1"); do echo 5 >"/proc/$pid/clear_refs"; done
}
pair_peak() {
	local pid kb=0
	for pid in $(pair_pids "$1"); do kb=$((kb + $(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status"))); done
	echo $kb
}
# Bytes on the replication link so far, both ways, with Ethernet's headers and all that is not data.
pair_wire() {
	local ns=c1
	[ "$PAIR" = vrouterd ] || ns=c1-vr
	lab_ip $ns -s -j link show sync | jq '.[0].stats64 | .tx.bytes + .rx.bytes'
}

pair_make() { # FIRST COUNT RATE: the load, at the source; REPLY is what it says
	REPLY=$(lab_in c1-vr "$TRAFFIC" fill "${SET[@]}" --first "$1" --count "$2" --rate "$3")
	[ "$(field refused)" = 0 ] || fail "flows could not be made: $REPLY"
}
pair_drop() {
	REPLY=$(lab_in c1-vr "$TRAFFIC" drop "${SET[@]}" --first "$1" --count "$2" --rate "$3")
	[ "$(field refused)" = 0 ] || fail "flows could not be deleted: $REPLY"
}
# How many flows the replica holds: cheap (its own traffic is counted, too), and one by one.
pair_count() {
	if [ "$PAIR" = cache-on ]; then rival_cached 2; else count 2; fi
}
pair_kernel_has() { [ "$(count "$1")" -ge "$2" ]; }
pair_have() { # FIRST COUNT
	if [ "$PAIR" = cache-on ]; then
		local have
		have=$(rival_cached 2)
		echo $((have < $2 ? have : $2))
	else
		lab_in c2-vr "$TRAFFIC" have "${SET[@]}" --first "$1" --count "$2"
	fi
}
# Waits until the replica holds WANT flows, or its number has not moved for 3 s. LAST_MS: when it last did.
pair_wait() {
	local have before=-1
	LAST_MS=$(now_ms)
	while :; do
		have=$(pair_count)
		if [ "$have" != "$before" ]; then
			before=$have
			LAST_MS=$(now_ms)
		fi
		[ "$have" -lt "$1" ] || return 0
		[ $(($(now_ms) - LAST_MS)) -lt 3000 ] || return 1
		sleep 0.02
	done
}
# The same for its end: no more than WANT are left.
pair_wait_gone() {
	local have before=-1
	LAST_MS=$(now_ms)
	while :; do
		have=$(pair_count)
		if [ "$have" != "$before" ]; then
			before=$have
			LAST_MS=$(now_ms)
		fi
		[ "$have" -gt "$1" ] || return 0
		[ $(($(now_ms) - LAST_MS)) -lt 3000 ] || return 1
		sleep 0.02
	done
}

# What the replica's link carries is lost, both ways; carrier and bridges notice nothing.
pair_cut() { lab_loss c2-sync 100; }
pair_mend() { lab_in fabric nft delete table bridge loss-c2-sync; }
