/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf_option.h"

#include "conf_track.h"

#include <stddef.h>
#include <string.h>

static const char *const words_protocol[] = {"native", NULL};
static const char *const words_security[] = {"none", "sealed", NULL}; /* = conf_sync.sealed */
static const char *const words_ip[] = {"ipv4", "ipv6", NULL}; /* = conf_router.election.ipv6 */
static const char *const words_crash[] = {"withdraw", "adopt", NULL}; /* = enum conf_crash */
static const char *const words_checksum[] = {"pseudo-header", "no-pseudo-header",
					     NULL};			 /* = election.plain_sum */
static const char *const words_auth[] = {"none", "offer", "hmac", NULL}; /* = enum vrrp_auth */
static const char *const words_mode[] = {"vrrp", "external", "single", NULL};

/* As in enum tcp_conntrack, from 1 on. */
static const char *const words_tcp_state[] = {"SYN_SENT",   "SYN_RECV", "ESTABLISHED", "FIN_WAIT",
					      "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",   "CLOSE",
					      "SYN_SENT2",  NULL};

/* = enum track_kind, enum net_leg_id, conf_track.host */
static const char *const words_kind[] = {"carrier", "bridge-port", "gateway", "script",
					 "process", "route",	   NULL};
static const char *const words_leg[] = {"management", "public", NULL};
static const char *const words_side[] = {"router", "host", NULL};

#define NO_SERVICES "this version does not run DNS and NTP servers in the router; remove the option"

static const struct conf_option controller_options[] = {
	{.name = "run-dir", .type = CONF_T_PATH, AT(struct conf, controller.run_dir)},
	{.name = "control-socket", .type = CONF_T_PATH, AT(struct conf, controller.control_socket)},
	{.name = "realtime", .type = CONF_T_BOOL, AT(struct conf, controller.realtime)},
};

static const struct conf_option filter_options[] = {
	{.name = "protocols",
	 .type = CONF_T_PROTOCOL,
	 .list_max = CONF_PROTOCOLS_MAX,
	 LIST_OF(struct conf_filter, protocol),
	 .count_offset = offsetof(struct conf_filter, n_protocols)},
	{.name = "ignore-protocols",
	 .type = CONF_T_PROTOCOL,
	 .list_max = CONF_PROTOCOLS_MAX,
	 LIST_OF(struct conf_filter, ignored_protocol),
	 .count_offset = offsetof(struct conf_filter, n_ignored_protocols),
	 LINE_AT(struct conf_filter, ignored_protocols_line)},
	{.name = "addresses",
	 .type = CONF_T_NET,
	 .list_max = FILTER_NETS_MAX,
	 LIST_OF(struct conf_filter, address),
	 .count_offset = offsetof(struct conf_filter, n_addresses)},
	{.name = "ignore-addresses",
	 .type = CONF_T_NET,
	 .list_max = FILTER_NETS_MAX,
	 LIST_OF(struct conf_filter, ignored_address),
	 .count_offset = offsetof(struct conf_filter, n_ignored_addresses)},
	{.name = "tcp-states",
	 .type = CONF_T_WORD,
	 .list_max = CONF_TCP_STATES,
	 LIST_OF(struct conf_filter, tcp_state),
	 .count_offset = offsetof(struct conf_filter, n_tcp_states),
	 LINE_AT(struct conf_filter, tcp_states_line),
	 .words = words_tcp_state},
	{.name = "assured", .type = CONF_T_BOOL, AT(struct conf_filter, assured)},
};

#define FILTER_OF(type)                                                                            \
	{                                                                                          \
		.name = "filter", .option = filter_options,                                        \
		.n_options = ARRAY_LEN(filter_options), .offset = offsetof(type, filter),          \
		LINE_AT(struct conf_filter, line)                                                  \
	}
static const struct conf_section sync_subs[] = {FILTER_OF(struct conf_sync)};

