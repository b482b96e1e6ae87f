# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034,SC2086
# Controller 1 runs vrouterd with protocol = "conntrackd", controller 2 stock conntrackd, and keepalived
# where it is wanted. They replicate on a link of their own: 10.20.1.11 and 10.20.1.12. Source it after
# lib.sh and rival.sh.

for tool in conntrackd conntrack keepalived; do command -v $tool >/dev/null || skip "$tool is not installed"; done

# Settings: conntrackd's mode and what is in it, its channel, and what the same is in our configuration.
STOCK_MODE=FTFW STOCK_OPTIONS= STOCK_CHANNEL= OUR_MODE=ft-fw OUR_EXTRA=
STOCK_MULTICAST='Multicast {
	IPv4_address 225.0.0.50
	Group 3780
	IPv4_interface 10.20.1.12
	Interface sync
	SndSocketBuffer 1249280
	RcvSocketBuffer 4194304
	Checksum on
}'
RIVAL_SYNC=yes SYNC_INTERFACE='"sync"' PREEMPT=true

ours() { # the sync section
	SYNC_TO=${1:-'group = "225.0.0.50"'}
	SYNC_EXTRA="protocol = \"conntrackd\" mode = \"$OUR_MODE\" security = \"none\" $OUR_EXTRA"
}
stock_config() {
	rival_config 2
	cat >"$LAB_DIR/c2/conntrackd.conf" <<-END
		Sync {
		    Mode $STOCK_MODE {
		        $STOCK_OPTIONS
		    }
		    ${STOCK_CHANNEL:-$STOCK_MULTICAST}
		    Options {
		        ExpectationSync On
		        TCPWindowTracking On
		    }
		}
		General {
		    HashSize 65536
		    HashLimit 262144
		    Syslog off
		    LogFile $LAB_DIR/c2/conntrackd.log
		    LockFile $LAB_DIR/c2/conntrackd.lock
		    UNIX {
		        Path $LAB_DIR/c2/conntrackd.ctl
		    }
		    NetlinkBufferSize 16777216
		    NetlinkBufferSizeMaxGrowth 67108864
		    Filter From Userspace {
		        Protocol Accept {
		            TCP
		            UDP
		            ICMP
		        }
		        Address Ignore {
		            IPv4_address 127.0.0.1
		            IPv4_address 10.20.1.12
		            IPv4_address 10.20.0.22
		        }
		    }
		}
	END
}
stock_start() {
	rm -f "$LAB_DIR/c2/conntrackd.lock" "$LAB_DIR/c2/conntrackd.ctl"
	stock_config
	rival_conntrackd 2
}
stock_end() {
	kill -KILL "${RIVAL_DAEMON[2]}"
	wait_for "its end" 10 not kill -0 "${RIVAL_DAEMON[2]}" 2>/dev/null
}
cached() { rival_cached 2; }
flows() { # vr-traffic on the flows of a table: N COMMAND COUNT FIRST
	lab_in "c$1-vr" "$TRAFFIC" "$2" --target "$HOST:80" --source 10.20.0.101 --via $PUBLIC_VIP \
		--count "$3" --first "${4:-0}"
}
has_flows() { [ "$(flows "$1" have "$2" "${3:-0}")" = "$2" ]; }
ready() { [ "$(status 1 .sync)" = ready ]; }
counter() { ctl 1 --json stats | jq -r "[.. | objects | select(has(\"events_own\"))][0].$1"; }
