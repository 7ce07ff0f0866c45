// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files, directories and packages of modules; compression.  Packages are streamed:
 * one member is in memory at a time.
 */

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modbtf.h"

#define BLOCK (256 * 1024)

char *read_file(const char *path, size_t max, struct blob *out)
{
	struct blob b = {};
	size_t room = 0;
	char *problem = NULL;
	struct stat st;
	ssize_t n;
	int fd;

	*out = b;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return xstrdup(strerror(errno));
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size < max)
		room = st.st_size + 1;	/* the end is seen without growing */
	room = room ?: BLOCK;
	b.data = xrealloc(NULL, room);
	while ((n = read(fd, b.data + b.size, room - b.size)) > 0) {
		b.size += n;
		if (b.size > max) {
			problem = xasprintf("larger than %zu MB", max >> 20);
			break;
		}
		if (b.size == room) {
			room *= 2;
			b.data = xrealloc(b.data, room);
		}
	}
	if (n < 0)
		problem = xstrdup(strerror(errno));
	close(fd);
	if (problem)
		free(b.data);
	else
		*out = b;
	return problem;
}

static char *archive_problem(struct archive *a)
{
	const char *s = archive_error_string(a);

	return xasprintf("cut off or damaged: %s", s ?: "cannot be read");
}

/* All of the member at which @a is */
static char *read_member(struct archive *a, size_t max, struct blob *out)
{
	struct blob b = {};
	size_t room = BLOCK;
	la_ssize_t n;
	char *problem;

	*out = b;
	b.data = xrealloc(NULL, room);
	while ((n = archive_read_data(a, b.data + b.size, room - b.size)) > 0) {
		b.size += n;
		if (b.size > max)
			break;
		if (b.size == room) {
			room *= 2;
			b.data = xrealloc(b.data, room);
		}
	}
	if (n > 0)
		problem = xasprintf("larger than %zu MB when unpacked", max >> 20);
	else
		problem = n < 0 ? archive_problem(a) : NULL;
	if (problem) {
		free(b.data);
		return problem;
	}
	*out = b;
	return NULL;
}

static bool starts(const struct blob *b, const char *magic, size_t size)
{
	return b->size >= size && !memcmp(b->data, magic, size);
}

static bool is_compressed(const struct blob *b)
{
	return starts(b, "\x1f\x8b", 2) || starts(b, "\xfd\x37zXZ\0", 6) ||
	       starts(b, "\x28\xb5\x2f\xfd", 4) || starts(b, "\x02\x21\x4c\x18", 4) ||
	       starts(b, "\x04\x22\x4d\x18", 4) || starts(b, "BZh", 3) ||
	       starts(b, "\x5d\0\0", 3);
}

char *unpack(struct blob in, size_t max, struct blob *out)
{
	struct archive_entry *entry;
	struct archive *a;
	char *problem;

	*out = in;
	if (!is_compressed(&in))
		return NULL;
	*out = (struct blob){};
	a = archive_read_new();
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, in.data, in.size) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
		problem = archive_problem(a);
	else
		problem = read_member(a, max, out);
	archive_read_free(a);
	free(in.data);
	return problem;
}

static bool is_module_name(const char *path)
{
	static const char * const ends[] = { ".ko", ".ko.gz", ".ko.xz", ".ko.zst" };
	size_t len = strlen(path), i, n;

	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		n = strlen(ends[i]);
		if (len > n && !strcmp(path + len - n, ends[i]))
			return true;
	}
	return false;
}

struct reader {
	const char *path;
	module_fn module;
	trouble_fn trouble;
	void *ctx;
};

/* Hand over the modules in @a, a tar or cpio that is open */
static void read_members(struct reader *r, struct archive *a)
{
	struct archive_entry *entry;
	char *name, *problem;
	const char *path;
	struct blob data;
	int ret;

	while ((ret = archive_read_next_header(a, &entry)) == ARCHIVE_OK || ret == ARCHIVE_WARN) {
		path = archive_entry_pathname(entry);
		if (!path || archive_entry_filetype(entry) != AE_IFREG || !is_module_name(path) ||
		    archive_entry_hardlink(entry))
			continue;
		name = xasprintf("%s:%s", r->path, path + (strncmp(path, "./", 2) ? 0 : 2));
		problem = read_member(a, MAX_MODULE, &data);
		if (problem)
			r->trouble(r->ctx, name, problem);
		else
			r->module(r->ctx, name, &data);
		free(name);
	}
	if (ret != ARCHIVE_EOF)
		r->trouble(r->ctx, r->path, archive_problem(a));
}

