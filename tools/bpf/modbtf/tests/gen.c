// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make what the tests of modbtf need: small bases, and modules split from them.
 *   gen files DIR            all of them
 *   gen bzimage PAYLOAD OUT  a bzImage around a compressed kernel
 */

#include <byteswap.h>
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <bpf/btf.h>
#include "../../../../include/linux/btf_note.h"

void libbpf_sha256(const void *data, size_t len, __u8 out[32]);

static const char *dir;
static int class = ELFCLASS64;
static enum btf_endianness order = BTF_LITTLE_ENDIAN;

struct section {
	const char *name;
	const void *data;
	size_t size;
	unsigned int type;	/* SHT_PROGBITS if 0 */
	unsigned long flags;
	unsigned int align;	/* 8 if 0 */
};

/* A symbol in the .BTF_ids, the last section that is given */
struct symbol {
	const char *name;
	unsigned int value, size;
};

static void put(const char *name, const void *data, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f || (size && fwrite(data, size, 1, f) != 1) || fclose(f))
		err(1, "%s", path);
}

static void add_section(Elf *elf, const struct section *s, size_t name, Elf_Type type,
			unsigned int link)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = elf_newdata(scn);
	GElf_Shdr sh;

	gelf_getshdr(scn, &sh);
	sh.sh_name = name;
	sh.sh_type = s->type ?: SHT_PROGBITS;
	sh.sh_flags = s->flags;
	sh.sh_link = link;
	gelf_update_shdr(scn, &sh);
	data->d_buf = (void *)s->data;
	data->d_size = s->size;
	data->d_align = s->align ?: 8;
	data->d_type = type;
	data->d_version = EV_CURRENT;
}

/* An ELF file of these sections, of the class and byte order that are set */
static void put_module(const char *name, const struct section *sec, int nr,
		       const struct symbol *sym, int nr_sym)
{
	char shstr[1024] = "", str[1024] = "", path[4096];
	size_t names = 1, strs = 1, at[16];
	char syms[32 * sizeof(Elf64_Sym)];
	struct section s;
	GElf_Sym gsym;
	GElf_Ehdr eh;
	Elf *elf;
	int i, fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	elf_version(EV_CURRENT);
	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_WRITE, NULL);
	if (!elf)
		err(1, "%s", path);
	gelf_newehdr(elf, class);
	gelf_getehdr(elf, &eh);
	eh.e_ident[EI_DATA] = order == BTF_BIG_ENDIAN ? ELFDATA2MSB : ELFDATA2LSB;
	eh.e_type = strstr(name, ".elf") ? ET_EXEC : ET_REL;
	eh.e_version = EV_CURRENT;
	eh.e_shstrndx = nr + 3;
	gelf_update_ehdr(elf, &eh);

	for (i = 0; i < nr + 3; i++) {
		at[i] = names;
		names += sprintf(shstr + names, "%s", i < nr ? sec[i].name : i == nr ? ".symtab" :
				 i == nr + 1 ? ".strtab" : ".shstrtab") + 1;
	}
	for (i = 0; i < nr; i++)
		add_section(elf, sec + i, at[i], ELF_T_BYTE, 0);
	s = (struct section){ .data = syms, .type = SHT_SYMTAB };
	s.size = gelf_fsize(elf, ELF_T_SYM, nr_sym + 1, EV_CURRENT);
	memset(syms, 0, sizeof(syms));
	add_section(elf, &s, at[nr], ELF_T_SYM, nr + 2);
	for (i = 0; i < nr_sym; i++) {
		gsym = (GElf_Sym){ .st_name = strs, .st_shndx = nr, .st_value = sym[i].value,
				   .st_size = sym[i].size };
		gelf_update_sym(elf_getdata(elf_getscn(elf, nr + 1), NULL), i + 1, &gsym);
		strs += sprintf(str + strs, "%s", sym[i].name) + 1;
	}
	s = (struct section){ .data = str, .size = strs, .type = SHT_STRTAB };
	add_section(elf, &s, at[nr + 1], ELF_T_BYTE, 0);
	s = (struct section){ .data = shstr, .size = names, .type = SHT_STRTAB };
	add_section(elf, &s, at[nr + 2], ELF_T_BYTE, 0);
	if (elf_update(elf, ELF_C_WRITE) < 0)
		errx(1, "%s: %s", path, elf_errmsg(-1));
	elf_end(elf);
	close(fd);
}

