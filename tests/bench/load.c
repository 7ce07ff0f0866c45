// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the BTF of a module costs when it is loaded, in instructions. Needs QEMU's
 * -icount shift=0: a nanosecond is an instruction. Where the CPU has nothing to do the
 * clock jumps; so what counts is the CPU time of the thread.
 *
 * A line of the result: module, variant, metric, value, unit; tabs between them. The
 * variants are the same module
 *   stripped   without BTF
 *   native     as it is built without a distilled base
 *   dropped    the same under the id of another build (not on an unpatched kernel, which
 *              would use it)
 *   distilled  as it is built with a distilled base
 *   relocated  the same under the id of another build (only patched)
 * With variant= on the command line of the kernel the results are what it takes from the
 * start of PID 1 until SET modules of that variant are loaded, and the first two of them.
 */
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <test_progs.h>
#include <time.h>
#include "testing_helpers.h"
#include "countdown.h"
#include "guest.h"

#define LOADS	9	/* of each variant, after a first one */
#define SET	100	/* modules at once */
#define FILE_NAME	"/tmp/module.ko"
#define TEST	"bpf_test_btf_mismatch"

static struct btf *vmlinux;
static bool patched;

static void result(const char *module, const char *variant, const char *metric, long value,
		   const char *unit)
{
	printf("%s\t%s\t%s\t%ld\t%s\n", module, variant, metric, value, unit);
}

static __attribute__((format(printf, 1, 2))) void stop(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: error: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	exit(1);
}

static long cpu_time_of(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		stop("clock_gettime: %s", strerror(errno));
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static long cpu_time(void)
{
	return cpu_time_of(CLOCK_THREAD_CPUTIME_ID);
}

/* A loop of two million instructions has to take two million nanoseconds */
static void calibrate(void)
{
	const long want = 2000000;
	long n, t, least = LONG_MAX;
	int i;

	for (i = 0; i < LOADS; i++) {
		n = want / INSTRUCTIONS;
		t = cpu_time();
		COUNT_DOWN(n);
		t = cpu_time() - t;
		if (t < least)
			least = t;
	}
	if (least < want || least > want + want / 1000)
		stop("a loop of %ld instructions takes %ld ns: no QEMU with -icount shift=0",
		     want, least);
}

/* One section after another: what was replaced or hidden is no longer in the file */
static int pack(struct kmod *k)
{
	Elf_Ehdr *eh = (void *)k->data;
	Elf_Shdr *sh = (void *)(k->data + eh->e_shoff);
	size_t at = sizeof(*eh), align, size = k->size + 8;
	unsigned char *p;
	int i;

	for (i = 1; i < eh->e_shnum; i++)
		size += sh[i].sh_addralign;
	p = calloc(1, size);
	if (!p)
		return -ENOMEM;
	for (i = 1; i < eh->e_shnum; i++) {
		if (!sh[i].sh_name) {
			sh[i].sh_type = SHT_NULL;
			sh[i].sh_size = 0;
		}
		align = sh[i].sh_addralign ?: 1;
		at = (at + align - 1) / align * align;
		if (sh[i].sh_type != SHT_NOBITS) {
			memcpy(p + at, k->data + sh[i].sh_offset, sh[i].sh_size);
			sh[i].sh_offset = at;
			at += sh[i].sh_size;
		}
	}
	at = (at + 7) & ~7UL;
	memcpy(p + at, sh, eh->e_shnum * sizeof(*sh));
	eh->e_shoff = at;
	memcpy(p, eh, sizeof(*eh));
	k->size = at + eh->e_shnum * sizeof(*sh);
	free(k->data);
	k->data = p;
	return 0;
}

/* As if another build had made it */
static void change_id(struct kmod *k)
{
	unsigned char *id = kmod_base_id(k, NULL);

	if (!id)
		stop("a module has no base id");
	id[0] ^= 1;
}

/* A module of /modules/@set, or of /modules/@set-split, which has no distilled base */
static void make(struct kmod *k, const char *set, const char *name, const char *variant)
{
	bool distilled = !strcmp(variant, "distilled") || !strcmp(variant, "relocated");
	char path[128];
	int err;

	snprintf(path, sizeof(path), "/modules/%s%s/%s.ko", set, distilled ? "" : "-split", name);
	err = kmod_read(k, path);
	if (err)
		stop("%s: %s", path, strerror(-err));
	if (!strcmp(variant, "stripped")) {
		kmod_hide_section(k, ".BTF");
	} else if (!strcmp(variant, "dropped") || !strcmp(variant, "relocated")) {
		change_id(k);
	} else if (distilled && !kmod_section_header(k, ".BTF.base")) {
		err = kmod_rebase(k, vmlinux, vmlinux, true);	/* not patched */
	}
	if (!distilled == !!kmod_section_header(k, ".BTF.base"))
		stop("%s: it has a distilled base, or none", path);
	err = err ?: pack(k);
	if (err)
		stop("%s of %s: %s", variant, path, strerror(-err));
}

/* Load it as NAME and say how many instructions finit_module() took */
static long load(const struct kmod *k, const char *name, const char *params, const char *variant)
{
	int fd, err = kmod_write(k, FILE_NAME);
	const char *status;
	long n;

	fd = err ? -1 : open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		stop(FILE_NAME ": %s", strerror(err ? -err : errno));
	n = cpu_time();
	err = syscall(__NR_finit_module, fd, params, 0);
	n = cpu_time() - n;
	if (err)
		stop("%s of %s: finit_module: %s", variant, name, strerror(errno));
	close(fd);

	status = btf_status(name);
	if (!strcmp(variant, "stripped") ? strcmp(status, patched ? "none" : "not used") :
	    !strcmp(variant, "dropped") ? strcmp(status, "dropped:base-changed") :
	    strcmp(status, !patched ? "used" : strcmp(variant, "relocated") ? "native" : "relocated"))
		stop("%s of %s: BTF is %s", variant, name, status);
	return n;
}

static void unload(const char *name)
{
	if (unload_module(name, false))
		stop("cannot unload %s: %s", name, strerror(errno));
	/* let the kernel do what it has put off; it takes no time, see scripts/boot */
	usleep(100000);
}

static const char * const variants[] = {
	"stripped", "dropped", "native", "distilled", "relocated"
};
#define VARIANTS	ARRAY_SIZE(variants)

/* On an unpatched kernel the dropped one would be used, and so would the relocated one */
static bool can_load(const char *variant)
{
	return patched || (strcmp(variant, "dropped") && strcmp(variant, "relocated"));
}

static void write_to(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, what, strlen(what)) != strlen(what))
		stop("%s: %s", path, strerror(errno));
	close(fd);
}

