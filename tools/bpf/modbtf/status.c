// SPDX-License-Identifier: GPL-2.0-only
/*
 * modbtf status: the modules that are loaded.  A kernel with this series says it in
 * /sys/module/NAME/btf; on others the files of modules tell what it did, and the log.
 */

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"
#include "report.h"

static int cmp_str(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

/* A loaded module, as it is printed; the strings are for xfree() */
struct state {
	char *word;		/* what the kernel says, or whether BPF has its BTF */
	char *verdict, *why;	/* by its file and the log, or NULL */
	bool finding;
};

/* Files that were asked, and those that do not fit this kernel */
struct files {
	unsigned long asked, misfits;
};

/* By its file, as the running kernel @a, if that is known, would decide */
static void ask_file(struct state *s, struct audit *a, struct live *live, const char *name,
		     bool has_btf, struct files *files)
{
	const char *path = live_file(live, name, 0);
	enum verdict v = V_NONE;
	const char *trouble;
	bool asked;
	struct look l = {};
	char *said = has_btf ? NULL : live_said(live, name);

	if (path && a->running.btf)
		look(&l, &a, 1, path, path);
	trouble = l.trouble ?: l.res ? l.res->trouble : NULL;
	if (!path)
		s->why = said ?: xasprintf("not known why: %s does not have its file",
					   live->modules);
	else if (!a->running.btf)
		s->why = said ?: xstrdup("this kernel has no BTF of its own");
	else if (trouble)
		s->why = xasprintf("%s: %s", path, trouble);
	else
		s->why = why_of(live, name, l.res, &l.m, said);
	asked = l.res && !trouble;
	if (asked) {
		v = l.res->verdict;
		files->asked++;
		files->misfits += v == V_DROPPED || v == V_WRONG;
		/* a file that was replaced says nothing of what is loaded */
		if (live_is_file(live, name, l.m.build_id) && !(has_btf && v == V_DROPPED))
			s->verdict = xasprintf("%s%s%s", verdict_name(v, false),
					       l.res->reason ? ":" : "", l.res->reason ?: "");
	}
	/* that nothing is proved is how such a kernel is */
	if (has_btf)
		s->finding = s->verdict && v != V_UNPROVED && is_finding(v);
	else
		s->finding = said || !path || (asked && v != V_NONE);
	if (s->why != said)
		xfree(said);
	arena_free(l.arena);
}

/* Returns false if it cannot be read */
static bool state_of(struct state *s, struct audit *a, struct live *live, const char *name,
		     struct files *files)
{
	bool has_btf = live_has(live, "kernel/btf", name, "");
	char *problem;

	*s = (struct state){ .word = live_state(live, name, &problem) };
	if (problem) {
		xfree(problem);
		return false;
	}
	if (!s->word) {
		s->word = xstrdup(has_btf ? "has BTF" : "has no BTF");
		ask_file(s, a, live, name, has_btf, files);
	} else if (!strncmp(s->word, "dropped:", 8)) {
		s->why = xstrdup(why_dropped(s->word + 8));
		s->finding = true;
	}
	return true;
}

static void print_state(const char *name, const struct state *s, bool json)
{
	struct json_object *o;

	if (json) {
		o = json_checked(json_object_new_object());
		json_str(o, "module", name);
		json_str(o, "state", s->word);
		json_str(o, "verdict", s->verdict);
		json_str(o, "why", s->why);
		json_line(o);
		return;
	}
	out("%-28s  ", name);
	out_colour(s->finding ? C_RED : C_NONE);
	out("%s%s%s", s->word, s->verdict ? "; file: " : "", s->verdict ?: "");
	out_colour(C_NONE);
	out("%s%s\n", s->why ? "  " : "", s->why ?: "");
}

int cmd_status(struct audit *a, struct live *live, bool json)
{
	char *path = xasprintf("%s/module", live->sysfs);
	struct strings names = {};
	struct files files = {};
	bool trouble = false;
	struct dirent *d;
	struct state s;
	int status = 0;
	size_t i;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		die("%s: %s", path, strerror(errno));
	while ((errno = 0, d = readdir(dir)))
		if (*d->d_name != '.' && live_is_loaded(live, d->d_name))
			strings_add(&names, xstrdup(d->d_name));
	if (errno)
		die("%s: %s", path, strerror(errno));
	closedir(dir);
	xfree(path);
	if (names.nr)
		qsort(names.str, names.nr, sizeof(char *), cmp_str);
	if (json)
		json_begin("status");
	else if (!names.nr)
		out("no module is loaded\n");

	for (i = 0; i < names.nr; i++) {
		if (state_of(&s, a, live, names.str[i], &files)) {
			print_state(names.str[i], &s, json);
			status |= s.finding;
		} else {
			trouble = true;
		}
		xfree(s.word);
		xfree(s.verdict);
		xfree(s.why);
	}
	strings_free(&names);
	if (!json && files.asked > 1 && 2 * files.misfits > files.asked)
		out("\n%lu of %lu files in %s do not fit this kernel: %s %s\n", files.misfits,
		    files.asked, live->modules,
		    "they are of another build; see modbtf audit --summary", live->modules);
	return trouble ? 2 : status;
}
