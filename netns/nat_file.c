/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's own file of rules: read, looked at, and tried. Tried where nothing can come of it:
 * a base chain works from the moment that the kernel is told of it, also in a transaction that is
 * only checked, and its policy may be "drop". */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <nftables/libnftables.h>

#include "hash.h"

static int say(char why[static NAT_FILE_WHY_MAX], const char *path, const char *what)
{
	snprintf(why, NAT_FILE_WHY_MAX, "%s: %s", path, what);
	return -EINVAL;
}

/* Who may write to it may change what the router passes. */
static int open_file(const char *path, size_t *size, char why[static NAT_FILE_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		say(why, path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > NAT_FILE_MAX) {
		say(why, path, "is no regular file of at most 65536 bytes");
	} else if (st.st_mode & S_IWOTH) {
		say(why, path, "everybody may write to it; allowed: not for others (chmod o-w)");
	} else {
		*size = (size_t)st.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -EINVAL;
}

static struct nft_file *take(int fd, size_t size)
{
	struct nft_file *f = calloc(1, sizeof(*f) + size + 1);
	size_t len = 0;

	while (f && len < size) {
		ssize_t n = read(fd, f->text + len, size - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return f;
}

struct nft_file *nft_file_read(const char *path, char why[static NAT_FILE_WHY_MAX])
{
	size_t size;
	auto_fd int fd = open_file(path, &size, why);
	struct nft_file *f;
	const char *what;
	int line;

	if (fd < 0)
		return NULL;
	f = take(fd, size);
	if (!f) {
		say(why, path, "out of memory");
		return NULL;
	}
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->hash = hash_text(f->text);
	line = nft_file_tables(&f->tables, f->text, &what);
	if (!line)
		return f;
	snprintf(why, NAT_FILE_WHY_MAX, "%s:%d: %s", path, line, what);
	free(f);
	return NULL;
}

int nft_run_lines(struct nft_ctx *nft, const char *text)
{
	auto_fd int fd = memfd_create("rules", MFD_CLOEXEC);
	size_t len = strlen(text), at = 0;
	char path[32];

	while (fd >= 0 && at < len) {
		ssize_t n = write(fd, text + at, len - at);

		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd < 0 ? -1 : nft_run_cmd_from_filename(nft, path);
}

struct trial {
	const struct nft_file *file;
	char *why;
};

static int try(void *arg)
{
	const struct trial *t = arg;
	struct nft_ctx *nft = nft_open();
	const char *said;
	size_t len;
	int line, err = 0;

	if (!nft)
		return say(t->why, t->file->path, "out of memory");
	if (nft_run_lines(nft, t->file->text) != 0) {
		line = nft_said(nft_ctx_get_error_buffer(nft), &said, &len);
		snprintf(t->why, NAT_FILE_WHY_MAX, "%s:%d: nft: %.*s", t->file->path, line,
			 len < 160 ? (int)len : 160, said);
		err = -EINVAL;
	}
	nft_close(nft);
	return err;
}

int nat_file_check(const char *path, uint64_t *hash, char why[static NAT_FILE_WHY_MAX])
{
	auto_free struct nft_file *file = nft_file_read(path, why);
	struct trial t = {.file = file, .why = why};
	int err;

	if (!file)
		return -EINVAL;
	why[0] = '\0';
	err = ns_scratch(try, &t);
	if (err < 0 && !why[0])
		say(why, path, strerror(-err));
	if (!err)
		*hash = file->hash;
	return err;
}
