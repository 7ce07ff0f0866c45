// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tools/lib/bpf/btf_relocate.c, which is part of the kernel, needs besides
 * kernel.h: somebody who hears its complaints, and names of kinds.
 */

#include <stdarg.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* The first complaint of this thread */
static __thread char *said;

void modbtf_warn(const char *fmt, ...)
{
	char *line, *start;
	va_list args;

	va_start(args, fmt);
	if (!said) {
		line = xvasprintf(fmt, args);
		/* behind the name of the module */
		start = strstr(line, "BTF: ");
		start += strlen("BTF: ");
		/* with a name in it, which has no limit */
		said = xasprintf("%.*s", (int)strnlen(start, 2 * NAME_LEN), start);
		said[strcspn(said, "\n")] = 0;
		xfree(line);
	}
	va_end(args);
}

/* As libbpf has it, which does not export it */
const char *btf_kind_str(const struct btf_type *t)
{
	static const char *const names[] = {
		"void", "int", "ptr", "array", "struct", "union", "enum", "fwd", "typedef",
		"volatile", "const", "restrict", "func", "func_proto", "var", "datasec", "float",
		"decl_tag", "type_tag", "enum64",
	};

	_Static_assert(sizeof(names) / sizeof(*names) == NR_BTF_KINDS, "a kind has no name");
	return btf_kind(t) < NR_BTF_KINDS ? names[btf_kind(t)] : "unknown";
}

void btf_set_base_btf(struct btf *btf, const struct btf *base)
{
	btf->base_btf = (struct btf *)base;
	btf->start_id = btf_nr_types(base);
	btf->start_str_off = base->hdr.str_len;
}

int relocate(struct btf *btf, const struct btf *base, char **why)
{
	int err;

	said = NULL;
	err = btf_relocate(btf, base, NULL);
	*why = said;
	/* no verdict */
	if (err == -ENOMEM)
		give_up("out of memory");
	return err;
}
