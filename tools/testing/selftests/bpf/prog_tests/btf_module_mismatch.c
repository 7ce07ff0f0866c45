// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel makes of a module whose BTF fits it, fits another kernel, or is
 * damaged; in strict and in lenient mode (module.btf_mismatch=).  Every variant is
 * made here from one module, against bases made from /sys/kernel/btf/vmlinux.
 */
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <sys/syscall.h>
#include <linux/if_alg.h>
#include <sys/socket.h>
#include <bpf/btf.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "kmod_btf_helpers.h"

#define MOD		"bpf_test_btf_mismatch"
#define MODE_FILE	"/sys/module/module/parameters/btf_mismatch"
#define KFUNC_RETVAL	4242

enum mode { STRICT, LENIENT };

static const char * const mode_names[] = { "strict", "lenient" };

static struct btf *vmlinux, *one_more, *shifted, *reordered;
static struct kmod native, distilled, both;
static bool relocates;	/* this kernel can */

/* --- what the kernel says ------------------------------------------------ */

static int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	if (n && buf[n - 1] == '\n')
		buf[n - 1] = 0;
	return 0;
}

static int write_file(const char *path, const char *s)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, s, strlen(s)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static enum mode default_mode(void)
{
	enum mode mode = STRICT;
	char line[256];
	gzFile f;

	f = gzopen("/proc/config.gz", "r");
	while (f && gzgets(f, line, sizeof(line)))
		if (!strcmp(line, "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n"))
			mode = LENIENT;
	if (f)
		gzclose(f);
	return mode;
}

/* A kernel without the parameter has one mode, that of its config */
static bool set_mode(enum mode mode)
{
	int err = write_file(MODE_FILE, mode_names[mode]);

	if (err == -ENOENT && mode != default_mode()) {
		test__skip();
		return false;
	}
	return err == -ENOENT || ASSERT_OK(err, "set_mode");
}

/* Skip the test if this kernel cannot: see kernel_relocates_btf() */
static bool can_relocate(void)
{
	if (!relocates)
		test__skip();
	return relocates;
}

static bool loaded(void)
{
	return !access("/sys/module/" MOD "/initstate", F_OK);
}

static bool published(void)
{
	return !access("/sys/kernel/btf/" MOD, F_OK);
}

/* File descriptor of the module's BTF, or an error */
static int module_btf_fd(void)
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
		info.name = (long)name;
		info.name_len = sizeof(name);
		len = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
		    info.kernel_btf && !strcmp(name, MOD))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

static int func_id(const char *name)
{
	struct btf *btf = btf__load_module_btf(MOD, vmlinux);
	int id;

	if (libbpf_get_error(btf))
		return -ENOENT;
	id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	btf__free(btf);
	return id;
}

/* --- what BPF can do with it ---------------------------------------------- */

/* Attach to a function of the module and have it called. Returns whether the
 * program ran, or an error.
 */
static int attach_and_run(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, mopts, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int btf_fd, map_fd, prog_fd, link_fd, id, key = 0;
	__u64 value = 0;
	int err;

	btf_fd = module_btf_fd();
	if (btf_fd < 0)
		return btf_fd;
	id = func_id(MOD "_attach");
	if (id < 0) {
		close(btf_fd);
		return id;
	}

	map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ran", 4, 8, 1, &mopts);
	if (map_fd < 0) {
		close(btf_fd);
		return map_fd;
	}

	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map_fd },
		{ .imm = 0 },
		{ .code = BPF_ST | BPF_DW | BPF_MEM, .dst_reg = 1, .imm = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	opts.attach_btf_obj_fd = btf_fd;
	opts.attach_btf_id = id;
	prog_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "attach", "GPL", insns,
				sizeof(insns) / sizeof(*insns), &opts);
	close(btf_fd);
	if (prog_fd < 0) {
		close(map_fd);
		return prog_fd;
	}
	link_fd = bpf_raw_tracepoint_open(NULL, prog_fd);
	close(prog_fd);
	err = link_fd < 0 ? link_fd : 0;
	if (!err) {
		write_file("/sys/module/" MOD "/parameters/trigger", "1");
		err = bpf_map_lookup_elem(map_fd, &key, &value);
		close(link_fd);
	}
	close(map_fd);
	return err ?: (int)value;
}

/* Call a function that the BTF of the module names. Returns what it returns, or an
 * error.
 */
static int call_id(int id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int fds[2] = {}, prog_fd, err;

	fds[1] = module_btf_fd();
	if (fds[1] < 0)
		return fds[1];

	struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL,
		  .off = 1, .imm = id },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	opts.fd_array = fds;
	prog_fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "kfunc", "GPL", insns, 2, &opts);
	close(fds[1]);
	if (prog_fd < 0)
		return prog_fd;
	err = bpf_prog_test_run_opts(prog_fd, &run);
	close(prog_fd);
	return err ?: (int)run.retval;
}

static int call_kfunc(void)
{
	int id = func_id(MOD "_kfunc");

	return id < 0 ? id : call_id(id);
}

/* What the module finds in its .BTF_ids, see ids_get() there */
struct module_ids {
	int list[4], set_cnt, set[2], set8_cnt, set8, hits, misses;
};

static int read_ids(struct module_ids *ids)
{
	char line[256];
	int err = read_file("/sys/module/" MOD "/parameters/ids", line, sizeof(line));

	if (err)
		return err;
	err = sscanf(line, "list %d %d %d %d set %d %d %d set8 %d %d filter %d %d",
		     &ids->list[0], &ids->list[1], &ids->list[2], &ids->list[3],
		     &ids->set_cnt, &ids->set[0], &ids->set[1],
		     &ids->set8_cnt, &ids->set8, &ids->hits, &ids->misses);
	return err == 11 ? 0 : -EINVAL;
}

/* With BTF the ids are those of the running kernel, without it there is none */
static void check_ids(bool kept)
{
	struct module_ids ids = {}, none = {};
	int kfunc, attach;
	struct btf *btf;

	if (!ASSERT_OK(read_ids(&ids), "ids"))
		return;
	if (!kept) {
		ASSERT_OK(memcmp(&ids, &none, sizeof(ids)), "ids left");
		return;
	}

	btf = btf__load_module_btf(MOD, vmlinux);
	if (!ASSERT_OK_PTR(btf, "module BTF"))
		return;
	kfunc = btf__find_by_name_kind(btf, MOD "_kfunc", BTF_KIND_FUNC);
	attach = btf__find_by_name_kind(btf, MOD "_attach", BTF_KIND_FUNC);
	ASSERT_EQ(ids.list[0], btf__find_by_name_kind(btf, "list_head", BTF_KIND_STRUCT), "list 0");
	ASSERT_EQ(ids.list[1], btf__find_by_name_kind(btf, MOD, BTF_KIND_STRUCT), "list 1");
	ASSERT_EQ(ids.list[2], 0, "list 2");
	ASSERT_EQ(ids.list[3], kfunc, "list 3");
	ASSERT_EQ(ids.set_cnt, 2, "set");
	ASSERT_EQ(ids.set[0], kfunc < attach ? kfunc : attach, "set 0");
	ASSERT_EQ(ids.set[1], kfunc < attach ? attach : kfunc, "set 1");
	ASSERT_EQ(ids.set8_cnt, 1, "set8");
	ASSERT_EQ(ids.set8, kfunc, "set8 0");
	/* the kfunc has been called */
	if (relocates)
		ASSERT_GT(ids.hits, 0, "filter knows the id");
	ASSERT_EQ(ids.misses, 0, "filter does not know the id");
	btf__free(btf);
}

/* --- the variants --------------------------------------------------------- */

static struct btf_header *header(struct kmod *k)
{
	size_t size;

	return kmod_section(k, ".BTF", &size);
}

static struct btf_type *first_type(struct kmod *k)
{
	struct btf_header *h = header(k);

	return (void *)h + h->hdr_len + h->type_off;
}

/* The first type of a kind; changes of it keep its size */
static struct btf_type *find_type(struct kmod *k, int kind, const struct btf *base)
{
	struct btf_type *t = NULL;
	size_t size, off;
	struct btf *btf;
	void *data = kmod_section(k, ".BTF", &size);
	__u32 id;

