/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrouter/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define REMOTE_BURST 20 /* lines, refilled at one per second */
#define LINE_MAX_LEN 1024

/* The one process-wide state of the shell: where lines go is a property of the process. */
static struct {
	bool syslog, debug, journal;
	unsigned tokens;
	uint64_t dropped;
	time_t refilled;
} out = {.tokens = REMOTE_BURST};

/* Given, so that no line has to ask for one: later that may not be allowed. */
static char line[2 * LINE_MAX_LEN];

void log_init(const char *ident, bool to_syslog, bool debug)
{
	out.syslog = to_syslog;
	out.debug = debug;
	out.journal = getenv("JOURNAL_STREAM") != NULL;
	if (to_syslog)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	setvbuf(stderr, line, _IOLBF, sizeof(line));
}

bool log_prepare(void)
{
	const time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	return out.syslog;
}

static void emit(int prio, const char *subsys, const char *instance, const char *text)
{
	const char *open = instance ? "[" : "", *close = instance ? "]" : "";

	if (!instance)
		instance = "";
	if (out.syslog) {
		syslog(prio, "%s%s%s%s: %s", subsys, open, instance, close, text);
	} else if (out.journal) {
		fprintf(stderr, "<%d>%s%s%s%s: %s\n", prio, subsys, open, instance, close, text);
	} else {
		struct timespec ts;
		struct tm tm;

		clock_gettime(CLOCK_REALTIME, &ts);
		localtime_r(&ts.tv_sec, &tm);
		fprintf(stderr, "%02d:%02d:%02d.%03ld %s%s%s%s: %s\n", tm.tm_hour, tm.tm_min,
			tm.tm_sec, ts.tv_nsec / 1000000, subsys, open, instance, close, text);
	}
}

__attribute__((format(printf, 4, 0))) static void
log_va(int prio, const char *subsys, const char *instance, const char *fmt, va_list ap)
{
	char text[LINE_MAX_LEN];

	vsnprintf(text, sizeof(text), fmt, ap);
	emit(prio, subsys, instance, text);
}

#define LOG_FUNCTION(name, prio)                                                                   \
	void name(const char *subsys, const char *instance, const char *fmt, ...)                  \
	{                                                                                          \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		log_va(prio, subsys, instance, fmt, ap);                                           \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_err, LOG_ERR)
LOG_FUNCTION(log_warn, LOG_WARNING)
LOG_FUNCTION(log_info, LOG_INFO)

void log_debug(const char *subsys, const char *instance, const char *fmt, ...)
{
	va_list ap;

	if (!out.debug)
		return;
	va_start(ap, fmt);
	log_va(LOG_DEBUG, subsys, instance, fmt, ap);
	va_end(ap);
}

/* A peer must not be able to fill the disk. */
static bool take_token(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (ts.tv_sec > out.refilled) {
		time_t gained = ts.tv_sec - out.refilled;

		out.refilled = ts.tv_sec;
		out.tokens = gained >= REMOTE_BURST - (time_t)out.tokens
				     ? REMOTE_BURST
				     : out.tokens + (unsigned)gained;
	}
	if (!out.tokens) {
		out.dropped++;
		return false;
	}
	out.tokens--;
	return true;
}

void log_remote(const char *subsys, const char *instance, const char *fmt, ...)
{
	va_list ap;

	if (!take_token())
		return;
	if (out.dropped) {
		log_warn("log", NULL, "%llu lines about misbehaving peers were left out",
			 (unsigned long long)out.dropped);
		out.dropped = 0;
	}
	va_start(ap, fmt);
	log_va(LOG_WARNING, subsys, instance, fmt, ap);
	va_end(ap);
}
