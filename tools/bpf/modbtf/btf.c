// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks of BTF that kernel/bpf/btf.c makes before it takes that of a module,
 * in the order and with the limits that it has since 5.11; see version.c.
 */

#include <byteswap.h>
#include <ctype.h>
#include <linux/btf.h>
#include "kernel.h"
#include "modbtf.h"

#define INT_MASK	0x0fffffff	/* BTF_INT_MASK */
#define INFO_MASK	0x9f00ffff	/* BTF_INFO_MASK, without LONG_TYPES */
#define OLD_INFO_MASK	0x8f00ffff	/* and without FLOATS */
#define OLD_HEADER	offsetof(struct btf_header, layout_off)
#define LEN_END		offsetof(struct btf_header, type_off)	/* that of hdr_len */
#define MAX_CHAIN	32

/* Bytes that follow struct btf_type: some, and some for each of vlen */
static const struct {
	u8 fixed, each;
} btf_rest[NR_BTF_KINDS] = {
	[BTF_KIND_INT]		= { sizeof(u32) },
	[BTF_KIND_ARRAY]	= { sizeof(struct btf_array) },
	[BTF_KIND_STRUCT]	= { 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION]	= { 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM]		= { 0, sizeof(struct btf_enum) },
	[BTF_KIND_ENUM64]	= { 0, sizeof(struct btf_enum64) },
	[BTF_KIND_FUNC_PROTO]	= { 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR]		= { sizeof(struct btf_var) },
	[BTF_KIND_DATASEC]	= { 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_DECL_TAG]	= { sizeof(struct btf_decl_tag) },
};

u64 btf_type_bytes(const struct btf_type *t)
{
	u32 kind = btf_kind(t);

	return sizeof(*t) + btf_rest[kind].fixed + (u64)btf_type_vlen(t) * btf_rest[kind].each;
}

/* What is written about a type of module BTF */
#define BAD(btf, what) ({ (btf)->why = (what); -EINVAL; })
/* The same, of what a later tool may write */
#define UNKNOWN(btf, what) ({ (btf)->why = (what); -EOPNOTSUPP; })

