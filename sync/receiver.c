/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "receiver.h"

#include <errno.h>

#include "vrouter/pages.h"

#define CELL_HEAD 4

/* All of it is one piece: places, then the stack, then cells. */
static size_t bytes(const struct receiver *r)
{
	return RECEIVER_WINDOW * sizeof(*r->at) + r->n_cells * sizeof(*r->free_cell) +
	       r->n_cells * r->cell_size;
}

int receiver_init(struct receiver *r, const struct engine_conf *conf,
		  struct sync_counters *counters,
		  void (*deliver)(void *ctx, const uint8_t *body, size_t len), void *ctx,
		  uint32_t seed)
{
	size_t n = conf->reorder_bytes / (conf->mtu_body + CELL_HEAD);

	memset(r, 0, sizeof(*r));
	r->deliver = deliver;
	r->ctx = ctx;
	r->counters = counters;
	r->rng = seed | 1;
	r->cell_size = conf->mtu_body + CELL_HEAD;
	r->n_cells = n < RECEIVER_WINDOW ? (unsigned)n : RECEIVER_WINDOW;
	r->at = pages_new(bytes(r));
	if (!r->at)
		return -ENOMEM;
	r->free_cell = r->at + RECEIVER_WINDOW;
	r->cells = (uint8_t *)(r->free_cell + r->n_cells);
	receiver_start(r, 1);
	return 0;
}

void receiver_fini(struct receiver *r)
{
	pages_free(r->at, bytes(r));
	r->cells = NULL;
	r->free_cell = NULL;
	r->at = NULL;
}

void receiver_start(struct receiver *r, uint64_t next)
{
	r->next = next;
	r->top = next - 1;
	r->gap = false;
	if (r->n_used) /* else there is nothing in it */
		memset(r->at, 0, RECEIVER_WINDOW * sizeof(*r->at));
	/* the lowest cells first: they are the ones whose pages are there already */
	r->n_used = r->n_fresh = 0;
}

static uint32_t jitter(struct receiver *r, uint32_t below)
{
	/* xorshift32 */
	r->rng ^= r->rng << 13;
	r->rng ^= r->rng >> 17;
	r->rng ^= r->rng << 5;
	return r->rng % below;
}

/* ---- the buffer ---- */

static uint16_t *place(const struct receiver *r, uint64_t seq)
{
	return &r->at[seq & (RECEIVER_WINDOW - 1)];
}

/* seq is within the window, so its place is its own. */
static bool is_kept(const struct receiver *r, uint64_t seq)
{
	return seq - r->next < RECEIVER_WINDOW && *place(r, seq);
}

static void keep(struct receiver *r, uint64_t seq, const uint8_t *body, size_t len)
{
	if (seq - r->next >= RECEIVER_WINDOW || r->n_used == r->n_cells ||
	    len > r->cell_size - CELL_HEAD) {
		r->counters->v[SYNC_RX_DROPPED]++; /* it will be asked for */
		return;
	}

	unsigned n_free = r->n_fresh - r->n_used++;
	uint16_t cell = n_free ? r->free_cell[n_free - 1] : (uint16_t)r->n_fresh++;
	struct wr w = wr_of(r->cells + cell * r->cell_size, r->cell_size);

	wr_be32(&w, (uint32_t)len);
	wr_bytes(&w, body, len);
	*place(r, seq) = (uint16_t)(cell + 1);
	r->counters->v[SYNC_RX_REORDERED]++;
}

/* Delivers and frees what is kept for the number that is due. */
static void deliver_kept(struct receiver *r)
{
	uint16_t cell = (uint16_t)(*place(r, r->next) - 1);
	struct rd rd = rd_of(r->cells + cell * r->cell_size, r->cell_size);
	size_t len = rd_be32(&rd);

	*place(r, r->next) = 0;
	r->free_cell[r->n_fresh - r->n_used--] = cell;
	r->next++;
	r->deliver(r->ctx, rd.p, len);
}

/* ---- gaps ---- */

