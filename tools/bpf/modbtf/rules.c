// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of the BTF of a module: kernel/module/btf.c of this series, and
 * btf_parse_module() of kernel/bpf/btf.c as it was.
 */

#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

#define BAD_REF "a reference leads to a type that cannot stand there"

/* Arrays and modifiers in one another; more are a cycle */
#define MAX_STEPS 10000

/* The first of a kind is its default */
static const struct rules all_rules[] = {
	{ "stock-7.3", false, 703 },
	{ "stock-6.12", false, 612 },
	{ "stock-6.1", false, 601 },
	{ "patched-7.3", true, 703 },
	{ "patched-6.12", true, 612 },
	{ "patched-6.1", true, 601 },
};

/* kernel.h */
__thread u32 btf_ptr_size;

const char rules_names[] =
	"stock[-7.3], stock-6.12, stock-6.1, patched[-7.3], patched-6.12, patched-6.1";

const struct rules *rules_find(const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < ARRAY_SIZE(all_rules); i++)
		if (!strcmp(all_rules[i].name, name) ||
		    (!strncmp(all_rules[i].name, name, len) && all_rules[i].name[len] == '-'))
			return all_rules + i;
	return NULL;
}

char *base_load(struct base *b, const char *path, const struct rules *r)
{
	struct blob raw;
	char *problem;
	int err;

	*b = (struct base){};
	problem = read_base(path, &raw);
	if (problem)
		return problem;
	libbpf_sha256(raw.data, raw.size, b->id);
	b->swapped = btf_is_swapped(raw);
	if (b->swapped)
		btf_swap(raw);
	b->btf = xrealloc(NULL, sizeof(*b->btf));
	err = btf_parse(b->btf, raw.data, raw.size, NULL, r);
	if (!err)
		err = btf_check_chains(b->btf, r);
	if (err) {
		problem = xasprintf("its BTF is not that of a kernel: %s",
				    b->btf->why ?: "out of memory");
		base_free(b);
	}
	free(raw.data);
	return problem;
}

void base_free(struct base *b)
{
	if (b->btf)
		btf_free(b->btf);
	free(b->btf);
	*b = (struct base){};
}

/* Why BTF was found to be malformed */
static void explain(struct result *out, const struct btf *btf)
{
	free(out->detail);
	out->detail = NULL;
	if (btf->why_id)
		out->detail = xasprintf("type %u: %s", btf->why_id, btf->why ?: "malformed");
	else if (btf->why)
		out->detail = xstrdup(btf->why);
}

static void drop(struct result *out, const char *reason)
{
	out->verdict = V_DROPPED;
	out->reason = reason;
}

/* btf_status_of() of kernel/module/btf.c */
static void drop_err(struct result *out, int err)
{
	drop(out, err == -ENOMEM ? "no-memory" : err == -ESTALE ? "relocation" :
	     err == -EOPNOTSUPP ? "unsupported" : "invalid");
}

/* Ids that the BTF of a module gets on the kernel that it is loaded on */
struct id_map {
	struct btf_distilled *distilled;
	u32 *ids;
	u32 nr;
};

static u32 map_id(const struct id_map *map, u32 id)
{
	if (!map->ids)
		return id;
	if (map->distilled)
		id = btf_distilled_id(map->distilled, id);
	return id < map->nr ? map->ids[id] : 0;
}

/* relocate_btf_id() and check_btf_set() of kernel/module/btf_ids.c, without writing */
static const char *check_id(const struct btf_id_sym *s, const struct btf *btf,
			    const struct id_map *map)
{
	const struct btf_type *t;
	size_t entry;
	u32 word = s->word, id;

	if (s->outside)
		return "is not inside of its section";
	if (!s->words) {
		if (!word)
			return NULL;
		id = map_id(map, word);
		if (!id && map->distilled && btf_distilled_lacks(map->distilled, word))
			return NULL;
		t = id ? btf_type_by_id(btf, id) : NULL;
		return t && (btf_type_is_struct(t) || btf_type_is_typedef(t) ||
			     btf_type_is_func(t)) ? NULL : "has a wrong id";
	}
	entry = s->words * sizeof(word);
	if (s->size < entry)
		return "is damaged";
	return word == s->size / entry - 1 && !(s->size % entry) ? NULL : "is damaged";
}

/* btf_parse_module() of the series.  Returns 0 or an error for drop_err() */
static int parse_patched(struct audit *a, const struct module *m, struct btf *btf,
			 struct btf *dist, struct id_map *map, const struct blob *section,
			 struct result *out)
{
	struct blob base = section ? *section : (struct blob){}, split = m->split;
	void *made = NULL, *base_data;
	u32 base_size, size;
	int err;

