/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a verify says, and that it changes nothing unless it finds something. Two engines and their
 * tables; the source's events wait until a test tells them, as they do in a kernel's queue. */
#include <errno.h>

#include "engine_stub.h"
#include "flow_samples.h"

#include "../../sync/engine_impl.h"

#define TABLE 1400

enum { SOURCE, REPLICA, SIDES };

struct event {
	struct flow f;
	enum flow_change change;
};

struct side {
	struct engine *e;
	struct sync_counters c;
	struct world *w;
	struct flow table[TABLE];
	unsigned n, dels, puts;
	bool broken_get;
	/* the answer */
	unsigned answers, findings, named[VERIFY_WHATS];
	struct verify_page last;
	struct verify_finding finding[2 * VERIFY_TOLD_MAX];
};

struct world {
	struct side side[SIDES];
	struct event event[8];
	unsigned n_events, events_wanted;
	bool hold_events, old_peer, left_ready;
	uint64_t now, random;
};

/* A peer of before skips what it does not know. */
static bool is_unknown(const struct world *w, const struct dgram_hdr *h, const uint8_t *body)
{
	return w->old_peer && h->kind == DGRAM_CONTROL &&
	       (body[0] == CTL_VERIFY || body[0] == CTL_VERIFIED);
}

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct side *from = ctx;
	struct world *w = from->w;
	struct side *to = &w->side[from == &w->side[SOURCE]];

	if (to->e && !is_unknown(w, h, body))
		engine_on_datagram(to->e, h, body, len, w->now);
}

static struct flow *find(struct side *s, const struct flow *f)
{
	for (unsigned i = 0; i < s->n; i++)
		if (flow_same(&s->table[i], f))
			return &s->table[i];
	return NULL;
}

static struct flow *entry(struct side *s, const struct flow *f)
{
	struct flow *at = find(s, f);

	if (!at)
		abort();
	return at;
}

static void take_out(struct side *s, const struct flow *f)
{
	struct flow *at = entry(s, f);

	*at = s->table[--s->n];
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	struct side *s = ctx;
	struct flow *at = find(s, f);

	s->puts++;
	if (!at && how == FLOW_PUT_UPDATE) {
		engine_on_apply_failed(s->e, f, -ENOENT);
	} else if (at && how == FLOW_PUT_NEW) {
		*at = *f;
	} else if (at) {
		flow_merge(at, f);
	} else {
		assert_true(s->n < TABLE);
		s->table[s->n++] = *f;
	}
}

static void op_del(void *ctx, const struct flow *f)
{
	struct side *s = ctx;
	struct flow *at = find(s, f);

	s->dels++;
	if (at)
		*at = s->table[--s->n];
}

static int op_dump(void *ctx, bool start)
{
	struct side *s = ctx;
	static struct flow copy[TABLE];
	unsigned n = s->n;

	assert_true(start);
	memcpy(copy, s->table, n * sizeof(*copy));
	for (unsigned i = 0; i < n; i++)
		engine_on_dump(s->e, &copy[i]);
	return 0;
}

static uint32_t op_count(void *ctx)
{
	return ((struct side *)ctx)->n;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	struct flow *at = find(ctx, key);

	if (((struct side *)ctx)->broken_get)
		return -EAGAIN;
	if (at)
		*out = *at;
	return at ? 0 : -ENOENT;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	stub_random(&((struct side *)ctx)->w->random, buf, len);
}

static void op_read_events(void *ctx)
{
	((struct side *)ctx)->w->events_wanted++;
}

static void op_on_drained(void *ctx, bool acknowledged)
{
	(void)ctx;
	(void)acknowledged;
}

static void op_on_verified(void *ctx, const struct verify_page *p)
{
	struct side *s = ctx;

	assert_int_equal(p->request, 5);
	for (unsigned i = 0; i < p->n; i++) {
		assert_true(s->findings < ARRAY_LEN(s->finding));
		s->named[p->finding[i].what]++;
		s->finding[s->findings++] = p->finding[i];
	}
	s->answers += p->last;
	s->last = *p;
}

