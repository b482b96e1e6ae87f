/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's network: namespace, legs, addresses, route, NAT, announcements. Everything is
 * "ensured": read what is there (net_read), compare purely (net_plan), apply the difference
 * (net_apply). Running the three again changes nothing, so a restarted daemon adopts a running
 * router, and drift is repaired. */
#ifndef VROUTER_NETNS_H
#define VROUTER_NETNS_H

#include <net/if.h>

#include "vrouter/addr.h"
#include "vrouter/nat.h"
#include "vrouter/neigh.h"

enum net_leg_id { NET_MANAGEMENT, NET_PUBLIC, NET_LEGS };
enum net_family { NET_V4, NET_V6, NET_FAMILIES };
enum net_nat { NET_NAT_NONE, NET_NAT_SNAT, NET_NAT_MASQUERADE };
/* What a leg is: a veth into a Linux bridge; a macvlan of an interface; an internal port of an Open
 * vSwitch bridge; a veth whose other end is the controller's own (the host link). */
enum net_attach { NET_ATTACH_BRIDGE, NET_ATTACH_MACVLAN, NET_ATTACH_OVS, NET_ATTACH_HOST };

#define NET_LEGS_MAX 8 /* with those beside management and public */
/* The host link stands behind the legs, and is none: in no role does anything of a node's go there,
 * it has no VIP, and nothing of it is announced. */
#define NET_HOST_LINK NET_LEGS_MAX
#define NET_SLOTS     (NET_LEGS_MAX + 1)
#define NET_NAME_MAX  64
#define NET_VIPS_MAX  8 /* of a leg, as configured */
/* That an ACTIVE has on a leg: VIPs, a link-local one (net_own_link_local()), and addresses that
 * are translated. */
#define NET_HELD_MAX   (NET_VIPS_MAX + 1 + NAT_HELD_MAX)
#define NET_ADDRS_MAX  (16 + NAT_HELD_MAX) /* of a leg that one reading takes in */
#define NET_MAC_BYTES  6
#define NET_REASON_MAX 160

/* ---- what the configuration wants (pure) ------------------------------------------------------
 */

struct net_leg {
	char ifname[IFNAMSIZ]; /* inside the namespace */
	/* on the host's side: the veth's other end, enslaved to the bridge; the VLAN device that a
	 * macvlan with a VLAN is on; an internal port before it was moved inside */
	char hostname[IFNAMSIZ];
	char bridge[IFNAMSIZ]; /* or macvlan's parent; in the controller's namespace; must exist */
	struct ip_prefix vip[NET_HELD_MAX]; /* first the VIPs, as configured */
	unsigned n_vips;
	char name[NET_NAME_MAX]; /* "management", "public", or what it is called */
	bool outside;		 /* its side, of a leg beside management and public */
	enum net_attach attach;
	unsigned vlan; /* 0: none; else what is sent to the leg's side comes without a tag */
	unsigned mtu;  /* 0: that of the bridge or parent, also when that changes */
	unsigned port_ifindex; /* of its port on the host's side, says Open vSwitch; 0: unknown */
};

/* Routes and rules that we made carry this number of theirs (rtm_protocol, FRA_PROTOCOL), so that
 * they are told from those of others; but for the default routes through the gateways. */
#define NET_PROTOCOL	118
#define NET_STATICS_MAX 32
#define NET_OTHERS_MAX	16
#define NET_TABLE_MAIN	254  /* RT_TABLE_MAIN */
#define NET_LINK_TABLE	118  /* all that is sent from the host link's address goes back there */
#define NET_FROM_TABLE	1180 /* and those behind it: one for each source that has its own routes */

/* A route that is there while the router is ACTIVE. */
struct net_static {
	struct ip_prefix to; /* without host bits; of length 0: default, with `from` only */
	struct ip_addr via;
	struct ip_prefix from; /* family 0: from everybody */
	unsigned leg;	       /* that via is on */
};

