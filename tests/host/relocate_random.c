// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random input for relocate_test.c: a base, split BTF with a distilled base, and another
 * base that has much in common with the first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "relocate_test.h"

static uint64_t rnd_state;

static uint32_t rnd(uint32_t n)
{
	rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
	return ((rnd_state >> 32) * (uint64_t)n) >> 32;
}

static bool percent(uint32_t p)
{
	return rnd(100) < p;
}

#define MAX_TYPES	64
#define MAX_EXTRA	4

struct type {
	const char *name;	/* NULL: none */
	__u32 kind, kflag, vlen;
	__u32 size_type;
	__u32 extra[3 * MAX_EXTRA + 1];
	__u32 nr_extra;		/* words after struct btf_type */
	__u32 strs;		/* bit mask: these are offsets of strings */
	const char *extra_names[3 * MAX_EXTRA + 1];
};

struct gen {
	struct type types[MAX_TYPES];
	__u32 nr;		/* without void */
	__u32 start_id;
	__u32 start_str;
	int same_str;		/* percentage of names that share an offset */
	char strs[4096];
	__u32 str_len;
	char data[16384];
	__u32 size;
};

static const char * const names[] = {
	"a", "b", "c", "ab", "abc", "d", "task_struct", "struct", "long unsigned int", "e", "f",
	"list_head", "zz", "B", "_x", "",
};

static __u32 nr_names = 16;

static const __u32 sizes[] = { 4, 8, 4, 8, 16, 1, 0, 2, 0x80000004, 0x7fffffff };

static const char *rnd_name(void)
{
	/* the empty one is rare */
	if (percent(1))
		return "";
	return names[rnd(nr_names < 15 ? nr_names : 15)];
}

static __u32 add_str(struct gen *g, const char *s)
{
	__u32 off;

	if (!s)
		return 0;
	/* also one that ends another */
	if (g->same_str == 100 || (int)rnd(100) < g->same_str)
		for (off = 1; off < g->str_len; off++)
			if (!strcmp(g->strs + off, s) && (*s || off + 1 < g->str_len))
				return g->start_str + off;
	off = g->str_len;
	if (off + strlen(s) + 1 > sizeof(g->strs)) {
		printf("strings are too long\n");
		exit(2);
	}
	strcpy(g->strs + off, s);
	g->str_len += strlen(s) + 1;
	return g->start_str + off;
}

static void put(struct gen *g, const void *p, __u32 size)
{
	if (g->size + size > sizeof(g->data)) {
		printf("BTF is too long\n");
		exit(2);
	}
	memcpy(g->data + g->size, p, size);
	g->size += size;
}

static struct raw gen_raw(struct gen *g)
{
	struct btf_header h = { .magic = BTF_MAGIC, .version = BTF_VERSION };
	__u32 i, j;

	g->size = 0;
	g->str_len = g->start_id > 1 ? 0 : 1;
	g->strs[0] = '\0';
	h.hdr_len = 24;
	put(g, &h, h.hdr_len);
	for (i = 0; i < g->nr; i++) {
		struct type *t = &g->types[i];
		struct btf_type bt = {
			.name_off = add_str(g, t->name),
			.info = t->kflag << 31 | t->kind << 24 | t->vlen,
			.size = t->size_type,
		};

		put(g, &bt, sizeof(bt));
		for (j = 0; j < t->nr_extra; j++) {
			__u32 w = t->strs & 1 << j ? add_str(g, t->extra_names[j]) : t->extra[j];

			put(g, &w, sizeof(w));
		}
	}
	h.type_len = g->size - h.hdr_len;
	h.str_off = h.type_len;
	h.str_len = g->str_len;
	put(g, g->strs, g->str_len);
	memcpy(g->data, &h, h.hdr_len);
	return (struct raw){ g->data, g->size };
}

/* A kind that can be in a distilled base, most often */
static __u32 rnd_named_kind(void)
{
	static const __u32 kinds[] = {
		BTF_KIND_INT, BTF_KIND_FLOAT, BTF_KIND_ENUM, BTF_KIND_ENUM64, BTF_KIND_FWD,
		BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_STRUCT, BTF_KIND_STRUCT,
	};

	return kinds[rnd(sizeof(kinds) / sizeof(kinds[0]))];
}

static void set_named(struct type *t, __u32 kind, const char *name)
{
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->name = name;
	t->size_type = sizes[rnd(percent(90) ? 5 : 10)];
	if (kind == BTF_KIND_FWD)
		t->size_type = 0;
	if (kind == BTF_KIND_FWD || kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION)
		t->kflag = rnd(2);
	if (kind == BTF_KIND_INT) {
		t->extra[0] = rnd(3) << 24 | 32;
		t->nr_extra = 1;
	}
}

