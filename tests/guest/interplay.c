// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module BTF and the other ways in which a module is loaded: compressed, signed, by
 * force, with asynchronous probing, as a livepatch; and unloaded with its BTF in use.
 * Every module here is of the running kernel (own, "native"), or was made for another
 * base by fixture (one-more).
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <zlib.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "guest.h"

/* see linux/module.h */
#define IGNORE_MODVERSIONS	1
#define IGNORE_VERMAGIC		2
#define COMPRESSED_FILE		4

static const char * const modes[] = { "strict", "lenient" };

static int finit(const char *path, const char *params, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = syscall(__NR_finit_module, fd, params, flags) ? -errno : 0;
	close(fd);
	return err;
}

/* What has to become of a module: of this base, or of another one */
static void check_loaded(int err, const char *name, bool native, enum kmod_mode mode)
{
	if (!native && mode == STRICT) {
		ASSERT_EQ(err, -EINVAL, "load of another base");
		ASSERT_FALSE(loaded(name), "loaded");
		return;
	}
	if (ASSERT_OK(err, "load"))
		ASSERT_STREQ(btf_status(name), native ? "native" : "dropped:base-changed",
			     "status");
	unload_all();
}

static int compress_module(const char *from, const char *to)
{
	struct kmod k;
	gzFile f;
	int err = kmod_read(&k, from);

	if (err)
		return err;
	f = gzopen(to, "w");
	err = f && gzwrite(f, k.data, k.size) == k.size ? 0 : -EIO;
	if (f && gzclose(f))
		err = -EIO;
	kmod_free(&k);
	return err;
}

static void check_compressed(bool native, enum kmod_mode mode)
{
	const char *path = native ? "/modules/own/dummy.ko" : "/modules/one-more/dummy.ko";

	if (ASSERT_OK(compress_module(path, "/tmp/dummy.ko.gz"), "compress"))
		check_loaded(finit("/tmp/dummy.ko.gz", "", COMPRESSED_FILE), "dummy", native, mode);
	unlink("/tmp/dummy.ko.gz");
}

static void check_async(bool native, enum kmod_mode mode)
{
	check_loaded(finit(native ? "/modules/own/dummy.ko" : "/modules/one-more/dummy.ko",
			   "async_probe", 0), "dummy", native, mode);
}

/* modprobe -f: of another version, which says nothing of its BTF */
static void check_force(bool native, enum kmod_mode mode)
{
	const char *path = native ? "/modules/own/dummy.ko" : "/modules/one-more/dummy.ko";
	struct kmod k;
	size_t size, i;
	char *info;

	if (!ASSERT_OK(kmod_read(&k, path), "read"))
		return;
	info = kmod_section(&k, ".modinfo", &size);
	for (i = 0; i + 9 < size; i++)
		if (!strncmp(info + i, "vermagic=", 9))
			info[i + 9] = '9';
	if (ASSERT_OK(kmod_write(&k, "/tmp/dummy.ko"), "write")) {
		ASSERT_EQ(finit("/tmp/dummy.ko", "", 0), -ENOEXEC, "load of another version");
		check_loaded(finit("/tmp/dummy.ko", "", IGNORE_VERMAGIC | IGNORE_MODVERSIONS),
			     "dummy", native, mode);
	}
	unlink("/tmp/dummy.ko");
	kmod_free(&k);
}

static void read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "r");

	if (!f || !fgets(line, size, f))
		line[0] = 0;
	if (f)
		fclose(f);
}

/* A livepatch keeps its sections: it patches with or without its BTF */
static void check_livepatch(bool native, enum kmod_mode mode)
{
	const char *path = native ? "/modules/livepatch/livepatch-sample.ko" :
				    "/modules/livepatch/livepatch-one-more.ko";
	const char *enabled = "/sys/kernel/livepatch/livepatch_sample/enabled";
	const char *transition = "/sys/kernel/livepatch/livepatch_sample/transition";
	int err = finit(path, "", 0), fd, i;
	char line[256];

	if (!native && mode == STRICT) {
		ASSERT_EQ(err, -EINVAL, "load of another base");
		return;
	}
	if (!ASSERT_OK(err, "load"))
		return;
	ASSERT_STREQ(btf_status("livepatch_sample"),
		     native ? "native" : "dropped:base-changed", "status");
	read_line("/proc/cmdline", line, sizeof(line));
	ASSERT_STREQ(line, "this has been live patched\n", "/proc/cmdline");

	fd = open(enabled, O_WRONLY);
	ASSERT_EQ(write(fd, "0", 1), 1, "disable");
	close(fd);
	for (i = 0; i < 600 && !access(transition, F_OK); i++)
		usleep(100000);
	for (i = 0; i < 100 && unload_module("livepatch_sample", false); i++)
		usleep(100000);
	ASSERT_FALSE(loaded("livepatch_sample"), "unload");
}

