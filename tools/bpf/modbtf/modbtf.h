/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __MODBTF_H
#define __MODBTF_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include "../../../include/linux/btf_note.h"

struct btf;
struct kernel;
struct pair;
struct report;

/* Bytes of a name that the kernel takes, with its end (KSYM_NAME_LEN) */
#define NAME_LEN 512

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

/* What kernels came to take as BTF, or to look at, see version.c */
enum feature {
	EMPTY_SECTIONS,		/* sections without variables */
	FLOATS,
	DECL_TAGS,
	TYPE_TAGS,
	CHAINS,			/* how long chains of references are is looked at */
	TAGS_FIRST,		/* type tags have to be in front of other modifiers */
	ENUM64S,		/* and enums that have a sign */
	LONG_NAMES,		/* 511 bytes instead of 127 */
	DOTS,			/* in all names, not only in those of variables and sections */
	SECTION_NAMES,		/* of any printable text */
	DISTILLED,		/* .BTF.base */
	TAG_FLAGS,		/* tags that are attributes */
	LAYOUT,			/* a header that says how long kinds are */
	LONG_TYPES,		/* 24 bits for the number of members, 7 for the kind */
	NR_FEATURES
};

/* How a kernel decides */
struct rules {
	char name[24];		/* stock-6.12 */
	bool patched;		/* by this series */
	bool found;		/* from what the kernel says, not only by --kernel */
	bool guessed;		/* the version is not known, or newer than what is */
	unsigned int version;	/* 612 */
	uint32_t features;
};

/* watchdog.c ------------------------------------------------------------------ */

struct limits {
	size_t module_memory, total_memory;	/* bytes */
	unsigned int module_time, total_time;	/* seconds: of the CPU; by the clock */
	unsigned int jobs;			/* threads; 0: one a core */
};

extern struct limits limits;

/* Put the limits of the run in force; nothing that takes long comes after limits_end() */
void limits_start(void);
void limits_end(void);
bool run_is_over(void);
/* NULL, or why it is over: its time, or how much it unpacks; for xfree() */
char *run_problem(void);
/* The same, also for the time of the module */
char *time_problem(void);
/* Bytes of files, and of what is compressed in them */
void count_read(size_t size);
void count_unpacked(size_t size);
/* Called in each long loop: gives up when the time is over.  tick_now() looks at the clock
 * each time.
 */
void tick(void);
void tick_now(void);

/* Say what this thread is at, NULL: nothing.  @what has to stay until the next call, and
 * work_end() has to be called before the thread ends.
 */
void work_on(const char *what);
const char *work_name(void);
void work_end(void);
/* Count the time of a module in this thread: arena_enter() and arena_leave() do it */
void module_time_start(void);
void module_time_end(void);
bool start_thread(pthread_t *thread, void *(*fn)(void *), void *arg);

/* mem.c --------------------------------------------------------------------- */

/* Memory of one module */
struct arena {
	struct block *blocks;
	size_t used;
	jmp_buf *leave;		/* where give_up() goes */
	char problem[160];
};

struct arena *arena_new(void);
/**
 * arena_enter() - allocate from @a from now on, and count its time
 * @a: the arena; one at a time in a thread
 * @leave: from setjmp(); give_up() goes there and leaves @a->problem, NULL: it ends the run
 */
void arena_enter(struct arena *a, jmp_buf *leave);
void arena_leave(void);
/* Let @a own @p, which was allocated outside of arenas */
void arena_adopt(struct arena *a, void *p);
/* Free all that is in it; arena_free(): and itself */
void arena_empty(struct arena *a);
void arena_free(struct arena *a);

/* This module cannot be looked at: leave its arena.  Without one, end with status 2 */
void __printf(1, 2) __noreturn give_up(const char *fmt, ...);

/* Bytes that can still be allocated here; that there are too few, in words, for xfree() */
size_t mem_left(void);
char *mem_problem(void);
/* Bytes that are allocated outside of arenas */
size_t mem_used(void);
/* As malloc() and the like, from the arena that is entered.  They give up instead of
 * returning NULL, but for try_realloc().  Freed by xfree() or with the arena.
 */
