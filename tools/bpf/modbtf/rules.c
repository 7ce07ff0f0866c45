// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of the BTF of a module: kernel/module/btf.c and btf_ids.c of this series,
 * and btf_parse_module() of kernel/bpf/btf.c as it was.
 */

#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* kernel.h */
__thread u32 btf_ptr_size;

char *base_parse(struct base *b, const struct image *from, const struct rules *r)
{
	struct blob raw = from->btf;
	char *problem = NULL;
	int err;

	*b = (struct base){ .machine = from->machine };
	libbpf_sha256(raw.data, raw.size, b->id);
	b->swapped = btf_is_swapped(raw);
	if (b->swapped)
		btf_swap(raw);
	b->btf = xcalloc(1, sizeof(*b->btf));
	err = btf_parse(b->btf, raw.data, raw.size, NULL, r) ?: btf_check_chains(b->btf, r);
	xfree(raw.data);
	if (!err) {
		btf_check_sorted(b->btf);
		return NULL;
	}
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

static const char unknown_range[] = "is of an unknown kind";

/* relocate_range() of kernel/module/btf_ids.c, without writing.  @at: where the last range ends,
 * then this one.  Returns NULL, or what is wrong.
 */
static const char *check_range(const struct module *m, const struct btf_ids_range *r, u32 nr_types,
			       u64 *at)
{
	/* bytes of an id in it, and bytes before the first */
	size_t each = r->kind == BTF_IDS_SET8 ? 2 * sizeof(u32) : sizeof(u32);
	size_t first = r->kind == BTF_IDS_LIST ? 0 : each;
	const void *p = m->ids.data + r->offset;
	u32 i;

	if (r->offset < *at)
		return "begins before the last one ends";
	if (r->offset > m->ids.size)
		return "is not inside of the section";
	if (r->kind > BTF_IDS_SET8)
		return unknown_range;
	*at = r->offset + first + (u64)r->cnt * each;
	if (*at > m->ids.size)
		return "is not inside of the section";
	if (first && module_word(m, p) != r->cnt)
		return "is a set of another size";
	for (i = 0; i < r->cnt; i++) {
		tick();
		if (module_word(m, p + first + i * each) >= nr_types)
			return "has an id of no type";
	}
	return NULL;
}

/* module_btf_relocate_ids() of the same file.  @nr_types: of .BTF and its base.  Returns 0 or an
 * error for drop_err(), and what is wrong as @detail, for xfree().
 */
static int check_table(const struct module *m, u32 nr_types, char **detail)
{
	const void *p = m->table.data;
	struct btf_ids_range r;
	const char *what;
	size_t i;
	u64 at = 0;

	for (i = 0; i < m->table.size / sizeof(r); i++, p += sizeof(r)) {
		r.offset = module_word(m, p + offsetof(struct btf_ids_range, offset));
		r.kind = module_word(m, p + offsetof(struct btf_ids_range, kind));
		r.cnt = module_word(m, p + offsetof(struct btf_ids_range, cnt));
		what = check_range(m, &r, nr_types, &at);
		if (what) {
			*detail = xasprintf("range %zu of the table for .BTF_ids %s", i, what);
			return what == unknown_range ? -EOPNOTSUPP : -EINVAL;
		}
	}
	if (!(m->table.size % sizeof(r)))
		return 0;
	*detail = xstrdup("the table for .BTF_ids is cut off");
	return -EINVAL;
}

/* Parse .BTF and what it is split from: if @dist, .BTF.base.  Returns 0 or an error for
 * drop_err().
 */
static int parse(struct audit *a, const struct module *m, struct btf *btf, struct btf *dist,
		 struct result *out)
{
	struct btf *bad = dist;
	int err = 0;

	if (dist)
		err = btf_parse(dist, m->base.data, m->base.size, NULL, &a->rules) ?:
		      btf_check_chains(dist, &a->rules);
	if (!err) {
		bad = btf;
		err = btf_parse(btf, m->split.data, m->split.size, dist ?: a->running.btf,
				&a->rules);
		/* this series looks at all references, later */
		if (!err && !a->rules.patched)
			err = btf_check_chains(btf, &a->rules);
	}
	if (err)
		out->detail = btf_problem(bad);
	return err;
}

static int check_refs(struct btf *btf, struct result *out)
{
	struct btf_refs refs = {
		.base = btf->base_btf->types,
		.split = btf->types,
		.start_id = btf->start_id,
		.nr_split = btf->nr_types,
		.names_end = btf->start_str_off + btf->hdr.str_len,
	};
	const char *why;
	u32 id;
	int err = btf_check_refs(&refs, &id, &why);

	if (why)
		out->detail = xasprintf("type %u: %s", id, why);
	return err;
}

/* btf_parse_module() and what follows.  Returns 0 or an error for drop_err() */
static int parse_patched(struct audit *a, const struct module *m, struct btf *btf,
			 struct btf *dist, struct result *out)
{
	int err = parse(a, m, btf, dist, out);
	u32 nr_types;

	if (err)
		return err;
	nr_types = btf_nr_types(btf);
	if (dist) {
		err = relocate(btf, a->running.btf, &out->detail);
		if (err)
			return err == -EINVAL ? -ESTALE : err;
	}
	err = check_refs(btf, out);
	if (err)
		return err;
	if (!dist || !m->ids.size)
		return 0;
	if (m->table.size)
		return check_table(m, nr_types, &out->detail);
	out->detail =
		xstrdup("no table for .BTF_ids, ids that only the module reads are not relocated");
	return 0;
}

/* btf_has_types() of kernel/module/btf.c: a header that says so is right */
static bool has_types(const struct blob *btf)
{
	struct btf_header h;

	if (btf->size < offsetof(struct btf_header, str_off))
		return btf->size;
	memcpy(&h, btf->data, offsetof(struct btf_header, str_off));
	return h.type_len || h.magic != BTF_MAGIC || h.version != BTF_VERSION;
}

static bool is_running(const struct audit *a, const uint8_t *id)
{
	return id && !memcmp(id, a->running.id, BTF_BASE_ID_SIZE);
}

bool lost_base(const struct module *m)
{
	return m->distilled_id && !m->base.data;
}

static const char base_lost[] = ".BTF.base is gone, strip no more than -g";

/* btf_decide() of kernel/module/btf.c */
static void decide_patched(struct audit *a, const struct module *m, struct result *out)
{
	const uint8_t *id = m->base.data ? m->distilled_id : m->id;
	struct btf btf = {}, dist = {};
	int err;

	if (!m->split.data || (!m->bad && !has_types(&m->split))) {
		out->verdict = V_NONE;
	} else if (m->bad) {
		drop(out, "invalid");
		out->detail = xstrdup("two sections of a name, or one without data");
	} else if (a->running.problem) {
		drop(out, "no-vmlinux-btf");
		out->detail = xstrdup(a->running.problem);
	} else if (m->base.data && !knows(&a->rules, DISTILLED)) {
		drop(out, "unsupported");
		out->detail = xstrdup(".BTF.base, which this kernel cannot relocate");
	} else if (!m->base.data && !id) {
		drop(out, "unstamped");
		if (lost_base(m))
			out->detail = xstrdup(base_lost);
	} else if (!m->base.data && !is_running(a, id)) {
		drop(out, "base-changed");
	} else {
		err = parse_patched(a, m, &btf, m->base.data ? &dist : NULL, out);
		if (err)
			drop_err(out, err);
		else if (!strcmp(m->name, "vmlinux"))
			drop(out, "name-clash");
		else
			out->verdict = is_running(a, id) ? V_NATIVE : V_RELOCATED;
		btf_free(&btf);
		btf_free(&dist);
	}
}

unsigned long names_inside(const struct btf *btf)
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

static void wrong(struct result *out, const char *reason, unsigned long nr, char *detail)
{
	out->verdict = V_WRONG;
	out->reason = reason;
	out->nr_wrong = nr;
	out->detail = detail;
}

/* By the base that it was built with */
static void judge_by_built(struct audit *a, const struct module *m, const struct btf *loaded,
			   struct result *out)
{
	struct btf built;

	if (btf_parse(&built, m->split.data, m->split.size, a->built.btf, newest_rules)) {
		wrong(out, "invalid", 0,
		      xasprintf("malformed with --built-against: %s", built.why));
	} else {
		compare(&built, loaded, a->same, m, a->wrong_types, out);
		if (out->nr_wrong)
			wrong(out, "base-changed", out->nr_wrong, NULL);
	}
	btf_free(&built);
}

/* By what cannot be if it was built with this base */
static void judge_by_itself(const struct module *m, const struct btf *loaded, struct result *out)
{
	unsigned long nr = names_inside(loaded);
	char *first;

	if (nr) {
		wrong(out, "base-changed", nr, xstrdup("names begin inside strings of the base"));
		return;
	}
	nr = ids_wrong(m, loaded, &first);
	if (nr)
		wrong(out, "base-changed", nr, first);
}

/* The BTF was accepted: is it right?  @loaded: as the kernel reads it */
static void judge(struct audit *a, const struct module *m, const struct btf *loaded,
		  struct result *out)
{
	out->verdict = V_NATIVE;
	if (m->base.data) {
		wrong(out, "base-changed", 0,
		      xstrdup("it is split from its .BTF.base, which this kernel does not know"));
	} else if (lost_base(m)) {
		wrong(out, "base-changed", 0, xstrdup(base_lost));
	} else if (a->built.btf && !is_running(a, a->built.id)) {
		judge_by_built(a, m, loaded, out);
	} else if (!a->built.btf && m->id) {
		if (!is_running(a, m->id))
			wrong(out, "base-changed", 0, NULL);
	} else {
		out->verdict = a->built.btf ? V_NATIVE : V_UNPROVED;
		judge_by_itself(m, loaded, out);
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

/* Nobody looks at the names of parameters before relocation, which refuses one that is nowhere
 * only in this series.  Others take it; then it is no name.
 */
static void forget_lost_names(const struct btf *btf)
{
	u32 id, nr = btf_nr_types(btf), i;
	struct btf_param *p;
	struct btf_type *t;

	for (id = btf->start_id; id < nr; id++) {
		t = btf_type_by_id(btf, id);
		if (!btf_type_is_func_proto(t))
			continue;
		p = btf_params(t);
		for (i = 0; i < btf_type_vlen(t); i++) {
			tick();
			if (!btf_str(btf, p[i].name_off))
				p[i].name_off = 0;
		}
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
	return what;
}

/* btf_parse_module() as it was; find_module_sections() takes the first .BTF */
static void decide_stock(struct audit *a, const struct module *m, struct result *out)
{
	/* 6.1 does not know .BTF.base */
	bool relocates = m->base.data && knows(&a->rules, DISTILLED);
	struct btf btf = {}, dist = {};
	const char *what;
	int err;

	if (!m->split.size) {
		out->verdict = V_NONE;
		return;
	}
	if (a->running.problem) {
		drop(out, "no-vmlinux-btf");
		out->detail = xstrdup(a->running.problem);
		return;
	}
	err = parse(a, m, &btf, relocates ? &dist : NULL, out);
	what = !err && relocates ? check_relocatable(&btf) : NULL;
	if (err || what) {
		drop(out, "invalid");
		if (what || lost_base(m)) {
			xfree(out->detail);
			out->detail = xstrdup(what ?: base_lost);
		}
	} else if (!btf.nr_types) {
		out->verdict = V_NONE;
	} else if (!relocates) {
		judge(a, m, &btf, out);
	} else if (!dist.nr_types && has_refs(&btf)) {
		/* the ids begin behind void, and the kernel counts from 0 */
		wrong(out, "invalid", 0,
		      xstrdup("a distilled base without types, ids are off by one"));
	} else {
		forget_lost_names(&btf);
		err = dist.nr_types ? relocate(&btf, a->running.btf, &out->detail) : 0;
		/* this kernel follows them to their end */
		if (err == -ELOOP)
			give_up("more than 32 arrays in one another");
		if (err)
			drop(out, "relocation");
		else
			out->verdict = V_RELOCATED;
		if (!err && ids_in_lists(m))
			out->detail = xstrdup("ids in lists in .BTF_ids are not relocated");
	}
	btf_free(&btf);
	btf_free(&dist);
}

char *foreign(const struct audit *a, const struct module *m)
{
	return foreign_to(&a->running, "the kernel", m) ?:
	       a->built.btf ? foreign_to(&a->built, "--built-against", m) : NULL;
}

void decide(struct audit *a, const struct module *m, struct result *out)
{
	*out = (struct result){};
	btf_ptr_size = m->is32 ? 4 : 8;
	if (a->rules.patched)
		decide_patched(a, m, out);
	else
		decide_stock(a, m, out);
	if (out->verdict != V_NONE)
		return;
	if (m->split.size)
		out->detail = xstrdup("its BTF has no types");
	else if (!m->split.data && (m->id || m->distilled_id))
		out->detail = xstrdup("it had BTF when it was built, as its note says");
}
