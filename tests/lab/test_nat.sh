#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# NAT and filter with real traffic: a pool of addresses and ports, who may use the router, port forwards from
# outside and by hairpin, what comes unasked for, MSS, the operator's own rules, a limit of new flows. All of it is
# changed while flows run, and outlives a planned move and a crash.
. "$(dirname "$0")/lib.sh"

ADVERT=300 # who is ACTIVE is to stay it when the machine stands still for a moment
CLIENT=198.18.0.253 # a second public host
# One packet, or the first of a connection, from a namespace.
knock() { lab_in "$1" timeout 5 bash -c "echo x >/dev/$2/$3/$4" 2>/dev/null; }
# counted FILTER: of the statistics of the ACTIVE.
counted() { ctl "$a" --json stats 2>/dev/null | jq -e ".routers[0] | $1" >/dev/null; }
# rules_have N TABLE PATTERN: the rules of a table on controller N.
rules_have() {
	local rules
	rules=$(in_router "$1" nft list table $2 2>/dev/null) && [[ $rules =~ $3 ]]
}
in_router() { lab_in "c$1-vr" "${@:2}"; }
# Those who speak to a server: addresses and ports.
clients() { lab_in "$1" ss -Htn state established "sport = :7" | awk '{ print $4 }'; }
reload() { ctl "$1" reload >/dev/null || fail "reload of controller $1: exit $?"; }
refused() {
	! ctl 1 reload >"$LAB_DIR/refused" 2>&1 || fail "accepted: $1"
	grep -qE "$1" "$LAB_DIR/refused" || fail "not named: $1: $(cat "$LAB_DIR/refused")"
	note "refused: $(sed "s|$LAB_DIR/||g" "$LAB_DIR/refused")"
}
alive() { all_alive snat udp web hairpin self web6; }
only_the_pool() {
	clients h1 >"$LAB_DIR/seen"
	[ -s "$LAB_DIR/seen" ] || fail "the public host has no connection"
	! grep -qvE '^(198\.18\.0\.2[0-3]|203\.0\.113\.1[6-9]):2[0-9]{3}$' "$LAB_DIR/seen" ||
		fail "outside sees others than the pool: $(sort "$LAB_DIR/seen" | head -n 3)"
}

lab_standard 2
lab_ipv6
lab_node 2
lab_node 3
lab_ip n2 address add 2001:db8:1::102/64 dev eth0 nodad
lab_ip n2 -6 route add default via $MGMT_VIP6
for i in 110 111 112 113; do lab_ip n1 address add 10.20.0.$i/24 dev eth0; done
lab_host 2
lab_ip h2 address add 2001:db8:ffff::253/64 dev eth0 nodad
lab_ip h1 route add 203.0.113.16/30 via $PUBLIC_VIP # what is routed to the router
lab_ip h1 route add 10.20.0.0/24 via $PUBLIC_VIP    # what nobody should have
traffic server n2 echo-server --listen 10.20.0.102:7
traffic server6 n2 echo-server --listen "[2001:db8:1::102]:7"
for i in 1 2; do lab_ip c$i link set br-ex mtu 1400; done

rules() { cat >"$LAB_DIR/own.nft"; }
rules <<-END
	define BAD = { 4444, 4445 }
	table inet own {
		chain forward {
			type filter hook forward priority 10; policy accept;
			udp dport \$BAD counter drop
		}
	}
