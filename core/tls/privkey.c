/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key of the card becomes a gnutls_privkey_t: GnuTLS asks what the key can
 * do and hands over hashes; the card signs them.
 */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <iotsafe/gnutls.h>
#include <stdlib.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/ahead.h"
#include "tls/origin.h"
#include "tls/privkey.h"

struct card_privkey {
	struct origin origin;
	struct signing *signing;
	gnutls_pk_algorithm_t kind;
	unsigned bits;
	int algorithms; /* what the key can by its public key */
};

/*
 * TLS 1.2 names hash and kind of key, TLS 1.3 (RFC 8446 4.2.3) the curve or
 * the kind of RSA key as well: a row is good for one kind of key, and where
 * `bits` is set for one size.
 */
static const struct scheme {
	uint16_t sign; /* gnutls_sign_algorithm_t */
	uint16_t algorithm;
	uint16_t kind; /* gnutls_pk_algorithm_t */
	uint16_t bits;
} schemes[] = {
	{GNUTLS_SIGN_ECDSA_SHA256, IOTSAFE_ECDSA_SHA256, GNUTLS_PK_ECDSA, 0},
	{GNUTLS_SIGN_ECDSA_SHA384, IOTSAFE_ECDSA_SHA384, GNUTLS_PK_ECDSA, 0},
	{GNUTLS_SIGN_ECDSA_SHA512, IOTSAFE_ECDSA_SHA512, GNUTLS_PK_ECDSA, 0},
	{GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, IOTSAFE_ECDSA_SHA256,
	 GNUTLS_PK_ECDSA, 256},
	{GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, IOTSAFE_ECDSA_SHA384,
	 GNUTLS_PK_ECDSA, 384},
	{GNUTLS_SIGN_ECDSA_SECP521R1_SHA512, IOTSAFE_ECDSA_SHA512,
	 GNUTLS_PK_ECDSA, 521},
	{GNUTLS_SIGN_RSA_SHA256, IOTSAFE_RSA_PKCS1_SHA256, GNUTLS_PK_RSA, 0},
	{GNUTLS_SIGN_RSA_SHA384, IOTSAFE_RSA_PKCS1_SHA384, GNUTLS_PK_RSA, 0},
	{GNUTLS_SIGN_RSA_SHA512, IOTSAFE_RSA_PKCS1_SHA512, GNUTLS_PK_RSA, 0},
	{GNUTLS_SIGN_RSA_SHA1, IOTSAFE_RSA_PKCS1_SHA1, GNUTLS_PK_RSA, 0},
	{GNUTLS_SIGN_RSA_SHA224, IOTSAFE_RSA_PKCS1_SHA224, GNUTLS_PK_RSA, 0},
	{GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, IOTSAFE_RSA_PSS_SHA256, GNUTLS_PK_RSA,
	 0},
	{GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, IOTSAFE_RSA_PSS_SHA384, GNUTLS_PK_RSA,
	 0},
	{GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, IOTSAFE_RSA_PSS_SHA512, GNUTLS_PK_RSA,
	 0},
	{GNUTLS_SIGN_RSA_PSS_SHA256, IOTSAFE_RSA_PSS_SHA256, GNUTLS_PK_RSA_PSS,
	 0},
	{GNUTLS_SIGN_RSA_PSS_SHA384, IOTSAFE_RSA_PSS_SHA384, GNUTLS_PK_RSA_PSS,
	 0},
	{GNUTLS_SIGN_RSA_PSS_SHA512, IOTSAFE_RSA_PSS_SHA512, GNUTLS_PK_RSA_PSS,
	 0},
};

int privkey_algorithm(gnutls_sign_algorithm_t sign)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (schemes[i].sign == sign)
			return schemes[i].algorithm;
	return 0;
}

/* What HAVE_SIGN_ALGO is answered from; a card may have refused some since. */
static int can_do(const struct card_privkey *self)
{
	return self->algorithms & key_algorithms(origin_last(&self->origin));
}

