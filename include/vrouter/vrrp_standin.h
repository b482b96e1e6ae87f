/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another process needs to leave an election, or to stand in for a vrrp_io whose own process
 * is gone. Plain values: they go from process to process as they are. Shell. */
#ifndef VROUTER_VRRP_STANDIN_H
#define VROUTER_VRRP_STANDIN_H

#include "vrouter/vrrp_auth.h"

/* What it takes to resign in our place: a packet with priority 0 for each that it goes to, as the
 * checksum covers whom. */
struct vrrp_resignation {
	unsigned ifindex, n;
	struct ip_addr src;
	bool whole; /* with IP header and stamp */
	struct {
		struct ip_addr dst;
		size_t len;
		uint8_t packet[VRRP_WHOLE_MAX];
	} to[VRRP_MAX_PEERS];
};

/* And to be ACTIVE in our place for a while: what we say, what of others is about us, and what
 * settles it between the two. */
struct vrrp_standin {
	struct vrrp_resignation resignation;
	struct vrrp_stamping stamping; /* with the keys of this router's VRRP, if it is used */
	char interface[16];
	int family;
	struct vrrp_ends ends;
	struct vrrp_packet ours; /* with the priority that is bid */
	struct vrrp_cfg fsm;
	bool able; /* it is ACTIVE, and not about to leave */
	bool boosted, blind;
};

/* The socket to send it on (borrowed, until the next fault), or -ENOTCONN while the interface is
 * unusable. */
must_check int vrrp_io_resignation(struct vrrp_io *io, struct vrrp_resignation *out);
/* The same; also -ENOTCONN while this is not ACTIVE. What is bid later is another one. To be
 * forgotten (vrrp_standin_forget()) when it is used no more. */
must_check int vrrp_io_standin(struct vrrp_io *io, struct vrrp_standin *out);

/* fd: of vrrp_io_standin() or vrrp_io_resignation(). They say and hear what vrrp_io would. */
must_check int vrrp_resign(const struct vrrp_resignation *r, int fd); /* 0 or -errno */
/* nonce: of the challenge that it answers; 0: none. 0 or -errno. */
must_check int vrrp_standin_advertise(struct vrrp_standin *s, int fd, uint64_t nonce);
enum vrrp_standin_heard {
	VRRP_HEARD_NOTHING,   /* of use */
	VRRP_HEARD_ADVERT,    /* of this router, by another controller */
	VRRP_HEARD_UNPROVEN,  /* that, perhaps: its sender has been asked who it is */
	VRRP_HEARD_CHALLENGE, /* somebody asks who we are */
};
struct vrrp_standin_news {
	enum vrrp_standin_heard what;
	struct vrrp_packet packet; /* ADVERT */
	bool from_higher_addr;	   /* ADVERT */
	uint64_t nonce;		   /* CHALLENGE */
};
/* One packet. 0, or -errno: nothing was waiting (-EAGAIN), or the socket is of no use. */
must_check int vrrp_standin_hear(struct vrrp_standin *s, int fd, struct vrrp_standin_news *news);
void vrrp_standin_forget(struct vrrp_standin *s); /* the keys */
/* NULL: the interface is as it was; else what it is not (static). */
const char *vrrp_standin_look(const struct vrrp_standin *s);

#endif
