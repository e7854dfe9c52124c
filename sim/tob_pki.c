// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The test authority of Trust Onboard: like the real one in its names, lengths
 * and times, with other keys. Nothing in it is random, so it is always the
 * same.
 */
#include "tob.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

struct authority {
	const char *name;
	enum tob_key key;
	const char *from, *until;
	const char *constraints;
	const char *usage;
	bool is_root;
};

#define USAGE_FIRST  "critical,digitalSignature,keyCertSign,cRLSign"
#define USAGE_SECOND "critical,keyCertSign,cRLSign"
#define CA(path)     "critical,CA:TRUE,pathlen:" path

/* From the issuer of a card's certificate up. */
static const struct authority first[TOB_IDENTITIES][TOB_CHAIN_MAX - 1] = {
	[TOB_AVAILABLE] = {{"Available - Issuer CA", KEY_AVAILABLE_ISSUER,
			    "20171204000000Z", "20201204000000Z", CA("0"),
			    USAGE_FIRST, false},
			   {"Available - Policy CA", KEY_POLICY,
			    "20171204000000Z", "20221204000000Z", CA("1"),
			    USAGE_FIRST, false},
			   {"Wireless Certificate Authority", KEY_ROOT,
			    "20171204000000Z", "20271204000000Z", CA("2"),
			    USAGE_FIRST, true}},
	[TOB_SIGNING] = {{"Signing - Issuer CA", KEY_SIGNING_ISSUER,
			  "20171204000000Z", "20201204000000Z", CA("0"),
			  USAGE_FIRST, false},
			 {"Signing - Policy CA", KEY_POLICY, "20171204000000Z",
			  "20221204000000Z", CA("1"), USAGE_FIRST, false},
			 {"Wireless Certificate Authority", KEY_ROOT,
			  "20171204000000Z", "20271204000000Z", CA("2"),
			  USAGE_FIRST, true}},
};

#define ROOT_SECOND                                                            \
	{                                                                      \
		"WA00000000000000000000000000000001", KEY_ROOT,                \
			"20190723000000Z", "21190722000000Z", CA("1"),         \
			USAGE_SECOND, true                                     \
	}

static const struct authority second[TOB_IDENTITIES][TOB_CHAIN_MAX - 1] = {
	[TOB_AVAILABLE] = {{"WA00000000000000000000000000000002",
			    KEY_AVAILABLE_ISSUER, "20190723000000Z",
			    "20690723000000Z", CA("0"), USAGE_SECOND, false},
			   ROOT_SECOND},
	[TOB_SIGNING] = {{"WA00000000000000000000000000000003",
			  KEY_SIGNING_ISSUER, "20190723000000Z",
			  "20690723000000Z", CA("0"), USAGE_SECOND, false},
			 ROOT_SECOND},
};

static bool set_name(X509_NAME *name, const char *common)
{
	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
					  (const unsigned char *)"iotsafe-sim",
					  -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(
		       name, "OU", MBSTRING_UTF8,
		       (const unsigned char *)"Trust Onboard test", -1, -1,
		       0) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					  (const unsigned char *)common, -1, -1,
					  0) == 1;
}

/* A number of 16 bytes that follows from the name. */
static bool set_serial(X509 *cert, const char *name)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	BIGNUM *number;
	bool done;

	if (EVP_Digest(name, strlen(name), digest, NULL, EVP_sha256(), NULL) !=
	    1)
		return false;
	digest[0] = (uint8_t)((digest[0] & 0x7F) | 0x40); /* positive */
	number = BN_bin2bn(digest, 16, NULL);
	done = number != NULL &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
	BN_free(number);
	return done;
}

static bool add(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool done;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	done = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return done;
}

static bool fill(X509 *cert, const struct authority *of, EVP_PKEY *key,
		 X509 *issuer)
{
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	       set_serial(cert, of->name) && X509_set_pubkey(cert, key) == 1 &&
	       ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), of->from) ==
		       1 &&
	       ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), of->until) ==
		       1 &&
	       set_name(X509_get_subject_name(cert), of->name) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	       add(cert, issuer, NID_basic_constraints, of->constraints) &&
	       add(cert, issuer, NID_key_usage, of->usage) &&
	       add(cert, issuer, NID_subject_key_identifier, "hash") &&
	       (of->is_root || add(cert, issuer, NID_authority_key_identifier,
				   "keyid:always"));
}

static X509 *make(const struct authority *of, EVP_PKEY *key, X509 *issuer,
		  EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();

	if (cert != NULL && fill(cert, of, key, of->is_root ? cert : issuer) &&
	    X509_sign(cert, issuer_key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

/* The certificates of a row and of all above it, from `chain[0]` on. */
static bool make_authorities(const struct authority *row, X509 **chain,
			     EVP_PKEY **key)
{
	EVP_PKEY *above = NULL;
	bool done;

	*key = tob_key(row->key);
	if (*key == NULL ||
	    (!row->is_root && !make_authorities(row + 1, chain + 1, &above)))
		return false;
	*chain = row->is_root ? make(row, *key, NULL, *key)
			      : make(row, *key, chain[1], above);
	done = *chain != NULL;
	EVP_PKEY_free(above);
	return done;
}

bool tob_issue(enum tob_identity identity, bool is_first_generation,
	       const char sid[TOB_SID_SIZE + 1], EVP_PKEY *key,
	       X509 *chain[TOB_CHAIN_MAX])
{
	const struct authority leaf = {
		.name = sid,
		/* while all issuers of the first generation were good */
		.from = is_first_generation ? "20180901000000Z"
					    : "20190901000000Z",
		.until = is_first_generation ? "20480824000000Z"
					     : "20490824000000Z",
		.constraints = "critical,CA:FALSE",
		.usage = "critical,digitalSignature,keyEncipherment",
	};
	EVP_PKEY *issuer = NULL;
	bool done;

	done = make_authorities(is_first_generation ? first[identity]
						    : second[identity],
				chain + 1, &issuer);
	if (done)
		chain[0] = make(&leaf, key, chain[1], issuer);
	EVP_PKEY_free(issuer);
	return done && chain[0] != NULL;
}
