// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of the BTF of a module: kernel/module/btf.c of this series, and
 * btf_parse_module() of kernel/bpf/btf.c as it was.
 */

#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* Arrays and modifiers in one another that a member may have */
#define MAX_STEPS 1000

#define BAD_REF "a reference leads to a type that cannot stand there"

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

char *base_parse(struct base *b, struct blob raw, const struct rules *r)
{
	char *problem = NULL;
	int err;

	*b = (struct base){};
	libbpf_sha256(raw.data, raw.size, b->id);
	b->swapped = btf_is_swapped(raw);
	if (b->swapped)
		btf_swap(raw);
	b->btf = xcalloc(1, sizeof(*b->btf));
	err = btf_parse(b->btf, raw.data, raw.size, NULL, r);
	if (!err)
		err = btf_check_chains(b->btf, r);
	xfree(raw.data);
	if (!err)
		return NULL;
	if (btf_is_of_module(b->btf))
		problem = xstrdup("BTF of a module: it continues that of a kernel");
	else if (!b->btf->why_id)
		problem = xasprintf("its BTF is not that of a kernel: %s", b->btf->why);
	else
		b->problem = btf_problem(b->btf);
	btf_free(b->btf);
	xfree(b->btf);
	b->btf = NULL;
	return problem;
}

char *base_load(struct base *b, const char *path, const struct rules *r)
{
	struct blob raw;

	*b = (struct base){};
	return read_base(path, &raw) ?: base_parse(b, raw, r);
}

void base_free(struct base *b)
{
	if (b->btf)
		btf_free(b->btf);
	xfree(b->btf);
	xfree(b->problem);
	*b = (struct base){};
}

static void drop(struct result *out, const char *reason)
{
	out->verdict = V_DROPPED;
	out->reason = reason;
}

