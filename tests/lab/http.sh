# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A real download: nginx on a public host, curl on a node. Source it after lib.sh.

# http_serve HOST MEGABYTES MEGABYTES_PER_SECOND: random data, sent evenly; and /seen, the address that asks.
http_serve() {
	local root=$LAB_DIR/www
	mkdir -p "$root"
	chmod 755 "$LAB_DIR" "$root"
	head -c "$2M" /dev/urandom >"$root/file"
	HTTP_SUM=$(sha256sum <"$root/file")
	HTTP_SIZE=$(stat -c %s "$root/file")
	cat >"$LAB_DIR/nginx.conf" <<-END
		worker_processes 1;
		pid $LAB_DIR/nginx.pid;
		error_log $LAB_DIR/nginx.log;
		daemon off;
		events { }
		http {
			access_log off;
			client_body_temp_path $LAB_DIR/www-body;
			proxy_temp_path $LAB_DIR/www-proxy;
			fastcgi_temp_path $LAB_DIR/www-fastcgi;
			uwsgi_temp_path $LAB_DIR/www-uwsgi;
			scgi_temp_path $LAB_DIR/www-scgi;
			sendfile on;
			sendfile_max_chunk 64k;
			server {
				listen $HOST:80;
				root $root;
				limit_rate ${3}m;
				location = /seen { return 200 "\$remote_addr\n"; }
			}
		}
	END
	lab_exec "$1" nginx -c "$LAB_DIR/nginx.conf" -e "$LAB_DIR/nginx.log" >"$LAB_DIR/nginx-out.log" 2>&1 &
	LAB_PIDS+=($!)
	disown $!
	wait_for "nginx serves" 10 lab_in "$1" curl -sfo /dev/null -r 0-9 "http://$HOST/file"
}

# http_download NODE: in the background; http_progress while it runs, http_done waits and judges.
http_download() {
	(
		set -o pipefail
		lab_in "$1" curl -sS --max-time 60 "http://$HOST/file" 2>"$LAB_DIR/curl.log" |
			"$TRAFFIC" meter --size "$HTTP_SIZE" 2>"$LAB_DIR/meter" | sha256sum >"$LAB_DIR/sum"
		echo $? >"$LAB_DIR/http.rc"
	) &
	HTTP_PID=$!
}
# The meter's last word is in REPLY: bytes, percent, stall_ms.
http_progress() { REPLY=$(tail -n 1 "$LAB_DIR/meter" 2>/dev/null); }
http_ended() { [ -s "$LAB_DIR/http.rc" ]; }
http_intact() {
	wait "$HTTP_PID"
	http_progress
	[ "$(cat "$LAB_DIR/http.rc")" = 0 ] && [ "$(cat "$LAB_DIR/sum")" = "$HTTP_SUM" ]
}
