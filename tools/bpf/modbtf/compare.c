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

/* Types in one another that are compared, and that are said in words */
#define MAX_DEPTH	1000
#define MAX_WORDS	24
/* Pairs of ids that are remembered; a power of two */
#define NR_PAIRS	4096

/* No name is printed longer; the kernel takes none that is */
#define NAME		"%.511s"

enum known { UNKNOWN, SAME, DIFFERENT, ASSUMED };

struct pair {
	u32 a, b;
	enum known known;
};

struct compare {
	const struct btf *a, *b;	/* as built, as loaded */
	unsigned int max;
	unsigned long nr;
	struct strings *words;
	/* enum known by id, of types that have the same id in both: those of the bases,
	 * from compare_bases(), and the others
	 */
	u8 *base, *own;
	u32 nr_base;
	struct pair *pairs;		/* that have not */
	struct pair *assumed;		/* to be the same, in this comparison */
	u32 nr_assumed, room;
};

static const char *name_of(const struct btf *btf, u32 off)
{
	return btf_str(btf, off) ?: "";
}

static bool same_name(const struct compare *c, u32 a, u32 b)
{
	return !strncmp(name_of(c->a, a), name_of(c->b, b), NAME_LEN);
}

static bool has_size(const struct btf_type *t)
{
	return btf_is_composite(t) || btf_is_any_enum(t) || btf_is_int(t) || btf_is_float(t) ||
	       btf_is_datasec(t);
}

/* Where it is remembered whether @a and @b are the same */
static u8 *known_id(const struct compare *c, u32 id)
{
	return id < c->nr_base ? c->base + id : c->own + (id - c->nr_base);
}

static struct pair *known_pair(const struct compare *c, u32 a, u32 b)
{
	return c->pairs + ((a * 31 + b) & (NR_PAIRS - 1));
}

static enum known recall(const struct compare *c, u32 a, u32 b)
{
	const struct pair *p = known_pair(c, a, b);

	if (a == b)
		return *known_id(c, a);
	return p->a == a && p->b == b ? p->known : UNKNOWN;
}

static void remember(struct compare *c, u32 a, u32 b, enum known known)
{
	if (a == b)
		*known_id(c, a) = known;
	else
		*known_pair(c, a, b) = (struct pair){ a, b, known };
}

static bool same_type(struct compare *c, u32 a, u32 b, int depth);

static bool same_proto(struct compare *c, const struct btf_type *a, const struct btf_type *b,
		       int depth)
{
	const struct btf_param *pa = btf_params(a), *pb = btf_params(b);
	u32 i;

	if (btf_type_vlen(a) != btf_type_vlen(b) || !same_type(c, a->type, b->type, depth + 1))
		return false;
	for (i = 0; i < btf_type_vlen(a); i++)
		if (!same_type(c, pa[i].type, pb[i].type, depth + 1))
			return false;
	return true;
}

/* Of nameless structs and enums: these begin with the name, too */
static bool same_members(struct compare *c, const struct btf_type *a, const struct btf_type *b)
{
	const void *ma = a + 1, *mb = b + 1;
	size_t each = btf_type_is_struct(a) ? sizeof(struct btf_member) :
		      btf_kind(a) == BTF_KIND_ENUM ? sizeof(struct btf_enum) :
						     sizeof(struct btf_enum64);
	u32 i;

	if (btf_type_vlen(a) != btf_type_vlen(b))
		return false;
	for (i = 0; i < btf_type_vlen(a); i++, ma += each, mb += each) {
		tick();
		if (!same_name(c, *(const u32 *)ma, *(const u32 *)mb))
			return false;
	}
	return true;
}

/* What same_type() remembers, found out */
static bool compare_pair(struct compare *c, const struct btf_type *a, const struct btf_type *b,
			 int depth)
{
	if (btf_kind(a) != btf_kind(b) || !same_name(c, a->name_off, b->name_off) ||
	    (has_size(a) && a->size != b->size))
		return false;
	if (btf_type_is_func(a) || btf_type_is_ptr(a) || btf_type_is_modifier(a) ||
	    btf_type_is_var(a))
		return same_type(c, a->type, b->type, depth + 1);
	if (btf_type_is_func_proto(a))
		return same_proto(c, a, b, depth);
	if (btf_type_is_array(a))
		return btf_array(a)->nelems == btf_array(b)->nelems &&
		       same_type(c, btf_array(a)->type, btf_array(b)->type, depth + 1);
	if ((btf_type_is_struct(a) || btf_is_any_enum(a)) && !a->name_off)
		return same_members(c, a, b);
	return true;
}

