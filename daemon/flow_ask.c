/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of `vrouterctl flows`: one table of options, one loop, then what does not go
 * together. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "flow_value.h"

/* Options without a letter. */
enum long_only {
	OPT_MASK_SRC = 256,
	OPT_MASK_DST,
	OPT_ORIG_ZONE,
	OPT_REPLY_ZONE,
	OPT_SPORT,
	OPT_DPORT,
	OPT_REPLY_PORT_SRC,
	OPT_REPLY_PORT_DST,
	OPT_STATE,
	OPT_ICMP_TYPE,
	OPT_ICMP_CODE,
	OPT_ICMP_ID,
	OPT_ICMP6_TYPE,
	OPT_ICMP6_CODE,
	OPT_ICMP6_ID,
	OPT_SRCKEY,
	OPT_DSTKEY,
	OPT_REPLY_KEY_SRC,
	OPT_REPLY_KEY_DST,
	OPT_EXPECT,
	OPT_REPLICA,
	OPT_JSON,
};

#define LETTERS ":s:d:r:q:p:f:u:m:w:l:n::g::j::o:e:b:zCcE"

static const struct option longs[] = {
	{"src", required_argument, NULL, 's'},
	{"orig-src", required_argument, NULL, 's'},
	{"dst", required_argument, NULL, 'd'},
	{"orig-dst", required_argument, NULL, 'd'},
	{"reply-src", required_argument, NULL, 'r'},
	{"reply-dst", required_argument, NULL, 'q'},
	{"mask-src", required_argument, NULL, OPT_MASK_SRC},
	{"mask-dst", required_argument, NULL, OPT_MASK_DST},
	{"proto", required_argument, NULL, 'p'},
	{"protonum", required_argument, NULL, 'p'},
	{"family", required_argument, NULL, 'f'},
	{"status", required_argument, NULL, 'u'},
	{"mark", required_argument, NULL, 'm'},
	{"zone", required_argument, NULL, 'w'},
	{"orig-zone", required_argument, NULL, OPT_ORIG_ZONE},
	{"reply-zone", required_argument, NULL, OPT_REPLY_ZONE},
	{"label", required_argument, NULL, 'l'},
	{"src-nat", optional_argument, NULL, 'n'},
	{"dst-nat", optional_argument, NULL, 'g'},
	{"any-nat", optional_argument, NULL, 'j'},
	{"sport", required_argument, NULL, OPT_SPORT},
	{"orig-port-src", required_argument, NULL, OPT_SPORT},
	{"dport", required_argument, NULL, OPT_DPORT},
	{"orig-port-dst", required_argument, NULL, OPT_DPORT},
	{"reply-port-src", required_argument, NULL, OPT_REPLY_PORT_SRC},
	{"reply-port-dst", required_argument, NULL, OPT_REPLY_PORT_DST},
	{"state", required_argument, NULL, OPT_STATE},
	{"icmp-type", required_argument, NULL, OPT_ICMP_TYPE},
	{"icmp-code", required_argument, NULL, OPT_ICMP_CODE},
	{"icmp-id", required_argument, NULL, OPT_ICMP_ID},
	{"icmpv6-type", required_argument, NULL, OPT_ICMP6_TYPE},
	{"icmpv6-code", required_argument, NULL, OPT_ICMP6_CODE},
	{"icmpv6-id", required_argument, NULL, OPT_ICMP6_ID},
	{"srckey", required_argument, NULL, OPT_SRCKEY},
	{"orig-key-src", required_argument, NULL, OPT_SRCKEY},
	{"dstkey", required_argument, NULL, OPT_DSTKEY},
	{"orig-key-dst", required_argument, NULL, OPT_DSTKEY},
	{"reply-key-src", required_argument, NULL, OPT_REPLY_KEY_SRC},
	{"reply-key-dst", required_argument, NULL, OPT_REPLY_KEY_DST},
	{"output", required_argument, NULL, 'o'},
	{"event-mask", required_argument, NULL, 'e'},
	{"buffer-size", required_argument, NULL, 'b'},
	{"zero", no_argument, NULL, 'z'},
	{"count", no_argument, NULL, 'C'},
	{"follow", no_argument, NULL, 'E'},
	{"expect", no_argument, NULL, OPT_EXPECT},
	{"replica", optional_argument, NULL, OPT_REPLICA},
	{"json", no_argument, NULL, OPT_JSON},
	{NULL, 0, NULL, 0}};

