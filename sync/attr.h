/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading netlink attributes (struct nlattr, linux/netlink.h). Inline, where all else is libmnl's:
 * an event has some forty of them, and libmnl's calls for each were a quarter of the source's time
 * in user space. */
#ifndef VROUTER_SYNC_ATTR_H
#define VROUTER_SYNC_ATTR_H

#include <stddef.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

static inline unsigned attr_type(const struct nlattr *a)
{
	return a->nla_type & (unsigned)NLA_TYPE_MASK;
}

static inline const void *attr_data(const struct nlattr *a)
{
	return a + 1;
}

static inline size_t attr_len(const struct nlattr *a) /* of the data */
{
	return a->nla_len - sizeof(*a);
}

/* The attribute at p, NULL when none fits there. */
static inline const struct nlattr *attr_at(const void *p, const void *end)
{
	const struct nlattr *a = p;
	ptrdiff_t left = (const char *)end - (const char *)p;

	return left >= (ptrdiff_t)sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= left
		       ? a
		       : NULL;
}

/* The one behind a, which ends at `end` or before. */
static inline const struct nlattr *attr_behind(const struct nlattr *a, const void *end)
{
	return attr_at((const char *)a + ((a->nla_len + 3u) & ~3u), end);
}

static inline const struct nlattr *attr_first(const struct nlattr *nest)
{
	return attr_at(attr_data(nest), (const char *)nest + nest->nla_len);
}

/* The one behind a, which is inside of nest. */
static inline const struct nlattr *attr_next(const struct nlattr *a, const struct nlattr *nest)
{
	return attr_behind(a, (const char *)nest + nest->nla_len);
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
	return attr_behind(a, attr_tail(nlh));
}

#endif
