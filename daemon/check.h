/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl check`: what was found out about a router, and what that means: one line for each
 * thing that was looked at, with what to do where it is wrong. Pure; router_check.c finds out. */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include "conf_services.h"
#include "service_care.h"
#include "service_query.h"
#include "vrouter/lifecycle.h"

enum check_id {
	CHECK_ROLE,
	CHECK_CARRIER, /* of each leg */
	CHECK_NETWORK, /* links, addresses and routes are what the role wants */
	CHECK_ROUTE,
	CHECK_GATEWAY,
	CHECK_VIP, /* nobody else has it */
	CHECK_DNS,
	CHECK_DNS_UPSTREAM,
	CHECK_NTP,
	CHECK_NTP_UPSTREAM,
	CHECK_DHCP,
	CHECK_CONNECT,
	CHECK_NAT,
	CHECK_PEER,
	CHECK_IDS
};
const char *check_name(enum check_id id);

enum check_result {
	CHECK_OK,
	CHECK_WRONG,
	CHECK_SKIPPED, /* not configured, or nothing that this role could find out */
	CHECK_RESULTS
};
const char *check_result_name(enum check_result r);

#define CHECK_SUBJECT_MAX 96
#define CHECK_TEXT_MAX	  320
#define CHECK_LINES_MAX	  144
struct check_line {
	enum check_id id;
	enum check_result result;
	char subject[CHECK_SUBJECT_MAX]; /* which leg, address, controller */
	char text[CHECK_TEXT_MAX];
	char advice[CHECK_TEXT_MAX]; /* WRONG: what to do */
};
struct check_lines {
	struct check_line at[CHECK_LINES_MAX];
	unsigned n, wrong;
};

/* ---- what was found out -----------------------------------------------------------------------
 */

struct check_question {
	bool asked, answered;
	int err; /* -errno: it could not be asked; 0 */
};

#define CHECK_VIPS_MAX 64
struct check_vip {
	unsigned leg;
	struct ip_addr addr;
	struct check_question q;    /* answered: by somebody else */
	uint8_t mac[NET_MAC_BYTES]; /* of whom */
};

struct check_upstream {
	struct ip_addr addr;
	struct check_question q;
	uint8_t rcode; /* of DNS */
	struct sntp_answer ntp;
};

struct check_service {
	bool wanted;
	enum service_state state;
	char reason[96], program[32];
	struct ip_addr at;
	struct check_question q;
	struct sntp_answer ntp;
	struct check_upstream up[CONF_UPSTREAMS_MAX];
	unsigned n_up;
};

/* Of the kernel's table. */
struct check_flows {
	bool looked, all;	 /* at any; at all of it */
	bool translated, bare;	 /* one was seen that is; one that should be, and is not */
	unsigned seen;		 /* flows */
	struct ip_addr node, as; /* of that which is translated */
	struct ip_addr bare_node, bare_target;
};
/* Takes one more into account. */
void check_flow(struct check_flows *out, const struct net_desired *d, const struct flow *f);

struct check_facts {
	const struct conf_router *conf;
	const struct life *life;
	const struct sync_msg_report *report; /* NULL: replication has not said anything */
	const struct net_desired *desired;
	const struct net_actual *actual;
	const struct net_plan *plan; /* between the two */
	const char *net_why;	     /* not empty: it could not be read */
	struct check_question gateway[NET_FAMILIES];
	struct check_vip vip[CHECK_VIPS_MAX];
	unsigned n_vips;
	struct check_service service[SERVICE_IDS];
	struct nat_target connect; /* of family 0: nobody asked for it */
	struct check_question connected;
	struct check_flows flows;
};

/* Overwrites out. */
void check_judge(struct check_lines *out, const struct check_facts *f);

/* ---- check_services.c, check_peers.c -----------------------------------------------------------
 */

/* A new line, or the last one once more if there is no room. */
struct check_line *check_add(struct check_lines *out, enum check_id id, const char *subject);
void check_ok(struct check_line *l, const char *fmt, ...) printf_like(2, 3);
void check_skip(struct check_line *l, const char *fmt, ...) printf_like(2, 3);
/* Counted by check_judge(). advice: a sentence. */
void check_wrong(struct check_line *l, const char *advice, const char *fmt, ...) printf_like(3, 4);

static inline bool check_is_active(const struct check_facts *f)
{
	return life_wants_vips(f->life);
}

void check_judge_services(struct check_lines *out, const struct check_facts *f);
void check_judge_peers(struct check_lines *out, const struct check_facts *f);

#endif
