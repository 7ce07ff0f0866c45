// SPDX-License-Identifier: GPL-2.0-only
/* modbtf: which modules keep their BTF on a kernel, and why not */

#include <argp.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modbtf.h"

#define RUNNING "/sys/kernel/btf/vmlinux"

enum {
	O_BASE = 'b',
	O_BUILT = 'B',
	O_KERNEL = 'k',
	O_STRICT = 's',
	O_QUIET = 'q',
	O_WRONG = 'w',
	O_JSON = 256,
	O_KTAP,
	O_SUPPRESS,
	O_SYSFS,
};

static const struct argp_option options[] = {
	{ "base", O_BASE, "FILE", 0, "kernel they are loaded on; default: the running one", 0 },
	{ "built-against", O_BUILT, "FILE", 0, "kernel they were built with", 0 },
	{ "kernel", O_KERNEL, "RULES", 0, rules_names, 0 },
	{ "strict", O_STRICT, NULL, 0, "a module whose BTF cannot be used is refused", 0 },
	{ "wrong-types", O_WRONG, "N", 0, "say what the first N types would read as", 0 },
	{ "suppress", O_SUPPRESS, "FILE", 0, "known findings: MODULE VERDICT REASON", 0 },
	{ "quiet", O_QUIET, NULL, 0, "only findings and the summary", 0 },
	{ "json", O_JSON, NULL, 0, "an object a line", 0 },
	{ "ktap", O_KTAP, NULL, 0, "a test result for each module", 0 },
	{ "sysfs", O_SYSFS, "DIR", 0, "status: instead of /sys", 0 },
	{ 0 }
};

struct args {
	const char *base, *built, *kernel, *suppress, *sysfs;
	bool strict, quiet, json, ktap;
	unsigned int wrong_types;
	char **words;		/* the command and what follows */
	int nr;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	unsigned long n;
	char *end;

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
	case O_STRICT:
		a->strict = true;
		break;
	case O_QUIET:
		a->quiet = true;
		break;
	case O_WRONG:
		n = strtoul(arg, &end, 10);
		if (*end || end == arg || *arg == '-' || n > 1000000)
			argp_error(state, "--wrong-types=%s: not a number", arg);
		a->wrong_types = n;
		break;
	case O_SUPPRESS:
		a->suppress = arg;
		break;
	case O_SYSFS:
		a->sysfs = arg;
		break;
	case O_JSON:
		a->json = true;
		break;
	case O_KTAP:
		a->ktap = true;
		break;
	case ARGP_KEY_ARGS:
		a->words = state->argv + state->next;
		a->nr = state->argc - state->next;
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
	.args_doc = "audit MODULES...\nexplain MODULE\nid FILE...\nstatus",
	.doc = "Say which modules, also in directories, .deb and .rpm, keep their BTF on a kernel.",
};

/* Read a base or end */
static void load(struct base *b, const char *path, const struct rules *r)
{
	char *problem = base_load(b, path, r);

	if (problem)
		errx(2, "%s: %s", path, problem);
}

static void prepare(struct audit *a, const struct args *args)
{
	/* it is only what the other is compared with */
	static const struct rules lax = { "", false, 703 };

	*a = (struct audit){ .wrong_types = args->wrong_types };
	a->rules = rules_find(args->kernel ?: "patched");
	if (!a->rules)
		errx(2, "--kernel=%s: there are %s", args->kernel, rules_names);
	if (args->wrong_types && (a->rules->patched || !args->built))
		errx(2, "--wrong-types needs --built-against and --kernel=stock");
	load(&a->running, args->base ?: RUNNING, a->rules);
	if (args->built)
		load(&a->built, args->built, &lax);
}

static void release(struct audit *a)
{
	base_free(&a->running);
	base_free(&a->built);
}

static int audit(const struct args *args)
{
	struct report r = {
		.format = args->json ? F_JSON : args->ktap ? F_KTAP : F_TEXT,
		.strict = args->strict,
		.quiet = args->quiet,
	};
	struct audit a;
	char *problem;
	int status;

	r.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	r.progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	if (args->suppress) {
		problem = suppressions_read(&r.suppress, args->suppress);
		if (problem)
			errx(2, "%s: %s", args->suppress, problem);
	}
	prepare(&a, args);
	status = audit_run(&a, &r, args->words + 1, args->nr - 1);
	release(&a);
	suppressions_free(&r.suppress);
	return status;
}

static int explain(const struct args *args)
{
	struct audit a;
	int status;

	prepare(&a, args);
	status = cmd_explain(&a, args->words[1]);
	release(&a);
	return status;
}

int main(int argc, char **argv)
{
	struct args args = { .sysfs = "/sys" };
	const char *cmd;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	cmd = args.words[0];
	if (!strcmp(cmd, "audit") && args.nr > 1)
		return audit(&args);
	if (!strcmp(cmd, "id") && args.nr > 1)
		return cmd_id(args.words + 1, args.nr - 1);
	if (!strcmp(cmd, "explain") && args.nr == 2)
		return explain(&args);
	if (!strcmp(cmd, "status") && args.nr == 1)
		return cmd_status(args.sysfs, args.json,
				  isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
	argp_help(&argp, stderr, ARGP_HELP_USAGE | ARGP_HELP_SEE, "modbtf");
	return 2;
}
