// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the BTF right that the kernel uses for a module?  Written from
 * Documentation/bpf/btf.rst, on top of libbpf, and not from the checks of the kernel:
 * what they let through has to hold here too.
 */
#include <stdlib.h>
#include <string.h>
#include "guest.h"

/* Two ways from type to type on which nobody may come round in a circle */
enum way {
	HOLDS,		/* an object of the type has one of the other in it, or is one */
	LEADS,		/* pointers and what is put in front of a type */
};

enum colour { WHITE, GREY, BLACK };

struct graph {
	const struct btf *btf;
	__u32 first, nr;	/* split types */
	enum way way;
	unsigned char *colour;
};

static bool is_named_only(const struct btf_type *t)
{
	return btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t);
}

/* The nth type that @t refers to; false if there are not so many */
static bool nth_ref(const struct btf_type *t, __u32 n, __u32 *id)
{
	__u32 vlen = btf_vlen(t);

	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_FUNC:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		*id = t->type;
		return n < 1;
	case BTF_KIND_ARRAY:
		*id = n ? btf_array(t)->index_type : btf_array(t)->type;
		return n < 2;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		if (n < vlen)
			*id = btf_members(t)[n].type;
		return n < vlen;
	case BTF_KIND_FUNC_PROTO:
		*id = n ? btf_params(t)[n - 1].type : t->type;
		return n <= vlen;
	case BTF_KIND_DATASEC:
		if (n < vlen)
			*id = btf_var_secinfos(t)[n].type;
		return n < vlen;
	}
	return false;
}

static bool nth_step(const struct graph *g, const struct btf_type *t, __u32 n, __u32 *id)
{
	if (is_named_only(t))
		return nth_ref(t, n, id);
	if (g->way == LEADS)
		return btf_is_ptr(t) && nth_ref(t, n, id);
	return (btf_is_composite(t) || (btf_is_array(t) && !n)) && nth_ref(t, n, id);
}

static bool has_circle(struct graph *g, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(g->btf, id);
	__u32 n, next = 0;

	if (id < g->first || g->colour[id - g->first] == BLACK)
		return false;
	if (g->colour[id - g->first] == GREY)
		return true;
	g->colour[id - g->first] = GREY;
	for (n = 0; nth_step(g, t, n, &next); n++)
		if (has_circle(g, next))
			return true;
	g->colour[id - g->first] = BLACK;
	return false;
}

static __u32 strip_id(const struct btf *btf, __u32 id)
{
	while (is_named_only(btf__type_by_id(btf, id)))
		id = btf__type_by_id(btf, id)->type;
	return id;
}

static const struct btf_type *strip(const struct btf *btf, __u32 id)
{
	return btf__type_by_id(btf, strip_id(btf, id));
}

/* Bytes of an object; -1 if there can be none. Only for types without circles. */
static long long size_of(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = strip(btf, id);
	long long size;

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return t->size;
	case BTF_KIND_PTR:
		return sizeof(void *);
	case BTF_KIND_ARRAY:
		size = size_of(btf, btf_array(t)->type);
		return size > 0xffffffffLL ? -1 : size * btf_array(t)->nelems;
	}
	return -1;
}

static bool is_integer(const struct btf_type *t)
{
	return btf_is_int(t) || btf_is_any_enum(t);
}

static bool is_value(const struct btf *btf, __u32 id)
{
	return size_of(btf, id) >= 0 || btf_is_fwd(strip(btf, id));
}

static const char *member_fault(const struct btf *btf, const struct btf_type *t, __u32 i)
{
	const struct btf_member *m = btf_members(t) + i;
	unsigned long long at = btf_member_bit_offset(t, i);
	unsigned int bits = btf_member_bitfield_size(t, i);
	long long size = size_of(btf, m->type);

	if (!btf__name_by_offset(btf, m->name_off))
		return "name of a member";
	if (size < 0)
		return "member of no size";
	if (bits && (!is_integer(strip(btf, m->type)) || bits > size * 8))
		return "bit field";
	if (btf_is_union(t) && at)
		return "member of a union is not at its start";
	if (at + (bits ?: size * 8ULL) > t->size * 8ULL)
		return "member is not inside";
	return NULL;
}

static const char *proto_fault(const struct btf *btf, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	int i;

	if (!btf_is_void(strip(btf, t->type)) && !is_value(btf, t->type))
		return "return type";
	for (i = 0; i < btf_vlen(t); i++) {
		if (!btf__name_by_offset(btf, p[i].name_off))
			return "name of an argument";
		if (!p[i].type && i == btf_vlen(t) - 1)
			return NULL;
		if (!is_value(btf, p[i].type))
			return "argument";
	}
	return NULL;
}

