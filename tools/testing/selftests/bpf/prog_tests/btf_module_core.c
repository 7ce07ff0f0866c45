// SPDX-License-Identifier: GPL-2.0
/*
 * CO-RE against the types of a module whose BTF is native or relocated, once as libbpf does it
 * and once as the kernel does it for a light skeleton.
 *
 * The program has other ideas of the module's struct than the module: see progs/btf_module_core.c.
 */
#include <test_progs.h>
#include "kmod_btf_test.h"
#include "btf_module_core.skel.h"
#include "btf_module_core.lskel.h"

/* The struct of the module, as the BTF that the kernel has for it says */
struct module_type {
	int id, size, task_off;
};

static bool find_type(struct module_type *type)
{
	struct btf *btf = btf__load_module_btf(KMOD, kt.vmlinux);
	const struct btf_type *t;
	int i;

	if (!ASSERT_OK_PTR(btf, "module BTF"))
		return false;
	type->task_off = -1;
	type->id = btf__find_by_name_kind(btf, KMOD, BTF_KIND_STRUCT);
	t = btf__type_by_id(btf, type->id);
	if (ASSERT_OK_PTR(t, KMOD)) {
		type->size = t->size;
		for (i = 0; i < btf_vlen(t); i++)
			if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), "task"))
				type->task_off = btf_member_bit_offset(t, i) / 8;
	}
	btf__free(btf);
	/* 0 is where the program has it: then nothing would have to be relocated */
	return ASSERT_GT(type->task_off, 0, "task");
}

/* The programs attach, and call a kfunc */
static bool jit_can(void)
{
	if (kt.attaches && kt.calls)
		return true;
	test__skip();
	return false;
}

#define DEFINE_CHECK(skeleton, call_fd)						\
static void check_##skeleton(bool used)						\
{										\
	LIBBPF_OPTS(bpf_test_run_opts, opts);					\
	struct module_type type;						\
	typeof(skeleton##__open_and_load()) skel = NULL;			\
										\
	if (!jit_can())								\
		goto out;							\
	skel = skeleton##__open_and_load();					\
	if (!ASSERT_OK_PTR(skel, "open_and_load") || !find_type(&type))		\
		goto out;							\
	if (ASSERT_OK(bpf_prog_test_run_opts(call_fd, &opts), "call")) {	\
		ASSERT_EQ(skel->bss->type_id, type.id, "type id");		\
		ASSERT_EQ(skel->bss->type_size, type.size, "size");		\
		ASSERT_EQ(skel->bss->task_off, type.task_off, "offset");	\
		ASSERT_EQ(skel->bss->kfunc_retval, KFUNC_RETVAL, "kfunc");	\
	}									\
	if (ASSERT_OK(skeleton##__attach(skel), "attach") &&			\
	    ASSERT_OK(kmod_write_file(KMOD_PARAM("trigger"), "1"), "trigger")) { \
		ASSERT_TRUE(skel->bss->ran, "ran");				\
		ASSERT_TRUE(skel->bss->list_is_empty, "list");			\
		ASSERT_TRUE(skel->bss->next_is_empty, "its next");		\
		ASSERT_TRUE(skel->bss->read_is_empty, "its next, read");	\
	}									\
out:										\
	skeleton##__destroy(skel);						\
}

DEFINE_CHECK(btf_module_core, bpf_program__fd(skel->progs.call))
DEFINE_CHECK(btf_module_core_lskel, skel->progs.call.prog_fd)

static int distilled_of_shifted(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.shifted, true);
}

static const struct kmod_variant variants[] = {
	{ "skeleton, native", &kt.native, .status = "native", .check = check_btf_module_core },
	{ "skeleton, relocated", &kt.distilled, distilled_of_shifted, .status = "relocated",
	  .check = check_btf_module_core },
	{ "light skeleton, native", &kt.native, .status = "native",
	  .check = check_btf_module_core_lskel },
	{ "light skeleton, relocated", &kt.distilled, distilled_of_shifted,
	  .status = "relocated", .check = check_btf_module_core_lskel },
};

void serial_test_btf_module_core(void)
{
	if (kmod_test_setup())
		kmod_test_variants(variants, sizeof(variants) / sizeof(*variants));
	kmod_test_finish();
}
