/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture, table and apply against a real kernel: what the tests share. To be run by
 * test_conntrack.sh, as root in a network namespace that nobody else uses: they fill and empty the
 * conntrack table. */
#ifndef VROUTER_CONNTRACK_LAB_H
#define VROUTER_CONNTRACK_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/conntrack.h"

#define LAB_PIN_S 86400

struct lab {
	int events_fd, dump_fd, apply_fd;
	struct sync_counters counters;
	struct capture *capture;
	struct table *table;
	struct apply *apply;
	/* what came back from apply */
	unsigned n_failed;
	int last_err;
	struct flow last_failed;
	/* what capture told */
	unsigned n_change[3], n_overrun, told_at_overrun;
	struct flow last_change;
	struct flow merged; /* a new one and what was told of it since */
	/* what the dump told */
	unsigned n_dumped;
	uint8_t *seen;
};

int lab_setup(void **state);
int lab_teardown(void **state); /* empties the table, too */
#define LAB_TEST(fn) cmocka_unit_test_setup_teardown(fn, lab_setup, lab_teardown)

uint32_t lab_count(struct lab *lab);
bool lab_has(struct lab *lab, const struct flow *key, struct flow *out);
void lab_assert_has(struct lab *lab, const struct flow *f, const char *why);
void lab_put(struct lab *lab, const struct flow *f, enum flow_put how);
void lab_put_other(const struct flow *f);		    /* from another socket */
void lab_fill(struct lab *lab, unsigned from, unsigned to); /* plain TCP flows */

/* A complete, untranslated flow number n between the networks 10 and 20. */
struct flow flow_plain(uint8_t family, uint8_t proto, uint32_t n);
struct flow flow_snat(struct flow f, uint16_t port); /* its source becomes 30.0.0.1 and this port */
struct flow flow_dnat(struct flow f, uint16_t port);
struct flow flow_without(struct flow f, uint32_t drop);

int lab_run_put_tests(void);
int lab_run_attr_tests(void);
int lab_run_read_tests(void);

#endif
