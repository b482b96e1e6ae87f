# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The same lab with keepalived and conntrackd in the router's namespace, as its users run them: FTFW
# over multicast, notify scripts that commit, both VIPs in one VRRP instance, SNAT with random ports.
# Source it after lib.sh. RIVAL_CACHE=on|off is conntrackd's external cache (off: direct injection).

RIVAL_CACHE=on

rival_router() {
	local i=$1 vr=c$1-vr leg
	lab_namespace "$vr"
	for leg in mgmt ex; do
		ip link add "vr-$leg" netns "$LAB-$vr" type veth peer name "leg-$leg" netns "$LAB-c$i"
		lab_ip "c$i" link set "leg-$leg" master "br-$leg" up
		lab_ip "$vr" link set "vr-$leg" up
	done
	lab_ip "$vr" address add "10.20.0.$((20 + i))/24" dev vr-mgmt
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
	local i=$1 dir=$LAB_DIR/c$1 cache=
	[ "$RIVAL_CACHE" = on ] || cache="DisableExternalCache on"
	rival_fill conntrackd.conf "$dir/conntrackd.conf" DIR="$dir" CACHE="$cache" \
		INTERFACE=vr-mgmt ADDRESS="10.20.0.$((20 + i))"
	rival_fill notify "$dir/notify" DIR="$dir"
	chmod 755 "$dir/notify"
	rival_fill keepalived.conf "$dir/keepalived.conf" DIR="$dir" NAME="c$i" PRIORITY=$((160 - 10 * i)) \
		ADVERT="$(printf '%d.%02d' $((ADVERT / 1000)) $((ADVERT % 1000 / 10)))" \
		INTERFACE=vr-mgmt PUBLIC_INTERFACE=vr-ex MGMT_VIP=$MGMT_VIP PUBLIC_VIP=$PUBLIC_VIP GATEWAY=$HOST
}

rival_start() {
	local i=$1 dir=$LAB_DIR/c$1
	mkdir -p "$dir"
	rival_router "$i"
	rival_config "$i"
	lab_exec "c$i-vr" conntrackd -C "$dir/conntrackd.conf" >>"$LAB_DIR/c$i-conntrackd.log" 2>&1 &
	LAB_PIDS+=($!)
	disown $!
	wait_for "conntrackd $i" 10 lab_in "c$i-vr" conntrackd -C "$dir/conntrackd.conf" -s >/dev/null 2>&1
	lab_exec "c$i-vr" keepalived -n -l -P -f "$dir/keepalived.conf" -p "$dir/keepalived.pid" \
		-r "$dir/vrrp.pid" >>"$LAB_DIR/c$i-keepalived.log" 2>&1 &
	LAB_PIDS+=($!)
	disown $!
}
# Has conntrackd on N as many flows as the kernel of the ACTIVE M?
rival_synced() {
	local have
	if [ "$RIVAL_CACHE" = on ]; then
		have=$(lab_in "c$1-vr" conntrackd -C "$LAB_DIR/c$1/conntrackd.conf" -s cache |
			awk '/^cache:external/ { e = 1 } e && /current active/ { print $NF; exit }')
	else
		have=$(count "$1")
	fi
	[ "${have:-0}" -ge "$2" ]
}