struct parse {
	struct flow_ask *a;
	const struct flow_names *names;
	struct flow_query_net mask[2]; /* --mask-src, --mask-dst */
};

struct rule {
	int opt;
	const char *name, *allowed;
	bool narrows;
	const char *(*take)(struct parse *p, const struct rule *r, const char *arg);
	unsigned at;  /* which one of several alike */
	uint32_t max; /* of a number */
	uint8_t only; /* belongs to that protocol; 0: to more than one */
};

/* ---- what each option does with its argument; NULL or what is wrong ---------------------------
 */

static const char *join_family(struct flow_ask *a, uint8_t family)
{
	if (a->query.family && a->query.family != family)
		return "is of another family than what was said before";
	a->query.family = family;
	return NULL;
}

static const char *take_net(struct parse *p, const struct rule *r, const char *arg)
{
	struct flow_query_net *n = &p->a->query.net[r->at];
	const char *wrong = flow_value_net(arg, n);

	return wrong ? wrong : join_family(p->a, n->addr.family);
}

static const char *take_mask(struct parse *p, const struct rule *r, const char *arg)
{
	const char *wrong = strchr(arg, '/') ? "is no mask" : flow_value_net(arg, &p->mask[r->at]);

	return wrong ? wrong : join_family(p->a, p->mask[r->at].addr.family);
}

static const char *take_nat(struct parse *p, const struct rule *r, const char *arg)
{
	struct flow_query_nat n = {.wanted = true, .port = -1};
	struct flow_query *q = &p->a->query;
	const char *wrong = arg ? flow_value_nat(arg, &n) : NULL;

	if (!wrong && n.addr.family)
		wrong = join_family(p->a, n.addr.family);
	if (r->at < FLOW_NATS) {
		q->nat[r->at] = n;
	} else {
		q->any_nat = true;
		q->nat[FLOW_SNAT] = q->nat[FLOW_DNAT] = n;
	}
	return wrong;
}

static const char *take_proto(struct parse *p, const struct rule *r, const char *arg)
{
	int32_t *proto = &p->a->query.proto;

	(void)r;
	for (int i = 0; i < 256; i++) {
		const char *name = flow_proto_name((uint8_t)i);

		if (name && strcasecmp(name, arg) == 0) {
			*proto = i;
			return NULL;
		}
	}
	if (!flow_value_number(arg, 255, proto))
		return NULL;
	*proto = p->names->proto(p->names->ctx, arg);
	return *proto < 0 ? "is no protocol" : NULL;
}

static const char *take_port(struct parse *p, const struct rule *r, const char *arg)
{
	return flow_value_number(arg, r->max, &p->a->query.port[r->at]);
}

static const char *take_icmp(struct parse *p, const struct rule *r, const char *arg)
{
	return flow_value_number(arg, r->max, &p->a->query.icmp[r->at]);
}

static const char *take_zone(struct parse *p, const struct rule *r, const char *arg)
{
	return flow_value_number(arg, r->max, &p->a->query.zone[r->at]);
}

static const char *take_labels(struct parse *p, const struct rule *r, const char *arg)
{
	struct flow_query *q = &p->a->query;
	char name[256];

	(void)r;
	for (const char *at = arg; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		int32_t bit;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
		bit = p->names->label(p->names->ctx, name);
		if (bit < 0 && flow_value_number(name, FLOW_LABELS_LEN * 8 - 1, &bit))
			return "is no label";
		q->labels[bit / 8] |= (uint8_t)(1 << bit % 8);
	}
	q->by_label = true;
	return NULL;
}

static const char *take_query(struct parse *p, const struct rule *r, const char *arg)
{
	struct flow_query *q = &p->a->query;
	uint8_t family;
	const char *wrong;

	switch (r->opt) {
	case 'u':
		return flow_value_status(arg, q);
	case 'm':
		return flow_value_mark(arg, q);
	case OPT_STATE:
		return flow_value_state(arg, q);
	default: /* 'f' */
		wrong = flow_value_family(arg, &family);
		return wrong ? wrong : join_family(p->a, family);
	}
}

