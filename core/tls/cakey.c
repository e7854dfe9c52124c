/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server's chain becomes yes or no by a CA's public key on the card: the
 * card verifies the topmost certificate of that CA, which thereby is GnuTLS's
 * anchor for names, times, purposes and the signatures below it.
 */
#include <stdlib.h>
#include <string.h>
#include <iotsafe/gnutls.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/attach.h"
#include "tls/cakey.h"
#include "tls/privkey.h"
#include "tls/verify.h"

/* Certificates that a server may send; real ones send up to four. */
#define SENT_MAX      16
#define SIGNATURE_MAX 512 /* RSA with 4096 bits */
#define HALF_SIZE     32  /* of r and s, on the curves that cards have */

struct sent {
	struct bytes der;
	gnutls_x509_crt_t crt;
};

static void release_all(struct sent *sent, unsigned count)
{
	while (count--)
		gnutls_x509_crt_deinit(sent[count].crt);
}

static int import(struct sent *sent, const gnutls_datum_t *der)
{
	int error = gnutls_x509_crt_init(&sent->crt);

	if (error < 0)
		return error_no_memory("certificate");
	sent->der = (struct bytes){der->data, der->size};
	error = gnutls_x509_crt_import(sent->crt, der, GNUTLS_X509_FMT_DER);
	if (error >= 0)
		return IOTSAFE_OK;
	gnutls_x509_crt_deinit(sent->crt);
	return crypto_failed(IOTSAFE_ERR_UNTRUSTED, error,
			     "TLS handshake: the server's certificate");
}

static int import_all(gnutls_session_t session, struct sent *sent,
		      unsigned *count)
{
	const gnutls_datum_t *chain;
	unsigned there;
	int result;

	chain = gnutls_certificate_get_peers(session, &there);
	if (!chain || !there || there > SENT_MAX ||
	    gnutls_certificate_type_get2(session, GNUTLS_CTYPE_SERVER) !=
		    GNUTLS_CRT_X509)
		return error_set(IOTSAFE_ERR_UNTRUSTED,
				 "TLS handshake: the server did not show a "
				 "chain of 1 to %d certificates",
				 SENT_MAX);
	for (*count = 0; *count < there; ++*count) {
		result = import(&sent[*count], &chain[*count]);
		if (result < 0) {
			release_all(sent, *count);
			return result;
		}
	}
	return IOTSAFE_OK;
}

static bool is_issued_by(const struct sent *one, const struct sent *other)
{
	return gnutls_x509_crt_check_issuer(one->crt, other->crt);
}

/* Puts the chain in front, from leaf to top, whatever else was sent, and gives
 * its length. A root is left out: it says nothing but its own word. */
static unsigned order(struct sent *sent, unsigned count)
{
	unsigned length = 1;

	while (length < count &&
	       !is_issued_by(&sent[length - 1], &sent[length - 1])) {
		unsigned next = length;
		struct sent found;

		while (next < count &&
		       !is_issued_by(&sent[length - 1], &sent[next]))
			next++;
		if (next == count)
			break;
		found = sent[next];
		sent[next] = sent[length];
		sent[length++] = found;
	}
	if (length > 1 && is_issued_by(&sent[length - 1], &sent[length - 1]))
		length--;
	return length;
}

/* Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, … } (RFC 5280 4.1) */
static bool find_signed(struct bytes der, struct bytes *out)
{
	struct tlv outer, inner;
	struct bytes rest;

	if (!tlv_next(&der, &outer) || outer.tag != 0x30)
		return false;
	rest = outer.value;
	if (!tlv_next(&rest, &inner) || inner.tag != 0x30)
		return false;
	return bytes_take(&outer.value, outer.value.size - rest.size, out);
}

struct proof {
	int algorithm;
	uint8_t hash[64];
	uint8_t signature[SIGNATURE_MAX];
	size_t signature_size;
};

static int refuse_algorithm(gnutls_sign_algorithm_t sign)
{
	const char *name = gnutls_sign_get_name(sign);

	return error_set(IOTSAFE_ERR_SUPPORT,
			 "TLS handshake: the server's certificate is signed "
			 "with %s on a key that cards cannot verify with",
			 name ? name : "an unknown algorithm");
}

static int hash_signed(const struct sent *top, gnutls_sign_algorithm_t sign,
		       struct proof *proof)
{
	struct bytes text;

	proof->algorithm = privkey_algorithm(sign);
	if (!proof->algorithm)
		return refuse_algorithm(sign);
	if (!find_signed(top->der, &text) ||
	    !crypto_hash(proof->algorithm, text, proof->hash))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "TLS handshake: the server's certificate "
				 "cannot be read");
	return IOTSAFE_OK;
}

static int read_proof(const struct sent *top, struct proof *proof)
{
	int sign = gnutls_x509_crt_get_signature_algorithm(top->crt);
	struct bytes der;
	uint8_t rs[2 * HALF_SIZE];

	if (sign < 0)
		sign = GNUTLS_SIGN_UNKNOWN;
	TRY(hash_signed(top, (gnutls_sign_algorithm_t)sign, proof));
	proof->signature_size = sizeof(proof->signature);
	if (gnutls_x509_crt_get_signature(top->crt, (char *)proof->signature,
					  &proof->signature_size) < 0)
		return refuse_algorithm((gnutls_sign_algorithm_t)sign);
	if (!(proof->algorithm & CRYPTO_ECDSA))
		return IOTSAFE_OK;
	der = (struct bytes){proof->signature, proof->signature_size};
	if (!crypto_der_to_rs(der, HALF_SIZE, rs))
		return refuse_algorithm((gnutls_sign_algorithm_t)sign);
	memcpy(proof->signature, rs, sizeof(rs));
	proof->signature_size = sizeof(rs);
	return IOTSAFE_OK;
}

