// SPDX-License-Identifier: GPL-2.0
/*
 * The BTF of a module is used only with proof that it fits the kernel: the base id, or a
 * distilled base that can be relocated.  Without, it is dropped, or the module is refused.
 *
 * A row of the table is a module, and what becomes of its BTF.  What a file can have wrong
 * besides is in btf_module_format.c.
 */
#include <fcntl.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <linux/if_alg.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "kmod_btf_test.h"

/* --- another base, another id ---------------------------------------------- */

static int for_one_more(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.one_more, false);
}

static int for_shifted(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.shifted, false);
}

static int for_reordered(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.reordered, false);
}

static int distilled_of_shifted(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.shifted, true);
}

/* Of the 256 bits of the id, one differs */
static int last_bit(struct kmod *k)
{
	unsigned char *id = kmod_base_id(k, NULL);

	if (id)		/* an unpatched kernel built it without */
		id[BTF_BASE_ID_SIZE - 1] ^= 1;
	return 0;
}

static int no_note_section(struct kmod *k)
{
	kmod_hide_section(k, BTF_NOTE_SECTION);
	return 0;
}

/* Change a word of the head of the note */
static int change_note(struct kmod *k, size_t word, __u32 value)
{
	unsigned char *type;

	if (kmod_base_id(k, &type))
		memcpy(type - offsetof(Elf_Nhdr, n_type) + word, &value, sizeof(value));
	return 0;
}

static int other_type(struct kmod *k)
{
	return change_note(k, offsetof(Elf_Nhdr, n_type), 0x4242);
}

static int type_of_split(struct kmod *k)
{
	return change_note(k, offsetof(Elf_Nhdr, n_type), LINUX_ELFNOTE_BTF_BASE_ID);
}

static int type_of_distilled(struct kmod *k)
{
	return change_note(k, offsetof(Elf_Nhdr, n_type), LINUX_ELFNOTE_BTF_DISTILLED_ID);
}

static int short_id(struct kmod *k)
{
	kmod_shorten_note(k, BTF_BASE_ID_SIZE - 4);
	return 0;
}

static int endless_note(struct kmod *k)
{
	return change_note(k, offsetof(Elf_Nhdr, n_descsz), ~0U);
}

static int endless_owner(struct kmod *k)
{
	return change_note(k, offsetof(Elf_Nhdr, n_namesz), ~0U - 1);
}

static int other_owner(struct kmod *k)
{
	unsigned char *id = kmod_base_id(k, NULL);

	if (id)
		id[-8] = 'M';
	return 0;
}

/* Two notes, the first or the second of another owner */
static int two_notes(struct kmod *k, bool first)
{
	size_t size;
	unsigned char *note = kmod_section(k, BTF_NOTE_SECTION, &size), *notes;
	int err;

	if (!note)	/* an unpatched kernel built it without */
		return 0;
	notes = malloc(2 * size);
	if (!notes)
		return -ENOMEM;
	memcpy(notes, note, size);
	memcpy(notes + size, note, size);
	notes[sizeof(Elf_Nhdr) + (first ? 0 : size)] = 'M';
	err = kmod_set_section(k, BTF_NOTE_SECTION, notes, 2 * size, false);
	free(notes);
	return err;
}

static int first_of_other_owner(struct kmod *k) { return two_notes(k, true); }
static int second_of_other_owner(struct kmod *k) { return two_notes(k, false); }

/* --- the distilled base --------------------------------------------------------- */

static int base_stripped(struct kmod *k)
{
	kmod_hide_section(k, ".BTF.base");
	return 0;
}

static int base_empty(struct kmod *k)
{
	return kmod_set_section(k, ".BTF.base", "", 0, false);
}

/* In memory of the module that has no byte, so that the section has no address */
static int base_empty_allocated(struct kmod *k)
{
	int err = base_empty(k);
	Elf_Shdr *sh = kmod_section_header(k, ".BTF.base");

	if (!err)
		sh->sh_flags |= SHF_ALLOC | SHF_WRITE | 0x00200000;	/* SHF_RO_AFTER_INIT */
	return err;
}