static const struct engine_ops ops = {.send = op_send,
				      .put = op_put,
				      .del = op_del,
				      .set_timeout = stub_set_timeout,
				      .commit = stub_nothing,
				      .dump = op_dump,
				      .count = op_count,
				      .get = op_get,
				      .expects = stub_expects,
				      .random = op_random,
				      .on_status = stub_nothing,
				      .on_drained = op_on_drained,
				      .read_events = op_read_events,
				      .on_verified = op_on_verified};

/* ---- the world ---- */

static enum engine_phase phase(struct world *w, unsigned i)
{
	struct engine_status st;

	engine_status(w->side[i].e, &st);
	return st.phase;
}

static void run(struct world *w, unsigned ms)
{
	struct engine *src = w->side[SOURCE].e;

	while (ms--) {
		w->now++;
		for (unsigned i = 0; i < SIDES; i++)
			if (w->side[i].e)
				(void)engine_run(w->side[i].e, w->now);
		for (unsigned i = 0; i < w->n_events && !w->hold_events; i++)
			engine_on_change(src, &w->event[i].f, w->event[i].change, w->now);
		if (!w->hold_events) {
			w->n_events = 0;
			engine_on_drained(src, w->now);
		}
		w->left_ready |= phase(w, REPLICA) != ENGINE_READY;
	}
}

static void happens(struct world *w, const struct flow *f, enum flow_change change)
{
	assert_true(w->n_events < ARRAY_LEN(w->event));
	w->event[w->n_events++] = (struct event){.f = *f, .change = change};
}

static struct world *set_up(unsigned flows)
{
	struct world *w = calloc(1, sizeof(*w));
	struct engine_conf conf;

	assert_non_null(w);
	w->now = 5000;
	for (unsigned i = 0; i < SIDES; i++) {
		engine_conf_defaults(&conf);
		snprintf(conf.name, sizeof(conf.name), "side-%u", i);
		conf.self = i + 1;
		w->side[i].w = w;
		assert_int_equal(
			engine_new(&w->side[i].e, &conf, &ops, &w->side[i], &w->side[i].c, w->now),
			0);
	}
	for (uint16_t i = 0; i < flows; i++)
		w->side[SOURCE].table[w->side[SOURCE].n++] = sample_tcp_snat((uint16_t)(i + 1));
	run(w, 500);
	(void)engine_promote(w->side[SOURCE].e, 6, w->now);
	run(w, 6000);
	assert_int_equal(phase(w, REPLICA), ENGINE_READY);
	assert_int_equal(w->side[REPLICA].n, flows);
	w->left_ready = false;
	w->side[REPLICA].puts = w->side[REPLICA].dels = 0;
	return w;
}

static void tear_down(struct world *w)
{
	for (unsigned i = 0; i < SIDES; i++) {
		engine_free(w->side[i].e);
		w->side[i].e = NULL;
	}
	free(w);
}

static struct side *verify(struct world *w, unsigned i, unsigned ms)
{
	struct side *s = &w->side[i];

	s->answers = s->findings = 0;
	memset(s->named, 0, sizeof(s->named));
	engine_verify(s->e, 5, w->now);
	while (ms-- && !s->answers)
		run(w, 1);
	assert_int_equal(s->answers, 1);
	return s;
}

static void check_equal(struct world *w, unsigned i)
{
	struct side *s = verify(w, i, 2000);

	assert_int_equal(s->last.outcome, VERIFY_COMPARED);
	assert_int_equal(s->last.missing + s->last.extra + s->last.different, 0);
	assert_int_equal(s->findings, 0);
	assert_string_equal(s->last.name, "side-1");
	assert_int_equal(s->last.flows, w->side[REPLICA].n);
}

/* ---- tests ---- */

