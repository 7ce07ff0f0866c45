// SPDX-License-Identifier: GPL-2.0-only
/* modbtf explain: what happens to the BTF of one module, why, and what to do */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modbtf.h"
#include "report.h"

/* Of these the first that fits; a reason is that of Documentation/bpf/module_btf.rst */
static const struct advice {
	enum verdict verdict;
	const char *reason;	/* NULL: any */
	const char *why, *todo;
	const char *or;		/* more of @todo, or NULL */
	const char *file;	/* what its file would do, or NULL */
	const char *load;	/* on what it depends whether it is loaded, or NULL */
} advices[] = {
	{ V_NATIVE, NULL, "It was built with the vmlinux of this kernel.", "Nothing." },
	{ V_RELOCATED, NULL,
	  "It has a distilled base, and all types that it needs are the same in this kernel.",
	  "Nothing." },
	{ V_UNPROVED, NULL,
	  "This kernel does not ask for proof, and nothing says what the module was built with.",
	  "Name the kernel that it was built with by --built-against, and it is known." },
	{ V_WRONG, "base-changed",
	  "It was built with another vmlinux, and this kernel does not notice.",
	  "Load the module that belongs to this kernel. Until then, do not trace this one." },
	{ V_WRONG, NULL, "This kernel reads its BTF otherwise than it was written.",
	  "Build it for this kernel. Until then, do not trace this one." },
	{ V_DROPPED, "base-changed", "It was built with another vmlinux than that of this kernel.",
	  "Load the module that belongs to this kernel, or build it with a distilled base." },
	{ V_DROPPED, "unstamped", "Nothing in it says what it was built with.",
	  "Build it with the tree of this kernel, where its vmlinux is." },
	{ V_DROPPED, "relocation",
	  "A type of its distilled base is gone or different in this kernel.",
	  "Build it for this kernel." },
	{ V_DROPPED, "invalid",
	  "The usual cause is that it was built with another build of the kernel.",
	  "From a package: install kernel and modules of one version and reboot.",
	  "Built here or by DKMS: build it again for this kernel." },
	{ V_DROPPED, "unsupported", "Its BTF is of a format that this kernel does not know.",
	  "Build it with the tools that this kernel asks for." },
	{ V_DROPPED, "no-vmlinux-btf", "The kernel cannot read its own BTF.",
	  "Build the kernel with another pahole; modules are not the cause." },
	{ V_DROPPED, "name-clash", "It is called vmlinux, which is taken in /sys/kernel/btf.",
	  "Rename it." },
	{ V_DROPPED, "no-memory", "There was not enough memory when it was loaded.",
	  "Load it again." },
	{ V_DROPPED, "no-id", "There was no BTF id left when it was loaded.",
	  "Unload modules that are not needed, and load it again." },
	{ V_DROPPED, NULL, "The kernel says no more.", "See Documentation/bpf/module_btf.rst." },
	{ V_NONE, NULL, "It was built without BTF, or stripped of it.",
	  "Build it where the vmlinux of its kernel is, and strip it by -g at most." },
};

static const struct advice no_types = {
	.why = "Its BTF has no types.", .todo = "Nothing, if it has no code that is to be traced.",
}, stripped = {
	.why = "It had BTF when it was built, and was stripped of it.",
	.todo = "Strip modules by -g at most.",
}, stripped_base = {
	.why = "It had a distilled base when it was built, and was stripped of it.",
	.todo = "Strip modules by -g at most, or keep .BTF.base.",
};

static const struct advice *advice_of(enum verdict v, const char *reason, const struct module *m)
{
	const struct advice *a = advices;

	if (m && v == V_NONE && (m->split.size || m->split.data))
		return &no_types;
	if (m && v == V_NONE && (m->id || m->distilled_id))
		return &stripped;
	if (m && lost_base(m) && (v == V_WRONG || v == V_DROPPED) &&
	    reason && strcmp(reason, "no-vmlinux-btf"))
		return &stripped_base;
	while (a->verdict != v || (a->reason && (!reason || strcmp(a->reason, reason))))
		a++;
	return a;
}

static const struct advice replaced = {
	.why = "Its file was replaced after it was loaded.",
	.todo = "Load it again, or reboot. What is said of the file is not true of what runs.",
};

static const struct advice built_in = {
	.why = "Its types are in the BTF of vmlinux.", .todo = "Nothing.",
};

/* By one that does not fit this kernel */
static const char todo_misfit[] =
	"Do not load it again: its file does not fit. Install modules of this kernel's build.";

