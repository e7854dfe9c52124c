/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tags and values of IoT.05 become words: lists of numbers, lists of bits.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "explain.h"

struct word {
	unsigned value;
	const char *text;
};

/* What kind of value stands behind a tag. */
enum shape {
	BYTES,
	TEXT,
	NUMBER,
	/* One of `words`. */
	CHOICE,
	/* A sum of `words`. */
	BITS,
	/* One in a command, a sum in an answer. */
	HASH
};

static const struct word access_bits[] = {
	{0x01, "read"}, {0x02, "update"}, {0, NULL}};
static const struct word states[] = {
	{0x00, "deactivated"}, {0x01, "activated"}, {0, NULL}};
static const struct word key_types[] = {{0x03, "RSA-2048"},
					{0x13, "P-256, persistent"},
					{0x14, "P-256, volatile"},
					{0x23, "brainpoolP256r1, persistent"},
					{0x24, "brainpoolP256r1, volatile"},
					{0x43, "elliptic curve (Thales)"},
					{0xA0, "HMAC"},
					{0xB0, "AES-CMAC (Thales)"},
					{0, NULL}};
static const struct word usages[] = {{0x01, "general"},
				     {0x02, "TLS 1.2 CertificateVerify"},
				     {0x03, "TLS 1.3 CertificateVerify"},
				     {0, NULL}};
static const struct word functions[] = {{0x01, "signature"},
					{0x02, "key generation"},
					{0x04, "key agreement"},
					{0x08, "key derivation"},
					{0, NULL}};
static const struct word hashes[] = {{0x0001, "SHA-256"},
				     {0x0002, "SHA-384"},
				     {0x0004, "SHA-512"},
				     {0, NULL}};
static const struct word signatures[] = {{0x01, "RSA PKCS#1 v1.5"},
					 {0x02, "RSA-PSS"},
					 {0x04, "ECDSA"},
					 {0x08, "AES-CMAC (Thales)"},
					 {0, NULL}};
static const struct word agreements[] = {{0x01, "ECKA-DH"}, {0, NULL}};
static const struct word derivations[] = {
	{0x01, "PRF SHA-256"}, {0x02, "HKDF"}, {0, NULL}};
static const struct word file_usages[] = {
	{0x01, "general"}, {0x02, "X.509 certificate"}, {0, NULL}};
static const struct word modes[] = {{0x01, "full text: the card hashes"},
				    {0x02, "last block: both hash"},
				    {0x03, "pad and sign: the host hashes"},
				    {0, NULL}};

static const struct tag {
	uint8_t tag;
	enum shape shape;
	const char *name;
	const struct word *words;
} tags[] = {
	{0x10, BYTES, "version", NULL},
	{0x11, TEXT, "applet's own name", NULL},
	{0x20, NUMBER, "file size", NULL},
	{0x21, CHOICE, "file usage", file_usages},
	{0x33, BYTES, "signature", NULL},
	{0x34, BYTES, "public key data", NULL},
	{0x49, BYTES, "elliptic-curve key", NULL},
	{0x4A, CHOICE, "object state", states},
	{0x4B, CHOICE, "key type", key_types},
	{0x4E, CHOICE, "key usage", usages},
	{0x60, BITS, "access", access_bits},
	{0x61, BITS, "cryptographic functions", functions},
	{0x6F, BITS, "key agreement", agreements},
	{0x73, TEXT, "file label", NULL},
	{0x74, TEXT, "private key label", NULL},
	{0x75, TEXT, "public key label", NULL},
	{0x76, TEXT, "secret key label", NULL},
	{0x83, BYTES, "file id", NULL},
	{0x84, BYTES, "private key id", NULL},
	{0x85, BYTES, "public key id", NULL},
	{0x86, BYTES, "secret key id", NULL},
	{0x90, BITS, "cryptographic functions", functions},
	{0x91, HASH, "hash", hashes},
	{0x92, BITS, "signature algorithm", signatures},
	{0x93, BITS, "key agreement", agreements},
	{0x94, BITS, "key derivation", derivations},
	{0x9A, BYTES, "last block", NULL},
	{0x9B, BYTES, "text", NULL},
	{0x9C, BYTES, "intermediate hash", NULL},
	{0x9D, NUMBER, "bytes hashed before", NULL},
	{0x9E, BYTES, "hash to sign", NULL},
	{0x9F, BYTES, "data for CMAC", NULL},
	{0xA1, CHOICE, "mode of operation", modes},
	{0xB1, NUMBER, "most files", NULL},
	{0xB2, NUMBER, "most private keys", NULL},
	{0xB3, NUMBER, "most public keys", NULL},
	{0xB4, NUMBER, "most secret keys", NULL},
	{0xB7, NUMBER, "most sessions", NULL},
	{0xC1, BYTES, "private key", NULL},
	{0xC2, BYTES, "public key", NULL},
	{0xC3, BYTES, "file", NULL},
	{0xC4, BYTES, "secret key", NULL},
	{0xD1, BYTES, "secret", NULL},
	{0xD2, BYTES, "label and seed", NULL},
	{0xD3, NUMBER, "bytes wanted", NULL},
	{0xD4, BYTES, "premaster secret", NULL},
	{0xD5, BYTES, "salt", NULL},
};

static const struct tag *find_tag(uint8_t tag)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].tag == tag)
			return &tags[i];
	return NULL;
}

const char *explain_tag(uint8_t tag)
{
	const struct tag *row = find_tag(tag);

	return row ? row->name : "unknown";
}

bool explain_knows(uint8_t tag)
{
	return find_tag(tag) != NULL;
}

static void put_choice(const struct word *words, unsigned value, char *out)
{
	for (; words->text; words++)
		if (words->value == value) {
			snprintf(out, EXPLAIN_WORDS_MAX, "%s", words->text);
			return;
		}
	snprintf(out, EXPLAIN_WORDS_MAX, "unknown");
}

static void put_bits(const struct word *words, unsigned value, char *out)
{
	size_t size = 0;

	for (; words->text; words++) {
		if (!(value & words->value))
			continue;
		size += (size_t)snprintf(out + size, EXPLAIN_WORDS_MAX - size,
					 "%s%s", size ? ", " : "", words->text);
		value &= ~words->value;
	}
	if (value)
		snprintf(out + size, EXPLAIN_WORDS_MAX - size, "%sunknown %X",
			 size ? ", " : "", value);
	else if (!size)
		snprintf(out, EXPLAIN_WORDS_MAX, "none");
}

/* Labels are mostly text, not always; what is not is left as bytes. */
static void put_text(const uint8_t *data, size_t size, char *out)
{
	while (size && !data[size - 1])
		size--;
	for (size_t i = 0; i < size; i++)
		if (data[i] >= 0x7F || !isprint(data[i]))
			return;
	if (size)
		snprintf(out, EXPLAIN_WORDS_MAX, "\"%.*s\"", (int)size,
			 (const char *)data);
}

void explain_value(uint8_t tag, const uint8_t *data, size_t size, bool answer,
		   char words[EXPLAIN_WORDS_MAX])
{
	const struct tag *row = find_tag(tag);
	unsigned value = 0;

	words[0] = '\0';
	if (!row || row->shape == BYTES)
		return;
	if (row->shape == TEXT) {
		put_text(data, size, words);
		return;
	}
	if (!size || size > sizeof(value))
		return;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | data[i];
	if (row->shape == NUMBER)
		snprintf(words, EXPLAIN_WORDS_MAX, "%u", value);
	else if (row->shape == BITS || (row->shape == HASH && answer))
		put_bits(row->words, value, words);
	else
		put_choice(row->words, value, words);
}
