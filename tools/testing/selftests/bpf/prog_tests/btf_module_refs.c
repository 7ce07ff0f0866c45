// SPDX-License-Identifier: GPL-2.0
/*
 * References from a type to another, in the BTF of a module: those that the kernel follows have
 * to lead somewhere.
 *
 * A row of the table is what is added at the end of good BTF, and what the kernel says of it if it
 * is refused.  Comments on the right are what that is in C; if it is legal, the BTF has to be used.
 */
#include <test_progs.h>
#include "kmod_btf_test.h"

#define NO_TYPE		0xffff0		/* more types than there are */

static int add_int(struct btf *btf) { return btf__add_int(btf, "added_int", 4, 0); }

/* struct @name { @type m; } of @size bytes; returns its id */
static int add_struct(struct btf *btf, const char *name, __u32 size, int type)
{
	int id = btf__add_struct(btf, name, size);

	return id < 0 ? id : btf__add_field(btf, "m", type, 0, 0) ?: id;
}

/* void (void), a type that has no size */
static int add_proto(struct btf *btf) { return btf__add_func_proto(btf, 0); }

static int add_every_kind(struct btf *btf)
{
	int i = add_int(btf), s = add_struct(btf, "added_struct", 4, i), proto, func, var;
	int err = 0, array, type, ptr;

	type = btf__add_typedef(btf, "added_t",		/* typedef const volatile int added_t; */
				btf__add_const(btf, btf__add_volatile(btf, i)));
	ptr = btf__add_restrict(btf, btf__add_ptr(btf, i));
	btf__add_union(btf, "added_union", 8);		/* union added_union {		*/
	err = err ?: btf__add_field(btf, "a", type, 0, 0);	/*	added_t a;	*/
	err = err ?: btf__add_field(btf, "b", ptr, 0, 0);	/*	int *restrict b; */
							/* }				*/
	array = btf__add_array(btf, i, s, 3);
	btf__add_struct(btf, "added_twice", 28);	/* struct added_twice {		*/
	err = err ?: btf__add_field(btf, "a", array, 0, 0);	/*	struct added_struct a[3]; */
	err = err ?: btf__add_field(btf, "b", array, 96, 0);	/*	struct added_struct b[3]; */
	err = err ?: btf__add_field(btf, "c", s, 192, 0);	/*	struct added_struct c;	*/
							/* }				*/
	btf__add_enum(btf, "added_enum", 4);
	err = err ?: btf__add_enum_value(btf, "ADDED", 1);
	btf__add_enum64(btf, "added_enum64", 8, false);
	err = err ?: btf__add_enum64_value(btf, "ADDED64", 1);
	btf__add_float(btf, "added_float", 8);
	btf__add_fwd(btf, "added_fwd", BTF_FWD_STRUCT);	/* struct added_fwd;		*/
	btf__add_type_tag(btf, "user", i);
	proto = btf__add_func_proto(btf, i);
	err = err ?: btf__add_func_param(btf, "first", i);
	func = btf__add_func(btf, "added_func", BTF_FUNC_STATIC, proto);
	var = btf__add_var(btf, "added_var", BTF_VAR_STATIC, i);
	btf__add_datasec(btf, ".data", 4);
	err = err ?: btf__add_datasec_var_info(btf, var, 0, 4);
	btf__add_decl_tag(btf, "on_func", func, -1);
	btf__add_decl_tag(btf, "on_argument", func, 0);
	btf__add_decl_tag(btf, "on_var", var, -1);
	btf__add_decl_tag(btf, "on_struct", s, -1);
	btf__add_decl_tag(btf, "on_member", s, 0);
	return err;
}

/* Legal, though no such function can be called, and refused in the BTF of a BPF program */
static int add_incomplete_values(struct btf *btf)
{
	int fwd = btf__add_fwd(btf, "added_fwd", BTF_FWD_STRUCT);

	btf__add_func_proto(btf, fwd);			/* struct added_fwd		*/
	return btf__add_func_param(btf, "a", fwd);	/*	(struct added_fwd a)	*/
}