static const char *take_how(struct parse *p, const struct rule *r, const char *arg)
{
	struct flow_ask *a = p->a;

	switch (r->opt) {
	case 'o':
		return flow_value_output(arg, &a->output);
	case 'e':
		return flow_value_events(arg, &a->events);
	case 'b':
		return flow_value_number(arg, r->max, &a->buffer);
	case OPT_REPLICA:
		a->replica = true;
		a->peer = arg;
		break;
	case 'z':
		a->zero = true;
		break;
	case 'C':
	case 'c':
		a->count = true;
		break;
	case 'E':
		a->follow = true;
		break;
	case OPT_EXPECT:
		a->expect = true;
		break;
	case OPT_JSON:
		a->json = true;
		break;
	}
	return NULL;
}

#define ADDRESS "an IP address, or ADDRESS/LENGTH"
#define PORT	"a port, 0 to 65535"
#define KEY	"a GRE key, 0 to 65535 (0xffff)"
#define NAT	"nothing, ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT"
#define ZONE	"a zone, 0 to 65535"
#define ICMP	"0 to 255"

static const struct rule rules[] = {
	{'s', "src", ADDRESS, true, take_net, FLOW_ORIG_SRC, 0, 0},
	{'d', "dst", ADDRESS, true, take_net, FLOW_ORIG_DST, 0, 0},
	{'r', "reply-src", ADDRESS, true, take_net, FLOW_REPLY_SRC, 0, 0},
	{'q', "reply-dst", ADDRESS, true, take_net, FLOW_REPLY_DST, 0, 0},
	{OPT_MASK_SRC, "mask-src", "a mask, 255.255.255.0", true, take_mask, 0, 0, 0},
	{OPT_MASK_DST, "mask-dst", "a mask, 255.255.255.0", true, take_mask, 1, 0, 0},
	{'p', "proto", "a name, tcp, or 0 to 255", true, take_proto, 0, 0, 0},
	{'f', "family", "ipv4 or ipv6", false, take_query, 0, 0, 0},
	{'u', "status",
	 "a list of UNREPLIED, UNSET and, also with ! for not, ASSURED, SEEN_REPLY, EXPECTED, "
	 "FIXED_TIMEOUT, CONFIRMED, DYING, HELPER, OFFLOAD, HW_OFFLOAD",
	 true, take_query, 0, 0, 0},
	{'m', "mark", "MARK or MARK/MASK, 32 bits each", true, take_query, 0, 0, 0},
	{'w', "zone", ZONE, true, take_zone, FLOW_ZONE, 65535, 0},
	{OPT_ORIG_ZONE, "orig-zone", ZONE, true, take_zone, FLOW_ZONE_ORIG, 65535, 0},
	{OPT_REPLY_ZONE, "reply-zone", ZONE, true, take_zone, FLOW_ZONE_REPLY, 65535, 0},
	{'l', "label", "a list of names of /etc/xtables/connlabel.conf, or 0 to 127", true,
	 take_labels, 0, 0, 0},
	{'n', "src-nat", NAT, true, take_nat, FLOW_SNAT, 0, 0},
	{'g', "dst-nat", NAT, true, take_nat, FLOW_DNAT, 0, 0},
	{'j', "any-nat", NAT, true, take_nat, FLOW_NATS, 0, 0},
	{OPT_SPORT, "sport", PORT, true, take_port, FLOW_ORIG_SRC, 65535, 0},
	{OPT_DPORT, "dport", PORT, true, take_port, FLOW_ORIG_DST, 65535, 0},
	{OPT_REPLY_PORT_SRC, "reply-port-src", PORT, true, take_port, FLOW_REPLY_SRC, 65535, 0},
	{OPT_REPLY_PORT_DST, "reply-port-dst", PORT, true, take_port, FLOW_REPLY_DST, 65535, 0},
	{OPT_STATE, "state", "ESTABLISHED and the like, see vrouterctl(8)", true, take_query, 0, 0,
	 0},
	{OPT_ICMP_TYPE, "icmp-type", ICMP, true, take_icmp, FLOW_ICMP_TYPE, 255, IPPROTO_ICMP},
	{OPT_ICMP_CODE, "icmp-code", ICMP, true, take_icmp, FLOW_ICMP_CODE, 255, IPPROTO_ICMP},
	{OPT_ICMP_ID, "icmp-id", "0 to 65535", true, take_icmp, FLOW_ICMP_ID, 65535, IPPROTO_ICMP},
	{OPT_ICMP6_TYPE, "icmpv6-type", ICMP, true, take_icmp, FLOW_ICMP_TYPE, 255, IPPROTO_ICMPV6},
	{OPT_ICMP6_CODE, "icmpv6-code", ICMP, true, take_icmp, FLOW_ICMP_CODE, 255, IPPROTO_ICMPV6},
	{OPT_ICMP6_ID, "icmpv6-id", "0 to 65535", true, take_icmp, FLOW_ICMP_ID, 65535,
	 IPPROTO_ICMPV6},
	{OPT_SRCKEY, "srckey", KEY, true, take_port, FLOW_ORIG_SRC, 65535, IPPROTO_GRE},
	{OPT_DSTKEY, "dstkey", KEY, true, take_port, FLOW_ORIG_DST, 65535, IPPROTO_GRE},
	{OPT_REPLY_KEY_SRC, "reply-key-src", KEY, true, take_port, FLOW_REPLY_SRC, 65535,
	 IPPROTO_GRE},
	{OPT_REPLY_KEY_DST, "reply-key-dst", KEY, true, take_port, FLOW_REPLY_DST, 65535,
	 IPPROTO_GRE},
	{'o', "output",
	 "a list of xml, extended, id, timestamp, ktimestamp, labels, userspace, secctx; or save",
	 false, take_how, 0, 0, 0},
	{'e', "event-mask", "a list of NEW, UPDATES, DESTROY, ALL", false, take_how, 0, 0, 0},
	{'b', "buffer-size", "bytes, up to 1073741824", false, take_how, 0, 1 << 30, 0},
	{'z', "zero", NULL, false, take_how, 0, 0, 0},
	{'C', "count", NULL, false, take_how, 0, 0, 0},
	{'c', "count", NULL, false, take_how, 0, 0, 0},
	{'E', "follow", NULL, false, take_how, 0, 0, 0},
	{OPT_EXPECT, "expect", NULL, false, take_how, 0, 0, 0},
	{OPT_REPLICA, "replica", NULL, false, take_how, 0, 0, 0},
	{OPT_JSON, "json", NULL, false, take_how, 0, 0, 0},
};

