/* SPDX-License-Identifier: GPL-2.0-only */
/* What input.c has for packages and directories */
#ifndef __MODBTF_INPUT_H
#define __MODBTF_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "modbtf.h"

#define BLOCK (256 * 1024)

struct archive;

struct archive *new_archive(void);

/* Where an archive comes from */
struct stream {
	/* what follows, as for archive_read_callback() */
	ssize_t (*next)(struct stream *s, struct archive *a, const void **buf);
	struct blob first;	/* its beginning, if it is known; .data is NULL: it is not */
	int fd;			/* for next() */
	struct archive *outer;
	char *buf;
};

/* A next() that has nothing but the beginning */
ssize_t no_more(struct stream *s, struct archive *a, const void **buf);
/* Open @a; if it is compressed, undo that, once */
bool open_stream(struct archive *a, struct stream *s);
/* What libarchive says is wrong, for xfree() */
char *archive_problem(struct archive *a);
/* All of the member at which @a is.  Returns NULL, or what is wrong, for xfree() */
char *read_member(struct archive *a, struct blob *out);
/* The same for a file that is open */
char *read_open_file(int fd, struct blob *out);
/* Does it begin with these @size bytes? */
bool starts(const struct blob *b, const char *magic, size_t size);

#endif
