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

/* Types in one another that are compared, and typedefs of one another that are said */
#define MAX_DEPTH	1000
#define MAX_TYPEDEFS	24
/* Pairs of ids that are remembered; a power of two */
#define NR_PAIRS	4096

/* No name is printed longer; the kernel takes none that is */
#define NAME		"%.511s"

/* How two types are compared: what a reference leads to in full, with its members; what those lead
 * to by what they name.  All of a kernel can be reached from anywhere: somebody has to stop.
 */
enum how { BY_NAME, IN_FULL, NR_JUDGED, LIKE = NR_JUDGED, NR_HOW };

enum known { UNKNOWN, SAME, DIFFERENT, ASSUMED };

struct match {
	u32 a, b;
	enum how how;
	enum known known;
};

struct compare {
	const struct btf *a, *b;	/* as built, as loaded */
	enum how members;		/* how types of members are compared */
	unsigned int max;
	unsigned long nr;
	struct strings *words;
	/* enum known by enum how and id, of types that have the same id in both: those of the
	 * bases, from compare_bases(), and the others
	 */
	u8 *base, *own;
	u32 nr_base, nr_own;
	struct match *pairs;		/* that have not */
	struct match *assumed;		/* to be the same, in this comparison */
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

/* Where it is remembered whether type @id is the same in both */
static u8 *known_id(const struct compare *c, u32 id, enum how how)
{
	return id < c->nr_base ? c->base + how * c->nr_base + id :
				 c->own + how * c->nr_own + (id - c->nr_base);
}

static struct match *known_pair(const struct compare *c, u32 a, u32 b, enum how how)
{
	return c->pairs + ((a * 31 + b * 2 + how) & (NR_PAIRS - 1));
}

static enum known recall(const struct compare *c, u32 a, u32 b, enum how how)
{
	const struct match *p = known_pair(c, a, b, how);

	if (a == b)
		return *known_id(c, a, how);
	return p->a == a && p->b == b && p->how == how ? p->known : UNKNOWN;
}

static void remember(struct compare *c, u32 a, u32 b, enum how how, enum known known)
{
	if (a == b)
		*known_id(c, a, how) = known;
	else
		*known_pair(c, a, b, how) = (struct match){ a, b, how, known };
}

static bool same_type(struct compare *c, u32 a, u32 b, enum how how, int depth);

static bool same_param(struct compare *c, const struct btf_param *a, const struct btf_param *b,
		       enum how how, int depth)
{
	return (how == BY_NAME || same_name(c, a->name_off, b->name_off)) &&
	       same_type(c, a->type, b->type, how, depth + 1);
}

static bool same_proto(struct compare *c, const struct btf_type *a, const struct btf_type *b,
		       enum how how, int depth)
{
	const struct btf_param *pa = btf_params(a), *pb = btf_params(b);
	u32 i;

