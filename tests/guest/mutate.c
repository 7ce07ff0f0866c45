// SPDX-License-Identifier: GPL-2.0-only
/*
 * Damaged modules: real ones, with .BTF, .BTF.base, .note.BTF, .BTF_ids, and their headers
 * and symbols changed at random (damage.c).  Each is loaded or refused as documented, its
 * status is right, nothing of it is left behind, and, if this kernel checks references, what is
 * used of its BTF is right.
 *
 * seed=, count=, start= and enough= (failures to stop after) come from the kernel
 * command line.  Load N depends on the seed and N only: a failure is seen again with
 * start=N count=1.  The comm of the process is N, so that a complaint of the kernel
 * names it.
 */
#include <dirent.h>
#include <malloc.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <test_progs.h>
#include "testing_helpers.h"
#include "mutate.h"

#define MAX_BTF		(4 << 20)

static const char * const form_names[] = { "split", "distilled", "distilled of another base" };

struct module modules[MAX_MODULES];
unsigned int nr_modules;
unsigned char running[BTF_BASE_ID_SIZE];
struct load now;

static struct btf *vmlinux, *shifted;

static unsigned long bad_loads, bad_status, bad_btf, left_over;
static bool checks_refs;	/* else only that nothing but BTF is wrong then */

static unsigned long parameter(const char *name, unsigned long value)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 0) : value;
}

/* --- what has to hold -------------------------------------------------------- */

__attribute__((format(printf, 2, 3)))
static void wrong(unsigned long *count, const char *format, ...)
{
	va_list args;

	(*count)++;
	printf("# start=%lu: %s, %s, %s: %s: ", now.n, now.m->name,
	       form_names[now.m->form], now.mode, now.changes);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* Read what the kernel uses. Returns its size or 0. */
static size_t published(void *buf, size_t size)
{
	char path[128];
	size_t n = 0;
	ssize_t r;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", now.m->name);
	if (access(path, F_OK))
		return 0;
	if (!buf)
		return 1;
	f = fopen(path, "r");
	if (!f)
		return 0;
	setbuf(f, NULL);
	while (n < size && (r = fread(buf + n, 1, size - n, f)) > 0)
		n += r;
	fclose(f);
	return n;
}

/* The module says in its file that it was built with this kernel's BTF, by a note of that type.
 * What pads the name does not matter, nor what follows the id.
 */
static bool has_note(__u32 type)
{
	const unsigned char *p = now.k.data, *end = p + now.k.size;
	unsigned char want[4 + sizeof("Linux")];
	__u32 sizes[2];		/* of the name and of the data */

	put(want, type);
	memcpy(want + 4, "Linux", sizeof("Linux"));
	for (p += sizeof(sizes); (p = memmem(p, end - p, want, sizeof(want))); p++) {
		memcpy(sizes, p - sizeof(sizes), sizeof(sizes));
		if (sizes[0] == sizeof("Linux") && sizes[1] >= BTF_BASE_ID_SIZE &&
		    end - p >= 12 + BTF_BASE_ID_SIZE && !memcmp(p + 12, running, BTF_BASE_ID_SIZE))
			return true;
	}
	return false;
}

static bool has_running_id(void)
{
	bool distilled = kmod_section_header(&now.k, ".BTF.base");

	if (now.elf)	/* it may not be what it is called */
		return has_note(LINUX_ELFNOTE_BTF_BASE_ID) || has_note(LINUX_ELFNOTE_BTF_DISTILLED_ID);
	return has_note(distilled ? LINUX_ELFNOTE_BTF_DISTILLED_ID : LINUX_ELFNOTE_BTF_BASE_ID);
}

static void check_relocated(const struct btf *is)
{
	size_t size, base_size;
	void *data = kmod_section(&now.k, ".BTF", &size);
	void *base_data = kmod_section(&now.k, ".BTF.base", &base_size);
	struct btf *base = btf__new(base_data, base_size);
	struct btf *was = base ? btf__new_split(data, size, base) : NULL;
	const char *fault;
	__u32 id;

	if (!was) {
		wrong(&bad_btf, "relocated, and libbpf does not take what it was");
	} else {
		fault = btf_difference(is, was, &id);
		if (fault)
			wrong(&bad_btf, "relocated, type %u: %s is not what it was", id, fault);
	}
	btf__free(was);
	btf__free(base);
}

static void check_used(const char *status)
{
	static unsigned char buf[MAX_BTF];
	bool native = !strcmp(status, "native"), distilled = kmod_section_header(&now.k, ".BTF.base");
	size_t len = published(buf, sizeof(buf)), size;
	const void *data = kmod_section(&now.k, ".BTF", &size);
	const char *fault;
	struct btf *btf;
	__u32 id = 0;

	if (native && !has_running_id())
		wrong(&bad_status, "native without the id of this kernel");
	if (!native && !distilled)
		wrong(&bad_status, "relocated without a distilled base");
	if (!len)
		wrong(&bad_status, "%s without BTF", status);
	if (!now.elf && !distilled && (size != len || memcmp(data, buf, len)))
		wrong(&bad_btf, "split, but not what is in the file");
	if (!checks_refs)	/* a reference may lead nowhere */
		return;

	btf = btf__new_split(buf, len, vmlinux);
	if (!btf) {
		wrong(&bad_btf, "%s, and libbpf does not take it: %s", status, strerror(errno));
		return;
	}
	fault = btf_fault(btf, &id);
	if (fault)
		wrong(&bad_btf, "%s, type %u: %s", status, id, fault);
	else if (distilled && !now.elf)
		check_relocated(btf);
	btf__free(btf);
}

/* No id is left if the BTF is not used */
static void check_ids(void)
{
	const char *ids = ids_left();

	if (ids)
		wrong(&bad_btf, "dropped, and in .BTF_ids is %s", ids);
}

/* Of a module whose file is damaged */
static bool known_status(const char *status)
{
	static const char * const known[] = {
		"native", "relocated", "none", "dropped:base-changed", "dropped:unstamped",
		"dropped:relocation", "dropped:invalid", "dropped:unsupported", "dropped:no-memory",
	};
	int i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(status, known[i]))
			return true;
	return false;
}