void *try_realloc(void *p, size_t size);
__attribute__((returns_nonnull)) void *xrealloc(void *p, size_t size);
void *xcalloc(size_t nr, size_t size);
void xfree(void *p);
__attribute__((returns_nonnull)) char *xstrdup(const char *s);
char *xvasprintf(const char *fmt, va_list args);
__attribute__((returns_nonnull)) __printf(1, 2) char *xasprintf(const char *fmt, ...);
/* Add @str, which is the list's from now on */
void strings_add(struct strings *list, char *str);
void strings_free(struct strings *list);
/* @id in hexadecimal, 64 digits */
void id_print(char *out, const uint8_t *id);

/* sandbox.c ------------------------------------------------------------------ */

/* Give up to execute, to write to files and the network, where the kernel can do that */
void sandbox(void);

/* out.c ---------------------------------------------------------------------- */

enum format { F_TEXT, F_JSON, F_KTAP, F_JUNIT, F_MARKDOWN, F_HTML };
enum colour { C_NONE, C_RED, C_YELLOW };

struct json_object;

/* @later: what is printed is kept, for out_kept() */
void out_begin(enum format f, bool later);
/* What is printed from now on is not kept */
void out_now(void);
/* Print what was kept */
void out_kept(void);
/* What is printed from now on goes there; nothing is kept */
void out_to(FILE *to, enum format f);
/* Print to standard output.  Each %s is escaped for the format */
void __printf(1, 2) out(const char *fmt, ...);
/* Print text of our own as it is */
void out_raw(const char *text, size_t size);
/* What follows has a colour, if the output is a terminal */
void out_colour(enum colour c);
/* Returns @status, or 2 if something could not be written */
int out_end(int status);
/* A line on standard error, escaped, with the name of the program; die(): exit with 2 */
void __printf(1, 2) complain(const char *fmt, ...);
void __printf(1, 2) __noreturn die(const char *fmt, ...);

/* Of JSON: strings become UTF-8, no memory is an error */
struct json_object *json_checked(struct json_object *o);
void json_add(struct json_object *o, const char *key, struct json_object *value);
/* Nothing if @s is NULL */
void json_str(struct json_object *o, const char *key, const char *s);
void json_list(struct json_object *o, const char *key, const struct strings *list);
/* The first line */
void json_begin(const char *command);
/* Print @o, an object a line, and free it */
void json_line(struct json_object *o);

/* outputs.c ----------------------------------------------------------------- */

/* A file that is written beside what is printed */
struct output {
	const char *path;
	FILE *file;
	char *real, *temp;	/* what it replaces, and by what; NULL: it is no regular file */
	bool *whole;
};

bool output_done(struct output *o);
int outputs_run(struct output *outputs, int (*run)(const void *), const void *arg);

/* btf.c --------------------------------------------------------------------- */

int btf_parse(struct btf *btf, const void *data, size_t size, struct btf *base,
	      const struct rules *r);
int btf_check_chains(struct btf *btf, const struct rules *r);
void btf_check_sorted(struct btf *btf);
char *btf_problem(const struct btf *btf);
bool btf_is_of_module(const struct btf *btf);
void btf_free(struct btf *btf);
bool btf_is_swapped(struct blob raw);
void btf_swap(struct blob raw);

/* input.c ------------------------------------------------------------------- */

/**
 * read_file() - read a whole file or pipe
 * @path: its name
 * @wait: for what a pipe has; else it is trouble, as some files of /proc that never end
 * @out: what was read, for xfree()
 *
 * Return: NULL, or what is wrong, for xfree().
 */
char *read_file(const char *path, bool wait, struct blob *out);

/**
 * unpack() - undo a compression, if there is one: gzip, xz, zstd, lz4, bzip2 or lzma
 * @in: what may be compressed; freed unless it is what is returned in @out
 * @out: the result, for xfree()
 *
 * Return: NULL, or what is wrong, for xfree(); then @in is freed, too.
 */
