// SPDX-License-Identifier: GPL-2.0-only
/*
 * Find modules, or kernels: in a directory, in a package, or the file itself.  Links are followed;
 * a file with several names is looked at once.
 */

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "input.h"
#include "modbtf.h"

struct inode {
	dev_t dev;
	ino_t ino;
};

static int cmp_inode(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Has it been seen before?  From now on it has */
static bool seen(void **tree, const struct stat *st)
{
	struct inode *i = xrealloc(NULL, sizeof(*i)), **found;

	*i = (struct inode){ st->st_dev, st->st_ino };
	found = tsearch(i, tree, cmp_inode);
	if (!found)
		die("out of memory");
	if (*found == i)
		return false;
	xfree(i);
	return true;
}

/* build and source in lib/modules/RELEASE lead to where the kernel was built */
static bool is_build_link(const FTSENT *f)
{
	struct stat st;

	return (!strcmp(f->fts_name, "build") || !strcmp(f->fts_name, "source")) &&
	       !lstat(f->fts_accpath, &st) && S_ISLNK(st.st_mode);
}

static int cmp_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

struct walk {
	const char *path;
	const struct finder *f;
	void *inodes;
	unsigned long found;
};

static void visit(struct walk *w, FTS *fts, FTSENT *f)
{
	const struct finder *find = w->f;
	bool wanted = find->wanted(f->fts_name);
	const char *inside = f->fts_path + strlen(w->path);
	struct place place = { .shown = f->fts_path };

	switch (f->fts_info) {
	case FTS_D:
		if (is_build_link(f) || seen(&w->inodes, f->fts_statp))
			fts_set(fts, f, FTS_SKIP);
		return;
	case FTS_F:
		if (!wanted)
			return;
		w->found++;
		place.path = module_path(f->fts_path);
		if (place.path == f->fts_path)
			place.path = inside + strspn(inside, "/");
		if (!seen(&w->inodes, f->fts_statp))
			find->found(find->ctx, &place, NULL, NULL);
		return;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		find->trouble(find->ctx, f->fts_path, xstrdup(strerror(f->fts_errno)));
		return;
	case FTS_SLNONE:
		if (wanted)
			find->trouble(find->ctx, f->fts_path, xstrdup("a link that leads nowhere"));
		return;
	case FTS_DEFAULT:
		if (wanted)
			find->trouble(find->ctx, f->fts_path,
				      xstrdup("neither a file nor a directory"));
		return;
	}
}

static void read_directory(struct walk *w)
{
	char *paths[2] = { (char *)w->path }, *problem = NULL;
	FTSENT *f;
	FTS *fts;

	fts = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, cmp_name);
	while (fts && (errno = 0, f = fts_read(fts))) {
		if (run_is_over())
			break;
		visit(w, fts, f);
	}
	if (run_is_over())
		problem = run_problem();
	else if (errno)
		problem = xstrdup(strerror(errno));
	else if (!w->found)
		problem = xasprintf("no %s in this directory", w->f->what);
	if (problem)
		w->f->trouble(w->f->ctx, w->path, problem);
	if (fts)
		fts_close(fts);
	tdestroy(w->inodes, xfree);
}

/* A file or pipe that is open */
static char *read_fd(int fd, const struct stat *st, const char *path, const struct finder *f)
{
	const char *slash = strrchr(path, '/');
	struct place place = { .shown = path, .path = module_path(path) };
	bool is_pipe = S_ISFIFO(st->st_mode);
	struct blob data = {};
	char *problem = NULL;

	if (place.path == path && slash)
		place.path = slash + 1;
	if (is_pipe)
		problem = read_open_file(fd, &data);
	if (problem)
		return problem;
	fd = is_pipe ? -1 : fd;
	if (is_archive(fd, data)) {
		read_package(path, fd, data, f);
		xfree(data.data);
	} else {
		f->found(f->ctx, &place, NULL, is_pipe ? &data : NULL);
	}
	return NULL;
}

void read_files(const char *path, const struct finder *f)
{
	char *problem = time_problem();
	struct walk w = { path, f };
	struct stat st;
	int fd;

	if (problem) {
		f->trouble(f->ctx, path, problem);
		return;
	}
	fd = stat(path, &st) || S_ISDIR(st.st_mode) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
		problem = read_fd(fd, &st, path, f);
	else if (fd >= 0)
		problem = xstrdup("neither a file, a pipe nor a directory");
	else if (!stat(path, &st) && S_ISDIR(st.st_mode))
		read_directory(&w);
	else
		problem = xstrdup(strerror(errno));
	if (problem)
		f->trouble(f->ctx, path, problem);
	if (fd >= 0)
		close(fd);
}