/* The variants in turn: what state the kernel is in is the same for all */
static void measure(const char *name)
{
	long n, least[VARIANTS], most[VARIANTS];
	struct kmod k[VARIANTS] = {};
	char path[128];
	size_t size;
	int i, v;

	snprintf(path, sizeof(path), "/modules/own/%s.ko", name);
	if (load_with_deps(path))	/* what it needs stays */
		stop("%s does not load", path);
	unload(name);
	for (v = 0; v < VARIANTS; v++)
		if (can_load(variants[v]))
			make(&k[v], "own", name, variants[v]);
	sleep(6);	/* the log takes ten lines in five seconds */
	for (i = 0; i <= LOADS; i++) {
		for (v = 0; v < VARIANTS; v++) {
			if (!can_load(variants[v]))
				continue;
			n = load(&k[v], name, "", variants[v]);
			unload(name);
			if (i < 2)
				least[v] = most[v] = n;
			least[v] = n < least[v] ? n : least[v];
			most[v] = n > most[v] ? n : most[v];
		}
	}
	for (v = 0; v < VARIANTS; v++) {
		if (can_load(variants[v])) {
			kmod_section(&k[v], ".BTF", &size);
			result(name, variants[v], "size of .BTF", size, "bytes");
			result(name, variants[v], "load", least[v], "instructions");
			result(name, variants[v], "spread of loads", most[v] - least[v],
			       "instructions");
		}
		kmod_free(&k[v]);
	}
}

/* kB of one line of /proc/meminfo */
static long meminfo(const char *what)
{
	FILE *f = fopen("/proc/meminfo", "r");
	size_t len = strlen(what);
	char line[128];
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, len) && line[len] == ':')
			n = atol(line + len + 1);
	if (!f || n < 0)
		stop("/proc/meminfo has no %s", what);
	fclose(f);
	return n;
}

static const char * const memory[] = { "Slab", "VmallocUsed" };

