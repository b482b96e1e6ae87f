/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sync_pair.c tells its story with: the two sync processes, the core that is played to them,
 * and the tables. */
#ifndef VROUTER_SYNC_NODE_H
#define VROUTER_SYNC_NODE_H

#include <sys/types.h>

#include "vrouter/conntrack.h"
#include "vrouter/sync_ipc.h"

#define ROUTER	   "lab"
#define PORT	   3781
#define DEADLINE_S 30
#define PIN_S	   1000
#define FLOWS	   60000u /* half of the time the kernel makes, lists and ends them */
#define RSS_MAX_KB 2048
#define TABLE_ROOM 400000u

/* A sanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define JUDGE_MEMORY false
#else
#define JUDGE_MEMORY true
#endif

struct node {
	const char *name;
	int controller_ns, router_ns;
	pid_t pid;
	int ipc;
	uint8_t key_id;
	const char *group, *peer; /* NULL: none */
	struct sync_msg_report report;
	bool up, promoted, drained, drained_ok, link_told, link_up, answered;
	unsigned n_reports;
	uint32_t term;
	struct table *table; /* of our own, to look at the router's */
	struct apply *apply; /* plays the traffic */
	unsigned refused;
	struct sync_counters counters;
};

extern struct node A, B;

typedef bool condition(struct node *n);

double seconds(void); /* monotonic */
printf_like(1, 2) _Noreturn void die(const char *fmt, ...);
void check(bool ok, const char *what); /* dies with `what` and errno */

/* Processes: the names of their namespaces come from the shell script. */
void node_init(struct node *n, const char *name, const char *controller, const char *router);
void start(struct node *n); /* with configuration and router */
void kill_node(struct node *n);
void send_conf(struct node *n); /* again, as the fields of n say now */
void send_role(struct node *n, enum sync_msg_type type, uint32_t number);
void in_controller(const struct node *n, const char *command);

/* Reads what both say, for at most so long. */
void pump(int ms);
/* Seconds until the condition holds; dies after DEADLINE_S. */
double wait_for(condition *holds, struct node *n, int every_ms, const char *what);
bool is_up(struct node *n);
bool is_promoted(struct node *n);
bool is_drained(struct node *n);
bool is_ready(struct node *n);
bool is_alone(struct node *n);
bool link_is_up(struct node *n);
bool link_is_down(struct node *n);
const struct sync_msg_report *query(struct node *n);
uint64_t counter(struct node *n, enum sync_counter c);
long rss_kb(const struct node *n);
double cpu_s(const struct node *n);
double cpu_wait_s(const struct node *n); /* it could have run, but others did */

/* Flows of the router of n, as traffic would make them. */
struct flow flow_no(uint32_t n);
void make_flows(struct node *n, uint32_t from, uint32_t to);
void end_flows(struct node *n, uint32_t from, uint32_t to, uint32_t step);
void close_flows(struct node *n, uint32_t from, uint32_t to); /* TCP: TIME_WAIT */
uint32_t count(struct node *n);
/* Seconds until both tables are equal; dies after DEADLINE_S and says where they differ. */
double wait_equal(const char *what);

#endif
