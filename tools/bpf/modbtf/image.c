// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BTF of a kernel, from whatever there is of it.  That of an ELF file is its section .BTF.
 * In other images it is found by its header, in the file or in what is compressed in it, and taken
 * if all of it can be parsed.
 */

#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include "input.h"
#include "kernel.h"
#include "modbtf.h"

/* Images in one another: a unified kernel image has a bzImage, which has vmlinux */
#define MAX_DEPTH	4
/* Of these, where a compression is searched for */
#define MAX_SEARCHED	2

/* Documentation/arch/x86/boot.rst; drivers/firmware/efi/libstub/zboot-header.S is simpler */
#define SETUP_SECTS	0x1f1
#define PAYLOAD_OFFSET	0x248
#define PAYLOAD_LENGTH	0x24c

/* The PE format: of the headers, as far as they are needed */
#define PE_OFFSET	0x3c
#define PE_MACHINE	4
#define PE_NR_SECTIONS	6
#define PE_OPT_SIZE	20
#define PE_HEADERS	24
#define PE_SECTION	40
#define PE_RAW_SIZE	16
#define PE_RAW_OFFSET	20

/* Images that say what they are */
static const struct {
	const char *magic, *name;
	size_t size, offset;
	uint16_t machine;
} images[] = {
	{ "ARM\x64", "an arm64 Image", 4, 0x38, EM_AARCH64 },
	{ "RSC\x05", "a RISC-V Image", 4, 0x38, EM_RISCV },
	{ "\x18\x28\x6f\x01", "an ARM zImage", 4, 0x24, EM_ARM },
	{ "S390EP", "an s390 image", 6, 0x10008, EM_S390 },
	{ "ANDROID!", "an Android boot image", 8, 0 },
	{ "\x27\x05\x19\x56", "a uImage", 4, 0 },
	{ "\xd0\x0d\xfe\xed", "a FIT image", 4, 0 },
};

/* Machines by their number in PE files */
static const struct {
	uint16_t pe, elf;
} pe_machines[] = {
	{ 0x8664, EM_X86_64 }, { 0x014c, EM_386 }, { 0xaa64, EM_AARCH64 }, { 0x01c2, EM_ARM },
	{ 0x5064, EM_RISCV }, { 0x5032, EM_RISCV }, { 0x6264, 258 /* EM_LOONGARCH */ },
};

static uint16_t get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static bool has(const struct blob *b, size_t offset, const char *magic, size_t size)
{
	return b->size >= size && offset <= b->size - size &&
	       !memcmp(b->data + offset, magic, size);
}

/* The bytes of @b from @off on, at most @size; .data is NULL if none of them is there */
static struct blob part(const struct blob *b, uint64_t off, uint64_t size)
{
	if (off >= b->size)
		return (struct blob){};
	return (struct blob){ b->data + off, min_t(uint64_t, size, b->size - off) };
}

/* What an image says that its compressed kernel is: of a bzImage the kernel is followed by its
 * size, of 4 bytes.  .data is NULL if it does not say it.  Returns NULL, or what is wrong.
 */
static char *find_payload(const struct blob *b, struct blob *out)
{
	bool is_bzimage = has(b, 0x202, "HdrS", 4) && b->size > PAYLOAD_LENGTH + 4;
	const uint8_t *p = b->data;
	struct blob payload;
	uint64_t off, len;

	*out = (struct blob){};
	if (is_bzimage) {
		off = ((p[SETUP_SECTS] ?: 4) + 1) * 512 + (uint64_t)get32(p + PAYLOAD_OFFSET);
		len = get32(p + PAYLOAD_LENGTH);
	} else if (has(b, 0, "MZ", 2) && has(b, 4, "zimg", 4) && b->size > 16) {
		off = get32(p + 8);
		len = get32(p + 12);
	} else {
		return NULL;
	}
	payload = part(b, off, len);
	if (len < 4 || payload.size < len)
		return xstrdup("cut off: the compressed kernel is outside of the file");
	/* of gzip the size is a part */
	if (is_bzimage && p[off] != 0x1f)
		payload.size -= 4;
	return undo(payload, out) ?: is_compressed(&payload) ? NULL :
	       xstrdup("a kernel in no compression that is known");
}

/* The headers of a PE file; .data is NULL if it is none */
static struct blob pe_headers(const struct blob *b)
{
	struct blob pe = {};

