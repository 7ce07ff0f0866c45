// SPDX-License-Identifier: GPL-2.0-only
/*
 * The demonstration: loads each module of /tests/demo, lines of path, whether its
 * BTF is right or wrong, and a name, in each mode that this kernel has. A line of the
 * result: right or wrong, name, mode, what the load returned, what became of the BTF,
 * and each line of the kernel about it; tabs between them.
 */
#include <fcntl.h>
#include <test_progs.h>
#include "guest.h"

/* What the log has about refused or dropped BTF, from the position of @fd on */
static void print_log(int fd)
{
	char buf[2048], *text;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		buf[n] = 0;
		text = strchr(buf, ';');
		if (!text || (!strstr(text, "failed to validate module [") &&
			      !strstr(text, "] loads without BTF (") && !strstr(text, "] BTF: ")))
			continue;
		text++;
		text[strcspn(text, "\n")] = 0;
		printf("\t%s", text);
	}
}

static void load(const char *path, const char *what, const char *mode)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), err;
	char name[128];
	const char *base = strrchr(path, '/') + 1;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	lseek(fd, 0, SEEK_END);
	err = load_with_deps(path);
	printf("%s\t%s\t%d\t%s", what, mode, err, err ? "-" : btf_status(name));
	print_log(fd);
	printf("\n");
	close(fd);
	unload_all();
}

int demo(void)
{
	const char *only = getenv("mode");
	char line[512], *what;
	FILE *f = fopen("demo", "r");

	if (!f)
		return 1;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		what = strchr(line, '\t');
		if (!what)
			continue;
		*what++ = 0;
		if (!set_param("strict")) {
			load(line, what, "strict");
			set_param("lenient");
			load(line, what, "lenient");
		} else {
			load(line, what, only ?: "?");
		}
	}
	fclose(f);
	return 0;
}
