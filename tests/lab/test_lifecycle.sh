#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# From a namespace that was there before to nothing at all: what is somebody else's in it is told and left alone, no
# setting but our own is touched, stop hands the role over and is remembered, remove and --uninstall leave nothing.
. "$(dirname "$0")/lib.sh"

VR=$LAB-c1-vr
settings() { # NAMESPACE: of the kernel's network, but for those of single interfaces and what all namespaces share
	nsenter --net="/run/netns/$1" -- sysctl -a --pattern '^net\.' 2>/dev/null |
		grep -Ev '\.(conf|neigh)\.(vr-|vr[0-9a-f]|lab|lo\.|left)|nf_conntrack_(max|count|buckets|expect_max)|gc_thresh|\.stable_secret' | sort
}
differs() { diff <(settings "$1") "$2" | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' | sort -u | head -n 60 | tr '\n' ' '; }
role() { ctl "$1" --json status 2>/dev/null | jq -r '.routers[0].role'; }
is_off() { [ "$(role "$1")" = STOPPED ]; }
no_legs() { # N: neither in its namespace nor on the controller's side
	! ip -n "$LAB-c$1-vr" link show 2>/dev/null | grep -q ' vr-' && ! lab_ip "c$1" -d link show | grep -q 'alias vrouterd'
}
says() { grep -q "$1" "$LAB_DIR/said" || fail "not \"$1\", but: $(cat "$LAB_DIR/said")"; }
alive() { all_alive tcp; [ "$(resets public)" = 0 ] || fail "connections were reset"; }

lab_standard 2
ip netns add "$VR"
ip netns add "$LAB-fresh"
ip -n "$VR" link add left0 type veth peer name left1
nsenter --net="/run/netns/$VR" -- nft 'table ip other { chain c { }; }'
nsenter --net="/run/netns/$VR" -- sleep 1000 &
sleeper=$!
LAB_PIDS+=($sleeper)
disown $sleeper
settings "$LAB-c1" >"$LAB_DIR/host.before"
settings "$LAB-fresh" >"$LAB_DIR/fresh"
lab_config 1
sed -i "s|run-dir .*|run-dir = \"$LAB_DIR/c1/run\"|" "$LAB_DIR/c1/vrouterd.conf"
lab_run 1
lab_start 2
wait_for "controller 1 answers" 10 answers 1
left="link left0, link left1, table ip other, process $sleeper (sleep)"
[ "$(status 1 .left_alone | sed "s/, /\n/g" | sort)" = "$(sed "s/, /\n/g" <<<"$left" | sort)" ] || fail "left alone: $(status 1 .left_alone)"
[ "$(status 2 .left_alone)" = null ] || fail "a fresh namespace: $(status 2 .left_alone)"
wait_for "one ACTIVE, one ready" 30 settled

# ---- settings
[ -z "$(differs "$LAB-c1" "$LAB_DIR/host.before")" ] || fail "touched on the controller: $(differs "$LAB-c1" "$LAB_DIR/host.before")"
ours=' net\.ipv4\.ip_forward | net\.netfilter\.nf_conntrack_(events|tcp_loose|tcp_be_liberal) '
ours+='| net\.ipv[46]\.conf\.(all|default)\.(forwarding|rp_filter|arp_ignore|arp_announce|arp_notify|accept_redirects) '
ours+='| net\.ipv[46]\.conf\.(all|default)\.(send_redirects|accept_source_route|promote_secondaries|disable_ipv6) '
ours+='| net\.ipv[46]\.conf\.(all|default)\.(accept_ra|autoconf|accept_dad|ndisc_notify|bc_forwarding|mc_forwarding) '
for i in 1 2; do
	for name in $(differs "$LAB-c$i-vr" "$LAB_DIR/fresh"); do
		[[ " $name " =~ $ours ]] || fail "touched in namespace $i: $name"
	done
	for name in ipv4.ip_forward=1 ipv4.conf.{all,default,vr-ex,vr-mgmt}.rp_filter=0 netfilter.nf_conntrack_tcp_{loose=0,be_liberal=1} \
		netfilter.nf_conntrack_events=1 ipv4.conf.vr-mgmt.forwarding=1; do
		[ "$(lab_in "c$i-vr" sysctl -n "net.${name%=*}")" = "${name#*=}" ] || fail "$name is not so in namespace $i"
	done
done

# ---- stop, remembered, start
watch_resets public h1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count 100 --interval-us 1000
a=$(the_active) b=$((3 - a))
ctl "$a" stop vrouter >"$LAB_DIR/said" 2>&1 || fail "stop: $(cat "$LAB_DIR/said")"
says "^stopped; its namespace $LAB-c$a-vr stays"
wait_for "the other one is ACTIVE" 20 is_active "$b"
is_off "$a" || fail "it is $(role "$a")"
no_legs "$a" || fail "legs are left"
ip netns list | grep -w "$LAB-c$a-vr" >/dev/null || fail "its namespace is gone"
ctl "$a" promote vrouter >"$LAB_DIR/said" 2>&1 && fail "a stopped one was promoted"
says 'was stopped by hand: vrouterctl start vrouter'
ctl "$a" stop vrouter >"$LAB_DIR/said" || fail "stop again"
says "^stopped already"
alive
lab_stop "$a" || fail "controller $a ended with $?"
lab_run "$a"
wait_for "controller $a answers" 10 answers "$a"
is_off "$a" || fail "a restart forgot it: $(role "$a")"
sed -i 's/random = true/& mss-clamp = true/' "$LAB_DIR/c$a/vrouterd.conf" # changed in a router that runs, and in one that does not
ctl "$a" reload >/dev/null || fail "reload"
is_off "$a" || fail "a reload started it"
ctl "$a" start vrouter >"$LAB_DIR/said" || fail "start: $?"
says '^started'
wait_for "one ACTIVE, one ready" 30 settled
ctl "$a" start vrouter >"$LAB_DIR/said" || fail "start again: $?"
says '^it is not stopped'
alive

# ---- remove: not what is somebody else's
ctl 1 remove vrouter >"$LAB_DIR/said" 2>&1 && fail "it removed what is none of ours: $(cat "$LAB_DIR/said")"
says "namespace $VR stays: .*link left0.*table ip other.*process $sleeper (sleep)"
no_legs 1 || fail "legs are left"
[ "$(nsenter --net="/run/netns/$VR" -- nft list tables)" = "table ip other" ] || fail "tables: $(nsenter --net="/run/netns/$VR" -- nft list tables)"
ip -n "$VR" link show left0 >/dev/null && kill -0 $sleeper || fail "it took away what is none of ours"
wait_for "controller 2 is ACTIVE" 20 is_active 2
kill -KILL $sleeper
ip -n "$VR" link del left0
nsenter --net="/run/netns/$VR" -- nft delete table ip other
ctl 1 remove vrouter >"$LAB_DIR/said" 2>&1 || fail "remove: $(cat "$LAB_DIR/said")"
says "^removed, with its namespace $VR"
! ip netns list | grep -w "$VR" >/dev/null || fail "its namespace is left"
no_legs 1 || fail "legs are left"
[ "$(cd "$LAB_DIR/c1/run" && echo vrouter.*)" = vrouter.off ] || fail "files are left: $(ls "$LAB_DIR/c1/run")"
alive
ctl 1 start vrouter >/dev/null || fail "start after remove: $?"
wait_for "one ACTIVE, one ready" 30 settled

# ---- uninstall
gone() { lab_in c1 "$LAB_BUILD/daemon/vrouterd" --config "$LAB_DIR/c1/vrouterd.conf" --uninstall >"$LAB_DIR/said" 2>&1; }
gone && fail "it uninstalled a daemon that runs"
says 'already runs on run-dir .*; stop it first'
is_active 1 || is_ready 1 || fail "that disturbed it: $(role 1)"
lab_stop 1 || fail "controller 1 ended with $?"
ip netns list | grep -w "$VR" >/dev/null || fail "the end of the daemon took its namespace"
lab_run 1 # and one that dies leaves more
wait_for "controller 1 answers" 10 answers 1
wait_for "one ACTIVE, one ready" 30 settled
kill -KILL "${LAB_DAEMON[1]}"
{ wait "${LAB_DAEMON[1]}"; } 2>/dev/null
unset "LAB_DAEMON[1]"
wait_for "the end of its guard" 20 eval '[ -z "$(ip netns pids "$LAB-c1")" ]'
[ -S "$LAB_DIR/c1/control.sock" ] || fail "nothing is left to be taken away"
mkdir -p "$LAB_DIR/c1/run/services/vrouter.dns" # of a server that died with it
echo >"$LAB_DIR/c1/run/services/vrouter.dns/config"
echo >"$LAB_DIR/c1/run/guard.sock"
gone || fail "uninstall: $(cat "$LAB_DIR/said")"
says "router \"vrouter\": removed, with namespace $VR"
! ip netns list | grep -w "$VR" >/dev/null || fail "its namespace is left"
no_legs 1 || fail "legs are left"
[ ! -e "$LAB_DIR/c1/run" ] && [ ! -e "$LAB_DIR/c1/control.sock" ] || fail "files are left: $(ls "$LAB_DIR/c1" "$LAB_DIR/c1/run")"
[ -z "$(differs "$LAB-c1" "$LAB_DIR/host.before")" ] || fail "touched on the controller: $(differs "$LAB-c1" "$LAB_DIR/host.before")"
wait_for "controller 2 is ACTIVE" 20 is_active 2
alive
note "passed"
