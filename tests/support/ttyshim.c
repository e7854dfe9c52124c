/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into a program, lets libserialport open a pseudo-terminal: it
 * finds the port in sysfs, and the port has modem lines. Everything else is
 * libserialport's own code. $TTYSHIM_LOG gets a line for each pretence, so that
 * a test can see that libserialport asked. */
/* Both names of each call are here; the compiler must not rename one. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SYSFS_PTS "/sys/class/tty/pts/"
#define TARGET	  "../../devices/platform/serial8250/tty/ttyS9"

/* The majors of Unix98 pseudo-terminals' slaves (Linux devices.txt). */
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST	143

int __lxstat(int version, const char *path, struct stat *status);
int __lxstat64(int version, const char *path, struct stat64 *status);

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found) {
		fprintf(stderr, "ttyshim: no %s\n", name);
		abort();
	}
	return found;
}

static void note(const char *what)
{
	const char *path = getenv("TTYSHIM_LOG");
	FILE *log = path ? fopen(path, "a") : NULL;

	if (!log)
		return;
	fprintf(log, "%s\n", what);
	fclose(log);
}

static int is_sysfs_pts(const char *path)
{
	return strncmp(path, SYSFS_PTS, strlen(SYSFS_PTS)) == 0;
}

int lstat(const char *restrict path, struct stat *restrict status)
{
	int (*real)(const char *, struct stat *) = next("lstat");

	if (!is_sysfs_pts(path))
		return real(path, status);
	note("lstat");
	memset(status, 0, sizeof(*status));
	status->st_mode = S_IFLNK | 0777;
	return 0;
}

int lstat64(const char *restrict path, struct stat64 *restrict status)
{
	int (*real)(const char *, struct stat64 *) = next("lstat64");

	if (!is_sysfs_pts(path))
		return real(path, status);
	note("lstat");
	memset(status, 0, sizeof(*status));
	status->st_mode = S_IFLNK | 0777;
	return 0;
}

/* What programs built before glibc 2.33 call instead. */
int __lxstat(int version, const char *path, struct stat *status)
{
	(void)version;
	return lstat(path, status);
}

int __lxstat64(int version, const char *path, struct stat64 *status)
{
	(void)version;
	return lstat64(path, status);
}

ssize_t readlink(const char *restrict path, char *restrict out, size_t size)
{
	ssize_t (*real)(const char *, char *, size_t) = next("readlink");

	if (!is_sysfs_pts(path))
		return real(path, out, size);
	note("readlink");
	if (size > strlen(TARGET))
		size = strlen(TARGET);
	memcpy(out, TARGET, size);
	return (ssize_t)size;
}

static int is_pts(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
	       major(status.st_rdev) >= PTS_MAJOR_FIRST &&
	       major(status.st_rdev) <= PTS_MAJOR_LAST;
}

/* A port whose far side is there and ready. */
static int modem_lines(unsigned long request, int *lines)
{
	note("modem lines");
	if (request == TIOCMGET)
		*lines = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR |
			 TIOCM_CAR;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = next("ioctl");
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	switch (request) {
	case TIOCMGET:
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC:
		if (is_pts(fd))
			return modem_lines(request, argument);
		break;
	}
	return real(fd, request, argument);
}
