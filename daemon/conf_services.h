/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of a router about what it serves to nodes, and what they make of its programs'
 * configurations. Pure. */
#ifndef DAEMON_CONF_SERVICES_H
#define DAEMON_CONF_SERVICES_H

#include "vrouter/conf.h"

void conf_services_check(const char *path, const struct conf_router *r, struct conf_errors *errors);
bool conf_services_same(const struct conf_services *a, const struct conf_services *b);

enum service_id {
	SERVICE_DNS,  /* dnsmasq */
	SERVICE_NTP,  /* chronyd */
	SERVICE_DHCP, /* another dnsmasq: DHCP and router advertisements */
	SERVICE_IDS
};
/* Do the options ask for it? */
bool service_is_wanted(const struct conf_router *r, enum service_id id);
/* In words: the options that do. */
const char *service_options(enum service_id id);

/* The configuration of its program. Its length; cap or more: it did not fit. */
size_t service_config(char *buf, size_t cap, const struct conf_router *r, enum service_id id);

/* A name that the router's DNS server answers by itself, whatever its upstreams do. */
#define SERVICE_ALIVE_NAME "alive.vrouterd.invalid"
#define SERVICE_ALIVE_ADDR "192.0.0.8"

#endif