	if (btf_type_vlen(a) != btf_type_vlen(b) || !same_type(c, a->type, b->type, how, depth + 1))
		return false;
	for (i = 0; i < btf_type_vlen(a); i++)
		if (!same_param(c, pa + i, pb + i, how, depth))
			return false;
	return true;
}

/* Member @i of two structs, at its place */
static bool same_member(struct compare *c, const struct btf_type *a, const struct btf_type *b,
			u32 i, int depth)
{
	const struct btf_member *ma = btf_members(a) + i, *mb = btf_members(b) + i;

	tick();
	return same_name(c, ma->name_off, mb->name_off) &&
	       __btf_member_bit_offset(a, ma) == __btf_member_bit_offset(b, mb) &&
	       __btf_member_bitfield_size(a, ma) == __btf_member_bitfield_size(b, mb) &&
	       same_type(c, ma->type, mb->type, c->members, depth + 1);
}

/* Enumerator @i of two enums of a kind */
static bool same_enumerator(struct compare *c, const struct btf_type *a, const struct btf_type *b,
			    u32 i)
{
	const struct btf_enum64 *la = btf_enum64(a) + i, *lb = btf_enum64(b) + i;
	const struct btf_enum *ea = btf_enum(a) + i, *eb = btf_enum(b) + i;

	tick();
	if (btf_kind(a) == BTF_KIND_ENUM)
		return same_name(c, ea->name_off, eb->name_off) && ea->val == eb->val;
	return same_name(c, la->name_off, lb->name_off) && la->val_lo32 == lb->val_lo32 &&
	       la->val_hi32 == lb->val_hi32;
}

/* The first member or enumerator that is not the same, or the number of them */
static u32 first_other(struct compare *c, const struct btf_type *a, const struct btf_type *b,
		       int depth)
{
	u32 i, nr = min_t(u32, btf_type_vlen(a), btf_type_vlen(b));

	for (i = 0; i < nr; i++)
		if (!(btf_type_is_struct(a) ? same_member(c, a, b, i, depth) :
					      same_enumerator(c, a, b, i)))
			break;
	return i;
}

static bool same_inside(struct compare *c, const struct btf_type *a, const struct btf_type *b,
			int depth)
{
	return btf_type_vlen(a) == btf_type_vlen(b) &&
	       first_other(c, a, b, depth) == btf_type_vlen(a);
}

static bool same_section(struct compare *c, const struct btf_type *a, const struct btf_type *b,
			 enum how how, int depth)
{
	const struct btf_var_secinfo *va = btf_var_secinfos(a), *vb = btf_var_secinfos(b);
	u32 i;

	if (btf_type_vlen(a) != btf_type_vlen(b))
		return false;
	for (i = 0; i < btf_type_vlen(a); i++)
		if (va[i].offset != vb[i].offset || va[i].size != vb[i].size ||
		    !same_type(c, va[i].type, vb[i].type, how, depth + 1))
			return false;
	return true;
}

/* Does its name stand for it in C? */
static bool is_named(const struct btf_type *t)
{
	return t->name_off && (btf_is_composite(t) || btf_is_any_enum(t) || btf_is_fwd(t) ||
			       btf_type_is_typedef(t));
}

u32 kind_of_name(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_FWD:
		return btf_kflag(t) ? BTF_KIND_UNION : BTF_KIND_STRUCT;
	case BTF_KIND_ENUM64:
		return BTF_KIND_ENUM;
	}
	return btf_kind(t);
}

/* What same_type() remembers, found out.  Of a function it is not compared whether it is static */
static bool compare_pair(struct compare *c, const struct btf_type *a, const struct btf_type *b,
			 enum how how, int depth)
{
	if (how == LIKE && is_named(a) && is_named(b))
		return kind_of_name(a) == kind_of_name(b) &&
		       same_name(c, a->name_off, b->name_off);
	if (btf_kind(a) != btf_kind(b) || !same_name(c, a->name_off, b->name_off) ||
	    (has_size(a) && a->size != b->size))
		return false;
	switch (btf_kind(a)) {
	case BTF_KIND_INT:
		return *(const u32 *)(a + 1) == *(const u32 *)(b + 1);
	case BTF_KIND_FWD:
		return btf_kflag(a) == btf_kflag(b);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return (how == BY_NAME && a->name_off) || same_inside(c, a, b, depth);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return btf_kflag(a) == btf_kflag(b) && same_inside(c, a, b, depth);
	case BTF_KIND_ARRAY:
		return btf_array(a)->nelems == btf_array(b)->nelems &&
		       same_type(c, btf_array(a)->type, btf_array(b)->type, how, depth + 1);
	case BTF_KIND_FUNC_PROTO:
		return same_proto(c, a, b, how, depth);
	case BTF_KIND_DATASEC:
		return same_section(c, a, b, how, depth);
	case BTF_KIND_DECL_TAG:
		if (btf_decl_tag(a)->component_idx != btf_decl_tag(b)->component_idx)
			return false;
		fallthrough;
	case BTF_KIND_TYPE_TAG:
		if (btf_kflag(a) != btf_kflag(b))
			return false;
		fallthrough;
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_VAR:
		return same_type(c, a->type, b->type, how, depth + 1);
	}
	return true;
}

