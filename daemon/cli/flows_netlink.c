/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's side of `vrouterctl flows`: a dump that leaves out in the kernel what it can, and
 * events. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "flows.h"
#include "vrouter/conntrack.h"

#define DUMP_SEQ      1
#define CHUNK_MAX     65536		/* of events */
#define EVENT_BUFFER  (8 * 1024 * 1024) /* what may wait to be read, unless -b says otherwise */
#define EXPECT_GROUPS 3			/* bits by which their groups are higher */

/* Which parts of CTA_TUPLE_* count, in CTA_FILTER_*_FLAGS. These numbers are in no header for user
 * space: net/netfilter/nf_conntrack_netlink.c, CTA_FILTER_F_*. */
enum {
	BY_IP_SRC = 1 << 0,
	BY_IP_DST = 1 << 1,
	BY_PROTO = 1 << 3,
	BY_PORT_SRC = 1 << 4,
	BY_PORT_DST = 1 << 5,
};

static int open_socket(struct mnl_socket **out, unsigned groups)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int err;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		mnl_socket_close(nl);
		return err;
	}
	*out = nl;
	return 0;
}

static struct nlmsghdr *request(void *buf, const struct flow_ask *ask, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type =
		(uint16_t)(ask->expect ? NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET
			   : ask->zero ? NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_CTRZERO
				       : NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = DUMP_SEQ;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* ---- what the kernel leaves out ---------------------------------------------------------------
 */

/* An address of which all counts? Of IPv6 the kernel (6.18) leaves out just those entries that have
 * it: ctnetlink_filter_match_tuple() takes ipv6_addr_cmp() the wrong way round. */
static bool exact_ipv4(const struct flow_query_net *n)
{
	return n->addr.family == AF_INET && memcmp(n->mask.b, "\xff\xff\xff\xff", 4) == 0;
}

/* A tuple with those parts that a direction is asked by. Returns its flags; 0: nothing was put. */
static uint32_t put_tuple(struct nlmsghdr *nlh, const struct flow_query *q, enum flow_end src,
			  uint16_t type)
{
	const struct flow_query_net *from = &q->net[src], *to = &q->net[src + 1];
	const int32_t *port = &q->port[src];
	uint32_t flags = (exact_ipv4(from) ? BY_IP_SRC : 0u) | (exact_ipv4(to) ? BY_IP_DST : 0u);
	struct nlattr *tuple, *nest;

	if (q->proto >= 0)
		flags |= BY_PROTO | (port[0] >= 0 ? BY_PORT_SRC : 0u) |
			 (port[1] >= 0 ? BY_PORT_DST : 0u);
	if (!flags)
		return 0;
	tuple = mnl_attr_nest_start(nlh, type);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	if (flags & BY_IP_SRC)
		mnl_attr_put(nlh, CTA_IP_V4_SRC, 4, from->addr.b);
	if (flags & BY_IP_DST)
		mnl_attr_put(nlh, CTA_IP_V4_DST, 4, to->addr.b);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	if (flags & BY_PROTO)
		mnl_attr_put_u8(nlh, CTA_PROTO_NUM, (uint8_t)q->proto);
	if (flags & BY_PORT_SRC)
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons((uint16_t)port[0]));
	if (flags & BY_PORT_DST)
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons((uint16_t)port[1]));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
	return flags;
}

/* Protocols of which the kernel compares source and destination ports. */
static bool has_ports(int32_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

/* Kernels that know less of this show more, which costs time and no more than that: attributes that
 * they do not know they skip. */
static void put_filter(struct nlmsghdr *nlh, const struct flow_query *q)
{
	uint32_t status = q->status_set | q->status_clear, orig, reply;
	struct flow_query asked = *q;
	struct nlattr *nest;

	if (q->by_mark) {
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(q->mark));
		mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(q->mark_mask));
	}
	if (status) {
		mnl_attr_put_u32(nlh, CTA_STATUS, htonl(q->status_set));
		mnl_attr_put_u32(nlh, CTA_STATUS_MASK, htonl(status));
	}
	if (q->zone[FLOW_ZONE] > 0)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons((uint16_t)q->zone[FLOW_ZONE]));
	for (unsigned i = 0; i < FLOW_ENDS && !has_ports(q->proto); i++)
		asked.port[i] = -1;
	orig = put_tuple(nlh, &asked, FLOW_ORIG_SRC, CTA_TUPLE_ORIG);
	reply = put_tuple(nlh, &asked, FLOW_REPLY_SRC, CTA_TUPLE_REPLY);
	if (!orig && !reply)
		return;
	nest = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, orig);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, reply);
	mnl_attr_nest_end(nlh, nest);
}

