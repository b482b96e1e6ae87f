# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Controllers of the lab as full cluster nodes: corosync and pacemaker from Debian, which find each other
# on br-mgmt. Source it after lab/lib.sh.
#
# A node is the lab's controller namespace cN plus mount, PID, UTS and IPC namespaces of its own, held by
# one process: its PID 1, which is cluster_boot below. When that is killed, the kernel kills all that runs
# in the node, and mounts and the router's namespace go with it. lab_crash and the lab's clean-up do so.

CLUSTER_OCF=/usr/lib/ocf/resource.d

cluster_needs() {
	local p
	for p in corosync pacemakerd crm_resource crm_attribute crm_mon; do
		command -v $p >/dev/null || skip "$p is not installed"
	done
	[ -e $CLUSTER_OCF/../lib/heartbeat/ocf-shellfuncs ] || skip "resource-agents is not installed"
}

# cluster_files CIB: what all nodes read. The configuration comes with the first start of each, the same
# one, so that nobody has to wait for a vote first.
cluster_files() {
	local dir=$LAB_DIR/cluster
	mkdir -p "$dir/corosync/uidgid.d"
	DESTDIR=$dir/installed cmake --install "$LAB_BUILD" --prefix /usr >/dev/null || fail "cmake --install"
	cp "$1" "$dir/cib.xml"
	printf '127.0.0.1 localhost\n10.20.0.11 node1\n10.20.0.12 node2\n' >"$dir/hosts"
	cat >"$dir/corosync/corosync.conf" <<-END
		totem {
		  version: 2
		  cluster_name: vrouterd-lab
		  transport: knet
		  crypto_cipher: none
		  crypto_hash: none
		  token: 1000
		}
		nodelist {
		  node {
		    name: node1
		    nodeid: 1
		    ring0_addr: 10.20.0.11
		  }
		  node {
		    name: node2
		    nodeid: 2
		    ring0_addr: 10.20.0.12
		  }
		}
		quorum {
		  provider: corosync_votequorum
		  two_node: 1
		}
		system {
		  move_to_root_cgroup: no
		}
		logging {
		  to_syslog: no
		  to_stderr: no
		  to_logfile: yes
		  logfile: /var/log/corosync.log
		  timestamp: hires
		}
	END
}

# The node's PID 1. Whatever daemons write or meet at is private to the node.
cluster_boot() {
	local n=$1 dir=$2 at
	hostname "node$n"
	mkdir -p "$dir/node$n"
	mount --bind "$dir/corosync" /etc/corosync && mount --bind "$dir/hosts" /etc/hosts &&
		mount --bind "$dir/node$n" /var/log || exit 1
	for at in /run /dev/shm /var/lib/pacemaker /var/lib/corosync; do
		mount -t tmpfs -o size=256m,mode=755 "node$n" $at || exit 1
	done
	mount -t overlay overlay -o "lowerdir=$dir/installed/usr/lib/ocf/resource.d:$CLUSTER_OCF" $CLUSTER_OCF || exit 1
	chmod 1777 /dev/shm
	mkdir -p /run/lock /run/netns /run/corosync /run/resource-agents /run/lab
	mount --bind "$dir/../c$n" /run/lab || exit 1
	install -d -o hacluster -g haclient -m 750 /run/crm /var/lib/pacemaker/{cib,cores,pengine,blackbox}
	install -d -o hacluster -g haclient -m 770 /var/log/pacemaker
	install -o hacluster -g haclient -m 600 "$dir/cib.xml" /var/lib/pacemaker/cib/cib.xml
	cd / || exit 1
	corosync -f &
	until corosync-cmapctl -g runtime.votequorum.this_node_id; do
		kill -0 $! || exit 1
		sleep 0.05
	done
	PCMK_logfacility=none PCMK_logfile=/var/log/pacemaker.log pacemakerd -f &
	while :; do wait -n || sleep 1; done # it inherits orphans
}

# cluster_start N: boots it, in the background.
cluster_start() {
	lab_exec "c$1" setsid --wait unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc \
		env -i PATH="$PATH" LC_ALL=C bash -c '. "$0"; cluster_boot "$1" "$2"' "${BASH_SOURCE[0]}" "$1" "$LAB_DIR/cluster" \
		</dev/null >"$LAB_DIR/node$1.log" 2>&1 &
	LAB_DAEMON[$1]=$!
	LAB_PIDS+=($!)
	wait_for "node $1 is born" 10 cluster_find "$1"
}
# Its PID 1 is the process of the namespace that calls itself 1.
cluster_find() {
	local pid
	for pid in $(ip netns pids "$LAB-c$1"); do
		grep -q '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" 2>/dev/null || continue
		CLUSTER_INIT[$1]=$pid
		return 0
	done
	return 1
}
declare -A CLUSTER_INIT=()

# on N COMMAND...: inside of node N.
on() {
	local pid=${CLUSTER_INIT[$1]}
	shift
	timeout 30 nsenter -t "$pid" -m -u -i -n -p -- env -i PATH="$PATH" HOME=/root LC_ALL=C "$@"
}

# The promotion score that node $2 has, as node $1 knows it; nothing if it has none.
score() {
	on "$1" crm_attribute --promotion=vrouter --node "node$2" --query --quiet 2>/dev/null
}
# Pacemaker on node $1 has the router promoted on node $2, and nothing is under way.
promoted_on() {
	on "$1" crm_resource --resource vrouter-clone --locate 2>/dev/null |
		grep -q "node$2 \\(Promoted\\|Master\\)"
}
cluster_logs() {
	local n
	for n in 1 2; do
		grep -hE 'vrouter|error|warning' "$LAB_DIR/cluster/node$n/pacemaker.log" 2>/dev/null | tail -n 25 >"$LAB_DIR/pacemaker$n.log"
		tail -n 15 "$LAB_DIR/cluster/node$n/corosync.log" >"$LAB_DIR/corosync$n.log" 2>/dev/null
	done
}
