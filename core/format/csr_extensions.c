/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of names and usages become the extensions that a signing request asks
 * for (RFC 2985 5.4.2). GnuTLS writes what is in each.
 */
#include <arpa/inet.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <string.h>
#include "base/crypto.h"
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

/* Makes one name from "kind:value"; false if it is none. */
static bool read_name(char *word, uint8_t *room, gnutls_datum_t *name,
		      gnutls_x509_subject_alt_name_t *kind)
{
	char *value = strchr(word, ':');
	bool good;

	if (!value || !is_graphic(word))
		return false;
	value++;
	*name = (gnutls_datum_t){(uint8_t *)value, (unsigned)strlen(value)};
	if (!strncmp(word, "ip:", 3)) {
		*kind = GNUTLS_SAN_IPADDRESS;
		name->data = room;
		name->size = strchr(value, ':') ? 16 : 4;
		return inet_pton(name->size == 4 ? AF_INET : AF_INET6, value,
				 room) == 1;
	}
	good = !strncmp(word, "dns:", 4) && is_dns_name(value);
	*kind = GNUTLS_SAN_DNSNAME;
	if (!strncmp(word, "email:", 6)) {
		const char *at = strchr(value, '@');

		*kind = GNUTLS_SAN_RFC822NAME;
		good = at && at > value && is_dns_name(at + 1);
	} else if (!strncmp(word, "uri:", 4)) {
		const char *colon = strchr(value, ':');

		*kind = GNUTLS_SAN_URI;
		good = colon && colon > value && colon[1] && is_letter(*value);
	}
	return good;
}

static int read_names(const char *list, gnutls_subject_alt_names_t names)
{
	gnutls_x509_subject_alt_name_t kind;
	gnutls_datum_t name;
	char word[WORD_MAX];
	uint8_t room[16];
	int more;

	while ((more = next_word(&list, word, "names")) > 0)
		if (!read_name(word, room, &name, &kind) ||
		    gnutls_subject_alt_names_set(names, kind, &name, NULL) < 0)
			return error_set(IOTSAFE_ERR_ARG,
					 "csr: names: \"%s\" is no dns:, ip:, "
					 "email: or uri: name",
					 word);
	return more;
}

static const struct usage {
	const char *name;
	unsigned bits; /* of key usage, or, */
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

/* X.660: arcs of digits joined by points, the first 0, 1 or 2. GnuTLS would
 * make another arc of one with more than 18 digits. */
static bool is_oid(const char *text)
{
	size_t digits = 0;

	if (*text < '0' || *text > '2' || text[1] != '.')
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

static int read_usages(const char *list, unsigned *bits, size_t *count,
		       gnutls_x509_key_purposes_t purposes)
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
		*count += found.purpose != NULL;
		if (!found.bits &&
		    (!found.purpose ||
		     gnutls_x509_key_purpose_set(purposes, found.purpose) < 0))
			return error_set(IOTSAFE_ERR_ARG,
					 "csr: usages: \"%s\" is not known",
					 word);
	}
	return more;
}

/* ---- extensions ---- */

/* An Extension (RFC 5280 4.1) whose OID is 2.5.29.number; takes the value
 * over. */
static int put_extension(struct der *der, uint8_t number, int result,
			 gnutls_datum_t *value)
{
	static const uint8_t critical[] = {0x01, 0x01, 0xFF};
	const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1D, number};
	size_t end = der->at;

	if (result < 0)
		return crypto_failed(IOTSAFE_ERR_ARG, result, "csr: GnuTLS");
	der_put(der, value->data, value->size);
	gnutls_free(value->data);
	der_wrap(der, 0x04, end);
	if (number == 15)
		der_put(der, critical, sizeof(critical));
	der_put(der, oid, sizeof(oid));
	der_wrap(der, 0x30, end);
	return IOTSAFE_OK;
}

static int put_names(struct der *der, const char *list)
{
	gnutls_subject_alt_names_t names;
	gnutls_datum_t value;
	int result;

	if (!list || !*list)
		return IOTSAFE_OK;
	if (gnutls_subject_alt_names_init(&names) < 0)
		return error_no_memory("csr");
	result = read_names(list, names);
	if (result >= 0) {
		result =
			gnutls_x509_ext_export_subject_alt_names(names, &value);
		result = put_extension(der, 17, result, &value);
	}
	gnutls_subject_alt_names_deinit(names);
	return result;
}

static int put_usages(struct der *der, const char *list)
{
	gnutls_x509_key_purposes_t purposes;
	gnutls_datum_t value;
	unsigned bits = 0;
	size_t count = 0;
	int result;

	if (gnutls_x509_key_purpose_init(&purposes) < 0)
		return error_no_memory("csr");
	result = read_usages(list ? list : "digitalSignature,clientAuth", &bits,
			     &count, purposes);
	if (result >= 0 && count) {
		result = gnutls_x509_ext_export_key_purposes(purposes, &value);
		result = put_extension(der, 37, result, &value);
	}
	gnutls_x509_key_purpose_deinit(purposes);
	if (result >= 0 && bits) {
		result = gnutls_x509_ext_export_key_usage(bits, &value);
		result = put_extension(der, 15, result, &value);
	}
	return result;
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
