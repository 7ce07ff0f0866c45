// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "kmod_btf_test.h"

#ifndef ENOTSUPP
#define ENOTSUPP	524
#endif

static const char * const modes[] = { "strict", "lenient" };

struct kmod_test kt;
static char mode_found[16];	/* empty: this kernel has no such parameter */

/* --- what the kernel says --------------------------------------------------- */

int kmod_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

int kmod_write_file(const char *path, const char *s)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, s, strlen(s)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int kmod_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

int kmod_log_count(int fd, const char *line)
{
	char buf[8192];
	ssize_t n;
	int found = 0;

	/* a read is a line; EPIPE: one has been overwritten */
	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		buf[n < 0 ? 0 : n] = 0;
		if (strstr(buf, line))
			found++;
	}
	close(fd);
	return found;
}

bool kmod_loaded(void)
{
	return !access("/sys/module/" KMOD "/initstate", F_OK);
}

static bool published(void)
{
	return !access("/sys/kernel/btf/" KMOD, F_OK);
}

int kmod_btf_fd(const char *module)
{
	struct bpf_btf_info info;
	char name[64];
	__u32 id = 0, len;
	int fd;

	while (!bpf_btf_get_next_id(id, &id)) {
		fd = bpf_btf_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		info.name = (unsigned long)name;
		info.name_len = sizeof(name);
		len = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
		    info.kernel_btf && !strcmp(name, module))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

void kmod_unload(void)
{
	/* waits for the last program that holds the module */
	if (kmod_loaded())
		ASSERT_OK(unload_module(KMOD, false), "unload");
	ASSERT_FALSE(published(), "published after unload");
	ASSERT_EQ(kmod_btf_fd(KMOD), -ENOENT, "BTF id after unload");
}

/* --- what BPF can do with it -------------------------------------------------- */

static int func_id(const char *name)
{
	struct btf *btf = btf__load_module_btf(KMOD, kt.vmlinux);
	int id;

	if (libbpf_get_error(btf))
		return -ENOENT;
	id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	btf__free(btf);
	return id;
}

/* A map for a program to store 1 in */
static int create_map(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "ran", 4, 8, 1, &opts);
}

/*
 * Have a program that does so run when the function is called.  Returns a file descriptor, or an
 * error.  @btf_fd 0: it is in vmlinux.
 */
static int attach(int btf_fd, int func, int map_fd)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_obj_fd = btf_fd, .attach_btf_id = func);
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map_fd },
		{ .imm = 0 },
		{ .code = BPF_ST | BPF_DW | BPF_MEM, .dst_reg = 1, .imm = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog_fd, link_fd;

	prog_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "attach", "GPL", insns,
				sizeof(insns) / sizeof(*insns), &opts);
	if (prog_fd < 0)
		return prog_fd;
	link_fd = bpf_raw_tracepoint_open(NULL, prog_fd);
	close(prog_fd);
	return link_fd;
}

/* Load a program that calls a function of the BTF in fds[1], or, at @off 0, of vmlinux */
static int load_call(int func, int off, int *fds)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE, .fd_array = fds);
	struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .off = off, .imm = func },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "kfunc", "GPL", insns, 2, &opts);
}

bool kmod_jit_attaches(void)
{
	int func = libbpf_find_vmlinux_btf_id("bpf_fentry_test1", BPF_TRACE_FENTRY);
	int map_fd = create_map(), fd = attach(0, func, map_fd);

	if (fd >= 0)
		close(fd);
	close(map_fd);
	return fd != -ENOTSUPP;
}

bool kmod_jit_calls(void)
{
	/* no kfunc; but first the verifier asks the JIT */
	int func = libbpf_find_vmlinux_btf_id("bpf_fentry_test1", BPF_TRACE_FENTRY);
	int fds[2] = {}, fd = load_call(func, 0, fds);

	if (fd >= 0)
		close(fd);
	return fd != -ENOTSUPP;
}

