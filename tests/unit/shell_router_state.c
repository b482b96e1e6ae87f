/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept of a router in run-dir: read back as written, and nothing of it believed that makes
 * no sense. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/router_state.h"

static char dir[] = "/tmp/state-test-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);

	auto_file FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
}

static int there(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void kept(void **state)
{
	uint64_t since = 0;

	(void)state;
	assert_int_equal(router_off_read(dir, "a", &since), ROUTER_ON);
	assert_int_equal(router_state_read(dir, "a"), 0);
	assert_int_equal(router_state_write(dir, "a", UINT32_MAX), 0);
	assert_int_equal(router_off_write(dir, "a", ROUTER_STOPPED, UINT64_MAX), 0);
	assert_int_equal(router_off_read(dir, "a", &since), ROUTER_STOPPED);
	assert_true(since == UINT64_MAX);
	assert_true(router_state_read(dir, "a") == UINT32_MAX);
	assert_int_equal(router_off_read(dir, "b", &since), ROUTER_ON);
	assert_int_equal(router_off_write(dir, "a", ROUTER_REMOVED, 7), 0);
	assert_int_equal(router_off_read(dir, "a", &since), ROUTER_REMOVED);
	assert_true(since == 7);
	assert_int_equal(router_off_write(dir, "a", ROUTER_ON, 0), 0);
	assert_int_equal(router_off_write(dir, "a", ROUTER_ON, 0), 0);
	assert_int_equal(router_off_read(dir, "a", &since), ROUTER_ON);
	assert_false(there("a.off"));
	assert_int_equal(router_off_write(dir, "a", ROUTER_STOPPED, 1), 0);
	put("a.vips", "");
	router_state_forget(dir, dir, "a");
	assert_false(there("a.off") || there("a.state") || there("a.off.new") || there("a.vips"));
	router_state_forget(dir, dir, "a");
}

static void refused(void **state)
{
	static const char *const text[] = {"",
					   "stopped",
					   "stopped since",
					   "on since 1\n",
					   "STOPPED since 1",
					   "stopped since x",
					   "\xff\xff since 1"};
	static char name[PATH_MAX];
	uint64_t since;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		put("c.off", text[i]);
		assert_int_equal(router_off_read(dir, "c", &since), ROUTER_ON);
	}
	router_state_forget(dir, dir, "c");
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(router_off_write(dir, name, ROUTER_STOPPED, 1), -ENAMETOOLONG);
	assert_int_equal(router_off_write("/nonexistent", "a", ROUTER_STOPPED, 1), -ENOENT);
	router_state_forget(dir, dir, name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kept), cmocka_unit_test(refused)};
	int rc;

	if (!mkdtemp(dir))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) < 0 ? 1 : rc;
}
