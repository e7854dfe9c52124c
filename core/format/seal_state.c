/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters become a small file, replaced as a whole: written beside, flushed,
 * renamed. The lock is on the file itself; a replacement is locked before it
 * gets the name, so the name always leads to a locked file.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/error.h"
#include "format/seal_state.h"

#define MAGIC	   "iotsafe seal v1\n"
#define MAGIC_SIZE 16
#define MAC_SIZE   32
#define TEXT_SIZE  (MAGIC_SIZE + 3 * 8)
#define FILE_SIZE  (TEXT_SIZE + MAC_SIZE)

static int fail_file(const struct seal_state *state, const char *what)
{
	return error_set_errno(IOTSAFE_ERR_IO, errno, "seal: state file %s: %s",
			       state->name, what);
}

static void put_u64(struct builder *out, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		build_byte(out, (uint8_t)(value >> shift));
}

static uint64_t get_u64(const uint8_t *data)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | data[i];
	return value;
}

/* Text and its HMAC, which ties the file to its secret, its kid and its end,
 * and finds every torn or edited byte. */
static int encode(const struct seal_state *state,
		  const struct seal_counters *counters, uint8_t *data)
{
	struct builder out = {data, 0, FILE_SIZE, false};

	build_bytes(&out, (const uint8_t *)MAGIC, MAGIC_SIZE);
	put_u64(&out, counters->reserved);
	put_u64(&out, counters->newest);
	put_u64(&out, counters->window);
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, state->key, SEAL_STATE_KEY,
			     data, TEXT_SIZE, data + TEXT_SIZE) < 0)
		return error_set(IOTSAFE_ERR_SUPPORT, "seal: GnuTLS: no HMAC");
	return IOTSAFE_OK;
}

static int decode(struct seal_state *state, const uint8_t *data, size_t size)
{
	struct seal_counters read = {
		get_u64(data + MAGIC_SIZE),
		get_u64(data + MAGIC_SIZE + 8),
		get_u64(data + MAGIC_SIZE + 16),
	};
	uint8_t again[FILE_SIZE];

	if (size != FILE_SIZE || memcmp(data, MAGIC, MAGIC_SIZE) != 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "seal: state file %s: damaged or none of ours "
				 "(%zu bytes); its counters are lost, take a "
				 "new secret",
				 state->name, size);
	TRY(encode(state, &read, again));
	if (gnutls_memcmp(again, data, FILE_SIZE) != 0)
		return error_set(IOTSAFE_ERR_VERIFY,
				 "seal: state file %s: changed, or of another "
				 "secret, key id or end",
				 state->name);
	state->counters = read;
	return IOTSAFE_OK;
}

/* ---- the file ---- */

