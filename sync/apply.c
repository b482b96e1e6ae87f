/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings changes into the kernel's conntrack table. Many requests leave in one system call and ask
 * for no acknowledgement; the kernel handles them in order before the call returns and answers
 * only those that failed.
 *
 * What failed is settled when the whole queue has been tried, by the flow's state at the end of
 * the queue: a put that a later delete follows is forgotten (trying it again would bring the flow
 * back), later updates are merged into it. At the source no two flows ever share a tuple, so at
 * that point whatever stands in the way of a flow that lives is out of date, and goes. A helper, a
 * master or labels that this kernel does not take are left out: the flow is worth more. */
#include "vrouter/conntrack.h"

#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "vrouter/pages.h"

#define QUEUE	     256
#define WIRE_BYTES   65536
#define WIRE_REQUEST 256       /* requests a system call */
#define RCVBUF	     (4 << 20) /* holds an error for each request many times over */
#define SEQ_MASK     0x7fffffffu

enum op_kind { OP_PUT, OP_DEL, OP_TIMEOUT };

enum op_retry {
	RETRY_NO,
	RETRY_CREATE,  /* it was not there */
	RETRY_REPLACE, /* something with its original tuple is in the way, or cannot be changed */
	RETRY_EVICT,   /* something holds its reply tuple, too */
};

struct op {
	struct flow f;
	enum op_kind kind;
	enum flow_put how;
	enum op_retry retry; /* the last one */
	uint32_t timeout_s;
	uint32_t fingerprint; /* of the identity, to look for the same flow quickly */
	int err;
	int labels_err; /* of the request for the labels alone */
	bool absorbed;	/* in an earlier op of the same flow */
	bool created;	/* err is of a request to create it */
	bool evicted;
};

/* Requests of one system call; one for all, as nothing stays in it. */
static struct wire {
	size_t len;
	unsigned n;
	uint32_t first_seq;
	int *result[WIRE_REQUEST]; /* NULL: nobody asks */
	_Alignas(struct nlmsghdr) uint8_t buf[WIRE_BYTES];
} wire;

struct apply {
	int fd;
	uint32_t pin_s;
	apply_failed_fn *failed;
	void *ctx;
	struct sync_counters *counters;
	uint32_t seq;
	unsigned n;
	struct op *op; /* QUEUE */
};

int apply_new(struct apply **out, int fd, uint32_t pin_s, apply_failed_fn *fn, void *ctx,
	      struct sync_counters *counters)
{
	int size = RCVBUF, on = 1;
	struct apply *a;
	uint32_t port;
	int err = conntrack_port(fd, &port);

	if (err < 0)
		return err;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		return -errno;
	/* an error without the request it is about */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0)
		return -errno;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->op = pages_new(QUEUE * sizeof(*a->op));
	if (!a->op) {
		free(a);
		return -ENOMEM;
	}
	a->fd = fd;
	a->pin_s = pin_s;
	a->failed = fn;
	a->ctx = ctx;
	a->counters = counters;
	*out = a;
	return 0;
}

void apply_free(struct apply *a)
{
	if (!a)
		return;
	pages_free(a->op, QUEUE * sizeof(*a->op));
	free(a);
}

/* ---- the wire ----------------------------------------------------------------------------- */

static void set_result(struct wire *w, unsigned i, int err)
{
	if (w->result[i])
		*w->result[i] = err;
}

static void read_errors(struct apply *a)
{
	_Alignas(struct nlmsghdr) uint8_t buf[1024];
	const struct nlmsghdr *nlh = (const void *)buf;
	struct wire *w = &wire;

	for (;;) {
		ssize_t n = recv(a->fd, buf, sizeof(buf), MSG_DONTWAIT);
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) { /* some answers are lost: which is unknown */
			for (unsigned i = 0; i < w->n; i++)
				set_result(w, i, -ENOBUFS);
			continue;
		}
		if (n < 0)
			return;
		if (n < (ssize_t)mnl_nlmsg_size(sizeof(*e)) || nlh->nlmsg_type != NLMSG_ERROR ||
		    nlh->nlmsg_seq - w->first_seq >= w->n)
			continue;
		set_result(w, nlh->nlmsg_seq - w->first_seq, e->error);
	}
}

