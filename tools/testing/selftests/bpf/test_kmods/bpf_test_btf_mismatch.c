// SPDX-License-Identifier: GPL-2.0
/* Something to attach to, something to call, and types to get wrong */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/module.h>

/* Legal C, and no reason to refuse the BTF: incomplete, and passed by value */
struct bpf_test_btf_mismatch_incomplete;

struct bpf_test_btf_mismatch {
	struct list_head list;	/* embedded: its size matters to relocation */
	struct task_struct *task;
	unsigned long values[4];
	int (*call)(struct bpf_test_btf_mismatch *self, int value);
	struct bpf_test_btf_mismatch_incomplete
		(*get)(const struct bpf_test_btf_mismatch_incomplete value, ...);
	u64 wide:40;
	bool narrow:1;
};

static bool fail;
module_param(fail, bool, 0);
MODULE_PARM_DESC(fail, "Let init fail, after it has registered its kfunc");

static bool kfuncs = true;
module_param(kfuncs, bool, 0);
MODULE_PARM_DESC(kfuncs, "Register a kfunc");

noinline int bpf_test_btf_mismatch_attach(struct bpf_test_btf_mismatch *m, int value)
{
	m->values[0] = value;
	return value;
}

static int trigger_set(const char *val, const struct kernel_param *kp)
{
	struct bpf_test_btf_mismatch m = { .task = current };

	INIT_LIST_HEAD(&m.list);
	return bpf_test_btf_mismatch_attach(&m, 0);
}

static const struct kernel_param_ops trigger_ops = {
	.set = trigger_set,
};
module_param_cb(trigger, &trigger_ops, NULL, 0200);
MODULE_PARM_DESC(trigger, "Write to call bpf_test_btf_mismatch_attach()");

__bpf_kfunc_start_defs();

__bpf_kfunc int bpf_test_btf_mismatch_kfunc(void)
{
	return 4242;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(bpf_test_btf_mismatch_ids)
BTF_ID_FLAGS(func, bpf_test_btf_mismatch_kfunc)
BTF_KFUNCS_END(bpf_test_btf_mismatch_ids)

static const struct btf_kfunc_id_set bpf_test_btf_mismatch_set = {
	.owner = THIS_MODULE,
	.set = &bpf_test_btf_mismatch_ids,
};

static int __init bpf_test_btf_mismatch_init(void)
{
	int err = 0;

	if (kfuncs)
		err = register_btf_kfunc_id_set(BPF_PROG_TYPE_SYSCALL,
						&bpf_test_btf_mismatch_set);
	return err ?: fail ? -ENODEV : 0;
}

static void __exit bpf_test_btf_mismatch_exit(void)
{
}

module_init(bpf_test_btf_mismatch_init);
module_exit(bpf_test_btf_mismatch_exit);

MODULE_DESCRIPTION("BPF selftest module for BTF that does not fit the kernel");
MODULE_LICENSE("GPL");
