// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * .BTF_ids: ids of types and functions that code of a module reads.  They were
 * resolved when it was built, and go the way of its BTF.
 */

#include <linux/btf.h>
#include <linux/btf_module.h>
#include <linux/elf.h>
#include <linux/module.h>
#include <linux/sort.h>
#include <linux/string.h>
#include "internal.h"

/**
 * module_btf_is_ids() - is it a section .BTF_ids?
 * @info: temporary copy of the module
 * @i: index of the section
 *
 * A module can have several.
 *
 * Return: true if code of the module finds ids in it.
 */
bool module_btf_is_ids(const struct load_info *info, unsigned int i)
{
	const Elf_Shdr *shdr = &info->sechdrs[i];

	/* of others nobody has looked at the name, or they have no data */
	return shdr->sh_type != SHT_NULL && shdr->sh_type != SHT_NOBITS &&
	       (shdr->sh_flags & SHF_ALLOC) &&
	       !strcmp(info->secstrings + shdr->sh_name, ".BTF_ids");
}

/* A symbol in .BTF_ids: that of one id, or of a set */
struct btf_id_sym {
	const void *from;	/* as the build left it */
	void *to;		/* as the module will see it */
	unsigned int words;	/* that an id takes in the set; 0: no set */
};

/* Find what a symbol of section @shdr, a .BTF_ids, stands for.  Returns 0, -ENOENT
 * if it is another symbol, -EINVAL if it is not inside.
 */
static int find_btf_id(const struct load_info *info, const Elf_Shdr *shdr,
		       const Elf_Sym *sym, struct btf_id_sym *s)
{
	size_t strings = info->sechdrs[info->index.str].sh_size;
	const size_t len = sizeof("__BTF_ID__") - 1;
	size_t offset, size;
	const char *name;

	/* not every kernel has looked at the names of all symbols */
	if (sym->st_name >= strings)
		return -EINVAL;
	name = info->strtab + sym->st_name;
	/* no id has a name as short as that of a set without a name */
	if (strings - sym->st_name < len + sizeof("set8__") || strncmp(name, "__BTF_ID__", len))
		return -ENOENT;

	name += len;
	s->words = !strncmp(name, "set8__", 6) ? 2 : !strncmp(name, "set__", 5) ? 1 : 0;
	offset = sym->st_value - shdr->sh_addr;
	size = s->words ? sym->st_size : sizeof(u32);
	if (offset > shdr->sh_size || size > shdr->sh_size - offset)
		return -EINVAL;
	s->from = (void *)info->hdr + shdr->sh_offset + offset;
	s->to = (void *)shdr->sh_addr + offset;
	return 0;
}

static int relocate_btf_id(const struct btf_id_sym *s, const struct btf *btf)
{
	const struct btf_type *t;
	u32 id, old;

	memcpy(&old, s->from, sizeof(old));
	if (!old)		/* not known when the module was built */
		return 0;
	id = btf_relocate_id(btf, old);
	t = id ? btf_type_by_id(btf, id) : NULL;
	if (!t || !(btf_type_is_struct(t) || btf_type_is_typedef(t) || btf_type_is_func(t)))
		return -EINVAL;
	memcpy(s->to, &id, sizeof(id));
	return 0;
}

