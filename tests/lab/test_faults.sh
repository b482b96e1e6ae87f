#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong around two daemons that carry flows: each fault has its name, none does harm, and what
# can recover does. (lab/refused: what is wrong before the start.)
. "$(dirname "$0")/lib.sh"

edit() { sed -i "$1" "$LAB_DIR/c1/vrouterd.conf"; }
fault_says() { is_faulty "$1" && [[ $(status "$1" .fault) = *$2* ]]; }
flows_alive() { all_alive tcp udp; }

lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
traffic tcp n1 tcp-flows --target $HOST:7 --count 100
traffic udp n1 udp-flows --target $HOST:7 --count 50
flows_alive

for leg in ex mgmt; do
	note "br-$leg goes away under the ACTIVE"
	wait_for "one ACTIVE, one ready" 30 settled
	old=$(the_active) || fail "nobody is ACTIVE"
	other=$((3 - old))
	lab_ip "c$old" link delete br-$leg
	wait_for "FAULT because of br-$leg" 20 fault_says "$old" br-$leg
	wait_for "the other one ACTIVE" 20 is_active $other
	! has_vip "$old" || fail "the faulty controller kept the VIP"
	flows_alive
	lab_bridge "c$old" br-$leg
	lab_ip "c$old" link set up-$leg master br-$leg
	[ $leg = ex ] || lab_ip "c$old" address add "10.20.0.$((10 + old))/24" dev br-mgmt
	wait_for "one ACTIVE, one ready" 30 settled
	[ -z "$(status "$old" '.fault // empty')" ] || fail "the fault is over, and status says $(status "$old" .fault)"
	flows_alive
done

note "garbage on every socket"
# Everything that counts refused input, from all three sockets.
errors() {
	ctl "$1" --json stats | jq -c '[([.routers[0].vrrp.rx_refused[]] | add),
		([.routers[0].replication | to_entries[] | select(.key | test("bad|forged|unseal|short")) | .value] | add // 0),
		.control.bad_requests]'
}
before=$(errors 1)$(errors 2)
lab_in n1 "$TRAFFIC" garbage --source 10.20.0.101 --target 224.0.0.18:112 --count 2000
lab_in n1 "$TRAFFIC" garbage --source 10.20.0.101 --target 239.255.77.1:3781 --count 3000
lab_in n1 "$TRAFFIC" garbage --source 10.20.0.101 --target 10.20.0.11:3781 --count 1500
for i in 1 2; do "$TRAFFIC" garbage --socket "$LAB_DIR/c$i/control.sock" --count 200; done
after=$(errors 1)$(errors 2)
note "refused (VRRP, replication, control), both controllers: before $before, after $after"
jq -es '.[0:2] as [$a, $b] | .[2:4] as [$c, $d] | [range(3)] | all($c[.] > $a[.] and $d[.] > $b[.])' \
	<<<"$before$after" >/dev/null || fail "garbage is not counted"
flows_alive
wait_for "one ACTIVE, one ready" 30 settled

note "reload: what can change live, and what cannot"
edit 's/priority = [0-9]*/priority = 77/'
kill -HUP "${LAB_DAEMON[1]}"
has_priority() { [ "$(status 1 .election.priority)" = "$1" ]; }
wait_for "the new priority" 10 has_priority 77
edit 's/namespace  = .*/namespace = "elsewhere"/'
! ctl 1 reload >"$LAB_DIR/reload" 2>&1 || fail "a new namespace was accepted"
grep -q namespace "$LAB_DIR/reload" || fail "the refusal does not name the option: $(cat "$LAB_DIR/reload")"
note "$(head -n 1 "$LAB_DIR/reload")"
[ ! -e /run/netns/elsewhere ] || fail "the refused reload made a namespace"
flows_alive
# and the daemon lives on with the new configuration: roles still move
wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) || fail "nobody is ACTIVE"
ctl "$old" demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "the other one ACTIVE" 20 is_active $((3 - old))
wait_for "one ACTIVE, one ready" 30 settled
flows_alive

max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
if [ "$max" -gt 600000 ]; then
	note "nf_conntrack_max is $max: the full table is left out"
	note "passed"
	exit 0
fi
note "the replica's table is full"
filler() { lab_in "c$other-vr" "$TRAFFIC" "$1" --target $HOST:2000 --source 10.20.0.101 --via $PUBLIC_VIP --count "$max"; }
# To fill it takes a slow machine so long that the role may move meanwhile: then once more.
fill_replica() {
	wait_for "one ACTIVE, one ready" 30 settled
	old=$(the_active) || fail "nobody is ACTIVE"
	other=$((3 - old))
	filler fill
	is_active "$old" && return
	filler drop
	return 1
}
for i in 1 2 3 4; do
	[ $i -lt 4 ] || fail "the role does not stay"
	! fill_replica || break
done
traffic more n1 tcp-flows --target $HOST:7 --count 200
wait_for "the alarm" 20 has_alarm $other table-full
[ "$(ctl $other --json stats | jq .routers[0].replication.apply_table_full)" -gt 0 ] || fail "an alarm, and no counter"
filler drop
wait_for "the end of the alarm" 30 not has_alarm $other table-full
wait_for "equal tables" 30 same_table "$old" $other
all_alive tcp udp more
note "passed"
