#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vrouterctl flows beside conntrack(8), byte for byte: flows of many kinds in every output, by every filter;
# events; what helpers expect; JSON; what a replica lacks; arguments that are refused. Timeouts run and use
# counts lookers, so those are made alike.
. "$(dirname "$0")/lib.sh"

# Names of labels are read from /etc, so the two programs get one of their own.
with_etc() { unshare --mount bash -c 'mount --bind "$0/etc" /etc && . "$0/lists.sh" && "$@"' "$LAB_DIR" "$@"; }
make_lists() {
	mkdir -p "$LAB_DIR/etc/xtables"
	printf '3 three\n9 bulk\n' >"$LAB_DIR/etc/xtables/connlabel.conf"
	{
		declare -f old new ct
		echo "LAB=$LAB LAB_DIR=$LAB_DIR LAB_BUILD=$LAB_BUILD active=$active"
	} >"$LAB_DIR/lists.sh"
}
ct() { nsenter --net="/run/netns/$LAB-c$active-vr" -- conntrack "$@"; }
# What each of the lists of arguments on stdin gives.
old() { while read -r args; do echo "== $args"; ct -L $args 2>/dev/null; done; }
new() {
	local ctl="$LAB_BUILD/daemon/vrouterctl --socket $LAB_DIR/c$active/control.sock flows vrouter"
	while read -r args; do
		echo "== $args"
		case $args in expect*) args="--$args" ;; esac
		$ctl $args 2>&1
	done
}
alike() {
	awk '/^== / { args = $0; next } { print args " | " $0 }' |
		sed -E 's/( \| (ipv. +[0-9]+ )?[a-z0-9]+ +[0-9]+) [0-9]+/\1 T/; s/( \| |\t)[0-9]+ proto=/\1T proto=/
			s/(-t|use=|delta-time=|<timeout>|<use>|<deltatime>) ?[0-9]+/\1N/g
			s/ progname=\S+//; s/\[[0-9]+\.[0-9]+ *\]/[TIME]/
			s:<when>.*</when>:<when/>:' | LC_ALL=C sort
}
both_list() {
	with_etc old <"$LAB_DIR/$1" | alike >"$LAB_DIR/old"
	with_etc new <"$LAB_DIR/$1" | alike >"$LAB_DIR/new"
	[ -s "$LAB_DIR/old" ] && cmp -s "$LAB_DIR/old" "$LAB_DIR/new"
}
same_lists() { # NAME, whose arguments are on stdin
	cat >"$LAB_DIR/$1"
	within 30 both_list "$1" || fail "$1 differ: $(diff "$LAB_DIR/old" "$LAB_DIR/new" | head -n 20)"
	note "$1: $(wc -l <"$LAB_DIR/$1") lists, $(wc -l <"$LAB_DIR/old") lines"
}

put() { ct -I -t 1000 "$@" >/dev/null 2>"$LAB_DIR/put.log" || fail "conntrack -I $*: $(cat "$LAB_DIR/put.log")"; }
put_all() {
	local a=10.77.0.1 b=198.18.5.5 six=2001:db8:77::1 b6=2001:db8:5::5
	put -p tcp -s $a -d $b --sport 1 --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED -m 0x15
	put -p tcp -s $a -d $b --sport 2 --dport 80 --state SYN_SENT2 -u SEEN_REPLY -m 7
	put -p tcp -s 10.77.0.9 -d $b --sport 1 --dport 81 --state FIN_WAIT -u FIXED_TIMEOUT --dst-nat 10.77.9.9:8080
	put -p udp -s $a -d $b --sport 1 --dport 53 --src-nat $PUBLIC_VIP:4001 -m 0x25
	put -p udp -s $a -d $b --sport 1 --dport 53 --src-nat $PUBLIC_VIP:4002 -w 5
	put -p udp -s $a -d $b --sport 1 --dport 54 --orig-zone 6
	put -p udplite -s $a -d $b --sport 9 --dport 53
	put -p sctp -s $a -d $b --sport 4 --dport 9 --state COOKIE_ECHOED --orig-vtag 11 --reply-vtag 12
	put -p gre -s $a -d $b --srckey 5 --dstkey 6
	put -p icmp -s $a -d $b --icmp-type 8 --icmp-code 0 --icmp-id 7
	put -p 89 -s $a -d $b
	put -p udp -s $six -d $b6 --sport 1 --dport 53 --src-nat 2001:db8:9::9
	put -p tcp -s $six -d $b6 --sport 2 --dport 80 --state CLOSE_WAIT -u SEEN_REPLY,ASSURED --dst-nat 2001:db8:77::9
	put -p icmpv6 -s $six -d $b6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 7
}

