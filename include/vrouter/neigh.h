/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours (ARP and ND entries) of a router's legs, as replicas learn them from the ACTIVE:
 * values, their wire form, and the ACTIVE's table. The table is cut into pages of entries that keep
 * their place for life, so that a change costs one small message, whatever the size of the table.
 * Pure. */
#ifndef VROUTER_NEIGH_H
#define VROUTER_NEIGH_H

#include "vrouter/addr.h"
#include "vrouter/wire.h"

#define NEIGH_LEGS	8
#define NEIGH_MAC_LEN	6
#define NEIGH_PAGE_MAX	16  /* entries of a page; it fits a CONTROL datagram */
#define NEIGH_PAGES_MAX 256 /* of a router */
#define NEIGH_MAX	(NEIGH_PAGE_MAX * NEIGH_PAGES_MAX)

struct neigh {
	struct ip_addr addr;
	uint8_t leg; /* below NEIGH_LEGS: the first two are enum net_leg_id */
	uint8_t mac[NEIGH_MAC_LEN];
};

struct neigh_page {
	unsigned n;
	struct neigh e[NEIGH_PAGE_MAX];
};

/* Something that may be put into a kernel: one of the legs, an address of one host, a MAC of one
 * station. */
bool neigh_is_sane(const struct neigh *n);

void neigh_page_encode(struct wr *w, const struct neigh_page *p);
/* false: malformed, or an entry that is not sane. */
must_check bool neigh_page_decode(struct rd *r, struct neigh_page *out);

struct neigh_table;

struct neigh_table *neigh_table_new(void); /* NULL: no memory */
void neigh_table_free(struct neigh_table *t);
unsigned neigh_table_count(const struct neigh_table *t);
/* Times that there was no room for an entry: NEIGH_MAX, or memory. */
uint64_t neigh_table_left_out(const struct neigh_table *t);

/* What is not sane is ignored. */
void neigh_table_put(struct neigh_table *t, const struct neigh *n);
void neigh_table_del(struct neigh_table *t, const struct neigh *key); /* the MAC does not count */
/* Between the two everything is listed by put(); what was not goes. */
void neigh_table_list_begin(struct neigh_table *t);
void neigh_table_list_end(struct neigh_table *t);

/* The number and content of a page that changed since it was taken last; false: there is none. */
must_check bool neigh_table_take(struct neigh_table *t, unsigned *page, struct neigh_page *out);
/* All pages are to be taken again. */
void neigh_table_again(struct neigh_table *t);

#endif
