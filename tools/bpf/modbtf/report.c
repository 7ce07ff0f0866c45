// SPDX-License-Identifier: GPL-2.0-only
/* What an audit prints: text, an object of JSON a line, or KTAP */

#include <json-c/json.h>
#include <string.h>
#include <time.h>
#include "modbtf.h"

const char *verdict_name(enum verdict v, bool strict)
{
	static const char * const names[] = {
		"native", "relocated", "dropped", "wrong", "unproved", "none"
	};

	return v == V_DROPPED && strict ? "refused" : names[v];
}

bool is_finding(enum verdict v)
{
	return v == V_DROPPED || v == V_WRONG || v == V_UNPROVED;
}

static void clear_progress(const struct report *r)
{
	if (r->progress)
		fputs("\r\033[K", stderr);
}

static void show_progress(const struct report *r)
{
	static time_t last;
	time_t now = time(NULL);

	if (!r->progress || now == last)
		return;
	last = now;
	fprintf(stderr, "\r%lu modules", r->seen);
}

/* One module, as it is printed */
struct line {
	const struct place *place;
	const struct module *m;
	const struct result *res;
	const char *trouble;
	const char *verdict;
	bool finding, loses;		/* loses: what is in its lists is not seen by BPF */
	const struct suppression *by;	/* that excuses it, or NULL */
};

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

static void text_module(struct report *r, const struct line *l)
{
	const struct result *res = l->res;
	size_t i;

	if (l->trouble || (r->quiet && (!l->finding || l->by)))
		return;
	if (l->finding)
		out_colour(l->by ? C_YELLOW : C_RED);
	out("%-9s", l->verdict);
	if (l->finding)
		out_colour(C_NONE);
	out("  %s", l->place->shown);
	if (res->reason)
		out("  %s", res->reason);
	if (res->nr_wrong)
		out(", %lu references and names", res->nr_wrong);
	if (res->detail)
		out(": %s", res->detail);
	if (l->by)
		out("  (suppressed by line %u%s%s)", l->by->line, l->by->comment ? ": " : "",
		    l->by->comment ?: "");
	out("\n");
	for (i = 0; i < res->wrong.nr; i++)
		out("    %s\n", res->wrong.str[i]);
	if (l->loses) {
		print_list("    kfuncs: ", &l->m->kfuncs, false);
		print_list("    struct_ops: ", &l->m->struct_ops, false);
		print_list("    trace events: ", &l->m->trace_events, false);
	}
}

static struct json_object *json_new(void)
{
	return json_checked(json_object_new_object());
}

static void json_number(struct json_object *o, const char *key, unsigned long n)
{
	json_add(o, key, json_object_new_int64(n));
}

static void json_suppression(struct json_object *o, const char *key, const struct suppression *s)
{
	struct json_object *by = json_new();

	json_number(by, "line", s->line);
	json_str(by, "comment", s->comment);
	json_add(o, key, by);
}

static void json_module(const struct line *l)
{
	struct json_object *o = json_new(), *lost;
	const struct result *res = l->res;

	json_str(o, "file", l->place->shown);
	json_str(o, "trouble", l->trouble);
	if (!l->trouble) {
		json_str(o, "module", l->m->name);
		json_str(o, "verdict", l->verdict);
		json_str(o, "reason", res->reason);
		json_str(o, "detail", res->detail);
		if (res->verdict == V_WRONG) {
			json_number(o, "wrong", res->nr_wrong);
			json_number(o, "wrong_named", res->nr_named);
			json_list(o, "wrong_types", &res->wrong);
		}
		if (l->loses) {
			lost = json_new();
			json_list(lost, "kfuncs", &l->m->kfuncs);
			json_list(lost, "struct_ops", &l->m->struct_ops);
			json_list(lost, "trace_events", &l->m->trace_events);
			json_add(o, "lost", lost);
		}
		if (l->by)
			json_suppression(o, "suppressed", l->by);
	}
	json_line(o);
}

static void ktap_module(struct report *r, const struct line *l)
{
	size_t i;

	if (l->trouble) {
		out("not ok %lu %s # trouble: ", r->seen, l->place->shown);
		out("%s\n", l->trouble);
		return;
	}
	for (i = 0; i < l->res->wrong.nr; i++)
		out("# %s\n", l->res->wrong.str[i]);
	out("%sok %lu %s # %s%s%s%s", l->finding && !l->by ? "not " : "", r->seen,
	    l->place->shown, l->by ? "SKIP " : "", l->verdict, l->res->reason ? " " : "",
	    l->res->reason ?: "");
	if (l->by)
		out(", suppressed by line %u", l->by->line);
	out("\n");
}

