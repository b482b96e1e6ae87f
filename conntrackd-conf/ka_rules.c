/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The statements of keepalived.conf(5) of 2.2.7 that have to do with a router pair: what becomes of
 * each. Load balancing (virtual servers) is left to keepalived as a whole. */
#include "ka_take.h"

#define USED(statement, as_id, args, as)                                                           \
	{                                                                                          \
		.name = statement, .id = as_id, .arg = args, .why = as                             \
	}
#define NUMBER(statement, as_id, least, most, as)                                                  \
	{                                                                                          \
		.name = statement, .id = as_id, .arg = ARG_NUMBER, .why = as, .min = least,        \
		.max = most                                                                        \
	}
#define SECONDS(statement, as_id, least, most, as)                                                 \
	{                                                                                          \
		.name = statement, .id = as_id, .arg = ARG_SECONDS, .why = as, .min = least,       \
		.max = most                                                                        \
	}
#define NOTHING(statement, because)                                                                \
	{                                                                                          \
		.name = statement, .arg = ARG_ANY, .verdict = IMPORT_NOTHING, .why = because       \
	}
#define MISSING(statement, because)                                                                \
	{                                                                                          \
		.name = statement, .arg = ARG_ANY, .verdict = IMPORT_MISSING, .why = because       \
	}
#define BLOCK(statement, as_id, args, inside, as)                                                  \
	{                                                                                          \
		.name = statement, .id = as_id, .arg = args, .inner = &(inside), .block = true,    \
		.why = as                                                                          \
	}
#define RULES(rules_name, text, table)                                                             \
	static const struct rules rules_name = {.where = text, .rule = table, .n = ARRAY_LEN(table)}

#define NO_MAIL	    "no mail is sent; see on-role-change and vrouterctl events --follow"
#define NO_GARP	    "announcements have a fixed scheme, and announce-refresh"
#define NO_PROCESS  "the daemon has no such processes"
#define NO_SNMP	    "there is no SNMP and no D-Bus; see vrouterctl status --json"
#define NO_FIREWALL "the rules in the router's namespace are vrouterd's own"
#define NO_IPVS	    "load balancing stays with keepalived"
#define NO_RIGHTS   "programs run as root, and must not be writable by everybody"
#define NO_BUFFER   "socket buffers are sized by vrouterd itself"
#define NO_CHECK    "advertisements are checked as RFC 9568 has it"
#define NO_LINKBEAT "carrier is what the kernel says"
#define NO_STATIC   "what does not move with the role stays where it is configured now"
#define NO_FIFO	    "see on-role-change and vrouterctl events --follow"
#define NO_STATE    "all begin as STANDBY; the priority decides"

