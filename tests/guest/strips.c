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

/* The words of .BTF_ids that the module shows */
struct ids {
	__u32 list[4], single;
	__u32 set_cnt, set[3];
	__u32 set8_cnt, set8_flags, set8[3][2];
	__u32 kfuncs, kfuncs_flags, kfunc, kfunc_flags;
};

static bool read_ids(struct ids *ids)
{
	__u32 *words = (__u32 *)ids;
	int n = 0;
	FILE *f = fopen("/sys/module/" MOD "/parameters/ids", "r");

	while (f && n < sizeof(*ids) / sizeof(*words) && fscanf(f, "%u", &words[n]) == 1)
		n++;
	if (f)
		fclose(f);
	return ASSERT_EQ(n, sizeof(*ids) / sizeof(*words), "words of .BTF_ids");
}

static int find(const struct btf *btf, const char *name, __u32 kind)
{
	return btf__find_by_name_kind(btf, name, kind);
}

/* The ids of the module that is loaded, as it sees them, name what they are meant to */
static void check_ids(void)
{
	static const char * const structs[] = { "inode", "dentry", "super_block" };
	struct btf *btf = btf__load_module_btf(MOD, vmlinux);
	struct ids ids;
	int i, j, id;

	if (!ASSERT_OK_PTR(btf, "BTF of the module") || !read_ids(&ids))
		goto out;
	id = find(btf, MOD "_kfunc", BTF_KIND_FUNC);
	ASSERT_EQ(ids.list[0], find(btf, "list_head", BTF_KIND_STRUCT), "list_head");
	ASSERT_EQ(ids.list[1], find(btf, MOD, BTF_KIND_STRUCT), MOD);
	ASSERT_EQ(ids.list[2], 0, "unused");
	ASSERT_EQ(ids.list[3], id, "function in a list");
	ASSERT_EQ(ids.single, find(btf, "bpf_attr", BTF_KIND_UNION), "bpf_attr");
	ASSERT_EQ(ids.kfuncs, 1, "kfuncs");
	ASSERT_EQ(ids.kfunc, id, "kfunc");
	ASSERT_EQ(ids.set_cnt, 3, "ids in a set");
	ASSERT_EQ(ids.set8_cnt, 3, "ids in a set8");
	for (i = 0; i < 3; i++) {
		id = find(btf, structs[i], BTF_KIND_STRUCT);
		for (j = 0; j < 3 && ids.set[j] != id; j++)
			;
		ASSERT_LT(j, 3, structs[i]);
		for (j = 0; j < 3 && ids.set8[j][0] != id; j++)
			;
		if (ASSERT_LT(j, 3, structs[i]))
			ASSERT_EQ(ids.set8[j][1], 1 << i, structs[i]);
	}
	for (i = 1; i < 3; i++)
		ASSERT_TRUE(ids.set[i - 1] < ids.set[i] && ids.set8[i - 1][0] < ids.set8[i][0],
			    "sorted");
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
	/* a struct_ops needs the names of its functions, whatever becomes of BTF */
	if (!ASSERT_EQ(kmod_load(&k, "bpf=0"), way->err, "load") || way->err)
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
