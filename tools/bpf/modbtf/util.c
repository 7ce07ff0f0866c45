// SPDX-License-Identifier: GPL-2.0-only
/* Memory and strings */

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size ?: 1);
	if (!p)
		errx(2, "out of memory");
	return p;
}

char *xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(xrealloc(NULL, size), s, size);
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		errx(2, "out of memory");
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
		free(list->str[--list->nr]);
	free(list->str);
	list->str = NULL;
}

void id_print(char *out, const uint8_t *id)
{
	int i;

	for (i = 0; i < BASE_ID_SIZE; i++)
		sprintf(out + 2 * i, "%02x", id[i]);
}
