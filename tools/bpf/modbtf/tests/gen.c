// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make what the tests of modbtf need: small bases, and modules split from them.
 *   gen files DIR            all of them
 *   gen bzimage PAYLOAD OUT  a bzImage around a compressed kernel
 *   gen rpm PAYLOAD OUT      an .rpm around a compressed cpio
 */

#include <elf.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/compiler.h>
#include <bpf/btf.h>
#include <distill.h>

void libbpf_sha256(const void *data, size_t len, __u8 out[32]);

static const char *dir;

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

/* An ELF file of these sections, in a buffer that is large enough for all here */
static void put_module(const char *name, const struct section *sec, int nr,
		       const struct symbol *sym, int nr_sym)
{
	static char buf[1 << 16];
	Elf64_Ehdr *eh = (void *)buf;
	Elf64_Shdr sh[16] = {};
	size_t at = sizeof(*eh), names = 1, strs = 1;
	char shstr[1024] = "", str[1024] = "";
	Elf64_Sym syms[32] = {};
	int i, n = 1;

	memset(buf, 0, sizeof(buf));
	for (i = 0; i < nr; i++, n++) {
		sh[n].sh_name = names;
		names += sprintf(shstr + names, "%s", sec[i].name) + 1;
		sh[n].sh_type = sec[i].type ?: SHT_PROGBITS;
		sh[n].sh_flags = sec[i].flags;
		sh[n].sh_offset = at;
		sh[n].sh_size = sec[i].size;
		if (sh[n].sh_type != SHT_NOBITS) {
			memcpy(buf + at, sec[i].data, sec[i].size);
			at = (at + sec[i].size + 7) & ~7UL;
		}
	}
	for (i = 0; i < nr_sym; i++) {
		syms[i + 1].st_name = strs;
		strs += sprintf(str + strs, "%s", sym[i].name) + 1;
		syms[i + 1].st_value = sym[i].value;
		syms[i + 1].st_size = sym[i].size;
		syms[i + 1].st_shndx = nr;
	}
	sh[n].sh_name = names;
	names += sprintf(shstr + names, ".symtab") + 1;
	sh[n].sh_type = SHT_SYMTAB;
	sh[n].sh_link = n + 1;
	sh[n].sh_entsize = sizeof(*syms);
	sh[n].sh_offset = at;
	sh[n].sh_size = (nr_sym + 1) * sizeof(*syms);
	memcpy(buf + at, syms, sh[n].sh_size);
	at += sh[n++].sh_size;
	sh[n].sh_name = names;
	names += sprintf(shstr + names, ".strtab") + 1;
	sh[n].sh_type = SHT_STRTAB;
	sh[n].sh_offset = at;
	sh[n].sh_size = strs;
	memcpy(buf + at, str, strs);
	at += strs;
	n++;
	sh[n].sh_name = names;
	names += sprintf(shstr + names, ".shstrtab") + 1;
	sh[n].sh_type = SHT_STRTAB;
	sh[n].sh_offset = at;
	sh[n].sh_size = names;
	memcpy(buf + at, shstr, names);
	at = (at + names + 7) & ~7UL;

	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_type = strstr(name, ".elf") ? ET_EXEC : ET_REL;
	eh->e_shoff = at;
	eh->e_shentsize = sizeof(*sh);
	eh->e_shnum = n + 1;
	eh->e_shstrndx = n;
	memcpy(buf + at, sh, (n + 1) * sizeof(*sh));
	put(name, buf, at + (n + 1) * sizeof(*sh));
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

static struct section raw(const char *name, const struct btf *btf)
{
	struct section s = { .name = name };
	__u32 size;

	s.data = btf__raw_data(btf, &size);
	s.size = size;
	return s;
}

static struct section id_note(const struct btf *base, unsigned int type, unsigned char *buf)
{
	struct section b = raw("", base);
	Elf64_Nhdr n = { 6, 32, type };

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
	struct btf *base[4], *btf, *dist_base, *dist;
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
	s[2] = (struct section){ .name = ".BTF.base", .data = "" };
	put_module("empty-base.ko", (struct section[]){ stamp2, d, s[2] }, 3, NULL, 0);

	snprintf(path, sizeof(path), "%s/both", dir);
	/* of one that has not been written before */
	if (distill_both(path, make_split(base[0], &kfunc)))
		errx(1, "distill_both() fails");
	s[1] = written(path, ".BTF");
	both = written(path, ".BTF.distilled");
	put_module("both.ko", (struct section[]){ stamp, s[1], both, btf_ids }, 4, syms, 3);
	put_module("base-and-distilled.ko", (struct section[]){ stamp, d, s[0], both }, 4, NULL, 0);
	if (both.size > sizeof(bad))
		errx(1, ".BTF.distilled is larger than expected");
	memcpy(bad, both.data, both.size);
	bad[0]++;
	both.data = bad;
	put_module("distilled-format.ko", (struct section[]){ stamp, s[1], both }, 3, NULL, 0);
}

static void wrap(const char *what, const char *payload, const char *out)
{
	static unsigned char buf[1 << 20];
	unsigned int off = 2 * 512;
	size_t len;
	FILE *f = fopen(payload, "rb");

	if (!f)
		err(1, "%s", payload);
	dir = ".";
	if (!strcmp(what, "bzimage")) {
		len = fread(buf + off, 1, sizeof(buf) - off - 4, f);
		/* all but gzip are followed by the size; its value is of no matter here */
		if (buf[off] != 0x1f)
			len += 4;
		buf[0x1f1] = 1;
		memcpy(buf + 0x202, "HdrS", 4);
		memcpy(buf + 0x24c, &len, 4);
		len += off;
	} else {
		memcpy(buf, "\xed\xab\xee\xdb\x03", 5);
		buf[79] = 5;	/* a signature, which is a header, follows */
		memcpy(buf + 96, "\x8e\xad\xe8\x01", 4);
		memcpy(buf + 112, "\x8e\xad\xe8\x01", 4);
		len = 128 + fread(buf + 128, 1, sizeof(buf) - 128, f);
	}
	fclose(f);
	put(out, buf, len);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "files")) {
		dir = argv[2];
		make_files();
	} else if (argc == 4) {
		wrap(argv[1], argv[2], argv[3]);
	} else {
		errx(2, "usage: gen files DIR | gen bzimage|rpm PAYLOAD OUT");
	}
	return 0;
}
