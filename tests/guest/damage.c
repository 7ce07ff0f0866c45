// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be damaged in a module, and by what chance: its BTF, the note, .BTF_ids,
 * symbols and headers, never the code.
 */
#include <stdarg.h>
#include <test_progs.h>
#include "mutate.h"

static const char * const sections[] = { ".BTF", ".BTF.base", BTF_NOTE_SECTION, ".BTF_ids" };
#define NR_SECTIONS	4
#define NR_REPLACED	3	/* the others are referred to by code */

/* --- chance ----------------------------------------------------------------- */

static __u64 chance;

static __u64 next_chance(void)
{
	__u64 z = chance += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

void set_chance(__u64 seed, unsigned long n)
{
	chance = seed * 0x2545f4914f6cdd1dULL ^ n * 0x9e3779b97f4a7c15ULL;
	next_chance();
}

__u32 rnd(__u32 n)
{
	return n ? next_chance() % n : 0;
}

/* An id: mostly one that exists */
static __u32 any_id(void)
{
	switch (rnd(16)) {
	case 0:
		return now.nr + rnd(3) - 1;
	case 1:
		return rnd(3);
	case 2 ... 7:
		return rnd(now.first);
	default:
		return now.first + rnd(now.nr - now.first);
	}
}

/* What to put in the place of @old */
static __u32 any_word(__u32 old)
{
	static const __u32 edges[] = {
		0, 1, 2, 31, 32, 33, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
		0xfffff, 0x100000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffffe,
		0xffffffff,
	};

	switch (rnd(8)) {
	case 0:
		return old + 1;
	case 1:
		return old - 1;
	case 2:
		return old + 4 * rnd(5) - 8;
	case 3:
		return old ^ 1U << rnd(32);
	case 4:
		return edges[rnd(sizeof(edges) / sizeof(*edges))];
	case 5:
		return rnd(2) ? old << 1 : old >> 1;
	default:
		return any_id();
	}
}

/* --- changes ---------------------------------------------------------------- */

__attribute__((format(printf, 1, 2)))
static bool changed(const char *format, ...)
{
	size_t len = strlen(now.changes);
	va_list args;

	va_start(args, format);
	if (len + 2 < sizeof(now.changes)) {
		len += snprintf(now.changes + len, sizeof(now.changes) - len, len ? "; " : "");
		vsnprintf(now.changes + len, sizeof(now.changes) - len, format, args);
	}
	va_end(args);
	return true;
}

static __u32 get(const void *p)
{
	__u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool put_any(const char *what, void *p)
{
	__u32 old = get(p), v = any_word(old);

	put(p, v);
	return changed("%s %#x -> %#x", what, old, v);
}

/* A section as it is now; with nothing in it NULL */
static unsigned char *section(const char *name, size_t *size)
{
	unsigned char *p = kmod_section(&now.k, name, size);

	return *size ? p : NULL;
}

static const char *btf_section(void)
{
	return sections[now.m->form != SPLIT && rnd(3) == 0];
}

static size_t type_size(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*t) + sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(*t) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return (char *)(btf_members(t) + btf_vlen(t)) - (char *)t;
	case BTF_KIND_ENUM:
		return (char *)(btf_enum(t) + btf_vlen(t)) - (char *)t;
	case BTF_KIND_ENUM64:
		return (char *)(btf_enum64(t) + btf_vlen(t)) - (char *)t;
	case BTF_KIND_FUNC_PROTO:
		return (char *)(btf_params(t) + btf_vlen(t)) - (char *)t;
	case BTF_KIND_DATASEC:
		return (char *)(btf_var_secinfos(t) + btf_vlen(t)) - (char *)t;
	}
	return sizeof(*t);
}

__u32 types_of(const char *name, struct btf_type **types)
{
	size_t size, len;
	unsigned char *p = section(name, &size), *end = p + size;
	const struct btf_header *h = (void *)p;
	struct btf_type *t;
	__u32 n = 0;

	if (!p || size < 24 || (__u64)h->hdr_len + h->type_off + h->type_len > size)
		return 0;
	p += h->hdr_len + h->type_off;
	end = p + h->type_len;
	while (p + sizeof(*t) <= end && n < MAX_TYPES) {
		t = (void *)p;
		len = type_size(t);
		if (len > end - p)
			break;
		types[n++] = t;
		p += len;
	}
	return n;
}

static struct btf_type *any_type(const char *name, __u32 *id)
{
	static struct btf_type *types[MAX_TYPES];
	__u32 n = types_of(name, types);

