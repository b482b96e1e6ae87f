/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about routers. What replication counts is asked for first, of the one router or of all,
 * with a bound: without its answer, the last known figures are told. */
#ifndef DAEMON_APP_ANSWER_H
#define DAEMON_APP_ANSWER_H

#include "vrouter/control.h"

struct app;

struct app_query { /* a request that waits for replication's reports */
	uint64_t client;
	struct ctl_request req;
};

struct app_answers {
	struct app_query query[CTL_CLIENTS_MAX]; /* oldest first */
	unsigned n;
	/* What replication was asked, and how many reports are missing; 0: nothing is asked. A
	 * query that this covers is answered with it, others are asked after it. */
	char asked[64];	   /* a router; empty: all */
	char beats_of[64]; /* the one that knows its heartbeats, perhaps itself */
	unsigned due;
	struct event *timer;
	uint64_t reports; /* that answered a question */
};

/* 0 or -errno. */
must_check int app_answers_init(struct app *a);
void app_answers_fini(struct app *a);
/* status, peers, stats, check, flows */
void app_answer(struct app *a, uint64_t client, const struct ctl_request *req);
/* That router's answer to a QUERY has come. */
void app_answer_report(struct app *a, const char *router);
/* No report will come any more: all are answered with what is known. */
void app_answer_now(struct app *a);

#endif