static int add_variable_arguments(struct btf *btf)
{
	int i = add_int(btf);

	btf__add_func_proto(btf, 0);			/* void (int a, ...)		*/
	return btf__add_func_param(btf, "a", i) ?: btf__add_func_param(btf, "", 0);
}

static int add_bitfields(struct btf *btf)
{
	int i = add_int(btf);

	btf__add_struct(btf, "added", 4);		/* struct added {		*/
	return btf__add_field(btf, "a", i, 0, 3) ?:	/*	int a:3;		*/
	       btf__add_field(btf, "b", i, 3, 29);	/*	int b:29;		*/
}							/* }				*/

/*
 * struct added { int m; }, in which the member is a bit field by the rule without kind_flag: of so
 * many bits, from bit @skip of the integer on, which begins at bit @at
 */
static int add_old_bitfield(struct btf *btf, __u32 at, __u32 skip, __u32 bits)
{
	int i = add_int(btf), id = add_struct(btf, "added", 4, i);

	if (id < 0)
		return id;
	*(__u32 *)(btf__type_by_id(btf, i) + 1) = skip << 16 | bits;
	btf_members(btf__type_by_id(btf, id))->offset = at;
	return id;
}

static int add_old_bitfield_at_end(struct btf *btf) { return add_old_bitfield(btf, 3, 0, 29); }
static int add_old_bitfield_skip(struct btf *btf) { return add_old_bitfield(btf, 1, 2, 29); }
static int add_narrow_int(struct btf *btf) { return add_old_bitfield(btf, 0, 0, 1); }
static int add_narrow_int_at_end(struct btf *btf) { return add_old_bitfield(btf, 24, 0, 8); }
static int add_old_bitfield_past_end(struct btf *btf) { return add_old_bitfield(btf, 2, 2, 29); }

/* --- to a type that is not there ------------------------------------------------- */

static int add_pointer_to_nothing(struct btf *btf)
{
	return btf__add_ptr(btf, NO_TYPE);
}

static int add_member_of_nothing(struct btf *btf)
{
	return add_struct(btf, "added", 8, NO_TYPE);
}

static int add_tag_of_nothing(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", NO_TYPE, -1);
}

/* --- to a type of the wrong kind ---------------------------------------------------- */

static int add_function_of_pointer(struct btf *btf)
{
	return btf__add_func(btf, "added", BTF_FUNC_STATIC, btf__add_ptr(btf, 0));
}

static int add_pointer_to_function(struct btf *btf)
{
	return btf__add_ptr(btf, btf__add_func(btf, "f", 0, add_proto(btf)));
}

static int add_section_of_types(struct btf *btf)
{
	int type = add_int(btf);

	btf__add_datasec(btf, ".data", 4);
	return btf__add_datasec_var_info(btf, type, 0, 4);
}

static int add_tag_of_pointer(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", btf__add_ptr(btf, 0), -1);
}

static int add_tag_of_var_member(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", btf__add_var(btf, "v", 0, add_int(btf)), 0);
}

static int add_tag_of_no_member(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", add_struct(btf, "s", 4, add_int(btf)), 1);
}

static int add_tag_of_no_argument(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", btf__add_func(btf, "f", 0, add_proto(btf)), 0);
}

/* The function is further on, and has not been looked at */
static int add_tag_of_bad_function(struct btf *btf)
{
	int type = add_int(btf), tag = btf__add_decl_tag(btf, "added", type + 2, 0);

	return tag < 0 ? tag : btf__add_func(btf, "f", 0, type);
}

static int add_index_of_struct(struct btf *btf)
{
	int type = add_int(btf);

	return btf__add_array(btf, add_struct(btf, "s", 4, type), type, 1);
}

/* --- to a type that has no size -------------------------------------------------------- */

static int add_member_without_size(struct btf *btf)
{
	return add_struct(btf, "added", 4, add_proto(btf));
}

