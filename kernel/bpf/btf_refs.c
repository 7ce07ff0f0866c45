// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module BTF: does every reference lead to a type that may stand there?
 *
 * BTF of user space is checked by btf_check_all_types(). That cannot be used on split BTF:
 * the BTF of vmlinux has no resolved_ids and resolved_sizes, which it would follow.  It also
 * refuses what is legal in the kernel, such as a function that takes an incomplete struct.
 */

#include <linux/btf.h>
#include <linux/btf_module.h>
#include <linux/sched.h>
#include <linux/slab.h>

/* Longest chain of modifiers, pointers and arrays, and deepest nesting of structs, that is
 * followed.  The longest of any module of Debian is far below.
 */
#define BTF_MAX_CHAIN 32

#define BTF_NESTING 0xff	/* this type is being walked */

struct btf_nest {
	const struct btf_type *t;
	u32 id;
	u32 next;		/* member to look at */
	u8 depth;
};

static int bad_ref(struct btf_refs *r, u32 id, const char *why)
{
	r->bad_id = id;
	r->why = why;
	return -EINVAL;
}

/* As btf_type_by_id(). Open-coded: this lookup dominates the check. */
static const struct btf_type *type_by_id(const struct btf_refs *r, u32 id)
{
	if (id < r->start_id)
		return r->base[id];
	id -= r->start_id;
	return id < r->nr_split ? r->split[id] : NULL;
}

#define BTF_MODIFIERS (BIT(BTF_KIND_TYPEDEF) | BIT(BTF_KIND_VOLATILE) | BIT(BTF_KIND_CONST) | \
		       BIT(BTF_KIND_RESTRICT) | BIT(BTF_KIND_TYPE_TAG))

/* What cannot be behind a pointer or a modifier; void and what has no size can */
#define BTF_NO_DATA (BIT(BTF_KIND_FUNC) | BIT(BTF_KIND_VAR) | BIT(BTF_KIND_DATASEC) | \
		     BIT(BTF_KIND_DECL_TAG))

/* What has a size of its own */
#define BTF_SIZED (BIT(BTF_KIND_INT) | BIT(BTF_KIND_FLOAT) | BIT(BTF_KIND_ENUM) | \
		   BIT(BTF_KIND_ENUM64) | BIT(BTF_KIND_STRUCT) | BIT(BTF_KIND_UNION))

/* What can contain another type, and so, if it is wrong, itself */
#define BTF_NESTS (BIT(BTF_KIND_STRUCT) | BIT(BTF_KIND_UNION) | BIT(BTF_KIND_ARRAY))

static bool kind_in(const struct btf_type *t, unsigned long kinds)
{
	BUILD_BUG_ON(NR_BTF_KINDS > BITS_PER_LONG);
	return BIT(BTF_INFO_KIND(t->info)) & kinds;
}

static noinline const struct btf_type *follow_modifiers(const struct btf_refs *r, u32 *id)
{
	const struct btf_type *t = type_by_id(r, *id);
	int i;

	for (i = 0; t && kind_in(t, BTF_MODIFIERS); i++) {
		if (i == BTF_MAX_CHAIN)
			return NULL;
		*id = t->type;
		t = type_by_id(r, *id);
	}
	return t;
}

/* Most types have none */
static inline const struct btf_type *skip_modifiers(const struct btf_refs *r, u32 *id)
{
	const struct btf_type *t = type_by_id(r, *id);

	return t && kind_in(t, BTF_MODIFIERS) ? follow_modifiers(r, id) : t;
}

/* Size of types that carry it directly */
static u32 own_size(const struct btf_type *t)
{
	return btf_type_is_ptr(t) ? sizeof(void *) : t->size;
}

/* See btf_size() */
static noinline s64 follow_size(const struct btf_refs *r, u32 id, bool *nests)
{
	const struct btf_type *t;
	u64 nelems = 1;
	int i;

	for (i = 0; i < BTF_MAX_CHAIN; i++) {
		t = skip_modifiers(r, &id);
		if (!t)
			return -EINVAL;
		if (id >= r->start_id && kind_in(t, BTF_NESTS))
			*nests = true;

		if (kind_in(t, BTF_SIZED | BIT(BTF_KIND_PTR))) {
			nelems *= own_size(t);
			return nelems > U32_MAX ? -EINVAL : nelems;
		}
		if (!btf_type_is_array(t))
			return -EINVAL;
		nelems *= btf_array(t)->nelems;
		if (nelems > U32_MAX)
			return -EINVAL;
		id = btf_array(t)->type;
	}
	return -EINVAL;
}

/* Size in bytes of an object of type @id, or a negative error if it has none.  Sets
 * *@nests if a type of the module that can contain others is in it.
 */
