/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The questions by which it is found whether the router's servers answer. Pure. */
#ifndef DAEMON_SERVICE_QUERY_H
#define DAEMON_SERVICE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_DNS_PORT   53
#define SERVICE_NTP_PORT   123
#define SERVICE_QUERY_MAX  64
#define SERVICE_ANSWER_MAX 512 /* more is not read: RFC 1035 4.2.1; NTP's is 48 */

/* RFC 1035 4.1: the address of SERVICE_ALIVE_NAME, without recursion. Its length. */
size_t dns_query(uint8_t buf[static SERVICE_QUERY_MAX], uint16_t id);
/* It answers that question with SERVICE_ALIVE_ADDR. */
bool dns_is_answer(const uint8_t *buf, size_t len, uint16_t id);

/* Of a server of others: the root's name servers, with recursion. Its length. */
size_t dns_root_query(uint8_t buf[static SERVICE_QUERY_MAX], uint16_t id);
/* It answers that question, with whatever result (RFC 1035 4.1.1, *rcode is set only then). */
bool dns_root_parse(uint8_t *rcode, const uint8_t *buf, size_t len, uint16_t id);
/* "REFUSED" and the like; "code" for those without a name here. */
const char *dns_rcode_name(uint8_t rcode);

/* RFC 5905 7.3: a client's packet, mode 3, whose transmit timestamp is a number that comes back. */
size_t sntp_query(uint8_t buf[static SERVICE_QUERY_MAX], uint64_t nonce);

struct sntp_answer {
	uint8_t stratum;   /* 1..15 */
	bool synchronised; /* to a server; else it serves its own clock */
};
/* *out is set only when it is an answer to that. */
bool sntp_parse(struct sntp_answer *out, const uint8_t *buf, size_t len, uint64_t nonce);

#endif
