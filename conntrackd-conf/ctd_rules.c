/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every statement of conntrackd.conf(5) of 1.4.7, and those that its parser takes beside: what
 * becomes of it. */
#include "ctd_ids.h"
#include "model.h"

#define USED(statement, as_id, args, as)                                                           \
	{                                                                                          \
		.name = statement, .id = as_id, .arg = args, .why = as                             \
	}
#define NOTHING(statement, args, because)                                                          \
	{                                                                                          \
		.name = statement, .arg = args, .verdict = IMPORT_NOTHING, .why = because          \
	}
#define MISSING(statement, args, because)                                                          \
	{                                                                                          \
		.name = statement, .arg = args, .verdict = IMPORT_MISSING, .why = because          \
	}
#define BLOCK(statement, as_id, args, inside, as)                                                  \
	{                                                                                          \
		.name = statement, .id = as_id, .arg = args, .inner = &(inside), .block = true,    \
		.why = as                                                                          \
	}
#define LIST(statement, as_id, args, inside, as)                                                   \
	{                                                                                          \
		.name = statement, .id = as_id, .arg = args, .inner = &(inside), .block = true,    \
		.words = true, .why = as                                                           \
	}
#define RULES(name, text, table)                                                                   \
	static const struct rules name = {.where = text, .rule = table, .n = ARRAY_LEN(table)}

#define NO_CACHE   "there are no caches: the kernel's table is the only one"
#define NO_WINDOW  "gaps are always asked for again; how much is kept for that: sync { ring }"
#define NO_COMMIT  "nothing is committed: a replica's kernel has the flows before the VIPs come"
#define NO_PURGE   "a controller that was demoted is repaired from its successor"
#define NO_RESYNC  "a controller that joins always asks for the table"
#define NO_BUFFER  "socket buffers are sized by vrouterd itself"
#define NO_OVERRUN "lost events always end in a repair"
#define NO_FILES   "vrouterd has its own files: controller { run-dir }"
#define NO_LOG	   "vrouterd logs to syslog or the journal"

static const struct rule mode_rule[] = {
	NOTHING("ResendQueueSize", ARG_NUMBER, NO_WINDOW),
	NOTHING("ACKWindowSize", ARG_NUMBER, NO_WINDOW),
	NOTHING("CommitTimeout", ARG_NUMBER, NO_COMMIT),
	NOTHING("PurgeTimeout", ARG_NUMBER, NO_PURGE),
	USED("RefreshTime", CTD_REFRESH, ARG_NUMBER, NULL),
	USED("CacheTimeout", CTD_CACHE_TIMEOUT, ARG_NUMBER, NULL),
	NOTHING("DisableInternalCache", ARG_BOOL, NO_CACHE),
	NOTHING("DisableExternalCache", ARG_BOOL, NO_CACHE),
	NOTHING("StartupResync", ARG_BOOL, NO_RESYNC),
};
RULES(mode_rules, "Mode", mode_rule);

#define LINK_OPTIONS                                                                               \
	USED("Interface", CTD_INTERFACE, ARG_WORD, "sync { interface }"),                          \
		NOTHING("SndSocketBuffer", ARG_NUMBER, NO_BUFFER),                                 \
		NOTHING("RcvSocketBuffer", ARG_NUMBER, NO_BUFFER),                                 \
		NOTHING("McastSndBuff", ARG_NUMBER, NO_BUFFER),                                    \
		NOTHING("McastRcvBuff", ARG_NUMBER, NO_BUFFER),                                    \
		USED("Checksum", CTD_CHECKSUM, ARG_BOOL, NULL)

static const struct rule multicast_rule[] = {
	USED("IPv4_address", CTD_ADDRESS, ARG_IP4, "sync { group }"),
	USED("IPv6_address", CTD_ADDRESS, ARG_IP6, "sync { group }"),
	NOTHING("IPv4_interface", ARG_IP4, "the interface says it"),
	NOTHING("IPv6_interface", ARG_WORD, "the interface says it"),
	{.name = "Group",
	 .id = CTD_PORT,
	 .arg = ARG_NUMBER,
	 .why = "sync { port }",
	 .min = 1,
	 .max = 65535},
	LINK_OPTIONS,
};
RULES(multicast_rules, "Multicast", multicast_rule);

static const struct rule unicast_rule[] = {
	USED("IPv4_address", CTD_ADDRESS, ARG_IP4, "sync { peers }: one list for all controllers"),
	USED("IPv6_address", CTD_ADDRESS, ARG_IP6, "sync { peers }: one list for all controllers"),
	USED("IPv4_Destination_Address", CTD_TARGET, ARG_IP4, "sync { peers }"),
	USED("IPv6_Destination_Address", CTD_TARGET, ARG_IP6, "sync { peers }"),
	{.name = "Port",
	 .id = CTD_PORT,
	 .arg = ARG_NUMBER,
	 .why = "sync { port }",
	 .min = 1,
	 .max = 65535},
	LINK_OPTIONS,
};
RULES(unicast_rules, "UDP and TCP", unicast_rule);

static const struct rule options_rule[] = {
	NOTHING("TCPWindowTracking", ARG_BOOL,
		"windows are not replicated; the kernel takes them up from the traffic"),
	NOTHING("ExpectationSync", ARG_BOOL, "what helpers expect is always replicated"),
};
RULES(options_rules, "Options", options_rule);

