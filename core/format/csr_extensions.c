/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of names and usages become the extensions that a signing request asks
 * for (RFC 2985 5.4.2).
 */
#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "format/csr.h"

#define WORD_MAX 512

/* ---- the lists of names and usages ---- */

/* The next word of a list joined by commas. 0: the end; negative: a word that
 * is empty or too long. */
static int next_word(const char **list, char *word, const char *what)
{
	size_t size;

	if (!*list || !**list)
		return 0;
	size = strcspn(*list, ",");
	if (!size || size >= WORD_MAX || ((*list)[size] && !(*list)[size + 1]))
		return error_set(IOTSAFE_ERR_ARG,
				 "csr: %s: a word is empty or too long", what);
	memcpy(word, *list, size);
	word[size] = '\0';
	*list += size + ((*list)[size] != '\0');
	return 1;
}

static bool is_graphic(const char *text)
{
	while (*text > ' ' && *text < 0x7F)
		text++;
	return !*text;
}

/* Whatever the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_dns_name(const char *text)
{
	size_t label = 0;

	if (strlen(text) > 253)
		return false;
	if (!strncmp(text, "*.", 2))
		text += 2;
	for (; *text; text++) {
		bool dot = *text == '.';

		if (dot ? !label
			: !is_letter(*text) && !is_digit(*text) &&
				    *text != '-' && *text != '_')
			return false;
		label = dot ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label;
}

static bool is_email(const char *text)
{
	const char *at = strchr(text, '@');

	return at && at > text && is_dns_name(at + 1);
}

static bool is_uri(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && colon > text && colon[1] && is_letter(*text);
}

/* Adds the GeneralName (RFC 5280 4.2.1.6) of an address; false if it is none.
 */
static bool put_address(struct builder *out, const char *text)
{
	const bool six = strchr(text, ':');
	uint8_t address[16];

	if (inet_pton(six ? AF_INET6 : AF_INET, text, address) != 1)
		return false;
	build_tlv(out, 0x87, address, six ? 16 : 4);
	return true;
}

/* Adds that of "kind:value". */
static bool put_name(struct builder *out, const char *word)
{
	static const struct {
		const char *kind;
		uint8_t tag;
		bool (*is_one)(const char *text);
	} kinds[] = {
		{"email:", 0x81, is_email},
		{"dns:", 0x82, is_dns_name},
		{"uri:", 0x86, is_uri},
	};

	if (!is_graphic(word))
		return false;
	if (!strncmp(word, "ip:", 3))
		return put_address(out, word + 3);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *value = word + strlen(kinds[i].kind);

		if (strncmp(word, kinds[i].kind, (size_t)(value - word)) != 0)
			continue;
		build_tlv(out, kinds[i].tag, (const uint8_t *)value,
			  strlen(value));
		return kinds[i].is_one(value);
	}
	return false;
}

static int read_names(const char *list, struct builder *out)
{
	char word[WORD_MAX];
	int more;

	while ((more = next_word(&list, word, "names")) > 0)
		if (!put_name(out, word))
			return error_set(IOTSAFE_ERR_ARG,
					 "csr: names: \"%s\" is no dns:, ip:, "
					 "email: or uri: name",
					 word);
	return more;
}

static const struct usage {
	const char *name;
	uint8_t bits; /* of key usage, or, */
	const char *purpose;
} usages_known[] = {
	{"digitalSignature", GNUTLS_KEY_DIGITAL_SIGNATURE, NULL},
	{"keyAgreement", GNUTLS_KEY_KEY_AGREEMENT, NULL},
	{"keyEncipherment", GNUTLS_KEY_KEY_ENCIPHERMENT, NULL},
	{"clientAuth", 0, GNUTLS_KP_TLS_WWW_CLIENT},
	{"serverAuth", 0, GNUTLS_KP_TLS_WWW_SERVER},
	{"codeSigning", 0, GNUTLS_KP_CODE_SIGNING},
	{"emailProtection", 0, GNUTLS_KP_EMAIL_PROTECTION},
};

/* X.660: arcs of digits joined by points, the first 0, 1 or 2; below 0 and 1
 * there are 40. */