/* btf_status_of() of kernel/module/btf.c */
static void drop_err(struct result *out, int err)
{
	drop(out, err == -ESTALE ? "relocation" :
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
			out->detail = btf_problem(dist);
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
	xfree(made);
	if (!err)
		err = btf_check_refs(btf);
	if (err || !section)
		return err;

	map->nr = btf_nr_types(btf);
	err = relocate(btf, a->running.btf, &map->ids, &out->detail);
	return err ? -ESTALE : btf_check_refs(btf);
}

bool lost_base(const struct module *m)
{
	return m->distilled_id && !m->id && !m->has_base && !m->has_distilled;
}

static void decide_patched(struct audit *a, const struct module *m, struct result *out)
{
	static const char gone[] = ".BTF.base is gone (note 0x103); strip no more than -g";
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
	if (a->running.problem) {
		drop(out, "no-vmlinux-btf");
		out->detail = xstrdup(a->running.problem);
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
			if (lost_base(m))
				out->detail = xstrdup(gone);
			return;
		}
		section = &m->distilled;
	}

	err = parse_patched(a, m, &btf, &dist, &map, section, out);
	for (i = 0; i < m->nr_ids && !err; i++) {
		tick();
		what = check_id(m->ids + i, &btf, &map);
		if (what) {
			out->detail = xasprintf("__BTF_ID__%.*s in .BTF_ids %s", NAME_LEN - 1,
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
		if (!out->detail)
			out->detail = btf_problem(&btf);
		if (!out->detail && err == -EINVAL)
			out->detail = xstrdup(BAD_REF);
	} else if (!strcmp(m->name, "vmlinux")) {
		drop(out, "name-clash");
	} else {
		out->verdict = section ? V_RELOCATED : V_NATIVE;
	}
	btf_free(&btf);
	btf_free(&dist);
	xfree(map.distilled);
	xfree(map.ids);
}

/* Names that begin in the middle of a string of the base: nobody writes such */
static unsigned long inside_strings(const struct btf *btf)
{
	u32 id, nr = btf_nr_types(btf), *name;
	struct btf_field_iter it;
	unsigned long found = 0;

	for (id = btf->start_id; id < nr; id++) {
		tick();
		if (btf_field_iter_init(&it, btf_type_by_id(btf, id), BTF_FIELD_ITER_STRS))
			continue;
		while ((name = btf_field_iter_next(&it)))
			found += *name && *name < btf->start_str_off && btf_str(btf, *name - 1)[0];
	}
	return found;
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
						built.why);
		} else {
			out->nr_wrong = compare(&built, loaded, a->same, a->wrong_types,
						&out->wrong);
			if (out->nr_wrong) {
				out->verdict = V_WRONG;
				out->reason = "base-changed";
			}
		}
		btf_free(&built);
	} else if (m->id) {
		if (memcmp(m->id, a->running.id, BASE_ID_SIZE)) {
			out->verdict = V_WRONG;
			out->reason = "base-changed";
		}
	} else {
		out->nr_wrong = inside_strings(loaded);
		out->verdict = out->nr_wrong ? V_WRONG : V_UNPROVED;
		if (out->nr_wrong) {
			out->reason = "base-changed";
			out->detail = xstrdup("names begin inside strings of the base");
		}
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

/* What an array or modifier of the module leads to, by one step; 0: it is neither */
static u32 next_id(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf_type_by_id(btf, id);

	if (id < btf->start_id)
		return 0;
	return btf_type_is_array(t) ? btf_array(t)->type : btf_type_is_modifier(t) ? t->type : 0;
}

/* Does it lead to itself?  @state, by id: 0 not known, else the walk that has been there */
static bool is_cycle(const struct btf *btf, u32 id, u32 *state)
{
	u32 walk = id + 1, *s;

	do {
		s = state + (id - btf->start_id);
		if (*s)
			return *s == walk;
		*s = walk;
		id = next_id(btf, id);
	} while (id && id >= btf->start_id);
	return false;
}

/* Relocation follows each member to its end */
static void check_members(const struct btf *btf, const struct btf_type *t)
{
	u32 i, id, steps;

	if (!btf_is_composite(t))
		return;
	for (i = 0; i < btf_type_vlen(t); i++) {
		steps = 0;
		for (id = btf_members(t)[i].type; id; id = next_id(btf, id))
			if (++steps > MAX_STEPS)
				give_up("more than %d arrays in one another", MAX_STEPS);
		tick();
	}
}

/* Relocation of a stock kernel does not look where an id leads, and follows arrays to
 * their end.  NULL, or what would happen to it.
 */
static const char *check_relocatable(const struct btf *btf)
{
	static const char nowhere[] = "a type that does not exist, where this kernel does not look";
	static const char cycle[] = "an array in itself, where this kernel does not end";
	u32 id, nr = btf_nr_types(btf), *ref, *state;
	struct btf_field_iter it;
	const char *what = NULL;

	for (id = btf->start_id; id < nr; id++) {
		tick();
		if (btf_field_iter_init(&it, btf_type_by_id(btf, id), BTF_FIELD_ITER_IDS))
			continue;
		while ((ref = btf_field_iter_next(&it)))
			if (*ref >= nr)
				return nowhere;
	}
	state = xcalloc(nr - btf->start_id, sizeof(*state));
	for (id = btf->start_id; id < nr && !what; id++) {
		tick();
		what = is_cycle(btf, id, state) ? cycle : NULL;
	}
	xfree(state);
	for (id = btf->start_id; id < nr && !what; id++)
		check_members(btf, btf_type_by_id(btf, id));
	return what;
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
	if (a->running.problem) {
		drop(out, "invalid");
		out->detail = xasprintf("the BTF of this kernel is: %s", a->running.problem);
		return;
	}
	if (relocates) {
		err = btf_parse(&dist, m->base.data, m->base.size, NULL, a->rules);
		if (!err)
			err = btf_check_chains(&dist, a->rules);
		if (err)
			out->detail = btf_problem(&dist);
	}
	if (!err) {
		err = btf_parse(&btf, m->split.data, m->split.size,
				relocates ? &dist : a->running.btf, a->rules);
		if (!err)
			err = btf_check_chains(&btf, a->rules);
		if (err)
			out->detail = btf_problem(&btf);
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
	xfree(map);
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