struct net_desired {
	char router[NET_NAME_MAX]; /* its name, for interface aliases and the nft table's comment */
	char namespace[NET_NAME_MAX]; /* below /run/netns */
	/* The last one, which may have no name: none is wanted. Its "VIPs" are the router's
	 * addresses on the host link, in every role. */
	struct net_leg leg[NET_SLOTS];
	unsigned n_extra;		      /* legs beside management and public */
	struct ip_addr gateway[NET_FAMILIES]; /* family 0: none */
	struct net_static route[NET_STATICS_MAX];
	unsigned n_routes;
	/* While it is not ACTIVE, through the controller. */
	struct ip_prefix other[NET_OTHERS_MAX];
	unsigned n_others;
	struct ip_prefix
		link_end[NET_FAMILIES]; /* the controller's on the host link; family 0: none */
	bool link_default; /* whatever else has no route goes through the controller, too */
	enum net_nat nat;
	bool nat_random; /* source ports at random instead of kept where possible */
	struct nat_rules rules;
	bool closed; /* RFC 9568 Accept_Mode off: the VIPs take nothing but what is forwarded */
	bool virtual_mac; /* both legs have mac[] while active */
	uint8_t mac[NET_MAC_BYTES];
	bool active; /* VIPs and default route exist only then */
};

static inline unsigned net_legs(const struct net_desired *d)
{
	return NET_LEGS + d->n_extra;
}

static inline bool net_wants_link(const struct net_desired *d)
{
	return d->leg[NET_HOST_LINK].ifname[0] != '\0';
}

/* Is the network there one that is translated for, and from which nothing new comes in? */
static inline bool net_is_outside(const struct net_desired *d, unsigned leg)
{
	return leg == NET_PUBLIC || d->leg[leg].outside;
}

/* A stable name for the host's end of a leg, at most 15 characters: "NAMESPACE-m" and
 * "NAMESPACE-p", "NAMESPACE-1" and so on for those beside them, "NAMESPACE-h" for the host link, or
 * a hash of the namespace where that does not fit. */
void net_hostname(char out[static IFNAMSIZ], const char *namespace, unsigned leg);
/* Would legs of both be named the same? */
bool net_hostnames_equal(const char *namespace_a, const char *namespace_b);
/* Is there something of the leg on the host's side while it is built? */
bool net_has_host_end(const struct net_leg *l);

/* The kernel solicits neighbours for packets that it forwards from a link-local address only. A leg
 * with IPv6 VIPs and no link-local one among them gets this: the same on every controller, so that
 * it moves with the VIPs, and another one for each router and leg. */
void net_own_link_local(struct ip_prefix *out, const char *router, unsigned leg);

/* 00:00:5e:00:01:VRID or, for IPv6, 00:00:5e:00:02:VRID (RFC 9568 7.3). */
void net_virtual_mac(uint8_t out[static NET_MAC_BYTES], uint8_t vrid, bool ipv6);

/* Does any of its legs want IPv6? */
bool net_wants_ipv6(const struct net_desired *d);

/* ---- what is there (plain data, filled by net_read) -------------------------------------------
 */

struct net_leg_actual {
	bool bridge_exists, bridge_is_bridge, bridge_up;
	bool bridge_filters; /* VLANs; a Linux bridge */
	bool bridge_is_port; /* of another bridge, or of a bond: no macvlan can be on it */
	unsigned bridge_ifindex, bridge_mtu;
	bool exists;	   /* the end inside the namespace */
	bool host_exists;  /* the end on the bridge's side */
	bool host_is_peer; /* what there is, is of the kind that is wanted, and belongs together */
	bool host_foreign; /* the name is taken by something that vrouterd did not make */
	bool vlan_is_set;  /* the port is in the VLAN that is wanted, and in no other */
	bool vlan_is_left; /* none is wanted, and the port is in one that we put it in */
	unsigned ifindex, host_ifindex, mtu, host_mtu, host_master;
	bool up, host_up, carrier;
	bool silent, host_silent; /* IPv6 address generation off: no link-local */
	bool ipv6;	 /* IPv6 is on; off, a leg sends no MLD and takes no IPv6 address */
	bool host_ready; /* host link: the controller's end has its addresses and settings */
	uint8_t mac[NET_MAC_BYTES];
	struct ip_prefix addrs[NET_ADDRS_MAX];
	unsigned n_addrs;
};

