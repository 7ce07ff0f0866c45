// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that modbtf prints.  Names come from files that nobody trusts: each string is
 * escaped for the format it is printed in, and each write is checked.
 */

#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modbtf.h"

static enum format format;
static bool colour;
/* of a format that begins with what is known at the end */
static struct blob body;
static size_t body_room;
static FILE *file;

/* What is written to @file then; there is no error but the end */
static ssize_t keep(void *unused, const char *buf, size_t size)
{
	if (size > body_room - body.size) {
		body_room = 2 * body_room + size;
		body.data = xrealloc(body.data, body_room);
	}
	memcpy(body.data + body.size, buf, size);
	body.size += size;
	return size;
}

void out_begin(enum format f, bool later)
{
	format = f;
	colour = f == F_TEXT && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	file = later ? fopencookie(NULL, "w", (cookie_io_functions_t){ .write = keep }) : stdout;
	if (!file)
		die("out of memory");
}

void out_now(void)
{
	if (file != stdout)
		fclose(file);
	file = stdout;
}

void out_kept(void)
{
	if (body.size)
		fwrite(body.data, 1, body.size, stdout);
	xfree(body.data);
	body = (struct blob){};
	body_room = 0;
}

void out_to(FILE *to, enum format f)
{
	file = to;
	format = f;
}

void out_raw(const char *text, size_t size)
{
	fwrite(text, 1, size, file);
}

int out_end(int status)
{
	out_now();
	if (fflush(stdout) | ferror(stdout)) {
		complain("cannot write the report");
		status = 2;
	}
	xfree(body.data);
	body = (struct blob){};
	return status;
}

/* What means something in a format, besides what is not printable */
static const char * const special[] = {
	[F_TEXT] = "\\", [F_JSON] = "\\", [F_KTAP] = "\\#", [F_JUNIT] = "\\&<>\"'",
	[F_MARKDOWN] = "\\&<>`*_[]|~#", [F_HTML] = "\\&<>\"'",
};

/* Returns how many columns it takes */
static int put_char(FILE *to, unsigned char c, enum format f)
{
	if (c < 0x20 || c >= 0x7f)
		return fprintf(to, f == F_MARKDOWN ? "\\\\x%02x" : "\\x%02x", c);
	if (!strchr(special[f], c)) {
		fputc(c, to);
		return 1;
	}
	if (f == F_KTAP && c == '#')
		return fprintf(to, "\\x%02x", c);
	if (c == '\\')
		fputs("\\\\", to);
	else if (f == F_MARKDOWN && !strchr("&<>", c))
		fprintf(to, "\\%c", c);
	else
		fprintf(to, "&#%u;", c);
	return c == '\\' ? 2 : 1;
}

/* In @width columns, on the left if that is negative */
static void put_escaped(FILE *to, const char *s, enum format f, int width)
{
	int len = 0;

	for (; *s; s++)
		len += put_char(to, *s, f);
	while (len++ < -width)
		fputc(' ', to);
}

/* As vfprintf(), but each %s is escaped; knows %s, %u, %d, %zu, %lu and %%.  A width is a number
 * or *, behind a - for %s.
 */
static void put(FILE *to, enum format f, const char *fmt, va_list args)
{
	const char *end;
	int width;

	for (; *fmt; fmt = end + 1) {
		end = strchrnul(fmt, '%');
		fwrite(fmt, 1, end - fmt, to);
		if (!*end)
			return;
		end++;
		if (end[0] == '*' || (end[0] == '-' && end[1] == '*')) {
			width = va_arg(args, int);
			width = *end == '-' ? -width : width;
			end += 1 + (*end == '-');
		} else {
			width = strtol(end, (char **)&end, 10);
		}
		if (*end == 's')
			put_escaped(to, va_arg(args, const char *), f, width);
		else if (*end == 'u')
			fprintf(to, "%*u", width, va_arg(args, unsigned int));
		else if (*end == 'd')
			fprintf(to, "%*d", width, va_arg(args, int));
		else if (*end == '%')
			fputc('%', to);
		else if (*end == 'z' && *++end == 'u')
			fprintf(to, "%*zu", width, va_arg(args, size_t));
		else if (*end == 'l' && *++end == 'u')
			fprintf(to, "%*lu", width, va_arg(args, unsigned long));
		else
			abort();	/* only by a format of our own */
	}
}

