/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a config file with libConfuse and turns it into struct conf by the tables of conf_option.c.
 *
 * libConfuse is used for syntax only: to it, every option is text, and a callback wraps the text
 * together with its line. So all wrong values of a file are reported at once, with the line of
 * each; a syntax error or an unknown name ends the reading where it is.
 *
 * The line of a section comes from a hidden option with a default value: libConfuse evaluates it
 * when the section opens. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <confuse.h>

#include "conf_option.h"
#include "conf_text.h"
#include "conf_track.h"

#define LINE_OPTION   "__line"
#define OPTIONS_MAX   48
#define CONF_SUBS_MAX 20
#define WHERE_MAX     160
#define ALLOWED_MAX   200

struct node { /* a value as it was written */
	int line;
	char *option, *text;
};

/* libConfuse hands no context to its callbacks and its lexer is a global anyway. */
static struct {
	struct conf_errors *errors;
	const char *file;
	bool parsing;
	int overwritten_line;
} reading;

static void node_free(void *p)
{
	struct node *n = p;

	/* While parsing, libConfuse frees a value only because the option comes a second time. */
	if (reading.parsing && n->line != reading.overwritten_line) {
		reading.overwritten_line = n->line;
		conf_error(reading.errors, reading.file, n->line,
			   "%s: is given again further down; an option may be given once",
			   n->option);
	}
	free(n->option);
	free(n->text);
	free(n);
}

static int node_new(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return -1;
	n->line = cfg->line;
	n->option = strdup(opt->name);
	n->text = strdup(value);
	if (!n->option || !n->text) {
		free(n->option);
		free(n->text);
		free(n);
		return -1;
	}
	*(void **)result = n;
	return 0;
}

/* 'router "name"', 'router "name": public' or 'the file' */
static const char *section_name(const cfg_t *cfg, char buf[static WHERE_MAX])
{
	if (strcmp(cfg->name, "root") == 0)
		snprintf(buf, WHERE_MAX, "the file");
	else if (cfg->title)
		snprintf(buf, WHERE_MAX, "%s \"%s\"", cfg->name, cfg->title);
	else
		snprintf(buf, WHERE_MAX, "%s", cfg->name);
	return buf;
}

