/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "streams.h"

#include <errno.h>
#include <string.h>

#include <sodium.h>

static const struct seal_stream *find(const struct streams *s, const struct dgram_hdr *h)
{
	for (unsigned i = 0; i < STREAMS_MAX; i++)
		if (s->slot[i].used && s->slot[i].key_id == h->key_id &&
		    s->slot[i].sender == h->sender &&
		    memcmp(s->slot[i].epoch, h->epoch, sizeof(h->epoch)) == 0)
			return &s->slot[i].stream;
	return NULL;
}

static const struct seal_stream *keep(struct streams *s, const struct dgram_hdr *h,
				      const struct seal_stream *stream)
{
	unsigned i = s->next++ % STREAMS_MAX;

	s->slot[i].used = true;
	s->slot[i].key_id = h->key_id;
	s->slot[i].sender = h->sender;
	s->slot[i].stream = *stream;
	memcpy(s->slot[i].epoch, h->epoch, sizeof(h->epoch));
	return &s->slot[i].stream;
}

const struct seal_stream *streams_sealing(struct streams *s, const struct seal_keyring *ring,
					  const struct dgram_hdr *h)
{
	const struct seal_stream *known = find(s, h);
	struct seal_stream fresh;

	if (known || !seal_derive(&fresh, ring, h))
		return known;
	known = keep(s, h, &fresh);
	sodium_memzero(&fresh, sizeof(fresh));
	return known;
}

int streams_open(struct streams *s, const struct seal_keyring *ring, const struct dgram_hdr *h,
		 uint8_t *buf, size_t len)
{
	const struct seal_stream *known = find(s, h);
	struct seal_stream fresh;
	bool ok;

	if (known)
		return seal_open(known, h, buf, len) ? 0 : -EBADMSG;
	if (!seal_derive(&fresh, ring, h))
		return -ENOKEY;
	ok = seal_open(&fresh, h, buf, len);
	if (ok)
		(void)keep(s, h, &fresh);
	sodium_memzero(&fresh, sizeof(fresh));
	return ok ? 0 : -EBADMSG;
}

void streams_forget(struct streams *s)
{
	sodium_memzero(s, sizeof(*s));
}
