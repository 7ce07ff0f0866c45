// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many at once: kernels and modules that are found together, in packages and directories.  Modules
 * belong to the kernel of their release: audit --pair asks that one, matrix asks all of them.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modbtf.h"
#include "report.h"

/* A kernel that was found */
struct found_kernel {
	struct found_kernel *next;
	char *release, *root, *label;
	struct base base;
	struct rules rules;
};

/* Modules that are asked together */
struct found_set {
	struct found_set *next;
	char *release, *root, *label;
	struct asked asked;
};

/* A file that is called as a kernel and is none */
struct no_kernel {
	struct no_kernel *next;
	char *release, *path, *problem;
};

struct matrix {
	const struct many *how;
	struct report *report;
	const char *arg;		/* what is looked into */
	struct found_kernel *kernels;
	struct found_set *sets;
	struct no_kernel *others;
	struct finder finder;
};

/* What stands in @path behind @dir, up to the next slash, for xfree(), or NULL */
static char *behind(const char *path, const char *dir)
{
	const char *p = strstr(path, dir), *end;

	if (!p || (p > path && p[-1] != '/' && p[-1] != ':'))
		return NULL;
	p += strlen(dir);
	end = strchrnul(p, '/');
	return end > p ? xasprintf("%.*s", (int)(end - p), p) : NULL;
}

/* The release that a kernel or module at @path is of, for xfree(), or NULL */
static char *release_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	/* vmlinuz-RELEASE */
	if (!strncmp(name, "vmlinu", 6) && name[6] && name[7] == '-' && name[8])
		return xstrdup(name + 8);
	return behind(path, "lib/modules/") ?: behind(path, "linux-headers-");
}

/* The first name in what was given that leads to @path, for xfree(): a package, or a directory */
static char *root_of(const char *arg, const char *path)
{
	const char *p = path + strlen(arg), *slash;

	if (!strncmp(path, arg, strlen(arg)) && *p == '/' && p[strspn(p, "/")]) {
		p += strspn(p, "/");
		return xasprintf("%.*s", (int)strcspn(p, "/:"), p);
	}
	slash = strrchr(arg, '/');
	p = slash && slash[1] ? slash + 1 : arg;
	return xasprintf("%.*s", (int)strcspn(p, ":"), p);
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a ?: "", b ?: "");
}

/* The kernel of a release.  Of several, builds that are called the same, that with the root */
static struct found_kernel *kernel_of(struct matrix *m, const char *release, const char *root,
				      bool *several)
{
	struct found_kernel *k, *found = NULL;
	unsigned int nr = 0;

	for (k = m->kernels; k; k = k->next) {
		if (!same(k->release, release))
			continue;
		nr++;
		if (!found || same(k->root, root))
			found = k;
	}
	*several = nr > 1;
	return found;
}

static char *label_of(const char *release, const char *root, bool several)
{
	return several ? xasprintf("%s (%s)", release, root) : xstrdup(release);
}

static void say(struct matrix *m, const char *what, const char *name, const char *rules)
{
	if (!isatty(STDERR_FILENO) && !m->report->quiet)
		complain("%s %s%s%s", what, name, rules ? ": " : "", rules ?: "");
}

static void add_kernel(struct matrix *m, const char *shown, struct image *image)
{
	struct found_kernel *k = xcalloc(1, sizeof(*k)), **last = &m->kernels;
	char *problem;

	*k = (struct found_kernel){ .release = release_of(shown), .root = root_of(m->arg, shown) };
	k->release = k->release ?: xstrdup(k->root);
	problem = rules_choose(&k->rules, m->how->kernel, &image->kernel, image->btf);
	if (problem)
		die("%s: %s", shown, problem);
	problem = base_parse(&k->base, image, &k->rules);
	if (problem)
		die("%s: %s", shown, problem);
	for (; *last; last = &(*last)->next) {
		/* one kernel in two files, as in a package of headers */
		if (same((*last)->release, k->release) &&
		    !memcmp((*last)->base.id, k->base.id, BTF_BASE_ID_SIZE)) {
			if ((*last)->rules.guessed)
				(*last)->rules = k->rules;
			base_free(&k->base);
			xfree(k->release);
			xfree(k->root);
			xfree(k);
			return;
		}
	}
	*last = k;
}

static bool is_kernel_or_package(const char *path)
{
	return is_kernel_name(path) || is_package_name(path);
}

/* That there is none in a package is no trouble, nor that much is called as a kernel */
static void not_a_kernel(void *ctx, const char *path, char *problem)
{
	struct no_kernel *n = xcalloc(1, sizeof(*n));
	struct matrix *m = ctx;

	*n = (struct no_kernel){ m->others, release_of(path), xstrdup(path), problem };
	m->others = n;
}

static void find_kernel(void *ctx, const struct place *place, struct arena *arena,
			struct blob *data)
{
	struct matrix *m = ctx;
	struct image image;
	struct blob file;
	char *problem = NULL;

