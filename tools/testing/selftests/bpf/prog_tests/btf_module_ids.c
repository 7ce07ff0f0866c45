// SPDX-License-Identifier: GPL-2.0
/*
 * The ids in .BTF_ids of a module go the way of its BTF: they stay if it is native, are relocated
 * with it, and cleared if it is not used.  What is registered with them is there, or is not.
 *
 * A row of the tables is a module, what becomes of its BTF and of the ids.
 */
#include <unistd.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "kmod_btf_test.h"

static struct btf *reversed;		/* vmlinux with its types in reverse order */
static __u32 *to_reversed;

/* What the module finds in its .BTF_ids, see ids_get() there */
struct module_ids {
	__u32 list[4];
	__u32 single;
	struct {
		__u32 cnt, ids[3];
	} set;
	struct {
		__u32 cnt, flags;
		struct {
			__u32 id, flags;
		} pairs[3];
	} set8;
	struct {
		__u32 cnt, flags, id, id_flags;
	} kfuncs;
};

/* The flags of these in the set8 are 1, 2, 4 */
static const char * const structs[] = { "inode", "dentry", "super_block" };

static int read_ids(struct module_ids *ids)
{
	__u32 *word = (void *)ids, *end = word + sizeof(*ids) / sizeof(*word);
	char line[512], *s = line, *rest;
	int err = kmod_read_file(KMOD_PARAM("ids"), line, sizeof(line));

	for (; !err && word < end; s = rest) {
		*word++ = strtoul(s, &rest, 10);
		if (rest == s)
			err = -EINVAL;
	}
	return err;
}

static int read_int(const char *path)
{
	char line[32];
	int err = kmod_read_file(path, line, sizeof(line));

	return err ?: atoi(line);
}

static void check_cleared(void)
{
	struct module_ids ids = {}, none = {};

	if (ASSERT_OK(read_ids(&ids), "ids"))
		ASSERT_OK(memcmp(&ids, &none, sizeof(ids)), "ids left");
}

/* All ids are those of the running kernel, and the sets are sorted */
static void check_right(void)
{
	struct btf *btf = btf__load_module_btf(KMOD, kt.vmlinux);
	struct module_ids ids = {};
	int i, j, id;

	if (!ASSERT_OK_PTR(btf, "module BTF"))
		return;
	if (!ASSERT_OK(read_ids(&ids), "ids"))
		goto out;
#define ID(name, kind) btf__find_by_name_kind(btf, name, BTF_KIND_##kind)
	ASSERT_EQ(ids.list[0], ID("list_head", STRUCT), "list 0");
	ASSERT_EQ(ids.list[1], ID(KMOD, STRUCT), "list 1");
	ASSERT_EQ(ids.list[2], 0, "list 2");
	ASSERT_EQ(ids.list[3], ID(KMOD "_kfunc", FUNC), "list 3");
	ASSERT_EQ(ids.single, ID("bpf_attr", UNION), "single");
	ASSERT_EQ(ids.kfuncs.cnt, 1, "kfuncs");
	ASSERT_EQ(ids.kfuncs.id, ID(KMOD "_kfunc", FUNC), "kfunc");
	ASSERT_EQ(ids.set.cnt, 3, "set");
	ASSERT_EQ(ids.set8.cnt, 3, "set8");
	for (i = 0; i < 3; i++) {
		id = ID(structs[i], STRUCT);
		for (j = 0; j < 2 && ids.set.ids[j] != id; j++)
			;
		ASSERT_EQ(ids.set.ids[j], id, structs[i]);
		for (j = 0; j < 2 && ids.set8.pairs[j].id != id; j++)
			;
		ASSERT_EQ(ids.set8.pairs[j].id, id, structs[i]);
		ASSERT_EQ(ids.set8.pairs[j].flags, 1 << i, "flags");
	}
#undef ID
	for (i = 0; i < 2; i++) {
		ASSERT_LT(ids.set.ids[i], ids.set.ids[i + 1], "order of the set");
		ASSERT_LT(ids.set8.pairs[i].id, ids.set8.pairs[i + 1].id, "order of the set8");
	}
out:
	btf__free(btf);
}

