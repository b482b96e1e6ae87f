/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration as plain data. text -> conf_load() -> struct conf -> conf_check() (all errors) ->
 * conf_diff(old, new) -> apply. Nothing is "fixed up" and a bad file never touches the running
 * state. */
#ifndef VROUTER_CONF_H
#define VROUTER_CONF_H

#include <stddef.h>

#include "vrouter/netns.h"
#include "vrouter/reserve.h"
#include "vrouter/sync_ipc.h"
#include "vrouter/track.h"
#include "vrouter/vrrp.h"

#define CONF_NAME_MAX	 64
#define CONF_PATH_MAX	 108 /* sockaddr_un */
#define CONF_ROUTERS_MAX 1024

/* What becomes of an ACTIVE router when the daemon's core dies. */
enum conf_crash {
	CONF_CRASH_WITHDRAW, /* the guard resigns and takes the VIPs away */
	CONF_CRASH_ADOPT,    /* it goes on advertising; the next core adopts the role */
};

enum conf_election { CONF_ELECTION_VRRP, CONF_ELECTION_EXTERNAL, CONF_ELECTION_SINGLE };

#define CONF_VIP_RANGES_MAX  NET_FAMILIES /* of a leg */
#define CONF_VIP_CHOICES_MAX 65536	  /* addresses of a range */

/* vip-range: hosts of one network. */
struct conf_vip_range {
	struct ip_range range;
	uint8_t len; /* of the network */
};

/* A *_line is where the option was written, for messages; 0: it was not, then the section's line
 * serves. */
struct conf_leg {
	char name[CONF_NAME_MAX]; /* first: the section's title goes there; else empty */
	enum net_attach attach;	  /* attach = "bridge:NAME", "macvlan:NAME", ... */
	char bridge[IFNAMSIZ];	  /* that NAME */
	char interface[IFNAMSIZ]; /* its name inside the namespace */
	struct ip_prefix vip[NET_VIPS_MAX];
	unsigned n_vips;
	/* vip = "auto": one VIP of each range. Until they are chosen vip[] has the first of each:
	 * their number, families and networks are what they will be. */
	bool automatic;
	struct conf_vip_range range[CONF_VIP_RANGES_MAX];
	unsigned n_ranges;
	bool outside;  /* side = "outside"; of those beside management and public */
	unsigned vlan; /* default 0: none */
	unsigned mtu;  /* default 0: that of what it is attached to */
	int line, attach_line, interface_line, vip_line, range_line, vlan_line, mtu_line;
};
#define CONF_VIPS_MAX (FLOW_LOCALS_MAX - NET_FAMILIES) /* of a router */

#define CONF_PROTOCOLS_MAX 32
#define CONF_TCP_STATES	   9

/* What is replicated, as written; conf_filter() makes a rule of it. */
struct conf_filter {
	uint8_t protocol[CONF_PROTOCOLS_MAX], ignored_protocol[CONF_PROTOCOLS_MAX];
	unsigned n_protocols, n_ignored_protocols;
	struct ip_prefix address[FILTER_NETS_MAX], ignored_address[FILTER_NETS_MAX];
	unsigned n_addresses, n_ignored_addresses;
	unsigned tcp_state[CONF_TCP_STATES]; /* enum tcp_conntrack, less one */
	unsigned n_tcp_states;
	bool assured;
	int line, ignored_protocols_line, tcp_states_line;
};

#define CONF_ARGUMENTS_MAX 8
#define CONF_ARGUMENT_MAX  64
#define CONF_PROCESS_MAX   16 /* TASK_COMM_LEN: longer ones are not known to the kernel */

/* Which of them belong to which kind: conf_track.c. A line of 0: the option was not given. */
struct conf_track {
	char name[CONF_NAME_MAX]; /* first: the section's title goes there */
	enum track_kind kind;
	struct track_rule rule;
	unsigned interval_ms; /* default 1000 */
	unsigned timeout_ms;  /* gateway: default interval; script: 1000 */
	unsigned hold_s;      /* default 60 */
	unsigned leg;	      /* enum net_leg_id; default public */
	char interface[IFNAMSIZ], bridge[IFNAMSIZ];
	struct ip_addr target; /* gateway: default the first of the leg */
	char program[CONF_PATH_MAX], argument[CONF_ARGUMENTS_MAX][CONF_ARGUMENT_MAX];
	unsigned n_arguments;
	char process[CONF_PROCESS_MAX], pid_file[CONF_PATH_MAX];
	struct ip_prefix destination;
	unsigned table; /* default RT_TABLE_MAIN */
	bool host;	/* namespace = "host"; default "router" */
	int line, timeout_line, hold_line, leg_line, interface_line, bridge_line, target_line;
	int program_line, arguments_line, process_line, pid_file_line, destination_line;
	int table_line, namespace_line;
};

