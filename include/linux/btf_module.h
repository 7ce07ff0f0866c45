/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Module BTF: what the module loader and BPF want of each other
 */
#ifndef _LINUX_BTF_MODULE_H
#define _LINUX_BTF_MODULE_H

#include <linux/types.h>

struct btf;
struct module;

#ifdef CONFIG_DEBUG_INFO_BTF_MODULES

/* kernel/bpf/btf.c */
struct btf *btf_parse_module(const char *module_name, const void *data, u32 data_size,
			     const void *base_data, u32 base_data_size);
int btf_module_add(struct module *mod, struct btf *btf);
void btf_module_del(struct module *mod);

#else

static inline void btf_module_del(struct module *mod)
{
}

#endif /* CONFIG_DEBUG_INFO_BTF_MODULES */

#endif /* _LINUX_BTF_MODULE_H */
