// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What Trust Onboard's files hold: certificates and the Available key, bare, as
 * compressed by Windows' minidrivers, or in a data object of PKCS#11.
 */
#include "mias_parts.h"

#include "ef.h"

#include <string.h>

#include <openssl/x509.h>
#include <zlib.h>

#define HEADER_SIZE 16 /* of a data object; nobody knows what is in it */

/* Behind the certificate stand its issuers, or those of the other identity. */
static bool put_issuers(struct card *card, struct writer *out)
{
	enum tob_identity of = quirk_on(&card->quirks, QUIRK_WRONG_CHAIN)
				       ? TOB_SIGNING
				       : TOB_AVAILABLE;
	X509 **chain = card->personal->tob->chains[of];

	for (size_t i = 1; i < TOB_CHAIN_MAX && chain[i] != NULL; i++)
		if (!tob_put_pem(out, chain[i]))
			return false;
	return true;
}

bool tob_put_chain(struct card *card, struct writer *out)
{
	X509 **chain = card->personal->tob->chains[TOB_AVAILABLE];

	return tob_put_pem(out, chain[0]) && put_issuers(card, out);
}

/* A fault: bytes that are no key. */
static bool put_noise(struct writer *out)
{
	for (unsigned int i = 0; i < 1192; i++)
		put_byte(out, i * 167 + 91);
	return true;
}

bool tob_put_key(struct card *card, struct writer *out)
{
	EVP_PKEY *key = card->personal->tob->keys[TOB_AVAILABLE];
	int zeros = quirk_value(&card->quirks, QUIRK_KEY_NUL, 0);
	uint8_t *der = NULL;
	int size;

	if (fault_holds(card->faults, FAULT_NOISE_KEY, NULL))
		return put_noise(out);
	size = i2d_PrivateKey(key, &der);
	if (size <= 0)
		return false;
	put_bytes(out, der, (size_t)size);
	OPENSSL_clear_free(der, (size_t)size);
	while (zeros-- > 0)
		put_byte(out, 0);
	return true;
}

bool tob_put_der(X509 *cert, struct writer *out)
{
	uint8_t *der = NULL;
	int size = i2d_X509(cert, &der);

	if (size <= 0)
		return false;
	put_bytes(out, der, (size_t)size);
	OPENSSL_free(der);
	return true;
}

/* Deflates `size` bytes at `data`, `times` times. */
static bool put_deflated(uint8_t *data, size_t size, unsigned int times,
			 struct writer *out)
{
	uint8_t *to = out->data + out->size;
	z_stream stream = {0};
	int result;

	if (deflateInit(&stream, Z_BEST_COMPRESSION) != Z_OK)
		return false;
	stream.next_out = to;
	stream.avail_out = (uInt)(out->capacity - out->size);
	do {
		stream.next_in = data;
		stream.avail_in = (uInt)size;
		result = deflate(&stream, --times == 0 ? Z_FINISH : Z_NO_FLUSH);
	} while (result == Z_OK && times > 0);
	out->size += stream.total_out;
	deflateEnd(&stream);
	return result == Z_STREAM_END;
}

/* 01 00, the length inflated in little-endian, a zlib stream. */
static bool put_compressed(struct card *card, uint8_t *der, size_t der_size,
			   struct writer *out)
{
	static uint8_t zeros[0x10000];
	unsigned int size = (unsigned int)der_size;
	size_t begin;
	bool done;

	fault_holds(card->faults, FAULT_ZLIB_SIZE, &size);
	put_bytes(out, "\x01\x00", 2);
	put_byte(out, size & 0xFF);
	put_byte(out, size >> 8 & 0xFF);
	begin = out->size;
	if (fault_holds(card->faults, FAULT_ZLIB_BOMB, NULL))
		return put_deflated(zeros, sizeof(zeros), 256, out);
	done = put_deflated(der, der_size, 1, out);
	if (fault_holds(card->faults, FAULT_ZLIB_CUT, NULL))
		out->size = begin + (out->size - begin) / 2;
	return done;
}

/* These faults are of the compressed form alone. */
static bool is_compressed(const struct card *card)
{
	return quirk_on(&card->quirks, QUIRK_KXC_ZLIB) ||
	       fault_holds(card->faults, FAULT_ZLIB_SIZE, NULL) ||
	       fault_holds(card->faults, FAULT_ZLIB_BOMB, NULL) ||
	       fault_holds(card->faults, FAULT_ZLIB_CUT, NULL);
}

bool mias_put_certificate(struct card *card, struct writer *out)
{
	X509 *cert = card->personal->tob->chains[TOB_SIGNING][0];
	uint8_t *der = NULL;
	bool done;
	int size;

	if (!is_compressed(card))
		return tob_put_der(cert, out);
	size = i2d_X509(cert, &der);
	done = size > 0 && put_compressed(card, der, (size_t)size, out);
	OPENSSL_free(der);
	return done;
}

/* A byte that counts, and a text. */
static void put_counted(struct writer *out, const char *text)
{
	put_byte(out, (unsigned int)strlen(text));
	put_bytes(out, text, strlen(text));
}

/*
 * The attributes of a data object: a header, label, application, object id,
 * and before the value its length, in two bytes as the vendor's client needs
 * it.
 */
static void put_object(struct card *card, const char *label, struct view value,
		       struct writer *out)
{
	bool rich = quirk_on(&card->quirks, QUIRK_P11_FIELDS);
	unsigned int label_size = (unsigned int)strlen(label) + (rich ? 3 : 0);
	unsigned int value_size = (unsigned int)value.size;

	fault_holds(card->faults, FAULT_LABEL_SIZE, &label_size);
	fault_holds(card->faults, FAULT_VALUE_SIZE, &value_size);
	for (size_t i = 0; i < HEADER_SIZE; i++)
		put_byte(out, 0);
	put_byte(out, label_size & 0xFF);
	put_bytes(out, label, strlen(label));
	put_bytes(out, "   ", rich ? 3 : 0);
	put_counted(out, rich ? "iotsafe-sim" : "");
	put_counted(out, rich ? "\x06\x03\x2A\x03\x04" : "");
	put_byte(out, 0x82);
	put_u16(out, value_size & 0xFFFF);
	put_bytes(out, value.data, value.size);
}

static bool put_object_of(struct card *card, const char *label,
			  bool (*put)(struct card *card, struct writer *out),
			  struct writer *out)
{
	struct ef value = {0};
	struct writer into;
	bool done;

	done = ef_begin(&value, &into) && put(card, &into) &&
	       ef_end(&value, &into);
	if (done)
		put_object(card, label, view_of(value.data, value.size), out);
	ef_forget(&value);
	return done;
}

bool mias_put_available_certificate(struct card *card, struct writer *out)
{
	return put_object_of(card,
			     quirk_on(&card->quirks, QUIRK_TYPE_LABELS)
				     ? "CERT_TYPE_A"
				     : "CERT_AVAILABLE",
			     tob_put_chain, out);
}

bool mias_put_available_key(struct card *card, struct writer *out)
{
	return put_object_of(card,
			     quirk_on(&card->quirks, QUIRK_TYPE_LABELS)
				     ? "PRIV_TYPE_A"
				     : "PRIV_AVAILABLE",
			     tob_put_key, out);
}

bool mias_put_other_object(struct card *card, struct writer *out)
{
	static const char text[] = "not of Trust Onboard";

	put_object(card, "OTHER", view_of(text, sizeof(text) - 1), out);
	return true;
}