static inline s64 btf_size(const struct btf_refs *r, u32 id, bool *nests)
{
	const struct btf_type *t = type_by_id(r, id);

	if (!t || !kind_in(t, BTF_SIZED | BIT(BTF_KIND_PTR)))
		return follow_size(r, id, nests);
	if (id >= r->start_id && kind_in(t, BTF_NESTS))
		*nests = true;
	return own_size(t);
}

/* A bitfield has an integer type with as many bits, and BPF can print it. */
static bool btf_bitfield_ok(const struct btf_refs *r, u32 id, s64 size, u32 bit, u32 bits)
{
	const struct btf_type *t = skip_modifiers(r, &id);

	return t && (btf_type_is_int(t) || btf_is_any_enum(t)) &&
	       bits <= size * BITS_PER_BYTE && bit % BITS_PER_BYTE + bits <= 128;
}

static int check_members(struct btf_refs *r, u32 id, const struct btf_type *t,
			 bool *nests)
{
	const struct btf_member *m = btf_members(t);
	u32 i, bit, bits;
	s64 size;

	for (i = 0; i < btf_type_vlen(t); i++) {
		size = btf_size(r, m[i].type, nests);
		if (size < 0)
			return bad_ref(r, id, "member has no size");
		bit = __btf_member_bit_offset(t, m + i);
		bits = __btf_member_bitfield_size(t, m + i);
		if (bits ? !btf_bitfield_ok(r, m[i].type, size, bit, bits) : bit % BITS_PER_BYTE)
			return bad_ref(r, id, "invalid bitfield");
		if (bit + (bits ?: size * BITS_PER_BYTE) > (u64)t->size * BITS_PER_BYTE)
			return bad_ref(r, id, "member exceeds struct size");
		if (i % 1024 == 1023)
			cond_resched();
	}
	return 0;
}

/* Can a function take or return it?  An incomplete struct can stand in a type of
 * functions of which none is called or defined here.
 */
static bool btf_is_value(const struct btf_refs *r, u32 id)
{
	const struct btf_type *t = skip_modifiers(r, &id);
	bool nests;

	return t && (kind_in(t, BTF_SIZED | BIT(BTF_KIND_PTR) | BIT(BTF_KIND_FWD)) ||
		     btf_size(r, id, &nests) >= 0);
}

static int check_proto(struct btf_refs *r, u32 id, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	u32 i, n = btf_type_vlen(t), ret = t->type;

	if (ret && !btf_is_value(r, ret)) {
		const struct btf_type *rt = skip_modifiers(r, &ret);

		if (!rt || !btf_type_is_void(rt))
			return bad_ref(r, id, "return value has no size");
	}

	for (i = 0; i < n; i++) {
		if (p[i].name_off >= r->names_end)
			return bad_ref(r, id, "invalid argument name offset");
		if (!p[i].type && i == n - 1)	/* ... */
			break;
		if (!btf_is_value(r, p[i].type))
			return bad_ref(r, id, "argument has no size");
		if (i % 1024 == 1023)
			cond_resched();
	}
	return 0;
}

static int check_datasec(struct btf_refs *r, u32 id, const struct btf_type *t)
{
	const struct btf_var_secinfo *vsi = (const void *)(t + 1);
	const struct btf_type *var;
	u32 i;

	for (i = 0; i < btf_type_vlen(t); i++) {
		var = type_by_id(r, vsi[i].type);
		if (!var || !btf_type_is_var(var))
			return bad_ref(r, id, "DATASEC entry is not a VAR");
		if (i % 1024 == 1023)
			cond_resched();
	}
	return 0;
}

static int check_decl_tag(struct btf_refs *r, u32 id, const struct btf_type *t)
{
	const struct btf_type *target = type_by_id(r, t->type);
	s32 idx = btf_decl_tag(t)->component_idx;

	if (!target)
		return bad_ref(r, id, "decl tag refers to an invalid type");

	switch (BTF_INFO_KIND(target->info)) {
	case BTF_KIND_FUNC:
		if (idx == -1)
			return 0;
		target = type_by_id(r, target->type);
		if (!target || !btf_type_is_func_proto(target))
			break;
		fallthrough;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		if (idx == -1 || (idx >= 0 && idx < btf_type_vlen(target)))
			return 0;
		break;
	case BTF_KIND_VAR:
	case BTF_KIND_TYPEDEF:
		if (idx == -1)
			return 0;
		break;
	}
	return bad_ref(r, id, "invalid decl tag target");
}

/* A pointer or modifier leads to data, and not in a cycle */
static int check_chain(struct btf_refs *r, u32 id, const struct btf_type *t)
{
	u32 to;
	int i;

	for (i = 0; kind_in(t, BTF_MODIFIERS | BIT(BTF_KIND_PTR)); i++) {
		if (i == BTF_MAX_CHAIN)
			return bad_ref(r, id, "reference chain is a loop or too long");
		to = t->type;
		t = type_by_id(r, to);
		if (!t || kind_in(t, BTF_NO_DATA))
			return bad_ref(r, id, "refers to a type that is not data");
		if (to < r->start_id)	/* the base is right */
			break;
	}
	return 0;
}

