/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the control socket: one table of verbs, one strict parser. Whatever is not in the
 * table is refused, so that a misspelt argument is not silently without effect. */
#include <errno.h>
#include <string.h>

#include "conf_option.h"
#include "vrouter/control.h"

const struct ctl_verb ctl_verbs[CTL_CMDS] = {
	[CTL_STATUS] = {"status", "roles, faults and alarms of all routers, or one", true, false},
	[CTL_FLOWS] = {"flows", "the flows that a router holds in its kernel table", true, false},
	[CTL_PEERS] = {"peers", "the other controllers, and how far they are", true, false},
	[CTL_STATS] = {"stats", "every counter", true, false},
	[CTL_PROMOTE] = {"promote", "make a router ACTIVE here", true, true},
	[CTL_DEMOTE] = {"demote", "hand a router over to another controller", true, true},
	[CTL_STOP] = {"stop", "hand a router over, and take it down here", true, true},
	[CTL_START] = {"start", "start a router that was stopped or removed", true, true},
	[CTL_REMOVE] = {"remove", "stop a router, and take away all that it made", true, true},
	[CTL_VERIFY] = {"verify", "compare the tables of source and replicas now", true, true},
	[CTL_CHECK] = {"check", "does all of a router work?", true, true},
	[CTL_PLAN] = {"plan", "what a reload would change", false, false},
	[CTL_EVENTS] = {"events", "what happened, oldest first", false, false},
	[CTL_RELOAD] = {"reload", "read the config file again", false, false},
	[CTL_UPGRADE] = {"upgrade", "go on with the binary that is installed now", false, false},
	[CTL_VERSION] = {"version", "the daemon's version", false, false},
};

const char *ctl_code_name(enum ctl_code c)
{
	static const char *const name[CTL_CODES] = {"usage", "failed", "not-found"};

	return name[c];
}

static int take_cmd(struct ctl_request *r, const json_t *cmd, char why[static CTL_WHY_MAX])
{
	const char *name = json_string_value(cmd);

	for (unsigned i = 0; name && i < CTL_CMDS; i++) {
		if (strcmp(ctl_verbs[i].name, name) == 0) {
			r->cmd = (enum ctl_cmd)i;
			return 0;
		}
	}
	snprintf(why, CTL_WHY_MAX, name ? "unknown cmd \"%.40s\"" : "cmd is missing or no text%s",
		 name ? name : "");
	return -EINVAL;
}

static int take_router(struct ctl_request *r, const json_t *v)
{
	if (!ctl_verbs[r->cmd].takes_router || !json_is_string(v) ||
	    json_string_length(v) >= sizeof(r->router) ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return -EINVAL;
	strcpy(r->router, json_string_value(v));
	return 0;
}

static int take_flag(bool *flag, const json_t *v, bool known)
{
	if (!known || !json_is_boolean(v))
		return -EINVAL;
	*flag = json_is_true(v);
	return 0;
}

static int take_lines(struct ctl_request *r, const json_t *v)
{
	if (r->cmd != CTL_EVENTS || !json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > 1000000)
		return -EINVAL;
	r->lines = (unsigned)json_integer_value(v);
	return 0;
}

static int take_connect(struct ctl_request *r, const json_t *v)
{
	const char *text = json_string_value(v);

	if (r->cmd != CTL_CHECK || !text || strlen(text) != json_string_length(v) ||
	    conf_target_parse(&r->connect, text) || !r->connect.port ||
	    !ip_addr_is_host(&r->connect.addr))
		return -EINVAL;
	return 0;
}

static int take_arg(struct ctl_request *r, const char *key, const json_t *v)
{
	bool moves = r->cmd == CTL_PROMOTE || r->cmd == CTL_DEMOTE;

	if (strcmp(key, "router") == 0)
		return take_router(r, v);
	if (strcmp(key, "force") == 0)
		return take_flag(&r->force, v, moves);
	if (strcmp(key, "follow") == 0)
		return take_flag(&r->follow, v, r->cmd == CTL_EVENTS);
	if (strcmp(key, "brief") == 0)
		return take_flag(&r->brief, v, r->cmd == CTL_STATUS);
	if (strcmp(key, "lines") == 0)
		return take_lines(r, v);
	if (strcmp(key, "connect") == 0)
		return take_connect(r, v);
	return -EINVAL;
}

static int take_args(struct ctl_request *r, json_t *args, char why[static CTL_WHY_MAX])
{
	const char *key;
	json_t *v;

	if (args && !json_is_object(args)) {
		snprintf(why, CTL_WHY_MAX, "args is no object");
		return -EINVAL;
	}
	json_object_foreach(args, key, v)
	{
		if (take_arg(r, key, v) < 0) {
			snprintf(why, CTL_WHY_MAX, "%s: argument \"%.40s\" is unknown or wrong",
				 ctl_verbs[r->cmd].name, key);
			return -EINVAL;
		}
	}
	if (ctl_verbs[r->cmd].needs_router && !r->router[0]) {
		snprintf(why, CTL_WHY_MAX, "%s: argument \"router\" is missing",
			 ctl_verbs[r->cmd].name);
		return -EINVAL;
	}
	return 0;
}

int ctl_request_parse(struct ctl_request *out, const char *line, size_t len,
		      char why[static CTL_WHY_MAX])
{
	struct ctl_request r = {.lines = UINT32_MAX};
	json_error_t where;
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
	const char *key;
	json_t *v;
	int err = 0;

	if (!json_is_object(root)) {
		snprintf(why, CTL_WHY_MAX, "no JSON object: %.100s",
			 root ? "another value" : where.text);
		json_decref(root);
		return -EINVAL;
	}
	json_object_foreach(root, key, v)
	{
		if (strcmp(key, "cmd") != 0 && strcmp(key, "args") != 0) {
			snprintf(why, CTL_WHY_MAX, "unknown member \"%.40s\"", key);
			err = -EINVAL;
		}
	}
	if (!err)
		err = take_cmd(&r, json_object_get(root, "cmd"), why);
	if (!err)
		err = take_args(&r, json_object_get(root, "args"), why);
	json_decref(root);
	if (!err)
		*out = r;
	return err;
}
