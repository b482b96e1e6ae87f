/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program of others (dnsmasq, chronyd, ...) as a supervised child of the daemon: in a namespace,
 * with a configuration that was made for it, as a user of its own with the least capabilities.
 *
 * It is started by a helper ("vrouterd --service", service_main.c), which does all that may take a
 * while (users, files) and then becomes the program, so the core's loop waits for nothing. It dies
 * with the core, whatever that dies of, and with it all that it has started, as it has a PID
 * namespace of its own: a core that comes after never finds one of its predecessor's, nor a port
 * that one still has. When it ends, or does not answer, it is started again (service_care.h). What
 * becomes of it never matters to a router's role.
 *
 * All that it has on the disk is its folder RUN-DIR/services/INSTANCE.NAME, which it runs in, with
 * its configuration, which it gets as its standard input, too: so it need not be able to reach
 * run-dir. */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include <sys/types.h>

#include "service_care.h"
#include "vrouter/util.h"

#define SERVICE_PATH_MAX   256
#define SERVICE_ARGS_MAX   12
#define SERVICE_CONFIG_MAX 16384
#define SERVICE_TEXT_MAX   160
#define SERVICE_CONFIG	   "/proc/self/fd/0" /* the path of its configuration, for its arguments */

struct event_base;
struct netns;
struct service;

/* What program it is; static. */
struct service_kind {
	const char *name;    /* "dns": in the log, in status, of its folder */
	const char *program; /* "dnsmasq", looked for in the usual folders (service_find()) */
	const char *package; /* Debian's that has it */
	const char *user;    /* NULL: root. Where there is no such user, nobody */
	uint64_t caps;	     /* all that it has, 1 << CAP_...; as root, too */
	bool writes;	     /* it may write into its folder, which is its working directory */
	bool nonlocal;	     /* it binds to addresses that are not there yet: see service_main.c */
	const char *args[SERVICE_ARGS_MAX + 1]; /* ended by NULL; at most 63 characters each */
};

/* Borrowed, and outlives the service. */
struct service_env {
	struct event_base *base;
	const struct netns *ns;		/* NULL: where the core is */
	const char *run_dir, *instance; /* the router's name */
};

struct service_ops {
	/* Asks it something, without waiting. Its answer is told by service_answered(); that there
	 * is none is found here. NULL: that it runs is all that is known. */
	void (*ask)(void *ctx);
	/* It is UP, or WAITING and why; both after any other state. */
	void (*on_state)(void *ctx, enum service_state state, const char *why);
	/* A line that it prints, also one that the log leaves out. NULL: for the log alone. */
	void (*on_line)(void *ctx, const char *line);
};

struct service_view {
	const struct service_kind *kind;
	const struct service_care *care;
	pid_t pid;	    /* 0: none */
	uint64_t since_ms;  /* wall clock: this state */
	const char *reason; /* why it does not run, or did not run before; may be empty */
};

/* Off. kind, env, ops and ctx are borrowed. 0 or -errno. */
must_check int service_new(struct service **out, const struct service_kind *kind,
			   const struct service_env *env, const struct service_ops *ops, void *ctx);
/* Ends the program; its folder goes, too. NULL is allowed. */
void service_free(struct service *s);

/* It is to run with this configuration, which is copied; one that runs with another one starts
 * anew. 0, or -E2BIG (then nothing changes). */
must_check int service_run(struct service *s, const char *config);
/* Off: it is killed before this returns. */
void service_end(struct service *s);
/* It can be asked (the default, with an ops.ask), or cannot for now: then nothing follows from its
 * silence. */
void service_can_be_asked(struct service *s, bool can);
void service_answered(struct service *s);
void service_view(const struct service *s, struct service_view *out);

/* RUN-DIR/services/INSTANCE.NAME. */
const char *service_folder(char out[static SERVICE_PATH_MAX], const char *run_dir,
			   const char *instance, const char *name);
/* All files in it go. */
void service_empty_folder(const char *path);
/* Where the program is. 0, or -errno with a sentence that says what to do. */
must_check int service_find(char out[static SERVICE_PATH_MAX], const struct service_kind *kind,
			    char why[static SERVICE_TEXT_MAX]);

/* main() of the helper. An exit status. */
int service_main(void);

#endif
