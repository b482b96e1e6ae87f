/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reload: everything that can fail is tried before the first change; then each router gets its
 * difference. What cannot change while it runs is refused by name, and then nothing changes at all.
 */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>

#include "app.h"
#include "startup.h"
#include "vrouter/log.h"

struct text {
	char *buf;
	size_t at;
};

static void add(struct text *t, const char *fmt, ...) printf_like(2, 3);

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->at, APP_TEXT_MAX - t->at, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->at += (size_t)n;
	if (t->at >= APP_TEXT_MAX)
		t->at = APP_TEXT_MAX - 1;
}

int app_sync_conf(const struct conf *c, struct sync_msg_conf *out, char why[static APP_TEXT_MAX])
{
	const struct conf_sync *s = &c->sync;
	char reason[SEAL_REASON_MAX] = "";
	int err;

	memset(out, 0, sizeof(*out));
	snprintf(out->controller, sizeof(out->controller), "%s", c->controller.name);
	memcpy(out->interface, s->interface, sizeof(out->interface));
	out->n_interfaces = s->n_interfaces;
	for (unsigned i = 0; i < s->n_interfaces; i++) {
		out->group[i] = conf_sync_group(s, i);
		out->port[i] = conf_sync_port(s, i);
	}
	memcpy(out->peer, s->peer, sizeof(out->peer));
	out->n_peers = s->n_peers;
	out->no_checksum = !s->checksum;
	out->conntrackd = s->conntrackd;
	out->ctd_mode = s->mode;
	out->tcp = s->tcp;
	out->refresh_s = s->refresh_s;
	out->sealed = s->sealed;
	if (!s->sealed)
		return 0;
	err = seal_keyring_load(&out->keys, s->key_file, reason);
	if (err < 0)
		snprintf(why, APP_TEXT_MAX, "sync: key-file: %s", reason);
	return err;
}

static void add_errors(struct text *t, struct conf_errors *e)
{
	for (unsigned i = 0; i < e->n; i++)
		add(t, "%s%s", i ? "\n" : "", e->text[i]);
	if (e->more)
		add(t, "\nand %u more", e->more);
	conf_errors_free(e);
}

static void refuse_added(const struct app *a, const struct conf_router *r, struct text *t)
{
	const char *what = router_group_refuses(&a->groups, r);

	if (app_find((struct app *)(uintptr_t)a, r->name))
		add(t, "%srouter \"%s\" is still being removed", t->at ? "; " : "", r->name);
	if (what)
		add(t, "%srouter \"%s\": %s cannot change while group \"%s\" runs",
		    t->at ? "; " : "", r->name, what, r->election.group);
}

/* A VIP that was chosen for another router stays that one's. */
static void refuse_vips(const struct app *a, const struct conf_router *c, struct text *t)
{
	char buf[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < conf_legs(c); i++)
		for (unsigned k = 0; k < c->leg[i].n_vips && !c->leg[i].automatic; k++) {
			const struct ip_addr *vip = &c->leg[i].vip[k].addr;
			const struct router *of = app_chosen_for(a, vip);

			if (of && strcmp(router_name(of), c->name) != 0)
				add(t,
				    "%srouter \"%s\": vip \"%s\" was chosen for router \"%s\"; "
				    "allowed: another one",
				    t->at ? "; " : "", c->name, ip_addr_format(vip, buf),
				    router_name(of));
		}
}

/* true: something cannot change. */
static bool refuse(const struct app *a, const struct conf *new, const struct conf_delta *d,
		   unsigned n, struct text *t)
{
	const char *what = conf_diff_global(a->conf, new);

	if (what)
		add(t, "%s%s needs a restart", t->at ? "; " : "", what);
	for (unsigned i = 0; i < new->n_routers; i++)
		refuse_vips(a, &new->router[i], t);
	for (unsigned i = 0; i < n; i++)
		if (d[i].change == CONF_REFUSED &&
		    !app_off_find(a, new->router[d[i].new_index].name))
			add(t, "%srouter \"%s\": %s cannot change while it runs", t->at ? "; " : "",
			    new->router[d[i].new_index].name, d[i].what);
		else if (d[i].change == CONF_ADDED)
			refuse_added(a, &new->router[d[i].new_index], t);
	return t->at != 0;
}

static int apply_one(struct app *a, const struct conf *new, const struct conf_delta *d,
		     struct text *t)
{
	char reason[NET_REASON_MAX] = "";
	const struct conf_router *to = &new->router[d->new_index];
	struct router *r;
	int err = 0;

