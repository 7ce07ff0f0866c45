/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __RESOLVE_BTFIDS_BASE_ID_H
#define __RESOLVE_BTFIDS_BASE_ID_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct btf;

/*
 * Write the id of @base into the module at @path, if that has a note for it.
 * @distilled: the BTF of the module will be split from a base distilled of @base.
 * Returns 0, or -1 after a message that names @path.
 */
int stamp_base_id(const char *path, const struct btf *base, bool distilled);

/* In libbpf, but in none of its public headers */
void libbpf_sha256(const void *data, size_t len, __u8 out[32]);

#endif
