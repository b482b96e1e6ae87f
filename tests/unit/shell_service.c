/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A supervised program: a shell, whose script is its configuration. The helper is this very program
 * in another role, as it is the daemon's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <event2/event.h>
#include <linux/capability.h>

#include "../../daemon/service.h"

#define LONG_S 20 /* of waiting; a test that gets there has failed */

struct world {
	struct service_env env;
	struct service *s;
	char dir[32];
	enum service_state state;
	char why[SERVICE_TEXT_MAX];
	unsigned lines; /* "no such port" */
};

static void on_state(void *ctx, enum service_state state, const char *why)
{
	struct world *w = ctx;

	w->state = state;
	snprintf(w->why, sizeof(w->why), "%s", why);
	event_base_loopbreak(w->env.base);
}

static void on_line(void *ctx, const char *line)
{
	struct world *w = ctx;

	w->lines += strcmp(line, "no such port") == 0;
}

static const struct service_ops ops = {.on_state = on_state, .on_line = on_line};

static void until(struct world *w, enum service_state state)
{
	const struct timeval tv = {.tv_sec = LONG_S};

	w->state = SERVICE_OFF;
	event_base_loopexit(w->env.base, &tv);
	event_base_dispatch(w->env.base);
	if (w->state != state)
		fail_msg("%s, not %s (%s)", service_state_name(w->state), service_state_name(state),
			 w->why);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/vr-svcXXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chmod(w->dir, 0755), 0);
	w->env = (struct service_env){
		.base = event_base_new(), .run_dir = w->dir, .instance = "one"};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[64];

	service_free(w->s);
	event_base_free(w->env.base);
	snprintf(path, sizeof(path), "%s/services", w->dir);
	rmdir(path);
	assert_int_equal(rmdir(w->dir), 0); /* nothing stays behind */
	free(w);
	return 0;
}

static pid_t pid_of(const struct world *w)
{
	struct service_view v;

	service_view(w->s, &v);
	return v.pid;
}

static const struct service_kind shell = {.name = "sh",
					  .program = "sh",
					  .package = "dash",
					  .user = "nobody",
					  .caps = 1u << CAP_NET_BIND_SERVICE,
					  .writes = true,
					  .args = {"-e", SERVICE_CONFIG, NULL}};

static void read_facts(const struct world *w, char *buf, size_t cap)
{
	char path[SERVICE_PATH_MAX + 8], folder[SERVICE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/facts", service_folder(folder, w->dir, "one", "sh"));

	auto_file FILE *f = fopen(path, "r");

	assert_non_null(f);
	buf[fread(buf, 1, cap - 1, f)] = '\0';
}

static void has_few_rights(void **state)
{
	struct world *w = *state;
	char facts[4096];

	if (geteuid() != 0)
		skip();
	assert_int_equal(service_new(&w->s, &shell, &w->env, &ops, w), 0);
	assert_int_equal(service_run(w->s, "{ grep -E 'Uid|Groups|Cap|NoNew' /proc/self/status\n"
					   "ls /proc/self/fd; } >facts\n"
					   "exec sleep 1000\n"),
			 0);
	until(w, SERVICE_UP);
	read_facts(w, facts, sizeof(facts));
	assert_non_null(strstr(facts, "Uid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(facts, "Groups:\t \n"));
	for (const char *cap = facts; (cap = strstr(cap, "Cap")); cap++)
		assert_memory_equal(cap + 8, "0000000000000400", 16);
	assert_non_null(strstr(facts, "NoNewPrivs:\t1\n"));
	assert_null(strstr(facts, "\n5\n")); /* 0, 1, 2, and those of ls and of the shell */
}

static void is_started_again(void **state)
{
	struct world *w = *state;
	pid_t before;

	if (geteuid() != 0)
		skip();
	assert_int_equal(service_new(&w->s, &shell, &w->env, &ops, w), 0);
	assert_int_equal(service_run(w->s, "exec sleep 1000\n"), 0);
	until(w, SERVICE_UP);
	before = pid_of(w);
	kill(before, SIGKILL);
	until(w, SERVICE_WAITING);
	assert_string_equal(w->why, "it was ended by a signal: Killed");
	until(w, SERVICE_UP);
	assert_int_not_equal(pid_of(w), before);

	before = pid_of(w);
	assert_int_equal(service_run(w->s, "exec sleep 1000\n"), 0); /* the same one */
	assert_int_equal(pid_of(w), before);
	assert_int_equal(service_run(w->s, "echo no such port >&2\nexit 3\n"), 0);
	until(w, SERVICE_WAITING);
	assert_string_equal(w->why, "it ended with exit status 3: no such port");
	assert_int_equal(w->lines, 1);
	service_end(w->s);
	assert_int_equal(kill(before, 0), -1);
}

/* Has nobody the FIFO open any more? */
static bool is_closed(int fifo, unsigned ms)
{
	struct pollfd p = {.fd = fifo, .events = POLLIN};
	char byte;

	return poll(&p, 1, (int)ms) == 1 && read(fifo, &byte, 1) == 0;
}

/* What it has started goes with it, with all that it has open: a port, for example. */
static void leaves_no_children(void **state)
{
	struct world *w = *state;
	char path[64], config[160];
	int fifo;

	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/fifo", w->dir);
	assert_int_equal(mkfifo(path, 0600) | chmod(path, 0666), 0);
	fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fifo >= 0);
	snprintf(config, sizeof(config), "sleep 1000 >%s &\nexec sleep 1000\n", path);
	assert_int_equal(service_new(&w->s, &shell, &w->env, &ops, w), 0);
	assert_int_equal(service_run(w->s, config), 0);
	until(w, SERVICE_UP);
	assert_false(is_closed(fifo, 0));
	kill(pid_of(w), SIGKILL);
	assert_true(is_closed(fifo, LONG_S * 1000));
	close(fifo);
	assert_int_equal(unlink(path), 0);
}

static void is_not_installed(void **state)
{
	static const struct service_kind none = {.name = "none",
						 .program = "vr-no-such-program",
						 .package = "no-package",
						 .args = {NULL}};
	struct world *w = *state;
	char path[SERVICE_PATH_MAX], why[SERVICE_TEXT_MAX];

	if (geteuid() != 0)
		skip();
	assert_int_equal(service_find(path, &none, why), -ENOENT);
	assert_int_equal(service_new(&w->s, &none, &w->env, &ops, w), 0);
	assert_int_equal(service_run(w->s, ""), 0);
	until(w, SERVICE_WAITING);
	assert_string_equal(w->why, why);
	assert_non_null(strstr(why, "apt install no-package"));
}

static void too_long_a_configuration(void **state)
{
	struct world *w = *state;
	static char text[SERVICE_CONFIG_MAX + 1];

	memset(text, '#', SERVICE_CONFIG_MAX);
	assert_int_equal(service_new(&w->s, &shell, &w->env, &ops, w), 0);
	assert_int_equal(service_run(w->s, text), -E2BIG);
	assert_int_equal(pid_of(w), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(has_few_rights, setup, teardown),
		cmocka_unit_test_setup_teardown(is_started_again, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_no_children, setup, teardown),
		cmocka_unit_test_setup_teardown(is_not_installed, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_a_configuration, setup, teardown),
	};

	if (argc > 1 && strcmp(argv[1], "--service") == 0)
		return service_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
