/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router serves, as JSON. */
#include "app.h"

static json_t *status_of(const struct router_service_view *v, enum service_id id)
{
	const struct service_view *s = &v->service;
	json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:b}", "name", s->kind->name, "program",
			      s->kind->program, "state", service_state_name(s->care->state), "pid",
			      (int)s->pid, "asked", s->care->asks);

	json_object_set_new(j, "reason", s->reason[0] ? json_string(s->reason) : json_null());
	json_object_set_new(j, "since", status_time_json(s->since_ms));
	json_object_set_new(j, "starts", json_integer((json_int_t)s->care->starts));
	if (id != SERVICE_NTP)
		return j;
	json_object_set_new(j, "stratum", v->stratum ? json_integer(v->stratum) : json_null());
	json_object_set_new(j, "synchronised",
			    v->stratum ? json_boolean(v->synchronised) : json_null());
	return j;
}

static json_t *stats_of(const struct service_care *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "starts", (json_int_t)c->starts, "died",
			 (json_int_t)c->died, "hung", (json_int_t)c->hung, "asked",
			 (json_int_t)c->asked, "answered", (json_int_t)c->answered);
}

json_t *services_json(const struct router *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < SERVICE_IDS; i++) {
		struct router_service_view v;

		if (router_service_view(r, (enum service_id)i, &v))
			json_array_append_new(list, status_of(&v, (enum service_id)i));
	}
	return list;
}

json_t *service_stats_json(const struct router *r)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < SERVICE_IDS; i++) {
		struct router_service_view v;

		if (router_service_view(r, (enum service_id)i, &v))
			json_object_set_new(j, v.service.kind->name, stats_of(v.service.care));
	}
	return j;
}
