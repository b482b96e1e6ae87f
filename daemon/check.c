/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define SILENT "a STANDBY is silent on its legs; the ACTIVE controller can tell"

const char *check_name(enum check_id id)
{
	static const char *const name[CHECK_IDS] = {
		[CHECK_ROLE] = "role",	     [CHECK_CARRIER] = "carrier",
		[CHECK_NETWORK] = "network", [CHECK_ROUTE] = "route",
		[CHECK_GATEWAY] = "gateway", [CHECK_VIP] = "vip",
		[CHECK_DNS] = "dns",	     [CHECK_DNS_UPSTREAM] = "dns-upstream",
		[CHECK_NTP] = "ntp",	     [CHECK_NTP_UPSTREAM] = "ntp-upstream",
		[CHECK_DHCP] = "dhcp",	     [CHECK_CONNECT] = "connect",
		[CHECK_NAT] = "nat",	     [CHECK_PEER] = "peer",
	};

	return name[id];
}

const char *check_result_name(enum check_result r)
{
	static const char *const name[CHECK_RESULTS] = {"ok", "wrong", "skipped"};

	return name[r];
}

struct check_line *check_add(struct check_lines *out, enum check_id id, const char *subject)
{
	struct check_line *l = &out->at[out->n < CHECK_LINES_MAX ? out->n++ : CHECK_LINES_MAX - 1];

	*l = (struct check_line){.id = id};
	snprintf(l->subject, sizeof(l->subject), "%s", subject);
	return l;
}

static void say(struct check_line *l, enum check_result result, const char *fmt, va_list ap)
{
	l->result = result;
	vsnprintf(l->text, sizeof(l->text), fmt, ap);
}

void check_ok(struct check_line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, CHECK_OK, fmt, ap);
	va_end(ap);
}

void check_skip(struct check_line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, CHECK_SKIPPED, fmt, ap);
	va_end(ap);
}

void check_wrong(struct check_line *l, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, CHECK_WRONG, fmt, ap);
	va_end(ap);
	snprintf(l->advice, sizeof(l->advice), "%s", advice);
}

/* ---- the network ------------------------------------------------------------------------------
 */

static void judge_role(struct check_lines *out, const struct check_facts *f)
{
	const char *role = life_role_name(life_role(f->life->state));
	struct check_line *l = check_add(out, CHECK_ROLE, "");

	if (life_role(f->life->state) == LIFE_ROLE_FAULT)
		check_wrong(l, "mend what is named here: the router comes back by itself", "%s: %s",
			    role, f->life->reason);
	else if (life_role(f->life->state) == LIFE_ROLE_INIT)
		check_wrong(l, "ask again in a moment", "the router is still being built");
	else
		check_ok(l, "%s", role);
}

static const char *attached_to(enum net_attach a)
{
	switch (a) {
	case NET_ATTACH_BRIDGE:
		return "bridge";
	case NET_ATTACH_MACVLAN:
		return "interface";
	case NET_ATTACH_OVS:
	case NET_ATTACH_HOST: /* is no leg */
		break;
	}
	return "Open vSwitch bridge";
}

static void judge_carrier(struct check_lines *out, const struct net_leg *d,
			  const struct net_leg_actual *a)
{
	const char *kind = attached_to(d->attach);
	struct check_line *l = check_add(out, CHECK_CARRIER, d->ifname);
	char advice[CHECK_TEXT_MAX];

	snprintf(advice, sizeof(advice), "ip link set %s up", d->bridge);
	if (!a->bridge_exists)
		check_wrong(l, "make it: the leg is attached to it at once", "%s %s does not exist",
			    kind, d->bridge);
	else if (!a->exists)
		check_wrong(l, "the role and the network lines say why; it is made again by itself",
			    "the leg is missing in its namespace");
	else if (!a->bridge_up && d->attach != NET_ATTACH_OVS)
		check_wrong(l, advice, "%s %s is down", kind, d->bridge);
	else if (!a->up)
		check_wrong(l, "it is set up again by itself; `vrouterctl events` says more",
			    "the leg is down");
	else if (!a->carrier)
		check_wrong(l,
			    d->attach == NET_ATTACH_OVS
				    ? "is ovs-vswitchd running? systemctl status openvswitch-switch"
				    : "look at the cable, and at what it is attached to",
			    "no carrier, in %s %s", kind, d->bridge);
	else
		check_ok(l, "up, with carrier, in %s %s", kind, d->bridge);
}

