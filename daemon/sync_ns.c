/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the replication process needs from inside a router's namespace, fetched by the core, which
 * may enter it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netlink.h>

#include "sync_child.h"

static int open_three(void *arg)
{
	int *fds = arg;

	for (unsigned i = 0; i < SYNC_FDS; i++) {
		fds[i] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
		if (fds[i] < 0)
			return -errno;
	}
	return 0;
}

int sync_sockets_open(const struct netns *ns, int fds[static SYNC_FDS])
{
	for (unsigned i = 0; i < SYNC_FDS; i++)
		fds[i] = -1;

	int err = netns_run(ns, open_three, fds);

	if (err < 0)
		sync_sockets_close(fds);
	return err;
}

void sync_sockets_close(int fds[static SYNC_FDS])
{
	for (unsigned i = 0; i < SYNC_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Seconds, from net.netfilter.nf_conntrack_NAME of the namespace this runs in. */
static void read_timeout(const char *name, uint32_t *out)
{
	char path[128], text[16];
	unsigned long v;
	char *end;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/nf_conntrack_%s", name);

	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	errno = 0;
	v = strtoul(text, &end, 10);
	if (!errno && end != text && v && v <= UINT32_MAX)
		*out = (uint32_t)v;
}

static int read_all(void *arg)
{
	static const struct {
		unsigned state;
		const char *name;
	} tcp[] = {
		{TCP_CONNTRACK_SYN_SENT, "tcp_timeout_syn_sent"},
		{TCP_CONNTRACK_SYN_RECV, "tcp_timeout_syn_recv"},
		{TCP_CONNTRACK_ESTABLISHED, "tcp_timeout_established"},
		{TCP_CONNTRACK_FIN_WAIT, "tcp_timeout_fin_wait"},
		{TCP_CONNTRACK_CLOSE_WAIT, "tcp_timeout_close_wait"},
		{TCP_CONNTRACK_LAST_ACK, "tcp_timeout_last_ack"},
		{TCP_CONNTRACK_TIME_WAIT, "tcp_timeout_time_wait"},
		{TCP_CONNTRACK_CLOSE, "tcp_timeout_close"},
	};
	struct flow_timeouts *t = arg;

	for (unsigned i = 0; i < ARRAY_LEN(tcp); i++)
		read_timeout(tcp[i].name, &t->tcp[tcp[i].state]);
	read_timeout("udp_timeout", &t->udp);
	read_timeout("udp_timeout_stream", &t->udp_stream);
	read_timeout("icmp_timeout", &t->icmp);
	read_timeout("generic_timeout", &t->generic);
	return 0;
}

void sync_timeouts_read(const struct netns *ns, struct flow_timeouts *out)
{
	struct flow_timeouts t;

	flow_timeouts_default(&t);
	if (netns_run(ns, read_all, &t) == 0)
		*out = t;
	else
		flow_timeouts_default(out);
}