	if (has(b, 0, "MZ", 2) && b->size >= PE_OFFSET + 4)
		pe = part(b, get32(b->data + PE_OFFSET), UINT64_MAX);
	return pe.size >= PE_HEADERS && has(&pe, 0, "PE\0", 4) ? pe : (struct blob){};
}

/* The kernel in a unified kernel image; .data is NULL if there is none */
static struct blob uki_kernel(const struct blob *b)
{
	struct blob pe = pe_headers(b), s;
	unsigned int i;
	size_t at;

	if (!pe.data)
		return pe;
	at = PE_HEADERS + get16(pe.data + PE_OPT_SIZE);
	for (i = 0; i < get16(pe.data + PE_NR_SECTIONS); i++) {
		s = part(&pe, at + i * PE_SECTION, PE_SECTION);
		if (s.size == PE_SECTION && has(&s, 0, ".linux\0", 8))
			return part(b, get32(s.data + PE_RAW_OFFSET), get32(s.data + PE_RAW_SIZE));
	}
	return (struct blob){};
}

/* What image @b is, or NULL.  Sets @machine if it tells */
static const char *image_name(const struct blob *b, uint16_t *machine)
{
	struct blob pe = pe_headers(b);
	size_t i;

	for (i = 0; pe.data && i < ARRAY_SIZE(pe_machines); i++)
		if (get16(pe.data + PE_MACHINE) == pe_machines[i].pe)
			*machine = pe_machines[i].elf;
	for (i = 0; i < ARRAY_SIZE(images); i++) {
		if (!has(b, images[i].offset, images[i].magic, images[i].size))
			continue;
		*machine = images[i].machine ?: *machine;
		return images[i].name;
	}
	return pe.data ? "a PE image" : NULL;
}

static bool is_btf(const struct blob *b)
{
	static const uint16_t magic = BTF_MAGIC;

	return btf_is_swapped(*b) ||
	       (b->size >= sizeof(magic) && !memcmp(b->data, &magic, sizeof(magic)));
}

static struct blob copy(struct blob b)
{
	if (b.data)
		b.data = memcpy(xrealloc(NULL, b.size), b.data, b.size);
	return b;
}

/* The BTF that may begin at @b, by its header; .data is NULL if that is not sound */
static struct blob sound_btf(struct blob b)
{
	struct btf_header h = {};
	uint64_t size;
	const char *s;

	if (!b.data)
		return b;
	memcpy(&h, b.data, min_t(size_t, sizeof(h), b.size));
	/* only its header is needed in the byte order of this program */
	if (btf_is_swapped(b))
		btf_swap((struct blob){ &h, sizeof(h) });
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION || h.flags ||
	    h.hdr_len < offsetof(struct btf_header, layout_off) || h.hdr_len > 256 ||
	    !h.type_len || !h.str_len)
		return (struct blob){};
	size = max_t(uint64_t, (uint64_t)h.type_off + h.type_len, (uint64_t)h.str_off + h.str_len);
	if (h.hdr_len >= sizeof(h))
		size = max_t(uint64_t, size, (uint64_t)h.layout_off + h.layout_len);
	size += h.hdr_len;
	if (size > b.size)
		return (struct blob){};
	s = b.data + h.hdr_len + h.str_off;
	/* that of a module continues the strings of its base */
	return *s || s[h.str_len - 1] ? (struct blob){} : part(&b, 0, size);
}

/* Can all of it be parsed, at least up to a type that the kernel does not take? */
static bool is_whole(struct blob raw)
{
	struct btf btf;
	bool whole;

	raw = copy(raw);
	if (btf_is_swapped(raw))
		btf_swap(raw);
	whole = !btf_parse(&btf, raw.data, raw.size, NULL, newest_rules) || btf.why_id > 1;
	btf_free(&btf);
	xfree(raw.data);
	return whole;
}

/* Raw BTF in @b.  The largest: modules in the image can have small bases of their own */
static struct blob find_raw(const struct blob *b)
{
	static const char starts[2][4] = { "\x9f\xeb\x01", "\xeb\x9f\x01" };
	struct blob best = {}, found;
	const void *p;
	int i;

	for (i = 0; i < 2; i++) {
		for (p = b->data; (p = memmem(p, b->data + b->size - p, starts[i], 4)); p++) {
			tick();
			found = sound_btf(part(b, p - b->data, UINT64_MAX));
			if (found.size > best.size && is_whole(found))
				best = found;
		}
	}
	return best;
}

