/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, addresses and routes through libnl-route: sockets, what is there (net_read), and the loop
 * around reading, planning and applying (net_ensure).
 *
 * Inside there are a handful of addresses and routes, which are read in one dump each.
 * No fork, no libnftables: this is the path of a promotion. */
#include "rtnl.h"
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#define ENSURE_PASSES_MAX 4
#define ANSWER_BYTES	  32768 /* more than the kernel puts into one message of a dump */
#define ANSWER_WAIT_S	  5	/* the kernel answers within the call; never block for good */

int rtnl_errno(int err)
{
	static const struct {
		int nle, err;
	} map[] = {
		{NLE_NOMEM, ENOMEM},
		{NLE_EXIST, EEXIST},
		{NLE_INVAL, EINVAL},
		{NLE_OPNOTSUPP, EOPNOTSUPP},
		{NLE_AF_NOSUPPORT, EAFNOSUPPORT},
		{NLE_OBJ_NOTFOUND, ENOENT},
		{NLE_NOADDR, EADDRNOTAVAIL},
		{NLE_BUSY, EBUSY},
		{NLE_PERM, EPERM},
		{NLE_NOACCESS, EACCES},
		{NLE_NODEV, ENODEV},
		{NLE_RANGE, ERANGE},
		{NLE_AGAIN, ETIMEDOUT},
	};

	if (err >= 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (map[i].nle == -err)
			return -map[i].err;
	return -EIO;
}

/* ---- sockets ---- */

/* libnl hands out at most 1024 ports in a process and remembers them over a fork; the kernel's
 * choice has neither limit. */
static int bound_socket(int protocol, int flags)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int rtnl_listen(int protocol, const int *groups, size_t n)
{
	int fd = bound_socket(protocol, SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < n; i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
	return fd;
}

struct nl_sock *rtnl_open(void)
{
	const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	struct nl_sock *sk = nl_socket_alloc();
	int fd = bound_socket(NETLINK_ROUTE, 0), err = 0;

	if (!sk || fd < 0) {
		err = fd < 0 ? -fd : ENOMEM;
	} else if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0) {
		err = errno;
	} else if (nl_socket_set_fd(sk, NETLINK_ROUTE, fd) < 0) {
		err = EPROTO;
	} else {
		fd = -1; /* the socket's now */
		err = nl_socket_set_msg_buf_size(sk, ANSWER_BYTES) < 0 ? ENOMEM : 0;
		nl_socket_disable_msg_peek(sk); /* one system call less per answer */
	}
	if (!err)
		return sk;
	if (fd >= 0)
		close(fd);
	nl_socket_free(sk);
	errno = err;
	return NULL;
}

void rtnl_close(struct nl_sock *sk)
{
	nl_socket_free(sk);
}

/* ---- read ---- */

int rtnl_find(struct nl_sock *sk, const char *name, struct rtnl_link **out)
{
	int err = rtnl_link_get_kernel(sk, 0, name, out);

	if (err == -NLE_NODEV || err == -NLE_OBJ_NOTFOUND)
		return 0;
	return err < 0 ? rtnl_errno(err) : 1;
}

struct ip_addr rtnl_from_nl(struct nl_addr *n)
{
	struct ip_addr a = {0};

	if (!n || nl_addr_get_len(n) > sizeof(a.b))
		return a;
	a.family = (uint8_t)nl_addr_get_family(n);
	memcpy(a.b, nl_addr_get_binary_addr(n), nl_addr_get_len(n));
	return a;
}

struct nl_addr *rtnl_to_nl(const struct ip_addr *a, unsigned len)
{
	struct nl_addr *n = nl_addr_build(a->family, a->b, ip_addr_size(a));

	if (n)
		nl_addr_set_prefixlen(n, (int)len);
	return n;
}

static void read_addr(struct nl_object *obj, void *arg)
{
	struct rtnl_addr *r = (struct rtnl_addr *)obj;
	struct net_actual *a = arg;

	for (unsigned id = 0; id < NET_SLOTS; id++) {
		struct net_leg_actual *l = &a->leg[id];

		if (!l->exists || rtnl_addr_get_ifindex(r) != (int)l->ifindex ||
		    l->n_addrs == NET_ADDRS_MAX)
			continue;
		l->addrs[l->n_addrs++] = (struct ip_prefix){
			.addr = rtnl_from_nl(rtnl_addr_get_local(r)),
			.len = (uint8_t)rtnl_addr_get_prefixlen(r),
		};
	}
}

static void read_route(struct nl_object *obj, void *arg)
{
	struct rtnl_route *r = (struct rtnl_route *)obj;
	struct nl_addr *dst = rtnl_route_get_dst(r);
	struct net_actual *a = arg;
	int family = rtnl_route_get_family(r);
	enum net_family f = family == AF_INET6 ? NET_V6 : NET_V4;
	struct net_route *to = &a->route[f];

	rtnl_read_path(obj, a);
	if (rtnl_route_get_table(r) != RT_TABLE_MAIN || (dst && nl_addr_get_prefixlen(dst)))
		return;
	if (rtnl_route_get_type(r) == RTN_BLACKHOLE &&
	    rtnl_route_get_priority(r) == RTNL_LAST_RESORT)
		a->blackhole[f] = true;
	if (rtnl_route_get_type(r) != RTN_UNICAST ||
	    rtnl_route_get_priority(r) != rtnl_usual_metric(family))
		return;
	to->exists = true;
	if (rtnl_route_get_nnexthops(r) == 1) {
		struct rtnl_nexthop *hop = rtnl_route_nexthop_n(r, 0);

		to->ifindex = (unsigned)rtnl_route_nh_get_ifindex(hop);
		to->via = rtnl_from_nl(rtnl_route_nh_get_gateway(hop));
	}
}

static int read_tables(struct netns *ns, struct net_actual *out)
{
	static const int family[] = {AF_INET, AF_INET6};
	struct nl_cache *addrs, *routes;
	int err = rtnl_addr_alloc_cache(ns->inside, &addrs);

	if (err < 0)
		return rtnl_errno(err);
	nl_cache_foreach(addrs, read_addr, out);
	nl_cache_free(addrs);
	for (size_t i = 0; i < ARRAY_LEN(family); i++) {
		err = rtnl_route_alloc_cache(ns->inside, family[i], 0, &routes);
		if (err < 0)
			return rtnl_errno(err);
		nl_cache_foreach(routes, read_route, out);
		nl_cache_free(routes);
	}
	return rtnl_read_rules(ns->inside, out);
}

static int read_leg(struct netns *ns, const struct net_desired *d, unsigned id,
		    struct net_actual *out, char reason[static NET_REASON_MAX])
{
	const struct net_leg *l = &d->leg[id];
	int err = rtnl_read_leg(ns, l, &out->leg[id]);

	memcpy(ns->watched[2 * id], l->bridge, IFNAMSIZ);
	memcpy(ns->watched[2 * id + 1], l->hostname, IFNAMSIZ);
	if (err >= 0 && id == NET_HOST_LINK && net_wants_link(d)) {
		ns->link_ifindex = out->leg[id].host_ifindex;
		err = rtnl_read_link_host(ns, d, &out->leg[id]);
	}
	return err < 0 ? ns_fail(reason, err, "CAP_NET_ADMIN", "cannot read the %s leg %s", l->name,
				 l->ifname)
		       : 0;
}

int net_read(struct netns *ns, const struct net_desired *d, struct net_actual *out,
	     char reason[static NET_REASON_MAX])
{
	struct net_actual a = {0};
	struct rtnl_link *lo;
	int err;

	memset(ns->watched, 0, sizeof(ns->watched));
	ns->link_ifindex = 0;
	for (unsigned id = 0; id < NET_SLOTS; id++) {
		if (id >= net_legs(d) && id != NET_HOST_LINK)
			continue;
		err = read_leg(ns, d, id, &a, reason);
		if (err < 0)
			return err;
	}
	err = rtnl_find(ns->inside, "lo", &lo);
	if (err > 0) {
		a.lo_up = rtnl_is_up(lo);
		rtnl_link_put(lo);
	}
	if (err >= 0)
		err = read_tables(ns, &a);
	if (err >= 0)
		err = ns_read_ipv6(ns, d, &a);
	if (err < 0)
		return ns_fail(reason, err, "CAP_NET_ADMIN",
			       "cannot read addresses and routes of namespace %s", ns->name);
	*out = a;
	return 0;
}

/* Is another look worth it? Addresses and routes alone leave nothing to find, unless there were
 * more of them than fit; and this is where a promotion must not lose time. */
static bool again(const struct net_plan *p, const struct net_actual *a)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->op[i].kind < NET_OP_LEG_MAC)
			return true;
	for (unsigned id = 0; id < NET_SLOTS; id++)
		if (a->leg[id].n_addrs == NET_ADDRS_MAX)
			return true;
	return a->n_paths == NET_PATHS_MAX || a->n_rules == NET_RULES_MAX;
}

