// SPDX-License-Identifier: GPL-2.0-only
/*
 * What report.c has, in each format.  Of text and JSON an entry is printed when it is known; the
 * others begin with what is known at the end.
 */

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"
#include "report.h"

/* Of a table in a text; the others are one line */
#define MAX_ROWS	10
/* Of an entry in a text that is not --full */
#define MAX_LINES	12
/* Sections of Markdown, and entries of each: a comment of a merge request has about 64 KB */
#define MAX_SECTIONS	20
#define MAX_ENTRIES	30

const char * const table_names[NR_TABLES] = { "reason", "subsystem", "type" };

static const char *counted(const struct report *r, int which)
{
	return which == BY_REASON && r->counts_types ? "types" : "modules";
}

size_t rows_shown(const struct table *t)
{
	return t->nr > MAX_ROWS + 1 ? MAX_ROWS : t->nr;
}

unsigned long rest_of(const struct table *t)
{
	unsigned long n = 0;
	size_t i;

	for (i = rows_shown(t); i < t->nr; i++)
		n += t->rows[i].n;
	return n;
}

/* A verdict that no pair has is not worth a column.  The first is the number of modules */
static bool has_column(const struct report *r, int v)
{
	const struct pair *p;

	for (p = r->pairs; p; p = p->next)
		if (p->count[v])
			return true;
	return false;
}

/* text ------------------------------------------------------------------------- */

void print_list(const char *start, const struct strings *list, bool none)
{
	size_t i;

	if (!list->nr && !none)
		return;
	out("%s", start);
	for (i = 0; i < list->nr; i++)
		out("%s%s", i ? " " : "", list->str[i]);
	out("%s\n", list->nr ? "" : "none");
}

static void text_entry(struct report *r, const struct row *e)
{
	bool finding = e->outcome != PASSED;
	size_t i;

	if (e->trouble || r->only_summary)
		return;
	if (e->what == E_MODULE && e->outcome != FINDING &&
	    (r->quiet || (r->counts_types && !r->full)))
		return;
	if (r->limit && ++r->printed[e->what] > r->limit)
		return;
	if (finding && e->what == E_MODULE)
		out_colour(e->by ? C_YELLOW : C_RED);
	out("%-9s", e->verdict);
	if (finding)
		out_colour(C_NONE);
	out("  ");
	if (e->pair && e->pair->kernel)
		out("%s: ", e->pair->kernel);
	out("%s", e->file);
	if (e->reason)
		out("  %s", e->reason);
	if (e->nr_wrong)
		out(", %lu references and names", e->nr_wrong);
	if (e->detail)
		out(": %s", e->detail);
	if (e->by && e->what == E_MODULE)
		out("  (suppressed by line %u%s%s)", e->by->line, e->by->comment ? ": " : "",
		    e->by->comment ?: "");
	out("\n");
	for (i = 0; e->lines && i < e->lines->nr; i++) {
		if (r->limit && i == MAX_LINES) {
			out("    and %zu more\n", e->lines->nr - i);
			break;
		}
		out("    %s\n", e->lines->str[i]);
	}
	if (e->loses) {
		print_list("    kfuncs: ", &e->loses->kfuncs, false);
		print_list("    struct_ops: ", &e->loses->struct_ops, false);
		print_list("    trace events: ", &e->loses->trace_events, false);
	}
}

static void text_table(const struct report *r, int which)
{
	const struct table *t = r->tables + which;
	size_t i, shown = rows_shown(t);

	if (!t->nr)
		return;
	out("\n%s by %s\n", counted(r, which), table_names[which]);
	for (i = 0; i < shown; i++)
		out("%8lu  %s\n", t->rows[i].n, t->rows[i].label);
	if (shown < t->nr)
		out("%8lu  %zu others\n", rest_of(t), t->nr - shown);
}

static void text_pairs(const struct report *r)
{
	const struct pair *p;
	int kernel = 6, modules = 10, v;

	for (p = r->pairs; p; p = p->next) {
		kernel = (int)strlen(p->kernel) > kernel ? (int)strlen(p->kernel) : kernel;
		modules = (int)strlen(p->modules) > modules ? (int)strlen(p->modules) : modules;
	}
	out("%-*s  %-*s  modules", kernel, "kernel", modules, "modules of");
	for (v = 0; v < NR_VERDICTS; v++)
		if (has_column(r, v))
			out("  %-*s%s", 9 - (int)strlen(verdict_name(v, r->strict)), "",
			    verdict_name(v, r->strict));
	out("\n");
	for (p = r->pairs; p; p = p->next) {
		out("%-*s  %-*s  %7lu", kernel, p->kernel, modules, p->modules, p->modules_seen);
		for (v = 0; v < NR_VERDICTS; v++)
			if (has_column(r, v))
				out("  %9lu", p->count[v]);
		out("\n");
	}
	out("\n");
}