/* ---- dump -------------------------------------------------------------------------------------
 */

static int dump_family(struct mnl_socket *nl, const struct flow_ask *ask, uint8_t family,
		       mnl_cb_t fn, void *ctx)
{
	_Alignas(struct nlmsghdr) char buf[1024];
	struct nlmsghdr *nlh = request(buf, ask, family);

	if (!ask->expect)
		put_filter(nlh, &ask->query);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return flows_relay(nl, DUMP_SEQ, fn, ctx);
}

/* The kernel takes a protocol to filter by only together with a family. */
int flows_dump(const struct flow_ask *ask, mnl_cb_t fn, void *ctx)
{
	bool twice = !ask->query.family && ask->query.proto >= 0;
	struct mnl_socket *nl;
	int err = open_socket(&nl, 0);

	if (err < 0)
		return err;
	err = dump_family(nl, ask, twice ? AF_INET : ask->query.family, fn, ctx);
	if (err == 0 && twice)
		err = dump_family(nl, ask, AF_INET6, fn, ctx);
	mnl_socket_close(nl);
	return err;
}

int flows_total(uint64_t *out)
{
	uint32_t flows, flows_max;
	auto_fd int fd = conntrack_socket();
	struct table *t;
	int err = fd < 0 ? fd : table_new(&t, fd, fd);

	if (err < 0)
		return err;
	err = table_count(t, &flows, &flows_max);
	table_free(t);
	if (err == 0)
		*out = flows;
	return err;
}

/* ---- events -----------------------------------------------------------------------------------
 */

enum nf_conntrack_msg_type flows_event_type(const struct nlmsghdr *nlh)
{
	if ((nlh->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE)
		return NFCT_T_DESTROY;
	return nlh->nlmsg_flags & NLM_F_CREATE ? NFCT_T_NEW : NFCT_T_UPDATE;
}

static void set_buffer(const struct mnl_socket *nl, int size)
{
	int fd = mnl_socket_get_fd(nl);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* 1 there may be more, 0 enough, -errno */
static int receive_events(struct mnl_socket *nl, char *buf, mnl_cb_t fn, void *ctx)
{
	ssize_t n = mnl_socket_recvfrom(nl, buf, CHUNK_MAX);
	int more;

	if (n < 0 && errno == ENOBUFS) {
		fflush(stdout);
		fputs("vrouterctl: flows: events were lost, they came faster than they could be "
		      "written; a larger --buffer-size or a smaller --event-mask helps\n",
		      stderr);
		return 1;
	}
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	more = mnl_cb_run(buf, (size_t)n, 0, 0, fn, ctx);
	fflush(stdout);
	return more < 0 ? -errno : more > MNL_CB_STOP;
}

static int listen_until_signal(struct mnl_socket *nl, mnl_cb_t fn, void *ctx)
{
	auto_free char *buf = malloc(CHUNK_MAX);
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);

	auto_fd int sig = signalfd(-1, &ends, SFD_CLOEXEC);
	struct pollfd p[] = {{.fd = mnl_socket_get_fd(nl), .events = POLLIN},
			     {.fd = sig, .events = POLLIN}};
	int more = buf && sig >= 0 ? 1 : -ENOMEM;

	while (more > 0) {
		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			more = 0;
		else if (p[0].revents)
			more = receive_events(nl, buf, fn, ctx);
	}
	return more;
}

int flows_listen(const struct flow_ask *ask, mnl_cb_t fn, void *ctx)
{
	struct mnl_socket *nl;
	int err = open_socket(&nl, ask->expect ? ask->events << EXPECT_GROUPS : ask->events);

	if (err < 0)
		return err;
	set_buffer(nl, ask->buffer ? ask->buffer : EVENT_BUFFER);
	err = listen_until_signal(nl, fn, ctx);
	mnl_socket_close(nl);
	return err;
}