/* In lenient mode nothing but the init of a module may fail, and of the test module only if
 * it registers something
 */
static bool init_may_fail(void)
{
	bool ok;

	if (!kmod_section_header(&now.m->k, ".BTF_ids"))
		return false;
	if (strcmp(now.m->name, TEST_MOD))
		return true;
	ok = !kmod_load(&now.k, "bpf=0") && is_used(btf_status(TEST_MOD));
	unload_module(TEST_MOD, false);
	return ok;
}

static bool may_refuse(int err)
{
	if (now.elf && err == -ENOEXEC)
		return true;
	switch (-err) {
	case EINVAL:
	case EOPNOTSUPP:
	case ENOMEM:
	case ENOSPC:
	case EEXIST:
		if (now.elf || !strcmp(now.mode, "strict"))
			return true;
		break;
	case ENOENT:
	case E2BIG:
	case 524:	/* ENOTSUPP */
		break;
	default:
		return false;
	}
	return init_may_fail();
}

/* --- the run ---------------------------------------------------------------- */

static struct outcome {
	char what[128];
	unsigned long n;
} outcomes[64];
static __u64 all_outcomes = 0xcbf29ce484222325ULL;	/* FNV-1a of all of them in order */

static void count(const char *status)
{
	struct outcome *o = outcomes;
	char what[128];
	const char *p;

	snprintf(what, sizeof(what), "%s%s: %s", now.mode, now.elf ? ", headers damaged" : "",
		 status);
	for (p = what; *p; p++)
		all_outcomes = (all_outcomes ^ *p) * 0x100000001b3ULL;
	while (o->n && strcmp(o->what, what))
		o++;
	snprintf(o->what, sizeof(o->what), "%s", what);
	o->n++;
}

static int compare_outcomes(const void *a, const void *b)
{
	return strcmp(((struct outcome *)a)->what, ((struct outcome *)b)->what);
}

static int nr_btf(void)
{
	__u32 id = 0;
	int n = 0;

	while (!bpf_btf_get_next_id(id, &id))
		n++;
	return n;
}

/* The ids that types of @m have in the file */
static void set_ids(const struct module *m)
{
	static struct btf_type *types[MAX_TYPES];

	now.first = m->form == SPLIT ? btf__type_cnt(vmlinux) : types_of(".BTF.base", types) + 1;
	now.nr = now.first + types_of(".BTF", types);
}

static void one_load(__u64 seed, unsigned long n)
{
	const struct module *m;
	char comm[16], status[64];
	int err, i, changes;

	snprintf(comm, sizeof(comm), "%lu", n);
	prctl(PR_SET_NAME, comm);
	set_chance(seed, n);

	m = &modules[rnd(nr_modules)];
	now.n = n;
	now.m = m;
	now.mode = rnd(2) ? "lenient" : "strict";
	now.params = m->params;
	now.elf = false;
	now.changes[0] = 0;
	if (kmod_copy(&now.k, &m->k)) {
		wrong(&bad_loads, "no memory");
		return;
	}
	set_ids(m);
	changes = rnd(2) ? 1 : 1 + rnd(4);
	for (i = 0; i < 64 && changes; i++)
		changes -= change();
	settle();
	if (rnd(8) == 0)
		section_header();
	if (!checks_refs && !strcmp(m->name, TEST_MOD))	/* what registers follows references */
		now.params = "bpf=0";

	set_param(now.mode);
	err = kmod_load(&now.k, now.params);
	if (err)
		snprintf(status, sizeof(status), "refused, %s", strerrorname_np(-err));
	else
		snprintf(status, sizeof(status), "%s", btf_status(m->name));
	count(status);

	if (err && !may_refuse(err))
		wrong(&bad_loads, "refused with %d", err);
	if (!err && !known_status(status))
		wrong(&bad_status, "what is '%s'?", status);
	if (!err && is_used(status)) {
		check_used(status);
	} else {
		if (published(NULL, 0))
			wrong(&left_over, "%s, but it has BTF", status);
		if (!err && !now.elf && !strcmp(m->name, TEST_MOD))
			check_ids();
	}
	if (!err && unload_module(m->name, false))
		wrong(&bad_loads, "does not unload: %s", strerror(errno));
	if (published(NULL, 0))
		wrong(&left_over, "BTF is still there");
	kmod_free(&now.k);
}