# A new source sets timeouts back that are longer than normal, a second after its promotion and up to three
# times more while it finds some; then ours would be over in seconds.
timeouts_stay() {
	local canary="-p udp -s 10.78.0.1 -d 198.18.5.5 --sport 1 --dport 53"
	put $canary
	sleep 1.1
	ct -L $canary 2>/dev/null | grep -Eq '^udp +17 (9[0-9][0-9]|1000) '
	local rc=$?
	ct -D $canary >/dev/null 2>&1
	return $rc
}

outputs() {
	printf -- '%s\n' '' '-o '{extended,id,ktimestamp,timestamp,labels,xml,save,userspace} \
		'-o extended,id,ktimestamp,labels' '-o xml,extended,id,ktimestamp,labels,timestamp' \
		'expect' 'expect -o xml' 'expect -o timestamp' '-f ipv6 -o extended'
}
filters() {
	cat <<-END
		-p tcp
		-p 0x11 -o id
		-p 89
		-p tcp --sport 1 -s 10.77.0.1
		-p udp --dport 53
		-p udp --reply-port-dst 4002
		-p tcp --reply-port-src 8080
		-p tcp --state ESTABLISHED
		-p tcp --state LISTEN
		-p sctp --state COOKIE_ECHOED
		-p icmp --icmp-type 8 --icmp-id 7
		-p icmpv6 --icmpv6-type 128
		-p gre --srckey 5 --dstkey 6
		-s 10.77.0.1 -d 198.18.5.5
		-s 10.77.0.0/29
		-s 10.20.0.0/16 -d 198.18.0.0/24
		-s 10.77.0.1 --mask-src 255.255.255.240
		-s 2001:db8:77::1
		-d 2001:db8:5::/48 -p udp
		-r 10.77.9.9
		-q $PUBLIC_VIP
		-f ipv4
		-f ipv6 -p tcp
		-m 7
		-m 0x5/0xf -p udp
		-m 0x15/0xf
		-u ASSURED
		-u UNREPLIED
		-u !ASSURED,!SEEN_REPLY
		-u FIXED_TIMEOUT -o save
		-w 5
		-w 0 -p udp
		--orig-zone 6
		--reply-zone 6
		-l three
		-l bulk
		-n
		-n $PUBLIC_VIP:4001
		-g 10.77.9.9
		-p tcp -g
		-j $PUBLIC_VIP
		-p tcp -f ipv4 -s 10.77.0.0/16 -u SEEN_REPLY --dport 80 -o extended
	END
}

# ---- events: several of each program at once, on the same changes ----------------------------------------

