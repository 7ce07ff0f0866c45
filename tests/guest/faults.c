// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of a function fails once, in turn, while a module is loaded.
 * For a kernel with fault injection: counted by /proc/thread-self/fail-nth, which with
 * the stack trace filter looks at the allocations of that function only.
 */
#include <fcntl.h>
#include <test_progs.h>
#include "guest.h"

#define DEBUGFS	"/sys/kernel/debug"
#define MOD	"bpf_test_btf_mismatch"

static int write_file(const char *path, const char *format, unsigned long value)
{
	char buf[32];
	int fd = open(path, O_WRONLY), n, err;

	if (fd < 0)
		return -errno;
	n = snprintf(buf, sizeof(buf), format, value);
	err = write(fd, buf, n) == n ? 0 : -errno;
	close(fd);
	return err;
}

/* Where a function begins and where the next symbol does */
static int find_function(const char *name, unsigned long *start, unsigned long *end)
{
	unsigned long addr;
	char line[512], symbol[256];
	FILE *f = fopen("/proc/kallsyms", "r");

	*start = 0;
	*end = -1UL;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %255s", &addr, symbol) == 2 && !strcmp(symbol, name))
			*start = addr;
	if (f)
		rewind(f);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx", &addr) == 1 && addr > *start && addr < *end)
			*end = addr;
	if (f)
		fclose(f);
	return *start ? 0 : -ENOENT;
}

/* Only what @function allocates, or calls to allocate, counts */
static int only_within(const char *function)
{
	static const char * const types[] = { "failslab", "fail_page_alloc" };
	static const struct { const char *file, *value; } all[] = {
		{ "ignore-gfp-wait", "N" }, { "ignore-gfp-highmem", "N" },
		{ "min-order", "0" }, { "verbose", "0" }, { "stacktrace-depth", "32" },
	};
	unsigned long start, end;
	char path[256];
	int i, j, err;

	err = find_function(function, &start, &end);
	for (i = 0; i < 2 && !err; i++) {
		for (j = 0; j < sizeof(all) / sizeof(*all); j++) {
			snprintf(path, sizeof(path), DEBUGFS "/%s/%s", types[i], all[j].file);
			err = write_file(path, all[j].value, 0);
			if (err == -ENOENT && j > 0 && j < 3)	/* of one type only */
				err = 0;
			if (err)
				return err;
		}
		snprintf(path, sizeof(path), DEBUGFS "/%s/require-start", types[i]);
		err = write_file(path, "0x%lx", start);
		snprintf(path, sizeof(path), DEBUGFS "/%s/require-end", types[i]);
		err = err ?: write_file(path, "0x%lx", end);
	}
	return err;
}

/* How many allocations more it would have taken; 0: one has failed */
static int nth_left(void)
{
	char buf[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDWR), n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf) - 1);
	if (write(fd, "0", 1) != 1)
		n = -1;
	close(fd);
	return n < 0 ? -EIO : atoi(buf);
}


/* Load the module until no allocation is left to fail.  Where another way to get the
 * memory exists, its BTF is used all the same; that must not be the rule.
 */
