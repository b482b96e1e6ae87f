/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a service's program and folder are. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "service.h"

const char *service_folder(char out[static SERVICE_PATH_MAX], const char *run_dir,
			   const char *instance, const char *name)
{
	snprintf(out, SERVICE_PATH_MAX, "%s/services/%s.%s", run_dir, instance, name);
	return out;
}

void service_empty_folder(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

int service_find(char out[static SERVICE_PATH_MAX], const struct service_kind *kind,
		 char why[static SERVICE_TEXT_MAX])
{
	static const char *const folder[] = {"/usr/sbin", "/usr/local/sbin", "/usr/bin",
					     "/usr/local/bin"};
	char path[SERVICE_PATH_MAX];
	const char *what;

	for (size_t i = 0; i < ARRAY_LEN(folder); i++) {
		int err;

		snprintf(path, sizeof(path), "%s/%s", folder[i], kind->program);
		err = program_check(path, &what);
		if (err == -ENOENT)
			continue;
		if (err < 0)
			snprintf(why, SERVICE_TEXT_MAX, "%.80s %s", path, what);
		else
			memcpy(out, path, sizeof(path));
		return err;
	}
	snprintf(
		why, SERVICE_TEXT_MAX,
		"%s is in none of /usr/sbin, /usr/local/sbin, /usr/bin, /usr/local/bin: install it "
		"(Debian: apt install %s)",
		kind->program, kind->package);
	return -ENOENT;
}