/* To be called whenever next or top moved. */
static void look_for_gap(struct receiver *r, bool progress, uint64_t now)
{
	if (r->next > r->top) {
		r->gap = false;
		return;
	}
	if (r->gap && !progress)
		return;
	/* with progress there is probably more under way */
	r->gap = true;
	r->progress_at = now;
	r->interval_ms = RECEIVER_RETRY_MS;
	r->ask_at = now + RECEIVER_REORDER_MS + jitter(r, RECEIVER_REORDER_MS + 1);
}

static void go_on(struct receiver *r)
{
	while (is_kept(r, r->next))
		deliver_kept(r);
}

void receiver_on(struct receiver *r, uint64_t seq, const uint8_t *body, size_t len, uint64_t now)
{
	bool progress = seq == r->next;

	if (seq < r->next || is_kept(r, seq)) {
		r->counters->v[SYNC_RX_DUPLICATE]++;
		return;
	}
	if (seq > r->top)
		r->top = seq;
	if (progress) {
		r->next++;
		r->deliver(r->ctx, body, len);
		go_on(r);
	} else {
		keep(r, seq, body, len);
	}
	look_for_gap(r, progress, now);
}

void receiver_known(struct receiver *r, uint64_t seq, uint64_t now)
{
	if (seq <= r->top)
		return;
	r->top = seq;
	look_for_gap(r, false, now);
}

void receiver_asked(struct receiver *r, const struct ctl_range *range, unsigned n, uint64_t now)
{
	for (unsigned i = 0; i < n && r->gap; i++) {
		if (r->next < range[i].first || r->next - range[i].first >= range[i].count)
			continue;
		if (r->ask_at < now + r->interval_ms)
			r->ask_at = now + r->interval_ms + jitter(r, r->interval_ms);
	}
}

enum receiver_todo receiver_step(struct receiver *r, uint64_t now)
{
	if (!r->gap)
		return RECEIVER_WAIT;
	if (now - r->progress_at >= RECEIVER_GIVE_UP_MS)
		return RECEIVER_GIVE_UP;
	if (now < r->ask_at)
		return RECEIVER_WAIT;
	r->ask_at = now + r->interval_ms + jitter(r, r->interval_ms / 2);
	if (r->interval_ms < RECEIVER_RETRY_MAX_MS)
		r->interval_ms *= 2;
	return RECEIVER_ASK;
}

uint64_t receiver_due(const struct receiver *r)
{
	uint64_t give_up = r->progress_at + RECEIVER_GIVE_UP_MS;

	if (!r->gap)
		return UINT64_MAX;
	return r->ask_at < give_up ? r->ask_at : give_up;
}

unsigned receiver_missing(const struct receiver *r, struct ctl_range out[static CTL_RANGES_MAX])
{
	/* no more than can be kept; the one that is due needs no room */
	unsigned room = r->n_cells - r->n_used + 1;
	unsigned most = room < RECEIVER_NACK_MAX ? room : RECEIVER_NACK_MAX;
	uint64_t seq = r->next;
	unsigned n = 0, total = 0;

	while (seq <= r->top && n < CTL_RANGES_MAX && total < most) {
		uint64_t first = seq;

		while (seq <= r->top && !is_kept(r, seq) && total < most) {
			seq++;
			total++;
		}
		if (seq > first)
			out[n++] = (struct ctl_range){.first = first, .count = seq - first};
		while (seq <= r->top && is_kept(r, seq))
			seq++;
	}
	return n;
}

uint64_t receiver_resume(const struct receiver *r)
{
	for (uint64_t seq = r->next; r->n_used && seq - r->next < RECEIVER_WINDOW; seq++)
		if (is_kept(r, seq))
			return seq;
	return r->top + 1;
}

void receiver_skip(struct receiver *r, uint64_t to, uint64_t now)
{
	while (r->next < to) {
		if (is_kept(r, r->next))
			deliver_kept(r);
		else if (r->n_used)
			r->next++;
		else
			r->next = to;
	}
	go_on(r);
	if (r->top < r->next - 1)
		r->top = r->next - 1;
	look_for_gap(r, true, now);
}
