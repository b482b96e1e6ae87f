/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sync processes with a core that only this program plays, real conntrack tables and a real
 * network between them. test_sync.sh makes four network namespaces: two controllers, which can
 * reach each other through an interface "repl", and the router's of each.
 *
 *   sync_pair CONTROLLER_A ROUTER_A CONTROLLER_B ROUTER_B    names below /run/netns
 *
 * Everything is waited for with a deadline; times are printed and judged by nobody. */
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

#include "vrouter/conntrack.h"
#include "vrouter/sync_ipc.h"

#define ROUTER	   "lab"
#define PORT	   3781
#define DEADLINE_S 30
#define PIN_S	   1000
#define FLOWS	   100000u
#define RSS_MAX_KB 4096
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
	bool up, promoted, drained, drained_ok, link_told, link_up;
	unsigned n_reports;
	uint32_t term;
	struct table *table; /* of our own, to look at the router's */
	struct apply *apply; /* plays the traffic */
	unsigned refused;
	struct sync_counters counters;
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

printf_like(1, 2) static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("FAIL: ", stdout);
	vprintf(fmt, ap);
	puts("");
	va_end(ap);
	exit(EXIT_FAILURE);
}

static void check(bool ok, const char *what)
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

static void node_init(struct node *n, const char *name, const char *controller, const char *router)
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

