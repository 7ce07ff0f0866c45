// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types that a kernel A used for the modules of a kernel B, one by one against those of
 * the same modules of A.
 *	compare A.btf B.btf OWN OTHER FILES...
 * A.btf and B.btf: raw BTF of vmlinux. OWN and OTHER: directories of what A had in
 * /sys/kernel/btf for its own modules and for those of B. FILES: the modules of B.
 * Prints a line for each file: used, and how many named types are as in that of A, and how
 * many are not because the source is not; or dropped, and the type of A that does not fit;
 * or WRONG, and what. Exits with 1 if there is one that is WRONG, with 2 if something
 * cannot be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "guest.h"

static struct btf *readable(struct btf *btf, const char *path)
{
	if (btf)
		return btf;
	fprintf(stderr, "compare: error: %s: no BTF that can be read: %s\n", path, strerror(errno));
	exit(2);
}

/* Returns whether it is right */
static bool compare(const char *own_dir, const char *other_dir, const char *file,
		    struct btf *a, struct btf *b)
{
	struct btf *was = btf__parse_split(file, b), *own = NULL, *is = NULL;
	char name[128], path[4096];
	int same = 0, other = 0;
	const char *wrong;
	__u32 id = 0;
	char *p;

	snprintf(name, sizeof(name), "%s", strrchr(file, '/') ? strrchr(file, '/') + 1 : file);
	*strchrnul(name, '.') = 0;
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	if (!was) {
		printf("%s none\n", name);
		return true;
	}
	snprintf(path, sizeof(path), "%s/%s", other_dir, name);
	if (access(path, F_OK)) {
		wrong = btf_lost(was, a);
		printf("%s %s\n", name, wrong ?: "WRONG: could be used");
		btf__free(was);
		return wrong;
	}
	is = btf__parse_raw_split(path, a);
	wrong = is ? btf_difference(is, was, &id) : "no BTF that libbpf can read";
	snprintf(path, sizeof(path), "%s/%s", own_dir, name);
	if (!wrong && !access(path, F_OK)) {
		own = readable(btf__parse_raw_split(path, a), path);
		wrong = btf_wrong_answer(is, own, was, &same, &other);
	}
	if (wrong)
		printf("%s WRONG: %s (type %u)\n", name, wrong, id);
	else
		printf("%s used: %d as in that of A, %d of another source%s\n", name, same, other,
		       own ? "" : ", A has none");
	btf__free(own);
	btf__free(is);
	btf__free(was);
	return !wrong;
}

int main(int argc, char **argv)
{
	struct btf *a, *b;
	int i, status = 0;

	if (argc < 6) {
		fprintf(stderr, "usage: compare A.btf B.btf OWN OTHER FILES...\n");
		return 2;
	}
	libbpf_set_print(NULL);
	a = readable(btf__parse_raw(argv[1]), argv[1]);
	b = readable(btf__parse_raw(argv[2]), argv[2]);
	for (i = 5; i < argc; i++)
		if (!compare(argv[3], argv[4], argv[i], a, b))
			status = 1;
	return status;
}