char *unpack(struct blob in, struct blob *out);
/* What can be undone of the compression that @in begins as; where that ends need not be known */
char *unpack_piece(struct blob in, struct blob *out);

/* Stop if libarchive would run a program for one of these compressions */
void check_libarchive(void);

/* Where a module is */
struct place {
	const char *shown;	/* path, or PACKAGE:MEMBER */
	const char *package;	/* the package's file name, or NULL */
	const char *path;	/* in the package or directory, behind lib/modules/RELEASE/ */
};

/* What read_files() calls: for a file by itself @data is NULL, and it can be
 * read later; a member of a package is handed over, and the arena that it is in.
 */
typedef void (*module_fn)(void *ctx, const struct place *place, struct arena *arena,
			  struct blob *data);
/* What it calls for what cannot be read.  @problem is for xfree() */
typedef void (*trouble_fn)(void *ctx, const char *path, char *problem);

/* tree.c, package.c ------------------------------------------------------------ */

/* What is looked for */
struct finder {
	const char *what;	/* a word for it */
	bool (*wanted)(const char *path);
	module_fn found;	/* in an order that repeats; for a file with several names once */
	trouble_fn trouble;	/* called for each file that cannot be read */
	void *ctx;		/* for both */
	bool is_base;		/* not limited as a module is: one of a package has no arena */
};

/* Find what @f looks for in a file, a directory or a package; a file by itself is taken for it */
void read_files(const char *path, const struct finder *f);
/* The same for a package called @name: all of the file @fd, or if that is negative, @data */
void read_package(const char *name, int fd, struct blob data, const struct finder *f);
/* Does it begin as a package or another archive? */
bool is_package(const struct blob *b);
/* The same, also of one that is compressed */
bool is_archive(int fd, struct blob data);
/* Is a file of this name a module, a kernel, a package? */
bool is_module_name(const char *path);
bool is_kernel_name(const char *path);
bool is_package_name(const char *path);
/* What of @path is behind lib/modules/RELEASE/, or @path */
const char *module_path(const char *path);

/* image.c ------------------------------------------------------------------- */

/* What a kernel says of itself */
struct kernel {
	unsigned int version;	/* 612; 0: not known */
	bool patched;
};

/* What is known of a kernel by its file */
struct image {
	struct blob btf;	/* raw, for xfree() */
	uint16_t machine;	/* as e_machine of ELF; 0: not known */
	struct kernel kernel;
};

/**
 * read_base() - get the BTF of a kernel
 * @path: vmlinux, an image in any form, a package or directory with one, or raw BTF
 * @out: what was found
 *
 * Return: NULL, or what is wrong, for xfree().
 */
char *read_base(const char *path, struct image *out);
/* The same for a file that has been read; @in is freed */
char *find_base(struct blob in, struct image *out);

/* module.c ------------------------------------------------------------------ */

/* A symbol in .BTF_ids */
struct id_sym {
	const char *name;	/* behind __BTF_ID__ */
	const void *data;
	size_t size;
	const char *set;	/* name of the set it is in; NULL: of none, in a list */
};

struct id_syms {
	struct id_sym *sym;
	size_t nr;
};

/* What a module says about its BTF.  Points into the file.  A section that is not there has
 * no .data
 */
struct module {
	char *name;
	uint16_t machine;	/* e_machine */
	bool is32;
	bool swapped;		/* of the other byte order: BTF is in copies, the other way round */
	struct blob split;	/* .BTF */
	struct blob base;	/* .BTF.base */
	struct blob ids;	/* .BTF_ids */
	struct blob build_id;	/* .note.gnu.build-id */
	bool bad;		/* one of these or .note.BTF is there twice, or cannot be read */
	/* from .note.BTF, one of the two or neither: */
	const uint8_t *id;	/* base id of BTF that is split from vmlinux */
	const uint8_t *distilled_id; /* that of the vmlinux that .BTF.base is distilled from */
	struct blob table;	/* with that: of struct btf_ids_range, see module_word() */
	struct id_syms id_syms;	/* single ids in .BTF_ids */
	struct strings kfuncs, struct_ops, trace_events;
};