/* A default route of the kernel's usual metric (IPv4: 0, IPv6: 1024) in the main table. */
struct net_route {
	bool exists;
	struct ip_addr via;
	unsigned ifindex;
};

/* A route of ours but for those, and a rule: what comes from there looks into that table first. */
struct net_path {
	struct ip_prefix to;
	struct ip_addr via;
	uint32_t table, metric;
	unsigned leg;	  /* desired */
	unsigned ifindex; /* actual; 0: several next hops */
};
struct net_rule {
	struct ip_prefix from;
	uint32_t table, prio;
};
#define NET_PATHS_MAX 96 /* more than can be desired; what one reading takes in */
#define NET_RULES_MAX 48

struct net_actual {
	bool lo_up;
	bool blackhole[NET_FAMILIES]; /* the route of last resort, see NET_OP_BLACKHOLE_ADD */
	struct net_leg_actual leg[NET_SLOTS];
	struct net_route route[NET_FAMILIES];
	struct net_path path[NET_PATHS_MAX];
	unsigned n_paths;
	struct net_rule rule[NET_RULES_MAX];
	unsigned n_rules;
};

/* ---- the difference (pure) --------------------------------------------------------------------
 */

enum net_op_kind {
	NET_OP_LO_UP,
	/* A default route of the worst metric that drops: between two steps of a promotion or a
	 * demotion, and without a gateway's route, a packet of a live flow must vanish (and be sent
	 * again) instead of being answered with ICMP unreachable. */
	NET_OP_BLACKHOLE_ADD,
	NET_OP_LEG_DELETE,  /* a half leg, or one of another kind, in the way of ours */
	NET_OP_LEG_CREATE,  /* both ends, silent, down, with the bridge's MTU, one of them inside */
	NET_OP_LEG_SILENCE, /* addr_gen_mode none on both ends */
	NET_OP_LEG_MTU,
	NET_OP_LEG_ENSLAVE,
	NET_OP_LEG_VLAN, /* of the port in a bridge */
	NET_OP_LEG_UP,
	NET_OP_LINK_HOST, /* addresses and settings of the controller's end */
	/* From here on what a promotion does; nothing of it needs another look. */
	NET_OP_LEG_MAC,	    /* of the inner end */
	NET_OP_LEG_IPV6_ON, /* of the inner end, see net_leg_actual.ipv6 */
	NET_OP_LEG_IPV6_OFF,
	NET_OP_ADDR_ADD,
	NET_OP_ADDR_DEL,
	NET_OP_ROUTE_ADD, /* default via gateway through the public leg; replaces another one */
	NET_OP_ROUTE_DEL,
	NET_OP_PATH_ADD, /* replaces another one to there, of the table and metric */
	NET_OP_PATH_DEL,
	NET_OP_RULE_ADD,
	NET_OP_RULE_DEL,
};
const char *net_op_name(enum net_op_kind k);

struct net_op {
	enum net_op_kind kind;
	unsigned leg;
	struct ip_prefix addr; /* ADDR_*; ROUTE_ADD: the gateway; other routes: the family alone */
	unsigned mtu;
	uint8_t mac[NET_MAC_BYTES]; /* LEG_MAC; all zero: one of its own, at random */
	union {
		struct net_path path; /* PATH_* */
		struct net_rule rule; /* RULE_* */
	};
};

#define NET_OPS_MAX 1200

