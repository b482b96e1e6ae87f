/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel settings of the router's namespace. All of them belong to the namespace; the host's are
 * never written. A value is written only when it differs: some writes have effects even when they
 * change nothing. */
#include "ns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#define NET "/proc/sys/net/"

struct setting {
	const char *path, *value;
};

/* IPv6 stays off before any leg exists: no link-local address, no MLD, no router solicitation, so
 * a STANDBY's legs are silent. It is switched on for a leg while that has IPv6 VIPs (ns_set_ipv6).
 * Missing on a kernel without IPv6. */
static const struct setting ipv6[] = {
	{"ipv6/conf/all/disable_ipv6", "1"},
	{"ipv6/conf/default/disable_ipv6", "1"},
	/* resets redirects and router advertisements of every interface; with it, an answer to a
	 * neighbour's question says that we are a router */
	{"ipv6/conf/all/forwarding", "1"},
};

static const struct setting global[] = {
	/* first of all: writing it resets redirects and forwarding of every interface */
	{"ipv4/ip_forward", "1"},
	/* entries that replication inserts must carry the event extension although nobody listens
	 * on a STANDBY (2, the default, gives it only while somebody does): after a promotion their
	 * changes have to be reported */
	{"netfilter/nf_conntrack_events", "1"},
	/* a TCP packet from the middle of a flow that is not known (yet) is invalid and dropped;
	 * picked up instead, it would get a new entry and another port, and the far end would
	 * answer RST */
	{"netfilter/nf_conntrack_tcp_loose", "0"},
	/* window positions are not replicated: a flow that comes back to the controller where it
	 * was made would be judged by positions that are minutes old. Replicated entries are marked
	 * liberal one by one; this covers the ones that were made here. A RST outside of the window
	 * is still refused, and the end points check the rest themselves */
	{"netfilter/nf_conntrack_tcp_be_liberal", "1"},
};

/* For "all", "default" and every interface there is: the kernel combines "all" and the interface
 * by OR, AND or maximum, and a new namespace inherits from the host. */
static const struct setting per_interface[] = {
	/* ip_forward covers it, unless somebody turned one interface off */
	{"forwarding", "1"},
	/* replies come in where the route points only while the route is there; between a
	 * promotion's steps (and with several ways to the outside) a strict check would drop
	 * packets of live flows. Spoofed sources are the filter's business */
	{"rp_filter", "0"},
	/* a VIP is answered for on its own leg only, and asked from with its own address */
	{"arp_ignore", "1"},
	{"arp_announce", "2"},
	/* announcements are ours to send, at the moment that is right */
	{"arp_notify", "0"},
	/* a router obeys no redirects; nodes must not be told to bypass a router that does NAT */
	{"accept_redirects", "0"},
	{"send_redirects", "0"},
	{"accept_source_route", "0"},
	/* when a VIP is replaced by another one of the same network, deleting the old must not take
	 * the new one, its secondary, along */
	{"promote_secondaries", "1"},
};

static const struct setting ipv6_interface[] = {
	{"forwarding", "1"},
	/* a router is told nothing by others: no routes, no addresses, no prefixes */
	{"accept_ra", "0"},
	{"autoconf", "0"},
	{"accept_redirects", "0"},
	{"accept_source_route", "0"},
	/* a VIP is used at once; who else has it is the election's affair */
	{"accept_dad", "0"},
	/* announcements are ours to send, at the moment that is right */
	{"ndisc_notify", "0"},
};

/* To look up a name in /proc/sys/net the kernel goes through the entries of that name of all
 * network namespaces: a third of a millisecond with a thousand of them. Below that a directory is a
 * namespace's own; so what is in one is looked for from there. The value without the newline.
 * 0 or -errno. */
