// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write the base id into a module: the SHA-256 of the raw BTF that the BTF of
 * the module is split from.  The kernel compares it with its own before it uses
 * the BTF of the module.  Its place is a note of zeros that comes from
 * scripts/module-common.c, see include/linux/btf_module.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "base_id.h"

/* Keep in sync with include/linux/btf_module.h */
#define NOTE_NAME		"Linux"
#define NOTE_BASE_ID		0x102
#define NOTE_DISTILLED_ID	0x103
#define BASE_ID_SIZE		32

static const char *section_name(Elf *elf, GElf_Shdr *sh)
{
	size_t shstrndx;

	if (elf_getshdrstrndx(elf, &shstrndx))
		return NULL;
	return elf_strptr(elf, shstrndx, sh->sh_name);
}

/*
 * Find the note for the base id. Returns its offset in the file, 0 if there is
 * none. *distilled is set if the file has a distilled base already.
 */
static off_t find_note(Elf *elf, GElf_Nhdr *nhdr, off_t *desc, bool *distilled)
{
	Elf_Scn *scn = NULL;
	off_t found = 0;

	while ((scn = elf_nextscn(elf, scn))) {
		size_t off = 0, next, name_off, desc_off;
		const char *name;
		Elf_Data *data;
		GElf_Nhdr n;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh))
			continue;
		name = section_name(elf, &sh);
		if (name && !strcmp(name, ".BTF.base"))
			*distilled = true;
		if (sh.sh_type != SHT_NOTE || found)
			continue;

		data = elf_getdata(scn, NULL);
		while (data && (next = gelf_getnote(data, off, &n, &name_off, &desc_off))) {
			if (n.n_namesz == sizeof(NOTE_NAME) && n.n_descsz == BASE_ID_SIZE &&
			    (n.n_type == NOTE_BASE_ID || n.n_type == NOTE_DISTILLED_ID) &&
			    !memcmp(data->d_buf + name_off, NOTE_NAME, sizeof(NOTE_NAME))) {
				*nhdr = n;
				*desc = sh.sh_offset + desc_off;
				found = sh.sh_offset + off;
				break;
			}
			off = next;
		}
	}
	return found;
}

int stamp_base_id(const char *path, const struct btf *base, bool distilled)
{
	unsigned char id[BASE_ID_SIZE], type[sizeof(Elf32_Word)];
	off_t note, desc = 0;
	GElf_Nhdr nhdr = {};
	int fd, i, err = -1;
	const void *raw;
	Elf *elf = NULL;
	__u32 size;
	bool lsb;

	fd = open(path, O_RDWR);
	if (fd < 0) {
		fprintf(stderr, "FAILED cannot open %s: %s\n", path, strerror(errno));
		return -1;
	}

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf) {
		fprintf(stderr, "FAILED cannot read %s: %s\n", path, elf_errmsg(-1));
		goto out;
	}

	note = find_note(elf, &nhdr, &desc, &distilled);
	if (!note) {
		/* built by a kernel that does not ask for one */
		err = 0;
		goto out;
	}

	raw = btf__raw_data(base, &size);
	if (!raw) {
		fprintf(stderr, "FAILED no raw base BTF for %s\n", path);
		goto out;
	}
	libbpf_sha256(raw, size, id);

	nhdr.n_type = distilled ? NOTE_DISTILLED_ID : NOTE_BASE_ID;
	lsb = elf_getident(elf, NULL)[EI_DATA] == ELFDATA2LSB;
	for (i = 0; i < sizeof(type); i++)
		type[lsb ? i : sizeof(type) - 1 - i] = nhdr.n_type >> (8 * i);

	if (pwrite(fd, type, sizeof(type), note + offsetof(Elf32_Nhdr, n_type)) != sizeof(type) ||
	    pwrite(fd, id, sizeof(id), desc) != sizeof(id)) {
		fprintf(stderr, "FAILED cannot write the base id to %s: %s\n",
			path, strerror(errno));
		goto out;
	}
	err = 0;
out:
	elf_end(elf);
	close(fd);
	return err;
}
