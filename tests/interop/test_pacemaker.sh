#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pacemaker decides who is ACTIVE: two full cluster nodes, the resource agent as it is installed, and a
# download that neither a crash of the promoted node nor a planned move may break.
. "$(dirname "$0")/../lab/lib.sh"
. "$LAB_SOURCE/tests/lab/http.sh"
. "$LAB_SOURCE/tests/interop/cluster.sh"

if command -v shellcheck >/dev/null; then
	shellcheck -e SC1090,SC1091 "$LAB_SOURCE/pacemaker/vrouter" || fail "shellcheck"
fi
cluster_needs
ELECTION=external
lab_standard 2
lab_on_exit() { cluster_logs; }
for i in 1 2; do
	lab_config $i
	# the agent's parameters are the same on every node: cluster_boot has cN as /run/lab
	sed -i -e "s|$LAB_DIR/c$i|/run/lab|" -e 's|namespace .*|namespace = "vrouter"|' "$LAB_DIR/c$i/vrouterd.conf"
done

cat >"$LAB_DIR/cib.xml" <<END
<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">
 <configuration>
  <crm_config><cluster_property_set id="cluster">
   <nvpair id="p1" name="stonith-enabled" value="false"/>
   <nvpair id="p2" name="dc-deadtime" value="2s"/>
  </cluster_property_set></crm_config>
  <nodes/>
  <resources>
   <clone id="vrouter-clone">
    <meta_attributes id="meta">
     <nvpair id="m1" name="promotable" value="true"/>
     <nvpair id="m2" name="notify" value="true"/>
     <nvpair id="m3" name="interleave" value="true"/>
    </meta_attributes>
    <primitive id="vrouter" class="ocf" provider="vrouterd" type="vrouter">
     <instance_attributes id="params">
      <nvpair id="a1" name="router" value="vrouter"/>
      <nvpair id="a2" name="manage_daemon" value="true"/>
      <nvpair id="a3" name="config" value="/run/lab/vrouterd.conf"/>
      <nvpair id="a4" name="socket" value="/run/lab/control.sock"/>
      <nvpair id="a5" name="pidfile" value="/run/lab/vrouterd.pid"/>
      <nvpair id="a6" name="daemon" value="$LAB_BUILD/daemon/vrouterd"/>
      <nvpair id="a7" name="client" value="$LAB_BUILD/daemon/vrouterctl"/>
     </instance_attributes>
     <operations>
      <op id="o1" name="monitor" interval="2s" role="Promoted" timeout="10s"/>
      <op id="o2" name="monitor" interval="1s" role="Unpromoted" timeout="10s"/>
      <op id="o3" name="start" interval="0" timeout="20s"/>
      <op id="o4" name="stop" interval="0" timeout="20s"/>
      <op id="o5" name="promote" interval="0" timeout="30s"/>
      <op id="o6" name="demote" interval="0" timeout="20s"/>
     </operations>
    </primitive>
   </clone>
  </resources>
  <constraints/>
 </configuration>
 <status/>
</cib>
END
cluster_files "$LAB_DIR/cib.xml"
for i in 1 2; do cluster_start $i; done

# Both sides say so: Pacemaker, and the routers themselves.
runs_on() { is_active "$1" && promoted_on "$1" "$1"; } # what is cheap to ask first
somewhere() {
	local i
	for i in "${!LAB_DAEMON[@]}"; do runs_on "$i" && where=$i && return 0; done
	return 1
}
followed() { is_ready "$1" && [ "$(score "$2" "$1")" = 500 ] && [ "$(score "$2" "$2")" = 1000 ]; }

wait_for "a node is promoted" 40 somewhere
on 1 crm_resource --show-metadata ocf:vrouterd:vrouter >"$LAB_DIR/metadata" 2>&1 &&
	grep -q '<action name="promote"' "$LAB_DIR/metadata" || fail "metadata: $(cat "$LAB_DIR/metadata")"
