/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text is refused with a reason or gives a sane keyring. */
#include <stdint.h>
#include <string.h>

#include "vrouter/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seal_keyring ring = {.n = 0};
	char reason[SEAL_REASON_MAX] = "";
	int err;

	if (seal_init() < 0)
		abort();
	err = seal_keyring_parse(&ring, (const char *)data, size, "file", reason);
	if (err < 0 && (ring.n || !reason[0]))
		abort();
	if (err == 0 && (!ring.n || ring.n > SEAL_KEYS_MAX))
		abort();
	for (unsigned i = 0; i < ring.n; i++)
		if (!ring.key[i].id)
			abort();
	return 0;
}
