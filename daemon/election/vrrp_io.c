/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joins the election's state machine to a raw socket on one interface, a timer and a clock.
 *
 * - The socket is read before the timer counts: an advertisement that has arrived but was not read
 *   yet, because this process stood still, is no silence of its sender.
 * - A BACKUP looks at its interface before it takes over: with the link down it hears nobody, and
 *   that makes nobody ACTIVE.
 * - Each wakeup reads a bounded number of packets. Each packet is counted: used, or by reason.
 * - While the interface is gone, down, without carrier or address, the instance is in INIT; it is
 *   looked at five times per second, and at once when sending fails. */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "../clock.h"
#include "vrrp_io_impl.h"

#define DRAIN_MAX 512 /* packets before the timer counts; more than the socket buffers */
#define RIVAL_US  1000000

/* ---- timer ---------------------------------------------------------------------------------- */

void vrrp_add_event(struct vrrp_io *io, struct event *ev, uint64_t us)
{
	struct timeval tv = timeval_us(us);

	/* libevent counts from the time at which it woke up; callbacks may have taken long since */
	event_base_update_cache_time(io->base);
	event_add(ev, &tv);
}

static bool may_doubt(const struct vrrp_io *io)
{
	return io->ops->on_doubt && io->inst.state == VRRP_BACKUP &&
	       io->inst.timer_why == VRRP_WHY_SILENCE && !io->doubted;
}

static void arm_at_deadline(struct vrrp_io *io)
{
	uint64_t now = now_us(), at = io->deadline_us;

	if (may_doubt(io))
		at -= vrrp_doubt_us(&io->inst) < at ? vrrp_doubt_us(&io->inst) : at;
	if (vrrp_fast_look_at(io, now) < at)
		at = vrrp_fast_look_at(io, now);
	io->due_us = at > now ? at : now;
	vrrp_add_event(io, io->timer, io->due_us - now);
}

static void arm(struct vrrp_io *io, uint64_t timer_us)
{
	if (timer_us == VRRP_TIMER_KEEP)
		return;
	io->doubted = false;
	if (timer_us == VRRP_TIMER_OFF) {
		io->deadline_us = 0;
		event_del(io->timer);
		return;
	}
	io->deadline_us = now_us() + timer_us;
	arm_at_deadline(io);
}

/* A BACKUP may have taken over meanwhile. */
static bool is_overdue(const struct vrrp_io *io)
{
	return now_us() - io->last_tx_us > vrrp_replaced_us(&io->cfg, false);
}

static bool may_be_replaced(const struct vrrp_io *io)
{
	return now_us() - io->last_tx_us > vrrp_replaced_us(&io->cfg, io->unheard);
}

/* ---- one step of the instance --------------------------------------------------------------- */

static void tell_rival(struct vrrp_io *io)
{
	char from[INET6_ADDRSTRLEN], what[VRRP_WHY_LEN];
	uint64_t now = now_us();

	if (io->last_rival_us && now - io->last_rival_us < RIVAL_US)
		return;
	io->last_rival_us = now;
	if (!io->ops->on_rival)
		return;
	snprintf(what, sizeof(what), "%s is ACTIVE, too, and bids %u; we bid %u and stay",
		 ip_addr_format(&io->heard.from, from), io->heard.prio,
		 vrrp_bid(&io->cfg, &io->inst));
	io->ops->on_rival(io->ctx, what);
}

static void advertise(struct vrrp_io *io, const struct vrrp_out *out)
{
	io->owes = (out->todo & VRRP_DO_BECOME) && vrrp_addresses_first(&io->inst, out->why);
	if (io->owes)
		io->last_tx_us = now_us(); /* nothing is overdue */
	else
		vrrp_advertise(io, vrrp_bid(&io->cfg, &io->inst));
}

