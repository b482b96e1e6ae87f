/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: what a request may be, and what clients can and cannot do to the server. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "ctl_lab.h"

static void good_requests(void **state)
{
	static const char follow[] = "{\"cmd\":\"events\",\"args\":{\"lines\":5,\"follow\":true}}";
	static const char check[] =
		"{\"cmd\":\"check\",\"args\":{\"router\":\"a\",\"connect\":\"[2001:db8::1]:80\"}}";
	static const char brief[] = "{\"cmd\":\"status\",\"args\":{\"brief\":true}}";
	struct ctl_request r;
	char why[CTL_WHY_MAX];
	static const char line[] =
		"{\"cmd\": \"promote\", \"args\": {\"router\": \"a\", \"force\": true}}";

	(void)state;
	assert_int_equal(ctl_request_parse(&r, line, strlen(line), why), 0);
	assert_int_equal(r.cmd, CTL_PROMOTE);
	assert_string_equal(r.router, "a");
	assert_true(r.force);
	for (unsigned i = 0; i < CTL_CMDS; i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), "{\"cmd\":\"%s\"%s}", ctl_verbs[i].name,
				 ctl_verbs[i].needs_router ? ",\"args\":{\"router\":\"x\"}" : "");

		if (ctl_request_parse(&r, text, (size_t)n, why) < 0)
			fail_msg("%s: %s", text, why);
		assert_int_equal(r.cmd, i);
	}
	assert_int_equal(ctl_request_parse(&r, follow, strlen(follow), why), 0);
	assert_int_equal(r.lines, 5);
	assert_true(r.follow);
	assert_int_equal(r.connect.addr.family, 0);
	assert_int_equal(ctl_request_parse(&r, check, strlen(check), why), 0);
	assert_int_equal(r.connect.addr.family, AF_INET6);
	assert_int_equal(r.connect.port, 80);
	assert_false(r.brief);
	assert_int_equal(ctl_request_parse(&r, brief, strlen(brief), why), 0);
	assert_true(r.brief);
}

static const struct {
	const char *line, *says;
} bad[] = {
	{"", "no JSON object"},
	{"status", "no JSON object"},
	{"[1]", "another value"},
	{"{\"cmd\":\"status\"", "no JSON object"},
	{"{}", "cmd is missing"},
	{"{\"cmd\":5}", "cmd is missing"},
	{"{\"cmd\":\"reboot\"}", "unknown cmd \"reboot\""},
	{"{\"cmd\":\"STATUS\"}", "unknown cmd"},
	{"{\"cmd\":\"status\",\"cmd\":\"reload\"}", "duplicate"},
	{"{\"cmd\":\"status\",\"arg\":{}}", "unknown member \"arg\""},
	{"{\"cmd\":\"status\",\"args\":[]}", "args is no object"},
	{"{\"cmd\":\"status\",\"args\":{\"router\":1}}", "\"router\" is unknown or wrong"},
	{"{\"cmd\":\"status\",\"args\":{\"force\":true}}", "\"force\""},
	{"{\"cmd\":\"status\",\"args\":{\"brief\":1}}", "\"brief\""},
	{"{\"cmd\":\"peers\",\"args\":{\"brief\":true}}", "\"brief\""},
	{"{\"cmd\":\"reload\",\"args\":{\"router\":\"a\"}}", "\"router\""},
	{"{\"cmd\":\"promote\"}", "\"router\" is missing"},
	{"{\"cmd\":\"promote\",\"args\":{\"router\":\"\"}}", "\"router\" is missing"},
	{"{\"cmd\":\"promote\",\"args\":{\"router\":\"a\",\"force\":1}}", "\"force\""},
	{"{\"cmd\":\"demote\",\"args\":{\"router\":\"a\",\"now\":true}}", "\"now\""},
	{"{\"cmd\":\"verify\"}", "\"router\" is missing"},
	{"{\"cmd\":\"verify\",\"args\":{\"router\":\"a\",\"force\":true}}", "\"force\""},
	{"{\"cmd\":\"check\"}", "\"router\" is missing"},
	{"{\"cmd\":\"verify\",\"args\":{\"router\":\"a\",\"connect\":\"192.0.2.1:80\"}}",
	 "\"connect\""},
	{"{\"cmd\":\"check\",\"args\":{\"router\":\"a\",\"connect\":\"192.0.2.1\"}}",
	 "\"connect\""},
	{"{\"cmd\":\"check\",\"args\":{\"router\":\"a\",\"connect\":\"localhost:80\"}}",
	 "\"connect\""},
	{"{\"cmd\":\"check\",\"args\":{\"router\":\"a\",\"connect\":\"0.0.0.0:80\"}}",
	 "\"connect\""},
	{"{\"cmd\":\"check\",\"args\":{\"router\":\"a\",\"connect\":80}}", "\"connect\""},
	{"{\"cmd\":\"plan\",\"args\":{\"router\":\"a\"}}", "\"router\""},
	{"{\"cmd\":\"events\",\"args\":{\"lines\":-1}}", "\"lines\""},
	{"{\"cmd\":\"events\",\"args\":{\"lines\":1e9}}", "\"lines\""},
	{"{\"cmd\":\"events\",\"args\":{\"lines\":99999999999}}", "\"lines\""},
	{"{\"cmd\":\"status\",\"args\":{\"router\":\"a\\u0000b\"}}", ""},
	{"{\"cmd\":\"status\",\"args\":{\"router\":"
	 "\"0123456789012345678901234567890123456789012345678901234567890123\"}}",
	 "\"router\""},
	{"{\"cmd\":\"status\"} x", "no JSON object"},
};

