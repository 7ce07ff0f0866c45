// SPDX-License-Identifier: GPL-2.0-only
/* modbtf id: the base id that a file was built against, or that it has itself */

#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

static int module_id(const char *path, struct blob file)
{
	char text[2 * BASE_ID_SIZE + 1];
	const uint8_t *id;
	struct module m;
	char *problem;

	problem = module_parse(&m, file, path);
	if (problem) {
		fprintf(stderr, "modbtf: %s: %s\n", path, problem);
		free(problem);
		return 2;
	}
	id = m.id ?: m.distilled_id;
	if (id) {
		id_print(text, id);
		printf("%s  %s  %s\n", text, path,
		       m.id ? "built against" : "built against, distilled");
	} else {
		printf("%-*s  %s  unstamped\n", 2 * BASE_ID_SIZE, "-", path);
	}
	module_free(&m);
	return id ? 0 : 1;
}

static int base_id(const char *path, struct blob file)
{
	char text[2 * BASE_ID_SIZE + 1];
	uint8_t id[BASE_ID_SIZE];
	struct blob raw;
	char *problem;

	problem = find_base(file, &raw);
	if (problem) {
		fprintf(stderr, "modbtf: %s: %s\n", path, problem);
		free(problem);
		return 2;
	}
	libbpf_sha256(raw.data, raw.size, id);
	id_print(text, id);
	printf("%s  %s  base\n", text, path);
	free(raw.data);
	return 0;
}

static bool is_module(const struct blob *b)
{
	/* e_type of ELF, in either byte order: ET_REL */
	return b->size > 18 && !memcmp(b->data, "\177ELF", 4) &&
	       ((uint8_t *)b->data)[16] + ((uint8_t *)b->data)[17] == 1;
}

int cmd_id(char **paths, int nr)
{
	struct blob file;
	char *problem;
	int i, ret, status = 0;

	for (i = 0; i < nr; i++) {
		problem = read_file(paths[i], MAX_KERNEL, &file);
		if (!problem)
			problem = unpack(file, MAX_KERNEL, &file);
		if (problem) {
			fprintf(stderr, "modbtf: %s: %s\n", paths[i], problem);
			free(problem);
			status = 2;
			continue;
		}
		if (is_module(&file)) {
			ret = module_id(paths[i], file);
			free(file.data);
		} else {
			ret = base_id(paths[i], file);
		}
		if (ret > status)
			status = ret;
	}
	return status;
}