/* Why one that is loaded has no BTF, though its file has some that this kernel takes */
static const struct advice refused = {
	.why = "The kernel found that its BTF does not fit, see the log.",
	.todo = "Load the module that belongs to this kernel.",
}, no_module_btf = {
	.why = "No module has BTF: this kernel has no CONFIG_DEBUG_INFO_BTF_MODULES.",
	.todo = "Take a kernel with that option.",
}, mismatch = {
	.why = "The log says that BTF of a module did not fit, and not of which.",
	.todo = "Load the module that belongs to this kernel.",
}, unknown = {
	.why = "Not known: the log says nothing of it.",
	.todo = "Load it again, and look for \"BTF\" in what dmesg prints.",
}, unknown_log = {
	.why = "Not known: only root can read the log.",
	.todo = "Ask again as root.",
};

static const struct advice *cause(struct live *l, bool said)
{
	return said ? &refused : !live_any_btf(l) ? &no_module_btf : !l->log_read ? &unknown_log :
	       l->log_mismatch ? &mismatch : &unknown;
}

/* The file of a module that is loaded without BTF */
static const char file_fits[] = "Its file has BTF that this kernel takes.";
static const char file_wrong[] =
	"Its file has BTF of another build, which this kernel would take without a complaint.";
static const char todo_wrong[] =
	"Do not load it again: BPF would see wrong types. Install modules of this kernel's build.";

/* What is to be said of @name, which is loaded, if that is not what its file says, which would be
 * @v on a stock kernel
 */
static bool conflict(struct live *l, const char *name, enum verdict v, struct blob build_id,
		     bool said, struct advice *out)
{
	bool used = v == V_NATIVE || v == V_RELOCATED || v == V_WRONG || v == V_UNPROVED;
	bool has_btf = live_has(l, "kernel/btf", name, "");
	bool other = !live_is_file(l, name, build_id) || (has_btf && !used);

	if (!other && (has_btf || !used))
		return false;
	*out = other ? replaced : *cause(l, said);
	if (other && (v == V_DROPPED || v == V_WRONG))
		out->todo = todo_misfit;
	if (!has_btf && used)
		out->file = v == V_WRONG ? file_wrong : file_fits;
	if (!has_btf && v == V_WRONG)
		out->todo = todo_wrong;
	return true;
}

char *why_of(struct live *l, const char *name, const struct result *res, const struct module *m,
	     bool said)
{
	struct advice a;

	if (!conflict(l, name, res->verdict, m->build_id, said, &a))
		return xstrdup(res->detail ?: advice_of(res->verdict, res->reason, m)->why);
	return xasprintf("%s%s%s", a.why, a.file ? " " : "", a.file ?: "");
}

const char *why_dropped(const char *reason)
{
	return advice_of(V_DROPPED, reason, NULL)->why;
}

/* What it means for those who trace */
static const char *meaning(enum verdict v, bool patched)
{
	switch (v) {
	case V_NATIVE:
	case V_RELOCATED:
		return "BPF sees its types, and they are right";
	case V_WRONG:
		return "BPF sees wrong types of it";
	case V_UNPROVED:
		return "BPF sees its types, and nobody knows whether they are right";
	case V_DROPPED:
		return patched ? "it loads, and BPF does not see its types" :
				 "this kernel refuses its BTF";
	default:
		return "it loads, and has no types that BPF could see";
	}
}

static void fact(const char *name, const char *value)
{
	out("%-14s  %s\n", name, value);
}

static void print_section(const char *name, const struct blob *b)
{
	if (b->data)
		out("%-14s  %zu bytes\n", name, b->size);
	else
		fact(name, "none");
}

static void print_answer(const char *module, const char *what, const struct advice *a)
{
	out("%s: %s\n", module, what);
	out("  why    %s\n", a->why);
	if (a->file)
		out("  file   %s\n", a->file);
	if (a->load)
		out("  load   %s\n", a->load);
	out("  to do  %s\n", a->todo);
	if (a->or)
		out("         %s\n", a->or);
	out("\n");
}

/* In the log an error stands at the end of what is @said of a module, for xfree() */
static char *what_is_loaded(bool has_btf, const char *said)
{
	const char *colon = said && !has_btf ? strrchr(said, ':') : NULL;

	if (has_btf)
		return xstrdup("it is loaded, and BPF sees types of it");
	if (!said)
		return xstrdup("it is loaded, and BPF does not see its types");
	if (!colon || strncmp(colon, ": -", 3))
		return xstrdup("it is loaded; the kernel refused its BTF, says the log");
	return xasprintf("it is loaded; the kernel refused its BTF, says the log (%s)", colon + 2);
}

/* What the kernel did with one that is loaded, where that is known */
static void print_state(const char *state, const char *said)
{
	if (state)
		fact("state", state);
	if (said)
		fact("log", said);
}

