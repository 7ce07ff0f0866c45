// SPDX-License-Identifier: GPL-2.0-only
/* modbtf: which modules keep their BTF on a kernel, and why not */

#include <archive.h>
#include <argp.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "modbtf.h"
#include "report.h"
#include "version.h"

enum {
	O_BASE = 'b',
	O_BUILT = 'B',
	O_KERNEL = 'k',
	O_STRICT = 's',
	O_PAIR = 'p',
	O_QUIET = 'q',
	O_WRONG = 'w',
	O_JOBS = 'j',
	O_JSON = 256,
	O_KTAP,
	O_JUNIT,
	O_MARKDOWN,
	O_HTML,
	O_SUMMARY,
	O_FULL,
	O_NEED_BTF,
	O_SUPPRESS,
	O_WRITE,
	O_STALE,
	O_SYSFS,
	O_MODULES,
	O_LOG,
	O_MODULE_MEMORY,
	O_MODULE_TIME,
	O_TOTAL_MEMORY,
	O_TOTAL_TIME,
};

static const struct argp_option options[] = {
	{ "base", O_BASE, "FILE", 0, "kernel they are loaded on; default: the running one", 0 },
	{ "built-against", O_BUILT, "FILE", 0, "kernel they were built with", 0 },
	{ "kernel", O_KERNEL, "RULES", 0, "stock[-X.Y], patched[-X.Y]; see modbtf(8)", 0 },
	{ "pair", O_PAIR, NULL, 0, "each on the kernel of its release, among what is given", 0 },
	{ "strict", O_STRICT, NULL, 0, "a module whose BTF cannot be used is refused", 0 },
	{ "need-btf", O_NEED_BTF, NULL, 0, "a module without BTF is a finding", 0 },
	{ "wrong-types", O_WRONG, "N", 0, "say what the first N types would read as", 0 },
	{ "suppress", O_SUPPRESS, "FILE", 0, "findings that are known", 0 },
	{ "write-suppressions", O_WRITE, "FILE", 0, "write all findings as known ones", 0 },
	{ "allow-stale", O_STALE, NULL, 0, "a suppression that fits nothing is no finding", 0 },
	{ "quiet", O_QUIET, NULL, 0, "only findings and the summary", 0 },
	{ "json", O_JSON, NULL, 0, "an object a line", 0 },
	{ "ktap", O_KTAP, NULL, 0, "a test result for each module", 0 },
	{ "junit", O_JUNIT, NULL, 0, "the same for CI services, as XML", 0 },
	{ "markdown", O_MARKDOWN, "FILE", OPTION_ARG_OPTIONAL,
	  "for a merge request; into FILE: beside what is printed", 0 },
	{ "html", O_HTML, "FILE", OPTION_ARG_OPTIONAL,
	  "one page for a browser; into FILE: beside what is printed", 0 },
	{ "summary", O_SUMMARY, NULL, 0, "only how many, by reason, subsystem and type", 0 },
	{ "full", O_FULL, NULL, 0, "all types and modules, not only the first", 0 },
	{ "sysfs", O_SYSFS, "DIR", 0, "instead of /sys", 0 },
	{ "modules", O_MODULES, "DIR", 0, "instead of /lib/modules/RELEASE", 0 },
	{ "log", O_LOG, "FILE", 0, "instead of /dev/kmsg", 0 },
	{ "jobs", O_JOBS, "N", 0, "threads; default: one a core", 0 },
	{ "module-memory", O_MODULE_MEMORY, "MB", 0, "memory that one module may take (256)", 0 },
	{ "module-time", O_MODULE_TIME, "SECONDS", 0, "CPU time that one module may take (10)", 0 },
	{ "total-memory", O_TOTAL_MEMORY, "MB", 0, "memory that the run may take (2048)", 0 },
	{ "total-time", O_TOTAL_TIME, "SECONDS", 0, "time that the run may take (600)", 0 },
	{ 0 }
};

