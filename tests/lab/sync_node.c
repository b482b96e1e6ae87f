/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sync_node.h. */
#include "sync_node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

printf_like(1, 2) _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("FAIL: ", stdout);
	vprintf(fmt, ap);
	puts("");
	va_end(ap);
	exit(EXIT_FAILURE);
}

void check(bool ok, const char *what)
{
	if (!ok)
		die("%s (%s)", what, strerror(errno));
}

/* ---- namespaces and processes ------------------------------------------------------------- */

static int open_ns(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0, path);
	return fd;
}

static void enter(int ns)
{
	check(setns(ns, CLONE_NEWNET) == 0, "enter a namespace");
}

static int socket_in(int ns)
{
	int fd;

	enter(ns);
	fd = conntrack_socket();
	check(fd >= 0, "conntrack socket");
	return fd;
}

static void on_refused(void *ctx, const struct flow *f, int err)
{
	struct node *n = ctx;

	(void)f;
	(void)err;
	n->refused++;
}

void node_init(struct node *n, const char *name, const char *controller, const char *router)
{
	*n = (struct node){.name = name,
			   .controller_ns = open_ns(controller),
			   .router_ns = open_ns(router),
			   .ipc = -1,
			   .key_id = 1,
			   .group = "239.255.77.1"};
	check(table_new(&n->table, socket_in(n->router_ns), socket_in(n->router_ns)) == 0, "table");
	check(apply_new(&n->apply, socket_in(n->router_ns), PIN_S, on_refused, n, &n->counters) ==
		      0,
	      "apply");
}

static void send_msg(struct node *n, const struct sync_msg *m, const int *fds, unsigned n_fds)
{
	int err = sync_ipc_send(n->ipc, m, fds, n_fds);

	if (err < 0)
		die("message %u to %s: %s", m->type, n->name, strerror(-err));
}

void send_conf(struct node *n)
{
	struct sync_msg m = {.type = SYNC_MSG_CONF};

	snprintf(m.conf.controller, sizeof(m.conf.controller), "%s", n->name);
	strcpy(m.conf.interface[0], "repl");
	m.conf.n_interfaces = 1;
	if (n->group)
		check(ip_addr_parse(&m.conf.group[0], n->group) == 0, "group");
	if (n->peer) {
		check(ip_addr_parse(&m.conf.peer[0].addr, n->peer) == 0, "peer");
		m.conf.n_peers = 1;
	}
	m.conf.port[0] = PORT;
	m.conf.sealed = true;
	m.conf.keys.n = 1;
	m.conf.keys.key[0].id = n->key_id;
	memset(m.conf.keys.key[0].key, 0x5a ^ n->key_id, SEAL_KEY_LEN);
	send_msg(n, &m, NULL, 0);
}

static void send_router(struct node *n)
{
	struct sync_msg m = {.type = SYNC_MSG_ROUTER};
	int fds[SYNC_FDS];

	strcpy(m.router.router, ROUTER);
	m.router.ring_bytes = 2 << 20;
	flow_timeouts_default(&m.router.timeouts);
	m.router.locals.n = 1;
	check(ip_addr_parse(&m.router.locals.addr[0], "30.0.0.1") == 0, "VIP");
	for (unsigned i = 0; i < SYNC_FDS; i++)
		fds[i] = socket_in(n->router_ns);
	send_msg(n, &m, fds, SYNC_FDS);
	for (unsigned i = 0; i < SYNC_FDS; i++)
		close(fds[i]);
}

void send_role(struct node *n, enum sync_msg_type type, uint32_t number)
{
	struct sync_msg m = {.type = type};

	strcpy(m.role.router, ROUTER);
	m.role.term = number;
	m.role.wait_ms = number;
	n->promoted = n->drained = false;
	send_msg(n, &m, NULL, 0);
}

void start(struct node *n)
{
	int pair[2];

	check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "socketpair");
	n->pid = fork();
	check(n->pid >= 0, "fork");
	if (n->pid == 0) {
		enter(n->controller_ns);
		if (dup2(pair[1], SYNC_IPC_FD) < 0)
			_exit(1);
		execl("/proc/self/exe", "sync_pair", "--sync-worker", NULL);
		_exit(1);
	}
	close(pair[1]);
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	n->ipc = pair[0];
	n->up = n->promoted = n->drained = n->link_told = false;
	n->n_reports = 0;
	memset(&n->report, 0, sizeof(n->report));
	send_conf(n);
	send_router(n);
}

void kill_node(struct node *n)
{
	int status;

	check(kill(n->pid, SIGKILL) == 0, "kill");
	check(waitpid(n->pid, &status, 0) == n->pid, "wait");
	close(n->ipc);
	n->pid = 0;
	n->ipc = -1;
}

/* ---- what the processes say --------------------------------------------------------------- */

