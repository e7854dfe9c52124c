/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LISTEN becomes sockets: on loopback unless more was asked for, and a Unix
 * socket that nobody but its owner may use unless more was asked for. At no
 * moment is either open wider than that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dial.h"
#include "listen.h"
#include "notify.h"

#define BACKLOG 512

void listen_name(const struct sockaddr *address, socklen_t size, char *out,
		 size_t room)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	bool six = address->sa_family == AF_INET6;

	if (address->sa_family == AF_UNIX ||
	    getnameinfo(address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(out, room, "unix");
	else
		snprintf(out, room, six ? "[%s]:%s" : "%s:%s", host, port);
}

static bool is_loopback(const struct sockaddr *address)
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	if (address->sa_family == AF_INET) {
		memcpy(&four, address, sizeof(four));
		return ntohl(four.sin_addr.s_addr) >> 24 == 127;
	}
	if (address->sa_family != AF_INET6)
		return true;
	memcpy(&six, address, sizeof(six));
	return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) &&
		six.sin6_addr.s6_addr[12] == 127);
}

static int refuse(struct cli *cli, const char *where)
{
	return fail(cli, errno == EADDRINUSE ? "ERR_BUSY" : "ERR_IO",
		    "cannot listen on %s: %s", where, strerror(errno));
}

static int check_reach(struct cli *cli, const struct sockaddr *address,
		       const char *name)
{
	if (cli->options.expose || is_loopback(address))
		return 0;
	return fail(cli, ERR_USAGE,
		    "%s can be reached by other hosts, and whoever reaches it "
		    "speaks with the card's identity: --expose says that it "
		    "shall be so",
		    name);
}

/* Takes the descriptor over, and looks up where it is. */
static int add(struct cli *cli, struct listeners *listeners, int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	char *name = listeners->names[listeners->count];

	listeners->fds[listeners->count++] = fd;
	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return refuse(cli, "a socket");
	listen_name((struct sockaddr *)&address, size, name,
		    sizeof(listeners->names[0]));
	return check_reach(cli, (struct sockaddr *)&address, name);
}

static bool bind_host(int fd, const struct addrinfo *info)
{
	const int one = 1;

	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (info->ai_socktype != SOCK_STREAM)
		return !bind(fd, info->ai_addr, info->ai_addrlen);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return !bind(fd, info->ai_addr, info->ai_addrlen) &&
	       !listen(fd, BACKLOG);
}

/* A name may have addresses of a kind that this host is without. */
static int listen_one(struct cli *cli, const struct addrinfo *info,
		      struct listeners *listeners)
{
	char name[128];
	int status = 0, fd;

	listen_name(info->ai_addr, info->ai_addrlen, name, sizeof(name));
	TRY(check_reach(cli, info->ai_addr, name));
	fd = socket(info->ai_family,
		    info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind_host(fd, info))
		return add(cli, listeners, fd);
	if ((errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) ||
	    (!info->ai_next && !listeners->count))
		status = refuse(cli, name);
	if (fd >= 0)
		close(fd);
	return status;
}

static int listen_host(struct cli *cli, const char *where,
		       struct listeners *listeners)
{
	struct addrinfo hints = {
		.ai_socktype = cli->options.dtls ? SOCK_DGRAM : SOCK_STREAM,
		.ai_flags = AI_PASSIVE,
	};
	struct addrinfo *list;
	struct peer peer;
	int status = 0, error;

	TRY(dial_parse(cli, where, &peer));
	error = getaddrinfo(peer.host, peer.port, &hints, &list);
	if (error)
		return fail(cli, ERR_HOST, "%s: %s", where,
			    error == EAI_SYSTEM ? strerror(errno)
						: gai_strerror(error));
	for (const struct addrinfo *i = list;
	     !status && i && listeners->count < LISTENERS_MAX; i = i->ai_next)
		status = listen_one(cli, i, listeners);
	freeaddrinfo(list);
	return status;
}

static int parse_mode(struct cli *cli, mode_t *mode)
{
	const char *text = cli->options.mode;
	char *end;
	unsigned long value = 0600;

	if (text)
		value = strtoul(text, &end, 8);
	if (text && (end == text || *end || value > 0777))
		return fail(cli, ERR_USAGE,
			    "--mode takes permissions in octal, as 0660, not "
			    "\"%s\"",
			    text);
	*mode = (mode_t)value;
	return 0;
}

