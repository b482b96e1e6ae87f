/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrackd.conf. */
#include "import_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "Sync {\n";
	size_t len = sizeof(head) - 1 + size;
	uint8_t *text = malloc(len);

	if (!text)
		return 0;
	memcpy(text, head, sizeof(head) - 1); /* so that it is taken for one */
	memcpy(text + sizeof(head) - 1, data, size);
	import_any(text, len, NULL);
	free(text);
	return 0;
}
