/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refused.h"

void refused_note(struct refused *r, uint32_t sender, enum refused_why why, uint8_t key_id,
		  uint64_t now)
{
	struct refused_entry *at = &r->entry[0];

	for (unsigned i = 0; i < REFUSED_MAX; i++) {
		if (r->entry[i].why && r->entry[i].sender == sender) {
			at = &r->entry[i];
			break;
		}
		/* one that is free was never heard */
		if (r->entry[i].heard_at < at->heard_at)
			at = &r->entry[i];
	}
	*at = (struct refused_entry){
		.why = why, .sender = sender, .key_id = key_id, .heard_at = now};
}

unsigned refused_list(const struct refused *r, uint64_t now, struct refused_entry *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REFUSED_MAX; i++) {
		if (!r->entry[i].why || now - r->entry[i].heard_at >= REFUSED_SHOWN_MS)
			continue;
		out[n] = r->entry[i];
		out[n++].heard_at = now - r->entry[i].heard_at;
	}
	return n;
}