static const struct conf_option sync_options[] = {
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 .required = true,
	 .list_max = SYNC_LINKS_MAX,
	 LIST_OF(struct conf_sync, interface),
	 .count_offset = offsetof(struct conf_sync, n_interfaces),
	 LINE_AT(struct conf_sync, interface_line)},
	{.name = "group",
	 .type = CONF_T_GROUP,
	 AT(struct conf_sync, group),
	 LINE_AT(struct conf_sync, group_line)},
	{.name = "peers",
	 .type = CONF_T_PEER,
	 .list_max = SYNC_UNICAST_MAX,
	 LIST_OF(struct conf_sync, peer),
	 .count_offset = offsetof(struct conf_sync, n_peers),
	 LINE_AT(struct conf_sync, peers_line)},
	{.name = "port", .type = CONF_T_NUMBER, AT(struct conf_sync, port), .min = 1, .max = 65535},
	/* one word so far: checked, and there is nothing to keep */
	{.name = "protocol", .type = CONF_T_WORD, .words = words_protocol},
	{.name = "security",
	 .type = CONF_T_WORD,
	 AT(struct conf_sync, sealed),
	 .words = words_security},
	{.name = "key-file",
	 .type = CONF_T_PATH,
	 AT(struct conf_sync, key_file),
	 LINE_AT(struct conf_sync, key_file_line)},
	{.name = "ring",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_sync, ring_kb),
	 .min = 64,
	 .max = 1048576,
	 .unit = "KiB"},
	{.name = "hold-new",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_sync, hold_new_ms),
	 .max = 60000,
	 .unit = "ms"},
};

/* The public leg alone has the last one, the way out; it is kept in the router. */
#define IN_PUBLIC(member)                                                                          \
	(offsetof(struct conf_router, member) - offsetof(struct conf_router, leg[1]))
static const struct conf_option leg_options[] = {
	{.name = "attach",
	 .type = CONF_T_BRIDGE,
	 .required = true,
	 AT(struct conf_leg, bridge),
	 LINE_AT(struct conf_leg, attach_line)},
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 .required = true,
	 AT(struct conf_leg, interface),
	 LINE_AT(struct conf_leg, interface_line)},
	{.name = "vip",
	 .type = CONF_T_PREFIX,
	 .required = true,
	 .list_max = NET_VIPS_MAX,
	 LIST_OF(struct conf_leg, vip),
	 .count_offset = offsetof(struct conf_leg, n_vips),
	 LINE_AT(struct conf_leg, vip_line)},
	{.name = "gateway",
	 .type = CONF_T_ADDR,
	 .list_max = NET_FAMILIES,
	 .offset = IN_PUBLIC(gateway),
	 .size = sizeof(struct ip_addr),
	 .count_offset = IN_PUBLIC(n_gateways),
	 .line_offset = IN_PUBLIC(gateway_line)},
};

static const struct conf_option election_options[] = {
	{.name = "mode",
	 .type = CONF_T_WORD,
	 AT(struct conf_router, election.mode),
	 LINE_AT(struct conf_router, election.mode_line),
	 .words = words_mode},
	{.name = "group",
	 .type = CONF_T_NAME,
	 AT(struct conf_router, election.group),
	 LINE_AT(struct conf_router, election.group_line)},
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 AT(struct conf_router, election.interface),
	 LINE_AT(struct conf_router, election.interface_line)},
	{.name = "family",
	 .type = CONF_T_WORD,
	 AT(struct conf_router, election.ipv6),
	 LINE_AT(struct conf_router, election.family_line),
	 .words = words_ip},
	{.name = "peers",
	 .type = CONF_T_ADDR,
	 .list_max = VRRP_MAX_PEERS,
	 LIST_OF(struct conf_router, election.peers.addr),
	 .count_offset = offsetof(struct conf_router, election.peers.n),
	 LINE_AT(struct conf_router, election.peers_line)},
	{.name = "vrid",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.vrid),
	 LINE_AT(struct conf_router, election.vrid_line),
	 .min = 1,
	 .max = 255},
	{.name = "priority",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.priority),
	 .min = 2,
	 .max = 253,
	 .also = 255},
	{.name = "advert-interval",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.advert_interval_ms),
	 LINE_AT(struct conf_router, election.advert_line),
	 .min = 10,
	 .max = 40950,
	 .unit = "ms, a multiple of 10"},
	{.name = "preempt", .type = CONF_T_BOOL, AT(struct conf_router, election.preempt)},
	{.name = "preempt-delay",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.preempt_delay_s),
	 .max = 1000,
	 .unit = "s"},
	{.name = "version",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.version),
	 LINE_AT(struct conf_router, election.version_line),
	 .min = 2,
	 .max = 3},
	{.name = "auth",
	 .type = CONF_T_WORD,
	 AT(struct conf_router, election.auth),
	 LINE_AT(struct conf_router, election.auth_line),
	 .words = words_auth},
	{.name = "checksum",
	 .type = CONF_T_WORD,
	 AT(struct conf_router, election.plain_sum),
	 .words = words_checksum},
	{.name = "virtual-mac",
	 .type = CONF_T_BOOL,
	 AT(struct conf_router, election.virtual_mac),
	 LINE_AT(struct conf_router, election.virtual_mac_line)},
	{.name = "accept",
	 .type = CONF_T_BOOL,
	 AT(struct conf_router, election.accept),
	 LINE_AT(struct conf_router, election.accept_line)},
	{.name = "veto", .type = CONF_T_BOOL, AT(struct conf_router, election.veto)},
	{.name = "fast-detect",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.fast_detect),
	 LINE_AT(struct conf_router, election.fast_detect_line),
	 .max = 100,
	 .unit = "missed heartbeats"},
	{.name = "fast-interval",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.fast_interval_ms),
	 .min = 1,
	 .max = 100,
	 .unit = "ms"},
};

