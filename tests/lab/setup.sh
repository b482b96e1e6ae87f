# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What tests/demo, tests/run and tests/bench need before they start: packages and builds. Source it.

SETUP_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

setup_root() {
	[ "$(id -u)" = 0 ] && return
	echo "$0 makes network namespaces and so needs root: sudo $0" >&2
	exit 77
}

# setup_packages SECTION...: of tests/packages.txt. apt runs only when something is missing. Services
# that come with a package (nginx for one) are neither started nor enabled: the lab runs its own.
setup_packages() {
	local section p policy=/usr/sbin/policy-rc.d
	local -a missing=()
	for section in "$@"; do
		for p in $(sed -n "/^\[$section\]/,/^\[/ { /^[^#[]/p }" "$SETUP_TOP/tests/packages.txt"); do
			[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
		done
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing: ${missing[*]}"
	[ -e $policy ] && policy= || printf '#!/bin/sh\nexit 101\n' >$policy
	[ -z "$policy" ] || chmod 755 $policy
	(
		export DEBIAN_FRONTEND=noninteractive
		apt-get -q update && apt-get -qy install --no-install-recommends "${missing[@]}"
	) >"${TMPDIR:-/tmp}/vrouterd-apt.$$" 2>&1
	local rc=$?
	[ -z "$policy" ] || rm -f $policy
	[ $rc = 0 ] || cat "${TMPDIR:-/tmp}/vrouterd-apt.$$" >&2
	rm -f "${TMPDIR:-/tmp}/vrouterd-apt.$$"
	# not chrony, which takes the place of what kept the clock before
	for p in nginx keepalived conntrackd corosync pacemaker openvswitch-switch; do
		case " ${missing[*]} " in *" $p"*) systemctl disable "$p" >/dev/null 2>&1 ;; esac
	done
	return $rc
}

# Quiet unless they fail: setup_configure PRESET, setup_build PRESET [TARGET], which configures first.
setup_configure() {
	local log=$SETUP_TOP/build/$1.log
	mkdir -p "$SETUP_TOP/build"
	(cd "$SETUP_TOP" && cmake --preset "$1") >"$log" 2>&1 || setup_failed "to configure $1" "$log"
}
setup_build() {
	local log=$SETUP_TOP/build/$1.log start=$SECONDS
	printf 'building %-11s' "$1"
	setup_configure "$1" || return 1
	(cd "$SETUP_TOP" && cmake --build "build/$1" --target "${2:-all}") >>"$log" 2>&1 || setup_failed "to build $1" "$log" || return 1
	echo " $((SECONDS - start)) s"
}
setup_failed() { # WHAT LOG
	echo " failed: $1"
	tail -n 60 "$2" >&2
	return 1
}