enum { AUDIT = 1, EXPLAIN = 2, ID = 4, STATUS = 8, DIFF = 16, MATRIX = 32, ALL = 63 };

static const struct {
	const char *name;
	unsigned int bit;
	int min, max;		/* arguments that it takes */
} commands[] = {
	{ "audit", AUDIT, 1, INT32_MAX },
	{ "diff", DIFF, 2, INT32_MAX },
	{ "explain", EXPLAIN, 1, 1 },
	{ "id", ID, 1, INT32_MAX },
	{ "matrix", MATRIX, 1, INT32_MAX },
	{ "status", STATUS, 0, 0 },
};

/* The commands that look at an option */
static unsigned int commands_of(int key)
{
	switch (key) {
	case O_BASE:
	case O_BUILT:
		return AUDIT | EXPLAIN;
	case O_WRONG:
		return AUDIT | EXPLAIN | MATRIX;
	case O_KERNEL:
		return AUDIT | EXPLAIN | MATRIX | STATUS;
	case O_MODULE_MEMORY:
	case O_MODULE_TIME:
	case O_TOTAL_MEMORY:
	case O_TOTAL_TIME:
		return ALL;
	case O_JSON:
		return AUDIT | DIFF | MATRIX | STATUS;
	case O_MARKDOWN:
	case O_HTML:
	case O_SUMMARY:
	case O_JOBS:
		return AUDIT | DIFF | MATRIX;
	case O_KTAP:
	case O_JUNIT:
	case O_STRICT:
	case O_NEED_BTF:
		return AUDIT | MATRIX;
	case O_FULL:
		return DIFF | MATRIX;
	case O_SYSFS:
	case O_MODULES:
	case O_LOG:
		return EXPLAIN | STATUS;
	}
	return AUDIT;
}

/* The rules are those of this kernel; libarchive says which compressions it can undo */
static void print_version(FILE *f, struct argp_state *state)
{
	fprintf(f, "modbtf %s, with code of Linux %s\n%s json-c/%s\n",
		MODBTF_VERSION, KERNEL_VERSION, archive_version_details(), json_c_version());
}

struct args {
	const char *base, *built, *kernel, *suppress;
	struct live live;
	enum format format;
	const char *format_name, *format_other;	/* as they were given */
	struct page pages[NR_PAGES + 1];
	struct output *baseline;	/* for suppressions of all findings, or NULL */
	struct output outputs[NR_PAGES + 2];	/* of those */
	bool strict, pair, quiet, summary, full, need_btf, allow_stale;
	unsigned int wrong_types;
	bool given[sizeof(options) / sizeof(*options)];
	char **words;		/* what follows the command */
	int nr;
	unsigned int command;
};

static unsigned long parse_number(struct argp_state *state, const char *name, const char *arg,
				  unsigned long min, unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(arg, &end, 10);
	if (*end || end == arg || *arg == '-' || errno || n < min || n > max)
		argp_error(state, "--%s=%s: not a number from %lu to %lu", name, arg, min, max);
	return n;
}

/* Does it fit together?  What has no effect is an error */
static void check_args(struct args *a, struct argp_state *state)
{
	const char *name = state->argv[state->next];
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			break;
	if (i == sizeof(commands) / sizeof(*commands))
		argp_error(state, "%s: no such command", name);
	a->command = commands[i].bit;
	a->words = state->argv + state->next + 1;
	a->nr = state->argc - state->next - 1;
	if (a->nr < commands[i].min || a->nr > commands[i].max)
		argp_error(state, "%s%s", name, a->nr >= commands[i].min ? ": too many arguments" :
			   a->command == DIFF ? " needs two kernels" : ": of which file?");
	for (i = 0; options[i].name; i++)
		if (a->given[i] && !(commands_of(options[i].key) & a->command))
			argp_error(state, "--%s has no effect on %s", options[i].name, name);
	if (a->format_other)
		argp_error(state, "--%s and --%s: one of them", a->format_other, a->format_name);
	if (a->full && a->summary)
		argp_error(state, "--full and --summary: one of them");
	if (a->summary && a->format != F_TEXT && a->format != F_JSON)
		argp_error(state, "--summary has no effect on --%s", a->format_name);
	if (a->pair && (a->base || a->built))
		argp_error(state, "--%s has no effect with --pair",
			   a->base ? "base" : "built-against");
	if (a->allow_stale && !a->suppress)
		argp_error(state, "--allow-stale has no effect without --suppress");
}

