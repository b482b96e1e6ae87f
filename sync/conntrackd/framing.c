/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "framing.h"

#include <string.h>

uint8_t *ctd_framing_room(struct ctd_framing *f, size_t *room)
{
	*room = sizeof(f->buf) - f->len;
	return f->buf + f->len;
}

bool ctd_framing_add(struct ctd_framing *f, size_t n, ctd_framing_fn *fn, void *ctx)
{
	size_t len = 0, one = CTD_HDR_LEN;

	f->len += n;
	while (f->len - len >= CTD_HDR_LEN) {
		one = ctd_msg_len(f->buf + len, f->len - len);
		if (!one || one > f->len - len)
			break;
		len += one;
	}
	if (len) {
		fn(ctx, f->buf, len);
		f->len -= len;
		memmove(f->buf, f->buf + len, f->len);
	}
	return one;
}
