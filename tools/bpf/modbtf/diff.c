// SPDX-License-Identifier: GPL-2.0-only
/*
 * modbtf diff: which types of a kernel are others in the next one, and which modules refer to them.
 * Types are known by kind and name, not by id; what has no name is part of what it stands in.
 */

#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"
#include "report.h"

/* Members of a type with those of what has no name in it, and how deep that is */
#define MAX_ITEMS	100000
#define MAX_DEPTH	16
/* Types that a reference leads through */
#define MAX_CHAIN	32

/* No name is printed longer; the kernel takes none that is */
#define NAME		"%.511s"

/* A type with a name */
struct decl {
	const char *name;
	u32 kind, id;
	bool met;	/* by one of the other kernel */
};

struct decls {
	struct decl *list;
	size_t nr;
};

/* A member, enumerator or argument, or what a function returns */
struct item {
	const char *name;
	char *full;		/* the same, if it was made here */
	s64 at;			/* bit, value or number */
	u32 bits;		/* of a bit field */
	u32 type;
	bool met;
	struct item *mate;	/* what it has become */
};

struct items {
	struct item *list;
	size_t nr;
};

enum change { CHANGED, ADDED, GONE, MOVED, SAME, NR_CHANGES };

struct diff {
	const struct btf *a, *b;
	const struct base *from;
	struct report *report;
	struct compare *compare;
	struct decls changed;		/* of @a, also those that are gone; in order */
	struct decls added;		/* of @b; what is in the way of modules is said before */
	u8 *is_changed;			/* by id of @a */
	unsigned long count[NR_BTF_KINDS][NR_CHANGES];
	unsigned long total[NR_CHANGES];
};

static const struct {
	const char *name, *plural;
} kinds[NR_BTF_KINDS] = {
	[BTF_KIND_STRUCT] = { "struct", "structs" },
	[BTF_KIND_UNION] = { "union", "unions" },
	[BTF_KIND_ENUM] = { "enum", "enums" },
	[BTF_KIND_TYPEDEF] = { "typedef", "typedefs" },
	[BTF_KIND_FUNC] = { "function", "functions" },
	[BTF_KIND_VAR] = { "variable", "variables" },
	[BTF_KIND_INT] = { "integer", "integers" },
	[BTF_KIND_FLOAT] = { "float", "floats" },
};

static const char *name_of(const struct btf *btf, u32 off)
{
	return btf_str(btf, off) ?: "";
}

static int cmp_decl(const void *a, const void *b)
{
	const struct decl *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strncmp(x->name, y->name, NAME_LEN);
}

static int cmp_decl_id(const void *a, const void *b)
{
	const struct decl *x = a, *y = b;

	return cmp_decl(a, b) ?: (x->id > y->id) - (x->id < y->id);
}

static struct decls decls_of(const struct btf *btf)
{
	struct decls d = { .list = xcalloc(btf_nr_types(btf), sizeof(*d.list)) };
	const struct btf_type *t;
	u32 id, kind;

	for (id = 1; id < btf_nr_types(btf); id++) {
		t = btf_type_by_id(btf, id);
		kind = kind_of_name(t);
		if (t->name_off && kinds[kind].name && !btf_is_fwd(t))
			d.list[d.nr++] = (struct decl){ btf_str(btf, t->name_off), kind, id };
	}
	tick_now();
	qsort(d.list, d.nr, sizeof(*d.list), cmp_decl_id);
	return d;
}

/* Bytes of type @id as it stands in another, 0 if it has no size */
static u64 size_of(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_by_id(btf, id);
	u64 nr = 1;
	int i;

	for (i = 0; i < MAX_CHAIN && t; i++) {
		if (btf_type_is_array(t)) {
			nr *= btf_array(t)->nelems;
			t = btf_type_by_id(btf, btf_array(t)->type);
		} else if (btf_type_is_modifier(t)) {
			t = btf_type_by_id(btf, t->type);
		} else {
			return btf_is_composite(t) || btf_is_any_enum(t) ? nr * t->size : 0;
		}
	}
	return 0;
}

