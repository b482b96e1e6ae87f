/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies in pieces: a reader that is slow, one that goes away, and things that come and go between
 * two pieces. */
#include <signal.h>

#include "../../daemon/ctl_list.h"
#include "ctl_lab.h"

#define ITEMS	   5000
#define ITEM_BYTES 200
/* What may have been made for one who does not read: the socket's buffer, and the pieces before it.
 */
#define UNREAD_MAX (300 * 1024 / ITEM_BYTES)

struct world {
	struct ctl_lab lab;
	bool gone[ITEMS]; /* by number */
	unsigned n, made;
	struct ctl_pieces endless;
	unsigned more, ended;
	uint64_t later; /* the client whose answer waits */
};

static void open_list(void *ctx, const struct ctl_request *req, struct jbuf *out)
{
	(void)ctx;
	(void)req;
	jbuf_open(out, NULL, '[');
}

static void close_list(const struct ctl_request *req, struct jbuf *out)
{
	(void)req;
	jbuf_close(out, ']');
}

static void put_item(void *ctx, const struct ctl_request *req, const char *name, struct jbuf *out)
{
	struct world *w = ctx;

	(void)req;
	w->made++;
	if (!w->gone[atoi(name)])
		jbuf_format(out, NULL, "%0*d", ITEM_BYTES - 3, atoi(name));
}

static const struct ctl_list_ops ops = {.open = open_list, .close = close_list, .item = put_item};

static struct world *world_of(struct ctl_pieces *p)
{
	return (struct world *)((char *)p - offsetof(struct world, endless));
}

static bool more(struct ctl_pieces *p, struct jbuf *out)
{
	world_of(p)->more++;
	jbuf_raw(out, "[");
	return true;
}

static void end(struct ctl_pieces *p)
{
	world_of(p)->ended++;
}

static void on_request(void *ctx, uint64_t client, const struct ctl_request *req)
{
	struct world *w = ctx;
	struct ctl_list *l;
	char name[16];

	if (req->cmd == CTL_VERSION) {
		ctl_server_reply(w->lab.server, client, json_string("next"));
		return;
	}
	if (req->cmd == CTL_PROMOTE) {
		w->later = client;
		return;
	}
	if (req->cmd == CTL_PEERS) {
		ctl_server_pieces(w->lab.server, client, &w->endless);
		return;
	}
	l = ctl_list_new(&ops, w, req);
	assert_non_null(l);
	for (unsigned i = 0; i < w->n; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ctl_list_add(l, name);
	}
	ctl_list_send(l, w->lab.server, client);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->endless = (struct ctl_pieces){.more = more, .end = end};
	w->n = ITEMS;
	*state = w;
	return ctl_lab_open(&w->lab, on_request, w);
}

static int teardown(void **state)
{
	struct world *w = *state;
	int err = w->lab.server ? ctl_lab_close(&w->lab) : 0;

	free(w);
	return err;
}

/* The data of one reply, read to its end; then comes what was asked with it. */
static json_t *take_both(struct world *w, int fd, const char *then)
{
	auto_free char *all = calloc(1, 4 * 1024 * 1024);
	json_t *reply, *data;
	size_t len = 0;

	while (!strchr(all, '\n') || strlen(strchr(all, '\n') + 1) < strlen(then)) {
		const char *text = hear(fd);

		assert_non_null(text);
		strcpy(all + len, text);
		len += strlen(text);
		spin(&w->lab);
	}
	assert_string_equal(strchr(all, '\n') + 1, then);
	reply = json_loads(all, JSON_DISABLE_EOF_CHECK, NULL);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	data = json_incref(json_object_get(reply, "data"));
	json_decref(reply);
	return data;
}

static json_t *take(struct world *w, int fd)
{
	return take_both(w, fd, "");
}

/* Are they those items, in order, but for some that are gone? */
static void are_items(const struct world *w, const json_t *list, unsigned told_for_sure)
{
	size_t at = 0;

	for (unsigned i = 0; i < ITEMS; i++) {
		const char *text = json_string_value(json_array_get(list, at));
		bool there = text && (unsigned)atoi(text) == i;

		if (i < told_for_sure || !w->gone[i])
			assert_true(there);
		else
			assert_false(there);
		at += there;
	}
	assert_int_equal(json_array_size(list), at);
}

