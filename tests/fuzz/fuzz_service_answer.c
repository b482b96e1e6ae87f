/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes in answer to a health check: the first byte says of what, the rest is the datagram.
 * What counts as an answer has what was asked in it. */
#include <stdlib.h>
#include <string.h>

#include "../../daemon/service_query.h"

#define ID    0x1234u
#define NONCE 0x0123456789abcdefu

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void dns(const uint8_t *data, size_t size)
{
	uint8_t query[SERVICE_QUERY_MAX];
	size_t len = dns_query(query, ID);

	if (!dns_is_answer(data, size, ID))
		return;
	/* the id and the question, an answer of 16 bytes behind it */
	if (size < len + 16 || memcmp(data, query, 2) != 0 ||
	    memcmp(data + 12, query + 12, len - 12) != 0)
		abort();
}

static void dns_of_others(const uint8_t *data, size_t size)
{
	uint8_t rcode = 0xff;

	/* a header, that says of what it is an answer */
	if (dns_root_parse(&rcode, data, size, ID) &&
	    (size < 12 || memcmp(data, "\x12\x34", 2) != 0 || !(data[2] & 0x80) || rcode > 15))
		abort();
}

static void sntp(const uint8_t *data, size_t size)
{
	uint8_t query[SERVICE_QUERY_MAX];
	struct sntp_answer a = {0};
	size_t len = sntp_query(query, NONCE);

	if (!sntp_parse(&a, data, size, NONCE))
		return;
	if (size < len || memcmp(data + 24, query + 40, 8) != 0 || a.stratum < 1 || a.stratum > 15)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (*data & 1)
		sntp(data + 1, size - 1);
	else if (*data & 2)
		dns_of_others(data + 1, size - 1);
	else
		dns(data + 1, size - 1);
	return 0;
}