/* The struct or union without a name that @id is, or NULL */
static const struct btf_type *nameless(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_by_id(btf, id);

	return t && btf_type_is_struct(t) && !t->name_off ? t : NULL;
}

/* @name or @full, which is the list's from now on */
static void add_item(struct items *l, const char *name, char *full, s64 at, u32 bits, u32 type)
{
	/* powers of two: room for more is made when it is one */
	if (!(l->nr & (l->nr - 1)))
		l->list = xrealloc(l->list, (l->nr ? 2 * l->nr : 1) * sizeof(*l->list));
	l->list[l->nr++] = (struct item){ full ?: name, full, at, bits, type };
}

/* Members of @t, which begins at bit @at and is called @prefix */
static void add_members(struct items *l, const struct btf *btf, const struct btf_type *t,
			const char *prefix, u64 at, int depth)
{
	const struct btf_member *m = btf_members(t), *end = m + btf_type_vlen(t);
	const struct btf_type *inner;
	const char *name;
	char *deeper;
	u64 off;

	for (; m < end && l->nr < MAX_ITEMS; m++) {
		tick();
		name = name_of(btf, m->name_off);
		inner = depth < MAX_DEPTH ? nameless(btf, m->type) : NULL;
		off = at + __btf_member_bit_offset(t, m);
		if (!inner) {
			name = *name ? name : "(nameless)";
			add_item(l, name, *prefix ? xasprintf("%s%s", prefix, name) : NULL, off,
				 __btf_member_bitfield_size(t, m), m->type);
			continue;
		}
		deeper = xasprintf("%s%s%s", prefix, name, *name ? "." : "");
		add_members(l, btf, inner, deeper, off, depth + 1);
		xfree(deeper);
	}
}

static struct items items_of(const struct btf *btf, const struct btf_type *t)
{
	const struct btf_type *proto;
	const struct btf_enum64 *e64;
	const struct btf_enum *e;
	const struct btf_param *p;
	struct items l = {};
	const char *name;
	u32 i;

	switch (btf_kind(t)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		add_members(&l, btf, t, "", 0, 0);
		break;
	case BTF_KIND_ENUM:
		for (i = 0, e = btf_enum(t); i < btf_type_vlen(t); i++, e++)
			add_item(&l, name_of(btf, e->name_off), NULL,
				 btf_kflag(t) ? (s64)e->val : (s64)(u32)e->val, 0, 0);
		break;
	case BTF_KIND_ENUM64:
		for (i = 0, e64 = btf_enum64(t); i < btf_type_vlen(t); i++, e64++)
			add_item(&l, name_of(btf, e64->name_off), NULL,
				 (s64)((u64)e64->val_hi32 << 32 | e64->val_lo32), 0, 0);
		break;
	case BTF_KIND_FUNC:
		proto = btf_type_by_id(btf, t->type);
		if (!proto || !btf_type_is_func_proto(proto))
			break;
		add_item(&l, "return value", NULL, -1, 0, proto->type);
		for (i = 0, p = btf_params(proto); i < btf_type_vlen(proto); i++, p++) {
			name = name_of(btf, p->name_off);
			add_item(&l, name, *name ? NULL : xasprintf("argument %u", i), i, 0,
				 p->type);
		}
		break;
	default:
		add_item(&l, "", NULL, 0, 0, btf_is_int(t) || btf_is_float(t) ? 0 : t->type);
	}
	return l;
}

static void free_items(struct items *l)
{
	while (l->nr)
		xfree(l->list[--l->nr].full);
	xfree(l->list);
}

/* The one in @l that is called as @i and has met none.  They are mostly in the same order */
static struct item *find_name(struct items *l, const struct item *i, size_t *next)
{
	struct item *found;
	size_t n;

	for (n = 0; n < l->nr; n++) {
		found = l->list + (*next + n) % l->nr;
		if (!found->met && !strcmp(found->name, i->name)) {
			*next = (*next + n + 1) % l->nr;
			return found;
		}
		tick();
	}
	return NULL;
}

