/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helper: one poll() over the core's orders and a pidfd for each process that was found. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cap-ng.h>

#include "clock.h"
#include "procwatch.h"
#include "procwatch_msg.h"
#include "vrouter/log.h"

#define COMM_MAX 32 /* more than the kernel keeps */

struct item {
	struct proc_order order;
	int fd; /* a pidfd; -1: it was not found */
	bool told, there;
	uint64_t look_ms; /* when to look again */
};

struct state {
	struct item *item;
	struct pollfd *poll; /* one more than items: the core's */
	unsigned n, cap;
};

/* ---- finding ----------------------------------------------------------------------------------
 */

/* A pidfd of one that runs; -1: it does not (any more), or is a zombie. */
static int open_running(pid_t pid)
{
	int fd = pidfd_open(pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd >= 0 && poll(&p, 1, 0) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The first line, without its end. */
static bool read_line(const char *path, char *buf, size_t cap)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, cap - 1);

	if (n < 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

static pid_t as_pid(const char *text)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	while (isspace((unsigned char)*end))
		end++;
	return errno || end == text || *end || v <= 0 || v > INT32_MAX ? 0 : (pid_t)v;
}

static int find_by_name(const char *name, pid_t *pid)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int fd = -1;

	while (proc && fd < 0 && (d = readdir(proc))) {
		char path[64], comm[COMM_MAX];

		*pid = as_pid(d->d_name);
		if (!*pid)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", *pid);
		if (read_line(path, comm, sizeof(comm)) && strcmp(comm, name) == 0)
			fd = open_running(*pid);
	}
	if (proc)
		closedir(proc);
	return fd;
}

static int find(const struct proc_order *o, struct proc_news *news)
{
	char text[64];
	pid_t pid = 0;
	int fd = -1;

	if (!o->pid_file) {
		fd = find_by_name(o->what, &pid);
		snprintf(news->why, sizeof(news->why), "no process \"%s\" runs", o->what);
	} else if (!read_line(o->what, text, sizeof(text))) {
		snprintf(news->why, sizeof(news->why), "pid file %s: %s", o->what, strerror(errno));
	} else if ((pid = as_pid(text)) == 0) {
		snprintf(news->why, sizeof(news->why), "pid file %s has no pid in it", o->what);
	} else {
		fd = open_running(pid);
		snprintf(news->why, sizeof(news->why), "process %d of %s does not run", pid,
			 o->what);
	}
	news->pid = fd < 0 ? 0 : pid;
	return fd;
}

/* Tells what is new. False: nobody listens. */
static bool look(struct item *i)
{
	struct proc_news news = {.id = i->order.id};

	i->fd = find(&i->order, &news);
	i->look_ms = now_ms() + i->order.interval_ms;
	if (i->told && i->there == (i->fd >= 0))
		return true;
	i->told = true;
	i->there = i->fd >= 0;
	return send(SPAWN_FD, &news, sizeof(news), MSG_NOSIGNAL) == sizeof(news);
}

/* ---- orders -----------------------------------------------------------------------------------
 */

static void drop(struct state *s, uint32_t id)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->item[i].order.id != id)
			continue;
		if (s->item[i].fd >= 0)
			close(s->item[i].fd);
		s->item[i] = s->item[--s->n];
		return;
	}
}

static bool make_room(struct state *s)
{
	unsigned cap = s->cap ? 2 * s->cap : 8;
	struct item *item;
	struct pollfd *fds;

	if (s->n < s->cap)
		return true;
	item = reallocarray(s->item, cap, sizeof(*item));
	if (!item)
		return false;
	s->item = item;
	fds = reallocarray(s->poll, cap + 1, sizeof(*fds));
	if (!fds)
		return false;
	s->poll = fds;
	s->cap = cap;
	return true;
}

/* False: the core is gone, or there is no memory; then it starts another one. */
static bool take_order(struct state *s)
{
	struct proc_order o;
	ssize_t n = recv(SPAWN_FD, &o, sizeof(o), 0);

	if (n < 0 && errno == EINTR)
		return true;
	if (n != sizeof(o))
		return false;
	o.what[sizeof(o.what) - 1] = '\0';
	drop(s, o.id);
	if (!o.watch)
		return true;
	if (!make_room(s))
		return false;
	s->item[s->n] = (struct item){.order = o, .fd = -1};
	return look(&s->item[s->n++]);
}

/* ---- the process ------------------------------------------------------------------------------
 */

/* ms until something has to be looked for; -1: never. */
static int fill(struct state *s)
{
	uint64_t now = now_ms(), due = UINT64_MAX;

	s->poll[0] = (struct pollfd){.fd = SPAWN_FD, .events = POLLIN};
	for (unsigned i = 0; i < s->n; i++) {
		s->poll[i + 1] = (struct pollfd){.fd = s->item[i].fd, .events = POLLIN};
		if (s->item[i].fd < 0 && s->item[i].look_ms < due)
			due = s->item[i].look_ms;
	}
	return due == UINT64_MAX ? -1 : due > now ? (int)(due - now) : 0;
}

/* One that has ended is looked for at once: another of its name may run. */
static bool attend(struct item *i, short revents)
{
	if (i->fd >= 0 && !revents)
		return true;
	if (i->fd < 0 && now_ms() < i->look_ms)
		return true;
	if (i->fd >= 0)
		close(i->fd);
	return look(i);
}

static bool turn(struct state *s)
{
	unsigned n = s->n;
	int wait_ms = fill(s);
	bool go = true;

	if (poll(s->poll, n + 1, wait_ms) < 0)
		return errno == EINTR;
	for (unsigned i = 0; go && i < n; i++)
		go = attend(&s->item[i], s->poll[i + 1].revents);
	/* last: it moves the items */
	return go && (!s->poll[0].revents || take_order(s));
}

int procwatch_main(void)
{
	/* what a terminal or a service manager sends to everybody: the core decides when we end */
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
	struct state s = {.n = 0};

	prctl(PR_SET_NAME, "vrouterd-procs", 0, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	capng_clear(CAPNG_SELECT_BOTH); /* pid files are still root's own to read */
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    fcntl(SPAWN_FD, F_SETFL, 0) < 0 || !make_room(&s)) {
		log_err("procwatch", NULL, "cannot start: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	while (turn(&s))
		;
	for (unsigned i = 0; i < s.n; i++)
		if (s.item[i].fd >= 0)
			close(s.item[i].fd);
	free(s.item);
	free(s.poll);
	return EXIT_SUCCESS;
}
