/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every simulator's program does: NAME [--seeds N] [--start N] [--jobs N] [--stats]
 *                                          [--progress] | --seed N [--quiet]
 * Seeds are dealt out to processes in turn, so a run is the same with any number of them. */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vrouter/util.h"

#define RUNNER_JOBS_MAX	    64
#define RUNNER_FAILURES_MAX 5 /* of a process, then it stops */

struct runner_program {
	uint64_t seeds; /* by default */
	size_t totals_size;
	/* Runs one seed, says what is wrong with it and adds to the totals. */
	bool (*run)(uint64_t seed, bool trace, void *totals);
	void (*merge)(void *into, const void *from);
	void (*report)(const void *totals, uint64_t seeds, bool stats);
};

struct runner_options {
	uint64_t first, n;
	unsigned jobs;
	bool trace, stats, progress;
};

static inline bool runner_number(const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 0);
	return *text && *text != '-' && !*end;
}

static inline bool runner_parse(int argc, char **argv, struct runner_options *o)
{
	static const struct option options[] = {
		{"seeds", required_argument, NULL, 'n'}, {"start", required_argument, NULL, 'f'},
		{"seed", required_argument, NULL, 's'},	 {"jobs", required_argument, NULL, 'j'},
		{"stats", no_argument, NULL, 't'},	 {"progress", no_argument, NULL, 'p'},
		{"quiet", no_argument, NULL, 'q'},	 {NULL, 0, NULL, 0}};
	bool quiet = false;
	uint64_t v = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?' || (optarg && !runner_number(optarg, &v)))
			return false;
		switch (c) {
		case 'n':
			o->n = v;
			break;
		case 's':
			o->n = 1;
			o->trace = true;
			o->first = v;
			break;
		case 'f':
			o->first = v;
			break;
		case 'j':
			if (v < 1 || v > RUNNER_JOBS_MAX)
				return false;
			o->jobs = (unsigned)v;
			break;
		case 't':
			o->stats = true;
			break;
		case 'p':
			o->progress = true;
			break;
		case 'q':
			quiet = true;
			break;
		}
	}
	o->trace = o->trace && !quiet;
	return optind == argc;
}

static inline int runner_job(const struct runner_program *p, const struct runner_options *o,
			     unsigned job, void *totals)
{
	unsigned failures = 0;

	for (uint64_t i = job; i < o->n && failures < RUNNER_FAILURES_MAX; i += o->jobs) {
		failures += !p->run(o->first + i, o->trace, totals);
		if (o->progress && i / o->jobs % 1000 == 999)
			fprintf(stderr, "process %u: %llu of %llu seeds\n", job,
				(unsigned long long)i + 1, (unsigned long long)o->n);
	}
	fflush(stdout);
	return failures ? 1 : 0;
}

static inline bool runner_fork(const struct runner_program *p, const struct runner_options *o,
			       char *shared)
{
	pid_t pid[RUNNER_JOBS_MAX];
	bool failed = false;

	for (unsigned j = 0; j < o->jobs; j++) {
		pid[j] = fork();
		if (pid[j] == 0)
			_exit(runner_job(p, o, j, shared + j * p->totals_size));
	}
	for (unsigned j = 0; j < o->jobs; j++) {
		int status = 0;

		failed |= pid[j] < 0 || waitpid(pid[j], &status, 0) < 0 || status != 0;
		if (WIFSIGNALED(status))
			printf("a process died of signal %d: run its seeds one by one\n",
			       WTERMSIG(status));
		if (j)
			p->merge(shared, shared + j * p->totals_size);
	}
	return failed;
}

static inline int runner_main(const struct runner_program *p, int argc, char **argv)
{
	struct runner_options o = {.first = 1, .n = p->seeds, .jobs = 1};
	size_t size;
	char *shared;
	bool failed;

	if (!runner_parse(argc, argv, &o)) {
		fprintf(stderr,
			"usage: %s [--seeds N] [--start N] [--jobs N] [--stats] [--progress]\n"
			"       %s --seed N [--quiet]\n",
			argv[0], argv[0]);
		return 2;
	}
	/* each seed takes and frees the same rings and tables: keep their pages */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	size = o.jobs * p->totals_size;
	shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	failed = o.jobs == 1 ? runner_job(p, &o, 0, shared) : runner_fork(p, &o, shared);
	p->report(shared, o.n, o.stats);
	munmap(shared, size);
	if (failed)
		printf("FAILED; --seed N replays one\n");
	return failed;
}

#endif
