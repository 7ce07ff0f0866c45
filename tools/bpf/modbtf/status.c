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

	free(path);
	return ret;
}

/* The state of a module, for free() */
static char *state_of(const char *sysfs, const char *name)
{
	char *path = xasprintf("%s/module/%s/btf", sysfs, name), *problem;
	struct blob b;
	size_t len;

	problem = read_file(path, 4096, &b);
	free(path);
	if (problem) {
		free(problem);
		return xstrdup(exists(sysfs, "kernel/btf/", name, "") ?
			       "has BTF, not known if right" : "has no BTF, not known why");
	}
	b.data = xrealloc(b.data, b.size + 1);
	((char *)b.data)[b.size] = 0;
	len = strcspn(b.data, "\n");
	((char *)b.data)[len] = 0;
	return b.data;
}

int cmd_status(const char *sysfs, bool json, bool colour)
{
	char *path = xasprintf("%s/module", sysfs), *state;
	struct strings names = {};
	struct json_object *o;
	struct dirent *d;
	bool dropped;
	int status = 0;
	size_t i;
	DIR *dir;

	dir = opendir(path);
	if (!dir) {
		fprintf(stderr, "modbtf: %s: %s\n", path, strerror(errno));
		free(path);
		return 2;
	}
	/* what is built in has no state of a module */
	while ((d = readdir(dir)))
		if (*d->d_name != '.' && exists(sysfs, "module/", d->d_name, "/initstate"))
			strings_add(&names, xstrdup(d->d_name));
	closedir(dir);
	free(path);
	if (names.nr)
		qsort(names.str, names.nr, sizeof(char *), cmp_str);

	for (i = 0; i < names.nr; i++) {
		state = state_of(sysfs, names.str[i]);
		dropped = !strncmp(state, "dropped:", 8);
		if (dropped)
			status = 1;
		if (json) {
			o = json_object_new_object();
			json_object_object_add(o, "module", json_object_new_string(names.str[i]));
			json_object_object_add(o, "state", json_object_new_string(state));
			puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
			json_object_put(o);
		} else {
			printf("%-28s  %s%s%s\n", names.str[i], colour && dropped ? "\033[31m" : "",
			       state, colour && dropped ? "\033[0m" : "");
		}
		free(state);
	}
	strings_free(&names);
	return status;
}
