# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2015,SC2034,SC2086,SC1007,SC1083,SC2093
# The lab: controllers, nodes and public hosts as network namespaces on one machine. Source it.
#
#   fabric          the switches: sw-mgmt, sw-ex (and sw-sync), one port per link, named after it
#   c1, c2, ...     controllers: br-mgmt (10.20.0.11, .12, ...) and br-ex (no address), uplinks to the fabric
#   n1, n2, ...     nodes on sw-mgmt: 10.20.0.101, ..., default gateway is the router's management VIP
#   h1, h2, ...     public hosts on sw-ex: 198.18.0.254, .253, ..., without any route to 10.20.0.0/24
# lab_ipv6 gives the first of both IPv6 addresses, too, and the router VIPs of it.
#
# Links have the names of their fabric ports: c1-mgmt, c1-ex, c1-sync, n1, h1. Every namespace is
# called $LAB-NAME, so runs do not meet. All ends with the shell that sourced this file; what a killed
# run left behind goes with the next one (lab_sweep).

set -u -o pipefail
LAB=${LAB_PREFIX:-lab}$$
LAB_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_BUILD=${LAB_BUILD:-$LAB_SOURCE/build/release}
LAB_DIR=
LAB_PIDS=()
TRAFFIC=$LAB_BUILD/tests/lab/vr-traffic
MGMT_VIP=10.20.0.1 PUBLIC_VIP=198.18.0.1 HOST=198.18.0.254
MGMT_VIP6=2001:db8:1::1 PUBLIC_VIP6=2001:db8:ffff::1 HOST6=2001:db8:ffff::254 # see lab_ipv6
declare -A LAB_PID=() LAB_IN=() LAB_OUT=() LAB_DAEMON=()

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAIL: $*" >&2; exit 1; }
note() { printf '%7.3f  %s\n' "$(elapsed)" "$*"; }
elapsed() {
	local us=$((${EPOCHREALTIME/./} - LAB_START))
	printf '%d.%06d' $((us / 1000000)) $((us % 1000000))
}
LAB_START=${EPOCHREALTIME/./}

# wait_for "what" SECONDS COMMAND...: polls; a failure to come true in time ends the test.
wait_for() {
	local what=$1 end=$((SECONDS + $2))
	shift 2
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "$what: not within the time allowed"
		lab_nap
	done
}
# The same, but only says whether.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		lab_nap
	done
}
not() { ! "$@"; }
# 50 ms without a process: a pipe that nobody writes into.
exec {LAB_NEVER}<> <(:)
lab_nap() { read -r -t 0.05 -u "$LAB_NEVER" _ || :; }

# ---- life and death of the lab ----------------------------------------------------------------

lab_namespaces() { ip netns list | awk -v p="$1" 'index($1, p) == 1 { print $1 }'; }

# lab_destroy PREFIX: every process in the namespaces of that run, then the namespaces.
lab_destroy() {
	local ns pids
	for ns in $(lab_namespaces "$1-"); do
		pids=$(ip netns pids "$ns" 2>/dev/null)
		# shellcheck disable=SC2086 # a list of numbers
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
}

# Runs whose shell is gone cannot clean up any more.
lab_sweep() {
	local run dir
	for run in $(ip netns list | sed -nE "s/^(${LAB_PREFIX:-lab}[0-9]+)-.*/\1/p" | sort -u); do
		kill -0 "${run#"${LAB_PREFIX:-lab}"}" 2>/dev/null || lab_destroy "$run"
	done
	for dir in "${TMPDIR:-/tmp}/${LAB_PREFIX:-lab}"[0-9]*.*; do
		run=${dir##*/"${LAB_PREFIX:-lab}"}
		kill -0 "${run%%.*}" 2>/dev/null || rm -rf "$dir"
	done
}

lab_logs() {
	local f
	for f in "$LAB_DIR"/*.log; do
		[ -s "$f" ] || continue
		echo "---- ${f##*/}"
		tail -n "${LAB_LOG_LINES:-40}" "$f"
	done >&2
}