/**
 * module_parse() - find the BTF of a module
 * @m: what is filled in, from the arena that is entered
 * @file: the module, uncompressed
 * @path: its name, if it does not say it itself
 *
 * Return: NULL, or what is wrong with the file, for xfree().
 */
char *module_parse(struct module *m, struct blob file, const char *path);

/* The word at @p in .BTF_ids or its table, aligned or not, in the byte order of this program */
uint32_t module_word(const struct module *m, const void *p);

struct base;

/* Why a kernel with base @b, called @name, cannot load @m whatever its BTF, for xfree(), or NULL */
char *foreign_to(const struct base *b, const char *name, const struct module *m);

/* version.c ----------------------------------------------------------------- */

/* Look for that in the bytes of vmlinux, an image or raw BTF, beside what @k has already */
void kernel_look(struct kernel *k, struct blob image);
/* The running one, which has its /sys at @sysfs */
void kernel_running(struct kernel *k, const char *sysfs);

/**
 * rules_choose() - how a kernel decides
 * @r: what is filled in
 * @name: what --kernel says, or NULL
 * @k: what the kernel says
 * @btf: its BTF
 *
 * Return: NULL, or what is wrong, for xfree().
 */
char *rules_choose(struct rules *r, const char *name, const struct kernel *k, struct blob btf);
bool knows(const struct rules *r, enum feature f);
/* For BTF that is compared and not decided about */
extern const struct rules *const newest_rules;

/* ids.c --------------------------------------------------------------------- */

/* A type that a module asks for */
struct id_name {
	uint32_t kind;
	const char *name;	/* of .len bytes */
	int len;
};

/* What @sym is the id of; false: that is not said, or none that a module can ask for */
bool id_name(struct id_name *out, const struct id_sym *sym);

/**
 * ids_wrong() - ids in .BTF_ids that are of other types than their symbols say
 * @m: the module
 * @btf: its BTF, as the kernel reads it
 * @first: the first of them in words, for xfree(), or NULL
 *
 * Return: how many there are.
 */
unsigned long ids_wrong(const struct module *m, const struct btf *btf, char **first);
/* Has it ids in lists, which code reads as they are? */
bool ids_in_lists(const struct module *m);

/* rules.c ------------------------------------------------------------------- */

enum verdict {
	V_NATIVE, V_RELOCATED, V_DROPPED, V_WRONG, V_UNPROVED, V_NONE, NR_VERDICTS,
	V_REFERS = NR_VERDICTS, V_APART, NR_ALL_VERDICTS	/* of diff */
};

/* A kernel on which modules are loaded, or were built */
struct base {
	struct btf *btf;	/* NULL: not known, or @problem */
	char *problem;		/* the kernel cannot use it, and why */
	bool swapped;		/* its file was of the other byte order */
	uint16_t machine;	/* see struct image */
	uint8_t id[BTF_BASE_ID_SIZE];
};

struct result;

struct audit {
	/* decide(), or what is asked instead; for a module, in its arena */
	void (*ask)(struct audit *a, const struct module *m, struct result *out);
	void *ctx;		/* of ask() */
	struct rules rules;
	struct base running;
	struct base built;	/* .btf is NULL if it is not known */
	const char *built_path;	/* where the user said that it is, or NULL */
	const char *release;	/* of @running if it is the kernel that runs, or NULL */
	uint8_t *same;		/* from compare_bases(), if both are known */
	unsigned int wrong_types; /* how many are wanted in words */
};

struct result {
	char *trouble;		/* this kernel cannot load it whatever its BTF, or NULL */
	enum verdict verdict;
	const char *reason;	/* or NULL */
	char *detail;		/* more in words, or NULL */
	unsigned long nr_wrong;	/* references and names that read as something else */
	unsigned long nr_named;	/* types and functions with a name that have one */
	struct strings wrong;	/* the first of them */
};

