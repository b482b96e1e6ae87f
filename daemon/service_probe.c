/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service_probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "service_query.h"
#include "vrouter/netns.h"

struct service_probe {
	struct event_base *base;
	const struct netns *ns;
	service_probe_fn *fn;
	void *ctx;
	int fd; /* -1: nothing is asked */
	struct event *readable;
};

struct question {
	struct sockaddr_storage to;
	socklen_t len;
};

static void give_up(struct service_probe *p)
{
	if (p->readable)
		event_free(p->readable);
	p->readable = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* Nobody who listens there is an answer that does not come, too. */
static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct service_probe *p = ctx;
	uint8_t buf[SERVICE_ANSWER_MAX];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		give_up(p);
	else
		p->fn(p->ctx, buf, (size_t)n);
}

/* Connected, so that it hears the one who was asked, and the kernel's word that there is nobody. */
static int open_socket(void *arg)
{
	const struct question *q = arg;
	int fd = socket(q->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&q->to, q->len) == 0)
		return fd;

	int err = -errno;

	close(fd);
	return err;
}

static void set_address(struct question *q, const struct ip_addr *to, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool ipv6 = to->family == AF_INET6;

	memcpy(&v4.sin_addr, to->b, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, to->b, sizeof(v6.sin6_addr));
	q->len = ipv6 ? sizeof(v6) : sizeof(v4);
	memcpy(&q->to, ipv6 ? (const void *)&v6 : (const void *)&v4, q->len);
}

int service_probe_new(struct service_probe **out, struct event_base *base, const struct netns *ns,
		      service_probe_fn *fn, void *ctx)
{
	struct service_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct service_probe){.base = base, .ns = ns, .fn = fn, .ctx = ctx, .fd = -1};
	*out = p;
	return 0;
}

void service_probe_free(struct service_probe *p)
{
	if (!p)
		return;
	give_up(p);
	free(p);
}

int service_probe_ask(struct service_probe *p, const struct ip_addr *to, uint16_t port,
		      const uint8_t *query, size_t len)
{
	struct question q = {.len = 0};

	give_up(p);
	set_address(&q, to, port);
	p->fd = netns_run(p->ns, open_socket, &q);
	if (p->fd < 0) {
		int err = p->fd;

		p->fd = -1;
		return err;
	}
	p->readable = event_new(p->base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	if (!p->readable || event_add(p->readable, NULL) < 0) {
		give_up(p);
		return -ENOMEM;
	}
	return send(p->fd, query, len, 0) < 0 ? -errno : 0;
}