static int ask_card(const struct cakey *self, const struct sent *top)
{
	struct proof proof;
	int result;

	TRY(read_proof(top, &proof));
	result = card_verify(
		self->card, self->name, proof.algorithm,
		(struct bytes){proof.hash, crypto_hash_size(proof.algorithm)},
		(struct bytes){proof.signature, proof.signature_size},
		self->limit);
	if (result != IOTSAFE_ERR_VERIFY)
		return result;
	return error_set(IOTSAFE_ERR_UNTRUSTED,
			 "TLS handshake: the server's certificate is not "
			 "signed by the CA key \"%s\" of the card",
			 self->name);
}

/* From the top down, since what is on top may be above the card's CA: its own
 * certificate by another root. Cuts off what is above the CA's word; if it has
 * none, the first answer is the reason. */
static int find_anchor(const struct cakey *self, const struct sent *sent,
		       unsigned *length)
{
	struct error first = {0};
	int result;

	for (; *length; --*length) {
		result = ask_card(self, &sent[*length - 1]);
		if (result != IOTSAFE_ERR_UNTRUSTED &&
		    result != IOTSAFE_ERR_SUPPORT)
			return result;
		if (!first.code)
			error_save(&first);
	}
	error_restore(&first);
	return first.code;
}

/* Never fails for what is wrong with the chain: that is in `status`. */
static int check_rest(struct sent *sent, unsigned count,
		      gnutls_typed_vdata_st *data, unsigned data_count,
		      unsigned *status)
{
	/* An anchor of version 1 would be a CA to GnuTLS, and may be anybody
	 * whom the CA gave a certificate. */
	const unsigned flags = GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_LOW) |
			       GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT;
	gnutls_x509_crt_t chain[SENT_MAX];
	gnutls_x509_trust_list_t list;
	int error;

	for (unsigned i = 0; i < count; i++)
		chain[i] = sent[i].crt;
	if (gnutls_x509_trust_list_init(&list, 0) < 0)
		return error_no_memory("certificate");
	error = gnutls_x509_trust_list_add_cas(list, &chain[count - 1], 1, 0);
	if (error >= 0)
		error = gnutls_x509_trust_list_verify_crt2(list, chain, count,
							   data, data_count,
							   flags, status, NULL);
	gnutls_x509_trust_list_deinit(list, 0);
	/* GnuTLS does not ask this of an anchor. */
	if (!gnutls_x509_crt_check_key_purpose(
		    chain[count - 1], (char *)verify_purpose().data, 0))
		*status |= GNUTLS_CERT_INVALID | GNUTLS_CERT_PURPOSE_MISMATCH;
	if (error >= 0)
		return IOTSAFE_OK;
	return crypto_failed(IOTSAFE_ERR_UNTRUSTED, error,
			     "TLS handshake: the server's certificate");
}

int cakey_check(const struct cakey *self, gnutls_session_t session,
		gnutls_typed_vdata_st *data, unsigned data_count,
		unsigned *status)
{
	struct sent sent[SENT_MAX];
	unsigned count = 0, length;
	int result;

	*status = GNUTLS_CERT_INVALID;
	TRY(import_all(session, sent, &count));
	length = order(sent, count);
	result = find_anchor(self, sent, &length);
	if (result >= 0)
		result = check_rest(sent, length, data, data_count, status);
	release_all(sent, count);
	return result;
}

/* ---- for programs with sessions of their own ---- */

struct kept {
	iotsafe_card *card;
	char *name;
	char *host;
};

static void release(void *data)
{
	struct kept *kept = data;

	iotsafe_card_free(kept->card);
	free(kept->name);
	free(kept->host);
	free(kept);
}

static int check_kept(const struct kept *kept, gnutls_session_t session)
{
	const struct cakey self = {kept->card, kept->name, NULL};
	gnutls_typed_vdata_st data[2] = {
		verify_purpose(),
		{.type = GNUTLS_DT_DNS_HOSTNAME,
		 .data = (unsigned char *)kept->host},
	};
	unsigned status;

	TRY(cakey_check(&self, session, data, kept->host ? 2 : 1, &status));
	return status ? verify_tell(session,
				    kept->host ? kept->host : "the server",
				    status)
		      : IOTSAFE_OK;
}

static int on_verify(gnutls_session_t session)
{
	int result = check_kept(attached(session, ATTACHED_CA_KEY), session);

	if (result == IOTSAFE_ERR_UNTRUSTED)
		return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
	return result < 0 ? IOTSAFE_GNUTLS_ERROR(result) : 0;
}

int iotsafe_session_set_ca_key(gnutls_session_t session, iotsafe_card *card,
			       const char *name, const char *hostname)
{
	struct kept *kept;
	int result;

	if (!session || !card || !name || !*name)
		return error_set(IOTSAFE_ERR_ARG,
				 "CA key: wants a session, a card and the name "
				 "of a public key on it");
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return error_no_memory("CA key");
	kept->card = card_use(card);
	kept->name = strdup(name);
	kept->host = hostname ? strdup(hostname) : NULL;
	if (!kept->name || (hostname && !kept->host))
		result = error_no_memory("CA key");
	else
		result = attach(session, ATTACHED_CA_KEY, kept, release);
	if (result < 0) {
		release(kept);
		return result;
	}
	gnutls_session_set_verify_function(session, on_verify);
	return IOTSAFE_OK;
}