/* The one at its place */
static struct item *find_place(struct items *l, const struct item *i)
{
	struct item *found;

	for (found = l->list; found < l->list + l->nr; found++) {
		tick();
		if (!found->met && found->at == i->at)
			return found;
	}
	return NULL;
}

/* What each of @a has become in @b: of the same name; else of another one at its place */
static void find_mates(struct items *a, struct items *b)
{
	struct item *i, *end = a->list + a->nr;
	size_t next = 0;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = a->list; i < end; i++) {
			if (i->mate)
				continue;
			i->mate = pass ? find_place(b, i) : find_name(b, i, &next);
			if (i->mate)
				i->mate->met = true;
		}
	}
}

/* @i of a type of @kind, as @name or without; for xfree() */
static char *item_words(const struct btf *btf, const struct item *i, u32 kind, const char *name)
{
	const char *tick = *name ? "`" : "", *colon = *name ? ": " : "";
	char *type, *text;

	if (kind == BTF_KIND_ENUM)
		return xasprintf("%s%s%lld", name, *name ? " = " : "", (long long)i->at);
	type = type_words(btf, i->type);
	text = i->bits ? xasprintf("%s%s%s%s%s, %u bits", tick, name, tick, colon, type, i->bits) :
			 xasprintf("%s%s%s%s%s", tick, name, tick, colon, type);
	xfree(type);
	return text;
}

/* What a declaration has become, in words */
struct words {
	struct strings lines;
	bool listed;		/* items came, went, or are of another type */
	bool inside;		/* what stands in it has another size */
	unsigned long moved;
};

static bool has_places(u32 kind)
{
	return kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION;
}

static void say_item(struct words *w, char sign, const struct btf *btf, const struct item *i,
		     u32 kind)
{
	char *text = item_words(btf, i, kind, i->name);

	w->listed = true;
	if (has_places(kind) && i->at % 8)
		strings_add(&w->lines, xasprintf("%c %s at %lld.%lld", sign, text,
						 (long long)i->at / 8, (long long)i->at % 8));
	else if (has_places(kind))
		strings_add(&w->lines, xasprintf("%c %s at %lld", sign, text,
						 (long long)i->at / 8));
	else
		strings_add(&w->lines, xasprintf("%c %s", sign, text));
	xfree(text);
}

/* @a has become @b */
static void compare_items(struct diff *d, struct words *w, const struct item *a,
			  const struct item *b, u32 kind)
{
	bool named = !strcmp(a->name, b->name), like;
	char *from, *to;
	u64 was, is;

	like = kind == BTF_KIND_ENUM ? a->at == b->at :
	       compare_like(d->compare, a->type, b->type) && a->bits == b->bits;
	w->moved += kind != BTF_KIND_ENUM && a->at != b->at;
	was = like && has_places(kind) ? size_of(d->a, a->type) : 0;
	is = like && has_places(kind) ? size_of(d->b, b->type) : 0;
	if (like && named && was == is)
		return;
	from = item_words(d->a, a, kind, named ? "" : a->name);
	to = item_words(d->b, b, kind, b->name);
	if (!like || !named) {
		w->listed = true;
		strings_add(&w->lines, xasprintf("%s, was %s", to, from));
	} else {
		w->inside = true;
		strings_add(&w->lines, xasprintf("%s has %llu bytes, had %llu", to,
						 (unsigned long long)is, (unsigned long long)was));
	}
	xfree(from);
	xfree(to);
}

static const char *reason_of(const struct words *w, u32 kind)
{
	switch (kind) {
	case BTF_KIND_ENUM:
		return w->listed ? "values" : "size";
	case BTF_KIND_FUNC:
		return "prototype";
	case BTF_KIND_TYPEDEF:
		return "target";
	case BTF_KIND_VAR:
		return "type";
	}
	return w->listed ? "members" : w->inside ? "inside" : w->moved ? "order" : "size";
}

