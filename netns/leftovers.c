/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes are told apart by the number of a file below /proc/PID/net, which each network
 * namespace has for itself: /proc/PID/ns/net would take the right to trace the process. */
#include "vrouter/leftovers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include "rtnl.h"

#define COMM_MAX 16

struct process {
	ino_t net;
	pid_t pid, parent;
	char comm[COMM_MAX];
};

struct net_processes {
	struct process *at;
	size_t n, room;
};

struct list {
	char *text;
	size_t at;
	bool more;
};

static void add(struct list *l, const char *fmt, ...) printf_like(2, 3);

/* Whole items only. */
static void add(struct list *l, const char *fmt, ...)
{
	static const char more[] = ", and more";
	char item[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(item, sizeof(item), fmt, ap);
	va_end(ap);
	if (l->more)
		return;
	l->more = l->at + strlen(item) + 2 + sizeof(more) > NET_LEFT_MAX;
	l->at += (size_t)snprintf(l->text + l->at, NET_LEFT_MAX - l->at, "%s%s",
				  l->at && !l->more ? ", " : "", l->more ? more : item);
}

/* ---- processes --------------------------------------------------------------------------------
 */

/* The number of the namespace that the process is in. 0: it has ended, or has none. */
static ino_t net_of(const char *pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.20s/net/dev", pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* "4711 (a (name)) S 1 ..." */
static bool describe(struct process *p, const char *pid)
{
	char path[64], text[256] = "";
	const char *from, *to;
	int parent;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);

	auto_file FILE *f = fopen(path, "re");

	if (!f || !fgets(text, sizeof(text), f))
		return false;
	from = strchr(text, '(');
	to = strrchr(text, ')');
	if (!from || !to || sscanf(to, ") %*c %d", &parent) != 1)
		return false;
	p->pid = (pid_t)strtol(pid, NULL, 10);
	p->parent = parent;
	snprintf(p->comm, sizeof(p->comm), "%.*s", (int)(to - from - 1), from + 1);
	return true;
}

static int keep(struct net_processes *all, const struct process *p)
{
	if (all->n == all->room) {
		size_t room = all->room ? 2 * all->room : 64;
		struct process *more = reallocarray(all->at, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		all->at = more;
		all->room = room;
	}
	all->at[all->n++] = *p;
	return 0;
}

struct net_processes *net_processes_read(void)
{
	struct net_processes *all = calloc(1, sizeof(*all));
	DIR *dir = all ? opendir("/proc") : NULL;
	const ino_t own = net_of("self");
	const struct dirent *e;
	int err = dir ? 0 : -errno;

	while (!err && (e = readdir(dir))) {
		struct process p = {.net = isdigit((unsigned char)e->d_name[0]) ? net_of(e->d_name)
										: 0};

		if (p.net && p.net != own && describe(&p, e->d_name))
			err = keep(all, &p);
	}
	if (dir)
		closedir(dir);
	if (!err)
		return all;
	net_processes_free(all);
	return NULL;
}

void net_processes_free(struct net_processes *p)
{
	if (p)
		free(p->at);
	free(p);
}

static void list_processes(struct list *out, const struct net_processes *all, ino_t net)
{
	for (size_t i = 0; all && i < all->n; i++)
		if (all->at[i].net == net && all->at[i].parent != getpid())
			add(out, "process %d (%s)", (int)all->at[i].pid, all->at[i].comm);
}

/* ---- links ------------------------------------------------------------------------------------
 */

/* Some modules of the kernel make one in every namespace, and it cannot be deleted. */
static bool is_kernels_own(const char *name)
{
	static const char *const list[] = {"lo",      "tunl0",	  "gre0", "gretap0", "erspan0",
					   "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static bool is_leg(const struct net_desired *d, const char *name)
{
	for (unsigned i = 0; i < net_legs(d); i++)
		if (strcmp(name, d->leg[i].ifname) == 0)
			return true;
	return strcmp(name, d->leg[NET_HOST_LINK].ifname) == 0;
}

static int list_links(struct list *out, struct netns *ns, const struct net_desired *d)
{
	struct nl_cache *links;
	int err = rtnl_link_alloc_cache(ns->inside, AF_UNSPEC, &links);

	if (err < 0)
		return rtnl_errno(err);
	for (struct nl_object *o = nl_cache_get_first(links); o; o = nl_cache_get_next(o)) {
		const char *name = rtnl_link_get_name((struct rtnl_link *)o);

		if (name && !is_kernels_own(name) && !is_leg(d, name))
			add(out, "link %s", name);
	}
	nl_cache_free(links);
	return 0;
}

/* ---- tables -----------------------------------------------------------------------------------
 */

static bool is_our_table(const struct netns *ns, const char *family, const char *name)
{
	static const char *const ours[] = {&NAT_TABLE[5], HANDOVER_SILENCE, HANDOVER_RETURN};
	struct nft_table t;

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	snprintf(t.family, sizeof(t.family), "%s", family);
	snprintf(t.name, sizeof(t.name), "%s", name);
	return nft_tables_have(&ns->applied, &t);
}

static void list_table(struct list *out, const struct netns *ns, struct nlmsghdr *nh)
{
	const struct nfgenmsg *g = nlmsg_data(nh);
	const struct nlattr *a = nlmsg_find_attr(nh, sizeof(*g), NFTA_TABLE_NAME);
	const char *name = a ? nla_data(a) : "";

	if (a && nla_len(a) && !name[nla_len(a) - 1] &&
	    !is_our_table(ns, ns_family_name(g->nfgen_family), name))
		add(out, "table %s %.64s", ns_family_name(g->nfgen_family), name);
}

static int open_rules(void *arg)
{
	(void)arg;
	return rtnl_listen(NETLINK_NETFILTER, NULL, 0);
}

/* The kernel answers within the call. */
static int list_tables(struct list *out, const struct netns *ns)
{
	_Alignas(struct nlmsghdr) char buf[32768];
	const struct {
		struct nlmsghdr nh;
		struct nfgenmsg g;
	} ask = {.nh = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	auto_fd int fd = netns_run(ns, open_rules, NULL);

	if (fd < 0)
		return fd;
	if (send(fd, &ask, sizeof(ask), 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int len = (int)n;

		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		for (struct nlmsghdr *nh = (void *)buf; nlmsg_ok(nh, len);
		     nh = nlmsg_next(nh, &len)) {
			if (nh->nlmsg_type == NLMSG_DONE)
				return 0;
			if (nh->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)nlmsg_data(nh))->error;
			list_table(out, ns, nh);
		}
	}
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static int own_number(void *arg)
{
	*(ino_t *)arg = net_of("thread-self");
	return 0;
}

int net_leftovers(struct netns *ns, const struct net_desired *d, const struct net_processes *p,
		  char out[static NET_LEFT_MAX])
{
	struct list l = {.text = out};
	ino_t net = 0;
	int err;

	out[0] = '\0';
	err = list_links(&l, ns, d);
	if (!err)
		err = list_tables(&l, ns);
	if (!err && p)
		err = netns_run(ns, own_number, &net);
	if (err < 0)
		snprintf(out, NET_LEFT_MAX, "what is in namespace %s cannot be read: %s", ns->name,
			 strerror(-err));
	else
		list_processes(&l, p, net);
	return err;
}

static int look(struct netns *ns, const struct net_desired *d, char left[static NET_LEFT_MAX],
		char reason[static NET_REASON_MAX])
{
	struct net_processes *p = net_processes_read();
	int err = p ? net_leftovers(ns, d, p, left) : -ENOMEM;

	if (err < 0)
		snprintf(reason, NET_REASON_MAX, "%.150s", p ? left : "out of memory");
	net_processes_free(p);
	return err;
}

int net_clear(const char *namespace, const struct net_desired *d, bool remove,
	      char left[static NET_LEFT_MAX], char reason[static NET_REASON_MAX])
{
	struct netns *ns = NULL;
	int err = netns_open(&ns, namespace, NULL, reason);

	left[0] = '\0';
	if (!err)
		err = nat_read_notes(ns);
	if (!err)
		err = net_teardown(ns, d, reason);
	if (!err)
		err = handover_clear(ns, reason);
	if (!err && remove)
		err = look(ns, d, left, reason);
	netns_close(ns);
	if (err && err != -ENOENT)
		return err;
	if (!remove || left[0])
		return 0;
	/* without a namespace there may be the host's ends of its legs */
	err = netns_remove(namespace);
	if (err == -ENOENT)
		return 0;
	return err < 0 ? ns_fail(reason, err, "CAP_SYS_ADMIN", "cannot remove namespace %s",
				 namespace)
		       : 0;
}
