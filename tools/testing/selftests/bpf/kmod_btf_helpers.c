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
	if (!k->data || n != k->size || memcmp(k->data, ELFMAG, SELFMAG) ||
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

struct same_type {
	const struct btf *from, *to;
};

/* The id in @to of the type that has @id in @from, by name and kind */
static int same_type(__u32 id, const void *ctx)
{
	const struct same_type *c = ctx;
	const struct btf_type *t = btf__type_by_id(c->from, id);

	if (!t)
		return -EINVAL;
	return btf__find_by_name_kind(c->to, btf__name_by_offset(c->from, t->name_off),
				      btf_kind(t));
}

/* The next symbol of an id or a set in .BTF_ids after *@sym, which starts as NULL.
 * Returns where it leads, or NULL at the end.
 */
static __u32 *next_btf_id(const struct kmod *k, Elf64_Sym **sym, const char **kind)
{
	Elf64_Shdr *ids = kmod_section_header(k, ".BTF_ids");
	Elf64_Shdr *symtab = kmod_section_header(k, ".symtab"), *sh;
	Elf64_Sym *end;
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
	Elf64_Sym *sym = NULL;
	const char *kind;
	__u32 *p;

	while ((p = next_btf_id(k, &sym, &kind)))
		if (!strncmp(kind, symbol, strlen(symbol)))
			return p;
	return NULL;
}

void kmod_strip_btf_ids(struct kmod *k, const char *symbol)
{
	Elf64_Sym *sym = NULL;
	const char *kind;

	while (next_btf_id(k, &sym, &kind))
		if (!strncmp(kind, symbol, strlen(symbol)))
			sym->st_name = 0;
}

/* Give every id in .BTF_ids another value, and sort the sets again */
static int rewrite_btf_ids(struct kmod *k, int (*new_id)(__u32 id, const void *ctx),
			   const void *ctx)
{
	Elf64_Sym *sym = NULL;
	const char *kind;
	__u32 *p;
	int id;

	while ((p = next_btf_id(k, &sym, &kind))) {
		if (!strncmp(kind, "set", 3) || !*p)
			continue;
		id = new_id(*p, ctx);
		if (id < 0)
			return id;
		*p = id;
	}
	sym = NULL;
	while ((p = next_btf_id(k, &sym, &kind))) {
		if (!strncmp(kind, "set8__", 6))
			qsort(p + 2, p[0], 2 * sizeof(*p), cmp_u32);
		else if (!strncmp(kind, "set__", 5))
			qsort(p + 1, p[0], sizeof(*p), cmp_u32);
	}
	return 0;
}

bool kernel_relocates_btf(const struct btf *vmlinux)
{
	return btf__find_by_name_kind(vmlinux, "btf_relocate", BTF_KIND_FUNC) > 0;
}

/* Stamp it as built against @base */
static int set_base_id(struct kmod *k, const struct btf *base, unsigned int note_type)
{
	unsigned int *type;
	unsigned char *id = kmod_base_id(k, &type);
	__u32 size;
	const void *raw = btf__raw_data(base, &size);

	if (!raw)
		return -ENOMEM;
	if (id) {
		libbpf_sha256(raw, size, id);
		*type = note_type;
	}
	return 0;
}

int kmod_rebase(struct kmod *k, struct btf *vmlinux, struct btf *base, bool distilled)
{
	struct btf *dist = NULL, *split = NULL, *old = NULL, *old_base = NULL;
	size_t size, base_size;
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
	err = rewrite_btf_ids(k, same_type, &(struct same_type){ old, split });
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

	kmod_hide_section(k, ".BTF.distilled");
	err = set_base_id(k, base, distilled ? KMOD_NOTE_DISTILLED_ID : KMOD_NOTE_BASE_ID);
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

/* Another numbering of the types of a base */
struct renumbering {
	const __u32 *to;	/* new id of each type; 0: it is gone */
	__u32 nr;		/* ids of the old base */
	__u32 less;		/* types that are gone */
};

static int new_number(__u32 id, const void *ctx)
{
	const struct renumbering *r = ctx;

	return !id ? 0 : id < r->nr ? r->to[id] : id - r->less;
}

static void renumber(__u32 *id, const struct renumbering *r)
{
	*id = new_number(*id, r);
}

static void renumber_refs(struct btf_type *t, const struct renumbering *r)
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
		renumber(&t->type, r);
		break;
	case BTF_KIND_ARRAY:
		renumber(&btf_array(t)->type, r);
		renumber(&btf_array(t)->index_type, r);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (i = 0; i < n; i++)
			renumber(&btf_members(t)[i].type, r);
		break;
	case BTF_KIND_FUNC_PROTO:
		renumber(&t->type, r);
		for (i = 0; i < n; i++)
			renumber(&btf_params(t)[i].type, r);
		break;
	case BTF_KIND_DATASEC:
		for (i = 0; i < n; i++)
			renumber(&btf_var_secinfos(t)[i].type, r);
		break;
	}
}

static __u32 nr_gone(const __u32 *to, __u32 nr)
{
	__u32 id, gone = 0;

	for (id = 1; id < nr; id++)
		gone += !to[id];
	return gone;
}

