/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stock_plan.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vrouter/util.h"

static const struct {
	const char *name, *option;
} command[STOCK_COMMANDS] = {
	[STOCK_NONE] = {"none", ""},	     [STOCK_COMMIT] = {"commit", "-c"},
	[STOCK_FLUSH] = {"flush", "-f"},     [STOCK_RESYNC] = {"resync", "-R"},
	[STOCK_BULK] = {"bulk", "-B"},	     [STOCK_TIMERS] = {"shorten-timers", "-t"},
	[STOCK_REQUEST] = {"request", "-n"}, [STOCK_STATUS] = {"status", "-s"},
};

const char *stock_command_name(enum stock_command c)
{
	return command[c].name;
}

const char *stock_command_option(enum stock_command c)
{
	return command[c].option;
}

static void set(struct stock_plan *p, const enum stock_command *list, unsigned n)
{
	memcpy(p->due, list, n * sizeof(*list));
	p->n = n;
}

void stock_plan_promote(struct stock_plan *p)
{
	static const enum stock_command list[] = {STOCK_COMMIT, STOCK_FLUSH, STOCK_RESYNC,
						  STOCK_BULK};

	set(p, list, ARRAY_LEN(list));
}

void stock_plan_demote(struct stock_plan *p)
{
	static const enum stock_command list[] = {STOCK_TIMERS, STOCK_REQUEST};

	set(p, list, ARRAY_LEN(list));
}

void stock_plan_up(struct stock_plan *p, bool active)
{
	static const enum stock_command source[] = {STOCK_RESYNC, STOCK_BULK},
					replica[] = {STOCK_REQUEST};

	if (active)
		set(p, source, ARRAY_LEN(source));
	else
		set(p, replica, ARRAY_LEN(replica));
}

void stock_plan_clear(struct stock_plan *p)
{
	p->n = 0;
}

bool stock_plan_has(const struct stock_plan *p, enum stock_command c)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->due[i] == c)
			return true;
	return false;
}

enum stock_command stock_plan_next(struct stock_plan *p)
{
	enum stock_command c = p->n ? p->due[0] : STOCK_NONE;

	if (p->n)
		memmove(p->due, p->due + 1, --p->n * sizeof(*p->due));
	return c;
}

bool stock_left_out(const char *line, unsigned *n)
{
	const char *end = strstr(line, " entries can't be committed"), *p;

	if (!end)
		end = strstr(line, " expectations can't be committed");
	if (!end)
		return false;
	for (p = end; p > line && p[-1] >= '0' && p[-1] <= '9'; p--)
		;
	*n = p == end ? 0 : (unsigned)strtoul(p, NULL, 10);
	return *n > 0;
}
