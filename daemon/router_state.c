/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "router_state.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char *const off_name[] = {
	[ROUTER_ON] = "on", [ROUTER_STOPPED] = "stopped", [ROUTER_REMOVED] = "removed"};

/* 0 or -ENAMETOOLONG. */
static int path_of(char path[static PATH_MAX], const char *dir, const char *router,
		   const char *kind)
{
	int n = snprintf(path, PATH_MAX, "%s/%s.%s", dir, router, kind);

	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* A reader finds the old file or the new one. Not synced to the disk: the loop may not wait for
 * that, and who loses it with the power asks its peers, or finds the same again. */
static int replace(const char *dir, const char *router, const char *kind, const char *text,
		   size_t len)
{
	char path[PATH_MAX], temp[PATH_MAX + 4];
	int err = path_of(path, dir, router, kind);
	bool written;

	if (err < 0)
		return err;
	snprintf(temp, sizeof(temp), "%s.new", path);

	FILE *f = fopen(temp, "we");

	if (!f)
		return -errno;
	written = fwrite(text, 1, len, f) == len;
	if (fclose(f) != 0 || !written || rename(temp, path) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static FILE *open_file(const char *dir, const char *router, const char *kind)
{
	char path[PATH_MAX];

	return path_of(path, dir, router, kind) < 0 ? NULL : fopen(path, "re");
}

static void forget(const char *dir, const char *router, const char *kind)
{
	char path[PATH_MAX];

	if (path_of(path, dir, router, kind) == 0)
		(void)unlink(path);
}

/* ---- the term ---- */

uint32_t router_state_read(const char *run_dir, const char *router)
{
	auto_file FILE *f = open_file(run_dir, router, "state");
	uint32_t term;

	return f && fscanf(f, "term %" SCNu32, &term) == 1 ? term : 0;
}

int router_state_write(const char *run_dir, const char *router, uint32_t term)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "term %" PRIu32 "\n", term);

	return replace(run_dir, router, "state", text, (size_t)n);
}

/* ---- stopped or removed ---- */

enum router_off router_off_read(const char *run_dir, const char *router, uint64_t *since_ms)
{
	auto_file FILE *f = open_file(run_dir, router, "off");
	char word[16];

	if (!f || fscanf(f, "%15s since %" SCNu64, word, since_ms) != 2)
		return ROUTER_ON;
	for (unsigned i = ROUTER_STOPPED; i < ARRAY_LEN(off_name); i++)
		if (strcmp(word, off_name[i]) == 0)
			return (enum router_off)i;
	return ROUTER_ON;
}

int router_off_write(const char *run_dir, const char *router, enum router_off off,
		     uint64_t since_ms)
{
	char path[PATH_MAX], text[64];
	int err = path_of(path, run_dir, router, "off"), n;

	if (err < 0)
		return err;
	if (off == ROUTER_ON)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	n = snprintf(text, sizeof(text), "%s since %" PRIu64 "\n", off_name[off], since_ms);
	return replace(run_dir, router, "off", text, (size_t)n);
}

/* ---- VIPs that were chosen ---- */

bool router_vips_read(const char *state_dir, const char *router, struct reserve_set *out)
{
	auto_file FILE *f = open_file(state_dir, router, "vips");
	char text[RESERVE_TEXT_MAX];

	return f && reserve_parse(out, text, fread(text, 1, sizeof(text), f));
}

int router_vips_write(const char *state_dir, const char *router, const struct reserve_set *set)
{
	char text[RESERVE_TEXT_MAX];

	return replace(state_dir, router, "vips", text, reserve_format(set, text));
}

void router_state_forget(const char *run_dir, const char *state_dir, const char *router)
{
	forget(run_dir, router, "state");
	forget(run_dir, router, "off");
	forget(state_dir, router, "vips");
}