/**
 * base_parse() - read the base that modules are compared with
 * @b: what is filled in
 * @from: where that was found; its raw BTF is freed
 * @r: rules by which it has to be right
 *
 * Return: NULL, or what is wrong, for xfree().
 */
char *base_parse(struct base *b, const struct image *from, const struct rules *r);
void base_free(struct base *b);

/* Was .BTF.base taken from it after it was built? */
bool lost_base(const struct module *m);
/* Why the kernel cannot load @m whatever its BTF, for xfree(), or NULL */
char *foreign(const struct audit *a, const struct module *m);

/**
 * decide() - what a kernel makes of the BTF of a module
 * @a: the kernel, and what else is known
 * @m: the module
 * @out: the result, from the arena that is entered
 */
void decide(struct audit *a, const struct module *m, struct result *out);
/* Names of a module that begin in the middle of a string of the base: nobody writes such */
unsigned long names_inside(const struct btf *btf);

/* relocate.c ---------------------------------------------------------------- */

/**
 * relocate() - relocate BTF that is split from a distilled base
 * @btf: what is changed; split from @base afterwards
 * @base: what it is relocated onto; others can be relocated onto it at the same time
 * @why: what the kernel would say if it fails, or NULL; for xfree()
 *
 * Return: 0, -EINVAL if it does not fit, or another negative error if it is malformed.
 */
int relocate(struct btf *btf, const struct btf *base, char **why);

/* compare.c ----------------------------------------------------------------- */

struct compare;
struct btf_type;

/* Two kernels, for compare_like() */
struct compare *compare_open(const struct btf *a, const struct btf *b);
void compare_close(struct compare *c);
/* Do these read the same where something refers to them?  Of what has a name only that counts */
bool compare_like(struct compare *c, uint32_t a, uint32_t b);
/* What names of its kind are one set: a struct that is only declared is a struct */
uint32_t kind_of_name(const struct btf_type *t);

/**
 * compare_bases() - which ids of one base are of the same type in another
 * @built: the base that modules were built with
 * @loaded: the base that they are loaded on
 *
 * Return: what compare() knows of each id, for xfree().
 */
uint8_t *compare_bases(const struct btf *built, const struct btf *loaded);

/**
 * compare() - what of module BTF reads as something else on another base
 * @built: the BTF, split from the base it was built with
 * @loaded: the same BTF, split from another
 * @base: from compare_bases() of these bases
 * @m: the module, for the ids in .BTF_ids
 * @max: how many are wanted in words
 * @out: how many there are, and the first of them
 */
void compare(const struct btf *built, const struct btf *loaded, uint8_t *base,
	     const struct module *m, unsigned int max, struct result *out);

/* words.c ------------------------------------------------------------------- */

/* Type @id as C has it, for xfree() */
char *type_words(const struct btf *btf, uint32_t id);

/* suppress.c ---------------------------------------------------------------- */

struct suppression {
	unsigned int line;
	char *field[5];		/* patterns: package, path, module, verdict, reason */
	char *comment;		/* or NULL */
	unsigned long used;
};

struct suppressions {
	const char *path;	/* of their file */
	struct suppression *list;
	size_t nr;
};

/* A finding, as a line of a suppression file without its end, for xfree() */
char *suppression_line(const struct place *place, const char *module, const struct result *res);
/* Read suppressions.  Returns NULL, or what is wrong with them, for xfree() */
char *suppressions_parse(struct suppressions *s, struct blob file);
/* The first that fits a finding, or NULL */
struct suppression *suppressed(struct suppressions *s, const struct place *place,
			       const char *module, const struct result *res);
void suppressions_free(struct suppressions *s);

/* look.c ---------------------------------------------------------------------- */

/* One module, in an arena of its own */
struct look {
	struct arena *arena;
	struct blob file;	/* if .data is NULL, it is read from @path */
	struct module m;
	struct result *res;	/* of each that was asked */
	bool found;		/* in a directory: there it is no pipe */
	const char *trouble;	/* NULL: @m and @res are known */
};

