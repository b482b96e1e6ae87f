/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrackd as the engine, in status and statistics. */
#include "status_stock.h"

static const enum stock_command told[] = {STOCK_COMMIT, STOCK_FLUSH,  STOCK_RESYNC,
					  STOCK_BULK,	STOCK_TIMERS, STOCK_REQUEST};

json_t *stock_status_json(const struct router_view *v)
{
	const struct stock_view *s = &v->stock;

	if (!v->has_stock)
		return json_null();
	return json_pack("{s:s, s:i, s:s, s:s?, s:s?, s:s?, s:I}", "state",
			 service_state_name(s->service.care->state), "pid", (int)s->service.pid,
			 "reason", s->service.reason, "running",
			 s->running ? stock_command_name(s->running) : NULL, "failed_command",
			 s->failed ? stock_command_name(s->failed) : NULL, "failure",
			 s->failed ? s->reason : NULL, "left_out", (json_int_t)s->stats.left_out);
}

json_t *stock_stats_json(const struct router_view *v)
{
	const struct stock_stats *s = &v->stock.stats;
	json_t *j;

	if (!v->has_stock)
		return json_null();
	j = json_pack("{s:I, s:I, s:I, s:I}", "starts", (json_int_t)s->starts, "died",
		      (json_int_t)s->died, "hung", (json_int_t)s->hung, "left_out",
		      (json_int_t)s->left_out);
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		json_object_set_new(j, stock_command_name(told[i]),
				    json_pack("{s:I, s:I}", "runs", (json_int_t)s->runs[told[i]],
					      "failed", (json_int_t)s->failed[told[i]]));
	return j;
}
