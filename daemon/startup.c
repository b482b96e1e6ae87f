/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "startup.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include <cap-ng.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sockios.h>

#include "program.h"
#include "router.h"
#include "vrouter/log.h"

#define LOCK_WAIT_MS 1000
#define LOCK_STEP_MS 10

int startup_check_caps(char why[static STARTUP_WHY_MAX])
{
	static const struct {
		unsigned cap;
		const char *text;
	} need[] = {
		{CAP_NET_ADMIN, "CAP_NET_ADMIN (addresses, routes, conntrack)"},
		{CAP_NET_BROADCAST, "CAP_NET_BROADCAST (news of routers' namespaces)"},
		{CAP_NET_RAW, "CAP_NET_RAW (VRRP, ARP)"},
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN (network namespaces)"},
	};
	size_t at = 0;

	capng_get_caps_process();
	for (unsigned i = 0; i < ARRAY_LEN(need) && at < STARTUP_WHY_MAX; i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, need[i].cap))
			at += (size_t)snprintf(why + at, STARTUP_WHY_MAX - at, "%s%s",
					       at ? ", " : "missing: ", need[i].text);
	return at ? -EPERM : 0;
}

static bool is_bridge(int fd, const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr = {.ifr_data = (void *)&info};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &ifr) == 0 && strcmp(info.driver, "bridge") == 0;
}

static int check_exists(const char *name, const char *what, const char *whose,
			char why[static STARTUP_WHY_MAX])
{
	if (!name[0] || if_nametoindex(name))
		return 0;
	snprintf(why, STARTUP_WHY_MAX, "%s%s: interface %s does not exist", whose, what, name);
	return -ENODEV;
}

static int check_election(const struct conf_router *r, char why[static STARTUP_WHY_MAX])
{
	char whose[CONF_NAME_MAX + 16];

	snprintf(whose, sizeof(whose), "router \"%s\": ", r->name);
	return check_exists(r->election.interface, "election", whose, why);
}

static int check_legs(int fd, const struct conf_router *r, char why[static STARTUP_WHY_MAX])
{
	char whose[CONF_NAME_MAX + 16];

	snprintf(whose, sizeof(whose), "router \"%s\": ", r->name);
	for (unsigned i = 0; i < conf_legs(r); i++) {
		const char *bridge = r->leg[i].bridge;
		bool into_bridge = r->leg[i].attach == NET_ATTACH_BRIDGE;
		bool ovs = r->leg[i].attach == NET_ATTACH_OVS;

		if (!if_nametoindex(bridge)) {
			snprintf(why, STARTUP_WHY_MAX, "%s%s %s does not exist%s", whose,
				 into_bridge ? "bridge"
				 : ovs	     ? "Open vSwitch bridge"
					     : "interface",
				 bridge, ovs ? ", or Open vSwitch is not running" : "");
			return -ENODEV;
		}
		if (into_bridge && !is_bridge(fd, bridge)) {
			snprintf(why, STARTUP_WHY_MAX, "%s%s is not a bridge", whose, bridge);
			return -ENODEV;
		}
	}
	return 0;
}