static void add_ref(struct type *t, __u32 kind, const char *name, __u32 to)
{
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->name = name;
	t->size_type = to;
}

/* Types that refer to others, to those before @id */
static void set_ref(struct gen *g, struct type *t, __u32 id)
{
	static const __u32 kinds[] = {
		BTF_KIND_PTR, BTF_KIND_CONST, BTF_KIND_VOLATILE, BTF_KIND_RESTRICT, BTF_KIND_TYPEDEF,
		BTF_KIND_TYPE_TAG, BTF_KIND_ARRAY, BTF_KIND_STRUCT, BTF_KIND_UNION,
		BTF_KIND_FUNC_PROTO, BTF_KIND_FUNC, BTF_KIND_VAR, BTF_KIND_DATASEC,
		BTF_KIND_DECL_TAG, BTF_KIND_STRUCT, BTF_KIND_STRUCT, BTF_KIND_ENUM, BTF_KIND_ENUM64,
	};
	__u32 kind = kinds[rnd(sizeof(kinds) / sizeof(kinds[0]))], i;

	add_ref(t, kind, NULL, 0);
	switch (kind) {
	case BTF_KIND_PTR:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
		t->size_type = rnd(id);
		break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_TYPE_TAG:
		t->name = rnd_name();
		t->size_type = rnd(id);
		break;
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		t->name = rnd_name();
		t->size_type = rnd(id);
		t->nr_extra = 1;
		break;
	case BTF_KIND_ARRAY:
		t->extra[0] = rnd(id);
		t->extra[1] = rnd(id);
		t->extra[2] = 3;
		t->nr_extra = 3;
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
		t->name = percent(30) && kind != BTF_KIND_DATASEC ? NULL : rnd_name();
		t->size_type = sizes[rnd(5)];
		t->vlen = rnd(MAX_EXTRA + 1);
		t->nr_extra = 3 * t->vlen;
		for (i = 0; i < t->vlen; i++) {
			if (kind == BTF_KIND_DATASEC) {
				t->extra[3 * i] = rnd(id);
				continue;
			}
			t->strs |= 1 << 3 * i;
			t->extra_names[3 * i] = percent(20) ? NULL : rnd_name();
			t->extra[3 * i + 1] = rnd(id);
		}
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		t->name = percent(30) ? NULL : rnd_name();
		t->size_type = 4;
		t->vlen = 1;
		t->nr_extra = kind == BTF_KIND_ENUM ? 2 : 3;
		t->strs = 1;
		t->extra_names[0] = rnd_name();
		break;
	case BTF_KIND_FUNC_PROTO:
		t->size_type = rnd(id);
		t->vlen = rnd(MAX_EXTRA + 1);
		t->nr_extra = 2 * t->vlen;
		for (i = 0; i < t->vlen; i++) {
			t->strs |= 1 << 2 * i;
			t->extra_names[2 * i] = percent(20) ? NULL : rnd_name();
			t->extra[2 * i + 1] = rnd(id);
		}
		break;
	case BTF_KIND_FUNC:
		for (i = 0; i < g->nr; i++)
			if (g->types[i].kind == BTF_KIND_FUNC_PROTO)
				t->size_type = g->start_id + i;
		if (t->size_type)
			t->name = rnd_name();
		else
			t->kind = BTF_KIND_PTR;
		break;
	}
}

static void gen_init(struct gen *g, const struct gen *base)
{
	g->nr = 0;
	g->start_id = base ? base->start_id + base->nr : 1;
	g->start_str = base ? base->str_len : 0;
	g->same_str = percent(80) ? 100 : 50;
}

/* Names of a base are not often the same, those of distilled types less so */
static void gen_named(struct gen *g, __u32 nr, int refs, bool distinct)
{
	__u32 i, j;

	for (i = 0; i < nr; i++) {
		struct type *t = &g->types[g->nr];

		if ((int)rnd(100) < refs) {
			set_ref(g, t, g->start_id + g->nr);
		} else {
			set_named(t, rnd_named_kind(), rnd_name());
			if (t->kind != BTF_KIND_FWD && percent(3))
				t->name = NULL;
			for (j = 0; distinct && t->name && j < g->nr; j++)
				if (g->types[j].name && !strcmp(g->types[j].name, t->name))
					break;
			if (distinct && t->name && j < g->nr)
				continue;
		}
		g->nr++;
	}
}

static int cmp_types(const void *a, const void *b)
{
	const struct type *ta = a, *tb = b;

	return strcmp(ta->name ?: "", tb->name ?: "");
}

