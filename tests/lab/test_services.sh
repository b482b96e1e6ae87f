#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DNS, NTP, DHCP and router advertisements of a router: on the management VIPs, with the first packet
# after a promotion, silent on a STANDBY, supervised, and of no concern to forwarding.
. "$(dirname "$0")/lib.sh"

for p in dnsmasq chronyd dig udhcpc; do command -v $p >/dev/null || skip "$p is not installed"; done

# A name server and a clock on the public side.
upstreams() {
	lab_exec h1 dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --no-resolv --no-hosts \
		--bind-interfaces --listen-address=$HOST --pid-file --log-facility=- \
		--address=/www.example/192.0.2.80 >"$LAB_DIR/up-dns.log" 2>&1 &
	LAB_PIDS+=($!)
	printf '%s\n' "bindaddress $HOST" "allow all" "local stratum 5" "cmdport 0" "bindcmdaddress /" \
		"pidfile $LAB_DIR/up-ntp.pid" >"$LAB_DIR/up-ntp.conf"
	lab_exec h1 chronyd -x -u root -d -f "$LAB_DIR/up-ntp.conf" >"$LAB_DIR/up-ntp.log" 2>&1 &
	LAB_PIDS+=($!)
}
# One question, asked once.
lookup() { [ "$(lab_in n1 dig +tries=1 +time=5 +short "$@" 2>/dev/null)" = "${WANT:-192.0.2.80}" ]; }
resolves() { lookup @$MGMT_VIP www.example; }
tells_time() { lab_in n1 chronyd -x -U -Q -t 5 "server $1 iburst maxsamples 1" >/dev/null 2>&1; }
service() { status "$1" ".services[] | select(.name == \"$2\") | $3"; }
serves() { [ "$(service "$1" "$2" .state)" = up ]; }
# In one question: between two it may have ended.
serves_again() { [ "$(service "$1" "$2" "\"\(.state) \(.pid == $3)\"")" = "up false" ]; }
listens() { lab_in "c$1-vr" ss -Hlun | awk '{ print $4 }' | sort | tr '\n' ' '; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
says() { ctl "$1" events --lines 50 | grep "$2" >/dev/null; } # -q would end the pipe early

# A node that knows nothing: its address comes by DHCP, its IPv6 router from advertisements.
ask_dhcp() {
	lab_in n2 udhcpc -i eth0 -f -q -n -t 5 -T 1 -s "$LAB_DIR/lease.sh" "$@" >"$LAB_DIR/udhcpc.log" 2>&1
}
leased() { sed -n "s/^$1=//p" "$LAB_DIR/lease" 2>/dev/null; }
learns_router() { lab_ip n2 -6 route show default | grep -q 'via fe80:.* proto ra'; }

ELECTION=external # roles move when the test says so
lab_standard 2
lab_ipv6
upstreams
printf '#!/bin/sh\n[ "$1" != bound ] || env >%s/lease\n' "$LAB_DIR" >"$LAB_DIR/lease.sh"
chmod +x "$LAB_DIR/lease.sh"
ROUTER_EXTRA="dns-servers = { \"$HOST\" }  ntp-servers = { \"$HOST\" }  router-advertisements = true
	dhcp-range = \"10.20.0.150-10.20.0.159\"  dhcp-lease-time = 600"
lab_start 1 2
a=1 b=2
ctl $a promote vrouter >/dev/null || fail "promote"
wait_for "the other one is ready" 30 is_ready $b

note "on the ACTIVE"
for s in dns ntp dhcp; do wait_for "$s is up" 20 serves "$a" $s; done
resolves || fail "no answer of DNS"
lookup +tcp @$MGMT_VIP www.example || fail "no answer of DNS by TCP"
lookup @$MGMT_VIP6 www.example || fail "no answer of DNS by IPv6"
tells_time $MGMT_VIP || fail "no answer of NTP"
tells_time $MGMT_VIP6 || fail "no answer of NTP by IPv6"
served="$MGMT_VIP:123 $MGMT_VIP:53 127.0.0.1:53 [$MGMT_VIP6]:123 [$MGMT_VIP6]:53 "
[ "$(listens "$b")" = "$(printf '%s\n' $served | sort | tr '\n' ' ')" ] ||
	fail "the STANDBY listens on $(listens "$b"), not $served"
[ "$(service "$b" dhcp .pid)" = 0 ] || fail "DHCP runs on the STANDBY"
for s in dns ntp; do serves "$b" $s || fail "$s is not up on the STANDBY"; done
ctl "$a" status | grep "dns .* up (dnsmasq" >/dev/null || fail "status does not show DNS"

note "a node that comes"
lab_namespace n2
lab_link n2 eth0 sw-mgmt n2
ask_dhcp || fail "no lease: $(cat "$LAB_DIR/udhcpc.log")"
[[ $(leased ip) == 10.20.0.15? && $(leased router) = "$MGMT_VIP" && $(leased dns) = "$MGMT_VIP" &&
	$(leased ntpsrv) = "$MGMT_VIP" && $(leased lease) = 600 ]] || fail "lease: $(cat "$LAB_DIR/lease")"
lease=$(leased ip)
wait_for "the router's advertisement" 20 learns_router

note "a crash of the ACTIVE's core: nothing of it is left"
traffic tcp n1 tcp-flows --target $HOST:7 --count 20 --interval-us 20000
# dnsmasq has a child for it, which has the port, too
lab_exec n1 bash -c 'exec 5<>/dev/tcp/$0/53 && printf "\0" >&5 && exec sleep infinity' $MGMT_VIP &
LAB_PIDS+=($!)
has_child() { [ "$(lab_in "c$a-vr" ss -Htn state established "( sport = :53 )" | wc -l)" -ge 1 ]; }
wait_for "a TCP connection to DNS" 10 has_child
pids="$(service "$a" dns .pid) $(service "$a" ntp .pid) $(service "$a" dhcp .pid)"
kill -KILL "${LAB_DAEMON[$a]}"
wait "${LAB_DAEMON[$a]}" 2>/dev/null
ctl "$b" promote vrouter >/dev/null || fail "promote"
resolves || fail "no answer of DNS to the first question after the failover"
tells_time $MGMT_VIP || fail "no answer of NTP after the failover"
for p in $pids; do wait_for "process $p ends with its core" 10 is_gone "$p"; done
lab_run "$a"
wait_for "it is ready again" 30 is_ready "$a"
for s in dns ntp; do wait_for "$s is up again" 20 serves "$a" $s; done

note "after a planned change, to the first question"
ctl "$b" demote vrouter >/dev/null || fail "demote"
ctl "$a" promote vrouter >/dev/null || fail "promote"
resolves || fail "no answer of DNS after the change"
wait_for "the former one is silent" 10 eval '[ "$(service '"$b"' dhcp .pid)" = 0 ]'
wait_for "dhcp is up" 20 serves "$a" dhcp
ask_dhcp -r "$lease" || fail "no lease: $(cat "$LAB_DIR/udhcpc.log")"
[ "$(leased ip)" = "$lease" ] || fail "another address: $(leased ip), not $lease"

note "a server that crashes, one that hangs"
term=$(status "$a" .term) dns=$(service "$a" dns .pid) ntp=$(service "$a" ntp .pid)
kill -STOP "$dns"
kill -KILL "$ntp"
wait_for "NTP is back" 20 serves_again "$a" ntp "$ntp"
tells_time $MGMT_VIP || fail "no answer of NTP"
wait_for "DNS is back" 30 serves_again "$a" dns "$dns"
resolves || fail "no answer of DNS"
says "$a" 'dns: dnsmasq is down.*does not answer' || fail "no event of the hang"
says "$a" 'ntp: chronyd is down.*Killed' || fail "no event of the crash"
[ "$(status "$a" .term)" = "$term" ] && is_active "$a" || fail "the role has changed"
all_alive tcp

note "an upgrade leaves none behind"
dns=$(service "$b" dns .pid)
ctl "$b" upgrade >/dev/null || fail "upgrade"
wait_for "DNS of another core" 20 serves_again "$b" dns "$dns"
[ "$(listens "$b")" = "$(printf '%s\n' $served | sort | tr '\n' ' ')" ] || fail "$(listens "$b")"
is_gone "$dns" || fail "an old server is left"

note "dnsmasq cannot be run: one error, and the router is there"
hide='mount --bind /dev/null /usr/sbin/dnsmasq; exec "$@"'
lab_in "c$b" unshare -m --propagation slave sh -c "$hide" sh "$LAB_BUILD/daemon/vrouterd" --check-config \
	--config "$LAB_DIR/c$b/vrouterd.conf" >"$LAB_DIR/check" 2>&1 && fail "accepted: $(cat "$LAB_DIR/check")"
grep -q 'vrouterd.conf:.*dns-servers: /usr/sbin/dnsmasq is not a regular file' "$LAB_DIR/check" ||
	fail "$(cat "$LAB_DIR/check")"
lab_stop "$b" || fail "exit status"
[ ! -e "$LAB_DIR/c$b/services/vrouter.dns" ] || fail "files are left"
lab_run "$b" unshare -m --propagation slave sh -c "$hide" sh
wait_for "the router is there" 20 is_ready "$b"
[[ $(service "$b" dns .reason) == *"not a regular file"* ]] || fail "$(service "$b" dns .)"

note "its port is taken: the router is there, and DNS when the port is free again"
lab_stop "$b" || fail "exit status"
lab_exec "c$b-vr" perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Proto => "udp", LocalPort => 53) or die; sleep' &
taker=$!
LAB_PIDS+=($taker)
disown $taker
wait_for "it has the port" 10 eval '[ "$(listens '"$b"')" = "0.0.0.0:53 " ]'
lab_run "$b"
wait_for "the router is there" 20 is_ready "$b"
taken() { [[ $(service "$b" dns .reason) == *"Address already in use; ss -lnp inside"* ]]; }
wait_for "the reason" 10 taken
kill -KILL "$taker"
wait_for "DNS is up" 20 serves "$b" dns

note "the last one says farewell"
lab_stop "$b" || fail "exit status"
wait_for "nobody else is heard" 30 eval '[ "$(status '"$a"' .peers)" = 0 ]'
lab_stop "$a" || fail "exit status"
wait_for "the node has no router any more" 20 not learns_router