static int add_return_without_size(struct btf *btf)
{
	return btf__add_func_proto(btf, add_proto(btf));
}

static int add_argument_without_size(struct btf *btf)
{
	int type = add_proto(btf);

	btf__add_func_proto(btf, 0);
	return btf__add_func_param(btf, "a", type);
}

static int add_var_without_size(struct btf *btf)
{
	return btf__add_var(btf, "added", BTF_VAR_STATIC, add_proto(btf));
}

static int add_array_without_size(struct btf *btf)
{
	return btf__add_array(btf, add_int(btf), add_proto(btf), 1);
}

/* --- to a type of the wrong size, and names ------------------------------------------------ */

static int add_wide_bitfield(struct btf *btf)
{
	int i = add_int(btf);

	btf__add_struct(btf, "added", 64);			/* struct added {	*/
	return btf__add_field(btf, "m", i, 0, 200);		/*	int m:200;	*/
								/* }			*/
}

/* A member that is no bitfield, of 16 bytes that begin at bit 1 */
static int add_member_between_bytes(struct btf *btf, bool kflag)
{
	int i = btf__add_int(btf, "added_int128", 16, 0), id = add_struct(btf, "added", 24, i);
	struct btf_type *t = (struct btf_type *)btf__type_by_id(btf, id);

	if (!t)
		return -EINVAL;
	btf_members(t)->offset = 1;
	t->info |= (__u32)kflag << 31;
	return id;
}

static int add_between_bytes(struct btf *btf) { return add_member_between_bytes(btf, false); }
static int add_between_bytes_kflag(struct btf *btf) { return add_member_between_bytes(btf, true); }

/* The type of the embedded one is larger than what is left for it */
static int add_member_too_large(struct btf *btf)
{
	int i = add_int(btf), large = btf__add_struct(btf, "large", 16);

	btf__add_field(btf, "m", i, 0, 0);
	return add_struct(btf, "added", 8, large);
}

/* @n arrays of arrays, of @nr elements each */
static int add_arrays(struct btf *btf, int element, int n, __u32 nr)
{
	int index = add_int(btf);

	while (n-- && element > 0)
		element = btf__add_array(btf, index, element, nr);
	return element;
}

static int add_big_array(struct btf *btf)
{
	return add_arrays(btf, add_int(btf), 1, 0x40000000);		/* int [1 << 30] */
}

static int add_big_array_of_pointers(struct btf *btf)
{
	return add_arrays(btf, btf__add_ptr(btf, 0), 1, 0xffffffff);
}

static int add_bigger_array(struct btf *btf)
{
	return add_arrays(btf, add_int(btf), 2, 0x10000);		/* int [1 << 16][1 << 16] */
}

static int add_argument_name_out_of_range(struct btf *btf)
{
	int i = add_int(btf), id = btf__add_func_proto(btf, 0);
	int err = btf__add_func_param(btf, "a", i);

	if (!err)
		btf_params(btf__type_by_id(btf, id))->name_off = 0x7ffffff;
	return err;
}

static int add_many_members(struct btf *btf)
{
	int i, type = add_int(btf), err = btf__add_struct(btf, "added", 5000 * 4);

	for (i = 0; i < 5000 && err >= 0; i++)
		err = btf__add_field(btf, "", type, i * 32, 0);
	return err;
}

/* --- without an end ---------------------------------------------------------------------- */

static int add_pointer_to_itself(struct btf *btf)
{
	return btf__add_ptr(btf, btf__type_cnt(btf));
}

static int add_struct_in_itself(struct btf *btf)
{
	return add_struct(btf, "added", 8, btf__type_cnt(btf));
}

static int add_union_in_itself(struct btf *btf)
{
	int own = btf__type_cnt(btf);

	btf__add_union(btf, "added", 8);
	return btf__add_field(btf, "m", own, 0, 0);
}

static int add_circle_of_consts(struct btf *btf)
{
	int first = btf__add_const(btf, btf__type_cnt(btf) + 1);

	return first < 0 ? first : btf__add_const(btf, first);
}