static int add_struct(struct btf *btf, const char *name, int size, const char *member, int type)
{
	int id = btf__add_struct(btf, name, size);

	btf__add_field(btf, member, type, 0, 0);
	return id;
}

enum change { SAME, REORDERED, SHIFTED, RESIZED, SORTED };

/* A base: int, struct queue and struct pool, and pointers to either */
static struct btf *make_base(enum change c)
{
	struct btf *btf = btf__new_empty();
	int i, a, b;

	if (c == SHIFTED)
		btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	/* the same strings in the same order, whatever is done with them */
	btf__add_str(btf, "int");
	btf__add_str(btf, "queue");
	btf__add_str(btf, "pool");
	if (c == SORTED)
		btf__add_ptr(btf, 4);	/* what has no name comes first; of the queue */
	i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	if (c == SORTED) {
		add_struct(btf, "pool", 4, "chunk", i);
		add_struct(btf, "queue", 4, "len", i);
	} else if (c == REORDERED) {
		b = add_struct(btf, "pool", 4, "chunk", i);
		a = add_struct(btf, "queue", 4, "len", i);
		btf__add_ptr(btf, b);
		btf__add_ptr(btf, a);
	} else {
		a = add_struct(btf, "queue", c == RESIZED ? 8 : 4, "len", i);
		b = add_struct(btf, "pool", 4, "chunk", i);
		btf__add_ptr(btf, a);
		btf__add_ptr(btf, b);
	}
	return btf;
}

/* A module with a function, a struct that contains one of the base, and a kfunc */
static struct btf *make_split(struct btf *base, int *kfunc)
{
	struct btf *btf = btf__new_empty_split(base);
	int queue = btf__find_by_name_kind(base, "queue", BTF_KIND_STRUCT);
	int i = btf__find_by_name_kind(base, "int", BTF_KIND_INT), proto, ptr;

	ptr = btf__find_by_name_kind(base, "pool", BTF_KIND_STRUCT) + 1;
	proto = btf__add_func_proto(btf, i);
	btf__add_func_param(btf, "q", ptr);
	btf__add_func(btf, "walk", BTF_FUNC_STATIC, proto);
	*kfunc = btf__add_func(btf, "bpf_walk", BTF_FUNC_STATIC, proto);
	add_struct(btf, "holder", 4, "q", queue);
	add_struct(btf, "bpf_struct_ops_walker", 4, "n", i);
	return btf;
}

/* A word of a file */
static __u32 word(__u32 w)
{
	return order == BTF_BIG_ENDIAN ? bswap_32(w) : w;
}

static struct section raw(const char *name, struct btf *btf)
{
	/* libbpf before 1.7 has a shorter header; here all files have the same */
	const size_t now = sizeof(struct btf_header);
	struct section s = { .name = name };
	const struct btf_header *h;
	__u32 size, len;
	void *data;

	btf__set_endianness(btf, order);
	h = btf__raw_data(btf, &size);
	len = word(h->hdr_len);
	s.size = size - len + now;
	data = calloc(1, s.size);
	memcpy(data, h, len);
	memcpy(data + now, (void *)h + len, size - len);
	((struct btf_header *)data)->hdr_len = word(now);
	s.data = data;
	return s;
}

/* What .note.BTF begins with; the table follows */
struct note {
	Elf64_Nhdr hdr;
	char owner[8];
	unsigned char id[BTF_BASE_ID_SIZE];
};

static void put_raw(const char *name, struct btf *btf)
{
	struct section s = raw("", btf);

	put(name, s.data, s.size);
	free((void *)s.data);
}

/* .note.BTF: the base id, and a table of @nr ranges.  Aligned to nothing. */
static struct section make_note(struct btf *base, unsigned int type,
				const struct btf_ids_range *table, unsigned int nr)
{
	size_t size = sizeof(struct note) + nr * sizeof(*table);
	struct note *n = calloc(1, size);
	struct btf_ids_range *t = (void *)(n + 1);
	struct section b = raw("", base);
	unsigned int i;

	n->hdr = (Elf64_Nhdr){ word(sizeof("Linux")), word(size - offsetof(struct note, id)),
			       word(type) };
	memcpy(n->owner, "Linux", sizeof("Linux"));
	libbpf_sha256(b.data, b.size, n->id);
	free((void *)b.data);
	for (i = 0; i < nr; i++)
		t[i] = (struct btf_ids_range){ word(table[i].offset), word(table[i].kind),
					       word(table[i].cnt) };
	return (struct section){ BTF_NOTE_SECTION, n, size, SHT_NOTE, SHF_ALLOC, 1 };
}

