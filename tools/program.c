/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A name of a program becomes its file, and what the loader will make of it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "program.h"

extern char **environ;

/* ---- finding ---- */

static bool is_runnable(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return false;
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return false;
	}
	return !access(path, X_OK);
}

static bool find_in_path(const char *name, char path[PATH_MAX])
{
	const char *folders = getenv("PATH");
	int error = ENOENT;

	folders = folders ? folders : "/usr/local/bin:/usr/bin:/bin";
	for (;;) {
		int size = (int)strcspn(folders, ":");

		snprintf(path, PATH_MAX, "%.*s%s%s", size, folders,
			 size ? "/" : "./", name);
		if (is_runnable(path))
			return true;
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
		if (!folders[size])
			break;
		folders += size + 1;
	}
	errno = error;
	return false;
}

bool program_find(const char *name, char path[PATH_MAX])
{
	if (!*name || strlen(name) >= PATH_MAX) {
		errno = ENOENT;
		return false;
	}
	if (!strchr(name, '/'))
		return find_in_path(name, path);
	snprintf(path, PATH_MAX, "%s", name);
	return is_runnable(path);
}

/* ---- what it is ---- */

/* Another user's, another group's, or with capabilities of its own. */
bool program_is_privileged(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return false;
	return (status.st_mode & S_ISUID && status.st_uid != geteuid()) ||
	       (status.st_mode & S_ISGID && status.st_gid != getegid()) ||
	       (geteuid() != 0 &&
		getxattr(path, "security.capability", NULL, 0) > 0);
}

static bool has_loader(int fd, const Elf64_Ehdr *header)
{
	Elf64_Phdr part;

	for (int i = 0; i < header->e_phnum; i++) {
		off_t at = (off_t)header->e_phoff + i * header->e_phentsize;

		if (pread(fd, &part, sizeof(part), at) != sizeof(part))
			return true;
		if (part.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* Of the machine's other classes nothing is told. */
enum program_kind program_kind(const char *path)
{
	enum program_kind kind = PROGRAM_OTHER;
	Elf64_Ehdr header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return PROGRAM_OTHER;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    !memcmp(header.e_ident, ELFMAG, SELFMAG)) {
		kind = PROGRAM_DYNAMIC;
		if (header.e_ident[EI_CLASS] == ELFCLASS64 &&
		    sizeof(void *) == 8 && !has_loader(fd, &header))
			kind = PROGRAM_STATIC;
	}
	close(fd);
	return kind;
}

/* ---- what it loads ---- */

/* With this variable the loader lists what it would load, and ends. */
static pid_t start_loader(const char *path, int out)
{
	char *arguments[] = {(char *)(uintptr_t)path, NULL};
	char *environment[] = {(char *)(uintptr_t) "LD_TRACE_LOADED_OBJECTS=1",
			       NULL};
	posix_spawn_file_actions_t actions;
	pid_t child = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
					 O_WRONLY, 0);
	if (posix_spawn(&child, path, &actions, NULL, arguments, environment))
		child = -1;
	posix_spawn_file_actions_destroy(&actions);
	return child;
}

bool program_loads(const char *path, const char *library)
{
	char line[PATH_MAX + 256];
	bool found = false;
	int ends[2];
	FILE *list;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	child = start_loader(path, ends[1]);
	close(ends[1]);
	list = fdopen(ends[0], "r");
	while (list && fgets(line, sizeof(line), list))
		found |= strstr(line, library) != NULL;
	if (list)
		fclose(list);
	if (child > 0)
		waitpid(child, NULL, 0);
	return found;
}
