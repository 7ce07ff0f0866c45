// SPDX-License-Identifier: GPL-2.0-only
/*
 * BTF of a module, read with the base it was built with and with another: which names
 * and references become something else, and what they would be taken for, in words.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* Nameless types in one another, and how many in all; more are not looked at */
#define MAX_DEPTH 24
#define MAX_STEPS 10000

struct compare {
	const struct btf *a, *b;	/* as built, as loaded */
	unsigned int max;
	unsigned long nr;
	unsigned int steps;
	struct strings *words;
};

static const char *name_of(const struct btf *btf, u32 off)
{
	return btf_str(btf, off) ?: "";
}

static bool has_size(const struct btf_type *t)
{
	return btf_is_composite(t) || btf_is_any_enum(t) || btf_is_int(t) || btf_is_float(t) ||
	       btf_is_datasec(t);
}

/* Are these the same by kind, name and size; nameless ones by what they are made of? */
static bool same_type(struct compare *c, u32 a, u32 b, int depth)
{
	const struct btf_type *ta = btf_type_by_id(c->a, a), *tb = btf_type_by_id(c->b, b);
	const struct btf_param *pa, *pb;
	u32 i, n;

	if (!ta || !tb)
		return !ta && !tb;
	if (depth > MAX_DEPTH || !c->steps)
		return true;
	c->steps--;
	if (btf_kind(ta) != btf_kind(tb) ||
	    strcmp(name_of(c->a, ta->name_off), name_of(c->b, tb->name_off)) ||
	    (has_size(ta) && ta->size != tb->size))
		return false;
	if (btf_type_is_func(ta) || btf_type_is_ptr(ta) || btf_is_mod(ta))
		return same_type(c, ta->type, tb->type, depth + 1);
	n = btf_type_vlen(ta);
	if (btf_type_is_func_proto(ta)) {
		if (n != btf_type_vlen(tb) || !same_type(c, ta->type, tb->type, depth + 1))
			return false;
		pa = btf_params(ta);
		pb = btf_params(tb);
		for (i = 0; i < n; i++)
			if (!same_type(c, pa[i].type, pb[i].type, depth + 1))
				return false;
	}
	if (btf_type_is_array(ta))
		return btf_array(ta)->nelems == btf_array(tb)->nelems &&
		       same_type(c, btf_array(ta)->type, btf_array(tb)->type, depth + 1);
	if (btf_type_is_struct(ta) && !ta->name_off) {
		if (n != btf_type_vlen(tb))
			return false;
		for (i = 0; i < n; i++)
			if (strcmp(name_of(c->a, btf_members(ta)[i].name_off),
				   name_of(c->b, btf_members(tb)[i].name_off)))
				return false;
	}
	return true;
}

static bool same(struct compare *c, u32 id)
{
	c->steps = MAX_STEPS;
	return same_type(c, id, id, 0);
}

/* Type @id in the words of C, for free() */
static char *words_for(const struct btf *btf, u32 id, int depth)
{
	static const char * const kinds[NR_BTF_KINDS] = {
		[BTF_KIND_STRUCT] = "struct", [BTF_KIND_UNION] = "union",
		[BTF_KIND_ENUM] = "enum", [BTF_KIND_ENUM64] = "enum",
		[BTF_KIND_FUNC] = "function", [BTF_KIND_VAR] = "variable",
		[BTF_KIND_DATASEC] = "section", [BTF_KIND_DECL_TAG] = "declaration tag",
	};
	const struct btf_type *t = btf_type_by_id(btf, id);
	const char *name, *prefix = "", *star;
	char *of, *s;

	if (!t)
		return xasprintf("a type that does not exist [%u]", id);
	if (depth > MAX_DEPTH)
		return xstrdup("...");
	name = name_of(btf, t->name_off);
	switch (btf_kind(t)) {
	case BTF_KIND_UNKN:
		return xstrdup("void");
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPEDEF:
		return xstrdup(name);
	case BTF_KIND_FWD:
		return xasprintf("%s %s", btf_kflag(t) ? "union" : "struct", name);
	case BTF_KIND_FUNC_PROTO:
		return xasprintf("function with %u argument%s", btf_type_vlen(t),
				 btf_type_vlen(t) == 1 ? "" : "s");
	case BTF_KIND_PTR:
		of = words_for(btf, t->type, depth + 1);
		star = *of && of[strlen(of) - 1] == '*' ? "*" : " *";
		s = xasprintf("%s%s", of, star);
		free(of);
		return s;
	case BTF_KIND_ARRAY:
		of = words_for(btf, btf_array(t)->type, depth + 1);
		s = xasprintf("%s[%u]", of, btf_array(t)->nelems);
		free(of);
		return s;
	case BTF_KIND_CONST:
		prefix = "const ";
		fallthrough;
	case BTF_KIND_VOLATILE:
		if (!*prefix)
			prefix = "volatile ";
		fallthrough;
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		of = words_for(btf, t->type, depth + 1);
		s = xasprintf("%s%s", prefix, of);
		free(of);
		return s;
	default:
		prefix = kinds[btf_kind(t)] ?: "type";
		return *name ? xasprintf("%s %s", prefix, name) : xasprintf("nameless %s", prefix);
	}
}