/* After an answer that did not come, or that made no sense, the sequence numbers of a socket no
 * longer match; a new socket has no such past. */
static void renew_if_broken(struct netns *ns, int err)
{
	char reason[NET_REASON_MAX];

	if (err == -EIO || err == -ETIMEDOUT)
		(void)!ns_sockets(ns, reason); /* else the old ones stay, and fail again */
}

/* What fits, whole operations only. */
static void note_changes(struct netns *ns, const struct net_desired *d, const struct net_plan *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		size_t at = strlen(ns->changes);
		char text[NET_OP_TEXT_MAX];

		net_op_text(text, &p->op[i], d);
		if (at + strlen(text) + sizeof(", ") > sizeof(ns->changes))
			return;
		if (at) {
			memcpy(ns->changes + at, ", ", 2);
			at += 2;
		}
		memcpy(ns->changes + at, text, strlen(text) + 1);
	}
}

const char *net_changes(const struct netns *ns)
{
	return ns->changes;
}

unsigned net_ports(const struct netns *ns)
{
	return ns->ports;
}

const char *net_link_why(const struct netns *ns)
{
	return ns->link_why[0] ? ns->link_why : NULL;
}

/* Not for nothing: the kernel forwards IPv6 on one interface alone since Linux 6.17 only. */
static void note_link(struct netns *ns, const struct net_desired *d, const struct net_plan *p)
{
	const char *host = d->leg[NET_HOST_LINK].hostname;

	ns->link_why[0] = '\0';
	if (p->link_blocked)
		snprintf(ns->link_why, sizeof(ns->link_why),
			 "interface %s is needed for the host link but is already used by "
			 "something else: rename that",
			 host);
	else if (net_wants_link(d) && d->link_end[NET_V6].addr.family && !ns_link_forwards6(host))
		snprintf(ns->link_why, sizeof(ns->link_why),
			 "this kernel forwards IPv6 from %s only with sysctl "
			 "net.ipv6.conf.all.forwarding=1: set that, or leave IPv6 out of the host "
			 "link",
			 host);
}

