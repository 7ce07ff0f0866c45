// SPDX-License-Identifier: GPL-2.0-only
/* Runs tests written for test_progs, without its size: KTAP, one line a subtest */
#include <fnmatch.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "guest.h"

static char current[256];
static int passed, failed, skipped;
static bool fails, skips, silent;

static void end_subtest(void)
{
	if (!current[0])
		return;
	printf("%sok %d %s%s\n", fails ? "not " : "", passed + failed + skipped + 1, current,
	       !fails && skips ? " # SKIP this kernel has no such mode or module, or cannot relocate, or its JIT cannot do it" :
	       "");
	if (fails)
		failed++;
	else if (skips)
		skipped++;
	else
		passed++;
	current[0] = 0;
	fails = skips = false;
}

/* only=MODE on the kernel command line leaves out the tests of the other mode, whose
 * names end so; test=PATTERN those without a part that fits
 */
static bool left_out(const char *name)
{
	const char *only = getenv("only"), *mode = strrchr(name, ','), *test = getenv("test");
	char pattern[512];

	if (test) {
		snprintf(pattern, sizeof(pattern), "*%s*", test);
		if (fnmatch(pattern, name, 0))
			return true;
	}
	return only && mode && strcmp(mode + 2, only) &&
	       (!strcmp(mode + 2, "strict") || !strcmp(mode + 2, "lenient"));
}

bool test__start_subtest(const char *name)
{
	end_subtest();
	silent = left_out(name);
	if (silent)
		return false;
	snprintf(current, sizeof(current), "%s", name);
	return true;
}

void test__skip(void)
{
	skips = !silent;
}

/* for what says itself why, on standard output */
void test__fail(void)
{
	fails = !silent;
}

void test__failed(const char *file, int line, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	va_list args;

	if (silent)	/* not all look at what test__start_subtest() returns */
		return;
	if (!current[0])	/* setup failed, before any subtest */
		snprintf(current, sizeof(current), "setup");
	printf("# %s:%d: ", base ? base + 1 : file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fails = true;
}

int unload_module(const char *name, bool verbose)
{
	int i;

	for (i = 0; i < 10000; i++) {
		if (!syscall(__NR_delete_module, name, 0))
			return 0;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;
		usleep(100);
	}
	return -1;
}

int test__finish(void)
{
	end_subtest();
	printf("1..%d\n", passed + failed + skipped);
	return failed || (!passed && !getenv("test"));
}
