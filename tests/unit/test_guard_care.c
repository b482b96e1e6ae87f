/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guard does while it stands in for a dead core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/guard_care.h"

#define SECOND	 1000000u
#define INTERVAL 100000u
#define BEGIN	 (1000 * (uint64_t)SECOND)

static const struct vrrp_standin standin = {.fsm = {.prio = 150, .adv_cs = 10, .preempt = true}};

static struct care begun(void)
{
	struct care c;

	care_start(&c, &standin, 10 * SECOND, BEGIN);
	return c;
}

/* One that has said something already. */
static struct care going(void)
{
	struct care c = begun();

	assert_int_equal(care_time(&c, BEGIN), CARE_ADVERTISE);
	return c;
}

static enum care_do heard(struct care *c, uint8_t prio, bool higher_addr, uint64_t after)
{
	const struct vrrp_packet p = {.prio = prio, .adv_cs = 10};

	return care_heard(c, &p, higher_addr, BEGIN + after);
}

static void advertises_in_time(void **state)
{
	struct care c = begun();
	uint64_t now = BEGIN;
	unsigned n = 0;

	(void)state;
	assert_true(care_due_us(&c) == BEGIN);
	for (; now < BEGIN + 10 * SECOND; now = care_due_us(&c)) {
		assert_int_equal(care_time(&c, now), CARE_ADVERTISE);
		assert_int_equal(care_time(&c, now), CARE_NOTHING);
		assert_true(care_due_us(&c) - now <= INTERVAL);
		n++;
	}
	assert_int_equal(n, 100);
	assert_true(now == BEGIN + 10 * SECOND);
	assert_int_equal(care_time(&c, now), CARE_RESIGN);
}

/* A shorter time than the interval: the end is not missed. */
static void ends_in_time(void **state)
{
	struct vrrp_standin slow = standin;
	struct care c;

	(void)state;
	slow.fsm.adv_cs = 4000;
	care_start(&c, &slow, 2 * SECOND, BEGIN);
	assert_int_equal(care_time(&c, BEGIN), CARE_ADVERTISE);
	assert_true(care_due_us(&c) == BEGIN + 2 * SECOND);
	assert_int_equal(care_time(&c, BEGIN + 2 * SECOND), CARE_RESIGN);
}

static void rivals(void **state)
{
	static const struct {
		uint8_t bid;
		bool boosted, blind;
		uint8_t prio;
		bool higher_addr;
		enum care_do what;
		const char *text;
	} row[] = {
		{150, false, false, 149, true, CARE_ADVERTISE, "bids less: has to leave"},
		{150, false, false, 151, false, CARE_YIELD, "bids more"},
		{150, false, false, 150, true, CARE_YIELD, "the same, and the higher address"},
		{150, false, false, 150, false, CARE_ADVERTISE, "the same, and the lower address"},
		{150, false, false, 0, true, CARE_ADVERTISE, "leaves"},
		{150, true, false, 200, true, CARE_ADVERTISE, "bids less than who was promoted"},
		{150, false, true, 2, false, CARE_YIELD, "knows more than who is blind"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct vrrp_standin s = standin;
		struct care c;

		s.fsm.prio = row[i].bid;
		s.boosted = row[i].boosted;
		s.blind = row[i].blind;
		care_start(&c, &s, 10 * SECOND, BEGIN);
		assert_int_equal(care_time(&c, BEGIN), CARE_ADVERTISE);
		if (heard(&c, row[i].prio, row[i].higher_addr, 1000) != row[i].what)
			fail_msg("%s", row[i].text);
		/* what was said just now is not repeated at once */
		if (row[i].what == CARE_ADVERTISE)
			assert_true(care_due_us(&c) == BEGIN + 1000 + INTERVAL);
	}
}

/* The core stood still before it died, or this process did: whoever is ACTIVE has succeeded. */
static void successors(void **state)
{
	struct care c = begun();

	(void)state;
	assert_int_equal(heard(&c, 2, false, 0), CARE_YIELD);
	c = begun();
	assert_int_equal(heard(&c, 0, false, 0), CARE_ADVERTISE); /* nobody: it leaves */
	c = going();
	assert_int_equal(heard(&c, 2, false, 3 * INTERVAL), CARE_ADVERTISE);
	c = going();
	assert_int_equal(heard(&c, 2, false, 3 * INTERVAL + 1), CARE_YIELD);
}

/* Somebody may be a successor, and is given the time to prove it; recordings get it once. */
static void unproven(void **state)
{
	struct care c = begun();

	(void)state;
	care_unproven(&c, BEGIN);
	assert_int_equal(care_time(&c, BEGIN), CARE_NOTHING);
	assert_true(care_due_us(&c) == BEGIN + INTERVAL / 2);
	care_unproven(&c, BEGIN + INTERVAL / 4);
	assert_true(care_due_us(&c) == BEGIN + INTERVAL / 2);
	assert_int_equal(heard(&c, 2, false, INTERVAL / 4), CARE_YIELD);
	c = begun();
	care_unproven(&c, BEGIN);
	assert_int_equal(care_time(&c, BEGIN + INTERVAL / 2), CARE_ADVERTISE);
	/* once it has spoken, VRRP's rules decide, and those need no waiting */
	care_unproven(&c, BEGIN + INTERVAL);
	assert_true(care_due_us(&c) == BEGIN + INTERVAL / 2 + INTERVAL);
	/* but after an interruption */
	c = going();
	care_unproven(&c, BEGIN + 4 * INTERVAL);
	assert_true(care_due_us(&c) == BEGIN + 4 * INTERVAL + INTERVAL / 2);
}

static void is_asked(void **state)
{
	struct care c = begun();
	unsigned n = 0;

	(void)state;
	assert_false(care_asked(&c)); /* it listens first */
	assert_int_equal(care_time(&c, BEGIN), CARE_ADVERTISE);
	while (n < 100 && care_asked(&c))
		n++;
	assert_int_equal(n, 8);
	assert_true(care_due_us(&c) == BEGIN + INTERVAL); /* its own are not put off by it */
	assert_int_equal(care_time(&c, BEGIN + INTERVAL), CARE_ADVERTISE);
	assert_true(care_asked(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advertises_in_time),
		cmocka_unit_test(ends_in_time),
		cmocka_unit_test(rivals),
		cmocka_unit_test(successors),
		cmocka_unit_test(unproven),
		cmocka_unit_test(is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
