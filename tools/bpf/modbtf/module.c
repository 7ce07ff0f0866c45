// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF file of a module, read as kernel/module/btf.c does.  Nothing in it is
 * trusted: it may be cut off or made to do harm.
 */

#include <byteswap.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* LINUX_ELFNOTE_BTF_BASE_ID; LINUX_ELFNOTE_BTF_DISTILLED_ID is the next */
#define NOTE_BASE_ID		0x102

/* As for a kernel of 64 bits */
#define MODULE_NAME_LEN		56

/* Names in a list; no module has so many */
#define MAX_NAMES		16384

struct section {
	const char *name;
	uint32_t name_off, type, link;
	uint64_t flags, offset, size;
};

struct elf {
	struct blob file;
	bool is32, swapped;
	uint16_t type;
	struct section *sections;
	unsigned int nr;
};

static bool inside(const struct blob *b, uint64_t off, uint64_t size)
{
	return off <= b->size && size <= b->size - off;
}

/* Numbers of the file, in the byte order of this program */
static uint16_t half(const struct elf *e, uint16_t n)
{
	return e->swapped ? bswap_16(n) : n;
}

static uint32_t word(const struct elf *e, uint32_t n)
{
	return e->swapped ? bswap_32(n) : n;
}

static uint64_t xword(const struct elf *e, uint64_t n)
{
	return e->swapped ? bswap_64(n) : n;
}

/* Headers at @p, of either class and aligned or not */
static Elf64_Ehdr read_header(const struct elf *e, const void *p)
{
	Elf32_Ehdr h32;
	Elf64_Ehdr h;

	if (e->is32) {
		memcpy(&h32, p, sizeof(h32));
		return (Elf64_Ehdr){
			.e_type = half(e, h32.e_type),
			.e_shoff = word(e, h32.e_shoff),
			.e_shentsize = half(e, h32.e_shentsize),
			.e_shnum = half(e, h32.e_shnum),
			.e_shstrndx = half(e, h32.e_shstrndx),
		};
	}
	memcpy(&h, p, sizeof(h));
	return (Elf64_Ehdr){
		.e_type = half(e, h.e_type),
		.e_shoff = xword(e, h.e_shoff),
		.e_shentsize = half(e, h.e_shentsize),
		.e_shnum = half(e, h.e_shnum),
		.e_shstrndx = half(e, h.e_shstrndx),
	};
}

static struct section read_section(const struct elf *e, const void *p)
{
	Elf32_Shdr h32;
	Elf64_Shdr h;

	if (e->is32) {
		memcpy(&h32, p, sizeof(h32));
		return (struct section){
			.name = "",
			.name_off = word(e, h32.sh_name),
			.type = word(e, h32.sh_type),
			.link = word(e, h32.sh_link),
			.flags = word(e, h32.sh_flags),
			.offset = word(e, h32.sh_offset),
			.size = word(e, h32.sh_size),
		};
	}
	memcpy(&h, p, sizeof(h));
	return (struct section){
		.name = "",
		.name_off = word(e, h.sh_name),
		.type = word(e, h.sh_type),
		.link = word(e, h.sh_link),
		.flags = xword(e, h.sh_flags),
		.offset = xword(e, h.sh_offset),
		.size = xword(e, h.sh_size),
	};
}

static Elf64_Sym read_symbol(const struct elf *e, const void *p)
{
	Elf32_Sym s32;
	Elf64_Sym s;

	if (e->is32) {
		memcpy(&s32, p, sizeof(s32));
		return (Elf64_Sym){
			.st_name = word(e, s32.st_name),
			.st_shndx = half(e, s32.st_shndx),
			.st_value = word(e, s32.st_value),
			.st_size = word(e, s32.st_size),
		};
	}
	memcpy(&s, p, sizeof(s));
	return (Elf64_Sym){
		.st_name = word(e, s.st_name),
		.st_shndx = half(e, s.st_shndx),
		.st_value = xword(e, s.st_value),
		.st_size = xword(e, s.st_size),
	};
}

