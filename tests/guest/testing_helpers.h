/* SPDX-License-Identifier: GPL-2.0 */
/* The part of tools/testing/selftests/bpf/testing_helpers.h that our tests use */
#ifndef TESTING_HELPERS_H
#define TESTING_HELPERS_H

#include <stdbool.h>

/* Unload a module as soon as nobody uses it, within a second. Returns 0 or -1. */
int unload_module(const char *name, bool verbose);

#endif
