/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to say of a router that was stopped or removed by hand: what does not need it. */
#include "app.h"

json_t *status_off_json(const struct app_off *o, const struct conf_router *c)
{
	const bool removed = o->what == ROUTER_REMOVED;
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "router", c->name, "role", "STOPPED", "state",
			      removed ? "removed" : "stopped", "reason",
			      removed ? "removed by hand" : "stopped by hand");

	json_object_set_new(j, "since", status_time_json(o->since_ms));
	json_object_set_new(j, "fault", json_null());
	json_object_set_new(j, "alarms", json_array());
	json_object_set_new(j, "namespace", json_string(c->namespace));
	json_object_set_new(j, "left_alone", o->left[0] ? json_string(o->left) : json_null());
	status_add_vips(j, c, true);
	return j;
}
