// SPDX-License-Identifier: GPL-2.0-only
/* modbtf id: the base id that a module was built against, or that a kernel has itself */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modbtf.h"

/* Returns the exit status, or -1 with *@problem */
static int module_id(const char *path, struct blob file, char **problem)
{
	char text[2 * BTF_BASE_ID_SIZE + 1];
	struct look l = { .file = file };
	const uint8_t *id;

	look(&l, NULL, 0, path, path);
	if (l.trouble) {
		*problem = xstrdup(l.trouble);
		arena_free(l.arena);
		return -1;
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

/* The same */
static int base_id(const char *path, struct blob file, char **problem)
{
	char text[2 * BTF_BASE_ID_SIZE + 1];
	struct image image;
	struct base b = {};

	work_on(path);
	*problem = find_base(file, &image) ?: base_parse(&b, &image, newest_rules);
	work_on(NULL);
	if (!*problem && b.problem)
		*problem = xstrdup(b.problem);
	if (!*problem) {
		id_print(text, b.id);
		out("%s  %s  base\n", text, path);
	}
	base_free(&b);
	return *problem ? -1 : 0;
}

static bool is_module(const struct blob *b)
{
	/* e_type of ELF, in either byte order: ET_REL */
	return b->size > 18 && !memcmp(b->data, "\177ELF", 4) &&
	       ((uint8_t *)b->data)[16] + ((uint8_t *)b->data)[17] == 1;
}

/* What is found in a file, a package or a directory */
struct ids {
	const char *path;	/* that was given */
	int status;
	bool found, said;	/* a kernel or a module; something that is wrong */
	char *no_kernel;	/* the first that is only called as one, and why not, or NULL */
};

static bool is_kernel_or_module(const char *path)
{
	return is_kernel_name(path) || is_module_name(path);
}

/* Beside others much is called as a kernel, as vmlinux.lds.  What is called vmlinuz, also behind a
 * compression, or vmlinuz-RELEASE is to be one.
 */
static bool is_surely_kernel(const char *path)
{
	static const char * const ends[] = { "", ".gz", ".xz", ".zst", ".bz2", ".lzma", ".lz4" };
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t i;

	if (strncmp(name, "vmlinux", 7) && strncmp(name, "vmlinuz", 7))
		return false;
	if (name[7] == '-' && isdigit((unsigned char)name[8]))
		return true;
	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (!strcmp(name + 7, ends[i]))
			return true;
	return false;
}

/* Is what was found as @member only called as a kernel?  A directory is no file that is */
static bool is_unsure(const char *shown, const char *member)
{
	struct stat st;

	return member != shown && is_kernel_name(member) && !is_module_name(member) &&
	       !is_surely_kernel(member) && (lstat(shown, &st) || !S_ISDIR(st.st_mode));
}

static void id_trouble(void *ctx, const char *shown, char *problem)
{
	struct ids *ids = ctx;
	size_t len = strlen(ids->path);
	const char *member = shown;

	if (!strncmp(shown, ids->path, len) && shown[len])
		member += len + strspn(shown + len, ":/");
	if (is_unsure(shown, member)) {
		if (!ids->no_kernel)
			ids->no_kernel = xasprintf("%s: %s", member, problem);
	} else {
		complain("%s: %s", shown, problem);
		ids->said = true;
		ids->status = 2;
	}
	xfree(problem);
}

/* A module, a kernel, or what is called so.  Returns the exit status, or -1 with *@problem */
static int file_id(const char *path, struct blob file, char **problem)
{
	*problem = unpack_one(&file, "file in it");
	if (*problem)
		return -1;
	/* both take the file */
	if (is_module_name(path) || is_module(&file))
		return module_id(path, file, problem);
	return base_id(path, file, problem);
}

static void id_found(void *ctx, const struct place *place, struct arena *arena,
		     struct blob *data)
{
	struct ids *ids = ctx;
	struct blob file;
	char *problem = NULL;
	int status = -1;

	if (data)
		file = *data;
	else
		problem = read_file(place->shown, false, &file);
	if (!problem)
		status = file_id(place->shown, file, &problem);
	if (status < 0) {
		id_trouble(ids, place->shown, problem);
		return;
	}
	ids->found = true;
	if (status > ids->status)
		ids->status = status;
}

int cmd_id(char **paths, int nr)
{
	struct ids ids = {};
	struct finder f = {
		"kernel or module", is_kernel_or_module, id_found, id_trouble, &ids, true
	};
	int i;

	for (i = 0; i < nr; i++) {
		ids.path = paths[i];
		ids.found = false;
		ids.said = false;
		work_on(paths[i]);
		read_files(paths[i], &f);
		work_on(NULL);
		if (!ids.found && !ids.said) {
			complain("%s: no kernel or module in it%s%s", paths[i],
				 ids.no_kernel ? "; " : "", ids.no_kernel ?: "");
			ids.status = 2;
		}
		xfree(ids.no_kernel);
		ids.no_kernel = NULL;
	}
	return ids.status;
}
