/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_value.h"

#include <ctype.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <string.h>
#include <strings.h>

/* ---- numbers and addresses --------------------------------------------------------------------
 */

static bool parse_u32(const char *s, const char *end, uint32_t max, uint32_t *out)
{
	unsigned long long v;
	char *stop;

	if (!isdigit((unsigned char)*s))
		return false; /* strtoull() takes blanks and signs */
	errno = 0;
	v = strtoull(s, &stop, 0);
	if (errno || stop != end || v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

const char *flow_value_number(const char *arg, uint32_t max, int32_t *out)
{
	uint32_t v;

	if (!parse_u32(arg, arg + strlen(arg), max, &v))
		return "is no number of that range";
	*out = (int32_t)v;
	return NULL;
}

static void mask_of(struct ip_addr *mask, unsigned len)
{
	for (unsigned i = 0; i < ip_addr_size(mask); i++, len -= len < 8 ? len : 8)
		mask->b[i] = (uint8_t)(len >= 8 ? 0xff : 0xff00 >> len);
}

const char *flow_value_net(const char *arg, struct flow_query_net *out)
{
	struct ip_prefix p;

	if (strchr(arg, '/')) {
		if (ip_prefix_parse(&p, arg) < 0)
			return "is no address and prefix length";
	} else {
		if (ip_addr_parse(&p.addr, arg) < 0)
			return "is no IP address";
		p.len = (uint8_t)(ip_addr_size(&p.addr) * 8);
	}
	*out = (struct flow_query_net){.addr = p.addr, .mask = {.family = p.addr.family}};
	mask_of(&out->mask, p.len);
	return NULL;
}

/* ADDRESS[:PORT], [IPV6]:PORT */
const char *flow_value_nat(const char *arg, struct flow_query_nat *out)
{
	const char *colon = strrchr(arg, ':'), *port = NULL;
	char addr[INET6_ADDRSTRLEN] = "";
	size_t len = strlen(arg);

	if (*arg == '[' && colon && colon > arg && colon[-1] == ']') {
		port = colon + 1;
		len = (size_t)(colon - arg) - 2;
		arg++;
	} else if (colon && strchr(arg, ':') == colon) {
		port = colon + 1;
		len = (size_t)(colon - arg);
	}
	if (len >= sizeof(addr))
		return "is no IP address";
	memcpy(addr, arg, len);
	*out = (struct flow_query_nat){.wanted = true, .port = -1};
	if (ip_addr_parse(&out->addr, addr) < 0)
		return "is no IP address";
	return port && flow_value_number(port, 65535, &out->port) ? "has a port that is none"
								  : NULL;
}

const char *flow_value_mark(const char *arg, struct flow_query *q)
{
	const char *slash = strchr(arg, '/'), *end = arg + strlen(arg);

	q->mark_mask = UINT32_MAX;
	if (!parse_u32(arg, slash ? slash : end, UINT32_MAX, &q->mark) ||
	    (slash && !parse_u32(slash + 1, end, UINT32_MAX, &q->mark_mask)))
		return "is no mark";
	q->by_mark = true;
	return NULL;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static int32_t state_of(uint8_t proto, const char *name)
{
	const char *known;

	for (uint8_t i = 0; (known = flow_state_name(proto, i)); i++)
		if (strcasecmp(known, name) == 0)
			return i;
	if (proto == IPPROTO_TCP && strcasecmp(name, "LISTEN") == 0)
		return TCP_CONNTRACK_LISTEN; /* what it was called before */
	return -1;
}

const char *flow_value_state(const char *arg, struct flow_query *q)
{
	q->by_state = true;
	q->state[0] = state_of(IPPROTO_TCP, arg);
	q->state[1] = state_of(IPPROTO_SCTP, arg);
	q->state[2] = state_of(IPPROTO_DCCP, arg);
	return q->state[0] < 0 && q->state[1] < 0 && q->state[2] < 0
		       ? "is no state of TCP, SCTP or DCCP"
		       : NULL;
}

const char *flow_value_family(const char *arg, uint8_t *out)
{
	if (strcmp(arg, "ipv4") == 0)
		*out = AF_INET;
	else if (strcmp(arg, "ipv6") == 0)
		*out = AF_INET6;
	else
		return "is no family";
	return NULL;
}

struct word {
	const char *name;
	uint32_t bits;
};

/* The next of a list "a,b,c" and its bits; *arg goes behind it, NULL: that was the last. 0 or
 * -EINVAL. A nameless word ends the table. */
static int next_word(const char **arg, const struct word *words, uint32_t *bits)
{
	size_t len = strcspn(*arg, ",");
	const char *at = *arg;

	*arg = at[len] ? at + len + 1 : NULL;
	for (const struct word *w = words; w->name; w++) {
		if (strlen(w->name) == len && strncasecmp(w->name, at, len) == 0) {
			*bits = w->bits;
			return 0;
		}
	}
	return -EINVAL;
}

#define UNSET (IPS_EXPECTED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT)

const char *flow_value_status(const char *arg, struct flow_query *q)
{
	static const struct word words[] = {{"ASSURED", IPS_ASSURED},
					    {"SEEN_REPLY", IPS_SEEN_REPLY},
					    {"FIXED_TIMEOUT", IPS_FIXED_TIMEOUT},
					    {"EXPECTED", IPS_EXPECTED},
					    {"CONFIRMED", IPS_CONFIRMED},
					    {"DYING", IPS_DYING},
					    {"HELPER", IPS_HELPER},
					    {"OFFLOAD", IPS_OFFLOAD},
					    {"HW_OFFLOAD", IPS_HW_OFFLOAD},
					    {NULL, 0}};
	static const struct word opposites[] = {
		{"UNREPLIED", IPS_SEEN_REPLY}, {"UNSET", UNSET}, {NULL, 0}};

	while (arg) {
		const char *again = arg + (*arg == '!');
		bool not = *arg == '!';
		uint32_t bits;

		if (!not &&next_word(&arg, opposites, &bits) == 0)
			q->status_clear |= bits;
		else if (arg = again, next_word(&arg, words, &bits) < 0)
			return "is no status";
		else if (not )
			q->status_clear |= bits;
		else
			q->status_set |= bits;
	}
	return q->status_set & q->status_clear ? "is wanted and not wanted" : NULL;
}

static const char *bits_of(const char *arg, const struct word *words, unsigned *out,
			   const char *wrong)
{
	uint32_t bits;

	while (arg) {
		if (next_word(&arg, words, &bits) < 0)
			return wrong;
		*out |= bits;
	}
	return NULL;
}

const char *flow_value_output(const char *arg, unsigned *out)
{
	/* the last two change nothing there either: both are printed wherever they are known */
	static const struct word words[] = {{"xml", FLOW_OUT_XML},
					    {"extended", FLOW_OUT_EXTENDED},
					    {"timestamp", FLOW_OUT_TIMESTAMP},
					    {"id", FLOW_OUT_ID},
					    {"ktimestamp", FLOW_OUT_KTIMESTAMP},
					    {"labels", FLOW_OUT_LABELS},
					    {"save", FLOW_OUT_SAVE},
					    {"userspace", 0},
					    {"secctx", 0},
					    {NULL, 0}};
	const char *wrong = bits_of(arg, words, out, "is no output");

	if (!wrong && *out & FLOW_OUT_SAVE && *out & ~(unsigned)FLOW_OUT_SAVE)
		return "with save: that goes with nothing else";
	return wrong;
}

const char *flow_value_events(const char *arg, unsigned *out)
{
	static const struct word words[] = {{"ALL", FLOW_ASK_ALL},
					    {"NEW", FLOW_ASK_NEW},
					    {"UPDATES", FLOW_ASK_UPDATES},
					    {"DESTROY", FLOW_ASK_DESTROY},
					    {NULL, 0}};

	return bits_of(arg, words, out, "is no kind of event");
}