	btf = btf__new_split(data, size, (struct btf *)base);
	if (!btf)
		return NULL;
	for (id = btf__type_cnt(base); id < btf__type_cnt(btf); id++) {
		const struct btf_type *bt = btf__type_by_id(btf, id);

		if (btf_kind(bt) != kind)
			continue;
		if ((kind == BTF_KIND_STRUCT || kind == BTF_KIND_FUNC_PROTO) && !btf_vlen(bt))
			continue;
		off = (void *)bt - (void *)btf__type_by_id(btf, btf__type_cnt(base));
		t = (void *)first_type(k) + off;
		break;
	}
	btf__free(btf);
	return t;
}

/* The id that an in-place type of native BTF has */
static __u32 id_of(struct kmod *k, const struct btf_type *t)
{
	size_t size;
	struct btf *btf;
	void *data = kmod_section(k, ".BTF", &size);
	__u32 id, found = 0, start = btf__type_cnt(vmlinux);

	btf = btf__new_split(data, size, vmlinux);
	for (id = start; btf && id < btf__type_cnt(btf) && !found; id++)
		if ((void *)btf__type_by_id(btf, id) - (void *)btf__type_by_id(btf, start) ==
		    (void *)t - (void *)first_type(k))
			found = id;
	btf__free(btf);
	return found;
}

static int nothing(struct kmod *k) { return 0; }

static int no_btf(struct kmod *k)
{
	kmod_hide_section(k, ".BTF");
	return 0;
}

static int empty_btf(struct kmod *k)
{
	return kmod_set_section(k, ".BTF", "", 0, false);
}

static int against_one_more(struct kmod *k) { return kmod_rebase(k, vmlinux, one_more, false); }
static int against_shifted(struct kmod *k) { return kmod_rebase(k, vmlinux, shifted, false); }
static int against_reordered(struct kmod *k) { return kmod_rebase(k, vmlinux, reordered, false); }

static int no_id(struct kmod *k)
{
	unsigned char *id = kmod_base_id(k, NULL);

	if (!id)
		return 0;	/* an unpatched kernel built it so */
	memset(id, 0, KMOD_ID_SIZE);
	return 0;
}

static int no_note(struct kmod *k)
{
	unsigned int *type;

	if (kmod_base_id(k, &type))
		*type = 0x4242;
	return 0;
}

/* Types numbered after another base, the id of this one */
static int forge(struct kmod *k, int (*make)(struct kmod *k))
{
	unsigned char mine[KMOD_ID_SIZE] = {}, *id = kmod_base_id(k, NULL);
	int err;

	if (id)
		memcpy(mine, id, sizeof(mine));
	err = make(k);
	id = kmod_base_id(k, NULL);
	if (id)
		memcpy(id, mine, sizeof(mine));
	return err;
}

static int forged_one_more(struct kmod *k) { return forge(k, against_one_more); }
static int forged_shifted(struct kmod *k) { return forge(k, against_shifted); }

static int base_stripped(struct kmod *k)
{
	kmod_hide_section(k, ".BTF.base");
	return 0;
}

static int base_empty(struct kmod *k)
{
	return kmod_set_section(k, ".BTF.base", "", 0, false);
}

static int base_garbage(struct kmod *k)
{
	return kmod_set_section(k, ".BTF.base", "garbage", 7, false);
}

/* A struct that the module embeds gets a name that no kernel has */
static int rename_embedded(struct btf_header *h)
{
	char *s = (char *)h + h->hdr_len + h->str_off, *end = s + h->str_len;

	for (; s < end; s += strlen(s) + 1)
		if (!strcmp(s, "list_head")) {
			*s = '_';
			return 0;
		}
	return -ENOENT;
}

static int base_type_gone(struct kmod *k)
{
	size_t size;

	return rename_embedded(kmod_section(k, ".BTF.base", &size));
}

static int base_type_resized(struct kmod *k)
{
	size_t size;
	void *data = kmod_section(k, ".BTF.base", &size);
	const struct btf_type *t;
	struct btf *btf = btf__new(data, size);
	struct btf_header *h = data;
	int id, err = -ENOENT;

	id = btf ? btf__find_by_name_kind(btf, "list_head", BTF_KIND_STRUCT) : -1;
	if (id > 0) {
		t = btf__type_by_id(btf, id);
		((struct btf_type *)(data + h->hdr_len + h->type_off +
				     ((void *)t - (void *)btf__type_by_id(btf, 1))))->size += 8;
		err = 0;
	}
	btf__free(btf);
	return err;
}

static int bad_magic(struct kmod *k)
{
	header(k)->magic++;
	return 0;
}

static int bad_version(struct kmod *k)
{
	header(k)->version = 2;
	return 0;
}

static int bad_flags(struct kmod *k)
{
	header(k)->flags = 0x80;
	return 0;
}

static int long_header(struct kmod *k, int fill)
{
	size_t size, more = 64, old;
	struct btf_header *h = kmod_section(k, ".BTF", &size);
	void *data = malloc(size + more);
	int err;

	if (!data)
		return -ENOMEM;
	old = h->hdr_len;
	memcpy(data, h, old);
	memset(data + old, fill, more);
	memcpy(data + old + more, (void *)h + old, size - old);
	((struct btf_header *)data)->hdr_len = old + more;
	err = kmod_set_section(k, ".BTF", data, size + more, false);
	free(data);
	return err;
}

/* longer than known, but all that is not known is zero: used */
static int zero_long_header(struct kmod *k) { return long_header(k, 0); }
static int unknown_header(struct kmod *k) { return long_header(k, 0x5a); }

static int header_past_end(struct kmod *k)
{
	header(k)->hdr_len = 0x10000000;
	return 0;
}

static int header_only_start(struct kmod *k)
{
	size_t size;
	void *data = kmod_section(k, ".BTF", &size);

	return kmod_set_section(k, ".BTF", data, 6, false);
}

static int types_past_end(struct kmod *k)
{
	header(k)->type_len = 0x7ffffff0;
	return 0;
}

static int strings_truncated(struct kmod *k)
{
	struct btf_header *h = header(k);
	size_t size;

	return kmod_set_section(k, ".BTF", kmod_section(k, ".BTF", &size),
				h->hdr_len + h->str_off + h->str_len / 2, false);
}

static int strings_unterminated(struct kmod *k)
{
	struct btf_header *h = header(k);

	((char *)h)[h->hdr_len + h->str_off + h->str_len - 1] = 'x';
	return 0;
}

static int name_out_of_range(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_STRUCT, vmlinux);

	if (!t)
		return -ENOENT;
	t->name_off = 0x7ffffff;
	return 0;
}

static int id_out_of_range(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_PTR, vmlinux);

	if (!t)
		return -ENOENT;
	t->type = 0xffff0;
	return 0;
}

static int member_id_out_of_range(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_STRUCT, vmlinux);

	if (!t)
		return -ENOENT;
	btf_members(t)->type = 0xffff0;
	return 0;
}

/* also with a distilled base: relocation must not take it for an index */
static int relocated_id_out_of_range(struct kmod *k)
{
	size_t size;
	void *data = kmod_section(k, ".BTF.base", &size);
	struct btf *base = btf__new(data, size);
	struct btf_type *t = base ? find_type(k, BTF_KIND_PTR, base) : NULL;

	btf__free(base);
	if (!t)
		return -ENOENT;
	t->type = 0xffff0;
	return 0;
}

static int function_of_pointer(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_FUNC, vmlinux);
	struct btf_type *ptr = find_type(k, BTF_KIND_PTR, vmlinux);

	if (!t || !ptr)
		return -ENOENT;
	t->type = id_of(k, ptr);
	return 0;
}

static int pointer_cycle(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_PTR, vmlinux);

	if (!t)
		return -ENOENT;
	t->type = id_of(k, t);
	return 0;
}

static int struct_cycle(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_STRUCT, vmlinux);

	if (!t)
		return -ENOENT;
	btf_members(t)->type = id_of(k, t);
	return 0;
}

static int member_outside(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_STRUCT, vmlinux);

	if (!t)
		return -ENOENT;
	t->size = 8;
	return 0;
}

