// SPDX-License-Identifier: GPL-2.0-only
/* The BTF of a kernel, from whatever form of it there is */

#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include "kernel.h"
#include "modbtf.h"

/* Documentation/arch/x86/boot.rst */
#define SETUP_SECTS	0x1f1
#define HEADER		0x202
#define PAYLOAD_OFFSET	0x248
#define PAYLOAD_LENGTH	0x24c

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_bzimage(const struct blob *b)
{
	return b->size > PAYLOAD_LENGTH + 4 && !memcmp(b->data + HEADER, "HdrS", 4);
}

/* The compressed vmlinux in a bzImage; it is followed by its size, of 4 bytes */
static char *bzimage_payload(struct blob *b)
{
	const uint8_t *p = b->data;
	uint64_t sects = p[SETUP_SECTS] ?: 4, off, len;

	off = (sects + 1) * 512 + get32(p + PAYLOAD_OFFSET);
	len = get32(p + PAYLOAD_LENGTH);
	if (len < 4 || off > b->size || len > b->size - off)
		return xstrdup("cut off: the compressed kernel is outside of the file");
	/* of gzip it is a part */
	if (p[off] != 0x1f)
		len -= 4;
	memmove(b->data, b->data + off, len);
	b->size = len;
	return NULL;
}

static bool is_btf(const struct blob *b)
{
	static const uint16_t magic = BTF_MAGIC;

	return btf_is_swapped(*b) ||
	       (b->size >= sizeof(magic) && !memcmp(b->data, &magic, sizeof(magic)));
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

char *find_base(struct blob in, struct blob *out, struct kernel *k)
{
	struct blob btf = {}, id = {};
	char *problem = NULL;
	int i;

	*out = btf;
	*k = (struct kernel){};
	/* a vmlinuz may be compressed, too */
	for (i = 0; i < 2; i++) {
		if (is_bzimage(&in))
			problem = bzimage_payload(&in);
		if (problem)
			goto err;
		problem = unpack(in, &in);
		if (problem)
			return problem;
	}
	kernel_look(k, in);
	if (is_btf(&in)) {
		*out = in;
		return NULL;
	}
	if (in.size < SELFMAG || memcmp(in.data, ELFMAG, SELFMAG)) {
		problem = xstrdup("no vmlinux, vmlinuz or BTF");
		goto err;
	}
	problem = elf_section(in, ".BTF", &btf) ?: elf_section(in, ".BTF_id", &id);
	if (!problem && !btf.size)
		problem = xstrdup("this kernel has no BTF");
	if (!problem && !id_is_right(btf, id))
		problem = xstrdup("its .BTF_id is not the SHA-256 of its .BTF");
	if (problem)
		goto err;
	/* the rest of it is a hundred times as large */
	out->data = memcpy(xrealloc(NULL, btf.size), btf.data, btf.size);
	out->size = btf.size;
err:
	xfree(in.data);
	return problem;
}

char *read_base(const char *path, struct blob *out, struct kernel *k)
{
	struct blob file;
	char *problem;

	*out = (struct blob){};
	problem = read_file(path, true, &file);
	return problem ?: find_base(file, out, k);
}
