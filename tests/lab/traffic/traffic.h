/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vr-traffic: makes and judges the lab's traffic. One process per role, in the namespace it was
 * started in; commands come as lines on stdin, each is answered by one line of JSON on stdout, so a
 * shell script can drive many of them. IPv4, and TCP over IPv6; no state but its own sockets. */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define must_check	   __attribute__((warn_unused_result))
#define ARRAY_LEN(a)	   (sizeof(a) / sizeof((a)[0]))
#define noreturn_printf(n) __attribute__((noreturn, format(printf, n, n + 1)))

/* What every datagram carries, and what the echo server appends to it: the sender's address and
 * port (or ICMP id) as the public side saw them. A flow whose translation was lost gets another
 * one. */
struct token {
	uint32_t magic;
	uint32_t flow;
	uint64_t round;
};
struct seen {
	uint32_t addr_be;
	uint16_t port_be;
	uint16_t zero;
};
#define TOKEN_MAGIC 0x76727472u /* "vrtr" */

struct options {
	struct sockaddr_in target;   /* --target A:P, --listen A:P */
	struct sockaddr_in6 target6; /* the same with [A]:P; then TCP only */
	struct in_addr source;	     /* --source A; 0: any */
	unsigned sources;	     /* --sources N: of that many addresses from source on */
	struct in_addr via;	     /* --via A: the translated address of `fill` */
	unsigned count;		     /* --count N */
	unsigned deadline_ms;	     /* --deadline MS */
	unsigned interval_us;	     /* --interval-us N */
	uint64_t size;		     /* --size BYTES */
	const char *socket;	     /* --socket PATH */
	unsigned first;		     /* --first N: number of the first flow of `fill` */
	unsigned rate;		     /* --rate N: entries a second; 0: no pace */
	const char *replica;	     /* --replica PATH: the other namespace of `lag` */
};

noreturn_printf(1) void die(const char *fmt, ...);
uint64_t now_ns(void); /* CLOCK_MONOTONIC */
double wall_s(void);   /* CLOCK_REALTIME, seconds */
void files_to_hard_limit(void);
/* false: stdin ended. A line without its newline; "" when none is complete yet. */
must_check bool stdin_line(char *buf, size_t cap);
/* Segments, SYN included, that this connection had to send again so far. */
unsigned tcp_retransmissions(int fd);
uint16_t icmp_checksum(const void *data, size_t len);

int cmd_echo_server(const struct options *o);
int cmd_tcp_flows(const struct options *o);
int cmd_tcp_opens(const struct options *o);
int cmd_udp_flows(const struct options *o);
int cmd_ping_flows(const struct options *o);
int cmd_probe(const struct options *o);
int cmd_meter(const struct options *o);
int cmd_fill(const struct options *o);
int cmd_drop(const struct options *o);
int cmd_have(const struct options *o);
int cmd_watch(const struct options *o);
int cmd_limits(const struct options *o);
int cmd_lag(const struct options *o);
int cmd_table(const struct options *o);
int cmd_flush(const struct options *o);
int cmd_garbage(const struct options *o);
int cmd_stalls(const struct options *o);
int cmd_play(const struct options *o);

#endif
