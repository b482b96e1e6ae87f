# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Stock keepalived on controller 2 as the other router, and tshark as the judge of what we advertise on
# controller 1. Source it after lib.sh.

for tool in keepalived tshark tcpdump; do command -v $tool >/dev/null || skip "$tool is not installed"; done

# Settings: the version of VRRP, its VIPs, as "ADDRESS/LENGTH ...", and more of its vrrp_instance.
VRRP=3
KEEPALIVED_VIPS="$MGMT_VIP/24 $PUBLIC_VIP/24" KEEPALIVED_EXTRA=

keepalived_start() { # PRIORITY
	cat >"$LAB_DIR/keepalived.conf" <<-END
		global_defs {
		    router_id c2
		    vrrp_version $VRRP
		}
		vrrp_instance vr {
		    state BACKUP
		    interface br-mgmt
		    virtual_router_id 51
		    priority $1
		    advert_int $((ADVERT / 1000)).$((ADVERT / 100 % 10))
		    $KEEPALIVED_EXTRA
		    virtual_ipaddress {
		$(printf '        %s dev br-mgmt\n' $KEEPALIVED_VIPS)
		    }
		}
	END
	lab_exec c2 keepalived -n -l -P -f "$LAB_DIR/keepalived.conf" -p "$LAB_DIR/keepalived.pid" \
		-r "$LAB_DIR/vrrp.pid" >"$LAB_DIR/keepalived.log" 2>&1 &
	KEEPALIVED=$!
	LAB_PIDS+=($!)
}
# keepalived and its child, which holds the VIPs.
keepalived_end() { # SIGNAL
	local child
	child=$(<"$LAB_DIR/vrrp.pid")
	kill "-$1" "$child" $KEEPALIVED
	wait $KEEPALIVED 2>/dev/null
	wait_for "its end" 10 not kill -0 "$child" 2>/dev/null
	rm -f "$LAB_DIR/vrrp.pid" "$LAB_DIR/keepalived.pid"
}
# Each of us holds what the other one lacks: the first of its VIPs, whatever the IP version.
holds() { lab_ip "$1" -o address show dev "$2" 2>/dev/null | grep -qF " ${KEEPALIVED_VIPS%% *} "; }
we_hold() { holds c1-vr vr-mgmt && ! holds c2 br-mgmt; }
it_holds() { holds c2 br-mgmt && ! holds c1-vr vr-mgmt; }
# SIGKILL leaves VIPs behind; who starts it again is to find a clean house.
keepalived_sweep() {
	local vip
	for vip in $KEEPALIVED_VIPS; do lab_ip c2 address del "$vip" dev br-mgmt; done
}

# Two controllers, of which the second has keepalived, and a capture of all VRRP that it sees.
interop_up() {
	lab_up
	lab_controller 1
	lab_controller 2
	lab_exec c2 tcpdump -U --immediate-mode -i br-mgmt -w "$LAB_DIR/vrrp.pcap" ip proto 112 or ip6 protochain 112 \
		2>"$LAB_DIR/tcpdump.log" &
	TCPDUMP=$!
	LAB_PIDS+=($!)
	wait_for "tcpdump" 10 grep -q "listening on" "$LAB_DIR/tcpdump.log"
}

resigned_to_us() { ctl 1 --json events | jq -r '.reason // ""' | grep "^$1 resigned" >/dev/null; }

hears_us() { grep -q "Entering BACKUP STATE" "$LAB_DIR/keepalived.log"; }
is_heard() { [ "$(status 1 .election.heard_from)" = "$1" ]; }
is_standby() { [ "$(status 1 .role)" = STANDBY ]; }
waits() { [ "$(status 1 .election.preempt_delay_left_ms)" -gt 0 ]; }
we_come_back() { # ELECTION-OPTIONS
	ELECTION_EXTRA=$1
	lab_start 1
	wait_for "we hold the VIPs" 20 we_hold
}
we_resign() {
	lab_stop 1 || fail "vrouterd ended with $?"
	wait_for "keepalived holds the VIPs" 20 it_holds
}

