/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the kernel's conntrack table: dump in chunks, one flow, how many. The dump has a
 * socket of its own, so that a question can be asked while it is under way. Every answer is there
 * when the request's system call returns (netlink works in the caller's context), so nothing here
 * waits. */
#include "vrouter/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "attr.h"
#include "vrouter/contain.h"

/* The kernel makes chunks as large as the buffer it once was asked to fill, up to 32 KiB. */
#define CHUNK_MAX  32768
#define ANSWER_MAX 4096
#define STALE_MAX  1024 /* answers to nobody's question, on a socket shared with others */

enum dump_state {
	DUMP_IDLE,
	DUMP_RUNNING,
	DUMP_DISCARD, /* a new one was asked for before this one had ended */
};

struct table {
	int dump_fd, query_fd;
	enum dump_state state;
	uint32_t seq;	   /* last one used */
	uint32_t dump_seq; /* of the dump under way */
};

/* One for all tables, as nothing stays in it. */
static _Alignas(struct nlmsghdr) uint8_t chunk[CHUNK_MAX];

int table_new(struct table **out, int dump_fd, int query_fd)
{
	struct table *t;
	uint32_t port;
	int err = conntrack_port(dump_fd, &port);

	if (err == 0)
		err = conntrack_port(query_fd, &port);
	if (err < 0)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->dump_fd = dump_fd;
	t->query_fd = query_fd;
	/* apart from those of apply, which may share the query socket */
	t->seq = 0x80000000;
	*out = t;
	return 0;
}

void table_free(struct table *t)
{
	free(t);
}

static uint32_t next_seq(struct table *t)
{
	t->seq = (t->seq + 1) | 0x80000000;
	return t->seq;
}

