#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Static routes of the ACTIVE, and the host link: DNS and NTP of a STANDBY have their upstreams through the
# controller, which forwards nothing else and changes none of its own settings; nothing of a node's goes that
# way, and no source but the right one is ever on the wire.
. "$(dirname "$0")/lib.sh"

for p in dnsmasq chronyd dig; do command -v $p >/dev/null || skip "$p is not installed"; done

# Beyond a second host, without which nobody knows the way: reached by static routes only.
BEYOND=192.0.2.80 BEYOND6=2001:db8:2::80 SOME=203.0.113.1
OTHER=10.30.0.1 # by way of the controller

# names HOST ADDRESSES: a name server there, which is also what answers when somebody asks the way.
names() {
	lab_exec "$1" dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --no-resolv --no-hosts \
		--bind-interfaces --listen-address="$2" --pid-file --log-facility=- \
		--address=/example/$BEYOND >"$LAB_DIR/$1-dns.log" 2>&1 &
	LAB_PIDS+=($!)
}
upstreams() {
	names h1 $HOST,$HOST6,$OTHER
	names h2 $BEYOND,$BEYOND6,$SOME
	printf '%s\n' "bindaddress $HOST" "allow all" "local stratum 5" "cmdport 0" "bindcmdaddress /" \
		"pidfile $LAB_DIR/up-ntp.pid" >"$LAB_DIR/up-ntp.conf"
	lab_exec h1 chronyd -x -u root -d -f "$LAB_DIR/up-ntp.conf" >"$LAB_DIR/up-ntp.log" 2>&1 &
	LAB_PIDS+=($!)
}
# A source of the host links, or a made-up one, on any wire of a controller.
wires() {
	lab_in fabric nft -f - <<-END || skip "no nftables bridge family here"
		table bridge look {
			counter wrong { }
			chain every {
				type filter hook prerouting priority -300
				iifname { "c1-ex", "c2-ex", "c1-mgmt", "c2-mgmt" } ip saddr { 169.254.0.0/16, 10.99.0.0/16 } counter name wrong
				iifname { "c1-ex", "c2-ex", "c1-mgmt", "c2-mgmt" } ip6 saddr fd00::/8 counter name wrong
			}
		}
	END
}
counted() { lab_in "$1" nft list counter $2 | sed -nE 's/.*packets ([0-9]+) .*/\1/p'; }
inside() { lab_in "c$1-vr" "${@:2}"; }
# reaches NAMESPACE ADDRESS [SOURCE]: the name server there, and back, with one question. Who expects no answer waits
# a second for it; who expects one as long as the machine may stand still.
SECS=8
reaches() { [ "$(lab_in "$1" dig +tries=1 +time=$SECS +short @"$2" ${3:+-b "$3"} www.example 2>/dev/null)" = $BEYOND ]; }
cut_off() { ! SECS=1 reaches "$@"; }
# The STANDBY's own server, a name that was not asked for before: no cache knows it.
resolves() { [ "$(inside "$1" dig +tries=1 +time=2 +short @127.0.0.1 "n$RANDOM$RANDOM.example" 2>/dev/null)" = $BEYOND ]; }
# A datagram: says NAMESPACE ADDRESS [SOURCE [LEG [TTL]]]
says() {
	lab_in "$1" perl -MSocket -e 'my ($to, $from, $leg, $ttl) = @ARGV; socket(S, PF_INET, SOCK_DGRAM, 0) or die;
		setsockopt(S, SOL_SOCKET, 25, $leg) if $leg; setsockopt(S, IPPROTO_IP, IP_TTL, $ttl) if $ttl;
		bind(S, pack_sockaddr_in(0, inet_aton($from))) or die if $from;
		send(S, "x", 0, pack_sockaddr_in(53, inet_aton($to)))' "${@:2}"
}
# grows NAMESPACE "COUNTER" COMMAND...: what that rule is for comes, and is counted there.
grows() {
	local before
	before=$(counted "$1" "$2")
	"${@:3}" >/dev/null 2>&1
	within 10 grown "$1" "$2" "$before" || fail "not stopped by $2 in $1: ${*:3}"
}
grown() { [ "$(counted "$1" "$2")" -gt "$3" ]; }
way() { inside "$1" ip route get "${@:2}" 2>&1 | head -n 1; }
statics() { inside "$1" ip route show table all proto 118 via 198.18.0.253; inside "$1" ip -6 route show table all proto 118 via 2001:db8:ffff::253; }
settings() { lab_in "c$1" sysctl -ar '^net\.ipv[46]\.(ip_forward|conf\.(all|default|br-|up-))' 2>/dev/null; }
service() { status "$1" ".services[] | select(.name == \"$2\") | $3"; }
# libnftables waits by select(): a low number is kept for its socket, by a descriptor of no use otherwise.
keeps_low() { ls -l "/proc/${LAB_DAEMON[$1]}/fd" | awk '$9 > 2 && $NF == "/dev/null" { n++ } END { exit !n }'; }
link_of() { lab_ip "c$1" -o link show | sed -nE 's/^[0-9]+: ([^:@]*-h)@.*/\1/p'; }

