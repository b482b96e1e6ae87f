/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router serves, as JSON. */
#include "status.h"

static void put_clock(struct jbuf *b, const struct router_service_view *v)
{
	if (v->stratum) {
		jbuf_int(b, "stratum", v->stratum);
		jbuf_bool(b, "synchronised", v->synchronised);
	} else {
		jbuf_null(b, "stratum");
		jbuf_null(b, "synchronised");
	}
}

static void put_service(struct jbuf *b, const struct router_service_view *v, enum service_id id)
{
	const struct service_view *s = &v->service;
	char since[STATUS_TIME_LEN];

	jbuf_open(b, NULL, '{');
	jbuf_text(b, "name", s->kind->name);
	jbuf_text(b, "program", s->kind->program);
	jbuf_text(b, "state", service_state_name(s->care->state));
	jbuf_int(b, "pid", s->pid);
	jbuf_bool(b, "asked", s->care->asks);
	jbuf_said(b, "reason", s->reason);
	jbuf_text(b, "since", status_time(s->since_ms, since));
	jbuf_int(b, "starts", (int64_t)s->care->starts);
	if (id == SERVICE_NTP)
		put_clock(b, v);
	jbuf_close(b, '}');
}

static void put_counters(struct jbuf *b, const char *name, const struct service_care *c)
{
	jbuf_open(b, name, '{');
	jbuf_int(b, "starts", (int64_t)c->starts);
	jbuf_int(b, "died", (int64_t)c->died);
	jbuf_int(b, "hung", (int64_t)c->hung);
	jbuf_int(b, "asked", (int64_t)c->asked);
	jbuf_int(b, "answered", (int64_t)c->answered);
	jbuf_close(b, '}');
}

void status_services(struct jbuf *b, const struct router *r)
{
	struct router_service_view v;

	jbuf_open(b, "services", '[');
	for (unsigned i = 0; i < SERVICE_IDS; i++)
		if (router_service_view(r, (enum service_id)i, &v))
			put_service(b, &v, (enum service_id)i);
	jbuf_close(b, ']');
}

void status_services_stats(struct jbuf *b, const struct router *r)
{
	struct router_service_view v;

	jbuf_open(b, "services", '{');
	for (unsigned i = 0; i < SERVICE_IDS; i++)
		if (router_service_view(r, (enum service_id)i, &v))
			put_counters(b, v.service.kind->name, v.service.care);
	jbuf_close(b, '}');
}
