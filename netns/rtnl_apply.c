/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out the operations of a plan, in their order, through libnl-route; and takes everything
 * away again. */
#include "rtnl.h"
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#define SETTLE_STEP_US	 100
#define SETTLE_STEPS_MAX 200

/* ---- apply: links ---- */

/* Where the links are now; a leg that is made anew gets new numbers. */
struct site {
	struct netns *ns;
	const struct net_desired *d;
	unsigned in[NET_SLOTS], host[NET_SLOTS], bridge[NET_SLOTS];
	bool settled; /* link-local addresses are usable */
	struct rtnl_batch batch;
	const struct net_op *failed;
};

static struct rtnl_link *link_of(unsigned ifindex)
{
	struct rtnl_link *l = rtnl_link_alloc();

	if (l)
		rtnl_link_set_ifindex(l, (int)ifindex);
	return l;
}

static int delete_link(struct nl_sock *sk, unsigned ifindex)
{
	struct rtnl_link *l = link_of(ifindex);
	int err = l ? rtnl_link_delete(sk, l) : -NLE_NOMEM;

	rtnl_link_put(l);
	return err == -NLE_NODEV ? 0 : rtnl_errno(err);
}

/* The one attribute or flag that `set` puts into the request. */
static int change_link(struct nl_sock *sk, unsigned ifindex,
		       void (*set)(struct rtnl_link *l, const void *value), const void *value)
{
	struct rtnl_link *l = link_of(ifindex), *change = rtnl_link_alloc();
	int err = -NLE_NOMEM;

	if (l && change) {
		set(change, value);
		err = rtnl_link_change(sk, l, change, 0);
	}
	rtnl_link_put(change);
	rtnl_link_put(l);
	return rtnl_errno(err);
}

static void set_up(struct rtnl_link *l, const void *value)
{
	(void)value;
	rtnl_link_set_flags(l, IFF_UP);
}

static void set_mtu(struct rtnl_link *l, const void *value)
{
	rtnl_link_set_mtu(l, *(const unsigned *)value);
}

static void set_master(struct rtnl_link *l, const void *value)
{
	rtnl_link_set_master(l, (int)*(const unsigned *)value);
}

static void set_alias(struct rtnl_link *l, const void *value)
{
	rtnl_link_set_ifalias(l, value);
}

static void set_silent(struct rtnl_link *l, const void *value)
{
	(void)value;
	rtnl_link_inet6_set_addr_gen_mode(l, IN6_ADDR_GEN_MODE_NONE);
}

/* Before a link goes up for the first time. The kernel takes neither in the creating message. */
static int silence(struct site *s, unsigned id)
{
	const struct net_leg *leg = &s->d->leg[id];
	char alias[sizeof(RTNL_ALIAS) + 2 * NET_NAME_MAX + 16];
	struct nl_sock *const sk[] = {s->ns->inside, s->ns->host};
	const unsigned ifindex[] = {s->in[id], s->host[id]};
	int n = snprintf(alias, sizeof(alias), RTNL_ALIAS "%s %s", s->d->router, leg->name);

	if (leg->attach == NET_ATTACH_BRIDGE && leg->vlan)
		snprintf(alias + n, sizeof(alias) - (size_t)n, RTNL_ALIAS_VLAN "%u", leg->vlan);
	for (size_t i = 0; i < (net_has_host_end(leg) ? 2 : 1); i++) {
		int err = change_link(sk[i], ifindex[i], set_alias, alias);

		if (err < 0)
			return err;
		err = change_link(sk[i], ifindex[i], set_silent, NULL);
		if (err < 0 && err != -EAFNOSUPPORT) /* no IPv6 on this link */
			return err;
	}
	return 0;
}

int net_random_mac(uint8_t mac[static NET_MAC_BYTES])
{
	if (getrandom(mac, NET_MAC_BYTES, GRND_NONBLOCK) != NET_MAC_BYTES)
		return -EAGAIN;
	mac[0] = 0x02; /* of local make, of one station */
	return 0;
}

/* value: the nl_addr to have */
static void set_mac(struct rtnl_link *l, const void *value)
{
	rtnl_link_set_addr(l, *(struct nl_addr *const *)value);
}

