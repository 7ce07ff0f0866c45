// SPDX-License-Identifier: GPL-2.0-only
/* The page of --html: page.html, with what report.c has in it */

#include <ctype.h>
#include <string.h>
#include "modbtf.h"
#include "report.h"

/* Up to a line and behind it */
static const char page[] =
#include "page.h"
;
static const char page_mark[] = "<!-- results -->\n";

/* @s in an address, for xfree() */
static char *in_address(const char *s)
{
	char *to = xrealloc(NULL, 3 * strlen(s) + 1), *end = to;

	for (; *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-._~", *s))
			*end++ = *s;
		else
			end += sprintf(end, "%%%02x", (unsigned char)*s);
	*end = 0;
	return to;
}

static const char *html_class(const struct pair *p)
{
	unsigned long lost = p->count[V_DROPPED] + p->count[V_UNPROVED];

	return p->count[V_WRONG] ? "wrong" : lost ? "lost" : "kept";
}

/* What stands in a cell: how many keep their BTF, and what becomes of the others */
static void html_cell(const struct report *r, const struct pair *p)
{
	char *kernel = in_address(p->kernel), *modules = in_address(p->modules);
	int v;

	out("<td class=\"%s\">", html_class(p));
	out("<a href=\"#kernel=%s&#38;modules=%s\">", kernel, modules);
	xfree(kernel);
	xfree(modules);
	out("<b>%lu</b> of %lu kept", p->count[V_NATIVE] + p->count[V_RELOCATED], p->modules_seen);
	for (v = 0; v < NR_VERDICTS; v++)
		if (v != V_NATIVE && p->count[v])
			out("<span>%lu %s</span>", p->count[v], verdict_name(v, r->strict));
	out("</a></td>");
}

static const struct pair *pair_of(const struct report *r, const char *kernel, const char *modules)
{
	const struct pair *p;

	for (p = r->pairs; p; p = p->next)
		if (!strcmp(p->kernel, kernel) && !strcmp(p->modules, modules))
			return p;
	return NULL;
}

/* The first of those with its kernel, or with its modules */
static bool is_first(const struct report *r, const struct pair *p, bool kernel)
{
	const struct pair *q;

	for (q = r->pairs; q != p; q = q->next)
		if (!strcmp(kernel ? q->kernel : q->modules, kernel ? p->kernel : p->modules))
			return false;
	return true;
}

static void html_matrix(const struct report *r)
{
	const struct pair *k, *m, *cell;

	out("<section aria-labelledby=\"m\"><h2 id=\"m\">Kernels and modules</h2>\n");
	out("<div class=\"wide\"><table class=\"matrix\">\n");
	out("<thead><tr><th scope=\"col\">kernel</th>");
	for (m = r->pairs; m; m = m->next)
		if (is_first(r, m, false))
			out("<th scope=\"col\">modules of %s</th>", m->modules);
	out("</tr></thead>\n<tbody>\n");
	for (k = r->pairs; k; k = k->next) {
		if (!is_first(r, k, true))
			continue;
		out("<tr><th scope=\"row\">%s<small>%s</small></th>", k->kernel, k->rules);
		for (m = r->pairs; m; m = m->next) {
			if (!is_first(r, m, false))
				continue;
			cell = pair_of(r, k->kernel, m->modules);
			if (cell)
				html_cell(r, cell);
			else
				out("<td class=\"empty\">not asked</td>");
		}
		out("</tr>\n");
	}
	out("</tbody></table></div></section>\n");
}

static void html_table(const struct table *t, const char *name)
{
	size_t i;

	if (!t->nr)
		return;
	out("<section class=\"bars\"><h2>By %s</h2><table><tbody>\n", name);
	for (i = 0; i < rows_shown(t); i++) {
		out("<tr><th scope=\"row\">%s</th><td><i style=\"width:%lu%%\"></i></td>",
		    t->rows[i].label, 100 * t->rows[i].n / t->rows[0].n);
		out("<td>%lu</td></tr>\n", t->rows[i].n);
	}
	if (rows_shown(t) < t->nr)
		out("<tr><th scope=\"row\">%zu others</th><td></td><td>%lu</td></tr>\n",
		    t->nr - rows_shown(t), rest_of(t));
	out("</tbody></table></section>\n");
}

static void html_group(const struct group *g)
{
	const struct pair *p = g->pair;
	size_t i;

	out("<details class=\"group\" data-verdict=\"%s\" data-kernel=\"%s\" data-modules=\"%s\">",
	    g->verdict, p && p->kernel ? p->kernel : "", p && p->kernel ? p->modules : "");
	out("<summary><b class=\"%s\">%s</b> <span>%s%s</span>", g->verdict, g->verdict,
	    g->reason ?: "", outcome_name(g));
	out(" <span>%s</span> ", g->area);
	out("<small>%s%s%s%s</small>", p && p->kernel ? "modules of " : "",
	    p && p->kernel ? p->modules : "", p && p->kernel ? " on " : "",
	    p && p->kernel ? p->kernel : "");
	out(" <output>%zu</output></summary><ul>\n", g->names.nr);
	for (i = 0; i < g->names.nr; i++) {
		out("<li>%s", g->names.str[i]);
		if (g->notes.str[i][0])
			out("<small>%s</small>", g->notes.str[i]);
		out("</li>\n");
	}
	out("</ul></details>\n");
}

static void html_unread(const struct report *r)
{
	size_t i;

	if (!r->unread.nr)
		return;
	out("<section aria-labelledby=\"u\"><h2 id=\"u\">%zu cannot be read</h2>\n", r->unread.nr);
	out("<ul class=\"unread\">\n");
	for (i = 0; i < r->unread.nr; i++)
		out("<li>%s</li>\n", r->unread.str[i]);
	out("</ul></section>\n");
}

void html_end(struct report *r)
{
	const char *mark = strstr(page, page_mark);
	size_t i;
	int t;

	out_raw(page, mark - page);
	out("<header><h1>Module BTF</h1>\n");
	for (i = 0; i < r->headline.nr; i++)
		out(i ? "<p>%s</p>\n" : "<p class=\"lead\">%s</p>\n", r->headline.str[i]);
	out("</header>\n<main>\n");
	if (r->pairs && r->pairs->kernel)
		html_matrix(r);
	out("<div class=\"tables\">\n");
	for (t = 0; t < NR_TABLES; t++)
		html_table(r->tables + t, table_names[t]);
	out("</div>\n<section aria-labelledby=\"g\"><h2 id=\"g\">%s</h2>\n",
	    r->nr_sorted ? "What to look at" : "There is nothing to look at");
	if (r->nr_sorted) {
		out("<form id=\"filter\" role=\"search\">\n");
		out("<label>Find <input type=\"search\" name=\"find\"></label>\n");
		out("<label>verdict <select name=\"verdict\"></select></label>\n");
		out("<label>kernel <select name=\"kernel\"></select></label>\n");
		out("<label>modules of <select name=\"modules\"></select></label>\n");
		out("<button type=\"reset\">All</button>\n");
		out("<output id=\"shown\" aria-live=\"polite\"></output></form>\n");
		for (i = 0; i < r->nr_sorted; i++)
			html_group(r->sorted[i]);
	}
	out("</section>\n");
	html_unread(r);
	out("</main>\n");
	mark += sizeof(page_mark) - 1;
	out_raw(mark, strlen(mark));
}
