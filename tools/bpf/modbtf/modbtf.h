/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __MODBTF_H
#define __MODBTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/compiler.h>
#include <linux/types.h>

struct btf;

#define BASE_ID_SIZE 32

/* A piece of memory: a file, or a part of one */
struct blob {
	void *data;
	size_t size;
};

/* Strings that are collected */
struct strings {
	char **str;
	size_t nr;
};

/* Which kernel decides */
struct rules {
	const char *name;
	bool patched;		/* by this series */
	int version;		/* of btf.c: 601, 612 or 703 */
};

/* util.c ------------------------------------------------------------------- */

/* As malloc() and the like, but do not return without memory */
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
__printf(1, 2) char *xasprintf(const char *fmt, ...);
/* Add @str, which is the list's from now on */
void strings_add(struct strings *list, char *str);
void strings_free(struct strings *list);
/* @id in hexadecimal, 64 digits */
void id_print(char *out, const uint8_t *id);

/* btf.c --------------------------------------------------------------------- */

int btf_parse(struct btf *btf, const void *data, size_t size, struct btf *base,
	      const struct rules *r);
int btf_check_chains(struct btf *btf, const struct rules *r);
void btf_free(struct btf *btf);
bool btf_is_swapped(struct blob raw);
void btf_swap(struct blob raw);
void btf_distilled_swap(struct blob section);

/* input.c ------------------------------------------------------------------- */

/* Larger ones are not read */
#define MAX_MODULE	(256UL << 20)
#define MAX_KERNEL	(2048UL << 20)

/**
 * read_file() - read a whole file
 * @path: its name
 * @max: the most that is read
 * @out: what was read, for free()
 *
 * Return: NULL, or what is wrong, for free().
 */
char *read_file(const char *path, size_t max, struct blob *out);

/**
 * unpack() - undo a compression, if there is one: gzip, xz, zstd, lz4, bzip2 or lzma
 * @in: what may be compressed; freed unless it is what is returned in @out
 * @max: the most that comes out
 * @out: the result, for free()
 *
 * Return: NULL, or what is wrong, for free(); then @in is freed, too.
 */
char *unpack(struct blob in, size_t max, struct blob *out);

/* What read_modules() calls: for a file by itself @data is NULL, and it can be
 * read later; a member of a package is handed over, for free().
 */
typedef void (*module_fn)(void *ctx, const char *path, struct blob *data);
/* What it calls for what cannot be read.  @problem is for free() */
typedef void (*trouble_fn)(void *ctx, const char *path, char *problem);

/**
 * read_modules() - find the modules in a file, a directory or a package
 * @path: module, directory, .deb or .rpm
 * @module: called for each module, in an order that repeats
 * @trouble: called for each file that cannot be read
 * @ctx: for both
 */
void read_modules(const char *path, module_fn module, trouble_fn trouble, void *ctx);

/* image.c ------------------------------------------------------------------- */

/**
 * read_base() - get the BTF of a kernel
 * @path: vmlinux, vmlinuz or raw BTF, or one of these compressed
 * @out: raw BTF, for free()
 *
 * Return: NULL, or what is wrong, for free().
 */
char *read_base(const char *path, struct blob *out);
/* The same for a file that has been read; @in is freed */
char *find_base(struct blob in, struct blob *out);

/* module.c ------------------------------------------------------------------ */

/* A slot or a set in .BTF_ids that has a symbol */
struct btf_id_sym {
	const char *name;	/* after __BTF_ID__ */
	const void *data;
	size_t size;		/* of a set */
	uint32_t word;		/* the id, or how many are in the set */
	unsigned int words;	/* that an id takes in the set; 0: no set */
	bool outside;		/* it is not inside of the section */
};

/* What a module says about its BTF.  Points into the file */
struct module {
	char *name;
	bool is32;
	bool swapped;		/* big-endian: then BTF is in copies, the other way round */
	void *copies[3];
	struct blob split;	/* .BTF, if has_split */
	struct blob base;	/* .BTF.base, if has_base */
	struct blob distilled;	/* .BTF.distilled, if has_distilled */
	bool has_split, has_base, has_distilled;
	bool bad;		/* there are two, or one without data in the file */
	const uint8_t *id;	/* base id of split BTF, or NULL */
	const uint8_t *distilled_id; /* that of the base that was distilled, or NULL */
	struct btf_id_sym *ids;
	size_t nr_ids;
	bool has_ids;		/* there is a .BTF_ids, with symbols or without */
	struct strings kfuncs, struct_ops, trace_events;
};

/**
 * module_parse() - find the BTF of a module
 * @m: what is filled in, for module_free()
 * @file: the module, uncompressed
 * @path: its name, if it does not say it itself
 *
 * Return: NULL, or what is wrong with the file, for free().
 */
