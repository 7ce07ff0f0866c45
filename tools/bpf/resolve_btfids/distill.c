// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write what relocates the BTF of a module beside it, into .BTF.distilled.
 *
 * btf__distill_base() renumbers split BTF: its base becomes a small one, of which
 * only named types are left, and the nameless ones it needs follow its own.  Used
 * like that it has to be relocated even on the base it was split from.  So leave
 * .BTF as it is, and write down the difference: the distilled base, the types that
 * follow, and which types of the base both of them were.  Only strings move: all
 * that the module needs are its own, so that none of them has to be found in a base.
 * include/linux/btf_module.h has the format.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <bpf/libbpf_internal.h>
#include "distill.h"

/* Keep in sync with include/linux/btf_module.h */
struct btf_distilled {
	__u32 magic;
	__u32 base_types;
	__u32 base_strs;
	__u32 split_types;
	__u32 dist_types;
	__u32 tail_types;
	__u32 tail_len;
};

#define BTF_DISTILLED_MAGIC 0x01eb9f44

struct distill {
	const char *path;
	struct btf *split, *dist;	/* split from the base, and from the distilled one */
	const struct btf *base, *dist_base;
	__u32 start, dist_start;	/* their first own ids */
	__u32 nr_split;			/* types of both; what more dist has is the tail */
	__u32 nr_tail;
	__u32 *ids;			/* of the base; those of dist_base, then of the tail */
	struct btf *strs;		/* the strings of both */
	enum btf_endianness host;
};

static int fail(const struct distill *d, const char *what)
{
	fprintf(stderr, "FAILED to distill the base of %s: %s\n", d->path, what);
	return -1;
}

/* The place in ids of what dist numbers @id, or NULL if it is one of the split types */
static __u32 *id_of(struct distill *d, __u32 id)
{
	if (id < d->dist_start)
		return d->ids + id - 1;
	id -= d->dist_start;
	return id < d->nr_split ? NULL : d->ids + d->dist_start - 1 + id - d->nr_split;
}

/* Type @id of split is @dist_id of dist: learn what else is the same */
static int pair(struct distill *d, __u32 id, __u32 dist_id)
{
	struct btf_type *t = (struct btf_type *)btf__type_by_id(d->split, id);
	struct btf_type *dt = (struct btf_type *)btf__type_by_id(d->dist, dist_id);
	struct btf_field_iter it, dit;
	__u32 *ref, *dref, *known;

	if (btf_kind(t) != btf_kind(dt) || btf_vlen(t) != btf_vlen(dt) ||
	    btf_field_iter_init(&it, t, BTF_FIELD_ITER_IDS) ||
	    btf_field_iter_init(&dit, dt, BTF_FIELD_ITER_IDS))
		return fail(d, "types have changed their order");

	while ((ref = btf_field_iter_next(&it))) {
		dref = btf_field_iter_next(&dit);
		if (!dref || !*ref != !*dref)
			return fail(d, "types have changed");
		if (!*ref)
			continue;
		known = id_of(d, *dref);
		if (!known) {
			if (*ref - d->start != *dref - d->dist_start)
				return fail(d, "types of the module have changed their order");
			continue;
		}
		if (*known == *ref)
			continue;
		if (*known || *ref >= d->start)
			return fail(d, "a type stands for two");
		*known = *ref;
		if (*dref >= d->dist_start && pair(d, *ref, *dref))
			return -1;
	}
	return 0;
}

/* The kernel bisects them */
static int check_ids(const struct distill *d, const __u32 *ids, __u32 nr)
{
	__u32 i;

	for (i = 0; i < nr; i++)
		if (!ids[i] || (i && ids[i] <= ids[i - 1]))
			return fail(d, "types of the base have changed their order");
	return 0;
}

/* Names of the types of @btf from @id on become those of strs, which begin at @start */
static int own_strings(struct distill *d, struct btf *btf, __u32 id, __u32 start)
{
	struct btf_field_iter it;
	__u32 *off;
	int own;

	for (; id < btf__type_cnt(btf); id++) {
		struct btf_type *t = (struct btf_type *)btf__type_by_id(btf, id);

		if (btf_field_iter_init(&it, t, BTF_FIELD_ITER_STRS))
			return fail(d, "a type is of no known kind");
		while ((off = btf_field_iter_next(&it))) {
			if (!*off)
				continue;
			own = btf__add_str(d->strs, btf__str_by_offset(btf, *off));
			if (own < 0)
				return fail(d, strerror(-own));
			*off = start + own;
		}
	}
	return 0;
}

/* @btf with the strings of strs, which its types have got already */
static struct btf *with_strings(struct distill *d, const struct btf *btf, struct btf *base)
{
	const struct btf_header *h, *strs;
	struct btf *ret = NULL;
	__u32 size, strs_size;
	struct btf_header *out;

	h = btf__raw_data(btf, &size);
	strs = btf__raw_data(d->strs, &strs_size);
	if (!h || !strs)
		return NULL;
	/* they are the last section of what libbpf writes */
	size -= h->str_len;
	out = malloc(size + strs->str_len);
	if (!out)
		return NULL;
	memcpy(out, h, size);
	out->str_len = strs->str_len;
	memcpy((void *)out + size, (void *)strs + strs_size - strs->str_len, strs->str_len);
	ret = btf__new_split(out, size + strs->str_len, base);
	free(out);
	return ret;
}