/* Kernel's ctype: latin 1 */
static bool is_alpha(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

static bool name_char_ok(unsigned char c, bool first, bool dots)
{
	return is_alpha(c) || (!first && c >= '0' && c <= '9') || c == '_' || (dots && c == '.');
}

static bool is_print(unsigned char c)
{
	return (c >= 0x20 && c < 0x7f) || c >= 0xa0;
}

const char *btf_str(const struct btf *btf, u32 off)
{
	while (off < btf->start_str_off)
		btf = btf->base_btf;
	off -= btf->start_str_off;
	return off < btf->hdr.str_len ? btf->strings + off : NULL;
}

/* KSYM_NAME_LEN */
static size_t name_len(const struct rules *r)
{
	return knows(r, LONG_NAMES) ? NAME_LEN : 128;
}

static bool name_valid(const struct btf *btf, const struct rules *r, u32 off, bool dots)
{
	const char *s = btf_str(btf, off), *limit;

	if (!name_char_ok(*s, true, dots))
		return false;
	for (limit = s++ + name_len(r); *s && s < limit; s++)
		if (!name_char_ok(*s, false, dots))
			return false;
	return !*s;
}

static bool name_valid_identifier(const struct btf *btf, const struct rules *r, u32 off)
{
	return name_valid(btf, r, off, knows(r, DOTS));
}

static bool name_valid_section(const struct btf *btf, const struct rules *r, u32 off)
{
	const char *s = btf_str(btf, off), *limit;

	if (!knows(r, SECTION_NAMES))
		return name_valid(btf, r, off, true);
	if (!*s)
		return false;
	for (limit = s + name_len(r); *s && s < limit; s++)
		if (!is_print(*s))
			return false;
	return !*s;
}

static bool name_off_valid(const struct btf *btf, u32 off)
{
	return off <= BTF_MAX_NAME_OFFSET && btf_str(btf, off);
}

static bool named(const struct btf *btf, const struct rules *r, const struct btf_type *t)
{
	return t->name_off && name_valid_identifier(btf, r, t->name_off);
}

static bool named_or_not(const struct btf *btf, const struct rules *r, u32 off)
{
	return !off || name_valid_identifier(btf, r, off);
}

static int check_int(struct btf *btf, const struct btf_type *t)
{
	u32 data = *(u32 *)(t + 1), bits;

	if (btf_type_vlen(t) || btf_kflag(t) || (data & ~INT_MASK))
		return BAD(btf, "integer has wrong data");
	bits = BTF_INT_BITS(data) + BTF_INT_OFFSET(data);
	if (bits > 128 || (bits + 7) / 8 > t->size)
		return BAD(btf, "integer has more bits than bytes");
	/* as gcc and clang call it; that of the kernel is of the size of its pointers */
	if (!btf->base_btf && (!strcmp(btf_str(btf, t->name_off), "long unsigned int") ||
			       !strcmp(btf_str(btf, t->name_off), "unsigned long")))
		btf->long_size = t->size;
	switch (BTF_INT_ENCODING(data)) {
	case 0:
	case BTF_INT_SIGNED:
	case BTF_INT_CHAR:
	case BTF_INT_BOOL:
		return 0;
	}
	return UNKNOWN(btf, "integer has an unknown encoding");
}

static int check_ref(struct btf *btf, const struct rules *r, const struct btf_type *t)
{
	u32 kind = btf_kind(t);

	if (btf_type_vlen(t) || t->type > BTF_MAX_TYPE ||
	    (btf_kflag(t) && (!knows(r, TAG_FLAGS) || kind != BTF_KIND_TYPE_TAG)))
		return BAD(btf, "reference has wrong data");
	if (kind == BTF_KIND_TYPEDEF)
		return named(btf, r, t) ? 0 : BAD(btf, "typedef has no valid name");
	if (kind == BTF_KIND_TYPE_TAG)
		return *btf_str(btf, t->name_off) ? 0 : BAD(btf, "type tag is empty");
	return t->name_off ? BAD(btf, "reference has a name") : 0;
}

static int check_array(struct btf *btf, const struct btf_type *t)
{
	const struct btf_array *a = btf_array(t);

	if (t->name_off || btf_type_vlen(t) || btf_kflag(t) || t->size)
		return BAD(btf, "array has wrong data");
	if (!a->type || a->type > BTF_MAX_TYPE || !a->index_type || a->index_type > BTF_MAX_TYPE)
		return BAD(btf, "array has no valid element or index");
	return 0;
}

static int check_struct(struct btf *btf, const struct rules *r, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t), *end = m + btf_type_vlen(t);
	u32 last = 0, off;

	if (!named_or_not(btf, r, t->name_off))
		return BAD(btf, "struct has no valid name");
	for (; m < end; m++) {
		tick();
		if (!name_off_valid(btf, m->name_off) || !named_or_not(btf, r, m->name_off))
			return BAD(btf, "member has no valid name");
		if (!m->type || m->type > BTF_MAX_TYPE)
			return BAD(btf, "member has no valid type");
		off = __btf_member_bit_offset(t, m);
		if (btf_kind(t) == BTF_KIND_UNION && off)
			return BAD(btf, "member of a union has an offset");
		if (last > off)
			return BAD(btf, "members are not in order");
		if ((off >> 3) + !!(off & 7) > t->size)
			return BAD(btf, "member is outside of its struct");
		last = off;
	}
	return 0;
}

/* Also of 64 bits: it begins with the name, too */
static int check_enum(struct btf *btf, const struct rules *r, const struct btf_type *t, size_t each)
{
	const void *e = t + 1;
	u32 i, name;

	if (btf_kflag(t) && !knows(r, ENUM64S))
		return BAD(btf, "enum has a sign");
	if (t->size > 8 || !t->size || (t->size & (t->size - 1)))
		return BAD(btf, "enum has a wrong size");
	if (!named_or_not(btf, r, t->name_off))
		return BAD(btf, "enum has no valid name");
	for (i = 0; i < btf_type_vlen(t); i++, e += each) {
		tick();
		name = *(const u32 *)e;
		if (!name || !name_off_valid(btf, name) || !name_valid_identifier(btf, r, name))
			return BAD(btf, "enumerator has no valid name");
	}
	return 0;
}

