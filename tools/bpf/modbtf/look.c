// SPDX-License-Identifier: GPL-2.0-only
/* Read a module and decide, within the limits for one */

#include "modbtf.h"

char *unpack_one(struct blob *file, const char *what)
{
	if (!is_package(file))
		return unpack(*file, file);
	xfree(file->data);
	*file = (struct blob){};
	return xasprintf("a package; name a %s", what);
}

/* Read, unpack and parse what @l is about.  Returns NULL, or what is wrong */
static const char *module_open(struct look *l, const char *path, const char *inside)
{
	const char *problem = NULL;

	if (!l->file.data)
		problem = read_file(path, !l->found, &l->file);
	else if (l->file.size > limits.module_memory)
		problem = mem_problem();
	return problem ?: unpack_one(&l->file, "module in it, as PACKAGE:MODULE") ?:
	       module_parse(&l->m, l->file, inside);
}

void look_forget_file(struct look *l)
{
	struct module *m = &l->m;

	if (m->swapped) {
		xfree(m->split.data);
		xfree(m->base.data);
	}
	m->build_id = (struct blob){};
	xfree(l->file.data);
	l->file = (struct blob){};
}

static void ask(struct audit *a, const struct module *m, struct result *res)
{
	char *trouble = foreign(a, m);

	if (!trouble)
		a->ask(a, m, res);
	res->trouble = trouble;
}

void look(struct look *l, struct audit **audits, unsigned int nr, const char *path,
	  const char *inside)
{
	jmp_buf leave;
	unsigned int i;

	l->arena = l->arena ?: arena_new();
	arena_adopt(l->arena, l->file.data);
	work_on(path);
	arena_enter(l->arena, &leave);
	if (!setjmp(leave)) {
		l->trouble = module_open(l, path, inside);
		l->res = xcalloc(nr ?: 1, sizeof(*l->res));
		for (i = 0; i < nr && !l->trouble; i++)
			ask(audits[i], &l->m, l->res + i);
	} else {
		arena_empty(l->arena);
		l->file = (struct blob){};
		l->m = (struct module){};
		l->trouble = l->arena->problem;
	}
	arena_leave();
	work_on(NULL);
}