	*id = rnd(n);
	return n ? types[*id] : NULL;
}

static bool some_bytes(void)
{
	const char *name = sections[rnd(NR_SECTIONS)];
	size_t size, at;
	unsigned char *p = section(name, &size);
	int i, n = 1 + rnd(4);

	for (i = 0; p && i < n; i++) {
		at = rnd(size);
		p[at] = rnd(2) ? p[at] ^ 1 << rnd(8) : rnd(256);
		changed("%s+%zu byte", name, at);
	}
	return p;
}

static bool some_word(void)
{
	const char *name = sections[rnd(NR_SECTIONS)];
	size_t size, at;
	unsigned char *p = section(name, &size);
	char what[64];

	if (!p || size < 4)
		return false;
	at = rnd(size / 4) * 4;
	snprintf(what, sizeof(what), "%s+%zu", name, at);
	return put_any(what, p + at);
}

static bool header(void)
{
	const char *name = btf_section();
	size_t size, at;
	unsigned char *p = section(name, &size);
	char what[64];

	if (!p || size < 32)
		return false;
	at = rnd(8) * 4;
	snprintf(what, sizeof(what), "%s header+%zu", name, at);
	return put_any(what, p + at);
}

static bool type_kind(void)
{
	const char *name = btf_section();
	__u32 id, old;
	struct btf_type *t = any_type(name, &id);

	if (!t)
		return false;
	old = t->info;
	switch (rnd(4)) {
	case 0:
		t->info = (old & 0xe0ffffff) | rnd(21) << 24;
		break;
	case 1:
		t->info = old ^ 0x80000000;
		break;
	case 2:
		t->info = (old & 0xff000000) | ((btf_vlen(t) + rnd(3) - 1) & 0xffff);
		break;
	default:
		t->info = any_word(old);
	}
	return changed("%s [%u] info %#x -> %#x", name, id, old, t->info);
}

/* size, or type */
static bool type_ref(void)
{
	const char *name = btf_section();
	char what[64];
	__u32 id;
	struct btf_type *t = any_type(name, &id);

	if (!t)
		return false;
	snprintf(what, sizeof(what), "%s [%u] size or type", name, id);
	return put_any(what, &t->type);
}

static bool type_name(void)
{
	const char *name = btf_section();
	__u32 id, other, old;
	struct btf_type *t = any_type(name, &id), *u = any_type(name, &other);

	if (!t || !u)
		return false;
	old = t->name_off;
	t->name_off = rnd(3) ? u->name_off : any_word(old);
	return changed("%s [%u] name %#x -> %#x", name, id, old, t->name_off);
}

/* A word of what follows struct btf_type */
static bool type_part(void)
{
	const char *name = btf_section();
	__u32 id, at = 0, len;
	struct btf_type *t = NULL;
	char what[64];
	int i;

	for (i = 0; i < 8; i++) {
		t = any_type(name, &id);
		len = t ? type_size(t) - sizeof(*t) : 0;
		if (len)
			break;
	}
	if (!t || !len)
		return false;
	at = sizeof(*t) + rnd(len / 4) * 4;
	snprintf(what, sizeof(what), "%s [%u]+%u", name, id, at);
	return put_any(what, (char *)t + at);
}

/* A reference to another type that exists */
static bool type_other(void)
{
	const char *name = btf_section();
	struct btf_type *t;
	__u32 id, to, i;

	for (i = 0; i < 8; i++) {
		t = any_type(name, &id);
		if (!t)
			return false;
		to = now.first + rnd(now.nr - now.first);
		if (rnd(2) || !strcmp(name, ".BTF.base"))
			to = rnd(now.first);
		switch (btf_kind(t)) {
		case BTF_KIND_ARRAY:
			btf_array(t)->type = to;
			break;
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
			if (!btf_vlen(t))
				continue;
			btf_members(t)[rnd(btf_vlen(t))].type = to;
			break;
		case BTF_KIND_FUNC_PROTO:
			if (!btf_vlen(t))
				continue;
			btf_params(t)[rnd(btf_vlen(t))].type = to;
			break;
		case BTF_KIND_INT:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_FLOAT:
		case BTF_KIND_DATASEC:
			continue;
		default:
			t->type = to;
		}
		return changed("%s [%u] refers to %u", name, id, to);
	}
	return false;
}

