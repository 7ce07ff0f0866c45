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

/* Most modifiers and pointers in a row, and deepest nesting of structs, unions and arrays; of
 * arrays in each other one less.  The most in any module of Debian is far below.
 */
#define BTF_MAX_CHAIN 32

#define BTF_NESTING 0xff	/* this type is being walked */

struct btf_nest {
	const struct btf_type *t;
	u32 id;
	u32 next;		/* member to look at */
	u8 depth;
};

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

/* What a tag can be on, and of these and of prototypes what has components */
#define BTF_TAGGED (BIT(BTF_KIND_FUNC) | BIT(BTF_KIND_VAR) | BIT(BTF_KIND_TYPEDEF) | \
		    BIT(BTF_KIND_STRUCT) | BIT(BTF_KIND_UNION))
#define BTF_COMPONENTS (BIT(BTF_KIND_STRUCT) | BIT(BTF_KIND_UNION) | BIT(BTF_KIND_FUNC_PROTO))

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
static noinline s64 follow_size(const struct btf_refs *r, u32 id)
{
	const struct btf_type *t;
	u64 nelems = 1;
	int i;

	for (i = 0; i < BTF_MAX_CHAIN; i++) {
		t = skip_modifiers(r, &id);
		if (!t)
			return -EINVAL;

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

/* Size in bytes of an object of type @id, or a negative error if it has none */
static inline s64 btf_size(const struct btf_refs *r, u32 id)
{
	const struct btf_type *t = type_by_id(r, id);

	if (!t || !kind_in(t, BTF_SIZED | BIT(BTF_KIND_PTR)))
		return follow_size(r, id);
	return own_size(t);
}

/* A bitfield has an integer type with as many bits, and BPF can print it. */
static bool btf_bitfield_ok(const struct btf_type *t, s64 size, u64 bit, u32 bits)
{
	return (btf_type_is_int(t) || btf_is_any_enum(t)) &&
	       bits <= size * BITS_PER_BYTE && bit % BITS_PER_BYTE + bits <= 128;
}

static const char *check_member(const struct btf_refs *r, const struct btf_type *s,
				const struct btf_member *m)
{
	u32 bits = __btf_member_bitfield_size(s, m), id = m->type;
	u64 end = (u64)s->size * BITS_PER_BYTE;
	u64 bit = __btf_member_bit_offset(s, m);
	s64 size = btf_size(r, id);
	const struct btf_type *t;

	if (size < 0)
		return "member has no size";
	/* most members */
	if (!bits && !(bit % BITS_PER_BYTE) && bit + size * BITS_PER_BYTE <= end)
		return NULL;

	t = skip_modifiers(r, &id);
	if (!btf_type_kflag(s) && btf_type_is_int(t)) {
		/* without kind_flag it is the integer that says which of its bits */
		bit += btf_int_offset(t);
		bits = BTF_INT_BITS(*(const u32 *)(t + 1));
	}
	if (bits ? !btf_bitfield_ok(t, size, bit, bits) : bit % BITS_PER_BYTE)
		return "invalid bitfield";
	if (bit + (bits ?: size * BITS_PER_BYTE) > end)
		return "member exceeds struct size";
	return NULL;
}

static const char *check_members(const struct btf_refs *r, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);
	const char *why = NULL;
	u32 i;

	for (i = 0; i < btf_type_vlen(t) && !why; i++) {
		why = check_member(r, t, m + i);
		if (i % 1024 == 1023)
			cond_resched();
	}
	return why;
}

/* Can a function take or return it?  An incomplete struct can stand in a type of
 * functions of which none is called or defined here.
 */
static bool btf_is_value(const struct btf_refs *r, u32 id)
{
	const struct btf_type *t = skip_modifiers(r, &id);

	return t && (kind_in(t, BTF_SIZED | BIT(BTF_KIND_PTR) | BIT(BTF_KIND_FWD)) ||
		     btf_size(r, id) >= 0);
}

static const char *check_proto(const struct btf_refs *r, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	u32 i, n = btf_type_vlen(t), ret = t->type;
	const struct btf_type *rt = skip_modifiers(r, &ret);

	if (!rt || (!btf_type_is_void(rt) && !btf_is_value(r, ret)))
		return "return value has no size";
	for (i = 0; i < n; i++) {
		if (p[i].name_off >= r->names_end)
			return "invalid argument name offset";
		if (!p[i].type && i == n - 1)	/* ... */
			break;
		if (!btf_is_value(r, p[i].type))
			return "argument has no size";
		if (i % 1024 == 1023)
			cond_resched();
	}
	return NULL;
}

static const char *check_datasec(const struct btf_refs *r, const struct btf_type *t)
{
	const struct btf_var_secinfo *vsi = (const void *)(t + 1);
	const struct btf_type *var;
	u32 i;

	for (i = 0; i < btf_type_vlen(t); i++) {
		var = type_by_id(r, vsi[i].type);
		if (!var || !btf_type_is_var(var))
			return "DATASEC entry is not a VAR";
		if (i % 1024 == 1023)
			cond_resched();
	}
	return NULL;
}

static const char *check_decl_tag(const struct btf_refs *r, const struct btf_type *t)
{
	const struct btf_type *target = type_by_id(r, t->type);
	s32 idx = btf_decl_tag(t)->component_idx;

	if (!target || !kind_in(target, BTF_TAGGED))
		return "invalid decl tag target";
	if (idx == -1)
		return NULL;
	if (btf_type_is_func(target))
		target = type_by_id(r, target->type);
	if (!target || !kind_in(target, BTF_COMPONENTS) || (u32)idx >= btf_type_vlen(target))
		return "invalid decl tag component";
	return NULL;
}

/* A pointer or modifier leads to data, and not in a cycle of such.  A cycle through an
 * array or a prototype is not looked for: nothing follows one.
 */
static const char *check_chain(const struct btf_refs *r, const struct btf_type *t)
{
	u32 to;
	int i;

	for (i = 0; kind_in(t, BTF_MODIFIERS | BIT(BTF_KIND_PTR)); i++) {
		if (i == BTF_MAX_CHAIN)
			return "reference chain is a loop or too long";
		to = t->type;
		t = type_by_id(r, to);
		if (!t || kind_in(t, BTF_NO_DATA))
			return "refers to a type that is not data";
		if (to < r->start_id)	/* the base is right */
			break;
	}
	return NULL;
}

static const char *check_type(const struct btf_refs *r, u32 id, const struct btf_type *t)
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
		return check_chain(r, t);
	case BTF_KIND_ARRAY:
		index = btf_array(t)->index_type;
		to = skip_modifiers(r, &index);
		if (!to || !btf_type_is_int(to))
			return "array index is not an integer";
		if (btf_size(r, id) < 0)
			return "array has no size";
		return NULL;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return check_members(r, t);
	case BTF_KIND_FUNC:
		to = type_by_id(r, t->type);
		if (!to || !btf_type_is_func_proto(to))
			return "FUNC does not refer to a FUNC_PROTO";
		return NULL;
	case BTF_KIND_FUNC_PROTO:
		return check_proto(r, t);
	case BTF_KIND_VAR:
		if (btf_size(r, t->type) < 0)
			return "variable has no size";
		return NULL;
	case BTF_KIND_DATASEC:
		return check_datasec(r, t);
	case BTF_KIND_DECL_TAG:
		return check_decl_tag(r, t);
	}
	return NULL;
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
		if (*id < r->start_id)	/* the base leads to itself only */
			continue;
		t = skip_modifiers(r, id);
		if (t && *id >= r->start_id &&
		    (btf_type_is_struct(t) || btf_type_is_array(t)))
			return t;
	}
	return NULL;
}

