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

static int next_line(struct cli *c, int timeout_ms, json_t **out)
{
	char *end;

	while (!c->len || !(end = memchr(c->buf, '\n', c->len))) {
		int err = read_more(c, timeout_ms);

		if (err < 0)
			return err;
	}

	size_t used = (size_t)(end - c->buf) + 1;

	*out = json_loadb(c->buf, used - 1, JSON_DECODE_ANY, NULL);
	memmove(c->buf, c->buf + used, c->len - used);
	c->len -= used;
	return *out ? 0 : -EPROTO;
}

int cli_next(struct cli *c, int timeout_ms, json_t **out)
{
	int err = next_line(c, timeout_ms, out);

	if (err == 0)
		return CLI_DONE;
	fprintf(stderr, "vrouterctl: vrouterd: %s\n",
		err == -ECONNRESET ? "the connection ended" : strerror(-err));
	return CLI_UNREACHABLE;
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

int cli_request(struct cli *c, const char *cmd, json_t *args, json_t **data)
{
	json_t *request = json_pack("{s:s, s:o}", "cmd", cmd, "args", args), *reply = NULL;
	auto_free char *text = json_dumps(request, JSON_COMPACT);
	int rc = c->fd >= 0 ? CLI_DONE : cli_connect(c);

	json_decref(request);
	if (rc != CLI_DONE)
		return rc;
	if (!text || send_all(c, text, strlen(text)) < 0 || send_all(c, "\n", 1) < 0) {
		fprintf(stderr, "vrouterctl: vrouterd does not take the request\n");
		return CLI_UNREACHABLE;
	}
	rc = cli_next(c, c->reply_ms, &reply);
	if (rc == CLI_DONE)
		rc = take_reply(reply, data);
	json_decref(reply);
	return rc;
}