static const struct rule global_rule[] = {
	USED("router_id", KA_ROUTER_ID, ARG_WORD, "controller \"NAME\""),
	NUMBER("vrrp_version", KA_GLOBAL_VERSION, 2, 3, "election { version }"),
	SECONDS("vrrp_garp_master_refresh", KA_GLOBAL_REFRESH, 0, 86400, "announce-refresh"),
	USED("vrrp_strict", KA_GLOBAL_STRICT, ARG_BOOL_OPTIONAL, "election { accept = false }"),
	MISSING("vrrp_mcast_group4", "the group is 224.0.0.18"),
	MISSING("vrrp_mcast_group6", "the group is ff02::12"),
	MISSING("vrrp_down_timer_adverts", "a crash is noticed after three advertisements"),
	NOTHING("notification_email", NO_MAIL),
	NOTHING("notification_email_from", NO_MAIL),
	NOTHING("smtp_server", NO_MAIL),
	NOTHING("smtp_helo_name", NO_MAIL),
	NOTHING("smtp_connect_timeout", NO_MAIL),
	NOTHING("smtp_alert", NO_MAIL),
	NOTHING("smtp_alert_vrrp", NO_MAIL),
	NOTHING("smtp_alert_checker", NO_MAIL),
	NOTHING("no_email_faults", NO_MAIL),
	NOTHING("vrrp_garp_master_delay", NO_GARP),
	NOTHING("vrrp_garp_master_repeat", NO_GARP),
	NOTHING("vrrp_garp_lower_prio_delay", NO_GARP),
	NOTHING("vrrp_garp_lower_prio_repeat", NO_GARP),
	NOTHING("vrrp_garp_master_refresh_repeat", NO_GARP),
	NOTHING("vrrp_garp_interval", NO_GARP),
	NOTHING("vrrp_gna_interval", NO_GARP),
	NOTHING("vrrp_min_garp", NO_GARP),
	NOTHING("vrrp_garp_extra_if", NO_GARP),
	NOTHING("vrrp_lower_prio_no_advert", NO_CHECK),
	NOTHING("vrrp_higher_prio_send_advert", NO_CHECK),
	NOTHING("vrrp_check_unicast_src", NO_CHECK),
	NOTHING("vrrp_skip_check_adv_addr", NO_CHECK),
	NOTHING("vrrp_startup_delay", "sync-hold waits for the flows"),
	NOTHING("log_unknown_vrids", NO_CHECK),
	NOTHING("nftables", NO_FIREWALL),
	NOTHING("nftables_priority", NO_FIREWALL),
	NOTHING("nftables_counters", NO_FIREWALL),
	NOTHING("nftables_ifindex", NO_FIREWALL),
	NOTHING("vrrp_iptables", NO_FIREWALL),
	NOTHING("vrrp_ipsets", NO_FIREWALL),
	NOTHING("disable_local_igmp", NO_FIREWALL),
	NOTHING("script_user", NO_RIGHTS),
	NOTHING("enable_script_security", NO_RIGHTS),
	NOTHING("notify_fifo", NO_FIFO),
	NOTHING("notify_fifo_script", NO_FIFO),
	NOTHING("vrrp_notify_fifo", NO_FIFO),
	NOTHING("vrrp_notify_fifo_script", NO_FIFO),
	NOTHING("fifo_write_vrrp_states_on_reload", NO_FIFO),
	NOTHING("vrrp_notify_priority_changes", NO_FIFO),
	NOTHING("dynamic_interfaces", "legs are made, and their bridges may come later"),
	NOTHING("default_interface", NO_STATIC),
	NOTHING("vmac_prefix", "the legs have names of their own"),
	NOTHING("vmac_addr_prefix", "the legs have names of their own"),
	NOTHING("enable_snmp_vrrp", NO_SNMP),
	NOTHING("enable_snmp_checker", NO_SNMP),
	NOTHING("enable_snmp_keepalived", NO_SNMP),
	NOTHING("enable_snmp_rfc", NO_SNMP),
	NOTHING("enable_snmp_rfcv2", NO_SNMP),
	NOTHING("enable_snmp_rfcv3", NO_SNMP),
	NOTHING("enable_traps", NO_SNMP),
	NOTHING("snmp_socket", NO_SNMP),
	NOTHING("enable_dbus", NO_SNMP),
	NOTHING("dbus_service_name", NO_SNMP),
	NOTHING("startup_script", "a unit of systemd may do that"),
	NOTHING("startup_script_timeout", "a unit of systemd may do that"),
	NOTHING("shutdown_script", "a unit of systemd may do that"),
	NOTHING("shutdown_script_timeout", "a unit of systemd may do that"),
	NOTHING("vrrp_netlink_cmd_rcv_bufs", NO_BUFFER),
	NOTHING("vrrp_netlink_cmd_rcv_bufs_force", NO_BUFFER),
	NOTHING("vrrp_netlink_monitor_rcv_bufs", NO_BUFFER),
	NOTHING("vrrp_netlink_monitor_rcv_bufs_force", NO_BUFFER),
	NOTHING("process_monitor_rcv_bufs", NO_BUFFER),
	NOTHING("process_monitor_rcv_bufs_force", NO_BUFFER),
	NOTHING("vrrp_rx_bufs_policy", NO_BUFFER),
	NOTHING("vrrp_rx_bufs_multiplier", NO_BUFFER),
	NOTHING("max_auto_priority", "see controller { realtime }"),
	NOTHING("min_auto_priority_delay", "see controller { realtime }"),
	NOTHING("vrrp_priority", "see controller { realtime }"),
	NOTHING("vrrp_rt_priority", "see controller { realtime }"),
	NOTHING("vrrp_rlimit_rttime", "see controller { realtime }"),
	NOTHING("vrrp_no_swap", "see controller { realtime }"),
	NOTHING("vrrp_cpu_affinity", "a unit of systemd may do that"),
	NOTHING("process_names", NO_PROCESS),
	NOTHING("process_name", NO_PROCESS),
	NOTHING("vrrp_process_name", NO_PROCESS),
	NOTHING("checker_process_name", NO_PROCESS),
	NOTHING("bfd_process_name", NO_PROCESS),
	NOTHING("tmp_config_directory", "the file is read once"),
	NOTHING("config_save_dir", "the file is read once"),
	NOTHING("include_check", "the file is read once"),
	NOTHING("reload_check_config", "a reload checks first, always"),
	NOTHING("reload_time_file", "there is vrouterctl reload"),
	NOTHING("reload_repeat", "there is vrouterctl reload"),
	NOTHING("reload_file", "there is vrouterctl reload"),
	NOTHING("data_use_instance", NO_PROCESS),
	NOTHING("random_seed", NO_PROCESS),
	NOTHING("umask", NO_PROCESS),
	NOTHING("lvs_sync_daemon", NO_IPVS),
	NOTHING("lvs_timeouts", NO_IPVS),
	NOTHING("lvs_flush", NO_IPVS),
	NOTHING("lvs_flush_on_stop", NO_IPVS),
	NOTHING("lvs_notify_fifo", NO_IPVS),
	NOTHING("lvs_notify_fifo_script", NO_IPVS),
	NOTHING("lvs_netlink_cmd_rcv_bufs", NO_IPVS),
	NOTHING("lvs_netlink_cmd_rcv_bufs_force", NO_IPVS),
	NOTHING("lvs_netlink_monitor_rcv_bufs", NO_IPVS),
	NOTHING("lvs_netlink_monitor_rcv_bufs_force", NO_IPVS),
	NOTHING("nftables_ipvs", NO_IPVS),
	NOTHING("nftables_ipvs_priority", NO_IPVS),
	NOTHING("nftables_ipvs_start_fwmark", NO_IPVS),
	NOTHING("checker_log_all_failures", NO_IPVS),
	NOTHING("checker_priority", NO_IPVS),
	NOTHING("checker_no_swap", NO_IPVS),
	NOTHING("checker_cpu_affinity", NO_IPVS),
	NOTHING("checker_rt_priority", NO_IPVS),
	NOTHING("checker_rlimit_rttime", NO_IPVS),
	NOTHING("rs_init_notifies", NO_IPVS),
	NOTHING("no_checker_emails", NO_IPVS),
	NOTHING("bfd_priority", NO_PROCESS),
	NOTHING("bfd_no_swap", NO_PROCESS),
	NOTHING("bfd_cpu_affinity", NO_PROCESS),
	NOTHING("bfd_rt_priority", NO_PROCESS),
	NOTHING("bfd_rlimit_rttime", NO_PROCESS),
};
RULES(global_rules, "global_defs", global_rule);