static void fail_in_turn(const struct kmod *k, const char *function, const char *used,
			 bool lenient, bool in_init)
{
	int btfs = count_btfs(), dropped = 0, kept = 0, refused = 0, nth, err, left;
	const char *status;

	if (!ASSERT_OK(set_param(lenient ? "lenient" : "strict"), "set mode") ||
	    !ASSERT_OK(only_within(function), function))
		return;
	for (nth = 1; nth < 1000; nth++) {
		if (!ASSERT_OK(write_file("/proc/thread-self/fail-nth", "%lu", nth), "fail-nth"))
			return;
		err = kmod_load(k, "");
		left = nth_left();
		if (!ASSERT_GE(left, 0, "fail-nth"))
			return;
		status = err ? "" : btf_status(MOD);
		if (left) {	/* there are not so many */
			ASSERT_OK(err, "load without failures");
			ASSERT_STREQ(status, used, "status without failures");
			unload_all();
			break;
		}
		if (err) {
			refused++;
			if ((lenient && !in_init) || err != -ENOMEM)
				test__failed(__FILE__, __LINE__, "allocation %d: load %d", nth, err);
			ASSERT_FALSE(loaded(MOD), "loaded");
		} else if (!strcmp(status, used)) {
			kept++;
		} else {
			dropped++;
			if (!lenient || strcmp(status, "dropped:no-memory"))
				test__failed(__FILE__, __LINE__, "allocation %d: %s", nth, status);
			ASSERT_EQ(count_btfs(), btfs, "BTF ids while loaded");
			ASSERT_TRUE(access("/sys/kernel/btf/" MOD, F_OK), "published");
		}
		unload_all();
		ASSERT_EQ(count_btfs(), btfs, "BTF ids");
		ASSERT_TRUE(access("/sys/kernel/btf/" MOD, F_OK), "published after unload");
	}
	printf("# %s: %d allocations, %d refused, %d dropped, %d used\n", function, nth - 1,
	       refused, dropped, kept);
	ASSERT_LT(nth, 1000, "allocations");
	/* many have a fallback, in vmalloc() or without the sanitizer; whose BTF is used
	 * cannot go on if a registration fails
	 */
	ASSERT_GT(lenient && !in_init ? dropped : refused, 0, "failed loads");
}

void test_faults(void)
{
	static const char * const modes[] = { "strict", "lenient" };
	struct btf *vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	struct btf *other = vmlinux ? btf_one_more(vmlinux) : NULL;
	struct kmod native, distilled, relocated;
	char name[128];
	int i;

	test__start_subtest("setup of fault injection");
	if (!ASSERT_OK_PTR(vmlinux, "vmlinux") || !ASSERT_OK_PTR(other, "another base") ||
	    !ASSERT_OK(kmod_read(&native, "/tests/" MOD ".ko"), "read") ||
	    !ASSERT_OK(kmod_copy(&distilled, &native), "copy") ||
	    !ASSERT_OK(kmod_copy(&relocated, &native), "copy") ||
	    !ASSERT_OK(kmod_rebase(&native, vmlinux, vmlinux, false), "native") ||
	    !ASSERT_OK(kmod_rebase(&distilled, vmlinux, vmlinux, true), "distilled") ||
	    !ASSERT_OK(kmod_rebase(&relocated, vmlinux, other, true), "of another base"))
		return;
	/* caches fill up */
	for (i = 0; i < 20; i++) {
		kmod_load(&native, "");
		unload_all();
		kmod_load(&distilled, "");
		unload_all();
	}

	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "allocations, native, %s", modes[i]);
		if (test__start_subtest(name))
			fail_in_turn(&native, "module_btf_load", "native", i, false);
		snprintf(name, sizeof(name), "allocations, distilled base, %s", modes[i]);
		if (test__start_subtest(name))
			fail_in_turn(&distilled, "module_btf_load", "native", i, false);
		snprintf(name, sizeof(name), "allocations, relocated, %s", modes[i]);
		if (test__start_subtest(name))
			fail_in_turn(&relocated, "module_btf_load", "relocated", i, false);
		snprintf(name, sizeof(name), "allocations of a kfunc registration, %s", modes[i]);
		if (test__start_subtest(name))
			fail_in_turn(&native, "register_btf_kfunc_id_set", "native", i, true);
	}
	btf__free(other);
	btf__free(vmlinux);
	kmod_free(&native);
	kmod_free(&distilled);
	kmod_free(&relocated);
}

/* What kmemleak has to say, on a kernel that has it */
void test_leaks(void)
{
	char line[256];
	int i, lines = 0;
	FILE *f;

	if (access(DEBUGFS "/kmemleak", F_OK))
		return;
	test__start_subtest("kmemleak");
	for (i = 0; i < 2; i++) {
		sleep(6);	/* it waits 5 s before it calls an object lost */
		ASSERT_OK(write_file(DEBUGFS "/kmemleak", "scan", 0), "scan");
	}
	f = fopen(DEBUGFS "/kmemleak", "r");
	if (!ASSERT_OK_PTR(f, "read"))
		return;
	while (fgets(line, sizeof(line), f))
		if (++lines <= 40)
			printf("# %s", line);
	fclose(f);
	ASSERT_EQ(lines, 0, "lines about leaks");
}