static const struct rule sync_rule[] = {
	BLOCK("Mode", CTD_MODE, ARG_WORD, mode_rules, NULL),
	BLOCK("Multicast", CTD_MULTICAST, ARG_ANY, multicast_rules, "a link of sync"),
	BLOCK("UDP", CTD_UNICAST, ARG_ANY, unicast_rules, "a link of sync"),
	BLOCK("TCP", CTD_STREAM, ARG_ANY, unicast_rules, NULL),
	BLOCK("Options", 0, ARG_NONE, options_rules, NULL),
	USED("RefreshTime", CTD_REFRESH, ARG_NUMBER, NULL),
	USED("CacheTimeout", CTD_CACHE_TIMEOUT, ARG_NUMBER, NULL),
	NOTHING("CommitTimeout", ARG_NUMBER, NO_COMMIT),
	NOTHING("PurgeTimeout", ARG_NUMBER, NO_PURGE),
};
RULES(sync_rules, "Sync", sync_rule);

static const struct rule member_rule[] = {
	USED("*", CTD_MEMBER, ARG_NONE, NULL),
};
RULES(member_rules, "Protocol", member_rule);

static const struct rule address_rule[] = {
	USED("IPv4_address", CTD_MEMBER, ARG_NET4, NULL),
	USED("IPv6_address", CTD_MEMBER, ARG_NET6, NULL),
};
RULES(address_rules, "Address", address_rule);

static const struct rule state_rule[] = {
	USED("SYN_SENT", CTD_MEMBER, ARG_NONE, NULL),
	USED("SYN_RECV", CTD_MEMBER, ARG_NONE, NULL),
	USED("ESTABLISHED", CTD_MEMBER, ARG_NONE, NULL),
	USED("FIN_WAIT", CTD_MEMBER, ARG_NONE, NULL),
	USED("CLOSE_WAIT", CTD_MEMBER, ARG_NONE, NULL),
	USED("LAST_ACK", CTD_MEMBER, ARG_NONE, NULL),
	USED("TIME_WAIT", CTD_MEMBER, ARG_NONE, NULL),
	USED("CLOSED", CTD_MEMBER, ARG_NONE, NULL),
	USED("CLOSE", CTD_MEMBER, ARG_NONE, NULL),
	USED("LISTEN", CTD_MEMBER, ARG_NONE, NULL),
	USED("for", 0, ARG_NONE, NULL),
	USED("TCP", 0, ARG_NONE, NULL),
};
RULES(state_rules, "State", state_rule);

static const struct rule filter_rule[] = {
	LIST("Protocol", CTD_PROTOCOLS, ARG_WORD, member_rules,
	     "sync { filter { protocols or ignore-protocols } }"),
	BLOCK("Address", CTD_ADDRESSES, ARG_WORD, address_rules,
	      "sync { filter { addresses or ignore-addresses } }; the router's own are never "
	      "replicated"),
	LIST("State", CTD_STATES, ARG_WORD, state_rules, "sync { filter { tcp-states } }"),
};
RULES(filter_rules, "Filter", filter_rule);

static const struct rule general_rule[] = {
	BLOCK("Filter", CTD_FILTER, ARG_ANY, filter_rules, "sync { filter }"),
	NOTHING("HashSize", ARG_NUMBER, NO_CACHE),
	NOTHING("HashLimit", ARG_NUMBER, NO_CACHE),
	NOTHING("LogFile", ARG_BOOL_OR_ANY, NO_LOG),
	NOTHING("Syslog", ARG_BOOL_OR_ANY, NO_LOG),
	NOTHING("LockFile", ARG_PATH, NO_FILES),
	NOTHING("Lockfile", ARG_PATH, NO_FILES),
	NOTHING("UNIX", ARG_NONE, NO_FILES),
	NOTHING("NetlinkBufferSize", ARG_NUMBER, NO_BUFFER),
	NOTHING("NetlinkBufferSizeMaxGrowth", ARG_NUMBER, NO_BUFFER),
	NOTHING("SocketBufferSize", ARG_NUMBER, NO_BUFFER),
	NOTHING("SocketBufferSizeMaxGrown", ARG_NUMBER, NO_BUFFER),
	NOTHING("SocketBufferSizeMaxGrowth", ARG_NUMBER, NO_BUFFER),
	NOTHING("NetlinkOverrunResync", ARG_BOOL_OR_ANY, NO_OVERRUN),
	NOTHING("NetlinkEventsReliable", ARG_BOOL, NO_OVERRUN),
	NOTHING("PollSecs", ARG_NUMBER, "events alone are used; see sync { hold-new }"),
	NOTHING("EventIterationLimit", ARG_NUMBER, "no event keeps the network waiting"),
	NOTHING("Nice", ARG_SIGNED, "see controller { realtime }"),
	NOTHING("Scheduler", ARG_NONE, "see controller { realtime }"),
	NOTHING("Systemd", ARG_BOOL, "the unit vrouterd.service has a watchdog"),
};
RULES(general_rules, "General", general_rule);

static const struct rule top_rule[] = {
	BLOCK("Sync", CTD_SYNC, ARG_NONE, sync_rules, NULL),
	BLOCK("General", 0, ARG_NONE, general_rules, NULL),
	NOTHING("Stats", ARG_NONE, "vrouterd collects no statistics of flows; that needs no pair"),
	MISSING("Helper", ARG_NONE,
		"helpers in user space stay conntrackd's: run it with this section alone"),
};
const struct rules ctd_rules = {.where = "the file", .rule = top_rule, .n = ARRAY_LEN(top_rule)};
