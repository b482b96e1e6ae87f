/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service_query.h"

#include "conf_services.h"
#include "vrouter/wire.h"

#define DNS_RESPONSE   0x8000u
#define DNS_OPCODE     0x7800u
#define DNS_TRUNCATED  0x0200u
#define DNS_RCODE      0x000fu
#define DNS_RECURSION  0x0100u
#define DNS_TYPE_NS    2
#define DNS_TYPE_A     1
#define DNS_CLASS_IN   1
#define DNS_NAME_BACK  0xc00c /* the name that begins behind the header */
#define NTP_BYTES      48
#define NTP_VERSION    4
#define NTP_CLIENT     3
#define NTP_SERVER     4
#define NTP_UNSYNCED   3
#define NTP_OWN_CLOCK  0x7f7f0101u /* chronyd's reference for "local stratum" */
#define NTP_STRATA_MAX 15

static void put_name(struct wr *w, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		wr_u8(w, (uint8_t)len);
		wr_bytes(w, name, len);
		name += len + (name[len] == '.');
	}
	wr_u8(w, 0);
}

static void put_question(struct wr *w)
{
	put_name(w, SERVICE_ALIVE_NAME);
	wr_be16(w, DNS_TYPE_A);
	wr_be16(w, DNS_CLASS_IN);
}

size_t dns_query(uint8_t buf[static SERVICE_QUERY_MAX], uint16_t id)
{
	struct wr w = wr_of(buf, SERVICE_QUERY_MAX);

	wr_be16(&w, id);
	wr_be16(&w, 0);
	wr_be16(&w, 1); /* questions; answers, authorities, more */
	wr_be(&w, 0, 6);
	put_question(&w);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

static bool is_same_question(struct rd *r)
{
	uint8_t buf[SERVICE_QUERY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	const uint8_t *asked;

	put_question(&w);
	asked = rd_bytes(r, wr_len(&w));
	return asked && memcmp(asked, buf, wr_len(&w)) == 0;
}

/* The name compressed, as every server does that was just asked for it. */
static bool is_alive_record(struct rd *r)
{
	struct ip_addr alive;
	uint16_t name = rd_be16(r), type = rd_be16(r), class = rd_be16(r);
	const uint8_t *addr;

	rd_be32(r); /* how long it is valid */
	if (rd_be16(r) != 4 || ip_addr_parse(&alive, SERVICE_ALIVE_ADDR) < 0)
		return false;
	addr = rd_bytes(r, 4);
	return addr && name == DNS_NAME_BACK && type == DNS_TYPE_A && class == DNS_CLASS_IN &&
	       memcmp(addr, alive.b, 4) == 0;
}

bool dns_is_answer(const uint8_t *buf, size_t len, uint16_t id)
{
	struct rd r = rd_of(buf, len);
	uint16_t got = rd_be16(&r), flags = rd_be16(&r), questions = rd_be16(&r),
		 answers = rd_be16(&r);

	rd_be32(&r);
	if (!rd_ok(&r) || got != id || questions != 1 || answers < 1 ||
	    (flags & (DNS_RESPONSE | DNS_OPCODE | DNS_TRUNCATED | DNS_RCODE)) != DNS_RESPONSE)
		return false;
	return is_same_question(&r) && is_alive_record(&r);
}

size_t dns_root_query(uint8_t buf[static SERVICE_QUERY_MAX], uint16_t id)
{
	struct wr w = wr_of(buf, SERVICE_QUERY_MAX);

	wr_be16(&w, id);
	wr_be16(&w, DNS_RECURSION);
	wr_be16(&w, 1); /* questions; answers, authorities, more */
	wr_be(&w, 0, 6);
	put_name(&w, "");
	wr_be16(&w, DNS_TYPE_NS);
	wr_be16(&w, DNS_CLASS_IN);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

/* That the answer is cut off is no matter: it is one. */
bool dns_root_parse(uint8_t *rcode, const uint8_t *buf, size_t len, uint16_t id)
{
	struct rd r = rd_of(buf, len);
	uint16_t got = rd_be16(&r), flags = rd_be16(&r), questions = rd_be16(&r);

	rd_bytes(&r, 6); /* how many of what follows */
	/* some leave out the question of which they want to know nothing */
	if (questions &&
	    (rd_u8(&r) != 0 || rd_be16(&r) != DNS_TYPE_NS || rd_be16(&r) != DNS_CLASS_IN))
		return false;
	if (!rd_ok(&r) || got != id || questions > 1 ||
	    (flags & (DNS_RESPONSE | DNS_OPCODE)) != DNS_RESPONSE)
		return false;
	*rcode = flags & DNS_RCODE;
	return true;
}

const char *dns_rcode_name(uint8_t rcode)
{
	static const char *const name[] = {"NOERROR",  "FORMERR", "SERVFAIL",
					   "NXDOMAIN", "NOTIMP",  "REFUSED"};

	return rcode < ARRAY_LEN(name) ? name[rcode] : "code";
}

size_t sntp_query(uint8_t buf[static SERVICE_QUERY_MAX], uint64_t nonce)
{
	struct wr w = wr_of(buf, NTP_BYTES);

	wr_u8(&w, NTP_VERSION << 3 | NTP_CLIENT);
	for (unsigned i = 0; i < 39; i++)
		wr_u8(&w, 0);
	wr_be64(&w, nonce);
	return NTP_BYTES;
}

bool sntp_parse(struct sntp_answer *out, const uint8_t *buf, size_t len, uint64_t nonce)
{
	struct rd r = rd_of(buf, len);
	uint8_t first = rd_u8(&r), stratum = rd_u8(&r);
	uint32_t reference;
	uint64_t origin;

	rd_bytes(&r, 10); /* poll, precision, root delay and dispersion */
	reference = rd_be32(&r);
	rd_be64(&r); /* when it was set */
	origin = rd_be64(&r);
	rd_bytes(&r, 16); /* received, sent */
	if (!rd_ok(&r) || (first & 7) != NTP_SERVER || origin != nonce || stratum < 1 ||
	    stratum > NTP_STRATA_MAX)
		return false;
	*out = (struct sntp_answer){.stratum = stratum,
				    .synchronised = first >> 6 != NTP_UNSYNCED &&
						    reference != NTP_OWN_CLOCK};
	return true;
}
