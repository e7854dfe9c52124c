/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe random`: bytes made by the card, for a file, for people, or for the
 * kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli.h"
#include "file.h"
#include "input.h"
#include "json.h"
#include "watch.h"

/* What one call of the library gives. */
#define PIECE 65536

/* JSON is held in memory. */
#define JSON_MAX (16 << 20)

/* More than the kernel's pool ever asked for. */
#define SEED_MAX 512

static int take_count(struct cli *cli, long most, size_t *count)
{
	const char *text = cli->options.arguments[0];
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 1)
		return fail(cli, ERR_USAGE,
			    "random takes a number of bytes, from 1, not "
			    "\"%s\"",
			    text);
	if (value > most)
		return fail(cli, ERR_USAGE,
			    "random: %ld bytes at most this way, not %ld", most,
			    value);
	*count = (size_t)value;
	return 0;
}

/* ---- bytes for a file and for people ---- */

typedef int (*piece_func)(struct cli *cli, void *self, const uint8_t *data,
			  size_t size);

static int each_piece(struct cli *cli, size_t count, piece_func func,
		      void *self)
{
	uint8_t *data;
	size_t size;
	int status = 0;

	for (; count && !status; count -= size) {
		size_t wanted = count < PIECE ? count : PIECE;

		if (iotsafe_card_random(cli->card, wanted, &data, &size) < 0)
			return fail_library(cli);
		status = func(cli, self, data, size);
		iotsafe_free(data);
	}
	return status;
}

static int to_stream(struct cli *cli, void *self, const uint8_t *data,
		     size_t size)
{
	watch_end();
	/* Whether all of it arrived at standard output is asked at the end. */
	if (fwrite(data, 1, size, self) == size || self == stdout)
		return 0;
	return fail(cli, ERR_FILE, "cannot write %s: %s", cli->options.out,
		    strerror(errno));
}

static int to_digits(struct cli *cli, void *self, const uint8_t *data,
		     size_t size)
{
	(void)cli;
	(void)self;
	watch_end();
	for (size_t i = 0; i < size; i++)
		printf("%02x", data[i]);
	return 0;
}

static int to_buffer(struct cli *cli, void *self, const uint8_t *data,
		     size_t size)
{
	struct buffer *buffer = self;

	(void)cli;
	memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return 0;
}

static int give_json(struct cli *cli, size_t count)
{
	struct buffer all = {malloc(count), 0};
	int status;

	if (!all.data)
		return fail(cli, "ERR_MEMORY", "no memory");
	status = each_piece(cli, count, to_buffer, &all);
	if (!status)
		json_hex(cli->json, "random", all.data, all.size);
	if (!status && cli->options.out)
		status = out_write(cli, all.data, all.size);
	input_free(&all);
	return status;
}

static int give_file(struct cli *cli, size_t count)
{
	const char *path = cli->options.out;
	FILE *file = fopen(path, "wbe");
	int status;

	if (!file)
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	status = each_piece(cli, count, to_stream, file);
	if (fclose(file) && !status)
		status = fail(cli, ERR_FILE, "cannot write %s: %s", path,
			      strerror(errno));
	return status;
}

static int give(struct cli *cli, size_t count)
{
	const struct options *options = &cli->options;
	bool standard = options->out && !strcmp(options->out, "-");

	if (cli->json)
		return give_json(cli, count);
	if (options->out && !standard)
		return give_file(cli, count);
	if (standard || options->raw)
		return each_piece(cli, count, to_stream, stdout);
	TRY(each_piece(cli, count, to_digits, NULL));
	putchar('\n');
	return 0;
}

/* ---- bytes for the kernel ---- */

/* Asked before the card is: a command that must fail costs no bytes. */
static int open_pool(struct cli *cli, int *fd)
{
	*fd = open("/dev/random", O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return fail(cli, ERR_FILE, "cannot open /dev/random: %s",
			    strerror(errno));
	return 0;
}

static int add_entropy(struct cli *cli, int fd, const uint8_t *data,
		       size_t size)
{
	size_t room = sizeof(struct rand_pool_info) + size;
	struct rand_pool_info *seed = malloc(room);
	int result, error;

	if (!seed)
		return fail(cli, "ERR_MEMORY", "no memory");
	seed->entropy_count = (int)size * 8;
	seed->buf_size = (int)size;
	memcpy(seed->buf, data, size);
	result = ioctl(fd, RNDADDENTROPY, seed);
	error = errno;
	explicit_bzero(seed, room);
	free(seed);
	if (result >= 0)
		return 0;
	if (error == EPERM)
		return fail(cli, "ERR_DENIED",
			    "the kernel credits random bytes only to who has "
			    "CAP_SYS_ADMIN: be root, outside a container");
	return fail(cli, ERR_FILE, "the kernel did not take the bytes: %s",
		    strerror(error));
}

static int seed_kernel(struct cli *cli, size_t count)
{
	uint8_t *data;
	size_t size;
	int fd, status;

	TRY(open_pool(cli, &fd));
	status = card_open(cli);
	if (!status && iotsafe_card_random(cli->card, count, &data, &size) < 0)
		status = fail_library(cli);
	else if (!status) {
		status = add_entropy(cli, fd, data, size);
		iotsafe_free(data);
	}
	close(fd);
	if (!status && cli->json)
		json_number(cli->json, "credited_bits", count * 8);
	return status;
}

int command_random(struct cli *cli)
{
	const struct options *options = &cli->options;
	size_t count = 0;

	if (options->raw && options->hex)
		return fail(cli, ERR_USAGE, "give either --raw or --hex");
	if (options->seed_kernel &&
	    (options->raw || options->hex || options->out))
		return fail(cli, ERR_USAGE,
			    "--seed-kernel prints nothing: leave out --raw, "
			    "--hex and --out");
	TRY(out_check(cli));
	if (options->seed_kernel) {
		TRY(take_count(cli, SEED_MAX, &count));
		return seed_kernel(cli, count);
	}
	TRY(take_count(cli, cli->json ? JSON_MAX : LONG_MAX, &count));
	TRY(card_open(cli));
	return give(cli, count);
}
