/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program becomes a stream: its standard input and output are one socket,
 * the other end is ours. Its standard error stays the application's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/error.h"
#include "link/stream.h"

/* How long a child may take to end, in milliseconds: when its input ends,
 * when it is asked to, and when it can no longer refuse. */
#define END_LIMIT  500
#define TERM_LIMIT 200
#define KILL_LIMIT 500

/* How long an ended child's status may be on its way. */
#define STATUS_LIMIT 200

extern char **environ;

/* A pidfd means this very process, whoever reaps it (the application may),
 * and whatever process has its number then. Linux 5.3; -1 before. */
static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* True if the child has ended; it is reaped then. */
static bool reap(struct stream *stream, int flags, int *status)
{
	pid_t pid;

	do
		pid = waitpid(stream->child, status, flags);
	while (pid < 0 && errno == EINTR);
	/* ECHILD: the application ignores SIGCHLD or was faster. */
	if (pid < 0)
		*status = -1;
	if (pid)
		stream->child = 0;
	return pid != 0;
}

/* Without a pidfd there is nothing to wait for but its end of the socket. */
static bool ended_within(struct stream *stream, int limit, int *status)
{
	struct deadline deadline = deadline_in(limit, -1);

	if (stream->child_fd >= 0)
		deadline_wait(&deadline, stream->child_fd, POLLIN);
	else
		deadline_wait(&deadline, stream->fd, POLLRDHUP);
	return reap(stream, WNOHANG, status);
}

int stream_child_gone(struct stream *stream)
{
	int status;

	if (!ended_within(stream, STATUS_LIMIT, &status) || status == -1)
		return error_set(IOTSAFE_ERR_CLOSED, "%s: the modem has gone",
				 stream->name);
	if (WIFSIGNALED(status))
		return error_set(IOTSAFE_ERR_CLOSED,
				 "%s: the modem has gone: the program ended by "
				 "signal %d (%s)",
				 stream->name, WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	return error_set(IOTSAFE_ERR_CLOSED,
			 "%s: the modem has gone: the program ended with exit "
			 "status %d",
			 stream->name, WEXITSTATUS(status));
}

static void signal_child(const struct stream *stream, int number)
{
	syscall(SYS_pidfd_send_signal, stream->child_fd, number, NULL, 0);
}

static void end_child(struct stream *stream)
{
	int status;

	if (ended_within(stream, stream->hasty ? 0 : END_LIMIT, &status))
		return;
	if (stream->child_fd < 0) {
		kill(stream->child, SIGKILL);
		reap(stream, 0, &status);
		return;
	}
	signal_child(stream, SIGTERM);
	if (ended_within(stream, TERM_LIMIT, &status))
		return;
	signal_child(stream, SIGKILL);
	ended_within(stream, KILL_LIMIT, &status);
}

static void child_close(struct stream *stream)
{
	/* Its input ends here, and so does a write it is blocked in. Without
	 * a pidfd the socket must stay able to tell of its end. */
	shutdown(stream->fd, stream->child_fd >= 0 ? SHUT_RDWR : SHUT_WR);
	if (stream->child)
		end_child(stream);
	close(stream->fd);
	if (stream->child_fd >= 0)
		close(stream->child_fd);
}

static const struct stream_kind child_kind = {
	stream_fd_read,
	stream_fd_write,
	child_close,
};

/* The application's blocked and ignored signals are not the child's. */
static int set_attributes(posix_spawnattr_t *attributes, bool apart)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t signals;

	sigemptyset(&signals);
	posix_spawnattr_setsigmask(attributes, &signals);
	sigfillset(&signals);
	posix_spawnattr_setsigdefault(attributes, &signals);
	if (apart)
		flags |= POSIX_SPAWN_SETPGROUP;
	return posix_spawnattr_setflags(attributes, flags);
}

static int set_actions(posix_spawn_file_actions_t *actions, int fd)
{
	int number = posix_spawn_file_actions_adddup2(actions, fd, 0);

	if (!number)
		number = posix_spawn_file_actions_adddup2(actions, fd, 1);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
	/* The application's sockets are none of the child's business. */
	if (!number)
		number = posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
	return number;
}

static int spawn(pid_t *pid, char *const argv[], int fd, bool search,
		 bool apart)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int number = posix_spawnattr_init(&attributes);

	if (number)
		return number;
	number = posix_spawn_file_actions_init(&actions);
	if (number)
		goto out;
	number = set_attributes(&attributes, apart);
	if (!number)
		number = set_actions(&actions, fd);
	if (!number)
		number = (search ? posix_spawnp : posix_spawn)(
			pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
out:
	posix_spawnattr_destroy(&attributes);
	return number;
}

int stream_open_child(struct stream *stream, char *const argv[], bool search,
		      bool apart)
{
	int ends[2];
	int number;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "%s: socketpair",
				       stream->name);
	number = spawn(&stream->child, argv, ends[1], search, apart);
	close(ends[1]);
	if (number) {
		close(ends[0]);
		return error_set_errno(IOTSAFE_ERR_IO, number,
				       "%s: cannot start %s", stream->name,
				       argv[0]);
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	stream->fd = ends[0];
	stream->child_fd = open_pidfd(stream->child);
	stream_begin(stream, &child_kind);
	return IOTSAFE_OK;
}