static void name_of(const char *file, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(file, "."), file);
	while ((name = strchr(name, '-')))
		*name = '_';
}

static int make_form(struct module *m)
{
	return kmod_rebase(&m->k, vmlinux, m->form == OTHER ? shifted : vmlinux, m->form != SPLIT);
}

/* Each module of @dir in every form. What others need stays loaded, and is not among
 * them.
 */
static void read_modules(const char *dir)
{
	struct dirent **files;
	char path[512], name[64];
	struct module *m;
	struct kmod k;
	int i, n = scandir(dir, &files, NULL, alphasort);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]->d_name);
		name_of(files[i]->d_name, name, sizeof(name));
		if (!kmod_read(&k, path) && *modinfo(&k, "depends")) {
			ASSERT_OK(load_with_deps(path), path);
			ASSERT_OK(unload_module(name, false), path);
		}
		kmod_free(&k);
	}
	for (i = 0; i < 3 * n && nr_modules < MAX_MODULES; i++) {
		m = &modules[nr_modules];
		snprintf(path, sizeof(path), "%s/%s", dir, files[i / 3]->d_name);
		name_of(files[i / 3]->d_name, m->name, sizeof(m->name));
		m->params = strcmp(m->name, "dummy") ? "" : "numdummies=0";
		m->form = i % 3;
		if (!loaded(m->name) && !kmod_read(&m->k, path) &&
		    ASSERT_OK(make_form(m), path))
			nr_modules++;
	}
}

/* Without a change each of them is used */
static void check_unchanged(const char *mode)
{
	unsigned int i;

	set_param(mode);
	for (i = 0; i < nr_modules; i++) {
		now.m = &modules[i];
		now.mode = mode;
		now.k = now.m->k;
		snprintf(now.changes, sizeof(now.changes), "nothing");
		if (!ASSERT_OK(kmod_load(&now.k, now.m->params), now.m->name))
			continue;
		ASSERT_STREQ(btf_status(now.m->name), now.m->form == OTHER ? "relocated" : "native",
			     now.m->name);
		check_used(btf_status(now.m->name));
		ASSERT_OK(unload_module(now.m->name, false), "unload");
	}
	ASSERT_EQ(bad_btf + bad_status, 0, "BTF that is wrong");
}

void test_mutations(void)
{
	unsigned long seed = parameter("seed", 1), loads = parameter("count", 1000);
	unsigned long n, start = parameter("start", 0), enough = parameter("enough", 10);
	const void *raw;
	__u32 size;
	int btfs, i;

	/* a page that comes from this kernel is dear: keep them */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	libbpf_set_print(NULL);

	test__start_subtest("the kernel has KASAN");
	ASSERT_TRUE(has_function("kasan_report"), "kasan_report()");

	test__start_subtest("modules before any damage");
	vmlinux = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!ASSERT_OK_PTR(vmlinux, "BTF of vmlinux"))
		return;
	raw = btf__raw_data(vmlinux, &size);
	libbpf_sha256(raw, size, running);
	shifted = btf_shifted(vmlinux);
	if (!ASSERT_OK_PTR(shifted, "another base"))
		return;
	checks_refs = checks_references();
	read_modules("/modules/own");
	read_modules("/modules/external");
	ASSERT_GT(nr_modules, 4, "modules");
	check_unchanged("strict");
	check_unchanged("lenient");

	btfs = nr_btf();
	for (n = start; n < start + loads && bad_loads + bad_status + bad_btf + left_over < enough; n++) {
		one_load(seed, n);
		if (n % 1000 == 999 && nr_btf() != btfs) {
			wrong(&left_over, "BTF ids are left, of one of the last 1000");
			btfs = nr_btf();
		}
	}
	printf("# seed %lu: %lu loads from %lu on, of %u modules\n", seed, n - start, start,
	       nr_modules);
	qsort(outcomes, sizeof(outcomes) / sizeof(*outcomes), sizeof(*outcomes), compare_outcomes);
	for (i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		if (outcomes[i].n)
			printf("# %7lu %s\n", outcomes[i].n, outcomes[i].what);
	printf("# sum of the outcomes in order: %016llx\n", (unsigned long long)all_outcomes);

	test__start_subtest("every damaged module loads, or is refused as documented");
	ASSERT_EQ(bad_loads, 0, "loads");
	test__start_subtest("the status is right");
	ASSERT_EQ(bad_status, 0, "modules");
	test__start_subtest(checks_refs ? "BTF that is used is right" : "BTF that is used is what is in the file");
	ASSERT_EQ(bad_btf, 0, "modules");
	test__start_subtest("no BTF is left");
	ASSERT_EQ(left_over, 0, "modules");
	ASSERT_EQ(nr_btf(), btfs, "BTF ids");
}
