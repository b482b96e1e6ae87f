/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Masquerading: from which of its addresses a leg outside translates is the kernel's choice. All of
 * them are known beforehand, so the choice is written down, as SNAT. For the kernel ends what it
 * masqueraded itself when the address goes, in its own time (nf_nat_masquerade.c): with a planned
 * change of the ACTIVE that is every flow, and a controller that is ACTIVE again by then would tell
 * it to the others.
 *
 * With more than one leg outside it is the kernel's masquerading all the same: it alone ends a flow
 * whose route leads through another one of these now, which then begins anew from that leg's
 * address. Pure. */
#include "ruleset.h"

#include <string.h>

#define BITS_MAX 128

/* A leg's addresses of one IP version that others may know it by, in the order that they are added
 * in. */
struct choice {
	const struct ip_prefix *of[NET_HELD_MAX];
	unsigned n;
};

static void find(struct choice *c, const struct net_leg *l, int family)
{
	c->n = 0;
	for (unsigned i = 0; i < l->n_vips; i++)
		if (l->vip[i].addr.family == family && !ip_addr_is_link_local(&l->vip[i].addr))
			c->of[c->n++] = &l->vip[i];
}

static void put_to(struct text *t, const struct way *w, const char *match,
		   const struct ip_prefix *vip)
{
	put_snat(t, w, &(struct ip_range){vip->addr, vip->addr}, match);
}

/* inet_select_addr(): the first one in whose network the next hop is, else the first one. */
static void put_ipv4(struct text *t, const struct way *w, const struct choice *c)
{
	for (unsigned i = 0; c->n > 1 && i < c->n; i++) {
		char addr[IP_PREFIX_STRLEN], match[IP_PREFIX_STRLEN + 16];
		bool reached = true;

		for (unsigned k = 0; k < i; k++)
			reached &= c->of[k]->len > c->of[i]->len ||
				   !ip_prefix_contains(c->of[k], &c->of[i]->addr);
		if (!reached)
			continue;
		snprintf(match, sizeof(match), "rt ip nexthop %s ",
			 ip_prefix_format(c->of[i], addr));
		put_to(t, w, match, c->of[i]);
	}
	put_to(t, w, "", c->of[0]);
}

static unsigned bits_in_common(const struct ip_prefix *a, const struct ip_prefix *b)
{
	unsigned n = 0;

	while (n < BITS_MAX && !((a->addr.b[n / 8] ^ b->addr.b[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

/* Of which lengths rules about destinations that begin like it tell it from another one. */
static void tell_apart(const struct choice *c, unsigned i, bool of_len[static BITS_MAX + 1])
{
	memset(of_len, 0, (BITS_MAX + 1) * sizeof(*of_len));
	for (unsigned k = 0; k < c->n; k++) {
		unsigned bits = bits_in_common(c->of[i], c->of[k]);
		unsigned most = c->of[k]->len < bits ? c->of[k]->len : bits;

		if (k != i && most < c->of[i]->len)
			of_len[most + 1] = true;
	}
}

/* ipv6_dev_get_saddr(), rule 8 of RFC 6724: the one that has most bits in common with the
 * destination, at most those of its network; of several the last, as the kernel's list begins with
 * what was added last. So longer beginnings are asked for first. */
static void put_ipv6(struct text *t, const struct way *w, const struct choice *c)
{
	bool of_len[NET_HELD_MAX][BITS_MAX + 1];

	for (unsigned i = 0; i < c->n; i++)
		tell_apart(c, i, of_len[i]);
	for (unsigned len = BITS_MAX; len > 0; len--)
		for (unsigned i = c->n; i-- > 0;) {
			const struct ip_prefix to = {.addr = c->of[i]->addr, .len = (uint8_t)len};
			char addr[IP_PREFIX_STRLEN], match[IP_PREFIX_STRLEN + 16];

			if (!of_len[i][len])
				continue;
			snprintf(match, sizeof(match), "ip6 daddr %s ",
				 ip_prefix_format(&to, addr));
			put_to(t, w, match, c->of[i]);
		}
	put_to(t, w, "", c->of[c->n - 1]);
}

static void put_kernels(struct text *t, const struct way *w, const char *match)
{
	const struct nat_ports *ports = &w->d->rules.ports;

	if (ports->first) {
		put_out(t, w);
		put(t, "%s", match);
		put_ports_match(t);
		put(t, "masquerade to :%u-%u", ports->first, ports->last);
		put_flags(t, w->d);
	}
	put_out(t, w);
	put(t, "%smasquerade", match);
	put_flags(t, w->d);
}

/* Without an address to choose from it stays with the kernel, which lets nothing out of IPv4 then,
 * and of IPv6 looks at other legs. */
void put_masquerade(struct text *t, const struct way *w)
{
	const struct net_leg *l = &w->d->leg[w->out];
	unsigned outside = 0;
	struct choice c;

	for (unsigned i = 0; i < net_legs(w->d); i++)
		outside += net_is_outside(w->d, i);
	if (outside > 1) {
		put_kernels(t, w, "");
		return;
	}
	find(&c, l, AF_INET);
	if (c.n)
		put_ipv4(t, w, &c);
	else
		put_kernels(t, w, "meta nfproto ipv4 ");
	find(&c, l, AF_INET6);
	if (c.n)
		put_ipv6(t, w, &c);
	else
		put_kernels(t, w, "meta nfproto ipv6 ");
}
