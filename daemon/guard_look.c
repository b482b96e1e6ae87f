/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who says for a dead core that the router is well here must see that it is. Read, not listened
 * for: it lasts some seconds, and a second look costs nothing. What is not looked at is what a
 * guard could not tell from what was meant: routes, rules, the bridges' other ports. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "clock.h"
#include "guard_state.h"

struct seen {
	const struct guard_orders *o;
	bool vip[GUARD_VIPS_MAX], leg[NET_LEGS_MAX];
};

static int take_address(const struct nlattr *attr, void *data)
{
	const struct nlattr **local = data;

	/* IPv6 has the second alone */
	if (mnl_attr_get_type(attr) == IFA_LOCAL ||
	    (mnl_attr_get_type(attr) == IFA_ADDRESS && !*local))
		*local = attr;
	return MNL_CB_OK;
}

static void see_address(struct seen *s, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *local = NULL;

	if (mnl_attr_parse(nlh, sizeof(*ifa), take_address, &local) < 0 || !local)
		return;
	for (unsigned i = 0; i < s->o->n_vips; i++) {
		const struct ip_prefix *p = &s->o->item[i].prefix;
		size_t len = p->addr.family == AF_INET ? 4 : 16;

		if (ifa->ifa_family == p->addr.family && ifa->ifa_index == s->o->item[i].ifindex &&
		    mnl_attr_get_payload_len(local) == len &&
		    memcmp(mnl_attr_get_payload(local), p->addr.b, len) == 0)
			s->vip[i] = true;
	}
}

static void see_leg(struct seen *s, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	for (unsigned i = 0; i < s->o->n_legs; i++)
		if ((unsigned)ifi->ifi_index == s->o->leg[i])
			s->leg[i] = (ifi->ifi_flags & IFF_UP) && (ifi->ifi_flags & IFF_RUNNING);
}

static int see(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWADDR)
		see_address(data, nlh);
	else if (nlh->nlmsg_type == RTM_NEWLINK)
		see_leg(data, nlh);
	return MNL_CB_OK;
}

/* The kernel answers a dump while it is asked and read: nothing waits. */
static bool dump(int fd, uint16_t type, uint32_t seq, struct seen *s)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_Alignas(struct nlmsghdr) uint8_t buf[32768];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi; /* not shorter than what asks for addresses */
	ssize_t n;
	int rc;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	if (sendto(fd, nlh, nlh->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) <
	    0)
		return false;
	do {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0)
			return false;
		rc = mnl_cb_run(buf, (size_t)n, seq, 0, see, s);
		/* what the core had asked for before */
		if (rc < 0 && errno == ESRCH)
			rc = MNL_CB_OK;
	} while (rc > MNL_CB_STOP);
	return rc == MNL_CB_STOP;
}

const char *guard_look(const struct guard_armed *a)
{
	struct seen s = {.o = a->orders};
	uint32_t seq = (uint32_t)now_us() | 1;

	if (!dump(a->fd[GUARD_FD_ROUTE], RTM_GETLINK, seq, &s) ||
	    !dump(a->fd[GUARD_FD_ROUTE], RTM_GETADDR, seq + 1, &s))
		return "the namespace cannot be looked at";
	for (unsigned i = 0; i < a->orders->n_legs; i++)
		if (!s.leg[i])
			return "a leg is gone or down";
	for (unsigned i = 0; i < a->orders->n_vips; i++)
		if (!s.vip[i])
			return "a VIP is gone";
	return a->standin ? vrrp_standin_look(a->standin) : NULL;
}
