# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# FTP without FTP: lines to an echo server on port 21, which is both ends of a control connection to the
# kernel's helper. Source it after lib.sh.

# talk NAME NAMESPACE ADDRESS PORT: a connection; say NAME LINE: what the other end answers is in REPLY.
talk() {
	local name=$1
	mkfifo "$LAB_DIR/$name.in" "$LAB_DIR/$name.out"
	exec {LAB_IN[$name]}<>"$LAB_DIR/$name.in" {LAB_OUT[$name]}<>"$LAB_DIR/$name.out"
	# shellcheck disable=SC2016
	lab_exec "$2" bash -c 'exec 3<>"/dev/tcp/$0/$1" || exit 1
		while read -r line; do
			printf "%s\r\n" "$line" >&3
			read -r -t 20 answer <&3 || answer=nothing
			echo "${answer%$'"'\\r'"'}"
		done' "$3" "$4" <"$LAB_DIR/$name.in" >"$LAB_DIR/$name.out" 2>"$LAB_DIR/$name.log" &
	LAB_PIDS+=($!)
	disown $!
}
say() {
	echo "$2" >&"${LAB_IN[$1]}"
	read -r -t 30 -u "${LAB_OUT[$1]}" REPLY || fail "$1 says nothing: $(cat "$LAB_DIR/$1.log")"
}
echoes() { say "$1" "$2" && [ "$REPLY" = "$2" ] || fail "$1: said \"$2\", heard \"$REPLY\""; }
# On controller N; data connections that were not expected are dropped.
use_helper() {
	lab_in "c$1-vr" nft -f - <<-END || skip "no conntrack helpers in this kernel"
		table ip lab {
			ct helper ftp { type "ftp" protocol tcp; }
			chain before {
				type filter hook prerouting priority 0;
				tcp dport 21 ct helper set "ftp"
				tcp dport 21 ct label set 3
			}
			chain through {
				type filter hook forward priority 0;
				tcp dport { 50000, 51210 } ct state new drop # only what was expected
			}
		}
	END
}
