/* SPDX-License-Identifier: GPL-2.0 */
/*
 * .note.BTF: what the build writes down about the BTF of a module
 *
 * resolve_btfids writes this section.  The module loader reads it and does not keep it.  It
 * is allocated so that it survives strip, is in the byte order of the module, aligned to
 * nothing, and holds one note of the owner "Linux".  The data of the note is the base id, then
 * the table.  A second note would be one too many for llvm-objcopy, and nobody reads it.
 *
 * Shared with tools, which have <linux/types.h>, too.
 */
#ifndef _LINUX_BTF_NOTE_H
#define _LINUX_BTF_NOTE_H

#include <linux/types.h>

#define BTF_NOTE_SECTION		".note.BTF"

/*
 * The base id: SHA-256 of the raw BTF of the vmlinux that the module was built with, which
 * is what sha256sum prints for /sys/kernel/btf/vmlinux.  The type says what .BTF is split
 * from: the BTF of that vmlinux, or a base distilled of it, which is in .BTF.base.
 */
#define LINUX_ELFNOTE_BTF_BASE_ID	0x102
#define LINUX_ELFNOTE_BTF_DISTILLED_ID	0x103

#define BTF_BASE_ID_SIZE		32

/*
 * The table: where .BTF_ids has ids, in ascending order; an array of btf_ids_range up to the end
 * of the data.  There is no table if the data ends with the base id.
 */
enum btf_ids_kind {
	BTF_IDS_LIST,	/* cnt ids, one behind the other */
	BTF_IDS_SET,	/* struct btf_id_set: cnt, then cnt sorted ids */
	BTF_IDS_SET8,	/* struct btf_id_set8: cnt, flags, then cnt sorted pairs of id, flags */
};

struct btf_ids_range {
	__u32 offset;	/* in .BTF_ids, bytes */
	__u32 kind;	/* enum btf_ids_kind */
	__u32 cnt;	/* how many ids */
};

#endif /* _LINUX_BTF_NOTE_H */