struct net_plan {
	struct net_op op[NET_OPS_MAX];
	unsigned n;
	char fault[NET_REASON_MAX]; /* not empty: cannot be built, and why ("bridge br-ex does not
				       exist") */
	unsigned ports;	   /* bits of legs: Open vSwitch has no such port, or another one */
	bool link_blocked; /* something else on the host's side has the host link's name */
};

/* Order matters and is right for promotion (MAC, addresses, route) and for demotion (the reverse).
 * A fault leaves the ops that are still sensible (addresses off a faulty router, for example). */
void net_plan(struct net_plan *out, const struct net_desired *d, const struct net_actual *a);
/* The routes of its role but for those through the gateways, and the rules. How many. */
unsigned net_paths(struct net_path out[static NET_PATHS_MAX], const struct net_desired *d);
unsigned net_rules(struct net_rule out[static NET_RULES_MAX], const struct net_desired *d);

/* ---- the shell ---------------------------------------------------------------------------------
 */

struct netns; /* an open namespace: its fd, a route socket inside, a route socket on the host's side
	       */

/* Opens /run/netns/NAME; creates it the way `ip netns add` does when it does not exist. Sets the
 * sysctls a NAT router needs inside. *created tells which. created NULL: one that exists already,
 * as it is, or -ENOENT. 0 or -errno, reason filled on failure. */
must_check int netns_open(struct netns **out, const char *name, bool *created,
			  char reason[static NET_REASON_MAX]);
void netns_close(struct netns *ns); /* leaves the namespace in place; NULL is allowed */
/* Takes everything away that we made in it, then the namespace. 0 or -errno. */
must_check int netns_remove(const char *name);
int netns_fd(const struct netns *ns); /* for another process to enter; borrowed */

/* Runs fn inside the namespace and comes back; fn must not keep threads or change namespaces.
 * Returns what fn returns, or -errno of entering. */
int netns_run(const struct netns *ns, int (*fn)(void *arg), void *arg);

/* A macvlan `name` inside, on the host's side's interface `parent`, up and with that address; what
 * is there stays (*made: it was not). 0 or -errno with reason. */
must_check int net_sync_link(struct netns *ns, const char *parent, const char *name,
			     const struct ip_prefix *address, bool *made,
			     char reason[static NET_REASON_MAX]);
void net_sync_link_remove(struct netns *ns, const char *name);

must_check int net_read(struct netns *ns, const struct net_desired *d, struct net_actual *out,
			char reason[static NET_REASON_MAX]);
/* Applies all of it, in order, stops at the first failure and says which. 0 or -errno. */
must_check int net_apply(struct netns *ns, const struct net_desired *d, const struct net_actual *a,
			 const struct net_plan *p, char reason[static NET_REASON_MAX]);

/* What an operation does, in words: "add an address (vr-ex 198.18.0.1/24)". Pure. */
#define NET_OP_TEXT_MAX 192
void net_op_text(char out[static NET_OP_TEXT_MAX], const struct net_op *op,
		 const struct net_desired *d);

/* read + plan + apply until nothing is left to do (bounded). 0, -errno, or -ENOTRECOVERABLE with
 * the plan's fault in reason. *changed counts applied ops. */
must_check int net_ensure(struct netns *ns, const struct net_desired *d, unsigned *changed,
			  char reason[static NET_REASON_MAX]);
/* The same for d that is active, of a namespace that was ensured for the same d that is not: what
 * has to be done is known from then, and nothing is read if nothing has been heard since, where it
 * is watched. Something that was not heard of yet is left to what on_change comes to. */
must_check int net_promote(struct netns *ns, const struct net_desired *d, unsigned *changed,
			   char reason[static NET_REASON_MAX]);