	switch (d->change) {
	case CONF_SAME:
	case CONF_REFUSED:
		return 0;
	case CONF_LIVE:
		if (app_off_find(a, to->name)) /* when it is started */
			return 0;
		r = app_find(a, to->name);
		err = r ? router_reconfigure(r, to, reason) : -ENOENT;
		break;
	case CONF_ADDED:
		err = app_add_router(a, to, reason);
		break;
	case CONF_REMOVED:
		add(t, "; router \"%s\" removed", a->conf->router[d->old_index].name);
		app_off_forget(a, a->conf->router[d->old_index].name);
		app_end_router(a, a->conf->router[d->old_index].name,
			       "removed from the configuration");
		return 0;
	}
	add(t, "; router \"%s\" %s", to->name, d->change == CONF_ADDED ? "added" : "changed");
	if (err < 0)
		add(t, ", but: %s", reason[0] ? reason : strerror(-err));
	return err;
}

/* Nothing of the process that there is knows routers of the new configuration yet. */
static void change_sync(struct app *a, const struct conf *new, const struct sync_msg_conf *to,
			struct text *t)
{
	if (!conf_protocol_changes(a->conf, new)) {
		sync_child_set_conf(a->sync, to);
		return;
	}
	add(t, "; replication starts anew, with protocol = \"%s\"",
	    new->sync.conntrackd ? "conntrackd" : "native");
	app_warn_protocol(new);
	sync_child_replace(a->sync, to);
}

static int try_all(const struct app *a, struct app_trial *x, struct text *t)
{
	char why[STARTUP_WHY_MAX] = "";
	int err = 0;

	if (startup_check_rules(x->conf, why) < 0) {
		add(t, "%s", why);
		return -EINVAL;
	}
	x->delta = calloc(a->conf->n_routers + x->conf->n_routers, sizeof(*x->delta));
	if (!x->delta)
		return -ENOMEM;
	x->n = conf_diff(a->conf, x->conf, x->delta);
	if (refuse(a, x->conf, x->delta, x->n, t))
		return -EPERM;
	if (app_has_sync(x->conf))
		err = app_sync_conf(x->conf, &x->keys, t->buf);
	if (!err &&
	    (startup_check_links(x->conf, why) < 0 || startup_check_legs(x->conf, why) < 0 ||
	     startup_check_programs(x->conf, why) < 0 || startup_check_services(x->conf, why) < 0 ||
	     startup_check_state(x->conf, why) < 0)) {
		add(t, "%s", why);
		err = -ENODEV;
	}
	return err;
}

int app_trial_new(struct app *a, struct app_trial *out, char why[static APP_TEXT_MAX])
{
	struct text t = {.buf = why};
	struct conf_errors errors = {0};

	*out = (struct app_trial){.n = 0};
	why[0] = '\0';
	if (a->stopping) {
		add(&t, "the daemon is ending");
		return -EBUSY;
	}
	if (app_off_busy(a)) {
		add(&t, "router \"%s\" is being stopped; try again", app_off_busy(a)->name);
		return -EBUSY;
	}
	if (conf_load(&out->conf, a->config, &errors) < 0) {
		add_errors(&t, &errors);
		return -EINVAL;
	}
	return try_all(a, out, &t);
}

void app_trial_free(struct app_trial *t)
{
	conf_free(t->conf);
	free(t->delta);
	explicit_bzero(&t->keys, sizeof(t->keys));
	malloc_trim(0); /* what parsing took */
}

/* Takes the configuration over. */
static int apply(struct app *a, struct app_trial *x, struct text *t)
{
	struct conf *new = x->conf;
	int failed = 0;

	x->conf = NULL;
	add(t, "configuration reloaded");
	if (a->sync)
		change_sync(a, new, &x->keys, t);
	app_know_processes(a, true);
	/* first those that go: what they held may be another's now */
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < x->n; i++)
			if ((x->delta[i].change == CONF_REMOVED) == (pass == 0) &&
			    apply_one(a, new, &x->delta[i], t) < 0)
				failed = -EIO;
	app_know_processes(a, false);
	router_groups_whole(&a->groups);
	for (unsigned i = 0; i < a->n_routers; i++)
		router_rekey(a->router[i]);
	conf_free(a->conf);
	a->conf = new;
	app_set_sync(a);
	app_hold(a); /* `crash` may be another */
	return failed;
}

int app_reload(struct app *a, char buf[static APP_TEXT_MAX])
{
	struct text t = {.buf = buf};
	struct app_trial x;
	int err = app_trial_new(a, &x, buf);

	if (!err)
		err = apply(a, &x, &t);
	app_trial_free(&x);
	return err;
}
