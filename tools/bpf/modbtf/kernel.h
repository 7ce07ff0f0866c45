/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct btf as the kernel has it, and what modbtf calls of kernel/bpf/btf_refs.c and
 * tools/lib/bpf/btf_relocate.c, which are compiled as they are.  What these need is in stub/.
 */
#ifndef __MODBTF_KERNEL_H
#define __MODBTF_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <linux/btf.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
/* the accessors of struct btf_type; of struct btf it only knows the name */
#include <bpf/btf.h>
/* struct btf_refs, and btf_check_refs(), which returns 0, -EINVAL or -ENOMEM */
#define CONFIG_DEBUG_INFO_BTF_MODULES 1
#include <linux/btf_module.h>
#include "modbtf.h"
#include "btf_field_iter.h"

/* libbpf has its own, for its struct btf */
#define btf_relocate		modbtf_relocate
#define btf_set_base_btf	modbtf_set_base_btf

/* In libbpf, but in none of its public headers */
const char *btf_kind_str(const struct btf_type *t);
void libbpf_sha256(const void *data, size_t len, __u8 out[32]);

#undef min_t
#undef max_t
#define min_t(type, a, b) ({ type __a = (a), __b = (b); __a < __b ? __a : __b; })
#define max_t(type, a, b) ({ type __a = (a), __b = (b); __a > __b ? __a : __b; })
#ifndef U32_MAX
#define U32_MAX UINT32_MAX
#endif

/* As in kernel/bpf/btf.c, as far as it is needed */
struct btf {
	void *buf;			/* what is freed */
	void *data;			/* raw BTF; its types are aligned */
	u32 data_size;
	struct btf_header hdr;
	void *nohdr_data;
	const char *strings;
	struct btf_type **types;	/* with void, if this is a base */
	u32 nr_types;			/* of types */
	u32 room;			/* in types */
	u32 start_id;			/* first own id */
	u32 start_str_off;
	struct btf *base_btf;
	u32 named_start_id;		/* see btf_named_start_id() */
	u32 long_size;			/* of unsigned long in a base; 0: it has none */
	const char *why;		/* it is malformed */
	u32 why_id;			/* the type that is, or 0 */
	const struct btf_type *why_type; /* where that is, or NULL */
};

static inline struct btf *btf_base_btf(const struct btf *btf)
{
	return btf->base_btf;
}

/* How many there are, with void and those of the base; the first id that is not */
static inline u32 btf_nr_types(const struct btf *btf)
{
	return btf->start_id + btf->nr_types;
}

/* The first type of a base that has a name, if they are sorted by it; else 0 */
static inline u32 btf_named_start_id(const struct btf *btf, bool own)
{
	return btf->named_start_id;
}

static inline struct btf_type *btf_type_by_id(const struct btf *btf, u32 id)
{
	while (btf->base_btf && id < btf->start_id)
		btf = btf->base_btf;
	id -= btf->start_id;
	return id < btf->nr_types ? btf->types[id] : NULL;
}

#define btf_header(btf)		(&(btf)->hdr)
#define btf_type_vlen(t)	BTF_INFO_VLEN((t)->info)
#define btf_type_kflag(t)	BTF_INFO_KFLAG((t)->info)
#define btf_type_is_ptr(t)	(btf_kind(t) == BTF_KIND_PTR)
#define btf_type_is_int(t)	(btf_kind(t) == BTF_KIND_INT)
#define btf_type_is_array(t)	(btf_kind(t) == BTF_KIND_ARRAY)
#define btf_type_is_func(t)	(btf_kind(t) == BTF_KIND_FUNC)
#define btf_type_is_func_proto(t) (btf_kind(t) == BTF_KIND_FUNC_PROTO)
#define btf_type_is_var(t)	(btf_kind(t) == BTF_KIND_VAR)
#define btf_type_is_typedef(t)	(btf_kind(t) == BTF_KIND_TYPEDEF)
#define btf_type_is_void(t)	(btf_kind(t) == BTF_KIND_UNKN)

static inline bool btf_type_is_modifier(const struct btf_type *t)
{
	return btf_is_mod(t) || btf_type_is_typedef(t);
}

static inline bool btf_type_is_struct(const struct btf_type *t)
{
	return btf_kind(t) == BTF_KIND_STRUCT || btf_kind(t) == BTF_KIND_UNION;
}

static inline u32 __btf_member_bit_offset(const struct btf_type *t, const struct btf_member *m)
{
	return BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}

static inline u32 __btf_member_bitfield_size(const struct btf_type *t, const struct btf_member *m)
{
	return BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0;
}

/* The string at @off, or NULL if there is none */
const char *btf_str(const struct btf *btf, u32 off);
/* How many @t takes, of a kind that is known, with what follows it */
u64 btf_type_bytes(const struct btf_type *t);

/* Of the modules that this thread looks at; takes the place of sizeof(void *) */
extern __thread u32 btf_ptr_size;

/* tools/lib/bpf/btf_relocate.c, and what it calls */
int btf_relocate(struct btf *btf, const struct btf *base, u32 **map);
void btf_set_base_btf(struct btf *btf, const struct btf *base);
void __printf(1, 2) modbtf_warn(const char *fmt, ...);

#endif