	if (!data && is_package_name(place->shown)) {
		read_files(place->shown, &m->finder);
		return;
	}
	work_on(place->shown);
	if (data)
		file = *data;
	else
		problem = read_file(place->shown, false, &file);
	problem = problem ?: find_base(file, &image);
	if (problem)
		not_a_kernel(m, place->shown, problem);
	else
		add_kernel(m, place->shown, &image);
	work_on(NULL);
}

static void find_kernels(struct matrix *m, char **paths, int nr)
{
	struct found_kernel *k;
	struct no_kernel *n;
	bool several;
	int i;

	m->finder = (struct finder){
		"kernel", is_kernel_or_package, find_kernel, not_a_kernel, m, true
	};
	for (i = 0; i < nr; i++) {
		m->arg = paths[i];
		read_files(paths[i], &m->finder);
	}
	for (n = m->others; n; n = n->next) {
		if (!n->release || kernel_of(m, n->release, NULL, &several) ||
		    !is_kernel_name(n->path))
			continue;
		complain("%s: %s", n->path, n->problem);
		m->report->failed = true;
	}
	if (!m->kernels)
		die("%s: no kernel in it, such as vmlinuz-RELEASE%s%s", paths[0],
		    m->others ? "; " : "", m->others ? m->others->problem : "");
	for (k = m->kernels; k; k = k->next) {
		if (m->how->strict && !k->rules.patched)
			die("--strict is a mode of a patched kernel, and %s is decided as %s",
			    k->release, k->rules.name);
		kernel_of(m, k->release, NULL, &several);
		k->label = label_of(k->release, k->root, several);
		say(m, "kernel", k->label, k->rules.name);
	}
}

/* Ask @k about a set, whose own kernel is @own, if that is known */
static void ask_kernel(struct matrix *m, struct found_set *s, struct found_kernel *k,
		       struct found_kernel *own)
{
	struct audit *a = xcalloc(1, sizeof(*a));
	unsigned int nr = s->asked.nr++;

	/* the bases stay those of the kernels */
	*a = (struct audit){
		.ask = decide, .rules = k->rules, .running = k->base,
		.wrong_types = m->how->wrong_types,
	};
	if (own && own->base.btf)
		a->built = own->base;
	if (own && own != k && own->base.btf && k->base.btf && !k->rules.patched) {
		work_on(k->label);
		a->same = compare_bases(a->built.btf, a->running.btf);
		work_on(NULL);
	}
	s->asked.audits = xrealloc(s->asked.audits, s->asked.nr * sizeof(*s->asked.audits));
	s->asked.audits[nr] = a;
	s->asked.pairs = xrealloc(s->asked.pairs, s->asked.nr * sizeof(*s->asked.pairs));
	s->asked.pairs[nr] = report_pair(m->report, k->label, s->label, k->rules.name);
}

/* Who is asked about a module */
static struct asked *select_kernels(struct module_source *src, const struct place *place)
{
	char *release = release_of(place->shown), *root;
	struct found_set *s, **last;
	struct found_kernel *k, *own;
	struct matrix *m = src->ctx;
	bool several;

	root = root_of(src->path, place->shown);
	release = release ?: xstrdup(root);
	own = kernel_of(m, release, root, &several);
	for (last = &m->sets; (s = *last); last = &s->next)
		if (same(s->release, release) && (!several || same(s->root, root)))
			break;
	if (s) {
		xfree(release);
		xfree(root);
		return s->asked.nr ? &s->asked : NULL;
	}
	s = *last = xcalloc(1, sizeof(*s));
	*s = (struct found_set){
		.release = release, .root = root, .asked.other_machines = !m->how->pair,
	};
	s->label = label_of(release, root, several);
	say(m, "modules of", s->label, NULL);
	for (k = m->kernels; k; k = k->next)
		if (!m->how->pair || k == own)
			ask_kernel(m, s, k, own);
	if (!s->asked.nr) {
		complain("%s: no kernel of release %s in what was given", place->shown, release);
		m->report->failed = true;
	}
	return s->asked.nr ? &s->asked : NULL;
}

void matrix_run(const struct many *how, struct report *r, char **paths, int nr)
{
	struct matrix m = { .how = how, .report = r };
	struct module_source source = {
		.paths = paths, .nr = nr, .packages = true, .select = select_kernels, .ctx = &m,
	};
	struct found_kernel *k;
	struct found_set *s;
	struct no_kernel *n;
	unsigned int i;

	find_kernels(&m, paths, nr);
	audit_run(&source, r);
	while ((n = m.others)) {
		m.others = n->next;
		xfree(n->release);
		xfree(n->path);
		xfree(n->problem);
		xfree(n);
	}
	while ((s = m.sets)) {
		m.sets = s->next;
		for (i = 0; i < s->asked.nr; i++) {
			xfree(s->asked.audits[i]->same);
			xfree(s->asked.audits[i]);
		}
		xfree(s->asked.audits);
		xfree(s->asked.pairs);
		xfree(s->release);
		xfree(s->root);
		xfree(s->label);
		xfree(s);
	}
	while ((k = m.kernels)) {
		m.kernels = k->next;
		base_free(&k->base);
		xfree(k->release);
		xfree(k->root);
		xfree(k->label);
		xfree(k);
	}
}
