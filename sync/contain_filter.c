/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root and the list of system calls of the sync process. Nothing here takes a path, but for the
 * socket of the system log. Descriptors come from the core, memory cannot be executed, and the
 * sockets that it opens itself (a link that comes back) are UDP. */
#include "vrouter/contain.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#define UDP_SOCKET    (SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
#define SYSLOG_SOCKET (SOCK_DGRAM | SOCK_CLOEXEC)

static const int always[] = {
	/* the loop and its timer; the second form is what other libcs and machines use */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(pread64), /* how long it waited for a CPU (worker.c) */
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	/* sockets: links, conntrack, the pair to the core */
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(send),
	SCMP_SYS(recv),
	SCMP_SYS(bind),
	SCMP_SYS(getsockname),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),
	SCMP_SYS(close),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	/* lines to standard error or syslog */
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(getpid),
	/* the end, abort() included */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(gettid),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
};

/* The same with an argument that is looked at. */
struct rule {
	int call;
	unsigned n;
	struct scmp_arg_cmp arg[2];
};

static int add_rules(scmp_filter_ctx f, const struct rule *rule, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		err = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, rule[i].call, rule[i].n,
					     rule[i].arg);
	return err;
}

static int fill(scmp_filter_ctx f, bool to_syslog)
{
	const struct rule looked_at[] = {
		{SCMP_SYS(socket),
		 2,
		 {SCMP_A0_64(SCMP_CMP_EQ, AF_INET, 0), SCMP_A1_64(SCMP_CMP_EQ, UDP_SOCKET, 0)}},
		{SCMP_SYS(socket),
		 2,
		 {SCMP_A0_64(SCMP_CMP_EQ, AF_INET6, 0), SCMP_A1_64(SCMP_CMP_EQ, UDP_SOCKET, 0)}},
		{SCMP_SYS(ioctl), 1, {SCMP_A1_32(SCMP_CMP_EQ, SIOCGIFINDEX, 0)}},
		{SCMP_SYS(ioctl), 1, {SCMP_A1_32(SCMP_CMP_EQ, SIOCGIFFLAGS, 0)}},
		{SCMP_SYS(ioctl), 1, {SCMP_A1_32(SCMP_CMP_EQ, SIOCGIFMTU, 0)}},
		{SCMP_SYS(mmap), 1, {SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
		{SCMP_SYS(mmap2), 1, {SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
		/* its own only (contain_pin) */
		{SCMP_SYS(sched_getaffinity), 1, {SCMP_A0_32(SCMP_CMP_EQ, 0, 0)}},
		{SCMP_SYS(sched_setaffinity), 1, {SCMP_A0_32(SCMP_CMP_EQ, 0, 0)}},
		{SCMP_SYS(tgkill), 1, {SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid(), 0)}},
	};
	/* a log daemon that was restarted has another socket */
	const struct rule for_syslog[] = {
		{SCMP_SYS(socket),
		 2,
		 {SCMP_A0_64(SCMP_CMP_EQ, AF_UNIX, 0), SCMP_A1_64(SCMP_CMP_EQ, SYSLOG_SOCKET, 0)}},
		{SCMP_SYS(connect), 0, {{0}}},
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(always) && err == 0; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, always[i], 0);
	if (err == 0)
		err = add_rules(f, looked_at, ARRAY_LEN(looked_at));
	if (err == 0 && to_syslog)
		err = add_rules(f, for_syslog, ARRAY_LEN(for_syslog));
	return err;
}

/* Nothing needs to be prepared for this directory, and nobody can put anything into it. What it
 * shows are the positions and flags of our own descriptors, to root alone. */
int contain_root(void)
{
	return chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0 ? -errno : 0;
}

int contain_system_calls(bool to_syslog)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err;

	if (!f)
		return -ENOMEM;
	err = fill(f, to_syslog);
	if (err == 0)
		err = seccomp_load(f);
	seccomp_release(f);
	return err;
}
