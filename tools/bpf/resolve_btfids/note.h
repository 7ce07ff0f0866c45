/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __RESOLVE_BTFIDS_NOTE_H
#define __RESOLVE_BTFIDS_NOTE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "../../../include/linux/btf_note.h"

struct btf;

/* What a word of .BTF_ids is: nothing to relocate, an id, or the count of a set. */
enum btf_ids_word {
	BTF_WORD_OTHER,
	BTF_WORD_ID,
	BTF_WORD_SET,
	BTF_WORD_SET8,
};

/* What goes into .note.BTF */
struct btf_note {
	unsigned char id[BTF_BASE_ID_SIZE];
	bool distilled;		/* .BTF is split from .BTF.base */
	bool swap;		/* the module has another byte order than the host */
	const __u32 *ids;	/* .BTF_ids in host order, NULL if there is none */
	unsigned char *words;	/* enum btf_ids_word of each of its words */
	size_t nr_words;
};

/* In libbpf, but in none of its public headers */
void libbpf_sha256(const void *data, size_t len, __u8 out[BTF_BASE_ID_SIZE]);

/* All return 0, or -1 after a message that names the file. */
int write_vmlinux_id(const char *path, const struct btf *btf);
int read_base_id(const char *path, const struct btf *base, bool hash, unsigned char *id);
int write_note(const char *path, const struct btf_note *note);

#endif
