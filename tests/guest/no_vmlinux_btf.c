// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel with BTF that cannot be used: its magic number is wrong.  No BTF of a
 * module can be either, and the reason is not in the module.
 */
#include <stdio.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "guest.h"

#define FILE_OF_MOD	"/modules/external/bpf_test_btf_mismatch.ko"
#define MOD		"bpf_test_btf_mismatch"

static void check(const char *name, const struct kmod *k, const char *want)
{
	static const char * const modes[] = { "strict", "lenient" };
	char subtest[128];
	int i, err;

	for (i = 0; i < 2; i++) {
		snprintf(subtest, sizeof(subtest), "%s, %s", name, modes[i]);
		test__start_subtest(subtest);
		ASSERT_OK(set_param(modes[i]), "set mode");
		err = !i && strcmp(want, "none") ? -EINVAL : 0;
		if (!ASSERT_EQ(kmod_load(k, ""), err, "load") || err)
			continue;
		ASSERT_STREQ(btf_status(MOD), want, "status");
		ASSERT_TRUE(access("/sys/kernel/btf/" MOD, F_OK), "has no BTF");
		ASSERT_OK(unload_module(MOD, false), "unload");
	}
}

void test_no_vmlinux_btf(void)
{
	static unsigned char raw[16 << 20];
	FILE *f = fopen("/sys/kernel/btf/vmlinux", "r");
	size_t size = f ? fread(raw, 1, sizeof(raw), f) : 0;
	unsigned char id[BTF_BASE_ID_SIZE];
	struct kmod split, distilled;
	struct btf *vmlinux;

	test__start_subtest("the BTF of this kernel cannot be used");
	ASSERT_GT(size, sizeof(struct btf_header), "size");
	ASSERT_FALSE(btf__new(raw, size), "parsed");
	libbpf_sha256(raw, size, id);
	((struct btf_header *)raw)->magic = BTF_MAGIC;
	vmlinux = btf__new(raw, size);
	if (!ASSERT_OK_PTR(vmlinux, "repaired") ||
	    !ASSERT_OK(kmod_read(&split, FILE_OF_MOD), "read module") ||
	    !ASSERT_OK(kmod_copy(&distilled, &split), "copy") ||
	    !ASSERT_OK(kmod_rebase(&split, vmlinux, vmlinux, false), "split BTF") ||
	    !ASSERT_OK(kmod_rebase(&distilled, vmlinux, vmlinux, true), "distilled base"))
		return;

	check("distilled base", &distilled, "dropped:no-vmlinux-btf");
	check("split BTF of the kernel before that", &split, "dropped:no-vmlinux-btf");
	memcpy(kmod_base_id(&split, NULL), id, sizeof(id));
	check("split BTF with the id of the kernel as it is", &split, "dropped:no-vmlinux-btf");
	kmod_hide_section(&split, ".BTF");
	check("no BTF", &split, "none");
}