static int base_garbage(struct kmod *k)
{
	return kmod_set_section(k, ".BTF.base", "garbage", 7, false);
}

/* In the distilled base, list_head, which the module embeds, and its name */
static struct btf_type *embedded(struct kmod *k, char **name)
{
	size_t size;
	void *data = kmod_section(k, ".BTF.base", &size);
	struct btf *base = btf__new(data, size);
	int id = base ? btf__find_by_name_kind(base, "list_head", BTF_KIND_STRUCT) : -1;
	struct btf_header *h = data;
	struct btf_type *t = NULL;

	if (id > 0) {
		t = data + h->hdr_len + h->type_off + ((void *)btf__type_by_id(base, id) -
						       (void *)btf__type_by_id(base, 1));
		*name = data + h->hdr_len + h->str_off + t->name_off;
	}
	btf__free(base);
	return t;
}

static int base_type_gone(struct kmod *k)
{
	char *name;

	if (!embedded(k, &name))
		return -ENOENT;
	*name = 'L';
	return 0;
}

static int base_type_resized(struct kmod *k)
{
	char *name;
	struct btf_type *t = embedded(k, &name);

	if (!t)
		return -ENOENT;
	t->size = 24;	/* it is 16, or 8 where pointers have 32 bits */
	return 0;
}

/* A string that vmlinux has not, because all strings of such a module are its own */
#define OWN "a_struct_that_only_this_module_has"

/* A module that needs no named type of its base, but void */
static int distilled_no_types(struct kmod *k)
{
	struct btf *base = btf__new_empty();
	struct btf *split = base ? btf__new_empty_split(base) : NULL;
	const void *base_data, *data;
	__u32 base_size, size;
	int own, err = -ENOMEM;

	own = split ? btf__add_struct(split, OWN, 8) : -ENOMEM;	/* struct OWN { }; */
	if (own < 0 || btf__add_ptr(split, own) < 0 ||		/* struct OWN * */
	    btf__add_ptr(split, 0) < 0)				/* void * */
		goto out;
	base_data = btf__raw_data(base, &base_size);
	data = btf__raw_data(split, &size);
	if (base_data && data)
		err = kmod_set_section(k, ".BTF.base", base_data, base_size, false) ?:
		      kmod_set_section(k, ".BTF", data, size, false);
	kmod_hide_section(k, ".BTF_ids");
out:
	btf__free(split);
	btf__free(base);
	return err;
}

static void check_own_types(bool used)
{
	__u32 own = btf__type_cnt(kt.vmlinux);
	struct btf *btf = btf__parse_split("/sys/kernel/btf/" KMOD, kt.vmlinux);
	const struct btf_type *t;

	if (!ASSERT_OK_PTR(btf, "parse"))
		return;
	if (ASSERT_EQ(btf__type_cnt(btf), own + 3, "types")) {
		t = btf__type_by_id(btf, own);
		ASSERT_TRUE(btf_is_struct(t), "struct");
		ASSERT_STREQ(btf__name_by_offset(btf, t->name_off), OWN, "its name");
		ASSERT_EQ(btf__type_by_id(btf, own + 1)->type, own, "pointer to the struct");
		ASSERT_EQ(btf__type_by_id(btf, own + 2)->type, 0, "pointer to void");
	}
	btf__free(btf);
}

static int add_ref_out_of_range(struct btf *btf) { return btf__add_ptr(btf, 0xffff0); }