static void judge_network(struct check_lines *out, const struct check_facts *f)
{
	struct check_line *l = check_add(out, CHECK_NETWORK, f->conf->namespace);
	char list[CHECK_TEXT_MAX - 64] = "";

	if (f->net_why[0]) {
		check_wrong(l, "the journal of vrouterd says more", "cannot be read: %s",
			    f->net_why);
	} else if (f->plan->fault[0]) {
		check_wrong(l, "mend that: the router attaches itself again", "%s", f->plan->fault);
	} else if (f->plan->n) {
		for (unsigned i = 0; i < f->plan->n; i++) {
			char text[NET_OP_TEXT_MAX];
			size_t at = strlen(list);

			net_op_text(text, &f->plan->op[i], f->desired);
			snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", text);
		}
		check_wrong(l,
			    "it is repaired by itself at once; if it comes back, `vrouterctl "
			    "events` says who changes it",
			    "not as configured; to do: %s", list);
	} else {
		check_ok(l, "links, addresses and routes are as configured");
	}
}

static const char *version_of(enum net_family family)
{
	return family == NET_V6 ? "IPv6" : "IPv4";
}

static void judge_route(struct check_lines *out, const struct check_facts *f,
			enum net_family family)
{
	const struct net_route *r = &f->actual->route[family];
	const struct ip_addr *gateway = &f->desired->gateway[family];
	struct check_line *l = check_add(out, CHECK_ROUTE, version_of(family));
	char want[INET6_ADDRSTRLEN], is[INET6_ADDRSTRLEN];

	ip_addr_format(gateway, want);
	if (!check_is_active(f))
		check_skip(l, "the default route is the ACTIVE controller's");
	else if (!r->exists)
		check_wrong(l, "it is set again by itself; `vrouterctl events` says who takes it",
			    "no default route; it should be via %s", want);
	else if (!ip_addr_equal(&r->via, gateway))
		check_wrong(l, "it is set again by itself; `vrouterctl events` says who sets it",
			    "the default route is via %s and not via %s",
			    ip_addr_format(&r->via, is), want);
	else
		check_ok(l, "default via %s", want);
}

static void judge_gateway(struct check_lines *out, const struct check_facts *f,
			  enum net_family family)
{
	const struct check_question *q = &f->gateway[family];
	const struct net_leg *leg = &f->desired->leg[NET_PUBLIC];
	const char *how = family == NET_V6 ? "neighbour discovery" : "ARP";
	char addr[INET6_ADDRSTRLEN], advice[CHECK_TEXT_MAX];
	struct check_line *l;

	l = check_add(out, CHECK_GATEWAY, ip_addr_format(&f->desired->gateway[family], addr));
	snprintf(advice, sizeof(advice),
		 "is it up, and is this its address? Look at the way there: %s %s, its uplink, the "
		 "VLAN",
		 attached_to(leg->attach), leg->bridge);
	if (!check_is_active(f))
		check_skip(l, SILENT);
	else if (q->err < 0)
		check_wrong(l, "the carrier and the network lines say more",
			    "cannot be asked on %s: %s", leg->ifname, strerror(-q->err));
	else if (!q->answered)
		check_wrong(l, advice, "does not answer %s on %s", how, leg->ifname);
	else
		check_ok(l, "answers %s on %s", how, leg->ifname);
}

static void judge_gateways(struct check_lines *out, const struct check_facts *f)
{
	bool any = false;

	for (unsigned i = 0; i < NET_FAMILIES; i++) {
		if (!f->desired->gateway[i].family)
			continue;
		any = true;
		if (!f->net_why[0])
			judge_route(out, f, (enum net_family)i);
		judge_gateway(out, f, (enum net_family)i);
	}
	if (!any)
		check_skip(check_add(out, CHECK_GATEWAY, ""), "none is configured");
}

static void judge_vip(struct check_lines *out, const struct check_facts *f,
		      const struct check_vip *v)
{
	char addr[INET6_ADDRSTRLEN], mac[24];
	struct check_line *l = check_add(out, CHECK_VIP, ip_addr_format(&v->addr, addr));
	const char *leg = f->desired->leg[v->leg].ifname;

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0], v->mac[1], v->mac[2],
		 v->mac[3], v->mac[4], v->mac[5]);
	if (!check_is_active(f))
		check_skip(l, SILENT);
	else if (v->q.err < 0)
		check_wrong(l, "the carrier and the network lines say more",
			    "cannot be asked for on %s: %s", leg, strerror(-v->q.err));
	else if (v->q.answered)
		check_wrong(l,
			    "find the host with that MAC address (it may be another controller "
			    "that is ACTIVE, too), and take the address from it",
			    "is used by somebody else, too: %s on %s", mac, leg);
	else
		check_ok(l, "nobody else has it on %s", leg);
}

/* ---- traffic ----------------------------------------------------------------------------------
 */

static const char *connect_advice(int err)
{
	switch (err) {
	case -ECONNREFUSED:
		return "the way there and back works; is something listening on that port?";
	case -ETIMEDOUT:
		return "nothing comes back: does the way back lead to the public VIP, and does no "
		       "filter drop it?";
	default:
		return "the route and the gateway lines say more";
	}
}

