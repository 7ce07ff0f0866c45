// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tools/lib/bpf/btf_relocate.c, which is part of the kernel, needs besides
 * kernel.h: an index of the base, and somebody who hears its complaints.
 */

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* The first complaint of this thread */
static __thread char *said;

void modbtf_warn(const char *fmt, ...)
{
	char *line, *start;
	va_list args;

	va_start(args, fmt);
	if (!said) {
		line = xvasprintf(fmt, args);
		/* behind the name of the module */
		start = strstr(line, "BTF: ");
		start += strlen("BTF: ");
		/* with a name in it, which has no limit */
		said = xasprintf("%.*s", (int)strnlen(start, 2 * NAME_LEN), start);
		said[strcspn(said, "\n")] = 0;
		xfree(line);
	}
	va_end(args);
}

static int cmp_name(const void *a, const void *b, void *btf)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int diff = strncmp(btf_str(btf, btf_type_by_id(btf, x)->name_off),
			   btf_str(btf, btf_type_by_id(btf, y)->name_off), NAME_LEN);

	return diff ?: x < y ? -1 : x > y;
}

/* The types of a base that have names, in the order of these.  Made when it is first
 * asked for, by whichever thread, which is why it is in no arena.  Returns how many, or
 * -ENOMEM.
 */
int btf_ids_by_name(const struct btf *btf, const u32 **ids)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct btf *b = (struct btf *)btf;
	u32 id;

	pthread_mutex_lock(&lock);
	if (!b->by_name) {
		b->by_name = calloc(b->nr_types, sizeof(*b->by_name));
		for (id = 1; b->by_name && id < b->nr_types; id++)
			if (btf_type_by_id(b, id)->name_off)
				b->by_name[b->nr_named++] = id;
		if (b->by_name)
			qsort_r(b->by_name, b->nr_named, sizeof(id), cmp_name, b);
	}
	pthread_mutex_unlock(&lock);
	*ids = b->by_name;
	return b->by_name ? b->nr_named : -ENOMEM;
}

void btf_set_base_btf(struct btf *btf, const struct btf *base)
{
	btf->base_btf = (struct btf *)base;
	btf->start_id = btf_nr_types(base);
	btf->start_str_off = base->hdr.str_len;
}

int relocate(struct btf *btf, const struct btf *base, __u32 **map, char **why)
{
	int err;

	said = NULL;
	err = btf_relocate(btf, base, map);
	*why = said;
	/* no verdict */
	if (err == -ENOMEM)
		give_up("out of memory");
	return err;
}