static void equal(void **state)
{
	struct world *w = set_up(50);

	(void)state;
	check_equal(w, SOURCE);
	check_equal(w, REPLICA);
	run(w, 2000);
	assert_false(w->left_ready);
	assert_int_equal(w->side[REPLICA].puts + w->side[REPLICA].dels, 0);
	tear_down(w);
}

/* One of each: a flow goes, one comes, one has another mark. */
static void tamper(struct world *w, uint16_t extra)
{
	struct side *r = &w->side[REPLICA];
	struct flow f = sample_tcp_snat(3);

	take_out(r, &f);
	f = sample_tcp_snat(4);
	entry(r, &f)->mark = 7;
	entry(r, &f)->has |= FLOW_HAS_MARK;
	r->table[r->n++] = sample_tcp_snat(extra);
}

static void check_tampering(struct world *w, unsigned i, uint16_t extra)
{
	const struct side *s = verify(w, i, 2000);
	const struct flow missing = sample_tcp_snat(3), different = sample_tcp_snat(4),
			  more = sample_tcp_snat(extra);

	assert_int_equal(s->last.outcome, VERIFY_COMPARED);
	assert_int_equal(s->last.missing, 1);
	assert_int_equal(s->last.extra, 1);
	assert_int_equal(s->last.different, 1);
	assert_int_equal(s->findings, 3);
	for (unsigned k = 0; k < 3; k++) {
		const struct verify_finding *f = &s->finding[k];

		if (f->what == VERIFY_MISSING) {
			assert_true(flow_equal(&f->source, &missing));
			assert_int_equal(f->replica.family, 0);
		} else if (f->what == VERIFY_EXTRA) {
			assert_true(flow_equal(&f->replica, &more));
			assert_int_equal(f->source.family, 0);
		} else {
			assert_true(flow_equal(&f->source, &different));
			assert_int_equal(f->replica.mark, 7);
		}
	}
}

static void differs(void **state)
{
	struct world *w = set_up(50);

	(void)state;
	for (unsigned i = 0; i < SIDES; i++) {
		tamper(w, (uint16_t)(900 + i));
		check_tampering(w, i, (uint16_t)(900 + i));
		run(w, 3000); /* it is repaired */
		assert_int_equal(phase(w, REPLICA), ENGINE_READY);
		check_equal(w, SOURCE);
		assert_int_equal(w->side[REPLICA].c.v[SYNC_VERIFY_DIFFER], 3 * (i + 1));
	}
	tear_down(w);
}

/* What the source lists is ahead of the stream: the events are yet to be read. */
static void events_explain(void **state)
{
	struct world *w = set_up(50);
	struct side *src = &w->side[SOURCE];
	struct flow fresh = sample_tcp_snat(700), gone = sample_tcp_snat(9), changed, part;

	(void)state;
	w->hold_events = true;
	src->table[src->n++] = fresh;
	happens(w, &fresh, FLOW_NEW);
	take_out(src, &gone);
	happens(w, &gone, FLOW_DESTROY);
	changed = sample_tcp_snat(10);
	entry(src, &changed)->tcp.state = TCP_CONNTRACK_FIN_WAIT;
	part = *entry(src, &changed);
	part.has = FLOW_HAS_REPLY | FLOW_HAS_TCP;
	happens(w, &part, FLOW_UPDATE);
	engine_verify(src->e, 5, w->now);
	run(w, 1500);
	assert_int_equal(src->answers, 0);
	assert_true(w->events_wanted > 0);
	assert_int_equal(w->side[REPLICA].e->account.n, 3);
	/* and goes on: what was listed is no longer so, either */
	entry(src, &changed)->tcp.state = TCP_CONNTRACK_CLOSE;
	part.tcp.state = TCP_CONNTRACK_CLOSE;
	happens(w, &part, FLOW_UPDATE);
	take_out(src, &fresh);
	happens(w, &fresh, FLOW_DESTROY);
	w->hold_events = false;
	run(w, 500);
	assert_int_equal(src->answers, 1);
	assert_int_equal(src->last.outcome, VERIFY_COMPARED);
	assert_int_equal(src->findings, 0);
	assert_int_equal(src->last.missing + src->last.extra + src->last.different, 0);
	assert_false(w->left_ready);
	tear_down(w);
}