END
cp "$LAB_DIR/own.nft" "$LAB_DIR/good.nft"
NAT_EXTRA="addresses = { \"198.18.0.20-198.18.0.23\", \"203.0.113.16/30\" }  port-range = \"2000-2999\"
	sources = { \"10.20.0.101\", \"10.20.0.102\", \"10.20.0.104/29\", \"10.20.0.112/31\", \"2001:db8:1::/64\" }
	mss-clamp = true  nft-file = \"$LAB_DIR/own.nft\""
ROUTER_EXTRA="forward \"web\" { protocol = { tcp, udp }  port = 8080  to = \"10.20.0.102:7\" }
	forward \"web6\" { protocol = tcp  port = 8080  to = \"[2001:db8:1::102]:7\" }
	forward \"office\" { protocol = tcp  port = \"9000-9001\"  address = \"198.18.0.30\"
	                     to = \"10.20.0.102:7\"  from = \"$CLIENT\" }"
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
a=$(the_active)
in_router "$a" nft add table inet foreign

note "outside sees the pool alone"
traffic snat n1 tcp-flows --target $HOST:7 --count 40
traffic udp n1 udp-flows --target $HOST:7 --count 40 --source 10.20.0.110 --sources 4
only_the_pool
table "$a" | awk '$1 == 17 { print $9 }' | sort -u >"$LAB_DIR/seen"
[ "$(wc -l <"$LAB_DIR/seen")" -gt 1 ] || fail "several sources have one address: $(cat "$LAB_DIR/seen")"

[[ $(in_router "$a" ip -o address show dev vr-ex) = *198.18.0.20/32*198.18.0.30/32* ]] || fail "addresses are missing"
[[ $(in_router $((3 - a)) ip -o address show dev vr-ex) != *198.18.* ]] || fail "a STANDBY has addresses"

note "forwards, from outside and by hairpin, also of the server to itself"
traffic web h2 tcp-flows --target $PUBLIC_VIP:8080 --count 20
traffic webudp h2 udp-flows --target $PUBLIC_VIP:8080 --count 20
traffic hairpin n1 tcp-flows --target $PUBLIC_VIP:8080 --count 20
traffic self n2 tcp-flows --target $PUBLIC_VIP:8080 --count 5
traffic web6 h2 tcp-flows --target "[$PUBLIC_VIP6]:8080" --count 5
traffic office h2 tcp-flows --target 198.18.0.30:9001 --count 5
[[ $(clients n2) = *"$CLIENT:"* ]] || fail "the server does not see who it speaks to"
counted ".forwards.web >= 45" || fail "forwards are not counted: $(ctl "$a" stats)"

note "what is dropped, and counted"
knock n3 udp $HOST 7 &
knock h1 tcp 198.18.0.30 9000 & # not the office
knock h2 tcp $PUBLIC_VIP 22 &
knock h1 udp 10.20.0.102 7 &
knock h1 udp 203.0.113.17 7 &
wait_for "all of it is counted" 5 counted ".drops | .source > 0 and .input_refused > 1 and .unsolicited > 1"
counted ".forwards.office == 5" || fail "somebody else used the office's forward: $(ctl "$a" stats)"

note "segments fit the smaller network"
lab_in n1 ss -Htin state established "dport = :7" | grep -oE ' mss:[0-9]+' | sort -u >"$LAB_DIR/mss"
[ "$(cat "$LAB_DIR/mss")" = " mss:1348" ] || fail "MSS: $(cat "$LAB_DIR/mss")"

note "the operator's rules, and whose they are"
for i in 1 2; do
	rules_have $i "inet own" '4444, 4445' || fail "controller $i lacks the rules of the file"
done
in_router "$a" nft delete table inet own
wait_for "the operator's table is back" 5 rules_have "$a" "inet own" 4445
in_router "$a" nft delete table inet vrouter
wait_for "and ours" 5 rules_have "$a" "inet vrouter" 'dnat ip to'
printf 'table inet own {\n\tchain x {\n\t\tdrop everything\n\t}\n}\n' | rules
refused 'own.nft:3: nft: syntax error'
printf '# all\nflush ruleset\n' | rules
refused 'own.nft:2: .*allowed: table'
printf 'table inet own { }\ntable inet vrouter { }\n' | rules
refused 'own.nft:2: .*vrouter'
rules_have 1 "inet own" '4444, 4445' || fail "a refused file has changed the rules"

note "all of it changes under the flows"
sed 's/4445/4446/; s/table inet own/table ip own2/' "$LAB_DIR/good.nft" | rules
NAT_EXTRA="${NAT_EXTRA/mss-clamp = true/mss-clamp = 1000  new-flow-limit = 5  new-flow-burst = 20}"
knock n3 udp $HOST 7
wait_for "a drop is counted" 5 counted ".drops.source > 0"
for i in 1 2; do
	lab_config $i
	reload $i
	rules_have $i "ip own2" 4446 || fail "controller $i lacks the new rules"
	! rules_have $i "inet own" . || fail "controller $i has kept the old rules"
done
counted ".drops.source > 0" || fail "counters began anew"
alive
lab_in n1 bash -c "for i in {5000..5040}; do echo x >/dev/udp/$HOST/\$i; done"
wait_for "too many new flows are counted" 5 counted ".drops.new_flow_limit > 0"
[ "$(table "$a" | grep -c " $HOST 50[0-4][0-9] - ")" -lt 41 ] || fail "new flows are not limited"
traffic other n2 tcp-flows --target $HOST:7 --count 5 # another source is not

note "a planned move, then a crash"
ctl "$a" demote vrouter || fail "vrouterctl demote: exit $?"
wait_for "the other controller ACTIVE" 20 is_active $((3 - a))
alive
wait_for "the first one ready" 30 is_ready "$a"
lab_crash $((3 - a))
wait_for "the first one ACTIVE again" 20 is_active "$a"
alive
all_alive webudp office other
only_the_pool
rules_have "$a" "inet foreign" . || fail "a table that is not ours is gone"
lab_stop "$a" || fail "vrouterd ended with $? after SIGTERM"
note "passed"
