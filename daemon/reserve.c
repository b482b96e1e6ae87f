/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who decides which VIPs a router has, when its configuration leaves that open. A set that is in
 * use is never given up for another one, for its flows would end; so the only way in is to take
 * what others hold, and a choice is made by one controller alone, while nobody holds any. */
#include "vrouter/reserve.h"

#include <string.h>

bool reserve_set_equal(const struct reserve_set *a, const struct reserve_set *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!ip_addr_equal(&a->addr[i], &b->addr[i]))
			return false;
	return true;
}

static void say(struct reserve *s, enum reserve_stage stage)
{
	s->word.stage = (uint8_t)stage;
	if (stage == RESERVE_LOOKING || stage == RESERVE_CHOOSING)
		s->word.set.n = 0;
}

void reserve_init(struct reserve *s, uint32_t self, bool alone, const struct reserve_set *kept,
		  bool in_use, uint64_t now)
{
	*s = (struct reserve){.self = self, .alone = alone, .since_ms = now};
	say(s, RESERVE_LOOKING);
	if (!kept->n)
		return;
	s->word.set = *kept;
	say(s, in_use || alone ? RESERVE_HELD : RESERVE_KEPT);
}

void reserve_again(struct reserve *s, uint64_t now)
{
	say(s, RESERVE_LOOKING);
	s->since_ms = now;
	if (s->until_ms) /* it has listened all the time */
		s->until_ms = now;
}

/* ---- peers ---- */

/* Its own, a new one, or that of one who is gone; NULL: too many live. */
static struct reserve_peer *place_of(struct reserve *s, uint32_t id)
{
	struct reserve_peer *gone = NULL;

	for (unsigned i = 0; i < s->n_peers; i++) {
		if (s->peer[i].id == id)
			return &s->peer[i];
		if (!s->peer[i].lives)
			gone = &s->peer[i];
	}
	return s->n_peers < RESERVE_PEERS_MAX ? &s->peer[s->n_peers++] : gone;
}

void reserve_hear(struct reserve *s, uint32_t id, const char *name, const struct reserve_word *w,
		  bool fits)
{
	struct reserve_peer *p = place_of(s, id);

	if (!p)
		return;
	*p = (struct reserve_peer){.id = id, .lives = true, .fits = fits, .word = *w};
	snprintf(p->name, sizeof(p->name), "%s", name);
}

void reserve_living(struct reserve *s, const uint32_t *id, unsigned n)
{
	for (unsigned i = 0; i < s->n_peers; i++) {
		s->peer[i].lives = false;
		for (unsigned k = 0; k < n; k++)
			s->peer[i].lives |= id[k] == s->peer[i].id;
	}
}

/* Of those in that stage the one with the lowest id, or NULL. */
static const struct reserve_peer *first_of(const struct reserve *s, enum reserve_stage stage)
{
	const struct reserve_peer *best = NULL;

	for (unsigned i = 0; i < s->n_peers; i++)
		if (s->peer[i].lives && s->peer[i].word.stage == stage &&
		    (!best || s->peer[i].id < best->id))
			best = &s->peer[i];
	return best;
}

static bool is_before(const struct reserve_peer *p, const struct reserve *s)
{
	return p && p->id < s->self;
}

const struct reserve_peer *reserve_other(const struct reserve *s)
{
	for (unsigned i = 0; i < s->n_peers; i++) {
		const struct reserve_peer *p = &s->peer[i];
		bool same = reserve_set_equal(&p->word.set, &s->word.set);

		if (p->lives && p->word.stage == RESERVE_HELD &&
		    (!p->fits || (s->word.stage == RESERVE_HELD && !same)))
			return p;
	}
	return NULL;
}

const struct reserve_peer *reserve_awaited(const struct reserve *s)
{
	const struct reserve_peer *chooses = first_of(s, RESERVE_CHOOSING);
	const struct reserve_peer *looks = first_of(s, RESERVE_LOOKING);

	if (s->word.stage != RESERVE_LOOKING)
		return NULL;
	return chooses ? chooses : is_before(looks, s) ? looks : NULL;
}

/* ---- agreeing ---- */

static enum reserve_do hold(struct reserve *s, const struct reserve_set *set)
{
	s->word.set = *set;
	say(s, RESERVE_HELD);
	return RESERVE_AGREED;
}

