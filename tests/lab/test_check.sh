#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `vrouterctl check` finds, on the ACTIVE and on a STANDBY, when all is well and when it is not,
# without disturbing anything; and that `vrouterctl plan` says beforehand what a reload does.
. "$(dirname "$0")/lib.sh"

for p in dnsmasq jq; do command -v $p >/dev/null || skip "$p is not installed"; done

# check N [ARGUMENTS]: what it found goes to FOUND, "CHECK SUBJECT RESULT: TEXT" each, how it ended to RC.
check() {
	local i=$1
	shift
	ctl "$i" check vrouter --json "$@" >"$LAB_DIR/found"
	RC=$?
	FOUND=$(jq -r '.checks[] | "\(.check) \(.subject) \(.result): \(.text)"' "$LAB_DIR/found")
}
well() { check "$@"; [ $RC = 0 ]; }
# is "CHECK SUBJECT RESULT: TEXT": one of these lines, a pattern.
is() {
	local line
	while read -r line; do [[ $line != $1 ]] || return 0; done <<<"$FOUND"
	fail "no \"$1\" in $FOUND"
}
sent() { lab_ip "c$1-vr" -s -j link show "$2" | jq '.[0].stats64.tx.packets'; }
plan() { PLAN=$(ctl 1 plan --json); }
# planned FILTER: of the router in PLAN.
planned() { jq -r ".routers[] | select(.router == \"vrouter\") | $1" <<<"$PLAN"; }
via() { [[ $(lab_ip c1-vr route show default) = *"via $1 "* ]]; }

ELECTION=external # roles move when the test says so
lab_standard 2
lab_host 2
lab_ipv6
lab_exec h1 dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --no-resolv --no-hosts --bind-interfaces \
	--listen-address=$HOST --pid-file --log-facility=- >"$LAB_DIR/up-dns.log" 2>&1 &
LAB_PIDS+=($!)
ROUTER_EXTRA="dns-servers = { \"$HOST\" }"
lab_start 1 2
ctl 1 promote vrouter >/dev/null || fail "promote"
wait_for "the other one is ready" 30 is_ready 2
traffic tcp n1 tcp-flows --target $HOST:7 --count 5 --interval-us 20000

note "all is well"
wait_for "all is well" 30 well 1 --connect "$HOST:7"
for c in "role  ok: ACTIVE" "carrier vr-mgmt ok:*" "carrier vr-ex ok:*" "network * ok:*" "route IPv4 ok: default via $HOST" \
	"route IPv6 ok: default via $HOST6" "gateway $HOST ok: answers ARP on vr-ex" \
	"gateway $HOST6 ok: answers neighbour discovery on vr-ex" "vip $MGMT_VIP ok: nobody else*" \
	"vip $PUBLIC_VIP6 ok: nobody else*" "dns  ok: dnsmasq answers on $MGMT_VIP" "dns-upstream $HOST ok: answers*" \
	"ntp  skipped: ntp-servers is not configured" "connect $HOST:7 ok: TCP connection from $PUBLIC_VIP" \
	"nat  ok: * is seen as $PUBLIC_VIP*" "peer controller-2 ok: in sync"; do is "$c"; done

note "on a STANDBY, which stays silent"
before="$(sent 2 vr-mgmt) $(sent 2 vr-ex)"
ctl 2 check vrouter >"$LAB_DIR/text" || fail "exit $?: $(cat "$LAB_DIR/text")"
grep -q '^vrouter (STANDBY): ok' "$LAB_DIR/text" && grep -q 'ok *peer *controller-1: this replica is in sync' "$LAB_DIR/text" &&
	grep -q 'ok *dns .*answers on 127.0.0.1' "$LAB_DIR/text" && grep -q "skipped *vip *$PUBLIC_VIP: a STANDBY is silent" \
	"$LAB_DIR/text" || fail "$(cat "$LAB_DIR/text")"
[ "$(sent 2 vr-mgmt) $(sent 2 vr-ex)" = "$before" ] || fail "it sent something"

note "what is broken is named, with what to do"
term=$(status 1 .term)
lab_ip h2 address add $PUBLIC_VIP/32 dev eth0
lab_ip h2 address add $PUBLIC_VIP6/128 dev eth0 nodad
mac=$(lab_ip h2 -j link show eth0 | jq -r '.[0].address')
lab_loss c1-ex 100 "arp saddr ip $HOST"
kill -STOP "$(status 1 '.services[0].pid')"
check 1 --connect "$HOST:9"
kill -CONT "$(status 1 '.services[0].pid')" 2>/dev/null
[ $RC = 1 ] || fail "exit $RC"
for c in "gateway $HOST wrong: does not answer ARP on vr-ex" "gateway $HOST6 ok:*" "vip $MGMT_VIP ok:*" \
	"vip $PUBLIC_VIP wrong: is used by somebody else, too: $mac on vr-ex" \
	"vip $PUBLIC_VIP6 wrong: is used by somebody else, too: $mac on vr-ex" "dns  wrong: dnsmasq *" \
	"connect $HOST:9 wrong: *: Connection refused"; do is "$c"; done
