/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VRRP packet. Pure: bytes in, values out. Version 3 (RFC 9568 section 5):
 *
 *  0                   1                   2                   3
 * +-------+-------+---------------+---------------+---------------+
 * |   3   |   1   |      VRID     |   Priority    |   Addresses   |
 * +-------+-------+-----------------------------------------------+
 * |   0   |    Interval in cs     |           Checksum            |
 * +-------+-----------------------+-------------------------------+
 * |                 one address of 4 or 16 bytes each ...
 *
 * Version 2 (RFC 3768 section 5), IPv4 only; behind the addresses 8 bytes of authentication data,
 * which mean nothing with type 0:
 *
 * | Authentication|  Interval in  |           Checksum            |
 * |     type      |    seconds    |                               |
 *
 * The checksum of version 3 over IPv4 exists in two forms. RFC 5798 could be read either way;
 * keepalived and FRR include a pseudo-header, RFC 9568 5.2.8 says for IPv4 without one, as others
 * have always done. What runs on Linux discards the latter unless told otherwise, so we send the
 * former unless told otherwise, and accept both. IPv6 always has the pseudo-header, version 2
 * never. */
#include "vrouter/vrrp.h"

#define TYPE_ADVERT   1
#define HEADER_LEN    8
#define CHECKSUM_AT   6
#define V2_AUTH_LEN   8
#define V2_ADV_CS_MAX (UINT8_MAX * VRRP_V2_ADV_CS)

const char *vrrp_err_name(enum vrrp_err e)
{
	static const char *const name[] = {
		[VRRP_OK] = "ok",
		[VRRP_E_IP] = "bad_ip",
		[VRRP_E_SHORT] = "too_short",
		[VRRP_E_TTL] = "bad_ttl",
		[VRRP_E_VERSION] = "bad_version",
		[VRRP_E_TYPE] = "bad_type",
		[VRRP_E_CHECKSUM] = "bad_checksum",
		[VRRP_E_VRID] = "other_vrid",
		[VRRP_E_INTERVAL] = "bad_interval",
		[VRRP_E_OTHER_INTERVAL] = "other_interval",
		[VRRP_E_AUTH_TYPE] = "auth_type",
		[VRRP_E_COUNT] = "bad_count",
		[VRRP_E_ADDRS] = "other_addresses",
		[VRRP_E_OWN] = "own_address",
		[VRRP_E_PEER] = "unknown_peer",
		[VRRP_E_NO_AUTH] = "no_auth",
		[VRRP_E_AUTH_KEY] = "unknown_key",
		[VRRP_E_AUTH_BAD] = "bad_auth",
		[VRRP_E_REPLAYED] = "replayed",
		[VRRP_E_UNPROVEN] = "unproven",
		[VRRP_E_UNANSWERED] = "unanswered",
		[VRRP_E_CHALLENGE] = "challenge",
	};

	return (size_t)e < ARRAY_LEN(name) ? name[e] : "unknown";
}

/* One's complement sum, RFC 1071; at most 64 KiB, so 32 bits hold the carries. */
static uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t sum_pseudo(const struct vrrp_meta *m, size_t len)
{
	uint32_t sum = sum_add(0, m->src.b, ip_addr_size(&m->src));

	return sum_add(sum, m->dst.b, ip_addr_size(&m->dst)) + VRRP_PROTO + (uint32_t)len;
}

enum vrrp_err vrrp_split_ipv4(struct vrrp_meta *meta, struct rd *body, const uint8_t *buf,
			      size_t len)
{
	struct rd r = rd_of(buf, len);
	uint8_t version_ihl = rd_u8(&r);
	size_t header = (size_t)(version_ihl & 0xf) * 4;
	struct vrrp_meta m = {.src.family = AF_INET, .dst.family = AF_INET};

	rd_bytes(&r, 1);

	size_t total = rd_be16(&r);

	rd_bytes(&r, 4); /* identification, fragment: the kernel has reassembled */
	m.ttl = rd_u8(&r);

	uint8_t proto = rd_u8(&r);

	rd_bytes(&r, 2);
	rd_copy(&r, m.src.b, 4);
	rd_copy(&r, m.dst.b, 4);
	if (!rd_ok(&r) || version_ihl >> 4 != 4 || proto != VRRP_PROTO || header < 20 ||
	    header > total || total > len)
		return VRRP_E_IP;
	*meta = m;
	*body = rd_of(buf + header, total - header);
	return VRRP_OK;
}

static bool is_encodable(const struct vrrp_packet *p, const struct vrrp_meta *meta)
{
	if (!p->n_addrs || p->n_addrs > VRRP_MAX_ADDRS || !p->adv_cs || !p->vrid || p->auth_type)
		return false;
	if (p->version == 2)
		return meta->src.family == AF_INET && p->adv_cs % VRRP_V2_ADV_CS == 0 &&
		       p->adv_cs <= V2_ADV_CS_MAX;
	return p->version == 3 && p->adv_cs <= VRRP_MAX_ADV_CS;
}

/* What is added to the sum over the packet itself. */
static uint32_t sum_start(const struct vrrp_packet *p, const struct vrrp_meta *meta, size_t len)
{
	bool plain = meta->src.family == AF_INET && (p->version == 2 || p->plain_sum);

	return plain ? 0 : sum_pseudo(meta, len);
}

