#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The three acceptance tests of the blueprint, by the steps that README.md has for an operator: from
# nothing to a working router, with one file on each controller; ten nodes reach the outside, which sees
# the public VIP and nothing else; a wget goes on when the controller with both VIPs dies.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/http.sh"

for p in wget busybox dnsmasq nginx setpriv; do command -v $p >/dev/null || skip "$p is not installed"; done

# ---- machines: what a namespace lacks to be one ------------------------------------------------

declare -A MACHINE=()
root_of() { echo "$LAB_DIR/root-$1"; }
# machine NAMESPACE: a root of its own, without a trace of vrouterd but for what is put there before; it
# lasts as long as the process that is started here, with all that it has mounted.
machine() {
	local root
	root=$(root_of "$1")
	mkdir -p "$root"/{dev,etc,proc,run,tmp,usr/{bin,lib,lib64,sbin}}
	cp -P /bin /sbin /lib "$root"
	[ ! -L /lib64 ] || cp -P /lib64 "$root"
	cp /etc/{passwd,group,protocols,services} "$root/etc"
	printf '%s: files\n' passwd group hosts protocols services | sed 's/^hosts.*/& dns/' >"$root/etc/nsswitch.conf"
	# shellcheck disable=SC2016 # for the shell that is started
	lab_exec "$1" unshare --mount sh -c '
		for d in dev proc usr/bin usr/lib usr/lib64; do
			[ ! -d /$d ] || mount --rbind /$d $0/$d || exit
		done
		exec chroot $0 sh -c "touch /run/up; exec sleep infinity"' "$root" >"$LAB_DIR/$1.log" 2>&1 &
	MACHINE[$1]=$!
	LAB_PIDS+=($!)
	disown $!
}
machine_up() { [ -e "$(root_of "$1")/run/up" ]; }
# on_exec MACHINE COMMAND...: for the background; on: the same, here.
on_exec() { local m=$1; shift; exec nsenter -t "${MACHINE[$m]}" -m -n -r -w -- "$@"; }
on() { (on_exec "$@"); }

# ---- README.md ---------------------------------------------------------------------------------

mapfile -t README < <(sed -n '/^## Run it on two controllers/,/^## What is there/s/^ *sudo //p' "$LAB_SOURCE/README.md" |
	sed 's/  *#.*//')
# step BEGINNING: what README.md says there is in STEP.
step() {
	for STEP in "${README[@]}"; do [[ $STEP != "$1"* ]] || return 0; done
	fail "README.md has no step \"sudo $1\""
}
# follow CONTROLLER BEGINNING: does it.
follow() {
	step "$2"
	on "c$1" sh -c "$STEP" >"$LAB_DIR/step.log" 2>&1 || fail "controller $1: $STEP: $(cat "$LAB_DIR/step.log")"
}

install() {
	local root
	root=$(root_of "c$1")
	lab_controller "$1"
	step "cmake --install build/release"
	DESTDIR=$root cmake --install "$LAB_BUILD" >"$LAB_DIR/install.log" 2>&1 || fail "$STEP: $(cat "$LAB_DIR/install.log")"
	cp /usr/sbin/dnsmasq "$root/usr/sbin" # the package dnsmasq-base
	machine "c$1"
	ln -s "$root/run/vrouterd" "$LAB_DIR/c$1" # where lib.sh looks for the control socket
	wait_for "the machine of controller $1" 10 machine_up "c$1"
}
# In the place of systemd: what the unit says of the start, and what it allows.
enable() {
	local root unit command caps
	root=$(root_of "c$1")
	unit=$root/usr/lib/systemd/system/vrouterd.service
	step "systemctl enable --now vrouterd"
	mkdir "$root/run/$(sed -n 's/^RuntimeDirectory=//p' "$unit")"
	command=$(sed -n 's/^ExecStart=//p' "$unit")
	caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
	# shellcheck disable=SC2086 # words
	on_exec "c$1" setpriv --no-new-privs --bounding-set="-all,$caps" $command >"$LAB_DIR/c$1.log" 2>&1 &
	LAB_DAEMON[$1]=$!
	LAB_PIDS+=($!)
	wait_for "controller $1 answers" 10 answers "$1"
}

# ---- nodes and the outside ---------------------------------------------------------------------

