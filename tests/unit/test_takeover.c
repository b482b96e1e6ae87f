/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/takeover.h"

static const struct takeover_cfg neither = {0}, veto = {.veto = true}, fence = {.fence = true},
				 both = {.veto = true, .fence = true};

static void goes_when_nobody_objects(void **state)
{
	struct takeover t = {.question = 7};

	(void)state;
	assert_int_equal(takeover_judge(&neither, &t, 0), TAKEOVER_GO);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_GO);
	takeover_ask(&t);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_GO);
}

static void an_answer_is_a_veto(void **state)
{
	struct takeover t = {.question = 7};
	uint64_t q = takeover_ask(&t);

	(void)state;
	assert_int_equal(q, 8);
	takeover_vouched(&t, q, "controller-1", 5);
	assert_int_equal(takeover_judge(&neither, &t, 0), TAKEOVER_GO);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_VETO);
	assert_string_equal(t.name, "controller-1");
	assert_int_equal(t.term, 5);
	/* bounded: the next question is not answered */
	takeover_ask(&t);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_GO);
}

static void an_old_answer_is_none(void **state)
{
	struct takeover t = {0};
	uint64_t q = takeover_ask(&t);

	(void)state;
	takeover_ask(&t);
	takeover_vouched(&t, q, "late", 5);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_GO);
	q = takeover_ask(&t);
	takeover_vouched(&t, q, "controller-1", 5);
	takeover_over(&t);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_GO);
}

/* It fell silent after it had answered. An answer that comes later counts. */
static void heartbeats_are_missing(void **state)
{
	struct takeover t = {0};
	uint64_t q = takeover_ask(&t);

	(void)state;
	takeover_vouched(&t, q, "controller-1", 5);
	takeover_silent(&t);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_GO);
	takeover_vouched(&t, q, "controller-1", 5);
	assert_int_equal(takeover_judge(&veto, &t, 0), TAKEOVER_VETO);
}

static void a_fence_comes_first(void **state)
{
	struct takeover t = {0};

	(void)state;
	assert_int_equal(takeover_judge(&fence, &t, 10), TAKEOVER_FENCE);
	assert_int_equal(takeover_judge(&fence, &t, 20), TAKEOVER_WAIT);
	assert_true(takeover_ended(&t, true, 30));
	assert_int_equal(takeover_judge(&fence, &t, 30), TAKEOVER_GO);
	/* the next silence has to be fenced anew */
	takeover_over(&t);
	assert_int_equal(takeover_judge(&fence, &t, 40), TAKEOVER_FENCE);
}

static void a_fence_that_fails_is_tried_again(void **state)
{
	struct takeover t = {0};
	uint64_t now = 10, wait = TAKEOVER_RETRY_MIN_MS;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(takeover_judge(&fence, &t, now), TAKEOVER_FENCE);
		assert_true(takeover_ended(&t, false, now));
		assert_int_equal(takeover_judge(&fence, &t, now + wait - 1), TAKEOVER_WAIT);
		now += wait;
		wait = wait < TAKEOVER_RETRY_MAX_MS / 2 ? 2 * wait : TAKEOVER_RETRY_MAX_MS;
	}
	assert_int_equal(wait, TAKEOVER_RETRY_MAX_MS);
}

static void a_fence_of_a_silence_that_is_over(void **state)
{
	struct takeover t = {0};

	(void)state;
	assert_int_equal(takeover_judge(&fence, &t, 10), TAKEOVER_FENCE);
	takeover_over(&t);
	assert_false(takeover_ended(&t, true, 20));
	assert_int_equal(takeover_judge(&fence, &t, 30), TAKEOVER_FENCE);
}

static void who_is_fenced_and_answers_is_fenced_again(void **state)
{
	struct takeover t = {0};

	(void)state;
	assert_int_equal(takeover_judge(&both, &t, 10), TAKEOVER_FENCE);
	assert_true(takeover_ended(&t, true, 20));
	takeover_vouched(&t, takeover_ask(&t), "controller-1", 5);
	assert_int_equal(takeover_judge(&both, &t, 20), TAKEOVER_VETO);
	takeover_ask(&t);
	assert_int_equal(takeover_judge(&both, &t, 30), TAKEOVER_FENCE);
}

/* Who bids more waits to be handed the role, but not for ever, and each time anew. */
static void waits_for_the_role(void **state)
{
	struct takeover t = {0};

	(void)state;
	assert_true(takeover_waits(&t, 1000, 700));
	assert_true(takeover_waits(&t, 1200, 700));
	assert_true(takeover_waits(&t, 1699, 700));
	assert_false(takeover_waits(&t, 1700, 700));
	takeover_waits_no_more(&t);
	assert_true(takeover_waits(&t, 1800, 700));
	assert_false(takeover_waits(&t, 2500, 700));
	/* it bid less for a while */
	assert_true(takeover_waits(&t, 3200, 700));
	assert_false(takeover_waits(&t, 3900, 700));
	assert_true(takeover_waits(&t, 50000, 700));
	/* an ACTIVE that is heard, which it is all the time, is not the end of the wait */
	takeover_over(&t);
	assert_false(takeover_waits(&t, 50700, 700));
	takeover_waits_no_more(&t);
	assert_false(takeover_waits(&t, 50700, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_when_nobody_objects),
		cmocka_unit_test(an_answer_is_a_veto),
		cmocka_unit_test(an_old_answer_is_none),
		cmocka_unit_test(heartbeats_are_missing),
		cmocka_unit_test(a_fence_comes_first),
		cmocka_unit_test(a_fence_that_fails_is_tried_again),
		cmocka_unit_test(a_fence_of_a_silence_that_is_over),
		cmocka_unit_test(who_is_fenced_and_answers_is_fenced_again),
		cmocka_unit_test(waits_for_the_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
