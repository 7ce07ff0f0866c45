// SPDX-License-Identifier: GPL-2.0
/* Other bases, and modules as they would be if they had been built against one */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "kmod_btf_helpers.h"

/* In libbpf, but in none of its public headers */
void libbpf_sha256(const void *data, size_t len, __u8 out[BTF_BASE_ID_SIZE]);

bool kernel_relocates_btf(const struct btf *vmlinux)
{
	return btf__find_by_name_kind(vmlinux, "btf_relocate", BTF_KIND_FUNC) > 0;
}

/* Stamp it as built against @base */
static int set_base_id(struct kmod *k, const struct btf *base, __u32 note_type)
{
	unsigned char *type, *id = kmod_base_id(k, &type);
	__u32 size;
	const void *raw = btf__raw_data(base, &size);

	if (!raw)
		return -ENOMEM;
	if (id) {
		libbpf_sha256(raw, size, id);
		memcpy(type, &note_type, sizeof(note_type));
	}
	return 0;
}

static int set_btf(struct kmod *k, const char *section, const struct btf *btf)
{
	__u32 size;
	const void *raw = btf__raw_data(btf, &size);

	return raw ? kmod_set_section(k, section, raw, size, false) : -ENOMEM;
}

struct same_type {
	const struct btf *from, *to;
};

/* The id in @to of the type that has @id in @from, by name and kind; 0 if there is none */
static int same_type(__u32 id, void *ctx)
{
	const struct same_type *c = ctx;
	const struct btf_type *t = btf__type_by_id(c->from, id);
	int to;

	if (!t)
		return -EINVAL;
	to = btf__find_by_name_kind(c->to, btf__name_by_offset(c->from, t->name_off), btf_kind(t));
	return to == -ENOENT ? 0 : to;
}

/*
 * A type of the base that .BTF_ids names belongs to the distilled base, unless it is a function:
 * a pointer to it at the end of the BTF brings it there.
 */
static int point_to(__u32 id, void *ctx)
{
	struct btf *btf = ctx;
	const struct btf_type *t = btf__type_by_id(btf, id);
	int err;

	if (!t)
		return -EINVAL;
	if (btf_is_func(t) || id >= btf__type_cnt(btf__base_btf(btf)))
		return id;
	err = btf__add_ptr(btf, id);
	return err < 0 ? err : id;
}

int kmod_rebase(struct kmod *k, struct btf *vmlinux, struct btf *base, bool distilled)
{
	struct btf *dist = NULL, *split = NULL, *old = NULL, *old_base = NULL;
	size_t size, base_size;
	void *data, *base_data;
	int err = -EINVAL;

	data = kmod_section(k, ".BTF", &size);
	base_data = kmod_section(k, ".BTF.base", &base_size);
	if (!data)
		return -ENOENT;
	if (!base_data && !distilled && base == vmlinux)	/* it is that already */
		return set_base_id(k, base, LINUX_ELFNOTE_BTF_BASE_ID);

	if (base_data) {
		old_base = btf__new(base_data, base_size);
		old = old_base ? btf__new_split(data, size, old_base) : NULL;
		dist = btf__new(base_data, base_size);
		split = dist ? btf__new_split(data, size, dist) : NULL;
		if (!old || !split)
			goto out;
	} else {
		old = btf__new_split(data, size, vmlinux);
		if (!old)
			goto out;
		err = distilled ? kmod_map_btf_ids(k, point_to, old) : 0;
		err = err ?: btf__distill_base(old, &dist, &split);
		if (err)
			goto out;
	}

	if (!distilled) {
		err = btf__relocate(split, base);
		if (err)
			goto out;
	}
	err = kmod_map_btf_ids(k, same_type, &(struct same_type){ old, split });
	err = err ?: set_btf(k, ".BTF", split);
	if (err)
		goto out;
	if (distilled)
		err = set_btf(k, ".BTF.base", dist);
	else
		kmod_hide_section(k, ".BTF.base");
	err = err ?: set_base_id(k, base, distilled ? LINUX_ELFNOTE_BTF_DISTILLED_ID :
						      LINUX_ELFNOTE_BTF_BASE_ID);
out:
	btf__free(split);
	btf__free(dist);
	btf__free(old);
	btf__free(old_base);
	return err;
}

static struct btf *btf_dup(struct btf *btf)
{
	__u32 size;
	const void *raw = btf__raw_data(btf, &size);

	return raw ? btf__new(raw, size) : NULL;
}

struct btf *btf_one_more(struct btf *vmlinux)
{
	struct btf *btf = btf_dup(vmlinux);

	if (btf && btf__add_ptr(btf, 0) < 0) {
		btf__free(btf);
		return NULL;
	}
	return btf;
}

struct btf *btf_shifted(struct btf *vmlinux)
{
	struct btf *btf = btf__new_empty();

	if (btf && (btf__add_struct(btf, "a_struct_that_no_kernel_has", 8) < 0 ||
		    btf__add_btf(btf, vmlinux) < 0)) {
		btf__free(btf);
		return NULL;
	}
	return btf;
}