/* Raw BTF of @btf in the byte order of the module */
static const void *raw_btf(struct btf *btf, enum btf_endianness order, __u32 *size)
{
	return btf__set_endianness(btf, order) ? NULL : btf__raw_data(btf, size);
}

/* Write a section into a file that has its name added to that of the module */
static int write_section(const struct distill *d, const char *name, const struct iovec *part,
			 int nr)
{
	char path[PATH_MAX];
	FILE *f = NULL;
	int i, err;

	err = snprintf(path, sizeof(path), "%s%s", d->path, name) >= sizeof(path);
	if (!err) {
		f = fopen(path, "wb");
		err = !f;
	}
	for (i = 0; i < nr && !err; i++)
		err = part[i].iov_len && fwrite(part[i].iov_base, part[i].iov_len, 1, f) != 1;
	if (f && fclose(f))
		err = -1;
	if (err) {
		unlink(path);
		fprintf(stderr, "FAILED to write %s: %s\n", path, strerror(errno));
	}
	return err ? -1 : 0;
}

static int emit(struct distill *d, enum btf_endianness order)
{
	__u32 nr_ids = d->dist_start - 1 + d->nr_tail, i, size, base_size;
	struct btf *split = with_strings(d, d->split, (struct btf *)d->base);
	struct btf *dist = with_strings(d, d->dist, (struct btf *)d->dist_base);
	const struct btf_header *h;
	struct btf_distilled head;
	const void *raw, *base_raw;
	struct iovec part[4];
	size_t tail_off;
	int err = -1;

	if (!split || !dist) {
		fail(d, strerror(errno));
		goto out;
	}
	h = btf_header(dist);
	tail_off = d->nr_tail ? (void *)btf__type_by_id(dist, d->dist_start + d->nr_split) -
				(void *)btf__type_by_id(dist, d->dist_start) : h->type_len;
	head = (struct btf_distilled){
		.magic = BTF_DISTILLED_MAGIC,
		.base_types = d->start,
		.base_strs = btf_header(d->base)->str_len,
		.split_types = d->nr_split,
		.dist_types = d->dist_start,
		.tail_types = d->nr_tail,
		.tail_len = h->type_len - tail_off,
	};
	tail_off += h->hdr_len;

	raw = raw_btf(split, order, &size);
	if (!raw) {
		fail(d, strerror(errno));
		goto out;
	}
	part[0] = (struct iovec){ (void *)raw, size };
	if (write_section(d, ".BTF", part, 1))
		goto out;

	raw = raw_btf(dist, order, &size);
	base_raw = raw_btf((struct btf *)d->dist_base, order, &base_size);
	if (!raw || !base_raw) {
		fail(d, strerror(errno));
		goto out;
	}
	part[0] = (struct iovec){ &head, sizeof(head) };
	part[1] = (struct iovec){ d->ids, nr_ids * sizeof(__u32) };
	part[2] = (struct iovec){ (void *)raw + tail_off, head.tail_len };
	part[3] = (struct iovec){ (void *)base_raw, base_size };
	for (i = 0; order != d->host && i < sizeof(head) / sizeof(__u32); i++)
		((__u32 *)&head)[i] = __builtin_bswap32(((__u32 *)&head)[i]);
	for (i = 0; order != d->host && i < nr_ids; i++)
		d->ids[i] = __builtin_bswap32(d->ids[i]);
	err = write_section(d, ".BTF.distilled", part, 4);
out:
	btf__free(split);
	btf__free(dist);
	return err;
}

int distill_both(const char *path, struct btf *btf)
{
	enum btf_endianness order = btf__endianness(btf);
	struct distill d = {
		.path = path,
		.split = btf,
		.base = btf__base_btf(btf),
		.strs = btf__new_empty(),
	};
	struct btf *dist_base = NULL;
	__u32 i;
	int err;

	d.host = d.strs ? btf__endianness(d.strs) : order;	/* that of new BTF */
	err = d.strs ? btf__distill_base(btf, &dist_base, &d.dist) : -ENOMEM;
	if (err) {
		err = fail(&d, strerror(-err));
		goto out;
	}
	d.dist_base = dist_base;
	d.start = btf__type_cnt(d.base);
	d.dist_start = btf__type_cnt(dist_base);
	d.nr_split = btf__type_cnt(btf) - d.start;
	d.nr_tail = btf__type_cnt(d.dist) - d.dist_start - d.nr_split;
	d.ids = calloc(d.dist_start + d.nr_tail, sizeof(*d.ids));
	if (!d.ids) {
		err = fail(&d, strerror(ENOMEM));
		goto out;
	}

	for (i = 0; i < d.nr_split && !err; i++)
		err = pair(&d, d.start + i, d.dist_start + i);
	err = err ?: check_ids(&d, d.ids, d.dist_start - 1);
	err = err ?: check_ids(&d, d.ids + d.dist_start - 1, d.nr_tail);
	err = err ?: own_strings(&d, d.split, d.start, btf_header(d.base)->str_len);
	err = err ?: own_strings(&d, d.dist, d.dist_start, btf_header(dist_base)->str_len);
	if (err)
		goto out;
	/* nothing has been written from any of them before */
	btf__set_endianness(d.split, d.host);
	btf__set_endianness(d.dist, d.host);
	err = emit(&d, order);
	btf__set_endianness(d.split, order);
out:
	btf__free(d.strs);
	btf__free(d.dist);
	btf__free(dist_base);
	free(d.ids);
	return err;
}