static void bad_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ctl_request r = {.lines = 77};
		char why[CTL_WHY_MAX] = "";
		int err = ctl_request_parse(&r, bad[i].line, strlen(bad[i].line), why);

		if (err != -EINVAL || !strstr(why, bad[i].says) || !*why)
			fail_msg("%s: %d, %s", bad[i].line, err, why);
		assert_int_equal(r.lines, 77);
	}
}

/* ---- the server -------------------------------------------------------------------------------
 */

struct world {
	struct ctl_lab lab;
	struct ctl_request last;
	uint64_t later; /* the client whose answer waits */
	unsigned handled;
};

static void on_request(void *ctx, uint64_t client, const struct ctl_request *req)
{
	struct world *w = ctx;
	struct ctl_server *s = w->lab.server;

	w->last = *req;
	w->handled++;
	if (req->cmd == CTL_PROMOTE)
		w->later = client;
	else if (req->cmd == CTL_DEMOTE)
		ctl_server_error(s, client, CTL_NOT_FOUND, "no %s", req->router);
	else if (req->cmd == CTL_EVENTS && req->follow)
		ctl_server_follow(s, client, json_array());
	else
		ctl_server_reply(s, client, json_string(ctl_verbs[req->cmd].name));
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	return ctl_lab_open(&w->lab, on_request, w);
}

static int teardown(void **state)
{
	struct world *w = *state;
	int err = ctl_lab_close(&w->lab);

	free(w);
	return err;
}

