/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port of ours in Open vSwitch's database, as ovs-vsctl tells of it. Pure. */
#ifndef DAEMON_OVS_RECORD_H
#define DAEMON_OVS_RECORD_H

#include "vrouter/netns.h"

/* Whose it is: external_ids:vrouterd of the Interface, "NAMESPACE BRIDGE". */
#define OVS_OWNER_KEY "external_ids:vrouterd"
#define OVS_OWNER_MAX (NET_NAME_MAX + IFNAMSIZ)
#define OVS_TEXT_MAX  1024 /* of an answer; what is longer is none */

struct ovs_port {
	char name[IFNAMSIZ], bridge[IFNAMSIZ], namespace[NET_NAME_MAX];
	unsigned vlan; /* 0: none */
};

struct ovs_record {
	bool exists;
	char owner[OVS_OWNER_MAX]; /* empty: not ours */
	unsigned ifindex;	   /* where Open vSwitch sees it; 0: nowhere, or it was moved */
	char error[NET_REASON_MAX];
};

/* The answer to "get Interface NAME name OVS_OWNER_KEY ifindex error": a line for each, nothing of
 * all that where there is no such interface. */
void ovs_record_parse(struct ovs_record *out, const char *text);

enum ovs_next {
	OVS_FINE,    /* there is nothing to do */
	OVS_MAKE,    /* make it, or set what is ours to set */
	OVS_REPLACE, /* delete it first: it is in another bridge, or has no interface any more */
	OVS_FOREIGN, /* somebody else's: leave it alone */
};
/* lost: no interface of it is to be found. */
enum ovs_next ovs_record_next(const struct ovs_record *r, const struct ovs_port *want, bool lost);

/* What the last line that a failed ovs-vsctl wrote means, and what to do about it. making: it was
 * told to make something, else only asked; timeout: it did not end by itself. */
void ovs_explain(char why[static NET_REASON_MAX], const struct ovs_port *want, const char *line,
		 bool making, bool timeout);

#endif
