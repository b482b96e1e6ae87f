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

rival_conntrackd_conf() {
	local dir=$LAB_DIR/c$1 direct=
	[ "$RIVAL_CACHE" = on ] || direct="DisableExternalCache on"
	cat >"$dir/conntrackd.conf" <<-END
		Sync {
		    Mode FTFW { $direct }
		    Multicast {
		        IPv4_address 225.0.0.50
		        Group 3780
		        IPv4_interface 10.20.0.$((20 + $1))
		        Interface vr-mgmt
		        SndSocketBuffer 24985600
		        RcvSocketBuffer 24985600
		        Checksum on
		    }
		}
		General {
		    HashSize 65536
		    HashLimit 524288
		    Syslog off
		    LogFile $dir/conntrackd.log
		    LockFile $dir/conntrackd.lock
		    UNIX { Path $dir/conntrackd.ctl }
		    NetlinkBufferSize 16777216
		    NetlinkBufferSizeMaxGrowth 67108864
		    NetlinkOverrunResync on
		    Filter From Kernelspace {
		        Protocol Accept { TCP UDP ICMP }
		        Address Ignore { IPv4_address 127.0.0.1 }
		    }
		}
	END
	printf '#!/bin/sh\nC="conntrackd -C %s"\n' "$dir/conntrackd.conf" >"$dir/notify"
	# what the package's primary-backup.sh does
	cat >>"$dir/notify" <<-'END'
		case $1 in
		primary) $C -c; $C -f; $C -R; $C -B ;;
		backup) $C -t; $C -n ;;
		esac
	END
	chmod 755 "$dir/notify"
}

rival_keepalived_conf() {
	local dir=$LAB_DIR/c$1
	cat >"$dir/keepalived.conf" <<-END
		global_defs {
		    router_id c$1
		    vrrp_version 3
		    script_user root
		    enable_script_security
		}
		vrrp_instance vr {
		    state BACKUP
		    nopreempt
		    interface vr-mgmt
		    virtual_router_id 51
		    priority $((160 - 10 * $1))
		    advert_int $(printf '%d.%02d' $((ADVERT / 1000)) $((ADVERT % 1000 / 10)))
		    virtual_ipaddress {
		        $MGMT_VIP/24 dev vr-mgmt
		        $PUBLIC_VIP/24 dev vr-ex
		    }
		    virtual_routes { 0.0.0.0/0 via $HOST dev vr-ex }
		    notify_master "$dir/notify primary"
		    notify_backup "$dir/notify backup"
		    notify_fault "$dir/notify backup"
		}
	END
}

rival_start() {
	local i=$1 dir=$LAB_DIR/c$1
	mkdir -p "$dir"
	rival_router "$i"
	rival_conntrackd_conf "$i"
	rival_keepalived_conf "$i"
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
