/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "router_state.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>

uint32_t router_state_read(const char *run_dir, const char *router)
{
	char path[PATH_MAX];
	uint32_t term;

	snprintf(path, sizeof(path), "%s/%s.state", run_dir, router);

	auto_file FILE *f = fopen(path, "re");

	return f && fscanf(f, "term %" SCNu32, &term) == 1 ? term : 0;
}

int router_state_write(const char *run_dir, const char *router, uint32_t term)
{
	char path[PATH_MAX], temp[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s.state", run_dir, router);
	int m = snprintf(temp, sizeof(temp), "%s/%s.state.new", run_dir, router);

	if (n >= (int)sizeof(path) || m >= (int)sizeof(temp))
		return -ENAMETOOLONG;

	FILE *f = fopen(temp, "we");

	if (!f)
		return -errno;
	fprintf(f, "term %" PRIu32 "\n", term);
	if (fclose(f) != 0 || rename(temp, path) < 0)
		return -errno;
	return 0;
}
