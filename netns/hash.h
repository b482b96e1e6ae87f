/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to netns/. */
#ifndef NETNS_HASH_H
#define NETNS_HASH_H

#include <stdint.h>

/* FNV-1a: names and texts of our own making only, nobody chooses them to collide. */
static inline uint64_t hash_text(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return h;
}

#endif
