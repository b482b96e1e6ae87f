/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter section as a rule for replication. Pure. */
#include <string.h>

#include "vrouter/conf.h"

static void flip(struct flow_filter *f, uint8_t proto)
{
	f->proto_out[proto / 32] ^= 1u << proto % 32;
}

static void nets(struct ip_prefix *to, unsigned *n, const struct ip_prefix *from, unsigned count)
{
	for (*n = 0; *n < count; ++*n)
		to[*n] = from[*n];
}

void conf_filter(struct flow_filter *out, const struct conf_filter *c)
{
	memset(out, 0, sizeof(*out));
	if (c->n_protocols)
		memset(out->proto_out, 0xff, sizeof(out->proto_out));
	for (unsigned i = 0; i < c->n_protocols; i++)
		if (flow_filter_proto_out(out, c->protocol[i]))
			flip(out, c->protocol[i]);
	for (unsigned i = 0; i < c->n_ignored_protocols; i++)
		if (!flow_filter_proto_out(out, c->ignored_protocol[i]))
			flip(out, c->ignored_protocol[i]);
	for (unsigned i = 0; i < c->n_tcp_states; i++)
		out->tcp_states |= 1u << (c->tcp_state[i] + 1);
	out->assured = c->assured;
	nets(out->only, &out->n_only, c->address, c->n_addresses);
	nets(out->ignored, &out->n_ignored, c->ignored_address, c->n_ignored_addresses);
}