/* 200 bits of what is 64 wide at the most */
static int bitfield_too_wide(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_STRUCT, vmlinux);

	if (!t)
		return -ENOENT;
	t->info |= 1U << 31;
	btf_members(t)->offset = 200 << 24;
	return 0;
}

static int argument_name_out_of_range(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_FUNC_PROTO, vmlinux);

	if (!t)
		return -ENOENT;
	btf_params(t)->name_off = 0x7ffffff;
	return 0;
}

static int unknown_kind(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_PTR, vmlinux);

	if (!t)
		return -ENOENT;
	t->info = 0x1f000000;
	return 0;
}

static int two_sections(struct kmod *k)
{
	size_t size;
	void *data = kmod_section(k, ".BTF", &size);

	return kmod_set_section(k, ".BTF", data, size, true);
}

/* Claims to have data and has none in the file */
static int nobits(struct kmod *k)
{
	Elf64_Shdr *sh = kmod_section_header(k, ".BTF");

	sh->sh_type = SHT_NOBITS;
	return 0;
}

/* A section of type NULL has neither a name nor data */
static int null_section(struct kmod *k)
{
	Elf64_Shdr *sh = kmod_section_header(k, ".BTF");

	sh->sh_type = SHT_NULL;
	return 0;
}

static int null_section_first(struct kmod *k)
{
	return two_sections(k) ?: null_section(k);
}

/* Types without a single one: nothing to attach to, but nothing wrong either */
static int no_types(struct kmod *k)
{
	struct btf_header *h = header(k);

	h->str_off = h->type_off;
	h->type_len = 0;
	h->str_len = 0;
	kmod_hide_section(k, ".BTF_ids");
	return kmod_set_section(k, ".BTF", h, h->hdr_len, false);
}

/* a string that vmlinux has not, because all strings of such a module are its own */
#define OWN "a_struct_that_only_this_module_has"

/* A struct, pointers to it and to @id, which has no name */
static int add_own_types(struct btf *split, __u32 id)
{
	int own = btf__add_struct(split, OWN, 8);

	return own > 0 && btf__add_ptr(split, own) > 0 && btf__add_ptr(split, id) > 0 ? 0 : -ENOMEM;
}

/* A module that needs no named type of its base, but void */
static int distilled_no_types(struct kmod *k)
{
	struct btf *base = btf__new_empty();
	struct btf *split = base ? btf__new_empty_split(base) : NULL;
	int err = split ? add_own_types(split, 0) : -ENOMEM;
	const void *base_data, *data;
	__u32 base_size, size;

	if (!err) {
		kmod_hide_section(k, ".BTF_ids");
		base_data = btf__raw_data(base, &base_size);
		data = btf__raw_data(split, &size);
		err = kmod_set_section(k, ".BTF.base", base_data, base_size, false) ?:
		      kmod_set_section(k, ".BTF", data, size, false);
	}
	btf__free(split);
	btf__free(base);
	return err;
}

static int strip_ids(struct kmod *k)
{
	kmod_strip_btf_ids(k, "");
	return 0;
}

static int strip_ids_one_more(struct kmod *k)
{
	return against_one_more(k) ?: strip_ids(k);
}

static int aligned_to_bytes(struct kmod *k)
{
	Elf64_Shdr *sh = kmod_section_header(k, ".BTF_ids");

	if (!sh)
		return -ENOENT;
	sh->sh_addralign = 1;
	return 0;
}

static int aligned_to_bytes_one_more(struct kmod *k)
{
	return against_one_more(k) ?: aligned_to_bytes(k);
}

static int change_id(struct kmod *k, const char *symbol, __u32 id)
{
	__u32 *p = kmod_btf_id(k, symbol);

	if (!p)
		return -ENOENT;
	*p = id;
	return 0;
}

static int list_id_out_of_range(struct kmod *k)
{
	return change_id(k, "struct__list_head", 0xffff0);
}

static int set_too_long(struct kmod *k) { return change_id(k, "set__", 3); }
static int set8_too_long(struct kmod *k) { return change_id(k, "set8__", 0x20000001); }

/* In a list of structs and functions */
static int list_id_of_pointer(struct kmod *k)
{
	struct btf_type *t = find_type(k, BTF_KIND_PTR, vmlinux);

	return t ? change_id(k, "struct__list_head", id_of(k, t)) : -ENOENT;
}

/* --- types at the end of good BTF ------------------------------------------- */

static int add_int(struct btf *btf) { return btf__add_int(btf, "added_int", 4, 0); }

/* struct @name { @type m; } of @size bytes; returns its id */
static int add_struct(struct btf *btf, const char *name, __u32 size, int type)
{
	int id = btf__add_struct(btf, name, size);

	return id < 0 ? id : btf__add_field(btf, "m", type, 0, 0) ?: id;
}

/* A type that has no size */
static int add_proto(struct btf *btf) { return btf__add_func_proto(btf, 0); }

static int add_every_kind(struct btf *btf)
{
	int i = add_int(btf), s = add_struct(btf, "added_struct", 4, i), proto, func, var;
	int err = 0, array;

	/* twice the same inside, to look at it once */
	array = btf__add_array(btf, i, s, 3);
	btf__add_struct(btf, "added_twice", 28);
	err = err ?: btf__add_field(btf, "a", array, 0, 0);
	err = err ?: btf__add_field(btf, "b", array, 96, 0);
	err = err ?: btf__add_field(btf, "c", s, 192, 0);
	btf__add_enum64(btf, "added_enum64", 8, false);
	err = err ?: btf__add_enum64_value(btf, "ADDED", 1);
	btf__add_float(btf, "added_float", 8);
	btf__add_fwd(btf, "added_fwd", BTF_FWD_STRUCT);
	btf__add_type_tag(btf, "user", i);
	proto = btf__add_func_proto(btf, i);
	err = err ?: btf__add_func_param(btf, "first", i);
	func = btf__add_func(btf, "added_func", BTF_FUNC_STATIC, proto);
	var = btf__add_var(btf, "added_var", BTF_VAR_STATIC, i);
	btf__add_datasec(btf, ".data", 4);
	err = err ?: btf__add_datasec_var_info(btf, var, 0, 4);
	btf__add_decl_tag(btf, "on_func", func, -1);
	btf__add_decl_tag(btf, "on_argument", func, 0);
	btf__add_decl_tag(btf, "on_var", var, -1);
	btf__add_decl_tag(btf, "on_struct", s, -1);
	btf__add_decl_tag(btf, "on_member", s, 0);
	return err;
}

static int add_member_without_size(struct btf *btf)
{
	return add_struct(btf, "added", 4, add_proto(btf));
}

static int add_many_members(struct btf *btf)
{
	int i, type = add_int(btf), err = btf__add_struct(btf, "added", 5000 * 4);

	for (i = 0; i < 5000 && err >= 0; i++)
		err = btf__add_field(btf, "", type, i * 32, 0);
	return err;
}

static int add_return_without_size(struct btf *btf)
{
	return btf__add_func_proto(btf, add_proto(btf));
}

static int add_argument_without_size(struct btf *btf)
{
	int type = add_proto(btf);

	btf__add_func_proto(btf, 0);
	return btf__add_func_param(btf, "a", type);
}

static int add_section_of_types(struct btf *btf)
{
	int type = add_int(btf);

	btf__add_datasec(btf, ".data", 4);
	return btf__add_datasec_var_info(btf, type, 0, 4);
}

static int add_var_without_size(struct btf *btf)
{
	return btf__add_var(btf, "added", BTF_VAR_STATIC, add_proto(btf));
}

static int add_tag_of_nothing(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", 0xffff0, -1);
}

static int add_tag_of_pointer(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", btf__add_ptr(btf, 0), -1);
}

static int add_tag_of_var_member(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", btf__add_var(btf, "v", 0, add_int(btf)), 0);
}

static int add_tag_of_no_member(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", add_struct(btf, "s", 4, add_int(btf)), 1);
}

static int add_tag_of_no_argument(struct btf *btf)
{
	return btf__add_decl_tag(btf, "added", btf__add_func(btf, "f", 0, add_proto(btf)), 0);
}

