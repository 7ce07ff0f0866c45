// SPDX-License-Identifier: GPL-2.0-only
/*
 * Give up what modbtf does not need before the first byte of a file is read: to execute,
 * to write to files, the network, other processes.  Landlock and seccomp, where the kernel
 * has them; without them the run goes on, as everything here is meant to be safe by itself.
 */

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modbtf.h"

/* Rights that are handled and granted to no file are gone */
static void forbid_writing(void)
{
	/* all of the first version, but for reading; newer kernels have more */
	uint64_t fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
	struct landlock_ruleset_attr attr;
	int abi, fd;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return;
	if (abi >= 2)
		fs |= 1ULL << 13;	/* LANDLOCK_ACCESS_FS_REFER */
	if (abi >= 3)
		fs |= 1ULL << 14;	/* LANDLOCK_ACCESS_FS_TRUNCATE */
	fs &= ~(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
	attr = (struct landlock_ruleset_attr){ .handled_access_fs = fs };
	fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return;
	syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
}

/* System calls that are left.  Others fail with EPERM */
static const int allowed[] = {
	/* files that are open, or are opened to be read */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64), SCMP_SYS(fadvise64), SCMP_SYS(fadvise64_64), SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* looking at files and directories */
	SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(fstat),
	SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx),
	SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(statfs64), SCMP_SYS(fstatfs64),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(getdents), SCMP_SYS(getdents64),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(membarrier),
	/* threads, signals, time */
	SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(set_tid_address), SCMP_SYS(futex), SCMP_SYS(futex_time64),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(gettid), SCMP_SYS(getpid),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(fsync),
	SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
#ifdef __SANITIZE_ADDRESS__
	/* the search for leaks at the end stops all threads from another process */
	SCMP_SYS(ptrace), SCMP_SYS(wait4), SCMP_SYS(prctl), SCMP_SYS(getppid), SCMP_SYS(pipe2),
	SCMP_SYS(prlimit64),
#endif
};

static bool allow(scmp_filter_ctx ctx)
{
	const unsigned int not_to_read = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	struct scmp_arg_cmp flags1 = SCMP_A1(SCMP_CMP_MASKED_EQ, not_to_read, O_RDONLY);
	struct scmp_arg_cmp flags2 = SCMP_A2(SCMP_CMP_MASKED_EQ, not_to_read, O_RDONLY);
	/* isatty() */
	struct scmp_arg_cmp tcgets = SCMP_A1(SCMP_CMP_EQ, TCGETS);
	struct scmp_arg_cmp tcgets2 = SCMP_A1(SCMP_CMP_EQ, TCGETS2);
	/* abort() */
	struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, getpid());
	size_t i;

	for (i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		/* a negative number: this architecture has no such call */
		if (allowed[i] >= 0 && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0))
			return false;
	return !seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &tcgets) &&
	       !seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &tcgets2) &&
	       !seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self) &&
	       (SCMP_SYS(open) < 0 ||
		!seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, &flags1)) &&
	       !seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, &flags2);
}

void sandbox(void)
{
	scmp_filter_ctx ctx;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	forbid_writing();
	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return;
	if (allow(ctx))
		seccomp_load(ctx);
	seccomp_release(ctx);
}
