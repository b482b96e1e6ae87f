/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's nftables table through libnftables: compared by the comment it carries, replaced in
 * one transaction. Its chains also switch connection tracking and NAT on in the namespace, so it
 * has to be there before the first flow is replicated into a STANDBY. */
#include "ns.h"

#include <errno.h>
#include <string.h>

#include <nftables/libnftables.h>

struct job {
	const char *text;
	char *reason;
};

static struct nft_ctx *open_nft(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (!nft)
		return NULL;
	if (nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft)) {
		nft_ctx_free(nft);
		return NULL;
	}
	return nft;
}

/* "...:3:4-9: Error: Could not process rule: No such file\n<the rule>\n^^^": the sentence only. */
static void say_error(struct nft_ctx *nft, char reason[static NET_REASON_MAX])
{
	const char *all = nft_ctx_get_error_buffer(nft), *text = strstr(all, "Error: ");
	size_t n;

	text = text ? text + strlen("Error: ") : all;
	n = strcspn(text, "\n");
	snprintf(reason, NET_REASON_MAX, "cannot set table " NAT_TABLE ": %.*s",
		 n < 100 ? (int)n : 100, n ? text : "libnftables says nothing");
}

/* Does the table carry this comment line? No table, or an unreadable one: no. */
static bool is_current(struct nft_ctx *nft, const char *comment, size_t len)
{
	char want[NET_NAME_MAX + 64];

	if (len >= sizeof(want))
		return false;
	memcpy(want, comment, len);
	want[len] = '\0';
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);

	bool found = nft_run_cmd_from_buffer(nft, "list table " NAT_TABLE) == 0 &&
		     strstr(nft_ctx_get_output_buffer(nft), want);

	nft_ctx_get_error_buffer(nft); /* "no such table" is not an error: forget it */
	return found;
}

/* In the namespace: the context's socket is opened here. */
static int run_inside(void *arg)
{
	struct job *job = arg;
	struct nft_ctx *nft = open_nft();
	const char *comment = strstr(job->text, "comment \"");
	int err = 0;

	if (!nft)
		return ns_fail(job->reason, -ENOMEM, NULL, "cannot start libnftables");
	if (!comment || !is_current(nft, comment, strcspn(comment, "\n"))) {
		if (nft_run_cmd_from_buffer(nft, job->text) != 0) {
			say_error(nft, job->reason);
			err = -EIO;
		}
	}
	nft_ctx_free(nft);
	return err;
}

static int run(struct netns *ns, const char *text, char reason[static NET_REASON_MAX])
{
	struct job job = {text, reason};

	return ns_run(ns, run_inside, &job, reason);
}

int nat_ensure(struct netns *ns, const struct net_desired *d, char reason[static NET_REASON_MAX])
{
	char text[4096];
	size_t n = nat_ruleset(text, sizeof(text), d);

	if (n == 0 || n >= sizeof(text)) {
		snprintf(reason, NET_REASON_MAX,
			 "interface names %s and %s cannot be used in rules",
			 d->leg[NET_MANAGEMENT].ifname, d->leg[NET_PUBLIC].ifname);
		return -EINVAL;
	}
	return run(ns, text, reason);
}

int nat_remove(struct netns *ns, char reason[static NET_REASON_MAX])
{
	return run(ns, "add table " NAT_TABLE "\ndelete table " NAT_TABLE "\n", reason);
}
