/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readable form of what the daemon says. */
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "vrouter/jbuf.h"

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "-";
}

static long long number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

void cli_print_json(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

void cli_print_text(const char *json, size_t len)
{
	struct jbuf b = {.len = 0};

	jbuf_indented(&b, json, len);
	fwrite(b.text, 1, b.len, stdout);
	putchar('\n');
	jbuf_free(&b);
}

/* ---- status -----------------------------------------------------------------------------------
 */

static void print_ago(const char *since)
{
	struct tm tm = {0};

	if (!strptime(since, "%Y-%m-%dT%H:%M:%S", &tm))
		return;

	long long s = (long long)time(NULL) - (long long)timegm(&tm);

	if (s < 120)
		printf(", %lld s ago", s < 0 ? 0 : s);
	else if (s < 7200)
		printf(", %lld min ago", s / 60);
	else
		printf(", %lld h ago", s / 3600);
}

static void print_sync(const json_t *r)
{
	const char *sync = text(r, "sync");

	printf("  replication  %s", sync);
	if (strcmp(sync, "syncing") == 0)
		printf(" %lld %%", number(r, "sync_percent"));
	if (json_is_string(json_object_get(r, "source")) && strcmp(sync, "source") != 0)
		printf(", source %s", text(r, "source"));
	if (number(r, "lag_ms"))
		printf(", %lld ms behind", number(r, "lag_ms"));
	printf(", %lld peer%s\n", number(r, "peers"), number(r, "peers") == 1 ? "" : "s");
	if (json_is_integer(json_object_get(r, "flows")))
		printf("  flows        %lld of at most %lld\n", number(r, "flows"),
		       number(r, "flows_max"));
}

static void print_election(const json_t *e)
{
	const json_t *peer;
	size_t i;

	printf("  election     %s", text(e, "mode"));
	if (json_object_get(e, "vrid"))
		printf(" %lld, priority %lld, every %lld ms%s", number(e, "vrid"),
		       number(e, "priority"), number(e, "advert_interval_ms"),
		       json_is_true(json_object_get(e, "preempt")) ? ", preempts" : "");
	if (json_is_string(json_object_get(e, "group")))
		printf(", of group %s (%lld router%s)", text(e, "group"),
		       number(e, "group_routers"), number(e, "group_routers") == 1 ? "" : "s");
	if (number(e, "effective_priority") != number(e, "priority"))
		printf(", %lld by what is tracked", number(e, "effective_priority"));
	if (number(e, "preempt_delay_left_ms"))
		printf(", not for %lld s (preempt-delay)",
		       (number(e, "preempt_delay_left_ms") + 999) / 1000);
	if (json_is_string(json_object_get(e, "address")))
		printf(", as %s on %s", text(e, "address"), text(e, "interface"));
	json_array_foreach(json_object_get(e, "peers"), i, peer)
		printf("%s %s", i ? "," : " to", json_string_value(peer));
	if (json_is_true(json_object_get(e, "blind")))
		printf(", bids 1 until a replica follows");
	if (number(e, "fast_detect"))
		printf(", fast after %lld of %lld ms (heartbeats: %s)", number(e, "fast_detect"),
		       number(e, "fast_interval_ms"), text(e, "heartbeats"));
	if (json_object_get(e, "heard_from"))
		printf("; heard %s (priority %lld) %lld ms ago", text(e, "heard_from"),
		       number(e, "heard_priority"), number(e, "heard_ms_ago"));
	putchar('\n');
}

/* "track        up-ex: FAILING (weight -30: ...), carrier of eth1: interface eth1 has no carrier"
 */
static void print_track(const json_t *t)
{
	const char *state = text(t, "state"), *effect = text(t, "effect");
	bool failing = strcmp(state, "failing") == 0;

	printf("  track        %s: %s (", text(t, "name"), failing ? "FAILING" : state);
	if (strcmp(effect, "fault") == 0)
		printf("fault");
	else
		printf("weight %+lld%s", number(t, "weight"),
		       strcmp(effect, "none") == 0 ? ", only shown: no VRRP here" : "");
	printf("), %s %s", text(t, "kind"), text(t, "what"));
	if (failing)
		printf(": %s", text(t, "reason"));
	if (number(t, "held_ms"))
		printf("; held for %lld s", number(t, "held_ms") / 1000 + 1);
	else if (json_is_false(json_object_get(t, "judged")))
		printf("; only an ACTIVE can tell");
	putchar('\n');
}

/* " WHAT a, b", where there is something to list */
static void print_list(const char *what, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) printf("%s%s", i ? ", " : what, json_string_value(one));
}

