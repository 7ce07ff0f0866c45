// SPDX-License-Identifier: GPL-2.0-only
/* What is left to do after sandbox(): a line for each try */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modbtf.h"

static void tried(const char *what, int ret)
{
	printf("%s: %s\n", what, ret < 0 ? strerrorname_np(errno) : "works");
}

int main(int argc, char **argv)
{
	char *none[1] = { NULL };

	sandbox();
	tried("read a file", open(argv[0], O_RDONLY));
	tried("read a directory", open("/", O_RDONLY | O_DIRECTORY));
	tried("write to a file", open(argv[0], O_WRONLY));
	tried("append to a file", open(argv[0], O_RDWR | O_APPEND));
	tried("make a file", open("made", O_RDONLY | O_CREAT, 0600));
	tried("cut a file", open(argv[0], O_RDONLY | O_TRUNC));
	tried("make a file without a name", open(".", O_TMPFILE | O_WRONLY, 0600));
	tried("remove a file", unlink(argv[0]));
	tried("rename a file", rename(argv[0], "renamed"));
	tried("change its mode", chmod(argv[0], 0));
	tried("make a directory", mkdir("made", 0700));
	tried("link a file", link(argv[0], "linked"));
	tried("network", socket(AF_INET, SOCK_STREAM, 0));
	tried("a socket of its own", socket(AF_UNIX, SOCK_STREAM, 0));
	tried("change the user", setuid(1));
	tried("kill", kill(getpid(), 0));
	tried("execute", execve("/bin/true", none, none));
	return 0;
}