/* What make_ids() makes, as the build writes it down */
static const struct btf_ids_range table[] = { { 0, BTF_IDS_SET8, 1 }, { 16, BTF_IDS_LIST, 1 } };

static const struct symbol syms[] = {
	{ "__BTF_ID__set8__walk_kfuncs", 0, 16 },
	{ "__BTF_ID__func__bpf_walk__7", 8, 4 },
	{ "__BTF_ID__struct__queue__8", 16, 4 },
	{ "__bpf_trace_tp_map_walk_begin", 0, 0 },
};

/* .BTF_ids: the set of one kfunc, and a list of one struct of the base */
static struct section make_ids(unsigned int kfunc, unsigned int list)
{
	__u32 ids[] = { word(1), word(1), word(kfunc), 0, word(list) };

	return (struct section){ ".BTF_ids", memcpy(malloc(sizeof(ids)), ids, sizeof(ids)),
				 sizeof(ids), 0, SHF_ALLOC };
}

/* A module of these sections, with the first @nr symbols of the .BTF_ids that is the last */
#define PUT(name, nr, ...) ({						\
	const struct section sections[] = { __VA_ARGS__ };		\
									\
	put_module(name, sections, sizeof(sections) / sizeof(*sections), syms, nr); \
})

static struct section copy(struct section s)
{
	s.data = memcpy(malloc(s.size), s.data, s.size);
	return s;
}

/* @a, and @b behind it */
static struct section join(struct section a, struct section b)
{
	char *data = malloc(a.size + b.size);

	memcpy(data, a.data, a.size);
	memcpy(data + a.size, b.data, b.size);
	a.data = data;
	a.size += b.size;
	return a;
}

static void distill(struct btf *btf, struct btf **dist_base, struct btf **dist)
{
	if (btf__distill_base(btf, dist_base, dist))
		errx(1, "btf__distill_base() fails");
}

static int find(struct btf *btf, const char *name, int kind)
{
	return btf__find_by_name_kind(btf, name, kind);
}

/* Modules of which a word of .BTF is something else: at @off behind the header, or in it */
static void put_changed(const char *name, struct section note, struct section btf, int off,
			__u32 value)
{
	struct section bad = copy(btf);

	memcpy((char *)bad.data + off, &value, sizeof(value));
	PUT(name, 0, note, bad);
}

/* Of a distilled base, with .BTF_ids and a table that is wrong */
static void make_tables(struct btf *base, struct section d, struct section d_base,
			unsigned int kfunc, unsigned int list)
{
	static const struct {
		const char *name;
		struct btf_ids_range table[2];
	} wrong[] = {
		{ "kind", { { 0, BTF_IDS_SET8, 1 }, { 16, BTF_IDS_SET8 + 1, 1 } } },
		{ "outside", { { 0, BTF_IDS_SET8, 1 }, { 16, BTF_IDS_LIST, 2 } } },
		{ "offset", { { 0, BTF_IDS_SET8, 1 }, { 0xfffffff0, BTF_IDS_LIST, 1 } } },
		{ "large", { { 0, BTF_IDS_SET8, 0xffffffff }, { 16, BTF_IDS_LIST, 1 } } },
		{ "overlap", { { 0, BTF_IDS_SET8, 1 }, { 12, BTF_IDS_LIST, 1 } } },
		{ "order", { { 16, BTF_IDS_LIST, 1 }, { 0, BTF_IDS_SET8, 1 } } },
		{ "count", { { 8, BTF_IDS_SET, 0 }, { 16, BTF_IDS_LIST, 1 } } },
	};
	struct section note, ids = make_ids(kfunc, list), odd, other;
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(name, sizeof(name), "table-%s.module", wrong[i].name);
		note = make_note(base, LINUX_ELFNOTE_BTF_DISTILLED_ID, wrong[i].table, 2);
		PUT(name, 4, note, d, d_base, ids);
	}
	note = make_note(base, LINUX_ELFNOTE_BTF_DISTILLED_ID, table, 2);
	PUT("table-id.module", 4, note, d, d_base, make_ids(kfunc, 999));
	PUT("table-two-ids.module", 4, note, d, d_base, ids, ids);
	PUT("table-two-notes.module", 4, note, note, d, d_base, ids);
	odd = copy(note);
	((struct note *)odd.data)->hdr.n_descsz -= 2;
	PUT("table-cut.module", 4, odd, d, d_base, ids);
	/* the note is cut off, or too short for an id */
	odd = note;
	odd.size -= 2;
	PUT("note-cut.module", 4, odd, d, d_base, ids);
	odd = copy(note);
	((struct note *)odd.data)->hdr.n_descsz = BTF_BASE_ID_SIZE - 4;
	PUT("note-short.module", 4, odd, d, d_base, ids);
	/* only the first one counts */
	other = copy(note);
	((struct note *)other.data)->owner[0] = 'M';
	PUT("note-first.module", 4, join(note, other), d, d_base, ids);
	PUT("note-second.module", 4, join(other, note), d, d_base, ids);
	/* of no matter without .BTF_ids, and .BTF_ids needs no symbols */
	note = make_note(base, LINUX_ELFNOTE_BTF_DISTILLED_ID, wrong[0].table, 2);
	PUT("no-ids.module", 0, note, d, d_base);
	note = make_note(base, LINUX_ELFNOTE_BTF_DISTILLED_ID, table, 2);
	PUT("stripped.module", 0, note, d, d_base, ids);
}