	if (section == &m->distilled) {
		if (section->size > UINT32_MAX || split.size > UINT32_MAX)
			return -EINVAL;
		map->distilled = btf_distilled_parse(section->data, section->size, &base_data,
						     &base_size);
		if (IS_ERR(map->distilled)) {
			err = PTR_ERR(map->distilled);
			map->distilled = NULL;
			out->detail = xstrdup(".BTF.distilled is of an unknown format or damaged");
			return err;
		}
		base = (struct blob){ base_data, base_size };
	}
	if (section) {
		err = btf_parse(dist, base.data, base.size, NULL, a->rules);
		if (!err)
			err = btf_check_chains(dist, a->rules);
		if (err) {
			explain(out, dist);
			return err;
		}
	}
	if (map->distilled) {
		size = split.size;
		made = btf_distilled_split(map->distilled, split.data, &size, section->data, dist);
		if (IS_ERR(made)) {
			out->detail = xstrdup(".BTF.distilled does not belong to .BTF");
			return PTR_ERR(made);
		}
		split = (struct blob){ made, size };
	}
	err = btf_parse(btf, split.data, split.size, section ? dist : a->running.btf, a->rules);
	free(made);
	if (!err)
		err = btf_check_refs(btf);
	if (err || !section)
		return err;

	map->nr = btf_nr_types(btf);
	err = relocate(btf, a->running.btf, &map->ids, &out->detail);
	if (err)
		return err == -ENOMEM ? err : -ESTALE;
	return btf_check_refs(btf);
}

static void decide_patched(struct audit *a, const struct module *m, struct result *out)
{
	const struct blob *section = m->has_base ? &m->base : NULL;
	/* 6.1 cannot, and does not know .BTF.distilled */
	bool relocates = a->rules->version > 601;
	bool has_distilled = m->has_distilled && relocates;
	struct btf btf = {}, dist = {};
	struct id_map map = {};
	const char *what = NULL;
	int err;
	size_t i;

	if (!m->has_split || (!m->bad && !m->split.size)) {
		out->verdict = V_NONE;
		return;
	}
	if (m->bad || (m->has_base && (!m->base.size || has_distilled))) {
		drop(out, "invalid");
		out->detail = xstrdup(m->bad ? "two sections of a name, or one without data" :
				      m->base.size ? "both .BTF.base and .BTF.distilled" :
				      ".BTF.base is empty");
		return;
	}
	if (m->has_base && !relocates) {
		drop(out, "unsupported");
		out->detail = xstrdup(".BTF.base, which this kernel cannot relocate");
		return;
	}
	if (!m->has_base && !(m->id && !memcmp(m->id, a->running.id, BASE_ID_SIZE))) {
		if (!has_distilled) {
			drop(out, m->id ? "base-changed" : "unstamped");
			return;
		}
		section = &m->distilled;
	}

	err = parse_patched(a, m, &btf, &dist, &map, section, out);
	for (i = 0; i < m->nr_ids && !err; i++) {
		what = check_id(m->ids + i, &btf, &map);
		if (what) {
			out->detail = xasprintf("__BTF_ID__%s in .BTF_ids %s",
						m->ids[i].name, what);
			err = -EINVAL;
		}
	}
	if (!err && section && m->has_ids && !m->nr_ids) {
		out->detail = xstrdup("the symbols of .BTF_ids have been stripped");
		err = -ESTALE;
	}
	if (err) {
		drop_err(out, err);
		if (!out->detail && err != -ENOMEM)
			explain(out, &btf);
		if (!out->detail && err == -EINVAL)
			out->detail = xstrdup(BAD_REF);
	} else if (!strcmp(m->name, "vmlinux")) {
		drop(out, "name-clash");
	} else {
		out->verdict = section ? V_RELOCATED : V_NATIVE;
	}
	btf_free(&btf);
	btf_free(&dist);
	free(map.distilled);
	free(map.ids);
}

/* The BTF was accepted: is it right?  @loaded: as the kernel reads it */
static void judge(struct audit *a, const struct module *m, const struct btf *loaded,
		  struct result *out)
{
	static const struct rules lax = { "", false, 703 };
	struct btf built;

