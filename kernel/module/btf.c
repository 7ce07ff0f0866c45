// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Module BTF: is it used, dropped, or a reason to refuse the module?
 *
 * BTF of a module is split from the BTF of the vmlinux it was built with, and is wrong
 * on any other.
 */

#include <linux/btf.h>
#include <linux/btf_module.h>
#include <linux/elf.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/string.h>
#include "internal.h"

/* The sections of a module that are about BTF, NULL where it has none */
struct btf_sections {
	const Elf_Shdr *btf;	/* .BTF */
	const Elf_Shdr *base;	/* .BTF.base */
	bool bad;		/* one is there twice, or cannot be read */
};

/* Find the sections of a module that are about BTF. */
static void find_btf_sections(const struct load_info *info, struct btf_sections *s)
{
	static const struct {
		const char *name;
		size_t at;
	} known[] = {
		{ ".BTF", offsetof(struct btf_sections, btf) },
		{ ".BTF.base", offsetof(struct btf_sections, base) },
	};
	const Elf_Shdr *shdr, **found;
	const char *name;
	unsigned int i, k;

	memset(s, 0, sizeof(*s));
	for (i = 1; i < info->hdr->e_shnum; i++) {
		shdr = &info->sechdrs[i];
		/* SHT_NULL headers are not validated by elf_validity_cache_*() */
		if (shdr->sh_type == SHT_NULL)
			continue;
		/* Cheap test first: most names fail it. */
		name = info->secstrings + shdr->sh_name;
		if (name[0] != '.' || name[1] != 'B')
			continue;
		for (k = 0; k < ARRAY_SIZE(known); k++) {
			if (strcmp(name, known[k].name))
				continue;
			found = (void *)s + known[k].at;
			s->bad |= *found || shdr->sh_type == SHT_NOBITS;
			*found = shdr;
		}
	}
	/* one of no bytes may have no address, and not be seen */
	s->bad |= s->base && !s->base->sh_size;
}

static int use_btf(struct module *mod, const struct btf_sections *s)
{
	struct btf *btf;
	int err;

	if (s->bad)
		return -EINVAL;
	btf = btf_parse_module(mod->name, (void *)s->btf->sh_addr, s->btf->sh_size,
			       s->base ? (void *)s->base->sh_addr : NULL,
			       s->base ? s->base->sh_size : 0);
	if (IS_ERR(btf))
		return PTR_ERR(btf);
	err = btf_module_add(mod, btf);
	if (err)
		btf_put(btf);
	return err;
}

/**
 * module_btf_load() - use the BTF of a module, or drop it
 * @mod: the module, relocated and not yet sealed or run
 * @info: its temporary copy
 *
 * Afterwards BPF sees the types of @mod, or its BTF is not used.
 *
 * Return: 0, or without CONFIG_MODULE_ALLOW_BTF_MISMATCH a negative error if there is BTF
 * that cannot be used.
 */
int module_btf_load(struct module *mod, const struct load_info *info)
{
	struct btf_sections s;
	int err;

	find_btf_sections(info, &s);
	err = s.btf ? use_btf(mod, &s) : 0;
	if (!err)
		return 0;
	if (!IS_ENABLED(CONFIG_MODULE_ALLOW_BTF_MISMATCH)) {
		pr_warn("failed to validate module [%s] BTF: %d\n", mod->name, err);
		return err;
	}
	pr_warn_once("Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules\n");
	return 0;
}