/* Without what the kernel only keeps for the next time */
static void read_memory(long *kb)
{
	DIR *d = opendir("/sys/kernel/slab");
	struct dirent *e;
	char path[512];
	int i;

	sleep(1);
	write_to("/proc/sys/vm/drop_caches", "1");
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", e->d_name);
		if (e->d_name[0] != '.')
			write_to(path, "1");
	}
	if (d)
		closedir(d);
	for (i = 0; i < ARRAY_SIZE(memory); i++)
		kb[i] = meminfo(memory[i]);
}

/* The name of a copy of the test module, of the same length */
static void test_name(char *name, int nr)
{
	sprintf(name, "bpf_test_btf_set__%03d", nr);
}

static void rename_test(struct kmod *k, const char *name)
{
	size_t size;
	char *p = kmod_section(k, ".gnu.linkonce.this_module", &size);

	p = p ? memmem(p, size, TEST, sizeof(TEST)) : NULL;
	if (!p)
		stop("the test module has no name");
	strcpy(p, name);
	strcpy((char *)modinfo(k, "name"), name);
}

/* All of the set; returns how many instructions that took.  A result for each number that is
 * in @loads; @when: to be said of it.
 */
static long load_set(const char *variant, const char *loads, const char *when)
{
	char name[sizeof(TEST)], what[64];
	struct kmod all, k;
	long n, total = 0;
	int i;

	make(&all, "external", TEST, variant);
	for (i = 1; i <= SET; i++) {
		if (kmod_copy(&k, &all))
			stop("no memory");
		test_name(name, i);
		rename_test(&k, name);
		n = load(&k, name, "bpf=0", variant);
		total += n;
		kmod_free(&k);
		snprintf(what, sizeof(what), " %d ", i);
		if (!strstr(loads, what))
			continue;
		snprintf(what, sizeof(what), "load number %d%s", i, when);
		result("set", variant, what, n, "instructions");
	}
	kmod_free(&all);
	return total;
}

/* @silent: only what the kernel needs once for so many modules */
static void measure_set(const char *variant, bool silent)
{
	long before[ARRAY_SIZE(memory)], after[ARRAY_SIZE(memory)], n;
	char name[sizeof(TEST)];
	int i;

	read_memory(before);
	n = load_set(variant, silent ? "" : " 1 10 50 100 ", "");
	read_memory(after);
	if (!silent)
		result("set", variant, "all loads", n, "instructions");
	for (i = 0; i < ARRAY_SIZE(memory) && !silent; i++)
		result("set", variant, memory[i], after[i] - before[i], "kB");
	for (i = 1; i <= SET; i++) {
		test_name(name, i);
		unload(name);
	}
}

/* PID 1 has been the thread that starts the kernel before it was our init */
static void measure_boot(const char *variant)
{
	clockid_t init;
	long n;

	if (clock_getcpuclockid(1, &init))
		stop("no clock of PID 1");
	n = cpu_time_of(init);
	result("set", variant, "boot", n, "instructions");
	n += load_set(variant, " 1 2 ", " of a boot");
	result("set", variant, "boot and all loads", n, "instructions");
}

#define RELOCATE	"/tests/relocate instructions 9 /sys/kernel/btf/vmlinux"

/* btf__relocate() of libbpf, in user space; see relocate.c */
static void measure_libbpf(const char *small, const char *middle, const char *large)
{
	char line[256];

	snprintf(line, sizeof(line), "cd /modules/own-split && " RELOCATE " %s.ko %s.ko %s.ko",
		 small, middle, large);
	if (system(line))
		stop("%s fails", line);
}

#define TRACING	"/sys/kernel/tracing/"
static const char * const events[] = {
	"kmem/kmalloc", "kmem/kfree", "kmem/kmem_cache_alloc", "kmem/kmem_cache_free",
	"vmalloc/alloc_vmap_area", "vmalloc/free_vmap_area_noflush",
};

/* Let those of this thread be traced while tracing_on is 1 */
static void prepare_trace(void)
{
	char what[128];
	int i;

	write_to(TRACING "tracing_on", "0");
	snprintf(what, sizeof(what), "%d", getpid());
	write_to(TRACING "set_event_pid", what);
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(what, sizeof(what), TRACING "events/%s/enable", events[i]);
		write_to(what, "1");
	}
}

/* What follows @key in a line of the trace, or 0 */
static unsigned long field(const char *line, const char *key)
{
	const char *p = strstr(line, key);

	return p ? strtoul(p + strlen(key), NULL, strncmp(key, " ptr=", 5) ? 0 : 16) : 0;
}

