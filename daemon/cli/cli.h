/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of vrouterctl. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include <jansson.h>

#include "vrouter/util.h"

#define CLI_STOP_MS  150000 /* drain and linger are 60 s each at most */
#define CLI_REPLY_MS 20000  /* a demotion drains, resigns and waits: bounded by the daemon */

enum cli_exit {
	CLI_DONE = 0,
	CLI_NOT_SO = 1, /* what was asked about is not so, or could not be done */
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,
};

struct cli {
	const char *socket;
	bool json;
	int reply_ms; /* how long a reply is waited for */
	int fd;	      /* -1: not connected */
	char *buf;    /* what was read beyond the last line */
	size_t len, cap;
};

/* client.c. They say on standard error what is wrong. */
must_check int cli_connect(struct cli *c); /* enum cli_exit */
void cli_close(struct cli *c);
/* Sends a request and hands out the reply's data (a new reference). */
must_check int cli_request(struct cli *c, const char *cmd, json_t *args, json_t **data);
/* Sends a request and prints its reply's data, as it comes: a parser would take longer than all
 * else for a thousand routers. */
must_check int cli_show(struct cli *c, const char *cmd, json_t *args);
/* The next line of a followed stream; CLI_UNREACHABLE when it ends. */
must_check int cli_next(struct cli *c, int timeout_ms, json_t **out);

/* print.c */
void cli_print_json(const json_t *j);
void cli_print_text(const char *json, size_t len);
void cli_print_status(const json_t *data);
void cli_print_list(const json_t *data); /* a line for each router, and one for what is wrong */
void cli_print_peers(const json_t *data);
void cli_print_stats(const json_t *data);
void cli_print_event(const json_t *event);

/* flows.c: argv[0] is "flows" */
int cli_flows(struct cli *c, int argc, char **argv);
/* verify.c */
int cli_verify(struct cli *c, int argc, char **argv);
/* peer: of that controller only; NULL: of all */
must_check int cli_verify_router(struct cli *c, const char *router, const char *peer);
/* check.c */
int cli_check(struct cli *c, int argc, char **argv);
/* plan.c */
int cli_plan(struct cli *c, int argc, char **argv);
/* export.c */
int cli_export(struct cli *c, int argc, char **argv);
/* import.c */
int cli_import(struct cli *c, int argc, char **argv);
/* keygen.c */
int cli_keygen(struct cli *c, int argc, char **argv);

#endif
