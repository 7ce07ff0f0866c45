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

/* A sorted set of structs of vmlinux; @with_flags: the first of them has flag 1, the next 2 */
static void check_set(const unsigned int (*set)[2], const char *what, bool with_flags)
{
	static const char * const names[] = { "inode", "dentry", "super_block" };
	int i, j, id;

	for (i = 0; i < 3; i++) {
		id = btf__find_by_name_kind(vmlinux, names[i], BTF_KIND_STRUCT);
		for (j = 0; j < 3 && set[j][0] != id; j++)
			;
		if (ASSERT_LT(j, 3, names[i]) && with_flags)
			ASSERT_EQ(set[j][1], 1 << i, names[i]);
	}
	ASSERT_TRUE(set[0][0] < set[1][0] && set[1][0] < set[2][0], what);
}

/* The ids of the module that is loaded, as it sees them, name what they are meant to */
static void check_ids(void)
{
	struct btf *btf = btf__load_module_btf(MOD, vmlinux);
	unsigned int list[4], single, kfuncs[2], set[3][2], set8[3][2], cnt, cnt8;
	char line[256] = "";
	FILE *f = fopen("/sys/module/" MOD "/parameters/ids", "r");
	int kfunc;

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	if (!ASSERT_OK_PTR(btf, "BTF of the module") ||
	    !ASSERT_EQ(sscanf(line, "list %u %u %u %u single %u kfuncs %u %u set %u %u %u %u set8 %u %u:%u %u:%u %u:%u",
			      &list[0], &list[1], &list[2], &list[3], &single, &kfuncs[0],
			      &kfuncs[1], &cnt, &set[0][0], &set[1][0], &set[2][0], &cnt8,
			      &set8[0][0], &set8[0][1], &set8[1][0], &set8[1][1], &set8[2][0],
			      &set8[2][1]), 18, "ids"))
		goto out;
	kfunc = btf__find_by_name_kind(btf, MOD "_kfunc", BTF_KIND_FUNC);
	ASSERT_EQ(list[0], btf__find_by_name_kind(btf, "list_head", BTF_KIND_STRUCT), "list_head");
	ASSERT_EQ(list[1], btf__find_by_name_kind(btf, MOD, BTF_KIND_STRUCT), MOD);
	ASSERT_EQ(list[2], 0, "unused");
	ASSERT_EQ(list[3], kfunc, "function in a list");
	ASSERT_EQ(single, btf__find_by_name_kind(btf, "bpf_attr", BTF_KIND_UNION), "bpf_attr");
	ASSERT_EQ(kfuncs[0], 1, "kfuncs");
	ASSERT_EQ(kfuncs[1], kfunc, "kfunc");
	ASSERT_EQ(cnt, 3, "set");
	check_set(set, "set is sorted", false);
	ASSERT_EQ(cnt8, 3, "set8");
	check_set(set8, "set8 is sorted", true);
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
