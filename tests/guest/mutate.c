// SPDX-License-Identifier: GPL-2.0-only
/*
 * Damaged modules: real ones, with .BTF, .BTF.base or .BTF.distilled, the note,
 * .BTF_ids, and their headers and symbols changed at random, never the code.  Each is
 * loaded or refused as documented, and what is used of its BTF is right.
 *
 * seed=, count=, start= and enough= (failures to stop after) come from the kernel
 * command line.  Load N depends on the seed and N only: a failure is seen again with
 * start=N count=1.  The comm of the process is N, so that a complaint of the kernel
 * names it.
 */
#include <dirent.h>
#include <malloc.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "guest.h"

#define TEST_MOD	"bpf_test_btf_mismatch"
#define MAX_MODULES	128
#define MAX_TYPES	65536
#define MAX_BTF		(4 << 20)

static const char * const sections[] = {
	".BTF", ".BTF.base", ".BTF_ids", ".note.Linux", ".BTF.distilled"
};
#define NR_SECTIONS 5

/* On the base it was split from, with a distilled base, and with one beside it but on
 * another base
 */
enum form { SPLIT, DISTILLED, BOTH };

static const char * const form_names[] = { "split", "distilled", "both" };

static struct module {
	char name[64];
	const char *params;
	enum form form;
	struct kmod k;
} modules[MAX_MODULES];
static unsigned int nr_modules;

static struct btf *vmlinux, *shifted;
static unsigned char running[KMOD_ID_SIZE];	/* id of this kernel */

/* The load that is being made */
static struct {
	unsigned long n;
	const struct module *m;
	struct kmod k;
	const char *mode;
	__u32 first, nr;	/* ids of the split types of the module, as it was built */
	bool elf;		/* headers have been damaged, not only what is in the sections */
	char changes[512];
} now;

static unsigned long bad_loads, bad_btf, left_over;

static unsigned long parameter(const char *name, unsigned long value)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 0) : value;
}

/* --- chance ----------------------------------------------------------------- */

static __u64 chance;

