#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tracking: what fails lowers the priority or is a fault, moves the role to the peer and back, and is
# named in status and events; the gateway is asked by the ACTIVE only, and what it costs the role for
# does not bring it back at once. Then drift: what somebody takes away by hand is there again at once,
# and what the daemon does itself is no drift.
. "$(dirname "$0")/lib.sh"

track() { status "$1" ".tracks[] | select(.name == \"$2\") | $3"; }
is() { [ "$(track "$1" "$2" .state)" = "$3" ]; }
bids() { [ "$(status "$1" .election.effective_priority)" = "$2" ]; }
says() { [[ $(track "$1" "$2" .reason) = *$3* ]]; }
# tells N TYPE REGEX: an event whose text and reason, joined, match.
tells() {
	ctl "$1" --json events -n 256 | jq -es --arg t "$2" --arg r "$3" \
		'any(.[]; .type == $t and (.text + ": " + .reason | test($r)))' >/dev/null
}
many() { ctl "$1" --json events -n 256 | jq -s "map(select(.type == \"$2\")) | length"; }
all_well() { [ "$(status "$1" '[.tracks[] | select(.judged) | .state] | unique | join(" ")')" = ok ]; }
has_role() { is_active "$1" && settled; }

# Both the same, but for the files of each: @DIR@.
start() {
	local i
	for i in "$@"; do
		lab_config "$i"
		sed -i "s|@DIR@|$LAB_DIR/c$i|" "$LAB_DIR/c$i/vrouterd.conf"
		worker "$i"
		lab_ip "c$i" route add 192.0.2.0/24 dev br-mgmt
		lab_ip "c$i" route add 203.0.113.0/24 dev br-mgmt table 77
		lab_run "$i"
	done
	for i in "$@"; do wait_for "controller $i answers" 10 answers "$i"; done
}
# A process that is tracked by its pid file, and another by its name.
worker() {
	"$LAB_DIR/trk$$" 1000 &
	LAB_PIDS+=($!)
	disown $!
	WORKER=$!
	mkdir -p "$LAB_DIR/c$1"
	echo $WORKER >"$LAB_DIR/c$1/worker.pid"
}
more_tracks() { sed -i "s|^\( *\)nat .*|&\n$1|" "$LAB_DIR/c1/vrouterd.conf"; }

lab_standard 2
cp "$(command -v sleep)" "$LAB_DIR/trk$$"
cat >"$LAB_DIR/check" <<'END'
#!/bin/sh
[ "$2" = "two words" ] && [ "$VROUTERD_TRACK" = script ] && [ ! -e "$1/$VROUTERD_CONTROLLER.bad" ]
END
chmod 755 "$LAB_DIR/check"
PREEMPT=true
ROUTER_EXTRA="track \"uplink\" { kind = \"carrier\"  interface = \"up-ex\"  weight = -30 }
	track \"port\"    { kind = \"bridge-port\"  interface = \"up-ex\"  bridge = \"br-ex\"  weight = -2 }
	track \"leg\"     { kind = \"carrier\"  leg = \"public\" }
	track \"script\"  { kind = \"script\"  program = \"$LAB_DIR/check\"  arguments = { \"$LAB_DIR\", \"two words\" }
	                  weight = -3  interval = 100  timeout = 5000  rise = 2  fall = 2 }
	track \"pid\"     { kind = \"process\"  pid-file = \"@DIR@/worker.pid\"  weight = -1  interval = 100 }
	track \"name\"    { kind = \"process\"  process = \"trk$$\" }
	track \"route\"   { kind = \"route\"  destination = \"192.0.2.0/24\"  namespace = \"host\"  weight = -1 }
	track \"default\" { kind = \"route\"  destination = \"0.0.0.0/0\"  weight = -30 }"
start 1 2
wait_for "controller 1 ACTIVE, 2 ready" 30 has_role 1
for i in 1 2; do wait_for "all tracks well on controller $i" 10 all_well $i; done
[ "$(many 1 track)$(many 2 track)" = 00 ] || fail "something was said to fail: $(ctl 1 events; ctl 2 events)"

