// SPDX-License-Identifier: GPL-2.0-only
/* Read a module and decide, within the limits for one */

#include "modbtf.h"

static const char *look_inside(struct look *l, struct audit *a, const char *path,
			       const char *inside)
{
	const char *problem = NULL;

	if (!l->file.data)
		problem = read_file(path, !l->found, &l->file);
	else if (l->file.size > limits.module_memory)
		problem = mem_problem();
	if (!problem && is_package(&l->file))
		problem = "a package; name a module";
	problem = problem ?: unpack(l->file, &l->file) ?:
		  module_parse(&l->m, l->file, inside);
	if (a && !problem)
		problem = foreign(a, &l->m);
	if (a && !problem)
		decide(a, &l->m, &l->res);
	return problem;
}

void look_forget_file(struct look *l)
{
	struct module *m = &l->m;

	if (m->swapped) {
		xfree(m->split.data);
		xfree(m->base.data);
	}
	xfree(l->file.data);
	l->file = (struct blob){};
}

void look(struct look *l, struct audit *a, const char *path, const char *inside)
{
	jmp_buf leave;

	l->arena = l->arena ?: arena_new();
	arena_adopt(l->arena, l->file.data);
	work_on(path);
	arena_enter(l->arena, &leave);
	if (!setjmp(leave)) {
		l->trouble = look_inside(l, a, path, inside);
	} else {
		arena_empty(l->arena);
		l->file = (struct blob){};
		l->m = (struct module){};
		l->trouble = l->arena->problem;
	}
	arena_leave();
	work_on(NULL);
}
