// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "kmod_btf_helpers.h"

/* In libbpf, but in none of its public headers */
void libbpf_sha256(const void *data, size_t len, __u8 out[KMOD_ID_SIZE]);

int kmod_read(struct kmod *k, const char *path)
{
	struct stat st;
	ssize_t n;
	int fd;

	memset(k, 0, sizeof(*k));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_size < sizeof(Elf64_Ehdr)) {
		close(fd);
		return -EINVAL;
	}
	k->size = st.st_size;
	k->data = malloc(k->size);
	n = k->data ? read(fd, k->data, k->size) : -1;
	close(fd);
	if (n != k->size || memcmp(k->data, ELFMAG, SELFMAG) ||
	    k->data[EI_CLASS] != ELFCLASS64) {
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

static Elf64_Shdr *shdrs(const struct kmod *k, unsigned int *nr)
{
	Elf64_Ehdr *eh = (void *)k->data;

	*nr = eh->e_shnum;
	return (void *)(k->data + eh->e_shoff);
}

static const char *shname(const struct kmod *k, const Elf64_Shdr *sh)
{
	Elf64_Ehdr *eh = (void *)k->data;
	unsigned int nr;

	return (char *)k->data + shdrs(k, &nr)[eh->e_shstrndx].sh_offset + sh->sh_name;
}

void *kmod_section_header(const struct kmod *k, const char *name)
{
	unsigned int i, nr;
	Elf64_Shdr *sh = shdrs(k, &nr);

	for (i = 1; i < nr; i++)
		if (!strcmp(shname(k, &sh[i]), name))
			return &sh[i];
	return NULL;
}

void *kmod_section(const struct kmod *k, const char *name, size_t *size)
{
	Elf64_Shdr *sh = kmod_section_header(k, name);

	*size = sh ? sh->sh_size : 0;
	return sh ? k->data + sh->sh_offset : NULL;
}

/* Append to the file, aligned. Returns the offset, 0 without memory. @data may be
 * a part of the file.
 */
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
static Elf64_Shdr *add_section(struct kmod *k, const char *name)
{
	Elf64_Ehdr *eh = (void *)k->data;
	unsigned int nr, ndx = eh->e_shstrndx;
	Elf64_Shdr *sh = shdrs(k, &nr), *table;
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
	Elf64_Shdr *sh;

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
	Elf64_Shdr *sh = kmod_section_header(k, name);

	if (sh)
		sh->sh_name = 0;
}

unsigned char *kmod_base_id(const struct kmod *k, unsigned int **type)
{
	unsigned int i, nr;
	Elf64_Shdr *sh = shdrs(k, &nr);

	for (i = 1; i < nr; i++) {
		unsigned char *p = k->data + sh[i].sh_offset, *end = p + sh[i].sh_size;

		if (sh[i].sh_type != SHT_NOTE)
			continue;
		while (p + sizeof(Elf64_Nhdr) <= end) {
			Elf64_Nhdr *n = (void *)p;
			unsigned char *name = p + sizeof(*n);
			unsigned char *desc = name + ((n->n_namesz + 3) & ~3);

			if ((n->n_type == KMOD_NOTE_BASE_ID ||
			     n->n_type == KMOD_NOTE_DISTILLED_ID) &&
			    n->n_namesz == sizeof("Linux") && !strcmp((char *)name, "Linux") &&
			    n->n_descsz == KMOD_ID_SIZE) {
				if (type)
					*type = &n->n_type;
				return desc;
			}
			p = desc + ((n->n_descsz + 3) & ~3);
		}
	}
	return NULL;
}

static int cmp_u32(const void *a, const void *b)
{
	__u32 x = *(__u32 *)a, y = *(__u32 *)b;

	return x < y ? -1 : x > y;
}

/* The id in @to of the type that has @id in @from, by name and kind */
static int same_type(const struct btf *from, __u32 id, const struct btf *to)
{
	const struct btf_type *t = btf__type_by_id(from, id);

	if (!t)
		return -EINVAL;
	return btf__find_by_name_kind(to, btf__name_by_offset(from, t->name_off),
				      btf_kind(t));
}

/* Give every id in .BTF_ids the value it has in @to */
static int rewrite_btf_ids(struct kmod *k, const struct btf *from, const struct btf *to)
{
	Elf64_Shdr *ids = kmod_section_header(k, ".BTF_ids");
	Elf64_Shdr *symtab = kmod_section_header(k, ".symtab"), *sh;
	unsigned int nr, set;
	const char *strings;
	Elf64_Sym *sym, *end;

	if (!ids || !symtab)
		return 0;
	sh = shdrs(k, &nr);
	strings = (char *)k->data + sh[symtab->sh_link].sh_offset;
	sym = (void *)(k->data + symtab->sh_offset);
	end = sym + symtab->sh_size / sizeof(*sym);

	/* first the ids, then the order in the sets */
	for (set = 0; set < 2; set++) {
		Elf64_Sym *s;

		for (s = sym; s < end; s++) {
			const char *name = strings + s->st_name, *kind;
			__u32 *p;
			int id;

			if (s->st_shndx != ids - sh || strncmp(name, "__BTF_ID__", 10))
				continue;
			kind = name + 10;
			p = (void *)(k->data + ids->sh_offset + s->st_value);
			if (!!set != !strncmp(kind, "set", 3))
				continue;
			if (!strncmp(kind, "set8__", 6)) {
				qsort(p + 2, p[0], 2 * sizeof(*p), cmp_u32);
			} else if (set) {
				qsort(p + 1, p[0], sizeof(*p), cmp_u32);
			} else if (*p) {
				id = same_type(from, *p, to);
				if (id < 0)
					return id;
				*p = id;
			}
		}
	}
	return 0;
}

int kmod_rebase(struct kmod *k, struct btf *vmlinux, struct btf *base, bool distilled)
{
	struct btf *dist = NULL, *split = NULL, *old = NULL, *old_base = NULL;
	size_t size, base_size;
	unsigned int *type;
	unsigned char *id;
	const void *raw;
	__u32 raw_size;
	int err = -EINVAL;
	void *data, *base_data;

	data = kmod_section(k, ".BTF", &size);
	base_data = kmod_section(k, ".BTF.base", &base_size);
	if (!data)
		return -ENOENT;

	if (base_data) {
		old_base = btf__new(base_data, base_size);
		old = old_base ? btf__new_split(data, size, old_base) : NULL;
		dist = btf__new(base_data, base_size);
		split = dist ? btf__new_split(data, size, dist) : NULL;
		if (!old || !split)
			goto out;
	} else {
		old = btf__new_split(data, size, vmlinux);
		if (!old)
			goto out;
		err = btf__distill_base(old, &dist, &split);
		if (err)
			goto out;
	}

	if (!distilled) {
		err = btf__relocate(split, base);
		if (err)
			goto out;
	}
	err = rewrite_btf_ids(k, old, split);
	if (err)
		goto out;

	raw = btf__raw_data(split, &raw_size);
	err = raw ? kmod_set_section(k, ".BTF", raw, raw_size, false) : -ENOMEM;
	if (err)
		goto out;
	if (distilled) {
		raw = btf__raw_data(dist, &raw_size);
		err = raw ? kmod_set_section(k, ".BTF.base", raw, raw_size, false) : -ENOMEM;
		if (err)
			goto out;
	} else {
		kmod_hide_section(k, ".BTF.base");
	}

	raw = btf__raw_data(base, &raw_size);
	id = kmod_base_id(k, &type);
	if (raw && id) {
		libbpf_sha256(raw, raw_size, id);
		*type = distilled ? KMOD_NOTE_DISTILLED_ID : KMOD_NOTE_BASE_ID;
	}
	err = raw ? 0 : -ENOMEM;
out:
	btf__free(split);
	btf__free(dist);
	btf__free(old);
	btf__free(old_base);
	return err;
}

static struct btf *btf_dup(struct btf *btf)
{
	__u32 size;
	const void *raw = btf__raw_data(btf, &size);

	return raw ? btf__new(raw, size) : NULL;
}

struct btf *btf_one_more(struct btf *vmlinux)
{
	struct btf *btf = btf_dup(vmlinux);

	if (btf && btf__add_ptr(btf, 0) < 0) {
		btf__free(btf);
		return NULL;
	}
	return btf;
}

struct btf *btf_shifted(struct btf *vmlinux)
{
	struct btf *btf = btf__new_empty();

	if (btf && (btf__add_struct(btf, "a_struct_that_no_kernel_has", 8) < 0 ||
		    btf__add_btf(btf, vmlinux) < 0)) {
		btf__free(btf);
		return NULL;
	}
	return btf;
}

static size_t type_size(const struct btf_type *t)
{
	__u32 n = btf_vlen(t);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*t) + 4;
	case BTF_KIND_ARRAY:
		return sizeof(*t) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return sizeof(*t) + n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return sizeof(*t) + n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return sizeof(*t) + n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*t) + n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return sizeof(*t) + n * sizeof(struct btf_var_secinfo);
	default:
		return sizeof(*t);
	}
}

