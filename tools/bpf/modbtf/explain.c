// SPDX-License-Identifier: GPL-2.0-only
/* modbtf explain: all about the BTF of one module, and what to do */

#include <stdlib.h>
#include <string.h>
#include "modbtf.h"

/* As in Documentation/bpf/module_btf.rst */
static const struct {
	const char *reason, *what, *todo;
} advice[] = {
	{ "base-changed", "It was built with another vmlinux than that of this kernel.",
	  "Load the module that belongs to this kernel, or build it with a distilled base." },
	{ "unstamped", "Nothing in it says what it was built with.",
	  "Build it with the tree of this kernel, where its vmlinux is." },
	{ "relocation", "A type of its distilled base is gone or different in this kernel.",
	  "Build it for this kernel." },
	{ "invalid", "Its BTF is malformed for this kernel.",
	  "Build it for this kernel. If it was, it is a bug of pahole or resolve_btfids." },
	{ "unsupported", "Its BTF is of a format that this kernel does not know.",
	  "Build it with the tools that this kernel asks for." },
	{ "no-memory", "There was not enough memory.", "Try again where there is more." },
	{ "name-clash", "It is called vmlinux, which is taken in /sys/kernel/btf.", "Rename it." },
};

static void print_section(const char *name, bool has, const struct blob *b)
{
	if (has)
		printf("%-14s  %zu bytes\n", name, b->size);
	else
		printf("%-14s  none\n", name);
}

static void print_list(const char *what, const struct strings *list)
{
	size_t i;

	printf("%-14s  ", what);
	for (i = 0; i < list->nr; i++)
		printf("%s%s", i ? " " : "", list->str[i]);
	puts(list->nr ? "" : "none");
}

int cmd_explain(struct audit *a, const char *path)
{
	char text[2 * BASE_ID_SIZE + 1];
	struct blob file;
	struct result res;
	struct module m;
	char *problem;
	int status;
	size_t i;

	problem = read_file(path, MAX_MODULE, &file);
	if (!problem)
		problem = unpack(file, MAX_MODULE, &file);
	if (!problem) {
		problem = module_parse(&m, file, path);
		if (!problem) {
			problem = foreign(a, &m);
			if (problem)
				module_free(&m);
		}
		if (problem)
			free(file.data);
	}
	if (problem) {
		fprintf(stderr, "modbtf: %s: %s\n", path, problem);
		free(problem);
		return 2;
	}
	decide(a, &m, &res);
	status = is_finding(res.verdict);

	printf("%-14s  %s\n", "module", m.name);
	print_section(".BTF", m.has_split, &m.split);
	print_section(".BTF.base", m.has_base, &m.base);
	print_section(".BTF.distilled", m.has_distilled, &m.distilled);
	if (m.id || m.distilled_id)
		id_print(text, m.id ?: m.distilled_id);
	else
		snprintf(text, sizeof(text), "not known");
	printf("%-14s  %s\n", "built against", text);
	id_print(text, a->running.id);
	printf("%-14s  %s\n", "this kernel", text);
	print_list("kfuncs", &m.kfuncs);
	print_list("struct_ops", &m.struct_ops);
	print_list("trace events", &m.trace_events);
	printf("%-14s  %s\n", "rules", a->rules->name);
	printf("%-14s  %s%s%s\n", "verdict", verdict_name(res.verdict, false),
	       res.reason ? ", " : "", res.reason ?: "");
	if (res.detail)
		printf("%-14s  %s\n", "because", res.detail);
	if (res.nr_wrong)
		printf("%-14s  %lu references and names read as something else\n", "wrong",
		       res.nr_wrong);
	for (i = 0; i < res.wrong.nr; i++)
		printf("%-14s  %s\n", "", res.wrong.str[i]);

	for (i = 0; res.reason && i < sizeof(advice) / sizeof(*advice); i++)
		if (!strcmp(advice[i].reason, res.reason))
			printf("\n%s\n%s\n", advice[i].what, advice[i].todo);
	if (res.verdict == V_WRONG)
		puts("\nThis kernel uses the BTF all the same. BPF programs see wrong types.");
	if (res.verdict == V_UNPROVED)
		puts("\nThis kernel uses its BTF, and nothing says what it was built with.\n"
		     "Say so by --built-against.");
	if (res.verdict == V_NONE)
		puts("\nIt was built without BTF, or stripped of it.");
	result_free(&res);
	module_free(&m);
	free(file.data);
	return status;
}
