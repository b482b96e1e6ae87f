/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a dump while what was read before is shown: the kernel's work for a chunk, done inside of
 * recv(), takes about as long as formatting it. A few chunks of memory, whatever the table. */
#include <errno.h>
#include <pthread.h>

#include "flows.h"

#define CHUNK_MAX 65536 /* the kernel fills at most 32 KiB */
#define SLOTS	  4u

struct relay {
	struct mnl_socket *nl;
	char *buf; /* SLOTS chunks */
	ssize_t n[SLOTS];
	pthread_mutex_t lock; /* of the rest */
	pthread_cond_t moved;
	unsigned in, out; /* chunks that were read, and shown */
	bool enough;
};

/* The kernel says nothing behind such a message. */
static bool is_last(const char *buf, int n)
{
	for (const struct nlmsghdr *nlh = (const void *)buf; mnl_nlmsg_ok(nlh, n);
	     nlh = mnl_nlmsg_next(nlh, &n))
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
			return true;
	return false;
}

static bool wait_for_room(struct relay *r)
{
	bool go;

	pthread_mutex_lock(&r->lock);
	while (r->in - r->out == SLOTS && !r->enough)
		pthread_cond_wait(&r->moved, &r->lock);
	go = !r->enough;
	pthread_mutex_unlock(&r->lock);
	return go;
}

static void *read_chunks(void *ctx)
{
	struct relay *r = ctx;
	bool last = false;

	while (!last && wait_for_room(r)) {
		unsigned slot = r->in % SLOTS;
		char *buf = r->buf + slot * (size_t)CHUNK_MAX;
		ssize_t n;

		do
			n = mnl_socket_recvfrom(r->nl, buf, CHUNK_MAX);
		while (n < 0 && errno == EINTR);
		last = n <= 0 || is_last(buf, (int)n);
		r->n[slot] = n < 0 ? -errno : n == 0 ? -EPROTO : n;
		pthread_mutex_lock(&r->lock);
		r->in++;
		pthread_cond_signal(&r->moved);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* The next chunk to fn. 1 more, 0 that was the last or fn has had enough, -errno */
static int show_chunk(struct relay *r, unsigned seq, mnl_cb_t fn, void *ctx)
{
	unsigned slot = r->out % SLOTS;
	int more;

	pthread_mutex_lock(&r->lock);
	while (r->in == r->out)
		pthread_cond_wait(&r->moved, &r->lock);
	pthread_mutex_unlock(&r->lock);
	if (r->n[slot] < 0)
		return (int)r->n[slot];
	more = mnl_cb_run(r->buf + slot * (size_t)CHUNK_MAX, (size_t)r->n[slot], seq,
			  mnl_socket_get_portid(r->nl), fn, ctx);
	if (more < 0)
		return -errno;
	pthread_mutex_lock(&r->lock);
	r->out++;
	pthread_cond_signal(&r->moved);
	pthread_mutex_unlock(&r->lock);
	return more > MNL_CB_STOP;
}

int flows_relay(struct mnl_socket *nl, unsigned seq, mnl_cb_t fn, void *ctx)
{
	auto_free char *buf = malloc(SLOTS * (size_t)CHUNK_MAX);
	struct relay r = {.nl = nl,
			  .buf = buf,
			  .lock = PTHREAD_MUTEX_INITIALIZER,
			  .moved = PTHREAD_COND_INITIALIZER};
	pthread_t reader;
	int more = 1, err;

	if (!buf)
		return -ENOMEM;
	err = pthread_create(&reader, NULL, read_chunks, &r);
	if (err)
		return -err;
	while (more > 0)
		more = show_chunk(&r, seq, fn, ctx);
	pthread_mutex_lock(&r.lock);
	r.enough = true;
	pthread_cond_signal(&r.moved);
	pthread_mutex_unlock(&r.lock);
	pthread_join(reader, NULL);
	return more;
}