/* What BPF does not see of all modules together */
static void text_lost(const struct report *r)
{
	const unsigned long *n = r->lost;

	if (n[KFUNCS] || n[STRUCT_OPS] || n[TRACE_EVENTS])
		out("lost with their types: %lu kfuncs, %lu struct_ops, %lu trace events\n",
		    n[KFUNCS], n[STRUCT_OPS], n[TRACE_EVENTS]);
}

static void text_summary(struct report *r)
{
	size_t i;
	int t;

	if (r->pairs && r->pairs->kernel)
		text_pairs(r);
	for (i = 0; i < r->headline.nr; i++)
		out("%s\n", r->headline.str[i]);
	if (r->summary)
		text_lost(r);
	for (t = 0; r->summary && t < NR_TABLES; t++)
		text_table(r, t);
}

/* If the summary comes first, a line is left between it and the rest */
static void text_head(struct report *r)
{
	text_summary(r);
	if (!r->only_summary && r->results)
		out("\n");
}

static void text_more(struct report *r)
{
	static const char * const what[] = { "modules", "types" };
	int i;

	for (i = 0; i < 2; i++)
		if (r->limit && r->printed[i] > r->limit)
			out("%lu more %s: --full prints them\n", r->printed[i] - r->limit, what[i]);
}

/* JSON: an object a line --------------------------------------------------------- */

static struct json_object *json_new(void)
{
	return json_checked(json_object_new_object());
}

static void json_number(struct json_object *o, const char *key, unsigned long n)
{
	json_add(o, key, json_checked(json_object_new_int64(n)));
}

static void json_suppression(struct json_object *o, const char *key, const struct suppression *s)
{
	struct json_object *by = json_new();

	json_number(by, "line", s->line);
	json_str(by, "comment", s->comment);
	json_add(o, key, by);
}

void json_begin(const char *command)
{
	struct json_object *o = json_new(), *head = json_new();

	json_number(head, "schema", 1);
	json_str(head, "command", command);
	json_add(o, "modbtf", head);
	json_line(o);
}

static void json_head(struct report *r)
{
	json_begin(r->command);
}

static void json_entry(struct report *r, const struct row *e)
{
	struct json_object *o = json_new(), *lost;

	if (e->what == E_STALE) {
		json_suppression(o, "stale", e->by);
		json_line(o);
		return;
	}
	json_str(o, e->what == E_TYPE ? "type" : "file", e->file);
	json_str(o, "trouble", e->trouble);
	json_str(o, "module", e->module);
	json_str(o, "verdict", e->verdict);
	json_str(o, "reason", e->reason);
	json_str(o, "detail", e->detail);
	if (e->pair && e->pair->kernel) {
		json_str(o, "kernel", e->pair->kernel);
		json_str(o, "modules_of", e->pair->modules);
	}
	if (e->is_wrong) {
		json_number(o, "wrong", e->nr_wrong);
		json_number(o, "wrong_named", e->nr_named);
	}
	if (e->is_wrong || (e->lines && e->lines->nr))
		json_list(o, e->is_wrong ? "wrong_types" : e->what == E_TYPE ? "changes" : "types",
			  e->lines);
	if (e->loses) {
		lost = json_new();
		json_list(lost, "kfuncs", &e->loses->kfuncs);
		json_list(lost, "struct_ops", &e->loses->struct_ops);
		json_list(lost, "trace_events", &e->loses->trace_events);
		json_add(o, "lost", lost);
	}
	if (e->by)
		json_suppression(o, "suppressed", e->by);
	json_line(o);
}

static void json_pair(const struct report *r, const struct pair *p)
{
	struct json_object *o = json_new(), *line = json_new();
	int v;

	json_str(o, "kernel", p->kernel);
	json_str(o, "modules_of", p->modules);
	json_str(o, "rules", p->rules);
	json_number(o, "modules", p->modules_seen);
	for (v = 0; v < NR_VERDICTS; v++)
		json_number(o, verdict_name(v, r->strict), p->count[v]);
	json_add(line, "pair", o);
	json_line(line);
}

