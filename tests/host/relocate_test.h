/* SPDX-License-Identifier: GPL-2.0-only */
/* What relocate_test.c and relocate_random.c share: one relocates by either
 * btf_relocate() and compares, the other makes the input.
 */
#ifndef RELOCATE_TEST_H
#define RELOCATE_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include "btf.h"
#include "libbpf.h"

/* of libbpf, not exported */
int btf_relocate(struct btf *btf, const struct btf *base_btf, __u32 **id_map);
int btf_relocate_old(struct btf *btf, const struct btf *base_btf, __u32 **id_map);

struct raw {
	const void *data;
	__u32 size;
};

struct result {
	int err;
	void *data;	/* of split BTF; if it was refused, whatever is there */
	__u32 size;
	__u32 *id_map;
	__u32 nr_types;
	unsigned int lines;
	char line[256];
};

enum { RELOCATED, REFUSED, NOT_BTF, DIFFERENT, NR_OUTCOMES };

extern bool verbose;
extern unsigned long differences, outcomes[NR_OUTCOMES];
extern bool shuffle;		/* what is equal, before it is sorted */
extern __thread long fail_at;	/* allocations until one fails; -1: none does */
extern __thread bool failed;

struct raw raw_of(const struct btf *btf);
/* By the old and the new one.  The result of the new one is left in @new. */
int compare(struct raw dist, struct raw split, const struct btf *base, struct result *new,
	    const char *what);
void result_free(struct result *r);
void print_outcomes(const char *what);

/* @n times random input, from @seed on.  Returns 1 if there was a difference. */
int fuzz(uint64_t seed, unsigned long n);

#endif
