// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kmod_btf_helpers.h"

int kmod_read(struct kmod *k, const char *path)
{
	struct stat st;
	ssize_t n;
	int fd;

	memset(k, 0, sizeof(*k));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_size < sizeof(Elf_Ehdr)) {
		close(fd);
		return -EINVAL;
	}
	k->size = st.st_size;
	k->data = malloc(k->size);
	n = k->data ? read(fd, k->data, k->size) : -1;
	close(fd);
	if (!k->data || n != k->size || memcmp(k->data, ELFMAG, SELFMAG) ||
	    k->data[EI_CLASS] != ELF_CLASS) {
		kmod_free(k);
		return -EINVAL;
	}
	return 0;
}

int kmod_write(const struct kmod *k, const char *path)
{
	FILE *f = fopen(path, "w");
	size_t n;

	if (!f)
		return -errno;
	n = fwrite(k->data, 1, k->size, f);
	return fclose(f) || n != k->size ? -EIO : 0;
}

int kmod_copy(struct kmod *to, const struct kmod *from)
{
	to->size = from->size;
	to->data = malloc(to->size);
	if (!to->data)
		return -ENOMEM;
	memcpy(to->data, from->data, to->size);
	return 0;
}

void kmod_free(struct kmod *k)
{
	free(k->data);
	memset(k, 0, sizeof(*k));
}

int kmod_load(const struct kmod *k, const char *params)
{
	return syscall(__NR_init_module, k->data, k->size, params) ? -errno : 0;
}

static Elf_Shdr *shdrs(const struct kmod *k, unsigned int *nr)
{
	Elf_Ehdr *eh = (void *)k->data;

	*nr = eh->e_shnum;
	return (void *)(k->data + eh->e_shoff);
}

static const char *shname(const struct kmod *k, const Elf_Shdr *sh)
{
	Elf_Ehdr *eh = (void *)k->data;
	unsigned int nr;

	return (char *)k->data + shdrs(k, &nr)[eh->e_shstrndx].sh_offset + sh->sh_name;
}

void *kmod_section_header(const struct kmod *k, const char *name)
{
	unsigned int i, nr;
	Elf_Shdr *sh = shdrs(k, &nr);

	for (i = 1; i < nr; i++)
		if (!strcmp(shname(k, &sh[i]), name))
			return &sh[i];
	return NULL;
}

void *kmod_section(const struct kmod *k, const char *name, size_t *size)
{
	Elf_Shdr *sh = kmod_section_header(k, name);

	*size = sh ? sh->sh_size : 0;
	return sh ? k->data + sh->sh_offset : NULL;
}

/* Append to the file, aligned.  @data may be a part of it.  Returns the offset, or 0. */
static size_t append(struct kmod *k, const void *data, size_t size)
{
	size_t off = (k->size + 7) & ~7UL;
	unsigned char *p = calloc(1, off + size);

	if (!p)
		return 0;
	memcpy(p, k->data, k->size);
	memcpy(p + off, data, size);
	free(k->data);
	k->data = p;
	k->size = off + size;
	return off;
}

/* A section header more, for a section of that name and nothing else */
static Elf_Shdr *add_section(struct kmod *k, const char *name)
{
	Elf_Ehdr *eh = (void *)k->data;
	unsigned int nr, ndx = eh->e_shstrndx;
	Elf_Shdr *sh = shdrs(k, &nr), *table;
	size_t len = sh[ndx].sh_size, off;
	char *names;

	table = calloc(nr + 1, sizeof(*table));
	names = calloc(1, len + strlen(name) + 1);
	if (!table || !names)
		goto err;

	memcpy(table, sh, nr * sizeof(*sh));
	memcpy(names, k->data + sh[ndx].sh_offset, len);
	memcpy(names + len, name, strlen(name));
	off = append(k, names, len + strlen(name) + 1);
	if (!off)
		goto err;
	table[ndx].sh_offset = off;
	table[ndx].sh_size = len + strlen(name) + 1;
	table[nr].sh_name = len;
	table[nr].sh_type = SHT_PROGBITS;
	table[nr].sh_addralign = 1;
	off = append(k, table, (nr + 1) * sizeof(*table));
	if (!off)
		goto err;
	free(table);
	free(names);

	eh = (void *)k->data;
	eh->e_shoff = off;
	eh->e_shnum = nr + 1;
	return shdrs(k, &nr) + nr - 1;
err:
	free(table);
	free(names);
	return NULL;
}

