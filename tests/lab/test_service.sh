#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# As a service: what the service manager is told, what a start in the background says and leaves behind,
# and what `cmake --install` puts where.
. "$(dirname "$0")/lib.sh"

# A service manager's socket; each message becomes a line.
manager() {
	perl -MSocket -e '$| = 1; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die;
		print "listens\n"; while (defined recv($s, my $m, 4096, 0)) { $m =~ tr/\n/ /; print "$m\n" }' \
		"$LAB_DIR/notify" >"$LAB_DIR/told" 2>&1 &
	LAB_PIDS+=($!)
	disown $!
	wait_for "the manager listens" 5 grep -q listens "$LAB_DIR/told"
}
told() { [ "$(grep -c -- "$1" "$LAB_DIR/told")" -ge "$2" ]; }

lab_up
lab_controller 1
lab_config 1
conf=$LAB_DIR/c1/vrouterd.conf

note "told to the service manager"
manager
lab_run 1 env NOTIFY_SOCKET="$LAB_DIR/notify" WATCHDOG_USEC=400000
wait_for "READY" 10 told 'READY=1' 1
answers 1 || fail "ready, and does not answer"
wait_for "the watchdog, again and again" 10 told 'WATCHDOG=1' 3
kill -HUP "${LAB_DAEMON[1]}"
wait_for "RELOADING" 10 told 'RELOADING=1 MONOTONIC_USEC=[0-9]' 1
wait_for "READY after that" 10 told 'READY=1' 2
wait_for "its state in words" 10 told 'STATUS=.*ACTIVE' 1
lab_stop 1 || fail "vrouterd ended with $? after SIGTERM"
told 'STOPPING=1' 1 || fail "it does not say that it stops: $(cat "$LAB_DIR/told")"

note "in the background"
start() { lab_in c1 "$LAB_BUILD/daemon/vrouterd" --config "$conf" >"$LAB_DIR/start" 2>&1; }
sed -i 's/br-mgmt/br-none/' "$conf"
! start || fail "started without an interface for replication"
grep -q 'br-none does not exist' "$LAB_DIR/start" || fail "the error is not shown: $(cat "$LAB_DIR/start")"
lab_config 1
start || fail "did not start: $(cat "$LAB_DIR/start")"
answers 1 || fail "started, and does not answer"
pid=$(cat "$LAB_DIR/c1/vrouterd.pid")
[ "$(readlink "/proc/$pid/exe")" = "$(realpath "$LAB_BUILD/daemon/vrouterd")" ] || fail "pid $pid is not the daemon's"
[ "$(ps -o sid= -p "$pid" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')" ] || fail "still in our session"
kill -TERM "$pid"
gone() { [ ! -e "/proc/$1" ]; }
wait_for "its end" 10 gone "$pid"
[ ! -e "$LAB_DIR/c1/control.sock" ] || fail "the control socket is left"

note "installed"
DESTDIR=$LAB_DIR/root cmake --install "$LAB_BUILD" >"$LAB_DIR/install.log" 2>&1 || fail "cmake --install"
for f in sbin/vrouterd sbin/vrouterctl lib/systemd/system/vrouterd.service vrouterd/vrouterd.conf.example \
	man8/vrouterd.8 man8/vrouterctl.8 man5/vrouterd.conf.5; do
	grep -q "/$f\$" "$LAB_DIR/install.log" || fail "$f is not installed"
done
installed() { find "$LAB_DIR/root" -path "*/$1"; }
"$(installed sbin/vrouterd)" --version >/dev/null || fail "the installed daemon does not start"
"$(installed sbin/vrouterd)" --check-config --config "$(installed vrouterd.conf.example)" || fail "the example is wrong"
at=$(installed sbin/vrouterd)
grep -q "^ExecStart=${at#"$LAB_DIR/root"} " "$(installed vrouterd.service)" || fail "the unit starts another file"
# Every option has its place in the manual page.
for word in $("$at" --help | grep -oE -- '--[a-z-]+' | sort -u | sed 's/^--//'); do
	grep -qF -- "$word" "$(installed man8/vrouterd.8)" || fail "vrouterd.8 does not explain --$word"
done
note "passed"