/* One that reads as something else.  @where: of what, as for printf() */
static void __printf(3, 4)
differ(struct compare *c, u32 id, const char *where, ...)
{
	char *place, *from, *to;
	va_list args;

	c->nr++;
	if (c->words->nr >= c->max)
		return;
	va_start(args, where);
	if (vasprintf(&place, where, args) < 0)
		place = NULL;
	va_end(args);
	from = words_for(c->a, id, 0);
	to = words_for(c->b, id, 0);
	if (strcmp(from, to))
		strings_add(c->words, xasprintf("%s: %s would read as %s", place ?: "", from, to));
	else
		strings_add(c->words, xasprintf("%s: %s would read as another %s", place ?: "",
						from, to));
	free(place);
	free(from);
	free(to);
}

static void compare_name(struct compare *c, u32 off, u32 id)
{
	const char *a = name_of(c->a, off), *b = name_of(c->b, off);

	if (!strcmp(a, b))
		return;
	c->nr++;
	if (c->words->nr < c->max)
		strings_add(c->words, xasprintf("type %u: the name `%s` would read as `%s`",
						id, a, b));
}

static void compare_ref(struct compare *c, const char *kind, const char *name, u32 id)
{
	if (!same(c, id))
		differ(c, id, "%s `%s`", kind, name);
}

static void compare_proto(struct compare *c, const char *name, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	unsigned long nr = c->nr;
	u32 i;

	if (!same(c, t->type))
		differ(c, t->type, "`%s` return value", name);
	for (i = 0; i < btf_type_vlen(t); i++) {
		if (!same(c, p[i].type))
			differ(c, p[i].type, "`%s` argument %u", name, i);
	}
	/* they are counted where the prototype is, which has no name to say */
	c->nr = nr;
}

static void compare_members(struct compare *c, const char *name, const struct btf_type *t, u32 id)
{
	const struct btf_member *m = btf_members(t);
	u32 i;

	for (i = 0; i < btf_type_vlen(t); i++) {
		compare_name(c, m[i].name_off, id);
		if (!same(c, m[i].type))
			differ(c, m[i].type, "`%s` member `%s`", *name ? name : "(nameless)",
			       name_of(c->a, m[i].name_off));
	}
}

/* @t is type @id of those of the module */
static void compare_type(struct compare *c, const struct btf_type *t, u32 id)
{
	const char *name = name_of(c->a, t->name_off);
	const struct btf_type *to;
	u32 i;

	compare_name(c, t->name_off, id);
	switch (btf_kind(t)) {
	case BTF_KIND_FUNC:
		to = btf_type_by_id(c->a, t->type);
		/* if it is the module's own and has not moved, look at what it says */
		if (to && t->type >= c->a->start_id && c->a->start_id == c->b->start_id &&
		    btf_type_is_func_proto(to))
			compare_proto(c, name, to);
		else if (!same(c, t->type))
			differ(c, t->type, "`%s` prototype", name);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		compare_members(c, name, t, id);
		break;
	case BTF_KIND_TYPEDEF:
		compare_ref(c, "typedef", name, t->type);
		break;
	case BTF_KIND_VAR:
		compare_ref(c, "variable", name, t->type);
		break;
	case BTF_KIND_DECL_TAG:
		compare_ref(c, "tag", name, t->type);
		break;
	case BTF_KIND_PTR:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		if (!same(c, t->type))
			differ(c, t->type, "type %u", id);
		break;
	case BTF_KIND_ARRAY:
		if (!same(c, btf_array(t)->type))
			differ(c, btf_array(t)->type, "array %u", id);
		break;
	case BTF_KIND_DATASEC:
		for (i = 0; i < btf_type_vlen(t); i++)
			compare_ref(c, "section", name, btf_var_secinfos(t)[i].type);
		break;
	case BTF_KIND_FUNC_PROTO:
		if (!same(c, t->type))
			c->nr++;
		for (i = 0; i < btf_type_vlen(t); i++) {
			compare_name(c, btf_params(t)[i].name_off, id);
			if (!same(c, btf_params(t)[i].type))
				c->nr++;
		}
		break;
	}
}

unsigned long compare(const struct btf *built, const struct btf *loaded, unsigned int max,
		      struct strings *words)
{
	struct compare c = { .a = built, .b = loaded, .max = max, .words = words };
	u32 i, pass, nr = built->nr_types;

	/* functions first: they are what is attached to */
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < nr; i++)
			if (btf_type_is_func(built->types[i]) == !pass)
				compare_type(&c, built->types[i], built->start_id + i);
	return c.nr;
}