static void send_conf(struct node *n)
{
	struct sync_msg m = {.type = SYNC_MSG_CONF};

	snprintf(m.conf.controller, sizeof(m.conf.controller), "%s", n->name);
	strcpy(m.conf.interface[0], "repl");
	m.conf.n_interfaces = 1;
	if (n->group)
		check(ip_addr_parse(&m.conf.group, n->group) == 0, "group");
	if (n->peer) {
		check(ip_addr_parse(&m.conf.peer[0], n->peer) == 0, "peer");
		m.conf.n_peers = 1;
	}
	m.conf.port = PORT;
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

static void send_role(struct node *n, enum sync_msg_type type, uint32_t number)
{
	struct sync_msg m = {.type = type};

	strcpy(m.role.router, ROUTER);
	m.role.term = number;
	m.role.wait_ms = number;
	n->promoted = n->drained = false;
	send_msg(n, &m, NULL, 0);
}

static void start(struct node *n)
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

static void kill_node(struct node *n)
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
		return;
	case SYNC_MSG_LINK:
		n->link_told = true;
		n->link_up = m->link.up;
		return;
	case SYNC_MSG_CONF:
	case SYNC_MSG_ROUTER:
	case SYNC_MSG_ROUTER_DEL:
	case SYNC_MSG_PROMOTE:
	case SYNC_MSG_DEMOTE:
	case SYNC_MSG_DRAIN:
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

static struct node A, B;

static void pump(int ms)
{
	struct pollfd p[2] = {{.fd = A.ipc, .events = POLLIN}, {.fd = B.ipc, .events = POLLIN}};

	(void)poll(p, 2, ms);
	read_node(&A);
	read_node(&B);
}

typedef bool condition(struct node *n);

/* Seconds until the condition holds. */
static double wait_for(condition *holds, struct node *n, int every_ms, const char *what)
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

static bool is_up(struct node *n)
{
	return n->up && n->n_reports;
}

static bool is_promoted(struct node *n)
{
	return n->promoted;
}

static bool is_drained(struct node *n)
{
	return n->drained;
}

static bool is_ready(struct node *n)
{
	return n->report.status.phase == ENGINE_READY;
}

static bool is_alone(struct node *n)
{
	return n->report.status.phase == ENGINE_ALONE;
}

static bool link_is_up(struct node *n)
{
	return n->link_told && n->link_up;
}

static bool link_is_down(struct node *n)
{
	return n->link_told && !n->link_up;
}

static bool has_answered(struct node *n)
{
	return n->report.answer;
}

static const struct sync_msg_report *query(struct node *n)
{
	n->report.answer = false;
	send_msg(n, &(struct sync_msg){.type = SYNC_MSG_QUERY}, NULL, 0);
	wait_for(has_answered, n, 100, "an answer");
	return &n->report;
}

static uint64_t counter(struct node *n, enum sync_counter c)
{
	return query(n)->counters.v[c];
}

/* ---- memory and time of a process --------------------------------------------------------- */

static long rss_kb(const struct node *n)
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

static double cpu_s(const struct node *n)
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

static struct flow flow_no(uint32_t n)
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

static void make_flows(struct node *n, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct flow f = flow_no(i);

		apply_put(n->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(n->apply);
}

static void end_flows(struct node *n, uint32_t from, uint32_t to, uint32_t step)
{
	for (uint32_t i = from; i < to; i += step) {
		struct flow f = flow_no(i);

		apply_del(n->apply, &f);
	}
	apply_commit(n->apply);
}

static void close_flows(struct node *n, uint32_t from, uint32_t to)
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

static uint32_t count(struct node *n)
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

static double wait_equal(const char *what)
{
	double begin = seconds();
	char why[2 * FLOW_STRLEN + 32];

	for (;;) {
		if (count(&A) == count(&B) && compare(why, sizeof(why)))
			return seconds() - begin;
		if (seconds() - begin > DEADLINE_S) {
			show(&A);
			show(&B);
			die("%s: after %d s the tables differ: %s", what, DEADLINE_S,
			    count(&A) == count(&B) ? why : "in size");
		}
		pump(10);
	}
}

static void in_controller(const struct node *n, const char *command)
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

/* ---- the story ---------------------------------------------------------------------------- */

static void both_start(void)
{
	start(&A);
	start(&B);
	wait_for(is_up, &A, 100, "UP and a report");
	wait_for(is_up, &B, 100, "UP and a report");
	wait_for(link_is_up, &A, 100, "the link");
	send_role(&A, SYNC_MSG_PROMOTE, 0);
	printf("promotion of an idle router: %.1f ms\n",
	       wait_for(is_promoted, &A, 100, "PROMOTED") * 1e3);
	check(A.term >= 1, "a term");
	wait_for(is_ready, &B, 100, "READY");
}

static void live_changes(void)
{
	double cpu_a = cpu_s(&A), cpu_b = cpu_s(&B), begin = seconds();

	make_flows(&A, 0, 20000);
	wait_equal("new flows");
	printf("20000 new flows: %.0f ms until equal, CPU %.2f + %.2f s\n",
	       (seconds() - begin) * 1e3, cpu_s(&A) - cpu_a, cpu_s(&B) - cpu_b);
	close_flows(&A, 0, 5000);
	end_flows(&A, 5000, 20000, 2);
	wait_equal("changes and ends");
	check(counter(&B, SYNC_APPLY_ERRORS) == 0 && counter(&B, SYNC_REPAIRS) <= 1,
	      "no error and no repair on a clean network");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* From the packet's end to the other kernel's table. */
static void latency(void)
{
	double took[200];

	for (unsigned i = 0; i < ARRAY_LEN(took); i++) {
		struct flow f = flow_no(50000 + i), got;
		double begin;

		begin = seconds();
		make_flows(&A, 50000 + i, 50001 + i);
		while (table_get(B.table, &f, &got) != 0)
			check(seconds() - begin < DEADLINE_S, "a single flow");
		took[i] = seconds() - begin;
		pump(1);
	}
	qsort(took, ARRAY_LEN(took), sizeof(*took), by_value);
	printf("a single flow: median %.0f us, worst of %zu %.0f us\n",
	       took[ARRAY_LEN(took) / 2] * 1e6, ARRAY_LEN(took), took[ARRAY_LEN(took) - 1] * 1e6);
}

static void join(const char *what, bool judge_memory)
{
	long idle_a = rss_kb(&A), idle_b;
	double cpu_a = cpu_s(&A), begin;

	start(&B);
	wait_for(is_up, &B, 1, "UP");
	idle_b = rss_kb(&B);
	begin = seconds();
	wait_for(is_ready, &B, 100, "READY");
	printf("%s: %u flows ready after %.0f ms, CPU %.2f + %.2f s, RSS %ld -> %ld and %ld -> %ld "
	       "kB\n",
	       what, count(&A), (seconds() - begin) * 1e3, cpu_s(&A) - cpu_a, cpu_s(&B), idle_a,
	       rss_kb(&A), idle_b, rss_kb(&B));
	wait_equal(what);
	if (judge_memory && (rss_kb(&A) - idle_a > RSS_MAX_KB || rss_kb(&B) - idle_b > RSS_MAX_KB))
		die("%s: memory grows with the number of flows", what);
}

static void joins(void)
{
	kill_node(&B);
	end_flows(&B, 0, 60000, 1);
	end_flows(&A, 0, 60000, 1);
	make_flows(&A, 0, FLOWS);
	check(count(&A) == FLOWS, "all flows made");
	join("join with an empty table", JUDGE_MEMORY);
	kill_node(&B);
	end_flows(&B, 0, 30000, 3);
	make_flows(&B, FLOWS, FLOWS + 5000);
	join("rejoin with an old table", JUDGE_MEMORY);
}

static void loss(void)
{
	uint64_t gaps;
	double begin;

	in_controller(&B, "nft -f - <<-E\n"
			  "table inet loss { chain in { type filter hook input priority 0;\n"
			  "udp dport 3781 numgen random mod 100 < 10 drop; }; }\nE");
	begin = seconds();
	for (uint32_t i = 0; i < 20000; i += 500) {
		close_flows(&A, i, i + 500);
		end_flows(&A, i, i + 500, 2);
		pump(5);
	}
	wait_equal("10 % of datagrams lost");
	gaps = counter(&B, SYNC_RX_GAPS);
	printf("10 %% loss: equal %.0f ms after the first change, %llu gaps asked for\n",
	       (seconds() - begin) * 1e3, (unsigned long long)gaps);
	check(gaps > 0, "losses happened");
	in_controller(&B, "nft delete table inet loss");
	wait_for(is_ready, &B, 100, "READY");
}

/* The source does not read its events until the kernel drops some. */
static void overrun(void)
{
	check(kill(A.pid, SIGSTOP) == 0, "stop");
	end_flows(&A, 20000, FLOWS, 1);
	make_flows(&A, 20000, FLOWS);
	end_flows(&A, 20000, FLOWS, 7);
	check(kill(A.pid, SIGCONT) == 0, "continue");
	printf("lost events: equal after %.0f ms\n", wait_equal("lost events") * 1e3);
	check(counter(&A, SYNC_EVENT_OVERRUNS) > 0, "an overrun happened");
	wait_for(is_ready, &B, 100, "READY");
}

static void garbage(void)
{
	in_controller(&A, "bash -c 'for i in 1 2 3 4; do head -c 700 /dev/urandom "
			  ">/dev/udp/10.99.0.2/3781; done'");
	while (counter(&B, SYNC_RX_BAD_HEADER) == 0)
		pump(10);
	check(query(&B)->status.phase == ENGINE_READY, "still READY");
	wait_equal("garbage");
}

static void wrong_key(void)
{
	B.key_id = 2;
	send_conf(&B);
	make_flows(&A, 20000, 20010);
	wait_for(is_alone, &B, 100, "ALONE with another key");
	check(counter(&B, SYNC_RX_BAD_KEY) > 0, "it counts them");
	B.key_id = 1;
	send_conf(&B);
	wait_for(is_ready, &B, 100, "READY with the key again");
	wait_equal("the key again");
}

static void link_lost(void)
{
	B.link_told = false;
	in_controller(&B, "ip link set repl down");
	wait_for(link_is_down, &B, 100, "a link that is down");
	end_flows(&A, 1, 1000, 2);
	in_controller(&B, "ip link set repl up");
	wait_for(link_is_up, &B, 100, "the link");
	wait_equal("a lost link");
	B.link_told = false;
	in_controller(&B, "ip link set repl down && ip link set repl name gone");
	wait_for(link_is_down, &B, 100, "an interface that is gone");
	in_controller(&B, "ip link set gone name repl && ip link set repl up");
	wait_for(link_is_up, &B, 100, "the link");
	wait_for(is_ready, &B, 100, "READY");
}

static void switchover(void)
{
	uint32_t term = A.term;

	make_flows(&A, 1, 500);
	send_role(&A, SYNC_MSG_DRAIN, 2000);
	printf("drain: %.1f ms\n", wait_for(is_drained, &A, 100, "DRAINED") * 1e3);
	check(A.drained_ok, "acknowledged");
	check(count(&A) == count(&B), "what is acknowledged is in the kernel");
	send_role(&A, SYNC_MSG_DEMOTE, 0);
	send_role(&B, SYNC_MSG_PROMOTE, term);
	printf("promotion with %u flows: %.1f ms\n", count(&B),
	       wait_for(is_promoted, &B, 100, "PROMOTED") * 1e3);
	check(B.term > term, "a higher term");
	wait_for(is_ready, &A, 100, "READY");
	wait_equal("a planned switchover");
	end_flows(&B, 20000, 30000, 2);
	close_flows(&B, 0, 10);
	wait_equal("changes of the new source");
}

static void crash(void)
{
	make_flows(&B, 20000, 30000);
	while (count(&A) != count(&B))
		pump(1);
	kill_node(&B);
	send_role(&A, SYNC_MSG_PROMOTE, B.term);
	printf("promotion after a crash: %.1f ms\n",
	       wait_for(is_promoted, &A, 100, "PROMOTED") * 1e3);
	check(A.term > B.term, "a higher term");
	end_flows(&A, 20000, 30000, 3);
	join("the crashed one comes back", false);
}

/* The same by other ways, without a restart. */
static void other_ways(void)
{
	static const struct {
		const char *group, *peer_of_a, *peer_of_b;
		bool cut; /* as long as only one of them has changed */
		const char *why;
	} row[] = {
		{"ff15::77", NULL, NULL, true, "an IPv6 group"},
		{NULL, "10.99.0.2", "10.99.0.1", true, "unicast"},
		{"239.255.77.1", "10.99.0.2", NULL, false, "a group, and unicast one way"},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		A.group = B.group = row[i].group;
		A.peer = row[i].peer_of_a;
		B.peer = row[i].peer_of_b;
		send_conf(&A);
		if (row[i].cut)
			wait_for(is_alone, &B, 100, row[i].why);
		send_conf(&B);
		wait_for(is_ready, &B, 100, row[i].why);
		/* full datagrams, too */
		end_flows(&A, 60000, 70000, 1 + (uint32_t)i);
		wait_equal(row[i].why);
	}
}

/* A smaller MTU behind our back. */
static void smaller_mtu(void)
{
	B.link_told = false;
	in_controller(&B, "ip link set repl down && ip link set repl mtu 900");
	wait_for(link_is_down, &B, 100, "the link down");
	A.link_told = false;
	in_controller(&A, "ip link set repl down && ip link set repl mtu 900");
	wait_for(link_is_down, &A, 100, "the link down");
	in_controller(&A, "ip link set repl up");
	in_controller(&B, "ip link set repl up");
	wait_for(link_is_up, &A, 100, "the link");
	end_flows(&A, 70000, 90000, 2);
	wait_equal("a smaller MTU");
	wait_for(is_ready, &B, 100, "READY");
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--sync-worker") == 0)
		return sync_worker_main();
	if (argc != 5)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	node_init(&A, "a", argv[1], argv[2]);
	node_init(&B, "b", argv[3], argv[4]);
	both_start();
	live_changes();
	latency();
	joins();
	loss();
	overrun();
	garbage();
	wrong_key();
	link_lost();
	switchover();
	crash();
	other_ways();
	smaller_mtu();
	kill_node(&A);
	kill_node(&B);
	puts("PASS");
	return EXIT_SUCCESS;
}
