/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Measures. `probe` sends a numbered UDP datagram at fixed times and records the longest time
 * without an answer; it also records how long it was itself kept from running, because on a busy
 * machine that looks the same. Asked to settle it sends no more and waits for what is under way, so
 * that a late answer is none that is lost. `meter` copies a download and records its longest
 * silence. */
#include "traffic.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 65536 /* probes whose answers are told apart */

struct probe {
	int fd;
	uint64_t period_ns, next_ns; /* next_ns UINT64_MAX: settled, sends nothing */
	uint64_t round, from;	     /* number of the last one sent; of the last before the reset */
	uint64_t sent, answered, moved;
	bool waits[WINDOW]; /* by number: not answered yet */
	uint64_t last_answer_ns, last_send_ns;
	uint64_t gap_ns, gap_from_ns; /* longest time between two answers */
	uint64_t stall_ns;	      /* longest time between two of our own sends */
	uint64_t stall_now_ns;	      /* the same, since the last answer */
	uint64_t stall_in_gap_ns;     /* the same, within the longest gap */
	bool known;
	struct seen seen;
};

static void probe_reset(struct probe *p)
{
	if (p->next_ns == UINT64_MAX) {
		p->next_ns = now_ns();
		p->last_send_ns = p->last_answer_ns = 0; /* a pause is no gap */
	}
	p->from = p->round;
	p->sent = p->answered = p->moved = 0;
	p->gap_ns = p->gap_from_ns = 0;
	p->stall_ns = p->stall_now_ns = p->stall_in_gap_ns = 0;
}

static void probe_send(struct probe *p, uint64_t now)
{
	struct token t = {TOKEN_MAGIC, 0, ++p->round};
	uint64_t since = p->last_send_ns ? now - p->last_send_ns : 0;

	p->sent++;
	p->waits[t.round % WINDOW] = true;
	if (since > p->stall_ns)
		p->stall_ns = since;
	if (since > p->stall_now_ns)
		p->stall_now_ns = since;
	p->last_send_ns = now;
	/* A lost probe is what we are here to see. An error that was pending is of an earlier one.
	 */
	if (send(p->fd, &t, sizeof(t), 0) < 0)
		(void)!send(p->fd, &t, sizeof(t), 0);
	/* Times are absolute, so a late one does not move the next; missed ones are left out. */
	while (p->next_ns <= now)
		p->next_ns += p->period_ns;
}

static void probe_answer(struct probe *p, uint64_t now)
{
	uint64_t gap = p->last_answer_ns ? now - p->last_answer_ns : 0;

	if (gap > p->gap_ns) {
		p->gap_ns = gap;
		p->gap_from_ns = p->last_answer_ns;
		p->stall_in_gap_ns = p->stall_now_ns;
	}
	p->stall_now_ns = 0;
	p->last_answer_ns = now;
	p->answered++;
}

static void probe_receive(struct probe *p)
{
	char buf[256];
	struct token t;
	struct seen seen;
	ssize_t n;

	while ((n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0 || errno == ECONNREFUSED) {
		if (n != sizeof(struct token) + sizeof(seen))
			continue;
		memcpy(&t, buf, sizeof(t));
		if (t.round <= p->from || t.round > p->round || !p->waits[t.round % WINDOW])
			continue;
		p->waits[t.round % WINDOW] = false;
		memcpy(&seen, buf + sizeof(struct token), sizeof(seen));
		if (p->known && memcmp(&seen, &p->seen, sizeof(seen)))
			p->moved++;
		p->known = true;
		p->seen = seen;
		probe_answer(p, now_ns());
	}
}

static void probe_report(const struct probe *p)
{
	uint64_t now = now_ns();
	uint64_t open = p->last_answer_ns ? now - p->last_answer_ns : 0;
	double from = p->gap_from_ns ? wall_s() - (double)(now - p->gap_from_ns) / 1e9 : 0;

	printf("{\"sent\": %lu, \"answered\": %lu, \"lost\": %lu, \"moved\": %lu, \"gap_ms\": "
	       "%.2f, "
	       "\"gap_from\": %.6f, \"silent_ms\": %.2f, \"stall_ms\": %.2f, "
	       "\"stall_in_gap_ms\": %.2f}\n",
	       p->sent, p->answered, p->sent - p->answered, p->moved, (double)p->gap_ns / 1e6, from,
	       (double)open / 1e6, (double)p->stall_ns / 1e6, (double)p->stall_in_gap_ns / 1e6);
}

/* What is under way has until the deadline to come back. */
static void probe_settle(struct probe *p, unsigned deadline_ms)
{
	struct pollfd fd = {.fd = p->fd, .events = POLLIN};
	uint64_t end = now_ns() + deadline_ms * 1000000ull;

	p->next_ns = UINT64_MAX;
	while (p->answered < p->sent) {
		uint64_t now = now_ns();

		if (now >= end)
			break;
		(void)!poll(&fd, 1, (int)((end - now) / 1000000) + 1);
		probe_receive(p);
	}
}

/* The kernel sleeps to the absolute time through ppoll's relative timeout, computed last. */
static void probe_wait(const struct probe *p, struct pollfd *fds, nfds_t n)
{
	if (p->next_ns == UINT64_MAX) {
		(void)!poll(fds, n, -1);
		return;
	}

	uint64_t now = now_ns(), left = p->next_ns > now ? p->next_ns - now : 0;
	struct timespec t = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};

	(void)!ppoll(fds, n, &t, NULL);
}

