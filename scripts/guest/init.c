// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the guest. Runs what guest= on the kernel command line says, with its
 * output on the second serial port, and ends it with the line "done: STATUS".
 * A panic, a hang or a lost process leave no such line: silence is failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "guest.h"

static void mount_all(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/tmp", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
}

static int shell(void)
{
	char *const argv[] = { "sh", "-l", NULL };
	int fd = open("/dev/ttyS0", O_RDWR);

	setsid();
	ioctl(fd, TIOCSCTTY, 0);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	setenv("PATH", "/bin", 1);
	setenv("HOME", "/tests", 1);
	setenv("PS1", "guest:\\w# ", 1);
	chdir("/tests");
	execv("/bin/busybox", argv);
	return 1;
}

static int run(const char *what)
{
	if (!strcmp(what, "demo"))
		return demo();
	if (!strcmp(what, "shell"))
		return shell();
	if (!strcmp(what, "probe"))
		return 0;

	if (!strcmp(what, "check")) {
		test_all_modules();
		test_btf_module_mismatch();
	} else if (!strcmp(what, "modules")) {
		test_all_modules();
	} else if (!strcmp(what, "strict") || !strcmp(what, "lenient")) {
		test_default_mode(what);
	} else if (!strcmp(what, "faults")) {
		test_faults();
	} else if (!strcmp(what, "interplay")) {
		test_interplay();
	} else if (!strcmp(what, "signed")) {
		test_signed();
	} else if (!strcmp(what, "races")) {
		test_races(atoi(getenv("seconds") ?: "120"));
	} else {
		fprintf(stderr, "guest=%s: not known\n", what);
		return 2;
	}
	test_leaks();
	return test__finish();
}

/* What gcov counted, as a tar archive on the third serial port */
static void dump_coverage(void)
{
	char *const argv[] = { "tar", "-C", "/tmp", "-cf", "-", "gcov", NULL };
	char *const copy[] = { "cp", "-r", "/sys/kernel/debug/gcov", "/tmp/gcov", NULL };
	struct termios raw;
	int fd, status;

	if (access("/sys/kernel/debug/gcov", F_OK))
		return;
	fd = open("/dev/ttyS2", O_WRONLY | O_NOCTTY);
	if (fd < 0)
		return;
	if (!fork()) {
		execv("/bin/busybox", copy);
		_exit(1);
	}
	wait(&status);
	tcgetattr(fd, &raw);
	cfmakeraw(&raw);
	tcsetattr(fd, TCSANOW, &raw);
	if (!fork()) {
		dup2(fd, 1);
		execv("/bin/busybox", argv);
		_exit(1);
	}
	wait(&status);
	tcdrain(fd);
	close(fd);
}

int main(void)
{
	const char *what = getenv("guest");
	int fd, status = 1;
	pid_t pid;

	mount_all();
	fd = open("/dev/ttyS1", O_WRONLY);
	pid = fork();
	if (!pid) {
		if (fd >= 0) {
			dup2(fd, 1);
			dup2(fd, 2);
		}
		setlinebuf(stdout);
		chdir("/tests");
		status = run(what ?: "shell");
		dump_coverage();
		exit(!!status);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	dprintf(fd, "done: %d\n", status);
	fsync(fd);
	sync();
	reboot(RB_AUTOBOOT);
	return 0;
}
