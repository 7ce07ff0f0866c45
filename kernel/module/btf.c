// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Module BTF: is it used, dropped, or a reason to refuse the module?
 *
 * BTF of a module is split from the BTF of the vmlinux it was built with, and is wrong
 * on any other.  It is used only with proof that it fits: it carries the base id of the
 * running kernel, or a distilled base that can be relocated onto it.
 */

#include <linux/align.h>
#include <linux/btf.h>
#include <linux/btf_module.h>
#include <linux/elf.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "internal.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "module."

enum btf_status {
	BTF_NONE,
	BTF_NATIVE,
	BTF_RELOCATED,
	/* there is BTF, and it is not used, from here on */
	BTF_BASE_CHANGED,
	BTF_UNSTAMPED,
	BTF_RELOCATION,
	BTF_INVALID,
	BTF_UNSUPPORTED,
	BTF_NO_MEMORY,
	BTF_NO_ID,
	BTF_NAME_CLASH,
	BTF_NO_VMLINUX_BTF,
};

static const struct {
	const char *name;
	int err;		/* of a strict load; 0 if the module is never refused */
} btf_statuses[] = {
	[BTF_NONE]		= { "none" },
	[BTF_NATIVE]		= { "native" },
	[BTF_RELOCATED]		= { "relocated" },
	[BTF_BASE_CHANGED]	= { "base-changed", -EINVAL },
	[BTF_UNSTAMPED]		= { "unstamped", -EINVAL },
	[BTF_RELOCATION]	= { "relocation", -EINVAL },
	[BTF_INVALID]		= { "invalid", -EINVAL },
	[BTF_UNSUPPORTED]	= { "unsupported", -EOPNOTSUPP },
	[BTF_NO_MEMORY]		= { "no-memory", -ENOMEM },
	[BTF_NO_ID]		= { "no-id", -ENOSPC },
	[BTF_NAME_CLASH]	= { "name-clash", -EBUSY },
	[BTF_NO_VMLINUX_BTF]	= { "no-vmlinux-btf", -EINVAL },
};

static const char * const btf_modes[] = { "strict", "lenient" };

static bool btf_lenient = IS_ENABLED(CONFIG_MODULE_ALLOW_BTF_MISMATCH);

static int btf_mode_set(const char *val, const struct kernel_param *kp)
{
	int mode = sysfs_match_string(btf_modes, val);

	if (mode < 0)
		return mode;
	WRITE_ONCE(btf_lenient, mode);
	return 0;
}

static int btf_mode_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", btf_modes[READ_ONCE(btf_lenient)]);
}

static const struct kernel_param_ops btf_mode_ops = {
	.set = btf_mode_set,
	.get = btf_mode_get,
};

module_param_cb(btf_mismatch, &btf_mode_ops, NULL, 0644);

/* The sections of a module that are about BTF, NULL where it has none */
struct btf_sections {
	const Elf_Shdr *btf;	/* .BTF */
	const Elf_Shdr *base;	/* .BTF.base */
	const Elf_Shdr *note;	/* .note.BTF */
	const Elf_Shdr *ids;	/* .BTF_ids */
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
		{ BTF_NOTE_SECTION, offsetof(struct btf_sections, note) },
		{ ".BTF_ids", offsetof(struct btf_sections, ids) },
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
		if (name[0] != '.' || (name[1] != 'B' && name[1] != 'n'))
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
	/* in no memory of the module, it may be anything in the file */
	s->bad |= s->ids && !(s->ids->sh_flags & SHF_ALLOC);
}

/* Find the data of .note.BTF, of any alignment, and its size in bytes. NULL: not of this type */
static const void *find_btf_note(const struct btf_sections *s, u32 type, u32 *size)
{
	static const char owner[] = "Linux";
	const size_t head = sizeof(struct elf32_note) + ALIGN(sizeof(owner), 4);
	struct elf32_note n;
	const void *p;

	if (!s->note || s->note->sh_size < head)
		return NULL;
	p = (void *)s->note->sh_addr;
	memcpy(&n, p, sizeof(n));
	if (n.n_type != type || n.n_namesz != sizeof(owner) ||
	    memcmp(p + sizeof(n), owner, sizeof(owner)) || n.n_descsz > s->note->sh_size - head)
		return NULL;
	*size = n.n_descsz;
	return p + head;
}

