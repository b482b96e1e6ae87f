/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job is a few runs of ovs-vsctl: it asks what there is of the port, makes what is missing, and
 * asks again for the number of the interface, which takes Open vSwitch a moment. */
#include "ovs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "lines.h"
#include "program.h"
#include "vrouter/log.h"

#define LIMIT_MS  4000 /* the program has less itself, and says why */
#define LIMIT	  "--timeout=3"
#define AGAIN_MS  50
#define LOOKS_MAX 20

enum step { ASK, MAKE, TAKE_AWAY };

struct job {
	struct job *next;
	struct ovs_port port;
	bool lost, away; /* away: to be given back */
	ovs_answer *fn;	 /* NULL: nobody waits */
	void *ctx;
	unsigned leg;
	enum step step;
	bool made;
	unsigned looks;
};

struct ovs {
	struct event_base *base;
	char db[128];
	struct program *program;
	struct event *timer;
	struct job *first; /* the one that is under way */
	char text[OVS_TEXT_MAX], line[LINES_LEN];
	size_t len;
};

static void run(struct ovs *o);

/* ---- running ovs-vsctl ------------------------------------------------------------------------
 */

static const char *find_program(void)
{
	static const char *const path[] = {"/usr/bin/ovs-vsctl", "/usr/local/bin/ovs-vsctl",
					   "/usr/sbin/ovs-vsctl", "/usr/local/sbin/ovs-vsctl"};
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(path); i++)
		if (program_check(path[i], &why) == 0)
			return path[i];
	return NULL;
}

static void on_line(void *ctx, const char *line)
{
	struct ovs *o = ctx;
	int n = snprintf(o->text + o->len, sizeof(o->text) - o->len, "%s\n", line);

	if (n > 0 && o->len + (size_t)n < sizeof(o->text))
		o->len += (size_t)n;
	else
		o->text[o->len] = '\0';
	if (*line)
		snprintf(o->line, sizeof(o->line), "%s", line);
}

struct arguments {
	char text[8][160];
	char *list[PROGRAM_ARGS + 1];
	unsigned n, n_text;
};

static void add(struct arguments *a, const char *arg)
{
	a->list[a->n++] = (char *)(uintptr_t)arg;
}

static void add_text(struct arguments *a, const char *fmt, ...) printf_like(2, 3);

static void add_text(struct arguments *a, const char *fmt, ...)
{
	char *to = a->text[a->n_text++];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to, sizeof(a->text[0]), fmt, ap);
	va_end(ap);
	add(a, to);
}

static void add_ask(struct arguments *a, const struct job *j)
{
	static const char *const what[] = {"--if-exists", "get"};
	static const char *const columns[] = {"name", OVS_OWNER_KEY, "ifindex", "error"};

	add(a, what[0]);
	add(a, what[1]);
	add(a, "Interface");
	add(a, j->port.name);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		add(a, columns[i]);
}

static void add_delete(struct arguments *a, const struct job *j)
{
	add(a, "--");
	add(a, "--if-exists");
	add(a, "del-port");
	add(a, j->port.name);
}

static void add_make(struct arguments *a, const struct job *j)
{
	static const char *const head[] = {"--", "--may-exist", "add-port"};

	if (j->lost)
		add_delete(a, j);
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		add(a, head[i]);
	add(a, j->port.bridge);
	add(a, j->port.name);
	add(a, "--");
	add(a, "set");
	add(a, "Port");
	add(a, j->port.name);
	if (j->port.vlan)
		add_text(a, "tag=%u", j->port.vlan);
	else
		add(a, "tag=[]");
	add(a, "--");
	add(a, "set");
	add(a, "Interface");
	add(a, j->port.name);
	add(a, "type=internal");
	add_text(a, OVS_OWNER_KEY "=\"%s %s\"", j->port.namespace, j->port.bridge);
}

/* 0, or why it cannot be run is told. */
static int start(struct ovs *o, struct job *j, enum step step)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *env[] = {path, NULL};
	struct arguments a = {.n = 0};
	const char *program = find_program();

	if (!program)
		return -ENOENT;
	j->step = step;
	o->len = 0;
	o->text[0] = o->line[0] = '\0';
	add_text(&a, "--db=unix:%s", o->db);
	add(&a, LIMIT);
	if (step == ASK)
		add_ask(&a, j);
	else if (step == MAKE)
		add_make(&a, j);
	else
		add_delete(&a, j);
	return program_run(o->program, &(struct program_job){.path = program,
							     .args = a.list,
							     .env = env,
							     .limit_ms = LIMIT_MS,
							     .on_line = on_line});
}

/* ---- a job ------------------------------------------------------------------------------------
 */

static void end_job(struct ovs *o, unsigned ifindex, const char *why)
{
	struct job *j = o->first;

	o->first = j->next;
	if (*why && j->away)
		log_warn("ovs", NULL, "port %s is left behind: %s", j->port.name, why);
	if (j->fn)
		j->fn(j->ctx, j->leg, ifindex, why);
	free(j);
	run(o);
}

static void go_on(struct ovs *o, enum step step)
{
	int err = start(o, o->first, step);

	if (err == -ENOENT)
		end_job(o, 0,
			"Open vSwitch is not installed: there is no ovs-vsctl (apt install "
			"openvswitch-switch)");
	else if (err < 0)
		end_job(o, 0, strerror(-err));
}