static size_t addr_of(uint8_t out[static 16], const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	else
		memcpy(out, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	return sa->sa_family == AF_INET6 ? 16 : 4;
}

/* false: it has none. */
static bool network_of(struct ip_prefix *out, const struct ifaddrs *i)
{
	uint8_t mask[16];
	size_t n;

	if (!i->ifa_addr || !i->ifa_netmask ||
	    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
		return false;
	*out = (struct ip_prefix){.addr = {.family = (uint8_t)i->ifa_addr->sa_family}};
	(void)addr_of(out->addr.b, i->ifa_addr);
	n = addr_of(mask, i->ifa_netmask);
	for (size_t k = 0; k < n * 8; k++)
		out->len = (uint8_t)(out->len + (mask[k / 8] >> (7 - k % 8) & 1));
	return true;
}

/* Of the controller's networks, one that is not the link's own. */
static int check_host_link(const struct conf_router *r, const struct ifaddrs *all,
			   char why[static STARTUP_WHY_MAX])
{
	char own[IFNAMSIZ], net[IP_PREFIX_STRLEN], other[IP_PREFIX_STRLEN];

	net_hostname(own, r->namespace, NET_HOST_LINK);
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct ip_prefix p;

		if (strcmp(i->ifa_name, own) == 0 || !network_of(&p, i))
			continue;
		for (unsigned k = 0; k < r->host_link.n_prefixes; k++) {
			if (!ip_prefix_overlap(&r->host_link.prefix[k], &p))
				continue;
			snprintf(why, STARTUP_WHY_MAX,
				 "router \"%s\": host-link: prefix = \"%s\": overlaps the network "
				 "of "
				 "the controller's interface %s, %s; allowed: a network that is "
				 "used for nothing else",
				 r->name, ip_prefix_format(&r->host_link.prefix[k], net),
				 i->ifa_name, ip_prefix_format(&p, other));
			return -EADDRINUSE;
		}
	}
	return 0;
}

static int check_host_links(const struct conf *c, char why[static STARTUP_WHY_MAX])
{
	struct ifaddrs *all;
	bool any = false;
	int err = 0;

	for (unsigned i = 0; i < c->n_routers; i++)
		any = any || c->router[i].host_link.line;
	if (!any)
		return 0;
	if (getifaddrs(&all) < 0)
		return -errno;
	for (unsigned i = 0; !err && i < c->n_routers; i++)
		err = c->router[i].host_link.line ? check_host_link(&c->router[i], all, why) : 0;
	freeifaddrs(all);
	return err;
}

int startup_check_links(const struct conf *c, char why[static STARTUP_WHY_MAX])
{
	int err = check_host_links(c, why);

	for (unsigned i = 0; !err && i < c->sync.n_interfaces; i++)
		err = check_exists(c->sync.interface[i], "sync", "", why);
	for (unsigned i = 0; !err && i < c->n_routers; i++)
		if (c->router[i].election.mode == CONF_ELECTION_VRRP)
			err = check_election(&c->router[i], why);
	return err;
}

int startup_check_legs(const struct conf *c, char why[static STARTUP_WHY_MAX])
{
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; !err && i < c->n_routers; i++)
		err = check_legs(fd, &c->router[i], why);
	return err;
}

static int check_program(const struct conf_router *r, const char *option, const char *path,
			 char why[static STARTUP_WHY_MAX])
{
	const char *what;
	int err = path[0] ? program_check(path, &what) : 0;

	if (err < 0)
		snprintf(why, STARTUP_WHY_MAX, "router \"%s\": %s: %s %s", r->name, option, path,
			 what);
	return err;
}

static int check_track(const struct conf_router *r, const struct conf_track *t,
		       char why[static STARTUP_WHY_MAX])
{
	char option[CONF_NAME_MAX + 32];

	snprintf(option, sizeof(option), "track \"%s\": program", t->name);
	return check_program(r, option, t->program, why);
}

int startup_check_programs(const struct conf *c, char why[static STARTUP_WHY_MAX])
{
	int err = 0;

	for (unsigned i = 0; i < c->n_routers && !err; i++) {
		const struct conf_router *r = &c->router[i];

		err = check_program(r, "on-role-change", r->on_role_change, why);
		if (!err)
			err = check_program(r, "fence", r->fence, why);
		for (unsigned k = 0; !err && k < r->n_tracks; k++)
			err = check_track(r, &r->track[k], why);
	}
	return err;
}

int startup_check_rules(struct conf *c, char why[static STARTUP_WHY_MAX])
{
	char what[NAT_FILE_WHY_MAX];

	for (unsigned i = 0; i < c->n_routers; i++) {
		struct conf_nat *n = &c->router[i].nat_more;
		int err = n->rules.file[0]
				  ? nat_file_check(n->rules.file, &n->rules.file_hash, what)
				  : 0;

		if (err < 0) {
			snprintf(why, STARTUP_WHY_MAX, "%s:%d: router \"%s\": nat: nft-file: %s",
				 c->path, n->file_line, c->router[i].name, what);
			return err;
		}
	}
	return 0;
}

static int service_line(const struct conf_services *s, enum service_id id)
{
	switch (id) {
	case SERVICE_DNS:
		return s->dns_line;
	case SERVICE_NTP:
		return s->ntp_line;
	case SERVICE_DHCP:
		return s->dhcp_line ? s->dhcp_line : s->ra_line;
	case SERVICE_IDS:
		break;
	}
	return 0;
}