jq -e '[.checks[] | (.result == "wrong") == (.advice != null)] | all' "$LAB_DIR/found" >/dev/null || fail "advice"
lab_loss c1-ex 0
lab_ip h2 address flush dev eth0
[ "$(status 1 .term)" = "$term" ] && is_active 1 || fail "the role has changed"
[[ $(ctl 1 events) != *repaired* ]] || fail "the check is seen in the events: $(ctl 1 events)"
all_alive tcp

note "mistakes"
ctl 1 check nobody 2>"$LAB_DIR/text"
[ $? = 1 ] && grep -q 'no router "nobody"' "$LAB_DIR/text" || fail "$(cat "$LAB_DIR/text")"
ctl 1 check vrouter --connect $HOST 2>"$LAB_DIR/text"
[ $? = 2 ] && grep -q 'allowed: HOST:PORT' "$LAB_DIR/text" || fail "$(cat "$LAB_DIR/text")"

note "a plan"
conf=$LAB_DIR/c1/vrouterd.conf
cp "$conf" "$LAB_DIR/first.conf"
plan
[ "$(jq -r '"\(.accepted) \(.routers | length) \(.unchanged)"' <<<"$PLAN")" = "true 0 1" ] || fail "$PLAN"
[ "$(ctl 1 plan)" = "a reload would change no router" ] || fail "$(ctl 1 plan)"
sed -i "s|gateway = { \"$HOST\"|gateway = { \"198.18.0.253\"|; s|random = true|random = false  mss-clamp = true|
	s|dns-servers = { |&\"198.18.0.253\", |" "$conf"
cat >>"$conf" <<-END
	router "second" {
	  namespace  = "$LAB-c1-second"
	  management { attach = "bridge:br-mgmt"  interface = "vr-mgmt"  vip = "10.20.0.2/24" }
	  public     { attach = "bridge:br-ex"    interface = "vr-ex"    vip = "198.18.0.2/24" }
	  election   { mode = "single" }
	}
END
plan
[ "$(planned '.options | join(" ")')" = "dns-servers public: gateway nat: random nat: mss-clamp" ] ||
	fail "$PLAN"
network=$(planned '.network | join(", ")')
[ "$network" = "set the default route (vr-ex 198.18.0.253)" ] || fail "$network"
[ "$(planned '.services | join(" ")')" = "dns is started anew" ] || fail "$PLAN"
rules=$(lab_in c1-vr nft list table inet vrouter)
[[ $(planned '.rules.added[]') == *"maxseg size set rt mtu"* && $(planned '.rules.removed[]') == *fully-random* ]] ||
	fail "$PLAN"
second=$(jq -r '.routers[] | select(.router == "second") | "\(.change): \(.network | join(", "))"' <<<"$PLAN")
[[ $second == "added: create the namespace "*"create a leg (vr-ex)"*"add an address (vr-ex 198.18.0.2/24)"* ]] ||
	fail "$second"
ctl 1 plan >"$LAB_DIR/text" || fail "exit $?"
grep -q 'rules *- postrouting: .*fully-random' "$LAB_DIR/text" && grep -q 'router "second": added' "$LAB_DIR/text" ||
	fail "$(cat "$LAB_DIR/text")"

note "nothing was changed; then the reload does that, and no more"
via $HOST || fail "the plan has changed the route"
[ "$(lab_in c1-vr nft list table inet vrouter | grep -v packets)" = "$(grep -v packets <<<"$rules")" ] ||
	fail "the plan has changed rules"
[ ! -e "/run/netns/$LAB-c1-second" ] || fail "the plan has made a namespace"
cp "$conf" "$LAB_DIR/good.conf"
sed -i '0,/"vr-ex"/s//"vr-other"/' "$conf"
ctl 1 plan >"$LAB_DIR/text" && fail "accepted: $(cat "$LAB_DIR/text")"
grep -q 'would be refused.*public: interface cannot change' "$LAB_DIR/text" || fail "$(cat "$LAB_DIR/text")"
echo 'router "third" {' >>"$conf"
ctl 1 plan 2>"$LAB_DIR/text" && fail "accepted: $(cat "$LAB_DIR/text")"
grep -q 'vrouterd.conf:[0-9]*:' "$LAB_DIR/text" || fail "$(cat "$LAB_DIR/text")"
cp "$LAB_DIR/good.conf" "$conf"
ctl 1 reload || fail "reload: exit $?"
grep -qF "network changed: $network" "$LAB_DIR/c1.log" || fail "it did something else than planned"
[ "$(grep -c 'network changed' "$LAB_DIR/c1.log")" = 1 ] && via 198.18.0.253 || fail "not as planned"
[[ $(lab_in c1-vr nft list table inet vrouter) == *"rt mtu"* ]] || fail "the rules are not as planned"
[ "$(lab_ip c1-second -o -4 address show vr-ex | awk '{ print $4 }')" = 198.18.0.2/24 ] || fail "no second router"
plan
[[ $PLAN == *'"routers": []'* ]] || fail "something is left: $PLAN"
cp "$LAB_DIR/first.conf" "$conf"
plan
[ "$(jq -r '.routers[] | select(.change == "removed") | .network[0]' <<<"$PLAN")" = "delete a leg (vr-mgmt)" ] ||
	fail "$PLAN"
all_alive tcp
note "passed"
