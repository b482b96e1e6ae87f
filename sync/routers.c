/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routers.h"

#include <errno.h>
#include <string.h>

#include "vrouter/log.h"

#define QUIET_MS      100 /* for so many routers, and as much more as there are more of them */
#define QUIET_ROUTERS 8
#define QUIET_MAX_MS  12800

unsigned routers_from(const struct routers *r, uint32_t id)
{
	unsigned low = 0, high = r->n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (replication_id(r->at[mid]) < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

unsigned routers_find(const struct routers *r, uint32_t id)
{
	unsigned at = routers_from(r, id);

	return at < r->n && replication_id(r->at[at]) == id ? at : r->n;
}

struct replication *routers_by_name(const struct routers *r, const char *name)
{
	unsigned at = routers_find(r, id_of(name));

	if (at < r->n && strcmp(replication_name(r->at[at]), name) == 0)
		return r->at[at];
	return NULL;
}

bool routers_have_peer(const struct routers *r, uint32_t id)
{
	for (unsigned i = 0; i < r->n; i++)
		if (replication_has_peer(r->at[i], id))
			return true;
	return false;
}

static int reserve(struct routers *r)
{
	unsigned cap = r->cap ? 2 * r->cap : 8;
	struct replication **at;
	bool *touched;

	if (r->n < r->cap)
		return 0;
	at = reallocarray(r->at, cap, sizeof(struct replication *));
	if (at)
		r->at = at;
	touched = reallocarray(r->touched, cap, sizeof(*touched));
	if (touched)
		r->touched = touched;
	if (!at || !touched)
		return -ENOMEM;
	memset(r->touched + r->cap, 0, (cap - r->cap) * sizeof(*touched));
	r->cap = cap;
	return 0;
}

/* So that all routers together say some eighty STATUS a second at most, where nothing happens. */
static void pace(struct routers *r, struct shared *shared)
{
	uint32_t ms = QUIET_MS;

	for (unsigned room = QUIET_ROUTERS; room < r->n && ms < QUIET_MAX_MS; room *= 2)
		ms *= 2;
	if (ms == shared->quiet_ms)
		return;
	shared->quiet_ms = ms;
	for (unsigned i = 0; i < r->n; i++)
		replication_quiet(r->at[i], ms);
}

int routers_add(struct routers *r, struct shared *shared, const struct sync_msg_router *conf,
		const int fds[static SYNC_FDS], bool *taken)
{
	unsigned at = routers_from(r, id_of(conf->router));
	struct replication *fresh;
	int err;

	if (at < r->n && replication_id(r->at[at]) == id_of(conf->router)) {
		log_err("sync", conf->router, "its name has the same id as that of router %s",
			replication_name(r->at[at]));
		return 0; /* the others shall go on */
	}
	err = reserve(r);
	if (err < 0)
		return err;
	*taken = true;
	err = replication_new(&fresh, shared, conf, fds);
	if (err < 0)
		return err;
	memmove(r->at + at + 1, r->at + at, (r->n - at) * sizeof(struct replication *));
	memmove(r->touched + at + 1, r->touched + at, (r->n - at) * sizeof(*r->touched));
	r->at[at] = fresh;
	r->touched[at] = false;
	r->n++;
	pace(r, shared);
	return 0;
}

void routers_del(struct routers *r, struct shared *shared, const struct replication *which)
{
	unsigned at = routers_find(r, replication_id(which));

	replication_free(r->at[at]);
	r->n--;
	memmove(r->at + at, r->at + at + 1, (r->n - at) * sizeof(struct replication *));
	memmove(r->touched + at, r->touched + at + 1, (r->n - at) * sizeof(*r->touched));
	pace(r, shared);
}

int routers_query(struct routers *r, const struct sync_msg_role *m)
{
	struct replication *one;

	if (!memchr(m->router, '\0', sizeof(m->router)))
		return -EPROTO;
	if (m->router[0]) {
		one = routers_by_name(r, m->router);
		if (one)
			replication_query(one);
		return 0;
	}
	for (unsigned i = 0; i < r->n; i++)
		replication_query(r->at[i]);
	return 0;
}

void routers_fini(struct routers *r)
{
	while (r->n)
		replication_free(r->at[--r->n]);
	free(r->at);
	free(r->touched);
	*r = (struct routers){.n = 0};
}
