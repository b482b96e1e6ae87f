/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "../../daemon/program.h"

struct world {
	struct event_base *base;
	struct program *p;
	unsigned ended;
	enum program_end how;
	char text[128], dir[32], path[64], out[64], got[512];
};

static void on_end(void *ctx, enum program_end how, const char *text)
{
	struct world *w = ctx;

	w->ended++;
	w->how = how;
	snprintf(w->text, sizeof(w->text), "%s", text);
	event_base_loopbreak(w->base);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/vr-programXXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/program", w->dir);
	snprintf(w->out, sizeof(w->out), "%s/out", w->dir);
	w->base = event_base_new();
	assert_int_equal(program_new(&w->p, w->base, "test", on_end, w), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	program_free(w->p);
	event_base_free(w->base);
	unlink(w->path);
	unlink(w->out);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void write_script(struct world *w, const char *body, mode_t mode)
{
	FILE *f = fopen(w->path, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	assert_int_equal(chmod(w->path, mode), 0);
}

static void start(struct world *w, const char *body, uint32_t limit_ms)
{
	char out[80];
	char *env[] = {out, NULL};

	snprintf(out, sizeof(out), "OUT=%s", w->out);
	write_script(w, body, 0755);
	assert_int_equal(program_start(w->p, w->path, env, limit_ms), 0);
	assert_true(program_runs(w->p));
}

/* Runs it to its end; what it left in $OUT is then in got. */
static void run(struct world *w, const char *body, uint32_t limit_ms)
{
	start(w, body, limit_ms);
	event_base_dispatch(w->base);
	assert_false(program_runs(w->p));
	memset(w->got, 0, sizeof(w->got));

	FILE *f = fopen(w->out, "r");

	if (!f)
		return;
	w->got[fread(w->got, 1, sizeof(w->got) - 1, f)] = '\0';
	fclose(f);
}

static void tells_how_it_ended(void **state)
{
	struct world *w = *state;

	run(w, "exit 0", 20000);
	assert_int_equal(w->how, PROGRAM_DONE);
	run(w, "echo some words; exit 3", 20000);
	assert_int_equal(w->how, PROGRAM_FAILED);
	assert_string_equal(w->text, "exit status 3");
	run(w, "kill -USR1 $$", 20000);
	assert_int_equal(w->how, PROGRAM_FAILED);
	assert_int_equal(w->ended, 3);
}

static void has_nothing_of_ours(void **state)
{
	struct world *w = *state;
	int fd = open("/dev/null", O_RDONLY); /* inheritable */

	assert_true(fd >= 0);
	setenv("SECRET", "1", 1);
	signal(SIGPIPE, SIG_IGN);
	/* ls itself has a descriptor for the folder, 3 as nothing else is there */
	run(w,
	    "{ echo fds $(ls /proc/self/fd); echo secret $SECRET; echo dir $(pwd); "
	    "grep SigIgn /proc/self/status | tr -d '\\t'; } >$OUT",
	    20000);
	close(fd);
	assert_non_null(strstr(w->got, "fds 0 1 2 3\n"));
	assert_non_null(strstr(w->got, "secret\n"));
	assert_non_null(strstr(w->got, "dir /\n"));
	assert_non_null(strstr(w->got, "SigIgn:0000000000000000\n"));
}

static void is_killed_with_its_children(void **state)
{
	struct world *w = *state;
	pid_t child;

	run(w, "sleep 1000 & echo $! >$OUT; wait", 300);
	assert_int_equal(w->how, PROGRAM_TIMEOUT);
	child = (pid_t)strtol(w->got, NULL, 10);
	assert_true(child > 0);
	/* reparented and reaped in a moment, by whoever does so here; a zombie takes no more time
	 */
	for (unsigned i = 0; i < 500 && kill(child, 0) == 0; i++) {
		char path[40], text[256] = "";

		snprintf(path, sizeof(path), "/proc/%d/stat", child);

		FILE *f = fopen(path, "r");

		if (!f || !fgets(text, sizeof(text), f) || strstr(text, ") Z "))
			i = 1000;
		if (f)
			fclose(f);
		usleep(10000);
		assert_true(i < 499 || i >= 1000);
	}
}

/* Its output is more than a pipe holds, and nobody waits for its children's end of the pipe. */
static void may_be_talkative(void **state)
{
	struct world *w = *state;

	run(w,
	    "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; "
	    "i=$((i + 1)); done; sleep 2 & exit 0",
	    20000);
	assert_int_equal(w->how, PROGRAM_DONE);
}

static void one_at_a_time(void **state)
{
	struct world *w = *state;
	char *env[] = {NULL};

	start(w, "sleep 1000", 20000);
	assert_int_equal(program_start(w->p, w->path, env, 1000), -EBUSY);
	assert_int_equal(w->ended, 0); /* and teardown ends it */
}

static void cannot_be_run(void **state)
{
	struct world *w = *state;
	const char *why = NULL;
	char *env[] = {NULL};

	assert_int_equal(program_check(w->path, &why), -ENOENT);
	assert_string_equal(why, "cannot be found");
	assert_int_equal(program_check(w->dir, &why), -EINVAL);
	write_script(w, "exit 0", 0644);
	assert_int_equal(program_check(w->path, &why), -EACCES);
	write_script(w, "exit 0", 0757);
	assert_int_equal(program_check(w->path, &why), -EPERM);
	write_script(w, "exit 0", 0755);
	assert_int_equal(program_check(w->path, &why), 0);
	unlink(w->path);
	assert_int_equal(program_start(w->p, w->path, env, 20000), 0);
	event_base_dispatch(w->base);
	assert_int_equal(w->how, PROGRAM_FAILED);
	assert_string_equal(w->text, "exit status 127");
}

static void has_arguments_and_may_be_mute(void **state)
{
	struct world *w = *state;
	char out[80], first[] = "two words", second[] = "";
	char *env[] = {out, NULL}, *args[] = {first, second, NULL};
	struct program_job job = {
		.path = w->path, .args = args, .env = env, .limit_ms = 20000, .mute = true};
	FILE *f;

	snprintf(out, sizeof(out), "OUT=%s", w->out);
	write_script(w,
		     "echo \"$#:$1:$2\" >\"$OUT\"; "
		     "own=$(readlink /proc/$$/fd/1); echo $own >>\"$OUT\"",
		     0755);
	assert_int_equal(program_run(w->p, &job), 0);
	event_base_dispatch(w->base);
	assert_int_equal(w->how, PROGRAM_DONE);
	f = fopen(w->out, "r");
	assert_non_null(f);
	w->got[fread(w->got, 1, sizeof(w->got) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(w->got, "2:two words:\n/dev/null\n");

	write_script(w, "exec sleep 100", 0755);
	job.limit_ms = 150;
	assert_int_equal(program_run(w->p, &job), 0);
	event_base_dispatch(w->base);
	assert_int_equal(w->how, PROGRAM_TIMEOUT);
	assert_string_equal(w->text, "killed: it ran for longer than 150 ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_how_it_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(has_nothing_of_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(is_killed_with_its_children, setup, teardown),
		cmocka_unit_test_setup_teardown(may_be_talkative, setup, teardown),
		cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(has_arguments_and_may_be_mute, setup, teardown),
		cmocka_unit_test_setup_teardown(cannot_be_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