static const struct rule script_rule[] = {
	USED("script", KA_COMMAND, ARG_WORDS, "track { program, arguments }"),
	SECONDS("interval", KA_INTERVAL, 1, 3600, "track { interval }"),
	SECONDS("timeout", KA_TIMEOUT, 0, 600, "track { timeout }"),
	NUMBER("rise", KA_RISE, 1, 1000, "track { rise }"),
	NUMBER("fall", KA_FALL, 1, 1000, "track { fall }"),
	USED("weight", KA_WEIGHT, ARG_WORDS, "track { weight }"),
	MISSING("user", NO_RIGHTS),
	NOTHING("init_fail", "the first sample decides"),
};
RULES(script_rules, "vrrp_script", script_rule);

static const struct rule process_rule[] = {
	USED("process", KA_COMMAND, ARG_WORDS, "track { process }"),
	USED("weight", KA_WEIGHT, ARG_WORDS, "track { weight }"),
	MISSING("param_match", "a process is known by its name alone"),
	MISSING("full_command", "a process is known by its name alone"),
	MISSING("quorum", "one process of the name is enough"),
	MISSING("quorum_max", "one process of the name is enough"),
	NOTHING("fork_delay", "see track { rise }"),
	NOTHING("terminate_delay", "see track { fall }"),
	NOTHING("delay", "see track { rise } and { fall }"),
};
RULES(process_rules, "vrrp_track_process", process_rule);

