// SPDX-License-Identifier: GPL-2.0-only
/* What an audit prints: text, an object of JSON a line, or KTAP */

#include <json-c/json.h>
#include <stdlib.h>
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

static void json_line(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static void json_str(struct json_object *o, const char *key, const char *s)
{
	if (s)
		json_object_object_add(o, key, json_object_new_string(s));
}

static void json_list(struct json_object *o, const char *key, const struct strings *list)
{
	struct json_object *a = json_object_new_array();
	size_t i;

	for (i = 0; i < list->nr; i++)
		json_object_array_add(a, json_object_new_string(list->str[i]));
	json_object_object_add(o, key, a);
}

void report_begin(struct report *r)
{
	if (r->format == F_KTAP)
		puts("KTAP version 1");
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

static void print_list(const char *what, const struct strings *list)
{
	size_t i;

	if (!list->nr)
		return;
	printf("    %s:", what);
	for (i = 0; i < list->nr; i++)
		printf(" %s", list->str[i]);
	putchar('\n');
}

static void text_module(struct report *r, const char *path, const struct module *m,
			const struct result *res, const char *why_not)
{
	const char *verdict = verdict_name(res->verdict, r->strict);
	bool finding = is_finding(res->verdict);
	const char *on = "", *off = "";
	size_t i;

	if (r->quiet && (!finding || why_not))
		return;
	if (r->colour && finding) {
		on = why_not ? "\033[33m" : "\033[31m";
		off = "\033[0m";
	}
	printf("%s%-9s%s  %s", on, verdict, off, path);
	if (res->reason)
		printf("  %s", res->reason);
	if (res->nr_wrong)
		printf(", %lu references and names", res->nr_wrong);
	if (res->detail)
		printf(": %s", res->detail);
	if (why_not)
		printf("  (suppressed: %s)", why_not);
	putchar('\n');
	for (i = 0; i < res->wrong.nr; i++)
		printf("    %s\n", res->wrong.str[i]);
	if (finding && m) {
		print_list("kfuncs", &m->kfuncs);
		print_list("struct_ops", &m->struct_ops);
		print_list("trace events", &m->trace_events);
	}
}

static void json_module(struct report *r, const char *path, const struct module *m,
			const struct result *res, const char *trouble, const char *why_not)
{
	struct json_object *o = json_object_new_object(), *lost;

	json_str(o, "file", path);
	if (trouble) {
		json_str(o, "trouble", trouble);
		json_line(o);
		return;
	}
	json_str(o, "module", m->name);
	json_str(o, "verdict", verdict_name(res->verdict, r->strict));
	json_str(o, "reason", res->reason);
	json_str(o, "detail", res->detail);
	if (res->verdict == V_WRONG) {
		json_object_object_add(o, "wrong", json_object_new_int64(res->nr_wrong));
		json_list(o, "wrong_types", &res->wrong);
	}
	if (is_finding(res->verdict)) {
		lost = json_object_new_object();
		json_list(lost, "kfuncs", &m->kfuncs);
		json_list(lost, "struct_ops", &m->struct_ops);
		json_list(lost, "trace_events", &m->trace_events);
		json_object_object_add(o, "lost", lost);
	}
	json_str(o, "suppressed", why_not);
	json_line(o);
}

static void ktap_module(struct report *r, const char *path, const struct result *res,
			const char *trouble, const char *why_not)
{
	size_t i;

	if (trouble) {
		printf("not ok %lu %s # trouble: %s\n", r->seen, path, trouble);
		return;
	}
	for (i = 0; i < res->wrong.nr; i++)
		printf("# %s\n", res->wrong.str[i]);
	if (why_not)
		printf("ok %lu %s # SKIP %s: %s\n", r->seen, path,
		       verdict_name(res->verdict, r->strict), why_not);
	else
		printf("%sok %lu %s # %s%s%s\n", is_finding(res->verdict) ? "not " : "", r->seen,
		       path, verdict_name(res->verdict, r->strict), res->reason ? " " : "",
		       res->reason ?: "");
}

void report_module(struct report *r, const char *path, const struct module *m,
		   const struct result *res, const char *trouble)
{
	const char *why_not = NULL;

	r->seen++;
	clear_progress(r);
	if (trouble) {
		r->troubles++;
		fprintf(stderr, "modbtf: %s: %s\n", path, trouble);
	} else {
		r->count[res->verdict]++;
		if (is_finding(res->verdict))
			why_not = suppressed(&r->suppress, m->name,
					     verdict_name(res->verdict, r->strict));
		r->suppressed += !!why_not;
		r->findings += is_finding(res->verdict) && !why_not;
	}
	if (r->format == F_JSON)
		json_module(r, path, m, res, trouble, why_not);
	else if (r->format == F_KTAP)
		ktap_module(r, path, res, trouble, why_not);
	else if (!trouble)
		text_module(r, path, m, res, why_not);
	show_progress(r);
}

static void json_summary(const struct report *r)
{
	struct json_object *o = json_object_new_object(), *s = json_object_new_object();
	int v;

	json_object_object_add(s, "modules", json_object_new_int64(r->seen - r->troubles));
	for (v = 0; v < NR_VERDICTS; v++)
		json_object_object_add(s, verdict_name(v, r->strict),
				       json_object_new_int64(r->count[v]));
	json_object_object_add(s, "suppressed", json_object_new_int64(r->suppressed));
	json_object_object_add(s, "trouble", json_object_new_int64(r->troubles));
	json_object_object_add(o, "summary", s);
	json_line(o);
}

static void text_summary(const struct report *r)
{
	int v;

	printf("%lu modules:", r->seen - r->troubles);
	for (v = 0; v < NR_VERDICTS; v++)
		printf("%s %lu %s", v ? "," : "", r->count[v], verdict_name(v, r->strict));
	if (r->suppressed)
		printf("; %lu suppressed", r->suppressed);
	if (r->troubles)
		printf("; %lu cannot be read", r->troubles);
	putchar('\n');
	if (r->count[V_UNPROVED])
		puts("what is unproved may be wrong, which only --built-against can tell");
}

int report_end(struct report *r)
{
	size_t i;

	clear_progress(r);
	if (r->format == F_JSON)
		json_summary(r);
	else if (r->format == F_KTAP)
		printf("1..%lu\n", r->seen);
	else
		text_summary(r);
	for (i = 0; i < r->suppress.nr; i++)
		if (!r->suppress.list[i].used)
			fprintf(stderr, "modbtf: suppression of %s %s is not needed\n",
				r->suppress.list[i].module, r->suppress.list[i].verdict);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "modbtf: cannot write the report\n");
		return 2;
	}
	if (!r->seen)
		fprintf(stderr, "modbtf: there is no module in what was given\n");
	return r->troubles || !r->seen ? 2 : r->findings ? 1 : 0;
}