/* No struct, union or array contains itself, and no nesting is too deep */
static const char *check_nesting(const struct btf_refs *r, u8 *depth, u32 id,
				 const struct btf_type *t)
{
	struct btf_nest stack[BTF_MAX_CHAIN], *n = stack;
	u32 nested;
	u8 known;

	*n = (struct btf_nest){ .t = t, .id = id, .depth = 1 };
	depth[id - r->start_id] = BTF_NESTING;

	for (;;) {
		t = next_nested(r, n, &nested);
		if (!t) {
			known = n->depth;
			depth[n->id - r->start_id] = known;
			if (n == stack)
				return NULL;
			n--;
			n->depth = max_t(u8, n->depth, known + 1);
			continue;
		}

		known = depth[nested - r->start_id];
		if (known == BTF_NESTING)
			return "contains itself";
		if (n - stack + 1 + (known ?: 1) > BTF_MAX_CHAIN)
			return "nesting is too deep";
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
 * Not checked, other than in BTF of user space: the size that a DATASEC has for a
 * variable; that the name of an argument is an identifier, that arguments of a FUNC
 * have one and "..." has none; that an integer in a struct with kind_flag has the
 * bits of its size; the alignment of floats; the order of type tags.
 *
 * Returns 0, -EINVAL and in @why what is wrong with type @bad_id, or -ENOMEM.
 */
int btf_check_refs(const struct btf_refs *r, u32 *bad_id, const char **why)
{
	const struct btf_type *t;
	u8 *depth;
	u32 i;

	*why = NULL;
	if (!r->nr_split)
		return 0;
	/* nesting below each split type; 0: not known */
	depth = kvzalloc(r->nr_split, GFP_KERNEL | __GFP_NOWARN);
	if (!depth)
		return -ENOMEM;

	for (i = 0; i < r->nr_split && !*why; i++) {
		t = r->split[i];
		*bad_id = r->start_id + i;
		*why = check_type(r, *bad_id, t);
		if (!*why && !depth[i] && (btf_type_is_struct(t) || btf_type_is_array(t)))
			*why = check_nesting(r, depth, *bad_id, t);
		if (i % 1024 == 1023)
			cond_resched();
	}

	kvfree(depth);
	return *why ? -EINVAL : 0;
}