static size_t add_known(const cfg_t *cfg, char *buf, size_t cap)
{
	size_t at = 0;

	buf[0] = '\0';
	for (const cfg_opt_t *o = cfg->opts; o->name && at < cap; o++)
		if (strcmp(o->name, LINE_OPTION) != 0)
			at += (size_t)snprintf(buf + at, cap - at, "%s%s", at ? ", " : "", o->name);
	return at;
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[256], known[640], where[WHERE_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (strncmp(fmt, "no such option", strlen("no such option")) == 0) {
		add_known(cfg, known, sizeof(known));
		conf_error(reading.errors, reading.file, cfg->line, "%s in %s; allowed: %s", text,
			   section_name(cfg, where), known);
	} else {
		conf_error(reading.errors, reading.file, cfg->line, "%s (in %s)", text,
			   section_name(cfg, where));
	}
}

/* ---- the shape of the file, for libConfuse ----------------------------------------------------
 */

static void option_of(cfg_opt_t *to, const struct conf_option *o)
{
	cfg_opt_t single = CFG_PTR_CB(o->name, NULL, CFGF_NONE, node_new, node_free);
	cfg_opt_t list = CFG_PTR_LIST_CB(o->name, NULL, CFGF_NONE, node_new, node_free);

	*to = o->list_max ? list : single;
}

/* Fills opts[] for a section; returns the next free slot. */
static unsigned options_of(cfg_opt_t opts[static OPTIONS_MAX], const struct conf_section *s)
{
	static char line_default[] = ".";
	cfg_opt_t line = CFG_PTR_CB(LINE_OPTION, line_default, CFGF_NONE, node_new, node_free);
	unsigned n = 0;

	opts[n++] = line;
	for (unsigned i = 0; i < s->n_options; i++)
		option_of(&opts[n++], &s->option[i]);
	return n;
}

static void section_of(cfg_opt_t *to, const struct conf_section *s, cfg_opt_t *opts)
{
	/* MULTI for all, so that a second one is seen and refused instead of merged */
	cfg_flag_t flags = CFGF_MULTI | (s->titled ? CFGF_TITLE | CFGF_NO_TITLE_DUPES : 0);
	cfg_opt_t sec = CFG_SEC(s->name, opts, flags);

	*to = sec;
}

static cfg_t *shape_new(void)
{
	static const cfg_opt_t end = CFG_END();
	cfg_opt_t top[CONF_SECS + 1], opts[CONF_SECS][OPTIONS_MAX];
	cfg_opt_t inner[CONF_SECS][CONF_SUBS_MAX][OPTIONS_MAX];

	for (unsigned i = 0; i < CONF_SECS; i++) {
		const struct conf_section *s = &conf_sections[i];
		unsigned n = options_of(opts[i], s);

		for (unsigned k = 0; k < s->n_subs; k++) {
			inner[i][k][options_of(inner[i][k], &s->sub[k])] = end;
			section_of(&opts[i][n++], &s->sub[k], inner[i][k]);
		}
		opts[i][n] = end;
		section_of(&top[i], s, opts[i]);
	}
	top[CONF_SECS] = end;
	return cfg_init(top, CFGF_NONE); /* copies them */
}

/* ---- from libConfuse's tree to struct conf ----------------------------------------------------
 */

static int line_of(cfg_t *sec)
{
	const struct node *n = cfg_getptr(sec, LINE_OPTION);

	return n ? n->line : 0;
}

static void set_line(void *base, ptrdiff_t offset, int line)
{
	if (offset)
		memcpy((char *)base + offset, &line, sizeof(line));
}

static void take_value(const struct conf_option *o, void *base, unsigned i, const struct node *n,
		       const char *where)
{
	char allowed[ALLOWED_MAX];
	const char *why = conf_option_set(o, base, i, n->text);

	if (why)
		conf_error(reading.errors, reading.file, n->line,
			   "%s: %s = \"%.80s\": %s; allowed: %s", where, o->name, n->text, why,
			   conf_option_allowed(o, allowed, sizeof(allowed)));
}

static void take_option(const struct conf_option *o, cfg_t *sec, void *base, const char *where)
{
	char allowed[ALLOWED_MAX];
	unsigned n = cfg_size(sec, o->name), max = o->list_max ? o->list_max : 1;
	const struct node *first = n ? cfg_getnptr(sec, o->name, 0) : NULL;

	if (!first) {
		if (o->required)
			conf_error(reading.errors, reading.file, line_of(sec),
				   "%s: %s is missing; allowed: %s", where, o->name,
				   conf_option_allowed(o, allowed, sizeof(allowed)));
		return;
	}
	set_line(base, o->line_offset, first->line);
	if (n > max)
		conf_error(reading.errors, reading.file, first->line,
			   "%s: %s lists %u values; allowed: at most %u", where, o->name, n, max);
	for (unsigned i = 0; i < n && i < max; i++)
		take_value(o, base, i, cfg_getnptr(sec, o->name, i), where);
	if (o->count_offset) {
		unsigned count = n < max ? n : max;

		memcpy((char *)base + o->count_offset, &count, sizeof(count));
	}
}

static void take_options(const struct conf_section *s, cfg_t *sec, void *base, const char *where)
{
	set_line(base, s->line_offset, line_of(sec));
	for (unsigned i = 0; i < s->n_options; i++)
		take_option(&s->option[i], sec, base, where);
}

static void check_title(cfg_t *sec, const char *where)
{
	if (!conf_name_ok(sec->title))
		conf_error(reading.errors, reading.file, line_of(sec),
			   "%s: is no name; allowed: 1 to %d letters, digits, '.', '_' or '-', not "
			   "first '.' or '-'",
			   where, CONF_NAME_MAX - 1);
}

static void copy_name(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from);
}

