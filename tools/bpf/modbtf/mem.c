// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory.  What is allocated while a module is looked at belongs to an arena, and is freed
 * with it.  An arena that reaches a limit, of memory or of time, is left by longjmp(): the
 * module is trouble, the run goes on.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"

struct block {
	struct block *prev, *next;
	struct arena *arena;
	size_t size;
} __aligned(16);

static __thread struct arena *current;
static __thread bool full;	/* the arena was, not the machine */
static size_t plain_used;	/* outside of arenas */

void give_up(const char *fmt, ...)
{
	struct arena *a = current;
	char text[sizeof(a->problem)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if ((!a || !a->leave) && work_name())
		die("%s: %s", work_name(), text);
	if (!a || !a->leave)
		die("%s", text);
	memcpy(a->problem, text, sizeof(text));
	longjmp(*a->leave, 1);
}

struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		die("out of memory");
	return a;
}

void arena_enter(struct arena *a, jmp_buf *leave)
{
	a->leave = leave;
	current = a;
	module_time_start();
}

void arena_leave(void)
{
	current->leave = NULL;
	current = NULL;
	module_time_end();
}

void arena_empty(struct arena *a)
{
	struct block *b, *next;

	for (b = a->blocks; b; b = next) {
		next = b->next;
		xfree(b + 1);
	}
}

void arena_free(struct arena *a)
{
	if (a)
		arena_empty(a);
	free(a);
}

static size_t arena_left(const struct arena *a)
{
	/* what was adopted may be more */
	return a->used < limits.module_memory ? limits.module_memory - a->used : 0;
}

size_t mem_left(void)
{
	return current ? arena_left(current) : limits.total_memory;
}

/* Put @b in front of the list */
static void arena_add(struct arena *a, struct block *b)
{
	b->arena = a;
	b->prev = NULL;
	b->next = a->blocks;
	if (a->blocks)
		a->blocks->prev = b;
	a->blocks = b;
}

void arena_adopt(struct arena *a, void *p)
{
	struct block *b = (struct block *)p - 1;

	if (!p || b->arena)
		return;
	__atomic_sub_fetch(&plain_used, sizeof(*b) + b->size, __ATOMIC_RELAXED);
	arena_add(a, b);
	a->used += sizeof(*b) + b->size;
}

static size_t block_size(const struct block *b)
{
	return b ? sizeof(*b) + b->size : 0;
}

void *try_realloc(void *p, size_t size)
{
	struct block *b = p ? (struct block *)p - 1 : NULL, *new;
	struct arena *a = b ? b->arena : current;
	size_t before = block_size(b);

	full = true;
	if (size > SIZE_MAX - sizeof(*b))
		return NULL;
	if (a && size + sizeof(*b) > before &&
	    size + sizeof(*b) - before > arena_left(a))
		return NULL;
	full = false;
	new = realloc(b, size + sizeof(*b));
	if (!new)
		return NULL;
	new->size = size;
	if (a)
		a->used += block_size(new) - before;
	else
		__atomic_add_fetch(&plain_used, block_size(new) - before, __ATOMIC_RELAXED);
	if (!b && a) {
		arena_add(a, new);
	} else if (!b) {
		new->arena = NULL;
	} else if (a) {
		/* it may have moved */
		if (new->next)
			new->next->prev = new;
		*(new->prev ? &new->prev->next : &a->blocks) = new;
	}
	return new + 1;
}

static const char mem_module[] = "takes more than --module-memory=%zu MB";
static const char mem_total[] = "takes more than --total-memory=%zu MB";

char *mem_problem(void)
{
	return full && current ? xasprintf(mem_module, limits.module_memory >> 20) :
				 xasprintf(mem_total, limits.total_memory >> 20);
}

size_t mem_used(void)
{
	return __atomic_load_n(&plain_used, __ATOMIC_RELAXED);
}

void *xrealloc(void *p, size_t size)
{
	void *new = try_realloc(p, size);

	if (!new && current && full)
		give_up(mem_module, limits.module_memory >> 20);
	if (!new)
		give_up(mem_total, limits.total_memory >> 20);
	return new;
}

void *xcalloc(size_t nr, size_t size)
{
	if (size && nr > SIZE_MAX / size)
		nr = SIZE_MAX / size;	/* which there is not */
	return memset(xrealloc(NULL, nr * size), 0, nr * size);
}

void xfree(void *p)
{
	struct block *b = p ? (struct block *)p - 1 : NULL;

	if (!b)
		return;
	if (b->arena) {
		b->arena->used -= block_size(b);
		if (b->next)
			b->next->prev = b->prev;
		if (b->prev)
			b->prev->next = b->next;
		else
			b->arena->blocks = b->next;
	} else {
		__atomic_sub_fetch(&plain_used, block_size(b), __ATOMIC_RELAXED);
	}
	free(b);
}

char *xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(xrealloc(NULL, size), s, size);
}

char *xvasprintf(const char *fmt, va_list args)
{
	va_list again;
	char *s;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		give_up("a text of more than 2 GB");
	s = xrealloc(NULL, len + 1);
	vsnprintf(s, len + 1, fmt, args);
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = xvasprintf(fmt, args);
	va_end(args);
	return s;
}

void strings_add(struct strings *list, char *str)
{
	/* powers of two: room for more is made when it is one */
	if (!(list->nr & (list->nr - 1)))
		list->str = xrealloc(list->str, (list->nr ? 2 * list->nr : 1) * sizeof(char *));
	list->str[list->nr++] = str;
}

void strings_free(struct strings *list)
{
	while (list->nr)
		xfree(list->str[--list->nr]);
	xfree(list->str);
	*list = (struct strings){};
}

void id_print(char *out, const uint8_t *id)
{
	int i;

	for (i = 0; i < BTF_BASE_ID_SIZE; i++)
		sprintf(out + 2 * i, "%02x", id[i]);
}
