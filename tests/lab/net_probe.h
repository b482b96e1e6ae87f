/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at a network from outside of the program under test: shell commands, sockets in other
 * namespaces, captured and crafted frames. Failures end the running cmocka test. */
#ifndef TESTS_LAB_NET_PROBE_H
#define TESTS_LAB_NET_PROBE_H

#include <sys/socket.h>

#include <linux/if_packet.h>

#include "vrouter/addr.h"

#define PROBE_WAIT_MS                                                                              \
	20000 /* for what must come, on a kernel that is busy with others' namespaces, too */

void probe_init(void); /* where sockets return to after they were opened elsewhere */

uint64_t probe_now_us(void);
int probe_sh(const char *fmt, ...) printf_like(1, 2);
void probe_output(const char *cmd, char *buf, size_t cap);

int probe_socket(const char *ns, int family, int type, int proto);
void probe_wait(int fd, const char *what); /* until it is readable */
struct sockaddr_in probe_addr(const char *addr, uint16_t port);

struct frame {
	struct sockaddr_ll from;
	size_t len;
	_Alignas(4) uint8_t pad[2]; /* so that what follows the Ethernet header is aligned */
	uint8_t data[2048];
};

int probe_capture(const char *ns); /* every frame on every link of a namespace */
bool probe_next(int capture, struct frame *f, int ms); /* false: nothing within ms */
bool probe_is_announcement(const struct frame *f, const struct ip_addr *vip);

/* A TCP segment out of the middle of a flow that nobody knows. */
void probe_send_ack(const char *ns, const char *from, const char *to, uint16_t dport);
void probe_send_udp(const char *ns, const char *to, uint16_t dport);
void probe_send_echo(const char *ns, const char *to);
/* Reads what was captured until the answer to probe_send_echo() proves that everything before it
 * was handled. `by` may have answered nothing else with a TCP segment or ICMP unreachable. */
void probe_only_echo(int capture, const char *by);

#endif