	out->verdict = V_NATIVE;
	if (a->built.btf) {
		if (!memcmp(a->built.id, a->running.id, BASE_ID_SIZE))
			return;
		if (btf_parse(&built, m->split.data, m->split.size, a->built.btf, &lax)) {
			out->verdict = V_WRONG;
			out->reason = "invalid";
			out->detail = xasprintf("malformed with --built-against: %s",
						built.why ?: "out of memory");
		} else {
			out->nr_wrong = compare(&built, loaded, a->wrong_types, &out->wrong);
			if (out->nr_wrong) {
				out->verdict = V_WRONG;
				out->reason = "base-changed";
			}
		}
		btf_free(&built);
	} else if (!m->id) {
		out->verdict = V_UNPROVED;
	} else if (memcmp(m->id, a->running.id, BASE_ID_SIZE)) {
		out->verdict = V_WRONG;
		out->reason = "base-changed";
	}
}

static bool has_refs(const struct btf *btf)
{
	u32 id, nr = btf_nr_types(btf);
	struct btf_field_iter it;

	for (id = btf->start_id; id < nr; id++)
		if (!btf_field_iter_init(&it, btf_type_by_id(btf, id), BTF_FIELD_ITER_IDS) &&
		    btf_field_iter_next(&it))
			return true;
	return false;
}

/* Relocation of a stock kernel does not look where an id leads, and follows arrays to
 * their end.  NULL, or what would happen to it.
 */
static const char *check_relocatable(const struct btf *btf)
{
	static const char nowhere[] = "a type that does not exist, where this kernel does not look";
	u32 id, nr = btf_nr_types(btf), *ref, steps;
	struct btf_field_iter it;
	const struct btf_type *t;

	for (id = btf->start_id; id < nr; id++) {
		if (btf_field_iter_init(&it, btf_type_by_id(btf, id), BTF_FIELD_ITER_IDS))
			continue;
		while ((ref = btf_field_iter_next(&it)))
			if (*ref >= nr)
				return nowhere;
	}
	for (id = btf->start_id; id < nr; id++) {
		t = btf_type_by_id(btf, id);
		for (steps = 0; steps < MAX_STEPS; steps++) {
			if (btf_type_is_array(t))
				t = btf_type_by_id(btf, btf_array(t)->type);
			else if (btf_type_is_modifier(t))
				t = btf_type_by_id(btf, t->type);
			else
				break;
		}
		if (steps == MAX_STEPS)
			return "an array in itself, where this kernel does not end";
	}
	return NULL;
}

/* btf_parse_module() as it was; find_module_sections() takes the first .BTF */
static void decide_stock(struct audit *a, const struct module *m, struct result *out)
{
	/* 6.1 does not know .BTF.base */
	bool relocates = m->has_base && a->rules->version > 601;
	struct btf btf = {}, dist = {};
	const char *what = NULL;
	u32 *map = NULL;
	int err = 0;

	if (!m->split.size) {
		out->verdict = V_NONE;
		return;
	}
	if (relocates) {
		err = btf_parse(&dist, m->base.data, m->base.size, NULL, a->rules);
		if (!err)
			err = btf_check_chains(&dist, a->rules);
		if (err)
			explain(out, &dist);
	}
	if (!err) {
		err = btf_parse(&btf, m->split.data, m->split.size,
				relocates ? &dist : a->running.btf, a->rules);
		if (!err)
			err = btf_check_chains(&btf, a->rules);
		if (err)
			explain(out, &btf);
	}
	if (!err && relocates)
		what = check_relocatable(&btf);
	if (err || what) {
		drop(out, "invalid");
		if (what)
			out->detail = xstrdup(what);
	} else if (!relocates) {
		judge(a, m, &btf, out);
	} else if (!dist.nr_types && has_refs(&btf)) {
		/* the ids begin behind void, and the kernel counts from 0 */
		out->verdict = V_WRONG;
		out->reason = "invalid";
		out->detail = xstrdup("a distilled base without types, ids are off by one");
	} else if (dist.nr_types && relocate(&btf, a->running.btf, &map, &out->detail)) {
		drop(out, "relocation");
	} else {
		out->verdict = V_RELOCATED;
	}
	btf_free(&btf);
	btf_free(&dist);
	free(map);
}

char *foreign(const struct audit *a, const struct module *m)
{
	return m->swapped != a->running.swapped ?
	       xstrdup("of another byte order than the kernel") : NULL;
}

void decide(struct audit *a, const struct module *m, struct result *out)
{
	*out = (struct result){};
	btf_ptr_size = m->is32 ? 4 : 8;
	if (a->rules->patched)
		decide_patched(a, m, out);
	else
		decide_stock(a, m, out);
}

void result_free(struct result *r)
{
	free(r->detail);
	strings_free(&r->wrong);
	*r = (struct result){};
}