/* BPF asks the filter for the kfunc with the id that the module has in its list */
static void check_filter(bool same)
{
	int hits = read_int(KMOD_PARAM("filter_hits"));
	int misses = read_int(KMOD_PARAM("filter_misses"));

	if (!kt.calls)
		return;
	ASSERT_EQ(kmod_call_kfunc(), KFUNC_RETVAL, "kfunc");
	if (!kt.relocates)
		return;
	hits = read_int(KMOD_PARAM("filter_hits")) - hits;
	misses = read_int(KMOD_PARAM("filter_misses")) - misses;
	ASSERT_GT(same ? hits : misses, 0, "asked the filter");
	ASSERT_EQ(same ? misses : hits, 0, "asked with another id");
}

static void check_ids(bool used)
{
	kmod_check_bpf(used);
	if (used) {
		check_right();
		check_filter(true);
	} else {
		check_cleared();
	}
}

/* --- modules that are as they should be -------------------------------------------------- */

static int for_shifted(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.shifted, false);
}

static int distilled_of_shifted(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.shifted, true);
}

/* Distilled ids are in the order of the base, and so come out in another here */
static int distilled_of_reversed(struct kmod *k)
{
	return kmod_renumber(k, kt.vmlinux, to_reversed) ?:
	       kmod_rebase(k, reversed, reversed, true);
}

static int no_btf(struct kmod *k)
{
	kmod_hide_section(k, ".BTF");
	return 0;
}

static int stripped(struct kmod *k)
{
	kmod_strip_btf_ids(k);
	return kmod_btf_id(k, "") ? -EINVAL : 0;
}

static int stripped_of_reversed(struct kmod *k)
{
	return distilled_of_reversed(k) ?: stripped(k);
}

static int stripped_for_shifted(struct kmod *k) { return for_shifted(k) ?: stripped(k); }

/* --- .BTF_ids and the table, damaged ---------------------------------------------------------- */

static int two_sections(struct kmod *k)
{
	size_t size;
	void *data = kmod_section(k, ".BTF_ids", &size);

	return kmod_set_section(k, ".BTF_ids", data, size, true);
}

static int no_data(struct kmod *k)
{
	Elf_Shdr *sh = kmod_section_header(k, ".BTF_ids");

	sh->sh_type = SHT_NOBITS;
	return 0;
}

/* In no memory of the module: it could be anything in the file, such as section headers */
static int not_allocated(struct kmod *k)
{
	__u32 ids[64] = {};

	kmod_hide_section(k, ".BTF_ids");
	return kmod_set_section(k, ".BTF_ids", ids, sizeof(ids), false);
}

static int change_id(struct kmod *k, const char *symbol, __u32 id)
{
	__u32 *p = kmod_btf_id(k, symbol);

	if (!p)
		return -ENOENT;
	memcpy(p, &id, sizeof(id));
	return 0;
}

static int id_out_of_range(struct kmod *k) { return change_id(k, "struct__list_head", 0xffff0); }
static int set_too_long(struct kmod *k) { return change_id(k, "set__", 4); }
static int set8_too_long(struct kmod *k) { return change_id(k, "set8__", 0x20000001); }

static int no_table(struct kmod *k)
{
	kmod_shorten_note(k, BTF_BASE_ID_SIZE);
	return 0;
}

/* The data ends before the table would begin */
static int no_table_short_id(struct kmod *k)
{
	kmod_shorten_note(k, BTF_BASE_ID_SIZE - 4);
	return 0;
}

static int no_table_no_note(struct kmod *k)
{
	kmod_hide_section(k, BTF_NOTE_SECTION);
	return 0;
}

/* The last range ends past the data */
static int table_odd(struct kmod *k)
{
	__u32 cnt;

	if (kmod_btf_ids_table(k, &cnt))	/* a kernel that cannot relocate has none */
		kmod_shorten_note(k, BTF_BASE_ID_SIZE + cnt * sizeof(struct btf_ids_range) - 4);
	return 0;
}

#define KEEP	(-1)
#define END	(-0x10000)	/* of .BTF_ids */