a=$where b=$((3 - where))
wait_for "the other one has a complete replica, and a score that says so" 20 followed "$b" "$a"
note "node$a is promoted (score $(score "$a" "$a")), node$b follows (score $(score "$a" "$b"))"

# ---- a crash in the middle of a download ---------------------------------------------------------
percent_is() { http_progress; [ "$(field percent || echo 0)" -ge "$1" ] || http_ended; }
http_serve h1 60 6
watch_resets public h1 eth0
watch_resets node n1 eth0
traffic tcp n1 tcp-flows --target $HOST:7 --count 200 --interval-us 2000
http_download n1
wait_for "the download runs" 10 percent_is 10
lab_crash "$a"
note "node$a dies at $(field percent) % of the download"
wait_for "Pacemaker promotes node$b" 20 runs_on "$b"
note "node$b is promoted $((${EPOCHREALTIME/./} / 1000 - LAB_CRASHED)) ms after the crash"
since=$(status "$b" .since)
http_ended && fail "the download was over before the takeover: it proves nothing"

# ---- the node returns, is synced, and gets its score only then -----------------------------------
lab_revive "$a"
lab_loss "c$a-mgmt" 100 "udp dport 3781"
cluster_start "$a"
# At first it hears corosync, but no replication: it is a node like any, without the flows.
empty() { [ "$(status "$a" .sync)" = alone ] && [ "$(score "$b" "$a")" = 5 ]; }
wait_for "node$a is back, empty, and its score says so" 20 empty
lab_loss "c$a-mgmt" 0 "udp dport 3781"
wait_for "node$a has caught up" 40 followed "$a" "$b"
wait_for "Pacemaker has node$b promoted" 10 runs_on "$b"
[ "$(status "$b" .since)" = "$since" ] || fail "node$b lost its role when node$a came back: $(ctl "$b" events)"
note "node$a is back, had score 5 while it was empty and has $(score "$b" "$a") now; node$b stays promoted"

# ---- planned moves, flows and perhaps the download still under way -------------------------------
on "$b" crm_resource --resource vrouter-clone --move --promoted --node "node$a" >"$LAB_DIR/move.log" 2>&1 ||
	fail "crm_resource --move: $(cat "$LAB_DIR/move.log")"
wait_for "the router moves to node$a" 20 runs_on "$a"
note "crm_resource --move: node$a is promoted"
on "$b" crm_resource --resource vrouter-clone --clear >/dev/null 2>&1
wait_for "node$b follows" 20 followed "$b" "$a"
on "$b" crm_attribute --node "node$a" --name standby --update on >/dev/null || fail "node standby"
wait_for "node$a is in standby, node$b promoted" 20 runs_on "$b"
wait_for "vrouterd has ended on node$a" 10 not answers "$a"
note "standby of node$a: node$b is promoted"

# ---- vrouterd alone dies: its addresses must not stay ----------------------------------------------
on "$b" crm_attribute --node "node$a" --name standby --delete >/dev/null || fail "node standby"
wait_for "node$a follows" 30 followed "$a" "$b"
on "$b" sh -c 'kill -KILL $(head -n 1 /run/lab/vrouterd.pid)'
wait_for "node$a takes over from the dead vrouterd" 20 runs_on "$a"
wait_for "vrouterd of node$b is started again, and follows" 30 followed "$b" "$a"
! on "$b" ip -n vrouter -4 -o address show scope global | grep -q . || fail "node$b kept addresses"
note "vrouterd of node$b was killed: node$a is promoted, node$b follows again"

wait_for "the download ends" 40 http_ended
http_intact || fail "the download broke: $(cat "$LAB_DIR/curl.log")"
note "download of $HTTP_SIZE bytes intact, $REPLY"
all_alive tcp
[ "$(resets public)/$(resets node)" = 0/0 ] || fail "connections were reset"
note "passed"
