/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's helpers expect, as `conntrack -L expect` and `-E expect` print it. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/time.h>

#include "flows.h"
#include "json_out.h"
#include "out.h"
#include "vrouter/conntrack.h"

#define TEXT_MAX 1024 /* of conntrack's own dump */

static void add_addr(struct json_out *j, const char *key, uint8_t family, const uint8_t *b)
{
	struct ip_addr a = {.family = family};
	char buf[INET6_ADDRSTRLEN];

	memcpy(a.b, b, ip_addr_size(&a));
	json_out_text(j, key, ip_addr_format(&a, buf));
}

static void add_tuple(struct json_out *j, const char *key, uint8_t family, uint8_t proto,
		      const struct flow_tuple *t)
{
	const char *name = flow_proto_name(proto);
	char number[8];

	snprintf(number, sizeof(number), "%u", proto);
	json_out_open(j, key, '{');
	json_out_text(j, "proto", name ? name : number);
	add_addr(j, "src", family, t->src);
	add_addr(j, "dst", family, t->dst);
	json_out_number(j, "sport", ntohs(t->l4.sport_be));
	json_out_number(j, "dport", ntohs(t->l4.dport_be));
	json_out_close(j, '}');
}

static void print_json(const struct flows_show *s, const struct expect *x,
		       enum nf_conntrack_msg_type type)
{
	struct json_out j = {.comma = false};

	json_out_open(&j, NULL, '{');
	json_out_text(&j, "router", s->router);
	if (type != NFCT_T_UNKNOWN)
		json_out_text(&j, "event", flows_json_event(type));
	json_out_text(&j, "family", x->family == AF_INET ? "ipv4" : "ipv6");
	json_out_number(&j, "timeout_s", x->timeout_s);
	add_tuple(&j, "expected", x->family, x->proto, &x->tuple);
	add_tuple(&j, "mask", x->family, x->proto, &x->mask);
	add_tuple(&j, "master", x->family, x->master_proto, &x->master);
	json_out_number(&j, "zone", x->zone);
	json_out_number(&j, "flags", x->flags);
	json_out_number(&j, "class", x->class);
	json_out_text(&j, "helper", x->helper[0] ? x->helper : NULL);
	json_out_text(&j, "function", x->fn[0] ? x->fn : NULL);
	json_out_close(&j, '}');
	out_char('\n');
}

static int print_text(struct flows_show *s, const struct nlmsghdr *nlh,
		      enum nf_conntrack_msg_type type)
{
	bool xml = s->ask->output & FLOW_OUT_XML, time = s->ask->output & FLOW_OUT_TIMESTAMP;
	struct nf_expect *x = nfexp_new();
	char text[TEXT_MAX];
	struct timeval tv;

	if (!x)
		return MNL_CB_ERROR;
	if (nfexp_nlmsg_parse(nlh, x) >= 0) {
		flows_show_begin(s, "expect");
		gettimeofday(&tv, NULL);
		if (time && !xml)
			printf("[%-8ld.%-6ld]\t", (long)tv.tv_sec, (long)tv.tv_usec);
		nfexp_snprintf(text, sizeof(text), x, type, xml ? NFCT_O_XML : NFCT_O_DEFAULT,
			       time && xml ? NFCT_OF_TIME : 0);
		puts(text);
	}
	nfexp_destroy(x);
	return MNL_CB_OK;
}

static int show(struct flows_show *s, const struct nlmsghdr *nlh, enum nf_conntrack_msg_type type)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	enum flow_change change;
	struct expect x;
	int rc = MNL_CB_OK;

	if (s->ask->query.family && nfg->nfgen_family != s->ask->query.family)
		return MNL_CB_OK;
	s->n++;
	if (s->ask->json && expect_netlink_parse(nlh, &x, &change) == 0)
		print_json(s, &x, type);
	else if (!s->ask->json && !s->ask->count)
		rc = print_text(s, nlh, type);
	return ferror(stdout) ? MNL_CB_STOP : rc;
}

int flows_expect_entry(const struct nlmsghdr *nlh, void *ctx)
{
	return show(ctx, nlh, NFCT_T_UNKNOWN);
}

int flows_expect_event(const struct nlmsghdr *nlh, void *ctx)
{
	return show(ctx, nlh, flows_event_type(nlh));
}
