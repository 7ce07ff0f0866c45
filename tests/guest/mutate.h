/* SPDX-License-Identifier: GPL-2.0-only */
/* Damaged modules: what mutate.c, which loads them, and damage.c share */
#ifndef MUTATE_H
#define MUTATE_H

#include "guest.h"

#define MAX_MODULES	128
#define MAX_TYPES	65536

#define TEST_MOD	"bpf_test_btf_mismatch"

/* On the base it was split from, with a distilled base of that, and of another one */
enum form { SPLIT, DISTILLED, OTHER };

struct module {
	char name[64];
	const char *params;
	enum form form;
	struct kmod k;
};

extern struct module modules[MAX_MODULES];
extern unsigned int nr_modules;
extern unsigned char running[BTF_BASE_ID_SIZE];	/* id of this kernel */

/* The load that is being made */
extern struct load {
	unsigned long n;
	const struct module *m;
	struct kmod k;
	const char *mode, *params;
	__u32 first, nr;	/* ids of the split types of the module, as it was built */
	bool elf;		/* headers have been damaged, not only what is in the sections */
	char changes[512];
} now;

/* Chance of load @n, which depends on the two only */
void set_chance(__u64 seed, unsigned long n);
/* 0 .. @n - 1 */
__u32 rnd(__u32 n);

/* Damage now.k; say so in now.changes.  They return whether something has changed. */
bool change(void);
/* ...and undo what is no matter of BTF, but section_header() is after that */
void settle(void);
bool section_header(void);

/* The types of section @name of now.k, where they begin */
__u32 types_of(const char *name, struct btf_type **types);

static inline void put(void *p, __u32 v)
{
	memcpy(p, &v, sizeof(v));
}

#endif
