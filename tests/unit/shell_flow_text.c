/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows as people read them: what conntrack(8) would say of the same entry. */
#include "flow_samples.h"

#include "vrouter/conntrack.h"

static void texts(void **state)
{
	struct flow udp = sample_snat(sample_flow(IPPROTO_UDP, "10.0.0.1", 1, "192.0.2.1", 53),
				      "203.0.113.1", 4000);
	struct flow icmp = sample_flow(IPPROTO_ICMP, "10.0.0.1", 77, "192.0.2.1", 8 << 8);
	struct flow v6 = sample_flow(IPPROTO_TCP, "2001:db8::1", 1, "2001:db8::2", 443);
	char text[FLOW_TEXT_MAX];

	(void)state;
	udp.mark = 7;
	udp.has |= FLOW_HAS_MARK;
	udp.status = IPS_CONFIRMED | IPS_SRC_NAT;
	assert_string_equal(flow_text(&udp, text),
			    "udp      17 src=10.0.0.1 dst=192.0.2.1 sport=1 dport=53 [UNREPLIED] "
			    "src=192.0.2.1 dst=203.0.113.1 sport=53 dport=4000 mark=7");
	v6.zone = 3;
	assert_string_equal(flow_text(&v6, text),
			    "tcp      6 ESTABLISHED src=2001:db8::1 dst=2001:db8::2 sport=1 "
			    "dport=443 src=2001:db8::2 dst=2001:db8::1 sport=443 dport=1 [ASSURED] "
			    "zone=3");
	assert_non_null(strstr(flow_text(&icmp, text), "type=8 code=0 id=77"));
	/* the longest */
	v6 = sample_rare(v6);
	flow_text(&v6, text);
	assert_non_null(strstr(text, "helper=netbios-ns_123."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(texts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