static void print_nat(const json_t *n)
{
	const json_t *f, *mss = json_object_get(n, "mss_clamp");
	size_t i;

	printf("  NAT          %s", text(n, "mode"));
	print_list(" to ", json_object_get(n, "addresses"));
	if (json_is_string(json_object_get(n, "port_range")))
		printf(" ports %s", text(n, "port_range"));
	printf("%s%s; unsolicited: %s",
	       json_is_true(json_object_get(n, "random")) ? ", random" : "",
	       json_is_true(json_object_get(n, "persistent")) ? ", persistent" : "",
	       text(n, "unsolicited"));
	print_list("; for ", json_object_get(n, "sources"));
	if (number(n, "new_flow_limit"))
		printf("; at most %lld new flows/s of a source, %lld at once",
		       number(n, "new_flow_limit"), number(n, "new_flow_burst"));
	if (json_is_integer(mss))
		printf("; MSS at most %lld", number(n, "mss_clamp"));
	else if (json_is_string(mss))
		printf("; MSS as the path allows");
	if (json_is_string(json_object_get(n, "nft_file")))
		printf("; and %s", text(n, "nft_file"));
	putchar('\n');
	json_array_foreach(json_object_get(n, "forwards"), i, f)
	{
		printf("  forward      %s: ", text(f, "name"));
		print_list("", json_object_get(f, "protocols"));
		printf(" %s port %s to %s port %s", text(f, "address"), text(f, "port"),
		       text(f, "to"), text(f, "to_port"));
		print_list(" for ", json_object_get(f, "from"));
		putchar('\n');
	}
}

/* "ntp          up (chronyd, pid 4711), stratum 3" */
static void print_service(const json_t *s)
{
	const char *state = text(s, "state");
	bool down = strcmp(state, "waiting") == 0;

	printf("  %-12s %s (%s", text(s, "name"), down ? "DOWN" : state, text(s, "program"));
	if (number(s, "pid"))
		printf(", pid %lld", number(s, "pid"));
	printf(")");
	if (down)
		printf(": %s", text(s, "reason"));
	else if (number(s, "starts") > 1)
		printf(", started %lld times", number(s, "starts"));
	if (number(s, "stratum"))
		printf(", stratum %lld%s", number(s, "stratum"),
		       json_is_true(json_object_get(s, "synchronised")) ? "" : ", its own clock");
	putchar('\n');
}

/* "conntrackd   up (pid 4711); conntrackd -t (shorten-timers): exit status 1" */
static void print_engine(const json_t *c)
{
	if (!json_is_object(c))
		return;
	printf("  conntrackd   %s", text(c, "state"));
	if (number(c, "pid"))
		printf(" (pid %lld)", number(c, "pid"));
	if (json_is_string(json_object_get(c, "failure")))
		printf("; failed last: %s", text(c, "failure"));
	else if (strcmp(text(c, "state"), "up") != 0 && *text(c, "reason"))
		printf(": %s", text(c, "reason"));
	if (number(c, "left_out"))
		printf("; %lld flows could not be committed", number(c, "left_out"));
	putchar('\n');
}

/* "chosen       agreed" */
static void print_vip_choice(const json_t *c)
{
	if (!json_is_object(c))
		return;
	printf("  chosen       %s", text(c, "state"));
	if (json_is_string(json_object_get(c, "reason")))
		printf(": %s", text(c, "reason"));
	putchar('\n');
}

static void print_router(const json_t *r)
{
	const json_t *alarm, *n, *service, *track, *vip;
	size_t i;

	printf("\n%s: %s since %s", text(r, "router"), text(r, "role"), text(r, "since"));
	print_ago(text(r, "since"));
	printf("\n");
	json_array_foreach(json_object_get(r, "alarms"), i, alarm)
		printf("  ALARM        %s\n", json_string_value(alarm));
	if (json_is_string(json_object_get(r, "fault")))
		printf("  FAULT        %s\n", text(r, "fault"));
	else
		printf("  reason       %s\n", text(r, "reason"));
	if (json_is_string(json_object_get(r, "left_alone")))
		printf("  left alone   %s: in its namespace, and none of vrouterd's\n",
		       text(r, "left_alone"));
	if (json_is_true(json_object_get(r, "demoted_by_hand")))
		printf("  held         demoted by hand: does not preempt\n");
	printf("  VIPs         ");
	json_array_foreach(json_object_get(r, "vips"), i, vip)
		printf("%s%s", i ? ", " : "", json_string_value(vip));
	printf(" (namespace %s)\n", text(r, "namespace"));
	if (strcmp(text(r, "role"), "STOPPED") == 0)
		return;
	print_vip_choice(json_object_get(r, "vip_choice"));
	if (json_is_object(json_object_get(r, "nat")))
		print_nat(json_object_get(r, "nat"));
	print_election(json_object_get(r, "election"));
	json_array_foreach(json_object_get(r, "tracks"), i, track) print_track(track);
	json_array_foreach(json_object_get(r, "services"), i, service) print_service(service);
	print_sync(r);
	print_engine(json_object_get(r, "conntrackd"));
	n = json_object_get(r, "neighbours");
	if (json_is_object(n))
		printf("  neighbours   %lld known, %lld installed by the last promotion\n",
		       number(n, "known"), number(n, "installed"));
	printf("  term         %lld\n", number(r, "term"));
}

static void print_daemon(const json_t *data)
{
	printf("controller %s, vrouterd %s, pid %lld\n", text(data, "controller"),
	       text(data, "version"), number(data, "pid"));
}