static int change_mac(struct site *s, const struct net_op *op)
{
	static const uint8_t none[NET_MAC_BYTES];
	uint8_t mac[NET_MAC_BYTES];
	struct nl_addr *addr;
	int err = 0;

	memcpy(mac, op->mac, sizeof(mac));
	if (memcmp(mac, none, sizeof(none)) == 0)
		err = net_random_mac(mac);
	if (err < 0)
		return err;
	addr = nl_addr_build(AF_LLC, mac, sizeof(mac));
	if (!addr)
		return -ENOMEM;
	err = change_link(s->ns->inside, s->in[op->leg], set_mac, &addr);
	nl_addr_put(addr);
	return err;
}

int rtnl_index(struct nl_sock *sk, const char *name, unsigned *out)
{
	struct rtnl_link *l;
	int err = rtnl_find(sk, name, &l);

	if (err <= 0)
		return err < 0 ? err : -ENODEV;
	*out = (unsigned)rtnl_link_get_ifindex(l);
	rtnl_link_put(l);
	return 0;
}

static int create_leg(struct site *s, const struct net_op *op)
{
	const struct net_leg *leg = &s->d->leg[op->leg];
	int err = rtnl_make_leg(s->ns, leg, s->bridge[op->leg], op->mtu);

	if (err == 0)
		err = rtnl_index(s->ns->inside, leg->ifname, &s->in[op->leg]);
	if (err == 0 && net_has_host_end(leg))
		err = rtnl_index(s->ns->host, leg->hostname, &s->host[op->leg]);
	/* what was not made but taken has an MTU already */
	if (err == 0 && leg->attach == NET_ATTACH_OVS)
		err = change_link(s->ns->inside, s->in[op->leg], set_mtu, &op->mtu);
	return err < 0 ? err : silence(s, op->leg);
}

/* host: nothing, where that is somebody else's. */
static int delete_leg(struct site *s, unsigned id)
{
	int err = s->in[id] ? delete_link(s->ns->inside, s->in[id]) : 0;

	if (err == 0 && s->host[id])
		err = delete_link(s->ns->host, s->host[id]);
	return err;
}

static int change_both(struct site *s, unsigned id,
		       void (*set)(struct rtnl_link *l, const void *value), const void *value)
{
	int err = net_has_host_end(&s->d->leg[id])
			  ? change_link(s->ns->host, s->host[id], set, value)
			  : 0;

	return err < 0 ? err : change_link(s->ns->inside, s->in[id], set, value);
}

static int put_into_vlan(struct site *s, unsigned id)
{
	int err = rtnl_set_vlan(s->ns->host, s->host[id], s->d->leg[id].vlan);

	return err < 0 ? err : silence(s, id); /* the alias says that it was us */
}

/* ---- apply: addresses ---- */

static void look_tentative(struct nl_object *obj, void *tentative)
{
	struct rtnl_addr *r = (struct rtnl_addr *)obj;

	if (rtnl_addr_get_family(r) == AF_INET6 && rtnl_addr_get_scope(r) == RT_SCOPE_LINK &&
	    rtnl_addr_get_flags(r) & IFA_F_TENTATIVE)
		*(bool *)tentative = true;
}

/* The kernel makes an IPv6 address usable in a work queue of its own, without duplicate detection
 * at once, on a busy machine after a moment. What is forwarded needs the link-local ones. 0 or an
 * error of libnl. */
static int settle(struct site *s)
{
	const struct timespec pause = {.tv_nsec = SETTLE_STEP_US * 1000};

	for (unsigned i = 0; i < SETTLE_STEPS_MAX && !s->settled; i++) {
		struct nl_cache *addrs;
		bool tentative = false;
		int err = rtnl_addr_alloc_cache(s->ns->inside, &addrs);

		if (err < 0)
			return err;
		nl_cache_foreach(addrs, look_tentative, &tentative);
		nl_cache_free(addrs);
		s->settled = !tentative;
		if (tentative)
			nanosleep(&pause, NULL);
	}
	s->settled = true; /* it cannot be waited for for ever */
	return 0;
}

/* ---- apply ---- */

static int lo_up(struct netns *ns)
{
	unsigned lo = 0;
	int err = rtnl_index(ns->inside, "lo", &lo);

	return err < 0 ? err : change_link(ns->inside, lo, set_up, NULL);
}

/* These leave together with those before and behind them. */
static int request(struct site *s, const struct net_op *op)
{
	struct nl_msg *msg = NULL;
	int err = rtnl_build(&msg, op, s->in[op->leg]);

	return err < 0 ? rtnl_errno(err)
		       : rtnl_batch_add(&s->batch, s->ns->inside, op, msg, &s->failed);
}

