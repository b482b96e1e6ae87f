/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question by UDP, asked inside a namespace; the answer comes from the event loop, or not. A
 * new question gives the one before it up. */
#ifndef DAEMON_SERVICE_PROBE_H
#define DAEMON_SERVICE_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "vrouter/addr.h"

struct event_base;
struct netns;
struct service_probe;

/* buf: at most SERVICE_ANSWER_MAX bytes, whatever they are, from the address that was asked. */
typedef void service_probe_fn(void *ctx, const uint8_t *buf, size_t len);

/* ns and ctx are borrowed. 0 or -errno. */
must_check int service_probe_new(struct service_probe **out, struct event_base *base,
				 const struct netns *ns, service_probe_fn *fn, void *ctx);
void service_probe_free(struct service_probe *p); /* NULL is allowed */
/* 0 or -errno. */
must_check int service_probe_ask(struct service_probe *p, const struct ip_addr *to, uint16_t port,
				 const uint8_t *query, size_t len);

#endif
