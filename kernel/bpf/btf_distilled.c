// SPDX-License-Identifier: GPL-2.0-only
/*
 * .BTF.distilled: split BTF of a module that was built with another vmlinux becomes
 * what btf_relocate() takes, BTF that is split from a distilled base.
 */

#include <linux/bsearch.h>
#include <linux/btf.h>
#include <linux/btf_module.h>
#include <linux/sched.h>
#include <linux/slab.h>

static u32 nr_ids(const struct btf_distilled *d)
{
	return d->dist_types - 1 + d->tail_types;
}

/* Look at section .BTF.distilled, @data of @size bytes.  *@base and *@base_size:
 * the distilled base in it, raw BTF.  Returns a copy of its head, which is enough
 * for the others here, -EOPNOTSUPP if the format is not known, -EINVAL or -ENOMEM.
 */
struct btf_distilled *btf_distilled_parse(const void *data, u32 size, void **base, u32 *base_size)
{
	struct btf_distilled d, *copy;
	u64 len;

	if (size < sizeof(d))
		return ERR_PTR(-EINVAL);
	memcpy(&d, data, sizeof(d));
	if (d.magic != BTF_DISTILLED_MAGIC)
		return ERR_PTR(-EOPNOTSUPP);
	if (!d.dist_types || !d.base_types || !d.base_strs || d.tail_len % sizeof(u32))
		return ERR_PTR(-EINVAL);
	len = (u64)d.dist_types - 1 + d.tail_types;
	if (len > size / sizeof(u32))
		return ERR_PTR(-EINVAL);
	len = struct_size(&d, ids, len);
	if (len + d.tail_len > size)
		return ERR_PTR(-EINVAL);

	copy = kvmemdup(data, len, GFP_KERNEL | __GFP_NOWARN);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	*base = (void *)data + len + d.tail_len;
	*base_size = size - len - d.tail_len;
	return copy;
}

static int cmp_id(const void *key, const void *id)
{
	u32 a = *(const u32 *)key, b = *(const u32 *)id;

	return a < b ? -1 : a > b;
}

/* What becomes of @id, of a type that the module was built with: its id with the
 * distilled base, or 0 if it has none there.
 */
u32 btf_distilled_id(const struct btf_distilled *d, u32 id)
{
	const u32 *tail = d->ids + d->dist_types - 1, *found;

	if (id >= d->base_types) {
		id -= d->base_types;
		return id < d->split_types ? d->dist_types + id : 0;
	}
	found = bsearch(&id, d->ids, d->dist_types - 1, sizeof(id), cmp_id);
	if (found)
		return found - d->ids + 1;
	found = bsearch(&id, tail, d->tail_types, sizeof(id), cmp_id);
	return found ? d->dist_types + d->split_types + (found - tail) : 0;
}

/* Is @id that of a type of vmlinux which is not there?  Only what the types of the
 * module refer to is.
 */
bool btf_distilled_lacks(const struct btf_distilled *d, u32 id)
{
	return id < d->base_types && !btf_distilled_id(d, id);
}

/* Bytes that follow struct btf_type: some, and some for each of vlen */
static const struct {
	u8 fixed, each;
} btf_rest[NR_BTF_KINDS] = {
	[BTF_KIND_INT]		= { sizeof(u32) },
	[BTF_KIND_ARRAY]	= { sizeof(struct btf_array) },
	[BTF_KIND_STRUCT]	= { 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION]	= { 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM]		= { 0, sizeof(struct btf_enum) },
	[BTF_KIND_ENUM64]	= { 0, sizeof(struct btf_enum64) },
	[BTF_KIND_FUNC_PROTO]	= { 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR]		= { sizeof(struct btf_var) },
	[BTF_KIND_DATASEC]	= { 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_DECL_TAG]	= { sizeof(struct btf_decl_tag) },
};

static int distill_type(const struct btf_distilled *d, struct btf_type *t, u32 dist_strs)
{
	struct btf_field_iter it;
	u32 *field;
	int err;

	err = btf_field_iter_init(&it, t, BTF_FIELD_ITER_IDS);
	if (err)
		return err;
	while ((field = btf_field_iter_next(&it))) {
		if (!*field)
			continue;
		*field = btf_distilled_id(d, *field);
		if (!*field)
			return -EINVAL;
	}

	err = btf_field_iter_init(&it, t, BTF_FIELD_ITER_STRS);
	if (err)
		return err;
	while ((field = btf_field_iter_next(&it))) {
		if (!*field)
			continue;
		/* all strings are the module's own */
		if (*field < d->base_strs)
			return -EINVAL;
		*field += dist_strs - d->base_strs;
	}
	return 0;
}

/* The types in [@p, @end); they have to be those that .BTF.distilled was made for */
static int distill_types(const struct btf_distilled *d, void *p, void *end, u32 dist_strs)
{
	u32 nr, kind;
	u64 len;
	int err;

	for (nr = 0; end - p >= sizeof(struct btf_type); nr++, p += len) {
		struct btf_type *t = p;

		kind = BTF_INFO_KIND(t->info);
		if (kind >= NR_BTF_KINDS)
			return -EINVAL;
		len = sizeof(*t) + btf_rest[kind].fixed +
		      (u64)btf_type_vlen(t) * btf_rest[kind].each;
		if (len > end - p)
			return -EINVAL;
		err = distill_type(d, t, dist_strs);
		if (err)
			return err;
		if (nr % 1024 == 1023)
			cond_resched();
	}
	return p == end && nr == d->split_types ? 0 : -EINVAL;
}

/* Make raw BTF as if the module had been built with the distilled base.  @data, *@size:
 * its BTF, of which nothing has been looked at; @section: its .BTF.distilled; @base: the
 * distilled base in that.  Returns BTF of *@size bytes, for kvfree(), -EINVAL or -ENOMEM.
 */
void *btf_distilled_split(const struct btf_distilled *d, const void *data, u32 *size,
			  const void *section, const struct btf *base)
{
	const void *tail = section + struct_size(d, ids, nr_ids(d));
	u32 *sec, *end_of_hdr;
	struct btf_header *h;
	u64 types, types_end;
	void *out;
	int err;

	if (btf_nr_types(base) != d->dist_types)
		return ERR_PTR(-EINVAL);
	if (*size < sizeof(*h) || *size + (u64)d->tail_len > U32_MAX)
		return ERR_PTR(-EINVAL);
	out = kvmalloc(*size + d->tail_len, GFP_KERNEL | __GFP_NOWARN);
	if (!out)
		return ERR_PTR(-ENOMEM);
	h = out;
	memcpy(h, data, sizeof(*h));
	types = (u64)h->hdr_len + h->type_off;
	types_end = types + h->type_len;
	err = -EINVAL;
	if (h->hdr_len < offsetofend(struct btf_header, str_len) || types % sizeof(u32) ||
	    h->type_len % sizeof(u32) || types_end > *size)
		goto err;

	memcpy(out, data, types_end);
	memcpy(out + types_end, tail, d->tail_len);
	memcpy(out + types_end + d->tail_len, data + types_end, *size - types_end);
	*size += d->tail_len;

	/* what is behind the types moves */
	end_of_hdr = out + min_t(u32, h->hdr_len, sizeof(*h));
	for (sec = &h->str_off; sec < end_of_hdr; sec += 2)
		if (sec[0] >= h->type_off + h->type_len)
			sec[0] += d->tail_len;
	err = distill_types(d, out + types, out + types_end, btf_names_end(base));
	if (err)
		goto err;
	h->type_len += d->tail_len;
	return out;

err:
	kvfree(out);
	return ERR_PTR(err);
}
