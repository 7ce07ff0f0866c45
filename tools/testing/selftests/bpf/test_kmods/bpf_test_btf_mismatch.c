// SPDX-License-Identifier: GPL-2.0
/* Something to attach to, something to call, and types to get wrong */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

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
MODULE_PARM_DESC(fail, "Let init fail, after it has registered all");

static bool bpf = true;
module_param(bpf, bool, 0);
MODULE_PARM_DESC(bpf, "Register with BPF all that a module can");

static bool stubs = true;
module_param(stubs, bool, 0);
MODULE_PARM_DESC(stubs, "Register struct_ops with the stubs that it has to have");

static bool too_many;
module_param(too_many, bool, 0);
MODULE_PARM_DESC(too_many, "Register more kfuncs than a set can have, and go on without them");

__bpf_hook_start();

noinline int bpf_test_btf_mismatch_attach(struct bpf_test_btf_mismatch *m, int value)
{
	m->values[0] = value;
	return value;
}

__bpf_hook_end();

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

__bpf_kfunc void bpf_test_btf_mismatch_dtor(void *m)
{
}

CFI_NOSEAL(bpf_test_btf_mismatch_dtor);

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(bpf_test_btf_mismatch_ids)
BTF_ID_FLAGS(func, bpf_test_btf_mismatch_kfunc)
BTF_KFUNCS_END(bpf_test_btf_mismatch_ids)

BTF_ID_LIST(bpf_test_btf_mismatch_list)
BTF_ID(struct, list_head)
BTF_ID(struct, bpf_test_btf_mismatch)
BTF_ID_UNUSED
BTF_ID(func, bpf_test_btf_mismatch_kfunc)

/* No type of this module refers to what these three name */
BTF_ID_LIST_SINGLE(bpf_test_btf_mismatch_single, union, bpf_attr)

BTF_SET_START(bpf_test_btf_mismatch_structs)
BTF_ID(struct, inode)
BTF_ID(struct, dentry)
BTF_ID(struct, super_block)
BTF_SET_END(bpf_test_btf_mismatch_structs)

BTF_SET8_START(bpf_test_btf_mismatch_flagged)
BTF_ID_FLAGS(struct, inode, 1)
BTF_ID_FLAGS(struct, dentry, 2)
BTF_ID_FLAGS(struct, super_block, 4)
BTF_SET8_END(bpf_test_btf_mismatch_flagged)

BTF_ID_LIST(bpf_test_btf_mismatch_dtor_ids)
BTF_ID(struct, bpf_test_btf_mismatch)
BTF_ID(func, bpf_test_btf_mismatch_dtor)

BTF_SET8_START(bpf_test_btf_mismatch_fmodret_ids)
BTF_ID_FLAGS(func, bpf_test_btf_mismatch_attach)
BTF_SET8_END(bpf_test_btf_mismatch_fmodret_ids)

/* How often BPF asked for the kfunc by the id that is in the list, and by another */
static int filter_hits, filter_misses;
module_param(filter_hits, int, 0444);
module_param(filter_misses, int, 0444);

static int bpf_test_btf_mismatch_filter(const struct bpf_prog *prog, u32 kfunc_id)
{
	if (kfunc_id == bpf_test_btf_mismatch_list[3])
		filter_hits++;
	else
		filter_misses++;
	return 0;
}

static int emit_words(char *buf, int at, const void *words, size_t size)
{
	const u32 *p = words, *end = words + size;

	for (; p < end; p++)
		at += sysfs_emit_at(buf, at, "%u ", *p);
	return at;
}

/* Of the sets as much as they have; sizeof() does not know that */
static int ids_get(char *buf, const struct kernel_param *kp)
{
	int at = emit_words(buf, 0, bpf_test_btf_mismatch_list, 4 * sizeof(u32));

	at = emit_words(buf, at, bpf_test_btf_mismatch_single, sizeof(u32));
	at = emit_words(buf, at, &bpf_test_btf_mismatch_structs, 4 * sizeof(u32));
	at = emit_words(buf, at, &bpf_test_btf_mismatch_flagged, 8 * sizeof(u32));
	at = emit_words(buf, at, &bpf_test_btf_mismatch_ids, 4 * sizeof(u32));
	return at + sysfs_emit_at(buf, at, "\n");
}

