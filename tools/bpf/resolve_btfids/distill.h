/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __RESOLVE_BTFIDS_DISTILL_H
#define __RESOLVE_BTFIDS_DISTILL_H

struct btf;

/*
 * Write BTF that is used as it is on the base it was split from, and what it takes
 * to relocate it onto another, into the files PATH.BTF and PATH.BTF.distilled.  There
 * is no second one if the module needs no named type of the base.
 * @path: the module; @btf: its split BTF, whose strings change.  Returns 0, or -1
 * after a message that names @path.
 */
int distill_both(const char *path, struct btf *btf);

#endif
