/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/hook_queue.h"

static struct hook_news became(enum life_role role, uint32_t term)
{
	return (struct hook_news){.role = role, .term = term};
}

static bool push(struct hook_queue *q, enum life_role role, uint32_t term, struct hook_news *out)
{
	struct hook_news news = became(role, term);

	return hook_queue_push(q, &news, out);
}

static void each_change_is_told(void **state)
{
	struct hook_queue q = {0};
	struct hook_news out;

	(void)state;
	assert_true(push(&q, LIFE_ROLE_STANDBY, 1, &out));
	assert_int_equal(out.old_role, LIFE_ROLE_INIT);
	assert_int_equal(out.role, LIFE_ROLE_STANDBY);
	assert_false(hook_queue_done(&q, &out));
	assert_true(push(&q, LIFE_ROLE_ACTIVE, 2, &out));
	assert_int_equal(out.old_role, LIFE_ROLE_STANDBY);
	assert_int_equal(out.term, 2);
	assert_false(hook_queue_done(&q, &out));
	assert_int_equal(q.coalesced, 0);
}

static void one_at_a_time_and_the_latest(void **state)
{
	struct hook_queue q = {0};
	struct hook_news out;

	(void)state;
	assert_true(push(&q, LIFE_ROLE_STANDBY, 1, &out));
	assert_false(push(&q, LIFE_ROLE_ACTIVE, 2, &out));
	assert_false(push(&q, LIFE_ROLE_STANDBY, 3, &out));
	assert_false(push(&q, LIFE_ROLE_FAULT, 4, &out));
	assert_int_equal(q.coalesced, 2);
	assert_true(hook_queue_done(&q, &out));
	assert_int_equal(out.old_role, LIFE_ROLE_STANDBY); /* what was told, not what was skipped */
	assert_int_equal(out.role, LIFE_ROLE_FAULT);
	assert_int_equal(out.term, 4);
	assert_false(hook_queue_done(&q, &out));
	assert_true(push(&q, LIFE_ROLE_STANDBY, 5, &out));
	assert_int_equal(out.old_role, LIFE_ROLE_FAULT);
}

/* It went and came back during a run: there is news, the term at least. */
static void there_and_back(void **state)
{
	struct hook_queue q = {0};
	struct hook_news out;

	(void)state;
	assert_true(push(&q, LIFE_ROLE_ACTIVE, 1, &out));
	assert_false(push(&q, LIFE_ROLE_STANDBY, 2, &out));
	assert_false(push(&q, LIFE_ROLE_ACTIVE, 3, &out));
	assert_true(hook_queue_done(&q, &out));
	assert_int_equal(out.old_role, LIFE_ROLE_ACTIVE);
	assert_int_equal(out.role, LIFE_ROLE_ACTIVE);
	assert_int_equal(out.term, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_is_told),
		cmocka_unit_test(one_at_a_time_and_the_latest),
		cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
