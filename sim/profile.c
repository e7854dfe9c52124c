// SPDX-License-Identifier: LGPL-2.1-or-later
/* The cards this simulator can be: one table of objects each. */
#include "profile.h"

#include <string.h>

/* Writes a string literal as bytes; NUL bytes inside count. */
#define BYTES(text)                                                            \
	{                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                      \
	}

#define ROWS(table) .rows = (table), .row_count = sizeof(table) / sizeof(*table)

/* A private key that signs, and the public key of its pair. */
#define SIGNING_PAIR                                                           \
	.usage = 0x01, .signature = SIGNATURE_ECDSA, .hash = HASH_ALL

/* A key pair slot for one ECDH: made anew for each use, never kept. */
#define AGREEMENT_SLOT                                                         \
	.usage = 0x01, .agreement = 0x01,                                      \
	.access = ACCESS_READ | ACCESS_UPDATE, .empty = true

#define AGREEMENT_PAIR AGREEMENT_SLOT, .type = TYPE_P256_VOLATILE

/* Application information: GET DATA 00 00, in the order of the tags. */
static const char gsma_application[] =
	"\x10\x01\x10"
	"\x11\x20iotsafe-sim\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\xB1\x01\x0A\xB2\x01\x0A\xB3\x01\x0A\xB4\x01\x0A"
	"\x90\x01\x0F\x91\x02\x00\x07\x92\x01\x04\x93\x01\x01\x94\x01\x03"
	"\xB7\x01\x06";

