/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Module BTF: what the module loader and BPF want of each other
 */
#ifndef _LINUX_BTF_MODULE_H
#define _LINUX_BTF_MODULE_H

#include <linux/btf_note.h>
#include <linux/types.h>

struct btf;
struct btf_type;
struct module;

#ifdef CONFIG_DEBUG_INFO_BTF_MODULES

/* The base id of vmlinux, see include/asm-generic/vmlinux.lds.h */
extern const u8 __start_BTF_id[];
extern const u8 __stop_BTF_id[];

/* kernel/bpf/btf_refs.c */
struct btf_refs {
	struct btf_type **base;		/* types of the base, by id */
	struct btf_type **split;	/* the others, by id - start_id */
	u32 start_id;			/* first id that is not the base's */
	u32 nr_split;
	u32 names_end;			/* offset of a name that is out of range */
};

int btf_check_refs(const struct btf_refs *r, u32 *bad_id, const char **why);

/* kernel/bpf/btf.c */
const u8 *btf_vmlinux_id(void);
struct btf *btf_parse_module(const char *module_name, const void *data, u32 data_size,
			     const void *base_data, u32 base_data_size, bool quiet);
int btf_module_add(struct module *mod, struct btf *btf);
void btf_module_del(struct module *mod);
void btf_drop_id_map(struct btf *btf);

#else

static inline void btf_module_del(struct module *mod)
{
}

#endif /* CONFIG_DEBUG_INFO_BTF_MODULES */

#endif /* _LINUX_BTF_MODULE_H */