/* Is the section .BTF_id of a vmlinux, if there is one, the base id of its BTF? */
static bool id_is_right(struct blob btf, struct blob id)
{
	uint8_t hash[BTF_BASE_ID_SIZE];

	if (!id.data)
		return true;
	libbpf_sha256(btf.data, btf.size, hash);
	return id.size == sizeof(hash) && !memcmp(id.data, hash, sizeof(hash));
}

/* Section .BTF of a vmlinux.  Returns NULL, or what is wrong, for xfree(); then @none says whether
 * it is that there is none.
 */
static char *elf_btf(const struct blob *b, struct image *out, bool *none)
{
	Elf *elf = elf_version(EV_CURRENT) ? elf_memory(b->data, b->size) : NULL;
	struct blob btf = {}, id = {}, *to;
	char *problem = NULL;
	uint64_t headers;
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Ehdr eh = {};
	GElf_Shdr sh;
	size_t names;

	*none = false;
	if (!gelf_getehdr(elf, &eh))
		problem = xasprintf("cut off or damaged: %s", elf_errmsg(-1));
	headers = problem ? 0 : (uint64_t)eh.e_shnum * eh.e_shentsize;
	if (!problem && part(b, eh.e_shoff, headers).size < headers)
		problem = xstrdup("cut off: the section headers are outside of the file");
	if (!problem)
		out->machine = eh.e_machine ?: out->machine;
	names = eh.e_shstrndx;
	/* elf_getshdrstrndx() would look for a file if the byte order is another */
	if (!problem && names == SHN_XINDEX && gelf_getshdr(elf_getscn(elf, 0), &sh))
		names = sh.sh_link;
	while (!problem && (scn = elf_nextscn(elf, scn))) {
		tick();
		name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		if (!name) {
			problem = xstrdup("cut off or damaged: a section without a name");
			break;
		}
		to = !strcmp(name, ".BTF") ? &btf : !strcmp(name, ".BTF_id") ? &id : NULL;
		if (!to || to->data)
			continue;
		*to = part(b, sh.sh_offset, sh.sh_size);
		if (sh.sh_type == SHT_NOBITS)
			problem = xasprintf("%s has no data here (NOBITS): vmlinuz has it", name);
		else if (sh.sh_size && to->size < sh.sh_size)
			problem = xasprintf("cut off: %s is outside of the file", name);
	}
	elf_end(elf);
	*none = !problem && !btf.size;
	if (*none)
		problem = xstrdup("this kernel has no BTF");
	if (!problem && !id_is_right(btf, id))
		problem = xstrdup("its .BTF_id is not the SHA-256 of its .BTF");
	if (!problem) {
		out->btf = copy(btf);
		kernel_look(&out->kernel, *b);
	}
	return problem;
}

/* Can a compression begin here?  More is asked for than by is_compressed(), as there are many
 * places.
 */
static bool is_stream(const struct blob *b)
{
	const uint8_t *p = b->data;

	if (b->size < 18 || !is_compressed(b))
		return false;
	switch (*p) {
	case 0x1f:	/* gzip: deflate, flags that there are */
		return p[2] == 8 && !(p[3] & 0xe0);
	case 'B':	/* bzip2: the level, and where a block begins */
		return p[3] >= '1' && p[3] <= '9' && !memcmp(p + 4, "1AY&SY", 6);
	case 0x5d:	/* lzma: size of the dictionary, that of the data or -1, and a zero */
		return get32(p + 1) >= 4096 && !p[13] &&
		       (get32(p + 9) == UINT32_MAX || (!get32(p + 9) && get32(p + 5)));
	}
	return true;
}

static char *look_in(const struct blob *b, struct image *out, unsigned int depth);

/* Look into what is compressed in @b, until one has BTF.  @nr: how many there are, @other: a
 * format that cannot be read.
 */
static char *look_in_streams(const struct blob *b, struct image *out, unsigned int depth,
			     unsigned int *nr, const char **other)
{
	/* what a compression can begin by: there are many places */
	static const char begins[] = "\x1f\xfd\x28\x04\x02\x42\x5d\x89";
	struct blob at, inner;
	char *problem = NULL;
	size_t off;

	for (off = 0; off < b->size && !out->btf.data && !problem; off++) {
		if (!(off % BLOCK))
			tick_now();
		if (!memchr(begins, ((char *)b->data)[off], sizeof(begins) - 1))
			continue;
		at = part(b, off, UINT64_MAX);
		if (starts(&at, "\x89LZO\0\r\n", 7))
			*other = unreadable(&at);
		if (!is_stream(&at))
			continue;
		problem = unpack_piece(at, &inner);
		if (!problem && inner.size) {
			++*nr;
			xfree(look_in(&inner, out, depth + 1));
		}
		xfree(inner.data);
	}
	return problem;
}