static void slow_reader(void **state)
{
	struct world *w = *state;
	int fd = dial(&w->lab);
	json_t *list;
	unsigned made;

	say(&w->lab, fd, "{\"cmd\":\"status\"}\n{\"cmd\":\"version\"}\n");
	for (int i = 0; i < 20; i++)
		spin(&w->lab);
	made = w->made;
	assert_in_range(made, 1, UNREAD_MAX);
	spin(&w->lab);
	assert_int_equal(w->made, made); /* nothing more until it reads */
	list = take_both(w, fd, "{\"ok\":true,\"data\":\"next\"}\n");
	are_items(w, list, ITEMS);
	json_decref(list);
	assert_int_equal(w->made, ITEMS);
	/* none was larger than it may be */
	assert_true(ctl_server_stats(w->lab.server)->pieces > ITEMS * ITEM_BYTES / 16384);
	close(fd);
}

/* Others are served while one reads slowly. */
static void two_readers(void **state)
{
	struct world *w = *state;
	int slow = dial(&w->lab), fast = dial(&w->lab);
	json_t *list;

	say(&w->lab, slow, "{\"cmd\":\"status\"}\n");
	say(&w->lab, fast, "{\"cmd\":\"status\"}\n");
	list = take(w, fast);
	are_items(w, list, ITEMS);
	json_decref(list);
	say(&w->lab, fast, "{\"cmd\":\"version\"}\n");
	assert_string_equal(hear(fast), "{\"ok\":true,\"data\":\"next\"}\n");
	list = take(w, slow);
	are_items(w, list, ITEMS);
	json_decref(list);
	close(slow);
	close(fast);
}

static void removed_between(void **state)
{
	struct world *w = *state;
	int fd = dial(&w->lab);
	unsigned told;
	json_t *list;

	w->n = ITEMS - 1; /* the last one comes too late */
	say(&w->lab, fd, "{\"cmd\":\"status\"}\n");
	told = w->made;
	assert_in_range(told, 1, UNREAD_MAX);
	for (unsigned i = 0; i < ITEMS; i += 2)
		w->gone[i] = true;
	w->n = ITEMS;
	list = take(w, fd);
	w->gone[ITEMS - 1] = true;
	are_items(w, list, told);
	json_decref(list);
	close(fd);
}

static void all_removed(void **state)
{
	struct world *w = *state;
	int fd = dial(&w->lab);

	memset(w->gone, true, sizeof(w->gone));
	say(&w->lab, fd, "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"data\":[]}\n");
	w->n = 0;
	say(&w->lab, fd, "{\"cmd\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"data\":[]}\n");
	close(fd);
}

static void reader_goes_away(void **state)
{
	struct world *w = *state;
	int fd = dial(&w->lab);
	unsigned n;

	say(&w->lab, fd, "{\"cmd\":\"peers\"}\n");
	assert_true(w->more > 0);
	assert_int_equal(w->ended, 0);
	close(fd);
	spin(&w->lab);
	assert_int_equal(w->ended, 1);
	n = w->more;
	spin(&w->lab);
	assert_int_equal(w->more, n);
}

static void gone_before_the_first(void **state)
{
	struct world *w = *state;
	int fd = dial(&w->lab);

	say(&w->lab, fd, "{\"cmd\":\"promote\",\"args\":{\"router\":\"x\"}}\n");
	close(fd);
	fd = dial(&w->lab);
	spin(&w->lab);
	ctl_server_error(w->lab.server, w->later, CTL_FAILED, "x"); /* it notices that it is gone */
	spin(&w->lab);
	ctl_server_pieces(w->lab.server, w->later, &w->endless);
	assert_int_equal(w->more, 0);
	assert_int_equal(w->ended, 1);
	close(fd);
}

/* The daemon ends in the middle. */
static void server_ends(void **state)
{
	struct world *w = *state;
	int fd = dial(&w->lab), list = dial(&w->lab);

	say(&w->lab, fd, "{\"cmd\":\"peers\"}\n");
	say(&w->lab, list, "{\"cmd\":\"status\"}\n");
	assert_int_equal(w->ended, 0);
	assert_int_equal(ctl_lab_close(&w->lab), 0);
	w->lab.server = NULL;
	assert_int_equal(w->ended, 1);
	close(fd);
	close(list);
}

/* What was begun is told first; what else is answered meanwhile would be in the middle of it. */
static void no_other_answer(void **state)
{
	struct world *w = *state;
	int fd = dial(&w->lab);
	json_t *list;

	say(&w->lab, fd, "{\"cmd\":\"status\"}\n");
	ctl_server_reply(w->lab.server, 1, json_string("in the middle"));
	list = take(w, fd);
	are_items(w, list, ITEMS);
	json_decref(list);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(two_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(removed_between, setup, teardown),
		cmocka_unit_test_setup_teardown(all_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(reader_goes_away, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_before_the_first, setup, teardown),
		cmocka_unit_test_setup_teardown(server_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(no_other_answer, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
