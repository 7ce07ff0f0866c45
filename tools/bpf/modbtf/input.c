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

	return xasprintf("cut off or damaged: %s", s ?: "cannot be read");
}

static const struct {
	const char *name;
	int (*support)(struct archive *a);
} filters[] = {
	{ "gzip", archive_read_support_filter_gzip },
	{ "xz", archive_read_support_filter_xz },
	{ "zstd", archive_read_support_filter_zstd },
	{ "lz4", archive_read_support_filter_lz4 },
	{ "bzip2", archive_read_support_filter_bzip2 },
	{ "lzma", archive_read_support_filter_lzma },
};

void allow_filters(struct archive *a)
{
	size_t i;

	for (i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		filters[i].support(a);
}

void check_libarchive(void)
{
	struct archive *a;
	size_t i;

	for (i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		a = archive_read_new();
		if (!a || filters[i].support(a) != ARCHIVE_OK)
			die("libarchive cannot undo %s without running a program", filters[i].name);
		archive_read_free(a);
	}
}

/* More room for @b, of which @room is used.  NULL, or what is wrong; then it is freed */
static char *grow(struct blob *b, size_t *room)
{
	size_t more = *room ?: BLOCK, left = mem_left();
	void *data;

	/* what the allocator adds is less */
	left = left > 4096 ? left - 4096 : 0;
	more = more < left ? more : left;
	data = more ? try_realloc(b->data, *room + more) : NULL;
	if (!data) {
		/* first, so that there is room for words */
		xfree(b->data);
		*b = (struct blob){};
		return mem_problem();
	}
	b->data = data;
	*room += more;
	return NULL;
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
		if (b.size == room)
			*problem = grow(&b, &room);
		if (!*problem)
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

char *read_file(const char *path, struct blob *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
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

static bool is_compressed(const struct blob *b)
{
	return starts(b, "\x1f\x8b", 2) || starts(b, "\xfd\x37zXZ\0", 6) ||
	       starts(b, "\x28\xb5\x2f\xfd", 4) || starts(b, "\x02\x21\x4c\x18", 4) ||
	       starts(b, "\x04\x22\x4d\x18", 4) || starts(b, "BZh", 3) ||
	       starts(b, "\x5d\0\0", 3);
}

char *unpack(struct blob in, struct blob *out)
{
	struct archive_entry *entry;
	struct archive *a;
	char *problem;

	*out = in;
	if (!is_compressed(&in))
		return NULL;
	*out = (struct blob){};
	a = new_archive();
	allow_filters(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, in.data, in.size) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
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
