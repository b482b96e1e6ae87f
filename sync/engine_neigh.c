/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours of the source, page by page. Each change gives its page the next number of the stream,
 * its stamp; a source says the highest along with each STATUS. A page is told with its stamp and
 * the one before it that still is a page's: so a replica knows up to which number it has all, and
 * asks from there when that is not where the source is. Whatever is lost, doubled or overtaken, the
 * next STATUS leads on; nobody keeps state about anybody. */
#include "engine_impl.h"

enum {
	NEIGH_PUSH_MS = 200,	/* between two tellings of what changed; between two requests */
	NEIGH_ANSWER_MS = 50,	/* between two answers, whoever asks: they go to all */
	NEIGH_AT_ONCE = 64,	/* pages */
	NEIGH_FORMER_MS = 3000, /* in which a new source has told of all */
};

/* The page with the lowest stamp above. */
static unsigned next_after(const struct engine_neigh *nb, uint64_t stamp)
{
	unsigned best = NEIGH_PAGES_MAX;

	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++)
		if (nb->own[i] && nb->own_stamp[i] > stamp &&
		    (best == NEIGH_PAGES_MAX || nb->own_stamp[i] < nb->own_stamp[best]))
			best = i;
	return best;
}

/* Tells what is newer than `have`. Up to which stamp. */
static uint64_t tell_after(struct engine *e, uint64_t have)
{
	struct engine_neigh *nb = &e->neigh;

	for (unsigned n = 0; n < NEIGH_AT_ONCE; n++) {
		unsigned page = next_after(nb, have);
		struct ctl_msg m = {.type = CTL_NEIGH_PAGE};

		if (page == NEIGH_PAGES_MAX)
			break;
		m.neigh = (struct ctl_neigh){.stream = e->stream,
					     .page = page,
					     .stamp = nb->own_stamp[page],
					     .have = have,
					     .content = *nb->own[page]};
		engine_send_ctl(e, &m);
		have = nb->own_stamp[page];
	}
	return have;
}

/* ---- source ---- */

void engine_set_neighbours(struct engine *e, unsigned page, const struct neigh_page *p)
{
	struct engine_neigh *nb = &e->neigh;

	if (page >= NEIGH_PAGES_MAX || p->n > NEIGH_PAGE_MAX)
		return;
	if (!nb->own[page])
		nb->own[page] = calloc(1, sizeof(*p));
	if (!nb->own[page])
		return; /* replicas do without */
	*nb->own[page] = *p;
	nb->own_stamp[page] = ++nb->version;
}

void engine_clear_neighbours(struct engine *e)
{
	static const struct neigh_page none;

	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++)
		if (e->neigh.own[i])
			engine_set_neighbours(e, i, &none);
}

void engine_move_neighbours(struct engine *to, struct engine *from)
{
	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++) {
		if (!from->neigh.own[i])
			continue;
		to->neigh.own[i] = from->neigh.own[i];
		from->neigh.own[i] = NULL;
	}
	neigh_opened(to);
}

void neigh_opened(struct engine *e)
{
	struct engine_neigh *nb = &e->neigh;

	nb->version = 0;
	nb->pushed = 0;
	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++) {
		if (nb->own[i] && !nb->own[i]->n) {
			free(nb->own[i]);
			nb->own[i] = NULL;
		}
		if (nb->own[i])
			nb->own_stamp[i] = ++nb->version;
	}
}

uint64_t neigh_run(struct engine *e)
{
	struct engine_neigh *nb = &e->neigh;

	if (nb->pushed < nb->version && e->now >= nb->push_at) {
		nb->pushed = tell_after(e, nb->pushed);
		nb->push_at = e->now + NEIGH_PUSH_MS;
	}
	return nb->pushed < nb->version ? nb->push_at : UINT64_MAX;
}

void neigh_encode(const struct engine *e, struct wr *w)
{
	const struct ctl_msg m = {.type = CTL_NEIGH_STATE,
				  .neigh = {.stream = e->stream, .stamp = e->neigh.version}};

	ctl_encode(w, &m);
}

void neigh_on_want(struct engine *e, const struct ctl_neigh *m)
{
	struct engine_neigh *nb = &e->neigh;

	if (!e->is_source || !stream_key_equal(&m->stream, &e->stream) ||
	    (nb->answered_at && e->now - nb->answered_at < NEIGH_ANSWER_MS))
		return;
	nb->answered_at = e->now;
	(void)tell_after(e, m->have);
}

/* ---- replica ---- */

/* What was said in the former stream is kept for a while: should the source be gone before it has
 * told anything, its successor knows at least that. Mostly it is the same controller, with another
 * replication process, and its pages are the same. */
static void begin_anew(struct engine_neigh *nb, const struct stream_key *stream, uint64_t now)
{
	if (nb->any_seen) {
		for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++)
			nb->former[i] |= nb->seen[i] != 0;
		memset(nb->seen, 0, NEIGH_PAGES_MAX * sizeof(*nb->seen));
		nb->any_seen = false;
	}
	nb->former_until = now + NEIGH_FORMER_MS;
	nb->stream = *stream;
	nb->have = 0;
	nb->announced = 0;
}

static void forget_former(struct engine *e)
{
	static const struct neigh_page none;
	struct engine_neigh *nb = &e->neigh;

	if (!nb->former_until || e->now < nb->former_until)
		return;
	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++) {
		if (!nb->former[i])
			continue;
		if (!e->ops->neighbours(e->ctx, i, &none))
			return; /* with the next STATUS */
		nb->former[i] = false;
	}
	nb->former_until = 0;
}

/* Whether it is said by the source that is followed. */
static bool follow(struct engine *e, const struct peer *p, const struct stream_key *stream)
{
	struct engine_neigh *nb = &e->neigh;

	if (e->is_source || !e->ops->neighbours || p->id != e->stream.sender ||
	    !stream_key_equal(stream, &e->stream))
		return false;
	if (stream_key_equal(stream, &nb->stream))
		return true;
	/* what was told to a process before us: which pages that are nobody knows */
	if (!nb->stream.sender && !e->ops->neighbours(e->ctx, 0, NULL))
		return false;
	begin_anew(nb, stream, e->now);
	return true;
}

void neigh_on_state(struct engine *e, const struct peer *p, const struct ctl_neigh *m)
{
	struct engine_neigh *nb = &e->neigh;

	if (!follow(e, p, &m->stream))
		return;
	forget_former(e);
	/* what was said last time should be here by now */
	if (nb->have < nb->announced && (!nb->asked_at || e->now - nb->asked_at >= NEIGH_PUSH_MS)) {
		const struct ctl_msg want = {.type = CTL_NEIGH_WANT,
					     .neigh = {.stream = e->stream, .have = nb->have}};

		nb->asked_at = e->now;
		engine_send_ctl(e, &want);
	}
	nb->announced = m->stamp;
}

void neigh_on_page(struct engine *e, const struct peer *p, const struct ctl_neigh *m)
{
	struct engine_neigh *nb = &e->neigh;

	if (!follow(e, p, &m->stream))
		return;
	if (m->stamp > nb->seen[m->page]) {
		if (!e->ops->neighbours(e->ctx, m->page, &m->content))
			return; /* it will be asked for */
		nb->seen[m->page] = m->stamp;
		nb->any_seen = true;
		nb->former[m->page] = false;
	}
	if (m->have <= nb->have && m->stamp > nb->have)
		nb->have = m->stamp;
}

void neigh_forget(struct engine *e)
{
	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++)
		free(e->neigh.own[i]);
}
