/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrackd as the engine, in status and statistics. */
#include "status.h"

static const enum stock_command told[] = {STOCK_COMMIT, STOCK_FLUSH,  STOCK_RESYNC,
					  STOCK_BULK,	STOCK_TIMERS, STOCK_REQUEST};

void status_stock(struct jbuf *b, const struct router_view *v)
{
	const struct stock_view *s = &v->stock;

	if (!v->has_stock) {
		jbuf_null(b, "conntrackd");
		return;
	}
	jbuf_open(b, "conntrackd", '{');
	jbuf_text(b, "state", service_state_name(s->service.care->state));
	jbuf_int(b, "pid", s->service.pid);
	jbuf_text(b, "reason", s->service.reason);
	jbuf_text(b, "running", s->running ? stock_command_name(s->running) : NULL);
	jbuf_text(b, "failed_command", s->failed ? stock_command_name(s->failed) : NULL);
	jbuf_text(b, "failure", s->failed ? s->reason : NULL);
	jbuf_int(b, "left_out", (int64_t)s->stats.left_out);
	jbuf_close(b, '}');
}

void status_stock_stats(struct jbuf *b, const struct router_view *v)
{
	const struct stock_stats *s = &v->stock.stats;

	if (!v->has_stock) {
		jbuf_null(b, "conntrackd");
		return;
	}
	jbuf_open(b, "conntrackd", '{');
	jbuf_int(b, "starts", (int64_t)s->starts);
	jbuf_int(b, "died", (int64_t)s->died);
	jbuf_int(b, "hung", (int64_t)s->hung);
	jbuf_int(b, "left_out", (int64_t)s->left_out);
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		jbuf_open(b, stock_command_name(told[i]), '{');
		jbuf_int(b, "runs", (int64_t)s->runs[told[i]]);
		jbuf_int(b, "failed", (int64_t)s->failed[told[i]]);
		jbuf_close(b, '}');
	}
	jbuf_close(b, '}');
}