/* p is used up. */
static void get_ready(struct netns *ns, const struct net_desired *d, const struct net_actual *a,
		      struct net_plan *p)
{
	struct net_desired active = *d;

	active.active = true;
	net_plan(p, &active, a);
	ns_keep_ready(ns, a, p);
}

int net_ensure(struct netns *ns, const struct net_desired *d, unsigned *changed,
	       char reason[static NET_REASON_MAX])
{
	int err = 0;

	*changed = 0;
	ns->changes[0] = '\0';
	ns_forget_ready(ns);
	for (unsigned pass = 0; pass < ENSURE_PASSES_MAX; pass++) {
		struct net_actual a;
		struct net_plan p;

		err = net_read(ns, d, &a, reason);
		renew_if_broken(ns, err);
		if (err < 0)
			return err;
		net_plan(&p, d, &a);
		ns->ports = p.ports;
		note_link(ns, d, &p);
		err = net_apply(ns, d, &a, &p, reason);
		renew_if_broken(ns, err);
		if (err == 0) {
			*changed += p.n;
			note_changes(ns, d, &p);
		}
		if (p.fault[0]) {
			memcpy(reason, p.fault, NET_REASON_MAX);
			return -ENOTRECOVERABLE;
		}
		if (err == 0 && !p.n && !d->active) {
			get_ready(ns, d, &a, &p);
			break;
		}
		/* something went away while we looked: look again */
		if (err == 0 ? !p.n || !again(&p, &a) : err != -ENODEV && err != -ENOENT)
			break;
	}
	return err;
}

void net_forget(struct netns *ns)
{
	ns_forget_ready(ns);
}

/* Reading is most of a promotion, and a STANDBY's network is as it was when it was last read unless
 * the kernel has said something. What it says of the promotion itself is looked at soon after. */
int net_promote(struct netns *ns, const struct net_desired *d, unsigned *changed,
		char reason[static NET_REASON_MAX])
{
	int err = -EAGAIN;

	ns->changes[0] = '\0';
	if (ns->ready && ns->watch && !net_watch_has_news(ns->watch)) {
		err = ns_apply_ready(ns, d, changed, reason);
		renew_if_broken(ns, err);
	}
	return err < 0 ? net_ensure(ns, d, changed, reason) : 0;
}
