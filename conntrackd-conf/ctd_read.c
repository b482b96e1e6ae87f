/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrackd.conf: words, blocks, and what is kept of them. Lines mean nothing in this file, so the
 * table says how many words a statement has. */
#include <string.h>

#include "ctd_ids.h"
#include "model.h"

struct ctd_scan {
	struct import *im;
	const char *file, *p, *end;
	int line;
	char *word; /* the next one; NULL: the end, or an error */
	int word_line;
	bool bad;
	unsigned depth;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void scan_error(struct ctd_scan *s, int line, const char *what)
{
	if (!s->bad)
		import_error(s->im, s->file, line, "%s", what);
	s->bad = true;
	s->word = NULL;
}

static void skip_space(struct ctd_scan *s)
{
	while (s->p < s->end && (is_space(*s->p) || *s->p == '#')) {
		bool comment = *s->p == '#';

		while (comment && s->p < s->end && *s->p != '\n')
			s->p++;
		if (s->p < s->end && *s->p == '\n')
			s->line++;
		if (s->p < s->end)
			s->p++;
	}
}

/* A path takes all up to a blank, as conntrackd's own scanner does. */
static bool word_goes_on(const char *at, const char *start)
{
	if (is_space(*at) || (unsigned char)*at < ' ' || (unsigned char)*at > '~' || *at == '"')
		return false;
	return *start == '/' || !strchr("{}#", *at);
}

static void next(struct ctd_scan *s)
{
	s->word = NULL;
	skip_space(s);
	s->word_line = s->line;
	if (s->bad || s->p == s->end)
		return;

	const char *start = s->p;

	if (*s->p == '{' || *s->p == '}')
		s->p++;
	else
		while (s->p < s->end && word_goes_on(s->p, start))
			s->p++;
	if (s->p == start) {
		scan_error(s, s->line, "a character that has no meaning here");
		return;
	}
	s->word = arena_copy(&s->im->arena, start, (size_t)(s->p - start));
	if (!s->word)
		scan_error(s, s->line, "out of memory");
}

static bool at(const struct ctd_scan *s, const char *what)
{
	return s->word && strcmp(s->word, what) == 0;
}

static unsigned words_of(const struct rule *r)
{
	if (r->arg == ARG_NONE)
		return 1;
	return r->arg == ARG_ANY || r->arg == ARG_WORDS ? STMT_WORDS_MAX : 2;
}

static struct stmt *read_list(struct ctd_scan *s, const struct rules *rules, bool words);

static void read_block(struct ctd_scan *s, const struct rule *r, struct stmt *st)
{
	int opened = s->word_line;

	if (s->depth == IM_DEPTH) {
		scan_error(s, opened, "braces are nested too deeply");
		return;
	}
	s->depth++;
	next(s);
	st->block = true;
	st->inner = read_list(s, r ? r->inner : NULL, r && r->words);
	s->depth--;
	if (!s->bad && !at(s, "}"))
		scan_error(s, opened, "a brace that opens here is not closed");
	else
		next(s);
}

/* One statement, the scanner at its first word. What the table does not know has all words up to a
 * brace: it is refused later. */
static struct stmt *read_stmt(struct ctd_scan *s, const struct rules *rules, bool single,
			      struct stmt ***tail)
{
	const struct rule *r = rules ? rules_find(rules, s->word) : NULL;
	unsigned max = single ? 1 : r ? words_of(r) : STMT_WORDS_MAX, n = 0;
	char *word[STMT_WORDS_MAX];
	int line = s->word_line;

	while (s->word && n < max && !at(s, "{") && !at(s, "}")) {
		word[n++] = s->word;
		next(s);
	}

	struct stmt *st = s->bad ? NULL : stmt_add(&s->im->arena, tail, s->file, line, word, n);

	if (st && !single && at(s, "{"))
		read_block(s, r, st);
	return st;
}

static struct stmt *read_list(struct ctd_scan *s, const struct rules *rules, bool words)
{
	struct stmt *head = NULL, **tail = &head;

