/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The controller's side of all host links, as two tables in the network that the daemon runs in.
 * One for all routers: a thousand chains would be a thousand steps for each packet of the
 * controller's.
 *
 * They are written from the event loop, so that many changes make one transaction, and again when
 * somebody else changes or flushes them (a firewall that is loaded anew does). Between that and our
 * repair nothing leaves untranslated: see ruleset_link.c. */
#include "ns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <nftables/libnftables.h>

#define AGAIN_MS     50 /* at least, between somebody else's change and ours */
#define RETRY_S	     1	/* after a failure */
#define MESSAGES_MAX 1024

struct entry {
	char namespace[NET_NAME_MAX];
	struct host_link link;
};

struct host_nat {
	struct entry *entry;
	unsigned n, room;
	struct event *write, *readable;
	int fd;	      /* hears of rules; -1: while there is no link */
	bool written; /* there may be tables of ours */
	bool touched; /* by the transaction whose number is yet to come */
	struct rules_own own;
	char why[NET_REASON_MAX];
	struct event_base *base;
	void (*on_change)(void *ctx, const char *why);
	void *ctx;
};

/* ---- writing ----------------------------------------------------------------------------------
 */

static char *ruleset(const struct host_nat *h)
{
	struct host_link *list = calloc(h->n + 1, sizeof(*list));
	char *text = NULL;
	size_t len;

	for (unsigned i = 0; list && i < h->n; i++)
		list[i] = h->entry[i].link;
	len = list ? host_nat_ruleset(NULL, 0, list, h->n) : 0;
	text = list ? malloc(len + 1) : NULL;
	if (text && host_nat_ruleset(text, len + 1, list, h->n) != len) {
		free(text);
		text = NULL;
	}
	free(list);
	return text;
}

static void say(struct host_nat *h, struct nft_ctx *nft)
{
	const char *text;
	size_t n;

	nft_said(nft_ctx_get_error_buffer(nft), &text, &n);
	snprintf(h->why, sizeof(h->why),
		 "cannot set nftables rules of the controller (tables " HOST_TABLE "): %.*s",
		 n < 80 ? (int)n : 80, text);
}

static bool is_there(struct nft_ctx *nft)
{
	bool found = nft_run_cmd_from_buffer(nft, "list table ip " HOST_TABLE) == 0 ||
		     nft_run_cmd_from_buffer(nft, "list table ip6 " HOST_TABLE) == 0;

	nft_ctx_get_error_buffer(nft); /* that there is none is no error: forget it */
	nft_ctx_get_output_buffer(nft);
	return found;
}

/* In one transaction, both of them. */
static int replace(struct host_nat *h)
{
	struct nft_ctx *nft = nft_open();
	auto_free char *text = ruleset(h);
	uint32_t before = rules_number();
	int err = nft && text ? 0 : -ENOMEM;

	if (err == 0 && (h->n || h->written || is_there(nft))) {
		if (nft_run_cmd_from_buffer(nft, text) != 0) {
			say(h, nft);
			err = -EIO;
		} else {
			rules_note(&h->own, before, rules_number());
			h->written = h->n != 0;
		}
	}
	if (err == -ENOMEM)
		snprintf(h->why, sizeof(h->why), "cannot set nftables rules: out of memory");
	if (nft)
		nft_close(nft);
	return err;
}

static void arm(struct host_nat *h, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	evtimer_add(h->write, &tv);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct host_nat *h = arg;
	bool failed = h->why[0];
	int err;

	(void)fd;
	(void)what;
	h->why[0] = '\0';
	err = replace(h);
	if (err < 0)
		arm(h, RETRY_S * 1000);
	if (err < 0 || failed)
		h->on_change(h->ctx, host_nat_why(h));
}

const char *host_nat_why(const struct host_nat *h)
{
	return h->why[0] ? h->why : NULL;
}

/* ---- others -----------------------------------------------------------------------------------
 */

static bool is_ours(const struct rules_event *e)
{
	return (e->family == NFPROTO_IPV4 || e->family == NFPROTO_IPV6) &&
	       strcmp(e->table, HOST_TABLE) == 0;
}

