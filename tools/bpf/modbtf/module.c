// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF file of a module, read as kernel/module/btf.c does.  Nothing in it is
 * trusted: it may be cut off or made to do harm.
 */

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"

#define NOTE_BASE_ID		0x102	/* LINUX_ELFNOTE_BTF_BASE_ID */
#define NOTE_DISTILLED_ID	0x103	/* LINUX_ELFNOTE_BTF_DISTILLED_ID */

#define MAX_IDS			10000

struct elf {
	struct blob file;
	const Elf64_Ehdr *hdr;
	const Elf64_Shdr *sections;
	const char *names;
	size_t names_size;
};

static bool inside(const struct blob *b, uint64_t off, uint64_t size)
{
	return off <= b->size && size <= b->size - off;
}

/* Headers are read in place: @file is aligned, and so is what the kernel takes */
static const char *elf_open(struct elf *e, struct blob file)
{
	const Elf64_Shdr *s;
	unsigned int i;

	*e = (struct elf){ .file = file, .hdr = file.data };
	if (file.size < EI_NIDENT || memcmp(file.data, ELFMAG, SELFMAG))
		return "not an ELF file";
	if (e->hdr->e_ident[EI_CLASS] != ELFCLASS64 || e->hdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return "not a 64-bit little-endian ELF file, others are not supported";
	if (file.size < sizeof(*e->hdr))
		return "cut off: the ELF header is not complete";
	if (e->hdr->e_shentsize != sizeof(*s) || e->hdr->e_shoff % sizeof(uint64_t) ||
	    !e->hdr->e_shnum)
		return "the ELF file has no section headers that can be read";
	if (!inside(&file, e->hdr->e_shoff, (uint64_t)e->hdr->e_shnum * sizeof(*s)))
		return "cut off: the section headers are outside of the file";
	e->sections = file.data + e->hdr->e_shoff;
	/* the first is none, and nobody looks at it again */
	if (e->sections->sh_type != SHT_NULL)
		return "the first section header is not empty";
	if (!e->hdr->e_shstrndx || e->hdr->e_shstrndx >= e->hdr->e_shnum)
		return "the ELF file has no section names";
	for (i = 1; i < e->hdr->e_shnum; i++) {
		s = e->sections + i;
		if (s->sh_type != SHT_NULL && s->sh_type != SHT_NOBITS &&
		    !inside(&file, s->sh_offset, s->sh_size))
			return "cut off: a section is outside of the file";
	}
	s = e->sections + e->hdr->e_shstrndx;
	if (s->sh_type != SHT_STRTAB || !s->sh_size)
		return "the ELF file has no section names";
	e->names = file.data + s->sh_offset;
	e->names_size = s->sh_size;
	if (e->names[e->names_size - 1])
		return "the section names do not end";
	for (i = 1; i < e->hdr->e_shnum; i++)
		if (e->sections[i].sh_type != SHT_NULL && e->sections[i].sh_name >= e->names_size)
			return "a section has no name";
	return NULL;
}

static const char *section_name(const struct elf *e, const Elf64_Shdr *s)
{
	return s->sh_type == SHT_NULL ? "" : e->names + s->sh_name;
}

static struct blob section_data(const struct elf *e, const Elf64_Shdr *s)
{
	if (s->sh_type == SHT_NOBITS)
		return (struct blob){};
	return (struct blob){ e->file.data + s->sh_offset, s->sh_size };
}

char *elf_section(struct blob file, const char *name, struct blob *out)
{
	const char *problem;
	struct elf e;
	unsigned int i;

	*out = (struct blob){};
	problem = elf_open(&e, file);
	if (problem)
		return xstrdup(problem);
	for (i = 1; i < e.hdr->e_shnum; i++) {
		if (strcmp(section_name(&e, e.sections + i), name))
			continue;
		*out = section_data(&e, e.sections + i);
		break;
	}
	return NULL;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	while (size && !*p) {
		p++;
		size--;
	}
	return !size;
}

/* find_base_id() of kernel/module/btf.c, for notes of type @type */
static const uint8_t *find_base_id(struct blob notes, uint32_t type)
{
	static const char name[8] = "Linux\0\0";
	const void *p = notes.data;
	size_t size = notes.size;
	Elf64_Nhdr n;
	uint64_t len;

	while (size >= sizeof(n)) {
		memcpy(&n, p, sizeof(n));
		p += sizeof(n);
		size -= sizeof(n);
		if (n.n_namesz > size || n.n_descsz > size)
			return NULL;
		len = (((uint64_t)n.n_namesz + 3) & ~3ULL) + (((uint64_t)n.n_descsz + 3) & ~3ULL);
		if (len > size)
			return NULL;
		if (n.n_type == type && n.n_namesz == sizeof("Linux") &&
		    !memcmp(p, name, sizeof("Linux")) && n.n_descsz == BASE_ID_SIZE) {
			p += sizeof(name);
			return is_zero(p, BASE_ID_SIZE) ? NULL : p;
		}
		p += len;
		size -= len;
	}
	return NULL;
}

/* find_btf_sections() of kernel/module/btf.c */
static void find_sections(const struct elf *e, struct module *m)
{
	const Elf64_Shdr *s;
	struct blob *found, notes;
	const char *name;
	unsigned int i;
	bool *has;

	for (i = 1; i < e->hdr->e_shnum; i++) {
		s = e->sections + i;
		if (s->sh_type == SHT_NOTE && !(s->sh_offset % 4)) {
			notes = section_data(e, s);
			m->id = m->id ?: find_base_id(notes, NOTE_BASE_ID);
			m->distilled_id = m->distilled_id ?: find_base_id(notes, NOTE_DISTILLED_ID);
		}
		if (s->sh_type == SHT_NULL || s->sh_type == SHT_NOTE)
			continue;
		name = section_name(e, s);
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
		if (*has || (s->sh_type == SHT_NOBITS && s->sh_size))
			m->bad = true;
		/* stock takes the first, this series neither */
		if (!*has)
			*found = section_data(e, s);
		*has = true;
	}
}

static bool is_btf_ids(const struct elf *e, unsigned int i)
{
	const Elf64_Shdr *s = e->sections + i;

	return i && i < e->hdr->e_shnum && s->sh_type != SHT_NULL && s->sh_type != SHT_NOBITS &&
	       (s->sh_flags & SHF_ALLOC) && !strcmp(section_name(e, s), ".BTF_ids");
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
	s.outside = !inside(&sec, sym->st_value, s.words ? s.size : sizeof(uint32_t));
	if (!s.outside) {
		s.data = sec.data + sym->st_value;
		s.room = sec.size - sym->st_value;
	}
	if (!(m->nr_ids & (m->nr_ids - 1)))
		m->ids = xrealloc(m->ids, (m->nr_ids ? 2 * m->nr_ids : 1) * sizeof(s));
	m->ids[m->nr_ids++] = s;
}

static void find_symbols(const struct elf *e, struct module *m)
{
	static const char id[] = "__BTF_ID__", event[] = "__bpf_trace_tp_map_";
	const Elf64_Shdr *s = NULL, *strs;
	const Elf64_Sym *sym, *end;
	struct blob data, str;
	const char *name;
	unsigned int i;

	for (i = 1; i < e->hdr->e_shnum && !s; i++)
		if (e->sections[i].sh_type == SHT_SYMTAB)
			s = e->sections + i;
	if (!s || s->sh_link >= e->hdr->e_shnum || s->sh_offset % sizeof(uint64_t))
		return;
	strs = e->sections + s->sh_link;
	if (strs->sh_type != SHT_STRTAB)
		return;
	data = section_data(e, s);
	str = section_data(e, strs);
	if (!str.size || ((char *)str.data)[str.size - 1])
		return;

	sym = data.data;
	end = sym + data.size / sizeof(*sym);
	for (; sym < end; sym++) {
		if (sym->st_name >= str.size)
			continue;
		name = str.data + sym->st_name;
		if (name[0] != '_' || name[1] != '_')
			continue;
		if (!strncmp(name, event, sizeof(event) - 1))
			strings_add(&m->trace_events, xstrdup(name + sizeof(event) - 1));
		else if (!strncmp(name, id, sizeof(id) - 1) && is_btf_ids(e, sym->st_shndx))
			add_id(e, m, sym, name + sizeof(id) - 1);
	}
}

/* kfuncs are the functions in a set with flags: func__NAME__NUMBER */
static void find_kfuncs(struct module *m)
{
	const struct btf_id_sym *s, *set;
	const char *end;
	size_t i, j;

	/* no module has so many, and this is quadratic */
	if (m->nr_ids > MAX_IDS)
		return;
	for (i = 0; i < m->nr_ids; i++) {
		s = m->ids + i;
		if (s->outside || strncmp(s->name, "func__", 6))
			continue;
		for (j = 0; j < m->nr_ids; j++) {
			set = m->ids + j;
			if (set->words == 2 && !set->outside && s->data > set->data &&
			    s->data < set->data + set->size)
				break;
		}
		if (j == m->nr_ids)
			continue;
		/* the last "__" is followed by a number */
		for (end = s->name + strlen(s->name); end > s->name + 6; end--)
			if (end[0] == '_' && end[-1] == '_')
				break;
		if (end > s->name + 7)
			strings_add(&m->kfuncs, xasprintf("%.*s", (int)(end - 1 - s->name - 6),
							  s->name + 6));
	}
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
			strings_add(&m->struct_ops, xstrdup(p + sizeof(prefix) - 1));
		p = stop;
	}
}

