/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines to stderr (with <N> priority prefixes when systemd reads it) or to syslog. Shell only:
 * the pure core returns reasons and never logs. Every line reads "subsys[instance]: text".
 * log_remote: somebody else misbehaved; limited by a token bucket, what it dropped is said later.
 */
#ifndef VROUTER_LOG_H
#define VROUTER_LOG_H

#include <stdbool.h>

#include "vrouter/util.h"

/* To be called once, before the first line. Without it lines go to stderr at info level. */
void log_init(const char *ident, bool to_syslog, bool debug);
/* From here on no line needs a file (the time zone is read). Whether lines go to syslog. */
bool log_prepare(void);

/* instance may be NULL. */
void log_err(const char *subsys, const char *instance, const char *fmt, ...) printf_like(3, 4);
void log_warn(const char *subsys, const char *instance, const char *fmt, ...) printf_like(3, 4);
void log_info(const char *subsys, const char *instance, const char *fmt, ...) printf_like(3, 4);
void log_debug(const char *subsys, const char *instance, const char *fmt, ...) printf_like(3, 4);
void log_remote(const char *subsys, const char *instance, const char *fmt, ...) printf_like(3, 4);

#endif
