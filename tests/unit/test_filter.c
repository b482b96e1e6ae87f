/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include "vrouter/filter.h"

static struct ip_prefix net(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(&p, text), 0);
	return p;
}

static struct flow_filter only(const char *text)
{
	return (struct flow_filter){.n_only = 1, .only = {net(text)}};
}

static struct flow_filter ignoring(const char *text)
{
	return (struct flow_filter){.n_ignored = 1, .ignored = {net(text)}};
}

static struct flow_filter without(uint8_t proto)
{
	struct flow_filter f = {.n_only = 0};

	f.proto_out[proto / 32] = 1u << proto % 32;
	return f;
}

static struct flow tcp(uint8_t state)
{
	struct flow f = sample_tcp_snat(7); /* 10.20.0.7 > 198.51.100.9, as 203.0.113.1 */

	f.tcp.state = state;
	return f;
}

static struct flow lacking(struct flow f, uint32_t part)
{
	f.has &= ~part;
	return f;
}

static struct flow unassured(struct flow f)
{
	f.status &= ~(uint32_t)IPS_ASSURED;
	return f;
}

/* 198.51.100.9 asks the VIP, and reaches 10.20.0.8 */
static struct flow dnat(void)
{
	struct flow f = sample_flow(IPPROTO_UDP, "198.51.100.9", 5, "203.0.113.1", 53);

	sample_addr(f.reply.src, "10.20.0.8");
	return f;
}

static void verdicts(void **state)
{
	const uint32_t open = 1u << TCP_CONNTRACK_ESTABLISHED;
	const struct flow_filter all = {.n_only = 0}, sure = {.assured = true},
				 established = {.tcp_states = open};
	const struct flow udp = sample_flow(IPPROTO_UDP, "2001:db8::1", 5, "2001:db8:1::2", 53);
	const struct {
		struct flow_filter filter;
		struct flow flow;
		enum filter_verdict verdict;
		const char *why;
	} row[] = {
		{all, unassured(tcp(TCP_CONNTRACK_CLOSE)), FILTER_IN, "no filter"},
		{without(IPPROTO_UDP), udp, FILTER_NEVER, "its protocol"},
		{without(IPPROTO_UDP), tcp(1), FILTER_IN, "another protocol"},
		{without(255), udp, FILTER_IN, "the last protocol"},
		{only("10.20.0.0/24"), tcp(1), FILTER_IN, "its origin"},
		{only("198.51.100.9/32"), tcp(1), FILTER_IN, "its destination"},
		{only("10.20.0.0/30"), tcp(1), FILTER_NEVER, "not in it"},
		{only("203.0.113.1/32"), tcp(1), FILTER_NEVER, "the translated source is no end"},
		{only("203.0.113.1/32"), dnat(), FILTER_IN, "the address it was sent to"},
		{only("10.20.0.8/32"), dnat(), FILTER_IN, "the one it goes to"},
		{only("10.20.0.0/24"), udp, FILTER_NEVER, "of another version"},
		{only("0.0.0.0/0"), tcp(1), FILTER_IN, "everything of a version"},
		{only("2001:db8:1::/48"), udp, FILTER_IN, "IPv6"},
		{ignoring("2001:db8:2::/48"), udp, FILTER_IN, "IPv6, another one"},
		{ignoring("2001:db8:1::/48"), udp, FILTER_NEVER, "IPv6, ignored"},
		{ignoring("10.20.0.8/32"), dnat(), FILTER_NEVER, "ignored where it goes"},
		{sure, tcp(1), FILTER_IN, "ASSURED"},
		{sure, unassured(tcp(3)), FILTER_NEVER, "not ASSURED, so it never was"},
		{sure, lacking(tcp(3), FLOW_HAS_STATUS), FILTER_UNSURE, "no word of it"},
		{established, tcp(3), FILTER_IN, "in its state"},
		{established, tcp(4), FILTER_OUT, "in another: may have been in"},
		{established, lacking(tcp(3), FLOW_HAS_TCP), FILTER_UNSURE, "unknown state"},
		{established, udp, FILTER_IN, "states are of TCP alone"},
	};
	struct flow_filter both = only("10.20.0.0/24");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		if (flow_filter_look(&row[i].filter, &row[i].flow) != row[i].verdict)
			fail_msg("%s", row[i].why);
	both.n_ignored = 1;
	both.ignored[0] = net("10.20.0.0/28");
	assert_int_equal(flow_filter_look(&both, &row[0].flow), FILTER_NEVER);
	both.assured = true;
	both.tcp_states = open;
	both.n_ignored = 0;
	assert_int_equal(flow_filter_look(&both, &row[0].flow), FILTER_NEVER);
	assert_int_equal(flow_filter_look(&both, &row[4].flow), FILTER_OUT);
}

static void properties(void **state)
{
	const struct flow_filter a = only("10.20.0.0/24"), b = only("10.20.0.0/25"),
				 c = ignoring("10.20.0.0/24"), none = {.n_only = 0},
				 sure = {.assured = true}, open = {.tcp_states = 8};

	(void)state;
	assert_true(flow_filter_equal(&a, &a));
	assert_false(flow_filter_equal(&a, &b) || flow_filter_equal(&a, &c));
	assert_false(flow_filter_equal(&sure, &none) || flow_filter_equal(&open, &none));
	assert_true(flow_filter_is_empty(&none));
	assert_false(flow_filter_is_empty(&a) || flow_filter_is_empty(&sure));
	assert_true(flow_filter_has_state(&sure) && flow_filter_has_state(&open));
	assert_false(flow_filter_has_state(&a) || flow_filter_has_state(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