/* nat (but for its mode) and its port forwards. A line of 0: the option was not given. */
struct conf_nat {
	int addresses_line, ports_line, persistent_line, sources_line, limit_line, burst_line,
		file_line;
	struct nat_rules rules; /* default: all off; conf_nat_rules() completes them */
};

#define CONF_UPSTREAMS_MAX 8

struct conf_range {
	struct ip_addr first, last; /* of family 0: none */
};

/* What a router serves on its management VIPs, while it is ACTIVE. */
struct conf_services {
	struct ip_addr
		dns[CONF_UPSTREAMS_MAX]; /* whom the router's DNS server asks; none: no server */
	struct ip_addr ntp[CONF_UPSTREAMS_MAX]; /* the same of NTP */
	unsigned n_dns, n_ntp;
	struct conf_range dhcp; /* to be handed out to nodes; default none */
	unsigned lease_s;	/* default 3600 */
	bool ra;		/* router advertisements of IPv6; default false */
	int dns_line, ntp_line, dhcp_line, ra_line;
};

/* host-link; a line of 0: there is none. */
struct conf_host_link {
	struct ip_prefix prefix[NET_FAMILIES]; /* one per IP version; without host bits */
	unsigned n_prefixes;
	char interface[IFNAMSIZ]; /* inside; default "vr-host" */
	bool default_route;	  /* default true */
	int line, prefix_line, interface_line;
};

/* In the order of how likely each is to be used: what most routers leave as it is comes last, and
 * is memory that is not there, see conf_router_copy(). What comes before the third leg is there for
 * each router, twice (struct conf, struct router): CONF_ROUTER_USUAL bounds it. */
struct conf_router {
	char name[CONF_NAME_MAX];
	char namespace[NET_NAME_MAX];
	struct ip_addr gateway[NET_FAMILIES]; /* as listed, one per family */
	unsigned n_extra_legs;		      /* beside management and public */
	unsigned n_gateways, n_routes, n_others, n_tracks;
	enum net_nat nat; /* default snat */
	bool nat_random;  /* pick source ports at random; default false */
	struct {
		enum conf_election mode;
		char group[CONF_NAME_MAX]; /* of routers that share it; empty: none */
		char interface[IFNAMSIZ];
		bool ipv6;		 /* VRRP is spoken over IPv6; default IPv4 */
		struct vrrp_peers peers; /* none: multicast */
		unsigned vrid;		 /* 1..255, of one IP version */
		unsigned version;	 /* of VRRP: 2 or 3; default 3 */
		unsigned priority;	 /* 2..253 (1 and 254 have a meaning), 255: owner; 100 */
		unsigned advert_interval_ms; /* multiple of 10, 10..40950, default 100 */
		bool preempt;		     /* default true */
		unsigned preempt_delay_s;    /* default 0 */
		enum vrrp_auth auth;	     /* default none */
		bool plain_sum;		     /* checksum = "no-pseudo-header" says true */
		bool virtual_mac;	     /* both legs while ACTIVE; default false */
		bool accept;		     /* the VIPs answer for themselves; default true */
		bool veto;	      /* the ACTIVE, heard on a replication link; default true */
		unsigned fast_detect; /* missed heartbeats, 2..100; default 0: off */
		unsigned fast_interval_ms; /* between heartbeats, 1..100; default 3 */
		int fast_detect_line;
		int line, mode_line, group_line, interface_line, family_line, peers_line, vrid_line,
			advert_line, virtual_mac_line, accept_line, version_line, auth_line;
	} election;
	unsigned sync_hold_s;	     /* at most this long is preemption held back; default 30 */
	unsigned drain_ms;	     /* planned switchover: wait for acknowledgement; default 500 */
	unsigned linger_ms;	     /* planned switchover: wait for a successor; default 1000 */
	unsigned announce_refresh_s; /* gratuitous ARP while ACTIVE; default 30, 0: off */
	bool own_filter;
	bool warm_neighbours;		   /* replicate ARP and ND entries; default true */
	unsigned on_role_change_timeout_s; /* default 10 */
	unsigned fence_timeout_s;	   /* default 10 */
	enum conf_crash crash;		   /* default withdraw */
	unsigned adopt_timeout_s;	   /* crash = "adopt": at most that long; default 10 */
	int line, namespace_line, gateway_line, fence_line, crash_line, routes_line, other_line;
	struct conf_host_link host_link;
	struct conf_services services;
	struct conf_leg leg[NET_LEGS_MAX];

