// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make modules of another base out of modules of this one.
 *   fixture BASE KIND OUTDIR MODULE.ko...
 * BASE: raw BTF of the vmlinux they belong to. KIND: one-more, shifted, reordered
 * (see kmod_btf_helpers.h), forged-KIND (the same under the id of BASE), split (from BASE),
 * gone (with a distilled base that names a type no kernel has). Exit status 0, or 2 after a
 * message that names the file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kmod_btf_helpers.h"

static struct btf *make_base(struct btf *vmlinux, const char *kind)
{
	if (!strcmp(kind, "one-more"))
		return btf_one_more(vmlinux);
	if (!strcmp(kind, "shifted"))
		return btf_shifted(vmlinux);
	if (!strcmp(kind, "reordered"))
		return btf_reordered(vmlinux);
	if (!strcmp(kind, "split") || !strcmp(kind, "gone"))
		return vmlinux;
	errno = EINVAL;
	return NULL;
}

/* Rename the first struct of the distilled base */
static int rename_struct(struct kmod *k)
{
	size_t size;
	void *data = kmod_section(k, ".BTF.base", &size);
	struct btf *btf = data ? btf__new(data, size) : NULL;
	const struct btf_header *h = data;
	const struct btf_type *t;
	int id, err = -ENOENT;

	for (id = 1; btf && id < btf__type_cnt(btf) && err; id++) {
		t = btf__type_by_id(btf, id);
		if (btf_is_struct(t) && t->name_off) {
			*((char *)data + h->hdr_len + h->str_off + t->name_off) = '_';
			err = 0;
		}
	}
	btf__free(btf);
	return err;
}

int main(int argc, char **argv)
{
	bool forged, gone;
	struct btf *vmlinux, *base;
	const char *kind, *name;
	char out[4096];
	int i, err;

	if (argc < 5) {
		fprintf(stderr, "usage: fixture BASE KIND OUTDIR MODULE.ko...\n");
		return 2;
	}
	kind = argv[2];
	forged = !strncmp(kind, "forged-", 7);
	gone = !strcmp(kind, "gone");
	vmlinux = btf__parse(argv[1], NULL);
	base = vmlinux ? make_base(vmlinux, forged ? kind + 7 : kind) : NULL;
	if (!base) {
		fprintf(stderr, "fixture: no base %s from %s: %s\n", kind, argv[1],
			strerror(errno));
		return 2;
	}

	for (i = 4; i < argc; i++) {
		unsigned char mine[BTF_BASE_ID_SIZE] = {}, *id;
		struct kmod k;

		name = strrchr(argv[i], '/');
		snprintf(out, sizeof(out), "%s/%s", argv[3], name ? name + 1 : argv[i]);
		err = kmod_read(&k, argv[i]);
		if (!err && (id = kmod_base_id(&k, NULL)))
			memcpy(mine, id, sizeof(mine));
		err = err ?: kmod_rebase(&k, vmlinux, base, gone);
		if (!err && gone)
			err = rename_struct(&k);
		if (!err && forged && (id = kmod_base_id(&k, NULL)))
			memcpy(id, mine, sizeof(mine));
		err = err ?: kmod_write(&k, out);
		if (err) {
			fprintf(stderr, "fixture: %s: %s\n", argv[i], strerror(-err));
			return 2;
		}
		kmod_free(&k);
	}
	return 0;
}