struct btf *btf_renumbered(struct btf *vmlinux, const __u32 *to)
{
	__u32 size, id, len, nr = btf__type_cnt(vmlinux);
	const void *raw = btf__raw_data(vmlinux, &size);
	const struct btf_type **at = calloc(nr, sizeof(*at));
	struct renumbering r = { to, nr, nr_gone(to, nr) };
	struct btf_header *hdr = raw ? malloc(size) : NULL;
	struct btf *btf = NULL;
	void *p, *strings;

	if (!at || !hdr)
		goto out;
	memcpy(hdr, raw, size);
	for (id = 1; id < nr; id++)
		at[to[id]] = btf__type_by_id(vmlinux, id);

	p = (void *)hdr + hdr->hdr_len + hdr->type_off;
	strings = (void *)hdr + hdr->hdr_len + hdr->str_off;
	for (id = 1; id < nr - r.less; id++) {
		if (!at[id])
			goto out;
		len = type_size(at[id]);
		memcpy(p, at[id], len);
		renumber_refs(p, &r);
		p += len;
	}
	/* the strings follow */
	hdr->type_len = p - ((void *)hdr + hdr->hdr_len + hdr->type_off);
	memmove(p, strings, hdr->str_len);
	hdr->str_off = hdr->type_off + hdr->type_len;
	btf = btf__new(hdr, hdr->hdr_len + hdr->str_off + hdr->str_len);
out:
	free(hdr);
	free(at);
	return btf;
}

int kmod_renumber(struct kmod *k, struct btf *vmlinux, const __u32 *to)
{
	__u32 nr = btf__type_cnt(vmlinux);
	struct renumbering r = { to, nr, nr_gone(to, nr) };
	struct btf *base = btf_renumbered(vmlinux, to);
	struct btf_header *hdr;
	void *p, *end;
	size_t size;
	int err = -EINVAL;

	hdr = kmod_section(k, ".BTF", &size);
	if (!base || !hdr || kmod_section_header(k, ".BTF.base"))
		goto out;
	p = (void *)hdr + hdr->hdr_len + hdr->type_off;
	for (end = p + hdr->type_len; p < end; p += type_size(p))
		renumber_refs(p, &r);
	kmod_hide_section(k, ".BTF.distilled");
	err = rewrite_btf_ids(k, new_number, &r) ?: set_base_id(k, base, KMOD_NOTE_BASE_ID);
out:
	btf__free(base);
	return err;
}

static void move_names(struct btf_type *t, __u32 by)
{
	__u32 i, n = btf_vlen(t);

	if (t->name_off)
		t->name_off += by;
	for (i = 0; i < n; i++) {
		__u32 *name = btf_is_composite(t) ? &btf_members(t)[i].name_off :
			      btf_is_enum(t) ? &btf_enum(t)[i].name_off :
			      btf_is_enum64(t) ? &btf_enum64(t)[i].name_off :
			      btf_is_func_proto(t) ? &btf_params(t)[i].name_off : NULL;

		if (name && *name)
			*name += by;
	}
}

static __u32 strings_size(const struct btf *btf)
{
	__u32 size;
	const struct btf_header *h = btf__raw_data(btf, &size);

	return h ? h->str_len : 0;
}

int kmod_rebase_both(struct kmod *k, struct btf *vmlinux, struct btf *base, __u32 front)
{
	__u32 i, nr = btf__type_cnt(vmlinux), *to = btf_same_order(vmlinux);
	struct renumbering r = { to, nr, nr - btf__type_cnt(base) };
	__u32 strs = strings_size(base) - strings_size(vmlinux);
	size_t size, distilled_size;
	struct kmod_distilled *d;
	struct btf_header *hdr;
	int err = -ENOENT;
	void *p, *end;

	hdr = kmod_section(k, ".BTF", &size);
	d = kmod_section(k, ".BTF.distilled", &distilled_size);
	if (!hdr || !d || !to)
		goto out;
	for (i = 1; i < nr; i++)
		to[i] += front;
	p = (void *)hdr + hdr->hdr_len + hdr->type_off;
	for (end = p + hdr->type_len; p < end; p += type_size(p)) {
		renumber_refs(p, &r);
		move_names(p, strs);
	}
	d->base_types -= r.less;
	d->base_strs += strs;
	for (i = 0; i < d->dist_types - 1 + d->tail_types; i++)
		d->ids[i] += front;
	err = rewrite_btf_ids(k, new_number, &r) ?: set_base_id(k, base, KMOD_NOTE_BASE_ID);
out:
	free(to);
	return err;
}

__u32 *btf_same_order(const struct btf *vmlinux)
{
	__u32 id, nr = btf__type_cnt(vmlinux), *to = calloc(nr, sizeof(*to));

	for (id = 0; to && id < nr; id++)
		to[id] = id;
	return to;
}

struct btf *btf_reordered(struct btf *vmlinux)
{
	__u32 id, nr = btf__type_cnt(vmlinux), *to = btf_same_order(vmlinux);
	struct btf *btf;

	if (!to)
		return NULL;
	/* each to the next place, the last one to the front */
	for (id = 1; id < nr; id++)
		to[id] = id == nr - 1 ? 1 : id + 1;
	btf = btf_renumbered(vmlinux, to);
	free(to);
	return btf;
}
