/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold for any text that `vrouterctl import` reads: no crash, an answer with a reason,
 * and a result that the daemon takes or refuses with a reason. */
#ifndef TESTS_FUZZ_IMPORT_TARGET_H
#define TESTS_FUZZ_IMPORT_TARGET_H

#include <errno.h>
#include <string.h>

#include "../../conntrackd-conf/import.h"
#include "vrouter/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static inline void check_result(const struct txt *out)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;
	int err = conf_load_text(&c, out->p, "result", &e);

	/* an address or a name may be one that only the daemon's own checks refuse */
	check((err == 0) == (e.n + e.more == 0));
	for (unsigned i = 0; i < e.n; i++)
		check(!strstr(e.text[i], "parse") && !strstr(e.text[i], "no such option"));
	conf_errors_free(&e);
	conf_free(c);
}

static inline void import_as(const uint8_t *data, size_t size, import_include *include,
			     bool conntrackd)
{
	const struct import_opts opts = {
		.controller = "c", .config_id = "a", .conntrackd = conntrackd};
	struct import *im;
	struct txt out = {0};

	if (import_new(&im, &opts, include, (void *)(uintptr_t)data) < 0)
		return;
	import_text(im, "fuzz", (const char *)data, size);

	int err = import_build(im, &out);

	check(err == 0 || err == -EINVAL);
	check((err == 0) == (import_count(im, IMPORT_ERROR) == 0));
	if (!err)
		check_result(&out);
	txt_free(&out);
	import_free(im);
}

static inline void import_any(const uint8_t *data, size_t size, import_include *include)
{
	import_as(data, size, include, false);
	import_as(data, size, include, true);
}

#endif