static void set_format(struct args *a, const char *name, enum format f)
{
	if (a->format_name && a->format != f)
		a->format_other = a->format_name;
	a->format = f;
	a->format_name = name;
}

static void set_output(struct args *a, struct output **o, const char *path)
{
	if (!*o)
		for (*o = a->outputs; (*o)->path; ++*o)
			;
	(*o)->path = path;
}

/* Made of all that was found, so that a file can have it beside what is printed */
static void set_page(struct args *a, const char *name, enum format f, const char *path)
{
	struct page *p = a->pages;

	if (!path) {
		set_format(a, name, f);
		return;
	}
	/* of each format the last */
	while (p->output && p->format != f)
		p++;
	p->format = f;
	set_output(a, &p->output, path);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	const struct argp_option *o;

	for (o = options; o->name && o->key != key; o++)
		;
	if (o->name)
		a->given[o - options] = true;
	switch (key) {
	case O_BASE:
		a->base = arg;
		break;
	case O_BUILT:
		a->built = arg;
		break;
	case O_KERNEL:
		a->kernel = arg;
		break;
	case O_PAIR:
		a->pair = true;
		break;
	case O_STRICT:
		a->strict = true;
		break;
	case O_NEED_BTF:
		a->need_btf = true;
		break;
	case O_QUIET:
		a->quiet = true;
		break;
	case O_WRONG:
		a->wrong_types = parse_number(state, o->name, arg, 0, 1000000);
		break;
	case O_SUPPRESS:
		a->suppress = arg;
		break;
	case O_WRITE:
		set_output(a, &a->baseline, arg);
		break;
	case O_STALE:
		a->allow_stale = true;
		break;
	case O_SYSFS:
		a->live.sysfs = arg;
		break;
	case O_MODULES:
		a->live.modules = arg;
		break;
	case O_LOG:
		a->live.log = arg;
		break;
	case O_JSON:
		set_format(a, o->name, F_JSON);
		break;
	case O_KTAP:
		set_format(a, o->name, F_KTAP);
		break;
	case O_JUNIT:
		set_format(a, o->name, F_JUNIT);
		break;
	case O_MARKDOWN:
		set_page(a, o->name, F_MARKDOWN, arg);
		break;
	case O_HTML:
		set_page(a, o->name, F_HTML, arg);
		break;
	case O_SUMMARY:
		a->summary = true;
		break;
	case O_FULL:
		a->full = true;
		break;
	case O_JOBS:
		limits.jobs = parse_number(state, o->name, arg, 1, 4096);
		break;
	case O_MODULE_MEMORY:
		limits.module_memory = parse_number(state, o->name, arg, 1, SIZE_MAX >> 21) << 20;
		break;
	case O_MODULE_TIME:
		limits.module_time = parse_number(state, o->name, arg, 1, 1000000);
		break;
	case O_TOTAL_MEMORY:
		limits.total_memory = parse_number(state, o->name, arg, 64, SIZE_MAX >> 21) << 20;
		break;
	case O_TOTAL_TIME:
		limits.total_time = parse_number(state, o->name, arg, 1, 1000000);
		break;
	case ARGP_KEY_ARGS:
		check_args(a, state);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc =
		"audit MODULES...\ndiff KERNEL KERNEL [MODULES...]\nexplain MODULE\n"
		"id FILE...\nmatrix DIR...\nstatus",
	.doc = "Say which kernel modules keep their BTF on a kernel, and why the others do not.",
};

static void die_of(const char *path, char *problem)
{
	if (problem)
		die("%s: %s", path, problem);
}

/* The kernel that modules are loaded on, and how it decides */
static void load_running(struct audit *a, const struct args *args)
{
	const char *sysfs = args->live.sysfs ?: "/sys";
	char *running = xasprintf("%s/kernel/btf/vmlinux", sysfs);
	const char *path = args->base ?: running;
	struct image image;
	struct kernel *k = &image.kernel;
	char *problem;

	work_on(path);
	problem = read_base(path, &image);
	if (problem && !args->base && access(path, F_OK))
		die("%s: %s; the running kernel has no BTF, name another by --base", path, problem);
	die_of(path, problem);
	if (!strcmp(path, running))
		kernel_running(k, sysfs);
	problem = rules_choose(&a->rules, args->kernel, k, image.btf);
	if (problem)
		die("%s", problem);
	if (a->rules.guessed && k->version)
		complain("%s: Linux %u.%u is newer than what is known, decided as %s", path,
			 k->version / 100, k->version % 100, a->rules.name);
	else if (a->rules.guessed && !args->kernel)
		complain("%s: does not say of which version it is, decided as %s; see --kernel",
			 path, a->rules.name);
	die_of(path, base_parse(&a->running, &image, &a->rules));
	work_on(NULL);
	xfree(running);
}

/* A kernel that is not asked */
static void load_base(struct base *b, const char *path)
{
	struct image image;

	work_on(path);
	die_of(path, read_base(path, &image) ?: base_parse(b, &image, newest_rules));
	die_of(path, b->problem);
	work_on(NULL);
}

static void prepare(struct audit *a, const struct args *args)
{
	*a = (struct audit){ .ask = decide, .wrong_types = args->wrong_types };
	load_running(a, args);
	if (args->strict && !a->rules.patched)
		die("--strict is a mode of a patched kernel, and this is decided as %s",
		    a->rules.name);
	if (args->wrong_types && (a->rules.patched || !args->built))
		die("--wrong-types needs --built-against and a stock kernel");
	if (!args->built)
		return;
	load_base(&a->built, args->built);
	a->built_path = args->built;
	work_on(args->built);
	if (a->running.btf && !a->rules.patched)
		a->same = compare_bases(a->built.btf, a->running.btf);
	work_on(NULL);
}

static void release(struct audit *a)
{
	base_free(&a->running);
	base_free(&a->built);
	xfree(a->same);
}

/* Lines of summary that say which types read as others, of each module */
#define SUMMARY_TYPES	16

static int audit(const struct args *args, FILE *baseline)
{
	bool is_matrix = args->command == MATRIX, running;
	struct utsname u;
	struct report r = {
		.command = is_matrix ? "matrix" : "audit",
		.format = args->format,
		.strict = args->strict,
		.quiet = args->quiet,
		.summary = args->summary || is_matrix || args->format == F_MARKDOWN ||
			   args->format == F_HTML,
		.only_summary = args->summary || (is_matrix && !args->full),
		.summary_first = is_matrix,
		.need_btf = args->need_btf,
		.pages = args->pages,
		.allow_stale = args->allow_stale,
		.baseline = baseline,
		/* where nothing else is printed until the end */
		.progress = isatty(STDERR_FILENO) && !args->quiet &&
			    (is_matrix || args->summary || !isatty(STDOUT_FILENO)),
	};
	bool with_types = r.summary || args->pages[0].output;
	struct blob file;
	struct audit a;
	char *problem;
	int status, i;

	/* only what is made of all of them has these */
	r.hide_lines = with_types && !r.summary && !args->wrong_types;
	running = !is_matrix && !args->pair && !args->base;
	r.running = running && !uname(&u) ? u.release : NULL;
	for (i = 0; args->base && i < args->nr; i++)
		r.one_package |= !strcmp(args->base, args->words[i]);
	if (args->suppress) {
		r.suppress.path = args->suppress;
		problem = read_file(args->suppress, true, &file) ?:
			  suppressions_parse(&r.suppress, file);
		if (problem)
			die("%s: %s%s", args->suppress, problem, access(args->suppress, F_OK) ?
			    "; create an empty one" : "");
		xfree(file.data);
	}
	if (args->pair || args->command == MATRIX) {
		matrix_run(&(struct many){
			.pair = args->pair, .strict = args->strict, .kernel = args->kernel,
			.wrong_types = args->wrong_types ?: with_types ? SUMMARY_TYPES : 0,
		}, &r, args->words, args->nr);
	} else {
		prepare(&a, args);
		if (with_types && args->built && !a.wrong_types)
			a.wrong_types = SUMMARY_TYPES;
		r.rules = a.rules.name;
		r.rules_found = a.rules.found;
		audit_one(&a, &r, report_pair(&r, NULL, NULL, a.rules.name), args->words, args->nr);
		release(&a);
	}
	status = report_end(&r);
	report_free(&r);
	return status;
}

/* Entries of a kind in a text that is not --full */
#define DIFF_LIMIT	20

static int diff(const struct args *args)
{
	struct report r = {
		.command = "diff",
		.format = args->format,
		.summary = true,
		.only_summary = args->summary,
		.summary_first = true,
		.counts_types = true,
		.full = args->full,
		.limit = args->full ? 0 : DIFF_LIMIT,
		.progress = isatty(STDERR_FILENO),
		.pages = args->pages,
		.no_modules = args->nr == 2,
	};
	struct base a, b;
	int status;

	load_base(&a, args->words[0]);
	load_base(&b, args->words[1]);
	if (!same_machine(&a, &b))
		die("%s: of another machine than %s", args->words[1], args->words[0]);
	diff_run(&r, &a, &b, args->words + 2, args->nr - 2);
	status = report_end(&r);
	base_free(&a);
	base_free(&b);
	report_free(&r);
	return status;
}

static int explain(const struct args *args)
{
	struct live live = args->live;
	struct utsname u;
	struct audit a;
	int status;

	live.other_kernel = args->base;
	live_open(&live);
	prepare(&a, args);
	a.release = !args->base && !args->live.sysfs && !uname(&u) ? u.release : NULL;
	status = cmd_explain(&a, args->words[0], &live);
	release(&a);
	live_close(&live);
	return status;
}

static int list_status(const struct args *args)
{
	struct audit a = { .ask = decide };
	struct live live = args->live;
	int status;

	live_open(&live);
	if (live_has(&live, "kernel/btf", "vmlinux", ""))
		load_running(&a, args);
	status = cmd_status(&a, &live, args->format == F_JSON);
	release(&a);
	live_close(&live);
	return status;
}

/* All that reads files of others.  Returns the exit status */
static int run(const void *arg)
{
	static const char head[] =
		"# Known findings: PACKAGE PATH MODULE VERDICT REASON, see modbtf(8)\n";
	const struct args *args = arg;
	FILE *baseline = args->baseline ? args->baseline->file : NULL;
	int status = 2;

	if (baseline)
		fputs(head, baseline);
	limits_start();
	out_begin(args->format, false);
	sandbox();
	switch (args->command) {
	case AUDIT:
	case MATRIX:
		status = audit(args, baseline);
		break;
	case DIFF:
		status = diff(args);
		break;
	case EXPLAIN:
		status = explain(args);
		break;
	case ID:
		status = cmd_id(args->words, args->nr);
		break;
	case STATUS:
		status = list_status(args);
		break;
	}
	limits_end();
	status = out_end(status);
	if (!baseline)
		return status;
	/* all findings are known then */
	return status < 2 && output_done(args->baseline) ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct args args = {};

	argp_err_exit_status = 2;
	argp_program_version_hook = print_version;
	check_libarchive();
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	return args.outputs->path ? outputs_run(args.outputs, run, &args) : run(&args);
}
