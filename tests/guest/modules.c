// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real modules, as the build made them: /modules/own belongs to the running kernel,
 * /modules/SET to another base.  Loaded one by one, with what they need of own.
 */
#include <dirent.h>
#include <fcntl.h>
#include <test_progs.h>
#include <bpf/libbpf.h>
#include "testing_helpers.h"
#include "guest.h"

/* The kernel has an underscore where the file can have a hyphen */
static bool is_module(const char *file, char *name, size_t size)
{
	size_t len = strlen(file);
	char *p;

	if (len < 4 || len >= size || strcmp(file + len - 3, ".ko"))
		return false;
	snprintf(name, size, "%.*s", (int)(len - 3), file);
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return true;
}

static const char * const modes[] = { "strict", "lenient" };
static struct btf *vmlinux, *older_base;

/* What is wrong with the types that the kernel uses for a module, or NULL. They are
 * compared with what it @was and with @own, the same module of this build, if there is
 * one; for @id, @same and @other see guest.h.
 */
static const char *used_types_fault(const char *name, const struct btf *was, const struct btf *own,
				    __u32 *id, int *same, int *other)
{
	struct btf *is = btf__load_module_btf(name, vmlinux);
	const char *what;

	if (!is)
		return "cannot be read";
	what = btf_difference(is, was, id);
	if (!what && own)
		what = btf_wrong_answer(is, own, was, same, other);
	btf__free(is);
	return what;
}

/* Types of a module of the point release before: those that the kernel uses, against
 * those of the same module of this build; of the others, why they cannot be used.
 */
static bool older_is_right(const char *file, const char *name, bool used, int *same, int *other)
{
	struct btf *own, *was;
	char own_path[512], path[512];
	const char *what;
	__u32 id = 0;

	if (!vmlinux)
		vmlinux = btf__load_vmlinux_btf();
	if (!older_base)
		older_base = btf__parse_raw("/modules/older.btf");
	snprintf(path, sizeof(path), "/modules/older/%s", file);
	snprintf(own_path, sizeof(own_path), "/modules/own-split/%s", file);
	was = btf__parse_split(path, older_base);
	own = btf__parse_split(own_path, vmlinux);
	if (!vmlinux || !older_base || !was || !own) {
		what = "cannot be read";
	} else if (used) {
		what = used_types_fault(name, was, own, &id, same, other);
	} else {
		what = btf_lost(was, vmlinux);
		printf("# %s of older contains %s, which this kernel has in no such size\n", name,
		       what ?: "nothing");
		what = what ? NULL : "could be used";
	}
	if (what)
		printf("# %s of older: %s (type %u)\n", name, what, id);
	btf__free(own);
	btf__free(was);
	return !what;
}

/* All modules of a set in one mode; @want is what must become of their BTF.  In
 * strict mode only "native" and "relocated" may load.
 */