/* Sections that there may be many of, each in its element of a list. */
static void take_list(const struct conf_section *s, cfg_t *outer, void *base, const char *where)
{
	unsigned n = cfg_size(outer, s->name), count = n < s->list_max ? n : s->list_max;

	if (n > count)
		conf_error(
			reading.errors, reading.file, line_of(cfg_getnsec(outer, s->name, count)),
			"%s: %u %s sections; allowed: at most %u", where, n, s->name, s->list_max);
	for (unsigned i = 0; i < count; i++) {
		cfg_t *sec = cfg_getnsec(outer, s->name, i);
		char *to = (char *)base + s->offset + i * s->size;
		char inside[WHERE_MAX * 2], own[WHERE_MAX];

		snprintf(inside, sizeof(inside), "%s: %s", where, section_name(sec, own));
		check_title(sec, inside);
		copy_name(to, CONF_NAME_MAX, sec->title);
		if (s->defaults)
			s->defaults(to);
		take_options(s, sec, to, inside);
	}
	if (count) /* what is not written to is not there, see struct conf_router */
		memcpy((char *)base + s->count_offset, &count, sizeof(count));
}

static void take_sub(const struct conf_section *s, cfg_t *outer, void *base, const char *where)
{
	unsigned n = cfg_size(outer, s->name);
	char inside[WHERE_MAX * 2];

	snprintf(inside, sizeof(inside), "%s: %s", where, s->name);
	if (n > 1)
		conf_error(reading.errors, reading.file, line_of(cfg_getnsec(outer, s->name, 1)),
			   "%s: a second one; allowed: one", inside);
	if (n)
		take_options(s, cfg_getnsec(outer, s->name, 0), (char *)base + s->offset, inside);
	else if (s->required)
		conf_error(reading.errors, reading.file, line_of(outer), "%s: section is missing",
			   inside);
}

static void take_section(const struct conf_section *s, cfg_t *sec, void *base, const char *where)
{
	take_options(s, sec, base, where);
	for (unsigned k = 0; k < s->n_subs; k++) {
		if (s->sub[k].list_max)
			take_list(&s->sub[k], sec, base, where);
		else
			take_sub(&s->sub[k], sec, base, where);
	}
}

static cfg_t *take_single(cfg_t *root, struct conf *c, unsigned which)
{
	const struct conf_section *s = &conf_sections[which];
	unsigned n = cfg_size(root, s->name);
	char where[WHERE_MAX];

	if (n > 1)
		conf_error(reading.errors, reading.file, line_of(cfg_getnsec(root, s->name, 1)),
			   "%s: a second one; allowed: one", s->name);
	if (!n) {
		if (s->required)
			conf_error(reading.errors, reading.file, 0,
				   "section %s is missing; allowed: %s \"NAME\" { ... }", s->name,
				   s->name);
		return NULL;
	}

	cfg_t *sec = cfg_getnsec(root, s->name, 0);

	take_section(s, sec, (char *)c + s->offset, section_name(sec, where));
	return sec;
}

static void take_controller(cfg_t *root, struct conf *c)
{
	cfg_t *sec = take_single(root, c, CONF_SEC_CONTROLLER);
	char where[WHERE_MAX];

	if (sec) {
		check_title(sec, section_name(sec, where));
		copy_name(c->controller.name, sizeof(c->controller.name), sec->title);
	}
	if (c->controller.control_socket[0])
		return;

	int n = snprintf(c->controller.control_socket, sizeof(c->controller.control_socket),
			 "%s/control.sock", c->controller.run_dir);

	if (n >= (int)sizeof(c->controller.control_socket))
		conf_error(reading.errors, reading.file, c->controller.line,
			   "controller: run-dir is too long for RUN-DIR/control.sock; allowed: %d "
			   "characters, or give control-socket",
			   CONF_PATH_MAX - 14);
}

