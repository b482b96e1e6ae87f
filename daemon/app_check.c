/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl check`: replication was asked what it counts (app_answer.c), the router looks, and
 * what it found becomes one reply. A few at a time: each has its own sockets. */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "check.h"

#define CHECKS_MAX 4

static json_t *line_json(const struct check_line *l)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s?}", "check", check_name(l->id), "subject",
			 l->subject, "result", check_result_name(l->result), "text", l->text,
			 "advice", l->advice[0] ? l->advice : NULL);
}

static json_t *lines_json(const struct check_lines *lines)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < lines->n; i++)
		json_array_append_new(list, line_json(&lines->at[i]));
	return list;
}

static void on_checked(void *ctx, uint64_t client, const struct router_view *v,
		       const struct check_lines *lines, const char *why)
{
	struct app *a = ctx;
	json_t *data = NULL;

	a->n_checks--;
	if (lines)
		data = json_pack("{s:s, s:s, s:s, s:b, s:i, s:o}", "router", v->conf->name, "role",
				 life_role_name(life_role(v->life->state)), "state",
				 life_state_name(v->life->state), "ok", (int)!lines->wrong, "wrong",
				 (int)lines->wrong, "checks", lines_json(lines));
	if (data)
		ctl_server_reply(a->ctl, client, data);
	else
		ctl_server_error(a->ctl, client, CTL_FAILED, "%s", why ? why : "out of memory");
}

void app_check(struct app *a, uint64_t client, const struct ctl_request *req)
{
	struct router *r = app_find(a, req->router);
	const struct router_check_ask what = {
		.connect = req->connect, .fn = on_checked, .ctx = a, .request = client};
	int err;

	if (!r) { /* gone while replication was asked */
		ctl_server_error(a->ctl, client, CTL_NOT_FOUND, "there is no router \"%s\"",
				 req->router);
		return;
	}
	if (a->n_checks == CHECKS_MAX) {
		ctl_server_error(a->ctl, client, CTL_FAILED,
				 "%d checks are under way already: ask again", CHECKS_MAX);
		return;
	}
	err = router_check(r, &what);
	if (err < 0)
		ctl_server_error(a->ctl, client, CTL_FAILED, "%s",
				 err == -EBUSY ? "the router is being checked already: ask again"
					       : strerror(-err));
	else
		a->n_checks++;
}