static void check_set(const char *set, const char *mode, const char *want)
{
	bool used = is_used(want), now_used;
	int refused = 0, dropped = 0, kept = 0, wrong = 0, same = 0, other = 0, err;
	int refusal = strcmp(want, "dropped:unsupported") ? -EINVAL : -EOPNOTSUPP;
	bool older = !strcmp(set, "older");
	char dir[64], path[512], name[128];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/modules/%s", set);
	if (access(dir, F_OK) && (older || !strncmp(set, "second", 6)))	/* built once only */
		return;
	snprintf(name, sizeof(name), "modules of %s, %s", set, mode);
	if (!test__start_subtest(name))
		return;
	err = set_param(mode);
	if (err == -ENOENT)	/* not patched: the mode that it was built with */
		err = 0;
	d = opendir(dir);
	if (!ASSERT_OK(err, "set mode") || !ASSERT_OK_PTR(d, dir))
		return;

	while ((e = readdir(d))) {
		const char *status;

		if (!is_module(e->d_name, name, sizeof(name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		err = load_with_deps(path);
		status = err ? "" : btf_status(name);
		now_used = is_used(status);
		if (err)
			refused++;
		else if (now_used)
			kept++;
		else
			dropped++;

		if (older && (now_used || err == -EINVAL || !strcmp(status, "dropped:relocation"))) {
			if (!older_is_right(e->d_name, name, now_used, &same, &other))
				wrong++;
		} else if (used ? err || !now_used :
		    !strcmp(mode, "strict") ? err != refusal : err || now_used) {
			wrong++;
			printf("# %s of %s, %s: load %d, BTF %s\n", name, set, mode, err, status);
		} else if (!err && strcmp(status, want) && strcmp(status, "used") &&
			   strcmp(status, "not used")) {
			wrong++;
			printf("# %s of %s, %s: BTF %s, expected %s\n", name, set, mode,
			       status, want);
		}
		unload_all();
	}
	closedir(d);
	printf("# %s, %s: %d used, %d dropped, %d refused\n", set, mode, kept, dropped, refused);
	if (older) {
		printf("# %s, %s: %d named types as in this build, %d of changed source\n", set, mode,
		       same, other);
		ASSERT_TRUE(same > 0, "types were compared");
	}
	ASSERT_EQ(wrong, 0, "modules that were not treated right");
	ASSERT_TRUE(kept + dropped + refused > 0, "there are modules");
}

/* What the kernel uses as the BTF of v4l2loopback is what the module has, and, if there is
 * one that was built for this kernel, what that has
 */
static void check_v4l2loopback(void)
{
	struct btf *was, *own = NULL;
	const char *what;
	int same = 0, other = 0;
	__u32 id = 0;

	if (!vmlinux)
		vmlinux = btf__load_vmlinux_btf();
	was = btf__parse("/modules/dkms/v4l2loopback.ko", NULL);
	if (!ASSERT_OK_PTR(vmlinux, "vmlinux BTF") || !ASSERT_OK_PTR(was, "BTF in the file"))
		goto out;
	ASSERT_GT(btf__find_by_name_kind(was, "v4l2_loopback_device", BTF_KIND_STRUCT), 0,
		  "v4l2_loopback_device");
	if (!access("/modules/dkms-own", F_OK)) {
		own = btf__parse_split("/modules/dkms-own/v4l2loopback.ko", vmlinux);
		if (!ASSERT_OK_PTR(own, "BTF of a module for this kernel"))
			goto out;
	}
	what = used_types_fault("v4l2loopback", was, own, &id, &same, &other);
	if (own) {
		ASSERT_GT(same, 0, "types were compared");
		printf("# %d named types as if built for this kernel, %d of changed headers\n",
		       same, other);
	}
	if (what)
		printf("# type %u: %s\n", id, what);
	ASSERT_FALSE(what, "types differ");
out:
	btf__free(own);
	btf__free(was);
}

/* v4l2loopback as DKMS has built it, for another kernel than this */
void test_dkms(void)
{
	char name[64];
	int i;

	for (i = 0; i < 2; i++) {
		check_set("dkms", modes[i], "relocated");
		check_set("dkms-split", modes[i], "dropped:base-changed");
		if (!access("/modules/dkms-own", F_OK))
			check_set("dkms-own", modes[i], "native");
		snprintf(name, sizeof(name), "types of v4l2loopback, %s", modes[i]);
		if (!test__start_subtest(name) || !ASSERT_OK(set_param(modes[i]), "set mode") ||
		    !ASSERT_OK(load_with_deps("/modules/dkms/v4l2loopback.ko"), "load"))
			continue;
		check_v4l2loopback();
		unload_all();
	}
}

/* Do the modules of a set have a distilled base? */
static bool distilled(const char *set)
{
	char dir[64], path[512];
	bool found = false;
	struct dirent *e;
	struct kmod k;
	DIR *d;

	snprintf(dir, sizeof(dir), "/modules/%s", set);
	d = opendir(dir);
	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (kmod_read(&k, path))
			continue;
		found = kmod_section_header(&k, ".BTF.base");
		kmod_free(&k);
	}
	if (d)
		closedir(d);
	return found;
}

/* All modules of a set that is of this build, or of another one */
static void check_built(const char *set, bool own, const char *mode)
{
	const char *want = own ? "native" : "dropped:base-changed";

	if (!vmlinux)
		vmlinux = btf__load_vmlinux_btf();
	if (distilled(set))
		want = vmlinux && !kernel_relocates_btf(vmlinux) ? "dropped:unsupported" :
		       own ? "native" : "relocated";
	check_set(set, mode, want);
}

/* How much of another base's BTF the referential check finds when the id lies */
static void count_forged(const char *set)
{
	char dir[64], path[512], name[128];
	int found = 0, all = 0;
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/modules/%s", set);
	d = opendir(dir);
	if (!d || set_param("lenient")) {
		if (d)
			closedir(d);
		return;
	}
	while ((e = readdir(d))) {
		if (!is_module(e->d_name, name, sizeof(name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (!load_with_deps(path) && !strcmp(btf_status(name), "dropped:invalid"))
			found++;
		all++;
		unload_all();
	}
	closedir(d);
	printf("# %s: the referential check finds %d of %d\n", set, found, all);
}

/* A kernel without the parameter has the mode that it was built for, mode= */
static bool has_mode(const char *mode)
{
	const char *only = getenv("mode");

	return has_param() || !only || !strcmp(only, mode);
}

/* What every kernel uses, and rightly so */
static void check_fitting(const char *mode)
{
	check_built("own", true, mode);
	check_built("own-split", true, mode);
	check_built("external", true, mode);
	check_built("external-split", true, mode);
}

void test_fitting_modules(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!has_mode(modes[i]))
			continue;
		check_fitting(modes[i]);
		if (distilled("second-external"))
			check_built("second-external", false, modes[i]);
	}
}

void test_all_modules(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!has_mode(modes[i]))
			continue;
		check_fitting(modes[i]);
		if (has_param())	/* an unpatched one builds second-split and nothing else */
			check_built("second", false, modes[i]);
		check_set("older", modes[i], "relocated");
		check_built("second-split", false, modes[i]);
		check_set("one-more", modes[i], "dropped:base-changed");
		check_set("reordered", modes[i], "dropped:base-changed");
		check_set("shifted", modes[i], "dropped:base-changed");
		check_built("second-external", false, modes[i]);
		check_built("second-external-split", false, modes[i]);
		check_set("gone", modes[i],
			  kernel_relocates_btf(vmlinux) ? "dropped:relocation" : "dropped:unsupported");
	}
	if (checks_references()) {
		count_forged("forged-one-more");
		count_forged("forged-reordered");
		count_forged("forged-shifted");
	}
}

/* Modules of a build that has no BTF for them, or none that this kernel can use, are loaded
 * without force, do what they are for, and go.
 */
static void check_foreign(const char *set)
{
	char dir[64], path[512], name[128], subtest[192];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/modules/%s", set);
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		if (!is_module(e->d_name, name, sizeof(name)))
			continue;
		snprintf(subtest, sizeof(subtest), "%s of %s loads and unloads", name, set);
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		test__start_subtest(subtest);
		ASSERT_OK(load_with_deps(path), "load");
		ASSERT_TRUE(loaded(name), "loaded");
		if (!strcmp(name, "bpf_test_btf_mismatch") && !is_used(btf_status(name)))
			ASSERT_FALSE(ids_left(), "ids left in .BTF_ids");
		unload_all();
		ASSERT_FALSE(loaded(name), "loaded after unload");
	}
	ASSERT_OK_PTR(d, dir);
	if (d)
		closedir(d);
}

