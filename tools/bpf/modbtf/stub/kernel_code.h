/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What code of the kernel that is compiled into modbtf needs, by -include.  In linux/ beside this
 * file are the headers that it includes and user space does not have.
 */
#ifndef __MODBTF_KERNEL_CODE_H
#define __MODBTF_KERNEL_CODE_H

#include "../kernel.h"

/* of names, of which the kernel takes none that is longer */
#define strcmp(a, b)		(tick(), strncmp(a, b, NAME_LEN))
#define BITS_PER_BYTE		8
#define GFP_KERNEL		0
#define __GFP_NOWARN		0
#define cond_resched()		tick_now()
#define pr_debug(...)		do { } while (0)
#define kvfree(p)		xfree((void *)(p))
#define btf_name_by_offset	btf_str
#define btf_str_by_offset	btf_str
#define btf_type_var_secinfo	btf_var_secinfos
#define pr_warn_ratelimited	modbtf_warn

static inline const char *btf_get_name(const struct btf *btf)
{
	return "";
}

static inline const char *btf_type_str(const struct btf_type *t)
{
	return btf_kind_str(t);
}

static inline void sort(void *base, size_t nr, size_t size,
			int (*cmp)(const void *a, const void *b), void *swap)
{
	qsort(base, nr, size, cmp);
}

static inline void *kvcalloc(size_t nr, size_t size, int gfp)
{
	return xcalloc(nr, size);
}

static inline void *kvzalloc(size_t size, int gfp)
{
	return xcalloc(1, size);
}

/* Time is counted by each kind that is looked at; there is no loop without one */
#undef BTF_INFO_KIND
#define BTF_INFO_KIND(info)	(tick(), (info) >> 24 & 0x1f)

/* Pointers are of the size that the module's machine has, all else is of this one's */
#define sizeof(x)								\
	__builtin_choose_expr(__builtin_types_compatible_p(__typeof__(x), void *),	\
			      btf_ptr_size, sizeof(x))

#define __KERNEL__

#endif
