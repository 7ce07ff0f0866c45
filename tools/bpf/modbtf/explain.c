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
	{ "no-vmlinux-btf", "The kernel cannot read its own BTF.",
	  "Build the kernel with another pahole; modules are not the cause." },
	{ "name-clash", "It is called vmlinux, which is taken in /sys/kernel/btf.", "Rename it." },
};

static void print_section(const char *name, const struct blob *b)
{
	if (b->data)
		out("%-14s  %zu bytes\n", name, b->size);
	else
		out("%-14s  none\n", name);
}

static void print_advice(const char *reason)
{
	size_t i;

	for (i = 0; i < sizeof(advice) / sizeof(*advice); i++)
		if (!strcmp(advice[i].reason, reason))
			out("\n%s\n%s\n", advice[i].what, advice[i].todo);
}

int cmd_explain(struct audit *a, const char *path)
{
	char text[2 * BTF_BASE_ID_SIZE + 1];
	struct look l = {};
	const struct result *res = &l.res;
	const struct module *m = &l.m;
	int status;
	size_t i;

	look(&l, a, path, path);
	if (l.trouble) {
		complain("%s: %s", path, l.trouble);
		arena_free(l.arena);
		return 2;
	}
	status = is_finding(res->verdict);

	out("%-14s  %s\n", "module", m->name);
	print_section(".BTF", &m->split);
	print_section(".BTF.base", &m->base);
	if (m->id || m->distilled_id)
		id_print(text, m->id ?: m->distilled_id);
	else
		snprintf(text, sizeof(text), "not known");
	out("%-14s  %s\n", "built against", text);
	id_print(text, a->running.id);
	out("%-14s  %s\n", "this kernel", text);
	print_list("kfuncs          ", &m->kfuncs, true);
	print_list("struct_ops      ", &m->struct_ops, true);
	print_list("trace events    ", &m->trace_events, true);
	out("%-14s  %s\n", "rules", a->rules.name);
	out("%-14s  %s%s%s\n", "verdict", verdict_name(res->verdict, false),
	    res->reason ? ", " : "", res->reason ?: "");
	if (res->detail)
		out("%-14s  %s\n", res->reason ? "because" : "note", res->detail);
	if (res->nr_wrong)
		out("%-14s  %lu references and names read as something else\n", "wrong",
		    res->nr_wrong);
	for (i = 0; i < res->wrong.nr; i++)
		out("%-14s  %s\n", "", res->wrong.str[i]);

	if (lost_base(m))
		out("\nIt had a distilled base when it was built.\n"
		    "Strip modules by -g at most, or keep .BTF.base.\n");
	else if (res->reason)
		print_advice(res->reason);
	if (res->verdict == V_WRONG)
		out("\nThis kernel uses the BTF all the same. BPF programs see wrong types.\n");
	if (res->verdict == V_UNPROVED)
		out("\nThis kernel uses its BTF, and nothing says what it was built with.\n"
		    "Say so by --built-against.\n");
	if (res->verdict == V_NONE && !m->split.size)
		out("\n%s\n", m->split.data ? "Its BTF has no types." :
		    res->detail ? "It was stripped of it. Strip modules by -g at most." :
				  "It was built without BTF, or stripped of it.");
	arena_free(l.arena);
	return status;
}
