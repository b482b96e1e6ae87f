/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The config file as text, before it is parsed. Pure. */
#ifndef DAEMON_CONF_TEXT_H
#define DAEMON_CONF_TEXT_H

#include <stddef.h>

/* Overwrites comments (# and // to the end of the line, C's own) with blanks, so that line numbers
 * stay true. 0, or the line of something that no config can hold; *why says what. */
int conf_text_strip(char *text, size_t len, const char **why);

#endif