/* A change of something else is no excuse. */
static void events_do_not_hide(void **state)
{
	struct world *w = set_up(50);
	struct side *src = &w->side[SOURCE];
	struct flow f = sample_tcp_snat(4), part;

	(void)state;
	tamper(w, 900);
	w->hold_events = true;
	entry(src, &f)->tcp.state = TCP_CONNTRACK_FIN_WAIT;
	part = *entry(src, &f);
	part.has = FLOW_HAS_REPLY | FLOW_HAS_TCP;
	happens(w, &part, FLOW_UPDATE);
	engine_verify(src->e, 5, w->now);
	run(w, 500);
	w->hold_events = false;
	run(w, 500);
	assert_int_equal(src->answers, 1);
	assert_int_equal(src->last.different, 1);
	assert_int_equal(src->last.missing, 1);
	assert_int_equal(src->last.extra, 1);
	tear_down(w);
}

static void many(void **state)
{
	struct world *w = set_up(300);
	struct side *r = &w->side[REPLICA], *s;

	(void)state;
	r->n -= 150;
	s = verify(w, SOURCE, 2000);
	assert_int_equal(s->last.missing, 150);
	assert_int_equal(s->findings, VERIFY_TOLD_MAX);
	assert_false(s->last.more);
	for (unsigned i = 1; i < s->findings; i++)
		assert_true(ntohs(s->finding[i].source.orig.l4.sport_be) >
			    ntohs(s->finding[i - 1].source.orig.l4.sport_be));
	run(w, 3000);
	assert_int_equal(phase(w, REPLICA), ENGINE_READY);
	check_equal(w, SOURCE);
	/* more than are looked at one by one */
	tear_down(w);
	w = set_up(VERIFY_KEEP_MAX + 200);
	r = &w->side[REPLICA];
	r->n = 100;
	s = verify(w, SOURCE, 3000);
	assert_true(s->last.more);
	assert_int_equal(s->last.missing, VERIFY_KEEP_MAX);
	tear_down(w);
}

/* The kernel does not answer for a while: nothing is said that is not known. */
static void kernel_is_mute(void **state)
{
	struct world *w = set_up(50);
	struct side *src = &w->side[SOURCE];

	(void)state;
	tamper(w, 900);
	w->side[REPLICA].broken_get = true;
	engine_verify(src->e, 5, w->now);
	run(w, 2000);
	assert_int_equal(src->answers, 0);
	w->side[REPLICA].broken_get = false;
	run(w, 500);
	assert_int_equal(src->answers, 1);
	assert_int_equal(src->findings, 3);
	tear_down(w);
}

static void older_peers(void **state)
{
	struct world *w = set_up(50);

	(void)state;
	w->old_peer = true;
	assert_int_equal(verify(w, SOURCE, 8000)->last.outcome, VERIFY_SILENT);
	assert_int_equal(verify(w, REPLICA, 15000)->last.outcome, VERIFY_SILENT);
	assert_int_equal(phase(w, REPLICA), ENGINE_READY);
	tear_down(w);
}

static void nobody_there(void **state)
{
	struct world *w = set_up(50);

	(void)state;
	engine_free(w->side[SOURCE].e);
	w->side[SOURCE].e = NULL;
	for (unsigned i = 0; i < 3000; i++) {
		w->now++;
		(void)engine_run(w->side[REPLICA].e, w->now);
	}
	engine_verify(w->side[REPLICA].e, 5, w->now);
	(void)engine_run(w->side[REPLICA].e, ++w->now);
	assert_int_equal(w->side[REPLICA].last.outcome, VERIFY_NO_SOURCE);
	(void)engine_promote(w->side[REPLICA].e, 0, w->now);
	engine_verify(w->side[REPLICA].e, 5, w->now);
	(void)engine_run(w->side[REPLICA].e, ++w->now);
	assert_int_equal(w->side[REPLICA].answers, 2);
	assert_int_equal(w->side[REPLICA].last.outcome, VERIFY_NO_REPLICA);
	tear_down(w);
}

