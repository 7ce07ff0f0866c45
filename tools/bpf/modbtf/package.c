// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules in .deb and .rpm.  Packages are streamed: one member is in memory at a time.  A
 * member with a module's name is read, is another name of one that was, or is trouble.
 */

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "input.h"
#include "modbtf.h"

struct reader {
	const char *name;	/* of the package */
	module_fn module;
	trouble_fn trouble;
	void *ctx;
	void *members;		/* a tree of struct member, by path */
};

/* A module, or what one is a link to */
struct member {
	char *path;
	char *wants;		/* the name of a module whose data it has; not read yet */
	char *target;		/* of a symbolic link */
	bool read;
};

/* The longest path that a file can have, and what is shown of a longer one */
#define MAX_PATH	4095
#define MAX_SHOWN	200

static int cmp_member(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->path, ((const struct member *)b)->path);
}

static struct member *find_member(struct reader *r, const char *path)
{
	struct member key = { .path = (char *)path }, **found;

	found = tfind(&key, &r->members, cmp_member);
	return found ? *found : NULL;
}

static struct member *add_member(struct reader *r, const char *path)
{
	struct member *m = find_member(r, path);

	if (m)
		return m;
	m = xcalloc(1, sizeof(*m));
	m->path = xstrdup(path);
	if (!tsearch(m, &r->members, cmp_member))
		die("out of memory");
	return m;
}

static void free_member(void *p)
{
	struct member *m = p;

	xfree(m->path);
	xfree(m->wants);
	xfree(m->target);
	xfree(m);
}

bool is_module_name(const char *path)
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

const char *module_path(const char *path)
{
	static const char dir[] = "lib/modules/";
	const char *p = path, *slash;

	while ((p = strstr(p, dir))) {
		if (p == path || p[-1] == '/') {
			slash = strchr(p + sizeof(dir) - 1, '/');
			return slash && slash[1] ? slash + 1 : path;
		}
		p++;
	}
	return path;
}

static const char *plain_path(const char *path)
{
	while (*path == '/' || !strncmp(path, "./", 2))
		path += *path == '/' ? 1 : 2;
	return path;
}

static void trouble_of(struct reader *r, const char *member, char *problem)
{
	int len = strlen(member) > MAX_PATH ? MAX_SHOWN : MAX_PATH;
	char *shown = xasprintf("%s:%.*s", r->name, len, member);

	r->trouble(r->ctx, shown, problem);
	xfree(shown);
}

/* The member at which @a is, as module @path */
static void read_module(struct reader *r, struct archive *a, const char *path)
{
	const char *slash = strrchr(r->name, '/');
	char *shown = xasprintf("%s:%s", r->name, path), *problem;
	struct place place = {
		.shown = shown,
		.package = slash ? slash + 1 : r->name,
		.path = module_path(path),
	};
	struct arena *arena = arena_new();
	struct blob data;

	arena_enter(arena, NULL);
	problem = read_member(a, &data);
	arena_leave();
	if (problem) {
		r->trouble(r->ctx, shown, xstrdup(problem));
		arena_free(arena);
	} else {
		r->module(r->ctx, &place, arena, &data);
	}
	xfree(shown);
}

/* A hard link.  In cpio the data comes with the last name, in tar with the first */
static void read_hard_link(struct reader *r, struct archive *a, struct archive_entry *entry,
			   const char *path, const char *target)
{
	struct member *m = find_member(r, target);

	if (archive_entry_size(entry)) {
		if (!is_module_name(path) && !(m && m->wants && !m->read))
			return;
		m = add_member(r, target);
		m->read = true;
		read_module(r, a, is_module_name(path) ? path : m->wants);
	} else if (is_module_name(path) && !(m && m->read)) {
		m = add_member(r, target);
		m->wants = m->wants ?: xstrdup(path);
	}
}

static void read_entry(struct reader *r, struct archive *a, struct archive_entry *entry,
		       const char *path)
{
	const char *target = archive_entry_hardlink(entry) ?: archive_entry_hardlink_utf8(entry);
	struct member *m;

	if (target) {
		read_hard_link(r, a, entry, path, plain_path(target));
		return;
	}
	if (!is_module_name(path))
		return;
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		m = add_member(r, path);
		if (!archive_entry_size(entry) && archive_entry_nlink(entry) > 1) {
			m->wants = m->wants ?: xstrdup(path);
			break;
		}
		m->read = true;
		read_module(r, a, path);
		break;
	case AE_IFLNK:
		m = add_member(r, path);
		target = archive_entry_symlink(entry) ?: archive_entry_symlink_utf8(entry);
		if (m->read || m->target)
			trouble_of(r, path, xstrdup("two members have this name"));
		else
			m->target = xstrdup(target ?: "");
		break;
	case AE_IFDIR:
		break;
	default:
		trouble_of(r, path, xstrdup("neither a file nor a link"));
	}
}

