/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl keygen`: works without a daemon. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli.h"
#include "vrouter/seal.h"

#define KEY_ID 1

static int write_new(const char *path, const char *line)
{
	static const char head[] = "# vrouterd: key for replication; the same file on every "
				   "controller\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int err;

	if (!f) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	fprintf(f, "%s%s\n", head, line);
	if (fflush(f) == 0 && fsync(fd) == 0)
		err = 0;
	else
		err = -errno;
	if (fclose(f) != 0 && !err)
		err = -errno;
	if (err < 0)
		unlink(path); /* half a key is none */
	return err;
}

/* A key file's line "ID BASE64", or the same as JSON. */
static void print_key(const struct cli *c, const char *line)
{
	if (c->json)
		printf("{\"id\": %d, \"key\": \"%s\"}\n", KEY_ID, strchr(line, ' ') + 1);
	else
		puts(line);
}

int cli_keygen(struct cli *c, int argc, char **argv)
{
	char line[SEAL_LINE_MAX];
	int err = 0;

	if (argc > 2) {
		fprintf(stderr, "vrouterctl: keygen: one file at most\n");
		return CLI_USAGE;
	}
	if (seal_init() < 0) {
		fprintf(stderr, "vrouterctl: keygen: no source of random numbers\n");
		return CLI_NOT_SO;
	}
	seal_keygen(KEY_ID, line);
	if (argc == 2)
		err = write_new(argv[1], line);
	else
		print_key(c, line);
	explicit_bzero(line, sizeof(line));
	if (err == 0 && argc == 2 && c->json) {
		json_t *made = json_pack("{s:i, s:s}", "id", KEY_ID, "file", argv[1]);

		cli_print_json(made);
		json_decref(made);
	}
	if (err == 0)
		return CLI_DONE;
	fprintf(stderr, "vrouterctl: keygen: %s: %s\n", argv[1],
		err == -EEXIST ? "exists already, and is not overwritten" : strerror(-err));
	return CLI_NOT_SO;
}
