/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options, the table of commands, and the few helpers that all of them share. */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(const struct options *o);
	const char *help;
} commands[] = {
	{"echo-server", cmd_echo_server, "--listen A:P          answer TCP, UDP and ICMP echo"},
	{"tcp-flows", cmd_tcp_flows,
	 "--target A:P --count N [--interval-us N]  hold connections; stdin: check"},
	{"tcp-opens", cmd_tcp_opens,
	 "--target A:P [--interval-us N]  open connections all the time; stdin: report, reset, "
	 "settle"},
	{"udp-flows", cmd_udp_flows,
	 "--target A:P --count N [--source A --sources N]  hold UDP flows; stdin: check"},
	{"ping-flows", cmd_ping_flows, "--target A:0 --count N  hold ICMP flows; stdin: check"},
	{"probe", cmd_probe, "--target A:P [--interval-us N]  stdin: report, reset, settle"},
	{"meter", cmd_meter, "--size BYTES          copy stdin to stdout, progress on stderr"},
	{"fill", cmd_fill,
	 "--target A:P --source A --via A --count N [--first N] [--rate N]  make entries"},
	{"drop", cmd_drop, "like fill              delete these entries"},
	{"have", cmd_have, "like fill              how many of these entries are there"},
	{"watch", cmd_watch, "--count N              when did the growing table hold N entries"},
	{"limits", cmd_limits, "like fill              what the kernel itself can do, per second"},
	{"lag", cmd_lag, "like fill, --replica PATH  time from here to that namespace"},
	{"table", cmd_table, "                      print this namespace's translated flows"},
	{"flush", cmd_flush, "                      delete every entry of this namespace"},
	{"stalls", cmd_stalls,
	 "--interval-us N         when no CPU ran anything for that long; stdin: report"},
	{"garbage", cmd_garbage,
	 "--target A:P | --socket PATH  --count N  random bytes (port 112: raw VRRP)"},
	{"play", cmd_play, "--source A  send the IP packets on stdin (hex, one a line)"},
};

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("vr-traffic: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void files_to_hard_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		die("getrlimit: %s", strerror(errno));
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l))
		die("setrlimit: %s", strerror(errno));
}

/* Byte by byte: commands are rare, and nothing may be read ahead of the newline. */
bool stdin_line(char *buf, size_t cap)
{
	size_t n = 0;
	char c;

	for (;;) {
		ssize_t r = read(STDIN_FILENO, &c, 1);

		if (r == 0)
			return false;
		if (r < 0 && errno != EINTR)
			break;
		if (r == 1 && c == '\n')
			break;
		if (r == 1 && n + 1 < cap)
			buf[n++] = c;
	}
	buf[n] = 0;
	return true;
}

uint16_t icmp_checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (len % 2)
		sum += (uint32_t)(p[len - 1] << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static struct in_addr parse_addr(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		die("%s: not an IPv4 address", text);
	return a;
}

static uint64_t parse_number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || end == text || *end || v > max)
		die("%s: not a number from 0 to %llu", text, (unsigned long long)max);
	return v;
}

static struct sockaddr_in parse_target(const char *text)
{
	char addr[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	struct sockaddr_in sa = {.sin_family = AF_INET};

	if (!colon || (size_t)(colon - text) >= sizeof(addr))
		die("%s: address:port is needed", text);
	memcpy(addr, text, (size_t)(colon - text));
	addr[colon - text] = 0;
	sa.sin_addr = parse_addr(addr);
	sa.sin_port = htons((uint16_t)parse_number(colon + 1, 65535));
	return sa;
}

static struct sockaddr_in6 parse_target6(const char *text)
{
	char addr[INET6_ADDRSTRLEN];
	const char *end = strchr(text, ']');
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6};

	if (!end || end[1] != ':' || (size_t)(end - text) > sizeof(addr))
		die("%s: [address]:port is needed", text);
	memcpy(addr, text + 1, (size_t)(end - text - 1));
	addr[end - text - 1] = 0;
	if (inet_pton(AF_INET6, addr, &sa.sin6_addr) != 1)
		die("%s: not an IPv6 address", addr);
	sa.sin6_port = htons((uint16_t)parse_number(end + 2, 65535));
	return sa;
}

static void parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"target", required_argument, NULL, 't'},
		{"listen", required_argument, NULL, 't'},
		{"source", required_argument, NULL, 's'},
		{"sources", required_argument, NULL, 'n'},
		{"via", required_argument, NULL, 'v'},
		{"count", required_argument, NULL, 'c'},
		{"deadline", required_argument, NULL, 'd'},
		{"size", required_argument, NULL, 'z'},
		{"interval-us", required_argument, NULL, 'i'},
		{"first", required_argument, NULL, 'f'},
		{"socket", required_argument, NULL, 'u'},
		{"rate", required_argument, NULL, 'r'},
		{"replica", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 't' && *optarg == '[')
			o->target6 = parse_target6(optarg);
		else if (c == 't')
			o->target = parse_target(optarg);
		else if (c == 's')
			o->source = parse_addr(optarg);
		else if (c == 'n')
			o->sources = (unsigned)parse_number(optarg, 65536);
		else if (c == 'v')
			o->via = parse_addr(optarg);
		else if (c == 'c')
			o->count = (unsigned)parse_number(optarg, 10000000);
		else if (c == 'd')
			o->deadline_ms = (unsigned)parse_number(optarg, 600000);
		else if (c == 'i')
			o->interval_us = (unsigned)parse_number(optarg, 10000000);
		else if (c == 'z')
			o->size = parse_number(optarg, UINT64_MAX);
		else if (c == 'u')
			o->socket = optarg;
		else if (c == 'p')
			o->replica = optarg;
		else if (c == 'r')
			o->rate = (unsigned)parse_number(optarg, 10000000);
		else if (c == 'f')
			o->first = (unsigned)parse_number(optarg, 10000000);
		else
			exit(2);
	}
	if (optind < argc)
		die("%s: not expected", argv[optind]);
}

int main(int argc, char **argv)
{
	struct options o = {.count = 1, .deadline_ms = 10000};

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		parse_options(&o, argc - 1, argv + 1);
		return commands[i].run(&o);
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(stderr, "vr-traffic %-12s %s\n", commands[i].name, commands[i].help);
	return 2;
}
