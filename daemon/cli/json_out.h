/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes JSON straight to standard output, in one pass: for lists of a million, where building each
 * object in memory first (jansson) takes most of the time. */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

struct json_out {
	bool comma; /* before the next value */
};

/* key: NULL inside of a list and at the top */
void json_out_open(struct json_out *j, const char *key, char bracket);
void json_out_close(struct json_out *j, char bracket);
void json_out_number(struct json_out *j, const char *key, uint64_t v);
void json_out_text(struct json_out *j, const char *key, const char *v); /* NULL: null */

#endif