static const struct conf_option router_options[] = {
	{.name = "namespace",
	 .type = CONF_T_NAME,
	 AT(struct conf_router, namespace),
	 LINE_AT(struct conf_router, namespace_line)},
	{.name = "sync-hold",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, sync_hold_s),
	 .max = 3600,
	 .unit = "s"},
	{.name = "drain",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, drain_ms),
	 .max = 60000,
	 .unit = "ms"},
	{.name = "linger",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, linger_ms),
	 .max = 60000,
	 .unit = "ms"},
	{.name = "announce-refresh",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, announce_refresh_s),
	 .max = 3600,
	 .unit = "s"},
	{.name = "warm-neighbours", .type = CONF_T_BOOL, AT(struct conf_router, warm_neighbours)},
	{.name = "on-role-change", .type = CONF_T_PATH, AT(struct conf_router, on_role_change)},
	{.name = "on-role-change-timeout",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, on_role_change_timeout_s),
	 .min = 1,
	 .max = 600,
	 .unit = "s"},
	{.name = "fence",
	 .type = CONF_T_PATH,
	 AT(struct conf_router, fence),
	 LINE_AT(struct conf_router, fence_line)},
	{.name = "fence-timeout",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, fence_timeout_s),
	 .min = 1,
	 .max = 600,
	 .unit = "s"},
	{.name = "crash",
	 .type = CONF_T_WORD,
	 AT(struct conf_router, crash),
	 LINE_AT(struct conf_router, crash_line),
	 .words = words_crash},
	{.name = "adopt-timeout",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, adopt_timeout_s),
	 .min = 1,
	 .max = 600,
	 .unit = "s"},
	{.name = "dns-servers", .type = CONF_T_UNSUPPORTED, .list_max = 1, .refusal = NO_SERVICES},
	{.name = "ntp-servers", .type = CONF_T_UNSUPPORTED, .list_max = 1, .refusal = NO_SERVICES},
};

static const struct conf_option track_options[] = {
	{.name = "kind",
	 .type = CONF_T_WORD,
	 .required = true,
	 AT(struct conf_track, kind),
	 .words = words_kind},
	{.name = "weight", .type = CONF_T_WEIGHT, AT(struct conf_track, rule.weight)},
	{.name = "interval",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_track, interval_ms),
	 .min = 100,
	 .max = 3600000,
	 .unit = "ms"},
	{.name = "rise",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_track, rule.rise),
	 .min = 1,
	 .max = 1000},
	{.name = "fall",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_track, rule.fall),
	 .min = 1,
	 .max = 1000},
	{.name = "timeout",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_track, timeout_ms),
	 LINE_AT(struct conf_track, timeout_line),
	 .min = 10,
	 .max = 600000,
	 .unit = "ms"},
	{.name = "hold",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_track, hold_s),
	 LINE_AT(struct conf_track, hold_line),
	 .min = 1,
	 .max = 3600,
	 .unit = "s"},
	{.name = "leg",
	 .type = CONF_T_WORD,
	 AT(struct conf_track, leg),
	 LINE_AT(struct conf_track, leg_line),
	 .words = words_leg},
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 AT(struct conf_track, interface),
	 LINE_AT(struct conf_track, interface_line)},
	{.name = "bridge",
	 .type = CONF_T_IFNAME,
	 AT(struct conf_track, bridge),
	 LINE_AT(struct conf_track, bridge_line)},
	{.name = "target",
	 .type = CONF_T_ADDR,
	 AT(struct conf_track, target),
	 LINE_AT(struct conf_track, target_line)},
	{.name = "program",
	 .type = CONF_T_PATH,
	 AT(struct conf_track, program),
	 LINE_AT(struct conf_track, program_line)},
	{.name = "arguments",
	 .type = CONF_T_TEXT,
	 .list_max = CONF_ARGUMENTS_MAX,
	 LIST_OF(struct conf_track, argument),
	 .count_offset = offsetof(struct conf_track, n_arguments),
	 LINE_AT(struct conf_track, arguments_line),
	 .max = CONF_ARGUMENT_MAX - 1},
	{.name = "process",
	 .type = CONF_T_PROCESS,
	 AT(struct conf_track, process),
	 LINE_AT(struct conf_track, process_line)},
	{.name = "pid-file",
	 .type = CONF_T_PATH,
	 AT(struct conf_track, pid_file),
	 LINE_AT(struct conf_track, pid_file_line)},
	{.name = "destination",
	 .type = CONF_T_NET,
	 AT(struct conf_track, destination),
	 LINE_AT(struct conf_track, destination_line)},
	{.name = "table",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_track, table),
	 LINE_AT(struct conf_track, table_line),
	 .min = 1,
	 .max = 999999999},
	{.name = "namespace",
	 .type = CONF_T_WORD,
	 AT(struct conf_track, host),
	 LINE_AT(struct conf_track, namespace_line),
	 .words = words_side},
};