static void replies(void **state)
{
	struct ctl_lab *l = &((struct world *)*state)->lab;
	int fd = dial(l);
	struct stat st;

	assert_int_equal(stat(l->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	say(l, fd, "{\"cmd\":\"sta");
	assert_string_equal(hear(fd), "");
	say(l, fd, "tus\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"data\":\"status\"}\n");
	say(l, fd, "{\"cmd\":\"demote\",\"args\":{\"router\":\"x\"}}\n");
	assert_string_equal(hear(fd), "{\"ok\":false,\"error\":\"no x\",\"code\":\"not-found\"}\n");
	say(l, fd, "garbage\n");
	assert_non_null(strstr(hear(fd), "\"code\":\"usage\""));
	assert_int_equal(ctl_server_stats(l->server)->bad_requests, 1);
	assert_int_equal(ctl_server_stats(l->server)->requests, 3);
	close(fd);
}

/* Requests wait for the answer before them; replies keep their order. */
static void pipelined(void **state)
{
	struct world *w = *state;
	struct ctl_lab *l = &w->lab;
	int fd = dial(l);

	say(l, fd,
	    "{\"cmd\":\"promote\",\"args\":{\"router\":\"x\"}}\n{\"cmd\":\"peers\"}\n{\"cmd\":"
	    "\"stats\"}\n");
	assert_int_equal(w->handled, 1);
	assert_string_equal(hear(fd), "");
	ctl_server_reply(l->server, w->later, json_string("later"));
	spin(l);
	assert_string_equal(hear(fd), "{\"ok\":true,\"data\":\"later\"}\n"
				      "{\"ok\":true,\"data\":\"peers\"}\n"
				      "{\"ok\":true,\"data\":\"stats\"}\n");
	ctl_server_reply(l->server, w->later, json_string("again")); /* not asked */
	spin(l);
	assert_string_equal(hear(fd), "");
	close(fd);
}

static void gone_before_the_answer(void **state)
{
	struct world *w = *state;
	struct ctl_lab *l = &w->lab;
	int fd = dial(l);

	say(l, fd, "{\"cmd\":\"promote\",\"args\":{\"router\":\"x\"}}\n");
	close(fd);
	spin(l);
	ctl_server_reply(l->server, w->later, json_string("nobody hears"));
	spin(l);
	fd = dial(l);
	say(l, fd, "{\"cmd\":\"version\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"data\":\"version\"}\n");
	close(fd);
}

/* The sending side closed, the reply still wanted. */
static void half_closed(void **state)
{
	struct ctl_lab *l = &((struct world *)*state)->lab;
	int fd = dial(l);

	assert_int_equal(send(fd, "{\"cmd\":\"reload\"}\n", 17, 0), 17);
	shutdown(fd, SHUT_WR);
	spin(l);
	assert_string_equal(hear(fd), "{\"ok\":true,\"data\":\"reload\"}\n");
	assert_null(hear(fd));
	close(fd);
}

static void endless_line(void **state)
{
	struct ctl_lab *l = &((struct world *)*state)->lab;
	int fd = dial(l);
	char text[CTL_LINE_MAX + 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	say(l, fd, text);
	assert_non_null(strstr(hear(fd), "longer than"));
	spin(l);
	assert_null(hear(fd));
	assert_int_equal(ctl_server_stats(l->server)->bad_requests, 1);
	close(fd);
}

static void events(void **state)
{
	struct ctl_lab *l = &((struct world *)*state)->lab;
	int fd = dial(l);

	assert_false(ctl_server_has_followers(l->server));
	say(l, fd, "{\"cmd\":\"events\",\"args\":{\"follow\":true}}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"data\":[]}\n");
	assert_true(ctl_server_has_followers(l->server));
	ctl_server_publish(l->server, json_pack("{s:i}", "id", 1));
	spin(l);
	assert_string_equal(hear(fd), "{\"id\":1}\n");
	say(l, fd, "{\"cmd\":\"status\"}\n"); /* nobody answers here any more */
	assert_string_equal(hear(fd), "");
	close(fd);
	spin(l);
	assert_false(ctl_server_has_followers(l->server));
}

/* A follower that does not read costs a bounded buffer, then its connection. */
static void deaf_follower(void **state)
{
	struct ctl_lab *l = &((struct world *)*state)->lab;
	int fd = dial(l);
	auto_free char *big = malloc(100001);

	memset(big, 'e', 100000);
	big[100000] = '\0';
	say(l, fd, "{\"cmd\":\"events\",\"args\":{\"follow\":true}}\n");
	for (int i = 0; i < 100; i++)
		ctl_server_publish(l->server, json_string(big));
	assert_false(ctl_server_has_followers(l->server));
	assert_int_equal(ctl_server_stats(l->server)->slow_clients, 1);
	close(fd);
}

static void too_many(void **state)
{
	struct ctl_lab *l = &((struct world *)*state)->lab;
	int fd[CTL_CLIENTS_MAX + 1];

	for (unsigned i = 0; i <= CTL_CLIENTS_MAX; i++) {
		fd[i] = dial(l);
		spin(l);
	}
	assert_null(hear(fd[CTL_CLIENTS_MAX]));
	assert_int_equal(ctl_server_stats(l->server)->refused_clients, 1);
	say(l, fd[0], "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fd[0]), "{\"ok\":true,\"data\":\"status\"}\n");
	for (unsigned i = 0; i <= CTL_CLIENTS_MAX; i++)
		close(fd[i]);
}

/* Only a socket is taken for a dead daemon's. */
static void path_taken(void **state)
{
	struct ctl_lab *l = &((struct world *)*state)->lab;
	struct ctl_server *s;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/file", l->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(ctl_server_new(&s, l->base, path, on_request, NULL), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test_setup_teardown(replies, setup, teardown),
		cmocka_unit_test_setup_teardown(pipelined, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_before_the_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(half_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_line, setup, teardown),
		cmocka_unit_test_setup_teardown(events, setup, teardown),
		cmocka_unit_test_setup_teardown(deaf_follower, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(path_taken, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
