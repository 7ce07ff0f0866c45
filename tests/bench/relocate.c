// SPDX-License-Identifier: GPL-2.0-only
/*
 * What btf__relocate() of the libbpf it is linked with costs in user space.
 *   relocate UNIT TIMES BASE MODULE...
 * BASE: raw BTF of the vmlinux that the modules belong to. Each module gets a distilled
 * base, and is relocated TIMES times to half of BASE, to the whole and to twice as much.
 * A line of the result: module, libbpf, metric, value, unit; tabs between them. Times are
 * the median of the CPU time in ns; UNIT says what one is: instructions in QEMU with
 * -icount shift=0, else ns. The first relocation to a base may do more than the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kmod_btf_helpers.h"

#define SIZES	3
static const char * const sizes[SIZES] = { "half", "whole", "twice" };

/* ---- allocations ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static size_t largest;

static void count(size_t size)
{
	largest = size > largest ? size : largest;
}

void *__wrap_malloc(size_t size)
{
	count(size);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	count(n * size);
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	count(size);
	return __real_realloc(p, size);
}

/* ---- bases of other sizes ---- */

static void stop(const char *what)
{
	fprintf(stderr, "relocate: error: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *not_null(void *p, const char *what)
{
	if (!p)
		stop(what);
	return p;
}

static struct btf *from_raw(const struct btf *btf, struct btf *base)
{
	const void *raw;
	__u32 size;

	raw = not_null((void *)btf__raw_data(btf, &size), "btf__raw_data");
	return not_null(btf__new_split(raw, size, base), "btf__new_split");
}

/* The types of @btf, @times times, and no string that they do not need */
static struct btf *copies(const struct btf *btf, int times)
{
	struct btf *to = not_null(btf__new_empty(), "btf__new_empty");

	while (times--)
		if (btf__add_btf(to, btf) < 0)
			stop("btf__add_btf");
	return to;
}

/* About every second type, and all with a name that is @needed */
static struct btf *half(struct btf *base, const bool *needed)
{
	__u32 *to = not_null(btf_same_order(base), "half"), id, nr = btf__type_cnt(base), next = 1;
	struct btf *some, *btf;

	for (id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(base, id);

		if (id % 2 && !btf_is_func(t) && !needed[t->name_off])
			to[id] = 0;
	}
	for (id = 1; id < nr; id++)	/* functions go with their prototypes */
		if (btf_is_func(btf__type_by_id(base, id)) && !to[btf__type_by_id(base, id)->type])
			to[id] = 0;
	for (id = 1; id < nr; id++)
		if (to[id])
			to[id] = next++;
	some = not_null(btf_renumbered(base, to), "half");
	btf = copies(some, 1);
	btf__free(some);
	free(to);
	return btf;
}

/* All types, and as many with other names. If @base is ordered by name, so is this */
static struct btf *twice(const struct btf *base)
{
	struct btf *both = copies(base, 2), *btf;
	__u32 id, *to, nr = btf__type_cnt(both), next = 1;
	char name[512] = "~";	/* after all letters */
	int named;

	for (id = btf__type_cnt(base); id < nr; id++) {
		struct btf_type *t = (struct btf_type *)btf__type_by_id(both, id);

		if (!t->name_off)
			continue;
		snprintf(name + 1, sizeof(name) - 1, "%s", btf__name_by_offset(both, t->name_off));
		t->name_off = btf__add_str(both, name);
	}
	to = not_null(btf_same_order(both), "twice");
	for (named = 0; named < 2; named++)
		for (id = 1; id < nr; id++)
			if (!!btf__type_by_id(both, id)->name_off == named)
				to[id] = next++;
	btf = not_null(btf_renumbered(both, to), "twice");
	btf__free(both);
	free(to);
	return btf;
}

/* ---- measure ---- */

static void result(const char *module, const char *size, const char *metric, long value,
		   const char *unit)
{
	printf("%s\tlibbpf\t%s base%s\t%ld\t%s\n", module, size, metric, value, unit);
}

static long cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static long relocate(const struct btf *dist, const struct btf *split, const struct btf *base)
{
	struct btf *d = from_raw(dist, NULL), *s = from_raw(split, d);
	long t;

	largest = 0;
	t = cpu_time();
	if (btf__relocate(s, base))
		stop("btf__relocate");
	t = cpu_time() - t;
	btf__free(s);
	btf__free(d);
	return t;
}

static int cmp(const void *a, const void *b)
{
	long la = *(const long *)a, lb = *(const long *)b;

	return la < lb ? -1 : la > lb;
}

static void measure(const char *path, const struct btf *dist, const struct btf *split,
		    const struct btf *like, const char *size, const char *unit, int times)
{
	struct btf *base = from_raw(like, NULL);
	long *t = not_null(calloc(times, sizeof(*t)), "measure");
	const char *name = strrchr(path, '/');
	char module[64];
	int i;

	name = name ? name + 1 : path;
	snprintf(module, sizeof(module), "%.*s", (int)strcspn(name, "."), name);
	result(module, size, ", first", relocate(dist, split, base), unit);
	result(module, size, ", largest allocation, first", largest, "bytes");
	for (i = 0; i < times; i++)
		t[i] = relocate(dist, split, base);
	result(module, size, ", largest allocation", largest, "bytes");
	qsort(t, times, sizeof(*t), cmp);
	result(module, size, "", t[times / 2], unit);
	free(t);
	btf__free(base);
}

int main(int argc, char **argv)
{
	struct btf *base, *names, *bases[SIZES], **dist, **split;
	int i, s, nr = argc - 4, times = nr < 1 ? 0 : atoi(argv[2]);
	const char *unit = argv[1];
	const void *raw;
	bool *needed;
	__u32 size;

	if (times < 1) {
		fprintf(stderr, "usage: relocate UNIT TIMES BASE MODULE...\n");
		return 2;
	}
	base = not_null(btf__parse_raw(argv[3]), argv[3]);
	names = from_raw(base, NULL);	/* looking up strings changes it */
	raw = btf__raw_data(base, &size);
	needed = not_null(calloc(((struct btf_header *)raw)->str_len, 1), "needed");
	dist = not_null(calloc(nr, sizeof(*dist)), "dist");
	split = not_null(calloc(nr, sizeof(*split)), "split");
	for (i = 0; i < nr; i++) {
		struct btf *of = not_null(btf__parse_split(argv[4 + i], base), argv[4 + i]);
		int id, off;

		if (btf__distill_base(of, &dist[i], &split[i]))
			stop(argv[4 + i]);
		btf__free(of);
		for (id = 1; id < btf__type_cnt(dist[i]); id++) {
			const struct btf_type *t = btf__type_by_id(dist[i], id);

			off = btf__find_str(names, btf__name_by_offset(dist[i], t->name_off));
			if (off > 0)
				needed[off] = true;
		}
	}
	bases[0] = half(base, needed);
	bases[1] = copies(base, 1);
	bases[2] = twice(base);
	for (s = 0; s < SIZES; s++) {
		raw = btf__raw_data(bases[s], &size);
		result("vmlinux", sizes[s], ", types", btf__type_cnt(bases[s]) - 1, "types");
		result("vmlinux", sizes[s], ", size", size, "bytes");
		for (i = 0; i < nr; i++)
			measure(argv[4 + i], dist[i], split[i], bases[s], sizes[s], unit, times);
	}
	return 0;
}