/* Returns NULL, or what is wrong; e->sections is for xfree() also then */
static const char *elf_open(struct elf *e, struct blob file)
{
	const uint8_t *ident = file.data;
	struct section *s, *names;
	const char *text;
	Elf64_Ehdr hdr;
	unsigned int i;

	*e = (struct elf){ .file = file };
	if (file.size < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG))
		return "not an ELF file";
	if ((ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32) ||
	    (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB))
		return "an ELF file of an unknown class or byte order";
	e->is32 = ident[EI_CLASS] == ELFCLASS32;
	e->swapped = ident[EI_DATA] == ELFDATA2MSB;
	if (file.size < (e->is32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr)))
		return "cut off: the ELF header is not complete";
	hdr = read_header(e, file.data);
	if (hdr.e_shentsize != (e->is32 ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr)) || !hdr.e_shnum)
		return "the ELF file has no section headers that can be read";
	if (!inside(&file, hdr.e_shoff, (uint64_t)hdr.e_shnum * hdr.e_shentsize))
		return "cut off: the section headers are outside of the file";
	e->type = hdr.e_type;
	e->nr = hdr.e_shnum;
	e->sections = xrealloc(NULL, e->nr * sizeof(*s));
	for (i = 0; i < e->nr; i++)
		e->sections[i] = read_section(e, file.data + hdr.e_shoff + i * hdr.e_shentsize);
	/* the first is none, and nobody looks at it again */
	if (e->sections->type != SHT_NULL)
		return "the first section header is not empty";
	if (!hdr.e_shstrndx || hdr.e_shstrndx >= e->nr)
		return "the ELF file has no section names";
	names = e->sections + hdr.e_shstrndx;
	for (s = e->sections + 1; s < e->sections + e->nr; s++)
		if (s->type != SHT_NULL && s->type != SHT_NOBITS &&
		    !inside(&file, s->offset, s->size))
			return "cut off: a section is outside of the file";
	if (names->type != SHT_STRTAB || !names->size)
		return "the ELF file has no section names";
	text = file.data + names->offset;
	if (text[names->size - 1])
		return "the section names do not end";
	for (s = e->sections + 1; s < e->sections + e->nr; s++) {
		if (s->type == SHT_NULL)
			continue;
		if (s->name_off >= names->size)
			return "a section has no name";
		s->name = text + s->name_off;
	}
	return NULL;
}

static struct blob section_data(const struct elf *e, const struct section *s)
{
	if (s->type == SHT_NOBITS)
		return (struct blob){};
	return (struct blob){ e->file.data + s->offset, s->size };
}

char *elf_section(struct blob file, const char *name, struct blob *out)
{
	const char *problem;
	struct elf e;
	unsigned int i;

	*out = (struct blob){};
	problem = elf_open(&e, file);
	for (i = 1; i < e.nr && !problem; i++) {
		if (strcmp(e.sections[i].name, name))
			continue;
		*out = section_data(&e, e.sections + i);
		break;
	}
	xfree(e.sections);
	return problem ? xstrdup(problem) : NULL;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	while (size && !*p) {
		p++;
		size--;
	}
	return !size;
}

/* find_base_id() of kernel/module/btf.c, for the notes of either type */
static void find_base_ids(const struct elf *e, struct blob notes, struct module *m)
{
	static const char name[8] = "Linux\0\0";
	const void *p = notes.data;
	size_t size = notes.size;
	const uint8_t **id;
	bool seen[2] = {};
	Elf64_Nhdr n;
	int type;
	uint64_t len;

	while (size >= sizeof(n)) {
		tick();
		memcpy(&n, p, sizeof(n));
		n.n_namesz = word(e, n.n_namesz);
		n.n_descsz = word(e, n.n_descsz);
		n.n_type = word(e, n.n_type);
		p += sizeof(n);
		size -= sizeof(n);
		if (n.n_namesz > size || n.n_descsz > size)
			return;
		len = (((uint64_t)n.n_namesz + 3) & ~3ULL) + (((uint64_t)n.n_descsz + 3) & ~3ULL);
		if (len > size)
			return;
		type = n.n_type - NOTE_BASE_ID;
		if ((type == 0 || type == 1) && n.n_namesz == sizeof("Linux") &&
		    !memcmp(p, name, sizeof("Linux")) && n.n_descsz == BASE_ID_SIZE) {
			id = type ? &m->distilled_id : &m->id;
			/* the first of a section counts */
			if (!*id && !seen[type] && !is_zero(p + sizeof(name), BASE_ID_SIZE))
				*id = p + sizeof(name);
			seen[type] = true;
		}
		p += len;
		size -= len;
	}
}