/* The card's algorithm for one of GnuTLS's, 0 if this key cannot. */
static int algorithm_of(const struct card_privkey *self,
			gnutls_sign_algorithm_t sign)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const struct scheme *scheme = &schemes[i];

		if (scheme->sign != sign || scheme->kind != self->kind)
			continue;
		if (scheme->bits && scheme->bits != self->bits)
			return 0;
		return scheme->algorithm & can_do(self);
	}
	return 0;
}

/* Asked up to 20 times in a handshake, for each candidate in the order of the
 * peer's list; the first 1 wins. */
static int info(gnutls_privkey_t privkey, unsigned flags, void *userdata)
{
	const struct card_privkey *self = userdata;

	(void)privkey;
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
		return (int)self->kind;
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
		return (int)self->bits;
	if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
		return algorithm_of(self, GNUTLS_FLAGS_TO_SIGN_ALGO(flags)) !=
		       0;
	return -1;
}

static int pkcs1_of(gnutls_digest_algorithm_t digest)
{
	switch (digest) {
	case GNUTLS_DIG_SHA1:
		return IOTSAFE_RSA_PKCS1_SHA1;
	case GNUTLS_DIG_SHA224:
		return IOTSAFE_RSA_PKCS1_SHA224;
	case GNUTLS_DIG_SHA256:
		return IOTSAFE_RSA_PKCS1_SHA256;
	case GNUTLS_DIG_SHA384:
		return IOTSAFE_RSA_PKCS1_SHA384;
	case GNUTLS_DIG_SHA512:
		return IOTSAFE_RSA_PKCS1_SHA512;
	default:
		return 0;
	}
}

/* With RSA_RAW the hash comes inside a DigestInfo (RFC 8017 9.2): takes it
 * out into `room`. Returns the algorithm, 0 if that is none for a card. */
static int open_digest_info(const gnutls_datum_t *info_der, uint8_t *room,
			    struct bytes *hash)
{
	gnutls_digest_algorithm_t digest;
	unsigned size = 64;

	if (gnutls_decode_ber_digest_info(info_der, &digest, room, &size) < 0)
		return 0;
	*hash = (struct bytes){room, size};
	return pkcs1_of(digest);
}

/* GnuTLS wants ECDSA as DER and RSA as the block, in memory of its own. */
static int give_signature(gnutls_datum_t *out, int algorithm,
			  struct bytes signature)
{
	uint8_t der[CRYPTO_RS_MAX + 16];
	struct builder builder = {der, 0, sizeof(der), false};

	if (algorithm & CRYPTO_ECDSA) {
		if (!crypto_rs_to_der(signature, &builder))
			return error_set(IOTSAFE_ERR_FORMAT,
					 "signature: %zu bytes are not r and s",
					 signature.size);
		signature = (struct bytes){der, builder.size};
	}
	return datum_give(signature, out);
}

static int sign(struct card_privkey *self, int algorithm, struct bytes hash,
		gnutls_datum_t *signature)
{
	const struct deadline *limit = NULL;
	iotsafe_key *key;
	uint8_t *out;
	size_t out_size;
	int result;

	if (!algorithm)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "key %s cannot sign what TLS asks for",
				 key_title(origin_last(&self->origin)));
	if (self->signing) {
		limit = &self->signing->limit;
		TRY(ahead_settle(self->signing->ahead, limit));
	}
	TRY(origin_find(&self->origin, limit, &key));
	TRY(key_sign(key, algorithm, hash, limit, &out, &out_size));
	result = give_signature(signature, algorithm,
				(struct bytes){out, out_size});
	iotsafe_free(out);
	if (result >= 0 && self->signing)
		self->signing->count++;
	return result;
}

/* Sessions of our own know the sentence. */
static int tell(const struct card_privkey *self, int result)
{
	if (self->origin.name)
		return origin_tell(result);
	return result < 0 ? IOTSAFE_GNUTLS_ERROR(result) : 0;
}

/*
 * Never returns a positive number (taken for a bad signature) nor
 * GNUTLS_E_AGAIN or GNUTLS_E_INTERRUPTED (GnuTLS would leave out
 * CertificateVerify); our sentence stays in iotsafe_last_error().
 */
