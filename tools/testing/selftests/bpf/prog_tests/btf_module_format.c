// SPDX-License-Identifier: GPL-2.0
/*
 * BTF of a module that is damaged, or in a format of the future: sections, header, types.
 *
 * A row of the tables is a module, and what becomes of its BTF.
 */
#include <test_progs.h>
#include "kmod_btf_test.h"

/* --- sections ----------------------------------------------------------------- */

static int no_btf(struct kmod *k)
{
	kmod_hide_section(k, ".BTF");
	return 0;
}

static int empty_btf(struct kmod *k)
{
	return kmod_set_section(k, ".BTF", "", 0, false);
}

/* BTF that has a header and no type: a module whose types are all in vmlinux */
static int header_only(struct kmod *k)
{
	size_t size;
	struct btf_header *h = kmod_section(k, ".BTF", &size);

	h->str_off = h->type_off;
	h->type_len = 0;
	h->str_len = 0;
	return kmod_set_section(k, ".BTF", h, h->hdr_len, false);
}

static int header_only_of_shifted(struct kmod *k)
{
	return kmod_rebase(k, kt.vmlinux, kt.shifted, false) ?: header_only(k);
}

static int twice(struct kmod *k, const char *name)
{
	size_t size;
	void *data = kmod_section(k, name, &size);

	/* an unpatched kernel has built it without a note */
	return kmod_set_section(k, name, data ?: "", data ? size : 0, true);
}

static int two_btf(struct kmod *k) { return twice(k, ".BTF"); }
static int two_bases(struct kmod *k) { return twice(k, ".BTF.base"); }
static int two_notes(struct kmod *k) { return twice(k, BTF_NOTE_SECTION); }

static int set_type(struct kmod *k, const char *name, __u32 type)
{
	Elf_Shdr *sh = kmod_section_header(k, name);

	if (sh)
		sh->sh_type = type;
	return 0;
}

/* Claims to have data, and has none in the file */
static int btf_nobits(struct kmod *k) { return set_type(k, ".BTF", SHT_NOBITS); }
static int base_nobits(struct kmod *k) { return set_type(k, ".BTF.base", SHT_NOBITS); }
static int note_nobits(struct kmod *k) { return set_type(k, BTF_NOTE_SECTION, SHT_NOBITS); }

/* Such a header stands for no section, whatever else is in it */
static int btf_null(struct kmod *k) { return set_type(k, ".BTF", SHT_NULL); }
static int base_null(struct kmod *k) { return set_type(k, ".BTF.base", SHT_NULL); }
static int btf_null_first(struct kmod *k) { return two_btf(k) ?: btf_null(k); }

static const struct kmod_variant sections[] = {
	{ "no BTF", &kt.native, no_btf, .status = "none" },
	{ "header only", &kt.native, header_only, .status = "none" },
	{ "header only, base shifted", &kt.native, header_only_of_shifted, .status = "none" },
	{ "header only, distilled base", &kt.distilled, header_only, .status = "none" },
	{ "empty section", &kt.native, empty_btf, .status = "none" },
	{ "two .BTF", &kt.native, two_btf, .status = "dropped:invalid" },
	{ "two .BTF.base", &kt.distilled, two_bases, .status = "dropped:invalid" },
	{ "two .note.BTF", &kt.native, two_notes, .status = "dropped:invalid" },
	{ ".BTF without data", &kt.native, btf_nobits, .status = "dropped:invalid" },
	{ ".BTF.base without data", &kt.distilled, base_nobits, .status = "dropped:invalid" },
	{ ".note.BTF without data", &kt.native, note_nobits, .status = "dropped:invalid" },
	{ ".BTF of type NULL", &kt.native, btf_null, .status = "none" },
	{ ".BTF.base of type NULL", &kt.distilled, base_null, .status = "dropped:unstamped" },
	{ ".BTF, before it one of type NULL", &kt.native, btf_null_first, .status = "native" },
};

/* --- the format ------------------------------------------------------------------ */

static struct btf_header *header(struct kmod *k)
{
	size_t size;

