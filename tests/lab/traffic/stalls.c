/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Was this machine to blame? On each CPU a process above every other real-time priority sleeps and
 * wakes. When it wakes late nobody could run there: because the hypervisor took the CPU (it shows
 * as stolen in /proc/stat), or because of the kernel itself. */
#include "traffic.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_NS = 2000000, PRIORITY_HERE = 90, LOOK_EVERY = 50 };

struct stalls {
	unsigned host, kernel;
	double host_ms, kernel_ms; /* the longest */
};

/* Milliseconds stolen from that CPU so far. */
static double stolen_ms(int cpu)
{
	unsigned long long ticks = 0;
	char line[256], name[16];
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		die("/proc/stat");
	snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line, "%*s %*u %*u %*u %*u %*u %*u %*u %llu", &ticks);
	fclose(f);
	return (double)ticks * 1000 / (double)sysconf(_SC_CLK_TCK);
}

/* On stderr with the time of day, so that it can be laid beside other logs. */
static void note(struct stalls *s, double late_ms, double stolen)
{
	bool host = stolen >= late_ms / 2;
	unsigned *n = host ? &s->host : &s->kernel;
	double *longest = host ? &s->host_ms : &s->kernel_ms;

	++*n;
	if (late_ms > *longest)
		*longest = late_ms;
	fprintf(stderr, "%.3f %.1f %s\n", wall_s(), late_ms, host ? "host" : "kernel");
}

static void watch(int cpu, struct stalls *s, double limit_ms)
{
	const struct sched_param p = {.sched_priority = PRIORITY_HERE};
	const struct timespec nap = {.tv_nsec = SLEEP_NS};
	double stolen = stolen_ms(cpu);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &p))
		die("CPU %d: no affinity or real-time priority", cpu);
	for (unsigned i = 0;; i++) {
		uint64_t from = now_ns();

		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);

		double late_ms = (double)(now_ns() - from - SLEEP_NS) / 1e6;
		bool late = late_ms >= limit_ms;

		if (!late && i % LOOK_EVERY)
			continue;

		double before = stolen;

		stolen = stolen_ms(cpu);
		if (late)
			note(s, late_ms, stolen - before);
	}
}

int cmd_stalls(const struct options *o)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	struct stalls *s = mmap(NULL, (size_t)n * sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char line[64];

	if (s == MAP_FAILED)
		die("mmap");
	for (int cpu = 0; cpu < n; cpu++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			watch(cpu, &s[cpu], (double)o->interval_us / 1000);
	}
	printf("{\"cpus\": %ld}\n", n);
	fflush(stdout);
	while (stdin_line(line, sizeof(line))) {
		struct stalls all = {0};

		for (int cpu = 0; cpu < n; cpu++) {
			all.host += s[cpu].host;
			all.kernel += s[cpu].kernel;
			if (s[cpu].host_ms > all.host_ms)
				all.host_ms = s[cpu].host_ms;
			if (s[cpu].kernel_ms > all.kernel_ms)
				all.kernel_ms = s[cpu].kernel_ms;
		}
		printf("{\"host\": %u, \"host_ms\": %.1f, \"kernel\": %u, \"kernel_ms\": %.1f}\n",
		       all.host, all.host_ms, all.kernel, all.kernel_ms);
		fflush(stdout);
	}
	return 0;
}