/* It has heard all who are there. Sets of earlier come before new ones, and all take that of the
 * same controller. */
static enum reserve_do decide(struct reserve *s)
{
	const struct reserve_peer *kept = first_of(s, RESERVE_KEPT);

	if (kept && kept->fits && (s->word.stage != RESERVE_KEPT || is_before(kept, s)))
		return hold(s, &kept->word.set);
	if (s->word.stage == RESERVE_KEPT)
		return hold(s, &s->word.set);
	if (reserve_awaited(s))
		return RESERVE_WAIT;
	say(s, RESERVE_CHOOSING);
	return RESERVE_SEARCH;
}

/* Without a link nobody can be heard: what was agreed on before holds, but nothing is chosen. */
static enum reserve_do unlinked(struct reserve *s, uint64_t now)
{
	if (s->word.stage == RESERVE_KEPT && now - s->since_ms >= RESERVE_PATIENCE_MS)
		return hold(s, &s->word.set);
	s->until_ms = 0;
	return RESERVE_WAIT;
}

static enum reserve_do wait_and_hear(struct reserve *s, bool linked, uint64_t now)
{
	if (!s->alone && !linked)
		return unlinked(s, now);
	if (!s->until_ms)
		s->until_ms = now + (s->alone			     ? 0
				     : s->word.stage == RESERVE_KEPT ? RESERVE_LISTEN_KEPT_MS
								     : RESERVE_LISTEN_MS);
	return now < s->until_ms ? RESERVE_WAIT : decide(s);
}

static enum reserve_do give_way(struct reserve *s)
{
	say(s, RESERVE_LOOKING);
	s->until_ms = 0;
	return RESERVE_STOP;
}

enum reserve_do reserve_step(struct reserve *s, bool linked, uint64_t now)
{
	const struct reserve_peer *held = first_of(s, RESERVE_HELD);
	bool searches = s->word.stage == RESERVE_CHOOSING;

	if (s->word.stage == RESERVE_HELD)
		return RESERVE_WAIT;
	if (held && held->fits)
		return hold(s, &held->word.set);
	if (held) /* ours would be a second set: somebody has to correct a configuration */
		return searches ? give_way(s) : RESERVE_WAIT;
	if (!searches)
		return wait_and_hear(s, linked, now);
	/* what somebody had before comes first; and of two that search one goes on */
	if (first_of(s, RESERVE_KEPT) || is_before(first_of(s, RESERVE_CHOOSING), s) ||
	    (!linked && !s->alone))
		return give_way(s);
	return RESERVE_WAIT;
}

enum reserve_do reserve_found(struct reserve *s, const struct reserve_set *found, uint64_t now)
{
	if (s->word.stage != RESERVE_CHOOSING)
		return RESERVE_WAIT;
	if (found)
		return hold(s, found);
	say(s, RESERVE_LOOKING);
	s->until_ms = now + RESERVE_RETRY_MS;
	return RESERVE_WAIT;
}

/* ---- in a file ---- */

size_t reserve_format(const struct reserve_set *set, char buf[static RESERVE_TEXT_MAX])
{
	char text[INET6_ADDRSTRLEN];
	size_t at = 0;

	for (unsigned i = 0; i < set->n && i < RESERVE_MAX; i++)
		at += (size_t)snprintf(buf + at, RESERVE_TEXT_MAX - at, "%s\n",
				       ip_addr_format(&set->addr[i], text));
	return at;
}

bool reserve_parse(struct reserve_set *out, const char *text, size_t len)
{
	struct reserve_set set = {.n = 0};
	const char *end;

	for (; len; len -= (size_t)(end + 1 - text), text = end + 1) {
		char line[INET6_ADDRSTRLEN] = "";

		end = memchr(text, '\n', len);
		if (!end || (size_t)(end - text) >= sizeof(line) || set.n == RESERVE_MAX)
			return false;
		memcpy(line, text, (size_t)(end - text));
		if (memchr(line, '\0', (size_t)(end - text)) ||
		    ip_addr_parse(&set.addr[set.n], line) < 0 || !ip_addr_is_host(&set.addr[set.n]))
			return false;
		set.n++;
	}
	if (!set.n)
		return false;
	*out = set;
	return true;
}
