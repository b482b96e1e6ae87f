/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl flows`: reads the kernel's table itself, inside the router's namespace, entry by
 * entry. So a table of any size costs neither the daemon nor this program memory. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <sched.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

#include "cli.h"
#include "vrouter/addr.h"

struct filter {
	int proto; /* -1: any */
	struct ip_addr src, dst;
	int sport, dport; /* -1: any */
	bool count;
};

struct dump {
	const struct filter *filter;
	const char *router;
	bool json;
	uint64_t n;
};

/* As arguments they are known without /etc/protocols, and where that calls them otherwise. */
static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
	{"tcp", IPPROTO_TCP},	{"udp", IPPROTO_UDP},	{"udplite", IPPROTO_UDPLITE},
	{"icmp", IPPROTO_ICMP}, {"sctp", IPPROTO_SCTP}, {"icmpv6", IPPROTO_ICMPV6},
	{"dccp", IPPROTO_DCCP}, {"gre", IPPROTO_GRE},
};

static bool same_addr(const struct nf_conntrack *ct, bool source, const struct ip_addr *want)
{
	struct ip_addr have = {.family = nfct_get_attr_u8(ct, ATTR_L3PROTO)};
	bool v4 = have.family == AF_INET;
	enum nf_conntrack_attr attr = source ? (v4 ? ATTR_IPV4_SRC : ATTR_IPV6_SRC)
					     : (v4 ? ATTR_IPV4_DST : ATTR_IPV6_DST);
	const void *at = nfct_get_attr(ct, attr);

	if (!want->family)
		return true;
	if (!at)
		return false;
	memcpy(have.b, at, ip_addr_size(&have));
	return ip_addr_equal(&have, want);
}

static bool same_port(const struct nf_conntrack *ct, enum nf_conntrack_attr attr, int want)
{
	return want < 0 ||
	       (nfct_attr_is_set(ct, attr) > 0 && ntohs(nfct_get_attr_u16(ct, attr)) == want);
}

static bool wanted(const struct filter *f, const struct nf_conntrack *ct)
{
	return (f->proto < 0 || nfct_get_attr_u8(ct, ATTR_L4PROTO) == f->proto) &&
	       same_addr(ct, true, &f->src) && same_addr(ct, false, &f->dst) &&
	       same_port(ct, ATTR_PORT_SRC, f->sport) && same_port(ct, ATTR_PORT_DST, f->dport);
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static json_t *addr_json(const struct nf_conntrack *ct, enum nf_conntrack_attr v4,
			 enum nf_conntrack_attr v6)
{
	struct ip_addr a = {.family = nfct_get_attr_u8(ct, ATTR_L3PROTO)};
	const void *at = nfct_get_attr(ct, a.family == AF_INET ? v4 : v6);
	char buf[INET6_ADDRSTRLEN];

	if (!at)
		return json_null();
	memcpy(a.b, at, ip_addr_size(&a));
	return json_string(ip_addr_format(&a, buf));
}

static void add_port(json_t *j, const char *key, const struct nf_conntrack *ct,
		     enum nf_conntrack_attr attr)
{
	if (nfct_attr_is_set(ct, attr) > 0)
		json_object_set_new(j, key, json_integer(ntohs(nfct_get_attr_u16(ct, attr))));
}

static void add_u8(json_t *j, const char *key, const struct nf_conntrack *ct,
		   enum nf_conntrack_attr attr)
{
	if (nfct_attr_is_set(ct, attr) > 0)
		json_object_set_new(j, key, json_integer(nfct_get_attr_u8(ct, attr)));
}

static json_t *orig_json(const struct nf_conntrack *ct)
{
	json_t *j = json_object();

	json_object_set_new(j, "src", addr_json(ct, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC));
	json_object_set_new(j, "dst", addr_json(ct, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST));
	add_port(j, "sport", ct, ATTR_ORIG_PORT_SRC);
	add_port(j, "dport", ct, ATTR_ORIG_PORT_DST);
	add_u8(j, "icmp_type", ct, ATTR_ICMP_TYPE);
	add_u8(j, "icmp_code", ct, ATTR_ICMP_CODE);
	add_port(j, "icmp_id", ct, ATTR_ICMP_ID);
	return j;
}

static json_t *reply_json(const struct nf_conntrack *ct)
{
	json_t *j = json_object();

	json_object_set_new(j, "src", addr_json(ct, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC));
	json_object_set_new(j, "dst", addr_json(ct, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST));
	add_port(j, "sport", ct, ATTR_REPL_PORT_SRC);
	add_port(j, "dport", ct, ATTR_REPL_PORT_DST);
	return j;
}

static json_t *proto_json(uint8_t proto)
{
	for (unsigned i = 0; i < ARRAY_LEN(protos); i++)
		if (protos[i].proto == proto)
			return json_string(protos[i].name);
	return json_sprintf("%u", proto); /* any number may come from the kernel */
}

/* NULL: a protocol without states */
static const char *state_name(const struct nf_conntrack *ct)
{
	static const char *const tcp[] = {"NONE",     "SYN_SENT",   "SYN_RECV", "ESTABLISHED",
					  "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
					  "CLOSE",    "SYN_SENT2"};
	static const char *const sctp[] = {
		"NONE",		 "CLOSED",	  "COOKIE_WAIT",   "COOKIE_ECHOED",
		"ESTABLISHED",	 "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT",
		"HEARTBEAT_SENT"};
	uint8_t proto = nfct_get_attr_u8(ct, ATTR_L4PROTO), state;

	if (proto == IPPROTO_TCP) {
		state = nfct_get_attr_u8(ct, ATTR_TCP_STATE);
		return state < ARRAY_LEN(tcp) ? tcp[state] : "UNKNOWN";
	}
	if (proto == IPPROTO_SCTP) {
		state = nfct_get_attr_u8(ct, ATTR_SCTP_STATE);
		return state < ARRAY_LEN(sctp) ? sctp[state] : "UNKNOWN";
	}
	return NULL;
}

static json_t *status_json(uint32_t status)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} row[] = {{IPS_SEEN_REPLY, "seen_reply"}, {IPS_ASSURED, "assured"},
		   {IPS_CONFIRMED, "confirmed"},   {IPS_SRC_NAT, "snat"},
		   {IPS_DST_NAT, "dnat"},	   {IPS_DYING, "dying"}};
	json_t *list = json_array();

	for (unsigned i = 0; i < ARRAY_LEN(row); i++)
		if (status & row[i].bit)
			json_array_append_new(list, json_string(row[i].name));
	return list;
}

static void print_json(const struct dump *d, const struct nf_conntrack *ct)
{
	json_t *j = json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I}", "router", d->router, "proto",
			      proto_json(nfct_get_attr_u8(ct, ATTR_L4PROTO)), "orig", orig_json(ct),
			      "reply", reply_json(ct), "status",
			      status_json(nfct_get_attr_u32(ct, ATTR_STATUS)), "timeout_s",
			      (json_int_t)nfct_get_attr_u32(ct, ATTR_TIMEOUT), "mark",
			      (json_int_t)nfct_get_attr_u32(ct, ATTR_MARK));

	const char *state = state_name(ct);

	if (state)
		json_object_set_new(j, "state", json_string(state));
	if (nfct_attr_is_set(ct, ATTR_ZONE) > 0)
		json_object_set_new(j, "zone", json_integer(nfct_get_attr_u16(ct, ATTR_ZONE)));
	if (nfct_attr_is_set(ct, ATTR_HELPER_NAME) > 0)
		json_object_set_new(j, "helper", json_string(nfct_get_attr(ct, ATTR_HELPER_NAME)));
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
}

/* ---- the dump ---------------------------------------------------------------------------------
 */

static int on_flow(const struct nlmsghdr *nlh, enum nf_conntrack_msg_type type,
		   struct nf_conntrack *ct, void *data)
{
	struct dump *d = data;
	char line[1024];

	(void)nlh;
	(void)type;
	if (!wanted(d->filter, ct))
		return NFCT_CB_CONTINUE;
	d->n++;
	if (d->filter->count)
		return NFCT_CB_CONTINUE;
	if (d->json) {
		print_json(d, ct);
	} else {
		/* no "[UPDATE]" before each: a dump is no event */
		nfct_snprintf(line, sizeof(line), ct, NFCT_T_UNKNOWN, NFCT_O_DEFAULT, 0);
		puts(line);
	}
	/* nobody reads any more: enough */
	return ferror(stdout) ? NFCT_CB_STOP : NFCT_CB_CONTINUE;
}

static int dump_here(struct dump *d)
{
	struct nfct_handle *h = nfct_open(CONNTRACK, 0);
	uint32_t family = AF_UNSPEC;
	int err = 0;

	if (!h)
		return -errno;
	nfct_callback_register2(h, NFCT_T_ALL, on_flow, d);
	if (nfct_query(h, NFCT_Q_DUMP, &family) < 0)
		err = -errno;
	nfct_close(h);
	return err;
}

/* Enters the namespace, dumps, comes back. */
static int dump_in(const char *namespace, struct dump *d)
{
	char path[128];
	int err = 0;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);

	auto_fd int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	auto_fd int there = open(path, O_RDONLY | O_CLOEXEC);

	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		err = -errno;
	else
		err = dump_here(d);
	if (home >= 0 && setns(home, CLONE_NEWNET) < 0 && !err)
		err = -errno;
	if (err < 0)
		fprintf(stderr, "vrouterctl: namespace %s: %s\n", namespace, strerror(-err));
	return err;
}

static int dump_all(const struct cli *c, const struct filter *f, const json_t *routers)
{
	const json_t *r;
	size_t i;
	int rc = CLI_DONE;

	json_array_foreach(routers, i, r)
	{
		struct dump d = {.filter = f,
				 .router = json_string_value(json_object_get(r, "router")),
				 .json = c->json};
		const char *ns = json_string_value(json_object_get(r, "namespace"));

		if (!ns || !d.router || dump_in(ns, &d) < 0)
			rc = CLI_NOT_SO;
		else if (f->count && c->json)
			printf("{\"router\":\"%s\",\"flows\":%llu}\n", d.router,
			       (unsigned long long)d.n);
		else if (f->count)
			printf("%s: %llu\n", d.router, (unsigned long long)d.n);
	}
	return rc;
}

/* ---- arguments --------------------------------------------------------------------------------
 */

static int number_arg(const char *s, long max)
{
	char *end;
	long v = strtol(s, &end, 10);

	return *s && !*end && v >= 0 && v <= max ? (int)v : -1;
}

static int proto_arg(const char *s)
{
	int v = number_arg(s, 255);
	const struct protoent *p;

	if (v >= 0)
		return v;
	for (unsigned i = 0; i < ARRAY_LEN(protos); i++)
		if (strcmp(protos[i].name, s) == 0)
			return protos[i].proto;
	p = getprotobyname(s);
	return p ? p->p_proto : -1;
}

static bool take_option(struct filter *f, int opt, const char *arg)
{
	switch (opt) {
	case 'p':
		return (f->proto = proto_arg(arg)) >= 0;
	case 's':
		return ip_addr_parse(&f->src, arg) == 0;
	case 'd':
		return ip_addr_parse(&f->dst, arg) == 0;
	case 'S':
		return (f->sport = number_arg(arg, 65535)) >= 0;
	case 'D':
		return (f->dport = number_arg(arg, 65535)) >= 0;
	case 'c':
		return f->count = true;
	default: /* getopt's '?' */
		return false;
	}
}

int cli_flows(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"proto", required_argument, NULL, 'p'},
					      {"src", required_argument, NULL, 's'},
					      {"dst", required_argument, NULL, 'd'},
					      {"sport", required_argument, NULL, 'S'},
					      {"dport", required_argument, NULL, 'D'},
					      {"count", no_argument, NULL, 'c'},
					      {NULL, 0, NULL, 0}};
	struct filter f = {.proto = -1, .sport = -1, .dport = -1};
	json_t *data = NULL, *args = json_object();
	int opt, rc;

	optind = 0; /* main() used getopt, too */
	while ((opt = getopt_long(argc, argv, "p:s:d:c", longs, NULL)) != -1) {
		if (!take_option(&f, opt, optarg)) {
			if (opt != '?')
				fprintf(stderr, "vrouterctl: flows: \"%s\" makes no sense\n",
					optarg);
			json_decref(args);
			return CLI_USAGE;
		}
	}
	if (argc - optind > 1) {
		fprintf(stderr, "vrouterctl: flows: one router at most\n");
		json_decref(args);
		return CLI_USAGE;
	}
	if (optind < argc)
		json_object_set_new(args, "router", json_string(argv[optind]));
	rc = cli_request(c, "flows", args, &data);
	if (rc == CLI_DONE)
		rc = dump_all(c, &f, data);
	json_decref(data);
	return rc;
}
