/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ports of this host that a modem may be behind, and who has them. */
#ifndef TOOLS_PORTS_H
#define TOOLS_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#define HOLDERS_MAX 8

struct holder {
	int pid;
	char name[32];
};

struct port {
	/* /dev/ttyUSB2, and its name below /dev/serial/by-id, or NULL. */
	char *path;
	char *by_id;
	/* The scheme of its address: "at", "mbim" or "qmi". */
	const char *scheme;
	struct holder holders[HOLDERS_MAX];
	size_t holders_count;
};

struct ports {
	struct port *list;
	size_t count;
};

/* Reads dev, sys and proc below `root`, "" for those of the system. Ports come
 * in the order of their names. */
void ports_find(const char *root, struct ports *ports);
void ports_free(struct ports *ports);

/* Who has the file at `path` open, but for this process; gives how many. Other
 * users' processes can be looked into by root only. */
size_t ports_holders(const char *root, const char *path,
		     struct holder holders[HOLDERS_MAX]);

/* The process of this name, 0 if none runs. */
int ports_process(const char *root, const char *name);

#endif
