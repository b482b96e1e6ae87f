#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The pure core keeps no mutable file-scope state and calls nothing that touches the world.
# usage: core_purity.sh libvrcore.a
set -eu

state=$(objdump -t "$1" | grep -E ' O \.(data|bss)\b[^.]' || true)
world=$(nm -u "$1" | awk '{ print $2 }' | sort -u | grep -E -x \
	'(socket|bind|connect|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|ioctl|open(at)?(64)?|fopen(64)?|read|write|clock_gettime|gettimeofday|time|nanosleep|usleep|getenv|s?rand(om)?(_r)?|getrandom|fork|execv.*|system|exit|abort|printf|puts|fprintf|syslog|event_.*|evutil_.*|mnl_.*|nl_.*|rtnl_.*|nfct_.*|nft_.*|crypto_.*|sd_.*|json_.*|cfg_.*)' || true)

if [ -n "$state" ]; then
	echo "mutable state in the core:"
	echo "$state"
fi
if [ -n "$world" ]; then
	echo "the core calls:"
	echo "$world"
fi
[ -z "$state$world" ]