/* One type where another as long was */
static bool type_copy(void)
{
	const char *name = btf_section();
	struct btf_type *t, *u;
	__u32 to, from;
	int i;

	for (i = 0; i < 16; i++) {
		t = any_type(name, &to);
		u = any_type(name, &from);
		if (!t || t == u || type_size(t) != type_size(u))
			continue;
		memcpy(t, u, type_size(u));
		return changed("%s [%u] is [%u]", name, to, from);
	}
	return false;
}

/* A type more at the end of the others, or the last ones less */
static bool types_resize(void)
{
	const char *name = btf_section();
	size_t size, off;
	const unsigned char *p = section(name, &size);
	struct btf_type *t;
	struct btf_header *h;
	__u32 buf[16], i, id, len, cut = 0;
	unsigned char *copy;
	bool ok;

	t = any_type(name, &id);
	h = (void *)p;
	off = t ? h->hdr_len + h->type_off + h->type_len : 0;
	if (!off || off > size)
		return false;
	for (i = 0; i < 16; i++)
		buf[i] = rnd(3) ? any_id() : any_word(i);
	buf[0] = rnd(2) ? t->name_off : 0;
	buf[1] = (1 + rnd(19)) << 24 | rnd(2) << 31 | rnd(4);
	len = type_size((void *)buf);
	if (rnd(2)) {
		cut = p + off - (unsigned char *)t;
		len = 0;
	}
	copy = malloc(size + sizeof(buf));
	if (!copy)
		return false;
	memcpy(copy, p, off - cut);
	memcpy(copy + off - cut, buf, len);
	memcpy(copy + off - cut + len, p + off, size - off);
	h = (void *)copy;
	h->type_len += len - cut;
	h->str_off += len - cut;
	ok = !kmod_set_section(&now.k, name, copy, size + len - cut, false);
	free(copy);
	return ok && (cut ? changed("%s ends before type %u", name, id) :
			    changed("%s has a type more, info %#x", name, buf[1]));
}

static bool string(void)
{
	const char *name = btf_section();
	size_t size, at;
	unsigned char *p = section(name, &size);
	const struct btf_header *h = (void *)p;

	if (!p || size < 24 || !h->str_len || h->str_len > size ||
	    (__u64)h->hdr_len + h->str_off + h->str_len > size)
		return false;
	at = rnd(4) ? rnd(h->str_len) : rnd(2) ? h->str_len - 1 : 0;
	p += h->hdr_len + h->str_off;
	p[at] = rnd(2) ? 'a' + rnd(26) : rnd(2) ? 0 : rnd(256);
	return changed("%s string+%zu", name, at);
}

/* Shorter, or longer */
static bool resize(void)
{
	const char *name = sections[rnd(NR_REPLACED)];
	size_t size, len;
	unsigned char *p = section(name, &size), *copy;
	bool ok;

	if (!p)
		return false;
	len = rnd(3) ? rnd(size) : rnd(2) ? size - 1 - rnd(8) : size + 1 + rnd(64);
	if (len > size + 64)
		len = 0;
	copy = calloc(1, size + 64);
	if (!copy)
		return false;
	memcpy(copy, p, size);
	ok = !kmod_set_section(&now.k, name, copy, len, false);
	free(copy);
	return ok && changed("%s of %zu bytes", name, len);
}

/* That of another module, in its place or beside it */
static bool foreign(void)
{
	const char *name = sections[rnd(NR_REPLACED)];
	const struct module *from = rnd(4) ? &modules[rnd(nr_modules)] : now.m;
	size_t size;
	void *p = kmod_section(&from->k, name, &size);
	bool dup = rnd(3) == 0;

	return p && !kmod_set_section(&now.k, name, p, size, dup) &&
	       changed("%s %s of %s", name, dup ? "and that" : "is that", from->name);
}

static bool hide(void)
{
	const char *name = sections[rnd(NR_REPLACED)];
	Elf_Shdr *sh = kmod_section_header(&now.k, name);

	if (!sh)
		return false;
	kmod_hide_section(&now.k, name);
	sh->sh_flags &= ~SHF_ALLOC;	/* or sysfs has a file without a name */
	return changed("no %s", name);
}

