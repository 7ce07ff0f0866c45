/* SPDX-License-Identifier: GPL-2.0-only */
/* What input.c has for packages and directories */
#ifndef __MODBTF_INPUT_H
#define __MODBTF_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#define BLOCK (256 * 1024)

struct archive;
struct blob;

struct archive *new_archive(void);
/* Let @a undo the compressions that need no program */
void allow_filters(struct archive *a);
/* What libarchive says is wrong, for xfree() */
char *archive_problem(struct archive *a);
/* All of the member at which @a is.  Returns NULL, or what is wrong, for xfree() */
char *read_member(struct archive *a, struct blob *out);
/* The same for a file that is open */
char *read_open_file(int fd, struct blob *out);
/* Does it begin with these @size bytes? */
bool starts(const struct blob *b, const char *magic, size_t size);

#endif