/* ---- all of them ------------------------------------------------------------------------------
 */

static const struct rule *rule_of(int opt)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].opt == opt)
			return &rules[i];
	return NULL;
}

/* conntrack(8) takes "-n 192.0.2.1" although the argument may be missing: so does this, if what
 * comes next is an address; it may as well be the router. */
static const char *nat_argument(int argc, char **argv)
{
	struct flow_query_nat n;

	if (optarg || optind >= argc || flow_value_nat(argv[optind], &n))
		return optarg;
	return argv[optind++];
}

/* The protocol that an option belongs to is asked for by it. */
static const char *join_proto(struct flow_ask *a, const struct rule *r)
{
	if (!r->only)
		return NULL;
	if (a->query.proto >= 0 && a->query.proto != r->only)
		return "goes with another protocol";
	a->query.proto = r->only;
	return NULL;
}

static printf_like(2, 3) int bad(char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, FLOW_ASK_WHY_MAX, fmt, args);
	va_end(args);
	return -EINVAL;
}

static int take(struct parse *p, int opt, const char *arg, char *why)
{
	const struct rule *r = rule_of(opt);
	const char *wrong = r ? r->take(p, r, arg) : NULL;

	if (!r)
		return bad(why, "unknown option -%c", opt);
	if (wrong)
		snprintf(why, FLOW_ASK_WHY_MAX, "--%s: \"%.40s\" %s%s%.160s", r->name,
			 arg ? arg : "", wrong, r->allowed ? "; allowed: " : "",
			 r->allowed ? r->allowed : "");
	else if ((wrong = join_proto(p->a, r)))
		snprintf(why, FLOW_ASK_WHY_MAX, "--%s %s", r->name, wrong);
	if (!wrong && r->narrows && !p->a->filter)
		p->a->filter = r->name;
	return wrong ? -EINVAL : 0;
}