static size_t type_size(const struct btf_type *t)
{
	__u32 n = btf_vlen(t);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*t) + 4;
	case BTF_KIND_ARRAY:
		return sizeof(*t) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return sizeof(*t) + n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return sizeof(*t) + n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return sizeof(*t) + n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*t) + n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return sizeof(*t) + n * sizeof(struct btf_var_secinfo);
	default:
		return sizeof(*t);
	}
}

/* Another numbering of the types of a base */
struct renumbering {
	const __u32 *to;	/* new id of each type; 0: it is gone */
	__u32 nr;		/* ids of the old base */
	__u32 less;		/* types that are gone */
};

static int new_number(__u32 id, void *ctx)
{
	const struct renumbering *r = ctx;

	return !id ? 0 : id < r->nr ? r->to[id] : id - r->less;
}

static void renumber(__u32 *id, struct renumbering *r)
{
	*id = new_number(*id, r);
}

static void renumber_refs(struct btf_type *t, struct renumbering *r)
{
	__u32 i, n = btf_vlen(t);

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
		renumber(&t->type, r);
		break;
	case BTF_KIND_ARRAY:
		renumber(&btf_array(t)->type, r);
		renumber(&btf_array(t)->index_type, r);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (i = 0; i < n; i++)
			renumber(&btf_members(t)[i].type, r);
		break;
	case BTF_KIND_FUNC_PROTO:
		renumber(&t->type, r);
		for (i = 0; i < n; i++)
			renumber(&btf_params(t)[i].type, r);
		break;
	case BTF_KIND_DATASEC:
		for (i = 0; i < n; i++)
			renumber(&btf_var_secinfos(t)[i].type, r);
		break;
	}
}

static __u32 nr_gone(const __u32 *to, __u32 nr)
{
	__u32 id, gone = 0;

	for (id = 1; id < nr; id++)
		gone += !to[id];
	return gone;
}

struct btf *btf_renumbered(struct btf *vmlinux, const __u32 *to)
{
	__u32 size, id, len, nr = btf__type_cnt(vmlinux);
	const void *raw = btf__raw_data(vmlinux, &size);
	const struct btf_type **at = calloc(nr, sizeof(*at));
	struct renumbering r = { to, nr, nr_gone(to, nr) };
	struct btf_header *hdr = raw ? malloc(size) : NULL;
	struct btf *btf = NULL;
	void *p, *strings;

	if (!at || !hdr)
		goto out;
	memcpy(hdr, raw, size);
	for (id = 1; id < nr; id++)
		at[to[id]] = btf__type_by_id(vmlinux, id);

	p = (void *)hdr + hdr->hdr_len + hdr->type_off;
	strings = (void *)hdr + hdr->hdr_len + hdr->str_off;
	for (id = 1; id < nr - r.less; id++) {
		if (!at[id])
			goto out;
		len = type_size(at[id]);
		memcpy(p, at[id], len);
		renumber_refs(p, &r);
		p += len;
	}
	/* the strings follow */
	hdr->type_len = p - ((void *)hdr + hdr->hdr_len + hdr->type_off);
	memmove(p, strings, hdr->str_len);
	hdr->str_off = hdr->type_off + hdr->type_len;
	btf = btf__new(hdr, hdr->hdr_len + hdr->str_off + hdr->str_len);
out:
	free(hdr);
	free(at);
	return btf;
}

int kmod_renumber(struct kmod *k, struct btf *vmlinux, const __u32 *to)
{
	__u32 nr = btf__type_cnt(vmlinux);
	struct renumbering r = { to, nr, nr_gone(to, nr) };
	struct btf *base = btf_renumbered(vmlinux, to);
	struct btf_header *hdr;
	void *p, *end;
	size_t size;
	int err = -EINVAL;

	hdr = kmod_section(k, ".BTF", &size);
	if (!base || !hdr || kmod_section_header(k, ".BTF.base"))
		goto out;
	p = (void *)hdr + hdr->hdr_len + hdr->type_off;
	for (end = p + hdr->type_len; p < end; p += type_size(p))
		renumber_refs(p, &r);
	err = kmod_map_btf_ids(k, new_number, &r) ?:
	      set_base_id(k, base, LINUX_ELFNOTE_BTF_BASE_ID);
out:
	btf__free(base);
	return err;
}

__u32 *btf_same_order(const struct btf *vmlinux)
{
	__u32 id, nr = btf__type_cnt(vmlinux), *to = calloc(nr, sizeof(*to));

	for (id = 0; to && id < nr; id++)
		to[id] = id;
	return to;
}

struct btf *btf_reordered(struct btf *vmlinux)
{
	__u32 id, nr = btf__type_cnt(vmlinux), *to = btf_same_order(vmlinux);
	struct btf *btf;

	if (!to)
		return NULL;
	/* each to the next place, the last one to the front */
	for (id = 1; id < nr; id++)
		to[id] = id == nr - 1 ? 1 : id + 1;
	btf = btf_renumbered(vmlinux, to);
	free(to);
	return btf;
}
