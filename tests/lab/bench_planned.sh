# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# Section `planned` of tests/bench: the role moves on request, ten times in a row, under load.

SWITCHES=10
keepalived_of() {
	local pid
	for pid in $(ip netns pids "$LAB-c$1-vr"); do [ "$(<"/proc/$pid/comm")" != keepalived ] || echo "$pid"; done
}
no_keepalived() { [ -z "$(keepalived_of "$1")" ]; }
# As its operator does it: vrouterctl demote; keepalived is stopped, and started again when it is gone.
planned_switch() { # DRIVER OLD
	if is_ours "$1"; then
		ctl "$2" demote vrouter >/dev/null
		return
	fi
	kill -TERM "$(keepalived_of "$2" | head -n 1)"
	wait_for "keepalived ends" 10 no_keepalived "$2"
	wait_for "the other one has the VIP" 10 has_vip $((3 - $2))
	rival_keepalived "$2"
}
# 1,000 connections that talk, as many new ones a second, a probe a millisecond; all begin before the first
# switchover and end after the last, with a second or more for each.
one_planned() { # DRIVER
	local i old end
	bench_standard "$1"
	traffic tcp n1 tcp-flows --target $HOST:7 --count 1000 --interval-us 500
	traffic opens n1 tcp-opens --target $HOST:7 --deadline 4000
	traffic probe n1 probe --target $HOST:7
	sleep 1
	ask tcp check
	ask opens reset
	ask probe reset
	for ((i = 1; i <= SWITCHES; i++)); do
		end=$(($(now_ms) + 1100))
		bench_ready "$1"
		has_vip 1 && old=1 || old=2
		planned_switch "$1" $old
		wait_for "the other one has the VIP" 20 has_vip $((3 - old))
		while [ "$(now_ms)" -lt $end ]; do sleep 0.02; done
	done
	ask opens settle
	put opened "$(field begun)"
	put dead $(($(field failed) + $(field pending)))
	put syn "$(field syn_retrans)"
	ask probe settle
	put sent "$(field sent)"
	put lost "$(field lost)"
	put gap-ms "$(field gap_ms)"
	ask tcp check
	put alive "$(field alive)"
	put stall-ms "$(field talk_ms)"
	put late-ms "$(field late_ms)"
	put retrans "$(field retrans)"
}
runs_planned() {
	local driver
	for driver in $DRIVERS engine; do measure "planned-$driver" planned "$driver"; done
}
report_planned() {
	printf '\n%s planned switchovers in a row, adverts every 100 ms, random SNAT ports\n' $SWITCHES
	printf '%-44s %28s %28s %28s %28s\n' "" vrouterd "conntrackd, cache" "conntrackd, direct" \
		"vrouterd, its engine"
	local row key text d
	for row in "sent:UDP probes sent, one a ms" "lost:  of these lost" "gap-ms:  longest time without an answer, ms" \
		"alive:TCP connections alive, of 1,000" "stall-ms:  longest wait for an echo, ms" \
		"retrans:  segments sent again" "late-ms:  the talkers themselves late, ms" "opened:new connections" \
		"syn:  SYNs sent again" "dead:  not come about, or dead" "steal:CPU stolen, %"; do
		key=${row%%:*} text=${row#*:}
		printf '%-44s' "$text"
		for d in $DRIVERS engine; do printf ' %28s' "$(median "planned-$d.$key")"; done
		printf '\n'
	done
}
