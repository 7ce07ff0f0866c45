// SPDX-License-Identifier: GPL-2.0-only
/*
 * Findings that somebody knows of.  A line of the file is
 *	MODULE VERDICT REASON...
 * MODULE is a name or a pattern as for the shell, VERDICT one of those that are
 * printed or *, REASON says why and has to be there.  # begins a comment.
 */

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"

#define MAX_FILE (16UL << 20)

/* The next word of *@p, or NULL */
static char *word(char **p)
{
	char *start = *p;

	while (isspace((unsigned char)*start))
		start++;
	*p = start;
	while (**p && !isspace((unsigned char)**p))
		(*p)++;
	if (**p)
		*(*p)++ = 0;
	return *start ? start : NULL;
}

static bool is_verdict(const char *s)
{
	int v;

	for (v = 0; v < NR_VERDICTS; v++)
		if (!strcmp(s, verdict_name(v, false)) || !strcmp(s, verdict_name(v, true)))
			return true;
	return !strcmp(s, "*");
}

char *suppressions_read(struct suppressions *s, const char *path)
{
	char *problem, *line, *next, *module, *verdict;
	unsigned int nr = 0;
	struct blob file;

	problem = read_file(path, MAX_FILE, &file);
	if (problem)
		return problem;
	file.data = xrealloc(file.data, file.size + 1);
	((char *)file.data)[file.size] = 0;
	for (next = file.data; (line = strsep(&next, "\n")) && !problem;) {
		nr++;
		module = word(&line);
		if (!module || *module == '#')
			continue;
		verdict = word(&line);
		while (isspace((unsigned char)*line))
			line++;
		if (!verdict || !is_verdict(verdict)) {
			problem = xasprintf("line %u: no verdict; it is MODULE VERDICT REASON", nr);
		} else if (!*line) {
			problem = xasprintf("line %u: no reason; it is MODULE VERDICT REASON", nr);
		} else {
			s->list = xrealloc(s->list, (s->nr + 1) * sizeof(*s->list));
			s->list[s->nr++] = (struct suppression){
				xstrdup(module), xstrdup(verdict), xstrdup(line), 0
			};
		}
	}
	free(file.data);
	return problem;
}

const char *suppressed(struct suppressions *s, const char *module, const char *verdict)
{
	size_t i;

	for (i = 0; i < s->nr; i++) {
		if (fnmatch(s->list[i].module, module, 0) ||
		    (strcmp(s->list[i].verdict, "*") && strcmp(s->list[i].verdict, verdict)))
			continue;
		s->list[i].used++;
		return s->list[i].reason;
	}
	return NULL;
}

void suppressions_free(struct suppressions *s)
{
	while (s->nr--) {
		free(s->list[s->nr].module);
		free(s->list[s->nr].verdict);
		free(s->list[s->nr].reason);
	}
	free(s->list);
	*s = (struct suppressions){};
}
