/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of module BTF share: one module in several forms, what the kernel says of it,
 * and what BPF can do with it.
 */
#ifndef __KMOD_BTF_TEST_H
#define __KMOD_BTF_TEST_H

#include "kmod_btf_helpers.h"

#define KMOD		"bpf_test_btf_mismatch"
#define KMOD_PARAM(p)	"/sys/module/" KMOD "/parameters/" p
#define KMOD_MODE	"/sys/module/module/parameters/btf_mismatch"
#define KFUNC_RETVAL	4242

enum kmod_mode { STRICT, LENIENT, NR_MODES };

extern struct kmod_test {
	struct btf *vmlinux;
	struct btf *one_more, *shifted, *reordered;	/* other bases */
	struct kmod native, distilled;			/* the module, as built with vmlinux */
	bool relocates;					/* this kernel can */
	bool attaches, calls;				/* its JIT can */
} kt;

/*
 * Set up and tear down, with the module unloaded and the mode as it was found.  Call the second
 * also if the first fails.
 */
bool kmod_test_setup(void);
void kmod_test_finish(void);

/*
 * Set the mode.  A kernel without the parameter has the one mode of its config: skip the subtest
 * if that is another.
 */
bool kmod_set_mode(enum kmod_mode mode);

/* A module, and what becomes of it */
struct kmod_variant {
	const char *name;
	const struct kmod *from;
	int (*make)(struct kmod *k);	/* change it, or NULL */
	int (*add)(struct btf *btf);	/* add types to its BTF, or NULL */
	const char *status;
	/* of a load in strict mode, if the BTF is dropped; 0: -EINVAL */
	int err;
	/* that the kernel logs then; NULL: not looked at */
	const char *log;
	const char *params;
	/* what else holds after a load; NULL: BPF can, or cannot, use the module */
	void (*check)(bool used);
};

/* A subtest: the module is refused in strict mode if its BTF is dropped, and loaded else */
void kmod_test_variant(const struct kmod_variant *v, enum kmod_mode mode);
/* The same with each of them, in both modes */
void kmod_test_variants(const struct kmod_variant *v, int nr);

bool kmod_loaded(void);
void kmod_unload(void);
/* File descriptor of the BTF of @module, or an error */
int kmod_btf_fd(const char *module);

/* What the JIT of this machine can do: attach to functions, call kfuncs */
bool kmod_jit_attaches(void);
bool kmod_jit_calls(void);

/* BPF can attach to the module and call its kfunc, if the JIT can; or neither */
void kmod_check_bpf(bool works);
/* What these return, or an error: whether the program ran; what the kfunc returns */
int kmod_attach_and_run(void);
int kmod_call_kfunc(void);

/* Add types to the BTF of @k. Returns an error, or the one of @add. */
int kmod_add_types(struct kmod *k, int (*add)(struct btf *btf));
/* Have @make change @k, but keep its base id */
int kmod_forge(struct kmod *k, int (*make)(struct kmod *k));

int kmod_read_file(const char *path, char *buf, size_t size);
int kmod_write_file(const char *path, const char *s);

/* Read the log of the kernel from here on */
int kmod_log_open(void);
/* Close that, and return how many lines contain @line */
int kmod_log_count(int fd, const char *line);

struct kmod_line {
	const char *line;
	int cnt;		/* so many of the log contain it */
	int log, found;
};

/*
 * Load the module and look for the lines, whose rate is limited: earlier loads may have used up
 * the limit.  If some are missing, load the module again, until the limit has begun anew.
 */
void kmod_test_lines(const struct kmod *k, struct kmod_line *lines, int nr);

#endif