static const struct kernel_param_ops ids_ops = {
	.get = ids_get,
};
module_param_cb(ids, &ids_ops, NULL, 0444);
MODULE_PARM_DESC(ids, "The words of .BTF_ids");

static const struct btf_kfunc_id_set bpf_test_btf_mismatch_set = {
	.owner = THIS_MODULE,
	.set = &bpf_test_btf_mismatch_ids,
	.filter = bpf_test_btf_mismatch_filter,
};

static const struct btf_kfunc_id_set bpf_test_btf_mismatch_fmodret = {
	.owner = THIS_MODULE,
	.set = &bpf_test_btf_mismatch_fmodret_ids,
};

struct bpf_test_btf_mismatch_ops {
	int (*call)(void);
};

static int ops_call(void)
{
	return 0;
}

static struct bpf_test_btf_mismatch_ops ops_stubs = {
	.call = ops_call,
};

static bool ops_is_valid_access(int off, int size, enum bpf_access_type type,
				const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return false;
}

static const struct bpf_verifier_ops ops_verifier = {
	.is_valid_access = ops_is_valid_access,
};

static int ops_init(struct btf *btf)
{
	return 0;
}

static int ops_init_member(const struct btf_type *t, const struct btf_member *member,
			   void *kdata, const void *udata)
{
	return 0;
}

static int ops_reg(void *kdata, struct bpf_link *link)
{
	return 0;
}

static void ops_unreg(void *kdata, struct bpf_link *link)
{
}

static struct bpf_struct_ops ops = {
	.verifier_ops = &ops_verifier,
	.init = ops_init,
	.init_member = ops_init_member,
	.reg = ops_reg,
	.unreg = ops_unreg,
	.cfi_stubs = &ops_stubs,
	.name = "bpf_test_btf_mismatch_ops",
	.owner = THIS_MODULE,
};

/* To other programs than the first set, with one kfunc more than fits */
static int __init register_too_many(void)
{
	struct btf_kfunc_id_set kset = { .owner = THIS_MODULE };
	struct btf_id_set8 *set;
	int i, err;

	set = kzalloc(struct_size(set, pairs, 257), GFP_KERNEL);
	if (!set)
		return -ENOMEM;
	set->flags = bpf_test_btf_mismatch_ids.flags;
	set->cnt = 257;
	for (i = 0; i < set->cnt; i++)
		set->pairs[i] = bpf_test_btf_mismatch_ids.pairs[0];
	kset.set = set;
	err = register_btf_kfunc_id_set(BPF_PROG_TYPE_TRACING, &kset);
	kfree(set);
	return err == -E2BIG ? 0 : -EINVAL;
}

static int __init register_all(void)
{
	const struct btf_id_dtor_kfunc dtor = {
		.btf_id = bpf_test_btf_mismatch_dtor_ids[0],
		.kfunc_btf_id = bpf_test_btf_mismatch_dtor_ids[1],
	};

	return register_btf_kfunc_id_set(BPF_PROG_TYPE_SYSCALL, &bpf_test_btf_mismatch_set) ?:
	       register_btf_fmodret_id_set(&bpf_test_btf_mismatch_fmodret) ?:
	       register_btf_id_dtor_kfuncs(&dtor, 1, THIS_MODULE) ?:
	       register_bpf_struct_ops(&ops, bpf_test_btf_mismatch_ops);
}

static int __init bpf_test_btf_mismatch_init(void)
{
	int err = 0;

	if (!stubs)
		ops.cfi_stubs = NULL;
	if (bpf)
		err = register_all();
	if (!err && too_many)
		err = register_too_many();
	return err ?: fail ? -ENODEV : 0;
}

static void __exit bpf_test_btf_mismatch_exit(void)
{
}

module_init(bpf_test_btf_mismatch_init);
module_exit(bpf_test_btf_mismatch_exit);

MODULE_DESCRIPTION("BPF selftest module for BTF that does not fit the kernel");
MODULE_LICENSE("GPL");
