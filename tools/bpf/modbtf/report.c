// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a command finds, in one structure: entries, each a module or a type, which are counted in
 * pairs of a kernel and modules, in groups and in tables.  print.c and html.c print it.
 */

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modbtf.h"
#include "report.h"

/* Lines of an entry that a group has */
#define MAX_NOTES	8

const char *verdict_name(enum verdict v, bool strict)
{
	static const char * const names[] = {
		"native", "relocated", "dropped", "wrong", "unproved", "none", "refers", "apart",
	};

	return v == V_DROPPED && strict ? "refused" : names[v];
}

bool is_finding(enum verdict v)
{
	return v == V_DROPPED || v == V_WRONG || v == V_UNPROVED || v == V_REFERS;
}

static void clear_progress(struct report *r)
{
	if (r->progress_shown)
		fputs("\r\033[K", stderr);
	r->progress_shown = false;
}

static void show_progress(struct report *r)
{
	static time_t last;
	time_t now = time(NULL);

	if (!r->progress || now == last)
		return;
	last = now;
	fprintf(stderr, "\r%lu modules", r->seen);
	r->progress_shown = true;
}

struct pair *report_pair(struct report *r, const char *kernel, const char *modules,
			 const char *rules)
{
	struct pair *p = xcalloc(1, sizeof(*p)), **last = &r->pairs;

	*p = (struct pair){
		.kernel = kernel ? xstrdup(kernel) : NULL,
		.modules = modules ? xstrdup(modules) : NULL,
		.rules = rules ? xstrdup(rules) : NULL,
	};
	while (*last)
		last = &(*last)->next;
	*last = p;
	return p;
}

/* The one in *@tree that is equal to @key, of @size bytes, which is copied if it is new */
static void *find_or_add(void **tree, const void *key, size_t size,
			 int (*cmp)(const void *, const void *), bool *new)
{
	void **found = tfind(key, tree, cmp), *copy;

	*new = !found;
	if (found)
		return *found;
	copy = memcpy(xrealloc(NULL, size), key, size);
	if (!tsearch(copy, tree, cmp))
		die("out of memory");
	return copy;
}

static int cmp_label(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return strcmp(x->label, y->label);
}

void count_add(struct table *t, const char *label, unsigned long n)
{
	struct count key = { .label = (char *)label }, *c;
	bool new;

	c = find_or_add(&t->tree, &key, sizeof(key), cmp_label, &new);
	if (new)
		c->label = xstrdup(label);
	t->nr += new;
	c->n += n;
}

static void collect_count(const void *node, VISIT when, void *ctx)
{
	const struct count *c = *(struct count **)node;
	struct table *t = ctx;

	if (when == postorder || when == leaf)
		t->rows[t->nr++] = *c;
}

/* The most first */
static int cmp_count(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return x->n != y->n ? x->n < y->n ? 1 : -1 : strcmp(x->label, y->label);
}

static void table_end(struct table *t)
{
	if (!t->nr)
		return;
	t->rows = xcalloc(t->nr, sizeof(*t->rows));
	t->nr = 0;
	twalk_r(t->tree, collect_count, t);
	qsort(t->rows, t->nr, sizeof(*t->rows), cmp_count);
	tdestroy(t->tree, xfree);
}

static void table_free(struct table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		xfree(t->rows[i].label);
	xfree(t->rows);
}