static void assume(struct compare *c, u32 a, u32 b, enum how how)
{
	remember(c, a, b, how, ASSUMED);
	if (c->nr_assumed == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		c->assumed = xrealloc(c->assumed, c->room * sizeof(*c->assumed));
	}
	c->assumed[c->nr_assumed++] = (struct match){ a, b, how, ASSUMED };
}

/* Are these the same?  Types can lead to themselves: while a pair is compared, it counts as the
 * same, and if nothing speaks against the first of all pairs, all of them are.
 */
static bool same_type(struct compare *c, u32 a, u32 b, enum how how, int depth)
{
	const struct btf_type *ta = btf_type_by_id(c->a, a), *tb = btf_type_by_id(c->b, b);
	enum known known;

	if (!ta || !tb)
		return !ta && !tb;
	tick();
	known = recall(c, a, b, how);
	if (known != UNKNOWN)
		return known != DIFFERENT;
	if (depth == MAX_DEPTH)
		give_up("more than %d types in one another", MAX_DEPTH);
	assume(c, a, b, how);
	if (compare_pair(c, ta, tb, how, depth))
		return true;
	remember(c, a, b, how, DIFFERENT);
	return false;
}

static bool same_pair(struct compare *c, u32 a, u32 b, enum how how)
{
	bool same = same_type(c, a, b, how, 0);
	struct match *p;

	while (c->nr_assumed) {
		p = c->assumed + --c->nr_assumed;
		if (same || recall(c, p->a, p->b, p->how) == ASSUMED)
			remember(c, p->a, p->b, p->how, same ? SAME : UNKNOWN);
	}
	return same;
}

static bool same(struct compare *c, u32 id)
{
	return same_pair(c, id, id, IN_FULL);
}

/* What a reference, array or function that is called leads to; 0 if @t is none of these */
static u32 next_type(const struct btf_type *t)
{
	return btf_type_is_array(t) ? btf_array(t)->type :
	       btf_type_is_ptr(t) || btf_type_is_modifier(t) ? t->type : 0;
}

/* Two types that have the same words are not the same: why, behind these words, for xfree() */
static char *other_words(struct compare *c, u32 id)
{
	const struct btf_type *a = btf_type_by_id(c->a, id), *b = btf_type_by_id(c->b, id);
	const char *name;
	char *from, *to, *text = NULL;
	int depth;
	u32 i;

	for (depth = 0; depth < MAX_TYPEDEFS && a && b; depth++) {
		if (btf_kind(a) != btf_kind(b) || !next_type(a))
			break;
		if (btf_type_is_typedef(a)) {
			from = type_words(c->a, a->type);
			to = type_words(c->b, b->type);
			if (strcmp(from, to))
				text = xasprintf("is %s, would be %s", from, to);
			xfree(from);
			xfree(to);
			if (text)
				return text;
		}
		a = btf_type_by_id(c->a, next_type(a));
		b = btf_type_by_id(c->b, next_type(b));
	}
	if (!a || !b || btf_kind(a) != btf_kind(b) ||
	    !(btf_type_is_struct(a) || btf_is_any_enum(a)))
		return xstrdup("would read as another");
	if (a->size != b->size)
		return xasprintf("has %u bytes, would have %u", a->size, b->size);
	i = first_other(c, a, b, 0);
	if (i == btf_type_vlen(a) && i == btf_type_vlen(b))
		return xstrdup("would read as another");
	if (i == btf_type_vlen(a) || i == btf_type_vlen(b))
		return xasprintf("of %u %s would have %u",
				 btf_type_vlen(a),
				 btf_type_is_struct(a) ? "member(s)" : "enumerator(s)",
				 btf_type_vlen(b));
	/* members begin with the name, and so do enumerators of either size */
	name = name_of(c->a, btf_type_is_struct(a) ? btf_members(a)[i].name_off :
		       btf_kind(a) == BTF_KIND_ENUM ? btf_enum(a)[i].name_off :
						      btf_enum64(a)[i].name_off);
	return *name ? xasprintf("would have another `" NAME "`", name) :
		       xstrdup("would have another nameless member");
}