	while (s->word && !at(s, "}")) {
		if (at(s, "{"))
			scan_error(s, s->word_line, "a brace without a name before it");
		else if (!read_stmt(s, rules, words, &tail))
			scan_error(s, s->word_line, "out of memory");
	}
	return head;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static bool take_channel(struct import *im, unsigned id, const struct stmt *s)
{
	struct im_ctd *c = &im->ctd;

	if (s->n > 2 || (s->n == 2 && strcmp(s->word[1], "Default") != 0)) {
		import_say(im, IMPORT_ERROR, s, "%s: takes \"Default\" or nothing", s->word[0]);
		return false;
	}
	if (c->n_channels == SYNC_LINKS_MAX) {
		import_say(im, IMPORT_ERROR, s, "%s: more than %d dedicated links", s->word[0],
			   SYNC_LINKS_MAX);
		return false;
	}
	c->channel[c->n_channels++] = (struct im_channel){.at = s,
							  .multicast = id == CTD_MULTICAST,
							  .tcp = id == CTD_STREAM,
							  .is_default = s->n == 2};
	return true;
}

static bool take_link(struct import *im, unsigned id, const struct stmt *s)
{
	struct im_channel *ch = &im->ctd.channel[im->ctd.n_channels - 1];

	if (id == CTD_INTERFACE && !conf_ifname_ok(s->word[1])) {
		import_say(im, IMPORT_ERROR, s, "Interface: needs the name of an interface");
		return false;
	}
	if (id == CTD_INTERFACE)
		ch->interface = s->word[1];
	else if (id == CTD_PORT)
		(void)!word_number(s->word[1], &ch->port); /* the table has checked it */
	else
		(void)!ip_addr_parse(id == CTD_ADDRESS ? &ch->address : &ch->target, s->word[1]);
	return true;
}

static bool take_set(struct import *im, struct im_filter_set *set, const struct stmt *s)
{
	bool accept = s->n == 2 && strcmp(s->word[1], "Accept") == 0;

	if (!accept && (s->n != 2 || strcmp(s->word[1], "Ignore") != 0)) {
		import_say(im, IMPORT_ERROR, s, "%s: needs Accept or Ignore", s->word[0]);
		return false;
	}
	if (set->at && set->accept != accept) {
		import_say(im, IMPORT_ERROR, s, "%s: is Accept and Ignore at once (line %d)",
			   s->word[0], set->at->line);
		return false;
	}
	set->at = s;
	set->accept = accept;
	im->ctd.set = set;
	return true;
}

static bool take_member(struct import *im, const struct stmt *s)
{
	struct im_filter_set *set = im->ctd.set;

	if (set->n < ARRAY_LEN(set->member)) {
		set->member[set->n++] = s;
		return true;
	}
	import_say(im, IMPORT_MISSING, s, "%s: a filter of vrouterd lists at most %d",
		   s->word[s->n - 1], FILTER_NETS_MAX);
	return false;
}

/* "ESTABLISHED CLOSED for TCP" */
static bool take_states(struct import *im, const struct stmt *s)
{
	const struct stmt *m = s->inner;

	while (m && strcmp(m->word[0], "for") != 0)
		m = m->next;
	if (s->inner && (!m || !m->next || strcmp(m->next->word[0], "TCP") != 0)) {
		import_say(im, IMPORT_ERROR, s, "State: ends with \"for TCP\"");
		return false;
	}
	return take_set(im, &im->ctd.states, s);
}

static bool take_filter(struct import *im, const struct stmt *s)
{
	if (s->n == 1 ||
	    (s->n == 3 && strcmp(s->word[1], "From") == 0 &&
	     (strcmp(s->word[2], "Userspace") == 0 || strcmp(s->word[2], "Kernelspace") == 0)))
		return true;
	import_say(im, IMPORT_ERROR, s, "Filter: takes \"From Userspace\" or \"From Kernelspace\"");
	return false;
}

static bool take(struct import *im, unsigned id, const struct stmt *s)
{
	struct im_ctd *c = &im->ctd;

	switch ((enum ctd_id)id) {
	case CTD_MULTICAST:
	case CTD_UNICAST:
		return take_channel(im, id, s);
	case CTD_ADDRESS:
	case CTD_TARGET:
	case CTD_INTERFACE:
	case CTD_PORT:
		return take_link(im, id, s);
	case CTD_STREAM:
		return take_channel(im, id, s) && ctd_take_stream(im, s);
	case CTD_MODE:
	case CTD_REFRESH:
	case CTD_CACHE_TIMEOUT:
	case CTD_CHECKSUM:
		return ctd_take_protocol(im, id, s);
	case CTD_FILTER:
		return take_filter(im, s);
	case CTD_PROTOCOLS:
		return take_set(im, &c->protocols, s);
	case CTD_ADDRESSES:
		return take_set(im, &c->addresses, s);
	case CTD_STATES:
		return take_states(im, s);
	case CTD_MEMBER:
		return take_member(im, s);
	case CTD_SYNC:
		c->present = true;
		return true;
	}
	return false;
}

void ctd_read(struct import *im, const char *name, const char *text, size_t len)
{
	struct ctd_scan s = {.im = im, .file = name, .p = text, .end = text + len, .line = 1};

	next(&s);

	const struct stmt *list = read_list(&s, &ctd_rules, false);

	if (at(&s, "}"))
		scan_error(&s, s.word_line, "a brace closes what was not opened");
	if (!s.bad)
		import_walk(im, &ctd_rules, list, take);
}
