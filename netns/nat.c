/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's nftables table through libnftables: compared by the comment it carries and by the
 * number of its rules, replaced in one transaction. That is a glance for the start; while the
 * daemon runs, the kernel says who changes the table (watch.c), and then it is replaced without
 * one. Its chains also switch connection tracking and NAT on in the namespace, so it has to be
 * there before the first flow is replicated into a STANDBY. */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <nftables/libnftables.h>

struct job {
	struct netns *ns;
	const char *text;	     /* one transaction */
	const struct net_desired *d; /* or NULL, then text; else the router's table */
	char *reason;
	bool replace; /* whatever is there */
};

/* libnftables waits for its socket by select(), which ends the process for a descriptor of 1024 or
 * more, and a process with a hundred routers has that many. A socket takes the lowest number that
 * is free: this one, which is kept for it. -1: it is in use, or nothing was kept. */
static int low_fd = -1;

int nft_reserve(void)
{
	if (low_fd < 0)
		low_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return low_fd < 0 ? -errno : 0;
}

void nft_close(struct nft_ctx *nft)
{
	nft_ctx_free(nft);
	(void)!nft_reserve(); /* the number has just become free */
}

struct nft_ctx *nft_open(void)
{
	struct nft_ctx *nft;

	if (low_fd >= 0)
		close(low_fd);
	low_fd = -1;
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		return NULL;
	if (nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft)) {
		nft_close(nft);
		return NULL;
	}
	return nft;
}

int nft_said(const char *all, const char **sentence, size_t *len)
{
	const char *text = strstr(all, "Error: "), *at;
	unsigned line = 0;

	*sentence = text ? text + strlen("Error: ") : all;
	*len = strcspn(*sentence, "\n");
	if (!*len) {
		*sentence = "libnftables says nothing";
		*len = strlen(*sentence);
	}
	for (at = text; at && at > all && at[-1] != '\n';)
		at--;
	if (at && sscanf(at, "%*[^:]:%u:", &line) != 1)
		line = 0;
	return (int)line;
}

/* Where the operator's file is at fault: it comes first in a transaction, with its own lines. */
static void say_error(struct nft_ctx *nft, const struct nft_file *file,
		      char reason[static NET_REASON_MAX])
{
	const char *text, *of;
	size_t n;
	int line = nft_said(nft_ctx_get_error_buffer(nft), &text, &n), lines = 0;

	for (of = file ? file->text : NULL; of; of = strchr(of, '\n')) {
		of += *of == '\n';
		lines++;
	}
	if (line && line <= lines)
		snprintf(reason, NET_REASON_MAX, "%s:%d: %.*s", file->path, line,
			 n < 60 ? (int)n : 60, text);
	else
		snprintf(reason, NET_REASON_MAX, "cannot set nftables rules: %.*s",
			 n < 100 ? (int)n : 100, text);
}

/* Our table as nft lists it, and its notes. false: there is none, or it cannot be read. */
static bool list(struct netns *ns, struct nft_ctx *nft, const char **listing)
{
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);

	bool found = nft_run_cmd_from_buffer(nft, "list table " NAT_TABLE) == 0;

	*listing = nft_ctx_get_output_buffer(nft);
	if (found)
		nat_noted_tables(&ns->applied, *listing);
	return found;
}

/* Does the table carry this text's comment line, and as many rules? No table, or an unreadable one:
 * no. What it notes of the operator's tables is ours to take away. */
static bool is_current(struct netns *ns, struct nft_ctx *nft, const char *text)
{
	const char *comment = strstr(text, "comment \""), *listing;
	size_t len = comment ? strcspn(comment, "\n") : 0;
	char want[NET_NAME_MAX + 64];

	if (!len || len >= sizeof(want))
		return false;
	memcpy(want, comment, len);
	want[len] = '\0';
	bool found = list(ns, nft, &listing);

	found = found && strstr(listing, want) && nat_count_rules(listing) == nat_count_rules(text);

	nft_ctx_get_error_buffer(nft); /* "no such table" is not an error: forget it */
	return found;
}

static int change(struct netns *ns, struct nft_ctx *nft, const char *text,
		  const struct nft_file *file, char reason[static NET_REASON_MAX])
{
	uint32_t before = rules_number();

	if ((file ? nft_run_lines(nft, text) : nft_run_cmd_from_buffer(nft, text)) != 0) {
		say_error(nft, file, reason);
		return -EIO;
	}
	rules_note(&ns->own, before, rules_number());
	return 0;
}

/* ---- the operator's file -----------------------------------------------------------------------
 */

/* Keeps ns->file as d wants it. What was read once stays, whatever becomes of the file. */
static int load_file(struct netns *ns, const struct net_desired *d,
		     char reason[static NET_REASON_MAX])
{
	char why[NAT_FILE_WHY_MAX];
	struct nft_file *file;

	if (ns->file && (!d->rules.file[0] || ns->file->hash != d->rules.file_hash)) {
		free(ns->file);
		ns->file = NULL;
	}
	if (!d->rules.file[0] || ns->file)
		return 0;
	file = nft_file_read(d->rules.file, why);
	if (!file) {
		snprintf(reason, NET_REASON_MAX, "%.*s", NET_REASON_MAX - 1, why);
		return -EINVAL;
	}
	if (file->hash != d->rules.file_hash) {
		snprintf(reason, NET_REASON_MAX, "%s has changed since it was checked: reload",
			 file->path);
		free(file);
		return -EAGAIN;
	}
	ns->file = file;
	return 0;
}