/* d is about to be another one: what is known beforehand is forgotten. */
void net_forget(struct netns *ns);
/* The operations of the last net_ensure() in words, the first few of them; valid until the next. */
const char *net_changes(const struct netns *ns);
/* Legs (bits) whose ports Open vSwitch has to make, as the last net_ensure() found. */
unsigned net_ports(const struct netns *ns);
/* What is wrong with the host link, as the last net_ensure() found, and what to do about it; NULL:
 * nothing. It is no fault of the router: only its own programs need it. */
const char *net_link_why(const struct netns *ns);
/* Takes the host link away, with its routes and rules. 0 or -errno. */
must_check int net_link_remove(struct netns *ns, const struct net_desired *d);
/* Takes legs, host link, nft table and VIPs away, leaves the namespace itself. */
must_check int net_teardown(struct netns *ns, const struct net_desired *d,
			    char reason[static NET_REASON_MAX]);

/* A MAC address for a leg that nobody speaks to, local and at random. 0 or -errno. */
must_check int net_random_mac(uint8_t mac[static NET_MAC_BYTES]);

/* NAT and filter in a table of our own; other tables are never touched. It is there on a STANDBY,
 * too, so nothing of it is on the way of a promotion. */
/* Early in a process that will have many files open: keeps a descriptor for libnftables. 0 or
 * -errno.
 */
must_check int nft_reserve(void);
#define NAT_TABLE "inet vrouter"
/* Pure: text of one transaction that replaces the whole table; its comment carries a hash of the
 * rules. Counters begin as given (NULL: with 0), which is not part of the hash. tables: of the
 * operator's own file, kept as a note (an empty chain each; NULL: none). Returns its length (cap or
 * more: it did not fit), 0 when an interface name is unusable. */
#define NAT_RULESET_MAX 65536
size_t nat_ruleset(char *buf, size_t cap, const struct net_desired *d,
		   const struct nft_tables *tables, const struct nat_counters *counters);
/* The notes in such a text, or in nft's listing of the table. Pure. */
void nat_noted_tables(struct nft_tables *out, const char *text);
/* Lines of rules and hooks in such a text, or in nft's listing of the table. Pure. */
unsigned nat_count_rules(const char *text);
/* The rules that only one of two such texts has, each as "CHAIN: RULE", in their order. 0 or
 * -ENOMEM. Pure. */
#define NAT_RULE_MAX 512
struct nat_diff_ops {
	void (*removed)(void *ctx, const char *rule);
	void (*added)(void *ctx, const char *rule);
};
must_check int nat_ruleset_diff(const char *old, const char *new, const struct nat_diff_ops *ops,
				void *ctx);
/* Through libnftables, only when the comment says that the rules differ, or some are missing or too
 * many. The operator's file is read when its hash is another one than that of what is known, and
 * goes with our table in one transaction. Counters and flows are kept in any case. */
must_check int nat_ensure(struct netns *ns, const struct net_desired *d,
			  char reason[static NET_REASON_MAX]);
/* Replaces the table in any case: somebody has been at it. */
must_check int nat_replace(struct netns *ns, const struct net_desired *d,
			   char reason[static NET_REASON_MAX]);
/* And the tables of the operator's file. */
must_check int nat_remove(struct netns *ns, char reason[static NET_REASON_MAX]);
/* 0 or -errno; what is not in the kernel counts 0. */
must_check int nat_counters_read(struct netns *ns, const struct net_desired *d,
				 struct nat_counters *out);
/* Reads a file of the operator's rules and has the kernel try them, in a network namespace of
 * their own that is gone afterwards. Fills in the hash of its content. 0 or -errno, why says
 * "FILE:LINE: what". */
#define NAT_FILE_WHY_MAX 320
must_check int nat_file_check(const char *path, uint64_t *hash, char why[static NAT_FILE_WHY_MAX]);

/* A planned change of the ACTIVE. silence: whoever leaves keeps its addresses for a moment, but its
 * legs send and take no ARP and no neighbour discovery. return: whoever comes passes what its
 * kernel cannot place back to the legs with these MACs. Each replaces what there is of it; clear
 * takes both away, whether they are there or not. 0 or -errno with reason. */