/* What the first range of a kind becomes */
static const struct damage {
	const char *name;
	__u32 kind;
	int offset, new_kind, cnt;
} damages[] = {
	{ "at the end",		BTF_IDS_LIST, END, KEEP, KEEP },
	{ "outside",		BTF_IDS_LIST, END + 4, KEEP, KEEP },
	{ "a word too long",	BTF_IDS_LIST, END - 8, KEEP, 3 },
	{ "overflows",		BTF_IDS_LIST, KEEP, KEEP, 0x40000001 },
	{ "of a set overflows",	BTF_IDS_SET, KEEP, KEEP, 0x3fffffff },
	{ "of a set8 overflows", BTF_IDS_SET8, KEEP, KEEP, 0x1fffffff },
	{ "overlaps the next",	BTF_IDS_LIST, KEEP, KEEP, 4 },
	{ "begins before the last", BTF_IDS_SET, 0, KEEP, KEEP },
	{ "of no known kind",	BTF_IDS_LIST, KEEP, BTF_IDS_SET8 + 1, KEEP },
	{ "of a set is shorter", BTF_IDS_SET, KEEP, KEEP, 2 },
	{ "of a set8 is shorter", BTF_IDS_SET8, KEEP, KEEP, 0 },
};

static const struct damage *damage;	/* one of these */

static int damage_table(struct kmod *k)
{
	struct btf_ids_range r;
	unsigned char *table;
	__u32 i, cnt;
	size_t size;

	kmod_section(k, ".BTF_ids", &size);
	table = kmod_btf_ids_table(k, &cnt);
	for (i = 0; i < cnt; i++, table += sizeof(r)) {
		memcpy(&r, table, sizeof(r));
		if (r.kind == damage->kind)
			break;
	}
	if (i == cnt)
		return -ENOENT;
	if (damage->offset != KEEP)
		r.offset = damage->offset < 0 ? size + damage->offset - END : damage->offset;
	if (damage->new_kind != KEEP)
		r.kind = damage->new_kind;
	if (damage->cnt != KEEP)
		r.cnt = damage->cnt;
	memcpy(table, &r, sizeof(r));
	return 0;
}

/* As on an unpatched kernel: BPF relocates what it is given, and not what the module reads */
static void check_no_table(bool used)
{
	struct module_ids ids = {};
	struct btf *btf;

	kmod_check_bpf(used);
	btf = btf__load_module_btf(KMOD, kt.vmlinux);
	if (ASSERT_OK_PTR(btf, "module BTF") && ASSERT_OK(read_ids(&ids), "ids")) {
		ASSERT_GT(ids.list[1], 0, "list 1");
		ASSERT_LT(ids.list[1], btf__type_cnt(kt.vmlinux), "list 1");
	}
	btf__free(btf);
	check_filter(false);
}

/* An id that the build has not written is not looked at: BTF with the right base id is right */
static void check_not_looked_at(bool used)
{
	struct module_ids ids = {};

	kmod_check_bpf(used);
	if (ASSERT_OK(read_ids(&ids), "ids"))
		ASSERT_EQ(ids.list[0], 0xffff0, "list 0");
}

#define NO_TABLE "module [" KMOD "] BTF: no table for .BTF_ids, ids that only the module reads"

