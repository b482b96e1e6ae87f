/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli.h"
#include "vrouter/control.h"

#define READ_MAX (64 * 1024 * 1024)

int cli_connect(struct cli *c)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (strlen(c->socket) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "vrouterctl: the socket's path is too long: %s\n", c->socket);
		return CLI_USAGE;
	}
	strcpy(sun.sun_path, c->socket);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return CLI_DONE;
	fprintf(stderr, "vrouterctl: vrouterd is not reachable at %s: %s\n", c->socket,
		strerror(errno));
	return CLI_UNREACHABLE;
}

void cli_close(struct cli *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->buf);
	c->buf = NULL;
	c->len = c->cap = 0;
}

static int send_all(struct cli *c, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* 0, or -errno; -ETIMEDOUT, -ECONNRESET */
static int read_more(struct cli *c, int timeout_ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int ready = poll(&p, 1, timeout_ms);

	if (ready <= 0)
		return ready == 0 ? -ETIMEDOUT : errno == EINTR ? 0 : -errno;
	if (c->len == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 65536;
		char *bigger = cap <= READ_MAX ? realloc(c->buf, cap) : NULL;

		if (!bigger)
			return -ENOMEM;
		c->buf = bigger;
		c->cap = cap;
	}

	ssize_t n = recv(c->fd, c->buf + c->len, c->cap - c->len, 0);

	if (n <= 0)
		return n == 0 ? -ECONNRESET : errno == EINTR ? 0 : -errno;
	c->len += (size_t)n;
	return 0;
}

/* 0: the next line is the first *len bytes of c->buf, and a newline. */
static int wait_line(struct cli *c, int timeout_ms, size_t *len)
{
	size_t looked = 0;

	for (;;) {
		char *end = c->len > looked ? memchr(c->buf + looked, '\n', c->len - looked) : NULL;
		int err;

		if (end) {
			*len = (size_t)(end - c->buf);
			return 0;
		}
		looked = c->len;
		err = read_more(c, timeout_ms);
		if (err < 0)
			return err;
	}
}

static void drop_line(struct cli *c, size_t len)
{
	c->len -= len + 1;
	memmove(c->buf, c->buf + len + 1, c->len);
}

static int unreachable(int err)
{
	fprintf(stderr, "vrouterctl: vrouterd: %s\n",
		err == -ECONNRESET ? "the connection ended" : strerror(-err));
	return CLI_UNREACHABLE;
}

int cli_next(struct cli *c, int timeout_ms, json_t **out)
{
	size_t len;
	int err = wait_line(c, timeout_ms, &len);

	if (err < 0)
		return unreachable(err);
	*out = json_loadb(c->buf, len, JSON_DECODE_ANY, NULL);
	drop_line(c, len);
	return *out ? CLI_DONE : unreachable(-EPROTO);
}

static int take_reply(json_t *reply, json_t **data)
{
	const char *error = json_string_value(json_object_get(reply, "error"));
	const char *code = json_string_value(json_object_get(reply, "code"));

	if (json_is_true(json_object_get(reply, "ok"))) {
		*data = json_incref(json_object_get(reply, "data"));
		return CLI_DONE;
	}
	fprintf(stderr, "vrouterctl: %s\n", error ? error : "a reply that makes no sense");
	return code && strcmp(code, ctl_code_name(CTL_USAGE)) == 0 ? CLI_USAGE : CLI_NOT_SO;
}

/* enum cli_exit */
static int ask(struct cli *c, const char *cmd, json_t *args)
{
	json_t *request = json_pack("{s:s, s:o}", "cmd", cmd, "args", args);
	auto_free char *text = json_dumps(request, JSON_COMPACT);
	int rc = c->fd >= 0 ? CLI_DONE : cli_connect(c);

	json_decref(request);
	if (rc != CLI_DONE)
		return rc;
	if (!text || send_all(c, text, strlen(text)) < 0 || send_all(c, "\n", 1) < 0) {
		fprintf(stderr, "vrouterctl: vrouterd does not take the request\n");
		return CLI_UNREACHABLE;
	}
	return CLI_DONE;
}

int cli_request(struct cli *c, const char *cmd, json_t *args, json_t **data)
{
	json_t *reply = NULL;
	int rc = ask(c, cmd, args);

	if (rc == CLI_DONE)
		rc = cli_next(c, c->reply_ms, &reply);
	if (rc == CLI_DONE)
		rc = take_reply(reply, data);
	json_decref(reply);
	return rc;
}

/* Of a reply that says that it was done the data is text to be shown. */
static int show_line(const char *line, size_t len)
{
	static const char done[] = "{\"ok\":true,\"data\":";
	const size_t before = sizeof(done) - 1;
	json_t *reply, *data = NULL;
	int rc;

	if (len > before && memcmp(line, done, before) == 0) {
		cli_print_text(line + before, len - before - 1);
		return CLI_DONE;
	}
	reply = json_loadb(line, len, JSON_DECODE_ANY, NULL);
	rc = reply ? take_reply(reply, &data) : unreachable(-EPROTO);
	json_decref(data);
	json_decref(reply);
	return rc;
}

int cli_show(struct cli *c, const char *cmd, json_t *args)
{
	size_t len = 0;
	int rc = ask(c, cmd, args), err;

	if (rc != CLI_DONE)
		return rc;
	err = wait_line(c, c->reply_ms, &len);
	if (err < 0)
		return unreachable(err);
	rc = show_line(c->buf, len);
	drop_line(c, len);
	return rc;
}
