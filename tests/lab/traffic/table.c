/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The conntrack table of the namespace we run in. `table` prints translated flows, one line each,
 * without what may differ between two controllers (timeouts, counters, ids), so that two tables
 * compare by sort and cmp; `flush` empties it. */
#include "entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <string.h>

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
	struct mnl_socket *nl = entries_open();
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
