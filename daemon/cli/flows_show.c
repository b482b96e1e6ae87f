/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows on standard output, byte for byte as conntrack(8) 1.4.7 prints them: the library does it,
 * but for what that program puts around. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/time.h>

#include "flows.h"
#include "out.h"

#define TEXT_MAX 4096 /* of conntrack's own dump */

/* ---- what filters look at ---------------------------------------------------------------------
 */

static struct ip_addr address(const struct nf_conntrack *ct, uint8_t family,
			      enum nf_conntrack_attr v4, enum nf_conntrack_attr v6)
{
	struct ip_addr a = {.family = family};
	const void *at = nfct_get_attr(ct, family == AF_INET ? v4 : v6);

	if (at)
		memcpy(a.b, at, ip_addr_size(&a));
	else
		a.family = 0;
	return a;
}

static int32_t number16(const struct nf_conntrack *ct, enum nf_conntrack_attr attr)
{
	return nfct_attr_is_set(ct, attr) > 0 ? ntohs(nfct_get_attr_u16(ct, attr)) : -1;
}

static int32_t number8(const struct nf_conntrack *ct, enum nf_conntrack_attr attr)
{
	return nfct_attr_is_set(ct, attr) > 0 ? nfct_get_attr_u8(ct, attr) : -1;
}

static int32_t state(const struct nf_conntrack *ct, uint8_t proto)
{
	return proto == IPPROTO_TCP    ? number8(ct, ATTR_TCP_STATE)
	       : proto == IPPROTO_SCTP ? number8(ct, ATTR_SCTP_STATE)
	       : proto == IPPROTO_DCCP ? number8(ct, ATTR_DCCP_STATE)
				       : -1;
}

static void read_labels(const struct nf_conntrack *ct, uint8_t labels[static FLOW_LABELS_LEN])
{
	const struct nfct_bitmask *b = nfct_get_attr(ct, ATTR_CONNLABELS);

	for (unsigned i = 0; b && i <= nfct_bitmask_maxbit(b) && i < FLOW_LABELS_LEN * 8; i++)
		if (nfct_bitmask_test_bit(b, i))
			labels[i / 8] |= (uint8_t)(1 << i % 8);
}

static void read_facts(const struct nf_conntrack *ct, struct flow_facts *f)
{
	uint8_t l3 = nfct_get_attr_u8(ct, ATTR_L3PROTO), l4 = nfct_get_attr_u8(ct, ATTR_L4PROTO);

	*f = (struct flow_facts){
		.family = l3,
		.proto = l4,
		.addr = {address(ct, l3, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC),
			 address(ct, l3, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST),
			 address(ct, l3, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC),
			 address(ct, l3, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST)},
		.port = {number16(ct, ATTR_ORIG_PORT_SRC), number16(ct, ATTR_ORIG_PORT_DST),
			 number16(ct, ATTR_REPL_PORT_SRC), number16(ct, ATTR_REPL_PORT_DST)},
		.icmp = {number8(ct, ATTR_ICMP_TYPE), number8(ct, ATTR_ICMP_CODE),
			 number16(ct, ATTR_ICMP_ID)},
		.state = state(ct, l4),
		.status = nfct_get_attr_u32(ct, ATTR_STATUS),
		.mark = nfct_get_attr_u32(ct, ATTR_MARK),
		.zone = {nfct_get_attr_u16(ct, ATTR_ZONE), nfct_get_attr_u16(ct, ATTR_ORIG_ZONE),
			 nfct_get_attr_u16(ct, ATTR_REPL_ZONE)},
	};
	read_labels(ct, f->labels);
}

static bool wanted(const struct flow_ask *ask, const struct nf_conntrack *ct)
{
	struct flow_facts f;

	if (!ask->filter && !ask->query.family)
		return true;
	read_facts(ct, &f);
	return flow_query_match(&ask->query, &f);
}

/* ---- lines ------------------------------------------------------------------------------------
 */

void flows_show_begin(struct flows_show *s, const char *element)
{
	if (!(s->ask->output & FLOW_OUT_XML) || s->head)
		return;
	s->head = true;
	fputs("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<", stdout);
	fputs(element, stdout);
	fputs(">\n", stdout);
}

void flows_show_end(struct flows_show *s)
{
	if (s->head)
		fputs(s->ask->expect ? "</expect>\n" : "</conntrack>\n", stdout);
}

static void print_text(struct flows_show *s, const struct nf_conntrack *ct,
		       enum nf_conntrack_msg_type type)
{
	unsigned output = s->ask->output, flags = 0;
	char line[TEXT_MAX];

	if (output & FLOW_OUT_SAVE) {
		flows_save(ct, type);
		return;
	}
	flows_show_begin(s, "conntrack");
	if (output & FLOW_OUT_EXTENDED)
		flags |= NFCT_OF_SHOW_LAYER3;
	if (output & FLOW_OUT_KTIMESTAMP)
		flags |= NFCT_OF_TIMESTAMP;
	if (output & FLOW_OUT_ID)
		flags |= NFCT_OF_ID;
	if (type != NFCT_T_UNKNOWN && output & FLOW_OUT_TIMESTAMP && output & FLOW_OUT_XML)
		flags |= NFCT_OF_TIME;
	nfct_snprintf_labels(line, sizeof(line), ct, type,
			     output & FLOW_OUT_XML ? NFCT_O_XML : NFCT_O_DEFAULT, flags, s->labels);
	out_text(line);
}

static void print_time(const struct flow_ask *ask)
{
	struct timeval tv;

	if (!(ask->output & FLOW_OUT_TIMESTAMP) || ask->output & FLOW_OUT_XML)
		return;
	gettimeofday(&tv, NULL);
	printf("[%-.8ld.%-.6ld]\t", (long)tv.tv_sec, (long)tv.tv_usec);
}

static void print_program(uint32_t port)
{
	const char *program = port ? flows_program(port) : NULL;

	if (port)
		printf(" [USERSPACE] portid=%u", port);
	if (program)
		printf(" progname=%s", program);
}

static void print_flow(struct flows_show *s, const struct nlmsghdr *nlh,
		       const struct nf_conntrack *ct, enum nf_conntrack_msg_type type)
{
	s->n++;
	if (s->ask->count)
		return;
	if (s->ask->json) {
		flows_json(s, ct, type);
		return;
	}
	if (type != NFCT_T_UNKNOWN)
		print_time(s->ask);
	print_text(s, ct, type);
	if (type != NFCT_T_UNKNOWN)
		print_program(nlh->nlmsg_pid);
	out_char('\n');
}

static int show(struct flows_show *s, const struct nlmsghdr *nlh, enum nf_conntrack_msg_type type)
{
	struct nf_conntrack *ct = nfct_new();

	if (!ct)
		return MNL_CB_ERROR;
	/* what the library does not understand is nothing for conntrack(8) either */
	if (nfct_nlmsg_parse(nlh, ct) >= 0 && wanted(s->ask, ct))
		print_flow(s, nlh, ct, type);
	nfct_destroy(ct);
	return ferror(stdout) ? MNL_CB_STOP : MNL_CB_OK; /* nobody reads any more: enough */
}

int flows_show_entry(const struct nlmsghdr *nlh, void *ctx)
{
	return show(ctx, nlh, NFCT_T_UNKNOWN);
}

int flows_show_event(const struct nlmsghdr *nlh, void *ctx)
{
	return show(ctx, nlh, flows_event_type(nlh));
}
