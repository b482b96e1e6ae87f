/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A group of routers that share one election, story by story; tests/sim/sim_group.c has the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/group.h"

#define N 3

static struct group g;
static struct group_member m[N];
static struct life life[N];
static struct life_in told[N]; /* the last */
static unsigned n_told[N];
static char why_told[N][LIFE_REASON_MAX];
static char elected[128]; /* what the election was told */
static struct vrrp_in last;
static unsigned bid, n_addresses, n_first;

static unsigned index_of(const struct group_member *x)
{
	return (unsigned)(x - m);
}

static void on_tell(struct group_member *x, const struct life_in *in, const char *why)
{
	unsigned i = index_of(x);

	told[i] = *in;
	n_told[i]++;
	snprintf(why_told[i], sizeof(why_told[i]), "%s", why ? why : "");
	if (in->ev == LIFE_EV_FAULT) {
		life[i].faults |= in->fault;
		life[i].state = LIFE_FAULT;
	} else if (in->ev == LIFE_EV_RECOVERED) {
		life[i].faults &= ~in->fault;
		life[i].state = life[i].faults ? LIFE_FAULT : LIFE_STANDBY;
	} else if (life[i].state != LIFE_FAULT) {
		life[i].state = in->ev == LIFE_EV_ELECTED ? LIFE_ACTIVE : LIFE_STANDBY;
	}
	group_look(x);
}

static void on_elect(void *ctx, const struct vrrp_in *in)
{
	static const char *const name[] = {
		[VRRP_EV_START] = "start", [VRRP_EV_STOP] = "stop",	[VRRP_EV_GATE] = "gate",
		[VRRP_EV_BOOST] = "boost", [VRRP_EV_RESIGN] = "resign", [VRRP_EV_STAY] = "stay",
		[VRRP_EV_ADOPT] = "adopt"};
	size_t at = strlen(elected);

	(void)ctx;
	last = *in;
	snprintf(elected + at, sizeof(elected) - at, "%s%s", at ? " " : "", name[in->ev]);
	if (in->ev == VRRP_EV_STOP)
		group_on_state(&g, VRRP_INIT, "");
	else if (in->ev == VRRP_EV_START)
		group_on_state(&g, VRRP_BACKUP, "");
	else if (in->ev == VRRP_EV_ADOPT)
		group_on_state(&g, VRRP_ACTIVE, "");
}

static void on_bid(void *ctx, uint8_t before, uint8_t now)
{
	(void)ctx;
	(void)before;
	bid = now;
}

static void on_addresses(void *ctx)
{
	(void)ctx;
	n_addresses++;
}

static void on_first(struct group_member *x)
{
	(void)x;
	n_first++;
}

static const struct group_ops ops = {.tell = on_tell,
				     .elect = on_elect,
				     .bid = on_bid,
				     .has_addresses = on_addresses,
				     .first = on_first};

static void assert_elected(const char *what)
{
	assert_string_equal(elected, what);
	elected[0] = '\0';
}

static void look(unsigned i, enum life_state s)
{
	life[i].state = s;
	group_look(&m[i]);
}

static void join(unsigned i)
{
	static const char *const name[N] = {"b", "c", "a"};

	life[i] = (struct life){.state = LIFE_INIT};
	m[i] = (struct group_member){
		.name = name[i], .life = &life[i], .sole = true, .priority = 100};
	group_join(&g, &m[i]);
}

/* n of them, in STANDBY. */
static void begin(unsigned n)
{
	memset(n_told, 0, sizeof(n_told));
	elected[0] = '\0';
	n_addresses = n_first = bid = 0;
	group_init(&g, "g", &ops, NULL);
	for (unsigned i = 0; i < n; i++) {
		join(i);
		look(i, LIFE_STANDBY);
	}
	group_whole(&g);
}

static void begin_active(unsigned n)
{
	begin(n);
	group_on_state(&g, VRRP_ACTIVE, "alone");
	for (unsigned i = 0; i < n; i++)
		group_has_addresses(&m[i]);
	elected[0] = '\0';
}

static void fault(unsigned i, const char *why)
{
	life[i].faults |= LIFE_FAULT_NET;
	snprintf(life[i].reason, sizeof(life[i].reason), "%s", why);
	look(i, LIFE_FAULT);
}

static void recover(unsigned i)
{
	life[i].faults &= ~(uint32_t)LIFE_FAULT_NET;
	look(i, life[i].faults ? LIFE_FAULT : LIFE_STANDBY);
}

/* ---- stories ----------------------------------------------------------------------------------
 */

static void starts_with_the_last(void **state)
{
	(void)state;
	group_init(&g, "g", &ops, NULL);
	elected[0] = '\0';
	for (unsigned i = 0; i < N; i++)
		join(i);
	group_whole(&g);
	assert_elected("");
	look(0, LIFE_STANDBY);
	look(2, LIFE_STANDBY);
	/* who is well waits, and knows for whom */
	assert_string_equal(why_told[2], "router \"c\" of its group: it is being built");
	life[1].gated = true;
	m[1].priority = 90;
	look(1, LIFE_STANDBY);
	assert_elected("gate start");
	assert_true(g.gated);
	assert_int_equal(bid, 90);
	assert_int_equal(life[0].state, LIFE_STANDBY);
}

