/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Derived keys of the streams that a router's datagrams belong to. A key is kept when it has sealed
 * or opened a datagram, so forged ones cannot push others out. Embedded in its owner; all zero is
 * empty. */
#ifndef VROUTER_SYNC_STREAMS_H
#define VROUTER_SYNC_STREAMS_H

#include "vrouter/engine.h"
#include "vrouter/seal.h"

#define STREAMS_MAX (4 * (ENGINE_PEERS_MAX + 1)) /* a few of each controller */

struct streams {
	struct {
		bool used;
		uint8_t key_id;
		uint32_t sender;
		uint8_t epoch[DGRAM_EPOCH_LEN];
		struct seal_stream stream;
	} slot[STREAMS_MAX];
	unsigned next; /* to be replaced */
};

/* The key to seal with, valid until the next call; NULL: the keyring does not have it. */
const struct seal_stream *streams_sealing(struct streams *s, const struct seal_keyring *ring,
					  const struct dgram_hdr *h);
/* Opens buf in place. 0, -ENOKEY or -EBADMSG. */
must_check int streams_open(struct streams *s, const struct seal_keyring *ring,
			    const struct dgram_hdr *h, uint8_t *buf, size_t len);
void streams_forget(struct streams *s);

#endif
