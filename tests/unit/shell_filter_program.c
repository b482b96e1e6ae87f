/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter's program, run by the kernel: messages like conntrack events go over a pair of netlink
 * sockets that nobody else hears, and what arrives is compared with what the pure filter says. */
#include "flow_samples.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "../../sync/flow_netlink_priv.h"
#include "vrouter/conntrack.h"
#include "vrouter/filter.h"

#define ROUNDS	 400
#define FLOWS	 40
#define MESSAGE	 1024
#define OWN_PORT 0x12345678u

static uint64_t rng = 88172645463325252u;

static unsigned rnd(unsigned below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng % below);
}

struct pipe {
	int from, to;
	struct sockaddr_nl at;
};

static int user_socket(void)
{
	const struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_USERSOCK);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	return fd;
}

static struct pipe open_pipe(void)
{
	struct pipe p = {.from = user_socket(), .to = user_socket()};
	socklen_t len = sizeof(p.at);

	assert_int_equal(getsockname(p.to, (struct sockaddr *)&p.at, &len), 0);
	return p;
}

static unsigned attach(struct pipe *p, const struct flow_filter *f, const struct flow_locals *l)
{
	struct sock_filter op[FILTER_PROGRAM_MAX];
	struct sock_fprog prog = {.filter = op};

	prog.len = (unsigned short)flow_filter_program(op, OWN_PORT, f, l);
	assert_true(prog.len);
	assert_int_equal(setsockopt(p->to, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), 0);
	return prog.len;
}

static bool passes(struct pipe *p, const void *msg, size_t len)
{
	uint8_t buf[MESSAGE];

	assert_true(sendto(p->from, msg, len, 0, (const struct sockaddr *)&p->at, sizeof(p->at)) >
		    0);
	return recv(p->to, buf, sizeof(buf), MSG_DONTWAIT) > 0;
}

/* As the kernel tells it. */
static struct nlmsghdr *event(void *buf, const struct flow *f, enum flow_change change)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type =
		(uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 |
			   (change == FLOW_DESTROY ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW));
	nlh->nlmsg_flags = change == FLOW_NEW ? NLM_F_CREATE | NLM_F_EXCL : 0;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = f->family;
	flow_netlink_put_tuple(nlh, CTA_TUPLE_ORIG, f->family, f->proto, &f->orig);
	flow_netlink_put_tuple(nlh, CTA_TUPLE_REPLY, f->family, f->proto, &f->reply);
	mnl_attr_put_u32(nlh, CTA_ID, 7);
	if (f->has & FLOW_HAS_STATUS)
		mnl_attr_put_u32(nlh, CTA_STATUS, htonl(f->status));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(30));
	if (f->has & FLOW_HAS_TCP) {
		struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
		struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, f->tcp.state);
		mnl_attr_nest_end(nlh, tcp);
		mnl_attr_nest_end(nlh, info);
	}
	return nlh;
}

static void random_addr(uint8_t family, uint8_t to[static 16])
{
	static const char *const v4[] = {"10.20.0.7",	 "10.20.1.9",	"127.0.0.1",
					 "198.51.100.9", "203.0.113.1", "224.0.0.5",
					 "198.51.100.1", "0.1.2.3",	"255.255.255.255"};
	static const char *const v6[] = {"2001:db8::1", "2001:db8:0:1::2", "fe80::1", "ff02::1",
					 "::1",		"2001:db8:9::9",   "::",      "fec0::1"};

	unsigned n = family == AF_INET ? ARRAY_LEN(v4) : ARRAY_LEN(v6);

	n = rnd(3) ? 2 : rnd(n); /* the first two can be forwarded */
	if (n == 2)
		n = rnd(2);
	sample_addr(to, family == AF_INET ? v4[n] : v6[n]);
}

static struct flow random_flow(void)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP, 255};
	struct flow f = sample_flow(protos[rnd(ARRAY_LEN(protos))],
				    rnd(2) ? "10.20.0.7" : "2001:db8::1", 1, "10.0.0.1", 80);

	random_addr(f.family, f.orig.src);
	random_addr(f.family, f.orig.dst);
	f.reply = flow_invert(&f, &f.orig);
	if (rnd(3) == 0)
		random_addr(f.family, f.reply.src);
	if (f.proto == IPPROTO_TCP && rnd(4))
		f.tcp.state = (uint8_t)rnd(10);
	else
		f.has &= ~(uint32_t)FLOW_HAS_TCP;
	if (rnd(2))
		f.status &= ~(uint32_t)IPS_ASSURED;
	if (rnd(8) == 0)
		f.has &= ~(uint32_t)FLOW_HAS_STATUS;
	return f;
}

static struct ip_prefix random_net(void)
{
	struct ip_prefix p = {.addr = {.family = rnd(2) ? AF_INET : AF_INET6}};

	random_addr(p.addr.family, p.addr.b);
	p.len = (uint8_t)rnd(p.addr.family == AF_INET ? 33 : 129);
	return p;
}

static struct flow_filter random_filter(void)
{
	struct flow_filter f = {.assured = rnd(4) == 0};

	for (unsigned n = rnd(3) ? 0 : rnd(200); n; n--) {
		unsigned proto = rnd(256);

		f.proto_out[proto / 32] |= 1u << proto % 32;
	}
	if (rnd(3) == 0)
		f.tcp_states = rnd(1024);
	if (rnd(2))
		for (unsigned n = rnd(4); f.n_only < n; f.n_only++)
			f.only[f.n_only] = random_net();
	if (rnd(2))
		for (unsigned n = rnd(4); f.n_ignored < n; f.n_ignored++)
			f.ignored[f.n_ignored] = random_net();
	return f;
}

