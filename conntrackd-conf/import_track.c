/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tracks. keepalived adds a positive weight while all is well; here it is in the priority, and what
 * fails takes it away again. */
#include <string.h>

#include "import_build.h"

struct command {
	const char *program, *arg[CONF_ARGUMENTS_MAX];
	unsigned n;
	bool shell; /* it needs one */
};

static const struct im_check *find_check(const struct im_ka *k, const struct im_track *t)
{
	for (unsigned i = 0; i < k->n_checks; i++)
		if (k->check[i].kind == t->kind && strcmp(k->check[i].name, t->what) == 0)
			return &k->check[i];
	return NULL;
}

/* ---- programs -------------------------------------------------------------------------------- */

/* A command in one word is split at blanks; single quotes keep them. NULL: no more of them. */
static const char *next_part(struct import *im, const char **p)
{
	struct txt out = {0};
	const char *kept;
	bool quoted = false;

	*p += strspn(*p, " \t");
	if (!**p)
		return NULL;
	for (; **p && (quoted || !strchr(" \t", **p)); ++*p) {
		if (**p == '\'')
			quoted = !quoted;
		else
			txt_put(&out, *p, 1);
	}
	kept = out.failed ? NULL : arena_copy(&im->arena, out.p ? out.p : "", out.len);
	txt_free(&out);
	return kept;
}

static bool add_arg(struct command *c, const char *word)
{
	if (c->n == CONF_ARGUMENTS_MAX || strlen(word) >= CONF_ARGUMENT_MAX)
		return false;
	c->arg[c->n++] = word;
	return true;
}

/* An absolute path is run as it is; another name is looked for in PATH by env. */
static bool add_word(struct command *c, const char *word)
{
	if (c->program)
		return add_arg(c, word);
	c->program = *word == '/' ? word : "/usr/bin/env";
	return strlen(c->program) < CONF_PATH_MAX && (*word == '/' || add_arg(c, word));
}

static bool in_shell(struct command *c, const char *text)
{
	*c = (struct command){.program = "/bin/sh"};
	return add_arg(c, "-c") && add_arg(c, text);
}

static bool split(struct import *im, const struct stmt *s, struct command *c)
{
	*c = (struct command){.program = NULL};
	for (unsigned i = 1; i < s->n; i++)
		if (strpbrk(s->word[i], "<>|&;`$*?\n"))
			return s->n == 2 && in_shell(c, s->word[1]);
	if (s->n == 2) {
		const char *p = s->word[1], *part;

		while ((part = next_part(im, &p)))
			if (!add_word(c, part))
				return false;
	}
	for (unsigned i = 1; s->n > 2 && i < s->n; i++)
		if (!add_word(c, s->word[i]))
			return false;
	return c->program != NULL;
}

/* ---- text ------------------------------------------------------------------------------------ */

static unsigned clip(unsigned v, unsigned min, unsigned max)
{
	return v < min ? min : v > max ? max : v;
}

static bool put_script(struct built *b, const struct im_check *c, struct txt *out)
{
	unsigned interval = clip(c->interval_ms, 100, 3600000);
	struct command cmd;

	if (!c->command || !split(b->im, c->command, &cmd)) {
		import_say(b->im, IMPORT_MISSING, c->command ? c->command : c->at,
			   "%.80s: its command does not fit into track { program, arguments }; "
			   "wrap it in a script",
			   c->name);
		return false;
	}
	txt_add(out, "kind = \"script\"  program = ");
	built_quoted(out, cmd.program);
	for (unsigned i = 0; i < cmd.n; i++) {
		txt_add(out, i ? ", " : "  arguments = { ");
		built_quoted(out, cmd.arg[i]);
	}
	txt_add(out, "%s\n              interval = %u  timeout = %u  rise = %u  fall = %u",
		cmd.n ? " }" : "", interval,
		clip(c->timeout_ms ? c->timeout_ms : interval, 10, 600000), c->rise, c->fall);
	return true;
}

static bool put_process(struct built *b, const struct im_check *c, struct txt *out)
{
	const struct stmt *s = c->command;
	const char *name = s ? s->word[1] : "", *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	if (!*name || strlen(name) >= CONF_PROCESS_MAX || !conf_name_ok(name)) {
		import_say(b->im, IMPORT_MISSING, s ? s : c->at,
			   "%.80s: a process has a name of at most 15 characters", c->name);
		return false;
	}
	if (s->n > 2)
		import_say(b->im, IMPORT_MISSING, s,
			   "%.80s: parameters are not looked at; any process of this name counts",
			   c->name);
	txt_add(out, "kind = \"process\"  process = \"%s\"", name);
	return true;
}