static const char *tag_fault(const struct btf *btf, const struct btf_type *t)
{
	const struct btf_type *of = btf__type_by_id(btf, t->type);
	__u32 i = btf_decl_tag(t)->component_idx;
	bool whole = i == (__u32)-1;

	if (btf_is_func(of)) {
		of = btf__type_by_id(btf, of->type);
		return whole || i < btf_vlen(of) ? NULL : "tagged argument";
	}
	if (btf_is_composite(of))
		return whole || i < btf_vlen(of) ? NULL : "tagged member";
	return whole && (btf_is_var(of) || btf_is_typedef(of)) ? NULL : "what is tagged";
}

static const char *section_fault(const struct btf *btf, const struct btf_type *t)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t);
	unsigned long long end = 0;
	int i;

	for (i = 0; i < btf_vlen(t); end = v[i].offset + (__u64)v[i].size, i++) {
		if (!btf_is_var(btf__type_by_id(btf, v[i].type)))
			return "what is in the section";
		if (v[i].offset < end || v[i].offset + (__u64)v[i].size > t->size)
			return "where it is in the section";
	}
	return NULL;
}

/* References, names and offsets of one type */
static const char *type_fault(const struct btf *btf, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(btf, t->name_off), *fault = NULL;
	const struct btf_type *to;
	int i;

	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		to = btf__type_by_id(btf, t->type);
		if (btf_is_func(to) || btf_is_var(to) || btf_is_datasec(to) || btf_is_decl_tag(to))
			return "leads to what is no type of data";
		return btf_is_typedef(t) && !*name ? "no name" : NULL;
	case BTF_KIND_ARRAY:
		if (!btf_is_int(strip(btf, btf_array(t)->index_type)))
			return "index";
		return size_of(btf, btf_array(t)->type) < 0 ? "element of no size" : NULL;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (i = 0; i < btf_vlen(t) && !fault; i++)
			fault = member_fault(btf, t, i);
		return fault;
	case BTF_KIND_ENUM:
		for (i = 0; i < btf_vlen(t); i++)
			if (!btf__name_by_offset(btf, btf_enum(t)[i].name_off))
				return "name of a value";
		return NULL;
	case BTF_KIND_ENUM64:
		for (i = 0; i < btf_vlen(t); i++)
			if (!btf__name_by_offset(btf, btf_enum64(t)[i].name_off))
				return "name of a value";
		return NULL;
	case BTF_KIND_INT:
		return btf_int_offset(t) + btf_int_bits(t) > t->size * 8ULL ? "bits" : NULL;
	case BTF_KIND_FUNC:
		if (!btf_is_func_proto(btf__type_by_id(btf, t->type)))
			return "no prototype";
		return !*name ? "no name" : NULL;
	case BTF_KIND_FUNC_PROTO:
		return proto_fault(btf, t);
	case BTF_KIND_VAR:
		return size_of(btf, t->type) < 0 ? "variable of no size" : NULL;
	case BTF_KIND_DATASEC:
		return section_fault(btf, t);
	case BTF_KIND_DECL_TAG:
		return tag_fault(btf, t);
	case BTF_KIND_FWD:
	case BTF_KIND_FLOAT:
		return NULL;
	}
	return "kind";
}

const char *btf_fault(const struct btf *btf, __u32 *bad)
{
	__u32 n, ref = 0, id, first = btf__type_cnt(btf__base_btf(btf)), nr = btf__type_cnt(btf);
	struct graph g = { .btf = btf, .first = first, .nr = nr };
	const char *fault = NULL;
	const struct btf_type *t;

	/* each step relies on those before */
	for (id = first; id < nr; id++) {
		*bad = id;
		t = btf__type_by_id(btf, id);
		if (!btf__name_by_offset(btf, t->name_off))
			return "name";
		for (n = 0; nth_ref(t, n, &ref); n++)
			if (ref >= nr)
				return "id";
	}
	g.colour = malloc(nr - first + 1);
	for (g.way = HOLDS; g.way <= LEADS && g.colour && !fault; g.way++) {
		memset(g.colour, WHITE, nr - first);
		for (id = first; id < nr && !fault; id++) {
			*bad = id;
			if (has_circle(&g, id))
				fault = g.way == HOLDS ? "is in itself" : "leads to itself";
		}
	}
	if (!g.colour)
		fault = "no memory";
	free(g.colour);
	for (id = first; id < nr && !fault; id++) {
		*bad = id;
		fault = type_fault(btf, btf__type_by_id(btf, id));
	}
	return fault;
}

struct pair {
	const struct btf *is, *was;
	__u32 first, was_first;	/* ids of the first types of the module */
	__u32 nr;		/* types of the module; is may have more, from the base */
};

/* Is type @a what @b was?  A nameless type of the base can follow those of the module. */
static bool same_ref(const struct pair *p, __u32 a, __u32 b, int depth)
{
	const struct btf_type *t = btf__type_by_id(p->is, a), *u = btf__type_by_id(p->was, b);
	__u32 n, x = 0, y = 0;

	if (b >= p->was_first || (a >= p->first && a - p->first < p->nr))
		return a - p->first == b - p->was_first;
	if (a < p->first && btf__base_btf(p->is) == btf__base_btf(p->was))
		return a == b;
	if (strcmp(btf__name_by_offset(p->is, t->name_off), btf__name_by_offset(p->was, u->name_off)))
		return false;
	if (a < p->first)
		return true;
	if (t->info != u->info || depth > 64)
		return false;
	for (n = 0; nth_ref(t, n, &x); n++)
		if (!nth_ref(u, n, &y) || !same_ref(p, x, y, depth + 1))
			return false;
	return true;
}