note "what fails lowers the priority, and is named"
touch "$LAB_DIR/controller-1.bad"
wait_for "the script fails" 10 is 1 script failing
bids 1 147 || fail "it bids $(status 1 .election.effective_priority)"
kill "$(cat "$LAB_DIR/c1/worker.pid")"
wait_for "the process is gone" 10 is 1 pid failing
lab_ip c1 route del 192.0.2.0/24 dev br-mgmt
wait_for "the route is gone" 10 is 1 route failing
lab_ip c1 link set up-ex nomaster
wait_for "the port is not in the bridge" 10 is 1 port failing
bids 1 143 || fail "it bids $(status 1 .election.effective_priority)"
is 1 name ok || fail "another process of that name runs"
says 1 script "exit status 1" && says 1 pid "does not run" && says 1 route "no route to 192.0.2.0/24" &&
	says 1 port "up-ex is not in bridge br-ex" || fail "reasons: $(status 1 .tracks[].reason)"
for e in "script: failing: .*exit status 1 .weight -3: priority 147" "pid: failing: .*weight -1: priority 146" \
	"route: failing: .*priority 145" "port: failing: .*priority 143"; do
	tells 1 track "track $e" || fail "no event \"$e\": $(ctl 1 events)"
done
ctl 1 status | grep -q 'priority 150, .* 143 by what is tracked' || fail "status: $(ctl 1 status)"
ctl 1 status | grep -q 'track *route: FAILING (weight -1), route 192.0.2.0/24 .*: no route' ||
	fail "status: $(ctl 1 status)"
rm "$LAB_DIR/controller-1.bad"
worker 1
lab_ip c1 route add 192.0.2.0/24 dev br-mgmt
lab_ip c1 link set up-ex master br-ex
wait_for "all tracks well" 10 all_well 1
bids 1 150 || fail "it bids $(status 1 .election.effective_priority)"
wait_for "the role stays" 20 has_role 1 # it takes more than that to lose it

note "without carrier the role goes to the peer, and comes back with it"
lab_cut c1-ex
wait_for "the peer is ACTIVE" 20 is_active 2
bids 1 118 || fail "it bids $(status 1 .election.effective_priority)" # its port is disabled, too
says 1 uplink "up-ex has no carrier" || fail "reason: $(track 1 uplink .reason)"
lab_mend c1-ex
wait_for "back" 30 has_role 1

note "without a weight it is a fault; reload adds tracks without a change of role"
more_tracks "track \"must\" { kind = \"route\" destination = \"203.0.113.0/24\" table = 77 namespace = \"host\" }"
ctl 1 reload || fail "reload: exit $?"
wait_for "the new track is well" 10 is 1 must ok
! tells 1 role FAULT || fail "the reload changed the role: $(ctl 1 events)"
lab_ip c1 route flush table 77
wait_for "FAULT" 10 is_faulty 1
wait_for "the peer is ACTIVE" 10 is_active 2
[[ $(status 1 .fault) = *"track must: no route to 203.0.113.0/24 in table 77"* ]] || fail "$(status 1 .fault)"
! has_vip 1 || fail "the faulty controller kept the VIP"
lab_ip c1 route add 203.0.113.0/24 dev br-mgmt table 77
wait_for "back" 30 has_role 1

note "a silent gateway, behind links that are up"
sed -i 's/^\( *\)track "must".*/\1track "gw" { kind = "gateway" weight = -30 interval = 200 hold = 300 }/' \
	"$LAB_DIR/c1/vrouterd.conf"
ctl 1 reload || fail "reload: exit $?"
wait_for "the gateway answers" 10 is 1 gw ok
samples() { track 1 script .samples; }
enough() { [ "$(samples)" -ge "$1" ]; }
# A freeze of controller 2 gives the role back, and the story is another one then: fails, to be told again.
silent_gateway() {
	local roles capture
	wait_for "controller 1 is ACTIVE and reaches the gateway" 30 eval 'has_role 1 && is 1 gw ok'
	lab_loss c1-ex 100
	wait_for "the gateway is silent" 20 is 1 gw failing
	wait_for "the peer is ACTIVE" 20 has_role 2
	roles=$(many 1 role)
	: >"$LAB_DIR/tcpdump.log"
	lab_exec c1-vr tcpdump -i vr-ex -Q out -n --immediate-mode -l >"$LAB_DIR/sent" 2>"$LAB_DIR/tcpdump.log" &
	LAB_PIDS+=($!)
	capture=$!
	disown $capture
	wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/tcpdump.log"
	lab_loss c1-ex 0
	wait_for "some time passes" 20 enough $(($(samples) + 8))
	kill "$capture"
	held=$(track 1 gw '.state + " " + (.held_ms > 0 | tostring) + " " + .reason')
	[ "$(many 1 role)" = "$roles" ]
}
silent_gateway || silent_gateway || silent_gateway || fail "the role does not stay"
tells 1 track "track gw: failing: $HOST does not answer .weight -30: priority 120" || fail "$(ctl 1 events)"
# A STANDBY cannot ask: it is silent, stays out of it, and says why.
! grep -q . "$LAB_DIR/sent" || fail "a STANDBY sent: $(cat "$LAB_DIR/sent")"
[ "$held" = "failing true $HOST does not answer" ] || fail "it is not held: $held"
# It hears the gateway ask for somebody: the way is open again.
gateway_speaks() {
	lab_in h1 bash -c "echo >/dev/udp/198.18.0.77/9"
	is 1 gw ok || is 1 gw unknown
}
wait_for "a sign of life" 20 gateway_speaks
wait_for "back" 30 has_role 1
wait_for "the gateway answers" 10 is 1 gw ok

