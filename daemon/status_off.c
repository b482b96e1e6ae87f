/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to say of a router that was stopped or removed by hand: what does not need it. */
#include "status.h"

void status_off(struct jbuf *b, const struct app_off *o, const struct conf_router *c, bool brief)
{
	const bool removed = o->what == ROUTER_REMOVED;
	char since[STATUS_TIME_LEN];

	jbuf_open(b, NULL, '{');
	jbuf_text(b, "router", c->name);
	jbuf_text(b, "role", "STOPPED");
	jbuf_text(b, "state", removed ? "removed" : "stopped");
	jbuf_text(b, "reason", removed ? "removed by hand" : "stopped by hand");
	jbuf_text(b, "since", status_time(o->since_ms, since));
	jbuf_null(b, "fault");
	jbuf_open(b, "alarms", '[');
	jbuf_close(b, ']');
	if (!brief) {
		jbuf_text(b, "namespace", c->namespace);
		jbuf_said(b, "left_alone", o->left);
		status_vips(b, c, true);
	}
	jbuf_close(b, '}');
}
