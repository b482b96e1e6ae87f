/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's expectations of one namespace. Each change is a request of its own whose answer is
 * there when the call returns: they are few. */
#include "vrouter/conntrack.h"

#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define CHUNK_MAX  32768
#define STALE_MAX  1024 /* answers to nobody's question, on a socket shared with others */
#define READS_MAX  (EXPECTS_MAX * 4)
#define FIRST_ROOM 64
/* The socket is shared with apply, whose numbers are in the lower half, and with the questions of
 * table, which count up from the start of the upper one and never wait. */
#define SEQ_FIRST 0xc0000000u

struct expects {
	int fd;
	uint32_t seq;
	/* of the reading under way */
	struct expect *got;
	size_t n, room;
};

/* One for all, as nothing stays in it. */
static _Alignas(struct nlmsghdr) uint8_t chunk[CHUNK_MAX];

int expects_new(struct expects **out, int fd)
{
	struct expects *t;
	uint32_t port;
	int err = conntrack_port(fd, &port);

	if (err < 0)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->fd = fd;
	t->seq = SEQ_FIRST;
	*out = t;
	return 0;
}

void expects_free(struct expects *t)
{
	free(t);
}

static uint32_t next_seq(struct expects *t)
{
	t->seq = (t->seq + 1) | SEQ_FIRST;
	return t->seq;
}

static int transmit(const struct expects *t, const void *buf, size_t len)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (!len)
		return -EINVAL;
	if (sendto(t->fd, buf, len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* What the kernel says of a request or a dump that is over: 0 or -errno; 1: it says nothing yet. */
static int verdict(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == NLMSG_DONE)
		return 0;
	if (nlh->nlmsg_type != NLMSG_ERROR)
		return 1;
	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*e)))
		return -EPROTO;
	return e->error <= 0 ? e->error : -EPROTO;
}

static int keep(struct expects *t, const struct nlmsghdr *nlh)
{
	enum flow_change change;
	struct expect x;

	/* one that cannot be parsed cannot be replicated */
	if (expect_netlink_parse(nlh, &x, &change) < 0)
		return 1;
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : FIRST_ROOM;
		struct expect *more;

		if (room > READS_MAX)
			return -ENOBUFS;
		more = realloc(t->got, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->got = more;
		t->room = room;
	}
	t->got[t->n++] = x;
	return 1;
}

/* All that one call gives: 1: go on, 0: the end was there, or -errno. */
static int read_some(struct expects *t, int *err)
{
	ssize_t n = recv(t->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	int left = (int)n;

	if (n < 0 && (errno == EINTR || errno == ENOBUFS))
		return 1;
	if (n < 0)
		return errno == EAGAIN ? -EIO : -errno;
	for (const struct nlmsghdr *nlh = (const void *)chunk; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		int said = nlh->nlmsg_seq == t->seq ? verdict(nlh) : 1;

		if (said <= 0) {
			*err = *err < 0 ? *err : said;
			return 0;
		}
		/* a dump that was begun is read to its end: none can be begun before */
		if (nlh->nlmsg_seq == t->seq && expect_netlink_is(nlh) && *err == 0) {
			int kept = keep(t, nlh);

			*err = kept < 0 ? kept : 0;
		}
	}
	return 1;
}

static int answer(struct expects *t)
{
	int more = 1, err = 0;

	for (unsigned i = 0; more > 0 && i < READS_MAX + STALE_MAX; i++)
		more = read_some(t, &err);
	if (more)
		return more < 0 ? more : -EIO;
	return err;
}

static int change(struct expects *t, const void *buf, size_t len)
{
	int err = transmit(t, buf, len);

	return err < 0 ? err : answer(t);
}

int expects_timeout(struct expects *t, const struct expect *x, uint32_t timeout_s)
{
	_Alignas(struct nlmsghdr) uint8_t req[FLOW_NETLINK_MAX];

	return change(t, req, expect_netlink_put(req, sizeof(req), x, timeout_s, next_seq(t)));
}

int expects_del(struct expects *t, const struct expect *x)
{
	_Alignas(struct nlmsghdr) uint8_t req[FLOW_NETLINK_MAX];

	return change(t, req, expect_netlink_delete(req, sizeof(req), x, next_seq(t)));
}

int expects_put(struct expects *t, const struct expect *x, uint32_t timeout_s)
{
	int err;

	(void)expects_del(t, x); /* most often there is none */
	/* the first makes it, with a timeout of the kernel's choice; the second one sets that */
	err = expects_timeout(t, x, timeout_s);
	return err < 0 ? err : expects_timeout(t, x, timeout_s);
}

static int read_all(struct expects *t)
{
	_Alignas(struct nlmsghdr) uint8_t req[64];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(req);
	struct nfgenmsg *nfg;
	int err;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = next_seq(t);
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC; /* both */
	nfg->version = NFNETLINK_V0;
	err = transmit(t, req, nlh->nlmsg_len);
	return err < 0 ? err : answer(t);
}

int expects_read(struct expects *t, expects_fn *fn, void *ctx)
{
	int err;

	t->got = NULL;
	t->n = t->room = 0;
	err = read_all(t);
	for (size_t i = 0; err == 0 && i < t->n; i++)
		fn(ctx, &t->got[i]);
	free(t->got);
	t->got = NULL;
	return err;
}