static const struct rule track_interface_rule[] = {USED("*", KA_TRACK_INTERFACE, ARG_ANY, NULL)};
RULES(track_interface_rules, "track_interface", track_interface_rule);
static const struct rule track_script_rule[] = {USED("*", KA_TRACK_SCRIPT, ARG_ANY, NULL)};
RULES(track_script_rules, "track_script", track_script_rule);
static const struct rule track_process_rule[] = {USED("*", KA_TRACK_PROCESS, ARG_ANY, NULL)};
RULES(track_process_rules, "track_process", track_process_rule);
static const struct rule vip_rule[] = {USED("*", KA_VIP, ARG_ANY, NULL)};
RULES(vip_rules, "virtual_ipaddress", vip_rule);
static const struct rule route_rule[] = {USED("*", KA_ROUTE, ARG_ANY, NULL)};
RULES(route_rules, "virtual_routes", route_rule);
static const struct rule peer_rule[] = {USED("*", KA_PEER, ARG_ANY, "election { peers }")};
RULES(peer_rules, "unicast_peer", peer_rule);
static const struct rule auth_rule[] = {
	NOTHING("auth_type", "see auth_pass"),
	USED("auth_pass", KA_PASSWORD, ARG_WORD, NULL),
};
RULES(auth_rules, "authentication", auth_rule);
static const struct rule member_rule[] = {
	USED("*", KA_MEMBER, ARG_NONE, "in this router: its VIPs move together")};
RULES(member_rules, "group", member_rule);

#define SHARED                                                                                     \
	BLOCK("track_interface", 0, ARG_NONE, track_interface_rules, NULL),                        \
		BLOCK("track_script", 0, ARG_NONE, track_script_rules, NULL),                      \
		BLOCK("track_process", 0, ARG_NONE, track_process_rules, NULL),                    \
		MISSING("track_file", "write the file's value into a track of kind script"),       \
		MISSING("track_bfd", "BFD is not spoken; see fast-detect"),                        \
		USED("notify", KA_NOTIFY, ARG_WORDS, NULL),                                        \
		USED("notify_master", KA_NOTIFY, ARG_WORDS, NULL),                                 \
		USED("notify_backup", KA_NOTIFY, ARG_WORDS, NULL),                                 \
		USED("notify_fault", KA_NOTIFY, ARG_WORDS, NULL),                                  \
		USED("notify_stop", KA_NOTIFY, ARG_WORDS, NULL),                                   \
		USED("notify_deleted", KA_NOTIFY, ARG_ANY, NULL),                                  \
		NOTHING("notify_priority_changes", NO_FIFO), NOTHING("smtp_alert", NO_MAIL)

static const struct rule group_rule[] = {
	BLOCK("group", 0, ARG_NONE, member_rules, NULL),
	USED("sync_group_tracking_weight", KA_WEIGHTS, ARG_NONE, "weights count"),
	USED("global_tracking", KA_WEIGHTS, ARG_NONE, "weights count"),
	SHARED,
};
RULES(group_rules, "vrrp_sync_group", group_rule);