void out(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put(file, format, fmt, args);
	va_end(args);
}

void out_colour(enum colour c)
{
	static const char * const codes[] = { "\033[0m", "\033[31m", "\033[33m" };

	if (colour)
		fputs(codes[c], file);
}

static void vcomplain(const char *fmt, va_list args)
{
	char *text = NULL;
	size_t size;
	FILE *line = open_memstream(&text, &size);

	/* in one write, so that threads and processes do not mix */
	fputs("modbtf: ", line ?: stderr);
	put(line ?: stderr, F_TEXT, fmt, args);
	fputc('\n', line ?: stderr);
	if (line && !fclose(line))
		fwrite(text, 1, size, stderr);
	free(text);
}

void complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vcomplain(fmt, args);
	va_end(args);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vcomplain(fmt, args);
	va_end(args);
	fflush(stdout);
	/* without what exit() does: other threads may be at work */
	_exit(2);
}

/* Bytes of the character of UTF-8 at @s, 0 if there is none */
static unsigned int utf8_len(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int len, i;
	uint32_t c;

	if (*s < 0x80)
		return 1;
	len = *s >= 0xf0 && *s < 0xf8 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc0 ? 2 : 0;
	if (!len || *s >= 0xf8)
		return 0;
	c = *s & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
}

struct json_object *json_checked(struct json_object *o)
{
	if (!o)
		die("out of memory");
	return o;
}

/* @s as UTF-8, for xfree(): U+FFFD for each byte that is none */
static char *to_utf8(const char *s)
{
	char *copy = xrealloc(NULL, 3 * strlen(s) + 1), *end = copy;
	unsigned int len;

	while (*s) {
		len = utf8_len((const unsigned char *)s);
		if (len) {
			end = mempcpy(end, s, len);
			s += len;
		} else {
			end = mempcpy(end, "\xef\xbf\xbd", 3);
			s++;
		}
	}
	*end = 0;
	return copy;
}

static struct json_object *json_text(const char *s)
{
	char *copy = to_utf8(s);
	struct json_object *o = json_checked(json_object_new_string(copy));

	xfree(copy);
	return o;
}

void json_add(struct json_object *o, const char *key, struct json_object *value)
{
	char *name = to_utf8(key);

	if (json_object_object_add(o, name, json_checked(value)))
		die("out of memory");
	xfree(name);
}

void json_str(struct json_object *o, const char *key, const char *s)
{
	if (s)
		json_add(o, key, json_text(s));
}

void json_list(struct json_object *o, const char *key, const struct strings *list)
{
	struct json_object *a = json_checked(json_object_new_array());
	size_t i;

	for (i = 0; i < list->nr; i++)
		if (json_object_array_add(a, json_text(list->str[i])))
			die("out of memory");
	json_add(o, key, a);
}

/* JSON in ASCII: beyond it are characters that a terminal obeys */
static void put_ascii(const unsigned char *s)
{
	unsigned int len, i;
	uint32_t c;

	for (; *s; s += len) {
		len = utf8_len(s);
		c = len > 1 ? *s & (0x7f >> len) : *s;
		for (i = 1; i < len; i++)
			c = c << 6 | (s[i] & 0x3f);
		if (c < 0x7f)
			fputc(c, file);
		else if (c < 0x10000)
			fprintf(file, "\\u%04x", c);
		else
			fprintf(file, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
				0xdc00 + (c & 0x3ff));
	}
}

void json_line(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text)
		die("out of memory");
	put_ascii((const unsigned char *)text);
	fputc('\n', file);
	json_object_put(o);
}
