/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statements that mean something for conntrackd's own protocol, which vrouterd speaks where it is
 * asked to, and little or nothing for the native one. */
#include <string.h>

#include "ctd_ids.h"
#include "model.h"

#define REFRESH_MAX 3600 /* s, of sync { refresh } */

/* Native has the first verdict and reason, conntrackd's protocol is USED as the second. */
static bool say_by_protocol(struct import *im, const struct stmt *s, enum import_verdict native,
			    const char *why, const char *as)
{
	bool wire = im->opts.conntrackd;

	import_say(im, wire ? IMPORT_USED : native, s, "%s: %s", s->word[0], wire ? as : why);
	return true;
}

static bool take_mode(struct import *im, const struct stmt *s)
{
	static const struct {
		const char *theirs, *ours;
	} mode[] = {{"FTFW", "ft-fw"},
		    {"NOTRACK", "notrack"},
		    {"ALARM", "alarm"},
		    {"NACK", "ft-fw"},
		    {"PERSISTENT", "alarm"}};

	for (unsigned i = 0; s->n == 2 && i < ARRAY_LEN(mode); i++) {
		if (strcasecmp(s->word[1], mode[i].theirs) != 0)
			continue;
		im->ctd.mode = mode[i].ours;
		return say_by_protocol(im, s, IMPORT_USED,
				       "sync { protocol = \"native\" }: one protocol, without loss",
				       "sync { protocol = \"conntrackd\" mode }");
	}
	import_say(im, IMPORT_ERROR, s, "Mode: needs FTFW, NOTRACK or ALARM");
	return false;
}

static bool take_refresh(struct import *im, const struct stmt *s)
{
	(void)!word_number(s->word[1], &im->ctd.refresh); /* the table has checked it */
	if (im->opts.conntrackd && (im->ctd.refresh < 1 || im->ctd.refresh > REFRESH_MAX)) {
		import_say(im, IMPORT_ERROR, s,
			   "RefreshTime: is out of the range of sync { refresh }; allowed: 1 to %d",
			   REFRESH_MAX);
		return false;
	}
	return say_by_protocol(im, s, IMPORT_NOTHING,
			       "changes alone are sent, and a digest of all of them repairs the "
			       "rest",
			       "sync { refresh }, where mode is alarm");
}

static bool take_checksum(struct import *im, const struct stmt *s)
{
	bool on = true;

	(void)!word_bool(s->word[1], &on);
	im->ctd.no_checksum = im->ctd.no_checksum || !on;
	return say_by_protocol(im, s, IMPORT_NOTHING, "each datagram is sealed: sync { security }",
			       "sync { checksum }");
}

bool ctd_take_protocol(struct import *im, unsigned id, const struct stmt *s)
{
	if (id == CTD_MODE)
		return take_mode(im, s);
	if (id == CTD_REFRESH)
		return take_refresh(im, s);
	if (id == CTD_CHECKSUM)
		return take_checksum(im, s);
	import_say(im, IMPORT_NOTHING, s, "%s: %s", s->word[0],
		   im->opts.conntrackd ? "is four times sync { refresh }, at least 180 s"
				       : "changes alone are sent, and a digest of all of them "
					 "repairs the rest");
	return true;
}

bool ctd_take_stream(struct import *im, const struct stmt *s)
{
	return say_by_protocol(im, s, IMPORT_USED,
			       "a link of sync; over UDP, which loses nothing here either",
			       "sync { transport = \"tcp\" }");
}