/* The callbacks come last, as they may feed the next event. */
void vrrp_run(struct vrrp_io *io, struct vrrp_in in)
{
	uint8_t bid = vrrp_bid(&io->cfg, &io->inst);
	uint64_t tx_us = io->last_tx_us;
	struct vrrp_out out = vrrp_step(&io->cfg, &io->inst, in);

	arm(io, out.timer_us);
	if (out.todo & VRRP_DO_ADVERT)
		advertise(io, &out);
	if (out.todo & VRRP_DO_RESIGN)
		vrrp_advertise(io, VRRP_PRIO_RESIGN);
	if (out.todo & VRRP_DO_RIVAL)
		tell_rival(io);
	if (out.todo & VRRP_DO_BECOME) {
		char why[VRRP_WHY_LEN] = "";

		io->beatless = false;
		vrrp_explain(&(struct vrrp_news){.heard = &io->heard,
						 .now_us = now_us(),
						 .started_us = io->started_us,
						 .tx_us = tx_us,
						 .bid = bid,
						 .fault = io->fault},
			     out.why, why);
		io->ops->on_state(io->ctx, io->inst.state, why);
	}
}

/* ---- receiving ------------------------------------------------------------------------------ */

static enum vrrp_err check_stamp(struct vrrp_io *io, const struct vrrp_datagram *d)
{
	uint64_t nonce;
	enum vrrp_err err = vrrp_stamp_judge(&io->stamping, d, &nonce);

	if (nonce)
		vrrp_ask(io, &d->meta.src, nonce);
	return err;
}

static enum vrrp_err judge(struct vrrp_io *io, const struct vrrp_datagram *d, struct vrrp_packet *p)
{
	uint64_t nonce;
	enum vrrp_err err;

	if (!d->meta.src.family)
		return VRRP_E_IP;
	if (ip_addr_equal(&d->meta.src, &io->ends.self))
		return VRRP_E_OWN;
	err = vrrp_stamp_challenge(&io->stamping, io->ours.vrid, d, &nonce);
	vrrp_answer(io, nonce);
	if (err == VRRP_OK)
		err = vrrp_decode(p, &d->meta, d->packet.p, d->packet.left);
	if (err != VRRP_OK)
		return err;
	/* other virtual routers are not to be complained of */
	if (p->vrid == io->ours.vrid && !vrrp_ends_hear(&io->ends, &d->meta.src))
		return VRRP_E_PEER;
	err = vrrp_match(p, &io->ours);
	return err == VRRP_OK ? check_stamp(io, d) : err;
}

static void heard(struct vrrp_io *io, const struct vrrp_meta *meta, const struct vrrp_packet *p)
{
	bool from_other = io->active.family && !ip_addr_equal(&io->active, &meta->src);
	uint64_t now = now_us();

	io->stats.rx++;
	io->beatless = false;
	io->stats.rx_plain_sum += p->plain_sum;
	vrrp_say_differs(io, &meta->src, p, now);
	if (p->prio == VRRP_PRIO_RESIGN)
		io->stats.rx_prio_zero++;
	else
		io->active = meta->src;
	if (p->prio != VRRP_PRIO_RESIGN && io->held) {
		io->held = false;
		io->ops->on_heard(io->ctx);
	}
	io->heard = (struct vrrp_heard){.us = now, .from = meta->src, .prio = p->prio};
	vrrp_run(io, (struct vrrp_in){
			     .ev = VRRP_EV_ADVERT,
			     .prio = p->prio,
			     .adv_cs = p->adv_cs,
			     .now_us = now,
			     .from_higher_addr = ip_addr_cmp(&meta->src, &io->ends.self) > 0,
			     .from_other = from_other,
			     .overdue = vrrp_fast_was_silent(io) || is_overdue(io),
		     });
}

/* False: nothing was waiting. */
static bool receive_one(struct vrrp_io *io)
{
	struct vrrp_datagram d;
	struct vrrp_packet p;
	enum vrrp_err err;
	int rc = vrrp_sock_recv(io->fd, io->family, &d);

	if (rc == -EINTR)
		return true;
	if (rc < 0) {
		if (rc != -EAGAIN)
			event_active(io->probe, EV_TIMEOUT, 0);
		return false;
	}
	err = judge(io, &d, &p);
	if (err != VRRP_OK)
		vrrp_say_unused(io, err, &d.meta.src);
	else
		heard(io, &d.meta, &p);
	return true;
}

void vrrp_receive(struct vrrp_io *io, unsigned max)
{
	while (max-- && io->fd >= 0 && receive_one(io))
		;
}