static void json_end(struct report *r)
{
	static const char * const keys[] = { "by_reason", "by_subsystem", "by_type" };
	struct json_object *o = json_new(), *s = json_new(), *by;
	const struct pair *p;
	size_t i;
	int t;

	for (p = r->pairs; p; p = p->next)
		if (p->kernel)
			json_pair(r, p);
	for (i = 0; i < r->nr_counts; i++)
		json_number(s, r->counts[i].label, r->counts[i].n);
	json_str(s, "rules", r->rules);
	/* diff has no verdicts */
	if (r->summary && !r->counts_types) {
		by = json_new();
		json_number(by, "kfuncs", r->lost[KFUNCS]);
		json_number(by, "struct_ops", r->lost[STRUCT_OPS]);
		json_number(by, "trace_events", r->lost[TRACE_EVENTS]);
		json_add(s, "lost", by);
	}
	for (t = 0; r->summary && t < NR_TABLES; t++) {
		by = json_new();
		for (i = 0; i < r->tables[t].nr; i++)
			json_number(by, r->tables[t].rows[i].label, r->tables[t].rows[i].n);
		json_add(s, keys[t], by);
	}
	json_add(o, "summary", s);
	json_line(o);
}

/* KTAP --------------------------------------------------------------------------- */

static void ktap_entry(struct report *r, const struct row *e)
{
	const char *kernel = e->pair ? e->pair->kernel : NULL;
	size_t i;

	for (i = 0; e->lines && i < e->lines->nr; i++)
		out("# %s\n", e->lines->str[i]);
	out("%sok %lu %s%s%s # ", e->trouble || e->outcome == FINDING ? "not " : "", r->results,
	    kernel ?: "", kernel ? ": " : "", e->file);
	if (e->trouble)
		out("trouble: %s", e->trouble);
	else if (e->what == E_STALE)
		out("%s", e->detail);
	else
		out("%s%s%s%s", e->by ? "SKIP " : "", e->verdict, e->reason ? " " : "",
		    e->reason ?: "");
	if (e->by && e->what == E_MODULE)
		out(", suppressed by line %u", e->by->line);
	out("\n");
}

static void ktap_head(struct report *r)
{
	out("KTAP version 1\n1..%lu\n", r->results);
}

/* JUnit --------------------------------------------------------------------------- */

static void junit_entry(struct report *r, const struct row *e)
{
	const char *kernel = e->pair ? e->pair->kernel : NULL;
	const char *tag = e->trouble ? "error" : e->outcome == EXCUSED ? "skipped" : "failure";
	size_t i;

	out("    <testcase classname=\"%s%s%s\" name=\"%s\"", kernel ?: "", kernel ? " " : "",
	    e->area ?: "-", e->file);
	if (!e->trouble && e->outcome == PASSED) {
		out("/>\n");
		return;
	}
	out(">\n      <%s message=\"%s", tag, e->trouble ?: e->verdict);
	out("%s%s\">", e->reason ? ", " : "", e->reason ?: "");
	if (e->detail)
		out("%s\n", e->detail);
	for (i = 0; e->lines && i < e->lines->nr; i++)
		out("%s\n", e->lines->str[i]);
	out("</%s>\n    </testcase>\n", tag);
}

static void junit_head(struct report *r)
{
	unsigned long failures = r->findings + (r->allow_stale ? 0 : r->stale);

	out("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	out("<testsuites name=\"modbtf\">\n");
	out("  <testsuite name=\"modbtf %s\" tests=\"%lu\" failures=\"%lu\"", r->command,
	    r->results, failures);
	out(" errors=\"%lu\" skipped=\"%lu\">\n", r->troubles, r->suppressed);
}

static void junit_foot(struct report *r)
{
	out("  </testsuite>\n</testsuites>\n");
}

/* Markdown: tables, and groups of what somebody has to look at; so has html.c ----------- */

const char *outcome_name(const struct group *g)
{
	return g->outcome == EXCUSED ? ", suppressed" : "";
}

static void markdown_row(const struct report *r, const struct pair *p)
{
	int v;

	out("| %s | %s | %lu |", p->kernel, p->modules, p->modules_seen);
	for (v = 0; v < NR_VERDICTS; v++)
		if (has_column(r, v))
			out(" %lu |", p->count[v]);
	out("\n");
}

static void markdown_group(const struct group *g)
{
	size_t i;

	out("\n<details><summary>");
	if (g->pair && g->pair->kernel)
		out("%s: ", g->pair->kernel);
	out("%s%s%s%s: %zu in %s</summary>\n\n", g->verdict, g->reason ? ", " : "", g->reason ?: "",
	    outcome_name(g), g->names.nr, g->area);
	for (i = 0; i < g->names.nr && i < MAX_ENTRIES; i++) {
		out("- %s\n", g->names.str[i]);
		if (g->notes.str[i][0])
			out("  - %s\n", g->notes.str[i]);
	}
	if (i < g->names.nr)
		out("- and %zu more\n", g->names.nr - i);
	out("\n</details>\n");
}

