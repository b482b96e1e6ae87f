/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model of one namespace's conntrack as the engine meets it: a table with a bound, an event queue
 * that overruns, dumps whose chunks are filled one call ahead, partial update events, NAT tuples
 * that are unique. Flows are numbered; mark carries a version that grows with every change. */
#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H

#include <errno.h>
#include <stddef.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "vrouter/engine.h"
#include "vrouter/expect.h"

#define MODEL_FLOWS  400
#define MODEL_PORTS  1024
#define MODEL_EVENTS 4096
#define MODEL_CHUNK  32
#define MODEL_PIN_S  604800

struct model_event {
	struct flow f;
	struct expect x; /* proto is not 0: it is about this, not about f */
	enum flow_change change;
};

struct model_kernel {
	struct flow flow[MODEL_FLOWS]; /* has == 0: not there */
	int port_owner[MODEL_PORTS];   /* flow or -1 */
	unsigned n, cap;
	unsigned flows;			   /* only those below, and the last one, are ever there */
	struct expect expect[MODEL_FLOWS]; /* by master; proto == 0: none */
	uint64_t adjust_at[MODEL_FLOWS];   /* the helper adjusts the master; 0: it does not */
	uint64_t adjust_next;		   /* not before; 0: none is to be adjusted */

	unsigned ev_head, ev_n, ev_cap;
	bool subscribed, overrun;

	struct flow ahead[MODEL_CHUNK]; /* the chunk that is filled already */
	unsigned ahead_n, cursor, chunk;

	struct model_event event[MODEL_EVENTS]; /* last: what is not queued is not cleared */
};

static inline unsigned model_id(const struct flow *f)
{
	return ntohs(f->orig.l4.sport_be) - 1000u;
}

static inline unsigned model_port(const struct flow *f)
{
	return ntohs(f->reply.l4.dport_be) - 40000u;
}

static inline void model_init(struct model_kernel *k, unsigned flows, unsigned ev_cap,
			      unsigned chunk)
{
	memset(k, 0, offsetof(struct model_kernel, event));
	for (unsigned i = 0; i < MODEL_PORTS; i++)
		k->port_owner[i] = -1;
	k->cap = MODEL_FLOWS;
	k->flows = flows;
	k->ev_cap = ev_cap;
	k->chunk = chunk;
}

static inline bool model_is_there(const struct model_kernel *k, unsigned id)
{
	return k->flow[id].has != 0;
}

static inline void model_queue(struct model_kernel *k, const struct model_event *ev)
{
	if (!k->subscribed)
		return;
	if (k->ev_n >= k->ev_cap) {
		k->overrun = true;
		return;
	}
	k->event[(k->ev_head + k->ev_n++) % MODEL_EVENTS] = *ev;
}

static inline void model_emit(struct model_kernel *k, const struct flow *f, enum flow_change change)
{
	const struct model_event ev = {.f = *f, .change = change};

	model_queue(k, &ev);
}

static inline void model_emit_expect(struct model_kernel *k, const struct expect *x,
				     enum flow_change change)
{
	const struct model_event ev = {.x = *x, .change = change};

	model_queue(k, &ev);
}

static inline bool model_next_event(struct model_kernel *k, struct model_event *ev)
{
	if (!k->ev_n)
		return false;
	*ev = k->event[k->ev_head];
	k->ev_head = (k->ev_head + 1) % MODEL_EVENTS;
	k->ev_n--;
	return true;
}

static inline void model_remove(struct model_kernel *k, unsigned id)
{
	k->port_owner[model_port(&k->flow[id])] = -1;
	k->flow[id].has = 0;
	k->expect[id].proto = 0; /* goes with its master */
	k->adjust_at[id] = 0;
	k->n--;
}

static inline int model_insert(struct model_kernel *k, const struct flow *f)
{
	unsigned id = model_id(f);

	if (k->n >= k->cap)
		return -ENOMEM;
	k->flow[id] = *f;
	k->port_owner[model_port(f)] = (int)id;
	k->n++;
	return 0;
}

/* What the replica's kernel layer does. *clash: an entry had to go for it. */
static inline int model_put(struct model_kernel *k, const struct flow *f, enum flow_put how,
			    bool *clash)
{
	unsigned id = model_id(f), port = model_port(f);
	struct flow full = *f;

	*clash = false;
	full.has |= FLOW_HAS_TIMEOUT;
	full.timeout_s = MODEL_PIN_S;
	if (how != FLOW_PUT_NEW && how != FLOW_PUT_ABSENT && model_is_there(k, id) &&
	    model_port(&k->flow[id]) == port) {
		flow_merge(&k->flow[id], &full);
		return 0;
	}
	if (how == FLOW_PUT_UPDATE)
		return -ENOENT;
	if (how == FLOW_PUT_ABSENT && (model_is_there(k, id) || k->port_owner[port] >= 0))
		return 0;
	if (model_is_there(k, id))
		model_remove(k, id);
	if (k->port_owner[port] >= 0) {
		model_remove(k, (unsigned)k->port_owner[port]);
		*clash = true;
	}
	return model_insert(k, &full);
}

/* The number after that of a flow that may be there; MODEL_FLOWS: there is none. */
static inline unsigned model_next(const struct model_kernel *k, unsigned id)
{
	return id + 1 < k->flows || id == MODEL_FLOWS - 1 ? id + 1 : MODEL_FLOWS - 1;
}

static inline void model_fill_ahead(struct model_kernel *k)
{
	k->ahead_n = 0;
	for (; k->cursor < MODEL_FLOWS && k->ahead_n < k->chunk;
	     k->cursor = model_next(k, k->cursor))
		if (model_is_there(k, k->cursor))
			k->ahead[k->ahead_n++] = k->flow[k->cursor];
}

