// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * .BTF_ids: ids of types and functions that code of a module reads.  They were resolved
 * when it was built, and go the way of its BTF.
 */

#include <linux/btf.h>
#include <linux/btf_module.h>
#include <linux/elf.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/sort.h>
#include <linux/string.h>
#include "internal.h"

#ifdef CONFIG_DEBUG_INFO_BTF_MODULES

static int cmp_btf_id(const void *a, const void *b)
{
	u32 x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/*
 * Relocate the ids of a range, which begins at @p.  Return where it ends, -EINVAL if that is
 * past @end, or the range or an id in it is damaged, or -EOPNOTSUPP if its kind is not known.
 */
static void *relocate_range(const struct btf_ids_range *r, void *p, void *end,
			    const struct btf *btf)
{
	size_t size = r->kind == BTF_IDS_SET8 ? 2 * sizeof(u32) : sizeof(u32);
	bool set = r->kind != BTF_IDS_LIST;
	u32 i, id, cnt;

	if (r->kind > BTF_IDS_SET8)
		return ERR_PTR(-EOPNOTSUPP);
	if (((u64)r->cnt + set) * size > end - p)
		return ERR_PTR(-EINVAL);
	if (set) {
		memcpy(&cnt, p, sizeof(cnt));
		if (cnt != r->cnt)
			return ERR_PTR(-EINVAL);
		p += size;
	}
	for (i = 0; i < r->cnt; i++, p += size) {
		memcpy(&id, p, sizeof(id));
		if (!id)	/* not known when the module was built */
			continue;
		id = btf_relocate_id(btf, id);
		if (!id)
			return ERR_PTR(-EINVAL);
		memcpy(p, &id, sizeof(id));
	}
	/* the ids of a set are searched by bisection */
	if (set)
		sort(p - r->cnt * size, r->cnt, size, cmp_btf_id, NULL);
	return p;
}

/**
 * module_btf_relocate_ids() - make the ids in .BTF_ids those of the running kernel
 * @mod: a module that can still be written to
 * @ids: its section .BTF_ids, or NULL
 * @btf: its BTF, which has been relocated
 * @note: data of its .note.BTF, or NULL
 * @size: of that, in bytes
 *
 * Without a table in the note the ids stay as they are.  BPF then relocates those that it is
 * given, as kfuncs are; those that only the module reads remain wrong.
 *
 * Return: 0, -EINVAL if the table or an id is damaged, or -EOPNOTSUPP if a later tool has
 * written it.
 */
int module_btf_relocate_ids(const struct module *mod, const Elf_Shdr *ids, struct btf *btf,
			    const void *note, u32 size)
{
	void *start, *end, *p;
	struct btf_ids_range r;

	if (ids && ids->sh_size) {
		if (!note || size == BTF_BASE_ID_SIZE) {
			pr_warn_ratelimited("module [%s] BTF: no table for .BTF_ids, ids that only the module reads are not relocated\n",
					    mod->name);
			return 0;
		}
		start = (void *)ids->sh_addr;
		end = start + ids->sh_size;
		p = start;
		note += BTF_BASE_ID_SIZE;
		size -= BTF_BASE_ID_SIZE;
		for (; size >= sizeof(r); size -= sizeof(r), note += sizeof(r)) {
			memcpy(&r, note, sizeof(r));
			/* ascending, so that no id is relocated twice */
			if (r.offset < p - start || r.offset > end - start)
				return -EINVAL;
			p = relocate_range(&r, start + r.offset, end, btf);
			if (IS_ERR(p))
				return PTR_ERR(p);
		}
		if (size)
			return -EINVAL;
	}
	btf_drop_id_map(btf);
	return 0;
}

#endif /* CONFIG_DEBUG_INFO_BTF_MODULES */

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
