/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories of the kernel become a list of ports and of processes.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "ports.h"
#include "text.h"

/* Names in /dev. Ports of the board itself (ttyS0) are not here: nobody knows
 * what is at their other end. */
static const struct {
	const char *front, *part, *scheme;
} kinds[] = {
	{"ttyUSB", "", "at"},	{"ttyACM", "", "at"},
	{"wwan", "at", "at"},	{"wwan", "mbim", "mbim"},
	{"wwan", "qmi", "qmi"}, {"cdc-wdm", "", "cdc"},
};

static const char *scheme_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t size = strlen(kinds[i].front);

		if (!strncmp(name, kinds[i].front, size) &&
		    isdigit((unsigned char)name[size]) &&
		    strstr(name + size, kinds[i].part))
			return kinds[i].scheme;
	}
	return NULL;
}

static int is_port(const struct dirent *entry)
{
	return scheme_of(entry->d_name) != NULL;
}

/* A cdc-wdm speaks what its driver says: qmi_wwan or cdc_mbim. */
static const char *cdc_scheme(const char *root, const char *name)
{
	char path[PATH_MAX], driver[PATH_MAX];
	ssize_t size;

	snprintf(path, sizeof(path), "%s/sys/class/usbmisc/%s/device/driver",
		 root, name);
	size = readlink(path, driver, sizeof(driver) - 1);
	if (size < 0)
		return "qmi";
	driver[size] = '\0';
	return strstr(driver, "mbim") ? "mbim" : "qmi";
}

/* Its name that does not change when it is plugged in anew. */
static char *find_by_id(const char *root, const char *port)
{
	char folder[PATH_MAX], path[2 * PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	char *found = NULL;
	DIR *directory;

	snprintf(folder, sizeof(folder), "%s/dev/serial/by-id", root);
	directory = opendir(folder);
	while (directory && !found && (entry = readdir(directory))) {
		ssize_t size = readlinkat(dirfd(directory), entry->d_name,
					  target, sizeof(target) - 1);
		const char *base;

		if (size < 0)
			continue;
		target[size] = '\0';
		base = strrchr(target, '/');
		if (strcmp(base ? base + 1 : target, port) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		found = text_copy(path);
	}
	if (directory)
		closedir(directory);
	return found;
}

static void read_name(const char *root, const char *pid, char *name,
		      size_t room)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%s/comm", root, pid);
	file = fopen(path, "re");
	if (!file || !fgets(name, (int)room, file))
		snprintf(name, room, "unknown");
	name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* Linux, devices.txt: 136 to 143 are Unix98 slaves. */
static bool is_pseudo_terminal(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && major(status->st_rdev) >= 136 &&
	       major(status->st_rdev) <= 143;
}

/* A device may have nodes in many places; a pseudo-terminal has one, and its
 * number again in each container. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISCHR(a->st_mode) && !is_pseudo_terminal(a))
		return S_ISCHR(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool has_open(const char *root, const char *pid,
		     const struct stat *wanted)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct stat status;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/proc/%s/fd", root, pid);
	directory = opendir(path);
	while (directory && !found && (entry = readdir(directory)))
		found = entry->d_name[0] != '.' &&
			!fstatat(dirfd(directory), entry->d_name, &status, 0) &&
			is_same(wanted, &status);
	if (directory)
		closedir(directory);
	return found;
}

static DIR *open_proc(const char *root)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc", root);
	return opendir(path);
}

size_t ports_holders(const char *root, const char *path,
		     struct holder holders[HOLDERS_MAX])
{
	struct dirent *entry;
	struct stat status;
	size_t count = 0;
	DIR *proc;

	if (stat(path, &status) < 0 || !(proc = open_proc(root)))
		return 0;
	while (count < HOLDERS_MAX && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0 || pid == getpid() ||
		    !has_open(root, entry->d_name, &status))
			continue;
		holders[count].pid = pid;
		read_name(root, entry->d_name, holders[count].name,
			  sizeof(holders[count].name));
		count++;
	}
	closedir(proc);
	return count;
}

int ports_process(const char *root, const char *name)
{
	DIR *proc = open_proc(root);
	struct dirent *entry;
	char comm[32];
	int found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0)
			continue;
		read_name(root, entry->d_name, comm, sizeof(comm));
		if (!strcmp(comm, name))
			found = pid;
	}
	if (proc)
		closedir(proc);
	return found;
}

static void fill(const char *root, const char *name, struct port *port)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/%s", root, name);
	port->path = text_copy(path);
	port->scheme = scheme_of(name);
	if (!strcmp(port->scheme, "cdc"))
		port->scheme = cdc_scheme(root, name);
	port->by_id = find_by_id(root, name);
	port->holders_count = ports_holders(root, path, port->holders);
}

void ports_find(const char *root, struct ports *ports)
{
	struct dirent **names;
	char path[PATH_MAX];
	int count;

	*ports = (struct ports){0};
	snprintf(path, sizeof(path), "%s/dev", root);
	count = scandir(path, &names, is_port, versionsort);
	if (count < 0)
		return;
	ports->list = calloc((size_t)count + 1, sizeof(*ports->list));
	for (int i = 0; i < count; i++) {
		if (ports->list)
			fill(root, names[i]->d_name,
			     &ports->list[ports->count++]);
		free(names[i]);
	}
	free(names);
}

void ports_free(struct ports *ports)
{
	for (size_t i = 0; i < ports->count; i++) {
		text_free(ports->list[i].path);
		text_free(ports->list[i].by_id);
	}
	free(ports->list);
	*ports = (struct ports){0};
}