static bool is_oid(const char *text)
{
	const bool below_2 = *text == '0' || *text == '1';
	size_t digits = 0;

	if ((!below_2 && *text != '2') || text[1] != '.' ||
	    (below_2 && strtol(text + 2, NULL, 10) > 39))
		return false;
	for (; *text; text++) {
		bool dot = *text == '.';

		if (dot ? !digits : !is_digit(*text))
			return false;
		digits = dot ? 0 : digits + 1;
		if (digits > 18)
			return false;
	}
	return digits;
}

/* X.690 8.19.2: seven bits a byte. */
static void put_arc(struct builder *out, uint64_t arc)
{
	int shift = 63;

	while (shift && !(arc >> shift))
		shift -= 7;
	for (; shift; shift -= 7)
		build_byte(out, (uint8_t)(arc >> shift | 0x80));
	build_byte(out, arc & 0x7F);
}

static void put_oid(struct builder *out, const char *text)
{
	uint64_t arc = 40 * (uint64_t)(*text - '0'), part = 0;
	uint8_t room[WORD_MAX];
	struct builder oid = {room, 0, sizeof(room), false};

	/* The first two make one number. */
	for (text += 2;; text++) {
		if (is_digit(*text)) {
			part = 10 * part + (uint64_t)(*text - '0');
			continue;
		}
		put_arc(&oid, arc + part);
		arc = part = 0;
		if (!*text)
			break;
	}
	build_tlv(out, 0x06, oid.data, oid.size);
}

static int read_usages(const char *list, uint8_t *bits,
		       struct builder *purposes)
{
	char word[WORD_MAX];
	int more;

	while ((more = next_word(&list, word, "usages")) > 0) {
		struct usage found = {word, 0, is_oid(word) ? word : NULL};

		for (size_t i = 0; i < sizeof(usages_known) / sizeof(found);
		     i++)
			if (!strcmp(usages_known[i].name, word))
				found = usages_known[i];
		*bits |= found.bits;
		if (found.purpose)
			put_oid(purposes, found.purpose);
		else if (!found.bits)
			return error_set(IOTSAFE_ERR_ARG,
					 "csr: usages: \"%s\" is not known",
					 word);
	}
	return more;
}

/* ---- extensions ---- */

/* An Extension (RFC 5280 4.1) whose OID is 2.5.29.number. */
static void put_extension(struct der *der, uint8_t number, uint8_t tag,
			  const struct builder *value)
{
	static const uint8_t critical[] = {0x01, 0x01, 0xFF};
	const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1D, number};
	size_t end = der->at;

	der->failed |= value->failed;
	der_put(der, value->data, value->size);
	der_wrap(der, tag, end);
	der_wrap(der, 0x04, end);
	if (number == 15)
		der_put(der, critical, sizeof(critical));
	der_put(der, oid, sizeof(oid));
	der_wrap(der, 0x30, end);
}

static int put_names(struct der *der, const char *list)
{
	uint8_t room[DER_MAX];
	struct builder names = {room, 0, sizeof(room), false};

	if (!list || !*list)
		return IOTSAFE_OK;
	TRY(read_names(list, &names));
	put_extension(der, 17, 0x30, &names);
	return IOTSAFE_OK;
}

static int put_usages(struct der *der, const char *list)
{
	uint8_t room[DER_MAX], bits[2] = {0};
	struct builder purposes = {room, 0, sizeof(room), false};
	const struct builder usage = {bits, sizeof(bits), sizeof(bits), false};

	TRY(read_usages(list ? list : "digitalSignature,clientAuth", &bits[1],
			&purposes));
	if (purposes.size)
		put_extension(der, 37, 0x30, &purposes);
	/* How many of the last bits are not used. */
	while (bits[1] && !(bits[1] >> bits[0] & 1))
		bits[0]++;
	if (bits[1])
		put_extension(der, 15, 0x03, &usage);
	return IOTSAFE_OK;
}

/* The attribute extensionRequest, in the set of attributes. */
int csr_put_attributes(struct der *der, const char *names, const char *usages)
{
	static const uint8_t oid[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
				      0xF7, 0x0D, 0x01, 0x09, 0x0E};
	size_t end = der->at;

	TRY(put_names(der, names));
	TRY(put_usages(der, usages));
	if (der->at != end) {
		der_wrap(der, 0x30, end);
		der_wrap(der, 0x31, end);
		der_put(der, oid, sizeof(oid));
		der_wrap(der, 0x30, end);
	}
	der_wrap(der, 0xA0, end);
	return IOTSAFE_OK;
}