/* Sets *@nests if check_nesting() has to look at @t, too */
static int check_type(struct btf_refs *r, u32 id, const struct btf_type *t,
		      bool *nests)
{
	const struct btf_type *to;
	u32 index;

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return check_chain(r, id, t);
	case BTF_KIND_ARRAY:
		index = btf_array(t)->index_type;
		to = skip_modifiers(r, &index);
		if (!to || !btf_type_is_int(to))
			return bad_ref(r, id, "array index is not an integer");
		if (btf_size(r, id, nests) < 0)
			return bad_ref(r, id, "array element has no size");
		return 0;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return check_members(r, id, t, nests);
	case BTF_KIND_FUNC:
		to = type_by_id(r, t->type);
		if (!to || !btf_type_is_func_proto(to))
			return bad_ref(r, id, "FUNC does not refer to a FUNC_PROTO");
		return 0;
	case BTF_KIND_FUNC_PROTO:
		return check_proto(r, id, t);
	case BTF_KIND_VAR:
		if (btf_size(r, t->type, nests) < 0)
			return bad_ref(r, id, "variable has no size");
		return 0;
	case BTF_KIND_DATASEC:
		return check_datasec(r, id, t);
	case BTF_KIND_DECL_TAG:
		return check_decl_tag(r, id, t);
	}
	return 0;
}

/* The next split struct, union or array that *@n contains, or NULL at its end */
static const struct btf_type *next_nested(const struct btf_refs *r,
					  struct btf_nest *n, u32 *id)
{
	u32 nr = btf_type_is_array(n->t) ? 1 : btf_type_vlen(n->t);
	const struct btf_type *t;

	while (n->next < nr) {
		*id = btf_type_is_array(n->t) ? btf_array(n->t)->type :
						btf_members(n->t)[n->next].type;
		if (++n->next % 1024 == 0)
			cond_resched();
		t = skip_modifiers(r, id);
		if (t && *id >= r->start_id &&
		    (btf_type_is_struct(t) || btf_type_is_array(t)))
			return t;
	}
	return NULL;
}

/* No struct, union or array contains itself, and no nesting is too deep */
static int check_nesting(struct btf_refs *r, u32 id, const struct btf_type *t)
{
	struct btf_nest stack[BTF_MAX_CHAIN], *n = stack;
	u8 *depth = r->depth, known;
	u32 nested;

	*n = (struct btf_nest){ .t = t, .id = id, .depth = 1 };
	depth[id - r->start_id] = BTF_NESTING;

	for (;;) {
		t = next_nested(r, n, &nested);
		if (!t) {
			known = n->depth;
			depth[n->id - r->start_id] = known;
			if (n == stack)
				return 0;
			n--;
			n->depth = max_t(u8, n->depth, known + 1);
			continue;
		}

		known = depth[nested - r->start_id];
		if (known == BTF_NESTING)
			return bad_ref(r, id, "contains itself");
		if (n - stack + 1 + (known ?: 1) > BTF_MAX_CHAIN)
			return bad_ref(r, id, "nesting is too deep");
		if (known) {
			n->depth = max_t(u8, n->depth, known + 1);
			continue;
		}
		*++n = (struct btf_nest){ .t = t, .id = nested, .depth = 1 };
		depth[nested - r->start_id] = BTF_NESTING;
	}
}

/* Check that every reference of split BTF leads to a type that exists and may
 * stand there, that members lie inside of their struct, and that no chain of
 * pointers and modifiers and no type by value leads back to itself.  The base
 * is taken to be right.  What a reference should have led to cannot be told:
 * that is what the base id is for.
 *
 * Returns 0, -EINVAL with the type and the reason in @r, or -ENOMEM.
 */
int btf_check_refs(struct btf_refs *r)
{
	const struct btf_type *t;
	int err = 0;
	u32 i;

	if (!r->nr_split)
		return 0;
	/* nesting below each split type; 0: not known */
	r->depth = kvzalloc(r->nr_split, GFP_KERNEL | __GFP_NOWARN);
	if (!r->depth)
		return -ENOMEM;

	for (i = 0; i < r->nr_split && !err; i++) {
		bool nests = false;

		t = r->split[i];
		err = check_type(r, r->start_id + i, t, &nests);
		if (!err && nests && !r->depth[i] && kind_in(t, BTF_NESTS))
			err = check_nesting(r, r->start_id + i, t);
		if (i % 1024 == 1023)
			cond_resched();
	}

	kvfree(r->depth);
	return err;
}