/* -1 leaves a user or group as it is, as chown(2) has it. */
static int parse_owner(struct cli *cli, uid_t *user, gid_t *group)
{
	const char *text = cli->options.owner;
	const char *colon = text ? strchr(text, ':') : NULL;
	struct passwd *known;
	struct group *known_group = NULL;
	char name[64] = "";

	if (!text)
		return 0;
	snprintf(name, sizeof(name), "%.*s",
		 (int)(colon ? colon - text : (long)strlen(text)), text);
	known = *name ? getpwnam(name) : NULL;
	if (colon)
		known_group = getgrnam(colon + 1);
	if ((*name && !known) || (colon && !known_group))
		return fail(cli, ERR_USAGE,
			    "--owner: there is no such user or group: %s",
			    text);
	if (known)
		*user = known->pw_uid;
	if (known_group)
		*group = known_group->gr_gid;
	return 0;
}

/* What a tunnel that was killed left behind is removed; what somebody still
 * serves, or is no socket, is not. */
static bool make_room(const struct sockaddr_un *address)
{
	struct stat status;
	bool stale;
	int fd;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT;
	errno = EADDRINUSE;
	if (!S_ISSOCK(status.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	stale = fd >= 0 &&
		connect(fd, (const struct sockaddr *)address,
			sizeof(*address)) < 0 &&
		errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	errno = EADDRINUSE;
	return stale && !unlink(address->sun_path);
}

#define OURS_ALONE 0600

/* Made for nobody but us; opened as far as was asked for. */
static bool bind_unix(int fd, const struct sockaddr_un *address, mode_t mode,
		      uid_t user, gid_t group)
{
	const char *path = address->sun_path;
	mode_t before = umask(0777 & ~OURS_ALONE);
	bool bound =
		!bind(fd, (const struct sockaddr *)address, sizeof(*address));

	umask(before);
	if (!bound || lchown(path, user, group) < 0)
		return false;
	if (mode != OURS_ALONE && chmod(path, mode) < 0)
		return false;
	return !listen(fd, BACKLOG);
}

static int listen_unix(struct cli *cli, const char *path,
		       struct listeners *listeners)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mode = OURS_ALONE;
	uid_t user = (uid_t)-1;
	gid_t group = (gid_t)-1;
	int fd, status;

	TRY(parse_mode(cli, &mode));
	TRY(parse_owner(cli, &user, &group));
	if (cli->options.dtls)
		return fail(cli, ERR_USAGE,
			    "--dtls is for datagrams: LISTEN is HOST:PORT");
	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return fail(cli, ERR_USAGE,
			    "unix:%s: a path of at most %zu characters", path,
			    sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || !make_room(&address) ||
	    !bind_unix(fd, &address, mode, user, group)) {
		status = refuse(cli, path);
		if (fd >= 0)
			close(fd);
		return status;
	}
	strcpy(listeners->path, path);
	lstat(path, &listeners->made);
	TRY(add(cli, listeners, fd));
	snprintf(listeners->names[0], sizeof(listeners->names[0]), "unix:%s",
		 path);
	return 0;
}

static int listen_handed(struct cli *cli, struct listeners *listeners)
{
	int wanted = cli->options.dtls ? SOCK_DGRAM : SOCK_STREAM;
	int count = notify_handed();

	if (count < 1 || count > LISTENERS_MAX)
		return fail(cli, ERR_USAGE,
			    "systemd handed over %d sockets: 1 to %d are "
			    "needed (LISTEN_FDS)",
			    count, LISTENERS_MAX);
	for (int fd = HANDED_FIRST; fd < HANDED_FIRST + count; fd++) {
		int kind = 0;
		socklen_t size = sizeof(kind);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) < 0 ||
		    kind != wanted)
			return fail(cli, ERR_USAGE,
				    "what systemd handed over as descriptor "
				    "%d is no %s socket",
				    fd,
				    cli->options.dtls ? "datagram" : "stream");
		fcntl(fd, F_SETFL, O_NONBLOCK);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		TRY(add(cli, listeners, fd));
	}
	return 0;
}

int listen_open(struct cli *cli, const char *where, struct listeners *listeners)
{
	const struct options *options = &cli->options;
	bool local = !strncmp(where, "unix:", 5);

	*listeners = (struct listeners){0};
	if (!local && (options->mode || options->owner))
		return fail(cli, ERR_USAGE,
			    "--mode and --owner are for unix:PATH");
	if (local)
		return listen_unix(cli, where + 5, listeners);
	if (!strcmp(where, "systemd"))
		return listen_handed(cli, listeners);
	return listen_host(cli, where, listeners);
}

void listen_close(struct listeners *listeners)
{
	struct stat now;

	for (size_t i = 0; i < listeners->count; i++)
		close(listeners->fds[i]);
	if (*listeners->path && !lstat(listeners->path, &now) &&
	    now.st_ino == listeners->made.st_ino &&
	    now.st_dev == listeners->made.st_dev)
		unlink(listeners->path);
	*listeners = (struct listeners){0};
}