/* Another base than @g, with much in common; references are not kept */
static void gen_change(struct gen *g)
{
	__u32 i, j, n = rnd(4), sorted;

	for (; n && g->nr; n--) {
		struct type *t = &g->types[rnd(g->nr)];

		switch (rnd(9)) {
		case 0:		/* gone */
			if (t->kind != BTF_KIND_FUNC_PROTO)
				*t = g->types[--g->nr];
			break;
		case 1:		/* twice */
			if (g->nr < MAX_TYPES)
				g->types[g->nr++] = *t;
			break;
		case 2:
			if (t->kind == BTF_KIND_STRUCT || t->kind == BTF_KIND_UNION)
				t->size_type = sizes[rnd(10)];
			break;
		case 3:
			if (g->nr < MAX_TYPES)
				set_named(&g->types[g->nr++], rnd_named_kind(), t->name);
			break;
		case 4:
			if (t->kind == BTF_KIND_STRUCT)
				t->kind = BTF_KIND_UNION;
			break;
		case 5:
			if (t->kind == BTF_KIND_STRUCT || t->kind == BTF_KIND_UNION)
				set_named(t, BTF_KIND_FWD, t->name);
			break;
		case 6:
			if (t->kind == BTF_KIND_ENUM && !t->nr_extra)
				t->kind = BTF_KIND_ENUM64;
			break;
		case 7:
			if (t->kind == BTF_KIND_FWD)
				set_named(t, percent(50) ? BTF_KIND_STRUCT : BTF_KIND_UNION,
					  t->name);
			break;
		case 8:
			if (g->nr < MAX_TYPES)
				set_named(&g->types[g->nr++], rnd_named_kind(), rnd_name());
			break;
		}
	}

	sorted = rnd(3);
	if (sorted != 1)
		for (i = g->nr; i > 1; i--) {
			struct type t = g->types[i - 1];

			j = rnd(i);
			g->types[i - 1] = g->types[j];
			g->types[j] = t;
		}
	if (sorted == 2)
		qsort(g->types, g->nr, sizeof(g->types[0]), cmp_types);

	/* as in vmlinux each string is there once, the empty one at offset 0: where the base is
	 * sorted, equal names are neighbours, wherever they are
	 */
	g->same_str = 100;

	/* nothing looks at what types of the base refer to; let it be valid */
	for (i = 0; i < g->nr; i++) {
		struct type *t = &g->types[i];

		if (t->name && !*t->name)
			t->name = NULL;
		switch (t->kind) {
		case BTF_KIND_FUNC:
			for (j = 0; j < g->nr && g->types[j].kind != BTF_KIND_FUNC_PROTO; j++)
				;
			t->size_type = g->start_id + j;
			if (j < g->nr)
				break;
			t->kind = BTF_KIND_TYPEDEF;
			/* fall through */
		case BTF_KIND_PTR:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_TYPE_TAG:
		case BTF_KIND_VAR:
		case BTF_KIND_DECL_TAG:
		case BTF_KIND_FUNC_PROTO:
			if (t->size_type > g->nr)
				t->size_type = 0;
			break;
		}
		for (j = 0; j < t->nr_extra; j++)
			if (t->kind != BTF_KIND_INT && t->extra[j] > g->nr)
				t->extra[j] = 0;
	}
}

/* Neither of the two ends on a circle of modifiers and arrays, which user space
 * can make and, before it relocates, the kernel refuses
 */
static bool has_circle(const struct btf *btf)
{
	const struct btf_type *t;
	__u32 i, id, n = btf__type_cnt(btf);
	int len;

	for (i = 1; i < n; i++) {
		id = i;
		for (len = 0; len < 2 * MAX_TYPES; len++) {
			t = btf__type_by_id(btf, id);
			if (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t))
				id = t->type;
			else if (btf_is_array(t))
				id = btf_array(t)->type;
			else
				break;
		}
		if (len == 2 * MAX_TYPES)
			return true;
	}
	return false;
}