ELECTION=external # roles move when the test says so
lab_standard 2
lab_node 2
lab_host 2
lab_ipv6
for i in 1 2; do
	lab_in c$i sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	lab_ip c$i address add 198.18.0.20$i/24 dev br-ex
	lab_ip c$i address add 2001:db8:ffff::20$i/64 dev br-ex nodad
	lab_ip c$i route add 10.30.0.0/24 via $HOST
done
lab_ip h1 address add $OTHER/32 dev lo
lab_ip h2 address add 2001:db8:ffff::253/64 dev eth0 nodad
for a in $BEYOND/32 $SOME/32 $BEYOND6/128; do lab_ip h2 address add $a dev lo; done
upstreams
wires
before=$(settings 2)
common="dns-servers = { \"$HOST\" }  ntp-servers = { \"$HOST\" }  other-networks = { \"10.30.0.0/24\" }
	routes = { \"192.0.2.0/24 via 198.18.0.253\", \"2001:db8:2::/64 via 2001:db8:ffff::253\",
	           \"203.0.113.0/24 via 198.18.0.253 from 10.20.0.102/32\" }"
for i in 1 2; do
	ROUTER_EXTRA="$common host-link { prefix = { \"169.254.77.$((i * 4))/30\", \"fd00:77::$((i * 4))/126\" } }"
	lab_start $i
done
a=1 b=2 a4=169.254.77.6 b4=169.254.77.10
ctl $a promote vrouter >/dev/null || fail "promote"
wait_for "the other one is ready" 30 is_ready $b
[ "$(status $b '.alarms | length')" = 0 ] || { has_alarm $b host-link && skip "no IPv6 forwarding by interface here"; }

note "on the STANDBY: through the controller"
for i in 1 2; do keeps_low $i || fail "controller $i keeps no low descriptor"; done
for s in dns ntp; do wait_for "$s is up" 20 eval '[ "$(service '$b' '$s' .state)" = up ]'; done
wait_for "DNS of the STANDBY has its upstream" 10 resolves $b
reaches c2-vr $HOST6 || fail "no IPv6 through the controller"
reaches c2-vr $OTHER || fail "the other network is not reached"
[[ $(way $b $OTHER) == *"dev vr-host"* && $(way $a $OTHER) == *"dev vr-ex"* ]] || fail "$(way $b $OTHER), $(way $a $OTHER)"
[ -z "$(statics $b)" ] || fail "static routes on the STANDBY: $(statics $b)"

note "on the ACTIVE: static routes, and what is asked from the link's address goes back there"
[ "$(statics $a | wc -l)" = 3 ] || fail "static routes: $(statics $a)"
reaches n1 $BEYOND || fail "the node does not reach what the static route leads to"
reaches n1 $BEYOND6 || fail "the same of IPv6"
reaches n2 $SOME || fail "a route of one source: not for it"
cut_off n1 $SOME || fail "a route of one source: for another one, too"
[[ $(way $a $HOST) == *"dev vr-ex"* && $(way $a $HOST from $a4) == *"dev vr-host"* ]] || fail "$(way $a $HOST from $a4)"
reaches c1-vr $HOST $a4 || fail "not from the link's address"
ctl $a flows | grep "src=$a4 " >/dev/null || fail "its own flow is not there"
! ctl $b flows | grep "src=$a4 " >/dev/null || fail "its own flow was replicated"

note "nodes' packets that come to the STANDBY end there"
mac=$(lab_ip c2-vr -o link show vr-mgmt | sed -nE 's/.*link\/ether ([^ ]*).*/\1/p')
lab_ip n1 neighbour replace $MGMT_VIP lladdr "$mac" dev eth0 nud permanent
cut_off n1 $HOST || fail "a STANDBY has forwarded"
lab_ip n1 neighbour del $MGMT_VIP dev eth0
[ "$(counted c2-vr 'inet vrouter host_link')" -gt 0 ] || fail "nothing was counted"
reaches n1 $HOST || fail "the node has no way out any more"

note "each rule stops what it is for"
host_link="inet vrouter host_link" refused="ip vrouter-host refused"
lab_in c2 perl -MSocket -e 'socket(S, PF_INET, SOCK_RAW, 1) or die; alarm 8; # an echo request with its checksum
	send(S, "\x08\0\xf7\xfe\0\0\0\1", 0, pack_sockaddr_in(0, inet_aton($ARGV[0])));
	do { recv(S, $_, 99, 0) } until substr($_, 20) eq "\0\0\xff\xfe\0\0\0\1"' $b4 || fail "the controller cannot ping it"
lab_ip c1 route add $SOME via $a4
lab_ip h1 route add 169.254.77.8/30 via 198.18.0.202
grows c1-vr "$host_link" says c1 $SOME # it is no way for the controller
lab_ip c1 route add $a4 via $MGMT_VIP # nobody speaks to that address but by the link
grows c1-vr "$host_link" says c1 $a4
lab_ip c1 route del $a4 via $MGMT_VIP
grows c2-vr "inet vrouter input_refused" says c2 $b4
grows c1-vr "$host_link" says c1-vr $HOST $a4 vr-ex
lab_ip c2-vr address add 10.99.9.9/32 dev lo
grows c2-vr "$host_link" says c2-vr $HOST 10.99.9.9
[ "$(counted c2 'ip vrouter-host wrong_source')" = 0 ] || fail "a wrong source came to the controller"
grows c2 "$refused" says h1 $b4
grows c2 "$refused" says h1 169.254.77.9
# what the kernel says of a packet whose TTL is over would go to the controller
lab_ip n1 address add 192.0.2.66/32 dev lo
lab_ip n1 neighbour replace $MGMT_VIP lladdr "$mac" dev eth0 nud permanent
grows c2-vr "$host_link" says n1 $HOST 192.0.2.66 eth0 1
lab_ip n1 neighbour del $MGMT_VIP dev eth0
lab_ip n1 address del 192.0.2.66/32 dev lo

note "with rules tampered with while nobody looks, no wrong source leaves"
kill -STOP "${LAB_DAEMON[$b]}"
inside $b nft insert rule inet vrouter output ip saddr 10.99.9.9 accept
cut_off c2-vr $HOST 10.99.9.9 || fail "an answer for a wrong source"
[ "$(counted c2 'ip vrouter-host wrong_source')" -gt 0 ] || fail "the controller has not seen it"
lab_in c2 nft flush ruleset
cut_off c2-vr $HOST || fail "an answer without rules"
kill -CONT "${LAB_DAEMON[$b]}"
lab_ip c2-vr address del 10.99.9.9/32 dev lo
wait_for "the rules are back" 10 resolves $b

note "drift of the link is repaired"
link=$(link_of $b)
lab_ip c2 address flush dev "$link"
wait_for "the controller's address is back" 10 resolves $b
inside $b ip rule del table 118
inside $b ip route flush table 118
wait_for "the rule is back" 10 eval "inside $b ip rule show | grep -q '$b4 lookup 118'"
lab_ip c2 link del "$link"
wait_for "the link is back" 10 resolves $b

note "a reload: only the other networks, another prefix"
sed -i 's/host-link {/& default-route = false /; s/169.254.77.8/169.254.77.16/' "$LAB_DIR/c$b/vrouterd.conf"
ctl $b reload >/dev/null || fail "reload"
reaches c2-vr $OTHER || fail "the other network is not reached any more"
cut_off c2-vr $HOST || fail "there is a default route"
inside $b ip -4 -o address show dev vr-host | grep -q ' 169.254.77.18/30 ' || fail "not the new address"
[ "$(inside $b ip -4 -o address show dev vr-host | wc -l)" = 1 ] || fail "the old address is there, too"
sed -i 's/ default-route = false / /' "$LAB_DIR/c$b/vrouterd.conf"
ctl $b reload >/dev/null || fail "reload"
sed 's/169.254.77.16/198.18.0.200/' "$LAB_DIR/c$b/vrouterd.conf" >"$LAB_DIR/bad.conf"
why=$("$LAB_BUILD/daemon/vrouterd" --check-config --config "$LAB_DIR/bad.conf" 2>&1) && fail "an overlap is accepted"
[[ $why == *'host-link: prefix = "198.18.0.200/30": overlaps the network of a vip'* ]] || fail "$why"
lab_ip c2 address add 169.254.99.1/24 dev br-mgmt
sed -i.good 's/169.254.77.16/169.254.99.4/' "$LAB_DIR/c$b/vrouterd.conf"
why=$(ctl $b reload 2>&1) && fail "an address of the controller in the prefix is accepted"
[[ $why == *"overlaps the network of the controller's interface br-mgmt, 169.254.99.1/24"* ]] || fail "$why"
mv "$LAB_DIR/c$b/vrouterd.conf.good" "$LAB_DIR/c$b/vrouterd.conf"
resolves $b || fail "a reload that was refused has changed something"

note "a crash of the ACTIVE's core takes its routes away; the other one knows the time already"
wait_for "the STANDBY follows its clock" 20 grep -q "Selected source $HOST" "$LAB_DIR/c$b.log"
kill -KILL "${LAB_DAEMON[$a]}"
wait "${LAB_DAEMON[$a]}" 2>/dev/null
wait_for "no static route is left" 10 eval '[ -z "$(statics '$a')" ]'
[[ $(inside $a ip -6 route show default) != *"dev vr-ex"* ]] || fail "an IPv6 default route is left"
ctl $b promote vrouter >/dev/null || fail "promote"
reaches n1 $BEYOND || fail "no static route on the new ACTIVE"
[[ $(way $b $OTHER) == *"dev vr-ex"* ]] || fail "$(way $b $OTHER)"
wait_for "NTP has its upstream" 10 eval '[ "$(service '$b' ntp .stratum)" = 6 ]'
lab_run $a
wait_for "it is ready again" 30 is_ready $a
wait_for "DNS of the new STANDBY has its upstream" 20 resolves $a

note "nothing is left behind"
lab_stop $b || fail "exit status"
[ -z "$(link_of $b)" ] || fail "the link is left"
[ -z "$(lab_in c2 nft list tables)" ] || fail "tables are left: $(lab_in c2 nft list tables)"
[ -z "$(inside $b ip rule show | grep 'proto 118')$(statics $b)" ] || fail "rules or routes are left"
diff <(echo "$before") <(settings 2) || fail "settings of the controller were changed"
[ "$(counted fabric 'bridge look wrong')" = 0 ] || fail "a wrong source was on the wire"
