/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of struct links, shared by link.c and link_use.c only. */
#ifndef SYNC_LINK_PRIV_H
#define SYNC_LINK_PRIV_H

#include "link.h"
#include "link_sock.h"
#include "stream.h"

#define QUEUE	  128 /* datagrams */
#define BATCH	  64  /* datagrams a system call */
#define DESTS_MAX (1 + SYNC_UNICAST_MAX)

#define LINK_SILENT 4 /* looks, two a second, at which it was silent while another one was not */

struct link {
	struct links *all;
	char name[IFNAMSIZ];
	int fd;			 /* -1: not usable */
	struct streams *streams; /* TCP: fd only looks at the interface; NULL: UDP */
	uint16_t port;
	struct ip_addr group;
	unsigned ifindex;
	size_t payload;
	bool carrier;
	bool told, told_up; /* what on_state said last */
	bool heard;	    /* from another controller, since the last check */
	unsigned silent;    /* checks in a row, while another link heard something */
	unsigned n_dests;
	struct dest dest[DESTS_MAX]; /* the group first, where there is one */
	uint64_t pos;		     /* next (datagram * n_dests + destination) to send */
	struct event *read, *write;
};

struct slot {
	size_t len;
	uint64_t *errors; /* may be NULL */
	uint8_t buf[LINK_DATAGRAM_MAX];
};

struct links {
	struct event_base *base;
	int priority;
	const struct link_ops *ops;
	void *ctx;
	int family;
	bool no_checksum;
	struct link *in_use; /* of conntrackd's protocol; NULL: all are */
	struct link link[SYNC_LINKS_MAX];
	unsigned n;
	struct event *retry;
	uint64_t head, tail; /* datagrams ever freed and queued */
	struct slot queue[QUEUE];
	struct mmsghdr rx_msg[BATCH];
	struct iovec rx_iov[BATCH];
	struct sockaddr_storage rx_from[BATCH];
	uint8_t rx_buf[BATCH][LINK_DATAGRAM_MAX];
};

/* link_use.c. count_silence: since the last look. */
void link_count_silence(struct links *l);
/* Takes another link into use where that is due. */
void link_choose(struct links *l);

#endif
