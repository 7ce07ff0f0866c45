// SPDX-License-Identifier: GPL-2.0-only
/*
 * modbtf status: the modules that are loaded.  A kernel with this series says it in
 * /sys/module/NAME/btf; on others all that can be seen is whether BPF has BTF of it.
 */

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modbtf.h"

static int cmp_str(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

static bool exists(const char *sysfs, const char *fmt_dir, const char *name, const char *file)
{
	char *path = xasprintf("%s/%s%s%s", sysfs, fmt_dir, name, file);
	bool ret = !access(path, F_OK);

	xfree(path);
	return ret;
}

/* The state of a module, for xfree(); NULL: it cannot be read */
static char *state_of(const char *sysfs, const char *name)
{
	char *path = xasprintf("%s/module/%s/btf", sysfs, name), *problem;
	bool there = exists(sysfs, "module/", name, "/btf");
	struct blob b;
	size_t len;

	problem = read_file(path, true, &b);
	if (problem && there)
		complain("%s: %s", path, problem);
	xfree(path);
	if (problem) {
		xfree(problem);
		if (there)
			return NULL;
		return xstrdup(exists(sysfs, "kernel/btf/", name, "") ?
			       "has BTF, not known if right" : "has no BTF, not known why");
	}
	b.data = xrealloc(b.data, b.size + 1);
	((char *)b.data)[b.size] = 0;
	len = strcspn(b.data, "\n");
	((char *)b.data)[len] = 0;
	return b.data;
}

int cmd_status(const char *sysfs, bool json)
{
	char *path = xasprintf("%s/module", sysfs), *state;
	struct strings names = {};
	struct json_object *o;
	struct dirent *d;
	bool dropped, trouble = false;
	int status = 0;
	size_t i;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		die("%s: %s", path, strerror(errno));
	/* what is built in has no state of a module */
	while ((errno = 0, d = readdir(dir)))
		if (*d->d_name != '.' && exists(sysfs, "module/", d->d_name, "/initstate"))
			strings_add(&names, xstrdup(d->d_name));
	if (errno)
		die("%s: %s", path, strerror(errno));
	closedir(dir);
	xfree(path);
	if (names.nr)
		qsort(names.str, names.nr, sizeof(char *), cmp_str);

	for (i = 0; i < names.nr; i++) {
		state = state_of(sysfs, names.str[i]);
		if (!state) {
			trouble = true;
			xfree(names.str[i]);
			continue;
		}
		dropped = !strncmp(state, "dropped:", 8);
		if (dropped)
			status = 1;
		if (json) {
			o = json_checked(json_object_new_object());
			json_str(o, "module", names.str[i]);
			json_str(o, "state", state);
			json_line(o);
		} else {
			out("%-28s  ", names.str[i]);
			out_colour(dropped ? C_RED : C_NONE);
			out("%s", state);
			out_colour(C_NONE);
			out("\n");
		}
		xfree(state);
		xfree(names.str[i]);
	}
	xfree(names.str);
	return trouble ? 2 : status;
}