static void print_facts(const struct audit *a, const char *path, const struct module *m,
			const struct result *res)
{
	char text[2 * BTF_BASE_ID_SIZE + 1];
	size_t i;

	fact("file", path);
	print_section(".BTF", &m->split);
	print_section(".BTF.base", &m->base);
	if (m->id || m->distilled_id || a->built.btf)
		id_print(text, m->id ?: m->distilled_id ?: a->built.id);
	else
		snprintf(text, sizeof(text), "not known");
	out("%-14s  %s%s%s\n", "built against", text,
	    a->built_path ? ", by --built-against " : "", a->built_path ?: "");
	id_print(text, a->running.id);
	out("%-14s  %s%s%s\n", "this kernel", text, a->release ? ", which runs, " : "",
	    a->release ?: "");
	print_list("kfuncs          ", &m->kfuncs, true);
	print_list("struct_ops      ", &m->struct_ops, true);
	print_list("trace events    ", &m->trace_events, true);
	fact("rules", a->rules.name);
	out("%-14s  %s%s%s\n", "verdict", verdict_name(res->verdict, false),
	    res->reason ? ", " : "", res->reason ?: "");
	if (res->detail)
		fact(res->reason ? "because" : "note", res->detail);
	if (res->nr_wrong)
		out("%-14s  %lu references and names read as something else\n", "wrong",
		    res->nr_wrong);
	for (i = 0; i < res->wrong.nr; i++)
		fact("", res->wrong.str[i]);
}

/* The state that a patched kernel shows, as a verdict.  *@reason: of one that is dropped */
static bool parse_state(const char *state, enum verdict *v, const char **reason)
{
	*reason = strchr(state, ':') ? strchr(state, ':') + 1 : NULL;
	for (*v = 0; *v < NR_VERDICTS; ++*v)
		if (!strncmp(state, verdict_name(*v, false), strcspn(state, ":")))
			return true;
	return false;
}

static const char depends[] =
	"Without CONFIG_MODULE_ALLOW_BTF_MISMATCH (/boot/config-RELEASE) it is refused, too.";

/* Does a stock kernel that refuses BTF refuse the module, too? */
static const char *refused_or_not(const struct audit *a, const struct result *res)
{
	if (a->rules.patched || res->verdict != V_DROPPED)
		return NULL;
	return a->rules.version < 518 ? "The module is refused, too." : depends;
}

/* A file, and what the kernel did with it if it is that of a module that is loaded */
static int explain_file(struct audit *a, struct look *l, const char *path, struct live *live,
			const char *name)
{
	char *state = NULL, *said = NULL, *problem, *what = NULL;
	bool has_btf = live && live_has(live, "kernel/btf", name, "");
	const char *reason;
	struct advice ad;
	enum verdict v;

	look(l, &a, 1, path, path);
	if (l->trouble || l->res->trouble) {
		complain("%s: %s", path, l->trouble ?: l->res->trouble);
		return 2;
	}
	v = l->res->verdict;
	reason = l->res->reason;
	if (live) {
		state = live_state(live, name, &problem);
		xfree(problem);
		said = live_said(live, name);
	}
	if (state)
		parse_state(state, &v, &reason);
	if (!live || state || !conflict(live, name, v, l->m.build_id, said, &ad)) {
		ad = *advice_of(v, reason, v == l->res->verdict ? &l->m : NULL);
		if (!live)
			ad.load = refused_or_not(a, l->res);
		else if (!state && v == V_DROPPED)
			what = what_is_loaded(false, said);
	} else {
		what = what_is_loaded(has_btf, said);
	}
	print_answer(l->m.name, what ?: meaning(v, a->rules.patched), &ad);
	print_state(state, said);
	if (state && !live_is_file(live, name, l->m.build_id))
		fact("note", "another file than this one is loaded");
	print_facts(a, path, &l->m, l->res);
	xfree(what);
	xfree(state);
	xfree(said);
	return is_finding(v) || (live && !state && !has_btf && v != V_NONE);
}

/* One that is loaded and whose file is not there */
static int explain_state(struct live *live, const char *name)
{
	char *problem, *todo, *what, *state = live_state(live, name, &problem);
	bool has_btf = live_has(live, "kernel/btf", name, ""), lost;
	char *said = live_said(live, name);
	struct advice ad = {};
	const char *reason = NULL;
	enum verdict v = V_NONE;

	if (problem) {
		xfree(problem);
		xfree(said);
		return 2;
	}
	if (state && parse_state(state, &v, &reason)) {
		print_answer(name, meaning(v, true), advice_of(v, reason, NULL));
		lost = is_finding(v);
	} else {
		what = what_is_loaded(has_btf, said);
		todo = xasprintf("Install the package that its file is of, or name a directory %s",
				 "that has it by --modules.");
		ad.why = xasprintf("%s%sIts file, which could tell, is not in %s.",
				   said || (!has_btf && !live_any_btf(live)) ?
				   cause(live, said)->why : "", said ? " " : "", live->modules);
		ad.todo = todo;
		print_answer(name, what, &ad);
		xfree((char *)ad.why);
		xfree(what);
		xfree(todo);
		lost = !has_btf;
	}
	print_state(state, said);
	xfree(state);
	xfree(said);
	return lost;
}

