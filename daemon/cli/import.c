/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl import`: a vrouterd.conf out of conntrackd.conf and keepalived.conf. Works without a
 * daemon. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "../../conntrackd-conf/import.h"
#include "cli.h"
#include "vrouter/conf.h"

struct import_cli {
	struct import_opts opts;
	const char *out;
	char host[CONF_NAME_MAX];
};

/* 0, or -errno. Regular files of a sane size only. */
static int read_file(const char *path, struct txt *text)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char buf[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		txt_put(text, buf, (size_t)n);
	if (n < 0)
		return -errno;
	return text->failed ? -EFBIG : 0;
}

static int take_file(struct import *im, const char *path)
{
	struct txt text = {0};
	int err = read_file(path, &text);

	if (!err)
		import_text(im, path, text.p ? text.p : "", text.len);
	txt_free(&text);
	return err;
}

/* Relative to the file that includes it, as keepalived has it. */
static int include_files(void *ctx, struct import *im, const char *pattern, const char *from)
{
	const char *slash = *pattern == '/' ? NULL : strrchr(from, '/');
	char path[1024];
	glob_t found;
	int n = 0;

	(void)ctx;
	if (snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - from + 1) : 0, from,
		     pattern) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (glob(path, GLOB_BRACE | GLOB_ERR, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && n >= 0; i++) {
		int err = take_file(im, found.gl_pathv[i]);

		n = err < 0 ? err : n + 1;
	}
	globfree(&found);
	return n;
}

static void print_report(const struct import *im)
{
	unsigned n, more;
	const struct import_line *l = import_report(im, &n, &more);

	for (unsigned i = 0; i < n; i++) {
		if (l[i].file && l[i].line)
			fprintf(stderr, "%s:%d: ", l[i].file, l[i].line);
		else if (l[i].file)
			fprintf(stderr, "%s: ", l[i].file);
		fprintf(stderr, "%s: %s\n", import_verdict_name(l[i].verdict), l[i].text);
	}
	if (more)
		fprintf(stderr, "and %u more\n", more);
	fprintf(stderr,
		"%u used, %u do not apply, %u without an equal here, %u chosen, %u errors\n",
		import_count(im, IMPORT_USED), import_count(im, IMPORT_NOTHING),
		import_count(im, IMPORT_MISSING), import_count(im, IMPORT_CHOSEN),
		import_count(im, IMPORT_ERROR));
}

/* What comes from a file may be in any encoding, and JSON is UTF-8. */
static json_t *text_json(const char *text)
{
	json_t *as_it_is = json_string(text);
	auto_free char *ascii = as_it_is ? NULL : strdup(text);

	for (char *p = ascii; p && *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return as_it_is ? as_it_is : ascii ? json_string(ascii) : NULL;
}

static json_t *report_json(const struct import *im)
{
	unsigned n, more;
	const struct import_line *l = import_report(im, &n, &more);
	json_t *all = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(all,
				      json_pack("{s:s, s:o*, s:i, s:o}", "verdict",
						import_verdict_name(l[i].verdict), "file",
						l[i].file ? text_json(l[i].file) : NULL, "line",
						l[i].line, "text", text_json(l[i].text)));
	return all;
}

/* What is written is what the daemon takes: anything else would be our mistake, and is not written.
 */
static bool daemon_takes(const struct txt *text)
{
	struct conf_errors errors = {0};
	struct conf *c = NULL;
	bool ok = conf_load_text(&c, text->p, "the result", &errors) == 0;

	for (unsigned i = 0; i < errors.n; i++)
		fprintf(stderr, "error: %s\n", errors.text[i]);
	if (!ok)
		fprintf(stderr,
			"The files describe something that vrouterd.conf refuses; nothing was "
			"written.\n");
	conf_errors_free(&errors);
	conf_free(c);
	return ok;
}

static int write_text(const char *path, const struct txt *text)
{
	FILE *f = path ? fopen(path, "we") : stdout;
	bool bad;

	if (!f) {
		fprintf(stderr, "vrouterctl: import: %s: %s\n", path, strerror(errno));
		return CLI_NOT_SO;
	}
	bad = fwrite(text->p, 1, text->len, f) != text->len;
	bad |= (path ? fclose(f) : fflush(f)) != 0;
	if (bad)
		fprintf(stderr, "vrouterctl: import: %s: cannot be written\n",
			path ? path : "standard output");
	return bad ? CLI_NOT_SO : CLI_DONE;
}

static int give(const struct cli *c, const struct import_cli *o, const struct import *im,
		const struct txt *text, bool ok)
{
	if (!c->json)
		return ok ? write_text(o->out, text) : CLI_NOT_SO;

	json_t *config = ok && !o->out ? json_string(text->p) : NULL;
	json_t *all = json_pack("{s:o*, s:o}", "config", config, "report", report_json(im));
	int rc = ok && o->out ? write_text(o->out, text) : ok ? CLI_DONE : CLI_NOT_SO;

	if (ok && !o->out && !config) {
		fprintf(stderr, "vrouterctl: import: the result is not UTF-8, which JSON needs; "
				"write it to a file (-o)\n");
		rc = CLI_NOT_SO;
	}

	cli_print_json(all);
	json_decref(all);
	return rc;
}

static int run(const struct cli *c, const struct import_cli *o, char **files, int n)
{
	struct import *im = NULL;
	struct txt text = {0};
	bool read = true, ok = false;
	int rc;

	if (import_new(&im, &o->opts, include_files, NULL) < 0) {
		fprintf(stderr, "vrouterctl: import: out of memory\n");
		return CLI_NOT_SO;
	}
	for (int i = 0; i < n; i++) {
		int err = take_file(im, files[i]);

		if (err < 0)
			fprintf(stderr, "vrouterctl: import: %s: %s\n", files[i], strerror(-err));
		read = read && err == 0;
	}
	if (read)
		ok = import_build(im, &text) == 0;
	if (!c->json)
		print_report(im);
	ok = ok && daemon_takes(&text);
	rc = give(c, o, im, &text, ok);
	txt_free(&text);
	import_free(im);
	return rc;
}

static int parse(struct import_cli *o, int argc, char **argv)
{
	static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
					      {"controller", required_argument, NULL, 'c'},
					      {"namespace", required_argument, NULL, 'n'},
					      {"config-id", required_argument, NULL, 'i'},
					      {"protocol", required_argument, NULL, 'p'},
					      {NULL, 0, NULL, 0}};
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "o:i:", longs, NULL)) != -1) {
		if (opt == 'o')
			o->out = optarg;
		else if (opt == 'c')
			o->opts.controller = optarg;
		else if (opt == 'n')
			o->opts.namespace = optarg;
		else if (opt == 'i')
			o->opts.config_id = optarg;
		else if (opt == 'p' && strcmp(optarg, "conntrackd") == 0)
			o->opts.conntrackd = true;
		else if (opt != 'p' || strcmp(optarg, "native") != 0)
			return CLI_USAGE;
	}
	return optind < argc ? CLI_DONE : CLI_USAGE;
}

int cli_import(struct cli *c, int argc, char **argv)
{
	struct import_cli o = {0};

	/* keepalived's config-id, too, is the first part of it */
	if (gethostname(o.host, sizeof(o.host) - 1) < 0 || !*o.host)
		snprintf(o.host, sizeof(o.host), "controller-1");
	o.host[strcspn(o.host, ".")] = '\0';
	o.opts.controller = o.opts.config_id = o.host;
	if (parse(&o, argc, argv) != CLI_DONE) {
		fprintf(stderr, "vrouterctl: import: needs one file or more, of conntrackd or "
				"keepalived; see vrouterctl help\n");
		return CLI_USAGE;
	}
	return run(c, &o, argv + optind, argc - optind);
}
