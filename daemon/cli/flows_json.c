/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow as a JSON object on a line of its own. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "flows.h"
#include "json_out.h"
#include "out.h"

static bool has(const struct nf_conntrack *ct, enum nf_conntrack_attr attr)
{
	return nfct_attr_is_set(ct, attr) > 0;
}

static void add_addr(struct json_out *j, const char *key, const struct nf_conntrack *ct,
		     enum nf_conntrack_attr v4, enum nf_conntrack_attr v6)
{
	struct ip_addr a = {.family = nfct_get_attr_u8(ct, ATTR_L3PROTO)};
	const void *at = nfct_get_attr(ct, a.family == AF_INET ? v4 : v6);
	char buf[INET6_ADDRSTRLEN];

	if (at)
		memcpy(a.b, at, ip_addr_size(&a));
	json_out_text(j, key, at ? ip_addr_format(&a, buf) : NULL);
}

/* A number of so many bytes, if it is there. */
static void add_8(struct json_out *j, const char *key, const struct nf_conntrack *ct,
		  enum nf_conntrack_attr attr)
{
	if (has(ct, attr))
		json_out_number(j, key, nfct_get_attr_u8(ct, attr));
}

static void add_be16(struct json_out *j, const char *key, const struct nf_conntrack *ct,
		     enum nf_conntrack_attr attr)
{
	if (has(ct, attr))
		json_out_number(j, key, ntohs(nfct_get_attr_u16(ct, attr)));
}

static void add_16(struct json_out *j, const char *key, const struct nf_conntrack *ct,
		   enum nf_conntrack_attr attr)
{
	if (has(ct, attr))
		json_out_number(j, key, nfct_get_attr_u16(ct, attr));
}

static void add_32(struct json_out *j, const char *key, const struct nf_conntrack *ct,
		   enum nf_conntrack_attr attr)
{
	if (has(ct, attr))
		json_out_number(j, key, nfct_get_attr_u32(ct, attr));
}

static void add_64(struct json_out *j, const char *key, const struct nf_conntrack *ct,
		   enum nf_conntrack_attr attr)
{
	if (has(ct, attr))
		json_out_number(j, key, nfct_get_attr_u64(ct, attr));
}

static void add_orig(struct json_out *j, const struct nf_conntrack *ct)
{
	json_out_open(j, "orig", '{');
	add_addr(j, "src", ct, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
	add_addr(j, "dst", ct, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST);
	add_be16(j, "sport", ct, ATTR_ORIG_PORT_SRC);
	add_be16(j, "dport", ct, ATTR_ORIG_PORT_DST);
	add_8(j, "icmp_type", ct, ATTR_ICMP_TYPE);
	add_8(j, "icmp_code", ct, ATTR_ICMP_CODE);
	add_be16(j, "icmp_id", ct, ATTR_ICMP_ID);
	add_16(j, "zone", ct, ATTR_ORIG_ZONE);
	add_64(j, "packets", ct, ATTR_ORIG_COUNTER_PACKETS);
	add_64(j, "bytes", ct, ATTR_ORIG_COUNTER_BYTES);
	json_out_close(j, '}');
}

static void add_reply(struct json_out *j, const struct nf_conntrack *ct)
{
	json_out_open(j, "reply", '{');
	add_addr(j, "src", ct, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC);
	add_addr(j, "dst", ct, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST);
	add_be16(j, "sport", ct, ATTR_REPL_PORT_SRC);
	add_be16(j, "dport", ct, ATTR_REPL_PORT_DST);
	add_16(j, "zone", ct, ATTR_REPL_ZONE);
	add_64(j, "packets", ct, ATTR_REPL_COUNTER_PACKETS);
	add_64(j, "bytes", ct, ATTR_REPL_COUNTER_BYTES);
	json_out_close(j, '}');
}

static void add_proto(struct json_out *j, const struct nf_conntrack *ct)
{
	uint8_t proto = nfct_get_attr_u8(ct, ATTR_L4PROTO);
	const char *name = flow_proto_name(proto);
	char number[8];

	snprintf(number, sizeof(number), "%u", proto); /* any may come from the kernel */
	json_out_text(j, "proto", name ? name : number);
}

static void add_state(struct json_out *j, const struct nf_conntrack *ct)
{
	uint8_t proto = nfct_get_attr_u8(ct, ATTR_L4PROTO);
	enum nf_conntrack_attr attr = proto == IPPROTO_TCP    ? ATTR_TCP_STATE
				      : proto == IPPROTO_SCTP ? ATTR_SCTP_STATE
							      : ATTR_DCCP_STATE;
	const char *name;

	if (!has(ct, attr))
		return;
	name = flow_state_name(proto, nfct_get_attr_u8(ct, attr));
	json_out_text(j, "state", name ? name : "UNKNOWN");
}

static void add_status(struct json_out *j, uint32_t status)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} row[] = {{IPS_SEEN_REPLY, "seen_reply"}, {IPS_ASSURED, "assured"},
		   {IPS_CONFIRMED, "confirmed"},   {IPS_SRC_NAT, "snat"},
		   {IPS_DST_NAT, "dnat"},	   {IPS_DYING, "dying"},
		   {IPS_EXPECTED, "expected"},	   {IPS_FIXED_TIMEOUT, "fixed_timeout"},
		   {IPS_HELPER, "helper"},	   {IPS_OFFLOAD, "offload"},
		   {IPS_HW_OFFLOAD, "hw_offload"}};

	json_out_open(j, "status", '[');
	for (unsigned i = 0; i < ARRAY_LEN(row); i++)
		if (status & row[i].bit)
			json_out_text(j, NULL, row[i].name);
	json_out_close(j, ']');
}