static const struct rule inst_rule[] = {
	USED("interface", KA_INTERFACE, ARG_WORD, "election { interface }"),
	NUMBER("virtual_router_id", KA_VRID, 1, 255, "election { vrid }"),
	NUMBER("priority", KA_PRIORITY, 1, 255, "election { priority }"),
	SECONDS("advert_int", KA_ADVERT, 0, 255, "election { advert-interval }"),
	NUMBER("version", KA_VERSION, 2, 3, "election { version }"),
	USED("nopreempt", KA_NOPREEMPT, ARG_NONE, "election { preempt = false }"),
	NOTHING("preempt", "that is the default"),
	SECONDS("preempt_delay", KA_PREEMPT_DELAY, 0, 1000, "election { preempt-delay }"),
	USED("use_vmac", KA_VMAC, ARG_ANY, "election { virtual-mac = true }"),
	USED("use_vmac_addr", KA_VMAC, ARG_NONE, "election { virtual-mac = true }: of both legs"),
	NOTHING("vmac_xmit_base", "VRRP is spoken in the controller's own namespace"),
	MISSING("use_ipvlan", "the legs are veth pairs"),
	MISSING("vrf", "the router has a namespace of its own"),
	USED("accept", KA_ACCEPT, ARG_NONE, "election { accept }: that is the default"),
	USED("no_accept", KA_ACCEPT, ARG_NONE, "election { accept = false }"),
	USED("strict_mode", KA_STRICT, ARG_BOOL_OPTIONAL, "election { accept = false }"),
	USED("native_ipv6", KA_IPV6, ARG_NONE, "election { family = \"ipv6\" }"),
	USED("v3_checksum_as_v2", KA_PLAIN_SUM, ARG_BOOL_OPTIONAL,
	     "election { checksum = \"no-pseudo-header\" }"),
	USED("unicast_src_ip", KA_SOURCE, ARG_WORD, "election { peers }: with this controller"),
	NOTHING("mcast_src_ip", "the interface's own address is the source"),
	MISSING("mcast_dst_ip", "the group is 224.0.0.18 or ff02::12"),
	BLOCK("unicast_peer", 0, ARG_NONE, peer_rules, NULL),
	MISSING("unicast_ttl", "it is 255, and nothing less is heard"),
	NOTHING("unicast_fault_no_peer", "a list without another controller is an alarm"),
	NOTHING("old_unicast_checksum", "both checksums are accepted"),
	NOTHING("check_unicast_src", NO_CHECK),
	NOTHING("skip_check_adv_addr", NO_CHECK),
	NOTHING("lower_prio_no_advert", NO_CHECK),
	NOTHING("higher_prio_send_advert", NO_CHECK),
	MISSING("down_timer_adverts", "a crash is noticed after three advertisements"),
	SECONDS("garp_master_refresh", KA_REFRESH, 0, 86400, "announce-refresh"),
	NOTHING("garp_master_delay", NO_GARP),
	NOTHING("garp_master_repeat", NO_GARP),
	NOTHING("garp_lower_prio_delay", NO_GARP),
	NOTHING("garp_lower_prio_repeat", NO_GARP),
	NOTHING("garp_master_refresh_repeat", NO_GARP),
	NOTHING("garp_extra_if", NO_GARP),
	BLOCK("authentication", 0, ARG_NONE, auth_rules, NULL),
	BLOCK("virtual_ipaddress", 0, ARG_NONE, vip_rules, NULL),
	BLOCK("virtual_ipaddress_excluded", 0, ARG_NONE, vip_rules, NULL),
	BLOCK("virtual_routes", 0, ARG_NONE, route_rules, NULL),
	MISSING("virtual_rules", "policy routing is not configured; use on-role-change"),
	NOTHING("promote_secondaries", "the VIPs are the legs' only addresses"),
	NOTHING("state", NO_STATE),
	NOTHING("dont_track_primary", "the link of the election is always watched"),
	NOTHING("track_src_ip", "a missing source address is a fault, always"),
	MISSING("notify_master_rx_lower_pri", "vrouterctl events tells of other routers"),
	NOTHING("lvs_sync_daemon_interface", NO_IPVS),
	NOTHING("kernel_rx_buf_size", NO_BUFFER),
	NOTHING("linkbeat_use_polling", NO_LINKBEAT),
	NOTHING("debug", "see vrouterd --debug"),
	SHARED,
};
RULES(inst_rules, "vrrp_instance", inst_rule);

static const struct rule top_rule[] = {
	BLOCK("global_defs", KA_GLOBAL, ARG_NONE, global_rules, NULL),
	BLOCK("vrrp_instance", KA_INST, ARG_WORD, inst_rules, NULL),
	BLOCK("vrrp_sync_group", KA_GROUP, ARG_WORD, group_rules, "router \"NAME\""),
	BLOCK("vrrp_script", KA_SCRIPT, ARG_WORD, script_rules, NULL),
	BLOCK("vrrp_track_process", KA_PROCESS, ARG_WORD, process_rules, NULL),
	USED("net_namespace", KA_NAMESPACE, ARG_WORD, "namespace"),
	NOTHING("net_namespace_ipvs", NO_IPVS),
	NOTHING("namespace_with_ipsets", NO_FIREWALL),
	NOTHING("instance", NO_PROCESS),
	NOTHING("use_pid_dir", NO_PROCESS),
	NOTHING("child_wait_time", NO_PROCESS),
	NOTHING("linkbeat_use_polling", NO_LINKBEAT),
	NOTHING("linkbeat_interfaces", NO_LINKBEAT),
	NOTHING("interface_up_down_delays", "see track { rise } and { fall }"),
	NOTHING("garp_group", NO_GARP),
	NOTHING("static_ipaddress", NO_STATIC),
	NOTHING("static_routes", NO_STATIC),
	NOTHING("static_rules", NO_STATIC),
	NOTHING("track_group", NO_STATIC),
	MISSING("track_file", "write the file's value into a track of kind script"),
	MISSING("vrrp_track_file", "write the file's value into a track of kind script"),
	MISSING("bfd_instance", "BFD is not spoken; see fast-detect"),
	NOTHING("virtual_server", NO_IPVS),
	NOTHING("virtual_server_group", NO_IPVS),
};
const struct rules ka_rules = {.where = "the file", .rule = top_rule, .n = ARRAY_LEN(top_rule)};