	struct conf_nat nat_more;
	char on_role_change[CONF_PATH_MAX];	  /* a program; empty: none */
	char fence[CONF_PATH_MAX];		  /* a program; empty: none */
	struct conf_filter filter;		  /* that of sync, where it has none of its own */
	struct net_static route[NET_STATICS_MAX]; /* but for its leg */
	struct ip_prefix other[NET_OTHERS_MAX];
	struct conf_track track[TRACK_MAX];
};
#define CONF_ROUTER_USUAL 2048
_Static_assert(offsetof(struct conf_router, leg[NET_LEGS]) <= CONF_ROUTER_USUAL,
	       "each of a thousand routers has that much of its configuration in memory, twice");

struct conf_sync {
	char interface[SYNC_LINKS_MAX][IFNAMSIZ];
	unsigned n_interfaces;
	union {
		struct ip_addr group; /* of the first link */
		struct ip_addr groups[SYNC_LINKS_MAX];
	};
	unsigned n_groups; /* those that are given, see conf_sync_group() */
	struct sync_peer_addr peer[SYNC_UNICAST_MAX];
	unsigned n_peers;
	union {
		unsigned port; /* of the first link; default 3781, of conntrackd's protocol 3780 */
		unsigned ports[SYNC_LINKS_MAX];
	};
	unsigned n_ports; /* see conf_sync_port() */
	bool conntrackd;  /* protocol = "conntrackd" says true; the next four are of it alone */
	enum ctd_mode mode;
	bool tcp;	    /* transport = "tcp" says true */
	bool checksum;	    /* of UDP; default true */
	unsigned refresh_s; /* mode = "alarm"; default 15 */
	bool sealed;	    /* security = "none" says false; conntrackd's protocol never is */
	bool stock;	    /* engine = "conntrackd" */
	char key_file[CONF_PATH_MAX];
	unsigned ring_kb; /* default 2048 */
	unsigned hold_new_ms;
	struct conf_filter filter;
	bool present; /* there is a sync section */
	int line, interface_line, group_line, peers_line, key_file_line;
	int protocol_line, mode_line, transport_line, checksum_line, refresh_line, security_line,
		hold_new_line, port_line, engine_line;
};

/* Of link i. A link that has none of its own has the last group that is given, and with
 * conntrackd's protocol the next port: its programs have one socket for each link, and all would
 * hear all. */
struct ip_addr conf_sync_group(const struct conf_sync *s, unsigned i);
uint16_t conf_sync_port(const struct conf_sync *s, unsigned i);

struct conf {
	char path[256];
	struct {
		char name[CONF_NAME_MAX];
		char run_dir[CONF_PATH_MAX];
		char control_socket[CONF_PATH_MAX]; /* default RUN-DIR/control.sock */
		char state_dir[CONF_PATH_MAX];	    /* what outlives a reboot */
		bool realtime;			    /* default true */
		char ovs_db[CONF_PATH_MAX];	    /* Open vSwitch's database: its socket */
		int line;
	} controller;
	struct conf_sync sync;
	struct conf_router *router; /* n_routers of them, owned */
	unsigned n_routers;
};

/* A list of "file:line: option: what is wrong; what is allowed". Bounded; `more` counts the rest.
 */
#define CONF_ERRORS_MAX 64
struct conf_errors {
	char *text[CONF_ERRORS_MAX]; /* owned */
	unsigned n, more;
};
void conf_error(struct conf_errors *e, const char *file, int line, const char *fmt, ...)
	printf_like(4, 5);
void conf_errors_free(struct conf_errors *e);

/* The longest config file that is read. */
#define CONF_TEXT_MAX (1024 * 1024)

/* Parses and checks; *out is set only when there was no error. 0, -EINVAL (see errors) or -errno
 * (with its error in the list, too). Reads no other file and asks the system nothing. */
must_check int conf_load(struct conf **out, const char *path, struct conf_errors *errors);
must_check int conf_load_text(struct conf **out, const char *text, const char *name,
			      struct conf_errors *errors);
void conf_free(struct conf *c);

/* Pure. Most of it is room that is mostly not used: what is zero on both sides is not written to,
 * so it costs no memory in zeros that are fresh. */
void conf_router_copy(struct conf_router *to, const struct conf_router *from);