static enum btf_status btf_status_of(int err)
{
	switch (err) {
	case -ENOMEM:
		return BTF_NO_MEMORY;
	case -ENOSPC:
		return BTF_NO_ID;
	case -EEXIST:
		return BTF_NAME_CLASH;
	case -ENODATA:
		return BTF_NO_VMLINUX_BTF;
	case -ESTALE:
		return BTF_RELOCATION;
	case -EINVAL:
	case -ENOENT:
	case -ELOOP:
	case -ERANGE:
		return BTF_INVALID;
	default:
		return BTF_UNSUPPORTED;
	}
}

/* Return false for an empty section, and for a header that says that there are no types; what
 * is malformed is for btf_parse_module().
 */
static bool btf_has_types(const Elf_Shdr *shdr)
{
	struct btf_header hdr;

	if (shdr->sh_size < offsetofend(struct btf_header, type_len))
		return shdr->sh_size;
	memcpy(&hdr, (void *)shdr->sh_addr, offsetofend(struct btf_header, type_len));
	return hdr.type_len || hdr.magic != BTF_MAGIC || hdr.version != BTF_VERSION;
}

static enum btf_status btf_decide(struct module *mod, const struct btf_sections *s, bool quiet)
{
	const u8 *id, *running;
	struct btf *btf;
	u32 size = 0;
	bool own;
	int err;

	if (!s->btf)
		return BTF_NONE;
	if (s->bad)
		return BTF_INVALID;
	if (!btf_has_types(s->btf))
		return BTF_NONE;

	running = btf_vmlinux_id();
	if (IS_ERR(running))
		return btf_status_of(PTR_ERR(running));
	id = find_btf_note(s, s->base ? LINUX_ELFNOTE_BTF_DISTILLED_ID :
					LINUX_ELFNOTE_BTF_BASE_ID, &size);
	if (id && size < BTF_BASE_ID_SIZE)
		id = NULL;
	own = id && !memcmp(id, running, BTF_BASE_ID_SIZE);
	if (!own && !s->base) {
		if (!id)
			return BTF_UNSTAMPED;
		pr_debug("module [%s] BTF: built with base %*phN, this is %*phN\n",
			 mod->name, BTF_BASE_ID_SIZE, id, BTF_BASE_ID_SIZE, running);
		return BTF_BASE_CHANGED;
	}

	btf = btf_parse_module(mod->name, (void *)s->btf->sh_addr, s->btf->sh_size,
			       s->base ? (void *)s->base->sh_addr : NULL,
			       s->base ? s->base->sh_size : 0, quiet);
	if (IS_ERR(btf))
		return btf_status_of(PTR_ERR(btf));
	err = s->base ? module_btf_relocate_ids(mod, s->ids, btf, id, size) : 0;
	if (!err)
		err = btf_module_add(mod, btf);
	if (err) {
		btf_put(btf);
		return btf_status_of(err);
	}
	return own ? BTF_NATIVE : BTF_RELOCATED;
}

/**
 * module_btf_load() - use the BTF of a module, or drop it
 * @mod: the module, relocated and not yet sealed or run
 * @info: its temporary copy
 *
 * Afterwards BPF sees the types of @mod, or nothing of its BTF is left and all of
 * .BTF_ids is zero.
 *
 * Return: 0, or in strict mode a negative error if there is BTF that cannot be used.
 */
int module_btf_load(struct module *mod, const struct load_info *info)
{
	bool lenient = READ_ONCE(btf_lenient);
	struct btf_sections s;
	const char *why;
	int err;

	find_btf_sections(info, &s);
	mod->btf_status = btf_decide(mod, &s, lenient);
	if (mod->btf_status == BTF_NATIVE || mod->btf_status == BTF_RELOCATED)
		return 0;

	if (s.ids)
		module_btf_clear_ids(info);
	why = btf_statuses[mod->btf_status].name;
	err = btf_statuses[mod->btf_status].err;
	if (!err)
		return 0;
	if (!lenient) {
		pr_warn("failed to validate module [%s] BTF: %d (%s)\n", mod->name, err, why);
		return err;
	}
	pr_warn_ratelimited("module [%s] loads without BTF (%s)\n", mod->name, why);
	return 0;
}

static ssize_t show_btf(const struct module_attribute *mattr, struct module_kobject *mk,
			char *buf)
{
	enum btf_status status = mk->mod->btf_status;

	return sysfs_emit(buf, "%s%s\n", btf_statuses[status].err ? "dropped:" : "",
			  btf_statuses[status].name);
}

const struct module_attribute modinfo_btf = __ATTR(btf, 0444, show_btf, NULL);