/* Is this one of these, and does nothing have to be true in the kernel before it is sent? */
static bool goes_along(const struct site *s, const struct net_op *op)
{
	if (op->kind == NET_OP_ADDR_ADD && !s->settled)
		return op->addr.addr.family != AF_INET6 || ip_addr_is_link_local(&op->addr.addr);
	return op->kind >= NET_OP_ADDR_ADD && op->kind <= NET_OP_PATH_DEL;
}

static int carry_out(struct site *s, const struct net_op *op)
{
	unsigned id = op->leg;

	switch (op->kind) {
	case NET_OP_LO_UP:
		return lo_up(s->ns);
	case NET_OP_BLACKHOLE_ADD:
		return rtnl_add_last_resort(s->ns->inside, op->addr.addr.family);
	case NET_OP_LEG_DELETE:
		return delete_leg(s, id);
	case NET_OP_LEG_CREATE:
		return create_leg(s, op);
	case NET_OP_LEG_SILENCE:
		return silence(s, id);
	case NET_OP_LEG_MTU:
		return change_both(s, id, set_mtu, &op->mtu);
	case NET_OP_LEG_ENSLAVE:
		return change_link(s->ns->host, s->host[id], set_master, &s->bridge[id]);
	case NET_OP_LEG_VLAN:
		return put_into_vlan(s, id);
	case NET_OP_LEG_UP:
		return change_both(s, id, set_up, NULL);
	case NET_OP_LINK_HOST:
		return rtnl_set_link_host(s->ns, s->d, s->host[id]);
	case NET_OP_LEG_MAC:
		return change_mac(s, op);
	case NET_OP_LEG_IPV6_ON:
	case NET_OP_LEG_IPV6_OFF:
		return ns_set_ipv6(s->ns, s->d->leg[id].ifname, op->kind == NET_OP_LEG_IPV6_ON);
	case NET_OP_ADDR_ADD: /* of IPv6 */
		return rtnl_errno(settle(s));
	case NET_OP_ADDR_DEL:
	case NET_OP_ROUTE_ADD:
	case NET_OP_ROUTE_DEL:
	case NET_OP_PATH_ADD:
	case NET_OP_PATH_DEL:
		return 0;
	case NET_OP_RULE_ADD:
	case NET_OP_RULE_DEL:
		return rtnl_change_rule(s->ns->inside, op);
	}
	return -EINVAL;
}

static int apply(struct site *s, const struct net_op *op)
{
	int err = 0;

	if (!goes_along(s, op)) {
		err = rtnl_batch_flush(&s->batch, s->ns->inside, &s->failed);
		if (err < 0)
			return err;
		s->failed = op;
		err = carry_out(s, op);
	}
	s->failed = op;
	return err < 0 || !goes_along(s, op) ? err : request(s, op);
}

static int say_failed(const struct site *s, const struct net_op *op, int err,
		      char reason[static NET_REASON_MAX])
{
	const struct net_leg *leg = &s->d->leg[op->leg];
	char text[NET_OP_TEXT_MAX];

	if (err == -EEXIST && op->kind == NET_OP_LEG_CREATE && leg->attach == NET_ATTACH_MACVLAN &&
	    leg->vlan) {
		snprintf(reason, NET_REASON_MAX,
			 "VLAN %u of interface %s is there already as another device: attach %s to "
			 "that, without vlan",
			 leg->vlan, leg->bridge, leg->ifname);
		return err;
	}
	net_op_text(text, op, s->d);
	return ns_fail(reason, err, "CAP_NET_ADMIN", "cannot %s", text);
}

static int apply_all(struct site *s, const struct net_op *op, unsigned n,
		     char reason[static NET_REASON_MAX])
{
	int err = 0;

	if (n && s->ns->watch)
		net_watch_own(s->ns->watch);
	for (unsigned i = 0; err == 0 && i < n; i++)
		err = apply(s, &op[i]);
	if (err == 0)
		err = rtnl_batch_flush(&s->batch, s->ns->inside, &s->failed);
	return err < 0 ? say_failed(s, s->failed, err, reason) : 0;
}

static void set_site(struct site *s, const struct net_actual *a)
{
	for (unsigned id = 0; id < NET_SLOTS; id++) {
		const struct net_leg_actual *l = &a->leg[id];
		/* an offered port is not what is to be deleted */
		bool host = !l->host_foreign && s->d->leg[id].attach != NET_ATTACH_OVS;

		s->in[id] = l->ifindex;
		s->host[id] = host ? l->host_ifindex : 0;
		s->bridge[id] = a->leg[id].bridge_ifindex;
	}
}

