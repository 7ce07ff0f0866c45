/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BTF of kernel modules: what the build, the module loader and BPF share.
 */
#ifndef _LINUX_BTF_MODULE_H
#define _LINUX_BTF_MODULE_H

#include <linux/elfnote.h>
#include <linux/types.h>

/*
 * ELF note (owner "Linux") with the base id: the SHA-256 of the raw BTF that the
 * BTF of the module was split from.  module-common.c reserves it as zeros,
 * resolve_btfids fills it in.  With a distilled base resolve_btfids also changes
 * the type: the types of such a module are numbered after those of .BTF.base,
 * and taken for split BTF they would all be wrong.
 */
#define LINUX_ELFNOTE_BTF_BASE_ID	0x102
#define LINUX_ELFNOTE_BTF_DISTILLED_ID	0x103

#define BTF_BASE_ID_SIZE		32

/* BTF_BASE_ID_SIZE zeros, with the one that ends the string */
#define BTF_BASE_ID_BLANK \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

#ifdef CONFIG_DEBUG_INFO_BTF_MODULES

#define BTF_BASE_ID \
	ELFNOTE32("Linux", LINUX_ELFNOTE_BTF_BASE_ID, BTF_BASE_ID_BLANK)

#else

#define BTF_BASE_ID struct btf	/* a declaration, for the semicolon */

#endif /* CONFIG_DEBUG_INFO_BTF_MODULES */

#endif /* _LINUX_BTF_MODULE_H */
