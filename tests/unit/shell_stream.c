/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connections of one link: messages are found wherever the stream is cut, and what cannot be
 * one ends it; what a peer does not read is lost as whole datagrams. The other ends are socket
 * pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "../../sync/stream.h"

static struct {
	struct event_base *base;
	struct streams *s;
	struct sync_msg_conf conf;
	size_t got; /* bytes of messages */
	unsigned messages, batches, asked, asked_out, asked_anew;
	uint8_t next; /* number that the next message has */
	char from[INET6_ADDRSTRLEN];
} t;

static bool on_messages(void *ctx, uint8_t *buf, size_t len, const struct ip_addr *from)
{
	(void)ctx;
	ip_addr_format(from, t.from);
	for (size_t at = 0; at < len; at += (size_t)buf[at + 2] << 8 | buf[at + 3]) {
		assert_true(len - at >= 8);
		assert_int_equal(buf[at + 7], t.next++);
		t.messages++;
	}
	t.got += len;
	return true;
}

static void on_batch(void *ctx)
{
	(void)ctx;
	t.batches++;
}

static void on_missing(void *ctx, const struct sync_msg_stream *which)
{
	(void)ctx;
	t.asked++;
	t.asked_out += which->out;
	t.asked_anew += which->anew;
}

static const struct stream_ops ops = {
	.on_messages = on_messages, .on_batch = on_batch, .on_missing = on_missing};

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(&a, text), 0);
	return a;
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	strcpy(t.conf.interface[0], "a");
	strcpy(t.conf.interface[1], "b");
	t.conf.n_interfaces = 2;
	t.conf.peer[0].addr = addr("10.9.0.1");
	t.conf.peer[1].addr = addr("10.9.0.2");
	t.conf.peer[2].addr = addr("10.9.1.2");
	strcpy(t.conf.peer[2].interface, "b");
	t.conf.n_peers = 3;
	t.base = event_base_new();
	return streams_new(&t.s, t.base, 0, &t.conf, 0, &ops, NULL);
}

static int teardown(void **state)
{
	(void)state;
	streams_free(t.s);
	event_base_free(t.base);
	return 0;
}

static void turn(void)
{
	event_base_loop(t.base, EVLOOP_NONBLOCK);
}

/* The other end of one that is handed over. */
static int give(unsigned peer, bool out)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	streams_take(t.s, peer, out, fd[0]);
	return fd[1];
}

static size_t message(uint8_t *to, size_t len, uint8_t number)
{
	memset(to, 0, len);
	to[0] = 0x10;
	to[2] = (uint8_t)(len >> 8);
	to[3] = (uint8_t)len;
	to[7] = number;
	return len;
}

static bool is_closed(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void cut_anywhere(void **state)
{
	uint8_t buf[8 + 12 + 65532 + 8];
	size_t len = message(buf, 8, 0);
	int fd = give(1, false);

	(void)state;
	len += message(buf + len, 12, 1);
	len += message(buf + len, 65532, 2);
	len += message(buf + len, 8, 3);
	for (size_t at = 0, n; at < len; at += n) {
		/* byte by byte, but for the middle of the longest that there can be */
		n = at < 100 || at > len - 100 ? 1 : len - 100 - at < 900 ? len - 99 - at : 900;
		assert_int_equal(send(fd, buf + at, n, 0), n);
		turn();
	}
	assert_int_equal(t.messages, 4);
	assert_int_equal(t.got, len);
	assert_true(t.batches > 0);
	assert_string_equal(t.from, "10.9.0.2");
	close(fd);
}

static void what_cannot_be_ends_it(void **state)
{
	static const uint16_t bad[] = {0, 4, 7, 9, 0xffff};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = give(1, false);
		uint8_t buf[16];

		t.next = 0;
		message(buf, 8, 0);
		message(buf + 8, 8, 1);
		buf[10] = (uint8_t)(bad[i] >> 8);
		buf[11] = (uint8_t)bad[i];
		assert_int_equal(send(fd, buf, sizeof(buf), 0), sizeof(buf));
		turn();
		assert_int_equal(t.messages, i + 1);
		assert_true(is_closed(fd));
		close(fd);
	}
}

static void missing_ones_are_asked_for(void **state)
{
	int fd[4];

	(void)state;
	streams_ask(t.s, true);
	assert_int_equal(t.asked, 2); /* the third peer is another link's */
	assert_int_equal(t.asked_out, 2);
	assert_int_equal(t.asked_anew, 1);
	fd[0] = give(0, false);
	fd[1] = give(0, true);
	fd[2] = give(1, true);
	t.asked = t.asked_out = t.asked_anew = 0;
	streams_ask(t.s, false);
	assert_int_equal(t.asked, 1);
	assert_int_equal(t.asked_out + t.asked_anew, 0);
	/* one that calls again takes its own place; an outgoing one that ends is noticed */
	fd[3] = give(0, false);
	assert_true(is_closed(fd[0]));
	close(fd[2]);
	turn();
	t.asked = 0;
	streams_ask(t.s, false);
	assert_int_equal(t.asked, 1);
	assert_int_equal(t.asked_out, 1);
	/* no such peer */
	streams_take(t.s, 7, true, fd[0]);
	assert_int_equal(close(fd[0]), -1);
	close(fd[1]);
	close(fd[3]);
}

/* Every whole datagram that was taken arrives, in order, and nothing of those that were not. */
static void who_does_not_read_loses_whole_ones(void **state)
{
	uint8_t buf[1400] = {0}, got[1400];
	unsigned taken = 0, lost = 0, arrived = 0;
	uint8_t number = 0;
	size_t have = 0;
	int fd;

	(void)state;
	assert_int_equal(streams_send(t.s, buf, 8), 1); /* there is nobody */
	fd = give(1, true);
	while (lost < 10) {
		unsigned n = streams_send(t.s, buf, message(buf, sizeof(buf), number));

		taken += !n;
		lost += n;
		number = (uint8_t)(number + !n);
		assert_true(taken < 4000);
	}
	for (unsigned idle = 0; idle < 3;) {
		ssize_t n = recv(fd, got + have, sizeof(got) - have, MSG_DONTWAIT);

		idle = n > 0 ? 0 : idle + 1;
		have += n > 0 ? (size_t)n : 0;
		if (have == sizeof(got)) {
			assert_int_equal(got[7], (uint8_t)arrived++);
			have = 0;
		}
		if (n <= 0)
			turn();
	}
	assert_int_equal(arrived, taken);
	assert_int_equal(have, 0);
	assert_true(taken > 700); /* a MiB waits */
	close(fd);
}

#define STREAM_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_TEST(cut_anywhere),
		STREAM_TEST(what_cannot_be_ends_it),
		STREAM_TEST(missing_ones_are_asked_for),
		STREAM_TEST(who_does_not_read_loses_whole_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