static int cmp_btf_id(const void *a, const void *b)
{
	u32 x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* A set is a count, with flags if its ids have flags, and as many ids as it has
 * room for.
 */
static int check_btf_set(const struct btf_id_sym *s, size_t size)
{
	size_t entry = s->words * sizeof(u32);
	u32 cnt;

	if (size < entry)
		return -EINVAL;
	memcpy(&cnt, s->from, sizeof(cnt));
	return cnt != size / entry - 1 || size % entry ? -EINVAL : 0;
}

/* Ids of a set are searched by bisection */
static void sort_btf_set(const struct btf_id_sym *s, size_t size)
{
	size_t entry = s->words * sizeof(u32), at;

	/* what has no symbol: the count and its flags, and the flags of each id */
	memcpy(s->to, s->from, entry);
	for (at = entry; s->words == 2 && at < size; at += entry)
		memcpy(s->to + at + sizeof(u32), s->from + at + sizeof(u32), sizeof(u32));
	sort(s->to + entry, size / entry - 1, entry, cmp_btf_id, NULL);
}

/* What is done with .BTF_ids, one after the other */
enum btf_ids_pass {
	BTF_IDS_CHECK,		/* look at each id and set; native BTF needs no more */
	BTF_IDS_RELOCATE,	/* also write each id */
	BTF_IDS_SORT,		/* write the rest of each set */
};

/* What there is in .BTF_ids that has a symbol */
struct btf_ids_found {
	bool any;
	bool sets;
};

/* Do that with section @i.  Returns 0 or -EINVAL. */
static int relocate_btf_ids(const struct load_info *info, unsigned int i, const struct btf *btf,
			    enum btf_ids_pass pass, struct btf_ids_found *found)
{
	const Elf_Shdr *symtab = &info->sechdrs[info->index.sym];
	const Elf_Sym *sym = (void *)symtab->sh_addr;
	const Elf_Sym *end = sym + symtab->sh_size / sizeof(*sym);
	struct btf_id_sym s;
	int err;

	/* of all symbols of the module, hardly any is of this section */
	for (sym++; sym < end; sym++) {
		if (sym->st_shndx != i)
			continue;
		err = find_btf_id(info, &info->sechdrs[i], sym, &s);
		if (err == -ENOENT)
			continue;
		/* what no symbol leads to stays behind, and is not used */
		if (!err && !found->any && pass == BTF_IDS_RELOCATE)
			module_btf_ids_clear(info);
		found->any = true;
		found->sets |= !err && s.words;
		if (err)
			return err;
		if (pass == BTF_IDS_SORT) {
			if (s.words)
				sort_btf_set(&s, sym->st_size);
			continue;
		}
		err = s.words ? check_btf_set(&s, sym->st_size) : relocate_btf_id(&s, btf);
		if (err)
			return err;
	}
	return 0;
}

/**
 * module_btf_ids_relocate() - make the ids in .BTF_ids those of the running kernel
 * @info: temporary copy of a module that can still be written to
 * @btf: its BTF
 * @relocated: which has been relocated
 *
 * Every id has a symbol, and every set; a slot of a set holds any of its ids,
 * because they are sorted.  What has none of its own, among others that do, cannot
 * be relocated and is cleared.
 *
 * Return: 0, -EINVAL if an id or a set is damaged, or -ESTALE if all symbols have
 * been stripped.
 */
int module_btf_ids_relocate(const struct load_info *info, struct btf *btf, bool relocated)
{
	enum btf_ids_pass pass = relocated ? BTF_IDS_RELOCATE : BTF_IDS_CHECK;
	struct btf_ids_found found = {};
	bool has_ids = false;
	unsigned int i;
	int err;

	for (;;) {
		for (i = 1; i < info->hdr->e_shnum; i++) {
			if (!module_btf_is_ids(info, i))
				continue;
			has_ids |= info->sechdrs[i].sh_size;
			err = relocate_btf_ids(info, i, btf, pass, &found);
			if (err)
				return err;
		}
		if (pass != BTF_IDS_RELOCATE || !found.sets)
			break;
		pass = BTF_IDS_SORT;
	}

	if (!relocated)
		return 0;
	if (has_ids && !found.any) {
		pr_warn_ratelimited("module [%s] BTF: .BTF_ids cannot be relocated, its symbols have been stripped\n",
				    btf_get_name(btf));
		return -ESTALE;
	}
	btf_ids_relocated(btf);
	return 0;
}

/**
 * module_btf_ids_clear() - leave no id of BTF that is not used
 * @info: temporary copy of a module that can still be written to
 *
 * On this kernel an id may name another type.
 */
void module_btf_ids_clear(const struct load_info *info)
{
	const Elf_Shdr *shdr;
	unsigned int i;

	for (i = 1; i < info->hdr->e_shnum; i++) {
		shdr = &info->sechdrs[i];
		if (module_btf_is_ids(info, i))
			memset((void *)shdr->sh_addr, 0, shdr->sh_size);
	}
}
