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

static const int nr_filters = sizeof(filters) / sizeof(*filters);

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

static la_ssize_t read_stream(struct archive *a, void *ctx, const void **buf)
{
	struct stream *s = ctx;
	char *problem = time_problem();
	struct blob first = s->first;

	if (problem) {
		xfree(problem);
		archive_set_error(a, EINTR, "no time");
		return -1;
	}
	s->first = (struct blob){};
	*buf = first.data;
	return first.data ? (la_ssize_t)first.size : s->next(s, a, buf);
}

bool open_stream(struct archive *a, struct stream *s)
{
	const void *buf;
	la_ssize_t n = 0;
	int f;

	if (!s->first.data) {
		n = s->next(s, a, &buf);
		s->first = (struct blob){ (void *)buf, n > 0 ? n : 0 };
	}
	f = filter_of(&s->first);
	/* this one and no other: they can be put into one another without end */
	if (n < 0 || (f >= 0 && archive_read_append_filter(a, filters[f].filter) != ARCHIVE_OK))
		return false;
	return archive_read_open(a, s, NULL, read_stream, NULL) == ARCHIVE_OK;
}

la_ssize_t no_more(struct stream *s, struct archive *a, const void **buf)
{
	return 0;
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
	return read(*(int *)from, buf, size);
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
	return archive_read_data(from, buf, size);
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

char *unpack(struct blob in, struct blob *out)
{
	struct stream s = { .next = no_more, .first = in };
	struct archive_entry *entry;
	struct archive *a;
	char *problem;

	*out = in;
	if (filter_of(&in) < 0)
		return NULL;
	*out = (struct blob){};
	a = new_archive();
	archive_read_support_format_raw(a);
	if (!open_stream(a, &s) || archive_read_next_header(a, &entry) != ARCHIVE_OK)
		problem = archive_problem(a);
	else
		problem = read_member(a, out);
	archive_read_free(a);
	xfree(in.data);
	return problem;
}

struct archive *new_archive(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		give_up("out of memory");
	return a;
}