static void make_files(void)
{
	static const char * const names[] = { "base", "reordered", "shifted", "resized", "sorted" };
	struct btf *base[5], *btf, *dist_base, *dist, *lax;
	struct section split, stamp, ids, d, d_base, note, btf_id;
	unsigned int types, kfunc, queue;
	char path[4096], info[] = "license=GPL\0name=vmlinux";
	unsigned char id[BTF_BASE_ID_SIZE];
	int i, unused;

	for (i = 0; i < 5; i++) {
		base[i] = make_base(i);
		split = raw("", base[i]);
		put(names[i], split.data, split.size);
		split.name = ".BTF";
		libbpf_sha256(split.data, split.size, id);
		btf_id = (struct section){ ".BTF_id", id, sizeof(id), 0, SHF_ALLOC };
		snprintf(path, sizeof(path), "%s.elf", names[i]);
		PUT(path, 0, split, btf_id);
	}
	PUT("no-id.elf", 0, split);
	btf_id.size = 20;
	PUT("short-id.elf", 0, split, btf_id);
	btf_id.size = sizeof(id);
	id[5]++;
	PUT("other-id.elf", 0, split, btf_id);

	btf = make_split(base[0], (int *)&kfunc);
	split = raw(".BTF", btf);
	types = ((__u32 *)split.data)[1];
	ids = make_ids(kfunc, find(base[0], "queue", BTF_KIND_STRUCT));
	stamp = make_note(base[0], LINUX_ELFNOTE_BTF_BASE_ID, table, 2);

	put_module("none.ko", NULL, 0, NULL, 0);
	PUT("unstamped.ko", 4, split, ids);
	PUT("stamped.ko", 4, stamp, split, ids);
	PUT("two.ko", 0, stamp, split, split);
	PUT("empty.ko", 0, stamp, { ".BTF", "", 0 });
	PUT("nobits.ko", 0, stamp, { ".BTF", "", 64, SHT_NOBITS });
	PUT("vmlinux.ko", 0, stamp, split, { ".modinfo", info, sizeof(info) });
	/* nobody looks at ids of BTF that is split from the running kernel's */
	PUT("wrong-id.ko", 4, stamp, split, make_ids(999, 999));
	put_changed("version.ko", stamp, split, 0, 0x0009eb9f);
	put_changed("header.ko", stamp, split, 4, types + 16);
	put_changed("kind.ko", stamp, split, types + 4, 0x7f000000);
	put_changed("no-kind.ko", stamp, split, types + 4, 0);
	/* the name of the first type */
	put_changed("name.ko", stamp, split, types, 0xffffffff);
	/* without a type nothing else is of any matter, not even what there is */
	put_changed("no-types.ko", (struct section){ ".BTF.base", "base", 4 }, split, 12, 0);

	distill(btf, &dist_base, &dist);
	d = raw(".BTF", dist);
	d_base = raw(".BTF.base", dist_base);
	kfunc = find(dist, "bpf_walk", BTF_KIND_FUNC);
	queue = find(dist_base, "queue", BTF_KIND_STRUCT);
	ids = make_ids(kfunc, queue);
	note = make_note(base[0], LINUX_ELFNOTE_BTF_DISTILLED_ID, table, 2);
	PUT("distilled.ko", 4, d, d_base, note, ids);
	PUT("lost-base.ko", 4, note, d, ids);
	PUT("empty-base.ko", 0, note, d, { ".BTF.base", "", 0 });
	PUT("distilled-no-id.ko", 4, d, d_base, ids);
	note = make_note(base[0], LINUX_ELFNOTE_BTF_DISTILLED_ID, NULL, 0);
	PUT("distilled-no-table.ko", 4, note, d, d_base, ids);
	make_tables(base[0], d, d_base, kfunc, queue);
	/* what a stock kernel relocates all the same: an id that leads nowhere; it dies */
	put_changed("nowhere.ko", d_base, d, ((__u32 *)d.data)[1] + 8, 999);
	/* and a member that is larger than its struct */
	lax = make_split(base[0], &unused);
	add_struct(lax, "small", 1, "n", find(base[0], "int", BTF_KIND_INT));
	distill(lax, &dist_base, &dist);
	PUT("lax.ko", 0, raw(".BTF", dist), raw(".BTF.base", dist_base));
	/* and a base without a type, in which not even void is */
	lax = btf__new_empty_split(base[0]);
	btf__add_ptr(lax, btf__add_struct(lax, "own", 0));
	distill(lax, &dist_base, &dist);
	PUT("void.module", 0, raw(".BTF", dist), raw(".BTF.base", dist_base));
}