static int check_var(struct btf *btf, const struct rules *r, const struct btf_type *t)
{
	u32 linkage = btf_var(t)->linkage;

	if (btf_type_vlen(t) || btf_kflag(t) || !t->type || t->type > BTF_MAX_TYPE ||
	    (linkage != BTF_VAR_STATIC && linkage != BTF_VAR_GLOBAL_ALLOCATED))
		return BAD(btf, "variable has wrong data");
	return t->name_off && name_valid(btf, r, t->name_off, true) ?
	       0 : BAD(btf, "variable has no valid name");
}

static int check_datasec(struct btf *btf, const struct rules *r, const struct btf_type *t)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t), *end = v + btf_type_vlen(t);
	u64 last = 0, sum = 0;

	if (!t->size || btf_kflag(t) || (!btf_type_vlen(t) && !knows(r, EMPTY_SECTIONS)))
		return BAD(btf, "section has wrong data");
	if (!t->name_off || !name_valid_section(btf, r, t->name_off))
		return BAD(btf, "section has no valid name");
	for (; v < end; v++) {
		if (!v->type || v->type > BTF_MAX_TYPE || v->offset < last ||
		    v->offset >= t->size || !v->size || v->size > t->size)
			return BAD(btf, "variable in a section has wrong data");
		/* of 32 bits there, too */
		last = (u32)(v->offset + v->size);
		if (last > t->size)
			return BAD(btf, "variable is outside of its section");
		sum += v->size;
	}
	return t->size < sum ? BAD(btf, "section is too small") : 0;
}

static int check_func(struct btf *btf, const struct rules *r, const struct btf_type *t)
{
	if (!named(btf, r, t))
		return BAD(btf, "function has no valid name");
	if (btf_type_vlen(t) > BTF_FUNC_GLOBAL || btf_kflag(t))
		return BAD(btf, "function has wrong data");
	return 0;
}

static int check_decl_tag(struct btf *btf, const struct rules *r, const struct btf_type *t)
{
	if (!*btf_str(btf, t->name_off) || btf_type_vlen(t) ||
	    (btf_kflag(t) && !knows(r, TAG_FLAGS)) || btf_decl_tag(t)->component_idx < -1)
		return BAD(btf, "declaration tag has wrong data");
	return 0;
}

static int check_float(struct btf *btf, const struct btf_type *t)
{
	if (!btf_type_vlen(t) && !btf_kflag(t)) {
		switch (t->size) {
		case 2:
		case 4:
		case 8:
		case 12:
		case 16:
			return 0;
		}
	}
	return BAD(btf, "float has wrong data");
}

/* BTF_KIND_MAX was smaller */
static bool knows_kind(const struct rules *r, u32 kind)
{
	switch (kind) {
	case BTF_KIND_FLOAT:
		return knows(r, FLOATS);
	case BTF_KIND_DECL_TAG:
		return knows(r, DECL_TAGS);
	case BTF_KIND_TYPE_TAG:
		return knows(r, TYPE_TAGS);
	case BTF_KIND_ENUM64:
		return knows(r, ENUM64S);
	}
	return kind <= BTF_KIND_MAX;
}

