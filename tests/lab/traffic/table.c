/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The conntrack table of the namespace we run in. `fill` makes established, source-translated TCP
 * entries without any packet; `table` prints translated flows, one line each, without what may
 * differ between two controllers (timeouts, counters, ids), so that two tables compare by sort and
 * cmp; `flush` empties it. */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH	    64
#define MESSAGE_MAX 1024
#define FIRST_PORT  1024u
#define PORTS	    (65536u - FIRST_PORT)

static struct mnl_socket *open_netlink(void)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		die("netlink: %s", strerror(errno));
	return nl;
}

/* Flow number i: the translated port runs fastest, then the destination port; inside, ports and
 * then source addresses, so that both tuples are unique for many millions. */
static struct nf_conntrack *make_flow(const struct options *o, unsigned i)
{
	struct nf_conntrack *ct = nfct_new();
	uint32_t src = htonl(ntohl(o->source.s_addr) + i / PORTS);
	uint16_t sport = htons((uint16_t)(FIRST_PORT + i % PORTS));
	uint16_t dport = htons((uint16_t)(ntohs(o->target.sin_port) + i / PORTS));

	if (!ct)
		die("out of memory");
	nfct_set_attr_u8(ct, ATTR_L3PROTO, AF_INET);
	nfct_set_attr_u8(ct, ATTR_L4PROTO, IPPROTO_TCP);
	nfct_set_attr_u32(ct, ATTR_IPV4_SRC, src);
	nfct_set_attr_u32(ct, ATTR_IPV4_DST, o->target.sin_addr.s_addr);
	nfct_set_attr_u16(ct, ATTR_PORT_SRC, sport);
	nfct_set_attr_u16(ct, ATTR_PORT_DST, dport);
	nfct_setobjopt(ct, NFCT_SOPT_SETUP_REPLY);
	nfct_set_attr_u32(ct, ATTR_SNAT_IPV4, o->via.s_addr);
	nfct_set_attr_u16(ct, ATTR_SNAT_PORT, sport);
	nfct_set_attr_u8(ct, ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	nfct_set_attr_u32(ct, ATTR_TIMEOUT, 3600);
	nfct_set_attr_u32(ct, ATTR_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
	return ct;
}

/* Errors come back one by one; what goes well is not answered, so the last message asks for it. */
static void put_batch(struct mnl_socket *nl, const struct options *o, unsigned first, unsigned n)
{
	static char buf[BATCH * MESSAGE_MAX];
	struct mnl_nlmsg_batch *b = mnl_nlmsg_batch_start(buf, sizeof(buf));

	for (unsigned i = 0; i < n; i++) {
		struct nlmsghdr *h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(b));
		struct nf_conntrack *ct = make_flow(o, first + i);
		struct nfgenmsg *g;

		h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW);
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
		if (i == n - 1)
			h->nlmsg_flags |= NLM_F_ACK;
		h->nlmsg_seq = first + i + 1;
		g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
		g->nfgen_family = AF_INET;
		g->version = NFNETLINK_V0;
		if (nfct_nlmsg_build(h, ct))
			die("cannot build an entry: %s", strerror(errno));
		nfct_destroy(ct);
		mnl_nlmsg_batch_next(b);
	}
	if (mnl_socket_sendto(nl, mnl_nlmsg_batch_head(b), mnl_nlmsg_batch_size(b)) < 0)
		die("netlink: %s", strerror(errno));
	mnl_nlmsg_batch_stop(b);
}

/* Reads answers up to that of the last message. Returns how many entries were refused. */
static unsigned batch_answers(struct mnl_socket *nl, unsigned last_seq, int *why)
{
	char buf[16384];
	unsigned refused = 0;

	for (;;) {
		ssize_t got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		int left = (int)got;

		if (got < 0)
			die("netlink: %s", strerror(errno));
		for (struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			refused += e->error != 0;
			if (e->error)
				*why = -e->error;
			if (h->nlmsg_seq == last_seq)
				return refused;
		}
	}
}