/* A few of them as another machine has them, in a directory of its own */
static void make_others(const char *name, int other_class, enum btf_endianness other_order)
{
	struct btf *base, *btf, *dist, *dist_base;
	struct section split, ids, d, d_base, note, s;
	const char *parent = dir;
	unsigned int kfunc, queue, pool;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mkdir(path, 0755))
		err(1, "%s", path);
	dir = path;
	class = other_class;
	order = other_order;
	base = make_base(SAME);
	put_raw("reordered", make_base(REORDERED));
	s = raw(".BTF", base);
	put("base", s.data, s.size);
	PUT("base.elf", 0, s);

	btf = make_split(base, (int *)&kfunc);
	/* there are two pointers in eight bytes if one has four */
	pool = find(base, "pool", BTF_KIND_STRUCT) + 1;
	btf__add_struct(btf, "two", 8);
	btf__add_field(btf, "a", pool, 0, 0);
	btf__add_field(btf, "b", pool, 32, 0);
	ids = make_ids(kfunc, find(base, "queue", BTF_KIND_STRUCT));
	split = raw(".BTF", btf);
	note = make_note(base, LINUX_ELFNOTE_BTF_BASE_ID, table, 2);
	PUT("stamped.ko", 3, note, split, ids);
	PUT("unstamped.ko", 3, split, ids);
	distill(make_split(base, (int *)&kfunc), &dist_base, &dist);
	kfunc = find(dist, "bpf_walk", BTF_KIND_FUNC);
	queue = find(dist_base, "queue", BTF_KIND_STRUCT);
	d = raw(".BTF", dist);
	d_base = raw(".BTF.base", dist_base);
	note = make_note(base, LINUX_ELFNOTE_BTF_DISTILLED_ID, table, 2);
	PUT("distilled.ko", 3, d, d_base, note, make_ids(kfunc, queue));
	PUT("wrong-id.ko", 3, d, d_base, note, make_ids(kfunc, 999));
	dir = parent;
}

/* Two kernels, for diff: each kind of change, and what is none */
static struct btf *make_kernel(bool next)
{
	struct btf *btf = btf__new_empty();
	int i, l, grows, ptr, later, un, proto;