/* btf_check_meta(): bytes of a type of which @left are there, or a negative error */
static s64 check_type(struct btf *btf, const struct rules *r, const struct btf_type *t, size_t left)
{
	u32 kind;
	u64 len;
	int err;

	if (left < sizeof(*t))
		return BAD(btf, "type is cut off");
	if (!knows(r, LONG_TYPES) && (t->info & ~(knows(r, FLOATS) ? INFO_MASK : OLD_INFO_MASK)))
		return UNKNOWN(btf, "type has an unknown flag");
	kind = BTF_INFO_KIND(t->info);
	if (kind == BTF_KIND_UNKN)
		return BAD(btf, "type has no kind");
	if (!knows_kind(r, kind))
		return UNKNOWN(btf, "type is of an unknown kind");
	if (!name_off_valid(btf, t->name_off))
		return BAD(btf, "name is out of range");
	len = btf_type_bytes(t);
	/* one that has no members does not say why it has a length */
	if (left < len)
		return BAD(btf, "type is cut off");

	switch (kind) {
	case BTF_KIND_INT:
		err = check_int(btf, t);
		break;
	case BTF_KIND_ARRAY:
		err = check_array(btf, t);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		err = check_struct(btf, r, t);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		err = check_enum(btf, r, t, btf_rest[kind].each);
		break;
	case BTF_KIND_FWD:
		err = btf_type_vlen(t) || t->type || !named(btf, r, t) ?
		      BAD(btf, "forward declaration has wrong data") : 0;
		break;
	case BTF_KIND_FUNC:
		err = check_func(btf, r, t);
		break;
	case BTF_KIND_FUNC_PROTO:
		err = t->name_off || btf_kflag(t) ? BAD(btf, "prototype has wrong data") : 0;
		break;
	case BTF_KIND_VAR:
		err = check_var(btf, r, t);
		break;
	case BTF_KIND_DATASEC:
		err = check_datasec(btf, r, t);
		break;
	case BTF_KIND_FLOAT:
		err = check_float(btf, t);
		break;
	case BTF_KIND_DECL_TAG:
		err = check_decl_tag(btf, r, t);
		break;
	default:
		err = check_ref(btf, r, t);
	}
	return err ?: (s64)len;
}

static int add_type(struct btf *btf, struct btf_type *t)
{
	u32 room;

	if (btf->nr_types == btf->room) {
		if (btf_nr_types(btf) >= BTF_MAX_TYPE)
			return UNKNOWN(btf, "too many types");
		room = btf->room ? btf->room * 2 : 256;
		btf->types = xrealloc(btf->types, room * sizeof(*btf->types));
		btf->room = room;
	}
	btf->types[btf->nr_types++] = t;
	return 0;
}

/* btf_check_all_metas() */
static int check_types(struct btf *btf, const struct rules *r)
{
	void *cur = btf->nohdr_data + btf->hdr.type_off, *end = cur + btf->hdr.type_len;
	static struct btf_type void_type;
	s64 len;
	int err;

	/* stock kernels add it with the first type: if there is none, not even void */
	if (!btf->base_btf && (cur < end || r->patched)) {
		err = add_type(btf, &void_type);
		if (err)
			return err;
	}
	while (cur < end) {
		tick();
		len = check_type(btf, r, cur, end - cur);
		err = len < 0 ? len : add_type(btf, cur);
		if (err) {
			btf->why_id = btf_nr_types(btf);
			btf->why_type = end - cur < sizeof(*btf->why_type) ? NULL : cur;
			return err;
		}
		cur += len;
	}
	return 0;
}

static int cmp_section(const void *a, const void *b)
{
	const u32 *x = a, *y = b;

	return (int)(x[0] - y[0]) ?: (int)(x[1] - y[1]);
}

/* btf_check_sec_info(): sections follow one another without a gap, to the end */
static int check_sections(struct btf *btf, const struct rules *r)
{
	const struct btf_header *h = &btf->hdr;
	u32 secs[3][2] = {
		{ h->type_off, h->type_len },
		{ h->str_off, h->str_len },
		{ h->layout_off, h->layout_len },
	};
	u32 nr = !knows(r, LAYOUT) || h->hdr_len < sizeof(*h) || !h->layout_len ? 2 : 3;
	u32 expected = btf->data_size - h->hdr_len, total = 0, i;

	qsort(secs, nr, sizeof(secs[0]), cmp_section);
	for (i = 0; i < nr; i++) {
		if (expected < secs[i][0] || total != secs[i][0] || expected - total < secs[i][1])
			return BAD(btf, "sections do not fit the file");
		total += secs[i][1];
	}
	return total == expected ? 0 : BAD(btf, "there is more than the sections");
}

