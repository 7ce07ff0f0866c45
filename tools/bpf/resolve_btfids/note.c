// SPDX-License-Identifier: GPL-2.0-only
/*
 * The base id: the SHA-256 of the raw BTF of vmlinux, in its section .BTF_id.
 */

#define _GNU_SOURCE
#include <errno.h>
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