#define HANDOVER_SILENCE "vrouter-silence" /* tables of family arp, and ip6 */
#define HANDOVER_RETURN	 "vrouter-return"  /* of ip, and ip6 */
/* The IPv4 dummy address (RFC 7600), and one of IPv6's block of which all is discarded (RFC 6666):
 * never another one's. They stand for those legs. */
#define HANDOVER_RETURN_V4 "192.0.0.8"
#define HANDOVER_RETURN_V6 "100::8"
must_check int handover_silence(struct netns *ns, const struct net_desired *d,
				char reason[static NET_REASON_MAX]);
must_check int handover_return(struct netns *ns, const struct net_desired *d,
			       const uint8_t mac[static NET_LEGS][NET_MAC_BYTES],
			       char reason[static NET_REASON_MAX]);
/* The rest of it: a leg takes a route of IPv6 only while IPv6 is on, as it is for an ACTIVE. */
must_check int handover_return_ipv6(struct netns *ns, const struct net_desired *d,
				    const uint8_t mac[static NET_LEGS][NET_MAC_BYTES],
				    char reason[static NET_REASON_MAX]);
must_check int handover_clear(struct netns *ns, char reason[static NET_REASON_MAX]);
/* Pure: their text, as nat_ruleset(). */
#define HANDOVER_RETURN_MAX 16384
size_t handover_silence_ruleset(char *buf, size_t cap, const struct net_desired *d);
size_t handover_return_ruleset(char *buf, size_t cap, const struct net_desired *d);

/* ---- the controller's side of all host links ---------------------------------------------------
 */

/* Tables of our own in the network that the daemon runs in, of families ip and ip6. */
#define HOST_TABLE "vrouter-host"

struct host_link {
	char ifname[IFNAMSIZ];					/* the controller's end */
	struct ip_addr router[NET_FAMILIES], end[NET_FAMILIES]; /* family 0: none */
};
void host_link_of(struct host_link *out, const struct net_desired *d);
/* Pure: one transaction that replaces both tables, as nat_ruleset(); n 0: that takes them away. A
 * packet is passed on only if it comes from a router's own address, and with the controller's; what
 * the answer is goes back there; nothing else goes to a link. */
size_t host_nat_ruleset(char *buf, size_t cap, const struct host_link *list, unsigned n);
/* How a router's programs mark what may be passed on: with this TTL it goes nowhere unless the
 * controller's rules raise it, so without them nothing leaves untranslated. */
#define HOST_LINK_TTL 1

struct event_base;
struct host_nat;
/* on_change: why rules could not be set, or NULL: they are as they should be again; from the event
 * loop. Takes away what an earlier daemon left. base and ctx are borrowed. 0 or -errno. */
must_check int host_nat_new(struct host_nat **out, struct event_base *base,
			    void (*on_change)(void *ctx, const char *why), void *ctx);
/* Takes the tables away. NULL is allowed. */
void host_nat_free(struct host_nat *h);
/* The links that there are to be, one for each namespace; rules follow from the event loop. link:
 * NULL, or without addresses: none any more. 0 or -ENOMEM. */
must_check int host_nat_set(struct host_nat *h, const char *namespace,
			    const struct host_link *link);
/* Why they are not as they should be, or NULL. */
const char *host_nat_why(const struct host_nat *h);

/* Wake-ups: something changed in links, addresses, routes inside the namespace or on the host's
 * side. The owner re-runs net_ensure; what changed is never trusted as a delta. Our own
 * transactions of rules are told from those of others by the number that the kernel gives each. */