/* Look at the module in @l->file or @path, and ask the @nr in @audits about it; 0: only at what it
 * says of itself.  @inside: its path in a package, or @path.  Makes the arena, if there is none.
 */
void look(struct look *l, struct audit **audits, unsigned int nr, const char *path,
	  const char *inside);
/* Undo the compression of a file that is no package; else that is wrong: it has more than one
 * @what.  Returns NULL, or what is wrong, for xfree(); then the file is freed, too.
 */
char *unpack_one(struct blob *file, const char *what);
/* Free the file and what points into it; names and the result stay */
void look_forget_file(struct look *l);

/* live.c ---------------------------------------------------------------------- */

/* The running kernel: where to ask, and what was read there */
struct live {
	const char *sysfs, *modules, *log;
	bool other_kernel;	/* it is not asked about this one */
	/* of live.c */
	char *own_modules;
	struct live_file *files;
	size_t nr_files;
	bool searched, log_asked, log_read, log_mismatch;
	struct blob log_text;
};

/* Fill in which of .sysfs, .modules and .log were not given */
void live_open(struct live *l);
void live_close(struct live *l);
/* The path of @file of @name in a directory of /sys, for xfree(); and is there one? */
char *live_path(const struct live *l, const char *dir, const char *name, const char *file);
bool live_has(const struct live *l, const char *dir, const char *name, const char *file);
bool live_is_loaded(const struct live *l, const char *name);
/* Has any module BTF? */
bool live_any_btf(const struct live *l);
/* The @nr-th file, from 0, of a module of this name, or NULL */
const char *live_file(struct live *l, const char *name, unsigned int nr);
/* Can the module that is loaded be of a file with this build id? */
bool live_is_file(const struct live *l, const char *name, struct blob build_id);
/* What a kernel with this series says, for xfree(); NULL: nothing, or *@problem, which was said */
char *live_state(const struct live *l, const char *name, char **problem);
/* The last line about its BTF in the log, for xfree(), or NULL */
char *live_said(struct live *l, const char *name);
/* The name that a module has by that of its file, for xfree() */
char *module_of_file(const char *path);

/* audit.c, diff.c, explain.c, id.c, status.c ------------------------------------ */

/* Who is asked about a module, and where the answers are counted */
struct asked {
	struct audit **audits;
	struct pair **pairs;
	unsigned int nr;
	bool other_machines;	/* can be among them; then it is not asked there */
};

/* Where modules come from */
struct module_source {
	char **paths;
	int nr;
	bool packages;		/* also in those that are in directories */
	const char *path;	/* that is being read */
	/* NULL: nobody is asked about this one */
	struct asked *(*select)(struct module_source *s, const struct place *place);
	void *ctx;		/* of select() */
};

/* Ask about all modules of @s */
void audit_run(struct module_source *s, struct report *r);
/* The same, of one that is asked */
void audit_one(struct audit *a, struct report *r, struct pair *pair, char **paths, int nr);
/* matrix.c */
struct many {
	bool pair;		/* only the kernel of their release is asked about modules */
	bool strict;
	const char *kernel;	/* --kernel */
	unsigned int wrong_types;
};

/* Ask the kernels in @paths about the modules there */
void matrix_run(const struct many *how, struct report *r, char **paths, int nr);
bool same_machine(const struct base *a, const struct base *b);
/* What changed from one kernel to another of its machine, and in which modules of the first */
void diff_run(struct report *r, const struct base *a, const struct base *b, char **paths, int nr);
/* Return the exit status */
int cmd_id(char **paths, int nr);
/* @arg: a file, PACKAGE:MEMBER, or the name of a module */
int cmd_explain(struct audit *a, const char *arg, struct live *live);
/* @a: the running kernel, if that is known */
int cmd_status(struct audit *a, struct live *live, bool json);
/* In words, for xfree(): why @name, which is loaded, is as it is on a stock kernel, by its file and
 * what is @said in the log; and why a patched kernel has dropped one
 */
char *why_of(struct live *l, const char *name, const struct result *res, const struct module *m,
	     bool said);
const char *why_dropped(const char *reason);

#endif