/* Inside of the router's namespace there are the legs, and nothing else that the daemon watches. */
static bool put_interface(struct built *b, const struct im_track *t, struct txt *out)
{
	static const char *const leg[NET_LEGS] = {"management", "public"};
	bool inside = b->im->opts.namespace || b->im->ka.namespace;

	for (unsigned i = 0; inside && i < NET_LEGS; i++) {
		if (b->leg[i].dev && strcmp(b->leg[i].dev, t->what) == 0) {
			txt_add(out, "kind = \"carrier\"  leg = \"%s\"", leg[i]);
			return true;
		}
	}
	if (inside || !conf_ifname_ok(t->what)) {
		import_say(b->im, IMPORT_MISSING, t->at,
			   "%.80s: is no interface of the controller's, and no leg", t->what);
		return false;
	}
	txt_add(out, "kind = \"carrier\"  interface = \"%s\"", t->what);
	return true;
}

static bool put_kind(struct built *b, const struct im_track *t, const struct im_check *c,
		     struct txt *out)
{
	if (t->kind == IM_INTERFACE)
		return put_interface(b, t, out);
	if (!c) {
		import_say(b->im, IMPORT_ERROR, t->at, "%.80s: there is no %s of this name",
			   t->what, t->kind == IM_SCRIPT ? "vrrp_script" : "vrrp_track_process");
		return false;
	}
	return t->kind == IM_SCRIPT ? put_script(b, c, out) : put_process(b, c, out);
}

/* What failing adds to the priority; *bonus: what is added always. False: there is no such track
 * here. */
static bool weight(struct built *b, const struct im_track *t, const struct im_check *c, bool counts,
		   int *out, int *bonus)
{
	int w = t->has_weight || !c ? t->weight : c->weight;
	bool reverse = t->has_weight || !c ? t->reverse : c->reverse;
	int well = w > 0 ? w : 0, fails = w < 0 ? w : 0;

	*out = *bonus = 0;
	if (!counts)
		return true;
	if (w == 0 && reverse) {
		import_say(b->im, IMPORT_MISSING, t->at,
			   "%.80s: weight 0 reverse: a track fails when it fails", t->what);
		return false;
	}
	*bonus = reverse ? -well : well;
	*out = (reverse ? -fails : fails) - *bonus;
	return true;
}

static void put_track(struct built *b, const struct im_track *t, bool counts, unsigned number,
		      struct txt *out)
{
	const struct im_check *c = t->kind == IM_INTERFACE ? NULL : find_check(&b->im->ka, t);
	struct txt kind = {0};
	char name[CONF_NAME_MAX - 8];
	int w = 0, bonus = 0;

	if (put_kind(b, t, c, &kind) && weight(b, t, c, counts, &w, &bonus)) {
		built_name(name, sizeof(name), t->what);
		txt_add(out, "  track \"%u-%s\" { %s", number, name, kind.p ? kind.p : "");
		if (w)
			txt_add(out, "  weight = %d", w);
		txt_add(out, " }\n");
		b->bonus += bonus;
		import_say(b->im, IMPORT_USED, t->at, "%.80s: track \"%u-%s\"", t->what, number,
			   name);
	}
	out->failed |= kind.failed;
	txt_free(&kind);
}

void built_tracks(struct built *b, struct txt *out)
{
	unsigned n = 0;

	if (b->group)
		for (unsigned i = 0; i < b->group->tracks.n; i++)
			put_track(b, &b->group->tracks.track[i], true, ++n, out);
	for (unsigned k = 0; k < b->n_insts; k++) {
		const struct im_inst *in = b->inst[k];

		for (unsigned i = 0; i < in->tracks.n; i++) {
			if (n == TRACK_MAX)
				import_say(b->im, IMPORT_MISSING, in->tracks.track[i].at,
					   "%.80s: a router has at most %d tracks",
					   in->tracks.track[i].what, TRACK_MAX);
			else
				put_track(b, &in->tracks.track[i], !b->group || b->group->weights,
					  ++n, out);
		}
	}
}
