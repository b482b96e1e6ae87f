/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vrouter/contain.h"
#include "vrouter/log.h"

enum { DENIED = SIGSYS, ALLOWED = 0 };

static int udp(int family)
{
	return socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void do_nothing(void)
{
}

static void do_udp4(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	int fd = udp(AF_INET);

	if (fd >= 0)
		(void)ioctl(fd, SIOCGIFINDEX, &r);
	close(fd);
}

static void do_udp6(void)
{
	close(udp(AF_INET6));
}

static void do_memory(void)
{
	char *large = malloc(1 << 20), *small = malloc(100);

	if (large && small)
		memset(large, small == NULL, 1 << 20);
	large = realloc(large, 4 << 20);
	free(large);
	free(small);
}

static void do_log(void)
{
	log_err("test", NULL, "%s", "a line of the contained process");
}

static void do_open(void)
{
	(void)open("/etc/passwd", O_RDONLY);
}

static void do_exec(void)
{
	char *none[] = {NULL};

	(void)execve("/bin/true", none, none);
}

static void do_fork(void)
{
	if (fork() == 0)
		_exit(0);
}

static void do_tcp(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static void do_raw_netlink(void)
{
	(void)socket(AF_NETLINK, SOCK_RAW, 0);
}

static void do_pin(void)
{
	contain_pin();
	contain_unpin();
}

static void do_pin_by_pid(void)
{
	cpu_set_t any;

	CPU_ZERO(&any);
	CPU_SET(0, &any);
	(void)sched_setaffinity(getpid(), sizeof(any), &any);
}

static void do_unix(void)
{
	(void)socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void do_unix_stream(void)
{
	(void)socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void do_connect(void)
{
	const struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "/nowhere"};

	(void)connect(0, (const struct sockaddr *)&sa, sizeof(sa));
}

static void do_flags(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	int fd = udp(AF_INET);

	(void)ioctl(fd, SIOCSIFNAME, &r);
}

static void do_exec_memory(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_protect(void)
{
	static _Alignas(4096) char page[4096];

	(void)mprotect(page, sizeof(page), PROT_READ | PROT_EXEC);
}

static void do_kill(void)
{
	(void)kill(getpid(), SIGCONT);
}

static void do_trace(void)
{
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static const struct row {
	const char *why;
	void (*act)(void);
	bool to_syslog;
	int ends; /* by this signal; 0: orderly */
} rows[] = {
	{"an orderly end", do_nothing, false, ALLOWED},
	{"links that come back: IPv4", do_udp4, false, ALLOWED},
	{"links that come back: IPv6", do_udp6, false, ALLOWED},
	{"memory, small and large", do_memory, false, ALLOWED},
	{"a line to standard error", do_log, false, ALLOWED},
	{"its own CPUs", do_pin, false, ALLOWED},
	{"any that is named by its number: another's", do_pin_by_pid, false, DENIED},
	{"abort() shows as what it is", abort, false, SIGABRT},
	{"files", do_open, false, DENIED},
	{"other programs", do_exec, false, DENIED},
	{"other processes", do_fork, false, DENIED},
	{"TCP", do_tcp, false, DENIED},
	{"netlink sockets of its own: addresses, rules", do_raw_netlink, false, DENIED},
	{"local sockets", do_unix, false, DENIED},
	{"local sockets, but for the one of a syslog that was restarted", do_unix, true, ALLOWED},
	{"that one is no stream: not the control socket, not D-Bus", do_unix_stream, true, DENIED},
	{"connections", do_connect, false, DENIED},
	{"... but to syslog", do_connect, true, ALLOWED},
	{"interfaces are looked at, not changed", do_flags, false, DENIED},
	{"code", do_exec_memory, false, DENIED},
	{"memory made code", do_protect, false, DENIED},
	{"signals to others", do_kill, false, DENIED},
	{"tracing", do_trace, false, DENIED},
};

enum { EXIT_NO_FILTER = 3 }; /* nor root */

static void child(const struct row *r)
{
	const struct rlimit no_core = {0, 0};

	setrlimit(RLIMIT_CORE, &no_core);
	if (!freopen("/dev/null", "w", stderr))
		_exit(EXIT_FAILURE);
	log_init("test", false, false);
	(void)log_prepare();
	signal(SIGABRT, SIG_DFL); /* cmocka has its own */
	contain_schedule(1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || contain_system_calls(r->to_syslog) < 0)
		_exit(EXIT_NO_FILTER);
	r->act();
	_exit(EXIT_SUCCESS);
}

static void list_of_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			child(&rows[i]);
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_FILTER)
			skip();
		if (rows[i].ends == (WIFSIGNALED(status) ? WTERMSIG(status) : 0))
			continue;
		fail_msg("%s: status %x", rows[i].why, (unsigned)status);
	}
}

/* In a process of its own; 0: none of these leads to a file. */
static int paths_left(void)
{
	static const char *const path[] = {
		"/etc/passwd",	  "etc/passwd", "../etc/passwd", "../../../../etc/passwd",
		"/proc/self/exe", "/dev/null",
	};
	int left = 0;

	if (contain_root() < 0)
		_exit(EXIT_NO_FILTER);
	for (size_t i = 0; i < ARRAY_LEN(path); i++)
		left += open(path[i], O_RDONLY | O_CLOEXEC) >= 0;
	left += open("/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
	return left;
}

static void no_files(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(paths_left() ? EXIT_FAILURE : EXIT_SUCCESS);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_FILTER)
		skip();
	assert_int_equal(status, 0);
}

enum { EXIT_NOTHING_TO_SEE = 3 }; /* no real-time priority, or one CPU */

static int pinned_and_back(void)
{
	cpu_set_t before, pinned, after;

	contain_schedule(1);
	if (sched_getscheduler(0) != (SCHED_RR | SCHED_RESET_ON_FORK))
		return EXIT_NOTHING_TO_SEE;
	if (sched_getaffinity(0, sizeof(before), &before) < 0 || CPU_COUNT(&before) < 2)
		return EXIT_NOTHING_TO_SEE;
	contain_pin();
	(void)sched_getaffinity(0, sizeof(pinned), &pinned);
	contain_unpin();
	(void)sched_getaffinity(0, sizeof(after), &after);
	return CPU_COUNT(&pinned) == 1 && CPU_EQUAL(&before, &after) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void stays_on_its_cpu(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(pinned_and_back());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOTHING_TO_SEE)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_of_calls),
		cmocka_unit_test(no_files),
		cmocka_unit_test(stays_on_its_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