/* modinfo has it, or the file is called so */
static char *module_name(const struct elf *e, const char *path)
{
	const char *p, *end, *slash = strrchr(path, '/');
	struct blob info = {};
	char *name, *c;
	unsigned int i;

	for (i = 1; i < e->hdr->e_shnum; i++)
		if (!strcmp(section_name(e, e->sections + i), ".modinfo"))
			info = section_data(e, e->sections + i);
	for (p = info.data; p && p < (char *)info.data + info.size; p = end + 1) {
		end = memchr(p, 0, (char *)info.data + info.size - p);
		if (!end)
			break;
		if (!strncmp(p, "name=", 5) && p[5])
			return xstrdup(p + 5);
	}
	name = xstrdup(slash ? slash + 1 : path);
	c = strstr(name, ".ko");
	if (c)
		*c = 0;
	for (c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

char *module_parse(struct module *m, struct blob file, const char *path)
{
	const char *problem;
	struct elf e;

	*m = (struct module){};
	problem = elf_open(&e, file);
	if (!problem && e.hdr->e_type != ET_REL)
		problem = "an ELF file, but not a module";
	if (problem)
		return xstrdup(problem);
	find_sections(&e, m);
	find_symbols(&e, m);
	find_kfuncs(m);
	find_struct_ops(m);
	m->name = module_name(&e, path);
	return NULL;
}

void module_free(struct module *m)
{
	free(m->name);
	free(m->ids);
	strings_free(&m->kfuncs);
	strings_free(&m->struct_ops);
	strings_free(&m->trace_events);
	*m = (struct module){};
}
