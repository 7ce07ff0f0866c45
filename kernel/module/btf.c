// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Module BTF: is it used, dropped, or a reason to refuse the module?
 *
 * BTF of a module is numbered after the BTF of the vmlinux it was built with,
 * and is wrong on any other.  It is used only if it carries the base id of the
 * running kernel, or a distilled base that can be relocated onto it.
 */

#include <linux/btf.h>
#include <linux/btf_module.h>
#include <linux/elf.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include "internal.h"

enum btf_status {
	BTF_NONE,
	BTF_NATIVE,
	BTF_RELOCATED,
	/* from here on it is not used */
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
	int err;		/* of a strict load */
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

static bool btf_lenient __read_mostly = IS_ENABLED(CONFIG_MODULE_ALLOW_BTF_MISMATCH);

static const char * const btf_modes[] = { "strict", "lenient" };

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

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "module."

module_param_cb(btf_mismatch, &btf_mode_ops, NULL, 0644);
MODULE_PARM_DESC(btf_mismatch, "Module whose BTF cannot be used: strict refuses it, lenient loads it without BTF");

/* What the section headers of a module say about its BTF */
struct btf_sections {
	const Elf_Shdr *split;	/* .BTF, or NULL */
	const Elf_Shdr *base;	/* .BTF.base, or NULL */
	bool bad;		/* there are two, or one without data in the file */
	const u8 *id;		/* base id of split BTF, or NULL */
};

/* Find the base id among the notes of one section */
static const u8 *find_base_id(const void *notes, size_t size)
{
	const struct elf_note *n;
	size_t len;

	while (size >= sizeof(*n)) {
		n = notes;
		size -= sizeof(*n);
		/* either may be anything up to U32_MAX */
		if (n->n_namesz > size || n->n_descsz > size)
			return NULL;
		len = ALIGN((size_t)n->n_namesz, 4) + ALIGN((size_t)n->n_descsz, 4);
		if (len > size)
			return NULL;

		notes += sizeof(*n);
		if (n->n_type == LINUX_ELFNOTE_BTF_BASE_ID &&
		    n->n_namesz == sizeof("Linux") && !memcmp(notes, "Linux", sizeof("Linux")) &&
		    n->n_descsz == BTF_BASE_ID_SIZE) {
			const u8 *id = notes + ALIGN(sizeof("Linux"), 4);

			return memchr_inv(id, 0, BTF_BASE_ID_SIZE) ? id : NULL;
		}
		notes += len;
		size -= len;
	}
	return NULL;
}

static void find_btf_sections(const struct load_info *info, struct btf_sections *s)
{
	const Elf_Shdr *shdr, *end = info->sechdrs + info->hdr->e_shnum, **found;
	const char *name;

	for (shdr = info->sechdrs + 1; shdr < end; shdr++) {
		/* nobody has looked at the name and the size of such a section */
		if (shdr->sh_type == SHT_NULL)
			continue;
		if (shdr->sh_type == SHT_NOTE) {
			if (!s->id && IS_ALIGNED(shdr->sh_offset, 4))
				s->id = find_base_id((void *)info->hdr + shdr->sh_offset,
						     shdr->sh_size);
			continue;
		}

		name = info->secstrings + shdr->sh_name;
		/* all but a few are done with here, without a call */
		if (name[0] != '.' || name[1] != 'B')
			continue;
		if (!strcmp(name, ".BTF"))
			found = &s->split;
		else if (!strcmp(name, ".BTF.base"))
			found = &s->base;
		else
			continue;
		if (*found || (shdr->sh_type == SHT_NOBITS && shdr->sh_size))
			s->bad = true;
		*found = shdr;
	}
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
	case -EOPNOTSUPP:
		return BTF_UNSUPPORTED;
	default:
		return BTF_INVALID;
	}
}

static enum btf_status btf_decide(struct module *mod, const struct load_info *info,
				  bool quiet)
{
	struct btf_sections s = {};
	const Elf_Shdr *base;
	const u8 *running;
	struct btf *btf;
	int err;

	find_btf_sections(info, &s);
	if (!s.split || (!s.bad && !s.split->sh_size))
		return BTF_NONE;
	if (s.bad || (s.base && !s.base->sh_size))
		return BTF_INVALID;

	if (!s.base) {
		running = btf_vmlinux_id();
		if (!running)
			return BTF_NO_VMLINUX_BTF;
		if (!s.id)
			return BTF_UNSTAMPED;
		if (memcmp(s.id, running, BTF_BASE_ID_SIZE)) {
			pr_debug("module [%s] BTF: built against base %*phN, this is %*phN\n",
				 mod->name, BTF_BASE_ID_SIZE, s.id,
				 BTF_BASE_ID_SIZE, running);
			return BTF_BASE_CHANGED;
		}
	}

	base = s.base;
	btf = btf_parse_module(mod->name, (void *)s.split->sh_addr, s.split->sh_size,
			       base ? (void *)base->sh_addr : NULL, base ? base->sh_size : 0,
			       quiet);
	if (IS_ERR(btf))
		return btf_status_of(PTR_ERR(btf));
	err = btf_module_add(mod, btf);
	if (err) {
		btf_put(btf);
		return btf_status_of(err);
	}
	return base ? BTF_RELOCATED : BTF_NATIVE;
}

/**
 * module_btf_load() - use the BTF of a module, or drop it
 * @mod: the module, relocated and not yet sealed or run
 * @info: its temporary copy
 *
 * Afterwards BPF sees the types of @mod, or nothing of its BTF is left.
 *
 * Return: 0, or in strict mode a negative error if there is BTF that cannot
 * be used.
 */
int module_btf_load(struct module *mod, const struct load_info *info)
{
	bool lenient = READ_ONCE(btf_lenient);
	enum btf_status status = btf_decide(mod, info, lenient);
	const char *why = btf_statuses[status].name;
	int err = btf_statuses[status].err;

	/* Where its size was: struct module is ABI, and may not grow. */
	mod->btf_data_size = status;
	if (!err)
		return 0;

	if (!lenient) {
		pr_warn("failed to validate module [%s] BTF: %d (%s)\n", mod->name, err, why);
		return err;
	}
	pr_warn_ratelimited("module [%s] loads without BTF (%s): BPF cannot see its types, kfuncs or struct_ops\n",
			    mod->name, why);
	return 0;
}

/**
 * module_btf_show() - say what became of the BTF of a module
 * @mod: a module that has been loaded
 * @buf: a page of sysfs
 *
 * Return: number of bytes written to @buf.
 */
ssize_t module_btf_show(const struct module *mod, char *buf)
{
	enum btf_status status = mod->btf_data_size;

	return sysfs_emit(buf, "%s%s\n", btf_statuses[status].err ? "dropped:" : "",
			  btf_statuses[status].name);
}
