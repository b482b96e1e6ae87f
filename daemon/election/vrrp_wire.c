/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VRRPv3 packet (RFC 9568 section 5). Pure: bytes in, values out.
 *
 *  0                   1                   2                   3
 * +-------+-------+---------------+---------------+---------------+
 * |   3   |   1   |      VRID     |   Priority    |   Addresses   |
 * +-------+-------+-----------------------------------------------+
 * |   0   |    Interval in cs     |           Checksum            |
 * +-------+-----------------------+-------------------------------+
 * |                 one address of 4 or 16 bytes each ...
 *
 * The checksum over IPv4 exists in two forms. RFC 5798 could be read either way; keepalived and FRR
 * include a pseudo-header, RFC 9568 5.2.8 says for IPv4 without one, as others have always done.
 * We send the former, because what runs on Linux discards the latter unless told otherwise, and
 * accept both. IPv6 always has the pseudo-header. */
#include "vrouter/vrrp.h"

#define VERSION_TYPE 0x31 /* version 3, advertisement */
#define HEADER_LEN   8
#define CHECKSUM_AT  6

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
		[VRRP_E_COUNT] = "bad_count",
		[VRRP_E_ADDRS] = "other_addresses",
		[VRRP_E_OWN] = "own_address",
		[VRRP_E_PEER] = "unknown_peer",
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

size_t vrrp_encode(const struct vrrp_packet *p, const struct vrrp_meta *meta, uint8_t *buf,
		   size_t cap)
{
	struct wr w = wr_of(buf, cap);

	if (!p->n_addrs || p->n_addrs > VRRP_MAX_ADDRS || !p->adv_cs ||
	    p->adv_cs > VRRP_MAX_ADV_CS || !p->vrid)
		return 0;
	wr_u8(&w, VERSION_TYPE);
	wr_u8(&w, p->vrid);
	wr_u8(&w, p->prio);
	wr_u8(&w, p->n_addrs);
	wr_be16(&w, p->adv_cs);
	wr_be16(&w, 0);
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (!meta->src.family || p->addrs[i].family != meta->src.family)
			return 0;
		wr_bytes(&w, p->addrs[i].b, ip_addr_size(&p->addrs[i]));
	}
	if (!wr_ok(&w))
		return 0;

	size_t len = wr_len(&w);
	uint16_t sum = (uint16_t)~sum_fold(sum_add(sum_pseudo(meta, len), buf, len));

	buf[CHECKSUM_AT] = (uint8_t)(sum >> 8);
	buf[CHECKSUM_AT + 1] = (uint8_t)sum;
	return len;
}

static bool checksum_good(const struct vrrp_meta *meta, const uint8_t *buf, size_t len)
{
	uint32_t plain = sum_add(0, buf, len);

	if (sum_fold(plain + sum_pseudo(meta, len)) == 0xffff)
		return true;
	return meta->src.family == AF_INET && sum_fold(plain) == 0xffff;
}

static enum vrrp_err check_length(const struct vrrp_packet *p, size_t addr_size, size_t left)
{
	if (!p->n_addrs || p->n_addrs > VRRP_MAX_ADDRS)
		return VRRP_E_COUNT;
	if (left < p->n_addrs * addr_size)
		return VRRP_E_SHORT;
	return left == p->n_addrs * addr_size ? VRRP_OK : VRRP_E_COUNT;
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

	if (version_type >> 4 != VERSION_TYPE >> 4)
		return VRRP_E_VERSION;
	if (version_type != VERSION_TYPE)
		return VRRP_E_TYPE;
	p.vrid = rd_u8(&r);
	p.prio = rd_u8(&r);
	p.n_addrs = rd_u8(&r);
	p.adv_cs = rd_be16(&r) & VRRP_MAX_ADV_CS; /* the upper four bits are reserved */
	rd_be16(&r);

	enum vrrp_err err = check_length(&p, addr_size, r.left);

	if (err != VRRP_OK)
		return err;
	if (!checksum_good(meta, buf, len))
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
