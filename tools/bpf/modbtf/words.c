// SPDX-License-Identifier: GPL-2.0-only
/* Types in the words of C.  What is said is short: the rest of a long one is "..." */

#include <ctype.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* Types in one another, and parameters beside one another, that are said */
#define MAX_TYPES	24
#define MAX_PARAMS	8

/* No name is printed longer; the kernel takes none that is */
#define NAME		"%.511s"

struct words {
	const struct btf *btf;
	unsigned int left;	/* types that may still be said */
};

/* @s around @inner, which is freed; @fmt has a %s for it */
static char *__printf(2, 0) wrap(char *inner, const char *fmt)
{
	char *s = xasprintf(fmt, inner);

	xfree(inner);
	return s;
}

/* Type @id without the qualifiers that C writes elsewhere */
static const struct btf_type *unqualified(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_by_id(btf, id);
	int i;

	for (i = 0; i < MAX_TYPES && t && btf_type_is_modifier(t) && !btf_type_is_typedef(t); i++)
		t = btf_type_by_id(btf, t->type);
	return t;
}

static char *declare(struct words *w, u32 id, char *inner);

/* Behind the name, or what stands for it, of a function */
static char *params(struct words *w, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	u32 i, nr = btf_type_vlen(t);
	char *list = xstrdup(nr ? "" : "void"), *one, *both;

	for (i = 0; i < nr; i++) {
		bool rest = i == MAX_PARAMS || !w->left || (i && i == nr - 1 && !p[i].type);

		one = rest ? xstrdup("...") : declare(w, p[i].type, xstrdup(""));
		both = xasprintf("%s%s%s", list, i ? ", " : "", one);
		xfree(list);
		xfree(one);
		list = both;
		if (rest)
			break;
	}
	return list;
}

/* What a declaration of type @t begins with, for xfree() */
static char *specifier(const struct btf *btf, const struct btf_type *t)
{
	static const char * const kinds[NR_BTF_KINDS] = {
		[BTF_KIND_STRUCT] = "struct", [BTF_KIND_UNION] = "union",
		[BTF_KIND_ENUM] = "enum", [BTF_KIND_ENUM64] = "enum",
		[BTF_KIND_FUNC] = "function", [BTF_KIND_VAR] = "variable",
		[BTF_KIND_DATASEC] = "section", [BTF_KIND_DECL_TAG] = "declaration tag",
	};
	const char *name = btf_str(btf, t->name_off) ?: "", *kind = kinds[btf_kind(t)] ?: "type";

	switch (btf_kind(t)) {
	case BTF_KIND_UNKN:
		return xstrdup("void");
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPEDEF:
		return xasprintf(NAME, name);
	case BTF_KIND_FWD:
		return xasprintf("%s " NAME, btf_kflag(t) ? "union" : "struct", name);
	}
	return *name ? xasprintf("%s " NAME, kind, name) : xasprintf("nameless %s", kind);
}

/* A pointer to what is declared as @inner, which is freed */
static char *pointer(struct words *w, const struct btf_type *t, char *inner)
{
	const struct btf_type *to = unqualified(w->btf, t->type);

	inner = wrap(inner, isalpha((unsigned char)*inner) ? "* %s" : "*%s");
	if (to && (btf_type_is_array(to) || btf_type_is_func_proto(to)))
		inner = wrap(inner, "(%s)");
	return declare(w, t->type, inner);
}

/* @what: const and the like.  That of a pointer stands behind the star */
static char *qualified(struct words *w, const struct btf_type *t, const char *what, char *inner)
{
	const struct btf_type *to = unqualified(w->btf, t->type);
	bool behind = to && btf_type_is_ptr(to);
	char *s = behind ? inner : declare(w, t->type, inner);
	char *both = xasprintf("%s%s%s", what, *s ? " " : "", s);

	xfree(s);
	return behind ? declare(w, t->type, both) : both;
}

/* A declaration of @inner, which is freed, as of type @id */
static char *declare(struct words *w, u32 id, char *inner)
{
	const struct btf_type *t = btf_type_by_id(w->btf, id);
	char *first, *s;

	if (t && w->left) {
		w->left--;
		switch (btf_kind(t)) {
		case BTF_KIND_PTR:
			return pointer(w, t, inner);
		case BTF_KIND_CONST:
			return qualified(w, t, "const", inner);
		case BTF_KIND_VOLATILE:
			return qualified(w, t, "volatile", inner);
		case BTF_KIND_RESTRICT:
			return qualified(w, t, "restrict", inner);
		case BTF_KIND_TYPE_TAG:
			return declare(w, t->type, inner);
		case BTF_KIND_ARRAY:
			s = xasprintf("%s[%u]", inner, btf_array(t)->nelems);
			xfree(inner);
			return declare(w, btf_array(t)->type, s);
		case BTF_KIND_FUNC_PROTO:
			first = params(w, t);
			s = xasprintf("%s(%s)", inner, first);
			xfree(first);
			xfree(inner);
			return declare(w, t->type, s);
		}
		first = specifier(w->btf, t);
	} else {
		first = t ? xstrdup("...") : xasprintf("a type that does not exist [%u]", id);
	}
	s = xasprintf("%s%s%s", first, *inner && *inner != '[' ? " " : "", inner);
	xfree(first);
	xfree(inner);
	return s;
}

char *type_words(const struct btf *btf, u32 id)
{
	struct words w = { .btf = btf, .left = MAX_TYPES };

	return declare(&w, id, xstrdup(""));
}