struct net_news {
	bool net;    /* links, addresses, routes: run net_ensure() */
	bool looks;  /* what net_watch_looks() is about, perhaps */
	bool rules;  /* somebody else changed our table, or perhaps did: run nat_replace() */
	char by[48]; /* rules: who, as the kernel says, "nft (pid 4711)"; empty: unknown */
};
/* What hears of the host's side and of all namespaces, for all routers of this process. 0 or
 * -errno. */
struct net_host;
must_check int net_host_new(struct net_host **out, struct event_base *base);
void net_host_free(struct net_host *h); /* after every watch; NULL is allowed */
/* Of namespaces. */
struct net_heard {
	uint64_t messages, foreign; /* foreign: of these, from one that no router has (any more) */
	uint64_t overflows;	    /* times that the kernel dropped some */
	uint64_t served;	    /* calls that came of them */
	uint64_t deaf; /* times that nothing was heard while many were changed by ourselves */
};
const struct net_heard *net_host_heard(const struct net_host *h);
struct net_watch; /* one for a namespace; before that is closed it is freed */
must_check int net_watch_new(struct net_watch **out, struct netns *ns, struct net_host *host,
			     void (*on_change)(void *ctx, const struct net_news *news), void *ctx);
void net_watch_free(struct net_watch *w);

/* Something to look at that is not the router's own: a link of the host, a bridge's port, a route.
 */
enum net_look_kind {
	NET_LOOK_CARRIER, /* of ifname, and of bridge where one is given */
	NET_LOOK_PORT,	  /* ifname is a port of bridge, and forwards */
	NET_LOOK_ROUTE,	  /* exactly dst, in table */
};
struct net_look {
	enum net_look_kind kind;
	bool host; /* on the host's side; else inside of the namespace (bridge is the host's) */
	char ifname[IFNAMSIZ], bridge[IFNAMSIZ];
	struct ip_prefix dst;
	uint32_t table;
};
#define NET_LOOK_ROUTES_MAX 4096 /* of a table that one look reads */
/* One or two requests to the kernel. 1: it is as it should be; 0: it is not, and why; -errno: that
 * could not be found out. */
must_check int net_look(struct netns *ns, const struct net_look *look,
			char why[static NET_REASON_MAX]);
/* Wake up for these, too (borrowed, until the next call). */
void net_watch_looks(struct net_watch *w, const struct net_look *looks, unsigned n);

/* Neighbours of the legs (ARP and ND entries that have a MAC), read once and then as they change.
 * listing: true before they are read, false after, each time that they are read (again, too, when
 * the kernel lost events). */
struct neigh_watch_ops {
	void (*on_neigh)(void *ctx, const struct neigh *n, bool there);
	void (*on_listing)(void *ctx, bool begins);
};
struct neigh_watch;
/* ops and ctx are borrowed. A leg that is made anew is another one: watch anew. 0 or -errno. */
must_check int neigh_watch_new(struct neigh_watch **out, struct netns *ns,
			       const struct net_desired *d, struct net_host *host,
			       const struct neigh_watch_ops *ops, void *ctx);
void neigh_watch_free(struct neigh_watch *w); /* NULL is allowed */
/* Puts them into the kernel as STALE: used at once, and verified by the kernel when they are used.
 * How many it took, or -errno. */
must_check int neigh_install(struct netns *ns, const struct net_desired *d,
			     const struct neigh *list, unsigned n);

/* What tells neighbours and switches where a VIP is now. IPv4: gratuitous ARP, a request and a
 * reply (RFC 826; some stacks learn from the one only, some from the other: RFC 5227 3). IPv6: an
 * unsolicited neighbour advertisement of a router, to all nodes, that overrides (RFC 4861 7.2.6,
 * RFC 9568 7.4). Pure. */
#define ANNOUNCE_FRAME_MAX 86
#define ANNOUNCE_FORMS	   2
struct announcement {
	uint8_t frame[ANNOUNCE_FORMS][ANNOUNCE_FRAME_MAX];
	size_t len;
	unsigned n; /* forms */
	uint16_t ethertype;
};
void announce_build(struct announcement *out, const uint8_t mac[static NET_MAC_BYTES],
		    const struct ip_addr *vip);