/* What is left of the member at which @a is; it may be compressed very well */
static void skip_rest(struct archive *a)
{
	const void *buf;
	size_t size;
	la_int64_t off;

	while (archive_read_data_block(a, &buf, &size, &off) == ARCHIVE_OK && !run_is_over())
		;
}

/* Path @target seen from @path, without . and .., for xfree() */
static char *resolve(const char *path, const char *target)
{
	const char *slash = strrchr(path, '/'), *p, *end;
	char *from, *out, *to;

	if (*target == '/' || !slash)
		from = xstrdup(target);
	else
		from = xasprintf("%.*s/%s", (int)(slash - path), path, target);
	out = xcalloc(strlen(from) + 2, 1);
	to = out;
	for (p = from; *p; p = end) {
		end = strchrnul(p, '/');
		if (end - p == 2 && !strncmp(p, "..", 2)) {
			while (to > out && *--to != '/')
				;
			*to = 0;
		} else if (end != p && !(end - p == 1 && *p == '.')) {
			if (to > out)
				*to++ = '/';
			to = mempcpy(to, p, end - p);
		}
		end += *end == '/';
	}
	*to = 0;
	xfree(from);
	return out;
}

/* The member @path, or what that is with /usr merged */
static struct member *find_merged(struct reader *r, const char *path)
{
	struct member *m = find_member(r, path);
	char *usr;

	if (m)
		return m;
	if (!strncmp(path, "usr/", 4))
		return find_member(r, path + 4);
	usr = xasprintf("usr/%s", path);
	m = find_member(r, usr);
	xfree(usr);
	return m;
}

/* Does @m, a link, lead to a module that was read? */
static bool leads_to_module(struct reader *r, const struct member *m)
{
	char *target;
	int links;

	for (links = 0; m && !m->read && m->target && links < 40; links++) {
		target = resolve(m->path, m->target);
		m = find_merged(r, target);
		xfree(target);
	}
	return m && m->read;
}

/* At the end: what was never read has to be known */
static void check_member(const void *node, VISIT when, void *ctx)
{
	const struct member *m = *(struct member **)node;
	struct reader *r = ctx;

	if (when != postorder && when != leaf)
		return;
	if (m->wants && !m->read)
		trouble_of(r, m->wants, xasprintf("a hard link to %.*s, which has no data here",
						  MAX_SHOWN, m->path));
	if (m->target && !m->read && !leads_to_module(r, m))
		trouble_of(r, m->path, xasprintf("a link to %.*s, no module of this package",
						 MAX_SHOWN, m->target));
}

/* Hand over the modules in @a, a tar or cpio that is open.  Returns false if not all of it
 * could be read.
 */
static bool read_members(struct reader *r, struct archive *a)
{
	struct archive_entry *entry;
	char *problem = NULL, *copy;
	const char *path;
	int ret;

	while ((ret = archive_read_next_header(a, &entry)) == ARCHIVE_OK || ret == ARCHIVE_WARN) {
		problem = time_problem();
		if (problem)
			break;
		path = archive_entry_pathname(entry) ?: archive_entry_pathname_utf8(entry);
		if (!path) {
			r->trouble(r->ctx, r->name, xstrdup("a member whose name cannot be read"));
			continue;
		}
		/* the entry's own goes when its data is read */
		copy = xstrdup(plain_path(path));
		if (strlen(copy) <= MAX_PATH)
			read_entry(r, a, entry, copy);
		else
			trouble_of(r, copy, xasprintf("a path of %zu bytes, cut off here",
						      strlen(copy)));
		xfree(copy);
		skip_rest(a);
	}
	if (problem)
		r->trouble(r->ctx, r->name, problem);
	else if (ret != ARCHIVE_EOF)
		r->trouble(r->ctx, r->name, archive_problem(a));
	else
		twalk_r(r->members, check_member, r);
	tdestroy(r->members, free_member);
	r->members = NULL;
	return !problem && ret == ARCHIVE_EOF;
}

static la_ssize_t read_nested(struct stream *s, struct archive *a, const void **buf)
{
	la_ssize_t ret;

	*buf = s->buf;
	ret = archive_read_data(s->outer, s->buf, BLOCK);
	if (ret < 0)
		archive_set_error(a, EIO, "%s", archive_error_string(s->outer) ?: "cut off");
	return ret;
}