void vrrp_start(struct vrrp_io *io, struct vrrp_in in)
{
	io->started_us = now_us();
	io->active.family = 0;
	vrrp_run(io, in);
}

/* ---- the time is up ------------------------------------------------------------------------- */

/* True: somebody is asked whether the ACTIVE is well. */
static bool doubt(struct vrrp_io *io)
{
	if (!may_doubt(io) || io->deadline_us > now_us() + vrrp_doubt_us(&io->inst))
		return false;
	io->doubted = true;
	return io->ops->on_doubt(io->ctx);
}

/* The time that passed while this process stood still was nobody's time to answer. */
static bool doubts_late(struct vrrp_io *io)
{
	bool active = io->inst.state == VRRP_ACTIVE;

	if (active && may_be_replaced(io) && io->ops->on_doubt && !io->doubted)
		io->doubted = io->ops->on_doubt(io->ctx);
	else if (!doubt(io))
		return false;
	io->deadline_us =
		now_us() + (active ? vrrp_adv_us(&io->cfg) / 2 : vrrp_doubt_us(&io->inst));
	arm_at_deadline(io);
	return io->doubted;
}

static bool is_held(const struct vrrp_io *io)
{
	if (io->inst.state == VRRP_ACTIVE)
		return io->doubted && io->ops->was_replaced(io->ctx);
	if (io->inst.state == VRRP_BACKUP && io->inst.timer_why == VRRP_WHY_WE_BID_MORE)
		return io->ops->may_preempt && !io->ops->may_preempt(io->ctx);
	return io->inst.state == VRRP_BACKUP && io->inst.timer_why == VRRP_WHY_SILENCE &&
	       io->ops->may_take_over && !io->ops->may_take_over(io->ctx);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct vrrp_io *io = arg;
	bool fast;

	(void)fd;
	(void)what;
	vrrp_receive(io, DRAIN_MAX);
	if (!io->deadline_us)
		return;
	fast = vrrp_fast_is_due(io);
	if (!fast && io->deadline_us > now_us()) {
		/* asked late, as this process stood still: the answer has as long to come */
		if (doubt(io) && io->deadline_us < now_us() + vrrp_doubt_us(&io->inst))
			io->deadline_us = now_us() + vrrp_doubt_us(&io->inst);
		arm_at_deadline(io);
		return;
	}
	if ((!fast && doubts_late(io)) || (io->inst.state == VRRP_BACKUP && !vrrp_look_at_link(io)))
		return;

	bool held = is_held(io);

	io->held = held && io->inst.timer_why != VRRP_WHY_WE_BID_MORE;
	io->beatless &= !held; /* what holds it has its own time */
	io->stats.fast_takeovers += fast && !held;
	vrrp_run(io, (struct vrrp_in){.ev = VRRP_EV_TIMER, .held = held, .beatless = fast});
}

/* ---- interface of the module ---------------------------------------------------------------- */

static int init(struct vrrp_io *io)
{
	io->timer = evtimer_new(io->base, on_timer, io);
	if (!io->timer)
		return -ENOMEM;

	int err = vrrp_stamp_open(&io->stamping);

	return err ? err : vrrp_interface_open(io);
}

static void use_cfg(struct vrrp_io *io, const struct vrrp_io_cfg *cfg)
{
	io->cfg = cfg->fsm;
	io->ours.version = cfg->fsm.version;
	io->ours.adv_cs = cfg->fsm.adv_cs;
	io->ours.plain_sum = cfg->plain_sum;
	io->ours.n_addrs = cfg->n_addrs;
	memcpy(io->ours.addrs, cfg->addrs, sizeof(io->ours.addrs));
	vrrp_stamp_use(&io->stamping, cfg);
}