/* The packet socket is opened once and kept, so that announcing needs no change of namespace. */
struct announcer;
must_check int announcer_new(struct announcer **out, struct netns *ns, const char *ifname);
void announcer_free(struct announcer *a);
/* Of what announce_build() makes: the first form, the ones behind it. */
enum announce_forms { ANNOUNCE_ONE = 1, ANNOUNCE_OTHER = 2, ANNOUNCE_ALL = 3 };
must_check int announcer_send(struct announcer *a, const struct ip_addr *vip,
			      enum announce_forms forms);

/* A router advertisement with a lifetime of zero (RFC 4861 6.2.5): whoever has this link-local
 * address is no router any more. Its length. Pure. */
size_t farewell_build(uint8_t frame[static ANNOUNCE_FRAME_MAX],
		      const uint8_t mac[static NET_MAC_BYTES], const struct ip_addr *link_local);
must_check int announcer_farewell(struct announcer *a, const struct ip_addr *link_local);

/* Asks whether somebody is there: an ARP request (RFC 826) or a neighbour solicitation (RFC 4861
 * 4.3). An answer is any ARP packet from target, or a neighbour advertisement or solicitation of
 * it: whatever the reason, it is there. Pure. */
#define PROBE_FRAME_MAX ANNOUNCE_FRAME_MAX
/* The address of a leg to ask target from, or NULL. */
const struct ip_addr *probe_source(const struct net_leg *leg, const struct ip_addr *target);
/* The address to ask from whether another host has addr, which is ours on that leg. IPv4: none (RFC
 * 5227 1.1: it changes nobody's cache). IPv6: another one of ours, a link-local one if possible, so
 * that the answer comes to us alone; what RFC 4862 5.4.3 asks from no address is answered to
 * everybody, who would learn the other one's MAC. Only where there is no other one, from none. */
struct ip_addr probe_nobody(const struct net_leg *leg, const struct ip_addr *addr);
/* Its length. from and target are of one family; from all zero: whoever asks has no address yet
 * (RFC 5227 2.1.1, RFC 4862 5.4.2), and nobody learns it. */
size_t probe_build(uint8_t frame[static PROBE_FRAME_MAX], const uint8_t mac[static NET_MAC_BYTES],
		   const struct ip_addr *from, const struct ip_addr *target);
bool probe_is_answer(const uint8_t *frame, size_t len, const struct ip_addr *target);
/* Or somebody asks for target who has no address yet, and means to have it. */
bool probe_is_claim(const uint8_t *frame, size_t len, const struct ip_addr *target);

/* Hears target on a leg, whether it was asked or not. What it sends is up to the caller: a STANDBY
 * has to be silent. Frames with the leg's own MAC as of the last one that was sent do not count. */
struct net_probe;
enum net_probe_for {
	NET_PROBE_ANSWERS,
	NET_PROBE_CLAIMS, /* these, too: see probe_is_claim() */
};
must_check int net_probe_new(struct net_probe **out, struct netns *ns, struct event_base *base,
			     const char *ifname, const struct ip_addr *target,
			     enum net_probe_for what,
			     void (*on_heard)(void *ctx, const uint8_t mac[static NET_MAC_BYTES]),
			     void *ctx);
void net_probe_free(struct net_probe *p); /* NULL is allowed */
/* The leg may be a new one of the same name: listens to that. 0 or -errno. */
must_check int net_probe_renew(struct net_probe *p);
must_check int net_probe_send(struct net_probe *p, const struct ip_addr *from);

/* ms after promotion at which burst number n (0, 1, ...) is due; past the burst it goes on at
 * refresh_ms (0: never again, UINT64_MAX). Pure. */
uint64_t announce_due_ms(unsigned n, uint64_t refresh_ms);

#endif