struct nested {
	struct archive *outer;
	char buf[BLOCK];
};

static la_ssize_t read_nested(struct archive *a, void *ctx, const void **buf)
{
	struct nested *n = ctx;
	la_ssize_t ret;

	*buf = n->buf;
	ret = archive_read_data(n->outer, n->buf, sizeof(n->buf));
	if (ret < 0)
		archive_set_error(a, EIO, "%s", archive_error_string(n->outer) ?: "cut off");
	return ret;
}

/* The data.tar in the .deb that is open in @outer */
static void read_deb(struct reader *r, struct archive *outer)
{
	struct archive_entry *entry;
	struct nested *n;
	struct archive *a;
	const char *name;
	int ret;

	while ((ret = archive_read_next_header(outer, &entry)) == ARCHIVE_OK ||
	       ret == ARCHIVE_WARN) {
		name = archive_entry_pathname(entry);
		if (!name || strncmp(name, "data.tar", 8))
			continue;
		n = xrealloc(NULL, sizeof(*n));
		n->outer = outer;
		a = archive_read_new();
		archive_read_support_filter_all(a);
		archive_read_support_format_tar(a);
		if (archive_read_open(a, n, NULL, read_nested, NULL) == ARCHIVE_OK)
			read_members(r, a);
		else
			r->trouble(r->ctx, r->path, archive_problem(a));
		archive_read_free(a);
		free(n);
		return;
	}
	r->trouble(r->ctx, r->path, ret == ARCHIVE_EOF ? xstrdup("no data.tar in this package") :
		   archive_problem(outer));
}

static void read_package(struct reader *r, bool deb)
{
	struct archive *a = archive_read_new();

	if (deb) {
		archive_read_support_format_ar(a);
	} else {
		archive_read_support_filter_all(a);
		archive_read_support_format_cpio(a);
	}
	if (archive_read_open_filename(a, r->path, BLOCK) != ARCHIVE_OK)
		r->trouble(r->ctx, r->path, archive_problem(a));
	else if (deb)
		read_deb(r, a);
	else
		read_members(r, a);
	archive_read_free(a);
}

static int cmp_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void read_directory(struct reader *r)
{
	char *paths[2] = { (char *)r->path };
	unsigned long found = 0;
	FTSENT *f;
	FTS *fts;

	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, cmp_name);
	if (!fts) {
		r->trouble(r->ctx, r->path, xstrdup(strerror(errno)));
		return;
	}
	while ((f = fts_read(fts))) {
		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR) {
			r->trouble(r->ctx, f->fts_path, xstrdup(strerror(f->fts_errno)));
		} else if ((f->fts_info == FTS_F || f->fts_info == FTS_NS) &&
			   is_module_name(f->fts_name)) {
			found++;
			r->module(r->ctx, f->fts_path, NULL);
		}
	}
	fts_close(fts);
	if (!found)
		r->trouble(r->ctx, r->path, xstrdup("no modules in this directory"));
}

void read_modules(const char *path, module_fn module, trouble_fn trouble, void *ctx)
{
	struct reader r = { path, module, trouble, ctx };
	struct blob magic = {};
	struct stat st;
	char buf[8];
	int fd;

	if (stat(path, &st)) {
		trouble(ctx, path, xstrdup(strerror(errno)));
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		read_directory(&r);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = read(fd, buf, sizeof(buf));

		close(fd);
		magic = (struct blob){ buf, n > 0 ? n : 0 };
	}
	if (starts(&magic, "!<arch>\n", 8))
		read_package(&r, true);
	else if (starts(&magic, "\xed\xab\xee\xdb", 4))
		read_package(&r, false);
	else
		module(ctx, path, NULL);
}