static bool read_data_tar(struct reader *r, struct archive *outer)
{
	struct stream s = { .next = read_nested, .outer = outer };
	struct archive *a = new_archive();
	bool whole = false;

	s.buf = xrealloc(NULL, BLOCK);
	archive_read_support_format_tar(a);
	if (open_stream(a, &s))
		whole = read_members(r, a);
	else
		r->trouble(r->ctx, r->name, archive_problem(a));
	archive_read_free(a);
	xfree(s.buf);
	return whole;
}

static bool is_one_of(const char *name, const char * const *names)
{
	while (*names && strcmp(name, *names))
		names++;
	return *names;
}

/* The .deb that is open in @outer; members as in deb(5) */
static void read_deb(struct reader *r, struct archive *outer)
{
	static const char * const data[] = {
		"data.tar", "data.tar.gz", "data.tar.xz", "data.tar.zst", "data.tar.bz2",
		"data.tar.lzma", NULL
	};
	static const char * const others[] = {
		"debian-binary", "control.tar", "control.tar.gz", "control.tar.xz",
		"control.tar.zst", NULL
	};
	struct archive_entry *entry;
	bool found = false;
	const char *name;
	int ret;

	while ((ret = archive_read_next_header(outer, &entry)) == ARCHIVE_OK ||
	       ret == ARCHIVE_WARN) {
		name = archive_entry_pathname(entry) ?: "";
		if (is_one_of(name, data) && !found) {
			found = true;
			if (!read_data_tar(r, outer))
				return;
		} else if (!is_one_of(name, others) && *name != '_') {
			trouble_of(r, name, xstrdup(is_one_of(name, data) ? "a second one" :
						    "no .deb has such a member"));
		}
	}
	if (ret != ARCHIVE_EOF)
		r->trouble(r->ctx, r->name, archive_problem(outer));
	else if (!found)
		r->trouble(r->ctx, r->name, xstrdup("no data.tar in this package"));
}

bool is_package(const struct blob *b)
{
	return starts(b, "!<arch>\n", 8) || starts(b, "\xed\xab\xee\xdb", 4);
}

static la_ssize_t read_fd(struct stream *s, struct archive *a, const void **buf)
{
	la_ssize_t ret;

	*buf = s->buf;
	ret = read(s->fd, s->buf, BLOCK);
	if (ret < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	return ret;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Bytes of the header of an .rpm at @off of the file @fd or of @b, 0: there is none */
static uint64_t rpm_header(int fd, const struct blob *b, uint64_t off)
{
	uint8_t p[16];

	if (fd >= 0 && pread(fd, p, sizeof(p), off) != sizeof(p))
		return 0;
	if (fd < 0 && off + sizeof(p) > b->size)
		return 0;
	if (fd < 0)
		memcpy(p, b->data + off, sizeof(p));
	if (memcmp(p, "\x8e\xad\xe8\x01", 4))
		return 0;
	return sizeof(p) + 16 * (uint64_t)get32(p + 8) + get32(p + 12);
}

/* Where the payload of an .rpm begins: behind the lead, the signature, which is padded, and the
 * header.  0: nowhere.
 */
static uint64_t rpm_payload(int fd, const struct blob *b)
{
	uint64_t off = 96, len;

	len = rpm_header(fd, b, off);
	off = (off + len + 7) & ~7ULL;
	len = len ? rpm_header(fd, b, off) : 0;
	if (!len || (fd >= 0 ? lseek(fd, off + len, SEEK_SET) < 0 : off + len > b->size))
		return 0;
	return off + len;
}

void read_package(const char *name, int fd, struct blob data, module_fn module,
		  trouble_fn trouble, void *ctx)
{
	struct stream s = { .next = fd < 0 ? no_more : read_fd, .fd = fd };
	struct reader r = { name, module, trouble, ctx };
	bool deb = starts(&data, "!<arch>\n", 8);
	uint64_t off = deb ? 0 : rpm_payload(fd, &data);
	struct archive *a = new_archive();

	s.buf = xrealloc(NULL, BLOCK);
	if (fd < 0)
		s.first = (struct blob){ data.data + off, data.size - off };
	if (deb)
		archive_read_support_format_ar(a);
	else
		archive_read_support_format_cpio(a);
	if (!deb && !off)
		trouble(ctx, name, xstrdup("cut off or damaged: no payload behind its headers"));
	else if (!open_stream(a, &s))
		trouble(ctx, name, archive_problem(a));
	else if (deb)
		read_deb(&r, a);
	else
		read_members(&r, a);
	archive_read_free(a);
	xfree(s.buf);
}