static int sysctl_read(int dir, const char *path, char *buf, size_t size)
{
	auto_fd int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static int sysctl_ensure(int dir, const char *path, const char *value)
{
	char now[32];
	int err = sysctl_read(dir, path, now, sizeof(now));

	if (err < 0 || strcmp(now, value) == 0)
		return err;

	auto_fd int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

/* In dir, whose path is at. */
static int ensure_list(int dir, const char *at, const char *prefix, const struct setting *s,
		       size_t n, bool optional, char reason[static NET_REASON_MAX])
{
	char path[128];

	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s%s", prefix, s[i].path);

		int err = sysctl_ensure(dir, path, s[i].value);

		if (err == -ENOENT && optional)
			continue;
		if (err < 0)
			return ns_fail(reason, err, "CAP_NET_ADMIN", "cannot set %s%s to %s", at,
				       path, s[i].value);
	}
	return 0;
}

/* By the whole path. */
static int ensure_each(const char *prefix, const struct setting *s, size_t n, bool optional,
		       char reason[static NET_REASON_MAX])
{
	char path[64];

	snprintf(path, sizeof(path), NET "%s", prefix);
	return ensure_list(AT_FDCWD, "", path, s, n, optional, reason);
}

/* version: "ipv4" or "ipv6"; that one may be missing. */
static int ensure_interfaces(const char *version, const struct setting *s, size_t n,
			     char reason[static NET_REASON_MAX])
{
	char path[40];
	DIR *dir;
	struct dirent *e;
	int err = 0;

	snprintf(path, sizeof(path), NET "%.4s/conf/", version);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT && s == ipv6_interface
			       ? 0
			       : ns_fail(reason, -errno, NULL, "cannot read %s", path);
	while (err == 0 && (e = readdir(dir))) {
		char prefix[IFNAMSIZ + 1];

		if (e->d_name[0] == '.' || strlen(e->d_name) >= IFNAMSIZ)
			continue;
		snprintf(prefix, sizeof(prefix), "%.15s/", e->d_name);
		/* an interface may go away meanwhile */
		err = ensure_list(dirfd(dir), path, prefix, s, n, true, reason);
	}
	closedir(dir);
	return err;
}

int ns_sysctls(char reason[static NET_REASON_MAX])
{
	int err = ensure_each("", ipv6, ARRAY_LEN(ipv6), true, reason);

	if (err == 0)
		err = ensure_each("", global, ARRAY_LEN(global), false, reason);
	if (err == 0)
		err = ensure_interfaces("ipv4", per_interface, ARRAY_LEN(per_interface), reason);
	if (err == 0)
		err = ensure_interfaces("ipv6", ipv6_interface, ARRAY_LEN(ipv6_interface), reason);
	return err;
}

/* ---- IPv6 of a leg ---- */

#define DISABLED_PATH_MAX (sizeof("/disable_ipv6") + IFNAMSIZ)

static void disabled_path(char path[static DISABLED_PATH_MAX], const char *ifname)
{
	snprintf(path, DISABLED_PATH_MAX, "%.15s/disable_ipv6", ifname);
}

/* Where that is, in the namespace that the caller is in. -errno: a kernel without IPv6. */
static int ipv6_dir(struct netns *ns)
{
	if (ns->ipv6 < 0)
		ns->ipv6 = open(NET "ipv6/conf", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ns->ipv6 < 0 ? -errno : ns->ipv6;
}

struct ipv6_legs {
	struct netns *ns;
	const struct net_desired *d;
	struct net_actual *a;
};

static int read_legs(void *arg)
{
	const struct ipv6_legs *l = arg;
	int dir = ipv6_dir(l->ns);

	for (unsigned id = 0; id < NET_SLOTS; id++) {
		char path[DISABLED_PATH_MAX], value[8];

		disabled_path(path, l->d->leg[id].ifname);
		l->a->leg[id].ipv6 = l->a->leg[id].exists && dir >= 0 &&
				     sysctl_read(dir, path, value, sizeof(value)) == 0 &&
				     strcmp(value, "0") == 0;
	}
	return 0;
}

int ns_read_ipv6(struct netns *ns, const struct net_desired *d, struct net_actual *a)
{
	struct ipv6_legs l = {ns, d, a};

	return netns_run(ns, read_legs, &l);
}

struct ipv6_switch {
	struct netns *ns;
	const char *ifname, *value;
};

static int switch_leg(void *arg)
{
	const struct ipv6_switch *s = arg;
	char path[DISABLED_PATH_MAX];
	int dir = ipv6_dir(s->ns);

	disabled_path(path, s->ifname);
	return dir < 0 ? dir : sysctl_ensure(dir, path, s->value);
}

int ns_set_ipv6(struct netns *ns, const char *ifname, bool on)
{
	struct ipv6_switch s = {ns, ifname, on ? "0" : "1"};

	return netns_run(ns, switch_leg, &s);
}

/* ---- the controller's end of the host link ---- */

/* What comes in there may be passed on, and nothing else is changed: the answers need no forwarding
 * on the interface that they come in on (see host_nat.c). IPv6 knows that for one interface since
 * Linux 6.17; before that there is no such file. */
static const struct setting link_v4[] = {{"forwarding", "1"}};
static const struct setting link_v6[] = {
	{"disable_ipv6", "0"}, {"accept_ra", "0"}, {"force_forwarding", "1"}};

#define LINK_PREFIX_MAX (IFNAMSIZ + 16)

static void link_prefix(char out[static LINK_PREFIX_MAX], const char *ifname, bool six)
{
	snprintf(out, LINK_PREFIX_MAX, "ipv%c/conf/%.15s/", six ? '6' : '4', ifname);
}

static bool list_is_set(const char *prefix, const struct setting *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char path[128], value[32];
		int err;

		snprintf(path, sizeof(path), NET "%s%s", prefix, s[i].path);
		err = sysctl_read(AT_FDCWD, path, value, sizeof(value));
		if (err != -ENOENT && (err < 0 || strcmp(value, s[i].value) != 0))
			return false;
	}
	return true;
}

bool ns_link_is_set(const char *ifname, bool six)
{
	char v4[LINK_PREFIX_MAX], v6[LINK_PREFIX_MAX];

	link_prefix(v4, ifname, false);
	link_prefix(v6, ifname, true);
	return list_is_set(v4, link_v4, ARRAY_LEN(link_v4)) &&
	       (!six || list_is_set(v6, link_v6, ARRAY_LEN(link_v6)));
}

int ns_link_set(const char *ifname, bool six, char reason[static NET_REASON_MAX])
{
	char prefix[LINK_PREFIX_MAX];
	int err;

	link_prefix(prefix, ifname, false);
	err = ensure_each(prefix, link_v4, ARRAY_LEN(link_v4), false, reason);
	link_prefix(prefix, ifname, true);
	if (err == 0 && six)
		err = ensure_each(prefix, link_v6, ARRAY_LEN(link_v6), true, reason);
	return err;
}

bool ns_link_forwards6(const char *ifname)
{
	char path[128], value[8];

	if (sysctl_read(AT_FDCWD, NET "ipv6/conf/all/forwarding", value, sizeof(value)) == 0 &&
	    strcmp(value, "0") != 0)
		return true;
	snprintf(path, sizeof(path), NET "ipv6/conf/%.15s/force_forwarding", ifname);
	return sysctl_read(AT_FDCWD, path, value, sizeof(value)) == 0 && strcmp(value, "1") == 0;
}

/* The kernel loads nf_conntrack_netlink (and conntrack with it) when it is asked for; without that
 * the sysctls above do not exist before the first rule does. */
int ns_conntrack(char reason[static NET_REASON_MAX])
{
	const int type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	struct nfgenmsg head = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	struct nl_sock *sk = nl_socket_alloc();
	int err = sk ? nl_connect(sk, NETLINK_NETFILTER) : -NLE_NOMEM;

	if (err >= 0)
		err = nl_send_simple(sk, type, NLM_F_ACK, &head, sizeof(head));
	if (err >= 0)
		err = nl_wait_for_ack(sk);
	if (err < 0)
		snprintf(reason, NET_REASON_MAX, "conntrack netlink cannot be used: %s%s",
			 nl_geterror(err),
			 err == -NLE_PERM ? " (needs CAP_NET_ADMIN)"
					  : " (the kernel needs CONFIG_NF_CT_NETLINK)");
	nl_socket_free(sk);
	return err == -NLE_PERM ? -EPERM : err < 0 ? -EOPNOTSUPP : 0;
}
