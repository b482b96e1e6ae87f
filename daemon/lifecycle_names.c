/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people call the states, roles and events of a router, and what a state means. */
#include "vrouter/lifecycle.h"

const char *life_state_name(enum life_state s)
{
	static const char *const name[LIFE_STATES] = {
		[LIFE_INIT] = "init",		[LIFE_STANDBY] = "standby",
		[LIFE_PROMOTING] = "promoting", [LIFE_ACTIVE] = "active",
		[LIFE_DRAINING] = "draining",	[LIFE_RESIGNING] = "resigning",
		[LIFE_LINGERING] = "lingering", [LIFE_FAULT] = "fault",
		[LIFE_STOPPED] = "stopped",
	};

	return name[s];
}

enum life_role life_role(enum life_state s)
{
	switch (s) {
	case LIFE_INIT:
	case LIFE_STOPPED:
	case LIFE_STATES:
		return LIFE_ROLE_INIT;
	case LIFE_STANDBY:
	case LIFE_PROMOTING:
	case LIFE_LINGERING:
		return LIFE_ROLE_STANDBY;
	case LIFE_ACTIVE:
	case LIFE_DRAINING:
	case LIFE_RESIGNING:
		return LIFE_ROLE_ACTIVE;
	case LIFE_FAULT:
		break;
	}
	return LIFE_ROLE_FAULT;
}

const char *life_role_name(enum life_role r)
{
	static const char *const name[] = {"INIT", "STANDBY", "ACTIVE", "FAULT"};

	return name[r];
}

const char *life_sync_name(enum life_sync s)
{
	static const char *const name[LIFE_SYNCS] = {"none",	"down",	 "alone",
						     "syncing", "ready", "source"};

	return name[s];
}

const char *life_event_name(enum life_event e)
{
	static const char *const name[LIFE_EVENTS] = {
		"built",   "adopt",	"fault",      "recovered", "elected", "lost",
		"sync-up", "sync-down", "sync-phase", "promoted",  "drained", "promote",
		"demote",  "wanted",	"stop",	      "timer",
	};

	return name[e];
}

bool life_wants_vips(const struct life *l)
{
	return life_role(l->state) == LIFE_ROLE_ACTIVE;
}

bool life_keeps_vips(const struct life *l)
{
	return life_wants_vips(l) || l->state == LIFE_LINGERING;
}

bool life_waits_for_replica(const struct life *l, uint64_t now_ms)
{
	return l->sync != LIFE_SYNC_NONE && l->sync != LIFE_SYNC_READY &&
	       l->sync != LIFE_SYNC_SOURCE && now_ms < l->hold_until_ms;
}

/* Known before it is ACTIVE, as the first advertisement leaves within the election's step. */
bool life_is_blind(const struct life *l, uint64_t now_ms)
{
	return l->electing && l->sync != LIFE_SYNC_NONE && !l->had_table &&
	       now_ms < l->hold_until_ms;
}