int kmod_attach_and_run(void)
{
	int btf_fd, map_fd, link_fd, id, key = 0;
	__u64 value = 0;
	int err;

	btf_fd = kmod_btf_fd(KMOD);
	if (btf_fd < 0)
		return btf_fd;
	id = func_id(KMOD "_attach");
	if (id < 0) {
		close(btf_fd);
		return id;
	}

	map_fd = create_map();
	if (map_fd < 0) {
		close(btf_fd);
		return map_fd;
	}
	link_fd = attach(btf_fd, id, map_fd);
	close(btf_fd);
	err = link_fd < 0 ? link_fd : 0;
	if (!err) {
		err = kmod_write_file(KMOD_PARAM("trigger"), "1");
		err = err ?: bpf_map_lookup_elem(map_fd, &key, &value);
		close(link_fd);
	}
	close(map_fd);
	return err ?: (int)value;
}

int kmod_call_kfunc(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int fds[2] = {}, prog_fd, err, id = func_id(KMOD "_kfunc");

	if (id < 0)
		return id;
	fds[1] = kmod_btf_fd(KMOD);
	if (fds[1] < 0)
		return fds[1];

	prog_fd = load_call(id, 1, fds);
	close(fds[1]);
	if (prog_fd < 0)
		return prog_fd;
	err = bpf_prog_test_run_opts(prog_fd, &run);
	close(prog_fd);
	return err ?: (int)run.retval;
}

void kmod_check_bpf(bool works)
{
	if (works) {
		ASSERT_EQ(kmod_attach_and_run(), kt.attaches ? 1 : -ENOTSUPP, "attach");
		ASSERT_EQ(kmod_call_kfunc(), kt.calls ? KFUNC_RETVAL : -ENOTSUPP, "kfunc");
	} else {
		ASSERT_LT(kmod_attach_and_run(), 0, "attach");
		ASSERT_LT(kmod_call_kfunc(), 0, "kfunc");
	}
}

/* --- changes ------------------------------------------------------------------- */

int kmod_add_types(struct kmod *k, int (*add)(struct btf *btf))
{
	size_t size, base_size;
	void *data = kmod_section(k, ".BTF", &size);
	void *base_data = kmod_section(k, ".BTF.base", &base_size);
	struct btf *base = base_data ? btf__new(base_data, base_size) : NULL;
	struct btf *btf = btf__new_split(data, size, base ?: kt.vmlinux);
	const void *raw;
	__u32 raw_size;
	int err;

	err = btf ? add(btf) : -ENOMEM;
	if (err >= 0) {
		raw = btf__raw_data(btf, &raw_size);
		err = raw ? kmod_set_section(k, ".BTF", raw, raw_size, false) : -ENOMEM;
	}
	btf__free(btf);
	btf__free(base);
	return err;
}

int kmod_forge(struct kmod *k, int (*make)(struct kmod *k))
{
	unsigned char mine[BTF_BASE_ID_SIZE] = {}, *id = kmod_base_id(k, NULL);
	int err;

	if (id)		/* an unpatched kernel built it without */
		memcpy(mine, id, sizeof(mine));
	err = make(k);
	id = kmod_base_id(k, NULL);
	if (id)
		memcpy(id, mine, sizeof(mine));
	return err;
}

/* --- the tests ------------------------------------------------------------------ */

static bool config_is_lenient(void)
{
	bool lenient = false;
	char line[256];
	gzFile f;

	f = gzopen("/proc/config.gz", "r");
	while (f && gzgets(f, line, sizeof(line)))
		if (!strcmp(line, "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n"))
			lenient = true;
	if (f)
		gzclose(f);
	return lenient;
}

bool kmod_set_mode(enum kmod_mode mode)
{
	if (mode_found[0])
		return ASSERT_OK(kmod_write_file(KMOD_MODE, modes[mode]), "set mode");
	if (mode == (config_is_lenient() ? LENIENT : STRICT))
		return true;
	test__skip();
	return false;
}

static void check_loaded(const struct kmod_variant *v, bool used)
{
	char status[64];
	int fd;

	/* an unpatched kernel has no such file, and nothing is said of it here */
	if (!kmod_read_file("/sys/module/" KMOD "/btf", status, sizeof(status)))
		ASSERT_STREQ(status, v->status, "status");
	ASSERT_EQ(published(), used, "published");
	fd = kmod_btf_fd(KMOD);
	ASSERT_EQ(fd >= 0, used, "has a BTF id");
	if (fd >= 0)
		close(fd);
	if (v->check)
		v->check(used);
	else
		kmod_check_bpf(used);
}

