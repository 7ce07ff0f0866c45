// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF file of a module.  It is read by hand, and not by libelf as a kernel is: what
 * elf_validity_cache_*() of kernel/module/main.c refuse has to be refused, and no more; of two
 * sections the kernel takes the first or neither; and symbols are looked at in place, for speed.
 * Nothing in it is trusted: it may be cut off or made to do harm.
 */

#include <byteswap.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* As for a kernel of 64 bits */
#define MODULE_NAME_LEN		56

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HOST_DATA		ELFDATA2MSB
#else
#define HOST_DATA		ELFDATA2LSB
#endif

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
	uint16_t type, machine;
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
			.e_machine = half(e, h32.e_machine),
			.e_shoff = word(e, h32.e_shoff),
			.e_shentsize = half(e, h32.e_shentsize),
			.e_shnum = half(e, h32.e_shnum),
			.e_shstrndx = half(e, h32.e_shstrndx),
		};
	}
	memcpy(&h, p, sizeof(h));
	return (Elf64_Ehdr){
		.e_type = half(e, h.e_type),
		.e_machine = half(e, h.e_machine),
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
	e->swapped = ident[EI_DATA] != HOST_DATA;
	if (file.size < (e->is32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr)))
		return "cut off: the ELF header is not complete";
	hdr = read_header(e, file.data);
	if (hdr.e_shentsize != (e->is32 ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr)) || !hdr.e_shnum)
		return "the ELF file has no section headers that can be read";
	if (!inside(&file, hdr.e_shoff, (uint64_t)hdr.e_shnum * hdr.e_shentsize))
		return "cut off: the section headers are outside of the file";
	e->type = hdr.e_type;
	e->machine = hdr.e_machine;
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

/* The first note, as kernel/module/btf.c reads it */
static void read_note(const struct elf *e, struct blob note, struct module *m)
{
	static const char owner[] = "Linux";
	const size_t head = sizeof(Elf64_Nhdr) + 8;	/* with the owner */
	uint32_t size;
	Elf64_Nhdr n;
	void *id;

	if (note.size < head + BTF_BASE_ID_SIZE)
		return;
	memcpy(&n, note.data, sizeof(n));
	size = word(e, n.n_descsz);
	if (word(e, n.n_namesz) != sizeof(owner) ||
	    memcmp(note.data + sizeof(n), owner, sizeof(owner)) ||
	    size < BTF_BASE_ID_SIZE || !inside(&note, head, (size + 3ULL) & ~3ULL))
		return;
	id = note.data + head;
	if (word(e, n.n_type) == LINUX_ELFNOTE_BTF_BASE_ID) {
		m->id = id;
	} else if (word(e, n.n_type) == LINUX_ELFNOTE_BTF_DISTILLED_ID) {
		m->distilled_id = id;
		m->table = (struct blob){ id + BTF_BASE_ID_SIZE, size - BTF_BASE_ID_SIZE };
	}
}

/* find_btf_sections() of kernel/module/btf.c */
static void find_sections(const struct elf *e, struct module *m)
{
	struct blob note = {};
	const struct {
		const char *name;
		struct blob *found;
	} known[] = {
		{ ".BTF", &m->split },
		{ ".BTF.base", &m->base },
		{ BTF_NOTE_SECTION, &note },
		{ ".BTF_ids", &m->ids },
	};
	const struct section *s;
	unsigned int i, k;

	for (i = 1; i < e->nr; i++) {
		s = e->sections + i;
		if (!strcmp(s->name, ".note.gnu.build-id"))
			m->build_id = section_data(e, s);
		for (k = 0; k < ARRAY_SIZE(known); k++) {
			if (strcmp(s->name, known[k].name))
				continue;
			m->bad |= known[k].found->data || s->type == SHT_NOBITS ||
				  (known[k].found == &m->ids && !(s->flags & SHF_ALLOC));
			/* stock takes the first, this series neither */
			if (!known[k].found->data)
				*known[k].found = s->type != SHT_NOBITS ? section_data(e, s) :
						  (struct blob){ e->file.data, 0 };
		}
	}
	m->bad |= m->base.data && !m->base.size;
	read_note(e, note, m);
}

static bool is_btf_ids(const struct elf *e, unsigned int i)
{
	const struct section *s = e->sections + i;

	return i && i < e->nr && !strcmp(s->name, ".BTF_ids");
}