static void wire_flush(struct apply *a)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct wire *w = &wire;
	ssize_t sent;

	if (!w->n)
		return;
	do
		sent = sendto(a->fd, w->buf, w->len, 0, (const struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	for (unsigned i = 0; sent < 0 && i < w->n; i++)
		set_result(w, i, -errno);
	if (sent >= 0)
		read_errors(a);
	w->len = 0;
	w->n = 0;
}

/* Where the next request may be written; *seq is its number. */
static uint8_t *wire_room(struct apply *a, uint32_t *seq)
{
	struct wire *w = &wire;

	if (w->n == WIRE_REQUEST || w->len + FLOW_NETLINK_MAX > WIRE_BYTES)
		wire_flush(a);
	/* no wrap inside of one call, and never the upper half, which is the table's */
	if (!w->n && a->seq > SEQ_MASK - WIRE_REQUEST)
		a->seq = 0;
	if (!w->n)
		w->first_seq = a->seq;
	*seq = a->seq;
	return w->buf + w->len;
}

/* len 0: the request could not be built. result may be NULL: it does not matter. */
static void wire_add(struct apply *a, size_t len, int *result)
{
	struct wire *w = &wire;

	if (result)
		*result = len ? 0 : -EINVAL;
	if (!len)
		return;
	w->result[w->n++] = result;
	w->len += len;
	a->seq++;
}

static void send_labels(struct apply *a, struct op *op)
{
	uint32_t seq;
	uint8_t *to;

	if (!(op->f.has & FLOW_HAS_LABELS))
		return;
	to = wire_room(a, &seq);
	wire_add(a, flow_netlink_labels(to, FLOW_NETLINK_MAX, &op->f, seq), &op->labels_err);
}

static void send_create(struct apply *a, struct op *op)
{
	uint32_t seq;
	uint8_t *to = wire_room(a, &seq);

	op->created = true;
	wire_add(a, flow_netlink_create(to, FLOW_NETLINK_MAX, &op->f, a->pin_s, seq), &op->err);
	send_labels(a, op);
}

static void send_delete(struct apply *a, struct op *op, enum flow_netlink_key key, int *result)
{
	uint32_t seq;
	uint8_t *to = wire_room(a, &seq);

	wire_add(a, flow_netlink_delete(to, FLOW_NETLINK_MAX, &op->f, key, seq), result);
}

static void send_update(struct apply *a, struct op *op)
{
	uint32_t seq;
	uint8_t *to = wire_room(a, &seq);

	wire_add(a, flow_netlink_update(to, FLOW_NETLINK_MAX, &op->f, a->pin_s, seq), &op->err);
	send_labels(a, op);
}

static void send_timeout(struct apply *a, struct op *op)
{
	uint32_t seq;
	uint8_t *to = wire_room(a, &seq);

	wire_add(a, flow_netlink_timeout(to, FLOW_NETLINK_MAX, &op->f, op->timeout_s, seq),
		 &op->err);
}

static void send_first(struct apply *a, struct op *op)
{
	switch (op->kind) {
	case OP_PUT:
		if (op->how == FLOW_PUT_NEW || op->how == FLOW_PUT_ABSENT)
			send_create(a, op);
		else
			send_update(a, op);
		return;
	case OP_DEL:
		send_delete(a, op, FLOW_NETLINK_ORIG, &op->err);
		return;
	case OP_TIMEOUT:
		send_timeout(a, op);
		return;
	}
}

/* ---- settling what failed ----------------------------------------------------------------- */

/* Brings op to the flow's state at the end of the queue. false: a later op says all of it. */
static bool look_ahead(struct apply *a, struct op *op)
{
	for (struct op *later = op + 1; later < a->op + a->n; later++) {
		if (later->fingerprint != op->fingerprint || later->kind == OP_TIMEOUT ||
		    !flow_same(&later->f, &op->f))
			continue;
		if (later->kind == OP_DEL || later->how == FLOW_PUT_NEW)
			return false;
		flow_merge(&op->f, &later->f);
		later->absorbed = true;
	}
	return true;
}

/* Without what this kernel does not have. */
static enum op_retry reduce(struct apply *a, struct op *op, uint32_t part)
{
	if (!(op->f.has & part))
		return RETRY_NO;
	op->f.has &= ~part;
	a->counters->v[SYNC_APPLY_REDUCED]++;
	return RETRY_CREATE;
}

/* After the first attempt. */
static enum op_retry retry_of(struct apply *a, struct op *op)
{
	bool complete;

	if (!op->err || op->absorbed || op->kind != OP_PUT)
		return RETRY_NO;
	if (!look_ahead(a, op)) {
		op->absorbed = true;
		return RETRY_NO;
	}
	complete = flow_netlink_complete(&op->f);
	switch (op->err) {
	case -ENOENT: /* an update; or its master, which may have come behind it */
		return complete ? RETRY_CREATE : RETRY_NO;
	case -EEXIST: /* a new one */
		if (op->how == FLOW_PUT_ABSENT) {
			op->err = 0; /* what is there stays */
			return RETRY_NO;
		}
		return complete ? RETRY_REPLACE : RETRY_NO;
	case -EBUSY: /* an update that takes a status bit back */
		return complete ? RETRY_REPLACE : RETRY_NO;
	case -EOPNOTSUPP:
		return op->created ? reduce(a, op, FLOW_HAS_HELPER) : RETRY_NO;
	}
	return RETRY_NO;
}

/* After a further one, which was to create it. Each of these happens once, so there is an end. */
static enum op_retry retry_again(struct apply *a, struct op *op)
{
	if (op->retry == RETRY_NO || !op->err)
		return RETRY_NO;
	switch (op->err) {
	case -EEXIST:
		if (op->evicted)
			return RETRY_NO;
		op->evicted = true;
		a->counters->v[SYNC_APPLY_CLASH]++;
		return RETRY_EVICT;
	case -ENOENT:
		return reduce(a, op, FLOW_HAS_MASTER);
	case -EOPNOTSUPP:
		return reduce(a, op, FLOW_HAS_HELPER);
	}
	return RETRY_NO;
}

static void send_retry(struct apply *a, struct op *op)
{
	switch (op->retry) {
	case RETRY_NO:
		return;
	case RETRY_EVICT:
		send_delete(a, op, FLOW_NETLINK_REPLY, NULL);
		send_delete(a, op, FLOW_NETLINK_ORIG, NULL);
		break;
	case RETRY_REPLACE:
		send_delete(a, op, FLOW_NETLINK_ORIG, NULL);
		break;
	case RETRY_CREATE:
		break;
	}
	send_create(a, op);
}

static void retry_all(struct apply *a)
{
	bool any = true;

	for (struct op *op = a->op; op < a->op + a->n; op++)
		op->retry = retry_of(a, op);
	while (any) {
		for (struct op *op = a->op; op < a->op + a->n; op++)
			send_retry(a, op);
		wire_flush(a);
		any = false;
		for (struct op *op = a->op; op < a->op + a->n; op++) {
			op->retry = retry_again(a, op);
			any |= op->retry != RETRY_NO;
		}
	}
}

/* Counts what succeeded; true when the owner has to hear of it. */
static bool settle(struct apply *a, const struct op *op)
{
	if (op->absorbed)
		return false;
	if (op->err)
		return true;
	a->counters->v[SYNC_APPLIED_PUT] += op->kind == OP_PUT;
	a->counters->v[SYNC_APPLY_REDUCED] += op->labels_err != 0;
	a->counters->v[SYNC_APPLIED_DEL] += op->kind == OP_DEL;
	return false;
}

void apply_commit(struct apply *a)
{
	struct {
		struct flow f;
		int err;
	} failed[QUEUE];
	unsigned n_failed = 0;
	bool any = false;

	for (struct op *op = a->op; op < a->op + a->n; op++)
		send_first(a, op);
	wire_flush(a);
	for (const struct op *op = a->op; op < a->op + a->n; op++)
		any |= op->err != 0;
	if (any)
		retry_all(a);
	for (const struct op *op = a->op; op < a->op + a->n; op++) {
		if (settle(a, op)) {
			flow_copy(&failed[n_failed].f, &op->f);
			failed[n_failed++].err = op->err;
		}
	}
	/* from here on the queue is free: the owner may fill it again while it is told */
	a->n = 0;
	for (unsigned i = 0; i < n_failed; i++)
		a->failed(a->ctx, &failed[i].f, failed[i].err);
}

/* ---- the queue ---------------------------------------------------------------------------- */

static uint32_t fingerprint(const struct flow *f)
{
	const uint8_t *parts[] = {f->orig.src, f->orig.dst};
	uint32_t h = f->orig.l4.raw * 0x9e3779b1u ^ f->proto;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint32_t word[4];

		memcpy(word, parts[i], sizeof(word));
		h = (h ^ word[0] ^ word[1] ^ word[2] ^ word[3]) * 0x85ebca6bu;
		h ^= h >> 15;
	}
	return h;
}

static struct op *add(struct apply *a, const struct flow *f, enum op_kind kind)
{
	struct op *op;

	if (a->n == QUEUE)
		apply_commit(a);
	op = &a->op[a->n++];
	flow_copy(&op->f, f);
	op->kind = kind;
	op->how = FLOW_PUT_NEW;
	op->retry = RETRY_NO;
	op->timeout_s = 0;
	op->fingerprint = fingerprint(f);
	op->err = op->labels_err = 0;
	op->absorbed = op->created = op->evicted = false;
	return op;
}

void apply_put(struct apply *a, const struct flow *f, enum flow_put how)
{
	add(a, f, OP_PUT)->how = how;
}

void apply_del(struct apply *a, const struct flow *f)
{
	(void)add(a, f, OP_DEL);
}

void apply_timeout(struct apply *a, const struct flow *f, uint32_t timeout_s)
{
	add(a, f, OP_TIMEOUT)->timeout_s = timeout_s;
}
