// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two real modules, each of a base in which two types have changed numbers, and what
 * comes of it when the kernel takes their BTF for its own.  All else is as it was
 * built: the module fits the kernel, and its BTF is well-formed on it.
 */
#include <ctype.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "guest.h"

#define NR_INSNS(insns) (sizeof(insns) / sizeof((insns)[0]))
#define DIR "/modules/own-split/"	/* of this build, and can be renumbered */

static const char * const modes[NR_MODES] = { "strict", "lenient" };

/* Returns whether this kernel has the mode.  One without the parameter has a single
 * mode, and mode= says which; it is taken for both if nothing says so.
 */
static bool set_mode(const char *mode)
{
	const char *only = getenv("mode");

	return set_param(mode) != -ENOENT || !only || !strcmp(only, mode);
}

/* A module as it would be if types @a and @b of the base had each other's number */
static int swapped(struct kmod *k, const char *path, struct btf *vmlinux, __u32 a, __u32 b)
{
	__u32 *to = btf_same_order(vmlinux);
	int err = to ? kmod_read(k, path) : -ENOMEM;

	if (!err) {
		to[a] = b;
		to[b] = a;
		err = kmod_renumber(k, vmlinux, to);
		if (err)
			kmod_free(k);
	}
	free(to);
	return err;
}

/* Load that module as @mode has it.  Returns whether it is there. */
static bool load_swapped(const struct kmod *k, const char *name, const char *mode)
{
	bool strict = !strcmp(mode, "strict");
	int err = kmod_load(k, "");

	ASSERT_EQ(err, strict ? -EINVAL : 0, "load");
	if (!err && !strict)
		ASSERT_STREQ(btf_status(name), "dropped:base-changed", "status");
	return !err;
}

/* --- nf_conntrack: a tc program may write to struct nf_conn, as .BTF_ids has it --- */

/* Offset in bytes of a member that is no bit field, or -ENOENT */
static int offset_of(const struct btf *btf, int id, const char *member)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	int i;

	for (i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), member))
			return btf_member_bit_offset(t, i) / 8;
	return -ENOENT;
}

/* The first line of the verifier's log that is no instruction */
static const char *verdict(char *log)
{
	char *line, *save;

	line = strtok_r(log, "\n", &save);
	while (line && isdigit(*line))
		line = strtok_r(NULL, "\n", &save);
	return line ?: "";
}

/* A tc program that writes to its task_struct where an nf_conn has its mark.  Nobody
 * may write there; it is nf_conntrack that says so, if it is loaded.
 */
static void check_write_to_task(int off, bool loaded)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_level = 1);
	struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_task_btf },
		{ .code = BPF_ST | BPF_W | BPF_MEM, .dst_reg = 0, .off = off },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[4096] = "";
	int fd;

	opts.log_buf = log;
	opts.log_size = sizeof(log);
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "write", "GPL", insns, NR_INSNS(insns), &opts);
	ASSERT_EQ(fd < 0 ? fd : 0, -EACCES, "load of the program");
	if (loaded)
		ASSERT_STREQ(verdict(log), "only read is supported", "verdict");
	if (fd >= 0)
		close(fd);
}

static bool has_btf_id(const struct kmod *k, __u32 id)
{
	size_t size, i;
	__u32 *ids = kmod_section(k, ".BTF_ids", &size);

	for (i = 0; i < size / sizeof(*ids); i++)
		if (ids[i] == id)
			return true;
	return false;
}

static void check_nf_conntrack(struct btf *vmlinux)
{
	int conn = btf__find_by_name_kind(vmlinux, "nf_conn", BTF_KIND_STRUCT);
	int task = btf__find_by_name_kind(vmlinux, "task_struct", BTF_KIND_STRUCT);
	char name[128];
	struct kmod k;
	bool loaded;
	int i, off;

	test__start_subtest("nf_conntrack: task_struct is not writable, native");
	if (!ASSERT_GT(conn, 0, "nf_conn") || !ASSERT_GT(task, 0, "task_struct"))
		return;
	off = offset_of(vmlinux, conn, "mark");
	if (!ASSERT_GT(off, 0, "offset of the mark"))
		off = 0;	/* not writable either, but for another reason */
	if (!ASSERT_OK(load_with_deps("/modules/own/nf_conntrack.ko"), "load"))
		return;
	check_write_to_task(off, true);
	/* what it needs stays */
	ASSERT_OK(unload_module("nf_conntrack", false), "unload");

	for (i = 0; i < NR_MODES; i++) {
		if (!set_mode(modes[i]))
			continue;
		snprintf(name, sizeof(name),
			 "nf_conntrack: its nf_conn has the id of task_struct, %s", modes[i]);
		test__start_subtest(name);
		if (!ASSERT_OK(swapped(&k, DIR "nf_conntrack.ko", vmlinux, conn, task),
			       "make"))
			break;
		ASSERT_TRUE(has_btf_id(&k, task), "id in .BTF_ids");
		loaded = load_swapped(&k, "nf_conntrack", modes[i]);
		check_write_to_task(off, loaded);
		if (loaded)
			ASSERT_OK(unload_module("nf_conntrack", false), "unload");
		kmod_free(&k);
	}
	unload_all();
}