/* In a file that is not loaded a symbol is relative to its section */
static void add_id(const struct elf *e, struct id_syms *list, const Elf64_Sym *sym,
		   const char *name)
{
	struct blob sec = section_data(e, e->sections + sym->st_shndx);

	if (sym->st_size < sizeof(uint32_t) || !inside(&sec, sym->st_value, sym->st_size))
		return;
	if (!(list->nr & (list->nr - 1)))
		list->sym = xrealloc(list->sym, (list->nr ? 2 * list->nr : 1) * sizeof(*list->sym));
	list->sym[list->nr++] = (struct id_sym){
		.name = name, .data = sec.data + sym->st_value, .size = sym->st_size,
	};
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

static int cmp_set(const void *a, const void *b)
{
	const struct id_sym *x = a, *y = b;

	return x->data < y->data ? -1 : x->data > y->data;
}

/* Which of the sets, which are in order, is @data in?  NULL: none */
static const struct id_sym *set_of(const struct id_syms *sets, const void *data)
{
	size_t low = 0, high = sets->nr, mid;

	/* the last set that begins before it */
	while (low < high) {
		mid = low + (high - low) / 2;
		if (sets->sym[mid].data < data)
			low = mid + 1;
		else
			high = mid;
	}
	return low && data < sets->sym[low - 1].data + sets->sym[low - 1].size ?
	       sets->sym + low - 1 : NULL;
}

/* What is behind the kind in the name of a set, with flags or without; NULL: of no set */
static const char *set_name(const char *name)
{
	return !strncmp(name, "set__", 5) ? name + 5 :
	       !strncmp(name, "set8__", 6) ? name + 6 : NULL;
}

/* Which ids are in sets; kfuncs are the functions in those with flags */
static void find_sets(struct module *m, struct id_syms *sets)
{
	struct id_sym *sym = m->id_syms.sym, *end = sym + m->id_syms.nr;
	const struct id_sym *set;
	struct id_name name;

	if (!sets->nr)
		return;
	qsort(sets->sym, sets->nr, sizeof(*sets->sym), cmp_set);
	for (; sym < end; sym++) {
		set = set_of(sets, sym->data);
		if (!set)
			continue;
		sym->set = set_name(set->name);
		if (sym->set == set->name + 6 && id_name(&name, sym) &&
		    name.kind == BTF_KIND_FUNC)
			add_name(&m->kfuncs, name.name, name.len);
	}
}

static void find_symbols(const struct elf *e, struct module *m)
{
	static const char id[] = "__BTF_ID__", event[] = "__bpf_trace_tp_map_";
	size_t size = e->is32 ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym), at;
	const struct section *s = NULL, *strs;
	struct id_syms sets = {};
	struct blob data, str;
	const char *name;
	Elf64_Sym sym;
	unsigned int i;

	for (i = 1; i < e->nr && !s; i++)
		if (e->sections[i].type == SHT_SYMTAB)
			s = e->sections + i;
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
		else if (is_btf_ids(e, sym.st_shndx) && !strncmp(name, id, sizeof(id) - 1))
			add_id(e, set_name(name + sizeof(id) - 1) ? &sets : &m->id_syms, &sym,
			       name + sizeof(id) - 1);
	}
	find_sets(m, &sets);
	xfree(sets.sym);
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
	const char *p, *end;
	struct blob info = {};
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
	return module_of_file(path);
}

/* From here on BTF is in the byte order of this program */
static void swap_btf(struct blob *b)
{
	if (!b->data)
		return;
	b->data = memcpy(xrealloc(NULL, b->size), b->data, b->size);
	btf_swap(*b);
}

uint32_t module_word(const struct module *m, const void *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return m->swapped ? bswap_32(word) : word;
}

char *module_parse(struct module *m, struct blob file, const char *path)
{
	const char *problem;
	struct elf e;

	*m = (struct module){};
	problem = elf_open(&e, file);
	if (is_package(&file))
		problem = "a package; name a module in it, as PACKAGE:MODULE";
	if (!problem && e.type != ET_REL)
		problem = "an ELF file, but not a module";
	if (!problem) {
		m->machine = e.machine;
		m->is32 = e.is32;
		m->swapped = e.swapped;
		find_sections(&e, m);
		find_symbols(&e, m);
		find_struct_ops(m);
		m->name = module_name(&e, path);
		if (e.swapped) {
			swap_btf(&m->split);
			swap_btf(&m->base);
		}
	}
	xfree(e.sections);
	return problem ? xstrdup(problem) : NULL;
}

/* For a message */
static char *machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{ EM_X86_64, "x86_64" }, { EM_386, "i386" }, { EM_AARCH64, "arm64" },
		{ EM_ARM, "arm" }, { EM_RISCV, "riscv" }, { EM_S390, "s390" },
		{ EM_PPC64, "powerpc64" }, { EM_PPC, "powerpc" }, { EM_MIPS, "mips" },
		{ 258, "loongarch" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return xstrdup(names[i].name);
	return xasprintf("machine %u", machine);
}

char *foreign_to(const struct base *b, const char *name, const struct module *m)
{
	u32 size = b->btf ? b->btf->long_size : 0;
	char *kernel, *module, *problem;

	/* each is compared if both are known */
	if (b->machine && m->machine && b->machine != m->machine) {
		kernel = machine_name(b->machine);
		module = machine_name(m->machine);
		problem = xasprintf("of another machine than %s: %s, not %s", name, module, kernel);
		xfree(kernel);
		xfree(module);
		return problem;
	}
	if (m->swapped != b->swapped)
		return xasprintf("of another byte order than %s", name);
	if (size && size != (m->is32 ? 4 : 8))
		return xasprintf("of another size of pointers than %s: %d bits, not %u", name,
				 m->is32 ? 32 : 64, size * 8);
	return NULL;
}