/* the function is further on, and has not been looked at */
static int add_tag_of_bad_function(struct btf *btf)
{
	int type = add_int(btf), tag = btf__add_decl_tag(btf, "added", type + 2, 0);

	return tag < 0 ? tag : btf__add_func(btf, "f", 0, type);
}

static int add_pointer_to_function(struct btf *btf)
{
	return btf__add_ptr(btf, btf__add_func(btf, "f", 0, add_proto(btf)));
}

/* @n modifiers on an int */
static int add_chain(struct btf *btf, int n)
{
	int type = add_int(btf);

	while (n-- && type > 0)
		type = btf__add_const(btf, type);
	return type;
}

static int add_long_chain(struct btf *btf) { return add_chain(btf, 32); }
static int add_endless_chain(struct btf *btf) { return add_chain(btf, 33); }

/* the chain is further on, and has not been looked at */
static int add_member_of_endless_chain(struct btf *btf)
{
	int s = add_struct(btf, "added", 4, btf__type_cnt(btf) + 34);

	return s < 0 ? s : add_chain(btf, 33);
}

static int add_index_of_struct(struct btf *btf)
{
	int type = add_int(btf);

	return btf__add_array(btf, add_struct(btf, "s", 4, type), type, 1);
}

static int add_array_without_size(struct btf *btf)
{
	return btf__add_array(btf, add_int(btf), add_proto(btf), 1);
}

/* @n arrays of arrays, of @nr elements each */
static int add_arrays(struct btf *btf, int element, int n, __u32 nr)
{
	int index = add_int(btf);

	while (n-- && element > 0)
		element = btf__add_array(btf, index, element, nr);
	return element;
}

static int add_big_array(struct btf *btf)
{
	return add_arrays(btf, add_int(btf), 1, 0x40000000);
}

static int add_big_array_of_pointers(struct btf *btf)
{
	return add_arrays(btf, btf__add_ptr(btf, 0), 1, 0xffffffff);
}

static int add_bigger_array(struct btf *btf)
{
	return add_arrays(btf, add_int(btf), 2, 0x10000);
}

static int add_deep_arrays(struct btf *btf) { return add_arrays(btf, add_int(btf), 32, 1); }

/* @n structs in each other, the innermost or the outermost first */
static int add_nested(struct btf *btf, int n, bool outermost_first)
{
	int leaf = add_int(btf), id = leaf, i;
	char name[32];

	for (i = 0; i < n && id > 0; i++) {
		if (outermost_first)	/* the one that follows */
			id = i < n - 1 ? btf__type_cnt(btf) + 1 : leaf;
		snprintf(name, sizeof(name), "nested_%d", i);
		id = add_struct(btf, name, 4, id);
	}
	return id;
}

static int add_deep(struct btf *btf) { return add_nested(btf, 31, false); }
static int add_too_deep(struct btf *btf) { return add_nested(btf, 33, false); }
static int add_too_deep_outermost_first(struct btf *btf) { return add_nested(btf, 33, true); }

static int add_union_in_itself(struct btf *btf)
{
	int own = btf__type_cnt(btf);

	btf__add_union(btf, "added", 8);
	return btf__add_field(btf, "m", own, 0, 0);
}

static const struct {
	const char *name;
	int (*add)(struct btf *btf);
	bool good;
} added_types[] = {
	{ "types of every kind", add_every_kind, true },
	{ "struct with 5000 members", add_many_members, true },
	{ "chain of 32 modifiers", add_long_chain, true },
	{ "chain of 33 modifiers", add_endless_chain },
	{ "member with a chain of 33 modifiers", add_member_of_endless_chain },
	{ "31 structs in each other", add_deep, true },
	{ "33 structs in each other", add_too_deep },
	{ "33 structs in each other, outermost first", add_too_deep_outermost_first },
	{ "union in itself", add_union_in_itself },
	{ "member without a size", add_member_without_size },
	{ "return value without a size", add_return_without_size },
	{ "argument without a size", add_argument_without_size },
	{ "section of types", add_section_of_types },
	{ "variable without a size", add_var_without_size },
	{ "tag of nothing", add_tag_of_nothing },
	{ "tag of a pointer", add_tag_of_pointer },
	{ "tag of the member of a variable", add_tag_of_var_member },
	{ "tag of a member that is not there", add_tag_of_no_member },
	{ "tag of an argument that is not there", add_tag_of_no_argument },
	{ "tag of a function without prototype", add_tag_of_bad_function },
	{ "pointer to a function and not its type", add_pointer_to_function },
	{ "array with a struct as index", add_index_of_struct },
	{ "array of what has no size", add_array_without_size },
	{ "array of 2^30 integers", add_big_array },
	{ "array of 2^32 pointers", add_big_array_of_pointers },
	{ "array of 2^32 integers", add_bigger_array },
	{ "32 arrays in each other", add_deep_arrays },
};

static int (*adding)(struct btf *btf);	/* one of these */

static int add_types(struct kmod *k)
{
	size_t size;
	void *data = kmod_section(k, ".BTF", &size);
	struct btf *btf = btf__new_split(data, size, vmlinux);
	const void *raw;
	__u32 raw_size;
	int err;

	err = btf ? adding(btf) : -ENOMEM;
	if (err >= 0) {
		raw = btf__raw_data(btf, &raw_size);
		err = raw ? kmod_set_section(k, ".BTF", raw, raw_size, false) : -ENOMEM;
	}
	btf__free(btf);
	return err;
}

static struct kmod_distilled *distilled_head(struct kmod *k)
{
	size_t size;

	return kmod_section(k, ".BTF.distilled", &size);
}

static int both_one_more(struct kmod *k) { return kmod_rebase_both(k, vmlinux, one_more, 0); }
static int both_shifted(struct kmod *k) { return kmod_rebase_both(k, vmlinux, shifted, 1); }

static int both_no_id(struct kmod *k) { return both_shifted(k) ?: no_id(k); }

static int both_forged(struct kmod *k) { return forge(k, both_shifted); }

static int both_strip_ids(struct kmod *k)
{
	int err = both_shifted(k);

	kmod_strip_btf_ids(k, "");
	return err;
}

/* Not read when it is not needed */
static int both_native_garbage(struct kmod *k)
{
	return kmod_set_section(k, ".BTF.distilled", "garbage", 7, false);
}

static int both_garbage(struct kmod *k) { return both_shifted(k) ?: both_native_garbage(k); }

static int both_empty(struct kmod *k)
{
	return both_shifted(k) ?: kmod_set_section(k, ".BTF.distilled", "", 0, false);
}

static int both_and_base(struct kmod *k)
{
	return both_shifted(k) ?: kmod_set_section(k, ".BTF.base", "", 0, false);
}

static int both_unknown(struct kmod *k)
{
	int err = both_shifted(k);

	if (!err)
		distilled_head(k)->magic++;
	return err;
}

static int both_damaged(struct kmod *k, size_t field, __u32 add)
{
	int err = both_shifted(k);

	if (!err)
		*(__u32 *)((void *)distilled_head(k) + field) += add;
	return err;
}

#define BOTH_DAMAGED(field, add) \
static int both_##field(struct kmod *k) \
{ \
	return both_damaged(k, offsetof(struct kmod_distilled, field), add); \
}

BOTH_DAMAGED(base_types, 1)		/* ids of its own that have none */
BOTH_DAMAGED(base_strs, 0x1000)		/* names of the base */
BOTH_DAMAGED(split_types, 1)
BOTH_DAMAGED(dist_types, 1)
BOTH_DAMAGED(tail_types, 0x40000000)	/* more than there can be */
BOTH_DAMAGED(tail_len, 1)

static int both_tail_past_end(struct kmod *k)
{
	return both_damaged(k, offsetof(struct kmod_distilled, tail_len), 0x10000000);
}

/* Ids that the module needs are not there */
static int both_id_gone(struct kmod *k)
{
	struct kmod_distilled *d;
	int err = both_shifted(k);
	__u32 i;

	if (err)
		return err;
	d = distilled_head(k);
	for (i = 0; i < d->dist_types - 1 + d->tail_types; i++)
		d->ids[i]--;
	return 0;
}