int vrrp_io_new(struct vrrp_io **out, struct event_base *base, const struct vrrp_io_cfg *cfg,
		const struct vrrp_io_ops *ops, void *ctx)
{
	struct vrrp_io *io;
	int err;

	if (strlen(cfg->interface) >= IFNAMSIZ || !cfg->vrid || !cfg->n_addrs ||
	    cfg->n_addrs > VRRP_MAX_ADDRS)
		return -EINVAL;
	io = calloc(1, sizeof(*io));
	if (!io)
		return -ENOMEM;
	io->base = base;
	io->ops = ops;
	io->ctx = ctx;
	io->fd = -1;
	io->link_fd = -1;
	io->watch_fd = -1;
	io->family = cfg->family;
	io->peers = cfg->peers;
	use_cfg(io, cfg);
	io->ours.vrid = cfg->vrid;
	snprintf(io->router, sizeof(io->router), "%s", cfg->router);
	snprintf(io->interface, sizeof(io->interface), "%s", cfg->interface);
	err = init(io);
	if (err) {
		vrrp_io_free(io);
		return err;
	}
	*out = io;
	return 0;
}

void vrrp_io_free(struct vrrp_io *io)
{
	if (!io)
		return;
	seal_forget(&io->stamping.keys);
	if (io->timer)
		event_free(io->timer);
	vrrp_interface_close(io);
	free(io);
}

void vrrp_io_event(struct vrrp_io *io, struct vrrp_in in)
{
	if (in.ev == VRRP_EV_START || in.ev == VRRP_EV_ADOPT) {
		io->wanted = true;
		/* recovery starts it by itself; otherwise it is still to be done */
		if (vrrp_look_at_link(io) && io->inst.state == VRRP_INIT)
			vrrp_start(io, in);
		return;
	}
	if (in.ev == VRRP_EV_STOP)
		io->wanted = false;
	vrrp_run(io, in);
}

void vrrp_io_continue(struct vrrp_io *io, const struct vrrp_lifetime *l)
{
	if (l->epoch)
		io->stamping.life = *l;
}

void vrrp_io_judge(struct vrrp_io *io)
{
	if (io->held && io->deadline_us)
		arm(io, 0);
}

void vrrp_io_beats(struct vrrp_io *io, bool missing, uint64_t awake_us)
{
	uint64_t now = now_us(), woke = now - (awake_us < now ? awake_us : now);

	io->beatless = missing && io->cfg.fast && vrrp_may_be_fast(&io->inst);
	if (woke > io->woke_us)
		io->woke_us = woke;
	if (io->deadline_us)
		arm_at_deadline(io);
}

void vrrp_io_unheard(struct vrrp_io *io, bool unheard)
{
	io->unheard = unheard;
}

bool vrrp_io_is_well(const struct vrrp_io *io)
{
	return io->inst.state == VRRP_ACTIVE && !io->inst.resigning &&
	       vrrp_bid(&io->cfg, &io->inst) != VRRP_PRIO_BLIND && !is_overdue(io);
}

void vrrp_io_has_addresses(struct vrrp_io *io)
{
	if (io->owes && io->inst.state == VRRP_ACTIVE)
		vrrp_advertise(io, vrrp_bid(&io->cfg, &io->inst));
	io->owes = false;
}

void vrrp_io_reconfigure(struct vrrp_io *io, const struct vrrp_io_cfg *cfg, bool worse)
{
	bool same = cfg->fsm.prio == io->cfg.prio && cfg->fsm.adv_cs == io->cfg.adv_cs &&
		    cfg->fsm.preempt == io->cfg.preempt && cfg->fsm.fast == io->cfg.fast &&
		    cfg->plain_sum == io->ours.plain_sum;

	use_cfg(io, cfg);
	if (!same)
		vrrp_run(io, (struct vrrp_in){.ev = VRRP_EV_RECONF, .worse = worse});
}

uint64_t vrrp_io_delay_us(const struct vrrp_io *io)
{
	return vrrp_delay_us(&io->cfg, &io->inst, now_us());
}

const struct vrrp_inst *vrrp_io_inst(const struct vrrp_io *io)
{
	return &io->inst;
}

const struct vrrp_stats *vrrp_io_stats(const struct vrrp_io *io)
{
	return &io->stats;
}

bool vrrp_io_last_heard(const struct vrrp_io *io, uint64_t *us_ago, struct ip_addr *from,
			uint8_t *prio)
{
	if (!io->heard.us)
		return false;
	*us_ago = now_us() - io->heard.us;
	*from = io->heard.from;
	*prio = io->heard.prio;
	return true;
}

const struct vrrp_ends *vrrp_io_ends(const struct vrrp_io *io)
{
	return &io->ends;
}
