// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write the raw BTF of a kernel, which modbtf finds in its image, and print how much of it is there
 * twice.
 *   kernel_btf KERNEL OUT
 * prints types, their bytes, and types and bytes of those that repeat an earlier one: structs, unions
 * and enums with a name that have the kind, name and size of another, and the names and places of its
 * members or the names and values of its enumerators. Deduplication should have left one of them.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

static int by_words(const void *a, const void *b)
{
	const struct btf_type *ta = *(void **)a, *tb = *(void **)b;
	const u32 *wa = (void *)ta, *wb = (void *)tb;
	size_t i, nr = btf_type_bytes(ta) / 4;

	for (i = 0; i < nr; i++) {
		/* to what a member refers: another copy, if that is repeated, too */
		if (btf_type_is_struct(ta) && i >= 3 && i % 3 == 1)
			continue;
		/* the second word says kind and length */
		if (wa[i] != wb[i])
			return wa[i] < wb[i] ? -1 : 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long repeated = 0, bytes = 0, size = 0;
	const struct btf_type **named;
	struct base base = {};
	struct image image;
	char *problem;
	u32 id, nr = 0;
	FILE *out;

	if (argc != 3)
		errx(2, "usage: kernel_btf KERNEL OUT");
	problem = read_base(argv[1], &image);
	if (problem)
		errx(2, "%s: %s", argv[1], problem);
	out = fopen(argv[2], "wb");
	if (!out || fwrite(image.btf.data, image.btf.size, 1, out) != 1 || fclose(out))
		err(2, "%s", argv[2]);
	problem = base_parse(&base, &image, newest_rules);
	if (problem || !base.btf)
		errx(2, "%s: %s", argv[1], problem ?: base.problem);
	named = calloc(btf_nr_types(base.btf), sizeof(*named));
	if (!named)
		err(2, NULL);
	for (id = 1; id < btf_nr_types(base.btf); id++) {
		const struct btf_type *t = btf_type_by_id(base.btf, id);

		size += btf_type_bytes(t);
		if (t->name_off && (btf_type_is_struct(t) || btf_is_any_enum(t)))
			named[nr++] = t;
	}
	qsort(named, nr, sizeof(*named), by_words);
	for (id = 1; id < nr; id++)
		if (!by_words(named + id - 1, named + id)) {
			repeated++;
			bytes += btf_type_bytes(named[id]);
		}
	printf("%u %lu %lu %lu\n", btf_nr_types(base.btf) - 1, size, repeated, bytes);
	return 0;
}