static int add_member_of_circle(struct btf *btf)
{
	int type = add_circle_of_consts(btf);

	return type < 0 ? type : add_struct(btf, "added", 8, type);
}

static int add_circle_of_structs(struct btf *btf)
{
	int first = add_struct(btf, "added_a", 8, btf__type_cnt(btf) + 1);

	return first < 0 ? first : add_struct(btf, "added_b", 8, first);
}

/* @n modifiers on an int */
static int add_chain(struct btf *btf, int n)
{
	int type = add_int(btf);

	while (n-- && type > 0)
		type = btf__add_const(btf, type);
	return type;
}

static int add_long_chain(struct btf *btf) { return add_chain(btf, 32); }
static int add_endless_chain(struct btf *btf) { return add_chain(btf, 33); }

/* The chain is further on, and has not been looked at */
static int add_member_of_endless_chain(struct btf *btf)
{
	int s = add_struct(btf, "added", 4, btf__type_cnt(btf) + 34);

	return s < 0 ? s : add_chain(btf, 33);
}

static int add_deep_arrays(struct btf *btf) { return add_arrays(btf, add_int(btf), 31, 1); }
static int add_too_deep_arrays(struct btf *btf) { return add_arrays(btf, add_int(btf), 32, 1); }

/* @n structs in each other, the innermost or the outermost first */
static int add_nested(struct btf *btf, int n, bool outermost_first)
{
	int leaf = add_int(btf), id = leaf, i;
	char name[32];

	for (i = 0; i < n && id > 0; i++) {
		if (outermost_first)	/* the one that follows */
			id = i < n - 1 ? btf__type_cnt(btf) + 1 : leaf;
		snprintf(name, sizeof(name), "nested_%d", i);
		id = add_struct(btf, name, 4, id);
	}
	return id;
}

static int add_deep(struct btf *btf) { return add_nested(btf, 32, false); }
static int add_deep_outermost_first(struct btf *btf) { return add_nested(btf, 32, true); }
static int add_too_deep(struct btf *btf) { return add_nested(btf, 33, false); }
static int add_too_deep_outermost_first(struct btf *btf) { return add_nested(btf, 33, true); }

/* --- types that are numbered after another base ---------------------------------------------- */

static int for_one_more(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.one_more, false);
}

static int forged_one_more(struct kmod *k) { return kmod_forge(k, for_one_more); }

#define GOOD(what, fn) { what, &kt.native, .add = fn, .status = "native" }
#define BAD(what, fn, why) \
	{ what, &kt.native, .add = fn, .status = "dropped:invalid", .log = why }

#define NO_DATA		"refers to a type that is not data"
#define NO_SIZE		"member has no size"
#define TARGET		"invalid decl tag target"
#define COMPONENT	"invalid decl tag component"
#define BITFIELD	"invalid bitfield"
#define TOO_LARGE	"member exceeds struct size"
#define ARRAY		"array has no size"
#define CHAIN		"reference chain is a loop or too long"
#define ITSELF		"contains itself"
#define DEEP		"nesting is too deep"

