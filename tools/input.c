/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files and digits become bytes, public keys and signatures.
 */
#include <ctype.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "input.h"
#include "text.h"

/* Of files with a key, a certificate or a signature. */
#define SMALL 65536

void input_free(struct buffer *buffer)
{
	if (buffer->data)
		explicit_bzero(buffer->data, buffer->size);
	free(buffer->data);
	*buffer = (struct buffer){0};
}

int input_copy(struct cli *cli, const void *data, size_t size,
	       struct buffer *buffer)
{
	buffer->data = malloc(size + 1);
	if (!buffer->data)
		return fail(cli, "ERR_MEMORY", "no memory");
	if (size)
		memcpy(buffer->data, data, size);
	buffer->size = size;
	return 0;
}

/* Twice the room, and nothing of a secret left in the old one. */
static bool grow(struct buffer *buffer, size_t *room)
{
	size_t wanted = *room ? *room * 2 : 4096;
	uint8_t *data = malloc(wanted);
	size_t size = buffer->size;

	if (!data)
		return false;
	if (size)
		memcpy(data, buffer->data, size);
	input_free(buffer);
	*buffer = (struct buffer){data, size};
	*room = wanted;
	return true;
}

static int read_stream(struct cli *cli, FILE *file, const char *path,
		       size_t most, struct buffer *buffer)
{
	size_t room = 0, read = 1;

	/* A copy in the stream's own buffer could not be wiped. */
	setvbuf(file, NULL, _IONBF, 0);
	while (read) {
		if (buffer->size == room && !grow(buffer, &room))
			return fail(cli, "ERR_MEMORY", "no memory for %s",
				    path);
		read = fread(buffer->data + buffer->size, 1,
			     room - buffer->size, file);
		buffer->size += read;
		if (buffer->size > most)
			return fail(cli, ERR_USAGE,
				    "%s has more than %zu bytes", path, most);
	}
	if (ferror(file))
		return fail(cli, ERR_FILE, "cannot read %s: %s", path,
			    strerror(errno));
	return 0;
}

int input_stream(struct cli *cli, FILE *file, const char *path, size_t most,
		 struct buffer *buffer)
{
	int status;

	*buffer = (struct buffer){0};
	if (!file)
		return fail(cli, ERR_FILE, "cannot read %s: %s", path,
			    strerror(errno));
	status = read_stream(cli, file, path, most, buffer);
	if (file != stdin)
		fclose(file);
	if (status)
		input_free(buffer);
	return status;
}

int input_file(struct cli *cli, const char *path, size_t most,
	       struct buffer *buffer)
{
	bool standard = !path || !strcmp(path, "-");

	return input_stream(cli, standard ? stdin : fopen(path, "rbe"),
			    standard ? "standard input" : path, most, buffer);
}

int input_hex(struct cli *cli, const char *option, const char *text,
	      struct buffer *buffer)
{
	*buffer = (struct buffer){0};
	if (!text)
		return 0;
	buffer->data = malloc(strlen(text) / 2 + 1);
	if (!buffer->data)
		return fail(cli, "ERR_MEMORY", "no memory");
	if (text_unhex(text, buffer->data, &buffer->size))
		return 0;
	input_free(buffer);
	return fail(cli, ERR_USAGE, "%s is not made of hexadecimal bytes",
		    option);
}

/* ---- public keys ---- */

static int certificate_key(struct cli *cli, const char *path,
			   gnutls_x509_crt_t crt, struct buffer *der)
{
	gnutls_datum_t out = {NULL, 0};
	gnutls_pubkey_t key;
	int result = gnutls_pubkey_init(&key);

	if (result >= 0) {
		result = gnutls_pubkey_import_x509(key, crt, 0);
		if (result >= 0)
			result = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER,
						       &out);
		gnutls_pubkey_deinit(key);
	}
	if (result < 0)
		return fail(cli, "ERR_FORMAT", "the key of %s: %s", path,
			    gnutls_strerror(result));
	result = input_copy(cli, out.data, out.size, der);
	gnutls_free(out.data);
	return result;
}

/* True if the bytes are a certificate; `status` is what came of its key. */
static bool from_certificate(struct cli *cli, const char *path,
			     const struct buffer *file, struct buffer *der,
			     int *status)
{
	gnutls_datum_t in = {file->data, (unsigned)file->size};
	gnutls_x509_crt_t crt;
	bool found;

	if (gnutls_x509_crt_init(&crt) < 0)
		return false;
	found = gnutls_x509_crt_import(crt, &in, GNUTLS_X509_FMT_PEM) >= 0 ||
		gnutls_x509_crt_import(crt, &in, GNUTLS_X509_FMT_DER) >= 0;
	if (found)
		*status = certificate_key(cli, path, crt, der);
	gnutls_x509_crt_deinit(crt);
	return found;
}

/* The library takes curves that GnuTLS does not know, so DER goes on as it
 * is. */
static int from_key(struct cli *cli, const char *path,
		    const struct buffer *file, struct buffer *der)
{
	gnutls_datum_t in = {file->data, (unsigned)file->size}, out;
	int status;

	if (gnutls_pem_base64_decode2("PUBLIC KEY", &in, &out) >= 0) {
		status = input_copy(cli, out.data, out.size, der);
		gnutls_free(out.data);
		return status;
	}
	if (file->size && file->data[0] == 0x30)
		return input_copy(cli, file->data, file->size, der);
	return fail(cli, ERR_USAGE, "%s holds no public key and no certificate",
		    path);
}

int input_public_key(struct cli *cli, const char *path, struct buffer *der)
{
	struct buffer file;
	int status;

	*der = (struct buffer){0};
	TRY(input_file(cli, path, SMALL, &file));
	if (!from_certificate(cli, path, &file, der, &status))
		status = from_key(cli, path, &file, der);
	input_free(&file);
	return status;
}

/* ---- signatures ---- */

/* What is all digits and blanks is digits. The bytes of DER may begin like
 * them, so they are left alone until that is known. */
static int undo_hex(struct cli *cli, struct buffer *file)
{
	struct buffer text = {0}, bytes = {0};
	size_t size = file->size;

	TRY(input_copy(cli, file->data, size, &text));
	bytes.data = malloc(size / 2 + 1);
	while (size && isspace(text.data[size - 1]))
		size--;
	text.data[size] = '\0';
	if (bytes.data && strlen((char *)text.data) == size && size &&
	    text_unhex((char *)text.data, bytes.data, &bytes.size)) {
		input_free(file);
		*file = bytes;
		bytes = (struct buffer){0};
	}
	input_free(&bytes);
	input_free(&text);
	return 0;
}

int input_signature(struct cli *cli, const char *path, struct buffer *raw)
{
	uint8_t *rs;
	size_t size;
	int status;

	TRY(input_file(cli, path, SMALL, raw));
	TRY(undo_hex(cli, raw));
	if (!raw->size) {
		input_free(raw);
		return fail(cli, ERR_USAGE,
			    "%s holds no signature: it is empty", path);
	}
	/* A sequence is DER, unless the size says r and s or RSA-2048. */
	if (raw->data[0] != 0x30 || raw->size == 64 || raw->size == 256)
		return 0;
	if (iotsafe_signature_from_der(raw->data, raw->size, 32, &rs, &size) <
	    0) {
		input_free(raw);
		return fail_library(cli);
	}
	input_free(raw);
	status = input_copy(cli, rs, size, raw);
	iotsafe_free(rs);
	return status;
}
