/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon and its replication process: what that says goes to the router it is about. */
#include "app.h"

#include <errno.h>
#include <string.h>

#include "adopt.h"
#include "build_id.h"
#include "vrouter/log.h"

static void on_sync_up(void *ctx)
{
	struct app *a = ctx;
	const char *what = sync_child_is_kept(a->sync) ? "adopted" : "up";
	struct happening h = {.type = HAPPENING_SYNC};

	snprintf(h.text, sizeof(h.text), "replication process is %s", what);
	log_info("sync", NULL, "replication process %d is %s", sync_child_pid(a->sync), what);
	app_happening(a, &h);
	for (unsigned i = 0; i < a->n_routers; i++)
		router_on_sync_up(a->router[i]);
	if (sync_child_is_kept(a->sync)) /* what it has told, it has told another */
		sync_child_send(a->sync, &(struct sync_msg){.type = SYNC_MSG_QUERY}, NULL, 0);
	app_hold(a);
}

static void on_sync_down(void *ctx, const char *why)
{
	struct app *a = ctx;
	struct happening h = {.type = HAPPENING_SYNC, .text = "replication process died"};

	snprintf(h.reason, sizeof(h.reason), "%s", why);
	app_happening(a, &h);
	a->n_links = 0;
	app_verify_down(a, "the replication process died");
	for (unsigned i = 0; i < a->n_routers; i++)
		router_on_sync_down(a->router[i]);
	app_answer_now(a);
}

static void take_link(struct app *a, const struct sync_msg_link *m)
{
	struct happening h = {.type = HAPPENING_SYNC};
	unsigned i = 0;

	while (i < a->n_links && strcmp(a->link[i].interface, m->interface) != 0)
		i++;
	if (!m->up && i < a->n_links && strcmp(a->link[i].text, m->text) == 0)
		return; /* told again */
	if (!m->up && i < APP_LINKS_MAX) {
		a->link[i] = *m;
		a->n_links = i == a->n_links ? i + 1 : a->n_links;
	} else if (m->up && i < a->n_links) {
		a->link[i] = a->link[--a->n_links];
	}
	snprintf(h.text, sizeof(h.text), "link %s is %s", m->interface, m->up ? "up" : "down");
	snprintf(h.reason, sizeof(h.reason), "%s", m->text);
	if (m->up)
		log_info("sync", m->interface, "link is up");
	else
		log_warn("sync", m->interface, "link is down: %s", m->text);
	app_happening(a, &h);
}

/* The router that a message is for; NULL: none. */
static const char *router_of(const struct sync_msg *m)
{
	static const size_t name[] = {
		[SYNC_MSG_PROMOTED] = offsetof(struct sync_msg, role.router),
		[SYNC_MSG_DRAINED] = offsetof(struct sync_msg, role.router),
		[SYNC_MSG_REPORT] = offsetof(struct sync_msg, report.router),
		[SYNC_MSG_ASKED] = offsetof(struct sync_msg, path.router),
		[SYNC_MSG_VOUCHED] = offsetof(struct sync_msg, path.router),
		[SYNC_MSG_BEATS] = offsetof(struct sync_msg, path.router),
		[SYNC_MSG_WANTED] = offsetof(struct sync_msg, path.router),
		[SYNC_MSG_LEAVING] = offsetof(struct sync_msg, leaving.router),
		[SYNC_MSG_NEIGH] = offsetof(struct sync_msg, neigh.router),
		[SYNC_MSG_RESERVED] = offsetof(struct sync_msg, reserve.router),
	};

	if (m->type >= ARRAY_LEN(name) || !name[m->type])
		return NULL;
	return (const char *)m + name[m->type];
}

/* It may have a router that the core before this one had. */
static void take_away(const struct app *a, const char *name)
{
	struct sync_msg m = {.type = SYNC_MSG_ROUTER_DEL};

	snprintf(m.role.router, sizeof(m.role.router), "%s", name);
	sync_child_send(a->sync, &m, NULL, 0);
}

static void on_sync_message(void *ctx, const struct sync_msg *m)
{
	struct app *a = ctx;
	const char *name = router_of(m);
	struct router *r = name ? app_find(a, name) : NULL;

	if (m->type == SYNC_MSG_LINK)
		take_link(a, &m->link);
	if (m->type == SYNC_MSG_DIAL && a->dial)
		sync_dial_request(a->dial, &m->stream);
	if (m->type == SYNC_MSG_VERIFIED)
		app_verify_page(a, &m->verified);
	if (r)
		router_on_sync_message(r, m);
	else if (m->type == SYNC_MSG_REPORT && m->report.answer && sync_child_is_kept(a->sync))
		take_away(a, name);
	if (m->type == SYNC_MSG_REPORT && m->report.answer)
		app_answer_report(a, name);
}

static void give_stream(void *ctx, const struct sync_msg_stream *s, int fd)
{
	const struct sync_msg m = {.type = SYNC_MSG_STREAM, .stream = *s};
	struct app *a = ctx;

	sync_child_send(a->sync, &m, &fd, 1);
}

/* The one that a guard has kept for us, or NULL. */
static const struct sync_child_kept *take_kept(const struct app *a, struct sync_child_kept *kept)
{
	uint64_t id = conf_sync_id(a->conf, VR_BUILD);

	return adopt_take_sync(a->adopt, id, kept) ? kept : NULL;
}

bool app_has_sync(const struct conf *c)
{
	return c->sync.present && !c->sync.stock;
}

void app_warn_protocol(const struct conf *c)
{
	if (c->sync.conntrackd)
		log_warn("sync", NULL,
			 "protocol = \"conntrackd\" (%s): nothing is sealed, whoever can send on "
			 "%s can change flows; nobody says when a table is complete",
			 ctd_mode_name(c->sync.mode), c->sync.interface[0]);
}

void app_set_sync(struct app *a)
{
	a->env.ring_bytes = a->conf->sync.ring_kb * 1024;
	a->env.hold_new_ms = a->conf->sync.hold_new_ms;
}

int app_start_sync(struct app *a)
{
	static const struct sync_child_ops ops = {
		.on_up = on_sync_up, .on_down = on_sync_down, .on_message = on_sync_message};
	struct spawn_opts opts = app_spawn_opts(a);
	char why[APP_TEXT_MAX] = "";
	struct sync_child_kept kept;
	struct sync_msg_conf conf;
	int err;

	if (!app_has_sync(a->conf))
		return 0;
	app_warn_protocol(a->conf);
	err = app_sync_conf(a->conf, &conf, why);
	if (!err && conf.tcp)
		err = sync_dial_new(&a->dial, a->base, &conf, give_stream, a);
	if (!err)
		err = sync_child_new(&a->sync, a->base, &conf, &opts, take_kept(a, &kept), &ops, a);
	explicit_bzero(&conf, sizeof(conf));
	if (err < 0)
		log_err("vrouterd", NULL, "%s", why[0] ? why : strerror(-err));
	return err;
}
