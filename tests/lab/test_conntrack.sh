#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Capture, table and apply against the real kernel, in a network namespace that exists only as long
# as the program does.
set -eu

[ "$(id -u)" = 0 ] || { echo "needs root: skipped"; exit 77; }
# entries that appear while nobody listens must tell of their end later, too
exec unshare --net sh -c 'ip link set lo up
	echo 1 >/proc/sys/net/netfilter/nf_conntrack_events
	exec "$1"' sh "${LAB_BUILD:?}/tests/lab/conntrack_lab"