/* --- sch_htb: a trampoline saves as many registers as BTF says there are arguments --- */

/* Attach to a function of a module a program that stores 1 in the map.  It calls a
 * helper that leaves a small number, the base 10, in r9: that is the register of a
 * sixth argument.  Returns the file descriptor of the link, or an error.
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
		{ .code = BPF_ST | BPF_DW | BPF_MEM, .dst_reg = 10, .off = -8, .imm = '7' },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 10 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 4, .imm = -16 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_strtoul },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog_fd, link_fd;

	prog_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "attach", "GPL", insns, NR_INSNS(insns),
				&opts);
	if (prog_fd < 0)
		return prog_fd;
	link_fd = bpf_raw_tracepoint_open(NULL, prog_fd);
	close(prog_fd);
	return link_fd;
}

/* Attach to htb_change_class() if the kernel has BTF of it, and have it called */
static void check_htb_change_class(int func, bool attachable)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ran", 4, 8, 1, &opts);
	int btf_fd = kmod_btf_fd("sch_htb"), link_fd, key = 0;
	__u64 ran = 0;

	ASSERT_OK_FD(map_fd, "map");
	ASSERT_EQ(btf_fd >= 0, attachable, "has a BTF id");
	link_fd = btf_fd < 0 ? btf_fd : attach(btf_fd, func, map_fd);
	ASSERT_EQ(link_fd >= 0, attachable, "attached");
	check_short_class();
	bpf_map_lookup_elem(map_fd, &key, &ran);
	ASSERT_EQ(ran, attachable, "program ran");
	close(link_fd);
	close(btf_fd);
	close(map_fd);
}

/* The id of htb_change_class() in the BTF of the module, and of the type of its sixth
 * argument.
 */
static int find_htb_change_class(struct btf *vmlinux, __u32 *extack)
{
	const struct btf_type *t;
	struct btf *btf = NULL;
	struct kmod k;
	size_t size;
	int id = kmod_read(&k, DIR "sch_htb.ko");
	void *data;

	if (id)
		return id;
	data = kmod_section(&k, ".BTF", &size);
	btf = data ? btf__new_split(data, size, vmlinux) : NULL;
	id = btf ? btf__find_by_name_kind(btf, "htb_change_class", BTF_KIND_FUNC) : -ENOENT;
	if (id > 0) {
		t = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
		*extack = btf_vlen(t) == 6 ? btf_params(t)[5].type : 0;
	}
	btf__free(btf);
	kmod_free(&k);
	return id;
}

void test_trampoline(void)
{
	struct btf *vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	char name[128];
	struct kmod k;
	__u32 extack = 0;
	int i, func, two;

	if (!kmod_jit_attaches()) {
		test__start_subtest("sch_htb: fentry of htb_change_class");
		test__skip();
		btf__free(vmlinux);
		return;
	}
	test__start_subtest("sch_htb: fentry of htb_change_class, native");
	if (!ASSERT_OK_PTR(vmlinux, "vmlinux BTF"))
		return;
	/* two registers as an argument; where one is left, none */
	two = btf__find_by_name_kind(vmlinux, "timespec64", BTF_KIND_STRUCT);
	func = find_htb_change_class(vmlinux, &extack);
	if (!ASSERT_GT(two, 0, "timespec64") ||
	    !ASSERT_EQ(btf__type_by_id(vmlinux, two)->size, 16, "size of timespec64") ||
	    !ASSERT_GT(func, 0, "htb_change_class") ||
	    !ASSERT_TRUE(extack && extack < btf__type_cnt(vmlinux) &&
			 btf_is_ptr(btf__type_by_id(vmlinux, extack)), "extack is a pointer") ||
	    !ASSERT_OK(load_with_deps(DIR "sch_htb.ko"), "load"))
		goto out;
	check_htb_change_class(func, true);
	ASSERT_OK(unload_module("sch_htb", false), "unload");

	for (i = 0; i < NR_MODES; i++) {
		if (!set_mode(modes[i]))
			continue;
		snprintf(name, sizeof(name), "sch_htb: its extack has the id of timespec64, %s",
			 modes[i]);
		test__start_subtest(name);
		if (!ASSERT_OK(swapped(&k, DIR "sch_htb.ko", vmlinux, extack, two),
			       "make"))
			break;
		/* the end of a kernel that uses the BTF */
		if (load_swapped(&k, "sch_htb", modes[i])) {
			check_htb_change_class(func, false);
			ASSERT_OK(unload_module("sch_htb", false), "unload");
		}
		kmod_free(&k);
	}
out:
	unload_all();
	btf__free(vmlinux);
}

void test_cases(void)
{
	struct btf *vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);

	if (!ASSERT_OK_PTR(vmlinux, "vmlinux BTF"))
		return;
	check_nf_conntrack(vmlinux);
	btf__free(vmlinux);
}
