/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way out of a router whose core died: resign, withdraw. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "guard_state.h"
#include "vrouter/log.h"
#include "vrouter/sync_ipc.h"

#define LINGER_MS 12 /* the kernel goes on forwarding while a successor takes over */

static void resign(const struct guard_armed *a)
{
	int err = a->fd[GUARD_FD_VRRP] < 0
			  ? 0
			  : vrrp_resign(&a->standin->resignation, a->fd[GUARD_FD_VRRP]);

	if (err < 0)
		log_warn("guard", a->orders->role.router, "cannot resign: %s", strerror(-err));
}

static void request(const struct guard_armed *a, const struct nlmsghdr *nlh, const char *what)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (sendto(a->fd[GUARD_FD_ROUTE], nlh, nlh->nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		log_warn("guard", a->orders->role.router, "cannot %s: %s", what, strerror(errno));
}

static void withdraw(const struct guard_armed *a, unsigned i)
{
	const struct ip_prefix *p = &a->orders->item[i].prefix;
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = RTM_DELADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = p->addr.family;
	ifa->ifa_prefixlen = p->len;
	ifa->ifa_index = a->orders->item[i].ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, p->addr.family == AF_INET ? 4 : 16, p->addr.b);
	request(a, nlh, "withdraw a VIP");
}

/* With the last address of a leg the kernel deletes IPv4 routes through it, but none of IPv6. */
static void delete_route(const struct guard_armed *a, unsigned i)
{
	const struct guard_item *route = &a->orders->item[a->orders->n_vips + i];
	const struct ip_prefix *to = &route->prefix;
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rt;

	nlh->nlmsg_type = RTM_DELROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rt = mnl_nlmsg_put_extra_header(nlh, sizeof(*rt));
	rt->rtm_family = to->addr.family;
	rt->rtm_dst_len = to->len;
	rt->rtm_scope = RT_SCOPE_NOWHERE;
	mnl_attr_put_u32(nlh, RTA_TABLE, route->table);
	mnl_attr_put_u32(nlh, RTA_OIF, route->ifindex);
	if (to->len)
		mnl_attr_put(nlh, RTA_DST, to->addr.family == AF_INET ? 4 : 16, to->addr.b);
	request(a, nlh, "delete a route");
}

/* Whatever the leg may still send (IPv6 answers queries about multicast without any address) would
 * draw the successor's frames to this port. */
static void take_virtual_mac(const struct guard_armed *a, unsigned ifindex)
{
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	uint8_t mac[NET_MAC_BYTES];
	struct ifinfomsg *ifi;

	if (!a->orders->virtual_mac || !ifindex || net_random_mac(mac) < 0)
		return;
	nlh->nlmsg_type = RTM_SETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = (int)ifindex;
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac), mac);
	request(a, nlh, "take away the virtual MAC");
}

/* Replication's process may live on for others. */
static void demote(const struct guard_state *s, const struct guard_armed *a)
{
	struct sync_msg m = {.type = SYNC_MSG_DEMOTE};

	snprintf(m.role.router, sizeof(m.role.router), "%s", a->orders->role.router);
	if (s->hold[GUARD_FD_SYNC] >= 0 && sync_ipc_send(s->hold[GUARD_FD_SYNC], &m, NULL, 0) < 0)
		log_warn("guard", a->orders->role.router, "replication does not hear of it");
}

/* Make before break, but bounded: who succeeds us needs a few ms, in which what still arrives here
 * is better forwarded than dropped; what lasts longer would be two holders of one address. Who
 * yields has waited for too long already. */
static void resign_all(struct guard_state *s)
{
	const struct timespec linger = {.tv_nsec = LINGER_MS * 1000000L};
	bool any = false;

	for (unsigned i = 0; i < s->n; i++) {
		if (s->armed[i].fate != GUARD_RESIGNS)
			continue;
		resign(&s->armed[i]);
		any = true;
	}
	if (any)
		nanosleep(&linger, NULL);
}

static void withdraw_all(struct guard_state *s, enum guard_fate fate)
{
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; s->armed[i].fate == fate && k < s->armed[i].orders->n_vips;
		     k++)
			withdraw(&s->armed[i], k);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; s->armed[i].fate == fate && k < s->armed[i].orders->n_routes;
		     k++)
			delete_route(&s->armed[i], k);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; s->armed[i].fate == fate && k < s->armed[i].orders->n_legs;
		     k++)
			take_virtual_mac(&s->armed[i], s->armed[i].orders->leg[k]);
}

void guard_leave(struct guard_state *s)
{
	withdraw_all(s, GUARD_YIELDS);
	resign_all(s);
	withdraw_all(s, GUARD_RESIGNS);
	for (unsigned i = s->n; i-- > 0;) {
		struct guard_armed *a = &s->armed[i];

		if (a->fate == GUARD_STAYS)
			continue;
		log_err("guard", a->orders->role.router, "%s: %sVIPs withdrawn", a->why,
			a->fate == GUARD_RESIGNS ? "resigned, " : "");
		demote(s, a);
		guard_forget(s, i);
	}
}
