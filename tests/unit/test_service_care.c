/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a service's program is started, asked and ended. A little clock drives it as the shell does:
 * a program that is killed has ended a moment later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/service_care.h"

struct world {
	struct service_care c;
	uint64_t now;
	bool answers, starved, killed;
	const char *why;
	unsigned starts;
};

static void step(struct world *w, enum service_event ev)
{
	const struct service_in in = {.ev = ev, .now_ms = w->now, .look.runnable = w->starved};
	struct service_out out = service_step(&w->c, &in);

	w->starts += (out.todo & SERVICE_DO_START) != 0;
	if (out.why)
		w->why = out.why;
	if (out.todo & SERVICE_DO_KILL)
		w->killed = true;
	if ((out.todo & SERVICE_DO_ASK) && w->answers)
		step(w, SERVICE_EV_ANSWERED);
}

static void pass(struct world *w, uint64_t ms)
{
	for (uint64_t end = w->now + ms; w->now < end; w->now++) {
		if (w->killed) {
			w->killed = false;
			step(w, SERVICE_EV_ENDED);
		}
		if (w->c.timer_ms <= w->now)
			step(w, SERVICE_EV_TIMER);
	}
}

static struct world running(bool asks)
{
	struct world w = {
		.c = {.asks = asks, .timer_ms = SERVICE_NEVER}, .now = 1000, .answers = true};

	step(&w, SERVICE_EV_ON);
	assert_int_equal(w.starts, 1);
	assert_int_equal(w.c.state, SERVICE_STARTING);
	return w;
}

static void is_up_when_it_answers(void **state)
{
	struct world w = running(true);

	(void)state;
	w.answers = false;
	pass(&w, 2 * SERVICE_START_ASK_MS);
	assert_int_equal(w.c.state, SERVICE_STARTING);
	w.answers = true;
	pass(&w, 2 * SERVICE_START_ASK_MS);
	assert_int_equal(w.c.state, SERVICE_UP);
	pass(&w, 100 * SERVICE_ASK_MS);
	assert_int_equal(w.c.state, SERVICE_UP);
	assert_in_range(w.c.asked, 90, 120);
	assert_int_equal(w.starts, 1);
}

static void is_up_when_it_lives(void **state)
{
	struct world w = running(false);

	(void)state;
	pass(&w, SERVICE_TRUST_MS / 2);
	assert_int_equal(w.c.state, SERVICE_STARTING);
	pass(&w, 100 * SERVICE_ASK_MS);
	assert_int_equal(w.c.state, SERVICE_UP);
	assert_int_equal(w.c.asked, 0);
}

static void hangs(void **state)
{
	struct world w = running(true);

	(void)state;
	pass(&w, SERVICE_SETTLED_MS);
	w.answers = false;
	pass(&w, SERVICE_ASK_MS + (HEARTBEAT_MISSED_MAX + 2) * SERVICE_STEP_MS);
	assert_int_equal(w.c.hung, 1);
	assert_int_equal(w.c.died, 0);
	assert_string_equal(w.why, "does not answer any more");
	assert_int_equal(w.starts, 2);
	w.answers = true;
	pass(&w, 1000);
	assert_int_equal(w.c.state, SERVICE_UP);
}

static void is_not_let_run(void **state)
{
	struct world w = running(true);

	(void)state;
	pass(&w, 1000);
	w.answers = false;
	w.starved = true;
	pass(&w, 100 * SERVICE_STEP_MS);
	assert_int_equal(w.c.hung, 0);
	assert_int_equal(w.c.state, SERVICE_UP);
}

static void never_answers(void **state)
{
	struct world w = running(true);

	(void)state;
	w.answers = false;
	pass(&w, SERVICE_START_MS + 1000);
	assert_int_equal(w.c.hung, 1);
	assert_string_equal(w.why, "has not answered since its start");
	assert_int_equal(w.starts, 2);
}

static void backs_off(void **state)
{
	struct world w = running(true);
	uint64_t wait = SERVICE_BACKOFF_MIN_MS;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		step(&w, SERVICE_EV_ENDED);
		assert_int_equal(w.c.state, SERVICE_WAITING);
		pass(&w, wait);
		assert_int_equal(w.starts, i + 1);
		pass(&w, 1);
		assert_int_equal(w.starts, i + 2);
		wait = wait * 2 > SERVICE_BACKOFF_MAX_MS ? SERVICE_BACKOFF_MAX_MS : wait * 2;
	}
	assert_int_equal(wait, SERVICE_BACKOFF_MAX_MS);
	assert_int_equal(w.c.died, 12);
	pass(&w, SERVICE_SETTLED_MS + 1000);
	assert_int_equal(w.c.state, SERVICE_UP);
	step(&w, SERVICE_EV_ENDED); /* it had settled */
	pass(&w, SERVICE_BACKOFF_MIN_MS + 1);
	assert_int_equal(w.starts, 14);
}

static void is_renewed_at_once(void **state)
{
	struct world w = running(true);

	(void)state;
	pass(&w, 1000);
	step(&w, SERVICE_EV_RENEW);
	assert_true(w.killed);
	assert_int_equal(w.c.state, SERVICE_ENDING);
	pass(&w, 2);
	assert_int_equal(w.starts, 2);
	step(&w, SERVICE_EV_ENDED);
	step(&w, SERVICE_EV_RENEW); /* while it waits */
	assert_int_equal(w.starts, 3);
}

static void ends(void **state)
{
	struct world w = running(true);

	(void)state;
	pass(&w, 1000);
	step(&w, SERVICE_EV_OFF);
	assert_true(w.killed);
	step(&w, SERVICE_EV_ON); /* before it is gone */
	pass(&w, 2);
	assert_int_equal(w.starts, 2);
	step(&w, SERVICE_EV_ENDED);
	step(&w, SERVICE_EV_OFF); /* while it waits */
	assert_int_equal(w.c.state, SERVICE_OFF);
	step(&w, SERVICE_EV_RENEW);
	pass(&w, 2 * SERVICE_BACKOFF_MAX_MS);
	assert_int_equal(w.starts, 2);
	assert_int_equal(w.c.state, SERVICE_OFF);
}

static void cannot_be_asked_for_a_while(void **state)
{
	struct world w = running(true);
	uint64_t asked;

	(void)state;
	pass(&w, 1000);
	step(&w, SERVICE_EV_HUSH);
	w.answers = false;
	asked = w.c.asked;
	pass(&w, 100 * SERVICE_ASK_MS);
	assert_int_equal(w.c.asked, asked);
	assert_int_equal(w.c.state, SERVICE_UP);
	step(&w, SERVICE_EV_ASK);
	pass(&w, 2);
	assert_int_equal(w.c.asked, asked + 1); /* at once */
	pass(&w, (HEARTBEAT_MISSED_MAX + 2) * SERVICE_STEP_MS);
	assert_int_equal(w.c.hung, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_up_when_it_answers),
		cmocka_unit_test(is_up_when_it_lives),
		cmocka_unit_test(hangs),
		cmocka_unit_test(is_not_let_run),
		cmocka_unit_test(never_answers),
		cmocka_unit_test(backs_off),
		cmocka_unit_test(is_renewed_at_once),
		cmocka_unit_test(ends),
		cmocka_unit_test(cannot_be_asked_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
