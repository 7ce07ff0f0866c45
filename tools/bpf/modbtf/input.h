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

/* Bytes in a row: a file, or what a compressed one or a member of an archive has in it */
struct source {
	int fd;			/* where more comes from; -1: nowhere, */
	struct archive *outer;	/* or from the member at which this one is */
	char *buf;
	size_t from, to;	/* what is in it */
	bool owned;		/* by the source */
	uint64_t given;		/* bytes, to the archive that reads it */
	bool failed;		/* to read more */
	int err;		/* errno, then */
};

/* An archive that is to be opened, or the end of the run */
struct archive *new_archive(void);

/* One of: @fd from where it is, the memory @b, the member or stream at which @outer is */
void source_file(struct source *s, int fd);
void source_memory(struct source *s, struct blob b);
void source_member(struct source *s, struct archive *outer);
void source_close(struct source *s);
/* The next @size bytes or more; fewer: there are no more, or they cannot be read */
struct blob source_peek(struct source *s, size_t size);
/* Leave out @size bytes.  Returns whether they were there */
bool source_skip(struct source *s, uint64_t size);
/* Why no more can be read, for xfree(), or NULL */
char *source_problem(struct source *s);
/* Open @a, which reads from where @s is; @a does not undo a compression */
bool open_archive(struct archive *a, struct source *s);
/* The same, of a compression, which is undone: then @a is at the only member */
bool open_compressed(struct archive *a, struct source *s);
/* Take from @a what it did not need: @s is behind the archive */
void source_take_back(struct source *s, struct archive *a);

/* As unpack(), but @in stays; .data of @out is NULL if it is not compressed */
char *undo(struct blob in, struct blob *out);
/* Does @b begin as what open_compressed() can read? */
bool is_compressed(const struct blob *b);
/* The name of the format that @b begins as, if it is known and cannot be read, or NULL */
const char *unreadable(const struct blob *b);
/* That it cannot be read, for xfree() */
char *unreadable_problem(const char *name);
/* What libarchive says is wrong, for xfree() */
char *archive_problem(struct archive *a);
/* All of the member at which @a is.  Returns NULL, or what is wrong, for xfree() */
char *read_member(struct archive *a, struct blob *out);
/* The same for a file that is open */
char *read_open_file(int fd, struct blob *out);
/* Does it begin with these @size bytes? */
bool starts(const struct blob *b, const char *magic, size_t size);

#endif