/* Compare two declarations of a name.  What changed goes to @w */
static void compare_decls(struct diff *d, struct words *w, u32 kind, u32 a, u32 b)
{
	const struct btf_type *ta = btf_type_by_id(d->a, a), *tb = btf_type_by_id(d->b, b);
	struct items la = items_of(d->a, ta), lb = items_of(d->b, tb);
	bool sized = kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_FUNC && kind != BTF_KIND_VAR;
	struct item *i;

	if (sized && ta->size != tb->size)
		strings_add(&w->lines, xasprintf("size %u, was %u", tb->size, ta->size));
	if (kind == BTF_KIND_INT && *(u32 *)(ta + 1) != *(u32 *)(tb + 1))
		strings_add(&w->lines, xstrdup("another encoding"));
	if (kind == BTF_KIND_ENUM && btf_kflag(ta) != btf_kflag(tb))
		strings_add(&w->lines, xstrdup("another sign"));
	find_mates(&la, &lb);
	for (i = la.list; i < la.list + la.nr; i++) {
		if (i->mate)
			compare_items(d, w, i, i->mate, kind);
		else
			say_item(w, '-', d->a, i, kind);
	}
	for (i = lb.list; i < lb.list + lb.nr; i++)
		if (!i->met)
			say_item(w, '+', d->b, i, kind);
	if (w->moved)
		strings_add(&w->lines, xasprintf("%lu at another place", w->moved));
	free_items(&la);
	free_items(&lb);
}

static void report_type(struct diff *d, const struct decl *decl, enum change what,
			const char *reason, const struct strings *lines)
{
	static const char * const words[] = { "changed", "added", "gone", "moved" };
	char *name = xasprintf("%s " NAME, kinds[decl->kind].name, decl->name);
	char *by = xasprintf("%s %s%s%s", kinds[decl->kind].plural, words[what],
			     reason ? ": " : "", reason ?: "");
	struct row e = {
		.what = E_TYPE, .file = name, .area = kinds[decl->kind].name,
		.outcome = what == MOVED ? PASSED : FINDING,
		.verdict = words[what], .reason = reason, .lines = lines,
	};

	if (what != MOVED)
		count_add(d->report->tables + BY_REASON, by, 1);
	if (what != MOVED || d->report->full)
		report_row(d->report, &e);
	d->count[decl->kind][what]++;
	d->total[what]++;
	xfree(name);
	xfree(by);
	if (what == ADDED || what == MOVED)
		return;
	d->changed.list[d->changed.nr++] = *decl;
	d->is_changed[decl->id] = 1;
}

/* Is there something that makes these two differ?  If @tell, it is reported */
static bool differ(struct diff *d, const struct decl *a, const struct decl *b, bool tell)
{
	struct words w = {};
	bool ret;

	compare_decls(d, &w, a->kind, a->id, b->id);
	ret = w.lines.nr;
	if (ret && tell)
		report_type(d, a, CHANGED, reason_of(&w, a->kind), &w.lines);
	strings_free(&w.lines);
	return ret;
}

/* All that have one kind and name: [@a, @a_end) and [@b, @b_end).  Those that are the same first */
static void compare_names(struct diff *d, struct decl *a, struct decl *a_end, struct decl *b,
			  struct decl *b_end)
{
	struct decl *x, *y;

	for (x = a; x < a_end; x++) {
		for (y = b; y < b_end; y++) {
			tick();
			if (y->met || differ(d, x, y, false))
				continue;
			x->met = true;
			y->met = true;
			if (x->id != y->id)
				report_type(d, x, MOVED, NULL, NULL);
			else
				d->total[SAME]++;
			break;
		}
	}
	for (x = a, y = b; x < a_end; x++) {
		if (x->met)
			continue;
		while (y < b_end && y->met)
			y++;
		if (y == b_end) {
			report_type(d, x, GONE, NULL, NULL);
		} else {
			y->met = true;
			differ(d, x, y, true);
		}
	}
	for (; y < b_end; y++)
		if (!y->met)
			d->added.list[d->added.nr++] = *y;
}

