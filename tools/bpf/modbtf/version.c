// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which kernel decides: its version and whether it has this series, as it says itself or as
 * --kernel says; and what each version takes as BTF.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "kernel.h"
#include "modbtf.h"

/* The first that has BTF of modules, and the last that is known */
#define OLDEST		511
#define NEWEST		703

/* By the commits of Linux and, from 6.1 on, by what kernels of Debian decide (tests/check-modbtf).
 * Vendors carry all of BPF to kernels of an older number: then BTF has @sign, a name that came with
 * this version of it.
 */
static const struct {
	unsigned int since, until;	/* until: the first that has it no more, or 0 */
	unsigned int also[2];		/* older ones that are still mended, and have it, too */
	const char *sign;
} features[NR_FEATURES] = {
	[EMPTY_SECTIONS]	= { 512 },				/* 13ca51d5eb35 */
	[FLOATS]		= { 513, .sign = "BTF_KIND_FLOAT" },	/* b1828f0b0482 */
	[DECL_TAGS]		= { 516, .sign = "BTF_KIND_DECL_TAG" },	/* b5ea834dde6b */
	[TYPE_TAGS]		= { 517, .sign = "BTF_KIND_TYPE_TAG" },	/* 8c42d2fa4eea */
	[CHAINS]		= { 519 },				/* eb596b090558 */
	[TAGS_FIRST]		= { 519, 702 },				/* the same */
	[ENUM64S]		= { 600, .sign = "BTF_KIND_ENUM64" },	/* 6089fb325cf7 */
	[LONG_NAMES]		= { 601 },				/* b8a94bfb3395 */
	[DOTS]			= { 604, .also = { 515, 601 } },	/* 9724160b3942 */
	[SECTION_NAMES]		= { 609 },				/* bd70a8fb7ca4 */
	[DISTILLED]		= { 611, .sign = "btf_relocate" },	/* 8646db238997 */
	[TAG_FLAGS]		= { 615 },				/* 53ee0d66d7a6 */
	[LAYOUT]		= { 701, .sign = "btf_layout" },
	[LONG_TYPES]		= { 702 },
};

/* The newest kernel, as what is only read and not decided about is taken */
static const struct rules newest = {
	.version = NEWEST, .features = ~0U & ~(1U << TAGS_FIRST),
};

const struct rules *const newest_rules = &newest;

bool knows(const struct rules *r, enum feature f)
{
	return r->features >> f & 1;
}

/* What @version takes */
static uint32_t features_of(unsigned int version)
{
	uint32_t known = 0;
	unsigned int f;

	for (f = 0; f < NR_FEATURES; f++)
		if ((version >= features[f].since &&
		     (!features[f].until || version < features[f].until)) ||
		    version == features[f].also[0] || version == features[f].also[1])
			known |= 1U << f;
	return known;
}

/* Is @word there, by itself, among the strings in @b? */
static bool has_word(struct blob b, const char *word)
{
	char *text = xasprintf("%c%s", 0, word);
	bool found;

	found = memmem(b.data, b.size, text, strlen(word) + 2);
	xfree(text);
	return found;
}

/* The version at @s, as 612, or 0 */
static unsigned int parse_version(const char *s, const char **end)
{
	unsigned long major, minor;
	char *p;

	if (!isdigit((unsigned char)*s))
		return 0;
	major = strtoul(s, &p, 10);
	if (*p != '.' || !isdigit((unsigned char)p[1]))
		return 0;
	minor = strtoul(p + 1, &p, 10);
	*end = p;
	return major < 1000 && minor < 100 ? major * 100 + minor : 0;
}

void kernel_look(struct kernel *k, struct blob image)
{
	static const char banner[] = "Linux version ";
	const char *p = image.data, *last = p + image.size, *end;
	char text[16] = "";

	/* the parameter, the section with the id of the base, and a function in raw BTF */
	k->patched |= has_word(image, "module.btf_mismatch") || has_word(image, ".BTF_id") ||
		      has_word(image, "module_btf_load");
	while (!k->version && p && (p = memmem(p, last - p, banner, sizeof(banner) - 1))) {
		p += sizeof(banner) - 1;
		memcpy(text, p, min_t(size_t, last - p, sizeof(text) - 1));
		k->version = parse_version(text, &end);
	}
}

void kernel_running(struct kernel *k, const char *sysfs)
{
	char *path = xasprintf("%s/module/module/parameters/btf_mismatch", sysfs);
	struct utsname u;
	const char *end;

	*k = (struct kernel){};
	if (!uname(&u))
		k->version = parse_version(u.release, &end);
	k->patched = !access(path, F_OK);
	xfree(path);
}

/* --kernel=@name: patched or stock, both with a version behind it or without.  Returns false if
 * it is none.
 */
static bool parse_rules(const char *name, bool *patched, unsigned int *version)
{
	static const char * const kinds[] = { "stock", "patched" };
	const char *end = "";
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		len = strlen(kinds[i]);
		if (strncmp(name, kinds[i], len))
			continue;
		*patched = i;
		*version = 0;
		if (name[len] == '-')
			*version = parse_version(name + len + 1, &end);
		return name[len] == '-' ? *version && !*end : !name[len];
	}
	return false;
}

char *rules_choose(struct rules *r, const char *name, const struct kernel *k, struct blob btf)
{
	bool patched = k->patched;
	unsigned int version = 0, as, f;

	if (name && !parse_rules(name, &patched, &version))
		return xasprintf("--kernel=%s: not stock or patched, nor stock-X.Y or patched-X.Y",
				 name);
	if (version > NEWEST)
		return xasprintf("--kernel=%s: the newest that is known is %u.%u", name,
				 NEWEST / 100, NEWEST % 100);
	if ((version ?: k->version ?: OLDEST) < OLDEST)
		return xasprintf("Linux %u.%u has no BTF of modules, which began with 5.11",
				 (version ?: k->version) / 100, (version ?: k->version) % 100);
	*r = (struct rules){
		.patched = patched,
		.version = version ?: min_t(unsigned int, k->version ?: NEWEST, NEWEST),
		.guessed = !version && (!k->version || k->version > NEWEST),
	};
	r->found = !name || (!version && !r->guessed);
	snprintf(r->name, sizeof(r->name), "%s-%u.%u", patched ? "patched" : "stock",
		 r->version / 100, r->version % 100);
	as = r->version;
	for (f = 0; f < NR_FEATURES && r->found; f++)
		if (features[f].sign && features[f].since > as && has_word(btf, features[f].sign))
			as = features[f].since;
	r->features = features_of(as);
	return NULL;
}
