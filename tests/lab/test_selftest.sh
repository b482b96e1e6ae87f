#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab proves that it can see what the other tests look for, with a plain router and no daemon:
# lost translations, resets, cuts, loss, and that nothing of a killed run stays behind.
. "$(dirname "$0")/lib.sh"

router() { # a namespace with both VIPs on the two switches, random SNAT
	lab_namespace r
	lab_link r mgmt sw-mgmt r-mgmt
	lab_link r ex sw-ex r-ex
	lab_ip r address add $MGMT_VIP/24 dev mgmt
	lab_ip r address add $PUBLIC_VIP/24 dev ex
	lab_in r sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_tcp_loose=0
	lab_in r nft -f - <<-END
		table ip nat {
			chain post {
				type nat hook postrouting priority 100
				oifname "ex" snat to $PUBLIC_VIP random
			}
		}
	END
}
alive() { ask "$1" check; note "$1: $REPLY" >&2; field alive; }
table() { lab_in r "$TRAFFIC" table; }

lab_standard 0
router
watch_resets public h1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count 20 --deadline 5000
traffic udp n1 udp-flows --target $HOST:7 --count 20 --deadline 3000
traffic ping n1 ping-flows --target $HOST:0 --count 20 --deadline 3000
traffic probe n1 probe --target $HOST:7
all_alive tcp udp ping
[ "$(table | grep -c '^6 ')" = 20 ] || fail "table shows $(table | grep -c '^6 ') connections, not 20"
[ "$(table | grep -c '^17 ')" = 21 ] || fail "table shows $(table | grep -c '^17 ') UDP flows, not 21"
[ "$(table | grep -c '^1 ')" = 20 ] || fail "table shows $(table | grep -c '^1 ') ICMP flows, not 20"

note "a cut is seen by the probe"
ask probe reset
lab_cut h1
sleep 0.3
lab_mend h1
answered() { ask probe report; [ "$(field silent_ms | cut -d. -f1)" -lt 50 ]; }
wait_for "the probe answered again" 10 answered
[ "$(field gap_ms | cut -d. -f1)" -ge 290 ] || fail "a cut of 300 ms was not noticed: $REPLY"
all_alive tcp udp ping

note "loss on a link, only of what matches"
lab_loss n1 50 "udp dport 7"
ask probe reset
sleep 0.5
ask probe report
[ "$(field answered)" -lt $(($(field sent) * 3 / 4)) ] || fail "half of the probes should be lost: $REPLY"
[ "$(lab_lost n1)" -gt 50 ] || fail "the counter of loss does not count"
lab_loss n1 0

note "made entries are real ones"
lab_in r "$TRAFFIC" fill --target $HOST:1000 --source 10.20.0.200 --via $PUBLIC_VIP --count 1000 || fail "fill"
[ "$(table | grep -c ' 10.20.0.200 ')" = 1000 ] || fail "1000 entries were made, $(table | grep -c ' 10.20.0.200 ') are there"

note "lost translations are noticed"
lab_in r "$TRAFFIC" flush
[ "$(alive udp)" = 0 ] || fail "UDP flows seem alive without their translation"
[ "$(alive ping)" = 0 ] || fail "ICMP flows seem alive without their translation"
ask probe report
[ "$(field moved)" -gt 0 ] || fail "the probe did not notice its new translation"
[ "$(alive tcp)" = 0 ] || fail "TCP connections seem alive without their translation"

note "a reset is noticed"
lab_in n1 curl -s --max-time 5 "http://$HOST:9/" >/dev/null
seen() { [ "$(resets public)" -gt 0 ]; }
wait_for "the reset" 5 seen

note "a killed run leaves nothing for long"
bash -c '. "$1/lib.sh"; lab_standard 0; echo "$LAB" >"$2"; kill -KILL $$' -- "$(dirname "$0")" "$LAB_DIR/killed" 2>/dev/null
dead=$(cat "$LAB_DIR/killed")
[ -n "$(lab_namespaces "$dead-")" ] || fail "the killed run had no namespaces"
lab_sweep
[ -z "$(lab_namespaces "$dead-")" ] || fail "namespaces of the killed run are left"
note "passed"