follow_args() {
	printf -- '%s\n' '' '-o extended,id,timestamp' '-o xml,timestamp' '-o save' '-e NEW,DESTROY' '-p udp -s 10.88.0.0/16' \
		'expect'
}
follow_both() {
	local i=0 args
	while read -r args; do
		i=$((i + 1))
		: >"$LAB_DIR/old.$i"
		: >"$LAB_DIR/new.$i"
		lab_exec "c$active-vr" conntrack -E $args >"$LAB_DIR/old.$i" 2>/dev/null &
		followers+=($!)
		"$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c$active/control.sock" flows vrouter --follow ${args/#expect/--expect} \
			>"$LAB_DIR/new.$i" 2>"$LAB_DIR/follow.log" &
		followers+=($!)
	done < <(follow_args)
	"$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c$active/control.sock" flows --follow --json vrouter >"$LAB_DIR/new.json" &
	followers+=($!)
	LAB_PIDS+=("${followers[@]}")
}
# Sockets of conntrack events in the router's namespace: column 4 has the groups.
followers_listen() {
	[ "$(lab_in "c$active-vr" awk '$2 == 12 && $4 != "00000000"' /proc/net/netlink | wc -l)" -ge $((before + ${#followers[@]})) ]
}
change() {
	local a="-s 10.88.0.1 -d 198.18.5.5" x="-p udp -s 2001:db8:88::1 -d 2001:db8:5::5 --sport 1 --dport 53"
	ct -I -t 100 -p tcp $a --sport 1 --dport 80 --state ESTABLISHED -u SEEN_REPLY
	ct -U -p tcp $a --sport 1 --dport 80 -m 9
	ct -I -t 100 -p udp $a --sport 1 --dport 53 --src-nat $PUBLIC_VIP:4003
	ct -I -t 100 $x
	ct -D $x
	ct -D -p tcp $a --sport 1
	ct -D -p udp $a --sport 1
}
saw() { # what is compared; the kernel alone makes the second kind
	grep -E '10\.88\.0|2001:db8:88|dport[= >]+9999' "$LAB_DIR/$1" | sed 's/^/== x\n/' | alike
}
events_same() {
	local i n=0
	for i in $(seq "$(follow_args | grep -vc expect)"); do
		[ "$(saw "old.$i" | wc -l)" -ge 2 ] && [ "$(saw "old.$i")" = "$(saw "new.$i")" ] || return 1
		n=$((n + $(saw "old.$i" | wc -l)))
	done
	events=$n
}
expect_events_same() {
	[ -s "$LAB_DIR/old.7" ] && [ "$(sed 's/^/== x\n/' "$LAB_DIR/old.7" | alike)" = "$(sed 's/^/== x\n/' "$LAB_DIR/new.7" | alike)" ]
}

# A control connection whose helper expects data: as in lab/protocols.
use_helper() {
	helper_rules 1
	helper_rules 2
	traffic control h1 echo-server --listen "$HOST:21"
	lab_exec n1 bash -c 'exec 3<>"/dev/tcp/$0/21" && printf "USER nobody\r\n" >&3 && read -r -t 20 line <&3 &&
		printf "PORT 10,20,0,101,200,10\r\n" >&3 && read -r -t 20 line <&3 && sleep 100' "$HOST" 2>"$LAB_DIR/ftp.log" &
	LAB_PIDS+=($!)
	disown $!
}
helper_rules() {
	lab_in "c$1-vr" nft -f - <<-END || skip "no conntrack helpers in this kernel"
		table ip lab {
			ct helper ftp { type "ftp" protocol tcp; }
			chain before {
				type filter hook prerouting priority 0;
				tcp dport 21 ct helper set "ftp"
				tcp dport 21 ct label set 3
			}
		}
	END
}
expects() { [ "$(ctl "$active" flows vrouter --expect --count)" = 1 ]; }

# ---- the rest --------------------------------------------------------------------------------------------

refused() { # TEXT ARGUMENTS...: exit status 2, and the text is in the message
	local text=$1 said rc
	shift
	said=$(ctl "$active" flows "$@" 2>&1)
	rc=$?
	[ $rc = 2 ] && grep -qF -- "$text" <<<"$said" || fail "flows $*: exit status $rc: $said"
}
json_same() { # every flow, with its own addresses and what text has
	[ "$(ctl "$active" --json flows vrouter | jq -r '.orig.src + " " + .orig.dst + " " + .reply.dst' | LC_ALL=C sort)" = \
		"$(ct -L 2>/dev/null | sed -E 's/^.* src=(\S+) dst=(\S+) .*src=\S+ dst=(\S+) .*$/\1 \2 \3/' | LC_ALL=C sort)" ]
}
tampered() {
	local said rc
	nsenter --net="/run/netns/$LAB-c$((3 - active))-vr" -- conntrack -D -p tcp -s 10.77.0.1 --sport 1 >/dev/null 2>&1
	said=$(ctl "$active" flows vrouter --replica="controller-$((3 - active))")
	rc=$?
	[ $rc = 1 ] && grep -qE 'missing +tcp +6 ESTABLISHED src=10.77.0.1 dst=198.18.5.5 sport=1 ' <<<"$said"
}
equal() { ctl "$active" flows vrouter --replica | grep -q '^vrouter: equal'; }

ADVERT=1000
lab_standard 2
ROUTER_EXTRA="} router \"other\" { namespace = \"$LAB-c1-v2\"  election { mode = \"external\" }  nat { mode = \"none\" }
	management { attach = \"bridge:br-mgmt\"  interface = \"vr-m2\"  vip = \"10.20.0.2/24\" }
	public { attach = \"bridge:br-ex\"  interface = \"vr-e2\"  vip = \"198.18.0.2/24\" }"
lab_start 1
ROUTER_EXTRA=
lab_start 2
wait_for "one ACTIVE, one ready" 30 settled
active=$(the_active) || fail "nobody is ACTIVE"
make_lists
lab_in "c$active-vr" sysctl -qw net.netfilter.nf_conntrack_timestamp=1 net.netfilter.nf_conntrack_acct=1

followers=()
before=$(lab_in "c$active-vr" awk '$2 == 12 && $4 != "00000000"' /proc/net/netlink | wc -l)
follow_both
wait_for "all followers listen" 30 followers_listen
use_helper
change >"$LAB_DIR/change.log" 2>&1 || fail "$(cat "$LAB_DIR/change.log")"
lab_in n1 bash -c 'echo x >"/dev/udp/$0/9999"' "$HOST"
wait_for "an expectation" 30 expects
within 30 events_same || fail "events: $(for i in 1 2 3 4 5 6; do diff <(saw "old.$i") <(saw "new.$i"); done)"
within 30 expect_events_same || fail "events of expectations: $(diff "$LAB_DIR/old.7" "$LAB_DIR/new.7")"
[ "$(jq -r 'select(.orig.src == "10.88.0.1" and .proto == "tcp") | .event' "$LAB_DIR/new.json" | tr '\n' ' ')" = "new update destroy " ] ||
	fail "events as JSON: $(cat "$LAB_DIR/new.json")"
kill -TERM "${followers[@]}"
for pid in "${followers[@]}"; do wait "$pid" || fail "a follower ended with $?: $(cat "$LAB_DIR/follow.log")"; done
[ "$(sed -n '1,2p;$p' "$LAB_DIR/new.3")" = "$(sed -n '1,2p;$p' "$LAB_DIR/old.3")" ] || fail "the XML around the events"
note "events: $events lines, and $(wc -l <"$LAB_DIR/new.7") of expectations"

wait_for "timeouts are left alone" 30 timeouts_stay
traffic tcp n1 tcp-flows --target $HOST:7 --count 20
put_all
same_lists outputs < <(outputs)
same_lists filters < <(filters)
for list in '-l three' '-u FIXED_TIMEOUT' 'expect -o xml'; do # that something is there to compare
	[ "$(echo "$list" | with_etc new | grep -cv '^==')" -gt 0 ] || fail "nothing: $list"
done

wait_for "the same in JSON" 30 json_same
ctl "$active" flows --json vrouter -p tcp --dport 21 | jq -e '.helper == "ftp" and .labels == [3] and .reply.packets > 0' >/dev/null ||
	fail "JSON: $(ctl "$active" flows --json vrouter -p tcp --dport 21)"
ctl "$active" --json flows vrouter --expect | jq -e '.helper == "ftp" and .expected.dst == "198.18.0.1"' >/dev/null ||
	fail "expectation: $(ctl "$active" --json flows vrouter --expect)"
[ "$(ctl "$active" flows vrouter --zero | grep -c 'dport=21 packets=[1-9]')" -gt 0 ] || fail "no counters"
ct -L -p tcp --dport 21 2>/dev/null | grep -q 'dport=21 packets=0 ' || fail "the counters are not zero"
[ "$(ctl "$active" flows vrouter -C -s 10.77.0.0/16)" = 11 ] || fail "count: $(ctl "$active" flows vrouter -C -s 10.77.0.0/16)"
[ "$(ctl "$active" flows vrouter --count)" -ge 34 ] || fail "count: $(ctl "$active" flows vrouter --count)"
[ "$(ctl "$active" flows vrouter -u SEEN_REPLY,!ASSURED -C -m 7)" = 1 ] || fail "two at once that conntrack cannot"
[ "$(ctl "$active" flows vrouter -n 2001:db8:9::8 -C)" = 0 ] || fail "an address of IPv6 that is no translation"

wait_for "an equal replica" 60 equal
wait_for "a flow that the replica lacks" 60 tampered
ctl "$active" flows vrouter --replica=controller-9 2>"$LAB_DIR/no.log" && fail "an unknown replica"
grep -q "there are: controller-$((3 - active))" "$LAB_DIR/no.log" || fail "$(cat "$LAB_DIR/no.log")"

[ "$active" = 1 ] && {
	refused "there are 2 routers, name one of them: vrouter other"
	[ "$(ctl 1 flows --count | sed 's/[0-9]*$//')" = "vrouter: "$'\n'"other: " ] || fail "count of all: $(ctl 1 flows --count)"
}
refused '--sport: "x"' vrouter --sport x
refused 'unknown option --nothing' --nothing
refused '--output: "json"' -o json
refused '--event-mask needs --follow' -e NEW
refused '--label: "nothing"' -l nothing
ctl "$active" flows nobody 2>/dev/null
[ $? = 1 ] || fail "an unknown router"
note "passed"