const char *btf_difference(const struct btf *is, const struct btf *was, __u32 *bad)
{
	struct pair p = {
		is, was, btf__type_cnt(btf__base_btf(is)), btf__type_cnt(btf__base_btf(was))
	};
	__u32 i, n, a = 0, b = 0;
	const struct btf_type *t, *u;
	const char *name;

	p.nr = btf__type_cnt(was) - p.was_first;
	*bad = btf__type_cnt(is);
	if (btf__type_cnt(is) - p.first < p.nr)
		return "number of types";
	for (i = 0; i < p.nr; i++) {
		*bad = p.first + i;
		t = btf__type_by_id(is, p.first + i);
		u = btf__type_by_id(was, p.was_first + i);
		name = btf__name_by_offset(was, u->name_off);
		if (t->info != u->info)
			return "kind";
		if (!name || strcmp(btf__name_by_offset(is, t->name_off), name))
			return "name";
		for (n = 0; nth_ref(t, n, &a); n++) {
			nth_ref(u, n, &b);
			if (!same_ref(&p, a, b, 0))
				return "reference";
		}
	}
	return NULL;
}

/* Do two types of modules that are split from bases @a and @b say the same?  A name stands
 * for the type, except for what is of the base if both have the same base: there the id.
 */
static bool alike(const struct btf *a, __u32 i, const struct btf *b, __u32 j, int depth)
{
	const struct btf_type *t = btf__type_by_id(a, i), *u = btf__type_by_id(b, j);
	bool t_base = i < btf__type_cnt(btf__base_btf(a)), u_base = j < btf__type_cnt(btf__base_btf(b));
	const char *name = btf__name_by_offset(a, t->name_off);
	__u32 n, x = 0, y = 0;

	if (t_base && u_base && btf__base_btf(a) == btf__base_btf(b))
		return i == j;
	if (btf_kind(t) != btf_kind(u) || strcmp(name, btf__name_by_offset(b, u->name_off)))
		return false;
	/* a typedef of the base can follow the types of the module */
	if (depth && *name && t_base == u_base)
		return true;
	if (t->info != u->info || depth > 64)
		return false;
	if (btf_is_composite(t)) {
		if (t->size != u->size)
			return false;
		for (n = 0; n < btf_vlen(t); n++)
			if (btf_members(t)[n].offset != btf_members(u)[n].offset ||
			    strcmp(btf__name_by_offset(a, btf_members(t)[n].name_off),
				   btf__name_by_offset(b, btf_members(u)[n].name_off)))
				return false;
	}
	if (btf_is_array(t) && btf_array(t)->nelems != btf_array(u)->nelems)
		return false;
	for (n = 0; nth_ref(t, n, &x); n++)
		if (!nth_ref(u, n, &y) || !alike(a, x, b, y, depth + 1))
			return false;
	return true;
}

/* Is there in @btf, of a module, what type @id of another one is? */
static bool has_type(const struct btf *btf, const struct btf *other, __u32 id)
{
	__u32 i;

	for (i = btf__type_cnt(btf__base_btf(btf)); i < btf__type_cnt(btf); i++)
		if (alike(btf, i, other, id, 0))
			return true;
	return false;
}

const char *btf_wrong_answer(const struct btf *is, const struct btf *own, const struct btf *was,
			     int *same, int *other)
{
	__u32 id;

	for (id = btf__type_cnt(btf__base_btf(own)); id < btf__type_cnt(own); id++) {
		const char *name = btf__name_by_offset(own, btf__type_by_id(own, id)->name_off);

		if (!*name)	/* it is part of those that refer to it */
			continue;
		if (has_type(is, own, id))
			++*same;
		else if (has_type(was, own, id))	/* the same source, so it ought to be */
			return name;
		else
			++*other;
	}
	return NULL;
}

const char *btf_lost(const struct btf *was, const struct btf *base)
{
	__u32 id, n, to = 0, first = btf__type_cnt(btf__base_btf(was));

	for (id = first; id < btf__type_cnt(was); id++) {
		const struct btf_type *t = btf__type_by_id(was, id);

		if (!btf_is_composite(t) && !btf_is_array(t) && !btf_is_var(t))
			continue;
		for (n = 0; nth_ref(t, n, &to); n++) {
			const struct btf_type *u = strip(was, to);
			const char *name = btf__name_by_offset(was, u->name_off);
			int here;

			if (!btf_is_composite(u) || !*name || strip_id(was, to) >= first)
				continue;
			here = btf__find_by_name_kind(base, name, btf_kind(u));
			if (here < 0 || btf__type_by_id(base, here)->size != u->size)
				return name;
		}
	}
	return NULL;
}