# Each of the two preempts, yields, resigns and dies, and the other one takes over; its address as we hear
# it: $1. More options for us in the second half: $2.
interop_story() {
	local first=$ELECTION_EXTRA second="$ELECTION_EXTRA ${2:-}"

	note "keepalived bids more and is there first: we follow"
	keepalived_start 200
	wait_for "keepalived is MASTER" 20 holds c2 br-mgmt
	lab_start 1
	wait_for "we hear it" 10 is_heard "$1"
	is_standby || fail "we are $(status 1 .role)"

	note "it dies (SIGKILL): we take over by its silence"
	keepalived_end KILL
	wait_for "we are ACTIVE" 20 holds c1-vr vr-mgmt
	keepalived_sweep

	note "it comes back: we yield"
	keepalived_start 200
	wait_for "keepalived holds the VIPs" 20 it_holds
	wait_for "we are STANDBY" 10 is_standby

	note "it resigns (SIGTERM): we take over"
	keepalived_end TERM
	wait_for "we hold the VIPs" 20 we_hold
	within 10 resigned_to_us "$1" || fail "it resigned, and we did not notice: $(ctl 1 --json events | tail -n 3)"

	note "it comes back and bids less; we are killed: our guard resigns"
	keepalived_start 140
	wait_for "keepalived is BACKUP" 10 hears_us
	kill -KILL "${LAB_DAEMON[1]}"
	wait "${LAB_DAEMON[1]}" 2>/dev/null
	wait_for "keepalived holds the VIPs" 20 it_holds

	note "we come back ($second): we preempt it"
	we_come_back "$second"
	note "we resign (SIGTERM): it takes over"
	we_resign
	[ $VRRP = 2 ] || interop_more "$second"
	ELECTION_EXTRA=$first
}
interop_more() {
	note "we come back, and are demoted by hand: it takes over"
	we_come_back "$1"
	ctl 1 demote --force vrouter >/dev/null || fail "demote: exit $?" # it is no peer of our replication
	wait_for "keepalived holds the VIPs" 20 it_holds
	lab_stop 1 || fail "vrouterd ended with $?"

	note "we come back, and wait before we preempt it"
	ELECTION_EXTRA="$1 preempt-delay = 1000"
	lab_start 1
	wait_for "the delay runs" 20 waits
	within 5 it_holds || fail "it was preempted before the delay was over"
	ELECTION_EXTRA=$1
	lab_config 1
	ctl 1 reload >/dev/null || fail "reload: exit $?"
	wait_for "we hold the VIPs" 20 we_hold
}

# interop_judge OURS GOOD: each advertisement that the first of tshark's filters chooses passes the second.
interop_judge() {
	local all good
	note "what tshark says of our advertisements"
	kill -INT $TCPDUMP 2>/dev/null
	wait $TCPDUMP
	JUDGE_OURS="vrrp && $1"
	all=$(judged vrrp)
	good=$(judged "$2 && vrrp.version == $VRRP && vrrp.checksum.status == 1 && !_ws.malformed && !_ws.expert")
	[ "$all" -gt $((VRRP == 3 ? 20 : 5)) ] || fail "only $all of them were seen"
	[ "$good" = "$all" ] ||
		fail "$good of $all are good: $(tshark -n -r "$LAB_DIR/vrrp.pcap" -V -Y "$JUDGE_OURS" 2>/dev/null | head -60)"
	[ "$(judged "vrrp.prio == 0")" -gt 0 ] || fail "no resignation was seen"
	note "passed: $all advertisements"
}
judged() {
	tshark -n -r "$LAB_DIR/vrrp.pcap" -o ip.check_checksum:TRUE -Y "$JUDGE_OURS && $1" 2>/dev/null | wc -l
}
