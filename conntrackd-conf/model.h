/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the readers found, for the one that builds a vrouterd.conf of it. Names and statements are
 * the arena's. Pure. */
#ifndef CONNTRACKD_CONF_MODEL_H
#define CONNTRACKD_CONF_MODEL_H

#include <net/if.h>

#include "../daemon/conf_option.h"
#include "import.h"
#include "vrouter/conf.h"

#define IM_VIPS	   64
#define IM_TRACKS  TRACK_MAX
#define IM_INSTS   64
#define IM_GROUPS  32
#define IM_CHECKS  64
#define IM_FILES   64
#define IM_DEPTH   8
#define IM_DEFINES 128

/* ---- conntrackd.conf ---------------------------------------------------------------------------
 */

struct im_channel {
	const struct stmt *at;
	bool multicast, tcp, is_default;
	struct ip_addr address, target; /* the group or our own; the other's */
	const char *interface;
	unsigned port;
};

struct im_filter_set { /* of protocols, addresses or TCP states */
	const struct stmt *at;
	bool accept;
	unsigned n;
	const struct stmt *member[FILTER_NETS_MAX];
};

struct im_ctd {
	bool present, no_checksum;
	const char *mode; /* as sync { mode } has it; NULL: the default */
	unsigned refresh; /* s; 0: the default */
	struct im_channel channel[SYNC_LINKS_MAX];
	unsigned n_channels;
	struct im_filter_set protocols, addresses, states;
	struct im_filter_set *set; /* that which is being read */
};

/* ---- keepalived.conf ---------------------------------------------------------------------------
 */

struct im_vip {
	const struct stmt *at;
	struct ip_prefix p; /* len is 32 or 128 where none was given */
	const char *dev;    /* NULL: the instance's */
};

enum im_said { IM_UNSAID, IM_YES, IM_NO };
enum im_kind { IM_INTERFACE, IM_SCRIPT, IM_PROCESS };

struct im_track { /* a use of it, in an instance or a group */
	const struct stmt *at;
	enum im_kind kind;
	const char *what;
	bool has_weight, reverse;
	int weight;
};

struct im_check { /* vrrp_script, vrrp_track_process */
	enum im_kind kind;
	const char *name;
	const struct stmt *at, *command;
	unsigned interval_ms, timeout_ms, rise, fall;
	int weight;
	bool reverse;
};

struct im_tracks {
	struct im_track track[IM_TRACKS];
	unsigned n;
};

struct im_inst {
	const struct stmt *at;
	const char *name, *interface, *vmac;
	unsigned vrid, version, priority, preempt_delay_s, refresh_s;
	unsigned advert_ms;
	bool nopreempt, virtual_mac, strict, ipv6, unicast, password, plain_sum;
	enum im_said accept;
	struct vrrp_peers peers; /* with the own address, where that is given */
	struct im_vip vip[IM_VIPS];
	unsigned n_vips;
	struct im_vip gateway[NET_FAMILIES]; /* of default routes */
	unsigned n_gateways;
	struct im_tracks tracks;
	bool grouped;
};

struct im_group {
	const struct stmt *at;
	const char *name;
	const char *member[IM_INSTS];
	unsigned n_members;
	struct im_tracks tracks;
	bool weights; /* sync_group_tracking_weight */
};

struct im_ka {
	bool present;
	const char *router_id, *namespace;
	unsigned version, refresh_s;
	bool strict;
	struct im_inst inst[IM_INSTS], *cur_inst;
	unsigned n_insts;
	struct im_group group[IM_GROUPS], *cur_group;
	unsigned n_groups;
	struct im_check check[IM_CHECKS], *cur_check;
	unsigned n_checks;
};

/* ---- all ---------------------------------------------------------------------------------------
 */

struct import {
	struct import_opts opts;
	import_include *include;
	void *ctx;
	struct arena arena;
	struct import_line line[IMPORT_LINES_MAX];
	unsigned n_lines, more, count[IMPORT_VERDICTS];
	unsigned n_files, depth; /* read so far; of includes */
	struct ka_text *ka_text; /* keepalived's variables, for all its files */
	struct ka_tree *ka_tree; /* while one is read: where what it includes goes, too */
	struct im_ctd ctd;
	struct im_ka ka;
};

/* One more line of the report; s NULL: CHOSEN. */
void import_say(struct import *im, enum import_verdict v, const struct stmt *s, const char *fmt,
		...) printf_like(4, 5);
void import_error(struct import *im, const char *file, int line, const char *fmt, ...)
	printf_like(4, 5);

/* Walks statements by a table: reports each, and hands those that are used to take. Blocks are
 * handed over before what is inside; what take refuses (false; it has said why) is not walked. */
typedef bool import_take(struct import *im, unsigned id, const struct stmt *s);
void import_walk(struct import *im, const struct rules *rules, const struct stmt *list,
		 import_take *take);

/* ctd_rules.c, ka_rules.c */
extern const struct rules ctd_rules, ka_rules;
/* ctd_protocol.c: what depends on the protocol that the result speaks; they say it themselves. */
bool ctd_take_protocol(struct import *im, unsigned id, const struct stmt *s);
bool ctd_take_stream(struct import *im, const struct stmt *s);
/* ctd_read.c: parses and takes one file. */
void ctd_read(struct import *im, const char *name, const char *text, size_t len);
/* ka_read.c: the same; what it includes as well. */
void ka_read(struct import *im, const char *name, const char *text, size_t len);

#endif