size_t vrrp_encode(const struct vrrp_packet *p, const struct vrrp_meta *meta, uint8_t *buf,
		   size_t cap)
{
	static const uint8_t no_auth[V2_AUTH_LEN];
	struct wr w = wr_of(buf, cap);

	if (!is_encodable(p, meta))
		return 0;
	wr_u8(&w, (uint8_t)(p->version << 4 | TYPE_ADVERT));
	wr_u8(&w, p->vrid);
	wr_u8(&w, p->prio);
	wr_u8(&w, p->n_addrs);
	wr_be16(&w, p->version == 2 ? p->adv_cs / VRRP_V2_ADV_CS : p->adv_cs);
	wr_be16(&w, 0);
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (!meta->src.family || p->addrs[i].family != meta->src.family)
			return 0;
		wr_bytes(&w, p->addrs[i].b, ip_addr_size(&p->addrs[i]));
	}
	if (p->version == 2)
		wr_bytes(&w, no_auth, sizeof(no_auth));
	if (!wr_ok(&w))
		return 0;

	size_t len = wr_len(&w);
	uint16_t sum = (uint16_t)~sum_fold(sum_add(sum_start(p, meta, len), buf, len));

	buf[CHECKSUM_AT] = (uint8_t)(sum >> 8);
	buf[CHECKSUM_AT + 1] = (uint8_t)sum;
	return len;
}

/* Notes which of the two forms it has. */
static bool checksum_good(struct vrrp_packet *p, const struct vrrp_meta *meta, const uint8_t *buf,
			  size_t len)
{
	uint32_t sum = sum_add(0, buf, len);

	if (sum_fold(sum + sum_start(p, meta, len)) == 0xffff)
		return true;
	p->plain_sum = p->version == 3 && meta->src.family == AF_INET;
	return p->plain_sum && sum_fold(sum) == 0xffff;
}

static enum vrrp_err check_length(const struct vrrp_packet *p, size_t addr_size, size_t left)
{
	size_t need = p->n_addrs * addr_size + (p->version == 2 ? V2_AUTH_LEN : 0);

	if (!p->n_addrs || p->n_addrs > VRRP_MAX_ADDRS)
		return VRRP_E_COUNT;
	if (left < need)
		return VRRP_E_SHORT;
	return left == need ? VRRP_OK : VRRP_E_COUNT;
}

/* The two bytes that differ, and the checksum's. */
static void read_interval(struct vrrp_packet *p, struct rd *r)
{
	uint16_t word = rd_be16(r);

	if (p->version == 2) {
		p->auth_type = (uint8_t)(word >> 8);
		p->adv_cs = (uint16_t)((word & 0xff) * VRRP_V2_ADV_CS);
	} else {
		p->adv_cs = word & VRRP_MAX_ADV_CS; /* the upper four bits are reserved */
	}
	rd_be16(r);
}

enum vrrp_err vrrp_decode(struct vrrp_packet *out, const struct vrrp_meta *meta, const uint8_t *buf,
			  size_t len)
{
	struct rd r = rd_of(buf, len);
	struct vrrp_packet p = {0};
	size_t addr_size = ip_addr_size(&meta->src);

	if (meta->ttl != VRRP_TTL)
		return VRRP_E_TTL;
	if (len < HEADER_LEN)
		return VRRP_E_SHORT;

	uint8_t version_type = rd_u8(&r);

	p.version = version_type >> 4;
	if (p.version != 3 && (p.version != 2 || meta->src.family != AF_INET))
		return VRRP_E_VERSION;
	if ((version_type & 0xf) != TYPE_ADVERT)
		return VRRP_E_TYPE;
	p.vrid = rd_u8(&r);
	p.prio = rd_u8(&r);
	p.n_addrs = rd_u8(&r);
	read_interval(&p, &r);

	enum vrrp_err err = check_length(&p, addr_size, r.left);

	if (err != VRRP_OK)
		return err;
	if (!checksum_good(&p, meta, buf, len))
		return VRRP_E_CHECKSUM;
	if (!p.adv_cs)
		return VRRP_E_INTERVAL;
	for (size_t i = 0; i < p.n_addrs; i++) {
		p.addrs[i].family = meta->src.family;
		rd_copy(&r, p.addrs[i].b, addr_size);
	}
	if (!rd_ok(&r))
		return VRRP_E_SHORT;
	*out = p;
	return VRRP_OK;
}

enum vrrp_err vrrp_match(const struct vrrp_packet *theirs, const struct vrrp_packet *ours)
{
	bool used[VRRP_MAX_ADDRS] = {false};

	if (theirs->vrid != ours->vrid)
		return VRRP_E_VRID;
	if (theirs->version != ours->version)
		return VRRP_E_VERSION;
	if (theirs->auth_type)
		return VRRP_E_AUTH_TYPE;
	if (theirs->version == 2 && theirs->adv_cs != ours->adv_cs)
		return VRRP_E_OTHER_INTERVAL;
	if (theirs->n_addrs != ours->n_addrs)
		return VRRP_E_ADDRS;
	for (size_t i = 0; i < theirs->n_addrs; i++) {
		size_t j = 0;

		while (j < ours->n_addrs &&
		       (used[j] || !ip_addr_equal(&theirs->addrs[i], &ours->addrs[j])))
			j++;
		if (j == ours->n_addrs)
			return VRRP_E_ADDRS;
		used[j] = true;
	}
	return VRRP_OK;
}
