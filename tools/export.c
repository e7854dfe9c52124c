/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe key`: a private key that its card gives out, into a new file that
 * nobody else can read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "file.h"
#include "json.h"
#include "watch.h"

/* Never over a file that is there: it may be the only copy of a key. */
static int make_file(struct cli *cli, const char *path, FILE **file)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0 && (*file = fdopen(fd, "wb"))) {
		setvbuf(*file, NULL, _IONBF, 0);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return fail(
		cli, ERR_FILE, "cannot write %s: %s%s", path, strerror(errno),
		errno == EEXIST ? "; a key is never written over a file" : "");
}

static int write_file(struct cli *cli, const char *path, const void *data,
		      size_t size)
{
	FILE *file;
	bool written;

	TRY(make_file(cli, path, &file));
	written = fwrite(data, 1, size, file) == size;
	written = !fclose(file) && written;
	if (written)
		return 0;
	fail(cli, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
	unlink(path);
	return 1;
}

static int give(struct cli *cli, const void *data, size_t size)
{
	const char *path = cli->options.out;

	watch_end();
	if (strcmp(path, "-") != 0)
		return write_file(cli, path, data, size);
	setvbuf(stdout, NULL, _IONBF, 0);
	fwrite(data, 1, size, stdout);
	return 0;
}

static const char *pem_label(const iotsafe_object *object)
{
	return strncmp(iotsafe_object_key_type(object), "RSA", 3)
		       ? "EC PRIVATE KEY"
		       : "RSA PRIVATE KEY";
}

static int write_key(struct cli *cli, const iotsafe_object *object,
		     const uint8_t *der, size_t size)
{
	gnutls_datum_t pem;
	int status;

	if (cli->options.der)
		return give(cli, der, size);
	TRY(pem_encode(cli, pem_label(object), der, size, &pem));
	status = give(cli, pem.data, pem.size);
	explicit_bzero(pem.data, pem.size);
	gnutls_free(pem.data);
	return status;
}

static int export(struct cli *cli, iotsafe_key *key)
{
	iotsafe_object *object;
	uint8_t *der;
	size_t size;
	int status;

	if (iotsafe_key_export(key, &der, &size) < 0)
		return fail_library(cli);
	status = key_record(cli, key, &object);
	if (!status) {
		status = write_key(cli, object, der, size);
		if (!status && cli->json) {
			json_string(cli->json, "key",
				    iotsafe_object_name(object));
			json_string(cli->json, "file", cli->options.out);
		}
		iotsafe_object_free(object);
	}
	iotsafe_free(der);
	return status;
}

static int check(struct cli *cli)
{
	const char *path = cli->options.out;

	TRY(out_check(cli));
	if (!path || (!strcmp(path, "-") && isatty(STDOUT_FILENO)))
		return fail(cli, ERR_USAGE,
			    "a private key goes into a file: say --out FILE");
	if (strcmp(path, "-") != 0 && !access(path, F_OK))
		return fail(cli, ERR_FILE,
			    "%s is there already: a key is never written over "
			    "a file",
			    path);
	return 0;
}

int command_key(struct cli *cli)
{
	iotsafe_key *key;
	int status;

	TRY(check(cli));
	TRY(card_open(cli));
	TRY(card_key(cli, cli->options.arguments[0], &key));
	status = export(cli, key);
	iotsafe_key_free(key);
	return status;
}
