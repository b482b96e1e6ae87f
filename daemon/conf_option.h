/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every section and option of the config file, as tables: name, type, range, where the value goes.
 * The reader (conf_file.c) walks them, so an option that is not here is refused. Pure. */
#ifndef DAEMON_CONF_OPTION_H
#define DAEMON_CONF_OPTION_H

#include <stddef.h>

#include "vrouter/conf.h"

enum conf_type {
	CONF_T_NAME,   /* a controller's, router's or namespace's name */
	CONF_T_IFNAME, /* an interface */
	CONF_T_ATTACH, /* of a leg: bridge:NAME, macvlan:NAME, ovs:NAME */
	CONF_T_PATH,   /* absolute */
	CONF_T_NUMBER,
	CONF_T_BOOL,
	CONF_T_WORD, /* one of words[]; its index is the value */
	CONF_T_ADDR,
	CONF_T_GROUP, /* the same, of a multicast group */
	CONF_T_PEER,  /* that, and perhaps %INTERFACE */
	CONF_T_PREFIX,
	CONF_T_VIP,	  /* a prefix, or "auto" (family 0) */
	CONF_T_VIP_RANGE, /* ADDRESS-ADDRESS/LENGTH */
	CONF_T_PROTOCOL,  /* by name or number; one byte */
	CONF_T_NET,	  /* an address or a network, IPv6 as well */
	CONF_T_WEIGHT,	  /* a number below or above 0 */
	CONF_T_TEXT,	  /* any, of a bounded length */
	CONF_T_PROCESS,	  /* as the kernel calls a process */
	CONF_T_RANGE,	  /* an address, "A-B" or a network */
	CONF_T_PORTS,	  /* "80" or "8000-8099" */
	CONF_T_TARGET,	  /* an address, perhaps with a port; IPv6 then in brackets */
	CONF_T_MSS,	  /* a boolean, or a number of bytes */
	CONF_T_DHCP,	  /* two IPv4 addresses: ADDRESS-ADDRESS */
	CONF_T_ROUTE,	  /* NETWORK via ADDRESS, perhaps from NETWORK */
};

struct conf_option {
	const char *name;
	enum conf_type type;
	bool required;
	unsigned list_max; /* 0: a single value */
	ptrdiff_t offset;  /* of the value, or of the first element, from the section's struct */
	size_t size;	   /* of one */
	ptrdiff_t count_offset; /* of the list's unsigned count */
	ptrdiff_t line_offset;	/* of the int that keeps its line; 0: not kept */
	unsigned min, max;	/* NUMBER */
	unsigned also;		/* NUMBER: a value above max that is allowed, too; 0: none */
	const char *const *words;
	const char *unit; /* NUMBER: for messages; may be NULL */
};

struct conf_section {
	const char *name;
	bool titled, required;
	const struct conf_option *option;
	unsigned n_options;
	const struct conf_section *sub; /* sections inside; one level */
	unsigned n_subs;
	ptrdiff_t offset; /* of its struct in the outer section's struct */
	/* Inside another one, titled: there may be so many. The title is its struct's first member.
	 */
	unsigned list_max;
	size_t size;		/* of one struct */
	ptrdiff_t count_offset; /* of their unsigned count */
	void (*defaults)(void *to);
	ptrdiff_t line_offset; /* of the int that keeps its line, in its own struct */
};

/* For the tables. */
#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define LIST_OF(type, member)                                                                      \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member[0])
#define LINE_AT(type, member) .line_offset = offsetof(type, member)

/* conf_option_nat.c */
#define CONF_NAT_OPTIONS     11
#define CONF_FORWARD_OPTIONS 5
extern const struct conf_option conf_nat_options[CONF_NAT_OPTIONS];
extern const struct conf_option conf_forward_options[CONF_FORWARD_OPTIONS];
/* What a value of its types may be, or NULL; and as conf_option_set(). */
const char *conf_nat_allowed(enum conf_type type);
const char *conf_nat_set(enum conf_type type, void *to, const char *text);
/* "ADDRESS" or "ADDRESS:PORT", IPv6 with a port in brackets. NULL, or what is wrong (static text);
 * *out is set only without. */
const char *conf_target_parse(struct nat_target *out, const char *text);

/* conf_routes.c; the second as conf_option_set() */
#define CONF_HOST_LINK_OPTIONS 3
extern const struct conf_option conf_host_link_options[CONF_HOST_LINK_OPTIONS];
const char *conf_route_set(struct net_static *to, const char *text);

enum { CONF_SEC_CONTROLLER, CONF_SEC_SYNC, CONF_SEC_ROUTER, CONF_SECS };
extern const struct conf_section conf_sections[CONF_SECS];

/* What a value may be, for messages. */
const char *conf_option_allowed(const struct conf_option *o, char *buf, size_t cap);

/* Converts text into element `index` of the option's value in the section's struct at base.
 * NULL, or what is wrong (static text, or written to why); then nothing was stored. */
const char *conf_option_set(const struct conf_option *o, void *base, unsigned index,
			    const char *text);

/* Fills in what holds when an option is not given. */
void conf_defaults(struct conf *c);
void conf_router_defaults(struct conf_router *r);
/* What else holds with the protocol that was chosen. */
void conf_sync_complete(struct conf_sync *s);

/* conf_vips.c. As conf_option_set(); what a leg's options make together. */
const char *conf_vips_set(enum conf_type type, void *to, const char *text);
void conf_vips_complete(struct conf_router *r, const char *path, struct conf_errors *errors);

bool conf_name_ok(const char *name);
bool conf_ifname_ok(const char *name);

#endif
