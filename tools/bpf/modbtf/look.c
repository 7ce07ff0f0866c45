// SPDX-License-Identifier: GPL-2.0-only
/* Read a module and decide, within the limits for one */

#include "modbtf.h"

static const char *look_inside(struct look *l, struct audit *a, const char *path)
{
	const char *problem = NULL;

	if (!l->file.data)
		problem = read_file(path, &l->file);
	else if (l->file.size > limits.module_memory)
		problem = mem_problem();
	problem = problem ?: unpack(l->file, &l->file) ?:
		  module_parse(&l->m, l->file, path);
	if (a && !problem)
		problem = foreign(a, &l->m);
	if (a && !problem)
		decide(a, &l->m, &l->res);
	return problem;
}

void look(struct look *l, struct audit *a, const char *path)
{
	jmp_buf leave;

	l->arena = l->arena ?: arena_new();
	arena_adopt(l->arena, l->file.data);
	arena_enter(l->arena, &leave);
	if (!setjmp(leave)) {
		l->trouble = look_inside(l, a, path);
	} else {
		arena_empty(l->arena);
		l->file = (struct blob){};
		l->trouble = l->arena->problem;
	}
	arena_leave();
}