/* true: somebody else was at our tables. */
static bool take(struct host_nat *h, void *buf, int len)
{
	bool foreign = false;

	for (struct nlmsghdr *nh = buf; nlmsg_ok(nh, len); nh = nlmsg_next(nh, &len)) {
		struct rules_event e;

		if (!rules_event(&e, nh))
			continue;
		if (!e.ends) {
			h->touched = h->touched || is_ours(&e);
			continue;
		}
		foreign = foreign || (h->touched && !rules_is_own(&h->own, e.number));
		h->touched = false;
	}
	return foreign;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[16384];
	struct host_nat *h = arg;
	bool foreign = false;

	(void)what;
	for (int i = 0; i < MESSAGES_MAX; i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* unknown what was lost */
		foreign = n <= 0 || take(h, buf, (int)n) || foreign;
	}
	if (foreign && !evtimer_pending(h->write, NULL))
		arm(h, AGAIN_MS);
}

/* A controller without host links hears nothing of others' rules. */
static int listen_if_needed(struct host_nat *h)
{
	if (h->readable || !h->n)
		return 0;
	h->fd = rules_listen();
	if (h->fd < 0)
		return h->fd;
	h->readable = event_new(h->base, h->fd, EV_READ | EV_PERSIST, on_readable, h);
	return h->readable && event_add(h->readable, NULL) == 0 ? 0 : -ENOMEM;
}

/* ---- what there is to be ----------------------------------------------------------------------
 */

static struct entry *find(struct host_nat *h, const char *namespace)
{
	for (unsigned i = 0; i < h->n; i++)
		if (strcmp(h->entry[i].namespace, namespace) == 0)
			return &h->entry[i];
	return NULL;
}

static struct entry *add(struct host_nat *h, const char *namespace)
{
	struct entry *e;

	if (h->n == h->room) {
		unsigned room = h->room ? h->room * 2 : 4;

		e = realloc(h->entry, room * sizeof(*e));
		if (!e)
			return NULL;
		h->entry = e;
		h->room = room;
	}
	e = &h->entry[h->n++];
	*e = (struct entry){.namespace = ""};
	snprintf(e->namespace, sizeof(e->namespace), "%s", namespace);
	return e;
}

static bool same(const struct host_link *a, const struct host_link *b)
{
	for (unsigned f = 0; f < NET_FAMILIES; f++)
		if (!ip_addr_equal(&a->router[f], &b->router[f]) ||
		    !ip_addr_equal(&a->end[f], &b->end[f]))
			return false;
	return strcmp(a->ifname, b->ifname) == 0;
}

int host_nat_set(struct host_nat *h, const char *namespace, const struct host_link *link)
{
	struct entry *e = find(h, namespace);
	int err;

	if (!link || !link->ifname[0]) {
		if (!e)
			return 0;
		*e = h->entry[--h->n];
		arm(h, 0);
		return 0;
	}
	if (e && same(&e->link, link))
		return 0;
	if (!e)
		e = add(h, namespace);
	if (!e)
		return -ENOMEM;
	e->link = *link;
	err = listen_if_needed(h);
	arm(h, 0);
	return err;
}

int host_nat_new(struct host_nat **out, struct event_base *base,
		 void (*on_change)(void *ctx, const char *why), void *ctx)
{
	struct host_nat *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	*h = (struct host_nat){.fd = -1, .base = base, .on_change = on_change, .ctx = ctx};
	h->write = evtimer_new(base, on_write, h);
	if (!h->write) {
		free(h);
		return -ENOMEM;
	}
	arm(h, 0);
	*out = h;
	return 0;
}

void host_nat_free(struct host_nat *h)
{
	if (!h)
		return;
	h->n = 0;
	if (h->written && replace(h) < 0)
		fprintf(stderr, "%s\n", h->why);
	if (h->readable)
		event_free(h->readable);
	if (h->fd >= 0)
		close(h->fd);
	event_free(h->write);
	free(h->entry);
	free(h);
}
