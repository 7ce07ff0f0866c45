// SPDX-License-Identifier: GPL-2.0-only
/* modbtf id: the base id that a file was built against, or that it has itself */

#include <stdlib.h>
#include <string.h>
#include "modbtf.h"

static int module_id(const char *path, struct blob file)
{
	char text[2 * BTF_BASE_ID_SIZE + 1];
	struct look l = { .file = file };
	const uint8_t *id;

	look(&l, NULL, 0, path, path);
	if (l.trouble) {
		complain("%s: %s", path, l.trouble);
		arena_free(l.arena);
		return 2;
	}
	id = l.m.id ?: l.m.distilled_id;
	if (id) {
		id_print(text, id);
		out("%s  %s  %s\n", text, path,
		    l.m.id ? "built against" : "built against, distilled");
	} else {
		out("%-*s  %s  unstamped\n", 2 * BTF_BASE_ID_SIZE, "-", path);
	}
	arena_free(l.arena);
	return id ? 0 : 1;
}

static int base_id(const char *path, struct blob file)
{
	char text[2 * BTF_BASE_ID_SIZE + 1];
	struct image image;
	struct base b = {};
	char *problem;

	problem = find_base(file, &image) ?: base_parse(&b, &image, newest_rules) ?: b.problem;
	if (problem) {
		complain("%s: %s", path, problem);
	} else {
		id_print(text, b.id);
		out("%s  %s  base\n", text, path);
	}
	if (problem != b.problem)
		xfree(problem);
	base_free(&b);
	return problem ? 2 : 0;
}

static bool is_module(const struct blob *b)
{
	/* e_type of ELF, in either byte order: ET_REL */
	return b->size > 18 && !memcmp(b->data, "\177ELF", 4) &&
	       ((uint8_t *)b->data)[16] + ((uint8_t *)b->data)[17] == 1;
}

int cmd_id(char **paths, int nr)
{
	struct blob file;
	char *problem;
	int i, ret, status = 0;

	for (i = 0; i < nr; i++) {
		problem = read_file(paths[i], true, &file);
		if (!problem)
			problem = unpack_one(&file, "file, or ask explain of PACKAGE:MODULE");
		if (problem) {
			complain("%s: %s", paths[i], problem);
			xfree(problem);
			status = 2;
			continue;
		}
		/* both take the file */
		ret = is_module(&file) ? module_id(paths[i], file) : base_id(paths[i], file);
		if (ret > status)
			status = ret;
	}
	return status;
}
