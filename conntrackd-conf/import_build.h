/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the readers found to the text of a vrouterd.conf. Pure. */
#ifndef CONNTRACKD_CONF_IMPORT_BUILD_H
#define CONNTRACKD_CONF_IMPORT_BUILD_H

#include "model.h"

struct built_leg {
	char bridge[IFNAMSIZ], interface[IFNAMSIZ];
	const char *dev; /* keepalived's; NULL: nothing is known of it, the whole leg is chosen */
	struct ip_prefix vip[NET_VIPS_MAX];
	unsigned n_vips;
	bool len_chosen; /* a VIP had no length that its network could have */
};

struct built {
	struct import *im;
	struct txt *out;
	const struct im_group *group; /* NULL: an instance by itself, or none */
	const struct im_inst *inst[IM_INSTS];
	unsigned n_insts; /* 0: there is no keepalived.conf */
	unsigned index;
	char name[CONF_NAME_MAX], namespace[NET_NAME_MAX];
	struct built_leg leg[NET_LEGS];
	struct ip_addr gateway[NET_FAMILIES];
	unsigned n_gateways;
	bool ipv6, is_public; /* the election's family; there is a public address */
	int bonus;	      /* of tracks that are well, for the priority */
};

/* A line of the output with its mark, and of the report: not derived from the files. */
void built_chosen(struct built *b, const char *line, const char *fmt, ...) printf_like(3, 4);

/* import_legs.c: which device is which leg, and the addresses of both. */
void built_legs(struct built *b);
/* import_track.c */
void built_tracks(struct built *b, struct txt *out);
/* import_sync.c: the section sync, for n routers. election: an interface that the controllers meet
 * on, or NULL. */
void built_sync(struct import *im, struct txt *out, const struct built *routers, unsigned n,
		const char *election);
/* import_filter.c: its filter, if there is one. */
void built_filter(struct import *im, struct txt *out, const struct built *routers, unsigned n);
/* import_text.c: the router's section. */
void built_router(struct built *b);
/* The interface that its election is spoken on; NULL: it has none, or it is unknown here. */
const char *built_election(const struct built *b);

/* A name made of another one, of characters that a name may have. */
void built_name(char *to, size_t cap, const char *from);
/* Text between quotes. */
void built_quoted(struct txt *out, const char *text);

#endif
