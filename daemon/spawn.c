/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>

#define STACK_BYTES  65536
#define ORDERS_BYTES (16 << 20) /* of all routers at once, before it has read one */

struct helper {
	int fd;
	char *argv[6];
};

static void bound_files(rlim_t most)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	l.rlim_cur = l.rlim_max < most ? l.rlim_max : most;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

void spawn_many_files(void)
{
	bound_files(RLIM_INFINITY);
}

void spawn_as_usual(void)
{
	bound_files(FD_SETSIZE);
	(void)prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0); /* main.c refuses huge pages for ourselves */
}

/* In the new process, between fork and exec: async-signal-safe calls only. */
static int become_helper(void *arg)
{
	const struct helper *h = arg;
	int fd = h->fd;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd == SPAWN_FD) {
		if (fcntl(fd, F_SETFD, 0) < 0)
			_exit(127);
	} else if (dup2(fd, SPAWN_FD) < 0) {
		_exit(127);
	}
	/* all else is close-on-exec; this is for what a library may have opened without */
	close_range(SPAWN_FD + 1, ~0U, 0);
	execv("/proc/self/exe", h->argv);
	_exit(127);
}

/* fork() takes no flags. The stack is the child's copy of this one. */
static pid_t fork_alone(struct helper *h)
{
	_Alignas(16) char stack[STACK_BYTES];

	return clone(become_helper, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, h);
}

static pid_t fork_helper(const char *role, const struct spawn_opts *opts, int fd)
{
	static char name[] = "vrouterd", debug[] = "--debug", to_syslog[] = "--syslog",
		    realtime[] = "--realtime";
	struct helper h = {.fd = fd, .argv = {name, (char *)(uintptr_t)role}};
	int n = 2;

	if (opts->debug)
		h.argv[n++] = debug;
	if (opts->to_syslog)
		h.argv[n++] = to_syslog;
	if (opts->realtime)
		h.argv[n++] = realtime;

	pid_t pid = opts->alone ? fork_alone(&h) : fork();

	if (pid == 0)
		become_helper(&h);
	return pid < 0 ? -errno : pid;
}

pid_t spawn_helper(const char *role, const struct spawn_opts *opts, int *fd)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	pid = fork_helper(role, opts, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pid;
	}
	/* without the right to it, what there is has to do */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &(int){ORDERS_BYTES}, sizeof(int));
	*fd = pair[0];
	return pid;
}