static void moves_as_a_whole(void **state)
{
	(void)state;
	begin(N);
	assert_elected("gate start");
	group_on_state(&g, VRRP_ACTIVE, "silence");
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(told[i].ev, LIFE_EV_ELECTED);
		assert_int_equal(n_addresses, 0);
		group_has_addresses(&m[i]);
	}
	assert_int_equal(n_addresses, 1);
	/* it resigns with the last one that has drained, not before, and once */
	for (unsigned i = 0; i < N; i++) {
		assert_elected("");
		life[i].state = LIFE_RESIGNING;
		group_elect(&m[i], VRRP_EV_RESIGN);
	}
	assert_elected("resign");
	/* nobody came: one of them notices first */
	life[1].state = LIFE_ACTIVE;
	group_elect(&m[1], VRRP_EV_STAY);
	life[0].state = LIFE_ACTIVE;
	group_elect(&m[0], VRRP_EV_STAY);
	assert_elected("stay");
	group_on_state(&g, VRRP_BACKUP, "somebody");
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(told[i].ev, LIFE_EV_LOST);
}

static void one_takes_all_along(void **state)
{
	(void)state;
	begin_active(N);
	fault(1, "no bridge");
	assert_elected("stop");
	for (unsigned i = 0; i < N; i += 2) {
		assert_int_equal(life[i].faults, LIFE_FAULT_GROUP);
		assert_string_equal(why_told[i], "router \"c\" of its group: no bridge");
	}
	assert_int_equal(life[1].faults, LIFE_FAULT_NET);
	/* a second one; then the first is well: the words are about who is not */
	fault(0, "no leg");
	recover(1);
	assert_int_equal(life[1].faults, LIFE_FAULT_GROUP);
	assert_string_equal(why_told[1], "router \"b\" of its group: no leg");
	assert_string_equal(why_told[2], why_told[1]);
	assert_elected("");
	recover(0);
	assert_elected("gate start");
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(life[i].faults, 0);
}

static void weakest_decides(void **state)
{
	(void)state;
	begin_active(N);
	assert_true(last.sole);
	m[2].sole = false;
	group_look(&m[2]);
	assert_elected("gate");
	assert_false(last.sole);
	life[0].blind = true;
	group_look(&m[0]);
	assert_true(last.blind);
	m[0].priority = 70;
	m[1].priority = 80;
	group_look(&m[0]);
	group_look(&m[1]);
	assert_int_equal(bid, 70);
	m[0].priority = 100;
	group_look(&m[0]);
	assert_int_equal(bid, 80);
}

static void joins_later(void **state)
{
	(void)state;
	begin_active(2);
	join(2);
	fault(2, "no bridge of its own");
	assert_elected("");
	assert_int_equal(life[0].state, LIFE_ACTIVE);
	/* it is built, but cannot get its addresses: nor does that disturb the others */
	life[2].blind = true;
	recover(2);
	group_elect(&m[2], VRRP_EV_START);
	assert_int_equal(told[2].ev, LIFE_EV_ELECTED);
	fault(2, "address taken");
	assert_elected("");
	recover(2);
	life[2].state = LIFE_ACTIVE;
	m[2].sole = false;
	group_has_addresses(&m[2]);
	assert_elected("gate");
	assert_false(last.blind);
	/* from now on it is one of them */
	fault(2, "no bridge");
	assert_elected("stop");
	assert_int_equal(life[0].faults, LIFE_FAULT_GROUP);
	/* and goes alone: so the others are well */
	group_leave(&m[2]);
	assert_elected("gate start");
	assert_int_equal(life[0].faults, 0);
	assert_int_equal(g.n, 2);
}

static void election_has_a_fault(void **state)
{
	(void)state;
	begin_active(2);
	group_on_state(&g, VRRP_INIT, "");
	group_on_fault(&g, "no carrier");
	assert_elected("");
	assert_int_equal(life[1].faults, LIFE_FAULT_ELECTION);
	join(2);
	look(2, LIFE_STANDBY);
	group_elect(&m[2], VRRP_EV_START);
	assert_int_equal(told[2].fault, LIFE_FAULT_ELECTION);
	group_on_fault(&g, NULL);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(life[i].faults, 0);
}

static void first_by_name(void **state)
{
	(void)state;
	begin(2);
	assert_string_equal(g.first->name, "b");
	join(2);
	assert_string_equal(g.first->name, "b"); /* it has not worked yet */
	look(2, LIFE_STANDBY);
	assert_string_equal(g.first->name, "a");
	n_first = 0;
	group_leave(&m[2]);
	assert_string_equal(g.first->name, "b");
	assert_int_equal(n_first, 2);
}

/* Two were kept by a guard, one is new. */
static void adopts(void **state)
{
	(void)state;
	elected[0] = '\0';
	group_init(&g, "g", &ops, NULL);
	for (unsigned i = 0; i < N; i++) {
		join(i);
		m[i].kept = i != 1;
		life[i].adopted = i != 1;
		look(i, i == 1 ? LIFE_STANDBY : LIFE_ACTIVE);
	}
	assert_elected("");
	group_whole(&g);
	assert_elected("adopt gate");
	assert_int_equal(life[1].state, LIFE_ACTIVE);
	/* where one of them cannot be, none is */
	group_init(&g, "g", &ops, NULL);
	for (unsigned i = 0; i < 2; i++) {
		join(i);
		m[i].kept = true;
		life[i].adopted = i == 0;
		life[i].faults = i ? LIFE_FAULT_NET : 0;
		look(i, i ? LIFE_FAULT : LIFE_ACTIVE);
	}
	group_whole(&g);
	assert_elected("");
	assert_int_equal(life[0].state, LIFE_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_the_last), cmocka_unit_test(moves_as_a_whole),
		cmocka_unit_test(one_takes_all_along),	cmocka_unit_test(weakest_decides),
		cmocka_unit_test(joins_later),		cmocka_unit_test(election_has_a_fault),
		cmocka_unit_test(first_by_name),	cmocka_unit_test(adopts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
