/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/patience.h"

enum { SILENT = 50, EACH = 10, ROUTERS = 1000, MOST = SILENT + EACH * ROUTERS };

static struct patience_of asked(uint64_t at)
{
	return (struct patience_of){.asked_ms = at, .silent_ms = SILENT, .most_ms = MOST};
}

/* As its owner does it. */
static bool waits(struct patience *p, const struct patience_of *q, bool unread,
		  const struct heartbeat_look *look, uint64_t now)
{
	enum patience_do what = patience_judge(p, q, unread, now);

	return what == PATIENCE_WAIT || (what == PATIENCE_LOOK && patience_look(p, look, now));
}

/* All are asked at once, and it says nothing: none waits longer than one alone. */
static void hangs(void **state)
{
	struct patience p = {0};
	const struct patience_of q = asked(1000), later = asked(1060);
	const struct heartbeat_look stopped = {.cpu_ticks = 7};

	(void)state;
	assert_true(waits(&p, &q, false, &stopped, 1000 + SILENT - 1));
	for (unsigned i = 0; i < ROUTERS; i++)
		assert_false(waits(&p, &q, false, &stopped, 1000 + SILENT));
	/* nor who asks afterwards, until it has said something */
	assert_false(waits(&p, &later, false, &stopped, 1060));
	patience_heard(&p, 1070);
	assert_true(waits(&p, &later, false, &stopped, 1070));
}

/* It takes one time more to see that. */
static void spins(void **state)
{
	struct patience p = {0};
	const struct patience_of q = asked(1000);
	struct heartbeat_look look = {.runnable = true, .cpu_ticks = 100};
	uint64_t t;

	(void)state;
	for (t = 1000; waits(&p, &q, false, &look, t); t += 10)
		look.cpu_ticks++;
	assert_in_range(t, 1000 + SILENT, 1000 + 2 * SILENT);
}

/* In a lock of the kernel's, which may be held for a moment, or for seconds. */
static void sleeps(void **state)
{
	struct patience p = {0};
	const struct patience_of q = asked(1000);
	const struct heartbeat_look look = {.uninterruptible = true};
	uint64_t t;

	(void)state;
	for (t = 1000; waits(&p, &q, false, &look, t); t += 10)
		;
	assert_int_equal(t, 1000 + 2 * SILENT);
}

/* Others have the processor. */
static void starves(void **state)
{
	struct patience p = {0};
	const struct patience_of q = asked(1000);
	struct heartbeat_look look = {.runnable = true, .cpu_ticks = 100};

	(void)state;
	for (uint64_t t = 1000; t < 1000 + MOST; t += 10) {
		look.cpu_ticks += t % 50 == 0; /* a fifth */
		assert_true(waits(&p, &q, false, &look, t));
	}
	assert_false(waits(&p, &q, false, &look, 1000 + MOST));
}

/* It is slow, and answers one after the other: the last one waits for all of that. */
static void busy(void **state)
{
	struct patience p = {0};
	const struct patience_of q = asked(1000);
	const struct heartbeat_look look = {.cpu_ticks = 7};

	(void)state;
	for (uint64_t t = 1000; t < 1000 + MOST; t += SILENT - 1) {
		assert_true(waits(&p, &q, false, &look, t));
		patience_heard(&p, t);
	}
	assert_false(waits(&p, &q, false, &look, 1000 + MOST));
}

/* We were busy ourselves: what it said lies there. */
static void unread(void **state)
{
	struct patience p = {0};
	const struct patience_of q = asked(1000);
	const struct heartbeat_look look = {.cpu_ticks = 7};

	(void)state;
	assert_true(waits(&p, &q, true, &look, 5000));
	assert_false(p.hangs);
	assert_false(waits(&p, &q, true, &look, 1000 + MOST));
}

/* What was said before the question is no answer to it, and no reason to wait less. */
static void said_before(void **state)
{
	struct patience p = {0};
	const struct patience_of q = asked(1000);
	const struct heartbeat_look look = {.cpu_ticks = 7};

	(void)state;
	patience_heard(&p, 100);
	assert_true(waits(&p, &q, false, &look, 1000));
	assert_true(waits(&p, &q, false, &look, 1000 + SILENT - 1));
	assert_false(waits(&p, &q, false, &look, 1000 + SILENT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hangs),       cmocka_unit_test(spins), cmocka_unit_test(sleeps),
		cmocka_unit_test(starves),     cmocka_unit_test(busy),	cmocka_unit_test(unread),
		cmocka_unit_test(said_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