static int check_service(const struct conf *c, const struct conf_router *r, enum service_id id,
			 char why[static STARTUP_WHY_MAX])
{
	char text[SERVICE_TEXT_MAX];
	int err = service_is_wanted(r, id) ? router_service_check(id, text) : 0;

	if (err < 0)
		snprintf(why, STARTUP_WHY_MAX, "%.100s:%d: router \"%s\": %s: %.150s", c->path,
			 service_line(&r->services, id), r->name, service_options(id), text);
	return err;
}

int startup_check_services(const struct conf *c, char why[static STARTUP_WHY_MAX])
{
	int err = 0;

	for (unsigned i = 0; i < c->n_routers && !err; i++)
		for (unsigned k = 0; k < SERVICE_IDS && !err; k++)
			err = check_service(c, &c->router[i], (enum service_id)k, why);
	return err;
}

static int ask_conntrack(struct mnl_socket *nl)
{
	char buf[4096]; /* the first answer is enough */
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;
	ssize_t n;

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < (ssize_t)sizeof(*h))
		return n < 0 ? -errno : -EPROTO;
	h = (struct nlmsghdr *)buf;
	if (h->nlmsg_type != NLMSG_ERROR)
		return 0;
	return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
}

int startup_check_conntrack(char why[static STARTUP_WHY_MAX])
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int err = nl ? ask_conntrack(nl) : -errno;

	if (nl)
		mnl_socket_close(nl);
	if (err < 0)
		snprintf(why, STARTUP_WHY_MAX,
			 "the kernel has no conntrack netlink (%s): it needs CONFIG_NF_CT_NETLINK "
			 "and its module nf_conntrack_netlink",
			 strerror(-err));
	return err;
}

static int make_dir(const char *path)
{
	char copy[CONF_PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(copy, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int startup_check_state(const struct conf *c, char why[static STARTUP_WHY_MAX])
{
	const char *dir = c->controller.state_dir;
	bool wanted = false;
	int err;

	for (unsigned i = 0; i < c->n_routers; i++)
		wanted = wanted || conf_vips_chosen(&c->router[i]);
	err = wanted ? make_dir(dir) : 0;
	if (!err && wanted && access(dir, W_OK) < 0)
		err = -errno;
	if (err < 0)
		snprintf(why, STARTUP_WHY_MAX,
			 "controller: state-dir: VIPs that are chosen cannot be kept in %s: %s",
			 dir, strerror(-err));
	return err;
}

/* A program that a core was starting when it died has its lock until the exec is done. */
static bool take_lock(int fd)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};

	for (unsigned ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += LOCK_STEP_MS) {
		if (ms >= LOCK_WAIT_MS)
			return false;
		nanosleep(&step, NULL);
	}
	return true;
}

int startup_lock(int *out, const char *run_dir, char why[static STARTUP_WHY_MAX])
{
	char path[CONF_PATH_MAX + 16], pid[16] = "";
	int err = make_dir(run_dir), fd;

	snprintf(path, sizeof(path), "%s/vrouterd.pid", run_dir);
	fd = err ? err : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		err = err ? err : -errno;
		snprintf(why, STARTUP_WHY_MAX, "cannot create %s: %s", path, strerror(-err));
		return err;
	}
	if (take_lock(fd)) {
		*out = fd;
		return 0;
	}

	ssize_t n = read(fd, pid, sizeof(pid) - 1);

	pid[n > 0 ? n : 0] = '\0';
	snprintf(why, STARTUP_WHY_MAX, "another vrouterd (pid %ld) already runs on run-dir %s",
		 strtol(pid, NULL, 10), run_dir);
	close(fd);
	return -EBUSY;
}

void startup_write_pid(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		log_warn("vrouterd", NULL, "cannot write the pid file: %s", strerror(errno));
}

void startup_realtime(void)
{
	struct sched_param p = {.sched_priority = 2}; /* the replication process has 1 */

	/* children start from normal priority */
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) < 0)
		log_warn("vrouterd", NULL,
			 "no real-time priority (%s): a loaded machine may lose elections; "
			 "CAP_SYS_NICE allows it, realtime = false does without",
			 strerror(errno));
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_warn("vrouterd", NULL, "cannot lock memory (%s): CAP_IPC_LOCK allows it",
			 strerror(errno));
}