static bool note(void)
{
	unsigned char *type, *id = kmod_base_id(&now.k, &type);

	if (!id)
		return false;
	switch (rnd(6)) {
	case 0:
		id[rnd(BTF_BASE_ID_SIZE)] ^= 1 << rnd(8);
		return changed("id");
	case 1:
		memset(id, 0, BTF_BASE_ID_SIZE);
		return changed("id is zero");
	case 2:
		memcpy(id, running, BTF_BASE_ID_SIZE);
		return changed("id is right");
	case 3:
		type[0] ^= 1;
		return changed("note of the other type");
	case 4:
		return put_any("size of a note", type - 4 - 4 * rnd(2));
	default:
		return put_any("type of a note", type);
	}
}

/* The table for .BTF_ids: a word of a range, a range less, two changed for each other, none */
static bool table(void)
{
	__u32 nr, at, to;
	unsigned char *p = kmod_btf_ids_table(&now.k, &nr);
	struct btf_ids_range a, b;
	char what[32];

	if (!p || !nr)
		return false;
	at = rnd(nr) * sizeof(a);
	to = rnd(nr) * sizeof(a);
	switch (rnd(8)) {
	case 0:
		kmod_shorten_note(&now.k, BTF_BASE_ID_SIZE);
		return changed("no table");
	case 1:
		memcpy(&a, p + at, sizeof(a));
		memcpy(&b, p + to, sizeof(b));
		memcpy(p + at, &b, sizeof(b));
		memcpy(p + to, &a, sizeof(a));
		return changed("ranges at %u and %u changed", at, to);
	case 2:
		memmove(p + at, p + to, sizeof(a));
		return changed("range at %u is that at %u", at, to);
	default:
		at += 4 * rnd(3);
		snprintf(what, sizeof(what), "table+%u", at);
		return put_any(what, p + at);
	}
}

static bool ids(void)
{
	size_t size, at;
	unsigned char *p = section(".BTF_ids", &size);
	__u32 v;
	char what[32];

	if (!p || size < 4)
		return false;
	at = rnd(size / 4) * 4;
	snprintf(what, sizeof(what), "id at %zu", at);
	if (rnd(2))
		return put_any(what, p + at);
	v = get(p + rnd(size / 4) * 4);
	put(p + at, v);
	return changed("%s is %u", what, v);
}

/* A symbol of an id or a set. Code refers to others. */
static bool symbol(void)
{
	Elf_Shdr *symtab = kmod_section_header(&now.k, ".symtab");
	Elf_Ehdr *eh = (void *)now.k.data;
	Elf_Shdr *sh = (void *)(now.k.data + eh->e_shoff);
	Elf_Sym *syms, *found[64];
	const char *strings;
	__u32 i, n = 0, old, size;

	if (!symtab)
		return false;
	syms = (void *)(now.k.data + symtab->sh_offset);
	strings = (char *)now.k.data + sh[symtab->sh_link].sh_offset;
	for (i = 1; i < symtab->sh_size / sizeof(*syms) && n < 64; i++)
		if (!strncmp(strings + syms[i].st_name, "__BTF_ID__", 10))
			found[n++] = &syms[i];
	if (!n)
		return false;
	i = rnd(n);
	switch (rnd(5)) {
	case 0:
		old = found[i]->st_name;
		found[i]->st_name = rnd(2) ? 0 : found[rnd(n)]->st_name;
		return changed("symbol %u name %#x -> %#x", i, old, found[i]->st_name);
	case 1:
		old = found[i]->st_shndx;
		found[i]->st_shndx = rnd(4) ? 1 + rnd(eh->e_shnum - 1) : SHN_ABS;
		return changed("symbol %u section %u -> %u", i, old, found[i]->st_shndx);
	case 2:
		size = found[i]->st_size;
		found[i]->st_size = rnd(4) ? any_word(size) : (__u64)-1 - rnd(8);
		return changed("symbol %u size %u -> %#llx", i, size,
			       (unsigned long long)found[i]->st_size);
	case 3:
		found[i]->st_info = rnd(256);
		return changed("symbol %u info %#x", i, found[i]->st_info);
	default:
		old = found[i]->st_value;
		found[i]->st_value = rnd(4) ? any_word(old) : (__u64)-1 - rnd(8);
		return changed("symbol %u value %#x -> %#llx", i, old,
			       (unsigned long long)found[i]->st_value);
	}
}

static bool is_test(void)
{
	return !strcmp(now.m->name, TEST_MOD);
}