static __u64 next_chance(void)
{
	__u64 z = chance += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 .. n - 1 */
static __u32 rnd(__u32 n)
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

static void put(void *p, __u32 v)
{
	memcpy(p, &v, sizeof(v));
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
	return sections[now.m->form == DISTILLED && rnd(3) == 0];
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

/* The types of @section, where they begin */
static __u32 types_of(const char *name, struct btf_type **types)
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
	const char *name = sections[rnd(2)];
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
	const char *name = sections[rnd(2)];
	const struct module *from = rnd(4) ? &modules[rnd(nr_modules)] : now.m;
	size_t size;
	void *p = kmod_section(&from->k, name, &size);
	bool dup = rnd(3) == 0;

	return p && !kmod_set_section(&now.k, name, p, size, dup) &&
	       changed("%s %s of %s", name, dup ? "and that" : "is that", from->name);
}

static bool hide(void)
{
	const char *name = sections[rnd(2)];

	kmod_hide_section(&now.k, name);
	return changed("no %s", name);
}

static bool note(void)
{
	unsigned int *type;
	unsigned char *id = kmod_base_id(&now.m->k, &type);

	if (!id)
		return false;
	/* where it is has not changed */
	type = (void *)now.k.data + ((unsigned char *)type - now.m->k.data);
	id = now.k.data + (id - now.m->k.data);
	switch (rnd(6)) {
	case 0:
		id[rnd(KMOD_ID_SIZE)] ^= 1 << rnd(8);
		return changed("id");
	case 1:
		memset(id, 0, KMOD_ID_SIZE);
		return changed("id is zero");
	case 2:
		memcpy(id, running, KMOD_ID_SIZE);
		return changed("id is right");
	case 3:
		*type ^= 1;
		return changed("note of the other type");
	case 4:
		return put_any("size of a note", type - 1 - rnd(2));
	default:
		return put_any("type of a note", type);
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
	Elf64_Shdr *symtab = kmod_section_header(&now.k, ".symtab");
	Elf64_Ehdr *eh = (void *)now.k.data;
	Elf64_Shdr *sh = (void *)(now.k.data + eh->e_shoff);
	Elf64_Sym *syms, *found[64];
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

/* A section header. Nothing can be read of the section after that. What makes the
 * kernel allocate more than there is in the file, moves .BTF_ids out of the module
 * while code refers to it, or gives sysfs a name twice, is not done: that has nothing
 * to do with BTF.
 */
static bool section_header(void)
{
	const char *name = sections[rnd(NR_SECTIONS)];
	Elf64_Shdr *sh = kmod_section_header(&now.k, name), *to;
	__u32 field = rnd(5);
	bool alloc;

	if (!sh)
		return false;
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
	{ note, 4 }, { ids, 8 }, { symbol, 6 },
};

static bool change(void)
{
	unsigned int i, all = 0, pick;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		all += kinds[i].weight;
	pick = rnd(all);
	for (i = 0; pick >= kinds[i].weight; i++)
		pick -= kinds[i].weight;
	return kinds[i].make();
}

/* --- what has to hold -------------------------------------------------------- */

__attribute__((format(printf, 2, 3)))
static void wrong(unsigned long *count, const char *format, ...)
{
	va_list args;

	(*count)++;
	printf("# start=%lu: %s, %s, %s: %s: ", now.n, now.m->name,
	       form_names[now.m->form], now.mode, now.changes);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* Read what the kernel uses. Returns its size or 0. */
static size_t published(void *buf, size_t size)
{
	char path[128];
	size_t n = 0;
	ssize_t r;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", now.m->name);
	if (access(path, F_OK))
		return 0;
	if (!buf)
		return 1;
	f = fopen(path, "r");
	if (!f)
		return 0;
	setbuf(f, NULL);
	while (n < size && (r = fread(buf + n, 1, size - n, f)) > 0)
		n += r;
	fclose(f);
	return n;
}

/* The module says in its file that it was built with this kernel's BTF. What pads the
 * name does not matter.
 */
static bool has_running_id(void)
{
	const unsigned char *p = now.k.data, *end = p + now.k.size;
	unsigned char want[12 + sizeof("Linux")];

	put(want, sizeof("Linux"));
	put(want + 4, KMOD_ID_SIZE);
	put(want + 8, KMOD_NOTE_BASE_ID);
	memcpy(want + 12, "Linux", sizeof("Linux"));
	while ((p = memmem(p, end - p, want, sizeof(want)))) {
		if (end - p >= 20 + KMOD_ID_SIZE && !memcmp(p + 20, running, KMOD_ID_SIZE))
			return true;
		p++;
	}
	return false;
}

static const char *strings_of(const struct kmod *k, size_t *len)
{
	size_t size;
	const struct btf_header *h = kmod_section(k, ".BTF", &size);

	if (!h || size < 24 || (__u64)h->hdr_len + h->str_off + h->str_len > size)
		return NULL;
	*len = h->str_len;
	return (const char *)h + h->hdr_len + h->str_off;
}

/* With .BTF.distilled, types of the base have their names in the module as well */
static bool names_undamaged(void)
{
	size_t len, undamaged_len;
	const char *s = strings_of(&now.k, &len);
	const char *undamaged = strings_of(&now.m->k, &undamaged_len);

	return s && undamaged && len == undamaged_len && !memcmp(s, undamaged, len);
}

static void check_relocated(const struct btf *is)
{
	size_t size, base_size;
	void *data = kmod_section(&now.k, ".BTF", &size);
	void *base_data = kmod_section(&now.k, ".BTF.base", &base_size);
	struct btf *base = NULL, *was = NULL;
	const char *fault;
	__u32 id;

	if (now.m->form == BOTH) {
		/* if it is damaged, nothing else says what the types were */
		const void *d = kmod_section(&now.k, ".BTF.distilled", &size), *undamaged;

		undamaged = kmod_section(&now.m->k, ".BTF.distilled", &base_size);
		if (size != base_size || memcmp(d, undamaged, size) || !names_undamaged())
			return;
		data = kmod_section(&now.k, ".BTF", &size);
		was = btf__new_split(data, size, shifted);
	} else {
		base = btf__new(base_data, base_size);
		if (base)
			was = btf__new_split(data, size, base);
	}
	if (!was) {
		wrong(&bad_btf, "relocated, and libbpf does not take what it was");
	} else {
		fault = btf_difference(is, was, &id);
		if (fault)
			wrong(&bad_btf, "relocated, type %u: %s is not what it was", id, fault);
	}
	btf__free(was);
	btf__free(base);
}

static void check_used(const char *status)
{
	static unsigned char buf[MAX_BTF];
	bool native = !strcmp(status, "native");
	size_t len = published(buf, sizeof(buf)), size;
	const void *data = kmod_section(&now.k, ".BTF", &size);
	const char *fault;
	struct btf *btf;
	__u32 id = 0;

	if (native && !has_running_id())
		wrong(&bad_btf, "native without the id of this kernel");
	if (!native && !kmod_section_header(&now.k, ".BTF.base") &&
	    !kmod_section_header(&now.k, ".BTF.distilled"))
		wrong(&bad_btf, "relocated without a distilled base");
	if (!now.elf && native && (size != len || memcmp(data, buf, len)))
		wrong(&bad_btf, "native, but not what is in the file");

	btf = btf__new_split(buf, len, vmlinux);
	if (!btf) {
		wrong(&bad_btf, "%s, and libbpf does not take it: %s", status, strerror(errno));
		return;
	}
	fault = btf_fault(btf, &id);
	if (fault)
		wrong(&bad_btf, "%s, type %u: %s", status, id, fault);
	else if (!native && !now.elf)
		check_relocated(btf);
	btf__free(btf);
}

/* No id is left if the BTF is not used */
static void check_ids(void)
{
	const char *ids = ids_left();

	if (ids)
		wrong(&bad_btf, "dropped, and in .BTF_ids is %s", ids);
}

static bool may_refuse(int err)
{
	switch (-err) {
	case EINVAL:
	case EOPNOTSUPP:
	case ENOMEM:
	case ENOSPC:
	case EEXIST:
		return now.elf || !strcmp(now.mode, "strict");
	case ENOEXEC:
		return now.elf;
	}
	return false;
}

/* --- the run ---------------------------------------------------------------- */

static struct outcome {
	char what[128];
	unsigned long n;
} outcomes[64];
static __u64 all_outcomes = 0xcbf29ce484222325ULL;	/* FNV-1a of all of them in order */

static void count(const char *status)
{
	struct outcome *o = outcomes;
	char what[128];
	const char *p;

	snprintf(what, sizeof(what), "%s%s: %s", now.mode, now.elf ? ", headers damaged" : "",
		 status);
	for (p = what; *p; p++)
		all_outcomes = (all_outcomes ^ *p) * 0x100000001b3ULL;
	while (o->n && strcmp(o->what, what))
		o++;
	snprintf(o->what, sizeof(o->what), "%s", what);
	o->n++;
}

static int compare_outcomes(const void *a, const void *b)
{
	return strcmp(((struct outcome *)a)->what, ((struct outcome *)b)->what);
}

static int nr_btf(void)
{
	__u32 id = 0;
	int n = 0;

	while (!bpf_btf_get_next_id(id, &id))
		n++;
	return n;
}

/* The ids that types of @m have in the file */
static void set_ids(const struct module *m)
{
	static struct btf_type *types[MAX_TYPES];

	now.first = m->form == DISTILLED ? types_of(".BTF.base", types) + 1 :
		    btf__type_cnt(m->form == BOTH ? shifted : vmlinux);
	now.nr = now.first + types_of(".BTF", types);
}

static void one_load(__u64 seed, unsigned long n)
{
	const struct module *m;
	char comm[16], status[64];
	int err, i, changes;

	snprintf(comm, sizeof(comm), "%lu", n);
	prctl(PR_SET_NAME, comm);
	chance = seed * 0x2545f4914f6cdd1dULL ^ n * 0x9e3779b97f4a7c15ULL;
	next_chance();

	m = &modules[rnd(nr_modules)];
	now.n = n;
	now.m = m;
	now.mode = rnd(2) ? "lenient" : "strict";
	now.elf = false;
	now.changes[0] = 0;
	if (kmod_copy(&now.k, &m->k)) {
		wrong(&bad_loads, "no memory");
		return;
	}
	set_ids(m);
	changes = rnd(2) ? 1 : 1 + rnd(4);
	for (i = 0; i < 64 && changes; i++)
		changes -= change();
	if (rnd(8) == 0)
		section_header();

	set_param(now.mode);
	err = kmod_load(&now.k, m->params);
	if (err)
		snprintf(status, sizeof(status), "refused, %s", strerrorname_np(-err));
	else
		snprintf(status, sizeof(status), "%s", btf_status(m->name));
	count(status);

	if (err && !may_refuse(err))
		wrong(&bad_loads, "refused with %d", err);
	if (!err && (!strcmp(status, "native") || !strcmp(status, "relocated"))) {
		check_used(status);
	} else {
		if (published(NULL, 0))
			wrong(&left_over, "%s, but it has BTF", status);
		if (!strncmp(status, "dropped:", 8) && !now.elf && !strcmp(m->name, TEST_MOD))
			check_ids();
	}
	if (!err && unload_module(m->name, false))
		wrong(&bad_loads, "does not unload: %s", strerror(errno));
	if (published(NULL, 0))
		wrong(&left_over, "BTF is still there");
	kmod_free(&now.k);
}

static void name_of(const char *file, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(file, "."), file);
}

static int make_form(struct module *m)
{
	if (m->form == BOTH)
		return kmod_rebase_both(&m->k, vmlinux, shifted, 1);
	return kmod_rebase(&m->k, vmlinux, vmlinux, m->form == DISTILLED);
}

/* Each module of @dir in every form. What others need stays loaded, and is not among
 * them.
 */
static void read_modules(const char *dir)
{
	struct dirent **files;
	char path[512], name[64];
	struct module *m;
	struct kmod k;
	int i, n = scandir(dir, &files, NULL, alphasort);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]->d_name);
		name_of(files[i]->d_name, name, sizeof(name));
		if (!kmod_read(&k, path) && *modinfo(&k, "depends")) {
			ASSERT_OK(load_with_deps(path), path);
			ASSERT_OK(unload_module(name, false), path);
		}
		kmod_free(&k);
	}
	for (i = 0; i < 3 * n && nr_modules < MAX_MODULES; i++) {
		m = &modules[nr_modules];
		snprintf(path, sizeof(path), "%s/%s", dir, files[i / 3]->d_name);
		name_of(files[i / 3]->d_name, m->name, sizeof(m->name));
		m->params = strcmp(m->name, "dummy") ? "" : "numdummies=0";
		m->form = i % 3;
		if (!loaded(m->name) && !kmod_read(&m->k, path) &&
		    ASSERT_OK(make_form(m), path))
			nr_modules++;
	}
}

