/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_UNINSTALL_H
#define DAEMON_UNINSTALL_H

/* Takes away all that daemons with this configuration have made and left behind, while none runs:
 * legs, rules, namespaces, ports of Open vSwitch, and what is in run-dir. Says so on standard
 * output. An exit status: 1 when something is left. */
int uninstall(const char *config);

#endif