/* One that reads as something else.  @where: of what, as for printf() */
static void __printf(3, 4)
differ(struct compare *c, u32 id, const char *where, ...)
{
	char *place, *from, *to, *why = NULL;
	va_list args;

	c->nr++;
	if (c->words->nr >= c->max)
		return;
	va_start(args, where);
	place = xvasprintf(where, args);
	va_end(args);
	from = type_words(c->a, id);
	to = type_words(c->b, id);
	if (!strcmp(from, to))
		why = other_words(c, id);
	strings_add(c->words, why ? xasprintf("%s: %s %s", place, from, why) :
				    xasprintf("%s: %s would read as %s", place, from, to));
	xfree(why);
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

/* @t is a type of the module, which the kernel calls @id */
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

/* One that programs ask for by its name */
static bool is_asked_for(const struct btf_type *t)
{
	return btf_type_is_func(t) || (is_named(t) && !btf_is_fwd(t));
}

static struct compare new_compare(const struct btf *built, const struct btf *loaded)
{
	return (struct compare){
		.a = built, .b = loaded, .pairs = xcalloc(NR_PAIRS, sizeof(struct match)),
	};
}

static void free_compare(struct compare *c)
{
	xfree(c->own);
	xfree(c->pairs);
	xfree(c->assumed);
}

u8 *compare_bases(const struct btf *built, const struct btf *loaded)
{
	struct compare c = new_compare(built, loaded);
	enum how how;
	u32 id;

	c.nr_base = min_t(u32, btf_nr_types(built), btf_nr_types(loaded));
	c.base = xcalloc(c.nr_base, NR_JUDGED);
	for (how = 0; how < NR_JUDGED; how++)
		for (id = 0; id < c.nr_base; id++)
			same_pair(&c, id, id, how);
	free_compare(&c);
	return c.base;
}

struct compare *compare_open(const struct btf *a, const struct btf *b)
{
	struct compare *c = xrealloc(NULL, sizeof(*c));

	*c = new_compare(a, b);
	c->members = LIKE;
	c->nr_base = min_t(u32, btf_nr_types(a), btf_nr_types(b));
	c->base = xcalloc(c->nr_base, NR_HOW);
	return c;
}

void compare_close(struct compare *c)
{
	xfree(c->base);
	free_compare(c);
	xfree(c);
}

bool compare_like(struct compare *c, u32 a, u32 b)
{
	return same_pair(c, a, b, LIKE);
}

/* The ids in .BTF_ids, which are for the module itself */
static void compare_ids(struct compare *c, const struct module *m)
{
	const struct id_sym *sym = m->id_syms.sym, *end = sym + m->id_syms.nr;
	struct id_name name;
	u32 id;

	for (; sym < end; sym++) {
		tick();
		id = module_word(m, sym->data);
		if (id && id_name(&name, sym) && !same(c, id))
			differ(c, id, ".BTF_ids");
	}
}

void compare(const struct btf *built, const struct btf *loaded, u8 *base,
	     const struct module *m, unsigned int max, struct result *out)
{
	struct compare c = new_compare(built, loaded);
	u32 i, pass, nr = built->nr_types;
	const struct btf_type *t;
	unsigned long before;

	c.max = max;
	c.words = &out->wrong;
	c.base = base;
	c.nr_base = min_t(u32, built->start_id, loaded->start_id);
	c.nr_own = min_t(u32, btf_nr_types(built), btf_nr_types(loaded)) - c.nr_base;
	c.own = xcalloc(c.nr_own, NR_JUDGED);
	/* functions first: they are what is attached to */
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < nr; i++) {
			t = built->types[i];
			if (btf_type_is_func(t) != !pass)
				continue;
			before = c.nr;
			compare_type(&c, t, loaded->start_id + i);
			if (is_asked_for(t) && (c.nr != before ||
						(btf_type_is_func(t) && !same(&c, t->type))))
				out->nr_named++;
		}
	compare_ids(&c, m);
	free_compare(&c);
	out->nr_wrong = c.nr;
}
