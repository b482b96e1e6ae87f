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
 * a STANDBY's legs are silent. Missing on a kernel without IPv6. */
static const struct setting ipv6[] = {
	{"ipv6/conf/all/disable_ipv6", "1"},
	{"ipv6/conf/default/disable_ipv6", "1"},
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

/* The value without the newline. 0 or -errno. */
static int sysctl_read(const char *path, char *buf, size_t size)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
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

static int sysctl_ensure(const char *path, const char *value)
{
	char now[32];
	int err = sysctl_read(path, now, sizeof(now));

	if (err < 0 || strcmp(now, value) == 0)
		return err;

	auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

static int ensure_list(const char *prefix, const struct setting *s, size_t n, bool optional,
		       char reason[static NET_REASON_MAX])
{
	char path[128];

	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), NET "%s%s", prefix, s[i].path);

		int err = sysctl_ensure(path, s[i].value);

		if (err == -ENOENT && optional)
			continue;
		if (err < 0)
			return ns_fail(reason, err, "CAP_NET_ADMIN", "cannot set %s to %s", path,
				       s[i].value);
	}
	return 0;
}

static int ensure_interfaces(char reason[static NET_REASON_MAX])
{
	DIR *dir = opendir(NET "ipv4/conf");
	struct dirent *e;
	int err = 0;

	if (!dir)
		return ns_fail(reason, -errno, NULL, "cannot read " NET "ipv4/conf");
	while (err == 0 && (e = readdir(dir))) {
		char prefix[IFNAMSIZ + 16];

		if (e->d_name[0] == '.' || strlen(e->d_name) >= IFNAMSIZ)
			continue;
		snprintf(prefix, sizeof(prefix), "ipv4/conf/%.15s/", e->d_name);
		/* an interface may go away meanwhile */
		err = ensure_list(prefix, per_interface, ARRAY_LEN(per_interface), true, reason);
	}
	closedir(dir);
	return err;
}

int ns_sysctls(char reason[static NET_REASON_MAX])
{
	int err = ensure_list("", ipv6, ARRAY_LEN(ipv6), true, reason);

	if (err == 0)
		err = ensure_list("", global, ARRAY_LEN(global), false, reason);
	if (err == 0)
		err = ensure_interfaces(reason);
	return err;
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
