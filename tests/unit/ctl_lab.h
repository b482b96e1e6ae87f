/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A control socket in a folder of its own, and clients of it. */
#ifndef UNIT_CTL_LAB_H
#define UNIT_CTL_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>
#include <event2/event.h>

#include "vrouter/control.h"

struct ctl_lab {
	struct event_base *base;
	struct ctl_server *server;
	char dir[32], path[64];
};

/* 0 or less. ctx is what fn gets. */
static inline int ctl_lab_open(struct ctl_lab *l, ctl_handler *fn, void *ctx)
{
	strcpy(l->dir, "/tmp/ctl-test-XXXXXX");
	if (!mkdtemp(l->dir))
		return -1;
	snprintf(l->path, sizeof(l->path), "%s/sock", l->dir);
	l->base = event_base_new();
	return ctl_server_new(&l->server, l->base, l->path, fn, ctx);
}

static inline int ctl_lab_close(struct ctl_lab *l)
{
	ctl_server_free(l->server);
	if (access(l->path, F_OK) == 0)
		return -1; /* its socket should be gone */
	event_base_free(l->base);
	rmdir(l->dir);
	return 0;
}

static inline int dial(struct ctl_lab *l)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, l->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static inline void spin(struct ctl_lab *l)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(l->base, EVLOOP_NONBLOCK);
}

static inline void say(struct ctl_lab *l, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	spin(l);
}

/* What has arrived; "" nothing, NULL the end. */
static inline const char *hear(int fd)
{
	static char buf[65536];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	if (n == 0)
		return NULL;
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

#endif