static const struct kmod_variant variants[] = {
	GOOD("types of every kind", add_every_kind),
	GOOD("incomplete struct as argument and return value", add_incomplete_values),
	GOOD("variable arguments", add_variable_arguments),
	GOOD("bit fields", add_bitfields),
	GOOD("bit field without kind_flag", add_old_bitfield_at_end),
	GOOD("bit field without kind_flag, not from bit 0 on", add_old_bitfield_skip),
	GOOD("integer with fewer bits than its size", add_narrow_int),
	GOOD("integer with fewer bits than its size, at the end", add_narrow_int_at_end),
	GOOD("struct with 5000 members", add_many_members),
	GOOD("chain of 32 modifiers", add_long_chain),
	GOOD("31 arrays in each other", add_deep_arrays),
	GOOD("32 structs in each other", add_deep),
	GOOD("32 structs in each other, outermost first", add_deep_outermost_first),

	BAD("pointer to nothing", add_pointer_to_nothing, NO_DATA),
	BAD("member of no type", add_member_of_nothing, NO_SIZE),
	BAD("tag of nothing", add_tag_of_nothing, TARGET),

	BAD("function whose type is a pointer", add_function_of_pointer,
	    "FUNC does not refer to a FUNC_PROTO"),
	BAD("pointer to a function and not its type", add_pointer_to_function, NO_DATA),
	BAD("section of types", add_section_of_types, "DATASEC entry is not a VAR"),
	BAD("tag of a pointer", add_tag_of_pointer, TARGET),
	BAD("tag of the member of a variable", add_tag_of_var_member, COMPONENT),
	BAD("tag of a member that is not there", add_tag_of_no_member, COMPONENT),
	BAD("tag of an argument that is not there", add_tag_of_no_argument, COMPONENT),
	BAD("tag of a function without prototype", add_tag_of_bad_function, COMPONENT),
	BAD("array with a struct as index", add_index_of_struct, "array index is not an integer"),

	BAD("member without a size", add_member_without_size, NO_SIZE),
	BAD("return value without a size", add_return_without_size, "return value has no size"),
	BAD("argument without a size", add_argument_without_size, "argument has no size"),
	BAD("variable without a size", add_var_without_size, "variable has no size"),
	BAD("array of what has no size", add_array_without_size, ARRAY),

	BAD("bit field of 200 bits", add_wide_bitfield, BITFIELD),
	BAD("member between two bytes", add_between_bytes, BITFIELD),
	BAD("member between two bytes, with bit fields", add_between_bytes_kflag, BITFIELD),
	BAD("member larger than its struct", add_member_too_large, TOO_LARGE),
	BAD("bit field without kind_flag, past the end", add_old_bitfield_past_end, TOO_LARGE),
	BAD("array of 2^30 integers", add_big_array, ARRAY),
	BAD("array of 2^32 - 1 pointers", add_big_array_of_pointers, ARRAY),
	BAD("array of 2^32 integers", add_bigger_array, ARRAY),
	BAD("name of an argument out of range", add_argument_name_out_of_range,
	    "invalid argument name offset"),

	BAD("pointer to itself", add_pointer_to_itself, CHAIN),
	BAD("struct in itself", add_struct_in_itself, ITSELF),
	BAD("union in itself", add_union_in_itself, ITSELF),
	BAD("two structs in each other", add_circle_of_structs, ITSELF),
	/* an older check of modifiers alone may come first */
	BAD("two modifiers of each other", add_circle_of_consts, " chain "),
	BAD("chain of 33 modifiers", add_endless_chain, CHAIN),
	BAD("member with a chain of 33 modifiers", add_member_of_endless_chain, NO_SIZE),
	BAD("32 arrays in each other", add_too_deep_arrays, ARRAY),
	BAD("33 structs in each other", add_too_deep, DEEP),
	BAD("33 structs in each other, outermost first", add_too_deep_outermost_first, DEEP),

	/* the same types are looked at after relocation */
	{ "distilled base, types of every kind", &kt.distilled, .add = add_every_kind,
	  .status = "native" },
	{ "distilled base, member without a size", &kt.distilled,
	  .add = add_member_without_size, .status = "dropped:invalid", .log = NO_SIZE },
	{ "distilled base, pointer to itself", &kt.distilled, .add = add_pointer_to_itself,
	  .status = "dropped:invalid", .log = CHAIN },
	/* btf_relocate() follows members, before */
	{ "distilled base, member of a circle of modifiers", &kt.distilled,
	  .add = add_member_of_circle, .status = "dropped:invalid" },

	/* only the ids are others: which one is found to be wrong first depends on the build */
	{ "forged id, base with one type more", &kt.native, forged_one_more,
	  .status = "dropped:invalid" },
};

void serial_test_btf_module_refs(void)
{
	if (kmod_test_setup())
		kmod_test_variants(variants, sizeof(variants) / sizeof(*variants));
	kmod_test_finish();
}