/* Its BTF is in use: by whoever has it open, and by a program */
static void check_unload_in_use(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int btfs = count_btfs(), btf_fd, prog_fd, err;
	struct bpf_btf_info info = {};
	struct btf *vmlinux, *btf;
	char buf[64] = "";
	__u32 len = sizeof(info);

	if (!ASSERT_OK(finit("/modules/own/dummy.ko", "", 0), "load"))
		return;
	vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	btf = btf__load_module_btf("dummy", vmlinux);
	btf_fd = kmod_btf_fd("dummy");
	if (!ASSERT_OK_PTR(btf, "BTF") || !ASSERT_OK_FD(btf_fd, "fd"))
		return;

	opts.attach_btf_obj_fd = btf_fd;
	opts.attach_btf_id = btf__find_by_name_kind(btf, "dummy_xmit", BTF_KIND_FUNC);
	prog_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "hold", "GPL", insns, 2, &opts);
	if (ASSERT_OK_FD(prog_fd, "program")) {
		err = syscall(__NR_delete_module, "dummy", O_NONBLOCK) ? -errno : 0;
		ASSERT_EQ(err, -EWOULDBLOCK, "unload with a program");
		close(prog_fd);
	}
	ASSERT_OK(unload_module("dummy", false), "unload with its BTF open");
	ASSERT_TRUE(access("/sys/kernel/btf/dummy", F_OK), "published");
	info.name = (long)buf;
	info.name_len = sizeof(buf);
	ASSERT_OK(bpf_obj_get_info_by_fd(btf_fd, &info, &len), "info");
	ASSERT_STREQ(buf, "dummy", "BTF that is still open");
	close(btf_fd);
	ASSERT_EQ(count_btfs(), btfs, "BTF ids");
	btf__free(btf);
	btf__free(vmlinux);
}

void test_interplay(void)
{
	static const struct {
		const char *name;
		void (*check)(bool native, enum kmod_mode mode);
	} ways[] = {
		{ "compressed", check_compressed },
		{ "async_probe", check_async },
		{ "by force", check_force },
		{ "livepatch", check_livepatch },
	};
	enum kmod_mode mode;
	char name[128];
	int i, native;

	for (mode = STRICT; mode <= LENIENT; mode++) {
		for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
			for (native = 1; native >= 0; native--) {
				snprintf(name, sizeof(name), "%s, %s, %s", ways[i].name,
					 native ? "of this base" : "of another base",
					 modes[mode]);
				if (test__start_subtest(name) &&
				    ASSERT_OK(set_param(modes[mode]), "set mode"))
					ways[i].check(native, mode);
			}
		}
	}
	test__start_subtest("unload while its BTF is in use");
	check_unload_in_use();
}

/* With module.sig_enforce=1: a signature says who built a module, not for which base */
void test_signed(void)
{
	enum kmod_mode mode;
	char name[128];

	for (mode = STRICT; mode <= LENIENT; mode++) {
		snprintf(name, sizeof(name), "signed, %s", modes[mode]);
		if (test__start_subtest(name) && ASSERT_OK(set_param(modes[mode]), "set mode")) {
			check_loaded(finit("/modules/signed/own.ko", "", 0), "dummy", true, mode);
			check_loaded(finit("/modules/signed/one-more.ko", "", 0), "dummy", false,
				     mode);
		}

		snprintf(name, sizeof(name), "not signed, %s", modes[mode]);
		if (test__start_subtest(name)) {
			ASSERT_EQ(finit("/modules/own/dummy.ko", "", 0), -EKEYREJECTED, "own");
			ASSERT_EQ(finit("/modules/one-more/dummy.ko", "", 0), -EKEYREJECTED,
				  "one more");
		}

		snprintf(name, sizeof(name), "base id changed after signing, %s", modes[mode]);
		if (test__start_subtest(name))
			ASSERT_EQ(finit("/modules/signed/changed.ko", "", 0), -EKEYREJECTED,
				  "changed");
	}
}