char *module_parse(struct module *m, struct blob file, const char *path);
void module_free(struct module *m);

/* Section @name of an ELF file; .data is NULL if there is none.  Returns NULL, or
 * what is wrong with the file, for free().
 */
char *elf_section(struct blob file, const char *name, struct blob *out);

/* rules.c ------------------------------------------------------------------- */

enum verdict { V_NATIVE, V_RELOCATED, V_DROPPED, V_WRONG, V_UNPROVED, V_NONE, NR_VERDICTS };

/* A kernel on which modules are loaded, or were built */
struct base {
	struct btf *btf;
	bool swapped;		/* its file was big-endian */
	uint8_t id[BASE_ID_SIZE];
};

struct audit {
	const struct rules *rules;
	struct base running;
	struct base built;	/* .btf is NULL if it is not known */
	unsigned int wrong_types; /* how many are wanted in words */
};

struct result {
	enum verdict verdict;
	const char *reason;	/* or NULL */
	char *detail;		/* more of that in words, or NULL */
	unsigned long nr_wrong;	/* references and names that read as something else */
	struct strings wrong;	/* the first of them */
};

/* The rules called @name, or NULL.  rules_names: all of them */
const struct rules *rules_find(const char *name);
extern const char rules_names[];

/**
 * base_load() - read the base that modules are compared with
 * @b: what is filled in
 * @path: as for read_base()
 * @r: rules by which it has to be right
 *
 * Return: NULL, or what is wrong, for free().
 */
char *base_load(struct base *b, const char *path, const struct rules *r);
void base_free(struct base *b);

/* Why the kernel cannot load @m whatever its BTF, for free(), or NULL */
char *foreign(const struct audit *a, const struct module *m);

/**
 * decide() - what a kernel makes of the BTF of a module
 * @a: the kernel, and what else is known
 * @m: the module
 * @out: the result, for result_free()
 */
void decide(struct audit *a, const struct module *m, struct result *out);
void result_free(struct result *r);

/* relocate.c ---------------------------------------------------------------- */

/**
 * relocate() - relocate BTF that is split from a distilled base
 * @btf: what is changed; split from @base afterwards
 * @base: what it is relocated onto; others can be relocated onto it at the same time
 * @map: the ids that those of @btf become, for free()
 * @why: what the kernel would say if it fails, or NULL; for free()
 *
 * Takes every id in @btf for one that exists.
 *
 * Return: 0 or a negative error.
 */
int relocate(struct btf *btf, const struct btf *base, __u32 **map, char **why);

/* compare.c ----------------------------------------------------------------- */

/**
 * compare() - what of module BTF reads as something else on another base
 * @built: the BTF, split from the base it was built with
 * @loaded: the same BTF, split from another
 * @max: how many are wanted in words
 * @words: the first of them
 *
 * Return: how many names and references there are.
 */
unsigned long compare(const struct btf *built, const struct btf *loaded, unsigned int max,
		      struct strings *words);

/* suppress.c ---------------------------------------------------------------- */

struct suppression {
	char *module, *verdict, *reason;
	unsigned long used;
};

struct suppressions {
	struct suppression *list;
	size_t nr;
};

/* Read a suppression file.  Returns NULL, or what is wrong with it, for free() */
char *suppressions_read(struct suppressions *s, const char *path);
/* The reason to suppress a finding, or NULL */
const char *suppressed(struct suppressions *s, const char *module, const char *verdict);
void suppressions_free(struct suppressions *s);

/* report.c ------------------------------------------------------------------ */

enum format { F_TEXT, F_JSON, F_KTAP };

struct report {
	enum format format;
	bool strict, quiet, colour, progress;
	unsigned long count[NR_VERDICTS];
	unsigned long seen, findings, suppressed, troubles;
	struct suppressions suppress;
};

void report_begin(struct report *r);
/* One module.  @m may be NULL if @trouble is not */
void report_module(struct report *r, const char *path, const struct module *m,
		   const struct result *res, const char *trouble);
/* The summary.  Returns the exit status */
int report_end(struct report *r);
const char *verdict_name(enum verdict v, bool strict);
/* Does it ask for somebody to look? */
bool is_finding(enum verdict v);

/* audit.c, explain.c, status.c ------------------------------------------------ */

/* Audit the modules in @paths with all cores.  Returns the exit status */
int audit_run(struct audit *a, struct report *r, char **paths, int nr);
/* Returns the exit status */
int cmd_id(char **paths, int nr);
int cmd_explain(struct audit *a, const char *path);
int cmd_status(const char *sysfs, bool json, bool colour);

#endif
