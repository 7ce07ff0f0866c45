// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make modules that differ in their BTF only, so that a kernel can be asked about the BTF
 * of modules that it could not load.
 *   carriers TEMPLATE BASE KIND OUT MODULE.ko...
 * OUT/MODULE.ko is TEMPLATE, a module without BTF, with what MODULE.ko says about its BTF.
 * BASE is raw BTF of the kernel that MODULE.ko was built with. KIND is
 *   same       all of that as it is
 *   stamped    .BTF under the id of BASE
 *   distilled  .BTF split from a base distilled of BASE, under its id
 *   permuted   .BTF split from a base with the same types and strings in another order
 * and with -damaged behind it a few bytes or words of each are changed, at random but
 * the same in each run, and it is called OUT/N-MODULE.ko, so that MODULE can be given again.
 *   carriers permute BASE OUT
 * writes that other base,
 *   carriers sort BASE OUT
 * one that is sorted by name, as that of later kernels, which is faster to relocate onto. Modules without BTF are left out. Status 0, or 2 after a message.
 */
#include <elf.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>
#include <bpf/libbpf_internal.h>
#include "kmod_btf_helpers.h"

void libbpf_sha256(const void *data, size_t len, __u8 out[BTF_BASE_ID_SIZE]);

static const char * const sections[] = { ".BTF", ".BTF.base", BTF_NOTE_SECTION };
#define NR_SECTIONS 3
#define NR_DAMAGED 2

/* New ids of the types of a base of @nr types: eight by eight the other way round */
static __u32 *permutation(__u32 nr)
{
	__u32 *to = calloc(nr, sizeof(*to)), id, first;

	for (id = 1; id < nr; id++) {
		first = 1 + (id - 1) / 8 * 8;
		to[id] = first + 7 < nr ? first + 7 - (id - first) : id;
	}
	return to;
}

static const struct btf *sorted;

/* Types without a name first */
static int by_name(const void *a, const void *b)
{
	__u32 ia = *(__u32 *)a, ib = *(__u32 *)b;
	int order = strcmp(btf__name_by_offset(sorted, btf__type_by_id(sorted, ia)->name_off),
			   btf__name_by_offset(sorted, btf__type_by_id(sorted, ib)->name_off));

	return order ?: ia < ib ? -1 : 1;
}

static __u32 *sorting(const struct btf *base)
{
	__u32 nr = btf__type_cnt(base), i;
	__u32 *ids = calloc(nr, sizeof(*ids)), *to = calloc(nr, sizeof(*to));

	for (i = 0; i < nr; i++)
		ids[i] = i;
	sorted = base;
	qsort(ids + 1, nr - 1, sizeof(*ids), by_name);
	for (i = 1; i < nr; i++)
		to[ids[i]] = i;
	return to;
}

static void permute(struct btf *base, __u32 *to, const char *out)
{
	__u32 size;
	const void *raw;
	FILE *f;

	if (btf__permute(base, to, btf__type_cnt(base), NULL))
		errx(2, "btf__permute() fails");
	raw = btf__raw_data(base, &size);
	f = fopen(out, "wb");
	if (!raw || !f || fwrite(raw, size, 1, f) != 1 || fclose(f))
		err(2, "%s", out);
}

static void set(struct kmod *k, const char *section, const void *data, size_t size)
{
	if (!data || kmod_set_section(k, section, data, size, false))
		errx(2, "no memory");
}

static void set_btf(struct kmod *k, const char *section, const struct btf *btf)
{
	__u32 size;
	const void *raw = btf__raw_data(btf, &size);

	set(k, section, raw, size);
}

static void set_note(struct kmod *k, __u32 type, const void *id)
{
	struct {
		Elf_Nhdr hdr;
		char owner[8];
		unsigned char id[BTF_BASE_ID_SIZE];
	} note = { { sizeof("Linux"), BTF_BASE_ID_SIZE, type }, "Linux" };
	Elf_Shdr *sh;

	memcpy(note.id, id, BTF_BASE_ID_SIZE);
	set(k, BTF_NOTE_SECTION, &note, sizeof(note));
	sh = kmod_section_header(k, BTF_NOTE_SECTION);
	sh->sh_type = SHT_NOTE;
	sh->sh_flags = SHF_ALLOC;
}

