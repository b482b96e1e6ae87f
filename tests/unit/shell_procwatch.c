/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of the process watch. The helper is this very program in another role, as it is the
 * daemon's; the processes are its own children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <event2/event.h>

#include "../../daemon/procwatch.h"

#define LONG_MS	 20000 /* of waiting; a test that gets there has failed */
#define NEVER_MS 3600000

struct world {
	struct event_base *base;
	struct procwatch *w;
	char dir[32], file[64], name[16];
	unsigned told;
	pid_t pid;
	char why[200];
};

static void on_news(void *ctx, pid_t pid, const char *why)
{
	struct world *w = ctx;

	w->told++;
	w->pid = pid;
	snprintf(w->why, sizeof(w->why), "%s", why);
	event_base_loopbreak(w->base);
}

static void next(struct world *w)
{
	const struct timeval tv = {.tv_sec = LONG_MS / 1000};
	unsigned before = w->told;

	event_base_loopexit(w->base, &tv);
	event_base_dispatch(w->base);
	if (w->told == before)
		fail_msg("nothing was told");
}

static int setup(void **state)
{
	const struct spawn_opts opts = {.debug = false};
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/vr-procXXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->file, sizeof(w->file), "%s/pid", w->dir);
	snprintf(w->name, sizeof(w->name), "vrp%d", (int)getpid());
	w->base = event_base_new();
	assert_int_equal(procwatch_new(&w->w, w->base, &opts), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	procwatch_free(w->w);
	event_base_free(w->base);
	unlink(w->file);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* It has its name when this returns. */
static pid_t child(const char *name)
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		prctl(PR_SET_NAME, name, 0, 0, 0);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		close_range(3, ~0U, 0);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

/* A zombie is left: it does not run. */
static void end(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void write_pid(const struct world *w, const char *text)
{
	FILE *f = fopen(w->file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void by_name(void **state)
{
	struct world *w = *state;
	struct procwatch_item *i;
	pid_t a = child(w->name), b;

	assert_int_equal(procwatch_add(&i, w->w, false, w->name, NEVER_MS, on_news, w), 0);
	next(w);
	assert_int_equal(w->pid, a);
	/* another one of the name is as good, and nobody is told of the end of the first */
	b = child(w->name);
	end(a);
	end(b);
	next(w);
	assert_int_equal(w->told, 2);
	assert_int_equal(w->pid, 0);
	assert_non_null(strstr(w->why, w->name));
	waitpid(a, NULL, 0);
	waitpid(b, NULL, 0);
	procwatch_del(i);
}

static void by_pid_file(void **state)
{
	struct world *w = *state;
	struct procwatch_item *i;
	char text[32];
	pid_t a;

	assert_int_equal(procwatch_add(&i, w->w, true, w->file, 50, on_news, w), 0);
	next(w);
	assert_int_equal(w->pid, 0);
	assert_non_null(strstr(w->why, "No such file"));
	write_pid(w, "some words\n");
	a = child(w->name);
	snprintf(text, sizeof(text), "%d\n", a);
	write_pid(w, text);
	next(w);
	assert_int_equal(w->pid, a);
	end(a);
	next(w);
	assert_int_equal(w->pid, 0);
	assert_non_null(strstr(w->why, "does not run"));
	waitpid(a, NULL, 0);
	procwatch_del(i);
}

/* The helper is started again, and knows all that the first one did. */
static void survives_its_helper(void **state)
{
	struct world *w = *state;
	struct procwatch_item *i;
	pid_t a = child(w->name), helper;

	assert_int_equal(procwatch_add(&i, w->w, false, w->name, NEVER_MS, on_news, w), 0);
	next(w);
	helper = procwatch_pid(w->w);
	assert_true(helper > 0);
	kill(helper, SIGKILL);
	next(w);
	assert_int_not_equal(procwatch_pid(w->w), helper);
	assert_int_equal(procwatch_restarts(w->w), 1);
	assert_int_equal(w->pid, a);
	end(a);
	next(w);
	assert_int_equal(w->pid, 0);
	waitpid(a, NULL, 0);
	procwatch_del(i);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(by_pid_file, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_its_helper, setup, teardown),
	};

	if (argc > 1 && strcmp(argv[1], "--procwatch") == 0)
		return procwatch_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
