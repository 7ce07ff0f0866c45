/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel modules as data: read one, change its BTF, load it from memory.
 * A module is of the machine that runs this.  All functions that return int return 0 or a
 * negative error.
 */
#ifndef __KMOD_BTF_HELPERS_H
#define __KMOD_BTF_HELPERS_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <bpf/btf.h>
#include "../../../../include/linux/btf_note.h"

#if __SIZEOF_LONG__ == 8
#define Elf_Ehdr	Elf64_Ehdr
#define Elf_Nhdr	Elf64_Nhdr
#define Elf_Shdr	Elf64_Shdr
#define Elf_Sym		Elf64_Sym
#define ELF_CLASS	ELFCLASS64
#else
#define Elf_Ehdr	Elf32_Ehdr
#define Elf_Nhdr	Elf32_Nhdr
#define Elf_Shdr	Elf32_Shdr
#define Elf_Sym		Elf32_Sym
#define ELF_CLASS	ELFCLASS32
#endif

struct kmod {
	unsigned char *data;
	size_t size;
};

/* --- the file: kmod_btf_helpers.c ------------------------------------------ */

int kmod_read(struct kmod *k, const char *path);
int kmod_write(const struct kmod *k, const char *path);
int kmod_copy(struct kmod *to, const struct kmod *from);
void kmod_free(struct kmod *k);
int kmod_load(const struct kmod *k, const char *params);

/* Pointer into k->data, valid until k changes; NULL if there is none */
void *kmod_section(const struct kmod *k, const char *name, size_t *size);
void *kmod_section_header(const struct kmod *k, const char *name);
/* Replace a section, or add it; with @dup also beside one of that name */
int kmod_set_section(struct kmod *k, const char *name, const void *data, size_t size, bool dup);
/* Take the name from a section, so that nobody finds it */
void kmod_hide_section(struct kmod *k, const char *name);

/*
 * The note in .note.BTF.  What these return points into k->data and is aligned to nothing:
 * use memcpy().  The base id, and the four bytes that are the type of the note:
 */
unsigned char *kmod_base_id(const struct kmod *k, unsigned char **type);
/* The struct btf_ids_range of the table for .BTF_ids; NULL if there is no table */
void *kmod_btf_ids_table(const struct kmod *k, __u32 *cnt);
/* Shorten the data of the note to @size: there is no table if that is BTF_BASE_ID_SIZE */
void kmod_shorten_note(struct kmod *k, __u32 size);

/* The id or set in .BTF_ids whose symbol begins so, after __BTF_ID__; or NULL */
__u32 *kmod_btf_id(const struct kmod *k, const char *symbol);
/* Take the names from all symbols of .BTF_ids, as strip --strip-unneeded does */
void kmod_strip_btf_ids(struct kmod *k);
/*
 * Give each id in .BTF_ids that is not 0 another value, and sort the sets again.  Ids are where
 * the table says, or, in a module without one, the symbols.
 */
int kmod_map_btf_ids(struct kmod *k, int (*new_id)(__u32 id, void *ctx), void *ctx);

/* --- other bases: kmod_btf_bases.c ------------------------------------------ */

/*
 * Make the module what it would be if it had been built against @base instead of @vmlinux:
 * BTF, .BTF_ids and base id; with a distilled base or without.
 */
int kmod_rebase(struct kmod *k, struct btf *vmlinux, struct btf *base, bool distilled);

/*
 * Can the kernel relocate BTF?  One before 6.12 cannot, nor has it filters of kfuncs, or
 * sets that say that they are of kfuncs.
 */
bool kernel_relocates_btf(const struct btf *vmlinux);

/*
 * Other bases: @vmlinux with one type more at its end (no string changes), with one type and
 * its name more in front, or with the same types and strings in another order.  NULL on error.
 */
struct btf *btf_one_more(struct btf *vmlinux);
struct btf *btf_shifted(struct btf *vmlinux);
struct btf *btf_reordered(struct btf *vmlinux);

/*
 * The general form of the last one: type @id becomes to[id], 0 takes it away.  A module with
 * split BTF is renumbered as if it had been built against that: other than with kmod_rebase(),
 * no string and no type of the module changes.
 */
struct btf *btf_renumbered(struct btf *vmlinux, const __u32 *to);
int kmod_renumber(struct kmod *k, struct btf *vmlinux, const __u32 *to);
/* to[id] = id, to be freed */
__u32 *btf_same_order(const struct btf *vmlinux);

#endif
