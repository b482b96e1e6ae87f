#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three routers share one election: they move together, and no connection through any of them is lost. By command;
# because one of them has a fault; with one more that a reload adds; with a core that dies and is adopted; with
# one that dies and is not; and when the whole controller goes.
. "$(dirname "$0")/lib.sh"

ROUTERS="a b c" CRASH=adopt
declare -A HAS=([a]=1 [b]=2 [c]=3 [d]=4) # 10.20.0.N and 198.18.0.N
lab_config() {
	local i=$1 r vr
	mkdir -p "$LAB_DIR/c$i"
	lab_key
	cat >"$LAB_DIR/c$i/vrouterd.conf" <<-END
		controller "controller-$i" { run-dir = "$LAB_DIR/c$i"  control-socket = "$LAB_DIR/c$i/control.sock" }
		sync { interface = "br-mgmt"  group = "239.255.77.1"  key-file = "$LAB_DIR/sync.key" }
	END
	for r in $ROUTERS; do
		vr=vr
		[ "$r" = a ] || vr=$r
		cat >>"$LAB_DIR/c$i/vrouterd.conf" <<-END
			router "$r" {
			  namespace  = "$LAB-c$i-$vr"
			  management { attach = "bridge:br-mgmt"  interface = "vr-mgmt"  vip = "10.20.0.${HAS[$r]}/24" }
			  public     { attach = "bridge:br-ex"    interface = "vr-ex"    vip = "198.18.0.${HAS[$r]}/24"
			               gateway = "$HOST" }
			  nat        { mode = "snat"  random = true }
			  election   { group = "trio"  interface = "br-mgmt"  vrid = 51  priority = $((160 - 10 * i))
			               advert-interval = 300  preempt = false  fast-detect = 100  fast-interval = 10 }
			  crash      = "$CRASH"
			  drain      = 10000
			  linger     = 10000
			  $([ "$r" != b ] || echo "track \"well\" { kind = \"script\"  program = \"$LAB_DIR/well\"
			    arguments = { \"$LAB_DIR/c$i/ill\" }  interval = 100  timeout = 20000  fall = 1  rise = 1 }")
			}
		END
	done
}

# In words, of all routers: "ACTIVE", "STANDBY ready", or of each what it is.
words() { ctl "$1" --json status 2>/dev/null | jq -r "[.routers[] | $2] | unique | join(\", \")"; }
is_active() { [ "$(words "$1" .role)" = ACTIVE ]; }
is_ready() { [ "$(words "$1" '.role + " " + .sync')" = "STANDBY ready" ]; }
takes_over() { wait_for "$2 on controller $1" 20 is_active "$1"; }
still_as_it_was() { [ "$(ctl "$1" --json status | jq -c '[.routers[] | select(.router != "d") | [.role, .since, .term]]')" = "$2" ]; }
roles() { ctl "$1" --json status | jq -c '[.routers[] | select(.router != "d") | [.role, .since, .term]]'; }
# A freeze of the machine may move the role at any time.
rest() { wait_for "one ACTIVE, one ready" 30 settled; A=$(the_active) || fail "nobody is ACTIVE"; B=$((3 - A)); }
shown() {
	[ "$(ctl "$(the_active)" --json status | jq -c '[.routers[] | [.group, .election.group_routers,
		.election.heartbeats]] | unique')" = '[["trio",3,"sent"]]' ]
}
kill_core() {
	kill -KILL "${LAB_DAEMON[$1]}"
	{ wait "${LAB_DAEMON[$1]}"; } 2>/dev/null
}
alive() {
	all_alive tcp1 tcp2 tcp3 udp2
	[ "$(resets public)" = 0 ] || fail "$1: connections were reset"
	note "$1: passed"
}

lab_standard 2
for i in 2 3; do MGMT_VIP=10.20.0.$i lab_node $i; done
printf '#!/bin/sh\n[ ! -e "$1" ]\n' >"$LAB_DIR/well"
chmod 755 "$LAB_DIR/well"
lab_start 1 2
rest
watch_resets public h1 eth0
for i in 1 2 3; do traffic tcp$i n$i tcp-flows --target $HOST:7 --count 100 --interval-us 1000; done
traffic probe n3 probe --target $HOST:7
traffic udp2 n2 udp-flows --target $HOST:7 --count 50
[ "$(ctl "$A" status | grep -c "of group trio (3 routers)")" -gt 0 ] || fail "status does not show the group"
wait_for "the group in status --json" 10 shown

ask probe reset
dropped=$(lab_dropped)
ctl "$A" demote trio >/dev/null || fail "vrouterctl demote GROUP: exit $?"
takes_over "$B" "demote of the group: ACTIVE"
not is_active "$A" || fail "two are ACTIVE"
ask probe settle
note "demote: $REPLY"
[ "$(field moved)" = 0 ] || fail "the probe got another translation"
[ "$(field lost)" = 0 ] || [ "$(lab_dropped)" != "$dropped" ] || fail "a planned change lost probes"
alive "demote GROUP"
rest
ctl "$B" promote c >/dev/null || fail "vrouterctl promote ROUTER: exit $?"
takes_over "$B" "promotion of one router: ACTIVE"
alive "promote ROUTER"
rest

note "router b has a fault"
touch "$LAB_DIR/c$A/ill"
takes_over "$B" "the fault of one: ACTIVE"
wait_for "FAULT on controller $A" 10 eval '[ "$(words $A .role)" = FAULT ]'
[ "$(ctl "$A" --json status a | jq -r '.routers[0].fault')" = "router \"b\" of its group: $(
	ctl "$A" --json status b | jq -r '.routers[0].fault')" ] || fail "the reason does not name it"
ctl "$A" promote trio >"$LAB_DIR/refused" 2>&1 && fail "a group in FAULT was promoted"
grep -q 'of the group: it is in FAULT' "$LAB_DIR/refused" || fail "$(cat "$LAB_DIR/refused")"
rm "$LAB_DIR/c$A/ill"
alive "a fault"
rest

note "the core of controller $A dies, and is back"
was=$(roles "$A") other=$(roles "$B")
kill_core "$A"
lab_run "$A"
wait_for "one ACTIVE, one ready" 30 settled
alive "a core that is adopted"
if [ "$(the_active)" = "$A" ]; then
	still_as_it_was "$A" "$was" && still_as_it_was "$B" "$other" || fail "$was is $(roles "$A")"
	[ "$(words "$A" .adopted)" = true ] || fail "not all are adopted: $(words "$A" '.router + .reason')"
else
	note "the machine stood still for too long: the role rightly moved"
fi
rest

note "a reload adds a router"
was=$(roles "$A") other=$(roles "$B") ROUTERS="d a b c" CRASH=withdraw
for i in $B $A; do
	lab_config "$i"
	ctl "$i" reload >/dev/null || fail "reload: exit $?"
done
wait_for "one ACTIVE, one ready" 30 settled
[ "$(the_active)" != "$A" ] || still_as_it_was "$A" "$was" || fail "it disturbed the others: $was is $(roles "$A")"
alive "a reload"
rest

note "the core of controller $A dies"
kill_core "$A"
takes_over "$B" "death of the core: ACTIVE"
wait_for "no VIP on controller $A" 10 eval '! has_vip $A && ! lab_ip c$A-c -4 address show dev vr-mgmt | grep -q 10.20.0.3/'
alive "a core that is not adopted"
lab_run "$A"
rest

note "controller $A dies"
lab_crash "$A"
takes_over "$B" "crash of the controller: ACTIVE"
alive "a crash"
note "passed"