/* btf_parse_hdr() */
static int check_header(struct btf *btf, const struct rules *r)
{
	u32 known = knows(r, LAYOUT) ? sizeof(struct btf_header) : OLD_HEADER, len;
	const u8 *p = btf->data;

	if (btf->data_size < LEN_END)
		return BAD(btf, "shorter than a header");
	memcpy(&len, p + offsetof(struct btf_header, hdr_len), sizeof(len));
	if (btf->data_size < len)
		return BAD(btf, "shorter than its header says");
	for (; known < len; known++)
		if (p[known])
			return UNKNOWN(btf, "header has unknown fields");
	known = knows(r, LAYOUT) ? sizeof(struct btf_header) : OLD_HEADER;
	memcpy(&btf->hdr, p, min_t(u32, len, known));
	if (btf->hdr.magic != BTF_MAGIC)
		return BAD(btf, "no BTF, or of another byte order");
	if (btf->hdr.version != BTF_VERSION || btf->hdr.flags)
		return UNKNOWN(btf, "unknown version or flags");
	if (!btf->base_btf && btf->data_size == len)
		return BAD(btf, "no data");
	return check_sections(btf, r);
}

/* btf_parse_str_sec() */
static int check_strings(struct btf *btf, const struct rules *r)
{
	const struct btf_header *h = &btf->hdr;
	const char *start = btf->nohdr_data + h->str_off, *end = start + h->str_len;

	if ((!knows(r, LAYOUT) || h->hdr_len < sizeof(*h)) && end != btf->data + btf->data_size)
		return BAD(btf, "strings are not at the end");
	btf->strings = start;
	if (btf->base_btf && !h->str_len)
		return 0;
	if (!h->str_len || h->str_len - 1 > BTF_MAX_NAME_OFFSET || end[-1] ||
	    (!btf->base_btf && start[0]))
		return BAD(btf, "strings are wrong");
	return 0;
}

/**
 * btf_check_chains() - what a stock kernel looks at in references
 * @btf: BTF that btf_parse() took
 * @r: rules of the kernel
 *
 * btf_check_type_tags(), from 7.2 on btf_check_modifier_chain_length().
 *
 * Return: 0, or a negative error, with @btf->why.
 */
int btf_check_chains(struct btf *btf, const struct rules *r)
{
	u32 first = btf->base_btf ? btf->start_id : 1, id, cur, n = btf_nr_types(btf);
	/* an id of the base stops the walk, too: it is good */
	u32 good = first - 1;
	const struct btf_type *t;
	bool in_tags;
	int i;

	if (!knows(r, CHAINS))
		return 0;
	for (id = first; id < n; id++) {
		tick();
		t = btf_type_by_id(btf, id);
		if (!btf_type_is_modifier(t))
			continue;
		btf->why_id = id;
		btf->why_type = t;
		in_tags = btf_kind(t) == BTF_KIND_TYPE_TAG;
		for (cur = id, i = 0; btf_type_is_modifier(t); i++) {
			if (i == MAX_CHAIN) {
				BAD(btf, "chain of references is too long or a cycle");
				return -ELOOP;
			}
			if (btf_kind(t) != BTF_KIND_TYPE_TAG)
				in_tags = false;
			else if (!in_tags && knows(r, TAGS_FIRST))
				return BAD(btf, "type tag behind a modifier");
			if (cur <= good)
				break;
			cur = t->type;
			t = btf_type_by_id(btf, cur);
			if (!t)
				return BAD(btf, "refers to a type that does not exist");
		}
		good = id;
	}
	btf->why_id = 0;
	return 0;
}

/* btf_check_sorted(): see btf_named_start_id() */
void btf_check_sorted(struct btf *btf)
{
	const char *name, *last = "";
	u32 id, first = 0;

	for (id = 1; id < btf_nr_types(btf); id++, last = name) {
		tick();
		name = btf_str(btf, btf_type_by_id(btf, id)->name_off);
		if (strncmp(last, name, NAME_LEN) > 0)
			return;
		if (!first && *name)
			first = id;
	}
	btf->named_start_id = first;
}

/**
 * btf_problem() - why BTF was found to be malformed
 * @btf: what btf_parse() or btf_check_chains() refused
 *
 * Return: in words, with the type if it is one, for xfree(); NULL if it was not refused.
 */