/* Without a change each of them is used */
static void check_unchanged(const char *mode)
{
	unsigned int i;

	set_param(mode);
	for (i = 0; i < nr_modules; i++) {
		now.m = &modules[i];
		now.mode = mode;
		now.k = now.m->k;
		snprintf(now.changes, sizeof(now.changes), "nothing");
		if (!ASSERT_OK(kmod_load(&now.k, now.m->params), now.m->name))
			continue;
		ASSERT_STREQ(btf_status(now.m->name), now.m->form == SPLIT ? "native" : "relocated",
			     now.m->name);
		check_used(btf_status(now.m->name));
		ASSERT_OK(unload_module(now.m->name, false), "unload");
	}
	ASSERT_EQ(bad_btf, 0, "BTF that is wrong");
}

/* Is the kernel one that finds bugs by itself? */
static bool has_kasan(void)
{
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/kallsyms", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_report\n");
	if (f)
		fclose(f);
	return found;
}

void test_mutations(void)
{
	unsigned long seed = parameter("seed", 1), loads = parameter("count", 1000);
	unsigned long n, start = parameter("start", 0), enough = parameter("enough", 10);
	const void *raw;
	__u32 size;
	int btfs, i;

	/* a page that comes from this kernel is dear: keep them */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	libbpf_set_print(NULL);

	test__start_subtest("the kernel has KASAN");
	ASSERT_TRUE(has_kasan(), "kasan_report()");

	test__start_subtest("modules before any damage");
	vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!ASSERT_OK_PTR(vmlinux, "BTF of vmlinux"))
		return;
	raw = btf__raw_data(vmlinux, &size);
	libbpf_sha256(raw, size, running);
	shifted = btf_shifted(vmlinux);
	if (!ASSERT_OK_PTR(shifted, "another base"))
		return;
	read_modules("/modules/own");
	read_modules("/tests");
	ASSERT_GT(nr_modules, 4, "modules");
	check_unchanged("strict");
	check_unchanged("lenient");

	btfs = nr_btf();
	for (n = start; n < start + loads && bad_loads + bad_btf + left_over < enough; n++) {
		one_load(seed, n);
		if (n % 1000 == 999 && nr_btf() != btfs) {
			wrong(&left_over, "BTF ids are left, of one of the last 1000");
			btfs = nr_btf();
		}
	}
	printf("# seed %lu: %lu loads from %lu on, of %u modules\n", seed, n - start, start,
	       nr_modules);
	qsort(outcomes, sizeof(outcomes) / sizeof(*outcomes), sizeof(*outcomes), compare_outcomes);
	for (i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		if (outcomes[i].n)
			printf("# %7lu %s\n", outcomes[i].n, outcomes[i].what);
	printf("# sum of the outcomes in order: %016llx\n", (unsigned long long)all_outcomes);

	test__start_subtest("every damaged module loads, or is refused as documented");
	ASSERT_EQ(bad_loads, 0, "loads");
	test__start_subtest("BTF that is used is right");
	ASSERT_EQ(bad_btf, 0, "modules");
	test__start_subtest("no BTF is left");
	ASSERT_EQ(left_over, 0, "modules");
	ASSERT_EQ(nr_btf(), btfs, "BTF ids");
}