static int cmp_text(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

static int cmp_group(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->pair != y->pair ? x->pair < y->pair ? -1 : 1 :
	       cmp_text(x->verdict, y->verdict) ?: cmp_text(x->reason, y->reason) ?:
	       cmp_text(x->area, y->area) ?: (int)x->outcome - (int)y->outcome;
}

/* Formats that print groups read them all at the end: entries are gone then */
static void add_to_group(struct report *r, const struct row *e)
{
	struct group key = {
		.pair = e->pair, .outcome = e->outcome, .verdict = e->verdict, .reason = e->reason,
		.area = e->area,
	}, *g;
	char *note = xstrdup(e->detail ?: ""), *more;
	bool new;
	size_t i;

	g = find_or_add(&r->groups, &key, sizeof(key), cmp_group, &new);
	if (new)
		g->area = xstrdup(e->area);
	r->nr_sorted += new;
	strings_add(&g->names, xstrdup(e->module ?: e->file));
	for (i = 0; e->lines && i < e->lines->nr && i <= MAX_NOTES; i++, note = more) {
		more = xasprintf("%s%s%s", note, *note ? "; " : "",
				 i < MAX_NOTES ? e->lines->str[i] : "...");
		xfree(note);
	}
	strings_add(&g->notes, note);
}

static void sort_group(const void *node, VISIT when, void *ctx)
{
	struct report *r = ctx;

	if (when == postorder || when == leaf)
		r->sorted[r->nr_sorted++] = *(struct group **)node;
}

/* By pair, in their order; then as in the tree */
static int cmp_sorted(const void *a, const void *b)
{
	const struct group *x = *(struct group **)a, *y = *(struct group **)b;

	if (x->pair != y->pair && x->pair && y->pair)
		return x->pair->nr < y->pair->nr ? -1 : 1;
	return cmp_group(x, y);
}

static void sort_groups(struct report *r)
{
	r->sorted = xcalloc(r->nr_sorted + 1, sizeof(*r->sorted));
	r->nr_sorted = 0;
	twalk_r(r->groups, sort_group, r);
	qsort(r->sorted, r->nr_sorted, sizeof(*r->sorted), cmp_sorted);
}

/* What somebody has to look at, by reason, area and type */
static void tabulate(struct report *r, const struct row *e)
{
	char *reason = xasprintf("%s%s%s", e->verdict, e->reason ? ", " : "", e->reason ?: "");
	struct table once = {};
	const char *colon;
	size_t i;

	if (e->verdict != verdict_name(V_REFERS, false))
		count_add(r->tables + BY_REASON, reason, 1);
	xfree(reason);
	count_add(r->tables + BY_AREA, e->area, 1);
	/* what a line is about is behind the colon; once a module */
	for (i = 0; e->lines && i < e->lines->nr; i++) {
		colon = strstr(e->lines->str[i], ": ");
		count_add(&once, colon ? colon + 2 : e->lines->str[i], 1);
	}
	table_end(&once);
	for (i = 0; i < once.nr; i++)
		count_add(r->tables + BY_TYPE, once.rows[i].label, 1);
	table_free(&once);
	if (!once.nr && e->type)
		count_add(r->tables + BY_TYPE, e->type, 1);
}

void report_row(struct report *r, const struct row *e)
{
	if (e->trouble && renders_groups(r))
		strings_add(&r->unread, xasprintf("%s: %s", e->file, e->trouble));
	if (!e->trouble && e->outcome != PASSED) {
		if (e->what == E_MODULE)
			tabulate(r, e);
		if (renders_groups(r))
			add_to_group(r, e);
	}
	render_row(r, e);
}

/* Where in the source a module is: its directory, by two names of it; for xfree() */
static char *area_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *end;

	if (!strncmp(path, "kernel/", 7))
		path += 7;
	if (!slash || slash < path)
		return xstrdup("-");
	end = strchr(path, '/');
	if (end < slash)
		end = strchr(end + 1, '/');
	return xasprintf("%.*s", (int)(end - path), path);
}

/* The type that a message of the decision is about, as struct 'queue', for xfree(), or NULL */
static char *type_in(const char *detail)
{
	const char *open = detail ? strchr(detail, '\'') : NULL, *close, *word;

	close = open ? strchr(open + 1, '\'') : NULL;
	if (!close || open < detail + 2 || open[-1] != ' ')
		return NULL;
	for (word = open - 1; word > detail && word[-1] != ' '; word--)
		;
	return xasprintf("%.*s", (int)(close + 1 - word), word);
}

/* All findings go into a baseline, also those that are suppressed, with their comments */
static void write_suppression(struct report *r, const struct place *place, const char *module,
			      const struct result *res, const struct suppression *by)
{
	char *text = suppression_line(place, module, res);

	fprintf(r->baseline, "%s%s%s\n", text, by && by->comment ? " # " : "",
		by && by->comment ? by->comment : "");
	xfree(text);
}

