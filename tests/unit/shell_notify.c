/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the service manager is told, at a socket with a path and at an abstract one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "../../daemon/notify.h"

static char said[256];

/* A service manager's socket; name: "@..." or a path. */
static int manager(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, name, n);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static const char *hears(int fd)
{
	ssize_t n = recv(fd, said, sizeof(said) - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	return said;
}

static void tells(const char *name)
{
	int fd = manager(name);

	notify("STATUS=%d routers", 3);
	assert_string_equal(hears(fd), "STATUS=3 routers");
	close(fd);
	notify("READY=1"); /* nobody listens any more */
}

static void nobody_asked(void **state)
{
	int fd = manager("@vrouterd-shell_notify");

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
	assert_string_equal(hears(fd), "");
	setenv("NOTIFY_SOCKET", "vrouterd-shell_notify", 1);
	notify("READY=1");
	assert_string_equal(hears(fd), "");
	close(fd);
}

static void watchdog(void **state)
{
	char pid[16];

	(void)state;
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(notify_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "400000", 1);
	assert_int_equal(notify_watchdog_us(), 400000);
	setenv("WATCHDOG_PID", "1", 1); /* another process is meant */
	assert_int_equal(notify_watchdog_us(), 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_us(), 400000);
}

static void told(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "/tmp/shell_notify.%d", getpid());
	tells(name);
	unlink(name);
	snprintf(name, sizeof(name), "@vrouterd-shell_notify-%d", getpid());
	tells(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(told), cmocka_unit_test(nobody_asked),
					   cmocka_unit_test(watchdog)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
