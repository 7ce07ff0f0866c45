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
#include <bpf/btf.h>
#include <distill.h>

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
	data->d_align = 8;
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

enum change { SAME, REORDERED, SHIFTED, RESIZED };

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
	i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	if (c == REORDERED) {
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
	struct section s = { .name = name };
	__u32 size;

	btf__set_endianness(btf, order);
	s.data = btf__raw_data(btf, &size);
	s.size = size;
	return s;
}

static struct section id_note(struct btf *base, unsigned int type, unsigned char *buf)
{
	struct section b = raw("", base);
	Elf64_Nhdr n = { word(6), word(32), word(type) };

	memcpy(buf, &n, sizeof(n));
	memcpy(buf + sizeof(n), "Linux\0\0", 8);
	libbpf_sha256(b.data, b.size, buf + sizeof(n) + 8);
	return (struct section){ ".note.Linux", buf, sizeof(n) + 40, SHT_NOTE, 0 };
}

/* What distill_both() has written beside @path */
static struct section written(const char *path, const char *name)
{
	struct section s = { .name = name };
	char file[4096];
	void *data = malloc(1 << 16);
	FILE *f;

	snprintf(file, sizeof(file), "%s%s", path, name);
	f = fopen(file, "rb");
	if (!f)
		err(1, "%s", file);
	s.size = fread(data, 1, 1 << 16, f);
	s.data = data;
	fclose(f);
	unlink(file);
	return s;
}

static void make_files(void)
{
	static const char * const names[] = { "base", "reordered", "shifted", "resized" };
	struct btf *base[4], *btf, *dist_base, *dist, *lax, *lax_base, *lax_dist;
	unsigned char id[64], id2[64], bad[1024] __aligned(4);
	unsigned int ids[4] = { 1, 1, 0, 0 };
	struct symbol syms[] = {
		{ "__BTF_ID__set8__walk_kfuncs", 0, 16 },
		{ "__BTF_ID__func__bpf_walk__7", 8, 4 },
		{ "__bpf_trace_tp_map_walk_begin", 0, 0 },
	};
	struct section split, stamp, stamp2, btf_ids, both, d, s[4];
	char path[4096], info[] = "license=GPL\0name=vmlinux";
	int i, kfunc;

	for (i = 0; i < 4; i++) {
		base[i] = make_base(i);
		split = raw("", base[i]);
		put(names[i], split.data, split.size);
		split.name = ".BTF";
		s[0] = split;
		snprintf(path, sizeof(path), "%s.elf", names[i]);
		put_module(path, s, 1, NULL, 0);
	}
	btf = make_split(base[0], &kfunc);
	split = raw(".BTF", btf);
	stamp = id_note(base[0], 0x102, id);
	stamp2 = id_note(base[0], 0x103, id2);
	ids[2] = kfunc;
	btf_ids = (struct section){ ".BTF_ids", ids, sizeof(ids), 0, SHF_ALLOC };

	put_module("none.ko", NULL, 0, NULL, 0);
	put_module("unstamped.ko", (struct section[]){ split, btf_ids }, 2, syms, 3);
	put_module("stamped.ko", (struct section[]){ stamp, split, btf_ids }, 3, syms, 3);
	put_module("two.ko", (struct section[]){ stamp, split, split }, 3, NULL, 0);
	put_module("empty.ko", (struct section[]){ stamp, { ".BTF", "", 0, 0, 0 } }, 2, NULL, 0);
	put_module("nobits.ko", (struct section[]){ stamp, { ".BTF", "", 64, SHT_NOBITS, 0 } }, 2,
		   NULL, 0);
	put_module("vmlinux.ko", (struct section[]){ stamp, split, { ".modinfo", info,
		   sizeof(info), 0, 0 } }, 3, NULL, 0);
	/* an id of the list that is a pointer's */
	ids[2] = 4;
	put_module("wrong-id.ko", (struct section[]){ stamp, split, btf_ids }, 3, syms, 3);
	ids[2] = kfunc;
	ids[0] = 9;
	put_module("long-set.ko", (struct section[]){ stamp, split, btf_ids }, 3, syms, 3);
	ids[0] = 1;

	memcpy(bad, split.data, split.size);
	bad[2] = 9;
	put_module("version.ko", (struct section[]){ stamp, { ".BTF", bad, split.size, 0, 0 } }, 2,
		   NULL, 0);
	memcpy(bad, split.data, split.size);
	/* the name of the first type, behind the header */
	memset(bad + ((__u32 *)bad)[1], 0xff, 4);
	put_module("name.ko", (struct section[]){ stamp, { ".BTF", bad, split.size, 0, 0 } }, 2,
		   NULL, 0);

	if (btf__distill_base(btf, &dist_base, &dist))
		errx(1, "btf__distill_base() fails");
	d = raw(".BTF", dist);
	s[0] = raw(".BTF.base", dist_base);
	put_module("distilled.ko", (struct section[]){ stamp2, d, s[0] }, 3, NULL, 0);
	/* what a stock kernel relocates all the same: an id that leads nowhere; it dies */
	memcpy(bad, d.data, d.size);
	((__u32 *)(bad + ((__u32 *)bad)[1]))[2] = 999;
	put_module("nowhere.ko", (struct section[]){ { ".BTF", bad, d.size, 0, 0 }, s[0] }, 2,
		   NULL, 0);
	/* and a member that is larger than its struct */
	lax = make_split(base[0], &kfunc);
	add_struct(lax, "small", 1, "n", btf__find_by_name_kind(base[0], "int", BTF_KIND_INT));
	if (btf__distill_base(lax, &lax_base, &lax_dist))
		errx(1, "btf__distill_base() fails");
	s[1] = raw(".BTF", lax_dist);
	s[2] = raw(".BTF.base", lax_base);
	put_module("lax.ko", s + 1, 2, NULL, 0);
	/* and a base without a type, in which not even void is */
	lax = btf__new_empty_split(base[0]);
	btf__add_ptr(lax, btf__add_struct(lax, "own", 0));
	if (btf__distill_base(lax, &lax_base, &lax_dist))
		errx(1, "btf__distill_base() fails");
	s[1] = raw(".BTF", lax_dist);
	s[2] = raw(".BTF.base", lax_base);
	put_module("void.module", s + 1, 2, NULL, 0);
	s[2] = (struct section){ .name = ".BTF.base", .data = "" };
	put_module("empty-base.ko", (struct section[]){ stamp2, d, s[2] }, 3, NULL, 0);

	snprintf(path, sizeof(path), "%s/both", dir);
	/* of one that has not been written before */
	if (distill_both(path, make_split(base[0], &kfunc)))
		errx(1, "distill_both() fails");
	s[1] = written(path, ".BTF");
	both = written(path, ".BTF.distilled");
	put_module("both.ko", (struct section[]){ stamp, s[1], both, btf_ids }, 4, syms, 3);
	put_module("stripped.module", (struct section[]){ stamp, s[1], both, btf_ids }, 4, NULL, 0);
	/* the pointer that nothing refers to */
	ids[2] = 5;
	put_module("lost.module", (struct section[]){ stamp, s[1], both, btf_ids }, 4, syms, 3);
	ids[2] = kfunc;
	put_module("base-and-distilled.ko", (struct section[]){ stamp, d, s[0], both }, 4, NULL, 0);
	if (both.size > sizeof(bad))
		errx(1, ".BTF.distilled is larger than expected");
	memcpy(bad, both.data, both.size);
	bad[0]++;
	both.data = bad;
	put_module("distilled-format.ko", (struct section[]){ stamp, s[1], both }, 3, NULL, 0);
}

