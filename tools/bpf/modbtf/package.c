// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules, or kernels, in packages and other archives.  They are streamed: one member is in memory
 * at a time.  A member with a module's name is read, is another name of one that was, or is
 * trouble.
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
	const struct finder *f;
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

/* Archives and compressions in one another: an .ipk is a tar in one, in a tar in one */
#define MAX_DEPTH	3

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

/* Is one of @ends, whose last is NULL, behind something in @path? */
static bool has_ending(const char *path, const char * const *ends)
{
	size_t len = strlen(path), n;

	for (; *ends; ends++) {
		n = strlen(*ends);
		if (len > n && !strcmp(path + len - n, *ends))
			return true;
	}
	return false;
}

bool is_module_name(const char *path)
{
	static const char * const ends[] = { ".ko", ".ko.gz", ".ko.xz", ".ko.zst", NULL };

	return has_ending(path, ends);
}

bool is_package_name(const char *path)
{
	static const char * const ends[] = {
		".deb", ".rpm", ".ipk", ".apk", ".zip", ".tar", ".cpio", ".tgz",
		".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", NULL
	};

	return has_ending(path, ends);
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

static void trouble(struct reader *r, char *problem)
{
	r->f->trouble(r->f->ctx, r->name, problem);
}

static void trouble_of(struct reader *r, const char *member, char *problem)
{
	int len = strlen(member) > MAX_PATH ? MAX_SHOWN : MAX_PATH;
	char *shown = xasprintf("%s:%.*s", r->name, len, member);

	r->f->trouble(r->f->ctx, shown, problem);
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
	struct arena *arena = r->f->is_base ? NULL : arena_new();
	struct blob data;

	if (arena)
		arena_enter(arena, NULL);
	problem = read_member(a, &data);
	if (arena)
		arena_leave();
	if (problem) {
		r->f->trouble(r->f->ctx, shown, xstrdup(problem));
		if (!arena)
			xfree(problem);
		arena_free(arena);
	} else {
		r->f->found(r->f->ctx, &place, arena, &data);
	}
	xfree(shown);
}

/* A hard link.  In cpio the data comes with the last name, in tar with the first */
static void read_hard_link(struct reader *r, struct archive *a, struct archive_entry *entry,
			   const char *path, const char *target)
{
	struct member *m = find_member(r, target);

	if (archive_entry_size(entry)) {
		if (!r->f->wanted(path) && !(m && m->wants && !m->read))
			return;
		m = add_member(r, target);
		m->read = true;
		read_module(r, a, r->f->wanted(path) ? path : m->wants);
	} else if (r->f->wanted(path) && !(m && m->read)) {
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
	if (!r->f->wanted(path))
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
		count_unpacked(size);
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
		trouble_of(r, m->path, xasprintf("a link to %.*s, no %s of this package",
						 MAX_SHOWN, m->target, r->f->what));
}

/* Is it @tar or that in any compression? */
static bool is_tar_of(const char *name, const char *tar)
{
	size_t len = strlen(tar);

	return !strncmp(name, tar, len) && (!name[len] || name[len] == '.');
}

/* What a .deb or .ipk has its files in */
static bool is_data_tar(const char *name)
{
	return is_tar_of(name, "data.tar");
}

static bool read_data(struct reader *r, struct archive *outer, unsigned int depth);

/* Hand over what is looked for in @a, an archive that is open.  Returns false if not all of it
 * could be read.
 */
static bool read_members(struct reader *r, struct archive *a, unsigned int depth)
{
	struct archive_entry *entry;
	void *outer = r->members;
	char *problem = NULL, *copy;
	const char *path;
	int ret;

	r->members = NULL;
	while ((ret = archive_read_next_header(a, &entry)) == ARCHIVE_OK || ret == ARCHIVE_WARN) {
		problem = time_problem();
		if (problem)
			break;
		path = archive_entry_pathname(entry) ?: archive_entry_pathname_utf8(entry);
		if (!path) {
			trouble(r, xstrdup("a member whose name cannot be read"));
			continue;
		}
		/* the entry's own goes when its data is read */
		copy = xstrdup(plain_path(path));
		if (is_data_tar(copy))
			read_data(r, a, depth);
		else if (strlen(copy) <= MAX_PATH)
			read_entry(r, a, entry, copy);
		else
			trouble_of(r, copy, xasprintf("a path of %zu bytes, cut off here",
						      strlen(copy)));
		xfree(copy);
		skip_rest(a);
	}
	if (problem)
		trouble(r, problem);
	else if (ret != ARCHIVE_EOF)
		trouble(r, archive_problem(a));
	else
		twalk_r(r->members, check_member, r);
	tdestroy(r->members, free_member);
	r->members = outer;
	return !problem && ret == ARCHIVE_EOF;
}

static bool read_archives(struct reader *r, struct source *s, unsigned int depth, bool packed);

/* The data.tar at which @outer is */
static bool read_data(struct reader *r, struct archive *outer, unsigned int depth)
{
	struct source s;
	bool whole;

	source_member(&s, outer);
	whole = read_archives(r, &s, depth + 1, false);
	source_close(&s);
	return whole;
}

/* The .deb that is open in @a; members as in deb(5) */
static bool read_deb(struct reader *r, struct archive *a, unsigned int depth)
{
	struct archive_entry *entry;
	bool found = false;
	const char *name;
	int ret;

	while ((ret = archive_read_next_header(a, &entry)) == ARCHIVE_OK || ret == ARCHIVE_WARN) {
		name = archive_entry_pathname(entry) ?: "";
		if (is_data_tar(name) && !found) {
			found = true;
			if (!read_data(r, a, depth))
				return false;
		} else if (strcmp(name, "debian-binary") && !is_tar_of(name, "control.tar") &&
			   *name != '_') {
			trouble_of(r, name, xstrdup(is_data_tar(name) ? "a second one" :
						    "no .deb has such a member"));
		}
	}
	if (ret != ARCHIVE_EOF)
		trouble(r, archive_problem(a));
	else if (!found)
		trouble(r, xstrdup("no data.tar in this package"));
	return ret == ARCHIVE_EOF && found;
}

enum kind { K_NONE, K_DEB, K_RPM, K_CPIO, K_TAR, K_ZIP, K_COMPRESSED };

#define TAR_BLOCK	512
#define TAR_SUM		148	/* where the sum of a header is in it */
#define TAR_SUM_SIZE	8

static bool is_tar(const struct blob *b)
{
	const uint8_t *p = b->data;
	char text[TAR_SUM_SIZE + 1] = "";
	unsigned long sum = 0;
	int i;

	if (b->size < TAR_BLOCK)
		return false;
	for (i = 0; i < TAR_BLOCK; i++)
		sum += i >= TAR_SUM && i < TAR_SUM + TAR_SUM_SIZE ? ' ' : p[i];
	memcpy(text, p + TAR_SUM, TAR_SUM_SIZE);
	return strtoul(text, NULL, 8) == sum;
}

static enum kind kind_of(const struct blob *b)
{
	if (starts(b, "!<arch>\n", 8))
		return K_DEB;
	if (starts(b, "\xed\xab\xee\xdb", 4))
		return K_RPM;
	if (starts(b, "070701", 6) || starts(b, "070702", 6) || starts(b, "070707", 6))
		return K_CPIO;
	if (starts(b, "PK\3\4", 4))
		return K_ZIP;
	if (is_tar(b))
		return K_TAR;
	return is_compressed(b) ? K_COMPRESSED : K_NONE;
}

bool is_package(const struct blob *b)
{
	enum kind kind = kind_of(b);

	return kind != K_NONE && kind != K_COMPRESSED;
}

static void open_source(struct source *s, int fd, struct blob data)
{
	if (fd < 0)
		source_memory(s, data);
	else
		source_file(s, fd);
}

bool is_archive(int fd, struct blob data)
{
	struct source s, inner;
	struct archive *a = NULL;
	struct blob b;
	bool ret;

	open_source(&s, fd, data);
	b = source_peek(&s, TAR_BLOCK);
	ret = is_package(&b);
	if (!ret && is_compressed(&b)) {
		a = new_archive();
		source_member(&inner, a);
		b = open_compressed(a, &s) ? source_peek(&inner, TAR_BLOCK) : (struct blob){};
		ret = is_package(&b);
		source_close(&inner);
		archive_read_free(a);
	}
	source_close(&s);
	return (fd < 0 || !lseek(fd, 0, SEEK_SET)) && ret;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Leave out a header of an .rpm, and what it is padded by */
static bool skip_rpm_header(struct source *s, unsigned int align)
{
	struct blob b = source_peek(s, 16);
	uint64_t size;

	if (b.size < 16 || !starts(&b, "\x8e\xad\xe8\x01", 4))
		return false;
	size = 16 + 16 * (uint64_t)get32(b.data + 8) + get32(b.data + 12);
	return source_skip(s, (size + align - 1) / align * align);
}

/* Go to the payload of an .rpm: behind the lead, the signature, which is padded, and the header */
static bool skip_rpm(struct source *s)
{
	return source_skip(s, 96) && skip_rpm_header(s, 8) && skip_rpm_header(s, 1) &&
	       source_peek(s, 1).size;
}

static la_int64_t seek_source(struct archive *a, void *ctx, la_int64_t off, int whence)
{
	struct source *s = ctx;

	if (s->fd < 0) {
		/* then all of it is there */
		off += whence == SEEK_END ? s->to : whence == SEEK_CUR ? s->from : 0;
		if (off < 0 || (uint64_t)off > s->to)
			return ARCHIVE_FATAL;
		s->from = off;
		return off;
	}
	s->from = 0;
	s->to = 0;
	return lseek(s->fd, off, whence);
}

/* The archive at which @s is */
static bool read_archive(struct reader *r, struct source *s, enum kind kind, unsigned int depth)
{
	struct archive *a = new_archive();
	bool whole = false;

	switch (kind) {
	case K_DEB:
		archive_read_support_format_ar(a);
		break;
	case K_TAR:
		archive_read_support_format_tar(a);
		/* of an .apk it is several, each but the last without an end */
		archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1");
		break;
	case K_ZIP:
		archive_read_support_format_zip(a);
		/* only its directory tells which are links */
		if (!s->outer)
			archive_read_set_seek_callback(a, seek_source);
		break;
	default:
		archive_read_support_format_cpio(a);
	}
	if (!open_archive(a, s))
		trouble(r, archive_problem(a));
	else
		whole = kind == K_DEB ? read_deb(r, a, depth) : read_members(r, a, depth);
	if (kind == K_CPIO)
		source_take_back(s, a);
	archive_read_free(a);
	return whole;
}

/* The archives that are compressed where @s is */
static bool read_compressed(struct reader *r, struct source *s, unsigned int depth)
{
	struct archive *a = new_archive();
	struct source inner;
	bool whole = false;

	source_member(&inner, a);
	if (open_compressed(a, s))
		whole = read_archives(r, &inner, depth + 1, true);
	else
		trouble(r, archive_problem(a));
	/* to where it ends */
	if (whole)
		skip_rest(a);
	source_close(&inner);
	source_take_back(s, a);
	archive_read_free(a);
	return whole;
}

static bool skip_zeros(struct source *s)
{
	struct blob b;

	while ((b = source_peek(s, 1)).size && !*(char *)b.data)
		source_skip(s, 1);
	return b.size;
}

/* What begins at @s is nothing that can be read */
static void trouble_at(struct reader *r, struct source *s, bool first)
{
	struct blob b = source_peek(s, TAR_BLOCK);
	char *problem = source_problem(s);
	const char *name = unreadable(&b);

	if (!problem && name)
		problem = unreadable_problem(name);
	else if (!problem && is_compressed(&b))
		problem = xstrdup("a compression in another: unpack it");
	trouble(r, problem ?: xstrdup(first ? "cut off or damaged: no archive that is known" :
				      "what follows the first archive in it is none"));
}

/**
 * read_archives() - read what is in a row of archives
 * @r: where members go
 * @s: where the first begins
 * @depth: how many archives and compressions it is in
 * @packed: the last of them is a compression
 *
 * An initramfs is several cpios, some of them compressed.
 *
 * Return: whether all of it could be read.
 */
static bool read_archives(struct reader *r, struct source *s, unsigned int depth, bool packed)
{
	static const char zeros[TAR_BLOCK];
	struct blob b = source_peek(s, TAR_BLOCK);
	bool whole, first = true;
	char *problem;
	enum kind kind;

	if (depth > MAX_DEPTH) {
		trouble(r, xstrdup("too many archives in one another"));
		return false;
	}
	if (kind_of(&b) == K_RPM && !skip_rpm(s)) {
		trouble(r, xstrdup("cut off or damaged: no payload behind its headers"));
		return false;
	}
	do {
		b = source_peek(s, TAR_BLOCK);
		kind = kind_of(&b);
		/* one without members is nothing but its end */
		if (depth && first && starts(&b, zeros, TAR_BLOCK))
			kind = K_TAR;
		if (kind == K_COMPRESSED && !packed) {
			whole = read_compressed(r, s, depth);
		} else if (kind != K_COMPRESSED && kind != K_NONE && kind != K_RPM) {
			whole = read_archive(r, s, kind, depth);
		} else {
			trouble_at(r, s, first);
			return false;
		}
		first = false;
	} while (whole && (kind == K_CPIO || kind == K_COMPRESSED) && skip_zeros(s));
	problem = whole ? source_problem(s) : NULL;
	if (problem)
		trouble(r, problem);
	return whole && !problem;
}

void read_package(const char *name, int fd, struct blob data, const struct finder *f)
{
	struct reader r = { name, f };
	struct source s;

	open_source(&s, fd, data);
	read_archives(&r, &s, 0, false);
	source_close(&s);
}
