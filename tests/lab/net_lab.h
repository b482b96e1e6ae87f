/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the netns story share: net_lab.c builds the router and brings it to life,
 * net_lab_legs.c tries kinds of legs, net_lab_keep.c keeps it alive and takes it away,
 * net_lab_ipv6.c does it with both IP versions. */
#ifndef TESTS_LAB_NET_LAB_H
#define TESTS_LAB_NET_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include <netinet/if_ether.h>

#include "net_probe.h"
#include "vrouter/netns.h"

/* What the story is about; the tests hand it on to each other. */
struct story {
	const char *controller, *node, *gateway, *router;
	struct netns *ns;
	struct net_desired d;
	int listener, client, server; /* a TCP connection through the router */
};
extern struct story s;

extern char reason[NET_REASON_MAX];

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		int ret_ = (call);                                                                 \
		if (ret_ < 0)                                                                      \
			fail_msg("%s: %s (%s)", #call, strerror(-ret_), reason);                   \
	} while (0)

unsigned ensure(bool active); /* returns how much was changed; it must succeed */
void assert_fault(const char *want);
struct net_actual look(void);
void mac_of(unsigned leg, uint8_t mac[static ETH_ALEN]);
/* For so long no frame comes from the legs but, at the end, an announcement of ours. */
void assert_quiet(int capture, unsigned ms);
void talk(void); /* a byte each way over the connection through the router */

void kinds_of_legs(void **state);

void drift(void **state);
void many_strays(void **state);
void watch(void **state);
void drift_of_rules(void **state);
void many_files(void **state);
void noise_next_door(void **state);
void messages_lost(void **state);
void strangers(void **state);
void known_promotion(void **state);
void looks(void **state);
void probes(void **state);
void adoption(void **state);
void new_rules_keep_flows(void **state);
void new_vip(void **state);
void bridge_made_anew(void **state);
void demotion(void **state);
void teardown(void **state);

void ipv6_standby(void **state);
void ipv6_promotion(void **state);
void ipv6_traffic(void **state);
void ipv6_drift(void **state);
void ipv6_probes(void **state);
/* Asks for two addresses of the gateway's network. */
void probe(const char *there, const char *missing);
void ipv6_link_local(void **state);
void ipv6_no_more(void **state);

#endif