static void assume(struct compare *c, u32 a, u32 b)
{
	remember(c, a, b, ASSUMED);
	if (c->nr_assumed == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		c->assumed = xrealloc(c->assumed, c->room * sizeof(*c->assumed));
	}
	c->assumed[c->nr_assumed++] = (struct pair){ a, b, ASSUMED };
}

/* Are these the same by kind, name and size; nameless ones and typedefs by what they
 * are made of?  Types can lead to themselves: while a pair is compared, it counts as the
 * same, and if nothing speaks against the first of all pairs, all of them are.
 */
static bool same_type(struct compare *c, u32 a, u32 b, int depth)
{
	const struct btf_type *ta = btf_type_by_id(c->a, a), *tb = btf_type_by_id(c->b, b);
	enum known known;

	if (!ta || !tb)
		return !ta && !tb;
	tick();
	known = recall(c, a, b);
	if (known != UNKNOWN)
		return known != DIFFERENT;
	if (depth == MAX_DEPTH)
		give_up("more than %d types in one another", MAX_DEPTH);
	assume(c, a, b);
	if (compare_pair(c, ta, tb, depth))
		return true;
	remember(c, a, b, DIFFERENT);
	return false;
}

static bool same(struct compare *c, u32 id)
{
	bool same = same_type(c, id, id, 0);
	struct pair *p;

	while (c->nr_assumed) {
		p = c->assumed + --c->nr_assumed;
		if (same || recall(c, p->a, p->b) == ASSUMED)
			remember(c, p->a, p->b, same ? SAME : UNKNOWN);
	}
	return same;
}

/* Type @id in the words of C, for xfree() */
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
	if (depth > MAX_WORDS)
		return xstrdup("...");
	name = name_of(btf, t->name_off);
	switch (btf_kind(t)) {
	case BTF_KIND_UNKN:
		return xstrdup("void");
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPEDEF:
		return xasprintf(NAME, name);
	case BTF_KIND_FWD:
		return xasprintf("%s " NAME, btf_kflag(t) ? "union" : "struct", name);
	case BTF_KIND_FUNC_PROTO:
		return xasprintf("function with %u argument%s", btf_type_vlen(t),
				 btf_type_vlen(t) == 1 ? "" : "s");
	case BTF_KIND_PTR:
		of = words_for(btf, t->type, depth + 1);
		star = *of && of[strlen(of) - 1] == '*' ? "*" : " *";
		s = xasprintf("%s%s", of, star);
		xfree(of);
		return s;
	case BTF_KIND_ARRAY:
		of = words_for(btf, btf_array(t)->type, depth + 1);
		s = xasprintf("%s[%u]", of, btf_array(t)->nelems);
		xfree(of);
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
		xfree(of);
		return s;
	default:
		prefix = kinds[btf_kind(t)] ?: "type";
		if (!*name)
			return xasprintf("nameless %s", prefix);
		return xasprintf("%s " NAME, prefix, name);
	}
}

/* Two typedefs of one name: what they stand for, or NULL if this is none */
static char *typedef_words(const struct compare *c, u32 id, const char *place, const char *name)
{
	const struct btf_type *a = btf_type_by_id(c->a, id), *b = btf_type_by_id(c->b, id);
	char *from, *to, *text;
	int depth;

	for (depth = 0; depth < MAX_WORDS; depth++) {
		if (!a || !b || !btf_type_is_typedef(a) || !btf_type_is_typedef(b))
			return NULL;
		from = words_for(c->a, a->type, 0);
		to = words_for(c->b, b->type, 0);
		if (strcmp(from, to))
			break;
		xfree(from);
		xfree(to);
		a = btf_type_by_id(c->a, a->type);
		b = btf_type_by_id(c->b, b->type);
	}
	if (depth == MAX_WORDS)
		return NULL;
	text = xasprintf("%s: %s is %s, would be %s", place, name, from, to);
	xfree(from);
	xfree(to);
	return text;
}

/* One that reads as something else.  @where: of what, as for printf() */
static void __printf(3, 4)
differ(struct compare *c, u32 id, const char *where, ...)
{
	char *place, *from, *to, *text;
	va_list args;

	c->nr++;
	if (c->words->nr >= c->max)
		return;
	va_start(args, where);
	place = xvasprintf(where, args);
	va_end(args);
	from = words_for(c->a, id, 0);
	to = words_for(c->b, id, 0);
	if (strcmp(from, to))
		text = xasprintf("%s: %s would read as %s", place, from, to);
	else
		text = typedef_words(c, id, place, from) ?:
		       xasprintf("%s: %s would read as another %s", place, from, to);
	strings_add(c->words, text);
	xfree(place);
	xfree(from);
	xfree(to);
}

