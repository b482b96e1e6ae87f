/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What table and capture tell of the kernel, and what happens at its limits. */
#include "conntrack_lab.h"

#include <arpa/inet.h>
#include <cap-ng.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <sys/wait.h>
#include <time.h>

/* ---- dump --------------------------------------------------------------------------------- */

static void on_seen(void *ctx, const struct flow *f)
{
	struct lab *lab = ctx;
	unsigned n = ((unsigned)f->orig.src[3] - 1) * 50000 + ntohs(f->orig.l4.sport_be) - 1024u;

	lab->n_dumped++;
	lab->seen[n]++;
}

static unsigned dump_rest(struct lab *lab, bool start)
{
	unsigned chunks = 0;

	for (int more = 1; more; start = false, chunks++) {
		more = table_dump(lab->table, start, on_seen, lab);
		assert_true(more >= 0);
	}
	return chunks;
}

static void dump_sees_each_once(void **state)
{
	struct lab *lab = *state;
	const unsigned n = 20000;
	unsigned chunks;

	lab->seen = calloc(n, 1);
	lab_fill(lab, 0, n);
	chunks = dump_rest(lab, true);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(lab->seen[i], 1);
	print_message("%u entries in %u chunks\n", n, chunks);

	/* again, after half of one that nobody read to its end */
	memset(lab->seen, 0, n);
	for (unsigned i = 0; i < chunks / 2; i++)
		assert_int_equal(table_dump(lab->table, i == 0, on_seen, lab), 1);
	memset(lab->seen, 0, n);
	lab->n_dumped = 0;
	(void)dump_rest(lab, true);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(lab->seen[i], 1);
	/* questions while it runs */
	assert_int_equal(table_dump(lab->table, true, on_seen, lab), 1);
	assert_int_equal(lab_count(lab), n);
	struct flow f = flow_plain(AF_INET, IPPROTO_TCP, 5);
	lab_assert_has(lab, &f, "during a dump");
	(void)dump_rest(lab, false);
	free(lab->seen);
}

static void dump_of_nothing(void **state)
{
	struct lab *lab = *state;

	(void)dump_rest(lab, true);
	assert_int_equal(lab->n_dumped, 0);
}

static void get_is_exact(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_plain(AF_INET, IPPROTO_UDP, 1), reverse = f, got = {.mark = 77};

	lab_put(lab, &f, FLOW_PUT_NEW);
	reverse.orig = f.reply;
	assert_int_equal(table_get(lab->table, &reverse, &got), -ENOENT);
	assert_int_equal(got.mark, 77); /* untouched */
}

/* ---- capture ------------------------------------------------------------------------------ */

static void read_all(struct lab *lab)
{
	while (capture_read(lab->capture, 4096))
		;
}

static void capture_tells(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow own = flow_plain(AF_INET, IPPROTO_TCP, 2);

	lab_put_other(&own); /* nobody listens yet */
	assert_int_equal(capture_start(lab->capture), 0);
	lab_put_other(&f);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 1);
	assert_true(flow_equal(&lab->last_change, &f));
	assert_int_equal(lab->counters.v[SYNC_EVENTS], 1);

	apply_del(lab->apply, &own);
	lab_put(lab, &own, FLOW_PUT_NEW);
	read_all(lab);
	assert_int_equal(lab->counters.v[SYNC_EVENTS], 3);
	assert_int_equal(lab->counters.v[SYNC_EVENTS_OWN], 2);
	assert_int_equal(lab->n_change[FLOW_NEW], 1);

	capture_stop(lab->capture);
	lab_put_other(&f);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 1);
	assert_int_equal(lab->counters.v[SYNC_EVENTS_BAD], 0);
}

static void capture_updates_and_ends(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	void *second;

	assert_int_equal(capture_start(lab->capture), 0);
	lab_put_other(&f);
	assert_int_equal(lab_setup(&second), 0);
	struct lab *other = second;
	f.tcp.state = TCP_CONNTRACK_FIN_WAIT;
	lab_put(other, &f, FLOW_PUT_UPDATE);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_UPDATE], 1);
	assert_true(lab->last_change.has & FLOW_HAS_TCP);
	assert_int_equal(lab->last_change.tcp.state, TCP_CONNTRACK_FIN_WAIT);
	apply_del(other->apply, &f);
	apply_commit(other->apply);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_DESTROY], 1);
	assert_true(flow_same(&lab->last_change, &f));
	assert_true(lab->last_change.has & FLOW_HAS_REPLY);
	capture_stop(lab->capture);
	assert_int_equal(lab_teardown(&second), 0);
}

