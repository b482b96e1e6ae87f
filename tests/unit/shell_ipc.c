/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "vrouter/sync_ipc.h"

static int make_pair(void **state)
{
	int *pair = malloc(2 * sizeof(int));

	assert_non_null(pair);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	*state = pair;
	return 0;
}

static int drop_pair(void **state)
{
	int *pair = *state;

	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	free(pair);
	return 0;
}

static void every_type(void **state)
{
	const int *pair = *state;

	for (uint32_t type = SYNC_MSG_CONF; type <= SYNC_MSG_LINK; type++) {
		struct sync_msg out, in;
		int fds[SYNC_FDS];
		unsigned n_fds;

		memset(&out, (int)type, sizeof(out));
		out.type = type;
		assert_int_equal(sync_ipc_send(pair[0], &out, NULL, 0), 0);
		assert_int_equal(sync_ipc_recv(pair[1], &in, fds, &n_fds), 1);
		assert_int_equal(n_fds, 0);
		assert_int_equal(in.type, type);
		/* the name, where there is one, is the first of every body */
		if (type == SYNC_MSG_DIAL || type == SYNC_MSG_STREAM)
			assert_memory_equal(&in.stream, &out.stream, sizeof(in.stream));
		else if (type != SYNC_MSG_PING && type != SYNC_MSG_UP && type != SYNC_MSG_PONG)
			assert_memory_equal(&in.role, &out.role, IFNAMSIZ);
	}
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void descriptors(void **state)
{
	const int *pair = *state;
	struct sync_msg m = {.type = SYNC_MSG_ROUTER}, in;
	int given[SYNC_FDS], fds[SYNC_FDS];
	unsigned before = open_fds(), n_fds;

	for (unsigned i = 0; i < SYNC_FDS; i++)
		given[i] = open("/dev/null", O_RDONLY);
	assert_int_equal(sync_ipc_send(pair[0], &m, given, SYNC_FDS), 0);
	assert_int_equal(sync_ipc_send(pair[0], &m, given, SYNC_FDS + 1), -EINVAL);
	assert_int_equal(sync_ipc_recv(pair[1], &in, fds, &n_fds), 1);
	assert_int_equal(n_fds, SYNC_FDS);
	for (unsigned i = 0; i < SYNC_FDS; i++) {
		assert_int_not_equal(fds[i], given[i]);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(fds[i]);
		close(given[i]);
	}
	assert_int_equal(open_fds(), before);
}

static void malformed(void **state)
{
	static const struct {
		uint32_t type;
		size_t len;
		const char *why;
	} row[] = {
		{SYNC_MSG_QUERY, 3, "shorter than a type"},
		{SYNC_MSG_PROMOTE, sizeof(uint32_t), "no body"},
		{SYNC_MSG_CONF, sizeof(struct sync_msg) + 8, "longer than any"},
		{0, sizeof(struct sync_msg), "no type"},
		{99, sizeof(struct sync_msg), "unknown type"},
	};
	const int *pair = *state;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		union {
			struct cmsghdr align;
			char buf[CMSG_SPACE(sizeof(int))];
		} control = {.buf = {0}};
		uint8_t raw[sizeof(struct sync_msg) + 8] = {0};
		struct iovec iov = {.iov_base = raw, .iov_len = row[i].len};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control.buf,
				     .msg_controllen = sizeof(control.buf)};
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		unsigned before = open_fds(), n_fds = 7;
		int fds[SYNC_FDS];
		struct sync_msg m;

		memcpy(raw, &row[i].type, sizeof(row[i].type));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
		assert_int_equal(sendmsg(pair[0], &msg, 0), row[i].len);
		if (sync_ipc_recv(pair[1], &m, fds, &n_fds) != -EPROTO || n_fds)
			fail_msg("%s", row[i].why);
		if (open_fds() != before)
			fail_msg("%s: keeps the descriptor", row[i].why);
	}
}

static void empty_full_and_closed(void **state)
{
	int *pair = *state;
	struct sync_msg m = {.type = SYNC_MSG_REPORT};
	int fds[SYNC_FDS], err;
	unsigned n_fds, sent = 0;

	assert_int_equal(sync_ipc_recv(pair[0], &m, fds, &n_fds), -EAGAIN);
	m.type = SYNC_MSG_REPORT;
	while ((err = sync_ipc_send(pair[0], &m, NULL, 0)) == 0 && sent < 100000)
		sent++;
	assert_int_equal(err, -EAGAIN);
	close(pair[1]);
	pair[1] = -1;
	err = sync_ipc_send(pair[0], &m, NULL, 0); /* and no signal */
	assert_true(err == -EPIPE || err == -ECONNRESET);
	assert_int_equal(sync_ipc_recv(pair[0], &m, fds, &n_fds), 0);
}

static void unknown_type(void **state)
{
	const int *pair = *state;
	struct sync_msg m = {.type = 99};

	assert_int_equal(sync_ipc_send(pair[0], &m, NULL, 0), -EINVAL);
}

#define PAIR_TEST(fn) cmocka_unit_test_setup_teardown(fn, make_pair, drop_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_TEST(every_type),	 PAIR_TEST(descriptors),
		PAIR_TEST(malformed),	 PAIR_TEST(empty_full_and_closed),
		PAIR_TEST(unknown_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
