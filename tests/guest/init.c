// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the guest. Runs what guest= on the kernel command line says, with its
 * output on the device of result=, and ends it with the line "done: STATUS".
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
#include <test_progs.h>
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
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
}

static int shell(void)
{
	char *const argv[] = { "sh", "-l", NULL };
	int fd = open(getenv("terminal") ?: "", O_RDWR);

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

/* Upstream's own runner, as the script in /tests says */
static int upstream(void)
{
	char *const argv[] = { "sh", "/tests/run", NULL };

	if (!fork()) {
		setenv("PATH", "/bin", 1);
		execv("/bin/busybox", argv);
		perror(argv[1]);
		_exit(1);
	}
	return wait(NULL) < 0;
}

static void test_id(void)
{
	serial_test_btf_module_id();
	serial_test_btf_module_format();
}

/* A probe that is wrong does not leave out what needs the JIT */
static void test_jit(void)
{
	const char *can = getenv("jit") ?: "";

	if (!test__start_subtest("the JIT can do what scripts/arch.sh says"))
		return;
	ASSERT_EQ(kmod_jit_attaches(), !!strstr(can, "attach"), "attaches to functions");
	ASSERT_EQ(kmod_jit_calls(), !!strstr(can, "call"), "calls kfuncs");
}

static void test_check(void)
{
	test_jit();
	test_all_modules();
	if (has_param())	/* what these are about */
		test_strips();
	test_id();
	serial_test_btf_module_ids();
	serial_test_btf_module_refs();
}

static void test_strict(void) { test_default_mode("strict"); }
static void test_lenient(void) { test_default_mode("lenient"); }

static int probe(void) { return 0; }

static const struct {
	const char *name;
	void (*test)(void);
	int (*other)(void);
} whats[] = {
	{ "check", test_check },
	{ "fitting", test_fitting_modules },
	{ "modules", test_all_modules },
	{ "id", test_id },
	{ "ids", serial_test_btf_module_ids },
	{ "refs", serial_test_btf_module_refs },
	{ "core", serial_test_btf_module_core },
	{ "strips", test_strips },
	{ "distill", test_btf_distill },
	{ "dkms", test_dkms },
	{ "abi", test_abi },
	{ "strict", test_strict },
	{ "lenient", test_lenient },
	{ "cases", test_cases },
	{ "trampoline", test_trampoline },
	{ "faults", test_faults },
	{ "interplay", test_interplay },
	{ "signed", test_signed },
	{ "races", test_races },
	{ "mutate", test_mutations },
	{ "no-vmlinux-btf", test_no_vmlinux_btf },
	{ "upstream", .other = upstream },
	{ "demo", .other = demo },
	{ "bench", .other = bench },
	{ "shell", .other = shell },
	{ "probe", .other = probe },
};

static int run(const char *what)
{
	int i;

	for (i = 0; i < sizeof(whats) / sizeof(*whats); i++) {
		if (strcmp(what, whats[i].name))
			continue;
		if (whats[i].other)
			return whats[i].other();
		if (!whats[i].test) {
			fprintf(stderr, "guest=%s: left out, there was no clang\n", what);
			return 2;
		}
		whats[i].test();
		test_leaks();
		return test__finish();
	}
	fprintf(stderr, "guest=%s: not known\n", what);
	return 2;
}

/* What gcov counted, as a tar archive on the device of coverage= */
static void dump_coverage(void)
{
	char *const argv[] = { "tar", "-C", "/tmp", "-cf", "-", "gcov", NULL };
	char *const copy[] = { "cp", "-r", "/sys/kernel/debug/gcov", "/tmp/gcov", NULL };
	struct termios raw;
	int fd, status;

	if (access("/sys/kernel/debug/gcov", F_OK))
		return;
	fd = open(getenv("coverage") ?: "", O_WRONLY | O_NOCTTY);
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
	fd = open(getenv("result") ?: "", O_WRONLY | O_NOCTTY);
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
	tcdrain(fd);	/* a reset loses what the device has not sent yet */
	sync();
	reboot(RB_AUTOBOOT);
	return 0;
}
