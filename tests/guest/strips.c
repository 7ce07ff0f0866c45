// SPDX-License-Identifier: GPL-2.0-only
/*
 * What strips a module leaves its BTF usable, and what tells the kernel where the ids are:
 * the test module after each way of scripts/strips, of this build and of another one.
 */
#include <test_progs.h>
#include "testing_helpers.h"
#include "guest.h"

#define MOD "bpf_test_btf_mismatch"

static const struct way {
	const char *name;
	int err;	/* of the load: what has no symbols is no module */
} ways[] = {
	{ "not-stripped" },
	{ "strip-g" },
	{ "strip-unneeded" },
	{ "strip-all", -ENOEXEC },
	{ "objcopy-S", -ENOEXEC },
	{ "eu-strip" },
	{ "llvm-strip-g" },
	{ "llvm-strip-unneeded" },
	{ "llvm-strip-all", -ENOEXEC },
};

static struct btf *vmlinux;

/* The ids of the module that is loaded, as it sees them, name what they are meant to */
static void check_ids(void)
{
	struct btf *btf = btf__load_module_btf(MOD, vmlinux);
	unsigned int list[4], set[3], set8[2];
	char line[256] = "";
	FILE *f = fopen("/sys/module/" MOD "/parameters/ids", "r");
	int head, own, kfunc, attach;

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	if (!ASSERT_OK_PTR(btf, "BTF of the module") ||
	    !ASSERT_EQ(sscanf(line, "list %u %u %u %u set %u %u %u set8 %u %u", &list[0], &list[1],
			      &list[2], &list[3], &set[0], &set[1], &set[2], &set8[0], &set8[1]),
		       9, "ids"))
		goto out;
	head = btf__find_by_name_kind(btf, "list_head", BTF_KIND_STRUCT);
	own = btf__find_by_name_kind(btf, MOD, BTF_KIND_STRUCT);
	kfunc = btf__find_by_name_kind(btf, MOD "_kfunc", BTF_KIND_FUNC);
	attach = btf__find_by_name_kind(btf, MOD "_attach", BTF_KIND_FUNC);
	ASSERT_EQ(list[0], head, "list: struct of vmlinux");
	ASSERT_EQ(list[1], own, "list: struct of the module");
	ASSERT_EQ(list[2], 0, "list: unused");
	ASSERT_EQ(list[3], kfunc, "list: function");
	ASSERT_EQ(set[0], 2, "set: count");
	ASSERT_EQ(set[1], kfunc < attach ? kfunc : attach, "set: first");
	ASSERT_EQ(set[2], kfunc < attach ? attach : kfunc, "set: second");
	ASSERT_EQ(set8[0], 1, "set8: count");
	ASSERT_EQ(set8[1], kfunc, "set8: function");
out:
	btf__free(btf);
}

static void check_way(const char *set, const struct way *way, const char *status)
{
	char path[128], name[128];
	struct kmod k;

	snprintf(name, sizeof(name), "%s of %s", way->name, set);
	snprintf(path, sizeof(path), "/modules/strips/%s/%s.ko", set, way->name);
	if (!test__start_subtest(name) || !ASSERT_OK(kmod_read(&k, path), path))
		return;
	if (!ASSERT_EQ(kmod_load(&k, ""), way->err, "load") || way->err)
		goto out;
	if (ASSERT_STREQ(btf_status(MOD), status, "status") && is_used(status))
		check_ids();
	else
		ASSERT_FALSE(ids_left(), "ids left in .BTF_ids");
out:
	unload_all();
	kmod_free(&k);
}

void test_strips(void)
{
	const char *other;
	int i;

	test__start_subtest("setup of strips");
	vmlinux = btf__load_vmlinux_btf();
	if (!ASSERT_OK_PTR(vmlinux, "vmlinux BTF") || !ASSERT_OK(set_param("lenient"), "set mode"))
		return;
	other = kernel_relocates_btf(vmlinux) ? "relocated" : "dropped:base-changed";
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		check_way("own", &ways[i], "native");
	for (i = 0; i < sizeof(ways) / sizeof(*ways) && !access("/modules/strips/second", F_OK); i++)
		check_way("second", &ways[i], other);
	btf__free(vmlinux);
}