static void compare_all(struct diff *d)
{
	struct decls a = decls_of(d->a), b = decls_of(d->b);
	struct decl *x = a.list, *y = b.list, *x_end = x + a.nr, *y_end = y + b.nr, *i, *j;
	int order;

	d->changed.list = xcalloc(a.nr, sizeof(*d->changed.list));
	d->added.list = xcalloc(b.nr, sizeof(*d->added.list));
	while (x < x_end || y < y_end) {
		order = x == x_end ? 1 : y == y_end ? -1 : cmp_decl(x, y);
		for (i = x; order <= 0 && i < x_end && !cmp_decl(i, x); i++)
			;
		for (j = y; order >= 0 && j < y_end && !cmp_decl(j, y); j++)
			;
		compare_names(d, x, i, y, j);
		x = i;
		y = j;
	}
	for (i = d->added.list; i < d->added.list + d->added.nr; i++)
		report_type(d, i, ADDED, NULL, NULL);
	xfree(d->added.list);
	xfree(a.list);
	xfree(b.list);
}

/* modules ---------------------------------------------------------------------- */

/* What a module refers to */
struct refs {
	const struct diff *diff;
	u8 *seen;		/* by id of the base */
	struct strings *names;	/* of those that changed */
};

static void add_ref(struct refs *r, const struct btf *btf, const struct btf_type *t)
{
	strings_add(r->names, xasprintf("%s " NAME, kinds[kind_of_name(t)].name,
					name_of(btf, t->name_off)));
}

/* Follow a reference into the base until there is a name that does not stand for another type */
static void follow(struct refs *r, u32 id, int depth)
{
	const struct btf *btf = r->diff->a;
	const struct btf_type *t = id < btf_nr_types(btf) ? btf_type_by_id(btf, id) : NULL;
	struct btf_field_iter it;
	u32 *ref;

	if (!id || !t || r->seen[id] || depth > MAX_CHAIN)
		return;
	tick();
	r->seen[id] = 1;
	if (r->diff->is_changed[id])
		add_ref(r, btf, t);
	if (t->name_off && !btf_type_is_typedef(t))
		return;
	if (!btf_field_iter_init(&it, (struct btf_type *)t, BTF_FIELD_ITER_IDS))
		while ((ref = btf_field_iter_next(&it)))
			follow(r, *ref, depth + 1);
}

/* A module that is split from the first kernel */
static void refs_of_split(struct refs *r, const struct module *m)
{
	struct btf_field_iter it;
	struct btf btf;
	u32 i, *ref;

	if (m->id && memcmp(m->id, r->diff->from->id, BTF_BASE_ID_SIZE))
		give_up("not built with the first kernel: its base id is another");
	if (btf_parse(&btf, m->split.data, m->split.size, (struct btf *)r->diff->a, newest_rules))
		give_up("not built with the first kernel, or damaged: %s", btf.why);
	if (!m->id && names_inside(&btf))
		give_up("not built with the first kernel: names begin inside of its strings");
	for (i = 0; i < btf.nr_types; i++)
		if (!btf_field_iter_init(&it, btf.types[i], BTF_FIELD_ITER_IDS))
			while ((ref = btf_field_iter_next(&it)))
				follow(r, *ref, 0);
	for (i = 0; i < m->id_syms.nr; i++)
		follow(r, module_word(m, m->id_syms.sym[i].data), 0);
	btf_free(&btf);
}

/* One that has the names of what it needs */
static void refs_of_distilled(struct refs *r, const struct module *m)
{
	const struct decls *changed = &r->diff->changed;
	const struct btf_type *t;
	struct decl key;
	struct btf btf;
	u32 id;

	if (btf_parse(&btf, m->base.data, m->base.size, NULL, newest_rules))
		give_up("its distilled base is damaged: %s", btf.why);
	for (id = 1; id < btf_nr_types(&btf); id++) {
		t = btf_type_by_id(&btf, id);
		key = (struct decl){ name_of(&btf, t->name_off), kind_of_name(t) };
		if (*key.name && bsearch(&key, changed->list, changed->nr, sizeof(key), cmp_decl))
			add_ref(r, &btf, t);
	}
	btf_free(&btf);
}

