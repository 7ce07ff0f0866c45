// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does btf_relocate() give what it gave before it looked up distilled types in
 * the base?  Compares it with the old one, of 1-fixes alone, on random
 * input and on the modules of distributions: error, or bytes of the result and map
 * of ids.  Exits with 1 if there is a difference.  tests/host/relocation
 * builds it; the random input is in relocate_random.c.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "relocate_test.h"

typedef int (*relocate_fn)(struct btf *btf, const struct btf *base_btf, __u32 **id_map);

bool verbose;
unsigned long differences;

/* ---- allocations that fail ---- */

__thread long fail_at = -1;	/* allocations until one fails */
__thread bool failed;
static __thread size_t allocated;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool fails(void)
{
	if (fail_at < 0 || fail_at-- > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	allocated += size;
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocated += n * size;
	return fails() ? NULL : __real_calloc(n, size);
}

/* ---- as sort() of the kernel, qsort() need not keep the order of equals ---- */

void __real_qsort(void *p, size_t n, size_t size, int (*cmp)(const void *, const void *));
void __wrap_qsort(void *p, size_t n, size_t size, int (*cmp)(const void *, const void *));

bool shuffle;

void __wrap_qsort(void *p, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	static uint32_t state;
	size_t i, j, k;
	char *a = p, c;

	for (i = n; shuffle && i > 1; i--) {
		state = state * 1664525 + 1013904223;
		j = ((uint64_t)state * i) >> 32;
		for (k = 0; k < size; k++) {
			c = a[(i - 1) * size + k];
			a[(i - 1) * size + k] = a[j * size + k];
			a[j * size + k] = c;
		}
	}
	__real_qsort(p, n, size, cmp);
}

/* ---- what libbpf says ---- */

static __thread unsigned int lines;
static __thread char last_line[256];
static bool silent = true;

static int print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	lines++;
	vsnprintf(last_line, sizeof(last_line), fmt, args);
	if (!silent)
		fputs(last_line, stderr);
	return 0;
}

/* ---- comparison ---- */

struct raw raw_of(const struct btf *btf)
{
	struct raw r;

	r.data = btf__raw_data(btf, &r.size);
	if (!r.data) {
		perror("btf__raw_data");
		exit(2);
	}
	return r;
}

/* Returns false if libbpf does not take the BTF */
static bool relocate(relocate_fn fn, struct raw dist, struct raw split,
		     const struct btf *base, struct result *res)
{
	struct btf *d, *s = NULL;
	struct raw r;

	memset(res, 0, sizeof(*res));
	d = btf__new(dist.data, dist.size);
	if (d)
		s = btf__new_split(split.data, split.size, d);
	if (!s) {
		btf__free(d);
		return false;
	}
	res->nr_types = btf__type_cnt(s);
	lines = 0;
	last_line[0] = '\0';
	res->err = fn(s, base, &res->id_map);
	res->lines = lines;
	snprintf(res->line, sizeof(res->line), "%s", last_line);
	if (!res->err && btf__base_btf(s) != base)
		res->err = 1;
	r = raw_of(s);
	res->data = __real_malloc(r.size);
	memcpy(res->data, r.data, r.size);
	res->size = r.size;
	btf__free(s);
	btf__free(d);
	return true;
}

void result_free(struct result *r)
{
	free(r->data);
	free(r->id_map);
}

int compare(struct raw dist, struct raw split, const struct btf *base,
		   struct result *new, const char *what)
{
	const char *diff = NULL;
	struct result old;
	int outcome;

	memset(new, 0, sizeof(*new));
	if (!relocate(btf_relocate_old, dist, split, base, &old))
		return NOT_BTF;
	relocate(btf_relocate, dist, split, base, new);
	if (old.err != new->err)
		diff = "error";
	else if (!old.err && (old.size != new->size || memcmp(old.data, new->data, old.size)))
		diff = "BTF";
	else if (!old.id_map != !new->id_map ||
		 (old.id_map && memcmp(old.id_map, new->id_map, old.nr_types * sizeof(__u32))))
		diff = "map of ids";
	else if (new->lines != !!new->err)
		diff = "number of lines";
	outcome = old.err ? REFUSED : RELOCATED;
	if (diff) {
		printf("%s: %s differs; old: %d, %s new: %d, %s\n", what, diff, old.err,
		       old.line[0] ? old.line : "-", new->err,
		       new->line[0] ? new->line : "-");
		differences++;
		outcome = DIFFERENT;
	}
	result_free(&old);
	return outcome;
}

unsigned long outcomes[NR_OUTCOMES];

void print_outcomes(const char *what)
{
	printf("%s: %lu relocated, %lu refused, %lu not BTF, %lu differ\n", what,
	       outcomes[RELOCATED], outcomes[REFUSED], outcomes[NOT_BTF], outcomes[DIFFERENT]);
}

/* ---- real modules ---- */

static struct btf *parse(const char *path, struct btf *base)
{
	struct btf *btf = btf__parse_split(path, base);

	if (!btf) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	return btf;
}

/* BTF of a module (.ko, or raw split BTF) with a distilled base: the one it has,
 * or made here from the base it was built with
 */
static struct btf *parse_module(const char *path, struct btf *own_base, struct btf **dist)
{
	struct btf *s, *ds;

