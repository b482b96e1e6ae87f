/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "ka_take.h"

static bool start_check(struct import *im, enum im_kind kind, const struct stmt *s)
{
	struct im_ka *k = &im->ka;

	if (k->n_checks == IM_CHECKS) {
		import_say(im, IMPORT_ERROR, s, "%s: too many of them; at most %d", s->word[0],
			   IM_CHECKS);
		return false;
	}
	k->cur_check = &k->check[k->n_checks++];
	*k->cur_check = (struct im_check){.at = s,
					  .kind = kind,
					  .name = s->word[1],
					  .weight = kind == IM_PROCESS,
					  .interval_ms = 1000,
					  .rise = 1,
					  .fall = 1};
	return true;
}

static unsigned to_ms(const char *word)
{
	uint64_t us = 0;

	(void)!word_seconds(word, &us); /* the table has checked it */
	return (unsigned)((us + 999) / 1000);
}

/* "N", "N reverse" from word i on. */
static bool take_weight(struct import *im, const struct stmt *s, unsigned i, int *weight,
			bool *reverse)
{
	int v;

	if (i >= s->n || word_signed(s->word[i], &v) < 0 || v < -254 || v > 254) {
		import_say(im, IMPORT_ERROR, s, "%.80s: weight needs a number from -254 to 254",
			   s->word[0]);
		return false;
	}
	*weight = v;
	*reverse = i + 1 < s->n && strcmp(s->word[i + 1], "reverse") == 0;
	return true;
}

bool ka_take_check(struct import *im, enum ka_id id, const struct stmt *s)
{
	struct im_check *c = im->ka.cur_check;

	if (id == KA_SCRIPT || id == KA_PROCESS)
		return start_check(im, id == KA_SCRIPT ? IM_SCRIPT : IM_PROCESS, s);
	if (id == KA_WEIGHT)
		return take_weight(im, s, 1, &c->weight, &c->reverse);
	if (id == KA_COMMAND)
		c->command = s;
	else if (id == KA_INTERVAL)
		c->interval_ms = to_ms(s->word[1]);
	else if (id == KA_TIMEOUT)
		c->timeout_ms = to_ms(s->word[1]);
	else if (id == KA_RISE)
		(void)!word_number(s->word[1], &c->rise);
	else
		(void)!word_number(s->word[1], &c->fall);
	return true;
}

bool ka_take_track(struct import *im, enum ka_id id, const struct stmt *s)
{
	struct im_tracks *all =
		im->ka.cur_inst ? &im->ka.cur_inst->tracks : &im->ka.cur_group->tracks;
	struct im_track t = {.at = s,
			     .what = s->word[0],
			     .kind = id == KA_TRACK_INTERFACE ? IM_INTERFACE
				     : id == KA_TRACK_SCRIPT  ? IM_SCRIPT
							      : IM_PROCESS};

	if (s->n > 1 && strcmp(s->word[1], "weight") != 0) {
		import_say(im, IMPORT_ERROR, s, "%.80s: \"%.40s\" is no option of a track",
			   s->word[0], s->word[1]);
		return false;
	}
	if (s->n > 1 && !take_weight(im, s, 2, &t.weight, &t.reverse))
		return false;
	t.has_weight = s->n > 1;
	if (all->n == IM_TRACKS) {
		import_say(im, IMPORT_MISSING, s, "%.80s: a router has at most %d tracks",
			   s->word[0], IM_TRACKS);
		return false;
	}
	all->track[all->n++] = t;
	return true;
}
