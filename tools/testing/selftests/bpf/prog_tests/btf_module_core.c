// SPDX-License-Identifier: GPL-2.0
/*
 * CO-RE against the types of a module whose BTF is native or relocated, once as libbpf
 * does it and once as the kernel does it for a light skeleton.
 */
#include <fcntl.h>
#include <unistd.h>
#include <bpf/btf.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "kmod_btf_helpers.h"
#include "btf_module_core.skel.h"
#include "btf_module_core.lskel.h"

#define MOD		"bpf_test_btf_mismatch"
#define KFUNC_RETVAL	4242

static struct btf *vmlinux, *shifted;
static struct kmod native, distilled, both;

/* The struct of the module, as the BTF that the kernel has for it says */
static struct {
	int id, size, task_off;
} type;

static bool find_type(void)
{
	struct btf *btf = btf__load_module_btf(MOD, vmlinux);
	const struct btf_type *t;
	int i;

	if (!ASSERT_OK_PTR(btf, "module BTF"))
		return false;
	type.task_off = -1;
	type.id = btf__find_by_name_kind(btf, MOD, BTF_KIND_STRUCT);
	t = btf__type_by_id(btf, type.id);
	if (ASSERT_OK_PTR(t, MOD)) {
		type.size = t->size;
		for (i = 0; i < btf_vlen(t); i++)
			if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), "task"))
				type.task_off = btf_member_bit_offset(t, i) / 8;
	}
	btf__free(btf);
	/* where the program has it: then nothing would have to be relocated */
	return ASSERT_GT(type.task_off, 0, "task");
}

/* Have the module call the function that the program is attached to */
static int trigger(void)
{
	int fd = open("/sys/module/" MOD "/parameters/trigger", O_WRONLY | O_CLOEXEC);
	int err = fd < 0 || write(fd, "1", 1) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

#define DEFINE_CHECK(skeleton, call_fd)						\
static void check_##skeleton(void)						\
{										\
	LIBBPF_OPTS(bpf_test_run_opts, opts);					\
	__auto_type skel = skeleton##__open_and_load();				\
										\
	if (!ASSERT_OK_PTR(skel, "open_and_load"))				\
		return;								\
	if (ASSERT_OK(bpf_prog_test_run_opts(call_fd, &opts), "call")) {	\
		ASSERT_EQ(skel->bss->type_id, type.id, "type id");		\
		ASSERT_EQ(skel->bss->type_size, type.size, "size");		\
		ASSERT_EQ(skel->bss->task_off, type.task_off, "offset");	\
		ASSERT_EQ(skel->bss->kfunc_retval, KFUNC_RETVAL, "kfunc");	\
	}									\
	if (ASSERT_OK(skeleton##__attach(skel), "attach") &&			\
	    ASSERT_OK(trigger(), "trigger")) {					\
		ASSERT_TRUE(skel->bss->ran, "ran");				\
		ASSERT_TRUE(skel->bss->list_is_empty, "list");			\
		ASSERT_TRUE(skel->bss->next_is_empty, "its next");		\
		ASSERT_TRUE(skel->bss->read_is_empty, "its next, read");	\
	}									\
	skeleton##__destroy(skel);						\
}

DEFINE_CHECK(btf_module_core, bpf_program__fd(skel->progs.call))
DEFINE_CHECK(btf_module_core_lskel, skel->progs.call.prog_fd)

static void check_status(const char *want)
{
	char status[64] = "";
	FILE *f = fopen("/sys/module/" MOD "/btf", "r");

	if (!ASSERT_OK_PTR(f, "status file"))
		return;
	if (fgets(status, sizeof(status), f))
		status[strcspn(status, "\n")] = 0;
	fclose(f);
	ASSERT_STREQ(status, want, "status");
}

static void run(const struct kmod *k, const char *name, const char *status)
{
	static const struct {
		const char *name;
		void (*check)(void);
	} skeletons[] = {
		{ "skeleton", check_btf_module_core },
		{ "light skeleton", check_btf_module_core_lskel },
	};
	char subtest[64];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(subtest, sizeof(subtest), "%s, %s", name, skeletons[i].name);
		if (!test__start_subtest(subtest))
			continue;
		/* resolve_btfids has not been asked for it, or it cannot be */
		if (!k->data || (k != &native && !kernel_relocates_btf(vmlinux))) {
			test__skip();
			continue;
		}
		if (!ASSERT_OK(kmod_load(k, ""), "load"))
			continue;
		check_status(status);
		if (find_type())
			skeletons[i].check();
		ASSERT_OK(unload_module(MOD, false), "unload");
	}
}

static bool setup(void)
{
	size_t size;

	vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!ASSERT_OK_PTR(vmlinux, "vmlinux BTF"))
		return false;
	shifted = btf_shifted(vmlinux);
	if (!ASSERT_OK_PTR(shifted, "shifted") ||
	    !ASSERT_OK(kmod_read(&native, MOD ".ko"), "read module") ||
	    !ASSERT_OK(kmod_copy(&distilled, &native), "copy"))
		return false;
	if (kmod_section(&native, ".BTF.distilled", &size) &&
	    (!ASSERT_OK(kmod_copy(&both, &native), "copy") ||
	     !ASSERT_OK(kmod_rebase_both(&both, vmlinux, shifted, 1), "both")))
		return false;
	return ASSERT_OK(kmod_rebase(&native, vmlinux, vmlinux, false), "native") &&
	       ASSERT_OK(kmod_rebase(&distilled, vmlinux, shifted, true), "distilled base");
}

void test_btf_module_core(void)
{
	if (setup()) {
		run(&native, "native", "native");
		run(&distilled, "distilled base, relocated", "relocated");
		run(&both, "both, relocated", "relocated");
	}
	kmod_free(&native);
	kmod_free(&distilled);
	kmod_free(&both);
	btf__free(shifted);
	btf__free(vmlinux);
}
