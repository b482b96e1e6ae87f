/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

static inline uint64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static inline uint64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static inline uint64_t now_ms(void)
{
	return now_us() / 1000;
}

static inline uint64_t wall_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

static inline struct timeval timeval_us(uint64_t us)
{
	return (struct timeval){.tv_sec = (time_t)(us / 1000000),
				.tv_usec = (suseconds_t)(us % 1000000)};
}

static inline struct timeval timeval_ms(uint64_t ms)
{
	return timeval_us(ms * 1000);
}

#endif