static const struct kmod_variant proofs[] = {
	{ "built with this kernel", &kt.native, .status = "native" },
	{ "base with one type more", &kt.native, for_one_more, .status = "dropped:base-changed",
	  .log = "failed to validate module [" KMOD "] BTF: -22 (base-changed)" },
	{ "base shifted", &kt.native, for_shifted, .status = "dropped:base-changed" },
	{ "base reordered", &kt.native, for_reordered, .status = "dropped:base-changed" },
	{ "one bit of the id differs", &kt.native, last_bit, .status = "dropped:base-changed" },

	{ "no note section", &kt.native, no_note_section, .status = "dropped:unstamped",
	  .log = "failed to validate module [" KMOD "] BTF: -22 (unstamped)" },
	{ "note of another type", &kt.native, other_type, .status = "dropped:unstamped" },
	{ "note of another owner", &kt.native, other_owner, .status = "dropped:unstamped" },
	{ "id of a distilled base", &kt.native, type_of_distilled,
	  .status = "dropped:unstamped" },
	{ "id too short", &kt.native, short_id, .status = "dropped:unstamped" },
	{ "note without an end", &kt.native, endless_note, .status = "dropped:unstamped" },
	{ "owner without an end", &kt.native, endless_owner, .status = "dropped:unstamped" },
	{ "first note of another owner", &kt.native, first_of_other_owner,
	  .status = "dropped:unstamped" },
	{ "second note of another owner", &kt.native, second_of_other_owner,
	  .status = "native" },

	{ "distilled base", &kt.distilled, .status = "native" },
	{ "distilled base, of another build", &kt.distilled, distilled_of_shifted,
	  .status = "relocated" },
	{ "distilled base, no note section", &kt.distilled, no_note_section,
	  .status = "relocated" },
	{ "distilled base, id of split BTF", &kt.distilled, type_of_split,
	  .status = "relocated" },
	{ "distilled base without types", &kt.distilled, distilled_no_types,
	  .status = "native", .params = "bpf=0", .check = check_own_types },
	{ "distilled base stripped", &kt.distilled, base_stripped,
	  .status = "dropped:unstamped" },
	{ "distilled base empty", &kt.distilled, base_empty, .status = "dropped:invalid" },
	{ "distilled base empty, allocated", &kt.distilled, base_empty_allocated,
	  .status = "dropped:invalid" },
	{ "distilled base garbage", &kt.distilled, base_garbage, .status = "dropped:invalid" },
	{ "distilled base, type gone", &kt.distilled, base_type_gone,
	  .status = "dropped:relocation",
	  .log = "module [" KMOD "] BTF: distilled base BTF STRUCT 'List_head' [" },
	{ "distilled base, type resized", &kt.distilled, base_type_resized,
	  .status = "dropped:relocation", .log = "] has size 24, [" },
	{ "distilled base, reference out of range", &kt.distilled,
	  .add = add_ref_out_of_range, .status = "dropped:invalid" },
};

/* --- tests of a single thing ------------------------------------------------------ */

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
	if (!n && read(op, out, BTF_BASE_ID_SIZE) == BTF_BASE_ID_SIZE)
		err = 0;
out:
	close(op);
	close(sock);
	close(fd);
	return err;
}

/* The base id that the build has written is the SHA-256 of /sys/kernel/btf/vmlinux */
static void test_base_id(void)
{
	unsigned char want[BTF_BASE_ID_SIZE], *id, *p;
	struct kmod k;
	__u32 type;

	if (!ASSERT_OK(kmod_read(&k, KMOD ".ko"), "read module"))
		return;
	id = kmod_base_id(&k, &p);
	if (ASSERT_OK_PTR(id, "base id") &&
	    ASSERT_OK(sha256_of("/sys/kernel/btf/vmlinux", want), "sha256")) {
		ASSERT_OK(memcmp(id, want, sizeof(want)), "base id");
		memcpy(&type, p, sizeof(type));
		ASSERT_EQ(type, kmod_section_header(&k, ".BTF.base") ?
			  LINUX_ELFNOTE_BTF_DISTILLED_ID : LINUX_ELFNOTE_BTF_BASE_ID,
			  "type of the note");
	}
	kmod_free(&k);
}

/* The status file is there for everybody to read, also where there was no BTF */
static void test_status_file(void)
{
	char status[64] = "";
	struct stat st;
	struct kmod k;

	if (!ASSERT_OK(kmod_copy(&k, &kt.native), "copy"))
		return;
	kmod_hide_section(&k, ".BTF");
	if (ASSERT_OK(kmod_load(&k, "bpf=0"), "load") &&
	    ASSERT_OK(stat("/sys/module/" KMOD "/btf", &st), "stat")) {
		ASSERT_EQ(st.st_mode & 0777, 0444, "mode of the file");
		ASSERT_OK(kmod_read_file("/sys/module/" KMOD "/btf", status, sizeof(status)),
			  "read");
		ASSERT_STREQ(status, "none", "status");
	}
	kmod_unload();
	kmod_free(&k);
}