# By hand, as docs/nodes.md has it.
node() {
	lab_node "$1"
	machine "n$1"
	echo "nameserver $MGMT_VIP" >"$(root_of "n$1")/etc/resolv.conf"
}
# get NODE NAME: to /tmp/NAME there; one connection, one try.
get() { on_exec "n$1" wget -q --tries=1 --timeout=30 -O "/tmp/$2" "http://www.example/$2"; }
got() { echo "$(root_of "n$1")/tmp/$2"; }
# Each of its downloads is under way, and has more than a quarter.
all_under_way() {
	local i
	for i in $(seq 10); do
		[ "$(stat -c %s "$(got "$i" file)" 2>/dev/null || echo 0)" -gt $((HTTP_SIZE / 4)) ] || return 1
	done
}
none_ended() {
	local i
	for i in $(seq 10); do kill -0 "${wget[$i]}" 2>/dev/null || return 1; done
}

lab_up
lab_host 1
lab_ip h1 address add 198.18.0.53/24 dev eth0
for i in $(seq 10); do node "$i"; done
http_serve h1 6 2
lab_exec h1 dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --no-resolv --no-hosts --bind-interfaces \
	--listen-address=198.18.0.53 --pid-file --log-facility=- --address=/www.example/$HOST >"$LAB_DIR/up-dns.log" 2>&1 &
LAB_PIDS+=($!)
: >"$LAB_DIR/outside.log"
lab_exec h1 tcpdump -i eth0 -Q in -n -l --immediate-mode "(ip or arp) and not src host $PUBLIC_VIP" \
	>"$LAB_DIR/outside" 2>"$LAB_DIR/outside.log" &
LAB_PIDS+=($!)
wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/outside.log"
watch_resets outside-resets h1 eth0

note "1. from nothing to a working router"
install 1
install 2
follow 1 "vrouterctl keygen"
cp -p "$(root_of c1)/etc/vrouterd/sync.key" "$(root_of c2)/etc/vrouterd" # "over a safe way"
for i in 1 2; do
	follow $i "cp "
	conf=$(root_of c$i)/etc/vrouterd/vrouterd.conf
	sed -i -E 's/^  # (dns-servers) /  \1 /' "$conf"
	[ $i = 1 ] || sed -i -E 's/"controller-1"/"controller-2"/; s/^(    priority *=) 150/\1 140/' "$conf"
	follow $i "vrouterd --check-config"
done
[ "$(diff "$(root_of c1)/etc/vrouterd/vrouterd.conf" "$conf" | grep -c '^>')" = 2 ] || fail "more differs than name and priority"
for i in 1 2; do enable $i; done
wait_for "one ACTIVE, one ready" 30 settled
for i in 1 2; do
	follow $i "vrouterctl status"
	follow $i "vrouterctl peers"
done

note "2. ten nodes reach the outside, which sees the VIP"
declare -A wget=() ping=()
for i in $(seq 10); do
	get "$i" seen &
	wget[$i]=$!
	on_exec "n$i" busybox ping -c 1 -W 20 $HOST >"$LAB_DIR/ping" 2>&1 &
	ping[$i]=$!
done
for i in $(seq 10); do
	wait "${wget[$i]}" || fail "node $i: wget ended with $?"
	wait "${ping[$i]}" || fail "node $i: no answer to its ping"
	[ "$(cat "$(got "$i" seen)")" = $PUBLIC_VIP ] || fail "node $i is seen as $(cat "$(got "$i" seen)")"
done

note "3. the controller with both VIPs dies under ten downloads"
for try in 1 2 3; do # a machine that stands still may see them end before
	for i in $(seq 10); do
		rm -f "$(got "$i" file)"
		get "$i" file &
		wget[$i]=$!
	done
	wait_for "a quarter of each download" 30 all_under_way
	! none_ended || break
	[ "$try" -lt 3 ] || fail "the downloads end before anything can be done to them"
	wait "${wget[@]}"
done
old=$(the_active) || fail "nobody is ACTIVE"
lab_crash "$old"
under_way=0
for i in $(seq 10); do under_way=$((under_way + ($(stat -c %s "$(got "$i" file)") < HTTP_SIZE))); done
note "controller $old is dead; $under_way downloads are under way"
[ $under_way -gt 0 ] || fail "the downloads ended before"
for i in $(seq 10); do
	wait "${wget[$i]}" || fail "node $i: wget ended with $?"
	cmp -s "$(got "$i" file)" "$LAB_DIR/www/file" || fail "node $i has another file"
done
is_active $((3 - old)) || fail "nobody took over"
(get 10 seen) || fail "DNS or wget fails after the crash"
[ ! -s "$LAB_DIR/outside" ] || fail "the outside saw something else: $(head -n 5 "$LAB_DIR/outside")"
[ "$(resets outside-resets)" = 0 ] || fail "connections were reset: $(cat "$LAB_DIR/outside-resets.resets")"
note "passed"