static const struct object_row gsma_rows[] = {
	{CLASS_PRIVATE, BYTES("\x01"), BYTES("client"), SIGNING_PAIR, .pair = 1,
	 .access = ACCESS_READ, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN},
	{CLASS_PRIVATE, BYTES("\x04"), BYTES("ecdh"), AGREEMENT_PAIR, .pair = 2,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("\x01"), BYTES("client"), SIGNING_PAIR, .pair = 1,
	 .access = ACCESS_READ, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN},
	{CLASS_PUBLIC, BYTES("\x04"), BYTES("ecdh"), AGREEMENT_PAIR, .pair = 2,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("\x05"), BYTES("peer"), AGREEMENT_PAIR, .pair = 3,
	 .functions = FUNCTION_AGREE},
	{CLASS_FILE, BYTES("\x02"), BYTES("client-cert"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CLIENT},
	{CLASS_FILE, BYTES("\x06"), BYTES("intermediate"),
	 .access = ACCESS_READ, .file_usage = FILE_CERTIFICATE,
	 .content = CONTENT_INTERMEDIATE},
	{CLASS_FILE, BYTES("\x03"), BYTES("ca"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CA},
};

/* The ids of a pair differ, and "001" takes a key made on the card. */
static const struct object_row zariot_rows[] = {
	{CLASS_PRIVATE, BYTES("001"), SIGNING_PAIR, .pair = 1, .empty = true,
	 .access = ACCESS_READ | ACCESS_UPDATE, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN | FUNCTION_GENERATE},
	{CLASS_PRIVATE, BYTES("006"), SIGNING_PAIR, .pair = 2,
	 .access = ACCESS_READ, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN},
	{CLASS_PRIVATE, BYTES("003"), AGREEMENT_PAIR, .pair = 3,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("002"), SIGNING_PAIR, .pair = 1, .empty = true,
	 .access = ACCESS_READ | ACCESS_UPDATE, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN | FUNCTION_GENERATE},
	{CLASS_PUBLIC, BYTES("007"), SIGNING_PAIR, .pair = 2,
	 .access = ACCESS_READ, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN},
	{CLASS_PUBLIC, BYTES("004"), AGREEMENT_PAIR, .pair = 3,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("005"), AGREEMENT_PAIR, .pair = 4,
	 .functions = FUNCTION_AGREE},
	{CLASS_FILE, BYTES("008"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CLIENT},
	{CLASS_FILE, BYTES("009"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_INTERMEDIATE},
	{CLASS_FILE, BYTES("010"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CA},
};

/* Labels, where there are any, fit its clients' buffers: 20 bytes at most. */
static const struct object_row thales_rows[] = {
	{CLASS_PRIVATE, BYTES("\x01"), SIGNING_PAIR, .pair = 1,
	 .access = ACCESS_READ, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN},
	{CLASS_PRIVATE, BYTES("\x04"), AGREEMENT_PAIR, .pair = 2,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("\x01"), SIGNING_PAIR, .pair = 1,
	 .access = ACCESS_READ, .type = TYPE_P256_PERSISTENT,
	 .functions = FUNCTION_SIGN},
	{CLASS_PUBLIC, BYTES("\x04"), AGREEMENT_PAIR, .pair = 2,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("\x05"), AGREEMENT_PAIR, .pair = 3,
	 .functions = FUNCTION_AGREE},
	{CLASS_FILE, BYTES("\x02"), BYTES("CLIENT CERT"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CLIENT},
	{CLASS_FILE, BYTES("\x03"), BYTES("CA CERT"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CA},
	{CLASS_FILE, BYTES("\x06"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_INTERMEDIATE},
};

/* Tags 61 and 6F where others have 90 and 93; one session. */
static const char quantag_application[] =
	"\x10\x01\x10"
	"\x11\x20\x11\x22\x33\x44\x55\x66\x77\x88"
	"\x11\x22\x33\x44\x55\x66\x77\x88"
	"\x11\x22\x33\x44\x55\x66\x77\x88"
	"\x11\x22\x33\x44\x55\x66\x77\x88"
	"\xB1\x01\x0A\xB2\x01\x0A\xB3\x01\x0A\xB4\x01\x0A"
	"\x61\x01\x0F\x91\x02\x00\x01\x92\x01\x04\x6F\x01\x01\x94\x01\x02"
	"\xB7\x01\x01";

#define QUANTAG_KEY                                                            \
	.access = ACCESS_UPDATE, .type = TYPE_P256_PERSISTENT, .usage = 0x03,  \
	.functions = 0x07, .signature = SIGNATURE_ECDSA, .hash = HASH_ALL,     \
	.agreement = 0x01

/* 0001 to 0004 are the card's own; the certificates and 0008 are added. */
static const struct object_row quantag_rows[] = {
	{CLASS_PRIVATE, BYTES("\0\x02"), BYTES("11"), QUANTAG_KEY, .pair = 1},
	{CLASS_PRIVATE, BYTES("\0\x08"), BYTES("66"), AGREEMENT_PAIR, .pair = 2,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("\0\x02"), BYTES("11"), QUANTAG_KEY, .pair = 1},
	{CLASS_PUBLIC, BYTES("\0\x08"), BYTES("66"), AGREEMENT_PAIR, .pair = 2,
	 .functions = FUNCTION_GENERATE | FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("\0\x03"), BYTES("22"), QUANTAG_KEY, .pair = 3,
	 .empty = true},
	{CLASS_FILE, BYTES("\0\x01"), BYTES("01"), .access = ACCESS_READ,
	 .file_usage = FILE_GENERAL, .content = CONTENT_BLOCK},
	{CLASS_FILE, BYTES("\0\x05"), BYTES("44"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CLIENT},
	{CLASS_FILE, BYTES("\0\x06"), BYTES("45"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_INTERMEDIATE},
	{CLASS_FILE, BYTES("\0\x07"), BYTES("46"), .access = ACCESS_READ,
	 .file_usage = FILE_CERTIFICATE, .content = CONTENT_CA},
	{CLASS_SECRET, BYTES("\0\x04"), BYTES("33"),
	 .access = ACCESS_READ | ACCESS_UPDATE, .type = TYPE_HMAC,
	 .functions = 0x0C, .derivation = 0x02, .empty = true},
};

/* All signature algorithms, and more objects of each class. */
static const char full_application[] =
	"\x10\x01\x10"
	"\x11\x20iotsafe-sim full\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\xB1\x01\x10\xB2\x01\x10\xB3\x01\x10\xB4\x01\x10"
	"\x90\x01\x0F\x91\x02\x00\x07\x92\x01\x0F\x93\x01\x01\x94\x01\x03"
	"\xB7\x01\x06";

#define P256_PAIR                                                              \
	SIGNING_PAIR, .access = ACCESS_READ, .type = TYPE_P256_PERSISTENT,     \
		      .functions = FUNCTION_SIGN

#define BRAINPOOL_PAIR                                                         \
	SIGNING_PAIR, .access = ACCESS_READ,                                   \
		      .type = TYPE_BRAINPOOL_PERSISTENT,                       \
		      .functions = FUNCTION_SIGN

#define RSA_PAIR                                                               \
	.usage = USAGE_GENERAL, .hash = HASH_ALL, .access = ACCESS_READ,       \
	.signature = SIGNATURE_RSA_PKCS1 | SIGNATURE_RSA_PSS,                  \
	.type = TYPE_RSA, .functions = FUNCTION_SIGN

/* Takes a key from outside, to verify with it. */
#define VERIFY_SLOT                                                            \
	SIGNING_PAIR, .access = ACCESS_READ | ACCESS_UPDATE, .empty = true,    \
		      .functions = FUNCTION_SIGN

#define EXCHANGE .functions = FUNCTION_GENERATE | FUNCTION_AGREE

#define CERTIFICATE .access = ACCESS_READ, .file_usage = FILE_CERTIFICATE
#define GENERAL	    .access = ACCESS_READ, .file_usage = FILE_GENERAL

#define PSK                                                                    \
	.access = 0, .type = TYPE_HMAC, .functions = FUNCTION_DERIVE,          \
	.derivation = DERIVATION_PRF | DERIVATION_HKDF

static const struct object_row full_rows[] = {
	{CLASS_PRIVATE, BYTES("\x01"), BYTES("client"), P256_PAIR, .pair = 1},
	{CLASS_PRIVATE, BYTES("\x04"), BYTES("ecdh"), AGREEMENT_PAIR, EXCHANGE,
	 .pair = 2},
	{CLASS_PRIVATE, BYTES("\x07"), BYTES("brainpool"), BRAINPOOL_PAIR,
	 .pair = 5},
	{CLASS_PRIVATE, BYTES("\x08"), BYTES("rsa"), RSA_PAIR, .pair = 6},
	{CLASS_PRIVATE, BYTES("\x09"), BYTES("old"), P256_PAIR, .pair = 7,
	 .inactive = true},
	{CLASS_PRIVATE, BYTES("\x0A"), BYTES("ecdh-brainpool"), AGREEMENT_SLOT,
	 EXCHANGE, .type = TYPE_BRAINPOOL_VOLATILE, .pair = 8},
	{CLASS_PUBLIC, BYTES("\x01"), BYTES("client"), P256_PAIR, .pair = 1},
	{CLASS_PUBLIC, BYTES("\x04"), BYTES("ecdh"), AGREEMENT_PAIR, EXCHANGE,
	 .pair = 2},
	{CLASS_PUBLIC, BYTES("\x05"), BYTES("peer"), AGREEMENT_PAIR, .pair = 3,
	 .functions = FUNCTION_AGREE},
	{CLASS_PUBLIC, BYTES("\x06"), BYTES("verify"), VERIFY_SLOT,
	 .type = TYPE_P256_VOLATILE, .pair = 4},
	{CLASS_PUBLIC, BYTES("\x07"), BYTES("brainpool"), BRAINPOOL_PAIR,
	 .pair = 5},
	{CLASS_PUBLIC, BYTES("\x08"), BYTES("rsa"), RSA_PAIR, .pair = 6},
	{CLASS_PUBLIC, BYTES("\x09"), BYTES("old"), P256_PAIR, .pair = 7,
	 .inactive = true},
	{CLASS_PUBLIC, BYTES("\x0A"), BYTES("ecdh-brainpool"), AGREEMENT_SLOT,
	 EXCHANGE, .type = TYPE_BRAINPOOL_VOLATILE, .pair = 8},
	{CLASS_PUBLIC, BYTES("\x0B"), BYTES("ca-key"), P256_PAIR, .pair = 9,
	 .content = CONTENT_CA},
	{CLASS_PUBLIC, BYTES("\x0C"), BYTES("issuer-key"), P256_PAIR,
	 .pair = 10, .content = CONTENT_INTERMEDIATE},
	{CLASS_PUBLIC, BYTES("\x0D"), BYTES("server-key"), VERIFY_SLOT,
	 .type = TYPE_P256_PERSISTENT, .pair = 11},
	{CLASS_PUBLIC, BYTES("\x0E"), BYTES("peer-brainpool"), AGREEMENT_SLOT,
	 .type = TYPE_BRAINPOOL_VOLATILE, .pair = 12,
	 .functions = FUNCTION_AGREE},
	{CLASS_SECRET, BYTES("\x01"), BYTES("psk"), PSK},
	{CLASS_SECRET, BYTES("\x02"), BYTES("cmac"), .type = TYPE_CMAC,
	 .functions = FUNCTION_SIGN, .signature = SIGNATURE_CMAC},
	{CLASS_FILE, BYTES("\x02"), BYTES("client-cert"), CERTIFICATE,
	 .content = CONTENT_CLIENT},
	{CLASS_FILE, BYTES("\x06"), BYTES("intermediate"), CERTIFICATE,
	 .content = CONTENT_INTERMEDIATE},
	{CLASS_FILE, BYTES("\x03"), BYTES("ca"), CERTIFICATE,
	 .content = CONTENT_CA},
	{CLASS_FILE, BYTES("\x08"), BYTES("config"), GENERAL,
	 .content = CONTENT_CONFIG},
	{CLASS_FILE, BYTES("\x09"), BYTES("ca-padded"), GENERAL,
	 .content = CONTENT_PADDED},
	{CLASS_FILE, BYTES("\x0A"), BYTES("locked"), .access = 0,
	 .file_usage = FILE_GENERAL, .content = CONTENT_BLOCK},
};

static const struct object_row rsa_rows[] = {
	{CLASS_PRIVATE, BYTES("\x01"), BYTES("client"), RSA_PAIR, .pair = 1},
	{CLASS_PUBLIC, BYTES("\x01"), BYTES("client"), RSA_PAIR, .pair = 1},
	{CLASS_FILE, BYTES("\x02"), BYTES("client-cert"), CERTIFICATE,
	 .content = CONTENT_CLIENT},
	{CLASS_FILE, BYTES("\x06"), BYTES("intermediate"), CERTIFICATE,
	 .content = CONTENT_INTERMEDIATE},
	{CLASS_FILE, BYTES("\x03"), BYTES("ca"), CERTIFICATE,
	 .content = CONTENT_CA},
};

/* An applet of type II: no key pairs, no certificates. */
static const char psk_application[] =
	"\x10\x01\x10"
	"\x11\x20iotsafe-sim psk\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\xB1\x01\x02\xB2\x01\x00\xB3\x01\x00\xB4\x01\x02"
	"\x90\x01\x08\x91\x02\x00\x07\x92\x01\x00\x93\x01\x00\x94\x01\x03"
	"\xB7\x01\x01";

static const struct object_row psk_rows[] = {
	{CLASS_SECRET, BYTES("\x01"), BYTES("psk"), PSK},
	{CLASS_FILE, BYTES("\x08"), BYTES("config"), GENERAL,
	 .content = CONTENT_CONFIG},
};

/* Ids as long as they may be; a label of the greatest length, and few more. */
#define ODD_ID(last) BYTES("0123456789ABCDEFGHI" last)
#define ODD_LABEL                                                              \
	BYTES("a label may have sixty bytes, and this one has that many ...")

static const struct object_row odd_rows[] = {
	{CLASS_PRIVATE, ODD_ID("a"), ODD_LABEL, P256_PAIR, .pair = 1},
	{CLASS_PRIVATE, ODD_ID("c"), AGREEMENT_PAIR, EXCHANGE, .pair = 2},
	{CLASS_PUBLIC, ODD_ID("b"), ODD_LABEL, P256_PAIR, .pair = 1},
	{CLASS_PUBLIC, ODD_ID("d"), AGREEMENT_PAIR, EXCHANGE, .pair = 2},
	{CLASS_PUBLIC, ODD_ID("e"), AGREEMENT_PAIR, .pair = 3,
	 .functions = FUNCTION_AGREE},
	{CLASS_PUBLIC, ODD_ID("f"), VERIFY_SLOT, .type = TYPE_P256_VOLATILE,
	 .pair = 4},
	{CLASS_SECRET, ODD_ID("g"), PSK},
	{CLASS_FILE, ODD_ID("h"), CERTIFICATE, .content = CONTENT_CLIENT},
	{CLASS_FILE, ODD_ID("i"), CERTIFICATE, .content = CONTENT_INTERMEDIATE},
	{CLASS_FILE, ODD_ID("j"), BYTES("ca"), CERTIFICATE,
	 .content = CONTENT_CA},
};

static const struct profile profiles[] = {
	{.name = "gsma",
	 .sentence = "a card as IoT.05 is commonly read: ids of one byte, "
		     "labels, 33 00 40, 61xx (the default)",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .application = BYTES(gsma_application),
	 ROWS(gsma_rows)},
	{.name = "zariot",
	 .sentence = "a ZARIOT SIM: ids of three ASCII bytes, private \"006\" "
		     "with public \"007\", no labels",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .application = BYTES(gsma_application),
	 ROWS(zariot_rows)},
	{.name = "thales",
	 .sentence = "a Thales applet: its AID, ids 01 to 06, hardly a label",
	 .aid = BYTES("\xA0\x00\x00\x00\x30\x53\xF1\x24\x01\x77\x01\x01"
		      "ISA"),
	 .application = BYTES(gsma_application),
	 ROWS(thales_rows)},
	{.name = "quantag",
	 .sentence = "the card of quantag's traces: ids of two bytes, bare "
		     "list, wrong length in tag 92, one session, 33 40",
	 .aid = BYTES("\xA0\x00\x00\x00\x30\x53\xF1\x24\x01\x77\x01\x01"
		      "ISA"),
	 .quirks = "direct,sig8,bare-list,tag92,strict-session",
	 .application = BYTES(quantag_application),
	 ROWS(quantag_rows)},
	{.name = "full",
	 .sentence = "gsma and all the standard knows: brainpool, RSA-2048, "
		     "CMAC, pre-shared key, key slots, CA keys, files",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .application = BYTES(full_application),
	 ROWS(full_rows)},
	{.name = "rsa",
	 .sentence = "a card whose one identity is RSA-2048",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .application = BYTES(full_application),
	 ROWS(rsa_rows)},
	{.name = "psk",
	 .sentence = "an applet of type II: a secret key and a text, no "
		     "certificates",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .application = BYTES(psk_application),
	 ROWS(psk_rows)},
	{.name = "ntt",
	 .sentence = "an applet of NTT's kind: its long AID, class 0X alone, "
		     "33 40",
	 .aid = BYTES("\xA0\x00\x00\x01\x15\x70\x00\x00\x00\x00\x00\x00"
		      "ISA\x02"),
	 .quirks = "class-0x,sig8",
	 .application = BYTES(gsma_application),
	 ROWS(gsma_rows)},
	{.name = "odd",
	 .sentence = "all that is allowed and rare: ids of 20 bytes, a label "
		     "of 60, DER signatures, reads of 256, 6Cxx, a list in "
		     "pages, one session",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .quirks = "sig-der,short-read=256,6cxx,paged-list=100,strict-session",
	 .application = BYTES(quantag_application),
	 ROWS(odd_rows)},
	{.name = "blank",
	 .sentence = "nothing on it but what is loaded with personalise",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .application = BYTES(full_application)},
	{.name = "trust-onboard",
	 .sentence = "Twilio Trust Onboard: mIAS with the Signing and the "
		     "Available identity, PIN 0000",
	 .quirks = "key-nul",
	 .mias = true},
	{.name = "trust-onboard-preview",
	 .sentence = "the same of 2018: type labels, issuers that have "
		     "expired, and the file applet, CHV1 1111",
	 .quirks = "key-nul,type-labels,g1",
	 .mias = true,
	 .files = true},
	{.name = "trust-onboard-iotsafe",
	 .sentence = "gsma and trust-onboard on one card",
	 .aid = BYTES("\xA0\x00\x00\x05\x59\x00\x10"),
	 .quirks = "key-nul",
	 .mias = true,
	 .application = BYTES(gsma_application),
	 ROWS(gsma_rows)},
};

struct view profile_aid(const struct profile *profile, enum applet_kind kind)
{
	static const struct view mias =
		BYTES("\xA0\x00\x00\x00\x18\x80\x00\x00\x00\x06\x62\x41"
		      "\x51");
	static const struct view files =
		BYTES("\xA0\x00\x00\x00\x87\x10\x01\xFF\x33\xFF\xFF\x89\x01"
		      "\x01\x01\x00");

	switch (kind) {
	case APPLET_MIAS:
		return profile->mias ? mias : view_of(NULL, 0);
	case APPLET_FILES:
		return profile->files ? files : view_of(NULL, 0);
	case APPLET_IOTSAFE:
	case APPLET_KINDS:
		break;
	}
	return profile->aid;
}

#define PROFILE_COUNT (sizeof(profiles) / sizeof(*profiles))

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

void profiles_print(FILE *out)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		fprintf(out, "%-21s %s\n", profiles[i].name,
			profiles[i].sentence);
}