/* Will the kernel compare .BTF_ids with the table as it was built? */
static bool table_intact(void)
{
	__u32 nr, was_nr;
	const void *is = kmod_btf_ids_table(&now.k, &nr), *was = kmod_btf_ids_table(&now.m->k, &was_nr);
	unsigned char *type;

	return now.m->form != SPLIT && kmod_section_header(&now.k, ".BTF.base") && is && was &&
	       kmod_base_id(&now.k, &type) && get(type) == LINUX_ELFNOTE_BTF_DISTILLED_ID &&
	       nr == was_nr && !memcmp(is, was, nr * sizeof(struct btf_ids_range));
}

/*
 * The code of a module believes the counts of its sets.  Where no table protects them, they stay
 * as they were built.  Nor can the kernel see that a table calls a count an id: then the test
 * module does not use its sets, and others, which always do, keep their table.
 */
void settle(void)
{
	size_t size, note_size;
	__u32 nr, i;
	unsigned char *ids = kmod_section(&now.k, ".BTF_ids", &size);
	const void *note = kmod_section(&now.m->k, BTF_NOTE_SECTION, &note_size);
	const unsigned char *t = kmod_btf_ids_table(&now.m->k, &nr);
	struct btf_ids_range r;

	if (!ids || table_intact())
		return;
	for (i = 0; t && i < nr; i++) {
		memcpy(&r, t + i * sizeof(r), sizeof(r));
		if (r.kind != BTF_IDS_LIST)
			put(ids + r.offset, r.cnt);
	}
	if (now.m->form == SPLIT)
		return;
	if (is_test())
		now.params = "bpf=0";
	else if (kmod_section_header(&now.k, BTF_NOTE_SECTION))
		kmod_set_section(&now.k, BTF_NOTE_SECTION, note, note_size, false);
}

/* A section header. Nothing can be read of the section after that. What makes the
 * kernel allocate more than there is in the file, moves .BTF_ids out of the module
 * while code refers to it, or gives sysfs a name twice, is not done: that has nothing
 * to do with BTF.
 */
bool section_header(void)
{
	const char *name = sections[rnd(NR_SECTIONS)];
	Elf_Shdr *sh = kmod_section_header(&now.k, name), *to;
	__u32 field = rnd(5);
	bool alloc;

	if (!sh || (!strcmp(name, ".BTF_ids") && !table_intact()))
		return false;
	if (!strcmp(name, BTF_NOTE_SECTION) && kmod_section_header(&now.k, ".BTF_ids")) {
		if (!is_test())
			return false;
		now.params = "bpf=0";
	}
	alloc = sh->sh_flags & SHF_ALLOC;
	now.elf = true;
	switch (field) {
	case 0:
		sh->sh_type = rnd(4) ? rnd(20) : any_word(sh->sh_type);
		if (alloc && (sh->sh_type == SHT_REL || sh->sh_type == SHT_RELA))
			sh->sh_type = SHT_NULL;
		break;
	case 1:
		sh->sh_flags ^= 1 << rnd(12);
		if (!strcmp(name, ".BTF_ids"))
			sh->sh_flags |= SHF_ALLOC;
		break;
	case 2:
		sh->sh_size = alloc ? rnd(sh->sh_size + 1) : any_word(sh->sh_size);
		break;
	case 3:
		sh->sh_offset = rnd(4) ? any_word(sh->sh_offset) : (__u64)-1 - rnd(64);
		break;
	default:
		to = kmod_section_header(&now.k, sections[rnd(NR_SECTIONS)]);
		if (to && !(alloc && (to->sh_flags & SHF_ALLOC)))
			to->sh_name = sh->sh_name;
	}
	return changed("header of %s: field %u type %u flags %#llx offset %#llx size %#llx", name,
		       field, sh->sh_type, (unsigned long long)sh->sh_flags,
		       (unsigned long long)sh->sh_offset, (unsigned long long)sh->sh_size);
}

static const struct {
	bool (*make)(void);
	unsigned int weight;
} kinds[] = {
	{ some_bytes, 10 }, { some_word, 10 }, { header, 6 }, { type_kind, 12 }, { type_ref, 10 },
	{ type_name, 6 }, { type_part, 12 }, { type_other, 12 }, { type_copy, 6 },
	{ types_resize, 6 }, { string, 4 }, { resize, 3 }, { foreign, 4 }, { hide, 1 },
	{ note, 4 }, { table, 6 }, { ids, 8 }, { symbol, 2 },
};

bool change(void)
{
	unsigned int i, all = 0, pick;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		all += kinds[i].weight;
	pick = rnd(all);
	for (i = 0; pick >= kinds[i].weight; i++)
		pick -= kinds[i].weight;
	return kinds[i].make();
}
