/* SPDX-License-Identifier: GPL-2.0-only */
/* See ../kernel_code.h */