static int transmit(int fd, const void *buf, size_t len)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (sendto(fd, buf, len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

static struct nlmsghdr *request(void *buf, unsigned type, unsigned flags, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC; /* both */
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* -errno of an NLMSG_ERROR, 0 for an acknowledgement. */
static int error_of(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	return nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*e)) ? -EPROTO : e->error;
}

/* ---- dump --------------------------------------------------------------------------------- */

/* To find the next chunk the kernel may go through the flows of all namespaces, a million in half a
 * second, and nothing interrupts it. */
static int dump_request(struct table *t)
{
	_Alignas(struct nlmsghdr) uint8_t buf[64];
	const struct nlmsghdr *nlh;
	int err;

	t->dump_seq = next_seq(t);
	nlh = request(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, t->dump_seq);
	contain_pin();
	err = transmit(t->dump_fd, buf, nlh->nlmsg_len);
	contain_unpin();
	return err;
}

/* One message of a chunk. 1 go on, 0 the dump is over, -errno. NLM_F_DUMP_INTR is no error: the
 * table always changes while it is read, and the engine knows that. */
static int dump_message(struct table *t, const struct nlmsghdr *nlh, table_fn *fn, void *ctx)
{
	enum flow_change change;
	struct flow f;

	if (nlh->nlmsg_seq != t->dump_seq)
		return 1;
	if (nlh->nlmsg_type == NLMSG_DONE) {
		t->state = DUMP_IDLE;
		return 0;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		t->state = DUMP_IDLE;
		return error_of(nlh) < 0 ? error_of(nlh) : -EPROTO;
	}
	if (t->state == DUMP_RUNNING && flow_netlink_parse(nlh, &f, &change) == 0)
		fn(ctx, &f);
	return 1;
}

static int dump_chunk(struct table *t, table_fn *fn, void *ctx)
{
	int left, err, more = 1;
	ssize_t n;

	contain_pin();
	n = recv(t->dump_fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	left = (int)n;
	err = n < 0 ? errno : 0;
	contain_unpin(); /* that has an errno of its own */
	if (err == EINTR || err == ENOBUFS)
		return 1;
	if (err) {
		t->state = DUMP_IDLE;
		return err == EAGAIN ? -EIO : -err; /* a chunk is always ready */
	}
	for (const struct nlmsghdr *nlh = (const void *)chunk; more > 0 && mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left))
		more = dump_message(t, nlh, fn, ctx);
	return more;
}

/* A dump goes through all buckets of a hash that all namespaces share, whatever is in it: some 6 ms
 * for 262,144 of them, where the count is had in 10 us. It counts what is not confirmed yet, too.
 */
static bool is_empty(struct table *t)
{
	uint32_t flows, flows_max;

	return table_count(t, &flows, &flows_max) == 0 && flows == 0;
}

int table_dump(struct table *t, bool begin, table_fn *fn, void *ctx)
{
	int more, err;

	if (begin && t->state != DUMP_IDLE)
		t->state = DUMP_DISCARD;
	if (t->state == DUMP_DISCARD) {
		more = dump_chunk(t, fn, ctx);
		if (more != 0)
			return more;
		begin = true;
	}
	if (begin) {
		t->state = DUMP_IDLE;
		if (is_empty(t))
			return 0;
		err = dump_request(t);
		if (err < 0)
			return err;
		t->state = DUMP_RUNNING;
	}
	return t->state == DUMP_RUNNING ? dump_chunk(t, fn, ctx) : 0;
}

/* ---- one answer --------------------------------------------------------------------------- */

/* Sends the request and finds the message that answers it. 0 or -errno. */
static int query(struct table *t, const void *req, size_t len, uint32_t seq, uint8_t *answer,
		 size_t cap)
{
	int err = transmit(t->query_fd, req, len);

	if (err < 0)
		return err;
	for (unsigned i = 0; i < STALE_MAX; i++) {
		const struct nlmsghdr *nlh = (const void *)answer;
		ssize_t n = recv(t->query_fd, answer, cap, MSG_DONTWAIT);

		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n < 0)
			return errno == EAGAIN ? -EIO : -errno;
		if (!mnl_nlmsg_ok(nlh, (int)n) || nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return error_of(nlh) < 0 ? error_of(nlh) : -EPROTO;
		return 0;
	}
	return -EIO;
}

int table_get(struct table *t, const struct flow *key, struct flow *out)
{
	_Alignas(struct nlmsghdr) uint8_t req[FLOW_NETLINK_MAX], answer[ANSWER_MAX];
	uint32_t seq = next_seq(t);
	size_t len = flow_netlink_get(req, sizeof(req), key, seq);
	enum flow_change change;
	struct flow f;
	int err;

	if (!len)
		return -EINVAL;
	err = query(t, req, len, seq, answer, sizeof(answer));
	if (err == 0)
		err = flow_netlink_parse((const void *)answer, &f, &change);
	/* the kernel also finds an entry whose reply direction looks like this */
	if (err == 0 && !flow_same(&f, key))
		err = -ENOENT;
	if (err == 0)
		flow_copy(out, &f);
	return err;
}

static void read_be32(const struct nlattr *a, uint32_t *to)
{
	if (attr_len(a) == sizeof(*to))
		*to = ntohl(*(const uint32_t *)attr_data(a));
}

int table_count(struct table *t, uint32_t *flows, uint32_t *flows_max)
{
	_Alignas(struct nlmsghdr) uint8_t req[64], answer[ANSWER_MAX];
	uint32_t seq = next_seq(t), now = 0, max = 0;
	const struct nlmsghdr *nlh = request(req, IPCTNL_MSG_CT_GET_STATS, 0, seq);
	const struct nlattr *a;
	int err = query(t, req, nlh->nlmsg_len, seq, answer, sizeof(answer));

	if (err < 0)
		return err;
	nlh = (const void *)answer;
	for (a = attr_first_of(nlh, sizeof(struct nfgenmsg)); a; a = attr_next_of(a, nlh)) {
		if (attr_type(a) == CTA_STATS_GLOBAL_ENTRIES)
			read_be32(a, &now);
		else if (attr_type(a) == CTA_STATS_GLOBAL_MAX_ENTRIES)
			read_be32(a, &max);
	}
	*flows = now;
	*flows_max = max;
	return 0;
}
