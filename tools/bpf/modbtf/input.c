// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files, pipes and compression.  Nothing is run to undo one: what libarchive reads by
 * itself is allowed by name.
 */

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/kernel.h>
#include "input.h"
#include "modbtf.h"

char *archive_problem(struct archive *a)
{
	const char *s = archive_error_string(a);
	char *problem = time_problem();

	if (problem)
		return problem;
	if (archive_errno(a) == ENOMEM || (s && strstr(s, strerror(ENOMEM))))
		return xasprintf("takes more than --total-memory=%zu MB",
				 limits.total_memory >> 20);
	return xasprintf("cut off or damaged: %s", s ?: "cannot be read");
}

/* Compressions that libarchive undoes without running a program */
static const struct {
	const char *name, *magic;
	size_t size;
	int filter;
	int (*support)(struct archive *a);
} filters[] = {
	{ "gzip", "\x1f\x8b", 2, ARCHIVE_FILTER_GZIP, archive_read_support_filter_gzip },
	{ "xz", "\xfd\x37zXZ\0", 6, ARCHIVE_FILTER_XZ, archive_read_support_filter_xz },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD, archive_read_support_filter_zstd },
	{ "lz4", "\x04\x22\x4d\x18", 4, ARCHIVE_FILTER_LZ4, archive_read_support_filter_lz4 },
	/* as the kernel has it */
	{ "lz4", "\x02\x21\x4c\x18", 4, ARCHIVE_FILTER_LZ4, archive_read_support_filter_lz4 },
	{ "bzip2", "BZh", 3, ARCHIVE_FILTER_BZIP2, archive_read_support_filter_bzip2 },
	{ "lzma", "\x5d\0\0", 3, ARCHIVE_FILTER_LZMA, archive_read_support_filter_lzma },
};

/* What else kernels and modules come in */
static const struct {
	const char *name, *magic;
	size_t size, offset;
} others[] = {
	{ "LZO", "\x89LZO\0\r\n\x1a\n", 9 },
	{ "lzip", "LZIP\1", 5 },
	{ "lrzip", "LRZI\0", 5 },
	{ "grzip", "GRZipII\0", 8 },
	{ "compress", "\x1f\x9d", 2 },
	{ "7-Zip", "7z\xbc\xaf\x27\x1c", 6 },
	{ "RAR", "Rar!\x1a\7", 6 },
	{ "cabinet", "MSCF\0\0\0\0", 8 },
	{ "xar", "xar!\0\x1c", 6 },
	{ "Nix archive", "\r\0\0\0\0\0\0\0nix-archive-1", 21 },
	{ "APK 3", "ADB.", 4 },
	{ "APK 3", "ADBd", 4 },
	{ "APK 3", "ADBc", 4 },
	{ "cpio of rpm for large files", "07070X", 6 },
	{ "squashfs", "hsqs", 4 },
	{ "squashfs", "sqsh", 4 },
	{ "cramfs", "\x45\x3d\xcd\x28", 4 },
	{ "EROFS", "\xe2\xe1\xf5\xe0", 4, 1024 },
	{ "ext2, ext3 or ext4", "\x53\xef", 2, 1080 },
	{ "a sparse image of Android", "\x3a\xff\x26\xed", 4 },
};

static const int nr_filters = ARRAY_SIZE(filters);

void check_libarchive(void)
{
	struct archive *a;
	int i;

	for (i = 0; i < nr_filters; i++) {
		a = archive_read_new();
		if (!a || filters[i].support(a) != ARCHIVE_OK)
			die("libarchive cannot undo %s without running a program", filters[i].name);
		archive_read_free(a);
	}
}

/* The index in filters, or -1 */
static int filter_of(const struct blob *b)
{
	int i;

	for (i = 0; i < nr_filters; i++)
		if (starts(b, filters[i].magic, filters[i].size))
			return i;
	return -1;
}

bool is_compressed(const struct blob *b)
{
	return filter_of(b) >= 0;
}

const char *unreadable(const struct blob *b)
{
	static const char zeros[512];
	struct blob at;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		/* file systems leave room for a boot sector, which is empty here */
		if (others[i].offset && (b->size < others[i].offset ||
					 !starts(b, zeros, sizeof(zeros))))
			continue;
		at = (struct blob){ b->data + others[i].offset, b->size - others[i].offset };
		if (starts(&at, others[i].magic, others[i].size))
			return others[i].name;
	}
	return NULL;
}

char *unreadable_problem(const char *name)
{
	return xasprintf("%s is not read here: unpack it", name);
}

void source_file(struct source *s, int fd)
{
	*s = (struct source){ .fd = fd };
}

void source_memory(struct source *s, struct blob b)
{
	*s = (struct source){ .fd = -1, .buf = b.data, .to = b.size };
}

void source_member(struct source *s, struct archive *outer)
{
	*s = (struct source){ .fd = -1, .outer = outer };
}

void source_close(struct source *s)
{
	if (s->owned)
		xfree(s->buf);
}

