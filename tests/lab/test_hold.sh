#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hold-new: what is answered is replicated at once, what is not waits; what ends meanwhile is never
# sent; a planned switchover takes along what waits.
. "$(dirname "$0")/lib.sh"

SYNC_EXTRA='hold-new = 4000'
counter() { ctl "$1" --json stats | jq ".routers[0].replication.$2"; }
# Datagrams to a port where nobody is: entries without an answer.
unanswered() { # PORT COUNT
	local i
	lab_in h1 nft -f - <<-END
		table inet quiet {
			chain in { type filter hook input priority 0; udp dport $1 drop; }
		}
	END
	for i in $(seq "$2"); do lab_in n1 bash -c "echo x >/dev/udp/$HOST/$1"; done
}
entries() { table "$1" | awk -v p="$2" '$1 == 17 && $0 ~ (" " p " ")' | wc -l; }
has_entries() { [ "$(entries "$1" "$2")" = "$3" ]; }

lab_standard 2
lab_start 1 2
wait_for "one ACTIVE, one ready" 30 settled
old=$(the_active) || fail "nobody is ACTIVE"
new=$((3 - old))

traffic udp n1 udp-flows --target $HOST:7 --count 50
traffic tcp n1 tcp-flows --target $HOST:7 --count 50
wait_for "answered flows on the replica, at once" 2 same_table "$old" $new

# Where the machine stands still the time for which they are held is over before anybody looks: once more then.
for port in 9999 9996 9995 9994; do
	began=${EPOCHREALTIME/./}
	unanswered $port 20
	has_entries "$old" $port 20 || fail "$(entries "$old" $port) of 20 entries at the source"
	sleep 1
	sent=$(entries $new $port)
	[ $((${EPOCHREALTIME/./} - began)) -ge 3500000 ] || break
done
[ "$sent" = 0 ] || fail "$sent entries were sent at once"
wait_for "unanswered flows on the replica" 6 has_entries $new $port 20
wait_for "equal tables" 5 same_table "$old" $new

put=$(counter "$old" tx_put) ended=$(counter "$old" hold_ended)
unanswered 9998 20
lab_in "c$old-vr" "$TRAFFIC" flush
note "never sent: $(($(counter "$old" hold_ended) - ended)), PUTs meanwhile: $(($(counter "$old" tx_put) - put))"
[ "$(counter "$old" hold_ended)" -ge $((ended + 20)) ] || fail "flows that ended were sent"
has_entries $new 9998 0 || fail "flows that ended are on the replica"

unanswered 9997 20
ctl "$old" demote vrouter >/dev/null || fail "vrouterctl demote: exit $?"
wait_for "controller $new ACTIVE" 10 is_active $new
has_entries $new 9997 20 || fail "only $(entries $new 9997) of 20 came along"
note "passed"