static inline int model_dump(struct model_kernel *k, bool start,
			     void (*on_flow)(void *ctx, const struct flow *f), void *ctx)
{
	struct flow now[MODEL_CHUNK];
	unsigned n;

	if (start) {
		k->cursor = 0;
		model_fill_ahead(k);
	}
	n = k->ahead_n;
	memcpy(now, k->ahead, n * sizeof(*now));
	model_fill_ahead(k);
	for (unsigned i = 0; i < n; i++)
		on_flow(ctx, &now[i]);
	return k->ahead_n ? 1 : 0;
}

static inline uint32_t model_normal_timeout(const struct flow *f)
{
	struct flow_timeouts t;

	flow_timeouts_default(&t);
	return flow_timeout_s(&t, f);
}

/* ---- traffic through the ACTIVE router ---- */

static inline uint8_t model_proto(unsigned id)
{
	switch (id % 8) {
	case 3:
		return IPPROTO_UDP;
	case 7:
		return IPPROTO_SCTP;
	}
	return IPPROTO_TCP;
}

/* What few flows have. */
static inline void model_rare(struct flow *f, unsigned id)
{
	if (id % 5 == 0)
		strcpy(flow_rare_add(f, FLOW_HAS_HELPER)->helper, "ftp");
	if (id % 7 == 0)
		flow_rare_add(f, FLOW_HAS_LABELS)->labels[id % 16] = (uint8_t)(id | 1);
}

static inline struct flow model_flow(unsigned id, unsigned port, uint32_t version)
{
	struct flow f = {.family = AF_INET,
			 .proto = model_proto(id),
			 .has = FLOW_HAS_STATUS | FLOW_HAS_MARK | FLOW_HAS_REPLY | FLOW_HAS_TIMEOUT,
			 .status = IPS_CONFIRMED | IPS_SRC_NAT,
			 .mark = version};
	const uint8_t src[4] = {10, 0, (uint8_t)(id >> 8), (uint8_t)id};
	const uint8_t dst[4] = {198, 51, 100, 1}, vip[4] = {203, 0, 113, 1};

	memcpy(f.orig.src, src, 4);
	memcpy(f.orig.dst, dst, 4);
	f.orig.l4.sport_be = htons((uint16_t)(1000 + id));
	f.orig.l4.dport_be = htons(80);
	f.reply = flow_invert(&f, &f.orig);
	memcpy(f.reply.dst, vip, 4);
	f.reply.l4.dport_be = htons((uint16_t)(40000 + port));
	if (f.proto == IPPROTO_TCP) {
		f.has |= FLOW_HAS_TCP;
		f.tcp.state = TCP_CONNTRACK_SYN_SENT;
	} else if (f.proto == IPPROTO_SCTP) {
		f.has |= FLOW_HAS_SCTP;
		f.sctp.state = SCTP_CONNTRACK_COOKIE_WAIT;
		f.sctp.vtag_be[0] = version;
	}
	model_rare(&f, id);
	f.timeout_s = model_normal_timeout(&f);
	return f;
}

/* Was expected by the flow after it, whose numbers are adjusted from then on: without an event. */
static inline bool model_is_expected(unsigned id)
{
	return id % 11 == 0 && id + 1 < MODEL_FLOWS;
}

static inline void model_expect(struct model_kernel *k, struct flow *f, unsigned id, uint32_t v)
{
	struct flow master = model_flow(id + 1, 0, 0);
	struct flow_rare *r = flow_rare_add(f, FLOW_HAS_MASTER);

	r->master = master.orig;
	r->master_proto = master.proto;
	if (model_is_there(k, id + 1))
		flow_rare_add(&k->flow[id + 1], FLOW_HAS_SEQADJ)->seqadj[0].pos = v;
}

static inline void model_traffic_new(struct model_kernel *k, unsigned id, unsigned port, uint32_t v)
{
	struct flow f = model_flow(id, port, v);

	if (model_is_there(k, id) || k->port_owner[port] >= 0)
		return;
	if (model_is_expected(id))
		model_expect(k, &f, id, v);
	if (model_insert(k, &f) == 0)
		model_emit(k, &f, FLOW_NEW);
}

static inline void model_traffic_update(struct model_kernel *k, unsigned id, unsigned what,
					uint32_t v)
{
	struct flow *f = &k->flow[id], ev;

	if (!model_is_there(k, id))
		return;
	f->mark = v;
	ev = *f;
	/* only what changed, as the kernel does it */
	ev.has &= ~(uint32_t)(FLOW_HAS_TCP | FLOW_HAS_SCTP | FLOW_HAS_RARE);
	if (f->proto == IPPROTO_TCP && what % 3) {
		f->tcp.state = (uint8_t)(1 + what % 8);
		ev.tcp = f->tcp;
		ev.has |= FLOW_HAS_TCP;
	} else if (f->proto == IPPROTO_SCTP && what % 3) {
		f->sctp.state = (uint8_t)(1 + what % 7);
		f->sctp.vtag_be[1] = v;
		ev.sctp = f->sctp;
		ev.has |= FLOW_HAS_SCTP;
	} else {
		f->status |= what % 2 ? (uint32_t)IPS_SEEN_REPLY : (uint32_t)IPS_ASSURED;
		ev.status = f->status;
	}
	f->timeout_s = model_normal_timeout(f);
	model_emit(k, &ev, FLOW_UPDATE);
}

static inline void model_traffic_destroy(struct model_kernel *k, unsigned id)
{
	struct flow f = k->flow[id];
	struct expect x = k->expect[id];

	if (!model_is_there(k, id))
		return;
	model_remove(k, id);
	model_emit(k, &f, FLOW_DESTROY);
	if (x.proto)
		model_emit_expect(k, &x, FLOW_DESTROY);
}

#endif