/* Put more behind what is there, and that to the front.  Returns what read() would */
static ssize_t fill(struct source *s)
{
	ssize_t n;

	if (s->fd < 0 && !s->outer)
		return 0;
	if (run_is_over()) {
		s->failed = true;
		s->err = EINTR;
		errno = s->err;
		return -1;
	}
	if (!s->buf) {
		s->buf = xrealloc(NULL, BLOCK);
		s->owned = true;
	}
	s->to -= s->from;
	memmove(s->buf, s->buf + s->from, s->to);
	s->from = 0;
	n = s->outer ? archive_read_data(s->outer, s->buf + s->to, BLOCK - s->to) :
		       read(s->fd, s->buf + s->to, BLOCK - s->to);
	if (n > 0) {
		s->to += n;
		if (s->outer)
			count_unpacked(n);
		else
			count_read(n);
	}
	s->err = n < 0 ? errno : 0;
	s->failed = n < 0;
	return n;
}

char *source_problem(struct source *s)
{
	if (!s->failed)
		return NULL;
	return s->outer ? archive_problem(s->outer) : xstrdup(strerror(s->err));
}

struct blob source_peek(struct source *s, size_t size)
{
	while (s->to - s->from < size && fill(s) > 0)
		;
	return (struct blob){ s->buf + s->from, s->to - s->from };
}

bool source_skip(struct source *s, uint64_t size)
{
	size_t n;

	for (; size; size -= n) {
		n = source_peek(s, 1).size;
		if (!n)
			return false;
		n = n < size ? n : size;
		s->from += n;
	}
	return true;
}

static la_ssize_t read_source(struct archive *a, void *ctx, const void **buf)
{
	struct source *s = ctx;
	char *problem = time_problem();
	ssize_t n = 0;

	if (problem) {
		xfree(problem);
		archive_set_error(a, EINTR, "no time");
		return -1;
	}
	if (s->from == s->to)
		n = fill(s);
	if (n < 0 && s->outer)
		archive_set_error(a, archive_errno(s->outer), "%s",
				  archive_error_string(s->outer) ?: "cut off");
	else if (n < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	if (n < 0)
		return -1;
	*buf = s->buf + s->from;
	n = s->to - s->from;
	s->from = s->to;
	s->given += n;
	return n;
}

bool open_archive(struct archive *a, struct source *s)
{
	s->given = 0;
	return archive_read_open(a, s, NULL, read_source, NULL) == ARCHIVE_OK;
}

bool open_compressed(struct archive *a, struct source *s)
{
	struct blob b = source_peek(s, BLOCK / 2);
	struct archive_entry *entry;
	int f = filter_of(&b);

	archive_read_support_format_raw(a);
	/* this one and no other: they can be put into one another without end */
	return f >= 0 && archive_read_append_filter(a, filters[f].filter) == ARCHIVE_OK &&
	       open_archive(a, s) && archive_read_next_header(a, &entry) == ARCHIVE_OK;
}

void source_take_back(struct source *s, struct archive *a)
{
	uint64_t unused = s->given - archive_filter_bytes(a, -1);

	/* it is in the last block: of what came before it more than a header was needed */
	s->failed = unused > s->to;
	s->err = EIO;
	s->from = s->failed ? s->to : s->to - unused;
}

/* More room for @b, of which @room is used.  If there is no memory, @b is freed: then there is
 * room for the words of mem_problem().
 */
static bool grow(struct blob *b, size_t *room)
{
	size_t more = *room ?: BLOCK, left = mem_left();
	void *data;

	/* what the allocator adds is less */
	left = left > 4096 ? left - 4096 : 0;
	more = more < left ? more : left;
	data = try_realloc(b->data, more ? *room + more : SIZE_MAX / 2);
	if (!data) {
		xfree(b->data);
		*b = (struct blob){};
		return false;
	}
	b->data = data;
	*room += more;
	return true;
}

typedef ssize_t (*read_fn)(void *from, void *buf, size_t size);

/* All that @fn reads.  Returns -1 with *@problem, or what the last call returned */
static ssize_t read_all(read_fn fn, void *from, size_t room, struct blob *out, char **problem)
{
	struct blob b = {};
	ssize_t n = 0;

	*out = b;
	*problem = NULL;
	b.data = room ? try_realloc(NULL, room) : NULL;
	if (!b.data)
		room = 0;
	for (;;) {
		if (b.size == room && !grow(&b, &room)) {
			*problem = mem_problem();
			break;
		}
		*problem = time_problem();
		if (*problem)
			break;
		n = fn(from, b.data + b.size, room - b.size);
		if (n <= 0)
			break;
		b.size += n;
	}
	if (*problem || n < 0) {
		xfree(b.data);
		return -1;
	}
	*out = b;
	return 0;
}

static ssize_t read_fd(void *from, void *buf, size_t size)
{
	ssize_t n = read(*(int *)from, buf, size);

	if (n > 0)
		count_read(n);
	return n;
}

char *read_open_file(int fd, struct blob *out)
{
	size_t room = 0;
	struct stat st;
	char *problem;

	*out = (struct blob){};
	if (fstat(fd, &st))
		return xstrdup(strerror(errno));
	if (S_ISDIR(st.st_mode))
		return xstrdup("a directory");
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return xstrdup("neither a file nor a pipe");
	if (S_ISREG(st.st_mode) && (size_t)st.st_size < mem_left())
		room = st.st_size + 1;	/* the end is seen without growing */
	if (read_all(read_fd, &fd, room, out, &problem) < 0)
		return problem ?: xstrdup(strerror(errno));
	return NULL;
}

char *read_file(const char *path, bool wait, struct blob *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | (wait ? 0 : O_NONBLOCK));
	char *problem;

	*out = (struct blob){};
	if (fd < 0)
		return xstrdup(strerror(errno));
	problem = read_open_file(fd, out);
	close(fd);
	return problem;
}

