/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is heard of several namespaces through one set of sockets, and what that is good for: a
 * promotion that reads nothing when nothing has been heard. */
#include "net_lab.h"

#include <event2/event.h>

/* Two routers' namespaces, both watched: the one of the story, and another one. */
struct pair {
	struct event_base *base;
	struct net_host *host;
	struct net_watch *watch, *noisy_watch;
	struct netns *noisy;
	char noisy_name[NET_NAME_MAX], batch[64];
	unsigned calls, noisy_calls, changed;
};

static void on_change(void *ctx, const struct net_news *news)
{
	struct pair *p = ctx;
	unsigned changed;

	(void)news;
	p->calls++;
	assert_ok(net_ensure(s.ns, &s.d, &changed, reason));
	p->changed += changed;
}

static void on_noise(void *ctx, const struct net_news *news)
{
	(void)news;
	((struct pair *)ctx)->noisy_calls++;
}

static void run_loop(struct pair *p, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(p->base, &tv);
	event_base_dispatch(p->base);
}

/* Names of its own each time: the noise of a former one may go on until it misses them. */
static void open_pair(struct pair *p)
{
	static unsigned number;
	bool created;

	*p = (struct pair){.base = event_base_new()};
	snprintf(p->noisy_name, sizeof(p->noisy_name), "%.50s-%u", s.router, ++number);
	snprintf(p->batch, sizeof(p->batch), "/tmp/net-lab-batch.%d.%u", (int)getpid(), number);
	assert_ok(netns_open(&p->noisy, p->noisy_name, &created, reason));
	assert_ok(net_host_new(&p->host, p->base));
	assert_ok(net_watch_new(&p->watch, s.ns, p->host, on_change, p));
	assert_ok(net_watch_new(&p->noisy_watch, p->noisy, p->host, on_noise, p));
}

static void close_pair(struct pair *p)
{
	net_watch_free(p->noisy_watch);
	net_watch_free(p->watch);
	net_host_free(p->host);
	netns_close(p->noisy);
	(void)unlink(p->batch);
	assert_ok(netns_remove(p->noisy_name));
	event_base_free(p->base);
}

/* Each is two messages when it comes, and two when it goes. */
static void write_batch(const struct pair *p, unsigned addresses)
{
	assert_int_equal(probe_sh("i=0; while [ $i -lt %u ]; do echo addr add 192.0.2.1/32 dev lo; "
				  "echo addr del 192.0.2.1/32 dev lo; i=$((i + 1)); done >%s",
				  addresses, p->batch),
			 0);
}

static void take_vip_away(void)
{
	assert_int_equal(probe_sh("ip -n %s addr del 10.20.0.1/24 dev vr-mgmt", s.router), 0);
}

/* Until the VIP is there again, or for seconds. */
static void assert_repaired(struct pair *p)
{
	for (unsigned i = 0; i < 100 && !p->changed; i++)
		run_loop(p, 50);
	assert_true(p->changed > 0);
	talk();
}

/* One namespace in which things change without end, beside ours. */
void noise_next_door(void **state)
{
	const struct net_heard *heard;
	struct pair p;

	(void)state;
	ensure(true);
	open_pair(&p);
	heard = net_host_heard(p.host);
	write_batch(&p, 2000);
	assert_int_equal(
		probe_sh("ip -n %s link set lo up; timeout 5 sh -c 'while ip -n %s -batch %s; "
			 "do :; done' >/dev/null 2>&1 &",
			 p.noisy_name, p.noisy_name, p.batch),
		0);
	for (unsigned i = 0; i < 100 && p.noisy_calls < 2; i++)
		run_loop(&p, 50);
	assert_true(p.noisy_calls >= 2);
	assert_int_equal(p.calls, 0); /* the other one's changes are none of ours */
	take_vip_away();
	assert_repaired(&p);
	assert_int_equal(heard->overflows, 0);
	close_pair(&p);
}

/* Nobody reads, and the queue is full: then everything is looked at. */
void messages_lost(void **state)
{
	const struct net_heard *heard;
	struct pair p;

	(void)state;
	ensure(true);
	open_pair(&p);
	heard = net_host_heard(p.host);
	write_batch(&p, 8000);
	assert_int_equal(probe_sh("ip -n %s link set lo up && ip -n %s -batch %s", p.noisy_name,
				  p.noisy_name, p.batch),
			 0);
	take_vip_away();
	assert_repaired(&p);
	assert_true(heard->overflows > 0);
	close_pair(&p);
}

/* Of a namespace that is not watched nothing comes, nor of one that is watched no more. */
void strangers(void **state)
{
	const struct net_heard *heard;
	struct pair p;

	(void)state;
	open_pair(&p);
	heard = net_host_heard(p.host);
	assert_int_equal(probe_sh("ip link add other type bridge && ip link del other"), 0);
	run_loop(&p, 100);
	assert_int_equal(heard->messages, 0);
	net_watch_free(p.noisy_watch);
	p.noisy_watch = NULL;
	assert_int_equal(probe_sh("ip -n %s link set lo up", p.noisy_name), 0);
	run_loop(&p, 100);
	assert_true(heard->messages > 0);
	assert_int_equal(heard->foreign, heard->messages);
	/* the same namespace has its number still */
	p.noisy_calls = 0;
	assert_ok(net_watch_new(&p.noisy_watch, p.noisy, p.host, on_noise, &p));
	assert_int_equal(probe_sh("ip -n %s link set lo down", p.noisy_name), 0);
	for (unsigned i = 0; i < 100 && !p.noisy_calls; i++)
		run_loop(&p, 50);
	assert_true(p.noisy_calls > 0);
	close_pair(&p);
}

static void promote(void)
{
	unsigned changed = 0;

	s.d.active = true;
	assert_ok(net_promote(s.ns, &s.d, &changed, reason));
	assert_true(changed >= 3); /* two VIPs and a route */
	assert_int_equal(ensure(true), 0);
	talk();
}

void known_promotion(void **state)
{
	struct net_leg *leg = &s.d.leg[NET_MANAGEMENT];
	struct pair p;

	(void)state;
	open_pair(&p);
	ensure(false);
	ensure(false);
	run_loop(&p, 200);
	promote();
	/* what nobody has looked at yet is heard, and read before anything is done */
	ensure(false);
	ensure(false);
	assert_int_equal(probe_sh("ip -n %s addr add 192.0.2.9/24 dev vr-ex", s.router), 0);
	promote();
	/* what was known of another configuration is not done */
	ensure(false);
	run_loop(&p, 200);
	ensure(false);
	leg->vip[1] = leg->vip[0];
	leg->vip[1].addr.b[3] = 9;
	leg->n_vips = 2;
	net_forget(s.ns);
	promote();
	leg->n_vips = 1;
	/* where nobody listens it is read */
	net_watch_free(p.watch);
	p.watch = NULL;
	ensure(false);
	assert_int_equal(probe_sh("ip -n %s addr add 192.0.2.9/24 dev vr-ex", s.router), 0);
	promote();
	close_pair(&p);
}
