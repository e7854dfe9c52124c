/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the host become hashes, and answers become files.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "file.h"
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

static int write_file(struct cli *cli, const char *path, const void *data,
		      size_t size)
{
	FILE *file = fopen(path, "wbe");
	bool written;

	if (!file)
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	written = fwrite(data, 1, size, file) == size && !fflush(file);
	written = !fclose(file) && written;
	if (!written)
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	return 0;
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