static ssize_t read_archive(void *from, void *buf, size_t size)
{
	ssize_t n = archive_read_data(from, buf, size);

	if (n > 0)
		count_unpacked(n);
	return n;
}

char *read_member(struct archive *a, struct blob *out)
{
	char *problem;

	if (read_all(read_archive, a, 0, out, &problem) < 0)
		return problem ?: archive_problem(a);
	return NULL;
}

bool starts(const struct blob *b, const char *magic, size_t size)
{
	return b->size >= size && !memcmp(b->data, magic, size);
}

char *undo(struct blob in, struct blob *out)
{
	const char *other = unreadable(&in);
	struct archive *a;
	struct source s;
	char *problem;

	*out = (struct blob){};
	if (other)
		return unreadable_problem(other);
	if (!is_compressed(&in))
		return NULL;
	a = new_archive();
	source_memory(&s, in);
	problem = open_compressed(a, &s) ? read_member(a, out) : archive_problem(a);
	archive_read_free(a);
	return problem;
}

char *unpack(struct blob in, struct blob *out)
{
	char *problem = undo(in, out);

	if (!problem && !is_compressed(&in))
		*out = in;
	else
		xfree(in.data);
	return problem;
}

struct piece {
	struct archive *a;
	const void *buf;
	size_t left;
};

static ssize_t read_block(void *from, void *buf, size_t size)
{
	struct piece *p = from;
	la_int64_t off;
	size_t n;

	while (!p->left)
		if (archive_read_data_block(p->a, &p->buf, &p->left, &off) != ARCHIVE_OK)
			return 0;
	n = p->left < size ? p->left : size;
	count_unpacked(n);
	memcpy(buf, p->buf, n);
	p->buf += n;
	p->left -= n;
	return n;
}

/* Bytes of the xz that begins at @b: to the end of its footer, which repeats the flags */
static size_t xz_size(const struct blob *b)
{
	const uint8_t *p = b->data;
	uint8_t end[4] = { 0, 0, 'Y', 'Z' };
	size_t at;

	if (b->size < 12)
		return b->size;
	memcpy(end, p + 6, 2);
	for (at = 8; at + 4 <= b->size; at += 4)
		if (!memcmp(p + at, end, 4))
			return at + 4;
	return b->size;
}

/* The same of zstd: to the end of the last block of its frame (RFC 8878) */
static size_t zstd_size(const struct blob *b)
{
	static const uint8_t dict[] = { 0, 1, 2, 4 }, content[] = { 0, 2, 4, 8 };
	const uint8_t *p = b->data;
	bool single, last = false;
	uint32_t head;
	size_t at = 5;

	if (b->size < at)
		return b->size;
	single = p[4] & 0x20;
	at += !single + dict[p[4] & 3] + (single && !(p[4] >> 6) ? 1 : content[p[4] >> 6]);
	while (!last && at + 3 <= b->size) {
		head = p[at] | p[at + 1] << 8 | p[at + 2] << 16;
		last = head & 1;
		/* of one byte that is repeated it is the length of what comes out */
		at += 3 + ((head >> 1 & 3) == 1 ? 1 : head >> 3);
	}
	at += p[4] & 4 ? 4 : 0;
	return at < b->size ? at : b->size;
}

char *unpack_piece(struct blob in, struct blob *out)
{
	struct piece p = { new_archive() };
	char *problem = NULL;
	struct source s;

	*out = (struct blob){};
	/* these two are not undone if they are followed by something else */
	if (starts(&in, "\xfd\x37zXZ", 6))
		in.size = xz_size(&in);
	else if (starts(&in, "\x28\xb5\x2f\xfd", 4))
		in.size = zstd_size(&in);
	source_memory(&s, in);
	if (open_compressed(p.a, &s))
		read_all(read_block, &p, 0, out, &problem);
	archive_read_free(p.a);
	return problem;
}

struct archive *new_archive(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		give_up("out of memory");
	return a;
}