	return kmod_section(k, ".BTF", &size);
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

static int zero_long_header(struct kmod *k) { return long_header(k, 0); }
static int unknown_header(struct kmod *k) { return long_header(k, 0x5a); }

static int header_past_end(struct kmod *k)
{
	header(k)->hdr_len = 0x10000000;
	return 0;
}

static int header_cut(struct kmod *k)
{
	return kmod_set_section(k, ".BTF", header(k), 6, false);
}

static int types_past_end(struct kmod *k)
{
	header(k)->type_len = 0x7ffffff0;
	return 0;
}

static int strings_truncated(struct kmod *k)
{
	struct btf_header *h = header(k);

	return kmod_set_section(k, ".BTF", h, h->hdr_len + h->str_off + h->str_len / 2, false);
}

static int strings_unterminated(struct kmod *k)
{
	struct btf_header *h = header(k);

	((char *)h)[h->hdr_len + h->str_off + h->str_len - 1] = 'x';
	return 0;
}

/* void *, again and again: the last has the id BTF_MAX_TYPE + 1 */
static int too_many_types(struct kmod *k)
{
	__u32 i, nr = BTF_MAX_TYPE + 2 - btf__type_cnt(kt.vmlinux);
	struct btf_header *h = calloc(1, sizeof(*h) + nr * sizeof(struct btf_type));
	struct btf_type *t = (void *)(h + 1);
	int err;

	if (!h)
		return -ENOMEM;
	h->magic = BTF_MAGIC;
	h->version = BTF_VERSION;
	h->hdr_len = sizeof(*h);
	h->type_len = nr * sizeof(*t);
	h->str_off = h->type_len;
	for (i = 0; i < nr; i++)
		t[i].info = BTF_KIND_PTR << 24;
	err = kmod_set_section(k, ".BTF", h, h->hdr_len + h->type_len, false);
	free(h);
	return err;
}

static struct btf_type *last_type(struct btf *btf)
{
	return (struct btf_type *)btf__type_by_id(btf, btf__type_cnt(btf) - 1);
}

static int add_name_out_of_range(struct btf *btf)
{
	int id = btf__add_struct(btf, "added", 4);		/* struct added { } */

	if (id > 0)
		last_type(btf)->name_off = 0x7ffffff;
	return id;
}

static int add_kind(struct btf *btf, __u32 kind)
{
	int id = btf__add_ptr(btf, 0);

	if (id > 0)
		last_type(btf)->info = kind << 24;
	return id;
}

static int add_unknown_kind(struct btf *btf) { return add_kind(btf, BTF_INFO_KIND(~0U)); }
static int add_kind_zero(struct btf *btf) { return add_kind(btf, BTF_KIND_UNKN); }

/* The last type has fewer bytes than its kind needs */
static int add_cut_type(struct btf *btf)
{
	return add_kind(btf, BTF_KIND_INT);
}

static int add_member_outside(struct btf *btf)
{
	int i = btf__add_int(btf, "added_int", 4, 0);

	btf__add_struct(btf, "added", 8);			/* struct added {	*/
	return btf__add_field(btf, "m", i, 128, 0);		/*	int m @ 16;	*/
								/* } of 8 bytes		*/
}

/* The number of an error differs by architecture */
#define STR_(x)		#x
#define STR(x)		STR_(x)

static const struct kmod_variant formats[] = {
	{ "magic unknown", &kt.native, bad_magic, .status = "dropped:invalid" },
	{ "header past the end", &kt.native, header_past_end, .status = "dropped:invalid" },
	{ "header cut", &kt.native, header_cut, .status = "dropped:invalid" },
	{ "types past the end", &kt.native, types_past_end, .status = "dropped:invalid" },
	{ "strings truncated", &kt.native, strings_truncated, .status = "dropped:invalid" },
	{ "strings unterminated", &kt.native, strings_unterminated,
	  .status = "dropped:invalid" },
	{ "name out of range", &kt.native, .add = add_name_out_of_range,
	  .status = "dropped:invalid" },
	{ "kind 0", &kt.native, .add = add_kind_zero, .status = "dropped:invalid" },
	{ "type cut", &kt.native, .add = add_cut_type, .status = "dropped:invalid" },
	{ "member outside of its struct", &kt.native, .add = add_member_outside,
	  .status = "dropped:invalid" },

	/* what a later tool may write */
	{ "version unknown", &kt.native, bad_version, .status = "dropped:unsupported",
	  .err = -EOPNOTSUPP,
	  .log = "failed to validate module [" KMOD "] BTF: -" STR(EOPNOTSUPP) " (unsupported)" },
	{ "flags unknown", &kt.native, bad_flags, .status = "dropped:unsupported",
	  .err = -EOPNOTSUPP },
	{ "header longer", &kt.native, unknown_header, .status = "dropped:unsupported",
	  .err = -EOPNOTSUPP },
	{ "header longer, but zero", &kt.native, zero_long_header, .status = "native" },
	{ "kind unknown", &kt.native, .add = add_unknown_kind, .status = "dropped:unsupported",
	  .err = -EOPNOTSUPP },
	{ "more types than fit", &kt.native, too_many_types, .status = "dropped:unsupported",
	  .err = -EOPNOTSUPP },
	{ "kind unknown, distilled base", &kt.distilled, .add = add_unknown_kind,
	  .status = "dropped:unsupported", .err = -EOPNOTSUPP },
};

void serial_test_btf_module_format(void)
{
	if (kmod_test_setup()) {
		kmod_test_variants(sections, sizeof(sections) / sizeof(*sections));
		kmod_test_variants(formats, sizeof(formats) / sizeof(*formats));
	}
	kmod_test_finish();
}