static void check_variant(const struct kmod_variant *v, enum kmod_mode mode)
{
	bool dropped = !strncmp(v->status, "dropped:", 8);
	int err, log = -1;
	struct kmod k;

	if (!ASSERT_OK(kmod_copy(&k, v->from), "copy"))
		return;
	err = v->make ? v->make(&k) : 0;
	if (!err && v->add)
		err = kmod_add_types(&k, v->add);
	if (!ASSERT_GE(err, 0, "make"))
		goto out;

	/* of the lines that are logged in lenient mode, some are left out if there are many */
	if (v->log && mode == STRICT)
		log = kmod_log_open();
	err = kmod_load(&k, v->params ?: "");
	if (log >= 0)
		ASSERT_EQ(kmod_log_count(log, v->log), 1, v->log);
	if (dropped && mode == STRICT) {
		ASSERT_EQ(err, v->err ?: -EINVAL, "load");
		ASSERT_FALSE(kmod_loaded(), "loaded");
	} else if (ASSERT_OK(err, "load")) {
		check_loaded(v, !dropped && strcmp(v->status, "none"));
	}
	kmod_unload();
out:
	kmod_free(&k);
}

void kmod_test_variant(const struct kmod_variant *v, enum kmod_mode mode)
{
	char name[128];

	snprintf(name, sizeof(name), "%s, %s", v->name, modes[mode]);
	if (!test__start_subtest(name) || !kmod_set_mode(mode))
		return;
	if (!kt.relocates && (v->from == &kt.distilled || !strcmp(v->status, "relocated")))
		test__skip();
	else
		check_variant(v, mode);
}

void kmod_test_variants(const struct kmod_variant *v, int nr)
{
	enum kmod_mode mode;
	int i;

	for (mode = STRICT; mode < NR_MODES; mode++)
		for (i = 0; i < nr; i++)
			kmod_test_variant(&v[i], mode);
}

void kmod_test_lines(const struct kmod *k, struct kmod_line *lines, int nr)
{
	bool missing = true;
	int i, tries, err;

	for (tries = 0; missing && tries < 24; tries++) {
		if (tries)
			usleep(250000);
		for (i = 0; i < nr; i++)
			lines[i].log = kmod_log_open();
		err = kmod_load(k, "");
		missing = false;
		for (i = 0; i < nr; i++) {
			lines[i].found = kmod_log_count(lines[i].log, lines[i].line);
			missing |= lines[i].found < lines[i].cnt;
		}
		kmod_unload();
	}
	ASSERT_OK(err, "load");
	for (i = 0; i < nr; i++)
		ASSERT_EQ(lines[i].found, lines[i].cnt, lines[i].line);
}

bool kmod_test_setup(void)
{
	memset(&kt, 0, sizeof(kt));
	if (kmod_read_file(KMOD_MODE, mode_found, sizeof(mode_found)))
		mode_found[0] = 0;
	if (kmod_loaded())
		kmod_unload();
	kt.vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!ASSERT_OK_PTR(kt.vmlinux, "vmlinux BTF"))
		return false;
	kt.relocates = kernel_relocates_btf(kt.vmlinux);
	kt.attaches = kmod_jit_attaches();
	kt.calls = kmod_jit_calls();
	kt.one_more = btf_one_more(kt.vmlinux);
	kt.shifted = btf_shifted(kt.vmlinux);
	kt.reordered = btf_reordered(kt.vmlinux);
	return ASSERT_OK_PTR(kt.one_more, "one more") && ASSERT_OK_PTR(kt.shifted, "shifted") &&
	       ASSERT_OK_PTR(kt.reordered, "reordered") &&
	       ASSERT_OK(kmod_read(&kt.native, KMOD ".ko"), "read module") &&
	       ASSERT_OK(kmod_copy(&kt.distilled, &kt.native), "copy") &&
	       ASSERT_OK(kmod_rebase(&kt.native, kt.vmlinux, kt.vmlinux, false), "native BTF") &&
	       ASSERT_OK(kmod_rebase(&kt.distilled, kt.vmlinux, kt.vmlinux, true),
			 "distilled base");
}

void kmod_test_finish(void)
{
	if (mode_found[0])
		ASSERT_OK(kmod_write_file(KMOD_MODE, mode_found), "restore mode");
	kmod_free(&kt.native);
	kmod_free(&kt.distilled);
	btf__free(kt.one_more);
	btf__free(kt.shifted);
	btf__free(kt.reordered);
	btf__free(kt.vmlinux);
}