static void judge(struct report *r, struct row *e, const struct place *place,
		  const struct module *m, const struct result *res)
{
	bool finding = is_finding(res->verdict) || (r->need_btf && res->verdict == V_NONE);

	e->module = m->name;
	e->verdict = verdict_name(res->verdict, r->strict);
	e->reason = res->reason;
	e->detail = res->detail;
	e->is_wrong = res->verdict == V_WRONG;
	e->nr_wrong = res->nr_wrong;
	e->nr_named = res->nr_named;
	e->lines = &res->wrong;
	if ((is_finding(res->verdict) && res->verdict != V_REFERS) ||
	    (res->verdict == V_NONE && (m->kfuncs.nr || m->struct_ops.nr || m->trace_events.nr))) {
		e->loses = m;
		r->lost[KFUNCS] += m->kfuncs.nr;
		r->lost[STRUCT_OPS] += m->struct_ops.nr;
		r->lost[TRACE_EVENTS] += m->trace_events.nr;
	}
	if (finding)
		e->by = suppressed(&r->suppress, place, m->name, res);
	e->outcome = e->by ? EXCUSED : finding ? FINDING : PASSED;
	if (finding && r->baseline)
		write_suppression(r, place, m->name, res, e->by);
	e->pair->count[res->verdict]++;
	e->pair->modules_seen++;
	e->pair->findings += e->outcome == FINDING;
	/* a kernel was found by its name, and the module does not say what it was built with */
	r->by_release += e->pair->kernel && res->verdict == V_NATIVE && !m->id && !m->distilled_id;
	r->suppressed += e->outcome == EXCUSED;
	r->findings += e->outcome == FINDING;
}

void report_module(struct report *r, struct pair *pair, const struct place *place,
		   const struct module *m, const struct result *res, const char *trouble)
{
	struct row e = {
		.what = E_MODULE, .pair = pair, .file = place->shown, .trouble = trouble,
	};
	char *area = NULL, *type = NULL, *problem;

	r->seen++;
	clear_progress(r);
	if (trouble) {
		r->troubles++;
		if (!r->over)
			complain("%s: %s", place->shown, trouble);
		if (!r->over && run_is_over()) {
			r->over = true;
			problem = run_problem();
			complain("the rest is not looked at: %s", problem);
			xfree(problem);
		}
	} else {
		area = area_of(place->path);
		e.area = area;
		/* of BTF that is malformed, as it is here, names say nothing */
		if (res->reason && strcmp(res->reason, "invalid"))
			type = type_in(res->detail);
		e.type = type;
		judge(r, &e, place, m, res);
	}
	report_row(r, &e);
	xfree(area);
	xfree(type);
	show_progress(r);
}

/* Suppressions that fit nothing: somebody has to look at them, too */
static void report_stale(struct report *r)
{
	struct suppression *s;
	struct row e;
	char *where;
	size_t i;

	for (i = 0; i < r->suppress.nr; i++) {
		s = r->suppress.list + i;
		if (s->used)
			continue;
		r->stale++;
		where = xasprintf("%s, line %u", r->suppress.path, s->line);
		e = (struct row){
			.what = E_STALE, .pair = r->pairs, .file = where, .area = "-",
			.verdict = "stale", .detail = "fits nothing", .by = s,
			.outcome = r->allow_stale ? PASSED : FINDING,
		};
		report_row(r, &e);
		xfree(where);
	}
}

void report_count(struct report *r, const char *label, unsigned long n)
{
	r->counts = xrealloc(r->counts, (r->nr_counts + 1) * sizeof(*r->counts));
	r->counts[r->nr_counts++] = (struct count){ (char *)label, n };
}

/* Of all pairs together */
static void count_verdicts(struct report *r)
{
	unsigned long count[NR_VERDICTS] = {};
	struct pair *p;
	int v;

	for (p = r->pairs; p; p = p->next)
		for (v = 0; v < NR_VERDICTS; v++)
			count[v] += p->count[v];
	report_count(r, "modules", r->seen - r->troubles);
	for (v = 0; v < NR_VERDICTS; v++)
		report_count(r, verdict_name(v, r->strict), count[v]);
	report_count(r, "suppressed", r->suppressed);
	report_count(r, "stale", r->stale);
	report_count(r, "trouble", r->troubles);
}

