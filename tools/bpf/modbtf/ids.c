// SPDX-License-Identifier: GPL-2.0-only
/*
 * .BTF_ids, as far as symbols say what is in it: __BTF_ID__KIND__NAME__NUMBER is the id of a type
 * that the module asks for, which resolve_btfids fills in.
 */

#include <string.h>
#include "kernel.h"
#include "modbtf.h"

bool id_name(struct id_name *out, const struct id_sym *sym)
{
	static const struct {
		const char *prefix;
		u32 kind;
	} kinds[] = {
		{ "struct__", BTF_KIND_STRUCT }, { "union__", BTF_KIND_UNION },
		{ "typedef__", BTF_KIND_TYPEDEF }, { "func__", BTF_KIND_FUNC },
	};
	const char *name, *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(sym->name, kinds[i].prefix, strlen(kinds[i].prefix)))
			break;
	if (i == ARRAY_SIZE(kinds))
		return false;
	name = sym->name + strlen(kinds[i].prefix);
	/* the last "__" is followed by a number */
	for (end = name + strnlen(name, 2 * NAME_LEN); end > name; end--)
		if (end[0] == '_' && end[-1] == '_')
			break;
	if (end <= name + 1)
		return false;
	*out = (struct id_name){ kinds[i].kind, name, end - 1 - name };
	return true;
}

static bool is_named(const struct btf *btf, u32 id, const struct id_name *name)
{
	const struct btf_type *t = btf_type_by_id(btf, id);
	const char *s = t && btf_kind(t) == name->kind ? btf_str(btf, t->name_off) : NULL;

	return s && !strncmp(s, name->name, name->len) && !s[name->len];
}

/* Slots of a set are sorted by id when they are filled in: each may have any id of the set */
static bool is_of_set(const struct module *m, const struct btf *btf, u32 id, const char *set)
{
	const struct id_sym *sym = m->id_syms.sym, *end = sym + m->id_syms.nr;
	struct id_name name;

	for (; sym < end; sym++) {
		tick();
		if (sym->set == set && id_name(&name, sym) && is_named(btf, id, &name))
			return true;
	}
	return false;
}

unsigned long ids_wrong(const struct module *m, const struct btf *btf, char **first)
{
	const struct id_sym *sym = m->id_syms.sym, *end = sym + m->id_syms.nr;
	unsigned long nr = 0;
	struct id_name name;
	u32 id;
	char *is;

	*first = NULL;
	for (; sym < end; sym++) {
		tick();
		id = module_word(m, sym->data);
		/* 0: the build has not found it */
		if (!id || !id_name(&name, sym) || is_named(btf, id, &name) ||
		    (sym->set && is_of_set(m, btf, id, sym->set)))
			continue;
		if (nr++)
			continue;
		is = type_words(btf, id);
		*first = sym->set ? xasprintf("an id of its set %.511s in .BTF_ids is that of %s",
					      sym->set, is) :
				    xasprintf("its id of %.*s in .BTF_ids is that of %s",
					      name.len, name.name, is);
		xfree(is);
	}
	return nr;
}

bool ids_in_lists(const struct module *m)
{
	const struct id_sym *sym = m->id_syms.sym, *end = sym + m->id_syms.nr;
	struct id_name name;

	for (; sym < end; sym++)
		if (!sym->set && id_name(&name, sym) && module_word(m, sym->data))
			return true;
	return false;
}