/* Change up to four bytes, or words to what could be the id of a type */
static void damage(unsigned char *data, size_t size)
{
	__u32 nr = size / 24, word, at;
	int n;

	for (n = 1 + random() % 4; n && size > 32; n--) {
		at = random() % (random() % 8 ? size : 32);
		word = random() % nr;
		if (random() % 2)
			memcpy(data + (at & ~3), &word, sizeof(word));
		else
			data[at] = random() % 2 ? random() : random() % 2 ? 0 : 255;
	}
}

struct set {
	const char *kind;
	bool damaged;
	struct btf *base;
	const __u32 *to;
	unsigned char id[BTF_BASE_ID_SIZE];
};

static void renumber(struct btf *split, const struct set *s)
{
	__u32 i, nr = btf__type_cnt(s->base), *id;
	struct btf_field_iter it;

	for (i = nr; i < btf__type_cnt(split); i++) {
		btf_field_iter_init(&it, (struct btf_type *)btf__type_by_id(split, i),
				    BTF_FIELD_ITER_IDS);
		while ((id = btf_field_iter_next(&it)))
			if (*id < nr)
				*id = s->to[*id];
	}
}

static void fill(struct kmod *k, const struct kmod *from, const struct set *s, const char *path)
{
	struct btf *split, *dist_base, *dist;
	int i;
	size_t size;
	void *data;

	if (!strcmp(s->kind, "same")) {
		for (i = 0; i < NR_SECTIONS; i++) {
			data = kmod_section(from, sections[i], &size);
			if (data)
				set(k, sections[i], data, size);
		}
		/* nobody reads the table in the note: the template has no .BTF_ids */
		return;
	}
	data = kmod_section(from, ".BTF", &size);
	if (!strcmp(s->kind, "stamped")) {
		set(k, ".BTF", data, size);
		set_note(k, LINUX_ELFNOTE_BTF_BASE_ID, s->id);
		return;
	}
	split = btf__new_split(data, size, s->base);
	if (!split)
		errx(2, "%s: not split from this base", path);
	if (!strcmp(s->kind, "distilled")) {
		if (btf__distill_base(split, &dist_base, &dist))
			errx(2, "%s: btf__distill_base() fails", path);
		set_btf(k, ".BTF", dist);
		set_btf(k, ".BTF.base", dist_base);
		set_note(k, LINUX_ELFNOTE_BTF_DISTILLED_ID, s->id);
		btf__free(dist);
		btf__free(dist_base);
	} else if (!strcmp(s->kind, "permuted")) {
		renumber(split, s);
		set_btf(k, ".BTF", split);
	} else {
		errx(2, "%s: no such kind", s->kind);
	}
	btf__free(split);
}

int main(int argc, char **argv)
{
	struct kmod template, from, k;
	struct set s = {};
	const void *raw;
	char path[4096], *dash, *file;
	size_t size;
	__u32 len;
	int i, n;

	if (argc == 4) {
		s.base = btf__parse_raw(argv[2]);
		if (!s.base)
			err(2, "%s", argv[2]);
		permute(s.base, !strcmp(argv[1], "sort") ? sorting(s.base) :
				permutation(btf__type_cnt(s.base)), argv[3]);
		return 0;
	}
	if (argc < 6)
		errx(2, "usage: carriers TEMPLATE BASE KIND OUT MODULE.ko... | permute|sort BASE OUT");
	s.base = btf__parse_raw(argv[2]);
	if (!s.base)
		err(2, "%s", argv[2]);
	raw = btf__raw_data(s.base, &len);
	libbpf_sha256(raw, len, s.id);
	s.to = permutation(btf__type_cnt(s.base));
	s.kind = argv[3];
	dash = strchr(argv[3], '-');
	if (dash)
		*dash = 0;
	s.damaged = dash;
	if (kmod_read(&template, argv[1]))
		errx(2, "%s: no module", argv[1]);

	for (i = 5; i < argc; i++) {
		if (kmod_read(&from, argv[i]))
			errx(2, "%s: no module", argv[i]);
		if (kmod_section(&from, ".BTF", &size) && size && !kmod_copy(&k, &template)) {
			file = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
			if (s.damaged)
				snprintf(path, sizeof(path), "%s/%d-%s", argv[4], i - 4, file);
			else
				snprintf(path, sizeof(path), "%s/%s", argv[4], file);
			fill(&k, &from, &s, path);
			for (n = 0; n < NR_DAMAGED && s.damaged; n++) {
				void *data = kmod_section(&k, sections[n], &size);

				if (data && (!n || random() % 2))
					damage(data, size);
			}
			if (kmod_write(&k, path))
				err(2, "%s", path);
			kmod_free(&k);
		}
		kmod_free(&from);
	}
	return 0;
}