static const struct kmod_variant variants[] = {
	{ "native", &kt.native, .status = "native", .check = check_ids },
	{ "distilled base", &kt.distilled, .status = "native", .check = check_ids },
	{ "distilled base, of another build", &kt.distilled, distilled_of_shifted,
	  .status = "relocated", .check = check_ids },
	{ "distilled base, sets in another order", &kt.native, distilled_of_reversed,
	  .status = "relocated", .check = check_ids },
	{ "base shifted", &kt.native, for_shifted, .status = "dropped:base-changed",
	  .check = check_ids },
	{ "no BTF", &kt.native, no_btf, .status = "none", .check = check_ids },

	{ "no symbols", &kt.native, stripped, .status = "native", .check = check_ids },
	{ "no symbols, sets in another order", &kt.native, stripped_of_reversed,
	  .status = "relocated", .check = check_ids },
	{ "no symbols, base shifted", &kt.native, stripped_for_shifted,
	  .status = "dropped:base-changed", .check = check_ids },

	{ "two sections", &kt.native, two_sections, .status = "dropped:invalid",
	  .check = check_ids },
	{ "not allocated", &kt.distilled, not_allocated, .status = "dropped:invalid" },
	{ "no data", &kt.native, no_data, .status = "dropped:invalid", .check = check_ids },
	{ "id out of range", &kt.native, id_out_of_range, .status = "native",
	  .check = check_not_looked_at },
	{ "distilled base, id out of range", &kt.distilled, id_out_of_range,
	  .status = "dropped:invalid", .check = check_ids },
	{ "distilled base, set too long", &kt.distilled, set_too_long,
	  .status = "dropped:invalid", .check = check_ids },
	{ "distilled base, set8 too long", &kt.distilled, set8_too_long,
	  .status = "dropped:invalid", .check = check_ids },

	{ "no table, native", &kt.native, no_table, .status = "native", .check = check_ids },
	{ "no table", &kt.distilled, no_table, .status = "native",
	  .log = NO_TABLE, .check = check_no_table },
	{ "no table and no id", &kt.distilled, no_table_no_note, .status = "relocated",
	  .log = NO_TABLE, .check = check_no_table },
	{ "no table, id too short", &kt.distilled, no_table_short_id, .status = "relocated",
	  .log = NO_TABLE, .check = check_no_table },
	{ "table with half a range", &kt.distilled, table_odd,
	  .status = "dropped:invalid", .check = check_ids },
	{ "table with half a range, native", &kt.native, table_odd, .status = "native",
	  .check = check_ids },
};

/* --- what is registered with the ids ---------------------------------------------------------- */

/* A set that does not say that it is of kfuncs */
static int set_of_no_kfuncs(struct kmod *k)
{
	__u32 *set = kmod_btf_id(k, "set8__" KMOD "_ids"), none = 0;

	if (!set)
		return -ENOENT;
	memcpy(set + 1, &none, sizeof(none));
	return 0;
}

/* A destructor that returns a value: the kfunc */
static int dtor_with_value(struct kmod *k)
{
	__u32 *kfunc = kmod_btf_id(k, "func__" KMOD "_kfunc"), id;

	if (!kfunc)
		return -ENOENT;
	memcpy(&id, kfunc, sizeof(id));
	return change_id(k, "func__" KMOD "_dtor", id);
}

static const struct registration {
	const char *name;
	int (*make)(struct kmod *k);
	const char *params;
	bool old;	/* a kernel that cannot relocate looks at it, too */
} registrations[] = {
	{ "set that is not of kfuncs", set_of_no_kfuncs, "" },
	{ "destructor that returns a value", dtor_with_value, "", true },
	{ "struct_ops without stubs", NULL, "stubs=0" },
};

/* What cannot be registered is an error in both modes, unless there is no BTF to look at it with */
static void test_registration(const struct registration *r, enum kmod_mode mode)
{
	struct kmod k, other;

	if (!r->old && !kt.relocates) {
		test__skip();
		return;
	}
	if (!kmod_set_mode(mode) || !ASSERT_OK(kmod_copy(&k, &kt.native), "copy"))
		return;
	if (!ASSERT_OK(kmod_copy(&other, &kt.native), "copy"))
		goto out;
	if (ASSERT_OK(r->make ? r->make(&k) : 0, "make")) {
		ASSERT_EQ(kmod_load(&k, r->params), -EINVAL, "load");
		ASSERT_FALSE(kmod_loaded(), "loaded");
		kmod_unload();
	}
	if (mode == LENIENT && ASSERT_OK(for_shifted(&other), "make other") &&
	    ASSERT_OK(r->make ? r->make(&other) : 0, "make other")) {
		ASSERT_OK(kmod_load(&other, r->params), "load other");
		kmod_unload();
	}
	kmod_free(&other);
out:
	kmod_free(&k);
}

#define NO_BTF "module [" KMOD "] has no BTF, cannot register "

