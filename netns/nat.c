/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's nftables table through libnftables: compared by the comment it carries and by the
 * number of its rules, replaced in one transaction. That is a glance for the start; while the
 * daemon runs, the kernel says who changes the table (watch.c), and then it is replaced without
 * one. Its chains also switch connection tracking and NAT on in the namespace, so it has to be
 * there before the first flow is replicated into a STANDBY. */
#include "ns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <nftables/libnftables.h>

struct job {
	struct netns *ns;
	const char *text;
	char *reason;
	bool replace; /* whatever is there */
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
	snprintf(reason, NET_REASON_MAX, "cannot set nftables rules: %.*s", n < 100 ? (int)n : 100,
		 n ? text : "libnftables says nothing");
}

/* Does the table carry this text's comment line, and as many rules? No table, or an unreadable one:
 * no. */
static bool is_current(struct nft_ctx *nft, const char *text)
{
	const char *comment = strstr(text, "comment \""), *listing;
	size_t len = comment ? strcspn(comment, "\n") : 0;
	char want[NET_NAME_MAX + 64];

	if (!len || len >= sizeof(want))
		return false;
	memcpy(want, comment, len);
	want[len] = '\0';
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);

	bool found = nft_run_cmd_from_buffer(nft, "list table " NAT_TABLE) == 0;

	listing = nft_ctx_get_output_buffer(nft);
	found = found && strstr(listing, want) && nat_count_rules(listing) == nat_count_rules(text);

	nft_ctx_get_error_buffer(nft); /* "no such table" is not an error: forget it */
	return found;
}

/* The number of the last transaction of the namespace, whoever made it. 0: unknown. */
static uint32_t generation(void)
{
	_Alignas(struct nlmsghdr) char buf[4096];
	const struct {
		struct nlmsghdr nh;
		struct nfgenmsg g;
	} ask = {.nh = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
			.nlmsg_flags = NLM_F_REQUEST}};
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	auto_fd int fd = rtnl_listen(NETLINK_NETFILTER, NULL, 0);
	const struct nlattr *id = NULL;
	uint32_t be = 0;
	ssize_t n;

	/* the kernel answers within the call */
	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		return 0;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n > 0 && nlmsg_ok(nh, (int)n) &&
	    nh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		id = nlmsg_find_attr(nh, sizeof(ask.g), NFTA_GEN_ID);
	if (id && nla_len(id) == sizeof(be))
		memcpy(&be, nla_data(id), sizeof(be));
	return ntohl(be);
}

/* Numbers count up by one and leave zero out. When somebody else's came in between, ours is not
 * known; then it is taken for a stranger's, and replaced once more. */
static int change(struct nft_ctx *nft, struct job *job)
{
	struct netns *ns = job->ns;
	uint32_t before = generation(), after;

	if (nft_run_cmd_from_buffer(nft, job->text) != 0) {
		say_error(nft, job->reason);
		return -EIO;
	}
	after = generation();
	if (after && after == before + 1 + (before == UINT32_MAX))
		ns->generation[ns->n_generations++ % NS_GENERATIONS] = after;
	return 0;
}

/* In the namespace: sockets are opened here. */
static int run_inside(void *arg)
{
	struct job *job = arg;
	struct nft_ctx *nft = open_nft();
	int err = 0;

	if (!nft)
		return ns_fail(job->reason, -ENOMEM, NULL, "cannot start libnftables");
	if (job->replace || !is_current(nft, job->text))
		err = change(nft, job);
	nft_ctx_free(nft);
	return err;
}

static int run(struct netns *ns, const char *text, bool replace, char reason[static NET_REASON_MAX])
{
	struct job job = {.ns = ns, .text = text, .reason = reason, .replace = replace};

	return ns_run(ns, run_inside, &job, reason);
}

int ns_nft(struct netns *ns, const char *text, char reason[static NET_REASON_MAX])
{
	return run(ns, text, true, reason);
}

static int run_ruleset(struct netns *ns, const struct net_desired *d, bool replace,
		       char reason[static NET_REASON_MAX])
{
	char text[4096];
	size_t n = nat_ruleset(text, sizeof(text), d);

	if (n == 0 || n >= sizeof(text)) {
		snprintf(reason, NET_REASON_MAX,
			 "interface names %s and %s cannot be used in rules",
			 d->leg[NET_MANAGEMENT].ifname, d->leg[NET_PUBLIC].ifname);
		return -EINVAL;
	}
	return run(ns, text, replace, reason);
}

int nat_ensure(struct netns *ns, const struct net_desired *d, char reason[static NET_REASON_MAX])
{
	return run_ruleset(ns, d, false, reason);
}

int nat_replace(struct netns *ns, const struct net_desired *d, char reason[static NET_REASON_MAX])
{
	return run_ruleset(ns, d, true, reason);
}

int nat_remove(struct netns *ns, char reason[static NET_REASON_MAX])
{
	return run(ns, "add table " NAT_TABLE "\ndelete table " NAT_TABLE "\n", true, reason);
}
