/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load on the conntrack table of the namespace we run in, and looks at it: `fill` makes entries
 * without any packet, `drop` deletes them, both at a rate; `have` counts how many are there;
 * `watch` says when a growing table was complete; `limits` measures what the kernel itself can do,
 * without anything of ours in the way. */
#include "entries.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WATCH_STILL_NS	  3000000000ull /* a table that did not grow for so long has ended */
#define EVENT_QUEUE_BYTES (1 << 30)

typedef unsigned batch_fn(struct mnl_socket *nl, const struct options *o, unsigned first,
			  unsigned n, int *why);

static void sleep_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* With --rate in steps of a millisecond; what was missed (the machine stood still) is made up for,
 * so the mean is right. --interval-us is a pause after each batch instead. */
static int paced(const struct options *o, batch_fn *batch)
{
	struct mnl_socket *nl = entries_open();
	unsigned step = o->rate ? o->rate / 1000 : ENTRIES_BATCH, refused = 0, done = 0;
	uint64_t start = now_ns();
	double ms;
	int why = 0;

	step = step < 1 ? 1 : step > ENTRIES_BATCH ? ENTRIES_BATCH : step;
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	while (done < o->count) {
		unsigned n = o->count - done < step ? o->count - done : step;

		if (o->rate)
			sleep_until(start + done * 1000000000ull / o->rate);
		refused += batch(nl, o, o->first + done, n, &why);
		done += n;
		if (o->interval_us)
			sleep_until(now_ns() + o->interval_us * 1000ull);
	}
	ms = (double)(now_ns() - start) / 1e6;
	printf("{\"made\": %u, \"refused\": %u, \"why\": \"%s\", \"ms\": %.0f, \"rate\": %.0f, "
	       "\"cpu_s\": %.2f}\n",
	       done - refused, refused, why ? strerror(why) : "", ms,
	       ms > 0 ? (done - refused) * 1e3 / ms : 0, cpu_s());
	mnl_socket_close(nl);
	return 0;
}

int cmd_fill(const struct options *o)
{
	return paced(o, entries_make);
}

int cmd_drop(const struct options *o)
{
	return paced(o, entries_drop);
}

int cmd_have(const struct options *o)
{
	struct mnl_socket *nl = entries_open();
	unsigned found = 0;

	for (unsigned i = 0; i < o->count; i += ENTRIES_BATCH) {
		unsigned n = o->count - i < ENTRIES_BATCH ? o->count - i : ENTRIES_BATCH;

		found += entries_have(nl, o, o->first + i, n);
	}
	printf("%u\n", found);
	mnl_socket_close(nl);
	return 0;
}

static unsigned table_count(void)
{
	char text[16] = "";
	int fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1)
		die("nf_conntrack_count: %s", strerror(errno));
	close(fd);
	return (unsigned)strtoul(text, NULL, 10);
}

/* Ends when the table holds --count, has stopped growing, or after --deadline. The clock starts
 * when it has left its first hundredth behind, so that what else is in a table does not start it.
 */
int cmd_watch(const struct options *o)
{
	uint64_t begin = now_ns(), first = 0, grown = begin;
	unsigned count = 0, before = 0;
	double from = 0, at = 0;

	while (count < o->count && now_ns() - begin < o->deadline_ms * 1000000ull) {
		count = table_count();
		if (!first && count > o->count / 100) {
			first = now_ns();
			from = wall_s();
			before = count;
			grown = first;
		} else if (first && count > before) {
			before = count;
			grown = now_ns();
			at = wall_s();
		} else if (first && now_ns() - grown > WATCH_STILL_NS) {
			break;
		}
		sleep_until(now_ns() + 2000000u);
	}
	printf("{\"count\": %u, \"from\": %.3f, \"at\": %.3f, \"ms\": %.0f}\n", count, from, at,
	       first ? (double)(grown - first) / 1e6 : 0);
	return 0;
}

/* ---- the kernel's own limits -------------------------------------------------------------- */

/* How many a second; ends the process when one was refused. */
static double many(struct mnl_socket *nl, const struct options *o, batch_fn *batch)
{
	uint64_t start = now_ns();
	unsigned refused = 0;
	int why = 0;

	for (unsigned i = 0; i < o->count; i += ENTRIES_BATCH) {
		unsigned n = o->count - i < ENTRIES_BATCH ? o->count - i : ENTRIES_BATCH;

		refused += batch(nl, o, i, n, &why);
	}
	if (refused)
		die("%u of %u entries: %s", refused, o->count, strerror(why));
	return o->count / ((double)(now_ns() - start) / 1e9);
}

/* Reads messages until `want` came or, for a dump, its end. Returns how many. */
static unsigned read_many(struct mnl_socket *nl, unsigned want)
{
	static char buf[1 << 18];
	unsigned seen = 0;

	while (seen < want) {
		ssize_t got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		int left = (int)got;

		if (got < 0)
			die("netlink: %s", strerror(errno));
		for (struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return seen;
			seen++;
		}
	}
	return seen;
}

static double dump_rate(struct mnl_socket *nl)
{
	char buf[ENTRIES_MESSAGE_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;
	uint64_t start = now_ns();

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_INET;
	g->version = NFNETLINK_V0;
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		die("netlink: %s", strerror(errno));
	return read_many(nl, UINT32_MAX) / ((double)(now_ns() - start) / 1e9);
}

static struct mnl_socket *listener(void)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	int size = EVENT_QUEUE_BYTES;

	if (!nl || mnl_socket_bind(nl, NF_NETLINK_CONNTRACK_NEW, MNL_SOCKET_AUTOPID) ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		die("events: %s", strerror(errno));
	return nl;
}

int cmd_limits(const struct options *o)
{
	struct mnl_socket *nl = entries_open(), *events;
	double insert, dump, drop, heard, reading;
	uint64_t start;

	insert = many(nl, o, entries_make);
	dump = dump_rate(nl);
	drop = many(nl, o, entries_drop);
	events = listener();
	heard = many(nl, o, entries_make);
	start = now_ns();
	reading = read_many(events, o->count) / ((double)(now_ns() - start) / 1e9);
	mnl_socket_close(events);
	(void)!many(nl, o, entries_drop);
	mnl_socket_close(nl);
	printf("{\"insert\": %.0f, \"dump\": %.0f, \"delete\": %.0f, \"insert_heard\": %.0f, "
	       "\"events\": %.0f}\n",
	       insert, dump, drop, heard, reading);
	return 0;
}
