/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port's path becomes a file in the user's run-time folder, which nobody else
 * can write. In set-uid programs there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/read_all.h"
#include "base/state_file.h"

#define NAME_ROOM 128

static ssize_t read_path(const char *path, char *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return -1;
	size = read_all(fd, out, room - 1);
	close(fd);
	out[size < 0 ? 0 : size] = '\0';
	return size;
}

/* ---- what state is compared with ---- */

bool state_here(const char *port, struct state *here)
{
	struct stat status;

	if (getauxval(AT_SECURE) || stat(port, &status) < 0 ||
	    read_path("/proc/sys/kernel/random/boot_id", here->boot,
		      sizeof(here->boot)) < 1)
		return false;
	here->boot[strcspn(here->boot, "\n")] = '\0';
	here->node = status.st_rdev;
	/* Set when the node is made, and by who changes its owner or mode;
	 * what goes over the line does not touch it. */
	here->since = (uint64_t)status.st_ctim.tv_sec * 1000000000U +
		      (uint64_t)status.st_ctim.tv_nsec;
	return true;
}

/* PF_EXITING of the kernel. A process that was killed closes its descriptors
 * some time before anyone is told that it has ended. */
#define FLAG_EXITING 4

/* proc(5), stat: fields 9 and 22; the second one is a name that may hold
 * anything but ends at the last bracket. */
static bool read_process(pid_t pid, unsigned *flags,
			 unsigned long long *started)
{
	char path[32], text[1024];
	const char *rest;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_path(path, text, sizeof(text)) < 0)
		return false;
	rest = strrchr(text, ')');
	return rest &&
	       sscanf(rest,
		      ") %*c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u "
		      "%*u %*d %*d %*d %*d %*d %*d %llu",
		      flags, started) == 2;
}

uint64_t state_process_started(pid_t pid)
{
	unsigned long long started;
	unsigned flags;

	return read_process(pid, &flags, &started) ? started : 0;
}

bool state_process_is_gone(pid_t pid)
{
	unsigned long long started;
	unsigned flags;

	if (read_process(pid, &flags, &started))
		return flags & FLAG_EXITING;
	/* Asked last: it may have ended since. EPERM: it is somebody else's,
	 * and lives. */
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* ---- the file ---- */

/* The folder, made if need be; -1 unless it is ours alone. */
static int open_folder(const char *base)
{
	char path[512];
	struct stat status;
	int fd;

	if (!base || *base != '/' ||
	    snprintf(path, sizeof(path), "%s/iotsafe", base) >=
		    (int)sizeof(path))
		return -1;
	mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
	    !(status.st_mode & 077))
		return fd;
	close(fd);
	return -1;
}

static int open_any_folder(void)
{
	int fd = open_folder(secure_getenv("XDG_RUNTIME_DIR"));

	return fd >= 0 ? fd : open_folder("/run");
}

/* "/dev/pts/3" -> "pts_3". False for what is too long to be a port. */
static bool file_name(const char *port, const char *suffix, char *out)
{
	if (!strncmp(port, "/dev/", 5))
		port += 5;
	if (snprintf(out, NAME_ROOM, "port-%s%s", port, suffix) >= NAME_ROOM)
		return false;
	for (; *out; out++)
		if (*out == '/')
			*out = '_';
	return true;
}

ssize_t state_file_read(const char *port, char *out, size_t room)
{
	char name[NAME_ROOM];
	struct stat status;
	ssize_t size = -1;
	int folder, fd;

	if (!file_name(port, "", name))
		return -1;
	folder = open_any_folder();
	if (folder < 0)
		return -1;
	fd = openat(folder, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(folder);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		size = read_all(fd, out, room);
	close(fd);
	return size;
}

static int write_new(int folder, const char *name, const char *text,
		     size_t size)
{
	int fd = openat(folder, name,
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0 || write(fd, text, size) == (ssize_t)size)
		return fd;
	close(fd);
	return -1;
}

/* Not synchronised: it is of no use behind the next start of the machine. */
int state_file_write(const char *port, const char *text, size_t size)
{
	char name[NAME_ROOM], fresh[NAME_ROOM];
	int folder, fd;

	if (!file_name(port, "", name) || !file_name(port, ".new", fresh))
		return -1;
	folder = open_any_folder();
	if (folder < 0)
		return -1;
	fd = write_new(folder, fresh, text, size);
	if (fd < 0 || renameat(folder, fresh, folder, name) < 0)
		unlinkat(folder, fresh, 0);
	close(folder);
	return fd;
}
