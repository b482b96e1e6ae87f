/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who changed a flow: an event has the port of the netlink socket that asked for the change; which
 * program has it is found by way of /proc/net/netlink and the open files of all processes. */
#include <dirent.h>
#include <linux/netlink.h>
#include <string.h>

#include "flows.h"

static unsigned long inode_of(uint32_t port)
{
	auto_file FILE *f = fopen("/proc/net/netlink", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long inode;
		int family;
		uint32_t p;

		if (sscanf(line, "%*x %d %u %*x %*d %*d %*x %*d %*u %lu", &family, &p, &inode) ==
			    3 &&
		    family == NETLINK_NETFILTER && p == port)
			return inode;
	}
	return 0;
}

static bool has_open(const char *pid, unsigned long inode)
{
	char path[300], link[64], want[64];
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			continue;
		link[n] = '\0';
		found = strcmp(link, want) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool read_name(const char *pid, char *out, size_t cap)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);

	auto_file FILE *f = fopen(path, "re");

	if (!f || !fgets(out, (int)cap, f))
		return false;
	out[strcspn(out, "\n")] = '\0';
	return true;
}

const char *flows_program(uint32_t port)
{
	static unsigned long last_inode;
	static char name[64];
	unsigned long inode = inode_of(port);
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	if (!inode)
		return NULL;
	if (inode == last_inode)
		return name;
	dir = opendir("/proc");
	while (dir && !found && (e = readdir(dir)))
		found = e->d_name[0] >= '1' && e->d_name[0] <= '9' && has_open(e->d_name, inode) &&
			read_name(e->d_name, name, sizeof(name));
	if (dir)
		closedir(dir);
	last_inode = found ? inode : 0;
	return found ? name : NULL;
}
