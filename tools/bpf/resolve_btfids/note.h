/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __RESOLVE_BTFIDS_NOTE_H
#define __RESOLVE_BTFIDS_NOTE_H

#include <linux/types.h>
#include <stddef.h>

#define BTF_BASE_ID_SIZE 32

struct btf;

/* In libbpf, but in none of its public headers */
void libbpf_sha256(const void *data, size_t len, __u8 out[BTF_BASE_ID_SIZE]);

/* Returns 0, or -1 after a message that names the file. */
int write_vmlinux_id(const char *path, const struct btf *btf);

#endif