static int signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* false: time to end. */
static bool probe_command(struct probe *p, const struct pollfd *fds, unsigned deadline_ms)
{
	struct signalfd_siginfo info;
	char line[64] = "report";

	if (fds[2].revents) {
		if (read(fds[2].fd, &info, sizeof(info)) != sizeof(info))
			return false;
		probe_report(p);
		return info.ssi_signo == SIGUSR1;
	}
	if (!stdin_line(line, sizeof(line))) {
		probe_report(p);
		return false;
	}
	if (!strcmp(line, "reset"))
		probe_reset(p);
	else if (!strcmp(line, "settle"))
		probe_settle(p, deadline_ms);
	probe_report(p);
	return true;
}

int cmd_probe(const struct options *o)
{
	static struct probe p; /* large */
	struct sockaddr_in src = {.sin_family = AF_INET, .sin_addr = o->source};

	p.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	p.period_ns = (o->interval_us ? o->interval_us : 1000) * 1000ull;
	if (p.fd < 0 || bind(p.fd, (struct sockaddr *)&src, sizeof(src)) ||
	    connect(p.fd, (const struct sockaddr *)&o->target, sizeof(o->target)))
		die("socket: %s", strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	struct pollfd fds[] = {{.fd = p.fd, .events = POLLIN},
			       {.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = signal_fd(), .events = POLLIN}};

	p.next_ns = now_ns() + p.period_ns;
	for (;;) {
		probe_wait(&p, fds, ARRAY_LEN(fds));
		if (fds[0].revents)
			probe_receive(&p);
		if ((fds[1].revents || fds[2].revents) && !probe_command(&p, fds, o->deadline_ms))
			return 0;
		uint64_t now = now_ns();
		if (now >= p.next_ns)
			probe_send(&p, now);
	}
}

static void meter_report(uint64_t bytes, uint64_t size, uint64_t longest, uint64_t at_byte)
{
	fprintf(stderr,
		"{\"bytes\": %lu, \"percent\": %lu, \"stall_ms\": %.1f, \"stall_at\": %lu}\n",
		bytes, size ? bytes * 100 / size : 0, (double)longest / 1e6, at_byte);
}

int cmd_meter(const struct options *o)
{
	static char buf[1 << 16];
	uint64_t bytes = 0, longest = 0, at_byte = 0, last = 0, reported = now_ns();
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) != 0) {
		uint64_t now = now_ns();

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("read: %s", strerror(errno));
		if (last && now - last > longest) {
			longest = now - last;
			at_byte = bytes;
		}
		last = now;
		bytes += (uint64_t)n;
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(STDOUT_FILENO, buf + done, (size_t)(n - done));
			if (w < 0)
				die("write: %s", strerror(errno));
		}
		if (now - reported > 100000000u) {
			meter_report(bytes, o->size, longest, at_byte);
			reported = now;
		}
	}
	meter_report(bytes, o->size, longest, at_byte);
	return 0;
}