int kmod_set_section(struct kmod *k, const char *name, const void *data, size_t size, bool dup)
{
	size_t off = append(k, data, size), at;
	Elf_Shdr *sh;

	sh = !off ? NULL : dup ? NULL : kmod_section_header(k, name);
	if (off && !sh)
		sh = add_section(k, name);
	if (!sh)
		return -ENOMEM;
	at = (unsigned char *)sh - k->data;
	sh = (void *)(k->data + at);
	sh->sh_type = SHT_PROGBITS;
	sh->sh_offset = off;
	sh->sh_size = size;
	return 0;
}

void kmod_hide_section(struct kmod *k, const char *name)
{
	Elf_Shdr *sh = kmod_section_header(k, name);

	if (sh)
		sh->sh_name = 0;
}

/* What .note.BTF begins with; the table follows */
struct note {
	Elf_Nhdr hdr;
	char owner[8];
	unsigned char id[BTF_BASE_ID_SIZE];
};

/* Copy the note to @n.  Returns where it is, or NULL if it has no base id. */
static unsigned char *find_note(const struct kmod *k, struct note *n)
{
	static const char owner[] = "Linux";
	size_t size;
	unsigned char *p = kmod_section(k, BTF_NOTE_SECTION, &size);

	if (!p || size < sizeof(*n))
		return NULL;
	memcpy(n, p, sizeof(*n));
	if (n->hdr.n_namesz != sizeof(owner) || memcmp(n->owner, owner, sizeof(owner)) ||
	    (n->hdr.n_type != LINUX_ELFNOTE_BTF_BASE_ID &&
	     n->hdr.n_type != LINUX_ELFNOTE_BTF_DISTILLED_ID) ||
	    n->hdr.n_descsz < BTF_BASE_ID_SIZE ||
	    ((n->hdr.n_descsz + 3ULL) & ~3ULL) > size - offsetof(struct note, id))
		return NULL;
	return p;
}

unsigned char *kmod_base_id(const struct kmod *k, unsigned char **type)
{
	struct note n;
	unsigned char *p = find_note(k, &n);

	if (!p)
		return NULL;
	if (type)
		*type = p + offsetof(struct note, hdr.n_type);
	return p + offsetof(struct note, id);
}

void *kmod_btf_ids_table(const struct kmod *k, __u32 *cnt)
{
	struct note n;
	unsigned char *p = find_note(k, &n);

	*cnt = 0;
	if (!p || n.hdr.n_descsz == BTF_BASE_ID_SIZE)
		return NULL;
	*cnt = (n.hdr.n_descsz - BTF_BASE_ID_SIZE) / sizeof(struct btf_ids_range);
	return p + sizeof(n);
}

void kmod_shorten_note(struct kmod *k, __u32 size)
{
	struct note n;
	unsigned char *p = find_note(k, &n);

	if (p)
		memcpy(p + offsetof(struct note, hdr.n_descsz), &size, sizeof(size));
}

/*
 * The next symbol of an id or a set in .BTF_ids after *@sym, which starts as NULL.
 * Returns where it leads, or NULL at the end.
 */
static __u32 *next_btf_id(const struct kmod *k, Elf_Sym **sym, const char **kind)
{
	Elf_Shdr *ids = kmod_section_header(k, ".BTF_ids");
	Elf_Shdr *symtab = kmod_section_header(k, ".symtab"), *sh;
	Elf_Sym *end;
	unsigned int nr;

	if (!ids || !symtab)
		return NULL;
	sh = shdrs(k, &nr);
	*sym = *sym ? *sym + 1 : (void *)(k->data + symtab->sh_offset);
	end = (void *)(k->data + symtab->sh_offset + symtab->sh_size);
	for (; *sym < end; (*sym)++) {
		const char *name = (char *)k->data + sh[symtab->sh_link].sh_offset +
				   (*sym)->st_name;

		if ((*sym)->st_shndx == ids - sh && !strncmp(name, "__BTF_ID__", 10)) {
			*kind = name + 10;
			return (void *)(k->data + ids->sh_offset + (*sym)->st_value);
		}
	}
	return NULL;
}