/* Would the source say something? */
static bool matters(const struct flow_filter *f, const struct flow_locals *l,
		    const struct flow *flow, enum flow_change change)
{
	enum filter_verdict v = flow_filter_look(f, flow);

	return flow_is_through(flow, l) && v != FILTER_NEVER &&
	       !(v == FILTER_OUT && change == FLOW_NEW);
}

static void agrees(void **state)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MESSAGE];
	struct flow_locals l = {.n = 2};
	struct pipe p = open_pipe();
	unsigned dropped = 0;

	(void)state;
	assert_int_equal(ip_addr_parse(&l.addr[0], "203.0.113.1"), 0);
	assert_int_equal(ip_addr_parse(&l.addr[1], "2001:db8:9::9"), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct flow_filter filter = i ? random_filter() : (struct flow_filter){.n_only = 0};

		attach(&p, &filter, &l);
		for (unsigned k = 0; k < FLOWS; k++) {
			struct flow f = random_flow(), parsed;
			enum flow_change change = (enum flow_change)rnd(3), told;
			struct nlmsghdr *nlh = event(buf, &f, change);
			bool want = matters(&filter, &l, &f, change);
			char text[FLOW_STRLEN];

			assert_int_equal(flow_netlink_parse(nlh, &parsed, &told), 0);
			assert_true(told == change && flow_same(&parsed, &f));
			if (passes(&p, nlh, nlh->nlmsg_len) != want)
				fail_msg("round %u, change %u: %s: %s", i, change,
					 flow_format(&f, text), want ? "dropped" : "passed");
			dropped += !want;
		}
	}
	assert_in_range(dropped, ROUNDS * FLOWS / 4, ROUNDS * FLOWS * 9 / 10);
	close(p.from);
	close(p.to);
}

/* What is no event of a flow passes, and so does one that lacks what is asked for. */
static void looser(void **state)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MESSAGE];
	const struct flow_locals none = {.n = 0};
	struct flow_filter f = {.assured = true, .n_only = 1, .only = {{{AF_INET, {9, 9}}, 16}}};
	struct flow flow = sample_tcp_snat(1);
	struct pipe p = open_pipe();
	struct nlmsghdr *nlh = event(buf, &flow, FLOW_NEW);

	(void)state;
	memset(f.proto_out, 0xff, sizeof(f.proto_out));
	attach(&p, &f, &none);
	assert_false(passes(&p, nlh, nlh->nlmsg_len));
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8;
	assert_true(passes(&p, nlh, nlh->nlmsg_len));
	nlh->nlmsg_type = NLMSG_ERROR;
	assert_true(passes(&p, nlh, nlh->nlmsg_len));
	nlh = event(buf, &flow, FLOW_NEW);
	flow_netlink_put_tuple(nlh, CTA_TUPLE_MASTER, flow.family, flow.proto, &flow.orig);
	assert_true(passes(&p, nlh, nlh->nlmsg_len));
	nlh = event(buf, &flow, FLOW_NEW);
	nlh->nlmsg_len = sizeof(*nlh) + sizeof(struct nfgenmsg);
	assert_true(passes(&p, nlh, nlh->nlmsg_len));
	close(p.from);
	close(p.to);
}

/* Also of expectations, and where no filter is configured. */
static void own_changes(void **state)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MESSAGE];
	const struct flow_locals none = {.n = 0};
	const struct flow_filter f = {.n_only = 0};
	struct flow flow = sample_tcp_snat(1);
	struct pipe p = open_pipe();
	struct nlmsghdr *nlh = event(buf, &flow, FLOW_UPDATE);

	(void)state;
	attach(&p, &f, &none);
	assert_true(passes(&p, nlh, nlh->nlmsg_len));
	nlh->nlmsg_pid = OWN_PORT;
	assert_false(passes(&p, nlh, nlh->nlmsg_len));
	nlh->nlmsg_pid = htonl(OWN_PORT);
	assert_true(passes(&p, nlh, nlh->nlmsg_len));
	nlh->nlmsg_pid = OWN_PORT;
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8;
	assert_false(passes(&p, nlh, nlh->nlmsg_len));
	close(p.from);
	close(p.to);
}

static void longest(void **state)
{
	struct flow_locals l = {.n = FLOW_LOCALS_MAX};
	struct flow_filter f = {.assured = true,
				.tcp_states = 1,
				.n_only = FILTER_NETS_MAX,
				.n_ignored = FILTER_NETS_MAX};
	struct pipe p = open_pipe();

	(void)state;
	memset(f.proto_out, 0x55, sizeof(f.proto_out));
	for (unsigned i = 0; i < FILTER_NETS_MAX; i++)
		f.only[i] = f.ignored[i] = (struct ip_prefix){{AF_INET6, {1, (uint8_t)i}}, 127};
	for (unsigned i = 0; i < FLOW_LOCALS_MAX; i++)
		l.addr[i] = f.only[i].addr;
	print_message("%u instructions\n", attach(&p, &f, &l));
	close(p.from);
	close(p.to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees),
		cmocka_unit_test(looser),
		cmocka_unit_test(own_changes),
		cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