/* The next id, after the last one the first */
static void rotate(__u32 *id, __u32 nr)
{
	if (*id)
		*id = *id == nr - 1 ? 1 : *id + 1;
}

static void rotate_refs(struct btf_type *t, __u32 nr)
{
	__u32 i, n = btf_vlen(t);

	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_FUNC:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		rotate(&t->type, nr);
		break;
	case BTF_KIND_ARRAY:
		rotate(&btf_array(t)->type, nr);
		rotate(&btf_array(t)->index_type, nr);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (i = 0; i < n; i++)
			rotate(&btf_members(t)[i].type, nr);
		break;
	case BTF_KIND_FUNC_PROTO:
		rotate(&t->type, nr);
		for (i = 0; i < n; i++)
			rotate(&btf_params(t)[i].type, nr);
		break;
	case BTF_KIND_DATASEC:
		for (i = 0; i < n; i++)
			rotate(&btf_var_secinfos(t)[i].type, nr);
		break;
	}
}

struct btf *btf_reordered(struct btf *vmlinux)
{
	__u32 size, nr = btf__type_cnt(vmlinux), len, last_size = 0;
	const void *raw = btf__raw_data(vmlinux, &size);
	const struct btf_header *hdr = raw;
	struct btf *btf = NULL;
	void *copy, *types, *p;

	copy = raw ? malloc(size) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, raw, size);
	types = copy + hdr->hdr_len + hdr->type_off;
	len = hdr->type_len;

	for (p = types; p < types + len; p += last_size) {
		last_size = type_size(p);
		rotate_refs(p, nr);
	}
	/* the last one to the front */
	p = malloc(last_size);
	if (p) {
		memcpy(p, types + len - last_size, last_size);
		memmove(types + last_size, types, len - last_size);
		memcpy(types, p, last_size);
		btf = btf__new(copy, size);
		free(p);
	}
	free(copy);
	return btf;
}
