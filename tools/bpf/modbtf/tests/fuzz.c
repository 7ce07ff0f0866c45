// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: the first byte says what the rest is. 0-3: a module, looked at by one of the
 * rules; 4: a kernel, which is also compared with BASE; 5: a package; 6: suppressions. BASE
 * and BUILT in the environment are
 * the bases of modules.
 */

#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"
#include "report.h"

static const char * const names[] = { "stock-6.1", "stock-6.12", "stock-7.3", "patched-7.3" };

static void load(struct base *b, const char *path, const struct rules *r)
{
	struct image image;

	if (read_base(path, &image) || base_parse(b, &image, r))
		abort();
}

static struct audit *audit(unsigned int rules)
{
	static struct audit audits[4];
	struct audit *a = audits + rules;
	struct kernel k = {};

	if (a->running.btf)
		return a;
	limits.module_memory = 1 << 20;
	if (rules_choose(&a->rules, names[rules], &k, (struct blob){}))
		abort();
	a->ask = decide;
	a->wrong_types = 3;
	load(&a->running, getenv("BASE"), &a->rules);
	load(&a->built, getenv("BUILT"), newest_rules);
	a->same = compare_bases(a->built.btf, a->running.btf);
	return a;
}

static void module(void *ctx, const struct place *place, struct arena *arena, struct blob *data)
{
	struct look l = { .arena = arena, .file = *data };
	struct suppressions none = {};

	look(&l, (struct audit *[]){ ctx }, 1, place->shown, place->path);
	if (!l.trouble && !l.res->trouble) {
		xfree(suppression_line(place, l.m.name, l.res));
		suppressed(&none, place, l.m.name, l.res);
	}
	look_forget_file(&l);
	arena_free(l.arena);
}

static void trouble(void *ctx, const char *path, char *problem)
{
	xfree(problem);
}

static void kernel(struct blob in)
{
	struct base b = {};
	struct image image;
	char *problem = find_base(in, &image) ?: base_parse(&b, &image, newest_rules);
	struct report r = { .command = "diff", .no_modules = true };
	const struct base *base = &audit(1)->running;

	if (b.btf && same_machine(base, &b)) {
		r.format = in.size & 1 ? F_HTML : F_JSON;
		diff_run(&r, base, &b, NULL, 0);
		report_end(&r);
		report_free(&r);
	}
	xfree(problem);
	base_free(&b);
}

static void suppressions(struct blob in)
{
	static struct result res = { .verdict = V_DROPPED, .reason = "unstamped" };
	struct place place = { "a:b", "linux-image-6.12_1.deb", "kernel/net/*.ko" };
	struct suppressions s = {};

	xfree(suppressions_parse(&s, in));
	suppressed(&s, &place, "x%\n", &res);
	suppressions_free(&s);
	xfree(in.data);
}

/* Reports are written and not read */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return !freopen("/dev/null", "w", stdout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct finder finder = { "module", is_module_name, module, trouble, audit(1) };
	struct place place = { "fuzz.ko", NULL, "fuzz.ko" };
	struct blob in;

	if (size < 2)
		return 0;
	in = (struct blob){ memcpy(xrealloc(NULL, size - 1), data + 1, size - 1), size - 1 };
	switch (*data & 7) {
	case 4:
		kernel(in);
		break;
	case 5:
		read_package("fuzz.deb", -1, in, &finder);
		xfree(in.data);
		break;
	case 6:
		suppressions(in);
		break;
	case 7:
		xfree(in.data);
		break;
	default:
		module(audit(*data & 3), &place, NULL, &in);
	}
	return 0;
}
