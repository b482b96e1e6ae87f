/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the router serves, and whom that asks. */
#include "check.h"

#include <string.h>

static const enum check_id line_of[SERVICE_IDS] = {
	[SERVICE_DNS] = CHECK_DNS, [SERVICE_NTP] = CHECK_NTP, [SERVICE_DHCP] = CHECK_DHCP};
static const enum check_id upstream_of[SERVICE_IDS] = {
	[SERVICE_DNS] = CHECK_DNS_UPSTREAM, [SERVICE_NTP] = CHECK_NTP_UPSTREAM};

static void judge_answer(struct check_line *l, const struct check_service *s, enum service_id id)
{
	char at[INET6_ADDRSTRLEN];

	ip_addr_format(&s->at, at);
	if (id == SERVICE_DNS)
		check_ok(l, "%s answers on %s", s->program, at);
	else if (s->ntp.synchronised)
		check_ok(l, "%s answers on %s, stratum %u", s->program, at, s->ntp.stratum);
	else
		check_ok(l,
			 "%s answers on %s, with this machine's own clock: it has none of its "
			 "servers' time yet",
			 s->program, at);
}

static void judge_service(struct check_lines *out, const struct check_facts *f, enum service_id id)
{
	const struct check_service *s = &f->service[id];
	struct check_line *l = check_add(out, line_of[id], "");
	char at[INET6_ADDRSTRLEN];

	if (!s->wanted)
		check_skip(l, "%s is not configured", service_options(id));
	else if (id == SERVICE_DHCP && !check_is_active(f))
		check_skip(l, "it runs on the ACTIVE controller");
	else if (s->state != SERVICE_UP)
		check_wrong(l, "it is started again by itself; the journal has what it says",
			    "%s is %s%s%s", s->program, service_state_name(s->state),
			    s->reason[0] ? ": " : "", s->reason);
	else if (!s->q.asked)
		check_ok(l, "%s runs; it cannot be asked%s", s->program,
			 id == SERVICE_NTP ? " while the VIP is elsewhere" : "");
	else if (!s->q.answered)
		check_wrong(l,
			    "it is started anew if it stays so; does an nft-file drop what comes "
			    "for it?",
			    "%s does not answer on %s%s%s", s->program, ip_addr_format(&s->at, at),
			    s->q.err ? ": " : "", s->q.err ? strerror(-s->q.err) : "");
	else
		judge_answer(l, s, id);
}

static void judge_upstream(struct check_lines *out, const struct check_facts *f, enum service_id id,
			   const struct check_upstream *u)
{
	char addr[INET6_ADDRSTRLEN];
	struct check_line *l = check_add(out, upstream_of[id], ip_addr_format(&u->addr, addr));

	if (u->q.err < 0 && !check_is_active(f))
		check_skip(l, "there is no way to it while STANDBY");
	else if (u->q.err < 0)
		check_wrong(l, "the route and the gateway lines say more", "cannot be asked: %s",
			    strerror(-u->q.err));
	else if (!u->q.answered)
		check_wrong(l, "is it up, and does it serve this router's address?",
			    "does not answer");
	else if (id == SERVICE_DNS && u->rcode)
		check_ok(l, "answers (%s %u to a question about the root)",
			 dns_rcode_name(u->rcode), u->rcode);
	else if (id == SERVICE_DNS)
		check_ok(l, "answers");
	else
		check_ok(l, "answers, stratum %u%s", u->ntp.stratum,
			 u->ntp.synchronised ? "" : ", not synchronised itself");
}

void check_judge_services(struct check_lines *out, const struct check_facts *f)
{
	for (unsigned id = 0; id < SERVICE_IDS; id++) {
		judge_service(out, f, (enum service_id)id);
		for (unsigned i = 0; i < f->service[id].n_up; i++)
			judge_upstream(out, f, (enum service_id)id, &f->service[id].up[i]);
	}
}