	/* all ids move */
	l = next ? btf__add_int(btf, "long", 8, BTF_INT_SIGNED) : 0;
	i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	l = l ?: btf__add_int(btf, "long", 8, BTF_INT_SIGNED);
	grows = add_struct(btf, "grows", next ? 8 : 4, "a", i);
	if (next)
		btf__add_field(btf, "b", i, 32, 0);
	add_struct(btf, "around", next ? 8 : 4, "inner", grows);
	ptr = btf__add_ptr(btf, grows);
	add_struct(btf, "points", 8, "to", ptr);
	/* only declared, or not */
	later = next ? btf__add_struct(btf, "later", 0) :
		       btf__add_fwd(btf, "later", BTF_FWD_STRUCT);
	add_struct(btf, "waits", 8, "later", btf__add_ptr(btf, later));
	btf__add_struct(btf, "order", 8);
	btf__add_field(btf, next ? "y" : "x", i, 0, 0);
	btf__add_field(btf, next ? "x" : "y", i, 32, 0);
	/* what has no name, in it */
	un = btf__add_union(btf, NULL, next ? 8 : 4);
	btf__add_field(btf, "one", i, 0, 0);
	btf__add_field(btf, "other", next ? l : i, 0, 0);
	btf__add_struct(btf, "nested", next ? 16 : 12);
	btf__add_field(btf, NULL, un, 0, 0);
	btf__add_field(btf, "flag", i, 64, next ? 2 : 1);
	add_struct(btf, next ? "comes" : "goes", 4, "a", i);
	/* two of one name, of which one changes */
	add_struct(btf, "twice", 4, next ? "b" : "a", i);
	add_struct(btf, "twice", 8, "a", l);
	btf__add_enum(btf, "values", 4);
	btf__add_enum_value(btf, "FIRST", 1);
	btf__add_enum_value(btf, "SECOND", next ? 3 : 2);
	if (next)
		btf__add_enum_value(btf, "THIRD", 4);
	btf__add_typedef(btf, "number_t", next ? l : i);
	proto = btf__add_func_proto(btf, next ? l : i);
	btf__add_func_param(btf, next ? "who" : "what", ptr);
	btf__add_func_param(btf, "nr", i);
	btf__add_func(btf, "call", BTF_FUNC_STATIC, proto);
	btf__add_var(btf, "counter", BTF_VAR_STATIC, next ? l : i);
	btf__add_var(btf, "same", BTF_VAR_STATIC, ptr);
	return btf;
}

static void make_diff(void)
{
	struct btf *first = make_kernel(false), *second = make_kernel(true);
	struct btf *btf, *dist, *dist_base;
	struct section s;
	char path[4096];

	snprintf(path, sizeof(path), "%s/diff", dir);
	if (mkdir(path, 0755))
		err(1, "%s", path);
	put_raw("diff/first", first);
	put_raw("diff/second", second);
	btf = btf__new_empty_split(first);
	add_struct(btf, "own", 8, "points",
		   btf__add_ptr(btf, find(first, "around", BTF_KIND_STRUCT)));
	s = raw(".BTF", btf);
	PUT("diff/refers.ko", 0, s);
	PUT("diff/stamped.ko", 0, make_note(first, LINUX_ELFNOTE_BTF_BASE_ID, NULL, 0), s);
	PUT("diff/other.ko", 0, make_note(second, LINUX_ELFNOTE_BTF_BASE_ID, NULL, 0), s);
	distill(btf, &dist_base, &dist);
	PUT("diff/distilled.ko", 0, raw(".BTF.base", dist_base), raw(".BTF", dist));
	btf = btf__new_empty_split(first);
	add_struct(btf, "own", 8, "points", find(first, "points", BTF_KIND_STRUCT));
	PUT("diff/apart.ko", 0, raw(".BTF", btf));
}

static void bzimage(const char *payload, const char *out)
{
	static unsigned char buf[1 << 20];
	unsigned int off = 2 * 512;
	size_t len;
	FILE *f = fopen(payload, "rb");

	if (!f)
		err(1, "%s", payload);
	dir = ".";
	len = fread(buf + off, 1, sizeof(buf) - off - 4, f);
	fclose(f);
	/* all but gzip are followed by the size; its value is of no matter here */
	if (buf[off] != 0x1f)
		len += 4;
	buf[0x1f1] = 1;
	memcpy(buf + 0x202, "HdrS", 4);
	memcpy(buf + 0x24c, &len, 4);
	put(out, buf, off + len);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "files")) {
		dir = argv[2];
		make_files();
		make_diff();
		make_others("mips", ELFCLASS32, BTF_BIG_ENDIAN);
		make_others("arm", ELFCLASS32, BTF_LITTLE_ENDIAN);
		make_others("s390", ELFCLASS64, BTF_BIG_ENDIAN);
	} else if (argc == 4 && !strcmp(argv[1], "bzimage")) {
		bzimage(argv[2], argv[3]);
	} else {
		errx(2, "usage: gen files DIR | gen bzimage PAYLOAD OUT");
	}
	return 0;
}
