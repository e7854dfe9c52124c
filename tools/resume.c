/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session becomes a file and the other way round. It opens a session without
 * the card, so it is written only when asked for, and for its owner alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "input.h"
#include "resume.h"
#include "watch.h"

#define SESSION_MAX (1 << 20)

bool resume_is_there(const struct cli *cli)
{
	const char *path = cli->options.session;
	struct stat status;

	return path && !stat(path, &status) && status.st_size;
}

/* Somebody else's session would be theirs, not ours: what is read is the very
 * file that was looked at. */
static int open_session(struct cli *cli, const char *path, FILE **file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	*file = NULL;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) &&
	    !(status.st_mode & 077) && status.st_uid == geteuid())
		*file = fdopen(fd, "rb");
	if (*file)
		return 0;
	if (fd >= 0)
		close(fd);
	return fail(cli, ERR_FILE,
		    "session %s: not a file of ours that nobody else can read "
		    "or write (mode 0600)",
		    path);
}

int resume_load(struct cli *cli, iotsafe_tls *tls)
{
	const char *path = cli->options.session;
	struct buffer session;
	FILE *file = NULL;
	int result = 0;

	if (path)
		TRY(open_session(cli, path, &file));
	if (!file)
		return 0;
	TRY(input_stream(cli, file, path, SESSION_MAX, &session));
	if (session.size &&
	    iotsafe_tls_set_session(tls, session.data, session.size) < 0)
		result = fail_library(cli);
	input_free(&session);
	return result;
}

static int write_session(struct cli *cli, const char *path, const uint8_t *data,
			 size_t size)
{
	FILE *file;
	bool written;

	TRY(private_open(cli, path, &file));
	setvbuf(file, NULL, _IONBF, 0);
	written = fwrite(data, 1, size, file) == size;
	written = !fclose(file) && written;
	if (!written)
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	return 0;
}

int resume_keep(struct cli *cli, iotsafe_tls *tls)
{
	const char *path = cli->options.session;
	uint8_t *data;
	size_t size;
	int result;

	if (!path)
		return 0;
	result = iotsafe_tls_session(tls, &data, &size);
	if (result == IOTSAFE_ERR_ABSENT) {
		watch_end();
		fputs("iotsafe: the server gave no session to resume\n",
		      stderr);
		return 0;
	}
	if (result < 0)
		return fail_library(cli);
	result = write_session(cli, path, data, size);
	iotsafe_free(data);
	return result;
}
