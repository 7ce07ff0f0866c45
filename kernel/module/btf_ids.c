// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * .BTF_ids: ids of types and functions that code of a module reads.  They were resolved
 * when it was built, and go the way of its BTF.
 */

#include <linux/elf.h>
#include <linux/module.h>
#include <linux/string.h>
#include "internal.h"

/**
 * module_btf_clear_ids() - leave no id of BTF that is not used
 * @info: temporary copy of a module that can still be written to
 *
 * On this kernel an id may name another type.
 */
void module_btf_clear_ids(const struct load_info *info)
{
	const Elf_Shdr *shdr;
	unsigned int i;

	for (i = 1; i < info->hdr->e_shnum; i++) {
		shdr = &info->sechdrs[i];
		if (shdr->sh_type != SHT_NULL && shdr->sh_type != SHT_NOBITS &&
		    (shdr->sh_flags & SHF_ALLOC) &&
		    !strcmp(info->secstrings + shdr->sh_name, ".BTF_ids"))
			memset((void *)shdr->sh_addr, 0, shdr->sh_size);
	}
}
