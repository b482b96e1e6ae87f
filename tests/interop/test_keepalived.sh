#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stock keepalived is the other router of the election: each of the two preempts, yields, resigns and
# dies, and the other one takes over. tshark judges every advertisement of ours.
. "$(dirname "$0")/../lab/lib.sh"
for tool in keepalived tshark tcpdump; do command -v $tool >/dev/null || skip "$tool is not installed"; done

keepalived_start() { # PRIORITY
	cat >"$LAB_DIR/keepalived.conf" <<-END
		global_defs {
		    router_id c2
		    vrrp_version 3
		}
		vrrp_instance vr {
		    state BACKUP
		    interface br-mgmt
		    virtual_router_id 51
		    priority $1
		    advert_int 0.1
		    virtual_ipaddress {
		        $MGMT_VIP/24 dev br-mgmt
		        $PUBLIC_VIP/24 dev br-mgmt
		    }
		}
	END
	lab_exec c2 keepalived -n -l -P -f "$LAB_DIR/keepalived.conf" -p "$LAB_DIR/keepalived.pid" \
		-r "$LAB_DIR/vrrp.pid" >>"$LAB_DIR/keepalived.log" 2>&1 &
	KEEPALIVED=$!
	LAB_PIDS+=($!)
}
# keepalived and its child, which holds the VIPs.
keepalived_end() { # SIGNAL
	kill "-$1" "$(<"$LAB_DIR/vrrp.pid")" $KEEPALIVED
	wait $KEEPALIVED 2>/dev/null
}
keepalived_has_vip() { lab_ip c2 -4 -o address show dev br-mgmt | grep -qF " $MGMT_VIP/"; }
we_hold() { has_vip 1 && ! keepalived_has_vip; }
it_holds() { keepalived_has_vip && ! has_vip 1; }
# SIGKILL leaves VIPs behind; who starts it again is to find a clean house.
sweep() {
	lab_ip c2 address del $MGMT_VIP/24 dev br-mgmt
	lab_ip c2 address del $PUBLIC_VIP/24 dev br-mgmt
}

PREEMPT=true ROUTER_EXTRA='sync-hold = 0'
lab_up
lab_controller 1
lab_controller 2
lab_exec c2 tcpdump -U -i br-mgmt -w "$LAB_DIR/vrrp.pcap" ip proto 112 2>"$LAB_DIR/tcpdump.log" &
TCPDUMP=$!
LAB_PIDS+=($!)
wait_for "tcpdump" 10 grep -q "listening on" "$LAB_DIR/tcpdump.log"

note "keepalived of a lower priority is there first; we preempt it"
keepalived_start 140
wait_for "keepalived is MASTER" 20 keepalived_has_vip
lab_start 1
wait_for "we hold the VIPs" 20 we_hold

note "we resign (SIGTERM): it takes over"
lab_stop 1 || fail "vrouterd ended with $?"
wait_for "keepalived holds the VIPs" 20 it_holds

note "we come back, and are killed: our guard resigns"
lab_start 1
wait_for "we hold the VIPs" 20 we_hold
kill -KILL "${LAB_DAEMON[1]}"
wait "${LAB_DAEMON[1]}" 2>/dev/null
wait_for "keepalived holds the VIPs" 20 it_holds

note "we come back, and are demoted by hand: it takes over"
lab_start 1
wait_for "we hold the VIPs" 20 we_hold
ctl 1 demote --force vrouter >/dev/null || fail "demote: exit $?" # it is no peer of our replication
wait_for "keepalived holds the VIPs" 20 it_holds
lab_stop 1 || fail "vrouterd ended with $?"

note "we come back; it bids more: we yield"
lab_start 1
wait_for "we hold the VIPs" 20 we_hold
keepalived_end TERM
keepalived_start 200
wait_for "keepalived holds the VIPs" 20 it_holds
wait_for "we are STANDBY" 10 eval '[ "$(status 1 .role)" = STANDBY ]'

note "it resigns (SIGTERM): we take over"
keepalived_end TERM
wait_for "we hold the VIPs" 20 we_hold
resigned_to_us() { ctl 1 --json events | jq -r '.reason // ""' | grep -q "^10.20.0.12 resigned"; }
within 10 resigned_to_us || fail "it resigned, and we did not notice: $(ctl 1 --json events | tail -n 3)"

note "it dies (SIGKILL): we take over by its silence"
keepalived_start 200
wait_for "keepalived holds the VIPs" 20 it_holds
keepalived_end KILL
wait_for "we are ACTIVE" 20 has_vip 1
sweep

note "what tshark says of our advertisements"
kill -INT $TCPDUMP
wait $TCPDUMP
ours="vrrp && ip.src == 10.20.0.11"
judged() { tshark -n -r "$LAB_DIR/vrrp.pcap" -o ip.check_checksum:TRUE -Y "$ours && $1" 2>/dev/null | wc -l; }
all=$(judged "vrrp")
good=$(judged "vrrp.version == 3 && vrrp.checksum.status == 1 && ip.checksum.status == 1 && ip.ttl == 255 &&
	ip.dst == 224.0.0.18 && vrrp.ip_addr == $MGMT_VIP && vrrp.ip_addr == $PUBLIC_VIP && !_ws.malformed && !_ws.expert")
[ "$all" -gt 20 ] || fail "only $all of them were seen"
[ "$good" = "$all" ] || fail "$good of $all are good: $(tshark -n -r "$LAB_DIR/vrrp.pcap" -V -Y "$ours" 2>/dev/null | head -60)"
[ "$(judged "vrrp.prio == 0")" -gt 0 ] || fail "no resignation was seen"
note "passed: $all advertisements"
