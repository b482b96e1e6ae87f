# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC1007,SC2086
# The same lab with keepalived and conntrackd in the router's namespace, as its users run them: FTFW
# over multicast, notify scripts that commit, both VIPs in one VRRP instance, SNAT with random ports.
# Source it after lib.sh. RIVAL_CACHE=on|off is conntrackd's external cache (off: direct injection).
# RIVAL_SYNC=yes gives conntrackd a link of its own, as lab_sync_link does for vrouterd.

RIVAL_CACHE=on RIVAL_SYNC= RIVAL_HASH_SIZE=65536 RIVAL_HASH_LIMIT=524288
declare -A RIVAL_DAEMON=() # pids of conntrackd

rival_router() {
	local i=$1 vr=c$1-vr leg
	lab_namespace "$vr"
	for leg in mgmt ex; do
		ip link add "vr-$leg" netns "$LAB-$vr" type veth peer name "leg-$leg" netns "$LAB-c$i"
		lab_ip "c$i" link set "leg-$leg" master "br-$leg" up
		lab_ip "$vr" link set "vr-$leg" up
	done
	lab_ip "$vr" address add "10.20.0.$((20 + i))/24" dev vr-mgmt
	[ -z "$RIVAL_SYNC" ] || {
		lab_ip fabric link show sw-sync >/dev/null 2>&1 || lab_switch sw-sync
		lab_link "$vr" sync sw-sync "c$i-sync"
		lab_ip "$vr" address add "10.20.1.$((10 + i))/24" dev sync
	}
	lab_in "$vr" sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_tcp_be_liberal=1
	lab_in "$vr" nft -f - <<-END
		table ip nat {
			chain post {
				type nat hook postrouting priority 100
				oifname "vr-ex" ip saddr 10.20.0.0/24 snat to $PUBLIC_VIP random
			}
		}
	END
}

# rival_fill TEMPLATE FILE NAME=VALUE...: writes FILE from conntrackd-conf/TEMPLATE.in.
rival_fill() {
	local template=$LAB_SOURCE/conntrackd-conf/$1.in file=$2 pair
	local -a script=()
	shift 2
	for pair in "$@"; do script+=(-e "s|@${pair%%=*}@|${pair#*=}|g"); done
	sed -e '/^#[^!]/d' "${script[@]}" "$template" >"$file"
	! grep -n '@[A-Z_]*@' "$file" >&2 || fail "$file: not all names are filled in"
}

rival_config() {
	local i=$1 dir=$LAB_DIR/c$1 cache= interface=vr-mgmt address="10.20.0.$((20 + $1))"
	[ "$RIVAL_CACHE" = on ] || cache="DisableExternalCache on"
	[ -z "$RIVAL_SYNC" ] || interface=sync address="10.20.1.$((10 + i))"
	mkdir -p "$dir"
	rival_fill conntrackd.conf "$dir/conntrackd.conf" DIR="$dir" CACHE="$cache" INTERFACE=$interface \
		ADDRESS="$address" HASH_SIZE=$RIVAL_HASH_SIZE HASH_LIMIT=$RIVAL_HASH_LIMIT
	rival_fill notify "$dir/notify" DIR="$dir"
	chmod 755 "$dir/notify"
	rival_fill keepalived.conf "$dir/keepalived.conf" DIR="$dir" NAME="c$i" PRIORITY=$((160 - 10 * i)) \
		ADVERT="$(printf '%d.%02d' $((ADVERT / 1000)) $((ADVERT % 1000 / 10)))" \
		INTERFACE=vr-mgmt PUBLIC_INTERFACE=vr-ex MGMT_VIP=$MGMT_VIP PUBLIC_VIP=$PUBLIC_VIP GATEWAY=$HOST
}

rival_ctl() { local i=$1; shift; lab_in "c$i-vr" conntrackd -C "$LAB_DIR/c$i/conntrackd.conf" "$@"; }
rival_answers() { rival_ctl "$1" -s >/dev/null 2>&1; }
rival_conntrackd() {
	local i=$1
	lab_exec "c$i-vr" conntrackd -C "$LAB_DIR/c$i/conntrackd.conf" >>"$LAB_DIR/c$i-conntrackd.log" 2>&1 &
	RIVAL_DAEMON[$i]=$!
	LAB_PIDS+=($!)
	disown $!
	wait_for "conntrackd $i" 10 rival_answers "$i"
}
rival_keepalived() {
	local i=$1 dir=$LAB_DIR/c$1
	lab_exec "c$i-vr" keepalived -n -l -P -f "$dir/keepalived.conf" -p "$dir/keepalived.pid" \
		-r "$dir/vrrp.pid" >>"$LAB_DIR/c$i-keepalived.log" 2>&1 &
	LAB_PIDS+=($!)
	disown $!
}
rival_start() {
	rival_router "$1"
	rival_config "$1"
	rival_conntrackd "$1"
	rival_keepalived "$1"
}
# How many flows of the peer conntrackd on N holds.
rival_cached() {
	rival_ctl "$1" -s cache | awk '/^cache:external/ { e = 1 } e && /active objects/ { print $NF; exit }'
}
# How many flows it made and deleted in that cache so far.
rival_changes() {
	rival_ctl "$1" -s cache | awk '/^cache:external/ { e = 1 } e && /creation OK|deletion created/ {
		printf "%d ", $(NF - 1) }'
}
# Has conntrackd on N as many flows as the kernel of the ACTIVE M?
rival_synced() {
	local have
	if [ "$RIVAL_CACHE" = on ]; then
		have=$(rival_cached "$1")
	else
		have=$(count "$1")
	fi
	[ "${have:-0}" -ge "$2" ]
}