int cmd_fill(const struct options *o)
{
	struct mnl_socket *nl = open_netlink();
	unsigned refused = 0, done = 0;
	uint64_t start = now_ns();
	int why = 0;

	while (done < o->count) {
		unsigned n = o->count - done < BATCH ? o->count - done : BATCH;

		put_batch(nl, o, o->first + done, n);
		refused += batch_answers(nl, o->first + done + n, &why);
		done += n;
		/* --interval-us is a pause between batches, so that a rate can be asked for */
		if (o->interval_us)
			nanosleep(&(struct timespec){0, (long)o->interval_us * 1000}, NULL);
	}
	printf("{\"made\": %u, \"refused\": %u, \"why\": \"%s\", \"ms\": %.0f}\n", done - refused,
	       refused, why ? strerror(why) : "", (double)(now_ns() - start) / 1e6);
	mnl_socket_close(nl);
	return 0;
}

int cmd_flush(const struct options *o)
{
	struct nfct_handle *h = nfct_open(CONNTRACK, 0);
	uint32_t family = AF_INET;

	(void)o;
	if (!h || nfct_query(h, NFCT_Q_FLUSH, &family))
		die("flush: %s", strerror(errno));
	nfct_close(h);
	return 0;
}

static const char *addr(const struct nf_conntrack *ct, enum nf_conntrack_attr a, char *buf)
{
	uint32_t v = nfct_get_attr_u32(ct, a);

	return inet_ntop(AF_INET, &v, buf, INET_ADDRSTRLEN);
}

/* NAT bits and those that a user could miss; the rest is the kernel's housekeeping. */
#define STATUS_SHOWN (IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT | IPS_DST_NAT)

static int print_flow(const struct nlmsghdr *h, void *arg)
{
	struct nf_conntrack *ct = nfct_new();
	char b[4][INET_ADDRSTRLEN];

	(void)arg;
	if (!ct)
		die("out of memory");
	if (nfct_nlmsg_parse(h, ct) == 0 && nfct_get_attr_u8(ct, ATTR_L3PROTO) == AF_INET &&
	    nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_SRC_NAT) {
		uint8_t proto = nfct_get_attr_u8(ct, ATTR_L4PROTO);
		bool icmp = proto == IPPROTO_ICMP;

		printf("%u %s %u %s %u - %s %u %s %u id %u status %x state %u\n", proto,
		       addr(ct, ATTR_IPV4_SRC, b[0]),
		       icmp ? 0 : ntohs(nfct_get_attr_u16(ct, ATTR_PORT_SRC)),
		       addr(ct, ATTR_IPV4_DST, b[1]),
		       icmp ? 0 : ntohs(nfct_get_attr_u16(ct, ATTR_PORT_DST)),
		       addr(ct, ATTR_REPL_IPV4_SRC, b[2]),
		       icmp ? 0 : ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_SRC)),
		       addr(ct, ATTR_REPL_IPV4_DST, b[3]),
		       icmp ? 0 : ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_DST)),
		       icmp ? ntohs(nfct_get_attr_u16(ct, ATTR_ICMP_ID)) : 0,
		       nfct_get_attr_u32(ct, ATTR_STATUS) & STATUS_SHOWN,
		       proto == IPPROTO_TCP ? nfct_get_attr_u8(ct, ATTR_TCP_STATE) : 0);
	}
	nfct_destroy(ct);
	return MNL_CB_OK;
}

int cmd_table(const struct options *o)
{
	struct mnl_socket *nl = open_netlink();
	char buf[65536];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;
	unsigned port = mnl_socket_get_portid(nl);
	int more = MNL_CB_OK;

	(void)o;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_INET;
	g->version = NFNETLINK_V0;
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		die("netlink: %s", strerror(errno));
	while (more == MNL_CB_OK) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0)
			die("netlink: %s", strerror(errno));
		more = mnl_cb_run(buf, (size_t)n, 1, port, print_flow, NULL);
	}
	mnl_socket_close(nl);
	return more < 0;
}
