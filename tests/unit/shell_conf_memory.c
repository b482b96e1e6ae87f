/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration of many ordinary routers uses of its room: the beginning of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory.h"
#include "vrouter/conf.h"

#define ROUTERS	  200
#define ROUTER_KB 8 /* one page, or two where it begins at the end of one; not one more */

static struct conf *load(unsigned n)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;
	size_t size = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);
	int err;

	assert_non_null(f);
	fprintf(f, "controller c {}\nsync { interface = eth0 group = 239.255.77.1 "
		   "security = none }\n");
	for (unsigned i = 0; i < n; i++)
		fprintf(f,
			"router r%u {\nmanagement { attach = \"bridge:bm\" interface = m vip = "
			"\"10.0.%u.1/24\" }\npublic { attach = \"bridge:be\" interface = e vip = "
			"\"192.0.%u.1/24\" gateway = 192.0.%u.254 }\nnat { mode = snat }\n"
			"election { interface = eth0 group = g vrid = 1 }\n}\n",
			i, i, i, i);
	fclose(f);
	err = conf_load_text(&c, text, "f", &e);
	for (unsigned i = 0; i < e.n; i++)
		print_error("%s\n", e.text[i]);
	assert_int_equal(err, 0);
	free(text);
	return c;
}

static void many(void **state)
{
	unsigned long before, after;
	struct conf *c;

	(void)state;
	conf_free(load(ROUTERS)); /* what the parser keeps */
	before = memory_kb();
	if (!MEMORY_COUNTS || !before)
		skip();
	c = load(ROUTERS);
	after = memory_kb();
	print_message("%lu KB for %d routers\n", after - before, ROUTERS);
	assert_in_range(after - before, 1, ROUTERS * ROUTER_KB);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