char *btf_problem(const struct btf *btf)
{
	const struct btf_type *t = btf->why_type;
	const char *name = t ? btf_str(btf, t->name_off) : NULL;
	char kind[16] = "";
	u32 i;

	if (!btf->why)
		return NULL;
	if (!btf->why_id)
		return xstrdup(btf->why);
	if (!t || btf_kind(t) > BTF_KIND_MAX)
		return xasprintf("type %u: %s", btf->why_id, btf->why);
	for (i = 0; i < sizeof(kind) - 1 && btf_kind_str(t)[i]; i++)
		kind[i] = toupper((unsigned char)btf_kind_str(t)[i]);
	return xasprintf("type %u %s '%.*s': %s", btf->why_id, kind, NAME_LEN - 1, name ?: "",
			 btf->why);
}

/* Does it continue the strings of another, as that of a module does? */
bool btf_is_of_module(const struct btf *btf)
{
	return !btf->base_btf && btf->strings && btf->hdr.str_len && *btf->strings;
}

/**
 * btf_parse() - look at raw BTF as the kernel does
 * @btf: what is filled in, for btf_free() also after an error
 * @data: raw BTF, which is copied
 * @size: its size
 * @base: what it is split from, or NULL
 * @r: rules of the kernel
 *
 * Return: 0, -EOPNOTSUPP if the format is not known, or -EINVAL or another negative error
 * if it is malformed; with @btf->why.
 */
int btf_parse(struct btf *btf, const void *data, size_t size, struct btf *base,
	      const struct rules *r)
{
	u32 words[3] = {};
	int err;

	*btf = (struct btf){ .base_btf = base };
	if (size > UINT32_MAX)
		return BAD(btf, "larger than BTF can be");
	if (base) {
		btf->start_id = btf_nr_types(base);
		btf->start_str_off = base->hdr.str_len;
	}
	btf->buf = xrealloc(NULL, size + sizeof(u32));
	/* types are aligned wherever they are: hdr_len and type_off */
	if (size >= sizeof(words))
		memcpy(words, data, sizeof(words));
	btf->data = btf->buf + -(words[1] + words[2]) % sizeof(u32);
	btf->data_size = size;
	/* a section without data has no place */
	if (size)
		memcpy(btf->data, data, size);

	err = check_header(btf, r);
	if (err)
		return err;
	btf->nohdr_data = btf->data + btf->hdr.hdr_len;
	err = check_strings(btf, r);
	if (err)
		return err;
	return check_types(btf, r);
}

/* Was raw BTF written by a machine of the other byte order? */
bool btf_is_swapped(struct blob raw)
{
	u16 magic = 0;

	memcpy(&magic, raw.data, min_t(size_t, raw.size, sizeof(magic)));
	return magic == bswap_16(BTF_MAGIC);
}

/* Change the byte order of the words in [@from, @to), as far as they are there */
static void swap_words(struct blob b, u64 from, u64 to)
{
	u32 word;

	for (to = min_t(u64, to, b.size); from + sizeof(word) <= to; from += sizeof(word)) {
		memcpy(&word, b.data + from, sizeof(word));
		word = bswap_32(word);
		memcpy(b.data + from, &word, sizeof(word));
	}
}

/**
 * btf_swap() - change the byte order of raw BTF into that of this program
 * @raw: what is changed; it can be malformed
 *
 * The header is a magic number, two bytes, and words; all that types are made of are words.
 */
void btf_swap(struct blob raw)
{
	const size_t after = LEN_END;
	struct btf_header h = {};
	u8 *p = raw.data, first;
	u64 types;

	if (raw.size < sizeof(h.magic))
		return;
	first = p[0];
	p[0] = p[1];
	p[1] = first;
	swap_words(raw, after - sizeof(h.hdr_len), after);
	memcpy(&h, p, min_t(size_t, raw.size, sizeof(h)));
	swap_words(raw, after, h.hdr_len);
	memcpy(&h, p, min_t(size_t, raw.size, sizeof(h)));
	types = (u64)h.hdr_len + h.type_off;
	swap_words(raw, types, types + h.type_len);
}

/**
 * btf_free() - free what btf_parse() has filled in
 * @btf: may be zero
 */
void btf_free(struct btf *btf)
{
	xfree(btf->types);
	xfree(btf->buf);
	*btf = (struct btf){};
}
