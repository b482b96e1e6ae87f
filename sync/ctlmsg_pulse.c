/* SPDX-License-Identifier: GPL-2.0-or-later */
/* That a process lives (pulse.h). */
#include "ctlmsg.h"

void ctl_pulse_encode(struct wr *w, const struct ctl_pulse *m)
{
	wr_be64(w, m->nonce);
	wr_u8(w, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++) {
		wr_be32(w, m->echo[i].to);
		wr_be64(w, m->echo[i].nonce);
	}
}

void ctl_pulse_decode(struct rd *r, struct ctl_pulse *m)
{
	m->nonce = rd_be64(r);
	m->n = rd_u8(r);
	if (m->n > CTL_PULSE_ECHOES_MAX) {
		r->bad = true;
		m->n = 0;
	}
	for (unsigned i = 0; i < m->n; i++) {
		m->echo[i].to = rd_be32(r);
		m->echo[i].nonce = rd_be64(r);
	}
}