/* All findings go into a baseline, also those that are suppressed, with their comments */
static void write_suppression(struct report *r, const struct line *l)
{
	char *text = suppression_line(l->place, l->m->name, l->res);

	fprintf(r->baseline, "%s%s%s\n", text, l->by && l->by->comment ? " # " : "",
		l->by && l->by->comment ? l->by->comment : "");
	xfree(text);
}

void report_module(struct report *r, const struct place *place, const struct module *m,
		   const struct result *res, const char *trouble)
{
	struct line l = { .place = place, .m = m, .res = res, .trouble = trouble };

	r->seen++;
	clear_progress(r);
	if (trouble) {
		r->troubles++;
		if (!r->over)
			complain("%s: %s", place->shown, trouble);
		if (!r->over && run_is_over()) {
			r->over = true;
			complain("the rest is not looked at: it takes longer than --total-time");
		}
	} else {
		l.verdict = verdict_name(res->verdict, r->strict);
		l.loses = is_finding(res->verdict) ||
			  (res->verdict == V_NONE &&
			   (m->kfuncs.nr || m->struct_ops.nr || m->trace_events.nr));
		l.finding = is_finding(res->verdict) || (r->need_btf && res->verdict == V_NONE);
		if (l.finding)
			l.by = suppressed(&r->suppress, place, m->name, res);
		r->count[res->verdict]++;
		r->suppressed += !!l.by;
		r->findings += l.finding && !l.by;
		if (l.finding && r->baseline)
			write_suppression(r, &l);
	}
	if (r->format == F_JSON)
		json_module(&l);
	else if (r->format == F_KTAP)
		ktap_module(r, &l);
	else
		text_module(r, &l);
	show_progress(r);
}

/* Suppressions that fit nothing: somebody has to look at them, too */
static void report_stale(struct report *r)
{
	struct json_object *o;
	struct suppression *s;
	size_t i;

	for (i = 0; i < r->suppress.nr; i++) {
		s = r->suppress.list + i;
		if (s->used)
			continue;
		r->stale++;
		if (r->format == F_JSON) {
			o = json_new();
			json_suppression(o, "stale", s);
			json_line(o);
		} else if (r->format == F_KTAP) {
			out("%sok %lu %s, line %u # fits nothing\n", r->allow_stale ? "" : "not ",
			    r->seen + r->stale, r->suppress.path, s->line);
		} else {
			out("stale      %s, line %u: fits nothing\n", r->suppress.path, s->line);
		}
	}
}

static void json_summary(const struct report *r)
{
	struct json_object *o = json_new(), *s = json_new();
	int v;

	json_number(s, "modules", r->seen - r->troubles);
	for (v = 0; v < NR_VERDICTS; v++)
		json_number(s, verdict_name(v, r->strict), r->count[v]);
	json_number(s, "suppressed", r->suppressed);
	json_number(s, "stale", r->stale);
	json_number(s, "trouble", r->troubles);
	json_str(s, "rules", r->rules->name);
	json_add(o, "summary", s);
	json_line(o);
}

static void text_summary(const struct report *r)
{
	int v;

	out("%lu modules:", r->seen - r->troubles);
	for (v = 0; v < NR_VERDICTS; v++)
		out("%s %lu %s", v ? "," : "", r->count[v], verdict_name(v, r->strict));
	if (r->suppressed)
		out("; %lu suppressed", r->suppressed);
	if (r->stale)
		out("; %lu stale", r->stale);
	if (r->troubles)
		out("; %lu cannot be read", r->troubles);
	out("\n");
	if (r->rules->found)
		out("decided as %s\n", r->rules->name);
	if (r->count[V_UNPROVED])
		out("what is unproved may be wrong, which only --built-against can tell\n");
}

int report_end(struct report *r, unsigned long *results)
{
	clear_progress(r);
	report_stale(r);
	if (r->format == F_JSON)
		json_summary(r);
	else if (r->format == F_TEXT)
		text_summary(r);
	*results = r->seen + r->stale;
	if (!r->seen)
		complain("there is no module in what was given");
	if (r->troubles || !r->seen)
		return 2;
	return r->findings || (r->stale && !r->allow_stale);
}