/* A table that is not known to be from such a file is somebody's: "create" fails then. */
static void drop_tables(FILE *to, const struct nft_tables *t, const struct nft_tables *known)
{
	for (unsigned i = 0; i < t->n; i++)
		fprintf(to, "%s table %s %s; delete table %s %s; ",
			nft_tables_have(known, &t->at[i]) ? "add" : "create", t->at[i].family,
			t->at[i].name, t->at[i].family, t->at[i].name);
}

/* The file with all that goes before it on its first line, then our table. To be freed. */
static char *transaction(const struct netns *ns, const char *table)
{
	const struct nft_file *file = ns->file;
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return NULL;
	drop_tables(to, &ns->applied, &ns->applied);
	for (unsigned i = 0; file && i < file->tables.n; i++) {
		const struct nft_tables one = {.at = {file->tables.at[i]}, .n = 1};

		if (!nft_tables_have(&ns->applied, &file->tables.at[i]))
			drop_tables(to, &one, &ns->applied);
	}
	fprintf(to, "%s\n%s", file ? file->text : "", table);
	return fclose(to) == 0 ? text : NULL;
}

/* The counters go on where they were. */
static char *table_of(const struct netns *ns, const struct net_desired *d,
		      const struct nat_counters *counters, char reason[static NET_REASON_MAX])
{
	char *text = malloc(NAT_RULESET_MAX);
	size_t n = text ? nat_ruleset(text, NAT_RULESET_MAX, d, ns->file ? &ns->file->tables : NULL,
				      counters)
			: 0;

	if (n && n < NAT_RULESET_MAX)
		return text;
	snprintf(reason, NET_REASON_MAX, "interface names %s and %s cannot be used in rules",
		 d->leg[NET_MANAGEMENT].ifname, d->leg[NET_PUBLIC].ifname);
	free(text);
	return NULL;
}

static int replace(struct netns *ns, struct nft_ctx *nft, const struct net_desired *d,
		   char reason[static NET_REASON_MAX])
{
	struct nat_counters counters;
	int err = nat_counters_inside(d, &counters);
	auto_free char *table = table_of(ns, d, err < 0 ? NULL : &counters, reason);
	auto_free char *text = table ? transaction(ns, table) : NULL;

	if (!text)
		return table ? -ENOMEM : -EINVAL;
	err = change(ns, nft, text, ns->file, reason);
	if (err < 0)
		return err;
	ns->applied = ns->file ? ns->file->tables : (struct nft_tables){.n = 0};
	return 0;
}

/* ---- in the namespace: sockets are opened there ------------------------------------------------
 */

static int ensure(struct job *job, struct nft_ctx *nft)
{
	int err = load_file(job->ns, job->d, job->reason);
	auto_free char *want = err < 0 ? NULL : table_of(job->ns, job->d, NULL, job->reason);

	if (!want)
		return err < 0 ? err : -EINVAL;
	if (!job->replace && is_current(job->ns, nft, want))
		return 0;
	return replace(job->ns, nft, job->d, job->reason);
}

static int run_inside(void *arg)
{
	struct job *job = arg;
	struct nft_ctx *nft = nft_open();
	int err;

	if (!nft)
		return ns_fail(job->reason, -ENOMEM, NULL, "cannot start libnftables");
	err = job->d ? ensure(job, nft) : change(job->ns, nft, job->text, NULL, job->reason);
	nft_close(nft);
	return err;
}

int ns_nft(struct netns *ns, const char *text, char reason[static NET_REASON_MAX])
{
	struct job job = {.ns = ns, .text = text, .reason = reason};

	return ns_run(ns, run_inside, &job, reason);
}

int nat_ensure(struct netns *ns, const struct net_desired *d, char reason[static NET_REASON_MAX])
{
	struct job job = {.ns = ns, .d = d, .reason = reason};

	return ns_run(ns, run_inside, &job, reason);
}

int nat_replace(struct netns *ns, const struct net_desired *d, char reason[static NET_REASON_MAX])
{
	struct job job = {.ns = ns, .d = d, .reason = reason, .replace = true};

	return ns_run(ns, run_inside, &job, reason);
}

static int read_notes(void *arg)
{
	struct nft_ctx *nft = nft_open();
	const char *listing;

	if (!nft)
		return -ENOMEM;
	(void)list(arg, nft, &listing);
	nft_close(nft);
	return 0;
}

int nat_read_notes(struct netns *ns)
{
	return netns_run(ns, read_notes, ns);
}

int nat_remove(struct netns *ns, char reason[static NET_REASON_MAX])
{
	auto_free struct nft_file *file = ns->file;
	auto_free char *text = NULL;
	int err;

	ns->file = NULL;
	text = transaction(ns, "add table " NAT_TABLE "\ndelete table " NAT_TABLE "\n");
	err = text ? ns_nft(ns, text, reason) : -ENOMEM;
	if (!err)
		ns->applied.n = 0;
	return err;
}
