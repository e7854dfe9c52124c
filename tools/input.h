/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command line names: files, digits, keys and signatures. */
#ifndef TOOLS_INPUT_H
#define TOOLS_INPUT_H

#include <stdio.h>
#include "cli.h"

/* Bytes on the heap; wiped by input_free(). */
struct buffer {
	uint8_t *data;
	size_t size;
};

void input_free(struct buffer *buffer);

int input_copy(struct cli *cli, const void *data, size_t size,
	       struct buffer *buffer);

/* The whole file, at most `most` bytes; NULL and "-" are standard input. */
int input_file(struct cli *cli, const char *path, size_t most,
	       struct buffer *buffer);

/* The same of a stream, which is closed; NULL: errno says why. */
int input_stream(struct cli *cli, FILE *file, const char *path, size_t most,
		 struct buffer *buffer);

/* Hexadecimal digits of an option; nothing where `text` is NULL. */
int input_hex(struct cli *cli, const char *option, const char *text,
	      struct buffer *buffer);

/* A file of a public key or a certificate, PEM or DER, becomes a
 * SubjectPublicKeyInfo. */
int input_public_key(struct cli *cli, const char *path, struct buffer *der);

/* A file of a signature: ECDSA as DER or r and s, an RSA block, each also in
 * hexadecimal digits. Gives r and s, or the block. */
int input_signature(struct cli *cli, const char *path, struct buffer *raw);

#endif
