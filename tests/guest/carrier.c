// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 that asks the running kernel what it makes of the BTF of modules. Each file in
 * /carriers/SET is the same module under other BTF, see tests/guest/carriers.c; template= on
 * the kernel command line is what the module is called. Each is loaded and unloaded.
 *
 * Prints a line for each on result=, and "done: 0" at the end:
 *	SET/FILE STATE
 * STATE is the word in /sys/module/NAME/btf, and after it that in strict mode; or, of a
 * kernel that has none, "used", "changed" (used, and not what is in the file), "dropped".
 * "refused" is one with an error for BTF, "refused:ERROR" one with an error that is not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define MAX_FILE (64 << 20)
#define PARAM "/sys/module/module/parameters/btf_mismatch"

static const char *name;
static char file[MAX_FILE], btf[MAX_FILE];

/* All of a file; its size, or -1 if there is none */
static ssize_t slurp(const char *path, char *buf)
{
	int fd = open(path, O_RDONLY);
	ssize_t n, size = 0;

	if (fd < 0)
		return -1;
	while ((n = read(fd, buf + size, MAX_FILE - size)) > 0)
		size += n;
	close(fd);
	return size;
}

static void set_mode(const char *mode)
{
	int fd = open(PARAM, O_WRONLY);

	if (fd >= 0 && write(fd, mode, strlen(mode)) < 0)
		printf("# mode %s: %s\n", mode, strerror(errno));
	close(fd);
}

static bool is_for_btf(int err)
{
	switch (err) {
	case EINVAL:
	case ENOENT:
	case E2BIG:
	case ELOOP:
	case EOPNOTSUPP:
	case 524:	/* ENOTSUPP */
		return true;
	}
	return false;
}

static const char *state(size_t size)
{
	static char word[128];
	char path[256];
	ssize_t n;

	if (syscall(__NR_init_module, file, size, "")) {
		if (is_for_btf(errno))
			return "refused";
		snprintf(word, sizeof(word), "refused:%d", errno);
		return word;
	}
	snprintf(path, sizeof(path), "/sys/module/%s/btf", name);
	n = slurp(path, btf);
	if (n >= 0) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(btf, "\n"), btf);
	} else {
		snprintf(path, sizeof(path), "/sys/kernel/btf/%s", name);
		n = slurp(path, btf);
		/* if it is relocated, it has to be changed */
		strcpy(word, n < 0 ? "dropped" : memmem(file, size, btf, n) ||
			     memmem(file, size, ".BTF.base", 9) ? "used" : "changed");
	}
	if (syscall(__NR_delete_module, name, O_NONBLOCK))
		printf("# does not unload: %s\n", strerror(errno));
	return word;
}

static void ask(const char *set, bool modes)
{
	struct dirent **files;
	char path[512];
	ssize_t size;
	int i, n;

	snprintf(path, sizeof(path), "/carriers/%s", set);
	n = scandir(path, &files, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (files[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/carriers/%s/%s", set, files[i]->d_name);
		size = slurp(path, file);
		set_mode("lenient");
		printf("%s/%s %s", set, files[i]->d_name, state(size));
		set_mode("strict");
		printf("%s%s\n", modes ? " " : "", modes ? state(size) : "");
	}
}

int main(void)
{
	struct dirent **sets;
	int i, n, fd;

	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open(getenv("result") ?: "", O_WRONLY);
	dup2(fd, 1);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	name = getenv("template");
	n = scandir("/carriers", &sets, NULL, alphasort);
	for (i = 0; i < n; i++)
		if (sets[i]->d_name[0] != '.')
			ask(sets[i]->d_name, !access(PARAM, F_OK));
	puts("done: 0");
	fflush(stdout);
	tcdrain(1);
	reboot(RB_AUTOBOOT);
	return 0;
}
