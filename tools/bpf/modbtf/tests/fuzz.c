// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: the first byte says whether the rest is a module or a kernel, and by which
 * rules it is looked at.  BASE in the environment is the base of modules.
 */

#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

static const char * const names[] = { "stock-6.1", "stock-6.12", "stock-7.3", "patched-7.3" };

static void module(const uint8_t *data, size_t size, unsigned int rules)
{
	static struct audit a[4];
	struct result res;
	struct module m;
	struct blob file;
	char *problem;

	if (!a[rules].rules) {
		a[rules].rules = rules_find(names[rules]);
		a[rules].wrong_types = 3;
		if (base_load(&a[rules].running, getenv("BASE"), a[rules].rules) ||
		    base_load(&a[rules].built, getenv("BUILT"), a[rules].rules))
			abort();
	}
	file = (struct blob){ memcpy(xrealloc(NULL, size), data, size), size };
	problem = unpack(file, 1 << 20, &file);
	if (!problem) {
		problem = module_parse(&m, file, "fuzz.ko");
		if (!problem) {
			decide(a + rules, &m, &res);
			result_free(&res);
			module_free(&m);
		}
		free(file.data);
	}
	free(problem);
}

static void kernel(const uint8_t *data, size_t size)
{
	struct blob in = { memcpy(xrealloc(NULL, size), data, size), size }, out;
	char *problem = find_base(in, &out);

	if (!problem)
		free(out.data);
	free(problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] & 4)
		kernel(data + 1, size - 1);
	else
		module(data + 1, size - 1, data[0] & 3);
	return 0;
}