/* What this thread takes by kmalloc(), kmem_cache_alloc() and vmalloc() while it loads
 * the module: at most at once, and the largest piece
 */
static void trace_load(const struct kmod *k, const char *name, const char *variant)
{
	struct { unsigned long at, size; } *live = NULL;
	unsigned long at, size, now = 0, peak = 0, largest = 0;
	unsigned long lines = 0, written = 0;
	int i, n = 0, max = 0;
	char line[512];
	FILE *f;

	write_to(TRACING "trace", "");
	write_to(TRACING "tracing_on", "1");
	load(k, name, "", variant);
	write_to(TRACING "tracing_on", "0");
	f = fopen(TRACING "trace", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "# entries-in-buffer/entries-written: %lu/%lu", &lines, &written))
			continue;
		at = field(line, " ptr=") ?: field(line, " va_start=") ?:
		     field(line, " va_start: ");
		size = field(line, " bytes_alloc=") ?: field(line, " size=");
		if (!at)
			continue;
		for (i = 0; !size && i < n; i++)
			if (live[i].at == at) {
				now -= live[i].size;
				live[i] = live[--n];
				break;
			}
		if (!size)
			continue;
		if (n == max) {
			max = 2 * max + 64;
			live = realloc(live, max * sizeof(*live));
			if (!live)
				stop("no memory");
		}
		live[n].at = at;
		live[n++].size = size;
		now += size;
		peak = now > peak ? now : peak;
		largest = size > largest ? size : largest;
	}
	if (!lines || lines != written)
		stop("%s of %s: the trace has %lu of %lu lines", variant, name, lines, written);
	fclose(f);
	free(live);
	unload(name);
	result(name, variant, "memory at peak", peak, "bytes");
	result(name, variant, "largest allocation", largest, "bytes");
}

/* After all that is counted, which tracing could change; what @name needs is loaded */
static void measure_memory(const char *name)
{
	struct kmod k;
	int v;

	for (v = 0; v < VARIANTS; v++) {
		if (!can_load(variants[v]))
			continue;
		make(&k, "own", name, variants[v]);
		trace_load(&k, name, variants[v]);
		kmod_free(&k);
	}
}

struct own {
	char name[64];
	size_t btf;
};

static int cmp_btf(const void *a, const void *b)
{
	return ((struct own *)a)->btf > ((struct own *)b)->btf ? 1 : -1;
}

/* The modules of this build by the size of their BTF */
static int list_modules(struct own *own, int max)
{
	struct dirent *e;
	struct kmod k;
	char path[512];
	int n = 0;
	DIR *d = opendir("/modules/own-split");

	while (d && n < max && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/modules/own-split/%s", e->d_name);
		if (kmod_read(&k, path))
			continue;
		snprintf(own[n].name, sizeof(own[n].name), "%.*s",
			 (int)strcspn(e->d_name, "."), e->d_name);
		kmod_section(&k, ".BTF", &own[n++].btf);
		kmod_free(&k);
	}
	if (!n)
		stop("no modules");
	closedir(d);
	qsort(own, n, sizeof(*own), cmp_btf);
	return n;
}

int bench(void)
{
	const char *variant = getenv("variant");
	char kept[sizeof(TEST)];
	struct own own[64];
	struct kmod k;
	int n, v;

	calibrate();
	patched = !set_param("lenient");
	vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!vmlinux)
		stop("BTF of vmlinux: %s", strerror(errno));

	if (variant) {
		measure_boot(variant);
		return 0;
	}
	/* One module stays: with the last one the kernel gives back the memory for the code
	 * of modules, and with the next it fills two megabytes with traps
	 */
	make(&k, "external", TEST, "stripped");
	test_name(kept, 0);
	rename_test(&k, kept);
	load(&k, kept, "bpf=0", "stripped");
	kmod_free(&k);

	n = list_modules(own, ARRAY_SIZE(own));
	measure("dummy");
	measure(own[n / 2].name);
	measure(own[n - 1].name);
	measure_libbpf("dummy", own[n / 2].name, own[n - 1].name);
	measure_set("stripped", true);
	for (v = 0; v < VARIANTS; v++)
		if (can_load(variants[v]))
			measure_set(variants[v], false);
	prepare_trace();
	measure_memory("dummy");
	measure_memory(own[n / 2].name);
	measure_memory(own[n - 1].name);
	return 0;
}
