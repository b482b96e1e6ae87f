/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the conntrack messages share: flow_netlink.c has what every entry has,
 * flow_netlink_more.c what belongs to few. */
#ifndef VROUTER_FLOW_NETLINK_PRIV_H
#define VROUTER_FLOW_NETLINK_PRIV_H

#include <arpa/inet.h>

#include "attr.h"
#include "vrouter/flow.h"

/* Copies a value of exactly len bytes. */
static inline bool take(const struct nlattr *a, void *to, size_t len)
{
	if (attr_len(a) != len)
		return false;
	memcpy(to, attr_data(a), len);
	return true;
}

static inline bool take_be32(const struct nlattr *a, uint32_t *to)
{
	uint32_t be;

	if (!take(a, &be, sizeof(be)))
		return false;
	*to = ntohl(be);
	return true;
}

/* 0, -EPROTO or -EOPNOTSUPP */
must_check int flow_netlink_read_tuple(const struct nlattr *nest, struct flow_tuple *t,
				       uint8_t family, uint8_t *proto);
void flow_netlink_put_tuple(struct nlmsghdr *nlh, uint16_t type, uint8_t family, uint8_t proto,
			    const struct flow_tuple *t);

must_check bool flow_netlink_read_sctp(const struct nlattr *nest, struct flow *f);
must_check bool flow_netlink_read_dccp(const struct nlattr *nest, struct flow *f);
/* An attribute of the message. 0, also when nobody knows it, or -errno. */
must_check int flow_netlink_read_rare(const struct nlattr *a, struct flow *f);

/* SCTP and DCCP state and what else may be given at any time, but for labels. */
void flow_netlink_put_more(struct nlmsghdr *nlh, const struct flow *f);
/* What only a new entry takes. */
void flow_netlink_put_created(struct nlmsghdr *nlh, const struct flow *f);

#endif