note "drift"
repairs() { ctl 1 --json stats | jq .routers[0].network.repairs; }
in_router() { lab_in c1-vr "$@"; }
has_nat() { in_router nft list chain inet vrouter postrouting 2>/dev/null | grep -q snat; }
has_route() { lab_ip c1-vr route show default | grep -q "via $HOST dev vr-ex"; }
port=$(lab_ip c1 -o link show type veth | grep -oE '[^ ]+-p@' | head -n 1)
port=${port%@}
in_bridge() { bridge -n "$LAB-c1" link show dev "$port" | grep -q 'master br-ex'; }
tracked=$(many 1 track)
drifts() {
	local was
	wait_for "controller 1 is ACTIVE" 20 is_active 1
	was=$(repairs)
	eval "$1" || fail "cannot: $1"
	wait_for "repaired: $1" 5 eval "[ \"\$(repairs)\" -gt $was ] && $2"
	tells 1 repair "$3" || fail "no event \"$3\": $(ctl 1 events)"
}
drifts "lab_ip c1-vr address del $MGMT_VIP/24 dev vr-mgmt" "has_vip 1" "add an address .vr-mgmt $MGMT_VIP/24"
drifts "lab_ip c1-vr route del default via $HOST" has_route "set the default route .vr-ex $HOST"
drifts "lab_ip c1 link set $port nomaster" in_bridge "attach a leg to its bridge .vr-ex"
drifts "in_router nft flush chain inet vrouter postrouting" has_nat "changed by nft .pid [0-9]+"
drifts "in_router nft flush ruleset" has_nat "rules replaced"
connects() { lab_in n1 timeout 2 bash -c "exec 3<>/dev/tcp/$HOST/7" 2>/dev/null; }
wait_for "the router routes" 10 connects
[ "$(many 1 track)" = "$tracked" ] || fail "what was repaired was said to fail: $(ctl 1 events)"

note "what the daemon does itself is neither drift nor failure"
was=$(repairs)
ctl 1 demote vrouter || fail "demote: exit $?"
wait_for "the peer is ACTIVE" 20 has_role 2
ctl 1 promote vrouter || fail "promote: exit $?"
wait_for "back" 20 has_role 1
sed -i 's/random = true/random = false/' "$LAB_DIR/c1/vrouterd.conf"
ctl 1 reload || fail "reload: exit $?"
wait_for "all tracks well" 10 all_well 1
[ "$(repairs)" = "$was" ] || fail "repairs of what nobody broke: $(ctl 1 events)"
[ "$(many 1 track)" = "$tracked" ] || fail "own changes were said to fail: $(ctl 1 events)"

note "without an election: weights are shown only, faults withdraw"
lab_stop 2 || fail "controller 2 ended with $?"
ELECTION=single
lab_config 2
sed -i "s|@DIR@|$LAB_DIR/c2|" "$LAB_DIR/c2/vrouterd.conf"
touch "$LAB_DIR/controller-2.bad"
lab_run 2
wait_for "controller 2 is ACTIVE" 20 is_active 2
wait_for "the script fails" 10 is 2 script failing
[ "$(track 2 script .effect)" = none ] && ctl 2 status | grep -q 'script: FAILING (weight -3, only shown: no VRRP here)' ||
	fail "status: $(ctl 2 status)"
kill "$(cat "$LAB_DIR/c1/worker.pid")" "$(cat "$LAB_DIR/c2/worker.pid")" # the last of their name
wait_for "FAULT" 10 is_faulty 2
[[ $(status 2 .fault) = *"track name: no process \"trk$$\" runs"* ]] || fail "$(status 2 .fault)"
! has_vip 2 || fail "the faulty controller kept the VIP"
worker 2
wait_for "the end of the fault" 10 is_active 2
note "passed"