static void fuzz_count(struct raw dist, struct raw split, struct btf *base, uint64_t seed)
{
	struct result new;
	char what[64];
	int times, outcome;

	struct btf *d = btf__new(dist.data, dist.size);
	struct btf *s = d ? btf__new_split(split.data, split.size, d) : NULL;
	bool circle = s && has_circle(s);

	btf__free(s);
	btf__free(d);
	if (circle) {
		outcomes[NOT_BTF]++;
		return;
	}
	snprintf(what, sizeof(what), "seed %llu", (unsigned long long)seed);
	outcome = compare(dist, split, base, &new, what);
	outcomes[outcome]++;
	if (verbose && new.line[0])
		printf("%s: %s", what, new.line);
	result_free(&new);
	if (outcome == NOT_BTF)
		return;

	/* the base changes after it has been relocated to */
	for (times = percent(20) ? 2 : 0; times; times--) {
		switch (rnd(3)) {
		case 0:
			btf__add_struct(base, rnd_name(), sizes[rnd(5)]);
			break;
		case 1:
			btf__add_fwd(base, rnd_name(), BTF_FWD_STRUCT);
			break;
		case 2:
			btf__dedup(base, NULL);
			break;
		}
		outcomes[compare(dist, split, base, &new, what)]++;
		result_free(&new);
	}

	/* no memory: no result, and no crash */
	if (percent(2)) {
		struct btf *fresh;
		struct raw r = raw_of(base);
		struct btf *d, *s;
		__u32 *map;
		int i, err;

		for (i = 0, failed = true; failed && i < 20; i++) {
			fresh = btf__new(r.data, r.size);
			d = btf__new(dist.data, dist.size);
			s = btf__new_split(split.data, split.size, d);
			if (!fresh || !s)
				exit(2);
			map = NULL;
			failed = false;
			fail_at = i;
			err = btf_relocate(s, fresh, &map);
			fail_at = -1;
			if (failed && err != -ENOMEM) {
				printf("%s: allocation %d failed: %d\n", what, i, err);
				differences++;
			}
			free(map);
			btf__free(s);
			btf__free(d);
			btf__free(fresh);
		}
	}
}

static void fuzz_one(uint64_t seed)
{
	static struct gen base, dist, split;
	struct btf *a, *s, *b, *d = NULL, *ds = NULL;
	struct raw r;

	rnd_state = seed * 0x9e3779b97f4a7c15ull + 1;
	rnd(1);
	nr_names = 2 + rnd(14);

	gen_init(&base, NULL);
	gen_named(&base, 1 + rnd(percent(20) ? 40 : 12), rnd(60), percent(60));

	if (percent(30)) {
		/* anything that libbpf takes for a distilled base */
		gen_init(&dist, NULL);
		if (percent(50)) {
			gen_named(&dist, rnd(8), percent(5) ? 20 : 0, percent(70));
		} else {
			__u32 i;

			for (i = 0; i < base.nr && dist.nr < 8; i++)
				if (base.types[i].name && percent(50)) {
					dist.types[dist.nr] = base.types[i];
					if (dist.types[dist.nr].kind == BTF_KIND_ENUM64)
						dist.types[dist.nr].kind = BTF_KIND_ENUM;
					if (dist.types[dist.nr].kind == BTF_KIND_STRUCT ||
					    dist.types[dist.nr].kind == BTF_KIND_UNION ||
					    dist.types[dist.nr].kind == BTF_KIND_ENUM)
						dist.types[dist.nr].vlen =
						dist.types[dist.nr].nr_extra = 0;
					dist.nr++;
				}
		}
		if (dist.nr && percent(3))
			dist.types[rnd(dist.nr)].size_type = rnd(10);
		r = gen_raw(&dist);
		gen_init(&split, &dist);
		if (percent(50))
			split.same_str = 100;
		gen_named(&split, 1 + rnd(10), 80, false);
		/* names that are in the base are not there twice */
		gen_raw(&split);
		gen_change(&base);
		gen_raw(&base);
		b = btf__new(base.data, base.size);
		if (!b) {
			outcomes[NOT_BTF]++;
			return;
		}
		/* some of its names are those of distilled types */
		if (split.nr && dist.str_len > 1 && percent(70)) {
			struct btf_type *t = (void *)(split.data + 24);

			t->name_off = 1 + rnd(dist.str_len - 1);
		}
		fuzz_count(r, (struct raw){ split.data, split.size }, b, seed);
		btf__free(b);
		return;
	}

	r = gen_raw(&base);
	a = btf__new(r.data, r.size);
	gen_init(&split, &base);
	gen_named(&split, 1 + rnd(12), 90, false);
	r = gen_raw(&split);
	s = a ? btf__new_split(r.data, r.size, a) : NULL;
	/* from a split that needs no named type of its base, libbpf makes one with
	 * wrong ids: it takes it for the base, because both start at 1
	 */
	if (!s || btf__distill_base(s, &d, &ds) || btf__type_cnt(d) == 1) {
		btf__free(ds);
		btf__free(d);
		outcomes[NOT_BTF]++;
		btf__free(s);
		btf__free(a);
		return;
	}
	gen_change(&base);
	r = gen_raw(&base);
	b = btf__new(r.data, r.size);
	if (b)
		fuzz_count(raw_of(d), raw_of(ds), b, seed);
	else
		outcomes[NOT_BTF]++;
	btf__free(b);
	btf__free(ds);
	btf__free(d);
	btf__free(s);
	btf__free(a);
}

int fuzz(uint64_t seed, unsigned long n)
{
	uint64_t i;

	shuffle = true;
	for (i = 0; i < n; i++)
		fuzz_one(seed + i);
	print_outcomes("random");
	return !!differences;
}
