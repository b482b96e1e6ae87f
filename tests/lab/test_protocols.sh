#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Flows of every protocol reach the other controller as they are; and FTP: a control connection whose
# numbers the kernel's helper adjusts, and a data connection that it expected, live through a crash; and so
# does what it only expects by then: the data connections of PORT and PASV come through the new ACTIVE.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ftp.sh"

# What nobody made through the code under test: conntrack(8) puts it into the ACTIVE's table.
put() { lab_in "c$active-vr" conntrack -I -t 600 "$@" >/dev/null 2>"$LAB_DIR/put.log" || fail "conntrack -I $*"; }
put_all() {
	local a=10.77.0.1 b=198.18.5.5 nat=$PUBLIC_VIP
	put -p udp -s $a -d $b --sport 1 --dport 53 --src-nat "$nat:4001"
	put -p udplite -s $a -d $b --sport 2 --dport 53 --src-nat "$nat:4002"
	put -p tcp -s $a -d $b --sport 3 --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED --dst-nat 10.77.0.9:8080 -m 7
	put -p sctp -s $a -d $b --sport 4 --dport 9 --state ESTABLISHED --orig-vtag 11 --reply-vtag 12 --src-nat "$nat:4004"
	put -p gre -s $a -d $b --srckey 5 --dstkey 6 --src-nat "$nat"
	put -p icmp -s $a -d $b --icmp-type 8 --icmp-code 0 --icmp-id 7 --src-nat "$nat"
	put -p udp -s $a -d $b --sport 8 --dport 53 -w 5
	a=2001:db8:77::1 b=2001:db8:5::5 nat=2001:db8:9::9
	put -p udp -s $a -d $b --sport 1 --dport 53 --src-nat "$nat"
	put -p udplite -s $a -d $b --sport 2 --dport 53
	put -p tcp -s $a -d $b --sport 3 --dport 80 --state FIN_WAIT -u SEEN_REPLY,ASSURED --dst-nat 2001:db8:77::9
	put -p sctp -s $a -d $b --sport 4 --dport 9 --state COOKIE_ECHOED --orig-vtag 13 --reply-vtag 14
	put -p icmpv6 -s $a -d $b --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 7 --src-nat "$nat"
}
# Those flows on controller N, but for their timeouts.
put_table() {
	local family
	for family in ipv4 ipv6; do
		lab_in "c$1-vr" conntrack -L -f $family -o extended 2>/dev/null
	done | grep -E 'src=(10\.77\.|2001:db8:77:)' | sed -E 's/^(\S+ +\S+ +\S+ +\S+) +[0-9]+/\1/; s/ use=[0-9]+//' |
		LC_ALL=C sort
}
same_put() { [ "$(put_table 1)" = "$(put_table 2)" ]; }

# The client says where it waits for data; the helper puts the router's address there.
announce() {
	say ftp "PORT 10,20,0,101,200,10"
	[ "$REPLY" = "PORT ${PUBLIC_VIP//./,},200,10" ] || fail "the helper did not translate: \"$REPLY\""
}

# The control and the data connection with helper, label, adjusted numbers and master, on controller N.
ftp_table() {
	lab_in "c$1-vr" conntrack -L -p tcp -o xml 2>/dev/null | tr -d '\n' | sed 's:</conntrack>::g; s/<flow>/\n&/g' |
		grep -E '<(dport>21|dport>51210)<' | sed -E 's/<(timeout|use|id|timestamp)>[^<]*<[^>]*>//g' |
		LC_ALL=C sort
}
same_ftp() { [ "$(ftp_table 1)" = "$(ftp_table 2)" ]; }