/* Instead of decide() */
static void find_refs(struct audit *a, const struct module *m, struct result *out)
{
	struct refs r = { .diff = a->ctx, .names = &out->wrong };

	*out = (struct result){ .verdict = V_NONE };
	if (!m->split.size)
		return;
	if (m->base.data) {
		refs_of_distilled(&r, m);
	} else {
		r.seen = xcalloc(btf_nr_types(r.diff->a), 1);
		refs_of_split(&r, m);
	}
	out->verdict = r.names->nr ? V_REFERS : V_APART;
}

/* How many of each kind: 10 structs, 9 functions; for xfree() */
static char *kinds_in_words(const struct diff *d, enum change what, const char *none)
{
	char *text = xstrdup(""), *next;
	unsigned long n;
	u32 kind;

	for (kind = 0; kind < NR_BTF_KINDS; kind++) {
		n = d->count[kind][what];
		if (!n)
			continue;
		next = xasprintf("%s%s%lu %s", text, *text ? ", " : "", n,
				 n == 1 ? kinds[kind].name : kinds[kind].plural);
		xfree(text);
		text = next;
	}
	if (*text)
		return text;
	xfree(text);
	return xstrdup(none);
}

/* The answer in a line */
static char *changes_in_words(const struct diff *d)
{
	char *changed = kinds_in_words(d, CHANGED, "no type");
	char *added = kinds_in_words(d, ADDED, "none");
	char *gone = kinds_in_words(d, GONE, "none");
	char *text = xasprintf("%s changed; %s added; %s gone; ids of %lu others moved", changed,
			       added, gone, d->total[MOVED]);

	xfree(changed);
	xfree(added);
	xfree(gone);
	return text;
}

static void sum_up(struct diff *d, bool same_id, bool with_modules)
{
	static const char * const labels[] = { "changed", "added", "gone", "moved", "same" };
	struct report *r = d->report;
	const struct pair *p = r->pairs;
	int i;

	for (i = 0; i < NR_CHANGES; i++)
		report_count(r, labels[i], d->total[i]);
	strings_add(&r->headline, changes_in_words(d));
	if (same_id)
		strings_add(&r->headline, xstrdup("base ids are equal: modules fit both"));
	else
		strings_add(&r->headline,
			    xasprintf("modules of either lose their BTF on the other, %s",
				      "but for those with a distilled base"));
	if (with_modules) {
		report_count(r, "modules", r->seen - r->troubles);
		report_count(r, "refer", p->count[V_REFERS]);
		report_count(r, "trouble", r->troubles);
		strings_add(&r->headline,
			    xasprintf("of these %lu modules %lu refer to what changed or is gone",
				      r->seen - r->troubles, p->count[V_REFERS]));
	}
	r->findings = !same_id;
}

bool same_machine(const struct base *a, const struct base *b)
{
	u32 x = a->btf->long_size, y = b->btf->long_size;

	/* each is compared if both are known */
	return (!a->machine || !b->machine || a->machine == b->machine) &&
	       a->swapped == b->swapped && (!x || !y || x == y);
}

void diff_run(struct report *r, const struct base *a, const struct base *b, char **paths, int nr)
{
	struct diff d = { .a = a->btf, .b = b->btf, .from = a, .report = r };
	struct audit audit = { .ask = find_refs, .ctx = &d };

	d.compare = compare_open(d.a, d.b);
	d.is_changed = xcalloc(btf_nr_types(d.a), 1);
	compare_all(&d);
	if (nr) {
		audit.running = *a;
		audit_one(&audit, r, report_pair(r, NULL, NULL, NULL), paths, nr);
	}
	sum_up(&d, !memcmp(a->id, b->id, BTF_BASE_ID_SIZE), nr);
	compare_close(d.compare);
	xfree(d.is_changed);
	xfree(d.changed.list);
}