static void role_changes(void **state)
{
	struct world *w = set_up(50);
	struct side *src = &w->side[SOURCE], *r = &w->side[REPLICA];

	(void)state;
	w->hold_events = true; /* so it does not end */
	tamper(w, 900);
	engine_verify(src->e, 5, w->now);
	engine_verify(r->e, 5, w->now);
	run(w, 300);
	assert_int_equal(src->answers + r->answers, 0);
	engine_demote(src->e, w->now);
	assert_int_equal(src->answers, 1);
	assert_int_equal(src->last.outcome, VERIFY_ROLE);
	(void)engine_promote(r->e, 0, w->now);
	assert_int_equal(r->answers, 1);
	assert_int_equal(r->last.outcome, VERIFY_ROLE);
	assert_int_equal(r->e->account.state, ACCOUNT_NONE);
	tear_down(w);
}

/* Two requests: the second has a comparison of its own. */
static void one_waits(void **state)
{
	struct world *w = set_up(50);
	struct side *src = &w->side[SOURCE];

	(void)state;
	engine_verify(src->e, 5, w->now);
	engine_verify(src->e, 5, w->now);
	run(w, 2000);
	assert_int_equal(src->answers, 2);
	assert_int_equal(w->side[REPLICA].c.v[SYNC_VERIFIES], 2);
	tear_down(w);
}

/* An audit or a repair in between: once more. */
static void cut_short(void **state)
{
	struct world *w = set_up(50);
	struct side *src = &w->side[SOURCE];

	(void)state;
	tamper(w, 900);
	w->hold_events = true;
	engine_verify(src->e, 5, w->now);
	run(w, 20);
	account_free(w->side[REPLICA].e);
	w->hold_events = false;
	run(w, 1500);
	assert_int_equal(src->answers, 1);
	assert_int_equal(src->last.outcome, VERIFY_COMPARED);
	assert_int_equal(src->findings, 3);
	tear_down(w);
}

/* A hole in the stream before the end: what was applied to the candidates is not all. */
static void hole(void **state)
{
	struct world *w = set_up(50);
	struct engine *r = w->side[REPLICA].e;

	(void)state;
	tamper(w, 900);
	w->hold_events = true;
	engine_verify(w->side[SOURCE].e, 5, w->now);
	run(w, 300);
	assert_int_equal(r->account.state, ACCOUNT_SETTLED);
	replica_need_repair(r, 0);
	assert_int_equal(r->account.state, ACCOUNT_NONE);
	w->hold_events = false;
	run(w, 3000);
	assert_int_equal(w->side[SOURCE].answers, 1); /* after another comparison */
	assert_int_equal(w->side[SOURCE].last.outcome, VERIFY_COMPARED);
	assert_int_equal(w->side[SOURCE].findings, 0);
	tear_down(w);
}

/* What comes when nobody has asked is of no effect. */
static void unasked(void **state)
{
	struct world *w = set_up(10);
	struct peer *p = peers_find(&w->side[SOURCE].e->peers, 2);
	struct ctl_verified m = {.stream = w->side[SOURCE].e->stream, .state = VERIFIED_DONE};

	(void)state;
	assert_non_null(p);
	assert_true(verify_on_answer(w->side[SOURCE].e, p, &m));
	assert_int_equal(w->side[SOURCE].answers, 0);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal),
		cmocka_unit_test(differs),
		cmocka_unit_test(events_explain),
		cmocka_unit_test(many),
		cmocka_unit_test(events_do_not_hide),
		cmocka_unit_test(kernel_is_mute),
		cmocka_unit_test(older_peers),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(role_changes),
		cmocka_unit_test(one_waits),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(unasked),
		cmocka_unit_test(hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