static int apply_masks(struct parse *p, char *why)
{
	for (unsigned i = 0; i < 2; i++) {
		struct flow_query_net *n = &p->a->query.net[i];

		if (p->mask[i].addr.family && !n->addr.family)
			return bad(why, "--mask-%s needs --%s", i ? "dst" : "src",
				   i ? "dst" : "src");
		if (p->mask[i].addr.family)
			n->mask = p->mask[i].addr;
		for (unsigned k = 0; k < sizeof(n->addr.b); k++)
			n->addr.b[k] &= n->mask.b[k];
	}
	return 0;
}

static int check(const struct flow_ask *a, char *why)
{
	const struct flow_query *q = &a->query;
	const struct {
		bool one, other;
		const char *one_name, *other_name;
	} apart[] = {
		{a->replica, a->filter, "replica", a->filter},
		{a->replica, q->family, "replica", "family"},
		{a->replica, a->count, "replica", "count"},
		{a->replica, a->follow, "replica", "follow"},
		{a->replica, a->expect, "replica", "expect"},
		{a->replica, a->output, "replica", "output"},
		{a->expect, a->filter, "expect", a->filter},
		{a->expect, a->output & ~(unsigned)(FLOW_OUT_XML | FLOW_OUT_TIMESTAMP), "expect",
		 "output of another kind than xml and timestamp"},
		{a->follow, a->count, "follow", "count"},
		{a->count, a->output, "count", "output"},
		{a->json, a->output, "json", "output"},
		{a->zero, a->filter, "zero", a->filter}, /* all would be zeroed, few shown */
		{a->zero, a->follow, "zero", "follow"},
		{a->zero, a->count, "zero", "count"},
		{a->zero, a->expect, "zero", "expect"},
		{a->zero, a->replica, "zero", "replica"},
		{a->events && !a->follow, true, "event-mask", NULL},
		{a->buffer && !a->follow, true, "buffer-size", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(apart); i++) {
		if (!apart[i].one || !apart[i].other)
			continue;
		if (!apart[i].other_name)
			return bad(why, "--%s needs --follow", apart[i].one_name);
		return bad(why, "--%s does not go together with --%s", apart[i].one_name,
			   apart[i].other_name);
	}
	return 0;
}

/* What getopt() says of an option without an argument, or an unknown one. */
static int bad_option(int opt, char **argv, char *why)
{
	if (opt == ':')
		return bad(why, "%.60s needs an argument", argv[optind - 1]);
	if (optopt > 0 && optopt < 256)
		return bad(why, "unknown option -%c; see vrouterctl(8)", optopt);
	return bad(why, "unknown option %.60s; see vrouterctl(8)", argv[optind - 1]);
}

int flow_ask_parse(struct flow_ask *a, int argc, char **argv, const struct flow_names *names,
		   char why[static FLOW_ASK_WHY_MAX])
{
	struct parse p = {.a = a, .names = names};
	bool src_or_dst = false, any = false;
	int opt, err = 0;

	*a = (struct flow_ask){.json = a->json};
	a->query = (struct flow_query){.proto = -1,
				       .port = {-1, -1, -1, -1},
				       .icmp = {-1, -1, -1},
				       .zone = {-1, -1, -1},
				       .nat = {{.port = -1}, {.port = -1}}};
	opterr = 0;
	optind = 0; /* from the beginning, whoever used it before */
	while (err == 0 && (opt = getopt_long(argc, argv, LETTERS, longs, NULL)) != -1) {
		bool nat = opt == 'n' || opt == 'g' || opt == 'j';

		any |= opt == 'j';
		src_or_dst |= nat && opt != 'j';
		err = opt == '?' || opt == ':'
			      ? bad_option(opt, argv, why)
			      : take(&p, opt, nat ? nat_argument(argc, argv) : optarg, why);
	}
	if (err == 0 && any && src_or_dst)
		err = bad(why, "--any-nat does not go together with --src-nat or --dst-nat");
	if (err == 0 && argc - optind > 1)
		err = bad(why, "one router at most, and \"%.60s\" is a second one",
			  argv[optind + 1]);
	if (err == 0)
		err = apply_masks(&p, why);
	if (err == 0)
		err = check(a, why);
	a->router = err == 0 && optind < argc ? argv[optind] : NULL;
	if (!a->events)
		a->events = FLOW_ASK_ALL;
	return err;
}
