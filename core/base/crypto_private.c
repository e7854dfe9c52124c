/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private keys that a card gives out: found among padding, and used here.
 * GnuTLS holds the numbers of one only while it works with it.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"

#define PEM_BEGIN "-----BEGIN "

/* The DER ends with its outer SEQUENCE: writers append a NUL, and files are
 * padded, neither of which GnuTLS takes. */
static bool trim(struct bytes *key)
{
	struct bytes rest = *key;
	struct tlv outer;

	if (!tlv_next(&rest, &outer) || outer.tag != 0x30)
		return false;
	key->size = (size_t)(rest.data - key->data);
	return true;
}

static int import(struct bytes raw, gnutls_x509_privkey_t *out)
{
	gnutls_x509_crt_fmt_t format = GNUTLS_X509_FMT_DER;
	gnutls_datum_t data;
	int error;

	if (!trim(&raw)) {
		if (!memmem(raw.data, raw.size, PEM_BEGIN,
			    sizeof(PEM_BEGIN) - 1))
			return GNUTLS_E_ASN1_TAG_ERROR;
		format = GNUTLS_X509_FMT_PEM;
	}
	data = datum_of(raw);
	error = gnutls_x509_privkey_init(out);
	if (error < 0)
		return error;
	error = gnutls_x509_privkey_import2(*out, &data, format, NULL, 0);
	if (error < 0)
		gnutls_x509_privkey_deinit(*out);
	return error;
}

int crypto_private_read(struct bytes raw, struct secret **out)
{
	gnutls_x509_privkey_t key;
	gnutls_datum_t der = {NULL, 0};
	int error = raw.size ? import(raw, &key) : GNUTLS_E_ASN1_TAG_ERROR;

	*out = NULL;
	if (error < 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "private key: %zu bytes are none (%s)",
				 raw.size, gnutls_strerror(error));
	error = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_DER, &der);
	gnutls_x509_privkey_deinit(key);
	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_FORMAT, error, "private key");
	*out = secret_new((struct bytes){der.data, der.size});
	bytes_wipe(der.data, der.size);
	gnutls_free(der.data);
	return *out ? IOTSAFE_OK : IOTSAFE_ERR_MEMORY;
}

static int use(const struct secret *key, gnutls_privkey_t *out)
{
	gnutls_datum_t data = datum_of(secret_bytes(key));

	if (gnutls_privkey_init(out) < 0)
		return error_no_memory("private key");
	if (gnutls_privkey_import_x509_raw(*out, &data, GNUTLS_X509_FMT_DER,
					   NULL, 0) >= 0)
		return IOTSAFE_OK;
	gnutls_privkey_deinit(*out);
	return error_set(IOTSAFE_ERR_FORMAT, "private key: GnuTLS refused it");
}

/* What GnuTLS gave, in the form of cards. */
static int take_signature(const gnutls_datum_t *made, int algorithm,
			  uint8_t *out, size_t room, size_t *out_size)
{
	const size_t half = crypto_hash_size(algorithm);

	*out_size = algorithm & CRYPTO_ECDSA ? 2 * half : made->size;
	if (*out_size > room)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "private key: a signature of %u bytes",
				 made->size);
	if (!(algorithm & CRYPTO_ECDSA))
		memcpy(out, made->data, made->size);
	else if (!crypto_der_to_rs((struct bytes){made->data, made->size}, half,
				   out))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "private key: of a curve that does not go "
				 "with %s",
				 iotsafe_algorithm_name(algorithm));
	return IOTSAFE_OK;
}

int crypto_private_sign(const struct secret *key, int algorithm,
			struct bytes hash, uint8_t *out, size_t room,
			size_t *out_size)
{
	gnutls_datum_t hash_datum = datum_of(hash), made;
	gnutls_privkey_t privkey;
	int error, result;

	TRY(use(key, &privkey));
	error = gnutls_privkey_sign_hash2(privkey, crypto_sign_id(algorithm), 0,
					  &hash_datum, &made);
	gnutls_privkey_deinit(privkey);
	if (error < 0)
		return crypto_failed(
			IOTSAFE_ERR_SUPPORT, error,
			"private key: GnuTLS does not sign with it");
	result = take_signature(&made, algorithm, out, room, out_size);
	gnutls_free(made.data);
	return result;
}

static int check_cryptogram(gnutls_privkey_t key, size_t size)
{
	unsigned bits = 0;

	if (gnutls_privkey_get_pk_algorithm(key, &bits) != GNUTLS_PK_RSA)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "private key: no RSA, and cannot decrypt");
	if (size == (bits + 7) / 8)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_ARG,
			 "private key: %zu bytes, the key wants %u", size,
			 (bits + 7) / 8);
}

int crypto_private_decrypt(const struct secret *key, struct bytes in,
			   uint8_t *out, size_t room, size_t *out_size)
{
	gnutls_datum_t data = datum_of(in), plain;
	gnutls_privkey_t privkey;
	int error = 0, result;

	TRY(use(key, &privkey));
	result = check_cryptogram(privkey, in.size);
	if (result >= 0)
		error = gnutls_privkey_decrypt_data(privkey, 0, &data, &plain);
	gnutls_privkey_deinit(privkey);
	if (result < 0)
		return result;
	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_VERIFY, error,
				     "private key: cannot decrypt this");
	if (plain.size > room)
		result = error_set(IOTSAFE_ERR_FORMAT,
				   "private key: %u decrypted bytes",
				   plain.size);
	else
		memcpy(out, plain.data, plain.size);
	*out_size = result < 0 ? 0 : plain.size;
	bytes_wipe(plain.data, plain.size);
	gnutls_free(plain.data);
	return result;
}