static void on_msg(struct node *n, const struct sync_msg *m)
{
	switch ((enum sync_msg_type)m->type) {
	case SYNC_MSG_UP:
		n->up = true;
		return;
	case SYNC_MSG_PROMOTED:
		n->promoted = m->role.ok;
		n->term = m->role.term;
		return;
	case SYNC_MSG_DRAINED:
		n->drained = true;
		n->drained_ok = m->role.ok;
		return;
	case SYNC_MSG_REPORT:
		n->report = m->report;
		n->n_reports++;
		/* one read may bring news after the answer, which are no answer */
		n->answered |= m->report.answer;
		return;
	case SYNC_MSG_NEIGH: /* no core here to keep them */
		return;
	case SYNC_MSG_LINK:
		n->link_told = true;
		n->link_up = m->link.up;
		return;
	case SYNC_MSG_CONF:
	case SYNC_MSG_ASK:
	case SYNC_MSG_VOUCH:
	case SYNC_MSG_HEARS:
	case SYNC_MSG_VERIFY:
	case SYNC_MSG_VERIFIED:
	case SYNC_MSG_WANT:
	case SYNC_MSG_LEAVE:
	case SYNC_MSG_WANTED:
	case SYNC_MSG_LEAVING:
	case SYNC_MSG_RESERVE:
	case SYNC_MSG_RESERVED:
	case SYNC_MSG_ASKED:
	case SYNC_MSG_VOUCHED:
	case SYNC_MSG_BEATS:
	case SYNC_MSG_PING:
	case SYNC_MSG_PONG:
	case SYNC_MSG_ROUTER:
	case SYNC_MSG_ROUTER_DEL:
	case SYNC_MSG_PROMOTE:
	case SYNC_MSG_DEMOTE:
	case SYNC_MSG_DRAIN:
	case SYNC_MSG_DIAL:
	case SYNC_MSG_STREAM:
	case SYNC_MSG_QUERY:
		break;
	}
	die("%s sends message %u", n->name, m->type);
}

static void read_node(struct node *n)
{
	struct sync_msg m;
	int fds[SYNC_FDS];
	unsigned n_fds;
	int got;

	if (n->ipc < 0)
		return;
	while ((got = sync_ipc_recv(n->ipc, &m, fds, &n_fds)) == 1)
		on_msg(n, &m);
	if (got != -EAGAIN)
		die("the sync process of %s ended (%d)", n->name, got);
}

struct node A, B;

void pump(int ms)
{
	struct pollfd p[2] = {{.fd = A.ipc, .events = POLLIN}, {.fd = B.ipc, .events = POLLIN}};

	(void)poll(p, 2, ms);
	read_node(&A);
	read_node(&B);
}

/* Seconds until the condition holds. */
double wait_for(condition *holds, struct node *n, int every_ms, const char *what)
{
	double begin = seconds();

	while (!holds(n)) {
		if (seconds() - begin > DEADLINE_S)
			die("%s: waited %d s for: %s (phase %s, %u%%)", n->name, DEADLINE_S, what,
			    engine_phase_name(n->report.status.phase),
			    n->report.status.repair_percent);
		pump(every_ms);
	}
	return seconds() - begin;
}

bool is_up(struct node *n)
{
	return n->up && n->n_reports;
}

bool is_promoted(struct node *n)
{
	return n->promoted;
}

bool is_drained(struct node *n)
{
	return n->drained;
}

bool is_ready(struct node *n)
{
	return n->report.status.phase == ENGINE_READY;
}

bool is_alone(struct node *n)
{
	return n->report.status.phase == ENGINE_ALONE;
}

bool link_is_up(struct node *n)
{
	return n->link_told && n->link_up;
}

bool link_is_down(struct node *n)
{
	return n->link_told && !n->link_up;
}

static bool has_answered(struct node *n)
{
	return n->answered;
}

const struct sync_msg_report *query(struct node *n)
{
	n->answered = false;
	send_msg(n, &(struct sync_msg){.type = SYNC_MSG_QUERY}, NULL, 0);
	wait_for(has_answered, n, 100, "an answer");
	return &n->report;
}

uint64_t counter(struct node *n, enum sync_counter c)
{
	return query(n)->counters.v[c];
}

/* ---- memory and time of a process --------------------------------------------------------- */

