/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl_list.h"

#include <string.h>

struct ctl_list {
	struct ctl_pieces pieces; /* first */
	const struct ctl_list_ops *ops;
	void *ctx;
	struct ctl_request req;
	char *names; /* one behind the other, each with its NUL */
	size_t len, cap, at;
	bool begun, failed;
};

static bool more(struct ctl_pieces *p, struct jbuf *out)
{
	struct ctl_list *l = (struct ctl_list *)p;

	if (!l->begun) {
		l->begun = true;
		l->ops->open(l->ctx, &l->req, out);
	} else if (l->at < l->len) {
		const char *name = l->names + l->at;

		l->at += strlen(name) + 1;
		l->ops->item(l->ctx, &l->req, name, out);
	} else {
		l->ops->close(&l->req, out);
		return false;
	}
	return true;
}

static void end(struct ctl_pieces *p)
{
	struct ctl_list *l = (struct ctl_list *)p;

	free(l->names);
	free(l);
}

struct ctl_list *ctl_list_new(const struct ctl_list_ops *ops, void *ctx,
			      const struct ctl_request *req)
{
	struct ctl_list *l = malloc(sizeof(*l));

	if (l)
		*l = (struct ctl_list){
			.pieces = {.more = more, .end = end}, .ops = ops, .ctx = ctx, .req = *req};
	return l;
}

void ctl_list_add(struct ctl_list *l, const char *name)
{
	size_t n = strlen(name) + 1, cap = l->cap ? l->cap : 256;
	char *bigger;

	while (cap - l->len < n)
		cap *= 2;
	if (cap != l->cap) {
		bigger = realloc(l->names, cap);
		if (!bigger) {
			l->failed = true;
			return;
		}
		l->names = bigger;
		l->cap = cap;
	}
	memcpy(l->names + l->len, name, n);
	l->len += n;
}

void ctl_list_send(struct ctl_list *l, struct ctl_server *s, uint64_t client)
{
	if (!l->failed) {
		ctl_server_pieces(s, client, &l->pieces);
		return;
	}
	ctl_server_error(s, client, CTL_FAILED, "out of memory");
	end(&l->pieces);
}