/* Another process holds it, or has just put another file in its place. */
static int lock(const struct seal_state *state)
{
	struct stat ours, named;

	if (flock(state->file, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? error_set(IOTSAFE_ERR_BUSY,
					   "seal: state file %s: in use",
					   state->name)
			       : fail_file(state, "cannot be locked");
	if (fstat(state->file, &ours) < 0 ||
	    fstatat(state->directory, state->name, &named,
		    AT_SYMLINK_NOFOLLOW) < 0)
		return fail_file(state, "cannot be looked at");
	if (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		return error_set(IOTSAFE_ERR_BUSY,
				 "seal: state file %s: in use", state->name);
	if (!S_ISREG(ours.st_mode) || ours.st_nlink != 1 || ours.st_mode & 022)
		return error_set(IOTSAFE_ERR_DENIED,
				 "seal: state file %s: not a plain file that "
				 "its owner alone can write",
				 state->name);
	return IOTSAFE_OK;
}

static int load(struct seal_state *state)
{
	uint8_t data[FILE_SIZE + 1] = {0};
	ssize_t size = pread(state->file, data, sizeof(data), 0);

	if (size < 0)
		return fail_file(state, "cannot be read");
	return decode(state, data, (size_t)size);
}

static int open_directory(struct seal_state *state, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char directory[4096];
	size_t size = slash ? (size_t)(slash - path) + 1 : 0;

	if (!*name || strlen(name) > sizeof(state->name) - 5 ||
	    size >= sizeof(directory))
		return error_set(IOTSAFE_ERR_ARG, "seal: no state file: \"%s\"",
				 path);
	memcpy(state->name, name, strlen(name) + 1);
	memcpy(directory, size ? path : ".", size ? size : 1);
	directory[size ? size : 1] = '\0';
	/* Held, since the process may change its working directory. */
	state->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return state->directory < 0 ? fail_file(state, "no such directory")
				    : IOTSAFE_OK;
}

static int open_file(struct seal_state *state, bool create)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

	state->file = openat(state->directory, state->name,
			     create ? flags | O_CREAT | O_EXCL : flags, 0600);
	if (state->file >= 0)
		return IOTSAFE_OK;
	if (create && errno == EEXIST)
		return error_set(IOTSAFE_ERR_ARG,
				 "seal: state file %s: is there already: this "
				 "is not the first use of its secret",
				 state->name);
	if (errno == ENOENT)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "seal: state file %s: is not there; if it was "
				 "lost, take a new secret, and only for a "
				 "secret never used let it be made",
				 state->name);
	return fail_file(state, "cannot be opened");
}

/* Nothing was sent with a file that could not be begun: away with it, or it
 * would pass for a damaged one. */
static int begin(struct seal_state *state)
{
	int result = lock(state);

	if (result >= 0)
		result = seal_state_save(state, &state->counters);
	if (result < 0)
		unlinkat(state->directory, state->name, 0);
	return result;
}

static int open_all(struct seal_state *state, const char *path, bool create)
{
	TRY(open_directory(state, path));
	TRY(open_file(state, create));
	if (create)
		return begin(state);
	TRY(lock(state));
	return load(state);
}

int seal_state_open(struct seal_state *state, const char *path, bool create)
{
	struct error error;
	int result;

	state->directory = state->file = -1;
	state->counters = (struct seal_counters){0};
	result = open_all(state, path, create);
	if (result < 0) {
		error_save(&error);
		seal_state_close(state);
		error_restore(&error);
	}
	return result;
}

static int replace(struct seal_state *state, const char *fresh, int file,
		   const uint8_t *data)
{
	if (flock(file, LOCK_EX | LOCK_NB) < 0 ||
	    write(file, data, FILE_SIZE) != FILE_SIZE || fsync(file) < 0)
		return fail_file(state, "cannot be written");
	if (renameat(state->directory, fresh, state->directory, state->name) <
	    0)
		return fail_file(state, "cannot be replaced");
	close(state->file);
	state->file = file;
	/* From here on the name leads to the new counters; whether it will
	 * after a power cut, the directory says. */
	if (fsync(state->directory) < 0)
		return fail_file(state, "cannot be replaced for good");
	return IOTSAFE_OK;
}

int seal_state_save(struct seal_state *state,
		    const struct seal_counters *counters)
{
	uint8_t data[FILE_SIZE];
	char fresh[sizeof(state->name) + 4];
	int file, result;

	TRY(encode(state, counters, data));
	snprintf(fresh, sizeof(fresh), "%s.new", state->name);
	/* What a power cut has left. */
	unlinkat(state->directory, fresh, 0);
	file = openat(state->directory, fresh,
		      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return fail_file(state, "cannot be written");
	errno = EIO; /* of a write that is short */
	result = replace(state, fresh, file, data);
	if (result >= 0)
		state->counters = *counters;
	else if (state->file != file) {
		close(file);
		unlinkat(state->directory, fresh, 0);
	}
	return result;
}

/* Closing leaves the lock to whoever inherited the descriptor by fork(). */
void seal_state_close(struct seal_state *state)
{
	if (state->file >= 0)
		close(state->file);
	if (state->directory >= 0)
		close(state->directory);
	bytes_wipe(state, sizeof(*state));
	state->file = state->directory = -1;
}

/* ---- what has come ---- */

bool seal_counters_lack(const struct seal_counters *counters, uint32_t number)
{
	uint64_t age;

	if (number >= counters->newest)
		return true;
	age = counters->newest - 1 - number;
	return age < SEAL_WINDOW && !(counters->window >> age & 1);
}

void seal_counters_add(struct seal_counters *counters, uint32_t number)
{
	uint64_t step;

	if (number >= counters->newest) {
		step = number - counters->newest + 1;
		counters->window =
			step < SEAL_WINDOW ? counters->window << step : 0;
		counters->newest = (uint64_t)number + 1;
	}
	counters->window |= UINT64_C(1) << (counters->newest - 1 - number);
}