static void compare_name(struct compare *c, u32 off, u32 id)
{
	if (same_name(c, off, off))
		return;
	c->nr++;
	if (c->words->nr >= c->max)
		return;
	strings_add(c->words, xasprintf("type %u: the name `" NAME "` would read as `" NAME "`",
					id, name_of(c->a, off), name_of(c->b, off)));
}

static void compare_ref(struct compare *c, const char *kind, const char *name, u32 id)
{
	if (!same(c, id))
		differ(c, id, "%s `" NAME "`", kind, name);
}

/* Prototype @id of function @name, in words; it is counted where it stands itself */
static void compare_proto(struct compare *c, const char *name, u32 id)
{
	const struct btf_type *t = btf_type_by_id(c->a, id);
	const struct btf_param *p = btf_params(t);
	unsigned long nr = c->nr;
	u32 i;

	if (c->words->nr >= c->max || same(c, id))
		return;
	if (!same(c, t->type))
		differ(c, t->type, "`" NAME "` return value", name);
	for (i = 0; i < btf_type_vlen(t); i++) {
		if (!same(c, p[i].type))
			differ(c, p[i].type, "`" NAME "` argument %u", name, i);
	}
	c->nr = nr;
}

static void compare_members(struct compare *c, const char *name, const struct btf_type *t, u32 id)
{
	const struct btf_member *m = btf_members(t);
	u32 i;

	if (!*name)
		name = "(nameless)";
	for (i = 0; i < btf_type_vlen(t); i++) {
		compare_name(c, m[i].name_off, id);
		if (!same(c, m[i].type))
			differ(c, m[i].type, "`" NAME "` member `" NAME "`", name,
			       name_of(c->a, m[i].name_off));
	}
}

/* Enumerators begin with the name, of either size */
static void compare_enum(struct compare *c, const struct btf_type *t, u32 id)
{
	const void *e = t + 1;
	size_t each = btf_kind(t) == BTF_KIND_ENUM ? sizeof(struct btf_enum) :
						     sizeof(struct btf_enum64);
	u32 i;

	for (i = 0; i < btf_type_vlen(t); i++, e += each)
		compare_name(c, *(const u32 *)e, id);
}

/* @t is type @id of those of the module */
static void compare_type(struct compare *c, const struct btf_type *t, u32 id)
{
	const char *name = name_of(c->a, t->name_off);
	const struct btf_type *to;
	u32 i;

	tick();
	compare_name(c, t->name_off, id);
	switch (btf_kind(t)) {
	case BTF_KIND_FUNC:
		to = btf_type_by_id(c->a, t->type);
		/* if it is the module's own and has not moved, look at what it says */
		if (to && t->type >= c->a->start_id && c->a->start_id == c->b->start_id &&
		    btf_type_is_func_proto(to))
			compare_proto(c, name, t->type);
		else if (!same(c, t->type))
			differ(c, t->type, "`" NAME "` prototype", name);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		compare_members(c, name, t, id);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		compare_enum(c, t, id);
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

static struct compare new_compare(const struct btf *built, const struct btf *loaded)
{
	return (struct compare){
		.a = built, .b = loaded, .pairs = xcalloc(NR_PAIRS, sizeof(struct pair)),
	};
}

u8 *compare_bases(const struct btf *built, const struct btf *loaded)
{
	struct compare c = new_compare(built, loaded);
	u32 id;

	c.nr_base = min_t(u32, btf_nr_types(built), btf_nr_types(loaded));
	c.base = xcalloc(c.nr_base, 1);
	for (id = 0; id < c.nr_base; id++)
		same(&c, id);
	xfree(c.pairs);
	xfree(c.assumed);
	return c.base;
}

unsigned long compare(const struct btf *built, const struct btf *loaded, u8 *base,
		      unsigned int max, struct strings *words)
{
	struct compare c = new_compare(built, loaded);
	u32 i, pass, nr = built->nr_types;

	c.max = max;
	c.words = words;
	c.base = base;
	c.nr_base = min_t(u32, built->start_id, loaded->start_id);
	c.own = xcalloc(min_t(u32, btf_nr_types(built), btf_nr_types(loaded)) - c.nr_base, 1);
	/* functions first: they are what is attached to */
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < nr; i++)
			if (btf_type_is_func(built->types[i]) == !pass)
				compare_type(&c, built->types[i], built->start_id + i);
	xfree(c.own);
	xfree(c.pairs);
	xfree(c.assumed);
	return c.nr;
}