/* find_btf_sections() of kernel/module/btf.c */
static void find_sections(const struct elf *e, struct module *m)
{
	const struct section *s;
	struct blob *found;
	const char *name;
	unsigned int i;
	bool *has;

	for (i = 1; i < e->nr; i++) {
		s = e->sections + i;
		if (s->type == SHT_NOTE && !(s->offset % 4))
			find_base_ids(e, section_data(e, s), m);
		if (s->type == SHT_NULL || s->type == SHT_NOTE)
			continue;
		name = s->name;
		if (!strcmp(name, ".BTF")) {
			found = &m->split;
			has = &m->has_split;
		} else if (!strcmp(name, ".BTF.base")) {
			found = &m->base;
			has = &m->has_base;
		} else if (!strcmp(name, ".BTF.distilled")) {
			found = &m->distilled;
			has = &m->has_distilled;
		} else {
			continue;
		}
		if (*has || (s->type == SHT_NOBITS && s->size))
			m->bad = true;
		/* stock takes the first, this series neither */
		if (!*has)
			*found = section_data(e, s);
		*has = true;
	}
}

static bool is_btf_ids(const struct elf *e, unsigned int i)
{
	const struct section *s = e->sections + i;

	return i && i < e->nr && s->type != SHT_NULL && s->type != SHT_NOBITS &&
	       (s->flags & SHF_ALLOC) && !strcmp(s->name, ".BTF_ids");
}

/* find_btf_id() of kernel/module/btf_ids.c; in a file that is not loaded a symbol is
 * relative to its section
 */
static void add_id(const struct elf *e, struct module *m, const Elf64_Sym *sym,
		   const char *name)
{
	struct blob sec = section_data(e, e->sections + sym->st_shndx);
	struct btf_id_sym s = { .name = name, .size = sym->st_size };

	s.words = !strncmp(name, "set8__", 6) ? 2 : !strncmp(name, "set__", 5) ? 1 : 0;
	s.outside = !inside(&sec, sym->st_value, s.words ? s.size : sizeof(s.word));
	if (!s.outside) {
		s.data = sec.data + sym->st_value;
		if (inside(&sec, sym->st_value, sizeof(s.word)))
			memcpy(&s.word, s.data, sizeof(s.word));
		s.word = word(e, s.word);
	}
	if (!(m->nr_ids & (m->nr_ids - 1)))
		m->ids = xrealloc(m->ids, (m->nr_ids ? 2 * m->nr_ids : 1) * sizeof(s));
	m->ids[m->nr_ids++] = s;
}

/* Add the @len bytes at @name, which the kernel would take for a name */
static void add_name(struct strings *list, const char *name, size_t len)
{
	if (len >= NAME_LEN)
		give_up("a name of more than %d bytes", NAME_LEN - 1);
	if (list->nr == MAX_NAMES)
		give_up("more than %d kfuncs, struct_ops or trace events", MAX_NAMES);
	strings_add(list, xasprintf("%.*s", (int)len, name));
}

static void find_symbols(const struct elf *e, struct module *m)
{
	static const char id[] = "__BTF_ID__", event[] = "__bpf_trace_tp_map_";
	size_t size = e->is32 ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym), at;
	const struct section *s = NULL, *strs;
	struct blob data, str;
	const char *name;
	Elf64_Sym sym;
	unsigned int i;

	for (i = 1; i < e->nr; i++) {
		m->has_ids |= is_btf_ids(e, i) && e->sections[i].size;
		if (!s && e->sections[i].type == SHT_SYMTAB)
			s = e->sections + i;
	}
	if (!s || s->link >= e->nr)
		return;
	strs = e->sections + s->link;
	if (strs->type != SHT_STRTAB)
		return;
	data = section_data(e, s);
	str = section_data(e, strs);
	if (!str.size || ((char *)str.data)[str.size - 1])
		return;

	for (at = 0; inside(&data, at, size); at += size) {
		sym = read_symbol(e, data.data + at);
		if (sym.st_name >= str.size)
			continue;
		name = str.data + sym.st_name;
		if (name[0] != '_' || name[1] != '_')
			continue;
		tick();
		if (!strncmp(name, event, sizeof(event) - 1))
			add_name(&m->trace_events, name + sizeof(event) - 1,
				 strnlen(name + sizeof(event) - 1, NAME_LEN));
		else if (!strncmp(name, id, sizeof(id) - 1) && is_btf_ids(e, sym.st_shndx))
			add_id(e, m, &sym, name + sizeof(id) - 1);
	}
}

static int cmp_set(const void *a, const void *b)
{
	const struct btf_id_sym * const *x = a, * const *y = b;

	return (*x)->data < (*y)->data ? -1 : (*x)->data > (*y)->data;
}