int net_apply(struct netns *ns, const struct net_desired *d, const struct net_actual *a,
	      const struct net_plan *p, char reason[static NET_REASON_MAX])
{
	struct site s = {.ns = ns, .d = d};

	set_site(&s, a);
	return apply_all(&s, p->op, p->n, reason);
}

/* ---- what a promotion will do ---- */

struct ns_ready {
	unsigned in[NET_SLOTS];
	unsigned n;
	struct net_op op[];
};

void ns_forget_ready(struct netns *ns)
{
	free(ns->ready);
	ns->ready = NULL;
}

void ns_keep_ready(struct netns *ns, const struct net_actual *a, const struct net_plan *p)
{
	struct ns_ready *r;

	ns_forget_ready(ns);
	for (unsigned i = 0; i < p->n; i++)
		if (p->op[i].kind < NET_OP_LEG_MAC)
			return;
	if (p->fault[0])
		return;
	r = malloc(sizeof(*r) + p->n * sizeof(p->op[0]));
	if (!r) /* then it is read when it is due */
		return;
	for (unsigned id = 0; id < NET_SLOTS; id++)
		r->in[id] = a->leg[id].ifindex;
	r->n = p->n;
	memcpy(r->op, p->op, p->n * sizeof(p->op[0]));
	ns->ready = r;
}

int ns_apply_ready(struct netns *ns, const struct net_desired *d, unsigned *changed,
		   char reason[static NET_REASON_MAX])
{
	struct site s = {.ns = ns, .d = d};
	int err;

	memcpy(s.in, ns->ready->in, sizeof(s.in));
	*changed = ns->ready->n;
	err = apply_all(&s, ns->ready->op, ns->ready->n, reason);
	ns_forget_ready(ns);
	return err;
}

/* ---- the end ---- */

static int delete_by_name(struct nl_sock *sk, const char *name, bool only_ours)
{
	struct rtnl_link *l;
	int err = rtnl_find(sk, name, &l);

	if (err <= 0)
		return err;
	err = only_ours && !rtnl_is_ours(l) ? 0
					    : delete_link(sk, (unsigned)rtnl_link_get_ifindex(l));
	rtnl_link_put(l);
	return err;
}

int rtnl_delete_host_ends(const char *namespace)
{
	struct nl_sock *sk = rtnl_open();
	int err = sk ? 0 : -errno;

	for (unsigned id = 0; sk && id < NET_SLOTS; id++) {
		char name[IFNAMSIZ];

		net_hostname(name, namespace, id);

		int one = delete_by_name(sk, name, true);

		err = err < 0 ? err : one;
	}
	rtnl_close(sk);
	return err;
}

static int delete_own_rules(struct nl_sock *inside)
{
	struct net_actual a = {0};
	int err = rtnl_read_rules(inside, &a);

	for (unsigned i = 0; err == 0 && i < a.n_rules; i++)
		err = rtnl_change_rule(
			inside, &(struct net_op){.kind = NET_OP_RULE_DEL, .rule = a.rule[i]});
	return err;
}

/* Its routes go with it. */
int net_link_remove(struct netns *ns, const struct net_desired *d)
{
	int err = delete_own_rules(ns->inside);
	int link = delete_by_name(ns->host, d->leg[NET_HOST_LINK].hostname, true);

	return err < 0 ? err : link;
}

int net_teardown(struct netns *ns, const struct net_desired *d, char reason[static NET_REASON_MAX])
{
	int err = net_link_remove(ns, d);

	if (err < 0)
		return ns_fail(reason, err, "CAP_NET_ADMIN",
			       "cannot delete the host link of namespace %s", ns->name);
	for (unsigned id = 0; id < net_legs(d); id++) {
		const struct net_leg *leg = &d->leg[id];

		/* ports of Open vSwitch are given back, not deleted */
		err = leg->attach == NET_ATTACH_OVS
			      ? 0
			      : delete_by_name(ns->inside, leg->ifname, false);
		if (err == 0 && net_has_host_end(leg))
			err = delete_by_name(ns->host, leg->hostname, true);
		if (err < 0)
			return ns_fail(reason, err, "CAP_NET_ADMIN", "cannot delete the %s leg %s",
				       leg->name, leg->ifname);
	}
	err = rtnl_del_last_resort(ns->inside, AF_INET);
	if (err == 0)
		err = rtnl_del_last_resort(ns->inside, AF_INET6);
	if (err < 0)
		return ns_fail(reason, err, "CAP_NET_ADMIN",
			       "cannot delete the route of last resort in namespace %s", ns->name);
	return nat_remove(ns, reason);
}
