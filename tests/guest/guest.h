/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs in the guest; init.c chooses one of these by guest= on the command line */
#ifndef GUEST_H
#define GUEST_H

#include "kmod_btf_test.h"

/* Tests. Results are lines of KTAP on standard output. */
void serial_test_btf_module_id(void);	/* the selftests; the last one only with clang */
void serial_test_btf_module_format(void);
void serial_test_btf_module_ids(void);
void serial_test_btf_module_refs(void);
void serial_test_btf_module_core(void) __attribute__((weak));
void test_btf_distill(void);		/* upstream's, of libbpf */
void test_fitting_modules(void);	/* of those that any kernel uses */
void test_all_modules(void);
void test_default_mode(const char *mode);
void test_dkms(void);		/* v4l2loopback, as DKMS has built it */
void test_abi(void);		/* modules of the other build, under MODVERSIONS */
void test_strips(void);		/* a module after everything that strips modules */
void test_cases(void);		/* what wrong BTF leads to */
void test_trampoline(void);	/* the same, but it ends a kernel that uses it */
/* These need a kernel with configs/debug.config */
void test_faults(void);
void test_interplay(void);
void test_signed(void);
void test_races(void);	/* for seconds= seconds */
void test_leaks(void);		/* at the end of each; says nothing without kmemleak */
/* and these User Mode Linux */
void test_mutations(void);	/* seed=, count=, start= */
void test_no_vmlinux_btf(void);

int demo(void);
int bench(void);		/* needs -icount shift=0 */

/* Print what the tests have come to. Returns the number of failures. */
int test__finish(void);

/* loader.c.  Load a module and, before it, those of /modules/own that it needs.
 * Returns 0 or a negative error.
 */
int load_with_deps(const char *path);
/* Unload every module */
void unload_all(void);
/* What became of its BTF: "native", "dropped:REASON"; on a kernel that does not
 * say, "used" or "not used".
 */
const char *btf_status(const char *module);
/* Is this what btf_status() says if BPF sees the BTF? */
bool is_used(const char *status);
/* The ids that bpf_test_btf_mismatch, which is loaded, has in .BTF_ids; NULL: none is left */
const char *ids_left(void);
/* The mode; a kernel that is not patched has no such parameter */
int set_param(const char *mode);
bool has_param(void);
bool loaded(const char *module);
bool has_function(const char *name);
/* Does this kernel check the references in BTF? */
bool checks_references(void);
/* How many BTF objects the kernel has */
int count_btfs(void);
/* What .modinfo has for @tag, or "" */
const char *modinfo(const struct kmod *k, const char *tag);

/* htb.c.  Ask sch_htb, which is loaded, for a class whose parameters are cut short */
void check_short_class(void);

/* libbpf has no header for it */
void libbpf_sha256(const void *data, size_t len, __u8 out[BTF_BASE_ID_SIZE]);

/* btf_fault.c.  What is wrong with the split types of @btf, which is parsed, or NULL; @id: of which */
const char *btf_fault(const struct btf *btf, __u32 *id);
/* In what way @is, relocated, is not what it @was with its distilled base, or NULL */
const char *btf_difference(const struct btf *is, const struct btf *was, __u32 *id);
/*
 * Compare @is, which @was has become by relocation, with @own, the BTF of the same module
 * of this build; the base of both is that of the running kernel.  Returns the name of a
 * type that is wrong, or NULL; @same: how many are the same, @other: how many are not
 * because the source of the module is not.
 */
const char *btf_wrong_answer(const struct btf *is, const struct btf *own, const struct btf *was,
			     int *same, int *other);
/* A type of the base that the module's own types contain in @was, and that has another
 * size in @base or is not there; or NULL
 */
const char *btf_lost(const struct btf *was, const struct btf *base);

#endif