/* Is @data in one of the @nr sets, which are in order? */
static bool in_set(const struct btf_id_sym **sets, size_t nr, const void *data)
{
	size_t low = 0, mid;

	/* the last set that begins before it */
	while (low < nr) {
		mid = low + (nr - low) / 2;
		if (sets[mid]->data < data)
			low = mid + 1;
		else
			nr = mid;
	}
	return low && data < sets[low - 1]->data + sets[low - 1]->size;
}

/* kfuncs are the functions in a set with flags: func__NAME__NUMBER */
static void find_kfuncs(struct module *m)
{
	const struct btf_id_sym **sets = xcalloc(m->nr_ids, sizeof(*sets)), *s;
	const char *end;
	size_t i, nr = 0;

	for (i = 0; i < m->nr_ids; i++)
		if (m->ids[i].words == 2 && !m->ids[i].outside)
			sets[nr++] = m->ids + i;
	qsort(sets, nr, sizeof(*sets), cmp_set);
	for (i = 0; i < m->nr_ids; i++) {
		s = m->ids + i;
		if (s->outside || strncmp(s->name, "func__", 6) || !in_set(sets, nr, s->data))
			continue;
		/* the last "__" is followed by a number */
		for (end = s->name + strnlen(s->name, 2 * NAME_LEN); end > s->name + 6; end--)
			if (end[0] == '_' && end[-1] == '_')
				break;
		if (end > s->name + 7)
			add_name(&m->kfuncs, s->name + 6, end - 1 - s->name - 6);
	}
	xfree(sets);
}

/* The types that a struct_ops is registered by are the module's own, and so is their
 * name; where its names begin need not be known
 */
static void find_struct_ops(struct module *m)
{
	static const char prefix[] = "bpf_struct_ops_";
	const char *p = m->split.data, *end = p + m->split.size, *stop;

	while (p && (p = memmem(p, end - p, prefix, sizeof(prefix) - 1))) {
		stop = memchr(p, 0, end - p);
		if (!stop)
			return;
		if (p > (char *)m->split.data && !p[-1] && strcmp(p, "bpf_struct_ops_common_value"))
			add_name(&m->struct_ops, p + sizeof(prefix) - 1,
				 stop - p - (sizeof(prefix) - 1));
		p = stop;
	}
}

/* modinfo has it, or the file is called so */
static char *module_name(const struct elf *e, const char *path)
{
	const char *p, *end, *slash = strrchr(path, '/');
	struct blob info = {};
	char *name, *c, *last = NULL;
	unsigned int i;

	for (i = 1; i < e->nr; i++)
		if (!strcmp(e->sections[i].name, ".modinfo"))
			info = section_data(e, e->sections + i);
	for (p = info.data; p && p < (char *)info.data + info.size; p = end + 1) {
		end = memchr(p, 0, (char *)info.data + info.size - p);
		if (!end)
			break;
		if (!strncmp(p, "name=", 5) && p[5]) {
			if (end - p - 5 >= MODULE_NAME_LEN)
				give_up("its name has more than %d bytes", MODULE_NAME_LEN - 1);
			return xstrdup(p + 5);
		}
	}
	name = xstrdup(slash ? slash + 1 : path);
	for (c = name; (c = strstr(c, ".ko")); c++)
		last = c;
	if (last)
		*last = 0;
	for (c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

/* From here on all is in the byte order of this program */
static void swap_btf(struct module *m)
{
	struct blob *parts[] = { &m->split, &m->base, &m->distilled };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		parts[i]->data = memcpy(xrealloc(NULL, parts[i]->size), parts[i]->data ?: "",
					parts[i]->size);
	}
	btf_swap(m->split);
	btf_swap(m->base);
	btf_distilled_swap(m->distilled);
}

char *module_parse(struct module *m, struct blob file, const char *path)
{
	const char *problem;
	struct elf e;

	*m = (struct module){};
	problem = elf_open(&e, file);
	if (!problem && e.type != ET_REL)
		problem = "an ELF file, but not a module";
	if (!problem) {
		m->is32 = e.is32;
		m->swapped = e.swapped;
		find_sections(&e, m);
		find_symbols(&e, m);
		find_kfuncs(m);
		find_struct_ops(m);
		m->name = module_name(&e, path);
		if (e.swapped)
			swap_btf(m);
	}
	xfree(e.sections);
	return problem ? xstrdup(problem) : NULL;
}