static int both_unknown_kind(struct kmod *k)
{
	int err = both_shifted(k);

	if (!err)
		first_type(k)->info |= 0x7f000000;
	return err;
}

static int both_last_type_cut(struct kmod *k)
{
	int err = both_shifted(k);

	if (!err)
		header(k)->type_len -= 4;
	return err;
}

static int both_types_past_end(struct kmod *k) { return both_shifted(k) ?: types_past_end(k); }
static int both_header_cut(struct kmod *k) { return both_shifted(k) ?: header_only_start(k); }

/* Like distilled_no_types(), but what the last pointer points to is of the base: void *,
 * which has no name and so follows the types of the module.
 */
static int both_no_types(struct kmod *k)
{
	struct btf *base = btf__new_empty();
	struct btf *split = btf__new_empty_split(shifted);
	__u32 base_size, size, id, nr = btf__type_cnt(shifted);
	struct btf_type tail = { .info = BTF_KIND_PTR << 24 };
	int err = both_shifted(k);
	const void *base_data, *data;
	struct kmod_distilled *d;
	unsigned char *section;
	size_t at;

	for (id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(shifted, id);

		if (btf_is_ptr(t) && !t->type)
			break;
	}
	if (!err)
		err = base && split && id < nr ? add_own_types(split, id) : -ENOMEM;
	if (err)
		goto out;
	kmod_hide_section(k, ".BTF_ids");
	base_data = btf__raw_data(base, &base_size);
	data = btf__raw_data(split, &size);

	at = sizeof(*d) + sizeof(id);
	section = malloc(at + sizeof(tail) + base_size);
	if (!section) {
		err = -ENOMEM;
		goto out;
	}
	d = (void *)section;
	*d = *distilled_head(k);
	d->split_types = 3;
	d->dist_types = 1;
	d->tail_types = 1;
	d->tail_len = sizeof(tail);
	d->ids[0] = id;
	memcpy(section + at, &tail, sizeof(tail));
	memcpy(section + at + sizeof(tail), base_data, base_size);
	err = kmod_set_section(k, ".BTF", data, size, false) ?:
	      kmod_set_section(k, ".BTF.distilled", section, at + sizeof(tail) + base_size, false);
	free(section);
out:
	btf__free(split);
	btf__free(base);
	return err;
}

static int both_type_gone(struct kmod *k)
{
	int err = both_shifted(k);
	struct kmod_distilled *d;

	if (err)
		return err;
	d = distilled_head(k);
	return rename_embedded((void *)&d->ids[d->dist_types - 1 + d->tail_types] + d->tail_len);
}

/* --- what becomes of each ------------------------------------------------- */

enum verdict { NONE, NATIVE, RELOCATED, DROPPED };