/* By name, where there is one. */
static void add_labels(struct json_out *j, const struct nf_conntrack *ct, struct nfct_labelmap *map)
{
	const struct nfct_bitmask *b = nfct_get_attr(ct, ATTR_CONNLABELS);

	if (!b)
		return;
	json_out_open(j, "labels", '[');
	for (unsigned i = 0; i <= nfct_bitmask_maxbit(b); i++) {
		const char *name = map ? nfct_labelmap_get_name(map, i) : NULL;

		if (!nfct_bitmask_test_bit(b, i))
			continue;
		if (name && *name)
			json_out_text(j, NULL, name);
		else
			json_out_number(j, NULL, i);
	}
	json_out_close(j, ']');
}

static void add_rest(struct json_out *j, const struct nf_conntrack *ct)
{
	if (has(ct, ATTR_HELPER_NAME))
		json_out_text(j, "helper", nfct_get_attr(ct, ATTR_HELPER_NAME));
	if (has(ct, ATTR_SECCTX))
		json_out_text(j, "secctx", nfct_get_attr(ct, ATTR_SECCTX));
	add_64(j, "start_ns", ct, ATTR_TIMESTAMP_START);
	add_64(j, "stop_ns", ct, ATTR_TIMESTAMP_STOP);
	add_32(j, "use", ct, ATTR_USE);
	add_32(j, "id", ct, ATTR_ID);
}

const char *flows_json_event(enum nf_conntrack_msg_type type)
{
	return type == NFCT_T_NEW ? "new" : type == NFCT_T_UPDATE ? "update" : "destroy";
}

void flows_json(const struct flows_show *s, const struct nf_conntrack *ct,
		enum nf_conntrack_msg_type type)
{
	struct json_out j = {.comma = false};
	uint8_t family = nfct_get_attr_u8(ct, ATTR_L3PROTO);

	json_out_open(&j, NULL, '{');
	json_out_text(&j, "router", s->router);
	if (type != NFCT_T_UNKNOWN)
		json_out_text(&j, "event", flows_json_event(type));
	json_out_text(&j, "family", family == AF_INET ? "ipv4" : "ipv6");
	add_proto(&j, ct);
	add_orig(&j, ct);
	add_reply(&j, ct);
	add_status(&j, nfct_get_attr_u32(ct, ATTR_STATUS));
	json_out_number(&j, "timeout_s", nfct_get_attr_u32(ct, ATTR_TIMEOUT));
	json_out_number(&j, "mark", nfct_get_attr_u32(ct, ATTR_MARK));
	add_state(&j, ct);
	add_16(&j, "zone", ct, ATTR_ZONE);
	add_labels(&j, ct, s->labels);
	add_rest(&j, ct);
	json_out_close(&j, '}');
	out_char('\n');
}
