// SPDX-License-Identifier: GPL-2.0-only
/*
 * btf_relocate(), which libbpf and the kernel share.  The only file that knows
 * struct btf of libbpf; the others know that of the kernel.
 */

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <bpf/libbpf_internal.h>
#include "modbtf.h"

struct relo_base {
	struct blob raw;
	struct btf *btf;	/* made when it is first needed */
	pthread_mutex_t lock;	/* libbpf builds an index when it is first asked */
};

/* The first line that libbpf has said, of the thread that has the lock */
static char *said;

static int keep_first(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level == LIBBPF_WARN && !said && vasprintf(&said, fmt, args) < 0)
		said = NULL;
	return 0;
}

struct relo_base *relo_base_new(const void *data, size_t size)
{
	struct relo_base *b = xrealloc(NULL, sizeof(*b));

	*b = (struct relo_base){ .raw = { (void *)data, size } };
	pthread_mutex_init(&b->lock, NULL);
	libbpf_set_print(keep_first);
	return b;
}

void relo_base_free(struct relo_base *b)
{
	if (!b)
		return;
	btf__free(b->btf);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* What libbpf says begins with "libbpf: " and ends with a new line */
static char *trimmed(char *s)
{
	char *end;

	if (!s)
		return NULL;
	end = strchrnul(s, '\n');
	*end = 0;
	if (!strncmp(s, "libbpf: ", 8))
		memmove(s, s + 8, end - s - 7);
	return s;
}

int relocate(struct relo_base *b, struct blob dist, struct blob split, struct blob *out,
	     __u32 **map, __u32 *nr, char **why)
{
	struct btf *dist_btf = NULL, *btf = NULL;
	const void *raw;
	__u32 size;
	int err;

	*out = (struct blob){};
	*map = NULL;
	*why = NULL;
	pthread_mutex_lock(&b->lock);
	if (!b->btf)
		b->btf = btf__new(b->raw.data, b->raw.size);
	if (b->btf)
		dist_btf = btf__new(dist.data, dist.size);
	if (dist_btf)
		btf = btf__new_split(split.data, split.size, dist_btf);
	err = btf ? 0 : -errno;
	if (!err) {
		*nr = btf__type_cnt(btf);
		err = btf_relocate(btf, b->btf, map);
	}
	if (!err) {
		raw = btf__raw_data(btf, &size);
		if (raw) {
			out->data = memcpy(xrealloc(NULL, size), raw, size);
			out->size = size;
		} else {
			err = -ENOMEM;
		}
	}
	btf__free(btf);
	btf__free(dist_btf);
	*why = trimmed(said);
	said = NULL;
	pthread_mutex_unlock(&b->lock);
	return err;
}