	if (!own_base) {
		s = parse(path, NULL);
		*dist = (struct btf *)btf__base_btf(s);
		if (!*dist) {
			fprintf(stderr, "%s: no .BTF.base, -o is needed\n", path);
			exit(2);
		}
		return s;
	}
	s = parse(path, own_base);
	if (btf__distill_base(s, dist, &ds)) {
		fprintf(stderr, "%s: cannot distill: %s\n", path, strerror(errno));
		exit(2);
	}
	btf__free(s);
	return ds;
}

static int modules(const char *own, const char *base, int nr, char **paths)
{
	struct btf *own_base = own ? parse(own, NULL) : NULL, *b = parse(base, NULL);
	struct btf *s, *d;
	struct result new;
	int i;

	for (i = 0; i < nr; i++) {
		s = parse_module(paths[i], own_base, &d);
		outcomes[compare(raw_of(d), raw_of(s), b, &new, paths[i])]++;
		if (verbose && new.line[0])
			printf("%s: %s", paths[i], new.line);
		result_free(&new);
		btf__free(s);
		if (own_base)
			btf__free(d);
	}
	print_outcomes(base);
	btf__free(b);
	btf__free(own_base);
	return !!differences;
}

/* For valgrind and perf: relocate one module, by one of the two */
static int once(const char *own, const char *base, bool old, int times, const char *path)
{
	struct btf *own_base = own ? parse(own, NULL) : NULL, *b = parse(base, NULL);
	relocate_fn fn = old ? btf_relocate_old : btf_relocate;
	struct btf *s, *d, *d2, *s2;
	struct raw rd, rs;
	__u32 *map;
	int i, err = 0;

	s = parse_module(path, own_base, &d);
	rd = raw_of(d);
	rs = raw_of(s);
	for (i = 0; i < times; i++) {
		d2 = btf__new(rd.data, rd.size);
		s2 = btf__new_split(rs.data, rs.size, d2);
		map = NULL;
		allocated = 0;
		err = fn(s2, b, &map);
		if (!i || i == times - 1)
			printf("%s: %d, %u distilled types, %u split, %zu bytes allocated\n",
			       path, err, btf__type_cnt(d2) - 1,
			       btf__type_cnt(s) - btf__type_cnt(d2), allocated);
		free(map);
		btf__free(s2);
		btf__free(d2);
	}
	return !!err;
}

/* ---- many threads, one base ---- */

static struct raw thread_dist, thread_split;
static struct btf *thread_base;
static struct result thread_expect;

static void *thread(void *arg)
{
	struct result r;

	if (!relocate(btf_relocate, thread_dist, thread_split, thread_base, &r))
		exit(2);
	if (r.err != thread_expect.err || r.size != thread_expect.size ||
	    memcmp(r.data, thread_expect.data, r.size))
		__atomic_add_fetch(&differences, 1, __ATOMIC_RELAXED);
	result_free(&r);
	return arg;
}

static int threads(const char *own, const char *base, int times, const char *path)
{
	struct btf *own_base = own ? parse(own, NULL) : NULL, *s, *d;
	pthread_t t[8];
	int i, n;

	s = parse_module(path, own_base, &d);
	thread_dist = raw_of(d);
	thread_split = raw_of(s);
	for (n = 0; n < times; n++) {
		thread_base = parse(base, NULL);
		relocate(btf_relocate_old, thread_dist, thread_split, thread_base, &thread_expect);
		for (i = 0; i < 8; i++)
			if (pthread_create(&t[i], NULL, thread, NULL))
				exit(2);
		for (i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
		result_free(&thread_expect);
		btf__free(thread_base);
	}
	printf("threads: %d times 8, %lu differ\n", times, differences);
	return !!differences;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: relocate_test [-v] [-s SEED] [-n CASES]            random input\n"
		"       relocate_test [-v] [-o OWN-BASE] -b BASE MODULE... modules on a base\n"
		"       relocate_test [-o OWN-BASE] -b BASE -1 old|new [-n TIMES] MODULE\n"
		"       relocate_test [-o OWN-BASE] -b BASE -t -n TIMES MODULE  8 threads\n"
		"-o: the base the modules were built with, if they have no .BTF.base\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *own = NULL, *base = NULL, *one = NULL;
	unsigned long seed = 1, n = 0;
	bool threaded = false;
	int c;

	while ((c = getopt(argc, argv, "vs:n:o:b:1:t")) != -1) {
		switch (c) {
		case 'v':
			verbose = true;
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			n = strtoul(optarg, NULL, 0);
			break;
		case 'o':
			own = optarg;
			break;
		case 'b':
			base = optarg;
			break;
		case '1':
			one = optarg;
			break;
		case 't':
			threaded = true;
			break;
		default:
			return usage();
		}
	}
	libbpf_set_print(print);
	if (!base)
		return optind == argc ? fuzz(seed, n ?: 1000000) : usage();
	if (optind == argc)
		return usage();
	if (threaded)
		return threads(own, base, n ?: 1, argv[optind]);
	if (one) {
		silent = false;
		return once(own, base, !strcmp(one, "old"), n ?: 1, argv[optind]);
	}
	return modules(own, base, argc - optind, argv + optind);
}
