/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of tools/testing/selftests/bpf/test_progs.h that our tests use, for a
 * runner that is small enough for the guest.  Every assertion yields a bool.
 */
#ifndef TEST_PROGS_H
#define TEST_PROGS_H

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

bool test__start_subtest(const char *name);
void test__skip(void);
void test__fail(void);
/* Note a failed assertion and say why */
void test__failed(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define CHECK_THAT(ok, format, args...) ({				\
	bool ___ok = (ok);						\
	if (!___ok)							\
		test__failed(__FILE__, __LINE__, format, ##args);	\
	___ok;								\
})

#define ASSERT_TRUE(actual, name) \
	CHECK_THAT((actual), "%s: is false", name)
#define ASSERT_FALSE(actual, name) \
	CHECK_THAT(!(actual), "%s: is true", name)

#define ASSERT_OP(actual, expected, op, name) ({			\
	long long ___act = (actual), ___exp = (expected);		\
	CHECK_THAT(___act op ___exp, "%s: %lld, expected " #op " %lld",	\
		   name, ___act, ___exp);				\
})

#define ASSERT_EQ(actual, expected, name) ASSERT_OP(actual, expected, ==, name)
#define ASSERT_GT(actual, expected, name) ASSERT_OP(actual, expected, >, name)
#define ASSERT_LT(actual, expected, name) ASSERT_OP(actual, expected, <, name)
#define ASSERT_GE(actual, expected, name) ASSERT_OP(actual, expected, >=, name)

#define ASSERT_OK(res, name) ASSERT_EQ(res, 0, name)

#define ASSERT_OK_FD(fd, name) ASSERT_GE(fd, 0, name)

#define ASSERT_STREQ(actual, expected, name) ({				\
	const char *___act = (actual), *___exp = (expected);		\
	CHECK_THAT(!strcmp(___act, ___exp), "%s: '%s', expected '%s'",	\
		   name, ___act, ___exp);				\
})

#define ASSERT_OK_PTR(ptr, name) \
	CHECK_THAT(!libbpf_get_error(ptr) && (ptr), "%s: error %ld", name, \
		   libbpf_get_error(ptr))

#endif