/* A few of them as another machine has them, in a directory of its own */
static void make_others(const char *name, int other_class, enum btf_endianness other_order)
{
	struct btf *base, *reordered, *btf, *dist, *dist_base;
	struct section split, stamp, ids, d, s;
	const char *parent = dir;
	unsigned char id[64], id2[64];
	__u32 btf_ids[4];
	struct symbol syms[] = {
		{ "__BTF_ID__set8__walk_kfuncs", 0, 16 },
		{ "__BTF_ID__func__bpf_walk__7", 8, 4 },
	};
	char path[4096], both[4096];
	int kfunc, pool;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mkdir(path, 0755))
		err(1, "%s", path);
	dir = path;
	class = other_class;
	order = other_order;
	base = make_base(SAME);
	reordered = make_base(REORDERED);
	s = raw("", reordered);
	put("reordered", s.data, s.size);
	s = raw(".BTF", base);
	put("base", s.data, s.size);
	put_module("base.elf", &s, 1, NULL, 0);

	btf = make_split(base, &kfunc);
	/* there are two pointers in eight bytes if one has four */
	pool = btf__find_by_name_kind(base, "pool", BTF_KIND_STRUCT) + 1;
	btf__add_struct(btf, "two", 8);
	btf__add_field(btf, "a", pool, 0, 0);
	btf__add_field(btf, "b", pool, 32, 0);
	memcpy(btf_ids, (__u32 []){ word(1), word(1), word(kfunc), 0 }, sizeof(btf_ids));
	ids = (struct section){ ".BTF_ids", btf_ids, sizeof(btf_ids), 0, SHF_ALLOC };
	split = raw(".BTF", btf);
	stamp = id_note(base, 0x102, id);
	put_module("stamped.ko", (struct section[]){ stamp, split, ids }, 3, syms, 2);
	btf_ids[2] = word(4);
	put_module("wrong-id.ko", (struct section[]){ stamp, split, ids }, 3, syms, 2);
	btf_ids[2] = word(kfunc);
	put_module("unstamped.ko", (struct section[]){ split, ids }, 2, syms, 2);
	if (btf__distill_base(btf, &dist_base, &dist))
		errx(1, "btf__distill_base() fails");
	d = raw(".BTF", dist);
	s = raw(".BTF.base", dist_base);
	put_module("distilled.ko", (struct section[]){ id_note(base, 0x103, id2), d, s }, 3,
		   NULL, 0);
	snprintf(both, sizeof(both), "%s/both", dir);
	btf = make_split(base, &kfunc);
	btf__set_endianness(btf, order);
	if (distill_both(both, btf))
		errx(1, "distill_both() fails");
	s = written(both, ".BTF");
	d = written(both, ".BTF.distilled");
	put_module("both.ko", (struct section[]){ stamp, s, d, ids }, 4, syms, 2);
	dir = parent;
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