__u32 *kmod_btf_id(const struct kmod *k, const char *symbol)
{
	Elf_Sym *sym = NULL;
	const char *kind;
	__u32 *p;

	while ((p = next_btf_id(k, &sym, &kind)))
		if (!strncmp(kind, symbol, strlen(symbol)))
			return p;
	return NULL;
}

void kmod_strip_btf_ids(struct kmod *k)
{
	Elf_Sym *sym = NULL;
	const char *kind;

	while (next_btf_id(k, &sym, &kind))
		sym->st_name = 0;
}

static int cmp_id(const void *a, const void *b)
{
	__u32 x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static size_t range_head(__u32 kind)
{
	return (kind == BTF_IDS_SET8 ? 2 : kind == BTF_IDS_SET) * sizeof(__u32);
}

static size_t range_step(__u32 kind)
{
	return (kind == BTF_IDS_SET8 ? 2 : 1) * sizeof(__u32);
}

static int map_range(unsigned char *ids, size_t size, const struct btf_ids_range *r,
		     int (*new_id)(__u32 id, void *ctx), void *ctx)
{
	size_t head = range_head(r->kind), step = range_step(r->kind);
	unsigned char *first = ids + r->offset + head;
	__u32 i, id;
	int new;

	if (r->offset > size || head + (__u64)r->cnt * step > size - r->offset)
		return -EINVAL;
	for (i = 0; i < r->cnt; i++) {
		memcpy(&id, first + i * step, sizeof(id));
		if (!id)
			continue;
		new = new_id(id, ctx);
		if (new < 0)
			return new;
		memcpy(first + i * step, &new, sizeof(new));
	}
	if (r->kind != BTF_IDS_LIST)
		qsort(first, r->cnt, step, cmp_id);
	return 0;
}

static bool is_set(const char *kind, struct btf_ids_range *r)
{
	if (!strncmp(kind, "set8__", 6))
		r->kind = BTF_IDS_SET8;
	else if (!strncmp(kind, "set__", 5))
		r->kind = BTF_IDS_SET;
	else
		return false;
	return true;
}

/* Is that place in one of the sets that the symbols name? */
static bool in_set(const struct kmod *k, const __u32 *id)
{
	struct btf_ids_range r;
	Elf_Sym *sym = NULL;
	const char *kind;
	__u32 *p;

	while ((p = next_btf_id(k, &sym, &kind)))
		if (is_set(kind, &r) && id >= p && (void *)id < (void *)p + range_head(r.kind) +
						   (size_t)*p * range_step(r.kind))
			return true;
	return false;
}

static int map_by_symbols(struct kmod *k, unsigned char *ids, size_t size,
			  int (*new_id)(__u32 id, void *ctx), void *ctx)
{
	Elf_Sym *sym = NULL;
	const char *kind;
	int err = 0;
	__u32 *p;

	while (!err && (p = next_btf_id(k, &sym, &kind))) {
		struct btf_ids_range r = { .offset = (unsigned char *)p - ids, .cnt = 1 };

		if (is_set(kind, &r))
			r.cnt = *p;
		else if (in_set(k, p))
			continue;
		err = map_range(ids, size, &r, new_id, ctx);
	}
	return err;
}

int kmod_map_btf_ids(struct kmod *k, int (*new_id)(__u32 id, void *ctx), void *ctx)
{
	size_t size;
	unsigned char *ids = kmod_section(k, ".BTF_ids", &size);
	struct btf_ids_range r;
	unsigned char *table;
	__u32 i, cnt;
	int err = 0;

	table = kmod_btf_ids_table(k, &cnt);
	if (!table)
		return map_by_symbols(k, ids, size, new_id, ctx);
	for (i = 0; i < cnt && !err; i++) {
		memcpy(&r, table + i * sizeof(r), sizeof(r));
		err = map_range(ids, size, &r, new_id, ctx);
	}
	return err;
}