/* The answer in a line, and what stands in its way */
static void markdown_status(const struct report *r)
{
	size_t i;

	if (report_status(r))
		out("\n**Failed:** %lu findings, %lu excused, %lu stale lines, %lu %s\n",
		    r->findings, r->suppressed, r->stale, r->troubles, "cannot be read");
	else
		out("\n**Passed**\n");
	if (r->unread.nr)
		out("\n<details open><summary>cannot be read: %zu</summary>\n\n", r->unread.nr);
	for (i = 0; i < r->unread.nr && i < MAX_ENTRIES; i++)
		out("- %s\n", r->unread.str[i]);
	if (i < r->unread.nr)
		out("- and %zu more\n", r->unread.nr - i);
	if (r->unread.nr)
		out("\n</details>\n");
}

static void markdown_end(struct report *r)
{
	const struct table *t;
	size_t i;
	int v, which;

	out("### Module BTF\n");
	/* a diff does not judge */
	if (!r->counts_types)
		markdown_status(r);
	for (i = 0; i < r->headline.nr; i++)
		out("\n%s\n", r->headline.str[i]);
	if (r->pairs && r->pairs->kernel) {
		out("\n| kernel | modules of | modules |");
		for (v = 0; v < NR_VERDICTS; v++)
			if (has_column(r, v))
				out(" %s |", verdict_name(v, r->strict));
		out("\n|---|---|--:|");
		for (v = 0; v < NR_VERDICTS; v++)
			if (has_column(r, v))
				out("--:|");
		out("\n");
		for (const struct pair *p = r->pairs; p; p = p->next)
			markdown_row(r, p);
	}
	for (which = 0; which < NR_TABLES; which++) {
		t = r->tables + which;
		if (!t->nr)
			continue;
		out("\n| %s | %s |\n|---|--:|\n", table_names[which], counted(r, which));
		for (i = 0; i < rows_shown(t); i++)
			out("| %s | %lu |\n", t->rows[i].label, t->rows[i].n);
		if (rows_shown(t) < t->nr)
			out("| %zu others | %lu |\n", t->nr - rows_shown(t), rest_of(t));
	}
	for (i = 0; i < r->nr_sorted && i < MAX_SECTIONS; i++)
		markdown_group(r->sorted[i]);
	if (i < r->nr_sorted)
		out("\nand %zu more\n", r->nr_sorted - i);
}

/* --------------------------------------------------------------------------------- */

static const struct renderer {
	bool later;	/* entries are printed behind head() */
	bool groups;	/* instead of entries */
	void (*begin)(struct report *r);
	void (*entry)(struct report *r, const struct row *e);
	void (*head)(struct report *r);
	void (*foot)(struct report *r);
} renderers[] = {
	[F_TEXT] = { .entry = text_entry, .foot = text_summary },
	[F_JSON] = { .begin = json_head, .entry = json_entry, .foot = json_end },
	[F_KTAP] = { .later = true, .entry = ktap_entry, .head = ktap_head },
	[F_JUNIT] = { .later = true, .entry = junit_entry, .head = junit_head, .foot = junit_foot },
	[F_MARKDOWN] = { .later = true, .groups = true, .head = markdown_end },
	[F_HTML] = { .later = true, .groups = true, .head = html_end },
};

static const struct renderer summary_first = {
	.later = true, .entry = text_entry, .head = text_head, .foot = text_more,
};

static const struct renderer *renderer_of(const struct report *r)
{
	return r->summary_first && r->format == F_TEXT ? &summary_first : renderers + r->format;
}

bool renders_groups(const struct report *r)
{
	return renderer_of(r)->groups || (r->pages && r->pages->output);
}

static void begin(struct report *r)
{
	const struct renderer *p = renderer_of(r);

	if (r->begun)
		return;
	r->begun = true;
	out_begin(r->format, p->later);
	if (p->begin)
		p->begin(r);
}

void render_row(struct report *r, const struct row *e)
{
	const struct renderer *p = renderer_of(r);
	static const struct strings none;
	struct row shown = *e;

	begin(r);
	r->results++;
	if (r->hide_lines && e->lines)
		shown.lines = &none;
	if (p->entry)
		p->entry(r, &shown);
}

static void render_page(struct report *r, const struct page *page)
{
	out_to(page->output->file, page->format);
	renderers[page->format].head(r);
	out_to(stdout, r->format);
	if (!output_done(page->output))
		r->failed = true;
}

void render_end(struct report *r)
{
	const struct renderer *p = renderer_of(r);
	const struct page *page;

	begin(r);
	out_now();
	if (p->head)
		p->head(r);
	out_kept();
	if (p->foot)
		p->foot(r);
	for (page = r->pages; page && page->output; page++)
		render_page(r, page);
}