static const struct variant {
	const char *name;
	struct kmod *from;
	int (*make)(struct kmod *k);
	enum verdict verdict;
	const char *status;
	int err;		/* of a strict load */
	const char *params;
} variants[] = {
	{ "native", &native, nothing, NATIVE, "native" },
	{ "relocated", &distilled, nothing, RELOCATED, "relocated" },
	{ "no BTF", &native, no_btf, NONE, "none" },
	{ "empty BTF", &native, empty_btf, NONE, "none" },
	{ "section of type NULL", &native, null_section, NONE, "none" },
	{ "section of type NULL before it", &native, null_section_first, NATIVE, "native" },
	{ "no types", &native, no_types, NATIVE, "native", 0, "bpf=0" },
	{ "header longer, but zero", &native, zero_long_header, NATIVE, "native" },

	{ "base with one type more", &native, against_one_more,
	  DROPPED, "dropped:base-changed", -EINVAL },
	{ "base shifted", &native, against_shifted,
	  DROPPED, "dropped:base-changed", -EINVAL },
	{ "base reordered", &native, against_reordered,
	  DROPPED, "dropped:base-changed", -EINVAL },

	{ "no id", &native, no_id, DROPPED, "dropped:unstamped", -EINVAL },
	{ "no note", &native, no_note, DROPPED, "dropped:unstamped", -EINVAL },
	{ "distilled base stripped", &distilled, base_stripped,
	  DROPPED, "dropped:unstamped", -EINVAL },
	{ "forged id, one type more", &native, forged_one_more,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "forged id, shifted", &native, forged_shifted,
	  DROPPED, "dropped:invalid", -EINVAL },

	{ "type of the distilled base gone", &distilled, base_type_gone,
	  DROPPED, "dropped:relocation", -EINVAL },
	{ "type of the distilled base resized", &distilled, base_type_resized,
	  DROPPED, "dropped:relocation", -EINVAL },
	{ "distilled base empty", &distilled, base_empty,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "distilled base without types", &distilled, distilled_no_types,
	  RELOCATED, "relocated", 0, "bpf=0" },
	{ "distilled base garbage", &distilled, base_garbage,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "distilled, id out of range", &distilled, relocated_id_out_of_range,
	  DROPPED, "dropped:invalid", -EINVAL },

	{ "bad magic", &native, bad_magic, DROPPED, "dropped:invalid", -EINVAL },
	{ "unknown version", &native, bad_version,
	  DROPPED, "dropped:unsupported", -EOPNOTSUPP },
	{ "unknown flags", &native, bad_flags,
	  DROPPED, "dropped:unsupported", -EOPNOTSUPP },
	{ "unknown header", &native, unknown_header,
	  DROPPED, "dropped:unsupported", -EOPNOTSUPP },
	{ "header past the end", &native, header_past_end,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "header cut", &native, header_only_start,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "types past the end", &native, types_past_end,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "strings truncated", &native, strings_truncated,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "strings unterminated", &native, strings_unterminated,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "name out of range", &native, name_out_of_range,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "id out of range", &native, id_out_of_range,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "member id out of range", &native, member_id_out_of_range,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "function that is a pointer", &native, function_of_pointer,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "pointer to itself", &native, pointer_cycle,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "struct in itself", &native, struct_cycle,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "member outside of its struct", &native, member_outside,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "unknown kind", &native, unknown_kind,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "two sections", &native, two_sections,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "section without data", &native, nobits,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "bit field too wide", &native, bitfield_too_wide,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "argument name out of range", &native, argument_name_out_of_range,
	  DROPPED, "dropped:invalid", -EINVAL },

	{ "both", &both, nothing, NATIVE, "native" },
	{ "both, base with one type more", &both, both_one_more, RELOCATED, "relocated" },
	{ "both, base shifted", &both, both_shifted, RELOCATED, "relocated" },
	{ "both, no id", &both, both_no_id, RELOCATED, "relocated" },
	{ "both, forged id", &both, both_forged, DROPPED, "dropped:invalid", -EINVAL },
	{ "both, garbage that is not needed", &both, both_native_garbage, NATIVE, "native" },
	{ "both, garbage", &both, both_garbage, DROPPED, "dropped:invalid", -EINVAL },
	{ "both, empty", &both, both_empty, DROPPED, "dropped:invalid", -EINVAL },
	{ "both, and a distilled base", &both, both_and_base,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, unknown format", &both, both_unknown,
	  DROPPED, "dropped:unsupported", -EOPNOTSUPP },
	{ "both, fewer types", &both, both_base_types, DROPPED, "dropped:invalid", -EINVAL },
	{ "both, names of the base", &both, both_base_strs,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, number of types", &both, both_split_types,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, number of types of the distilled base", &both, both_dist_types,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, number of ids", &both, both_tail_types,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, tail cut", &both, both_tail_len, DROPPED, "dropped:invalid", -EINVAL },
	{ "both, tail past the end", &both, both_tail_past_end,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, id gone", &both, both_id_gone, DROPPED, "dropped:invalid", -EINVAL },
	{ "both, unknown kind", &both, both_unknown_kind,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, last type cut", &both, both_last_type_cut,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, types past the end", &both, both_types_past_end,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ "both, header cut", &both, both_header_cut, DROPPED, "dropped:invalid", -EINVAL },
	{ "both, type gone", &both, both_type_gone, DROPPED, "dropped:relocation", -EINVAL },
	{ "both, distilled base without types", &both, both_no_types, RELOCATED, "relocated",
	  0, "bpf=0" },

	{ ".BTF_ids without symbols", &native, strip_ids, NATIVE, "native" },
	{ ".BTF_ids without symbols, base with one type more", &native, strip_ids_one_more,
	  DROPPED, "dropped:base-changed", -EINVAL },
	{ ".BTF_ids aligned to bytes", &distilled, aligned_to_bytes, RELOCATED, "relocated" },
	{ ".BTF_ids aligned to bytes, base with one type more", &native, aligned_to_bytes_one_more,
	  DROPPED, "dropped:base-changed", -EINVAL },
	{ "relocated, .BTF_ids without symbols", &distilled, strip_ids,
	  DROPPED, "dropped:relocation", -EINVAL },
	{ "both, .BTF_ids without symbols", &both, both_strip_ids,
	  DROPPED, "dropped:relocation", -EINVAL },
	{ ".BTF_ids: id out of range", &native, list_id_out_of_range,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ ".BTF_ids: id out of range, distilled", &distilled, list_id_out_of_range,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ ".BTF_ids: id of a pointer", &native, list_id_of_pointer,
	  DROPPED, "dropped:invalid", -EINVAL },
	{ ".BTF_ids: set too long", &native, set_too_long,
	  DROPPED, "dropped:invalid", -EINVAL },
};

/* The end of a kernel that trusts the count, so this one comes last */
static const struct variant last_variant = {
	".BTF_ids: set with flags too long", &distilled, set8_too_long,
	DROPPED, "dropped:invalid", -EINVAL
};

/* --- the tests ------------------------------------------------------------ */

static void unload_mod(void)
{
	/* waits for the last program that holds the module */
	if (loaded())
		ASSERT_OK(unload_module(MOD, false), "unload");
	ASSERT_FALSE(published(), "published after unload");
	ASSERT_EQ(module_btf_fd(), -ENOENT, "BTF id after unload");
}

/* What distilled_no_types() or both_no_types() has made, as the kernel reads it */
static void check_own_types(bool both)
{
	__u32 own = btf__type_cnt(vmlinux);
	struct btf *btf = btf__parse_split("/sys/kernel/btf/" MOD, vmlinux);

	if (!ASSERT_OK_PTR(btf, "parse"))
		return;
	if (ASSERT_EQ(btf__type_cnt(btf), own + 3 + both, "types")) {
		ASSERT_TRUE(btf_is_struct(btf__type_by_id(btf, own)), "struct");
		ASSERT_STREQ(btf__name_by_offset(btf, btf__type_by_id(btf, own)->name_off), OWN,
			     "its name");
		ASSERT_EQ(btf__type_by_id(btf, own + 1)->type, own, "pointer to the struct");
		ASSERT_EQ(btf__type_by_id(btf, own + 2)->type, both ? own + 3 : 0, "last pointer");
		if (both)
			ASSERT_EQ(btf__type_by_id(btf, own + 3)->type, 0, "pointer to void");
	}
	btf__free(btf);
}

static void check_variant(const struct variant *v, enum mode mode)
{
	bool kept = v->verdict == NATIVE || v->verdict == RELOCATED;
	char status[64] = "";
	struct kmod k;
	int err, fd;

	if (!set_mode(mode) || !ASSERT_OK(kmod_copy(&k, v->from), "copy"))
		return;
	if (!ASSERT_OK(v->make(&k), "make"))
		goto out;

	err = kmod_load(&k, v->params ?: "");
	if (v->verdict == DROPPED && mode == STRICT) {
		ASSERT_EQ(err, v->err, "load");
		ASSERT_FALSE(loaded(), "loaded");
		ASSERT_FALSE(published(), "published");
		ASSERT_EQ(module_btf_fd(), -ENOENT, "BTF id");
		goto out_unload;
	}

	if (!ASSERT_OK(err, "load"))
		goto out_unload;

	/* an unpatched kernel has no such file, and nothing is said of it here */
	if (!read_file("/sys/module/" MOD "/btf", status, sizeof(status)))
		ASSERT_STREQ(status, v->status, "status");
	ASSERT_EQ(published(), kept, "published");
	fd = module_btf_fd();
	ASSERT_EQ(fd >= 0, kept, "has a BTF id");
	if (fd >= 0)
		close(fd);

	if (v->make == distilled_no_types || v->make == both_no_types) {
		if (kept)
			check_own_types(v->from == &both);
		goto out_unload;
	}
	if (v->make == no_types)
		goto out_unload;
	if (kept) {
		ASSERT_EQ(attach_and_run(), 1, "attach");
		ASSERT_EQ(call_kfunc(), KFUNC_RETVAL, "kfunc");
	} else {
		ASSERT_LT(attach_and_run(), 0, "attach");
		ASSERT_LT(call_kfunc(), 0, "kfunc");
	}
	check_ids(kept);
out_unload:
	unload_mod();
out:
	kmod_free(&k);
}

static int sha256_of(const char *path, unsigned char *out)
{
	struct sockaddr_alg alg = { .salg_family = AF_ALG, .salg_type = "hash",
				    .salg_name = "sha256" };
	int err = -EIO, fd, sock, op = -1;
	char buf[65536];
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	sock = socket(AF_ALG, SOCK_SEQPACKET, 0);
	if (sock >= 0 && !bind(sock, (void *)&alg, sizeof(alg)))
		op = accept(sock, NULL, 0);
	if (fd < 0 || op < 0)
		goto out;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (send(op, buf, n, MSG_MORE) != n)
			goto out;
	if (!n && read(op, out, KMOD_ID_SIZE) == KMOD_ID_SIZE)
		err = 0;
out:
	close(op);
	close(sock);
	close(fd);
	return err;
}

/* The build has put the id of the running kernel into the module */
static void check_id(const struct kmod *k, unsigned int want_type)
{
	unsigned char id[KMOD_ID_SIZE], *note;
	unsigned int *type;

	note = kmod_base_id(k, &type);
	if (!ASSERT_OK_PTR(note, "note") ||
	    !ASSERT_OK(sha256_of("/sys/kernel/btf/vmlinux", id), "sha256"))
		return;
	ASSERT_OK(memcmp(note, id, sizeof(id)), "base id");
	ASSERT_EQ(*type, want_type, "type of the note");
}

static void check_status_file(void)
{
	char status[64] = "";

	if (!set_mode(default_mode()) || !ASSERT_OK(kmod_load(&native, ""), "load"))
		return;
	ASSERT_OK(read_file("/sys/module/" MOD "/btf", status, sizeof(status)), "read");
	ASSERT_STREQ(status, "native", "status");
	unload_mod();
}

static void check_parameter(void)
{
	char mode[16] = "";

	if (!ASSERT_OK(write_file(MODE_FILE, "strict"), "strict"))
		return;
	ASSERT_OK(write_file(MODE_FILE, "lenient\n"), "lenient");
	ASSERT_EQ(write_file(MODE_FILE, "neither"), -EINVAL, "neither");
	ASSERT_OK(read_file(MODE_FILE, mode, sizeof(mode)), "read");
	ASSERT_STREQ(mode, "lenient", "mode");
}

/* Two loads of the same file, the mode switched between them */
static void check_switch(void)
{
	struct kmod k;

	if (!ASSERT_OK(kmod_copy(&k, &native), "copy"))
		return;
	if (!ASSERT_OK(against_shifted(&k), "make"))
		goto out;
	ASSERT_OK(write_file(MODE_FILE, "strict"), "strict");
	ASSERT_EQ(kmod_load(&k, ""), -EINVAL, "strict load");
	ASSERT_OK(write_file(MODE_FILE, "lenient"), "lenient");
	ASSERT_OK(kmod_load(&k, ""), "lenient load");
	unload_mod();
	ASSERT_OK(write_file(MODE_FILE, "strict"), "strict");
	ASSERT_EQ(kmod_load(&k, ""), -EINVAL, "strict load again");
	unload_mod();
out:
	kmod_free(&k);
}

/* How often @line is in the log after the position of @fd */
static int count_lines(int fd, const char *line)
{
	char buf[8192];
	ssize_t n;
	int found = 0;

	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		buf[n] = 0;
		if (strstr(buf, line))
			found++;
	}
	return found;
}

