/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrouter/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int ip_addr_parse(struct ip_addr *out, const char *text)
{
	struct ip_addr a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(a.family, text, a.b) != 1)
		return -EINVAL;
	*out = a;
	return 0;
}

static int parse_len(const char *text, unsigned max)
{
	unsigned v = 0;

	if (!*text || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		v = v * 10 + (unsigned)(*text - '0');
	}
	return v <= max ? (int)v : -1;
}

int ip_prefix_parse(struct ip_prefix *out, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	struct ip_prefix p;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (ip_addr_parse(&p.addr, host) < 0)
		return -EINVAL;

	int len = parse_len(slash + 1, p.addr.family == AF_INET ? 32 : 128);

	if (len < 0)
		return -EINVAL;
	p.len = (uint8_t)len;
	*out = p;
	return 0;
}

const char *ip_addr_format(const struct ip_addr *a, char buf[static INET6_ADDRSTRLEN])
{
	if (!a->family || !inet_ntop(a->family, a->b, buf, INET6_ADDRSTRLEN))
		strcpy(buf, "none");
	return buf;
}

const char *ip_prefix_format(const struct ip_prefix *p, char buf[static IP_PREFIX_STRLEN])
{
	char host[INET6_ADDRSTRLEN];

	snprintf(buf, IP_PREFIX_STRLEN, "%s/%u", ip_addr_format(&p->addr, host), p->len);
	return buf;
}

struct ip_addr ip_addr_v4(uint32_t be)
{
	struct ip_addr a = {.family = AF_INET};

	memcpy(a.b, &be, sizeof(be));
	return a;
}

uint32_t ip_addr_v4_be(const struct ip_addr *a)
{
	uint32_t be;

	memcpy(&be, a->b, sizeof(be));
	return be;
}

size_t ip_addr_size(const struct ip_addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, ip_addr_size(a));
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_cmp(a, b) == 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return !rest || ((a[whole] ^ b[whole]) & (0xff00u >> rest)) == 0;
}

bool ip_prefix_contains(const struct ip_prefix *net, const struct ip_addr *a)
{
	return net->addr.family == a->family && same_bits(net->addr.b, a->b, net->len);
}

bool ip_prefix_overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->addr.family == b->addr.family &&
	       same_bits(a->addr.b, b->addr.b, a->len < b->len ? a->len : b->len);
}

/* All host bits alike: the network itself (0) or IPv4's broadcast (1). */
static bool host_bits_are(const struct ip_prefix *p, unsigned bit)
{
	unsigned bits = (unsigned)ip_addr_size(&p->addr) * 8;

	for (unsigned i = p->len; i < bits; i++)
		if (((unsigned)p->addr.b[i / 8] >> (7 - i % 8) & 1u) != bit)
			return false;
	return true;
}

bool ip_prefix_is_host(const struct ip_prefix *p)
{
	const uint8_t *b = p->addr.b;

	if (p->addr.family == AF_INET) {
		if (b[0] == 0 || b[0] == 127 || b[0] >= 224)
			return false;
		/* /31 and /32 have neither network nor broadcast address (RFC 3021) */
		return p->len >= 31 || (!host_bits_are(p, 0) && !host_bits_are(p, 1));
	}
	if (p->addr.family == AF_INET6) {
		static const uint8_t zero[15];

		if (b[0] == 0xff || (memcmp(b, zero, 15) == 0 && b[15] <= 1))
			return false;
		return p->len >= 127 || !host_bits_are(p, 0);
	}
	return false;
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
	return a->family == AF_INET ? (a->b[0] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool ip_addr_is_host(const struct ip_addr *a)
{
	const struct ip_prefix p = {.addr = *a, .len = a->family == AF_INET ? 32 : 128};

	return ip_prefix_is_host(&p);
}

bool ip_addr_is_link_local(const struct ip_addr *a)
{
	return a->family == AF_INET6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

const struct ip_prefix *ip_prefix_around(const struct ip_prefix *p, size_t n,
					 const struct ip_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&p[i], a))
			return &p[i];
	return NULL;
}

bool ip_prefix_any_is(const struct ip_prefix *p, size_t n, const struct ip_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_addr_equal(&p[i].addr, a))
			return true;
	return false;
}

const struct ip_prefix *ip_prefix_of_family(const struct ip_prefix *p, size_t n, int family)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].addr.family == family && !ip_addr_is_link_local(&p[i].addr))
			return &p[i];
	return NULL;
}