static inline unsigned conf_legs(const struct conf_router *r)
{
	return NET_LEGS + r->n_extra_legs;
}
/* "management", "public", or what it is called. */
const char *conf_leg_name(const struct conf_router *r, unsigned leg);
/* On the same wire, as far as one can tell here: attached to the same, with the same VLAN. */
bool conf_leg_same_wire(const struct conf_leg *a, const struct conf_leg *b);

/* The semantic checks (pure): VIPs in their networks, unique namespaces, VRIDs and interfaces, ...
 */
void conf_check(const struct conf *c, struct conf_errors *errors);

/* What a reload means for one router (pure). */
enum conf_change {
	CONF_SAME,
	CONF_LIVE, /* priority, intervals, preempt, checksum, gateway, NAT, bridge, timers; VIPs
		    * where VRRP does not list them
		    */
	CONF_ADDED,
	CONF_REMOVED,
	CONF_REFUSED, /* what cannot change while it runs; `what` names the option */
};
struct conf_delta {
	enum conf_change change;
	unsigned old_index, new_index;
	const char *what; /* REFUSED: the option */
};
/* The daemon-wide part: NULL when nothing there needs a restart, else the name of the option that
 * does. */
const char *conf_diff_global(const struct conf *old, const struct conf *new);
/* Replication has to be started anew, with all of its options; flows stay where they are. */
bool conf_protocol_changes(const struct conf *old, const struct conf *new);
/* The option that cannot change while the election runs, or NULL. */
const char *conf_refused_election(const struct conf_router *a, const struct conf_router *b);
/* At most old->n_routers + new->n_routers deltas into out; returns how many. */
unsigned conf_diff(const struct conf *old, const struct conf *new, struct conf_delta *out);

/* Every option whose value is another one, as it is to be named: "election: priority", "track
 * \"gw\": added" (pure). */
#define CONF_CHANGE_MAX 160
typedef void conf_changes_fn(void *ctx, const char *what);
void conf_changes(const struct conf_router *a, const struct conf_router *b, conf_changes_fn *fn,
		  void *ctx);

/* Equal for what may be adopted after a restart (pure); of replication's process, started by a
 * binary of that build. */
uint64_t conf_router_id(const struct conf_router *r);
uint64_t conf_sync_id(const struct conf *c, const char *build);

/* VIPs that are chosen, in the order of legs and of their ranges (pure). How many there are; the
 * range of one, and perhaps its leg. */
unsigned conf_vips_chosen(const struct conf_router *r);
const struct conf_vip_range *conf_vips_range(const struct conf_router *r, unsigned i,
					     unsigned *leg);
/* One address for each range, in it. */
bool conf_vips_fit(const struct conf_router *r, const struct reserve_set *set);
/* set fits: these are its VIPs. */
void conf_vips_use(struct conf_router *r, const struct reserve_set *set);
/* The option in which VIPs that were chosen with a need not fit b, or NULL. */
const char *conf_vips_refused(const struct conf_router *a, const struct conf_router *b);

/* The rule that these options make (pure). */
void conf_filter(struct flow_filter *out, const struct conf_filter *c);

/* Does its virtual MAC belong to IPv6 (pure)? RFC 9568 has one virtual router for each IP version;
 * ours is one, of that which elects. */
bool conf_mac_is_ipv6(const struct conf_router *r);

/* The election's view (pure): advertisements list the VIPs of the IP version that they are sent
 * with, of IPv6 a link-local one first (RFC 9568 5.2.9). Those of a group list one link-local
 * address that is made of its name: its routers come and go, and advertisements with other
 * addresses than one's own do not count (RFC 9568 7.1). router and interface are borrowed. */
void conf_vrrp(struct vrrp_io_cfg *out, const struct conf_router *r);

/* The addresses that rules need on the public leg beside the VIPs: those of the pool and of
 * forwards that are in the network of a VIP. At most NAT_HELD_MAX into out; returns how many there
 * are, which can be more (pure). */
unsigned conf_nat_held(struct ip_prefix *out, const struct conf_router *r);

void conf_nat_rules(struct nat_rules *out, const struct conf_router *r);

/* Routes and host link: the same, so far as they matter? And their part of what follows (pure). */
bool conf_routes_same(const struct conf_router *a, const struct conf_router *b);
void conf_net_routes(struct net_desired *out, const struct conf_router *r);

/* The netns module's view of a router (pure). */
void conf_net_desired(struct net_desired *out, const struct conf_router *r, bool active);

#endif
