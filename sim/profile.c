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
#define AGREEMENT_PAIR                                                         \
	.type = TYPE_P256_VOLATILE, .usage = 0x01, .agreement = 0x01,          \
	.access = ACCESS_READ | ACCESS_UPDATE, .empty = true

/* Application information: GET DATA 00 00, in the order of the tags. */
static const char gsma_application[] =
	"\x10\x01\x10"
	"\x11\x20iotsafe-sim\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\xB1\x01\x0A\xB2\x01\x0A\xB3\x01\x0A\xB4\x01\x0A"
	"\x90\x01\x03\x91\x02\x00\x07\x92\x01\x04\x93\x01\x00\x94\x01\x00"
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
};

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
		fprintf(out, "%-8s %s\n", profiles[i].name,
			profiles[i].sentence);
}
