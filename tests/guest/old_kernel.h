/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before the test module on kernels that lack what it uses: filters of kfuncs,
 * and struct_ops of modules, which are neither asked nor registered then.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/module.h>

#define __bpf_kfunc		__used noinline
#define __bpf_kfunc_start_defs()						\
	__diag_push();								\
	__diag_ignore_all("-Wmissing-prototypes", "called by BPF")
#define __bpf_kfunc_end_defs()	__diag_pop()
#define __bpf_hook_start()	__bpf_kfunc_start_defs()
#define __bpf_hook_end()	__bpf_kfunc_end_defs()
#define CFI_NOSEAL(name)
#define BTF_KFUNCS_START(name)	BTF_SET8_START(name)
#define BTF_KFUNCS_END(name)	BTF_SET8_END(name)

struct old_kfunc_id_set {
	struct module *owner;
	struct btf_id_set8 *set;
	int (*filter)(const struct bpf_prog *prog, u32 kfunc_id);
};

static inline int old_register_kfuncs(enum bpf_prog_type type, const struct old_kfunc_id_set *s)
{
	const struct btf_kfunc_id_set set = { .owner = s->owner, .set = s->set };

	return register_btf_kfunc_id_set(type, &set);
}

struct bpf_link;

struct old_struct_ops {
	const struct bpf_verifier_ops *verifier_ops;
	int (*init)(struct btf *btf);
	int (*init_member)(const struct btf_type *t, const struct btf_member *member,
			   void *kdata, const void *udata);
	int (*reg)(void *kdata, struct bpf_link *link);
	void (*unreg)(void *kdata, struct bpf_link *link);
	void *cfi_stubs;
	const char *name;
	struct module *owner;
};

#define btf_kfunc_id_set			old_kfunc_id_set
#define register_btf_kfunc_id_set(type, set)	old_register_kfuncs(type, set)
#define register_btf_fmodret_id_set(set)	((void)(set), 0)
#define bpf_struct_ops				old_struct_ops
#define register_bpf_struct_ops(ops, type)	((void)(ops), 0)