static const struct conf_section router_subs[] = {
	{.name = "management",
	 .required = true,
	 .option = leg_options,
	 .n_options = ARRAY_LEN(leg_options) - 1,
	 .offset = offsetof(struct conf_router, leg[NET_MANAGEMENT]),
	 LINE_AT(struct conf_leg, line)},
	{.name = "public",
	 .required = true,
	 .option = leg_options,
	 .n_options = ARRAY_LEN(leg_options),
	 .offset = offsetof(struct conf_router, leg[NET_PUBLIC]),
	 LINE_AT(struct conf_leg, line)},
	{.name = "nat",
	 .option = conf_nat_options,
	 .n_options = CONF_NAT_OPTIONS,
	 LINE_AT(struct conf_router, nat_more.line)},
	{.name = "forward",
	 .titled = true,
	 .option = conf_forward_options,
	 .n_options = CONF_FORWARD_OPTIONS,
	 .list_max = NAT_FORWARDS_MAX,
	 .offset = offsetof(struct conf_router, nat_more.rules.forward),
	 .size = sizeof(struct nat_forward),
	 .count_offset = offsetof(struct conf_router, nat_more.rules.n_forwards),
	 LINE_AT(struct nat_forward, line)},
	{.name = "election",
	 .option = election_options,
	 .n_options = ARRAY_LEN(election_options),
	 LINE_AT(struct conf_router, election.line)},
	FILTER_OF(struct conf_router),
	{.name = "track",
	 .titled = true,
	 .option = track_options,
	 .n_options = ARRAY_LEN(track_options),
	 .list_max = TRACK_MAX,
	 .offset = offsetof(struct conf_router, track),
	 .size = sizeof(struct conf_track),
	 .count_offset = offsetof(struct conf_router, n_tracks),
	 LINE_AT(struct conf_track, line)},
};

const struct conf_section conf_sections[CONF_SECS] = {
	[CONF_SEC_CONTROLLER] = {.name = "controller",
				 .titled = true,
				 .required = true,
				 .option = controller_options,
				 .n_options = ARRAY_LEN(controller_options),
				 LINE_AT(struct conf, controller.line)},
	[CONF_SEC_SYNC] = {.name = "sync",
			   .option = sync_options,
			   .n_options = ARRAY_LEN(sync_options),
			   .sub = sync_subs,
			   .n_subs = ARRAY_LEN(sync_subs),
			   .offset = offsetof(struct conf, sync),
			   LINE_AT(struct conf_sync, line)},
	[CONF_SEC_ROUTER] = {.name = "router",
			     .titled = true,
			     .required = true,
			     .option = router_options,
			     .n_options = ARRAY_LEN(router_options),
			     .sub = router_subs,
			     .n_subs = ARRAY_LEN(router_subs),
			     LINE_AT(struct conf_router, line)},
};

void conf_defaults(struct conf *c)
{
	strcpy(c->controller.run_dir, "/run/vrouterd");
	c->controller.realtime = true;
	c->sync.port = 3781;
	c->sync.sealed = true;
	c->sync.ring_kb = 2048;
}

void conf_router_defaults(struct conf_router *r)
{
	r->nat = NET_NAT_SNAT;
	r->election.mode = CONF_ELECTION_VRRP;
	r->election.version = 3;
	r->election.priority = 100;
	r->election.advert_interval_ms = 100;
	r->election.preempt = true;
	r->election.accept = true;
	r->election.veto = true;
	r->election.fast_interval_ms = 3;
	r->sync_hold_s = 30;
	r->drain_ms = 500;
	r->linger_ms = 1000;
	r->announce_refresh_s = 30;
	r->warm_neighbours = true;
	r->on_role_change_timeout_s = 10;
	r->fence_timeout_s = 10;
	r->adopt_timeout_s = 10;
	for (unsigned i = 0; i < TRACK_MAX; i++)
		conf_track_defaults(&r->track[i]);
}