void test_abi(void)
{
	check_foreign("second");
	/* of the unpatched ones 6.1 refuses it: without BTF its destructor cannot be registered */
	if (!getenv("unpatched"))
		check_foreign("second-external");
	test__start_subtest("sch_htb of second is called");
	ASSERT_OK(load_with_deps("/modules/second/sch_htb.ko"), "load");
	check_short_class();
	ASSERT_OK(unload_module("sch_htb", false), "unload");
}

static void hex(char *out, const unsigned char *id)
{
	int i;

	for (i = 0; i < BTF_BASE_ID_SIZE; i++)
		sprintf(out + 2 * i, "%02x", id[i]);
}

/* The base id of a module of this build is that of the kernel that runs */
static void check_base_id(void)
{
	struct btf *vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	char base[2 * BTF_BASE_ID_SIZE + 1] = "none", kernel[sizeof(base)];
	unsigned char id[BTF_BASE_ID_SIZE], *note;
	struct kmod k = {};
	const void *raw;
	__u32 size;

	if (!ASSERT_OK_PTR(vmlinux, "BTF of vmlinux") ||
	    !ASSERT_OK(kmod_read(&k, "/modules/own/dummy.ko"), "read module"))
		goto out;
	raw = btf__raw_data(vmlinux, &size);
	libbpf_sha256(raw, size, id);
	hex(kernel, id);
	note = kmod_base_id(&k, NULL);
	if (note)
		hex(base, note);
	ASSERT_STREQ(base, kernel, "base id");
out:
	kmod_free(&k);
	btf__free(vmlinux);
}

/* The mode after boot, as the command line or the config has it */
void test_default_mode(const char *mode)
{
	char line[16] = "";
	FILE *f = fopen(KMOD_MODE, "r");
	int err;

	test__start_subtest("mode after boot");
	if (ASSERT_OK_PTR(f, KMOD_MODE)) {
		if (!fgets(line, sizeof(line), f))
			line[0] = 0;
		fclose(f);
		line[strcspn(line, "\n")] = 0;
		ASSERT_STREQ(line, mode, "mode");
	}

	test__start_subtest("first module of another build after boot");
	err = load_with_deps("/modules/second-split/dummy.ko");
	ASSERT_EQ(err, strcmp(mode, "strict") ? 0 : -EINVAL, "load");
	if (!err)
		ASSERT_STREQ(btf_status("dummy"), "dropped:base-changed", "status");
	unload_all();

	test__start_subtest("modules of this build have the id of this kernel");
	check_base_id();

	test__start_subtest("first module of this build after boot");
	ASSERT_OK(load_with_deps("/modules/own/dummy.ko"), "load");
	ASSERT_STREQ(btf_status("dummy"), "native", "status");
	unload_all();
}
