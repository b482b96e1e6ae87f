#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two sync processes between real conntrack tables: see sync_pair.c.
set -eu

[ "$(id -u)" = 0 ] || { echo "needs root: skipped"; exit 77; }
p=sync$$
names="$p-a $p-ra $p-b $p-rb"
cleanup() { for n in $names; do ip netns del "$n" 2>/dev/null || true; done; }
trap cleanup EXIT
trap 'exit 1' INT TERM

for n in $names; do
	ip netns add "$n"
	ip -n "$n" link set lo up
done
for n in "$p-ra" "$p-rb"; do
	# entries that appear while nobody listens must tell of their changes later, too
	ip netns exec "$n" sh -c 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_events'
done
ip -n "$p-a" link add repl type veth peer name repl netns "$p-b"
ip -n "$p-a" addr add 10.99.0.1/24 dev repl
ip -n "$p-b" addr add 10.99.0.2/24 dev repl
ip -n "$p-a" link set repl up
ip -n "$p-b" link set repl up
"${LAB_BUILD:?}/tests/lab/sync_pair" "$p-a" "$p-ra" "$p-b" "$p-rb"