static void check_log(enum mode mode, const char *want, const char *unwanted)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct kmod k;

	if (!set_mode(mode) || !ASSERT_OK_FD(fd, "kmsg") ||
	    !ASSERT_OK(kmod_copy(&k, &native), "copy"))
		goto out;
	if (mode == LENIENT)	/* loads before this one may have used up the rate limit */
		sleep(6);
	lseek(fd, 0, SEEK_END);
	if (ASSERT_OK(against_shifted(&k), "make")) {
		kmod_load(&k, "");
		ASSERT_EQ(count_lines(fd, want), 1, want);
		unload_mod();
		lseek(fd, 0, SEEK_END);
		kmod_load(&k, "");
		ASSERT_EQ(count_lines(fd, unwanted), 0, unwanted);
		unload_mod();
	}
	kmod_free(&k);
out:
	close(fd);
}

/* The log names the type of the distilled base that this kernel has not */
static void check_refused_type(int (*make)(struct kmod *k), const char *want)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct kmod k;

	if (!can_relocate() || !set_mode(STRICT) || !ASSERT_OK_FD(fd, "kmsg") ||
	    !ASSERT_OK(kmod_copy(&k, &distilled), "copy"))
		goto out;
	if (ASSERT_OK(make(&k), "make")) {
		lseek(fd, 0, SEEK_END);
		ASSERT_EQ(kmod_load(&k, ""), -EINVAL, "load");
		ASSERT_EQ(count_lines(fd, want), 1, want);
		unload_mod();
	}
	kmod_free(&k);
out:
	close(fd);
}

static void check_init_fails(enum mode mode, const struct kmod *k)
{
	int i;

	if ((k != &native && !can_relocate()) || !set_mode(mode))
		return;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(kmod_load(k, "fail=1"), -ENODEV, "load");
		ASSERT_FALSE(loaded(), "loaded");
		unload_mod();
	}
	ASSERT_OK(kmod_load(k, ""), "load after that");
	ASSERT_EQ(call_kfunc(), KFUNC_RETVAL, "kfunc");
	unload_mod();
}

/* What becomes of a variant on a kernel that cannot relocate: a distilled base is a
 * format that it does not know, and no build for it has .BTF.distilled.
 */
static bool without_relocation(struct variant *v)
{
	if (v->from == &both && v->make != both_native_garbage)
		return can_relocate();
	if (v->from == &distilled && v->make != base_stripped && v->make != base_empty) {
		v->verdict = DROPPED;
		v->status = "dropped:unsupported";
		v->err = -EOPNOTSUPP;
	}
	return true;
}

static void run_variant(const struct variant *variant, enum mode mode)
{
	struct variant v = *variant;
	char name[128];

	snprintf(name, sizeof(name), "%s, %s", v.name, mode_names[mode]);
	if (test__start_subtest(name) && (relocates || without_relocation(&v)))
		check_variant(&v, mode);
}

static void run_added_types(enum mode mode)
{
	int i;

	for (i = 0; i < sizeof(added_types) / sizeof(*added_types); i++) {
		bool good = added_types[i].good;
		struct variant v = {
			added_types[i].name, &native, add_types, good ? NATIVE : DROPPED,
			good ? "native" : "dropped:invalid", -EINVAL
		};

		adding = added_types[i].add;
		run_variant(&v, mode);
	}
}

static int strip_one_id(struct kmod *k)
{
	kmod_strip_btf_ids(k, "struct__list_head");
	return 0;
}

/* Of a type of vmlinux that no type of the module refers to */
static int both_id_not_distilled(struct kmod *k)
{
	__s32 id = btf__find_by_name_kind(shifted, "inode", BTF_KIND_STRUCT);

	return both_shifted(k) ?: id < 0 ? id : change_id(k, "struct__list_head", id);
}

/* An id that cannot be relocated, among others that can, is 0 */
static void check_lost_id(enum mode mode, const struct kmod *from, int (*make)(struct kmod *k))
{
	struct module_ids ids = {};
	struct kmod k;

	if (!can_relocate() || !set_mode(mode) || !ASSERT_OK(kmod_copy(&k, from), "copy"))
		return;
	if (ASSERT_OK(make(&k), "make") && ASSERT_OK(kmod_load(&k, ""), "load")) {
		ASSERT_EQ(call_kfunc(), KFUNC_RETVAL, "kfunc");
		ASSERT_OK(read_ids(&ids), "ids");
		ASSERT_EQ(ids.list[0], 0, "lost");
		ASSERT_GT(ids.list[1], 0, "relocated");
	}
	unload_mod();
	kmod_free(&k);
}

/* The base that gives the kfunc of the module the id of another function here: so
 * many functions less that nothing refers to.  Returns that id.
 */
static int base_where_kfunc_is_other(__u32 **to)
{
	__u32 id, next = 1, nr = btf__type_cnt(vmlinux), less = 0, n = 0, other, kfunc;
	const struct btf_type *t;
	bool *tagged = calloc(nr, sizeof(*tagged));
	size_t size;
	void *data = kmod_section(&native, ".BTF", &size);
	struct btf *btf = btf__new_split(data, size, vmlinux);

	*to = btf_same_order(vmlinux);
	kfunc = btf ? btf__find_by_name_kind(btf, MOD "_kfunc", BTF_KIND_FUNC) : 0;
	btf__free(btf);
	if (!tagged || !*to || !kfunc) {
		free(tagged);
		return -ENOMEM;
	}
	for (id = 1; id < nr; id++) {
		t = btf__type_by_id(vmlinux, id);
		if (btf_is_decl_tag(t))
			tagged[t->type] = true;
	}

	for (other = nr - 1; other > 0; other--) {
		t = btf__type_by_id(vmlinux, other);
		if (btf_is_func(t) && btf_vlen(t) == BTF_FUNC_STATIC &&
		    !btf_vlen(btf__type_by_id(vmlinux, t->type)))
			break;
	}
	less = kfunc - other;
	for (id = 1; id < nr; id++) {
		if (n < less && btf_is_func(btf__type_by_id(vmlinux, id)) && !tagged[id]) {
			(*to)[id] = 0;
			n++;
		} else {
			(*to)[id] = next++;
		}
	}
	free(tagged);
	return n == less ? other : -ENOENT;
}

/* A module whose kfunc has the id that another function has here: it is not callable */
static void check_other_kfunc(enum mode mode)
{
	struct kmod k;
	__u32 *to;
	int other;

	if (!set_mode(mode) || !ASSERT_OK(kmod_copy(&k, &native), "copy"))
		return;
	other = base_where_kfunc_is_other(&to);
	if (ASSERT_GT(other, 0, "base") && ASSERT_OK(kmod_renumber(&k, vmlinux, to), "make")) {
		ASSERT_EQ(kmod_load(&k, ""), mode == STRICT ? -EINVAL : 0, "load");
		if (loaded())
			ASSERT_EQ(call_id(other), -ENOENT, "call of another function");
	}
	unload_mod();
	free(to);
	kmod_free(&k);
}

/* A set that does not say that it is of kfuncs */
static int set_of_no_kfuncs(struct kmod *k)
{
	__u32 *set = kmod_btf_id(k, "set8__" MOD "_ids");

	if (!set)
		return -ENOENT;
	set[1] = 0;
	return 0;
}

/* A destructor that returns a value */
static int dtor_with_value(struct kmod *k)
{
	__u32 *kfunc = kmod_btf_id(k, "func__" MOD "_kfunc");

	return kfunc ? change_id(k, "func__" MOD "_dtor", *kfunc) : -ENOENT;
}

/* A registration fails, and nothing else */
static void check_failed_registration(enum mode mode, int (*make)(struct kmod *k), bool kfunc)
{
	struct kmod k;

	if (!set_mode(mode) || !ASSERT_OK(kmod_copy(&k, &native), "copy"))
		return;
	if (ASSERT_OK(make(&k), "make")) {
		ASSERT_EQ(kmod_load(&k, ""), mode == STRICT ? -EINVAL : 0, "load");
		if (loaded()) {
			ASSERT_EQ(attach_and_run(), 1, "attach");
			ASSERT_EQ(call_kfunc() == KFUNC_RETVAL, kfunc, "kfunc");
		}
	}
	unload_mod();
	kmod_free(&k);
}