static int sign_hash(gnutls_privkey_t privkey, gnutls_sign_algorithm_t sign_id,
		     void *userdata, unsigned flags, const gnutls_datum_t *in,
		     gnutls_datum_t *signature)
{
	struct card_privkey *self = userdata;
	struct bytes hash = {in->data, in->size};
	uint8_t room[64];
	int algorithm, result;

	(void)privkey;
	(void)flags;
	if (sign_id == GNUTLS_SIGN_RSA_RAW)
		algorithm = open_digest_info(in, room, &hash) & can_do(self);
	else
		algorithm = algorithm_of(self, sign_id);
	result = sign(self, algorithm, hash, signature);
	return tell(self, result);
}

/* What a server does with an RSA key exchange, and applications that decrypt
 * with a gnutls_privkey_t. */
static int decrypt(gnutls_privkey_t privkey, void *userdata,
		   const gnutls_datum_t *in, gnutls_datum_t *plain)
{
	struct card_privkey *self = userdata;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;
	int result;

	(void)privkey;
	result = origin_find(&self->origin, NULL, &key);
	if (result >= 0)
		result = iotsafe_key_decrypt(key, in->data, in->size, &out,
					     &size);
	if (result >= 0) {
		result = datum_give((struct bytes){out, size}, plain);
		iotsafe_free(out);
	}
	return tell(self, result);
}

/* May run long after the modem has gone. */
static void deinit(gnutls_privkey_t privkey, void *userdata)
{
	struct card_privkey *self = userdata;

	(void)privkey;
	origin_end(&self->origin);
	free(self);
}

/* Without a public key its kind is told by what the card can do. */
static void guess_kind(struct card_privkey *self)
{
	if (self->algorithms & CRYPTO_ECDSA) {
		self->kind = GNUTLS_PK_ECDSA;
		self->bits = 256;
	} else {
		self->kind = GNUTLS_PK_RSA;
		self->bits = 2048;
	}
}

static void find_kind(struct card_privkey *self)
{
	const int kind = crypto_spki_kind(key_spki(origin_last(&self->origin)),
					  &self->bits);

	if (kind > GNUTLS_PK_UNKNOWN)
		self->kind = (gnutls_pk_algorithm_t)kind;
	else
		guess_kind(self);
}

static int import(iotsafe_key *key, const char *name, struct signing *signing,
		  gnutls_privkey_t privkey)
{
	struct card_privkey *self;
	int error;

	if (!key_algorithms(key))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "key %s cannot sign for TLS", key_title(key));
	self = calloc(1, sizeof(*self));
	if (!self)
		return error_no_memory("key");
	error = origin_init(&self->origin, key, name);
	if (error < 0) {
		free(self);
		return error;
	}
	self->signing = signing;
	self->algorithms = key_algorithms(key);
	find_kind(self);
	/* Only sign_hash: with sign_data alone GnuTLS jumps to NULL. */
	error = gnutls_privkey_import_ext4(
		privkey, self, NULL, sign_hash,
		self->kind == GNUTLS_PK_RSA ? decrypt : NULL, deinit, info, 0);
	if (error >= 0)
		return IOTSAFE_OK;
	origin_end(&self->origin);
	free(self);
	return crypto_failed(IOTSAFE_ERR_ARG, error,
			     "key: GnuTLS did not take it");
}

int privkey_import(iotsafe_key *key, struct signing *signing,
		   gnutls_privkey_t privkey)
{
	return import(key, NULL, signing, privkey);
}

int privkey_import_named(iotsafe_key *key, const char *name,
			 gnutls_privkey_t privkey)
{
	return import(key, name, NULL, privkey);
}

int iotsafe_key_import(iotsafe_key *key, gnutls_privkey_t privkey)
{
	if (!key || !privkey)
		return error_set(IOTSAFE_ERR_ARG, "key_import: no key given");
	TRY(key_learn(key, NULL));
	return privkey_import(key, NULL, privkey);
}