/* The parameter takes two words and says which it has */
static void test_parameter(void)
{
	char mode[16] = "";

	if (!ASSERT_OK(kmod_write_file(KMOD_MODE, "strict"), "strict"))
		return;
	ASSERT_OK(kmod_read_file(KMOD_MODE, mode, sizeof(mode)), "read");
	ASSERT_STREQ(mode, "strict", "mode");
	ASSERT_OK(kmod_write_file(KMOD_MODE, "lenient\n"), "lenient");
	ASSERT_EQ(kmod_write_file(KMOD_MODE, "neither"), -EINVAL, "neither");
	ASSERT_OK(kmod_read_file(KMOD_MODE, mode, sizeof(mode)), "read");
	ASSERT_STREQ(mode, "lenient", "mode");
}

/* The mode counts that is set when the module is loaded */
static void test_switch(void)
{
	struct kmod k;

	if (!ASSERT_OK(kmod_copy(&k, &kt.native), "copy"))
		return;
	if (ASSERT_OK(for_shifted(&k), "make")) {
		ASSERT_OK(kmod_write_file(KMOD_MODE, "strict"), "strict");
		ASSERT_EQ(kmod_load(&k, ""), -EINVAL, "strict load");
		ASSERT_OK(kmod_write_file(KMOD_MODE, "lenient"), "lenient");
		ASSERT_OK(kmod_load(&k, ""), "lenient load");
		kmod_unload();
		ASSERT_OK(kmod_write_file(KMOD_MODE, "strict"), "strict");
		ASSERT_EQ(kmod_load(&k, ""), -EINVAL, "strict load again");
	}
	kmod_unload();
	kmod_free(&k);
}

/* One line says why a module is loaded without its BTF, none what exactly is wrong with that */
static void test_lenient_line(void)
{
	struct kmod_line lines[] = {
		{ "module [" KMOD "] loads without BTF (invalid)", 1 },
		{ "BPF: ", 0 },
	};
	struct btf_header *h;
	struct kmod k;
	size_t size;

	if (!kmod_set_mode(LENIENT) || !ASSERT_OK(kmod_copy(&k, &kt.native), "copy"))
		return;
	h = kmod_section(&k, ".BTF", &size);
	h->magic++;
	kmod_test_lines(&k, lines, ARRAY_SIZE(lines));
	kmod_free(&k);
}

/* Nothing is left of a module whose init fails, and it can be loaded again */
static void test_init_fails(enum kmod_mode mode, const struct kmod *k)
{
	int i;

	if (!kmod_set_mode(mode))
		return;
	if (k == &kt.distilled && !kt.relocates) {
		test__skip();
		return;
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(kmod_load(k, "fail=1"), -ENODEV, "load");
		ASSERT_FALSE(kmod_loaded(), "loaded");
		kmod_unload();
	}
	if (ASSERT_OK(kmod_load(k, ""), "load after that"))
		kmod_check_bpf(true);
	kmod_unload();
}