/* There is nothing to make: is the interface there? */
static void on_made(struct ovs *o, const struct ovs_record *r)
{
	struct job *j = o->first;
	const struct timeval pause = timeval_ms(AGAIN_MS);
	char why[NET_REASON_MAX] = "";

	if (r->error[0])
		snprintf(why, sizeof(why), "Open vSwitch cannot make port %s: %.100s", j->port.name,
			 r->error);
	else if (j->made && !r->ifindex && j->lost && ++j->looks < LOOKS_MAX) {
		evtimer_add(o->timer, &pause);
		return;
	}
	end_job(o, r->ifindex, why);
}

static void on_asked(struct ovs *o)
{
	struct job *j = o->first;
	struct ovs_record r;
	char why[NET_REASON_MAX];
	enum ovs_next next;

	ovs_record_parse(&r, o->text);
	next = ovs_record_next(&r, &j->port, j->lost);
	if (next == OVS_FOREIGN) {
		snprintf(why, sizeof(why),
			 "Open vSwitch has a port %s that is not ours: give the leg another "
			 "interface, or delete that (ovs-vsctl del-port %s)",
			 j->port.name, j->port.name);
		end_job(o, 0, j->away ? "" : why);
	} else if (j->away) {
		if (r.exists)
			go_on(o, TAKE_AWAY);
		else
			end_job(o, 0, "");
	} else if (next == OVS_FINE || j->made) {
		on_made(o, &r);
	} else {
		j->lost = next == OVS_REPLACE || !r.exists;
		go_on(o, MAKE);
	}
}

static void on_end(void *ctx, enum program_end how, const char *text)
{
	struct ovs *o = ctx;
	struct job *j = o->first;
	bool timeout = how == PROGRAM_TIMEOUT || strstr(text, "Alarm clock");
	char why[NET_REASON_MAX];

	if (how != PROGRAM_DONE) {
		ovs_explain(why, &j->port, o->line, j->step != ASK, timeout);
		end_job(o, 0, why);
	} else if (j->step == ASK) {
		on_asked(o);
	} else if (j->step == MAKE) {
		j->made = true;
		go_on(o, ASK);
	} else {
		end_job(o, 0, "");
	}
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct ovs *o = ctx;

	(void)fd;
	(void)what;
	if (o->first && !program_runs(o->program))
		go_on(o, ASK);
}

/* The next one, from the event loop: who is answered need not have returned. */
static void run(struct ovs *o)
{
	const struct timeval now = {.tv_usec = 0};

	if (o->first && !program_runs(o->program))
		evtimer_add(o->timer, &now);
}

/* ---- owner's calls ----------------------------------------------------------------------------
 */

static void append(struct ovs *o, const struct job *what)
{
	struct job **at = &o->first, *j = malloc(sizeof(*j));

	if (!j) {
		if (what->fn)
			what->fn(what->ctx, what->leg, 0, "out of memory");
		return;
	}
	*j = *what;
	while (*at)
		at = &(*at)->next;
	*at = j;
	if (o->first == j)
		run(o);
}

static bool same_port(const struct ovs_port *a, const struct ovs_port *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->bridge, b->bridge) == 0 &&
	       strcmp(a->namespace, b->namespace) == 0 && a->vlan == b->vlan;
}

/* What is under way brings about what was wanted when it began. */
void ovs_want(struct ovs *o, const struct ovs_port *port, bool lost, ovs_answer *fn, void *ctx,
	      unsigned leg)
{
	for (struct job *j = o->first; j; j = j->next) {
		bool begun = j == o->first;

		if (!j->fn || j->ctx != ctx || j->leg != leg || j->away)
			continue;
		if (begun && !same_port(&j->port, port))
			continue;
		if (!begun) {
			j->port = *port;
			j->lost = j->lost || lost;
		}
		return;
	}
	append(o, &(struct job){.port = *port, .lost = lost, .fn = fn, .ctx = ctx, .leg = leg});
}

void ovs_give_back(struct ovs *o, const struct ovs_port *port)
{
	append(o, &(struct job){.port = *port, .away = true});
}

bool ovs_works(const struct ovs *o)
{
	return o->first != NULL;
}

void ovs_forget(struct ovs *o, const void *ctx)
{
	for (struct job *j = o ? o->first : NULL; j; j = j->next)
		if (j->ctx == ctx)
			j->fn = NULL;
}

int ovs_new(struct ovs **out, struct event_base *base, const char *db)
{
	struct ovs *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->base = base;
	snprintf(o->db, sizeof(o->db), "%s", db);
	o->timer = evtimer_new(base, on_timer, o);
	if (!o->timer || program_new(&o->program, base, NULL, on_end, o) < 0) {
		ovs_free(o);
		return -ENOMEM;
	}
	*out = o;
	return 0;
}

void ovs_free(struct ovs *o)
{
	if (!o)
		return;
	program_free(o->program);
	if (o->timer)
		event_free(o->timer);
	while (o->first) {
		struct job *j = o->first;

		o->first = j->next;
		free(j);
	}
	free(o);
}