static void free_pair(struct pair *p)
{
	xfree(p->kernel);
	xfree(p->modules);
	xfree(p->rules);
	xfree(p);
}

static bool is_before(const struct pair *a, const struct pair *b)
{
	int order = strverscmp(a->kernel ?: "", b->kernel ?: "");

	return (order ?: strverscmp(a->modules ?: "", b->modules ?: "")) < 0;
}

/* By kernel, then by modules, as versions; without those that nobody was asked of */
static void sort_pairs(struct report *r)
{
	struct pair *sorted = NULL, *p, **at;
	unsigned int nr = 0;

	while ((p = r->pairs)) {
		r->pairs = p->next;
		if (p->kernel && !p->modules_seen) {
			free_pair(p);
			continue;
		}
		for (at = &sorted; *at && !is_before(p, *at); at = &(*at)->next)
			;
		p->next = *at;
		*at = p;
	}
	r->pairs = sorted;
	for (p = sorted; p; p = p->next)
		p->nr = nr++;
}

static unsigned int nr_pairs(const struct report *r)
{
	const struct pair *p;
	unsigned int nr = 0;

	for (p = r->pairs; p; p = p->next)
		nr++;
	return nr;
}

/* The same in words */
static void say_verdicts(struct report *r)
{
	static const char * const more[] = { "suppressed", "stale", "cannot be read" };
	char *text = r->pairs && r->pairs->next ?
		     xasprintf("%lu modules of %u pairs:", r->counts[0].n, nr_pairs(r)) :
		     xasprintf("%lu modules:", r->counts[0].n), *next;
	const struct count *c;
	size_t i;

	for (i = 1; i < r->nr_counts; i++, text = next) {
		c = r->counts + i;
		if (i <= NR_VERDICTS)
			next = xasprintf("%s%s %lu %s", text, i > 1 ? "," : "", c->n, c->label);
		else
			next = c->n ? xasprintf("%s; %lu %s", text, c->n,
						more[i - NR_VERDICTS - 1]) : xstrdup(text);
		xfree(text);
	}
	strings_add(&r->headline, text);
	if (r->by_release)
		strings_add(&r->headline, xasprintf("%lu native by their release, %s",
						    r->by_release, "without a base id"));
	if (r->running)
		strings_add(&r->headline, xasprintf("on the running kernel, %s%s%s", r->running,
						    r->rules_found ? ", decided as " : "",
						    r->rules_found ? r->rules : ""));
	else if (r->rules_found)
		strings_add(&r->headline, xasprintf("decided as %s", r->rules));
	if (r->counts[1 + V_UNPROVED].n)
		strings_add(&r->headline, xasprintf("what is unproved may be wrong, %s",
						    "which only --built-against can tell"));
	if (r->one_package && r->counts[0].n && r->counts[1 + V_UNPROVED].n == r->counts[0].n)
		strings_add(&r->headline, xasprintf("kernel and modules are of one package: %s",
						    "--pair knows what these were built with"));
}

int report_status(const struct report *r)
{
	if (r->troubles || r->failed || (!r->seen && !r->no_modules))
		return 2;
	return r->findings || (r->stale && !r->allow_stale);
}

int report_end(struct report *r)
{
	int i;

	clear_progress(r);
	report_stale(r);
	sort_pairs(r);
	if (!r->nr_counts) {
		count_verdicts(r);
		say_verdicts(r);
	}
	for (i = 0; i < NR_TABLES; i++)
		table_end(r->tables + i);
	sort_groups(r);
	render_end(r);
	if (!r->seen && !r->no_modules)
		complain("there is no module in what was given");
	return report_status(r);
}

static void free_group(void *node)
{
	struct group *g = node;

	strings_free(&g->names);
	strings_free(&g->notes);
	xfree((char *)g->area);
	xfree(g);
}

void report_free(struct report *r)
{
	struct pair *p;
	int i;

	for (i = 0; i < NR_TABLES; i++)
		table_free(r->tables + i);
	while ((p = r->pairs)) {
		r->pairs = p->next;
		free_pair(p);
	}
	tdestroy(r->groups, free_group);
	xfree(r->sorted);
	xfree(r->counts);
	strings_free(&r->headline);
	strings_free(&r->unread);
	suppressions_free(&r->suppress);
}
