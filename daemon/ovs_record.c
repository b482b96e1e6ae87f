/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ovs_record.h"

#include <stdio.h>
#include <string.h>

#define START "systemctl start openvswitch-switch"

/* Without the quotes that ovs-vsctl puts around what has spaces; "[]" is an empty set. Returns the
 * next line. */
static const char *take_line(const char *text, char *out, size_t cap)
{
	size_t n = strcspn(text, "\n");
	const char *next = text + n + (text[n] == '\n');

	if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	} else if (n == 2 && text[0] == '[' && text[1] == ']') {
		n = 0;
	}
	if (n >= cap)
		n = cap - 1;
	memcpy(out, text, n);
	out[n] = '\0';
	return next;
}

static unsigned number(const char *text)
{
	unsigned v = 0;

	for (; *text >= '0' && *text <= '9' && v < 100000000; text++)
		v = v * 10 + (unsigned)(*text - '0');
	return *text ? 0 : v;
}

void ovs_record_parse(struct ovs_record *out, const char *text)
{
	char name[IFNAMSIZ], ifindex[16];

	memset(out, 0, sizeof(*out));
	text = take_line(text, name, sizeof(name));
	text = take_line(text, out->owner, sizeof(out->owner));
	text = take_line(text, ifindex, sizeof(ifindex));
	take_line(text, out->error, sizeof(out->error));
	out->exists = name[0] != '\0';
	out->ifindex = number(ifindex);
}

enum ovs_next ovs_record_next(const struct ovs_record *r, const struct ovs_port *want, bool lost)
{
	size_t n = strlen(want->namespace);

	if (!r->exists)
		return OVS_MAKE;
	if (strncmp(r->owner, want->namespace, n) != 0 || r->owner[n] != ' ')
		return OVS_FOREIGN;
	if (strcmp(r->owner + n + 1, want->bridge) != 0)
		return OVS_REPLACE;
	if (lost && (!r->ifindex || r->error[0]))
		return OVS_REPLACE;
	return lost ? OVS_FINE : OVS_MAKE;
}

void ovs_explain(char why[static NET_REASON_MAX], const struct ovs_port *want, const char *line,
		 bool making, bool timeout)
{
	static const char self[] = "ovs-vsctl: ";

	if (strncmp(line, self, strlen(self)) == 0)
		line += strlen(self);
	if (timeout)
		snprintf(why, NET_REASON_MAX,
			 "Open vSwitch does not answer: is %s running? (" START ")",
			 making ? "ovs-vswitchd" : "ovsdb-server");
	else if (strstr(line, "database connection failed"))
		snprintf(why, NET_REASON_MAX, "Open vSwitch is not running (" START ")");
	else if (strstr(line, "no bridge named"))
		snprintf(why, NET_REASON_MAX,
			 "Open vSwitch has no bridge %s (ovs-vsctl add-br %s makes one)",
			 want->bridge, want->bridge);
	else
		snprintf(why, NET_REASON_MAX, "Open vSwitch: %.120s",
			 *line ? line : "ovs-vsctl failed");
}
