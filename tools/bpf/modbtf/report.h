/* SPDX-License-Identifier: GPL-2.0-only */
/* What is collected of many modules (report.c), and how it is printed (print.c, html.c) */
#ifndef __MODBTF_REPORT_H
#define __MODBTF_REPORT_H

#include "modbtf.h"

/* report.c ------------------------------------------------------------------ */

/* A kernel, and modules that are asked for on it */
struct pair {
	struct pair *next;
	unsigned int nr;		/* in their order, at the end */
	char *kernel, *modules;	/* what they are called; NULL: there is only one pair */
	char *rules;
	unsigned long count[NR_ALL_VERDICTS];
	unsigned long modules_seen, findings;
};

enum outcome { PASSED, EXCUSED, FINDING };

/* A module or a type, or a suppression that fits nothing */
struct row {
	enum { E_MODULE, E_TYPE, E_STALE } what;
	struct pair *pair;	/* or NULL */
	const char *file;	/* or the type */
	const char *module;	/* its name, or NULL */
	const char *area;	/* of the source a module is of, or the kind of a type */
	const char *trouble;	/* or NULL: then the rest is known */
	enum outcome outcome;
	const char *verdict, *reason, *detail;	/* a word; one, or NULL; a sentence, or NULL */
	const char *type;	/* that @detail is about, or NULL */
	bool is_wrong;
	unsigned long nr_wrong, nr_named;
	const struct strings *lines;	/* more of it, or NULL */
	const struct module *loses;	/* BPF does not see what this has in its lists, or NULL */
	const struct suppression *by;	/* that excuses it, or NULL */
};

/* Entries that are alike */
struct group {
	const struct pair *pair;
	enum outcome outcome;
	const char *verdict, *reason, *area;
	struct strings names, notes;	/* of each entry */
};

struct count {
	char *label;
	unsigned long n;
};

/* How many entries have something in common; .rows, the largest first, at the end */
struct table {
	void *tree;
	struct count *rows;
	size_t nr;
};

enum { BY_REASON, BY_AREA, BY_TYPE, NR_TABLES };
enum { KFUNCS, STRUCT_OPS, TRACE_EVENTS, NR_LOST };

/* A format that is written into a file, beside what is printed */
struct page {
	enum format format;
	struct output *output;
};

#define NR_PAGES	2

struct report {
	const char *command;
	enum format format;
	const struct page *pages;	/* up to one without an output; or NULL */
	bool strict, quiet, progress;
	bool summary;		/* with the tables */
	bool only_summary;
	bool summary_first;
	bool counts_types;	/* by reason */
	bool hide_lines;	/* of entries that are printed */
	bool full;		/* also what has nothing but another id */
	unsigned long limit;	/* entries of a kind in a text, 0: all */
	bool over;		/* it has been said that the time of the run is */
	bool need_btf;		/* a module without BTF is a finding */
	bool allow_stale;	/* a suppression that fits nothing is none */
	bool no_modules;	/* none were asked for */
	bool failed;		/* something was not found, which has been said */
	struct suppressions suppress;
	FILE *baseline;		/* where suppressions of all findings go, or NULL */

	const char *rules;	/* if all pairs are decided by the same */
	bool rules_found;	/* and the user did not say so */
	const char *running;	/* the release of the kernel that runs, if that is asked */
	bool one_package;	/* has the kernel and modules */
	struct pair *pairs;
	unsigned long seen, findings, suppressed, stale, troubles, results;
	bool begun, progress_shown;
	unsigned long printed[2];
	struct count *counts;	/* of all, in numbers and in words */
	size_t nr_counts;
	unsigned long lost[NR_LOST];	/* names that BPF does not see */
	unsigned long by_release;	/* native, and nothing but their release says so */
	struct strings headline, unread;
	struct table tables[NR_TABLES];
	void *groups;
	struct group **sorted;
	size_t nr_sorted;
};

struct pair *report_pair(struct report *r, const char *kernel, const char *modules,
			 const char *rules);
/* One module.  @m and @res may be NULL if @trouble is not */
void report_module(struct report *r, struct pair *pair, const struct place *place,
		   const struct module *m, const struct result *res, const char *trouble);
void report_row(struct report *r, const struct row *e);
/* @label stays with the caller */
void report_count(struct report *r, const char *label, unsigned long n);
/* The exit status, by what is known until then */
int report_status(const struct report *r);
/* Print the summary.  Returns the exit status */
int report_end(struct report *r);
void report_free(struct report *r);
void count_add(struct table *t, const char *label, unsigned long n);
const char *verdict_name(enum verdict v, bool strict);
/* Does it ask for somebody to look? */
bool is_finding(enum verdict v);

/* print.c ------------------------------------------------------------------- */

void render_row(struct report *r, const struct row *e);
void render_end(struct report *r);
/* Are entries needed in groups, at the end? */
bool renders_groups(const struct report *r);
/* A line of what is in a list, behind @start.  If that is nothing, there is only a line
 * if @none.
 */
void print_list(const char *start, const struct strings *list, bool none);
extern const char * const table_names[NR_TABLES];
/* Rows of @t that there is room for, and what the others are counted as */
size_t rows_shown(const struct table *t);
unsigned long rest_of(const struct table *t);
/* What stands behind the verdict of those that are excused */
const char *outcome_name(const struct group *g);

/* html.c -------------------------------------------------------------------- */

void html_end(struct report *r);

#endif