/* /sys/kernel/btf/vmlinux is taken, and user space goes by that name */
static void check_called_vmlinux(enum mode mode)
{
	char *name, status[64] = "";
	struct kmod k;
	size_t size, i;
	int err;

	if (!set_mode(mode) || !ASSERT_OK(kmod_copy(&k, &native), "copy"))
		return;
	name = kmod_section(&k, ".gnu.linkonce.this_module", &size);
	for (i = 0; name && i + sizeof(MOD) < size; i++)
		if (!strcmp(name + i, MOD))
			break;
	if (!ASSERT_TRUE(name && i + sizeof(MOD) < size, "name"))
		goto out;
	memset(name + i, 0, sizeof(MOD));
	memcpy(name + i, "vmlinux", sizeof("vmlinux"));

	err = kmod_load(&k, "");
	/* livepatch refuses the name, after its BTF has been dropped */
	ASSERT_EQ(err, mode == STRICT ? -EBUSY :
		  !access("/sys/kernel/livepatch", F_OK) ? -EINVAL : 0, "load");
	if (!err) {
		if (!read_file("/sys/module/vmlinux/btf", status, sizeof(status)))
			ASSERT_STREQ(status, "dropped:name-clash", "status");
		ASSERT_OK(unload_module("vmlinux", false), "unload");
	}
out:
	kmod_free(&k);
}

static long mem_kb(const char *what)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)))
			kb = atol(line + strlen(what) + 1);
	if (f)
		fclose(f);
	return kb;
}

static int count_btf(void)
{
	__u32 id = 0;
	int n = 0;

	while (!bpf_btf_get_next_id(id, &id))
		n++;
	return n;
}

static void load_unload(const struct kmod *k, int times)
{
	int i;

	for (i = 0; i < times; i++) {
		kmod_load(k, "");
		if (loaded())
			unload_module(MOD, false);
	}
}

/* Nothing is left of 256 loads: BTF ids, slab, vmalloc. A leak shows in each round,
 * a cache that fills up, or the quarantine of KASAN, does not.
 */
static void check_growth(enum mode mode, int (*make)(struct kmod *k))
{
	long slab, vmalloc;
	struct kmod k;
	int btfs, i;

	if (!set_mode(mode) || !ASSERT_OK(kmod_copy(&k, &native), "copy"))
		return;
	if (ASSERT_OK(make(&k), "make")) {
		for (i = 0; i < 16; i++) {
			btfs = count_btf();
			slab = mem_kb("SUnreclaim:");
			vmalloc = mem_kb("VmallocUsed:");
			load_unload(&k, 256);
			btfs = count_btf() - btfs;
			slab = mem_kb("SUnreclaim:") - slab;
			vmalloc = mem_kb("VmallocUsed:") - vmalloc;
			/* struct btf and its parts are more than 1 kB a module */
			if (!btfs && slab < 256 && vmalloc < 256)
				break;
		}
		ASSERT_EQ(btfs, 0, "BTF ids");
		ASSERT_FALSE(published(), "published");
		ASSERT_LT(slab, 256, "slab, kB");
		ASSERT_LT(vmalloc, 256, "vmalloc, kB");
	}
	kmod_free(&k);
}

static bool setup(void)
{
	vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!ASSERT_OK_PTR(vmlinux, "vmlinux BTF"))
		return false;
	relocates = kernel_relocates_btf(vmlinux);
	one_more = btf_one_more(vmlinux);
	shifted = btf_shifted(vmlinux);
	reordered = btf_reordered(vmlinux);
	return ASSERT_OK_PTR(one_more, "one more") && ASSERT_OK_PTR(shifted, "shifted") &&
	       ASSERT_OK_PTR(reordered, "reordered") &&
	       ASSERT_OK(kmod_read(&native, MOD ".ko"), "read module") &&
	       ASSERT_OK(kmod_copy(&distilled, &native), "copy") &&
	       ASSERT_OK(kmod_copy(&both, &native), "copy") &&
	       ASSERT_OK(kmod_rebase(&native, vmlinux, vmlinux, false), "native BTF") &&
	       ASSERT_OK(kmod_rebase(&distilled, vmlinux, vmlinux, true), "distilled base");
}

void test_btf_module_mismatch(void)
{
	struct kmod built;
	enum mode mode;
	char name[128];
	int i;

	if (loaded())
		unload_mod();
	if (!setup())
		goto out;

	if (test__start_subtest("base id of a build") &&
	    ASSERT_OK(kmod_read(&built, MOD ".ko"), "read module")) {
		size_t size;

		check_id(&built, kmod_section(&built, ".BTF.base", &size) ?
			 KMOD_NOTE_DISTILLED_ID : KMOD_NOTE_BASE_ID);
		kmod_free(&built);
	}
	if (test__start_subtest("log, strict"))
		check_log(STRICT, "failed to validate module [" MOD "] BTF: -22 (base-changed)",
			  "loads without BTF");
	if (test__start_subtest("log, lenient"))
		check_log(LENIENT, "module [" MOD "] loads without BTF (base-changed)", "BPF: ");
	if (test__start_subtest("log, type of the distilled base gone"))
		check_refused_type(base_type_gone, "'_ist_head' [");
	if (test__start_subtest("log, type of the distilled base resized"))
		check_refused_type(base_type_resized, "has size 16");
	if (test__start_subtest("status file"))
		check_status_file();
	if (test__start_subtest("parameter"))
		check_parameter();
	if (test__start_subtest("parameter between two loads"))
		check_switch();

	for (mode = STRICT; mode <= LENIENT; mode++) {
		for (i = 0; i < sizeof(variants) / sizeof(*variants); i++)
			run_variant(&variants[i], mode);
		run_added_types(mode);
		snprintf(name, sizeof(name), "init fails, %s", mode_names[mode]);
		if (test__start_subtest(name))
			check_init_fails(mode, &native);
		snprintf(name, sizeof(name), "init fails, relocated, %s", mode_names[mode]);
		if (test__start_subtest(name))
			check_init_fails(mode, &distilled);
		snprintf(name, sizeof(name), "relocated, one id without a symbol, %s",
			 mode_names[mode]);
		if (test__start_subtest(name))
			check_lost_id(mode, &distilled, strip_one_id);
		snprintf(name, sizeof(name), "both, one id of a type that is not distilled, %s",
			 mode_names[mode]);
		if (test__start_subtest(name))
			check_lost_id(mode, &both, both_id_not_distilled);
		snprintf(name, sizeof(name), "kfunc with the id of another function, %s",
			 mode_names[mode]);
		if (test__start_subtest(name))
			check_other_kfunc(mode);
		snprintf(name, sizeof(name), "failed registration of kfuncs, %s",
			 mode_names[mode]);
		if (test__start_subtest(name) && can_relocate())
			check_failed_registration(mode, set_of_no_kfuncs, false);
		snprintf(name, sizeof(name), "failed registration of a destructor, %s",
			 mode_names[mode]);
		if (test__start_subtest(name))
			check_failed_registration(mode, dtor_with_value, true);
		snprintf(name, sizeof(name), "module called vmlinux, %s", mode_names[mode]);
		if (test__start_subtest(name))
			check_called_vmlinux(mode);
		snprintf(name, sizeof(name), "256 loads, %s", mode_names[mode]);
		if (test__start_subtest(name))
			check_growth(mode, nothing);
		snprintf(name, sizeof(name), "256 loads of another base, %s", mode_names[mode]);
		if (test__start_subtest(name))
			check_growth(mode, against_shifted);
	}
	for (mode = STRICT; mode <= LENIENT; mode++)
		run_variant(&last_variant, mode);
	set_mode(default_mode());
out:
	kmod_free(&native);
	kmod_free(&distilled);
	kmod_free(&both);
	btf__free(one_more);
	btf__free(shifted);
	btf__free(reordered);
	btf__free(vmlinux);
}
