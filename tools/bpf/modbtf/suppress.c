// SPDX-License-Identifier: GPL-2.0-only
/*
 * Findings that somebody knows of, a line each:
 *	PACKAGE PATH MODULE VERDICT REASON [# comment]
 * A field has no byte but [A-Za-z0-9_./+~:@,=-]; others are \xNN.  In a field * stands for
 * any text and % for a number, which no name can forge: there they are \x2a and \x25.
 * --write-suppressions makes numbers in PACKAGE %, so that the next release fits.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"
#include "report.h"

#define SPACE " \t\r\n"

static bool is_plain(unsigned char c)
{
	return isalnum(c) || (c && strchr("_./+~:@,=-", c));
}

/* @s as a field, for xfree(); @any_number: with % for each number */
static char *to_field(const char *s, bool any_number)
{
	char *field = xrealloc(NULL, 4 * strlen(s) + 5), *end = field;

	/* no text is not the text - */
	if (!*s)
		return memcpy(field, "-", 2);
	if (!strcmp(s, "-"))
		return memcpy(field, "\\x2d", 5);
	while (*s) {
		if (any_number && isdigit((unsigned char)*s)) {
			*end++ = '%';
			s += strspn(s, "0123456789");
		} else if (is_plain(*s)) {
			*end++ = *s++;
		} else {
			end += sprintf(end, "\\x%02x", (unsigned char)*s++);
		}
	}
	*end = 0;
	return field;
}

/* The fields of a finding, for xfree() */
static void to_fields(char **field, const struct place *place, const char *module,
		      const struct result *res, bool any_number)
{
	field[0] = to_field(place->package ?: "", any_number);
	field[1] = to_field(place->path, false);
	field[2] = to_field(module, false);
	field[3] = to_field(verdict_name(res->verdict, false), false);
	field[4] = to_field(res->reason ?: "", false);
}

static void free_fields(char **field)
{
	int i;

	for (i = 0; i < 5; i++)
		xfree(field[i]);
}

char *suppression_line(const struct place *place, const char *module, const struct result *res)
{
	char *field[5], *line;

	to_fields(field, place, module, res, true);
	line = xasprintf("%s %s %s %s %s", field[0], field[1], field[2], field[3], field[4]);
	free_fields(field);
	return line;
}

static bool fits(const char *pattern, const char *s)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = pattern++;
			retry = s;
		} else if (*pattern == '%' && isdigit((unsigned char)*s)) {
			pattern++;
			s += strspn(s, "0123456789");
		} else if (*pattern == *s && *s) {
			pattern++;
			s++;
		} else if (!*pattern && !*s) {
			return true;
		} else if (star && *retry) {
			pattern = star + 1;
			s = ++retry;
		} else {
			return false;
		}
	}
}

struct suppression *suppressed(struct suppressions *s, const struct place *place,
			       const char *module, const struct result *res)
{
	struct suppression *found = NULL;
	char *field[5];
	size_t i;
	int f;

	if (!s->nr)
		return NULL;
	to_fields(field, place, module, res, false);
	for (i = 0; i < s->nr; i++) {
		for (f = 0; f < 5 && fits(s->list[i].field[f], field[f]); f++)
			;
		if (f < 5)
			continue;
		s->list[i].used++;
		found = found ?: s->list + i;
	}
	free_fields(field);
	return found;
}

static bool is_verdict(const char *s)
{
	int v;

	for (v = 0; v < NR_VERDICTS; v++)
		if (!strcmp(s, verdict_name(v, false)))
			return true;
	return !strcmp(s, "*");
}

/* What is wrong with a field, or NULL */
static const char *check_field(const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) &&
		    isxdigit((unsigned char)s[3]) && !isupper((unsigned char)s[2]) &&
		    !isupper((unsigned char)s[3]))
			s += 3;
		else if (!is_plain(*s) && *s != '*' && *s != '%')
			return "a byte that has to be escaped, see modbtf(8)";
	}
	return NULL;
}

/* Line @line of the file.  NULL, or what is wrong with it, for xfree() */
static char *parse_line(struct suppressions *s, char *line, unsigned int nr)
{
	struct suppression new = { .line = nr };
	const char *problem = NULL;
	char *word, *end;
	int f;

	for (f = 0; f < 5; f++) {
		line += strspn(line, SPACE);
		if (*line == '#' && !f)
			return NULL;
		word = line;
		line += strcspn(line, SPACE);
		if (line == word)
			return !f ? NULL :
			       xasprintf("%d field%s, expected 5: %s", f, f == 1 ? "" : "s",
					 "PACKAGE PATH MODULE VERDICT REASON");
		if (*line)
			*line++ = 0;
		problem = check_field(word);
		if (problem)
			return xstrdup(problem);
		new.field[f] = word;
	}
	/* refused is what --strict calls it */
	if (!strcmp(new.field[3], "refused"))
		new.field[3] = "dropped";
	if (!is_verdict(new.field[3]))
		return xasprintf("%s is no verdict: PACKAGE PATH MODULE VERDICT REASON",
				 new.field[3]);
	line += strspn(line, SPACE);
	if (*line && *line != '#')
		return xstrdup("more than 5 fields; a comment begins with #");
	for (end = line + strlen(line); end > line && strchr(SPACE, end[-1]); end--)
		end[-1] = 0;
	for (f = 0; f < 5; f++)
		new.field[f] = xstrdup(new.field[f]);
	if (*line)
		new.comment = xstrdup(line + 1 + strspn(line + 1, SPACE));
	/* powers of two: room for more is made when it is one */
	if (!(s->nr & (s->nr - 1)))
		s->list = xrealloc(s->list, (s->nr ? 2 * s->nr : 1) * sizeof(new));
	s->list[s->nr++] = new;
	return NULL;
}

char *suppressions_parse(struct suppressions *s, struct blob file)
{
	char *text = xrealloc(NULL, file.size + 1), *next = text, *line;
	char *problem = NULL, *ret;
	unsigned int nr = 0;

	memcpy(text, file.data, file.size);
	text[file.size] = 0;
	if (strlen(text) != file.size) {
		xfree(text);
		return xstrdup("no text");
	}
	while (!problem && (line = strsep(&next, "\n")))
		problem = parse_line(s, line, ++nr);
	xfree(text);
	ret = problem ? xasprintf("line %u: %s", nr, problem) : NULL;
	xfree(problem);
	return ret;
}

void suppressions_free(struct suppressions *s)
{
	while (s->nr--) {
		free_fields(s->list[s->nr].field);
		xfree(s->list[s->nr].comment);
	}
	xfree(s->list);
	*s = (struct suppressions){};
}
