/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bindings/pkcs11: signatures. */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include "token.h"

TestSuite(pkcs11_sign, .timeout = 120);

static unsigned char hash[64] = "a hash, of which nobody knows more";
static struct ck_mechanism ecdsa = {CKM_ECDSA, NULL, 0};
static struct ck_mechanism pkcs1 = {CKM_RSA_PKCS, NULL, 0};

static gnutls_pubkey_t read_public_key(ck_session_handle_t session,
				       ck_object_handle_t object)
{
	unsigned char spki[512];
	gnutls_datum_t datum = {spki, (unsigned)get(session, object,
						    CKA_PUBLIC_KEY_INFO, spki,
						    sizeof(spki))};
	gnutls_pubkey_t pubkey;

	cr_assert(gnutls_pubkey_init(&pubkey) == 0);
	cr_assert(gnutls_pubkey_import(pubkey, &datum, GNUTLS_X509_FMT_DER) ==
		  0);
	return pubkey;
}

static void verify(ck_session_handle_t session, ck_object_handle_t key,
		   gnutls_sign_algorithm_t algorithm, size_t hash_size,
		   unsigned char *signature, size_t size)
{
	gnutls_pubkey_t pubkey = read_public_key(session, key);
	gnutls_datum_t data = {hash, (unsigned)hash_size};
	gnutls_datum_t sent = {signature, (unsigned)size}, r, s;

	if (size == 64) {
		r = (gnutls_datum_t){signature, 32};
		s = (gnutls_datum_t){signature + 32, 32};
		cr_assert(gnutls_encode_rs_value(&sent, &r, &s) == 0);
	}
	cr_assert(gnutls_pubkey_verify_hash2(pubkey, algorithm, 0, &data,
					     &sent) >= 0);
	if (size == 64)
		gnutls_free(sent.data);
	gnutls_pubkey_deinit(pubkey);
}

/* ---- of hashes ---- */

Test(pkcs11_sign, a_question_for_the_length_never_touches_the_card)
{
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t key = private_key(session);
	unsigned char out[64];
	unsigned long size = 0;
	int before;

	before = exchanges();
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OPERATION_ACTIVE);
	EXPECT(p11->C_Sign(session, hash, 32, NULL, &size), CKR_OK);
	EXPECT(size, 64);
	size = 63;
	EXPECT(p11->C_Sign(session, hash, 32, out, &size),
	       CKR_BUFFER_TOO_SMALL);
	EXPECT(size, 64);
	cr_assert(eq(int, exchanges(), before));
	EXPECT(p11->C_Sign(session, hash, 32, out, &size), CKR_OK);
	/* The public key, which it is verified with, and one signature. */
	cr_assert(eq(int, exchanges(), before + 5));
	EXPECT(p11->C_Sign(session, hash, 32, out, &size),
	       CKR_OPERATION_NOT_INITIALIZED);
	verify(session, key, GNUTLS_SIGN_ECDSA_SHA256, 32, out, size);
	stop();
}

Test(pkcs11_sign, hashes_of_other_lengths_are_signed_as_the_curve_takes_them)
{
	static const struct {
		size_t size;
		gnutls_sign_algorithm_t algorithm;
	} hashes[] = {{20, GNUTLS_SIGN_ECDSA_SHA1},
		      {28, GNUTLS_SIGN_ECDSA_SHA224},
		      {48, GNUTLS_SIGN_ECDSA_SHA384},
		      {64, GNUTLS_SIGN_ECDSA_SHA512}};
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t key = private_key(session);
	unsigned char out[64];
	unsigned long size = sizeof(out);

	for (int i = 0; i < 4; i++) {
		EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
		EXPECT(p11->C_SignUpdate(session, hash, 7), CKR_OK);
		EXPECT(p11->C_SignUpdate(session, hash + 7, hashes[i].size - 7),
		       CKR_OK);
		EXPECT(p11->C_SignFinal(session, out, &size), CKR_OK);
		/* GnuTLS verifies no SHA-1 unless it is told that it may. */
		if (hashes[i].size != 20)
			verify(session, key, hashes[i].algorithm,
			       hashes[i].size, out, size);
	}
	stop();
}