/* /sys/kernel/btf/vmlinux is taken, and user space goes by that name */
static void test_called_vmlinux(enum kmod_mode mode)
{
	char *name, status[64] = "";
	struct kmod k;
	size_t size, i;
	int err;

	if (!kmod_set_mode(mode) || !ASSERT_OK(kmod_copy(&k, &kt.native), "copy"))
		return;
	name = kmod_section(&k, ".gnu.linkonce.this_module", &size);
	for (i = 0; name && i + sizeof(KMOD) < size; i++)
		if (!strcmp(name + i, KMOD))
			break;
	if (!ASSERT_TRUE(name && i + sizeof(KMOD) < size, "name"))
		goto out;
	memset(name + i, 0, sizeof(KMOD));
	memcpy(name + i, "vmlinux", sizeof("vmlinux"));

	err = kmod_load(&k, "");
	/* livepatch refuses the name, after the BTF has been dropped */
	ASSERT_EQ(err, mode == STRICT ? -EBUSY :
		  !access("/sys/kernel/livepatch", F_OK) ? -EINVAL : 0, "load");
	if (!err) {
		if (!kmod_read_file("/sys/module/vmlinux/btf", status, sizeof(status)))
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

static int add_many(struct btf *btf)
{
	int i, id = 0;

	for (i = 0; i < 100000 && id >= 0; i++)
		id = btf__add_ptr(btf, 0);
	return id;
}

static int add_many_and_bad(struct btf *btf)
{
	add_many(btf);
	return add_ref_out_of_range(btf);
}

/*
 * Nothing is left of eight loads.  BTF that leaks after it was published keeps its id.  BTF that
 * is refused has none: it is so large that each buffer the kernel needs for it has 100 kB or
 * more, and eight of one are more than what else grows.
 */
static void test_growth(enum kmod_mode mode, const struct kmod *from,
			int (*make)(struct kmod *k), int (*add)(struct btf *btf), int strict_err)
{
	int btfs, round, i, err;
	struct kmod k;
	long kb;

	if (from == &kt.distilled && !kt.relocates) {
		test__skip();
		return;
	}
	if (!kmod_set_mode(mode) || !ASSERT_OK(kmod_copy(&k, from), "copy"))
		return;
	if (!ASSERT_OK(make ? make(&k) : 0, "make") ||
	    !ASSERT_OK(kmod_add_types(&k, add), "add types"))
		goto out;
	/* caches grow until they are full, a leak in each round */
	for (round = 0; round < 4; round++) {
		btfs = count_btf();
		kb = mem_kb("SUnreclaim:") + mem_kb("VmallocUsed:");
		for (i = 0; i < 8; i++) {
			err = kmod_load(&k, "");
			kmod_unload();
			if (!ASSERT_EQ(err, mode == STRICT ? strict_err : 0, "load"))
				goto out;
		}
		btfs = count_btf() - btfs;
		kb = mem_kb("SUnreclaim:") + mem_kb("VmallocUsed:") - kb;
		if (!btfs && kb < 600)
			break;
	}
	ASSERT_EQ(btfs, 0, "BTF ids");
	ASSERT_LT(kb, 600, "memory, kB");
out:
	kmod_free(&k);
}

static void test_in_mode(enum kmod_mode mode, const char *mode_name)
{
	char name[128];

#define SUBTEST(what, call) do {						\
	snprintf(name, sizeof(name), "%s, %s", what, mode_name);		\
	if (test__start_subtest(name))						\
		call;								\
} while (0)

	SUBTEST("init fails", test_init_fails(mode, &kt.native));
	SUBTEST("init fails, distilled base", test_init_fails(mode, &kt.distilled));
	SUBTEST("module called vmlinux", test_called_vmlinux(mode));
	SUBTEST("8 loads", test_growth(mode, &kt.native, NULL, add_many, 0));
	SUBTEST("8 loads, distilled base", test_growth(mode, &kt.distilled, NULL, add_many, 0));
	SUBTEST("8 loads, distilled base, reference out of range",
		test_growth(mode, &kt.distilled, NULL, add_many_and_bad, -EINVAL));
	SUBTEST("8 loads, distilled base, type gone",
		test_growth(mode, &kt.distilled, base_type_gone, add_many, -EINVAL));
#undef SUBTEST
}

void serial_test_btf_module_id(void)
{
	if (!kmod_test_setup())
		goto out;
	if (test__start_subtest("base id of a build"))
		test_base_id();
	if (test__start_subtest("status file"))
		test_status_file();
	if (test__start_subtest("parameter"))
		test_parameter();
	if (test__start_subtest("parameter between two loads"))
		test_switch();
	if (test__start_subtest("line of a lenient load"))
		test_lenient_line();
	kmod_test_variants(proofs, sizeof(proofs) / sizeof(*proofs));
	test_in_mode(STRICT, "strict");
	test_in_mode(LENIENT, "lenient");
out:
	kmod_test_finish();
}
