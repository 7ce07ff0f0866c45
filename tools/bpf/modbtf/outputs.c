// SPDX-License-Identifier: GPL-2.0-only
/* Files that are written beside what is printed.  Each appears when it is whole: a temporary one
 * takes its place.  To rename is left to a process that reads nothing.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modbtf.h"

static pid_t reader;	/* which a signal ends */

static void end_reader(int sig)
{
	kill(reader, SIGKILL);
}

/* A pipe or a device is written at once.  False, said */
static bool open_output(struct output *o)
{
	char *real = realpath(o->path, NULL);
	mode_t mask = umask(0);
	struct stat st;
	bool there;
	int fd;

	umask(mask);
	there = !stat(o->path, &st);
	if (there && !S_ISREG(st.st_mode)) {
		o->file = fopen(o->path, "we");
	} else if (real || (!there && errno == ENOENT && *o->path && lstat(o->path, &st))) {
		o->real = xstrdup(real ?: o->path);
		o->temp = xasprintf("%s.XXXXXX", o->real);
		fd = mkostemp(o->temp, O_CLOEXEC);
		if (fd < 0) {
			xfree(o->temp);
			o->temp = NULL;
		} else if (!fchmod(fd, 0666 & ~mask)) {
			o->file = fdopen(fd, "w");
		}
	}
	if (!o->file)
		complain("%s: %s", o->path, strerror(errno));
	free(real);
	return o->file;
}

/* It is whole.  False, said, if it cannot be written */
bool output_done(struct output *o)
{
	bool failed = ferror(o->file) | fflush(o->file);

	/* before it takes the place of another */
	if (failed || (o->temp && fsync(fileno(o->file)))) {
		complain("%s: cannot be written", o->path);
		return false;
	}
	*o->whole = true;
	return true;
}

/* False, said, if the file that it was to be is as before */
static bool close_output(struct output *o)
{
	bool done = !o->temp;

	if (o->file)
		fclose(o->file);
	if (o->temp && *o->whole) {
		done = !rename(o->temp, o->real);
		if (!done)
			complain("%s: %s", o->path, strerror(errno));
	} else if (o->temp && o->file) {
		complain("%s is not written", o->path);
	}
	if (!done)
		unlink(o->temp);
	xfree(o->temp);
	xfree(o->real);
	return done;
}

/* Open @outputs, up to one without a path, and let @run write them, in a process of its own.
 * Returns its exit status, or 2
 */
int outputs_run(struct output *outputs, int (*run)(const void *), const void *arg)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction end = { .sa_handler = end_reader };
	int status = 2, exited;
	struct output *o;
	bool *whole;
	size_t i;

	whole = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (whole == MAP_FAILED)
		die("out of memory");
	for (o = outputs; o->path; o++) {
		o->whole = whole + (o - outputs);
		if (!open_output(o))
			goto close;
	}
	reader = fork();
	if (reader < 0) {
		complain("cannot start a process: %s", strerror(errno));
		goto close;
	}
	if (!reader) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(run(arg));
	}
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &end, NULL);
	while (waitpid(reader, &exited, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(exited))
		status = WEXITSTATUS(exited);
close:
	for (o = outputs; o->path; o++)
		if (!close_output(o))
			status = 2;
	munmap(whole, 4096);
	return status;
}
