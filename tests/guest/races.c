// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: modules of this and of another base are loaded and unloaded,
 * the mode is switched, programs attach to what is there, and every BTF is listed as
 * bpftool does it. The sanitizers of the kernel say whether that is right; what is
 * checked here is that each of them has been done, and that nothing is left.
 */
#include <sys/wait.h>
#include <time.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "guest.h"

/* What an actor returns: it has done it, it could not because of another, or that is wrong */
enum outcome { DONE, IN_THE_WAY, WRONG, NR_OUTCOMES };

/* Load and unload one module */
static enum outcome load_unload(const char *path, const char *name)
{
	struct kmod k;
	int err;

	if (kmod_read(&k, path))
		return WRONG;
	err = kmod_load(&k, "");
	kmod_free(&k);
	unload_module(name, false);
	if (!err)
		return DONE;
	return err == -EINVAL || err == -EEXIST || err == -EBUSY ? IN_THE_WAY : WRONG;
}

static enum outcome load_dummy(void) { return load_unload("/modules/own/dummy.ko", "dummy"); }
static enum outcome load_other(void) { return load_unload("/modules/one-more/dummy.ko", "dummy"); }
static enum outcome load_veth(void) { return load_unload("/modules/own/veth.ko", "veth"); }
static enum outcome load_gone(void)
{
	return load_unload("/modules/gone/bpf_test_btf_mismatch.ko", "bpf_test_btf_mismatch");
}

static enum outcome switch_mode(void)
{
	static int n;

	n++;
	return set_param(n & 1 ? "lenient" : "strict") ? WRONG : DONE;
}

/* Every BTF there is, with its data */
static enum outcome list_btf(void)
{
	struct bpf_btf_info info;
	static char data[1 << 16];
	char name[64];
	__u32 id = 0, len;
	enum outcome outcome = DONE;
	int fd;

	while (!bpf_btf_get_next_id(id, &id)) {
		fd = bpf_btf_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		info.name = (long)name;
		info.name_len = sizeof(name);
		info.btf = (long)data;
		info.btf_size = sizeof(data);
		len = sizeof(info);
		if (bpf_obj_get_info_by_fd(fd, &info, &len))
			outcome = WRONG;
		close(fd);
	}
	return outcome;
}

static struct btf *vmlinux;

/* A program on a function of a module, for as long as it takes to load it */
static enum outcome attach(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct btf *btf = btf__load_module_btf("dummy", vmlinux);
	enum outcome outcome = IN_THE_WAY;
	int fd, prog, link;

	if (libbpf_get_error(btf))
		return IN_THE_WAY;
	fd = kmod_btf_fd("dummy");
	if (fd >= 0) {
		opts.attach_btf_obj_fd = fd;
		opts.attach_btf_id = btf__find_by_name_kind(btf, "dummy_xmit", BTF_KIND_FUNC);
		prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "race", "GPL", insns, 2, &opts);
		link = prog < 0 ? -1 : bpf_raw_tracepoint_open(NULL, prog);
		if (link >= 0) {
			close(link);
			outcome = DONE;
		}
		if (prog >= 0)
			close(prog);
		close(fd);
	}
	btf__free(btf);
	return outcome;
}

static const struct {
	const char *name;
	enum outcome (*act)(void);
} actors[] = {
	{ "load", load_dummy }, { "load of another base", load_other },
	{ "load of a distilled base", load_veth }, { "load that cannot be relocated", load_gone },
	{ "switch", switch_mode }, { "list", list_btf }, { "attach", attach },
};

#define NR_ACTORS (sizeof(actors) / sizeof(*actors))

void test_races(void)
{
	int seconds = atoi(getenv("seconds") ?: "120");
	int btfs = count_btfs(), pipes[NR_ACTORS][2], i;
	pid_t pids[NR_ACTORS];
	long counts[NR_OUTCOMES];

	test__start_subtest("loads, unloads, switches, programs and lists at once");
	vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!ASSERT_OK_PTR(vmlinux, "vmlinux"))
		return;
	for (i = 0; i < NR_ACTORS; i++) {
		if (!ASSERT_OK(pipe(pipes[i]), "pipe"))
			return;
		pids[i] = fork();
		if (!pids[i]) {
			time_t end = time(NULL) + seconds;

			memset(counts, 0, sizeof(counts));
			while (time(NULL) < end)
				counts[actors[i].act()]++;
			_exit(write(pipes[i][1], counts, sizeof(counts)) != sizeof(counts));
		}
		close(pipes[i][1]);
	}
	for (i = 0; i < NR_ACTORS; i++) {
		memset(counts, 0, sizeof(counts));
		ASSERT_EQ(read(pipes[i][0], counts, sizeof(counts)), sizeof(counts), actors[i].name);
		printf("# %s: %ld times, %ld not, because of another\n", actors[i].name,
		       counts[DONE], counts[IN_THE_WAY]);
		ASSERT_GT(counts[DONE], 0, actors[i].name);
		ASSERT_EQ(counts[WRONG], 0, actors[i].name);
		waitpid(pids[i], NULL, 0);
		close(pipes[i][0]);
	}
	unload_all();
	ASSERT_EQ(count_btfs(), btfs, "BTF ids");
	btf__free(vmlinux);
}