static void sign_in_child(ck_session_handle_t session)
{
	unsigned char out[64];
	unsigned long size = sizeof(out);

	if (p11->C_Sign(session, hash, 32, out, &size) !=
		    CKR_CRYPTOKI_NOT_INITIALIZED ||
	    p11->C_Initialize(NULL) != CKR_OK ||
	    p11->C_Sign(session, hash, 32, out, &size) !=
		    CKR_SESSION_HANDLE_INVALID ||
	    p11->C_Finalize(NULL) != CKR_OK)
		_exit(1);
}

Test(pkcs11_sign, a_signature_begun_before_a_fork_is_the_parents)
{
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t key = private_key(session);
	unsigned char out[64];
	unsigned long size = sizeof(out);

	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	in_child(sign_in_child, session);
	EXPECT(p11->C_Sign(session, hash, 32, out, &size), CKR_OK);
	verify(session, key, GNUTLS_SIGN_ECDSA_SHA256, 32, out, size);
	stop();
}

Test(pkcs11_sign, what_cannot_be_signed_ends_the_operation)
{
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t key = private_key(session), found[16];
	unsigned char out[64], long_hash[65] = {0};
	struct ck_mechanism mechanism = ecdsa;
	unsigned long size = sizeof(out);

	EXPECT(p11->C_SignInit(session, &pkcs1, key),
	       CKR_KEY_TYPE_INCONSISTENT);
	mechanism.mechanism = CKM_SHA256_HMAC;
	EXPECT(p11->C_SignInit(session, &mechanism, key),
	       CKR_MECHANISM_INVALID);
	mechanism.mechanism = CKM_SHA256_RSA_PKCS;
	EXPECT(p11->C_SignInit(session, &mechanism, key),
	       CKR_KEY_TYPE_INCONSISTENT);
	mechanism.mechanism = CKM_EC_KEY_PAIR_GEN;
	EXPECT(p11->C_SignInit(session, &mechanism, key),
	       CKR_MECHANISM_INVALID);
	mechanism = (struct ck_mechanism){CKM_ECDSA, out, 4};
	EXPECT(p11->C_SignInit(session, &mechanism, key),
	       CKR_MECHANISM_PARAM_INVALID);
	EXPECT(p11->C_SignInit(session, &ecdsa, 12345), CKR_KEY_HANDLE_INVALID);
	find_class(session, CKO_CERTIFICATE, found);
	EXPECT(p11->C_SignInit(session, &ecdsa, found[0]),
	       CKR_KEY_HANDLE_INVALID);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	EXPECT(p11->C_Sign(session, long_hash, 65, out, &size),
	       CKR_DATA_LEN_RANGE);
	EXPECT(p11->C_Sign(session, hash, 32, out, &size),
	       CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	EXPECT(p11->C_Sign(session, NULL, 32, out, &size), CKR_ARGUMENTS_BAD);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	EXPECT(p11->C_SignUpdate(session, long_hash, 65), CKR_OK);
	EXPECT(p11->C_Sign(session, hash, 32, out, &size),
	       CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_SignUpdate(session, long_hash, 65), CKR_DATA_LEN_RANGE);
	EXPECT(p11->C_SignFinal(session, out, &size),
	       CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	EXPECT(p11->C_SignInit(session, NULL, 0), CKR_OK);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	stop();
}

/* RFC 8017 section 9.2, SHA-256. */
static unsigned char digest_info[19 + 32] = {
	0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

Test(pkcs11_sign, rsa_signs_a_digest_info_and_nothing_else)
{
	ck_session_handle_t session = start("sim:rsa");
	ck_object_handle_t key = private_key(session);
	unsigned char out[256];
	unsigned long size = 64;

	memcpy(digest_info + 19, hash, 32);
	EXPECT(p11->C_SignInit(session, &ecdsa, key),
	       CKR_KEY_TYPE_INCONSISTENT);
	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
	EXPECT(p11->C_Sign(session, digest_info, sizeof(digest_info), out,
			   &size),
	       CKR_BUFFER_TOO_SMALL);
	EXPECT(size, 256);
	EXPECT(p11->C_Sign(session, digest_info, sizeof(digest_info), out,
			   &size),
	       CKR_OK);
	verify(session, key, GNUTLS_SIGN_RSA_SHA256, 32, out, size);
	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
	EXPECT(p11->C_Sign(session, hash, 36, out, &size), CKR_DATA_INVALID);
	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
	digest_info[14] = 2;
	EXPECT(p11->C_Sign(session, digest_info, sizeof(digest_info), out,
			   &size),
	       CKR_DATA_INVALID);
	stop();
}

Test(pkcs11_sign, parameters_of_pss_must_be_those_the_card_has)
{
	struct ck_rsa_pkcs_pss_params params = {CKM_SHA256, CKG_MGF1_SHA256,
						32};
	struct ck_mechanism pss = {CKM_RSA_PKCS_PSS, &params, sizeof(params)};
	ck_session_handle_t session = start("sim:rsa");
	ck_object_handle_t key = private_key(session);
	unsigned char out[256];
	unsigned long size = 256;

	EXPECT(p11->C_SignInit(session, &pss, key), CKR_OK);
	EXPECT(p11->C_Sign(session, hash, 48, out, &size), CKR_DATA_LEN_RANGE);
	EXPECT(p11->C_SignInit(session, &pss, key), CKR_OK);
	EXPECT(p11->C_Sign(session, hash, 32, out, &size), CKR_OK);
	verify(session, key, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 32, out, size);
	params.s_len = 20;
	EXPECT(p11->C_SignInit(session, &pss, key),
	       CKR_MECHANISM_PARAM_INVALID);
	params = (struct ck_rsa_pkcs_pss_params){CKM_SHA256, CKG_MGF1_SHA1, 32};
	EXPECT(p11->C_SignInit(session, &pss, key),
	       CKR_MECHANISM_PARAM_INVALID);
	params = (struct ck_rsa_pkcs_pss_params){CKM_SHA_1, CKG_MGF1_SHA1, 20};
	EXPECT(p11->C_SignInit(session, &pss, key),
	       CKR_MECHANISM_PARAM_INVALID);
	pss.parameter_len--;
	EXPECT(p11->C_SignInit(session, &pss, key),
	       CKR_MECHANISM_PARAM_INVALID);
	pss.parameter = NULL;
	EXPECT(p11->C_SignInit(session, &pss, key),
	       CKR_MECHANISM_PARAM_INVALID);
	stop();
}

/* ---- mechanisms that hash ---- */

static unsigned char text[1000] = "more than any hash";

/* Signs the text in one part, or in several, and verifies it. */
static void sign_text(ck_session_handle_t session, struct ck_mechanism *how,
		      gnutls_sign_algorithm_t algorithm, bool in_parts)
{
	ck_object_handle_t key = private_key(session);
	gnutls_datum_t data = {text, sizeof(text)}, sent, r, s;
	unsigned char out[256];
	unsigned long size = 0;
	gnutls_pubkey_t pubkey;

	EXPECT(p11->C_SignInit(session, how, key), CKR_OK);
	if (in_parts) {
		EXPECT(p11->C_SignUpdate(session, text, 1), CKR_OK);
		EXPECT(p11->C_SignUpdate(session, NULL, 0), CKR_OK);
		EXPECT(p11->C_SignUpdate(session, text + 1, sizeof(text) - 1),
		       CKR_OK);
		EXPECT(p11->C_SignFinal(session, NULL, &size), CKR_OK);
		EXPECT(p11->C_SignFinal(session, out, &size), CKR_OK);
	} else {
		EXPECT(p11->C_Sign(session, text, sizeof(text), NULL, &size),
		       CKR_OK);
		EXPECT(p11->C_Sign(session, text, sizeof(text), out, &size),
		       CKR_OK);
	}
	sent = (gnutls_datum_t){out, (unsigned)size};
	r = (gnutls_datum_t){out, 32};
	s = (gnutls_datum_t){out + 32, 32};
	if (size == 64)
		cr_assert(gnutls_encode_rs_value(&sent, &r, &s) == 0);
	pubkey = read_public_key(session, key);
	cr_assert(gnutls_pubkey_verify_data2(pubkey, algorithm,
					     GNUTLS_VERIFY_ALLOW_BROKEN, &data,
					     &sent) >= 0);
	gnutls_pubkey_deinit(pubkey);
	if (size == 64)
		gnutls_free(sent.data);
}

static void try_hashing(ck_session_handle_t session, ck_mechanism_type_t type,
			struct ck_rsa_pkcs_pss_params *params,
			gnutls_sign_algorithm_t algorithm)
{
	struct ck_mechanism how = {type, params, params ? sizeof(*params) : 0};

	sign_text(session, &how, algorithm, false);
	sign_text(session, &how, algorithm, true);
}

Test(pkcs11_sign, data_of_any_length_is_hashed_and_signed_by_ecdsa)
{
	ck_session_handle_t session = start("sim:");

	try_hashing(session, CKM_ECDSA_SHA1, NULL, GNUTLS_SIGN_ECDSA_SHA1);
	try_hashing(session, CKM_ECDSA_SHA224, NULL, GNUTLS_SIGN_ECDSA_SHA224);
	try_hashing(session, CKM_ECDSA_SHA256, NULL, GNUTLS_SIGN_ECDSA_SHA256);
	try_hashing(session, CKM_ECDSA_SHA384, NULL, GNUTLS_SIGN_ECDSA_SHA384);
	try_hashing(session, CKM_ECDSA_SHA512, NULL, GNUTLS_SIGN_ECDSA_SHA512);
	stop();
}

Test(pkcs11_sign, data_of_any_length_is_hashed_and_signed_by_rsa)
{
	struct ck_rsa_pkcs_pss_params params = {CKM_SHA256, CKG_MGF1_SHA256,
						32};
	struct ck_mechanism sha1 = {CKM_SHA1_RSA_PKCS, NULL, 0};
	struct ck_mechanism other = {CKM_SHA384_RSA_PKCS_PSS, &params,
				     sizeof(params)};
	ck_session_handle_t session = start("sim:rsa");

	try_hashing(session, CKM_SHA256_RSA_PKCS, NULL, GNUTLS_SIGN_RSA_SHA256);
	try_hashing(session, CKM_SHA384_RSA_PKCS, NULL, GNUTLS_SIGN_RSA_SHA384);
	try_hashing(session, CKM_SHA512_RSA_PKCS, NULL, GNUTLS_SIGN_RSA_SHA512);
	try_hashing(session, CKM_SHA256_RSA_PKCS_PSS, &params,
		    GNUTLS_SIGN_RSA_PSS_RSAE_SHA256);
	/* The card has no such hash, and one hash it must be all through. */
	EXPECT(p11->C_SignInit(session, &sha1, private_key(session)),
	       CKR_KEY_FUNCTION_NOT_PERMITTED);
	EXPECT(p11->C_SignInit(session, &other, private_key(session)),
	       CKR_MECHANISM_PARAM_INVALID);
	stop();
}

Test(pkcs11_sign, a_hash_that_was_begun_ends_with_its_session)
{
	struct ck_mechanism how = {CKM_ECDSA_SHA256, NULL, 0};
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t key = private_key(session);
	unsigned long size = 64;

	EXPECT(p11->C_SignInit(session, &how, key), CKR_OK);
	EXPECT(p11->C_SignUpdate(session, text, sizeof(text)), CKR_OK);
	EXPECT(p11->C_SignUpdate(session, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(p11->C_SignFinal(session, text, &size),
	       CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_SignInit(session, &how, key), CKR_OK);
	EXPECT(p11->C_SignUpdate(session, text, sizeof(text)), CKR_OK);
	EXPECT(p11->C_CloseSession(session), CKR_OK);
	stop();
}