/* A module whose BTF is not used registers nothing, without an error; the log says what */
static void test_lines(enum kmod_mode mode, int (*make)(struct kmod *k))
{
	struct kmod_line lines[] = {
		/* a second time for BPF_MODIFY_RETURN */
		{ NO_BTF "kfunc", kt.relocates ? 2 : 1 },
		{ NO_BTF "dtor kfuncs", 1 },
		{ NO_BTF "struct_ops", 1 },
	};
	struct kmod k;

	if (!kmod_set_mode(mode) || !ASSERT_OK(kmod_copy(&k, &kt.native), "copy"))
		return;
	if (ASSERT_OK(make(&k), "make"))
		kmod_test_lines(&k, lines, kt.relocates ? 3 : 2);
	kmod_free(&k);
}

/* A set of kfuncs that is refused does not take another with it */
static void test_too_many(enum kmod_mode mode)
{
	/* kernels that cannot relocate take the set of a module as it is, whatever its size */
	if (!kt.relocates) {
		test__skip();
		return;
	}
	if (!kmod_set_mode(mode))
		return;
	if (ASSERT_OK(kmod_load(&kt.native, "too_many=1"), "load"))
		kmod_check_bpf(true);
	kmod_unload();
}

/* A module that wants to see the registration of struct_ops without stubs fail, gets to see it */
static void test_no_cfi(enum kmod_mode mode)
{
	struct kmod k;

	if (access("bpf_test_no_cfi.ko", F_OK)) {
		test__skip();
		return;
	}
	if (!kmod_set_mode(mode) || !ASSERT_OK(kmod_read(&k, "bpf_test_no_cfi.ko"), "read"))
		return;
	if (ASSERT_OK(kmod_load(&k, ""), "load"))
		ASSERT_OK(unload_module("bpf_test_no_cfi", false), "unload");
	kmod_free(&k);
}

static void test_damages(enum kmod_mode mode)
{
	char name[128];
	int i;

	for (i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct kmod_variant v = {
			name, &kt.distilled, damage_table, .status = "dropped:invalid",
			.check = check_ids
		};

		damage = &damages[i];
		if (damage->new_kind != KEEP) {
			v.status = "dropped:unsupported";
			v.err = -EOPNOTSUPP;
		}
		snprintf(name, sizeof(name), "table, range %s", damage->name);
		kmod_test_variant(&v, mode);
	}
}

static void test_registrations(enum kmod_mode mode, const char *mode_name)
{
	char name[128];
	int i;

#define SUBTEST(format, what, call) do {					\
	snprintf(name, sizeof(name), format ", %s", what, mode_name);		\
	if (test__start_subtest(name))						\
		call;								\
} while (0)

	for (i = 0; i < sizeof(registrations) / sizeof(*registrations); i++)
		SUBTEST("register a %s", registrations[i].name,
			test_registration(&registrations[i], mode));
	SUBTEST("register %s", "more kfuncs than a set can have", test_too_many(mode));
	SUBTEST("register %s", "without stubs, then with", test_no_cfi(mode));
	SUBTEST("register %s", "without BTF", test_lines(mode, no_btf));
	if (mode == LENIENT)
		SUBTEST("register %s", "with BTF of another base", test_lines(mode, for_shifted));
#undef SUBTEST
}

static bool setup(void)
{
	__u32 id, nr;

	if (!kmod_test_setup())
		return false;
	to_reversed = btf_same_order(kt.vmlinux);
	if (!ASSERT_OK_PTR(to_reversed, "order"))
		return false;
	nr = btf__type_cnt(kt.vmlinux);
	for (id = 1; id < nr; id++)
		to_reversed[id] = nr - id;
	reversed = btf_renumbered(kt.vmlinux, to_reversed);
	return ASSERT_OK_PTR(reversed, "reversed");
}

void serial_test_btf_module_ids(void)
{
	if (setup()) {
		kmod_test_variants(variants, sizeof(variants) / sizeof(*variants));
		test_damages(STRICT);
		test_damages(LENIENT);
		test_registrations(STRICT, "strict");
		test_registrations(LENIENT, "lenient");
	}
	btf__free(reversed);
	free(to_reversed);
	reversed = NULL;
	to_reversed = NULL;
	kmod_test_finish();
}
