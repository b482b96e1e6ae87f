/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes through a TCP connection of conntrackd, cut into pieces: all at once, byte by byte,
 * and anywhere. Each time the same messages have to come out, up to the same byte, and none behind
 * a length that cannot be. An input in which a message waits is repeated, so that the longest ones
 * end, too. */
#include <stdlib.h>
#include <string.h>

#include "../../sync/conntrackd/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAM_MAX (3 * CTD_FRAMING_MAX)
#define CUTS	   4 /* ways to cut it anywhere */

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

/* What has to come out: so many bytes, in messages that end here; and whether it ends the stream.
 */
struct wanted {
	const uint8_t *stream;
	size_t size, whole;
	bool ends;
	size_t got;
};

static struct wanted look(const uint8_t *stream, size_t size)
{
	struct wanted w = {.stream = stream, .size = size};

	for (;;) {
		size_t left = size - w.whole, len;

		if (left < 8)
			return w;
		len = (size_t)stream[w.whole + 2] * 256 + stream[w.whole + 3];
		w.ends = len < 8 || len % 4 != 0;
		if (w.ends || len > left)
			return w;
		w.whole += len;
	}
}

static void on_messages(void *ctx, uint8_t *messages, size_t len)
{
	struct rd r = rd_of(messages, len);
	struct wanted *w = ctx;

	check(len > 0 && len <= w->whole - w->got);
	check(memcmp(messages, w->stream + w->got, len) == 0);
	w->got += len;
	while (!rd_done(&r)) {
		struct ctd_msg m;
		enum ctd_err err = ctd_msg_next(&r, &m);

		check(err != CTD_E_SHORT && err != CTD_E_LENGTH);
	}
	/* what it was given is not needed any more */
	memset(messages, 0xff, len);
}

/* piece 0: of any size. */
static void feed(struct wanted w, size_t piece, uint32_t seed)
{
	struct ctd_framing *f = malloc(sizeof(*f));
	bool goes_on = true;

	check(f);
	f->len = 0;
	for (size_t at = 0; at < w.size && goes_on;) {
		size_t room, n = piece;
		uint8_t *to = ctd_framing_room(f, &room);

		check(room > 0 && to + room == f->buf + sizeof(f->buf));
		seed = seed * 1664525 + 1013904223;
		if (!n) /* most of them short, some very long */
			n = 1 + (seed >> 8) % (2u << (seed >> 28));
		n = n < room ? n : room;
		n = n < w.size - at ? n : w.size - at;
		memcpy(to, w.stream + at, n);
		at += n;
		goes_on = ctd_framing_add(f, n, on_messages, &w);
	}
	check(goes_on == !w.ends && w.got == w.whole);
	check(!goes_on || f->len == w.size - w.whole);
	free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t stream[STREAM_MAX];
	uint32_t seed = 2166136261;
	struct wanted w;
	size_t n = 0, end;

	if (!size || size > CTD_FRAMING_MAX)
		return 0;
	for (size_t i = 0; i < size; i++)
		seed = (seed ^ data[i]) * 16777619;
	w = look(data, size);
	feed(w, 1, 0);
	end = w.ends || w.whole == size ? size : sizeof(stream);
	for (; n + size <= end; n += size)
		memcpy(stream + n, data, size);
	w = look(stream, n);
	feed(w, SIZE_MAX, 0);
	for (uint32_t i = 0; i < CUTS; i++)
		feed(w, 0, seed + i);
	return 0;
}