static void capture_is_bounded(void **state)
{
	struct lab *lab = *state;
	void *second;

	assert_int_equal(lab_setup(&second), 0);
	assert_int_equal(capture_start(lab->capture), 0);
	lab_fill(second, 0, 1000);
	assert_true(capture_read(lab->capture, 128));
	assert_in_range(lab->n_change[FLOW_NEW], 128, 128 + 64);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 1000);
	/* the bound is met, and nothing is left: nobody would wake us for what waits for the rest
	 */
	lab_fill(second, 1000, 1128);
	assert_false(capture_read(lab->capture, 128));
	assert_int_equal(lab->n_change[FLOW_NEW], 1128);
	capture_stop(lab->capture);
	assert_int_equal(lab_teardown(&second), 0);
}

static void capture_overrun(void **state)
{
	struct lab *lab = *state;
	void *second;

	assert_int_equal(lab_setup(&second), 0);
	assert_int_equal(capture_start(lab->capture), 0);
	lab_fill(second, 0, 150000); /* more than 64 MiB of events */
	read_all(lab);
	print_message("%u of 150000 events fit\n", lab->n_change[FLOW_NEW]);
	assert_int_equal(lab->n_overrun, 1);
	assert_int_equal(lab->told_at_overrun, lab->n_change[FLOW_NEW]);
	assert_true(lab->n_change[FLOW_NEW] < 150000);
	/* and it goes on */
	lab->n_change[FLOW_NEW] = 0;
	lab_fill(second, 150000, 150100);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 100);
	capture_stop(lab->capture);
	assert_int_equal(lab_teardown(&second), 0);
}

/* ---- limits ------------------------------------------------------------------------------- */

static void table_full(void **state)
{
	struct lab *lab = *state;
	uint32_t flows, max;

	assert_int_equal(table_count(lab->table, &flows, &max), 0);
	if (max > 2000000)
		skip();
	/* assured ones, so that the kernel does not drop any of them itself */
	lab_fill(lab, 0, max + 500);
	assert_in_range(lab->n_failed, 490, 500);
	if (lab->last_err != -ENOMEM && lab->last_err != -ENOSPC && lab->last_err != -ENFILE)
		fail_msg("a full table is error %d", lab->last_err);
	assert_in_range(lab->counters.v[SYNC_APPLIED_PUT], max, max + 10);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void speed(void **state)
{
	struct lab *lab = *state;
	const unsigned n = 100000;
	double t0 = seconds(), t1, t2, t3;

	for (unsigned i = 0; i < n; i++) {
		struct flow f = flow_plain(AF_INET, IPPROTO_TCP, i);

		f = flow_snat(f, ntohs(f.orig.l4.sport_be));
		f.reply.dst[3] = f.orig.src[3];
		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(lab->apply);
	t1 = seconds();
	assert_int_equal(lab->n_failed, 0);
	lab->seen = calloc(n, 1);
	(void)dump_rest(lab, true);
	free(lab->seen);
	t2 = seconds();
	for (unsigned i = 0; i < n; i++) {
		struct flow f = flow_plain(AF_INET, IPPROTO_TCP, i);

		apply_del(lab->apply, &f);
	}
	apply_commit(lab->apply);
	t3 = seconds();
	print_message("put %.0f/s, dump %.0f/s, delete %.0f/s\n", n / (t1 - t0), n / (t2 - t1),
		      n / (t3 - t2));
	assert_int_equal(lab_count(lab), 0);
}

/* Sockets that root opened, used by a process with CAP_NET_ADMIN only, or without it. */
static int as_nobody(struct lab *lab, bool admin)
{
	struct flow f = flow_plain(AF_INET, IPPROTO_UDP, admin ? 1 : 2);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		capng_clear(CAPNG_SELECT_BOTH);
		if (admin)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
		if (capng_change_id(65534, 65534, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
			_exit(99);
		lab_put(lab, &f, FLOW_PUT_NEW);
		if (admin && capture_start(lab->capture) < 0)
			_exit(98);
		_exit(-lab->last_err);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void capabilities(void **state)
{
	assert_int_equal(as_nobody(*state, true), 0);
	assert_int_equal(as_nobody(*state, false), EPERM);
}

int lab_run_read_tests(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(dump_sees_each_once),
		LAB_TEST(dump_of_nothing),
		LAB_TEST(get_is_exact),
		LAB_TEST(capture_tells),
		LAB_TEST(capture_updates_and_ends),
		LAB_TEST(capture_is_bounded),
		LAB_TEST(capture_overrun),
		LAB_TEST(table_full),
		LAB_TEST(speed),
		LAB_TEST(capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
