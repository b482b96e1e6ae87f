/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl verify`: replication is asked to compare, its answer comes in parts and becomes one
 * reply. One at a time for each router; whatever happens, the client gets an answer. */
#include <string.h>

#include <event2/event.h>

#include "app.h"
#include "clock.h"
#include "vrouter/conntrack.h"

#define ANSWER_MS (ENGINE_VERIFY_MAX_MS + 4000) /* vrouterctl waits longer */

struct app_verify {
	struct app_verify *next;
	struct app *app;
	char router[64];
	uint64_t client;
	uint32_t request;
	bool unequal;
	json_t *replicas;
	uint32_t id; /* of the last one in it */
	struct event *timer;
};

/* reason: why nothing was compared; NULL: it was. Takes v out and frees it. */
static void reply(struct app_verify *v, const char *reason)
{
	struct app *a = v->app;
	struct app_verify **at = &a->verify;
	bool equal = !reason && !v->unequal && json_array_size(v->replicas) > 0;
	json_t *data = json_pack("{s:s, s:b, s:s?, s:O}", "router", v->router, "equal", (int)equal,
				 "reason", reason, "replicas", v->replicas);

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	if (data)
		ctl_server_reply(a->ctl, v->client, data);
	else
		ctl_server_error(a->ctl, v->client, CTL_FAILED, "out of memory");
	event_free(v->timer);
	json_decref(v->replicas);
	free(v);
}

/* ---- what replication says ---- */

static json_t *finding_json(const struct verify_finding *f)
{
	const struct flow *flow = f->source.family ? &f->source : &f->replica;
	char text[FLOW_TEXT_MAX];
	json_t *j = json_pack("{s:s, s:s}", "what", verify_what_name(f->what), "flow",
			      flow_text(flow, text));

	if (f->what == VERIFY_DIFFERENT && f->replica.family)
		json_object_set_new(j, "replica_flow", json_string(flow_text(&f->replica, text)));
	return j;
}

static void add_replica(struct app_verify *v, const struct verify_page *p)
{
	bool compared = p->outcome == VERIFY_COMPARED;
	bool equal = compared && !p->missing && !p->extra && !p->different && !p->more;
	const char *reason = verify_outcome_text(p->outcome);
	json_t *j = json_pack("{s:s, s:s, s:b, s:s?, s:I, s:I, s:I, s:I, s:b, s:[]}", "controller",
			      p->name, "state", engine_phase_name((enum engine_phase)p->phase),
			      "equal", (int)equal, "reason", compared ? NULL : reason, "flows",
			      (json_int_t)p->flows, "missing", (json_int_t)p->missing, "extra",
			      (json_int_t)p->extra, "different", (json_int_t)p->different, "more",
			      (int)p->more, "findings");

	v->unequal |= !equal;
	v->id = p->id;
	json_array_append_new(v->replicas, j);
}

static void take_page(struct app_verify *v, const struct verify_page *p)
{
	json_t *findings;

	if (!json_array_size(v->replicas) || v->id != p->id)
		add_replica(v, p);
	findings = json_object_get(json_array_get(v->replicas, json_array_size(v->replicas) - 1),
				   "findings");
	for (unsigned i = 0; i < p->n; i++)
		json_array_append_new(findings, finding_json(&p->finding[i]));
}

void app_verify_page(struct app *a, const struct sync_msg_verified *m)
{
	const struct verify_page *p = &m->page;
	struct app_verify *v = a->verify;

	while (v && v->request != p->request)
		v = v->next;
	if (!v || p->n > VERIFY_PAGE_MAX || !memchr(p->name, '\0', sizeof(p->name)))
		return;
	if (p->id)
		take_page(v, p);
	if (p->last)
		reply(v, p->id ? NULL : verify_outcome_text(p->outcome));
}

/* ---- the request ---- */

static void on_late(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	reply(ctx, "replication does not answer");
}

static struct app_verify *add(struct app *a, const char *router, uint64_t client)
{
	struct timeval tv = timeval_ms(ANSWER_MS);
	struct app_verify *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	*v = (struct app_verify){.next = a->verify,
				 .app = a,
				 .client = client,
				 .request = ++a->verify_requests,
				 .replicas = json_array(),
				 .timer = evtimer_new(a->base, on_late, v)};
	snprintf(v->router, sizeof(v->router), "%s", router);
	if (!v->replicas || !v->timer || evtimer_add(v->timer, &tv) < 0) {
		json_decref(v->replicas);
		if (v->timer)
			event_free(v->timer);
		free(v);
		return NULL;
	}
	a->verify = v;
	return v;
}

void app_verify(struct app *a, const char *router, uint64_t client)
{
	struct sync_msg m = {.type = SYNC_MSG_VERIFY};
	struct app_verify *v = a->verify;

	while (v && strcmp(v->router, router) != 0)
		v = v->next;
	if (v) {
		ctl_server_error(a->ctl, client, CTL_FAILED,
				 "%s is being verified already, for somebody else", router);
		return;
	}
	v = add(a, router, client);
	if (!v) {
		ctl_server_error(a->ctl, client, CTL_FAILED, "out of memory");
	} else if (!a->sync) {
		reply(v, "there is no replication: the configuration has no section sync");
	} else if (!sync_child_is_up(a->sync)) {
		reply(v, "the replication process does not run");
	} else {
		snprintf(m.role.router, sizeof(m.role.router), "%s", router);
		m.role.request = v->request;
		sync_child_send(a->sync, &m, NULL, 0);
	}
}

void app_verify_down(struct app *a, const char *why)
{
	while (a->verify)
		reply(a->verify, why);
}

void app_verify_ended(struct app *a)
{
	struct app_verify *next;

	for (struct app_verify *v = a->verify; v; v = next) {
		next = v->next;
		if (!app_find(a, v->router))
			reply(v, "the router is gone");
	}
}
