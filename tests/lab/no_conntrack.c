/* SPDX-License-Identifier: GPL-2.0-or-later */
/* no_conntrack COMMAND...: runs it as on a kernel without netlink for netfilter, where socket()
 * says that there is no such protocol. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int err = f ? 0 : -ENOMEM;

	if (argc < 2)
		return 2;
	if (err == 0)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
				       SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK, 0),
				       SCMP_A2_32(SCMP_CMP_EQ, NETLINK_NETFILTER, 0));
	if (err == 0)
		err = seccomp_load(f);
	if (err < 0) {
		fprintf(stderr, "no_conntrack: %s\n", strerror(-err));
		return 77;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
