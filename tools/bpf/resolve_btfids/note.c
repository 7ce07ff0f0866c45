// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel needs to know of the BTF of a module before it uses it: the base id, the
 * SHA-256 of the raw BTF of the vmlinux that the module is built with.  vmlinux carries its
 * own id in .BTF_id.  See include/linux/btf_note.h.
 */

#define _GNU_SOURCE
#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "note.h"

#define ID_SECTION ".BTF_id"

static int hash_btf(const char *path, const struct btf *btf, unsigned char *id)
{
	const void *raw;
	__u32 size;

	raw = btf__raw_data(btf, &size);
	if (!raw) {
		fprintf(stderr, "FAILED no raw BTF for %s\n", path);
		return -1;
	}
	libbpf_sha256(raw, size, id);
	return 0;
}

/* Write @size bytes to the file @path.SECTION */
static int write_section(const char *path, const char *section, const void *data, size_t size)
{
	char *name;
	FILE *f;
	int err;

	if (asprintf(&name, "%s%s", path, section) < 0) {
		fprintf(stderr, "FAILED no memory for %s\n", path);
		return -1;
	}
	f = fopen(name, "wb");
	err = !f || fwrite(data, 1, size, f) != size;
	if (f && fclose(f))
		err = -1;
	if (err) {
		fprintf(stderr, "FAILED cannot write %s: %s\n", name, strerror(errno));
		unlink(name);
	}
	free(name);
	return err ? -1 : 0;
}

/* Write the id of @btf, the BTF of the vmlinux @path */
int write_vmlinux_id(const char *path, const struct btf *btf)
{
	unsigned char id[BTF_BASE_ID_SIZE];

	return hash_btf(path, btf, id) ?: write_section(path, ID_SECTION, id, sizeof(id));
}

/* Copy section .BTF_id of an ELF file. Returns 0, or -1 if there is none. */
static int copy_id(Elf *elf, unsigned char *id)
{
	size_t shdrstrndx;
	Elf_Scn *scn = NULL;
	const char *name;
	Elf_Data *data;
	GElf_Shdr sh;

	if (elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &shdrstrndx))
		return -1;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			continue;
		name = elf_strptr(elf, shdrstrndx, sh.sh_name);
		if (!name || strcmp(name, ID_SECTION))
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf || data->d_size != BTF_BASE_ID_SIZE)
			return -1;
		memcpy(id, data->d_buf, BTF_BASE_ID_SIZE);
		return 0;
	}
	return -1;
}

/* Read the id of the vmlinux @path, whose BTF is @base: the one that it carries, which saves
 * a quarter of the time that pahole takes; or, if @hash or if there is none, as in raw BTF,
 * what it should be.
 */
int read_base_id(const char *path, const struct btf *base, bool hash, unsigned char *id)
{
	Elf *elf;
	int fd, err;

	if (hash)
		return hash_btf(path, base, id);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		fprintf(stderr, "FAILED cannot open %s: %s\n", path, strerror(errno));
		return -1;
	}
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	err = elf ? copy_id(elf, id) : -1;
	elf_end(elf);
	close(fd);
	return err ? hash_btf(path, base, id) : 0;
}

static __u32 *put(__u32 *p, bool swap, __u32 word)
{
	*p = swap ? bswap_32(word) : word;
	return p + 1;
}

/* Get the range of .BTF_ids that begins at word @i. Returns the word behind it, or 0 if there is
 * none.
 */
static size_t find_range(const struct btf_note *note, size_t i, struct btf_ids_range *r)
{
	size_t words = note->words[i] == BTF_WORD_SET8 ? 2 : 1, end;

	r->offset = i * sizeof(__u32);
	switch (note->words[i]) {
	case BTF_WORD_SET:
	case BTF_WORD_SET8:
		r->kind = words == 2 ? BTF_IDS_SET8 : BTF_IDS_SET;
		r->cnt = note->ids[i];
		end = i + (r->cnt + (size_t)1) * words;
		return end <= note->nr_words ? end : 0;
	default:
		r->kind = BTF_IDS_LIST;
		for (end = i; end < note->nr_words && note->words[end] == BTF_WORD_ID; end++)
			;
		r->cnt = end - i;
		return end;
	}
}

/* Write section .note.BTF of the module @path */
int write_note(const char *path, const struct btf_note *note)
{
	static const char owner[8] = "Linux";
	const size_t head = 5, id = BTF_BASE_ID_SIZE / 4;
	struct btf_ids_range r;
	__u32 *words, *p;
	size_t i;
	int err;

	/* a range takes 3 words and covers at least one */
	words = calloc(head + id + note->nr_words * 3, sizeof(*words));
	if (!words) {
		fprintf(stderr, "FAILED no memory for the note of %s\n", path);
		return -1;
	}

	p = words + head;
	memcpy(p, note->id, BTF_BASE_ID_SIZE);
	p += id;
	for (i = 0; i < note->nr_words;) {
		if (note->words[i] == BTF_WORD_OTHER) {
			i++;
			continue;
		}
		i = find_range(note, i, &r);
		if (!i) {
			fprintf(stderr, "FAILED %s: a set ends behind .BTF_ids, at %u\n",
				path, r.offset);
			free(words);
			return -1;
		}
		p = put(p, note->swap, r.offset);
		p = put(p, note->swap, r.kind);
		p = put(p, note->swap, r.cnt);
	}

	put(words, note->swap, sizeof("Linux"));
	put(words + 1, note->swap, (p - words - head) * sizeof(*p));
	put(words + 2, note->swap, note->distilled ? LINUX_ELFNOTE_BTF_DISTILLED_ID :
						     LINUX_ELFNOTE_BTF_BASE_ID);
	memcpy(words + 3, owner, sizeof(owner));

	err = write_section(path, BTF_NOTE_SECTION, words, (p - words) * sizeof(*p));
	free(words);
	return err;
}