/* Look for BTF in @b.  Returns NULL, or what is wrong, for xfree() */
static char *look_in(const struct blob *b, struct image *out, unsigned int depth)
{
	const char *name = image_name(b, &out->machine), *other = NULL;
	struct blob inner = uki_kernel(b);
	char *problem, *why = NULL;
	unsigned int nr = 0;
	bool none;

	if (depth > MAX_DEPTH)
		return xstrdup("too many images in one another");
	if (inner.data)
		return look_in(&inner, out, depth + 1);
	problem = find_payload(b, &inner);
	if (problem)
		return problem;
	if (inner.data) {
		problem = look_in(&inner, out, depth + 1);
		xfree(inner.data);
		return problem;
	}
	if (has(b, 0, ELFMAG, SELFMAG)) {
		why = elf_btf(b, out, &none);
		if (!none)
			return why;
	}
	inner = find_raw(b);
	if (inner.data) {
		out->btf = copy(inner);
		kernel_look(&out->kernel, *b);
	} else if (depth <= MAX_SEARCHED) {
		problem = look_in_streams(b, out, depth, &nr, &other);
	}
	if (!out->btf.data && !problem) {
		problem = other ? unreadable_problem(other) :
			  nr ? xstrdup("no BTF in it, nor in what is compressed in it") :
			  why ? xstrdup(why) :
			  name ? xasprintf("%s without BTF and without a compressed kernel", name) :
			  xstrdup("no vmlinux, vmlinuz or BTF");
	}
	xfree(why);
	return problem;
}

char *find_base(struct blob in, struct image *out)
{
	char *problem;

	*out = (struct image){};
	problem = unpack(in, &in);
	if (problem)
		return problem;
	if (is_btf(&in)) {
		kernel_look(&out->kernel, in);
		out->btf = in;
		return NULL;
	}
	problem = is_package(&in) ? xstrdup("a package; name a file in it") : look_in(&in, out, 0);
	xfree(in.data);
	return problem;
}

/* What read_base() has found so far */
struct kernels {
	const char *path;	/* that was given */
	struct image *out;
	char *from;		/* where that is */
	char *problem;		/* the first */
	bool several;		/* of different BTF */
};

bool is_kernel_name(const char *path)
{
	static const char * const begins[] = {
		"vmlinux", "vmlinuz", "Image", "zImage", "bzImage", "uImage", "kernel", "boot.img",
		"linux.efi",
	};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static void add_trouble(void *ctx, const char *shown, char *problem)
{
	struct kernels *k = ctx;
	size_t len = strlen(k->path);

	/* the path that was given is said by the caller */
	if (!strncmp(shown, k->path, len) && shown[len])
		shown += len + strspn(shown + len, ":/");
	if (!k->problem)
		k->problem = !strcmp(shown, k->path) ? xstrdup(problem) :
			     xasprintf("%s: %s", shown, problem);
	xfree(problem);
}

static void add_kernel(void *ctx, const struct place *place, struct arena *arena,
		       struct blob *data)
{
	struct kernels *k = ctx;
	struct image image = {};
	struct blob file;
	char *problem = NULL;

	if (data)
		file = *data;
	else
		problem = read_file(place->shown, true, &file);
	problem = problem ?: find_base(file, &image);
	if (problem) {
		add_trouble(k, place->shown, problem);
		return;
	}
	if (!k->from) {
		*k->out = image;
		k->from = xstrdup(place->shown);
		return;
	}
	if (!image.btf.data || image.btf.size != k->out->btf.size ||
	    memcmp(image.btf.data, k->out->btf.data, image.btf.size)) {
		xfree(k->problem);
		k->problem = xasprintf("several kernels, %s and %s for two: name one", k->from,
				       place->shown);
		k->several = true;
	}
	xfree(image.btf.data);
}

char *read_base(const char *path, struct image *out)
{
	struct kernels k = { path, out };
	struct finder f = { "kernel", is_kernel_name, add_kernel, add_trouble, &k, true };

	*out = (struct image){};
	read_files(path, &f);
	if (k.from && !k.several) {
		/* beside a kernel much can have such a name */
		xfree(k.problem);
		k.problem = NULL;
	} else if (k.from) {
		xfree(out->btf.data);
	} else if (!k.problem) {
		k.problem = xstrdup("no kernel in it");
	}
	xfree(k.from);
	return k.problem;
}