# What is expected on controller N, but for the time that is left.
expect_table() { lab_in "c$1-vr" conntrack -L expect 2>/dev/null | sed -E 's/^ *[0-9]+ //' | LC_ALL=C sort; }
expects_are() { [ "$(expect_table 1 | wc -l)" = "$1" ] && [ "$(expect_table 1)" = "$(expect_table 2)" ]; }
applied() { ctl $((3 - active)) --json stats | jq '.routers[0].replication.applied_put'; }
applied_more() { [ "$(applied)" -gt "$before" ]; }
sync_pid() { pgrep -P "${LAB_DAEMON[$1]}" -f -- --sync-worker; }
# No replica's timeout: what is left is what the kernel gives to FTP.
expects_rearmed() {
	lab_in "c$1-vr" conntrack -L expect 2>/dev/null | awk '{ n++ } $1 > 300 || $1 < 100 { bad = 1 } END { exit bad || n != 2 }'
}

lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
active=$(the_active) || fail "nobody is ACTIVE"

put_all
wait_for "both have the same" 10 same_put
n=$(put_table $((3 - active)) | wc -l)
[ "$n" = 12 ] || fail "$n of 12 flows: $(put_table $((3 - active)))"
note "12 flows of 7 protocols"
[ "$(ctl $((3 - active)) --json flows -p sctp | jq -sr 'map(.state) | sort | join(" ")')" = \
	"COOKIE_ECHOED ESTABLISHED" ] || fail "vrouterctl flows: $(ctl $((3 - active)) --json flows -p sctp)"
[ "$(ctl $((3 - active)) --json flows -p icmpv6 -s 2001:db8:77::1 | jq -r .reply.dst)" = 2001:db8:9::9 ] ||
	fail "vrouterctl flows: $(ctl $((3 - active)) flows -p icmpv6)"

use_helper 1
use_helper 2
traffic control h1 echo-server --listen "$HOST:21"
traffic listener n1 echo-server --listen 10.20.0.101:51210
talk ftp n1 "$HOST" 21
echoes ftp "USER nobody" # the helper believes what follows a line
announce
talk data h1 "$PUBLIC_VIP" 51210
echoes data "some data"
echoes ftp "NOOP before"
wait_for "both have the same" 10 same_ftp
[ "$(ctl $((3 - active)) --json stats | jq '.routers[0].replication | .apply_reduced + .apply_errors')" = 0 ] ||
	fail "something was refused: $(ctl $((3 - active)) --json stats | jq -c '.routers[0].replication')"
note "FTP: $(ftp_table $((3 - active)) | wc -l) connections"

wait_for "what came is no longer expected" 10 expects_are 0
traffic passive-data h1 echo-server --listen "$HOST:50000"
talk passive n1 "$HOST" 21
echoes passive "USER somebody"
echoes passive "227 Entering Passive Mode (${HOST//./,},195,80)"
wait_for "both expect the same" 10 expects_are 1
lab_in "c$((3 - active))-vr" conntrack -F expect 2>/dev/null
kill -KILL "$(sync_pid $((3 - active)))"
wait_for "what was lost is expected again after a repair" 30 expects_are 1
wait_for "one ACTIVE, one ready" 30 settled
before=$(applied)
announce
wait_for "both expect the same" 10 expects_are 2
wait_for "both adjust its numbers" 10 applied_more # this comes behind, and without an event
note "expected: $(expect_table $((3 - active)) | wc -l) data connections"

wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) || fail "nobody is ACTIVE"
lab_crash "$old"
note "controller $old is dead"
wait_for "the timeouts of the expectations are normal" 10 expects_rearmed $((3 - old))
talk expected h1 "$PUBLIC_VIP" 51210
echoes expected "data that was announced to the dead one"
talk fetched n1 "$HOST" 50000
echoes fetched "data that the dead one saw announced"
[ -z "$(expect_table $((3 - old)))" ] || fail "still expected: $(expect_table $((3 - old)))"
echoes data "more data"
echoes ftp "NOOP after"
announce
talk later h1 "$PUBLIC_VIP" 51210
echoes later "data through the new one"
echoes ftp "NOOP at last"
note "passed"