static void judge_connect(struct check_lines *out, const struct check_facts *f)
{
	const struct ip_prefix *vip =
		ip_prefix_of_family(f->conf->leg[NET_PUBLIC].vip, f->conf->leg[NET_PUBLIC].n_vips,
				    f->connect.addr.family);
	int err = f->connected.err ? f->connected.err : -ETIMEDOUT;
	char addr[INET6_ADDRSTRLEN], from[INET6_ADDRSTRLEN], subject[CHECK_SUBJECT_MAX];
	struct check_line *l;

	snprintf(subject, sizeof(subject), f->connect.addr.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 ip_addr_format(&f->connect.addr, addr), f->connect.port);
	l = check_add(out, CHECK_CONNECT, subject);
	if (!check_is_active(f))
		check_skip(l, "the public VIP is the ACTIVE controller's");
	else if (!vip)
		check_wrong(l, "choose an address of another IP version",
			    "the router has no public VIP of this IP version");
	else if (!f->connected.answered)
		check_wrong(l, connect_advice(err), "no TCP connection from %s: %s",
			    ip_addr_format(&vip->addr, from), strerror(-err));
	else
		check_ok(l, "TCP connection from %s", ip_addr_format(&vip->addr, from));
}

static bool is_inside(const struct net_desired *d, const struct ip_addr *a)
{
	for (unsigned i = 0; i < net_legs(d); i++)
		if (!net_is_outside(d, i) && ip_prefix_around(d->leg[i].vip, d->leg[i].n_vips, a))
			return true;
	return false;
}

static bool is_ours(const struct net_desired *d, const struct ip_addr *a)
{
	for (unsigned i = 0; i < net_legs(d); i++)
		if (ip_prefix_any_is(d->leg[i].vip, d->leg[i].n_vips, a))
			return true;
	return false;
}

/* Is anything of that IP version translated? */
static bool is_natted(const struct net_desired *d, int family)
{
	const struct net_leg *p = &d->leg[NET_PUBLIC];

	return d->nat != NET_NAT_NONE && ip_prefix_of_family(p->vip, p->n_vips, family);
}

static struct ip_addr addr_of(const struct flow *f, const uint8_t b[static 16])
{
	struct ip_addr a = {.family = f->family};

	memcpy(a.b, b, ip_addr_size(&a));
	return a;
}

void check_flow(struct check_flows *out, const struct net_desired *d, const struct flow *f)
{
	struct ip_addr node = addr_of(f, f->orig.src), target = addr_of(f, f->orig.dst),
		       as = addr_of(f, f->reply.dst);

	out->looked = true;
	out->seen++;
	if (!is_inside(d, &node) || is_ours(d, &node) || is_ours(d, &target) ||
	    is_inside(d, &target) || !is_natted(d, f->family))
		return;
	if (!ip_addr_equal(&node, &as)) {
		out->translated = true;
		out->node = node;
		out->as = as;
	} else {
		out->bare = true;
		out->bare_node = node;
		out->bare_target = target;
	}
}

static void judge_nat(struct check_lines *out, const struct check_facts *f)
{
	const struct check_flows *s = &f->flows;
	struct check_line *l = check_add(out, CHECK_NAT, "");
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];

	if (f->desired->nat == NET_NAT_NONE)
		check_skip(l, "mode = \"none\": nothing is translated");
	else if (s->translated)
		check_ok(l, "%s is seen as %s", ip_addr_format(&s->node, a),
			 ip_addr_format(&s->as, b));
	else if (s->bare)
		check_wrong(l,
			    "is there a rule of another table (nft list ruleset in the namespace) "
			    "that exempts it?",
			    "the flow of %s to %s is not translated",
			    ip_addr_format(&s->bare_node, a), ip_addr_format(&s->bare_target, b));
	else if (!s->all)
		check_skip(l, "none of the first %u flows in the table comes from a node", s->seen);
	else
		check_skip(l, "no flow of a node is in the table: open one, and ask again");
}

void check_judge(struct check_lines *out, const struct check_facts *f)
{
	out->n = out->wrong = 0;
	judge_role(out, f);
	for (unsigned i = 0; !f->net_why[0] && i < net_legs(f->desired); i++)
		judge_carrier(out, &f->desired->leg[i], &f->actual->leg[i]);
	judge_network(out, f);
	judge_gateways(out, f);
	for (unsigned i = 0; i < f->n_vips; i++)
		judge_vip(out, f, &f->vip[i]);
	check_judge_services(out, f);
	if (f->connect.addr.family)
		judge_connect(out, f);
	judge_nat(out, f);
	check_judge_peers(out, f);
	for (unsigned i = 0; i < out->n; i++)
		out->wrong += out->at[i].result == CHECK_WRONG;
}