long rss_kb(const struct node *n)
{
	char path[64], line[128];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", n->pid);
	f = fopen(path, "r");
	check(f != NULL, path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

double cpu_wait_s(const struct node *n)
{
	unsigned long long ran, waited;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", n->pid);
	f = fopen(path, "r");
	check(f && fscanf(f, "%llu %llu", &ran, &waited) == 2, path);
	fclose(f);
	return (double)waited / 1e9;
}

double cpu_s(const struct node *n)
{
	unsigned long user, system;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", n->pid);
	f = fopen(path, "r");
	check(f && fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			  &user, &system) == 2,
	      path);
	fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- tables ------------------------------------------------------------------------------- */

struct flow flow_no(uint32_t n)
{
	struct flow f = {.family = AF_INET,
			 .proto = n % 4 == 3 ? IPPROTO_UDP : IPPROTO_TCP,
			 .has = FLOW_HAS_STATUS | FLOW_HAS_REPLY,
			 .status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED};
	uint32_t client = htonl(0x0a000001 + n / 20000), server = htonl(0x14000001);
	uint32_t vip = htonl(0x1e000001);

	memcpy(f.orig.src, &client, 4);
	memcpy(f.orig.dst, &server, 4);
	f.orig.l4.sport_be = htons((uint16_t)(1024 + n % 20000));
	f.orig.l4.dport_be = htons((uint16_t)(443 + n / 60000));
	f.reply = flow_invert(&f, &f.orig);
	memcpy(f.reply.dst, &vip, 4);
	f.reply.l4.dport_be = htons((uint16_t)(1024 + n % 60000));
	if (f.proto == IPPROTO_TCP) {
		f.has |= FLOW_HAS_TCP;
		f.tcp.state = TCP_CONNTRACK_ESTABLISHED;
		f.tcp.wscale[0] = f.tcp.wscale[1] = 7;
		f.tcp.flags[0] = f.tcp.flags[1] =
			IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM;
	}
	return f;
}

void make_flows(struct node *n, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct flow f = flow_no(i);

		apply_put(n->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(n->apply);
}

void end_flows(struct node *n, uint32_t from, uint32_t to, uint32_t step)
{
	for (uint32_t i = from; i < to; i += step) {
		struct flow f = flow_no(i);

		apply_del(n->apply, &f);
	}
	apply_commit(n->apply);
}

void close_flows(struct node *n, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct flow f = flow_no(i);

		f.tcp.state = TCP_CONNTRACK_TIME_WAIT;
		apply_put(n->apply, &f, FLOW_PUT_UPDATE);
	}
	apply_commit(n->apply);
}

struct listing {
	struct flow *f;
	uint32_t n;
};

static void on_listed(void *ctx, const struct flow *f)
{
	struct listing *l = ctx;

	check(l->n < TABLE_ROOM, "room for the table");
	l->f[l->n++] = *f;
}

static int by_identity(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;
	int c = memcmp(&x->orig, &y->orig, sizeof(x->orig));

	return c ? c : (int)x->proto - (int)y->proto;
}

static struct listing list(struct node *n)
{
	struct listing l = {.f = malloc(TABLE_ROOM * sizeof(struct flow))};

	check(l.f != NULL, "memory");
	for (int more = 1, begin = 1; more; begin = 0) {
		more = table_dump(n->table, begin, on_listed, &l);
		check(more >= 0, "dump");
	}
	qsort(l.f, l.n, sizeof(*l.f), by_identity);
	return l;
}

uint32_t count(struct node *n)
{
	uint32_t flows, max;

	check(table_count(n->table, &flows, &max) == 0, "count");
	return flows;
}

/* Are both tables equal? Says why not. */
static bool compare(char *why, size_t size)
{
	struct listing a = list(&A), b = list(&B);
	bool equal = a.n == b.n;
	char x[FLOW_STRLEN], y[FLOW_STRLEN];

	if (!equal)
		snprintf(why, size, "%u and %u flows", a.n, b.n);
	for (uint32_t i = 0; equal && i < a.n; i++) {
		equal = flow_equal(&a.f[i], &b.f[i]);
		if (!equal)
			snprintf(why, size, "\n  %s\n  %s", flow_format(&a.f[i], x),
				 flow_format(&b.f[i], y));
	}
	free(a.f);
	free(b.f);
	return equal;
}

static void show(struct node *n)
{
	const struct sync_msg_report *r = query(n);

	printf("%s: %s, %u flows, seq %llu, alarms %x, repaired %u%%:", n->name,
	       engine_phase_name(r->status.phase), count(n), (unsigned long long)r->status.seq,
	       r->status.alarms, r->status.repair_percent);
	for (unsigned i = 0; i < SYNC_COUNTER_N; i++)
		if (r->counters.v[i])
			printf(" %s=%llu", sync_counter_name(i),
			       (unsigned long long)r->counters.v[i]);
	puts("");
}

/* What is cheap to know: as many flows, and what the source has sent is with the replica. */
static bool may_be_equal(void)
{
	return count(&A) == count(&B) && query(&A)->status.seq == query(&B)->status.seq;
}

double wait_equal(const char *what)
{
	double begin = seconds();
	char why[2 * FLOW_STRLEN + 32];

	for (;;) {
		bool look = may_be_equal();

		if (look && compare(why, sizeof(why)))
			return seconds() - begin;
		if (seconds() - begin > DEADLINE_S) {
			show(&A);
			show(&B);
			die("%s: after %d s the tables differ: %s", what, DEADLINE_S,
			    look ? why : "in size, or are not up to date");
		}
		pump(look ? 100 : 10); /* a look at both tables costs as much */
	}
}

void in_controller(const struct node *n, const char *command)
{
	int status;
	pid_t pid = fork();

	check(pid >= 0, "fork");
	if (pid == 0) {
		enter(n->controller_ns);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	check(waitpid(pid, &status, 0) == pid && status == 0, command);
}
