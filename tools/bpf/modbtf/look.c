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
	return problem ?: unpack_one(&l->file, "module") ?: module_parse(&l->m, l->file, inside);
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
		l->trouble = module_open(l, path, inside);
		if (a && !l->trouble)
			l->trouble = foreign(a, &l->m);
		if (a && !l->trouble)
			decide(a, &l->m, &l->res);
	} else {
		arena_empty(l->arena);
		l->file = (struct blob){};
		l->m = (struct module){};
		l->trouble = l->arena->problem;
	}
	arena_leave();
	work_on(NULL);
}
