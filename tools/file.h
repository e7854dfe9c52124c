/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes from files of the host, and what goes there. */
#ifndef TOOLS_FILE_H
#define TOOLS_FILE_H

#include <gnutls/gnutls.h>
#include <stdio.h>
#include "cli.h"

/* Refuses --out - together with --json: both want standard output. */
int out_check(struct cli *cli);

/* Writes bytes as they are to --out, else to standard output. */
int out_write(struct cli *cli, const void *data, size_t size);

/* Writes a line of hexadecimal digits to standard output. */
void out_hex(const uint8_t *data, size_t size);

/* Before the card is asked for a secret: is there a place for it? Digits only
 * with --hex; bytes to --out, or to a standard output that is no terminal. */
int secret_check(struct cli *cli);

/* Writes it there; a file gets mode 0600. */
int secret_show(struct cli *cli, const char *name, const uint8_t *data,
		size_t size);

/* Bytes of unknown manners: as they are, but a terminal gets digits where
 * they are not text. With --json the member, unless --out takes them. */
int bytes_show(struct cli *cli, const char *name, const uint8_t *data,
	       size_t size);

/* A file of mode 0600, new or emptied; the caller closes it. */
int private_open(struct cli *cli, const char *path, FILE **file);

/* DER as PEM under this label; released with gnutls_free(pem->data). */
int pem_encode(struct cli *cli, const char *label, const uint8_t *der,
	       size_t size, gnutls_datum_t *pem);

/* Hashes a file; NULL and "-" are standard input. */
int file_hash(struct cli *cli, const char *path,
	      gnutls_digest_algorithm_t algorithm, uint8_t *hash);

#endif
