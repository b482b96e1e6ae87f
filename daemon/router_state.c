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

/* A reader finds the old file or the new one. Not synced to the disk: the loop may not wait for
 * that, and who loses it with the power asks its peers, or finds the same again. */
static int replace(const char *dir, const char *router, const char *kind, const char *text,
		   size_t len)
{
	char path[PATH_MAX], temp[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s.%s", dir, router, kind);
	int m = snprintf(temp, sizeof(temp), "%s/%s.%s.new", dir, router, kind);
	bool written;

	if (n >= (int)sizeof(path) || m >= (int)sizeof(temp))
		return -ENAMETOOLONG;

	FILE *f = fopen(temp, "we");

	if (!f)
		return -errno;
	written = fwrite(text, 1, len, f) == len;
	if (fclose(f) != 0 || !written || rename(temp, path) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

int router_state_write(const char *run_dir, const char *router, uint32_t term)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "term %" PRIu32 "\n", term);

	return replace(run_dir, router, "state", text, (size_t)n);
}

bool router_vips_read(const char *state_dir, const char *router, struct reserve_set *out)
{
	char path[PATH_MAX], text[RESERVE_TEXT_MAX];

	snprintf(path, sizeof(path), "%s/%s.vips", state_dir, router);

	auto_file FILE *f = fopen(path, "re");

	return f && reserve_parse(out, text, fread(text, 1, sizeof(text), f));
}

int router_vips_write(const char *state_dir, const char *router, const struct reserve_set *set)
{
	char text[RESERVE_TEXT_MAX];

	return replace(state_dir, router, "vips", text, reserve_format(set, text));
}

void router_vips_remove(const char *state_dir, const char *router)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.vips", state_dir, router);
	(void)unlink(path);
}
