/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the host become hashes, and answers become files.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"
#include "file.h"
#include "json.h"
#include "text.h"
#include "watch.h"

static bool is_standard(const char *path)
{
	return !path || !strcmp(path, "-");
}

int out_check(struct cli *cli)
{
	const char *path = cli->options.out;

	if (path && is_standard(path) && cli->options.json)
		return fail(cli, ERR_USAGE,
			    "--out - and --json both want standard output");
	return 0;
}

/* Emptied only once nobody else can read it. Whose file it is could read it
 * again, so it must be ours, though root may write to any. */
static int make_private(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	if (!S_ISREG(status.st_mode))
		return 0;
	if (status.st_uid != geteuid()) {
		errno = EPERM;
		return -1;
	}
	return fchmod(fd, 0600) < 0 ? -1 : ftruncate(fd, 0);
}

int private_open(struct cli *cli, const char *path, FILE **file)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || make_private(fd) < 0 || !(*file = fdopen(fd, "wb"))) {
		fail(cli, ERR_FILE, "cannot write %s: %s", path,
		     strerror(errno));
		if (fd >= 0)
			close(fd);
		return 1;
	}
	return 0;
}

static int write_stream(struct cli *cli, FILE *file, const char *path,
			const void *data, size_t size)
{
	bool written = fwrite(data, 1, size, file) == size && !fflush(file);

	written = !fclose(file) && written;
	if (!written)
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	return 0;
}

/* What a secret gave, or was protected, is for its owner's eyes. */
#define PRIVATE (AGREE | PRF | HKDF | PSK | OPEN | DECRYPT)

static int write_file(struct cli *cli, const char *path, const void *data,
		      size_t size)
{
	FILE *file;

	if (cli->command->bit & PRIVATE) {
		TRY(private_open(cli, path, &file));
		setvbuf(file, NULL, _IONBF, 0);
	} else if (!(file = fopen(path, "wbe"))) {
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	}
	return write_stream(cli, file, path, data, size);
}

int out_write(struct cli *cli, const void *data, size_t size)
{
	watch_end();
	if (!is_standard(cli->options.out))
		return write_file(cli, cli->options.out, data, size);
	/* Whether it arrived is asked once, at the end. */
	fwrite(data, 1, size, stdout);
	return 0;
}

void out_hex(const uint8_t *data, size_t size)
{
	watch_end();
	for (size_t i = 0; i < size; i++)
		printf("%02x", data[i]);
	putchar('\n');
}

/* ---- secrets ---- */

int secret_check(struct cli *cli)
{
	const struct options *options = &cli->options;

	TRY(out_check(cli));
	if (options->out && options->hex)
		return fail(cli, ERR_USAGE, "give either --out or --hex");
	if (options->hex || options->out)
		return 0;
	if (options->json || isatty(STDOUT_FILENO))
		return fail(cli, ERR_USAGE,
			    "%s gives a secret: say where to with --out FILE, "
			    "or --hex to see it",
			    cli->command->name);
	return 0;
}

int secret_show(struct cli *cli, const char *name, const uint8_t *data,
		size_t size)
{
	if (!cli->options.hex)
		return out_write(cli, data, size);
	if (cli->json)
		json_hex(cli->json, name, data, size);
	else
		out_hex(data, size);
	return 0;
}

/* ---- bytes of unknown manners ---- */

int bytes_show(struct cli *cli, const char *name, const uint8_t *data,
	       size_t size)
{
	const struct options *options = &cli->options;

	if (options->out)
		return out_write(cli, data, size);
	if (cli->json) {
		json_text(cli->json, "text", data, size);
		json_hex(cli->json, name, data, size);
		return 0;
	}
	if (options->hex ||
	    (isatty(STDOUT_FILENO) && !text_fits_terminal(data, size))) {
		out_hex(data, size);
		return 0;
	}
	return out_write(cli, data, size);
}

int pem_encode(struct cli *cli, const char *label, const uint8_t *der,
	       size_t size, gnutls_datum_t *pem)
{
	gnutls_datum_t in = {(unsigned char *)(uintptr_t)der, (unsigned)size};
	int result = gnutls_pem_base64_encode2(label, &in, pem);

	if (result < 0)
		return fail(cli, "ERR_MEMORY", "cannot make PEM: %s",
			    gnutls_strerror(result));
	return 0;
}

static int hash_stream(struct cli *cli, FILE *file, const char *path,
		       gnutls_hash_hd_t state)
{
	uint8_t block[16384];
	size_t size;

	while ((size = fread(block, 1, sizeof(block), file)))
		if (gnutls_hash(state, block, size) < 0)
			return fail(cli, "ERR_SUPPORT", "cannot hash %s", path);
	if (ferror(file))
		return fail(cli, ERR_FILE, "cannot read %s: %s", path,
			    strerror(errno));
	return 0;
}

int file_hash(struct cli *cli, const char *path,
	      gnutls_digest_algorithm_t algorithm, uint8_t *hash)
{
	bool standard = is_standard(path);
	FILE *file = standard ? stdin : fopen(path, "rbe");
	gnutls_hash_hd_t state;
	int status;

	if (!file)
		return fail(cli, ERR_FILE, "cannot read %s: %s", path,
			    strerror(errno));
	if (gnutls_hash_init(&state, algorithm) < 0) {
		status = fail(cli, "ERR_SUPPORT", "GnuTLS lacks this hash");
	} else {
		status = hash_stream(cli, file,
				     standard ? "standard input" : path, state);
		gnutls_hash_deinit(state, hash);
	}
	if (!standard)
		fclose(file);
	return status;
}
