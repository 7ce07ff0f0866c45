// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules of the running kernel: what /sys says of them, their files, and the kernel's log.
 * A kernel with this series says in /sys/module/NAME/btf what it did; of others the file of the
 * module has to tell, and the log.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "modbtf.h"

/* Bytes of the log that are read; that of a kernel has fewer */
#define MAX_LOG		(64UL << 20)

struct live_file {
	char *name, *path;
};

char *live_path(const struct live *l, const char *dir, const char *name, const char *file)
{
	return xasprintf("%s/%s/%s%s", l->sysfs, dir, name, file);
}

bool live_has(const struct live *l, const char *dir, const char *name, const char *file)
{
	char *path = live_path(l, dir, name, file);
	bool ret = !access(path, F_OK);

	xfree(path);
	return ret;
}

bool live_is_loaded(const struct live *l, const char *name)
{
	/* what is built in has no state of a module */
	return live_has(l, "module", name, "/initstate");
}

bool live_any_btf(const struct live *l)
{
	char *path = live_path(l, "kernel/btf", "", "");
	DIR *dir = opendir(path);
	struct dirent *d;
	bool found = false;

	while (dir && !found && (d = readdir(dir)))
		found = *d->d_name != '.' && strcmp(d->d_name, "vmlinux");
	if (dir)
		closedir(dir);
	xfree(path);
	return found;
}

static int cmp_file(const void *a, const void *b)
{
	const struct live_file *x = a, *y = b;

	return strcmp(x->name, y->name) ?: strcmp(x->path, y->path);
}

char *module_of_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = xstrdup(slash ? slash + 1 : path), *c, *last = NULL;

	for (c = name; (c = strstr(c, ".ko")); c++)
		last = c;
	if (last)
		*last = 0;
	for (c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

static void add_file(void *ctx, const struct place *place, struct arena *arena, struct blob *data)
{
	struct live *l = ctx;

	/* of a package that is called as a module */
	if (data) {
		arena_free(arena);
		return;
	}
	if (!(l->nr_files & (l->nr_files - 1)))
		l->files = xrealloc(l->files,
				    (l->nr_files ? 2 * l->nr_files : 1) * sizeof(*l->files));
	l->files[l->nr_files++] = (struct live_file){ module_of_file(place->shown),
						      xstrdup(place->shown) };
}

/* What cannot be read is not found, which is said */
static void forget_trouble(void *ctx, const char *path, char *problem)
{
	xfree(problem);
}

void live_open(struct live *l)
{
	struct utsname u;

	l->sysfs = l->sysfs ?: "/sys";
	l->log = l->log ?: "/dev/kmsg";
	if (!l->modules && !uname(&u)) {
		l->own_modules = xasprintf("/lib/modules/%s", u.release);
		l->modules = l->own_modules;
	}
}

static void find_files(struct live *l)
{
	struct finder f = { "module", is_module_name, add_file, forget_trouble, l };

	if (l->searched || !l->modules)
		return;
	l->searched = true;
	work_on(l->modules);
	read_files(l->modules, &f);
	if (l->nr_files)
		qsort(l->files, l->nr_files, sizeof(*l->files), cmp_file);
}

const char *live_file(struct live *l, const char *name, unsigned int nr)
{
	size_t i;

	find_files(l);
	for (i = 0; i < l->nr_files; i++)
		if (!strcmp(l->files[i].name, name) && !nr--)
			return l->files[i].path;
	return NULL;
}

bool live_is_file(const struct live *l, const char *name, struct blob build_id)
{
	char *path = live_path(l, "module", name, "/notes/.note.gnu.build-id"), *problem;
	struct blob note;
	bool same = true;

	problem = build_id.size ? read_file(path, false, &note) : NULL;
	/* what does not say which build it is can be this one */
	if (build_id.size && !problem) {
		same = note.size == build_id.size && !memcmp(note.data, build_id.data, note.size);
		xfree(note.data);
	}
	xfree(problem);
	xfree(path);
	return same;
}

char *live_state(const struct live *l, const char *name, char **problem)
{
	char *path = live_path(l, "module", name, "/btf");
	bool has = live_has(l, "module", name, "/btf");
	struct blob b = {};

	*problem = has ? read_file(path, true, &b) : NULL;
	if (*problem)
		complain("%s: %s", path, *problem);
	else if (has)
		b.data = xrealloc(b.data, b.size + 1);
	xfree(path);
	if (*problem || !b.data)
		return NULL;
	((char *)b.data)[b.size] = 0;
	((char *)b.data)[strcspn(b.data, "\n")] = 0;
	return b.data;
}

/* Of /dev/kmsg each read is one record, and the end is an error */
static void read_log(struct live *l)
{
	int fd = open(l->log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t room = 0;
	ssize_t n = 0;

	l->log_read = fd >= 0;
	while (fd >= 0 && l->log_text.size < MAX_LOG) {
		if (room - l->log_text.size < 16384) {
			room = 2 * room + 65536;
			l->log_text.data = xrealloc(l->log_text.data, room);
		}
		n = read(fd, l->log_text.data + l->log_text.size, 8192);
		/* EPIPE: some of it is gone, more follows */
		if (!n || (n < 0 && errno != EPIPE))
			break;
		l->log_text.size += n > 0 ? n : 0;
	}
	if (l->log_text.data) {
		((char *)l->log_text.data)[l->log_text.size] = 0;
		/* once, with CONFIG_MODULE_ALLOW_BTF_MISMATCH */
		l->log_mismatch = strstr(l->log_text.data, "module BTF mismatch detected");
	}
	if (fd >= 0)
		close(fd);
}

char *live_said(struct live *l, const char *name)
{
	char *mark = xasprintf("[%s] ", name), *p, *last = NULL, *start, *text;
	size_t len;

	if (!l->log_asked)
		read_log(l);
	l->log_asked = true;
	/* each message has both; a zero in it is not the kernel's */
	for (p = l->log_text.data; p && (p = strstr(p, mark)); p++) {
		len = strcspn(p, "\n");
		if (memmem(p, len, "BTF", 3))
			last = p;
	}
	xfree(mark);
	if (!last)
		return NULL;
	for (start = last; start > (char *)l->log_text.data; start--)
		if (start[-1] == '\n' || start[-1] == ';')
			break;
	text = xasprintf("%.*s", (int)strcspn(start, "\n"), start);
	return text;
}

void live_close(struct live *l)
{
	while (l->nr_files--) {
		xfree(l->files[l->nr_files].name);
		xfree(l->files[l->nr_files].path);
	}
	xfree(l->files);
	xfree(l->log_text.data);
	xfree(l->own_modules);
}
