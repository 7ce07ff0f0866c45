/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel modules as data: read one, change its BTF, load it from memory.
 * All functions that return int return 0 or a negative error.
 */
#ifndef __KMOD_BTF_HELPERS_H
#define __KMOD_BTF_HELPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <bpf/btf.h>

/* Keep in sync with include/linux/btf_module.h */
#define KMOD_NOTE_BASE_ID	0x102
#define KMOD_NOTE_DISTILLED_ID	0x103
#define KMOD_ID_SIZE		32

struct kmod_distilled {		/* the head of .BTF.distilled */
	__u32 magic;
	__u32 base_types;
	__u32 base_strs;
	__u32 split_types;
	__u32 dist_types;
	__u32 tail_types;
	__u32 tail_len;
	__u32 ids[];
};

struct kmod {
	unsigned char *data;
	size_t size;
};

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
/* The KMOD_ID_SIZE bytes of the base id, and the type of its note */
unsigned char *kmod_base_id(const struct kmod *k, unsigned int **type);

/* The id or set in .BTF_ids whose symbol begins so, after __BTF_ID__; or NULL */
__u32 *kmod_btf_id(const struct kmod *k, const char *symbol);
/* Take the names from all symbols that begin so; with "" as strip --strip-unneeded */
void kmod_strip_btf_ids(struct kmod *k, const char *symbol);

/*
 * Make the module what it would be if it had been built against @base instead
 * of @vmlinux: BTF, .BTF_ids and base id; with a distilled base or without.  It loses
 * .BTF.distilled, and so it does in kmod_renumber().
 */
int kmod_rebase(struct kmod *k, struct btf *vmlinux, struct btf *base, bool distilled);

/*
 * The same for a module with .BTF.distilled, which it keeps.  @base has all types of
 * @vmlinux in the same order, @front others before them, and more behind them.
 */
int kmod_rebase_both(struct kmod *k, struct btf *vmlinux, struct btf *base, __u32 front);

/* Can the kernel relocate BTF?  One before 6.12 cannot, nor has it filters of kfuncs, or
 * sets that say that they are of kfuncs.
 */
bool kernel_relocates_btf(const struct btf *vmlinux);

/* Other bases: @vmlinux with one type more at its end (no string changes), with
 * one type and its name more in front, or with the same types and strings in
 * another order. NULL on error.
 */
struct btf *btf_one_more(struct btf *vmlinux);
struct btf *btf_shifted(struct btf *vmlinux);
struct btf *btf_reordered(struct btf *vmlinux);

/* The general form of the last one: type @id becomes to[id], 0 takes it away.
 * A module with split BTF is renumbered as if it had been built against that:
 * other than with kmod_rebase(), no string and no type of the module changes.
 */
struct btf *btf_renumbered(struct btf *vmlinux, const __u32 *to);
int kmod_renumber(struct kmod *k, struct btf *vmlinux, const __u32 *to);
/* to[id] = id, to be freed */
__u32 *btf_same_order(const struct btf *vmlinux);

#endif
