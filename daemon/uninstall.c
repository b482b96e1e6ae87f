/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uninstall.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "guard.h"
#include "ovs.h"
#include "router.h"
#include "router_state.h"
#include "startup.h"

struct work {
	struct conf *conf;
	struct event_base *base;
	struct ovs *ovs;
	int rc;
};

static int load(struct work *w, const char *path)
{
	struct conf_errors errors = {0};
	int err = conf_load(&w->conf, path, &errors);

	for (unsigned i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.text[i]);
	conf_errors_free(&errors);
	return err;
}

/* Nobody may be there who has what is to go. */
static int check(const struct work *w, int *lock)
{
	const char *run_dir = w->conf->controller.run_dir;
	char why[STARTUP_WHY_MAX] = "";
	int err = startup_check_caps(why), guard;

	if (!err)
		err = startup_lock(lock, run_dir, why);
	if (err < 0) {
		fprintf(stderr, "vrouterd: %s%s\n", why,
			err == -EBUSY ? "; stop it first (systemctl stop vrouterd)" : "");
		return err;
	}
	guard = guard_socket_connect(run_dir);
	if (guard < 0)
		return 0;
	close(guard);
	fprintf(stderr, "vrouterd: the guard of a daemon that died stands in for it; it ends by "
			"itself within adopt-timeout, or now: pkill -TERM -x vrouterd-guard\n");
	return -EBUSY;
}

static void remove_router(struct work *w, const struct conf_router *c)
{
	char left[NET_LEFT_MAX], reason[NET_REASON_MAX] = "";
	struct net_desired d;
	int err;

	conf_net_desired(&d, c, false);
	router_ovs_return(w->ovs, c);
	err = net_clear(c->namespace, &d, true, left, reason);
	router_state_forget(w->conf->controller.run_dir, w->conf->controller.state_dir, c->name);
	if (err < 0)
		fprintf(stderr, "vrouterd: router \"%s\": %s\n", c->name, reason);
	else if (left[0])
		fprintf(stderr,
			"vrouterd: router \"%s\": namespace %s stays: what is left in it is none "
			"of "
			"vrouterd's (%s)\n",
			c->name, c->namespace, left);
	else
		printf("router \"%s\": removed, with namespace %s\n", c->name, c->namespace);
	if (err < 0 || left[0])
		w->rc = EXIT_FAILURE;
}

static void on_host_nat(void *ctx, const char *why)
{
	struct work *w = ctx;

	if (!why)
		return;
	fprintf(stderr, "vrouterd: %s\n", why);
	w->rc = EXIT_FAILURE;
}

/* Rules of host links in the controller's own namespace. */
static void remove_host_nat(struct work *w)
{
	struct host_nat *h;

	if (host_nat_new(&h, w->base, on_host_nat, w) < 0) {
		on_host_nat(w, "out of memory");
		return;
	}
	event_base_loop(w->base, EVLOOP_ONCE);
	host_nat_free(h);
}

/* Of servers that a daemon which died has left: a folder each, with plain files. */
static void remove_services(const char *run_dir)
{
	char path[CONF_PATH_MAX + NAME_MAX + 16];
	const struct dirent *e, *f;
	DIR *dir, *folder;

	snprintf(path, sizeof(path), "%s/services", run_dir);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/services/%s", run_dir, e->d_name);
		folder = opendir(path);
		while (folder && (f = readdir(folder)))
			unlinkat(dirfd(folder), f->d_name, 0);
		if (folder)
			closedir(folder);
		rmdir(path);
	}
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), "%s/services", run_dir);
	rmdir(path);
}

static void remove_run_dir(struct work *w)
{
	const char *run_dir = w->conf->controller.run_dir;
	char path[CONF_PATH_MAX + 16];

	remove_services(run_dir);
	guard_socket_remove(run_dir);
	unlink(w->conf->controller.control_socket);
	snprintf(path, sizeof(path), "%s/vrouterd.pid", run_dir);
	unlink(path);
	if (rmdir(run_dir) == 0)
		return;
	fprintf(stderr, "vrouterd: %s stays: %s\n", run_dir, strerror(errno));
	w->rc = EXIT_FAILURE;
}

int uninstall(const char *config)
{
	struct work w = {.rc = EXIT_FAILURE};
	int lock = -1;

	if (load(&w, config) < 0 || check(&w, &lock) < 0)
		goto out;
	w.base = event_base_new();
	if (!w.base || ovs_new(&w.ovs, w.base, w.conf->controller.ovs_db) < 0) {
		fprintf(stderr, "vrouterd: out of memory\n");
		goto out;
	}
	w.rc = EXIT_SUCCESS;
	for (unsigned i = 0; i < w.conf->n_routers; i++)
		remove_router(&w, &w.conf->router[i]);
	while (ovs_works(w.ovs) && event_base_loop(w.base, EVLOOP_ONCE) == 0)
		;
	remove_host_nat(&w);
	remove_run_dir(&w);
out:
	ovs_free(w.ovs);
	if (w.base)
		event_base_free(w.base);
	if (lock >= 0)
		close(lock);
	conf_free(w.conf);
	return w.rc;
}
