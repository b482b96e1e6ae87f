#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Replication over two links: one is cut under load, then the other one, and nothing is lost and
# nothing waits. First by multicast, then to an IPv6 group. (lab/links_unicast: without multicast.)
. "$(dirname "$0")/lib.sh"

link_down() { ctl "$1" --json status | jq -e --arg l "link-down: $2:" '.routers[0].alarms | any(startswith($l))' >/dev/null; }
no_alarm() { [ "$(status "$1" '.alarms | length')" = 0 ]; }
counter() { ctl "$1" --json stats | jq ".routers[0].replication.$2"; }
lag() { status "$1" .lag_ms; }
# The whole link is lost to replication; elections go on.
mgmt_cut() { for i in 1 2; do lab_loss c$i-mgmt 100 "meta l4proto udp th dport 3781"; done; }
mgmt_mend() { for i in 1 2; do lab_loss c$i-mgmt 0 "meta l4proto udp th dport 3781"; done; }

no_multicast() {
	lab_in fabric nft -f - <<-END
		table bridge no-multicast {
			chain forward {
				type filter hook forward priority 1
				ether type ip ip daddr 224.0.0.0/4 udp dport 3781 counter drop
			}
		}
	END
}

# under_load WHAT COMMAND...: changes all the time while that happens, none of them lost, late or asked for.
# A machine that stands still moves the role, and with it what is measured: then once more.
M=0
under_load() {
	local what=$1 gaps waited twice drops at other fill worst=0 now
	shift
	wait_for "one ACTIVE, one ready" 30 settled
	at=$(the_active) || fail "$what: nobody is ACTIVE"
	other=$((3 - at))
	gaps=$(counter $other rx_gaps)
	waited=$(counter $other rx_reordered)
	twice=$(counter $other rx_duplicate)
	drops=$(lab_dropped)
	lab_exec "c$at-vr" "$TRAFFIC" fill --target $HOST:$((2000 + M)) --source 10.20.0.101 --via $PUBLIC_VIP \
		--count 6000 --interval-us 20000 >/dev/null 2>&1 &
	fill=$!
	M=$((M + 1))
	sleep 0.3
	"$@"
	kill -0 $fill 2>/dev/null || fail "$what: the load was over before"
	while kill -0 $fill 2>/dev/null; do
		now=$(lag $other)
		[ "$now" -le "$worst" ] || worst=$now
		sleep 0.1
	done
	wait $fill
	wait_for "one ACTIVE, one ready" 30 settled
	wait_for "equal tables" 30 same_table 1 2
	if ! is_active "$at"; then
		note "$what: the role moved meanwhile, so once more"
		[ $M -lt 40 ] || fail "$what: the role does not stay"
		under_load "$what" "$@"
		return
	fi
	gaps=$(($(counter $other rx_gaps) - gaps))
	waited=$(($(counter $other rx_reordered) - waited))
	twice=$(($(counter $other rx_duplicate) - twice))
	drops=$(($(lab_dropped) - drops))
	note "$what: $gaps gaps asked for, $waited datagrams waited, $twice came twice, lag at most $worst ms, $(count $other) flows"
	[ "$gaps" = 0 ] || fail "$what: $gaps gaps"
	# A datagram waits when the first copy of one before it went; nothing but this slow machine may do that.
	[ "$waited" = 0 ] || [ "$drops" -gt 0 ] || fail "$what: $waited datagrams waited for others"
	[ "$what" != "both links" ] || [ "$twice" -gt 0 ] || fail "$what: no datagram came twice"
}

cut_each() {
	under_load "both links" true
	under_load "the link of its own is cut" lab_cut c2-sync
	wait_for "the alarm at 2" 20 link_down 2 sync
	wait_for "the alarm at 1" 20 link_down 1 sync
	under_load "it is back" lab_mend c2-sync
	for i in 1 2; do wait_for "the end of the alarm" 20 no_alarm $i; done
	under_load "the management link loses all replication" mgmt_cut
	for i in 1 2; do wait_for "the alarm" 20 link_down $i br-mgmt; done
	under_load "it is back" mgmt_mend
	for i in 1 2; do wait_for "the end of the alarm" 20 no_alarm $i; done
	all_alive tcp udp
}

restart_with() {
	lab_stop 1
	lab_stop 2
	lab_start 1 2
	wait_for "one ACTIVE, one ready" 30 settled
}

lab_standard 2
for i in 1 2; do lab_sync_link $i; done
SYNC_INTERFACE='"br-mgmt", "sync"'
if [ -n "${UNICAST:-}" ]; then
	no_multicast
	SYNC_TO='peers = { "10.20.0.11", "10.20.0.12", "10.20.1.11%sync", "10.20.1.12%sync" }'
fi
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
traffic tcp n1 tcp-flows --target $HOST:7 --count 300
traffic udp n1 udp-flows --target $HOST:7 --count 50
cut_each
if [ -n "${UNICAST:-}" ]; then
	[[ $(lab_in fabric nft list table bridge no-multicast) = *"packets 0 "* ]] || fail "unicast peers, and yet it sends to a group"
	note "passed"
	exit
fi

note "an IPv6 group"
SYNC_TO='group = "ff02::239:77"'
restart_with
under_load "both links" true
under_load "one link" lab_cut c2-sync
note "passed"
