/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe file`: what a file on the card holds.
 */
#include "cli.h"
#include "file.h"
#include "json.h"

static int show(struct cli *cli, iotsafe_file *file, const uint8_t *data,
		size_t size)
{
	iotsafe_object *object;

	if (cli->json) {
		if (iotsafe_file_object(file, &object) < 0)
			return fail_library(cli);
		json_string(cli->json, "name", iotsafe_object_name(object));
		json_number(cli->json, "size", size);
		iotsafe_object_free(object);
	}
	return bytes_show(cli, "hex", data, size);
}

int command_file(struct cli *cli)
{
	iotsafe_file *file;
	uint8_t *data;
	size_t size;
	int status;

	TRY(out_check(cli));
	TRY(card_open(cli));
	if (iotsafe_file_open(cli->card, cli->options.arguments[0], &file) < 0)
		return fail_library(cli);
	if (iotsafe_file_read(file, &data, &size) < 0) {
		status = fail_library(cli);
	} else {
		status = show(cli, file, data, size);
		iotsafe_free(data);
	}
	iotsafe_file_free(file);
	return status;
}