static int take_routers(cfg_t *root, struct conf *c)
{
	const struct conf_section *s = &conf_sections[CONF_SEC_ROUTER];
	unsigned n = cfg_size(root, s->name);
	char where[WHERE_MAX];

	if (n > CONF_ROUTERS_MAX) {
		conf_error(reading.errors, reading.file, 0, "%u routers; allowed: at most %d", n,
			   CONF_ROUTERS_MAX);
		return 0;
	}
	c->router = calloc(n ? n : 1, sizeof(*c->router));
	if (!c->router)
		return -ENOMEM;
	c->n_routers = n;
	for (unsigned i = 0; i < n; i++) {
		cfg_t *sec = cfg_getnsec(root, s->name, i);
		struct conf_router *r = &c->router[i];

		check_title(sec, section_name(sec, where));
		conf_router_defaults(r);
		copy_name(r->name, sizeof(r->name), sec->title);
		copy_name(r->namespace, sizeof(r->namespace), sec->title);
		take_section(s, sec, r, where);
		conf_vips_complete(r, c->path, reading.errors);
		for (unsigned k = 0; k < r->n_tracks; k++)
			conf_track_complete(&r->track[k], r);
		r->own_filter = r->filter.line != 0;
		if (!r->own_filter && c->sync.filter.line)
			r->filter = c->sync.filter;
	}
	return 0;
}

static int take_all(cfg_t *root, struct conf *c)
{
	take_controller(root, c);
	c->sync.present = take_single(root, c, CONF_SEC_SYNC) != NULL;
	conf_sync_complete(&c->sync);
	return take_routers(root, c);
}

static bool any_error(const struct conf_errors *e)
{
	return e->n || e->more;
}

static int parse(cfg_t *root, const char *text)
{
	reading.parsing = true;
	reading.overwritten_line = -1;
	cfg_set_error_function(root, on_error);

	int rc = cfg_parse_buf(root, text);

	reading.parsing = false;
	if (rc == CFG_SUCCESS)
		return 0;
	if (!any_error(reading.errors))
		conf_error(reading.errors, reading.file, root->line, "cannot be parsed");
	return -EINVAL;
}

/* text is writable and ends with a NUL at len. */
static int load(struct conf **out, char *text, size_t len, const char *name,
		struct conf_errors *errors)
{
	const char *why;
	int line = conf_text_strip(text, len, &why);

	if (line) {
		conf_error(errors, name, line, "%s", why);
		return -EINVAL;
	}

	struct conf *c = calloc(1, sizeof(*c));
	cfg_t *root = shape_new();
	int err = c && root ? 0 : -ENOMEM;

	reading.errors = errors;
	reading.file = name;
	if (!err) {
		conf_defaults(c);
		copy_name(c->path, sizeof(c->path), name);
		err = parse(root, text);
	}
	if (!err)
		err = take_all(root, c);
	/* Cross checks on values that could not be read would only confuse. */
	if (!err && !any_error(errors))
		conf_check(c, errors);
	if (!err && any_error(errors))
		err = -EINVAL;
	if (err == -ENOMEM)
		conf_error(errors, name, 0, "out of memory");
	if (root)
		cfg_free(root);
	if (err)
		conf_free(c);
	else
		*out = c;
	return err;
}

int conf_load_text(struct conf **out, const char *text, const char *name,
		   struct conf_errors *errors)
{
	auto_free char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	return load(out, copy, strlen(copy), name, errors);
}

int conf_load(struct conf **out, const char *path, struct conf_errors *errors)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_free char *text = NULL;
	struct stat st;
	size_t len = 0;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int err = -errno;

		conf_error(errors, path, 0, "cannot be read: %s", strerror(-err));
		return err;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > CONF_TEXT_MAX) {
		conf_error(errors, path, 0, "is not a file of at most %d bytes", CONF_TEXT_MAX);
		return -EINVAL;
	}
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, text + len, (size_t)st.st_size - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return load(out, text, len, path, errors);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	free(c->router);
	free(c);
}
