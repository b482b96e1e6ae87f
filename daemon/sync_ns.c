/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the replication process needs from inside a router's namespace, fetched by the core, which
 * may enter it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
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

void sync_sockets_hush(int fd)
{
	int group = NFNLGRP_CONNTRACK_DESTROY;

	(void)setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group));
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

/* What a kernel does not have keeps its default. */
static int read_all(void *arg)
{
	struct flow_timeouts *t = arg;
	const struct {
		const char *name;
		uint32_t *to;
	} row[] = {
		{"tcp_timeout_syn_sent", &t->tcp[TCP_CONNTRACK_SYN_SENT]},
		{"tcp_timeout_syn_recv", &t->tcp[TCP_CONNTRACK_SYN_RECV]},
		{"tcp_timeout_established", &t->tcp[TCP_CONNTRACK_ESTABLISHED]},
		{"tcp_timeout_fin_wait", &t->tcp[TCP_CONNTRACK_FIN_WAIT]},
		{"tcp_timeout_close_wait", &t->tcp[TCP_CONNTRACK_CLOSE_WAIT]},
		{"tcp_timeout_last_ack", &t->tcp[TCP_CONNTRACK_LAST_ACK]},
		{"tcp_timeout_time_wait", &t->tcp[TCP_CONNTRACK_TIME_WAIT]},
		{"tcp_timeout_close", &t->tcp[TCP_CONNTRACK_CLOSE]},
		{"sctp_timeout_closed", &t->sctp[SCTP_CONNTRACK_CLOSED]},
		{"sctp_timeout_cookie_wait", &t->sctp[SCTP_CONNTRACK_COOKIE_WAIT]},
		{"sctp_timeout_cookie_echoed", &t->sctp[SCTP_CONNTRACK_COOKIE_ECHOED]},
		{"sctp_timeout_established", &t->sctp[SCTP_CONNTRACK_ESTABLISHED]},
		{"sctp_timeout_shutdown_sent", &t->sctp[SCTP_CONNTRACK_SHUTDOWN_SENT]},
		{"sctp_timeout_shutdown_recd", &t->sctp[SCTP_CONNTRACK_SHUTDOWN_RECD]},
		{"sctp_timeout_shutdown_ack_sent", &t->sctp[SCTP_CONNTRACK_SHUTDOWN_ACK_SENT]},
		{"sctp_timeout_heartbeat_sent", &t->sctp[SCTP_CONNTRACK_HEARTBEAT_SENT]},
		{"sctp_timeout_heartbeat_acked", &t->sctp[SCTP_CONNTRACK_HEARTBEAT_ACKED]},
		{"dccp_timeout_request", &t->dccp[FLOW_DCCP_REQUEST]},
		{"dccp_timeout_respond", &t->dccp[FLOW_DCCP_RESPOND]},
		{"dccp_timeout_partopen", &t->dccp[FLOW_DCCP_PARTOPEN]},
		{"dccp_timeout_open", &t->dccp[FLOW_DCCP_OPEN]},
		{"dccp_timeout_closereq", &t->dccp[FLOW_DCCP_CLOSEREQ]},
		{"dccp_timeout_closing", &t->dccp[FLOW_DCCP_CLOSING]},
		{"dccp_timeout_timewait", &t->dccp[FLOW_DCCP_TIMEWAIT]},
		{"udp_timeout", &t->udp},
		{"udp_timeout_stream", &t->udp_stream},
		{"gre_timeout", &t->gre},
		{"gre_timeout_stream", &t->gre_stream},
		{"icmp_timeout", &t->icmp},
		{"icmpv6_timeout", &t->icmpv6},
		{"generic_timeout", &t->generic},
	};

	for (unsigned i = 0; i < ARRAY_LEN(row); i++)
		read_timeout(row[i].name, row[i].to);
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