lab_cleanup() {
	local rc=$?
	trap '' INT TERM
	trap - EXIT
	[ -n "$LAB_DIR" ] || exit $rc
	declare -F lab_on_exit >/dev/null && lab_on_exit
	[ $rc = 0 ] || [ $rc = 77 ] || lab_logs
	exec 2>/dev/null # the shell's own words about killed children
	[ ${#LAB_PIDS[@]} = 0 ] || kill -KILL "${LAB_PIDS[@]}" 2>/dev/null
	lab_destroy "$LAB"
	wait 2>/dev/null
	[ -n "${LAB_KEEP:-}" ] || rm -rf "$LAB_DIR"
	exit $rc
}

lab_up() {
	[ "$(id -u)" = 0 ] || skip "the lab needs root"
	[ -x "$TRAFFIC" ] || fail "$TRAFFIC is not built"
	ulimit -n "$(ulimit -Hn)"
	lab_sweep
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/$LAB.XXXXXX") || exit 1
	trap lab_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	ip netns add "$LAB-fabric" || skip "no network namespaces here"
	lab_in fabric sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	lab_switch sw-mgmt
	lab_switch sw-ex
}

# ---- topology ---------------------------------------------------------------------------------

# Not `ip netns exec`: its private mounts would hide the namespaces that a daemon creates.
lab_in() { local ns=$1; shift; nsenter --net="/run/netns/$LAB-$ns" -- "$@"; }
# For the background: the shell's $! is then the command itself.
lab_exec() { local ns=$1; shift; exec nsenter --net="/run/netns/$LAB-$ns" -- "$@"; }
lab_ip() { local ns=$1; shift; ip -n "$LAB-$ns" "$@"; }

# lab_bridge NAMESPACE NAME: forwards at once, floods multicast, no spanning tree.
lab_bridge() {
	lab_ip "$1" link add "$2" type bridge stp_state 0 forward_delay 0 mcast_snooping 0 &&
		lab_ip "$1" link set "$2" up || fail "bridge $2 in $1"
}
lab_switch() { lab_bridge fabric "$1"; }

# lab_link NAMESPACE INTERFACE SWITCH PORT
lab_link() {
	ip link add "$2" netns "$LAB-$1" type veth peer name "$4" netns "$LAB-fabric" &&
		lab_ip fabric link set "$4" master "$3" up &&
		lab_ip "$1" link set "$2" up || fail "link $4"
}

lab_namespace() {
	ip netns add "$LAB-$1" && lab_ip "$1" link set lo up || fail "namespace $1"
	lab_in "$1" sysctl -qw net.ipv4.ip_local_port_range="1024 65000" net.core.somaxconn=8192 \
		net.ipv4.tcp_max_syn_backlog=8192
}

lab_controller() {
	local c=c$1
	lab_namespace "$c"
	lab_bridge "$c" br-mgmt
	lab_bridge "$c" br-ex
	lab_link "$c" up-mgmt sw-mgmt "$c-mgmt"
	lab_link "$c" up-ex sw-ex "$c-ex"
	lab_ip "$c" link set up-mgmt master br-mgmt
	lab_ip "$c" link set up-ex master br-ex
	lab_ip "$c" address add "10.20.0.$((10 + $1))/24" dev br-mgmt
}

# A second network for replication alone: interface sync, 10.20.1.11, .12, ...
lab_sync_link() {
	lab_ip fabric link show sw-sync >/dev/null 2>&1 || lab_switch sw-sync
	lab_link "c$1" sync sw-sync "c$1-sync"
	lab_ip "c$1" address add "10.20.1.$((10 + $1))/24" dev sync
}

lab_node() {
	lab_namespace "n$1"
	lab_link "n$1" eth0 sw-mgmt "n$1"
	lab_ip "n$1" address add "10.20.0.$((100 + $1))/24" dev eth0
	lab_ip "n$1" route add default via $MGMT_VIP
}

lab_host() {
	lab_namespace "h$1"
	lab_link "h$1" eth0 sw-ex "h$1"
	lab_ip "h$1" address add "198.18.0.$((255 - $1))/24" dev eth0
}

# The usual one: N controllers, a node, a public host that answers.
lab_standard() {
	local i
	lab_up
	for i in $(seq "$1"); do lab_controller "$i"; done
	lab_node 1
	lab_host 1
	traffic echo h1 echo-server --listen $HOST:7
}

# IPv6 beside IPv4, before the daemons start: the node and the host get addresses, the router VIPs.
lab_ipv6() {
	lab_ip n1 address add 2001:db8:1::101/64 dev eth0 nodad
	lab_ip n1 -6 route add default via $MGMT_VIP6
	lab_ip h1 address add $HOST6/64 dev eth0 nodad
	IPV6=1
	traffic echo6 h1 echo-server --listen "[$HOST6]:7"
}

lab_cut() { lab_ip fabric link set "$1" down; }
lab_mend() { lab_ip fabric link set "$1" up; }

# lab_loss LINK PERCENT [MATCH]: both ways on that link, e.g. lab_loss c2-mgmt 10 "udp dport 3781".
# 0 ends it.
lab_loss() {
	local port=$1 match=${3:-} chance="numgen random mod 100 < $2"
	[ "$2" -lt 100 ] || chance= # nft takes a comparison that is always true for a mistake
	lab_in fabric nft -f - <<-END || skip "no nftables bridge family with numgen here"
		table bridge loss-$port
		delete table bridge loss-$port
		table bridge loss-$port {
			chain forward {
				type filter hook forward priority 0
				iifname "$port" $match $chance counter drop
				oifname "$port" $match $chance counter drop
			}
		}
	END
}
# How many packets that took so far.
lab_lost() {
	lab_in fabric nft list table bridge "loss-$1" |
		awk '{ for (i = 1; i < NF; i++) if ($i == "packets") n += $(i + 1) } END { print n + 0 }'
}
# How many packets the machine was too slow to take from one interface to the next, so far: what a
# test may not hold against the daemon.
lab_dropped() {
	local d n=0
	while read -r _ d _; do n=$((n + 16#$d)); done </proc/net/softnet_stat
	echo $n
}

# ---- the daemon -------------------------------------------------------------------------------

# Settings of lab_config; a test changes them before it starts a controller.
ADVERT=100 ELECTION=vrrp PREEMPT=false SYNC_INTERFACE="\"br-mgmt\"" ROUTER_EXTRA= SYNC_EXTRA=
SYNC_TO='group     = "239.255.77.1"'
SYNC_KEY=yes # empty: no key-file
ELECTION_EXTRA= NAT_MODE=snat NAT_EXTRA=
# What legs are attached to, and more options of theirs.
MGMT_ATTACH=bridge:br-mgmt MGMT_EXTRA= PUBLIC_ATTACH=bridge:br-ex PUBLIC_EXTRA=
# Set by lab_ipv6; IPV6=only leaves out IPv4. MGMT_LINK_LOCAL is one more management VIP.
IPV6= MGMT_LINK_LOCAL=

lab_key() {
	[ ! -s "$LAB_DIR/sync.key" ] || return 0
	"$LAB_BUILD/daemon/vrouterctl" keygen >"$LAB_DIR/sync.key" || fail "vrouterctl keygen"
	chmod 600 "$LAB_DIR/sync.key"
}

lab_config() {
	local i=$1 dir=$LAB_DIR/c$1 election="mode = \"$ELECTION\""
	local mgmt="\"$MGMT_VIP/24\"" public="\"$PUBLIC_VIP/24\"" gateway="\"$HOST\""
	[ -z "$IPV6" ] || mgmt+=", \"$MGMT_VIP6/64\"" public+=", \"$PUBLIC_VIP6/64\"" gateway+=", \"$HOST6\""
	[ "$IPV6" != only ] || mgmt="\"$MGMT_VIP6/64\"" public="\"$PUBLIC_VIP6/64\"" gateway="\"$HOST6\""
	[ -z "$MGMT_LINK_LOCAL" ] || mgmt+=", \"$MGMT_LINK_LOCAL/64\""
	[[ $mgmt != *,* ]] || mgmt="{ $mgmt }"
	[[ $public != *,* ]] || public="{ $public }" gateway="{ $gateway }"
	local key="key-file  = \"$LAB_DIR/sync.key\""
	mkdir -p "$dir"
	lab_key
	[ "$ELECTION" != vrrp ] || election+="  interface = \"br-mgmt\"  vrid = 51
		    priority = $((160 - 10 * i))  advert-interval = $ADVERT  preempt = $PREEMPT"
	cat >"$dir/vrouterd.conf" <<-END
		controller "controller-$i" {
		  run-dir        = "$dir"
		  control-socket = "$dir/control.sock"
		}
		sync {
		  interface = { $SYNC_INTERFACE }
		  $SYNC_TO
		  ${SYNC_KEY:+$key}
		  $SYNC_EXTRA
		}
		router "vrouter" {
		  namespace  = "$LAB-c$i-vr"
		  management { attach = "$MGMT_ATTACH"  interface = "vr-mgmt"  vip = $mgmt
		               $MGMT_EXTRA }
		  public     { attach = "$PUBLIC_ATTACH"    interface = "vr-ex"    vip = $public
		               gateway = $gateway  $PUBLIC_EXTRA }
		  nat        { mode = "$NAT_MODE"  random = true  $NAT_EXTRA }
		  election   { $election $ELECTION_EXTRA }
		  $ROUTER_EXTRA
		}
	END
}

# lab_run N [COMMAND PREFIX...]: starts the daemon of controller N with the config that is there.
lab_run() {
	local i=$1
	shift
	lab_exec "c$i" "$@" "$LAB_BUILD/daemon/vrouterd" --config "$LAB_DIR/c$i/vrouterd.conf" --foreground \
		>>"$LAB_DIR/c$i.log" 2>&1 &
	LAB_DAEMON[$i]=$!
	LAB_PIDS+=($!)
}
lab_start() {
	local i
	for i in "$@"; do
		lab_config "$i"
		lab_run "$i"
	done
	for i in "$@"; do wait_for "controller $i answers" 10 answers "$i"; done
}

ctl() {
	local i=$1
	shift
	timeout 20 "$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c$i/control.sock" "$@"
}
# jq is asked hundreds of times by every test: Debian's takes 40 ms of a CPU to start, gojq 4 ms.
# It says all at once: gojq writes each value by itself, and `grep -q` would end the pipe, and it with an error, before.
jq() {
	local said rc
	said=$(gojq "$@")
	rc=$?
	[ -z "$said" ] || printf '%s\n' "$said"
	return $rc
}
answers() { ctl "$1" --json status >/dev/null 2>&1; }
# status N FILTER: of the router's status, e.g. status 1 .fault
status() { asks "$1" && jq -r ".routers[0] | $2" <<<"$STATUS" 2>/dev/null; }
# The same without jq, for what is asked all the time: one process instead of five. asks N: all that it says.
asks() { STATUS=$("$LAB_BUILD/daemon/vrouterctl" --socket "$LAB_DIR/c$1/control.sock" --json status 2>/dev/null); }
# router_is KEY WORD: in that, of its first router.
router_is() { [[ ${STATUS%%$'\n    }'*} == *$'\n      "'"$1\": \"$2\""* ]]; }
is_active() { asks "$1" && router_is role ACTIVE; }
is_ready() { asks "$1" && router_is role STANDBY && router_is sync ready; }
is_faulty() { asks "$1" && router_is role FAULT; }
has_alarm() { status "$1" '.alarms[]' | grep "^$2" >/dev/null; }
# The number of the controller that is ACTIVE; fails when there is none or more than one.
the_active() {
	local i found=
	for i in "${!LAB_DAEMON[@]}"; do
		is_active "$i" || continue
		[ -z "$found" ] || return 1
		found=$i
	done
	[ -n "$found" ] && echo "$found"
}
# One ACTIVE and all others ready: what every test starts from. A freeze of the machine may move the
# role at any time, so tests ask who has it.
settled() {
	local i active=0
	for i in "${!LAB_DAEMON[@]}"; do
		if is_active "$i"; then active=$((active + 1)); else is_ready "$i" || return 1; fi
	done
	[ $active = 1 ]
}

# SIGTERM and wait for its end.
lab_stop() {
	kill -TERM "${LAB_DAEMON[$1]}" 2>/dev/null
	wait "${LAB_DAEMON[$1]}"
	local rc=$?
	unset "LAB_DAEMON[$1]"
	return $rc
}

# The controller dies: all its links and every process in its namespaces, at the same moment.
lab_crash() {
	local c=c$1 ns pids=
	for ns in "$LAB-$c" $(lab_namespaces "$LAB-$c-"); do
		pids+=" $(ip netns pids "$ns" | tr '\n' ' ')"
	done
	LAB_CRASHED=$((${EPOCHREALTIME/./} / 1000)) # ms
	ip -n "$LAB-fabric" -batch - <<-END
		link set $c-mgmt down
		link set $c-ex down
	END
	# shellcheck disable=SC2086 # a list of numbers
	kill -KILL $pids
	[ -z "${LAB_DAEMON[$1]:-}" ] || { wait "${LAB_DAEMON[$1]}"; } 2>/dev/null
	! lab_ip fabric link show "$c-sync" >/dev/null 2>&1 || lab_cut "$c-sync"
	unset "LAB_DAEMON[$1]"
}
# And comes back as after a reboot: its router's namespace is gone, its links are up. A bridge port
# forwards up to a second after its carrier came; a daemon that starts earlier hears nobody.
lab_revive() {
	local ns
	for ns in $(lab_namespaces "$LAB-c$1-"); do ip netns del "$ns"; done
	lab_mend "c$1-mgmt"
	lab_mend "c$1-ex"
	! lab_ip fabric link show "c$1-sync" >/dev/null 2>&1 || lab_mend "c$1-sync"
	wait_for "the links of controller $1" 10 lab_forwards "$1"
}
lab_forwards() {
	local leg
	for leg in mgmt ex; do
		bridge -n "$LAB-fabric" link show dev "c$1-$leg" | grep -q 'state forwarding' &&
			bridge -n "$LAB-c$1" link show dev "up-$leg" | grep -q 'state forwarding' || return 1
	done
}

has_vip() { lab_ip "c$1-vr" -4 -o address show dev vr-mgmt 2>/dev/null | grep -qF " $MGMT_VIP/"; }

# ---- traffic ----------------------------------------------------------------------------------

# traffic NAME NAMESPACE COMMAND...: starts vr-traffic; its first line (flows are open) is waited for,
# except that of a probe, which speaks only when asked.
traffic() {
	local name=$1 ns=$2 fifo=$LAB_DIR/$1
	shift 2
	mkfifo "$fifo.in" "$fifo.out"
	exec {LAB_IN[$name]}<>"$fifo.in" {LAB_OUT[$name]}<>"$fifo.out"
	lab_exec "$ns" "$TRAFFIC" "$@" <"$fifo.in" >"$fifo.out" 2>"$fifo.log" &
	LAB_PID[$name]=$!
	LAB_PIDS+=($!)
	disown $!
	REPLY='{}'
	[ "$1" = probe ] || read -r -t 90 -u "${LAB_OUT[$name]}" REPLY || fail "$name did not start"
	[ "$(field failed)" = 0 ] || [ -z "$(field failed)" ] || fail "$name: $REPLY"
}
# ask NAME COMMAND: the answer is in REPLY.
ask() {
	echo "$2" >&"${LAB_IN[$1]}"
	read -r -t 90 -u "${LAB_OUT[$1]}" REPLY || fail "$1 does not answer"
}
# field KEY: of the flat JSON in REPLY.
field() { [[ $REPLY =~ \"$1\":\ *\"?([^,\"}]*) ]] && echo "${BASH_REMATCH[1]}"; }
traffic_end() {
	kill -KILL "${LAB_PID[$1]}" 2>/dev/null
	exec {LAB_IN[$1]}>&- {LAB_OUT[$1]}>&-
	rm -f "$LAB_DIR/$1.in" "$LAB_DIR/$1.out"
}

# all_alive NAME...: every flow of these answers, under the translation it always had.
all_alive() {
	local name
	for name in "$@"; do
		ask "$name" check
		note "$name: $REPLY"
		[ "$(field alive)" = "$(field count)" ] || fail "flows of $name were lost: $REPLY"
	done
}

# The router's translated flows on controller N, in an order that compares.
table() { lab_in "c$1-vr" "$TRAFFIC" table | LC_ALL=C sort; }
count() { lab_in "c$1-vr" cat /proc/sys/net/netfilter/nf_conntrack_count; }
# Do two controllers hold the same flows? Changes of state under way need a moment: poll it.
same_table() { cmp -s <(table "$1") <(table "$2"); }

# watch_resets NAME NAMESPACE INTERFACE [FILTER]; resets NAME: how many so far.
watch_resets() {
	: >"$LAB_DIR/$1.log"
	lab_exec "$2" tcpdump -i "$3" -n --immediate-mode -l "tcp[tcpflags] & tcp-rst != 0 ${4:-}" \
		>"$LAB_DIR/$1.resets" 2>"$LAB_DIR/$1.log" &
	LAB_PIDS+=($!)
	LAB_PID[$1]=$!
	disown $!
	wait_for "tcpdump listens" 10 grep -q 'listening on' "$LAB_DIR/$1.log"
}
resets() { wc -l <"$LAB_DIR/$1.resets"; }