void cli_print_status(const json_t *data)
{
	const json_t *r;
	size_t i;

	print_daemon(data);
	json_array_foreach(json_object_get(data, "routers"), i, r) print_router(r);
}

/* "r1               ACTIVE   2026-11-28T14:45:49.123Z source         1      12034" */
static void print_line(const json_t *r)
{
	const json_t *alarm;
	size_t i;

	printf("%-24s %-8s %-24s %-12s", text(r, "router"), text(r, "role"), text(r, "since"),
	       text(r, "sync"));
	if (json_is_integer(json_object_get(r, "peers")))
		printf(" %5lld", number(r, "peers"));
	if (json_is_integer(json_object_get(r, "flows")))
		printf(" %10lld", number(r, "flows"));
	putchar('\n');
	if (json_is_string(json_object_get(r, "fault")))
		printf("  FAULT        %s\n", text(r, "fault"));
	json_array_foreach(json_object_get(r, "alarms"), i, alarm)
		printf("  ALARM        %s\n", json_string_value(alarm));
}

void cli_print_list(const json_t *data)
{
	const json_t *r;
	size_t i;

	print_daemon(data);
	printf("%-24s %-8s %-24s %-12s %5s %10s\n", "ROUTER", "ROLE", "SINCE", "REPLICATION",
	       "PEERS", "FLOWS");
	json_array_foreach(json_object_get(data, "routers"), i, r) print_line(r);
}

/* ---- peers ------------------------------------------------------------------------------------
 */

/* What it holds, and what the last repair of it cost. */
static void print_progress(const char *who, const json_t *p)
{
	const json_t *c = json_object_get(p, "last_repair");

	if (!json_object_get(p, "flows"))
		return;
	printf("  %s%lld %% complete, %lld ms behind, %lld flows of at most %lld", who,
	       number(p, "percent"), number(p, "lag_ms"), number(p, "flows"),
	       number(p, "flows_max"));
	if (json_is_object(c))
		printf("; last repair %lld s ago (%s): %lld ms, %lld listed, %lld deleted, %.1f kB",
		       number(c, "ago_ms") / 1000, text(c, "why"), number(c, "took_ms"),
		       number(c, "listed"), number(c, "deleted"),
		       (double)number(c, "bytes") / 1000);
	if (json_object_get(p, "heartbeats"))
		printf("; heartbeats: %s", text(p, "heartbeats"));
	putchar('\n');
}

void cli_print_peers(const json_t *data)
{
	const json_t *r, *p;
	size_t i, k;

	printf("%-16s %-20s %-8s %6s %12s %8s %s\n", "ROUTER", "PEER", "PHASE", "TERM", "APPLIED",
	       "BEHIND", "HEARD");
	json_array_foreach(data, i, r)
	{
		json_array_foreach(json_object_get(r, "peers"), k, p)
		{
			const char *problem = json_string_value(json_object_get(p, "problem"));
			const char *name = *text(p, "name") ? text(p, "name") : text(p, "id");

			printf("%-16s %-20s %-8s %6lld %12lld %8lld %lld ms ago%s%s%s\n",
			       text(r, "router"), name, text(p, "phase"), number(p, "term"),
			       number(p, "acked"), number(p, "behind"), number(p, "heard_ms_ago"),
			       json_is_true(json_object_get(p, "lost")) ? " LOST" : "",
			       problem ? " PROBLEM: " : "", problem ? problem : "");
			print_progress("", p);
		}
		if (!json_array_size(json_object_get(r, "peers")))
			printf("%-16s nobody is heard\n", text(r, "router"));
		print_progress("here: ", json_object_get(r, "self"));
	}
}

/* ---- stats ------------------------------------------------------------------------------------
 */

static void print_counters(const char *prefix, const json_t *j)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)j, key, v)
	{
		char name[160];

		snprintf(name, sizeof(name), "%s.%s", prefix, key);
		if (json_is_object(v))
			print_counters(name, v);
		else if (json_is_integer(v))
			printf("%-56s %lld\n", name, (long long)json_integer_value(v));
		else if (json_is_boolean(v))
			printf("%-56s %s\n", name, json_is_true(v) ? "yes" : "no");
	}
}

void cli_print_stats(const json_t *data)
{
	const json_t *r;
	size_t i;

	print_counters("control", json_object_get(data, "control"));
	print_counters("replication_process", json_object_get(data, "replication_process"));
	print_counters("guard", json_object_get(data, "guard"));
	print_counters("procwatch", json_object_get(data, "procwatch"));
	json_array_foreach(json_object_get(data, "routers"), i, r)
		print_counters(text(r, "router"), r);
}

/* ---- events -----------------------------------------------------------------------------------
 */

void cli_print_event(const json_t *e)
{
	printf("%s %-8s %s: %s", text(e, "time"), text(e, "type"),
	       json_is_string(json_object_get(e, "router")) ? text(e, "router") : "vrouterd",
	       text(e, "text"));
	if (*text(e, "reason"))
		printf(": %s", text(e, "reason"));
	if (strcmp(text(e, "type"), "role") == 0)
		printf(" (term %lld)", number(e, "term"));
	printf("\n");
	fflush(stdout);
}
