/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking netlink attributes with libmnl; its own macros do not compile without warnings. */
#ifndef VROUTER_SYNC_ATTR_H
#define VROUTER_SYNC_ATTR_H

#include <libmnl/libmnl.h>

/* The attribute at p, NULL when none fits there. */
static inline const struct nlattr *attr_at(const void *p, const void *end)
{
	return mnl_attr_ok(p, (int)((const char *)end - (const char *)p)) ? p : NULL;
}

static inline const struct nlattr *attr_first(const struct nlattr *nest)
{
	return attr_at(mnl_attr_get_payload(nest),
		       (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest));
}

/* The one behind a, which is inside of nest. */
static inline const struct nlattr *attr_next(const struct nlattr *a, const struct nlattr *nest)
{
	return attr_at(mnl_attr_next(a),
		       (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest));
}

/* libmnl's own rounds up, beyond the end of a message that does not. */
static inline const void *attr_tail(const struct nlmsghdr *nlh)
{
	return (const char *)nlh + nlh->nlmsg_len;
}

/* Of a message, behind its extra header. */
static inline const struct nlattr *attr_first_of(const struct nlmsghdr *nlh, size_t extra)
{
	return attr_at(mnl_nlmsg_get_payload_offset(nlh, extra), attr_tail(nlh));
}

static inline const struct nlattr *attr_next_of(const struct nlattr *a, const struct nlmsghdr *nlh)
{
	return attr_at(mnl_attr_next(a), attr_tail(nlh));
}

#endif
