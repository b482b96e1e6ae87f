/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stmt.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "vrouter/addr.h"

/* ---- memory ---------------------------------------------------------------------------------- */

struct arena_chunk {
	struct arena_chunk *next;
	_Alignas(max_align_t) char bytes[];
};

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c;

	if (size > ARENA_MAX - a->used)
		return NULL;
	c = calloc(1, sizeof(*c) + size);
	if (!c)
		return NULL;
	a->used += size;
	c->next = a->head;
	a->head = c;
	return c->bytes;
}

char *arena_copy(struct arena *a, const char *text, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	if (p)
		memcpy(p, text, len);
	return p;
}

void arena_free(struct arena *a)
{
	while (a->head) {
		struct arena_chunk *c = a->head;

		a->head = c->next;
		free(c);
	}
	a->used = 0;
}

static bool txt_room(struct txt *t, size_t more)
{
	size_t need = t->len + more + 1, cap = t->cap ? t->cap : 256;

	if (t->failed || need > TXT_MAX) {
		t->failed = true;
		return false;
	}
	while (cap < need)
		cap *= 2;
	if (cap == t->cap)
		return true;

	char *p = realloc(t->p, cap);

	if (!p) {
		t->failed = true;
		return false;
	}
	t->p = p;
	t->cap = cap;
	return true;
}

void txt_put(struct txt *t, const char *bytes, size_t len)
{
	if (!txt_room(t, len))
		return;
	memcpy(t->p + t->len, bytes, len);
	t->len += len;
	t->p[t->len] = '\0';
}

void txt_add(struct txt *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && txt_room(t, (size_t)n)) {
		vsnprintf(t->p + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void txt_free(struct txt *t)
{
	free(t->p);
	*t = (struct txt){0};
}

struct stmt *stmt_add(struct arena *a, struct stmt ***tail, const char *file, int line,
		      char *const *word, unsigned n)
{
	struct stmt *s = arena_alloc(a, sizeof(*s));

	if (!s)
		return NULL;
	s->file = file;
	s->line = line;
	s->n = n;
	s->word = arena_alloc(a, n * sizeof(*s->word));
	if (!s->word)
		return NULL;
	memcpy(s->word, word, n * sizeof(*word));
	**tail = s;
	*tail = &s->next;
	return s;
}

/* ---- words ----------------------------------------------------------------------------------- */

int word_number(const char *w, unsigned *out)
{
	unsigned v = 0;

	if (!*w)
		return -EINVAL;
	for (; *w; w++) {
		if (*w < '0' || *w > '9' || v > (UINT32_MAX - 9) / 10)
			return -EINVAL;
		v = v * 10 + (unsigned)(*w - '0');
	}
	*out = v;
	return 0;
}

int word_signed(const char *w, int *out)
{
	bool minus = *w == '-';
	unsigned v;

	if (word_number(w + (*w == '-' || *w == '+'), &v) < 0 || v > INT32_MAX)
		return -EINVAL;
	*out = minus ? -(int)v : (int)v;
	return 0;
}

int word_bool(const char *w, bool *out)
{
	static const char *const yes[] = {"on", "yes", "true"}, *const no[] = {"off", "no",
									       "false"};

	for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcasecmp(w, yes[i]) == 0 || strcasecmp(w, no[i]) == 0) {
			*out = strcasecmp(w, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

int word_seconds(const char *w, uint64_t *us)
{
	const char *dot = strchr(w, '.');
	char whole[11] = "";
	size_t len = dot ? (size_t)(dot - w) : strlen(w);
	unsigned s = 0, part = 0, scale = 1000000;

	if (len >= sizeof(whole))
		return -EINVAL;
	memcpy(whole, w, len);
	if ((len || !dot) && word_number(whole, &s) < 0)
		return -EINVAL;
	if (dot && !dot[1])
		return -EINVAL;
	for (const char *p = dot ? dot + 1 : ""; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		scale /= 10; /* what is finer than a microsecond is nothing */
		part += (unsigned)(*p - '0') * scale;
	}
	*us = (uint64_t)s * 1000000 + part;
	return 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

const struct rule *rules_find(const struct rules *r, const char *name)
{
	const struct rule *any = NULL;

	for (unsigned i = 0; i < r->n; i++) {
		if (strcmp(r->rule[i].name, name) == 0)
			return &r->rule[i];
		if (strcmp(r->rule[i].name, "*") == 0)
			any = &r->rule[i];
	}
	return any;
}

void rules_names(const struct rules *r, struct txt *out)
{
	for (unsigned i = 0; i < r->n; i++)
		txt_add(out, "%s%s", i ? ", " : "", r->rule[i].name);
}

static bool is_address(const char *w, int family, bool net)
{
	struct ip_prefix p;
	struct ip_addr a;

	if (net && ip_prefix_parse(&p, w) == 0)
		return p.addr.family == family;
	return ip_addr_parse(&a, w) == 0 && a.family == family;
}

static const char *check_range(const struct rule *r, uint64_t v)
{
	if ((r->min || r->max) && (v < r->min || v > r->max))
		return "is out of its range";
	return NULL;
}

static const char *check_number(const struct rule *r, const char *w)
{
	unsigned v;

	return word_number(w, &v) < 0 ? "needs a number" : check_range(r, v);
}

static const char *check_seconds(const struct rule *r, const char *w)
{
	uint64_t us;

	if (word_seconds(w, &us) < 0)
		return "needs a number of seconds";
	return check_range(r, (us + 999999) / 1000000);
}

static const char *check_one(const struct rule *r, const char *w)
{
	bool b;
	int v;

	switch (r->arg) {
	case ARG_NUMBER:
		return check_number(r, w);
	case ARG_SECONDS:
		return check_seconds(r, w);
	case ARG_SIGNED:
		return word_signed(w, &v) < 0 ? "needs a number" : NULL;
	case ARG_BOOL:
	case ARG_BOOL_OPTIONAL:
		return word_bool(w, &b) < 0 ? "needs on or off (or yes, no)" : NULL;
	case ARG_PATH:
		return *w == '/' ? NULL : "needs an absolute path";
	case ARG_IP4:
		return is_address(w, AF_INET, false) ? NULL : "needs an IPv4 address";
	case ARG_IP6:
		return is_address(w, AF_INET6, false) ? NULL : "needs an IPv6 address";
	case ARG_NET4:
		return is_address(w, AF_INET, true) ? NULL : "needs an IPv4 address or network";
	case ARG_NET6:
		return is_address(w, AF_INET6, true) ? NULL : "needs an IPv6 address or network";
	case ARG_NONE:
	case ARG_ANY:
	case ARG_BOOL_OR_ANY:
	case ARG_WORD:
	case ARG_WORDS:
		break;
	}
	return NULL;
}

const char *rule_check(const struct rule *r, const struct stmt *s)
{
	unsigned n = s->n - 1;

	if (r->block && !s->block)
		return "needs a block { ... }";
	if (!r->block && !r->inner && s->block && r->verdict == IMPORT_USED)
		return "takes no block { ... }";
	if (r->arg == ARG_ANY || r->arg == ARG_WORDS)
		return n || r->arg == ARG_ANY ? NULL : "needs a value";
	if (r->arg == ARG_NONE ||
	    (n == 0 && (r->arg == ARG_BOOL_OPTIONAL || (s->block && !r->block))))
		return n ? "takes no value" : NULL;
	if (n == 0)
		return "needs a value";
	return n > 1 ? "takes one value" : check_one(r, s->word[1]);
}
