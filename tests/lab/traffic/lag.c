/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lag`: how long from the insertion of a flow into the table of the namespace we run in until it
 * is in that of another one, --replica. Both namespaces are on one machine, so there is one clock.
 * The time starts before the insertion. Looks are ~20 us apart: a busy loop would take one of the
 * few cores away from what is measured. It runs with real-time priority, so that on a busy machine
 * it does not take its own waiting for that of the flow. */
#include "entries.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define LOST_NS	     1000000000ull
#define BETWEEN_NS   10000
#define PROBES_MAX   100000u
#define JITTER_SEED  1u /* the same each time: runs must be comparable */
#define MICROSECONDS 1000.0

/* A netlink socket stays in the namespace where it was opened. */
static struct mnl_socket *open_in(const char *path)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	struct mnl_socket *nl;

	if (here < 0 || there < 0 || setns(there, CLONE_NEWNET))
		die("%s: %s", path, strerror(errno));
	nl = entries_open();
	if (setns(here, CLONE_NEWNET))
		die("cannot come back: %s", strerror(errno));
	close(here);
	close(there);
	return nl;
}

/* 0: lost */
static uint64_t probe_once(struct mnl_socket *source, struct mnl_socket *replica,
			   const struct options *o, unsigned i)
{
	const struct timespec pause = {0, BETWEEN_NS};
	uint64_t start = now_ns(), now;
	int why = 0;

	if (entries_make(source, o, i, 1, &why))
		die("probe %u: %s", i, strerror(why));
	do {
		unsigned there = entries_have(replica, o, i, 1);

		now = now_ns();
		if (there)
			return now - start;
		nanosleep(&pause, NULL);
	} while (now - start < LOST_NS);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int cmd_lag(const struct options *o)
{
	struct mnl_socket *source = entries_open();
	struct mnl_socket *replica = open_in(o->replica ? o->replica : "");
	uint64_t *lag = calloc(o->count ? o->count : 1, sizeof(*lag));
	unsigned n = 0;

	if (!lag || o->count > PROBES_MAX)
		die("at most %u probes", PROBES_MAX);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1}))
		die("no real-time priority: %s", strerror(errno));
	srandom(JITTER_SEED);
	for (unsigned i = 0; i < o->count; i++) {
		uint64_t took = probe_once(source, replica, o, o->first + i);
		/* not in step with the load */
		unsigned us = o->interval_us ? (unsigned)random() % (2 * o->interval_us) : 0;

		if (took)
			lag[n++] = took;
		usleep(us);
	}
	qsort(lag, n, sizeof(*lag), compare);
	printf("{\"probes\": %u, \"lost\": %u", o->count, o->count - n);
	if (n)
		printf(", \"p50_us\": %.0f, \"p99_us\": %.0f, \"max_us\": %.0f",
		       (double)lag[n / 2] / MICROSECONDS,
		       (double)lag[n * 99ull / 100] / MICROSECONDS,
		       (double)lag[n - 1] / MICROSECONDS);
	puts("}");
	free(lag);
	mnl_socket_close(source);
	mnl_socket_close(replica);
	return 0;
}