/* Its file, or NULL.  Of several that which is loaded, if it tells its build */
static const char *find_file(struct live *live, const char *name, bool loaded)
{
	bool several = loaded && live_file(live, name, 1), found = false;
	const char *path = NULL;
	unsigned int nr;

	for (nr = 0; several && !found && live_file(live, name, nr); nr++) {
		struct look l = {};

		path = live_file(live, name, nr);
		look(&l, NULL, 0, path, path);
		found = !l.trouble && live_is_file(live, name, l.m.build_id);
		arena_free(l.arena);
	}
	return found ? path : live_file(live, name, 0);
}

static int explain_name(struct audit *a, struct look *l, struct live *live, const char *arg)
{
	char *name = module_of_file(arg);
	bool loaded = !live->other_kernel && live_is_loaded(live, name);
	const char *path = find_file(live, name, loaded);
	int status = 2;

	if (path) {
		status = explain_file(a, l, path, loaded ? live : NULL, name);
	} else if (loaded) {
		status = explain_state(live, name);
	} else if (!live->other_kernel && live_has(live, "module", name, "")) {
		print_answer(name, "it is built into the kernel", &built_in);
		status = 0;
	} else {
		complain("%s: no such file, and no module of this name is loaded or in %s", arg,
			 live->modules);
	}
	xfree(name);
	return status;
}

/* A member of a package, while the package is read */
static struct {
	const char *member;
	struct audit *audit;
	struct look *look;
	char *shown;
	bool found;
	int status;
} wanted;

/* As audit prints it, or the end of that: the name of its file, or the name of the module */
static bool is_wanted(const char *path)
{
	size_t len = strlen(path), n = strlen(wanted.member);
	char *name, *member;
	bool ret;

	if (wanted.found || !is_module_name(path))
		return false;
	if (len >= n && !strcmp(path + len - n, wanted.member) &&
	    (len == n || path[len - n - 1] == '/'))
		return true;
	if (strchr(wanted.member, '/'))
		return false;
	name = module_of_file(path);
	member = module_of_file(wanted.member);
	ret = !strcmp(name, member);
	xfree(member);
	xfree(name);
	return ret;
}

static void explain_member(void *ctx, const struct place *place, struct arena *arena,
			   struct blob *data)
{
	wanted.found = true;
	wanted.look->arena = arena;
	wanted.look->found = !data;
	if (data)
		wanted.look->file = *data;
	wanted.status = explain_file(wanted.audit, wanted.look, place->shown, NULL, NULL);
}

static void member_trouble(void *ctx, const char *path, char *problem)
{
	complain("%s: %s", path, problem);
	xfree(problem);
	wanted.status = 2;
}

/* Is @arg PACKAGE:MEMBER, or DIRECTORY:MEMBER?  Then it is explained */
static bool explain_package(struct audit *a, struct look *l, const char *arg, int *status)
{
	struct finder f = { "module", is_wanted, explain_member, member_trouble, NULL };
	const char *colon;
	struct stat st;
	char *path;

	for (colon = strchr(arg, ':'); colon; colon = strchr(colon + 1, ':')) {
		path = xasprintf("%.*s", (int)(colon - arg), arg);
		if (!stat(path, &st) && colon[1]) {
			wanted.member = colon + 1;
			wanted.audit = a;
			wanted.look = l;
			wanted.status = 0;
			read_files(path, &f);
			if (!wanted.found && wanted.status != 2) {
				complain("%s: no module %s in it", path, wanted.member);
				wanted.status = 2;
			}
			*status = wanted.status;
			xfree(path);
			return true;
		}
		xfree(path);
	}
	return false;
}

int cmd_explain(struct audit *a, const char *arg, struct live *live)
{
	struct look l = {};
	struct stat st;
	int status;

	if (!stat(arg, &st))
		status = explain_file(a, &l, arg, NULL, NULL);
	else if (!explain_package(a, &l, arg, &status))
		status = strchr(arg, '/') ? explain_file(a, &l, arg, NULL, NULL) :
					    explain_name(a, &l, live, arg);
	arena_free(l.arena);
	return status;
}
