/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key of the card, a subject and its names become a certificate signing
 * request: PKCS #10 (RFC 2986) with the extensions asked for (RFC 2985 5.4.2).
 * GnuTLS writes the subject and the extensions; the frame is written here,
 * since GnuTLS knows fewer curves than cards do.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <string.h>
#include "base/error.h"
#include "format/signing.h"
#include "object/key.h"

#define WORD_MAX 512

/* DER is written from its end, so that lengths are known when their turn
 * comes. */
struct der {
	size_t at;
	bool failed;
	uint8_t data[8192];
};

static void der_begin(struct der *der)
{
	der->at = sizeof(der->data);
	der->failed = false;
}

static void put(struct der *der, const void *data, size_t size)
{
	if (size > der->at) {
		der->failed = true;
		return;
	}
	der->at -= size;
	memcpy(der->data + der->at, data, size);
}

/* Tag and length in front of what was written since `end`. */
static void wrap(struct der *der, uint8_t tag, size_t end)
{
	size_t size = end - der->at;
	uint8_t head[] = {tag, 0x82, (uint8_t)(size >> 8), (uint8_t)size};

	if (size > 0xFF) {
		put(der, head, 4);
		return;
	}
	put(der, head + 3, 1);
	if (size > 0x7F)
		put(der, (const uint8_t[]){0x81}, 1);
	put(der, head, 1);
}

static struct bytes der_bytes(const struct der *der)
{
	return (struct bytes){der->data + der->at, sizeof(der->data) - der->at};
}

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
			: !isalnum((unsigned char)*text) && *text != '-' &&
				    *text != '_')
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
		good = colon && colon > value && colon[1] &&
		       isalpha((unsigned char)*value);
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

		if (dot ? !digits : !isdigit((unsigned char)*text))
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
		return error_set(IOTSAFE_ERR_ARG, "csr: GnuTLS: %s",
				 gnutls_strerror(result));
	put(der, value->data, value->size);
	gnutls_free(value->data);
	wrap(der, 0x04, end);
	if (number == 15)
		put(der, critical, sizeof(critical));
	put(der, oid, sizeof(oid));
	wrap(der, 0x30, end);
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
		return error_set(IOTSAFE_ERR_MEMORY, "csr: no memory");
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
		return error_set(IOTSAFE_ERR_MEMORY, "csr: no memory");
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
static int put_attributes(struct der *der, const char *names,
			  const char *usages)
{
	static const uint8_t oid[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
				      0xF7, 0x0D, 0x01, 0x09, 0x0E};
	size_t end = der->at;

	TRY(put_names(der, names));
	TRY(put_usages(der, usages));
	if (der->at != end) {
		wrap(der, 0x30, end);
		wrap(der, 0x31, end);
		put(der, oid, sizeof(oid));
		wrap(der, 0x30, end);
	}
	wrap(der, 0xA0, end);
	return IOTSAFE_OK;
}

/* ---- the request ---- */

static int put_subject(struct der *der, const char *subject)
{
	gnutls_datum_t value = {NULL, 0};
	const char *where = subject;
	gnutls_x509_dn_t dn;
	int result;

	if (gnutls_x509_dn_init(&dn) < 0)
		return error_set(IOTSAFE_ERR_MEMORY, "csr: no memory");
	result = gnutls_x509_dn_set_str(dn, subject, &where);
	if (result >= 0)
		result =
			gnutls_x509_dn_export2(dn, GNUTLS_X509_FMT_DER, &value);
	gnutls_x509_dn_deinit(dn);
	if (result < 0)
		return error_set(IOTSAFE_ERR_ARG,
				 "csr: subject \"%s\" is no name by RFC 4514: "
				 "%s",
				 subject, gnutls_strerror(result));
	put(der, value.data, value.size);
	gnutls_free(value.data);
	return IOTSAFE_OK;
}

static int build_info(struct der *der, struct bytes spki, const char *subject,
		      const char *names, const char *usages)
{
	static const uint8_t version[] = {0x02, 0x01, 0x00};

	der_begin(der);
	TRY(put_attributes(der, names, usages));
	put(der, spki.data, spki.size);
	TRY(put_subject(der, subject));
	put(der, version, sizeof(version));
	wrap(der, 0x30, sizeof(der->data));
	if (der->failed)
		return error_set(IOTSAFE_ERR_ARG,
				 "csr: subject and names are too long");
	return IOTSAFE_OK;
}

/* The AlgorithmIdentifier: RFC 5758 3.2 (ECDSA), RFC 4055 5 (PKCS #1) and
 * 3.1 (PSS with a salt of the hash's size). */
static void put_algorithm(struct der *der, int algorithm)
{
	uint8_t ecdsa[] = {0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
			   0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
	uint8_t rsa[] = {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
			 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00};
	uint8_t pss[] = {
		0x30, 0x41, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D,
		0x01, 0x01, 0x0A, 0x30, 0x34, 0xA0, 0x0F, 0x30, 0x0D, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00, 0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86,
		0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08, 0x30, 0x0D, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00, 0xA2, 0x03, 0x02, 0x01, 0x20,
	};
	uint8_t hash = algorithm & IOTSAFE_SHA256   ? 0
		       : algorithm & IOTSAFE_SHA384 ? 1
						    : 2;

	ecdsa[11] = (uint8_t)(ecdsa[11] + hash);
	rsa[12] = (uint8_t)(rsa[12] + hash);
	pss[29] = pss[59] = (uint8_t)(1 + hash);
	pss[66] = (uint8_t)(32 + 16 * hash);
	if (algorithm <= IOTSAFE_ECDSA_SHA512)
		put(der, ecdsa, sizeof(ecdsa));
	else if (algorithm <= IOTSAFE_RSA_PKCS1_SHA512)
		put(der, rsa, sizeof(rsa));
	else
		put(der, pss, sizeof(pss));
}

static int finish(struct der *der, int algorithm, struct bytes info,
		  struct bytes signature, uint8_t **out, size_t *out_size)
{
	struct bytes whole;

	der_begin(der);
	put(der, signature.data, signature.size);
	put(der, "", 1); /* of bits not used */
	wrap(der, 0x03, sizeof(der->data));
	put_algorithm(der, algorithm);
	put(der, info.data, info.size);
	wrap(der, 0x30, sizeof(der->data));
	if (der->failed)
		return error_set(IOTSAFE_ERR_ARG,
				 "csr: subject and names are too long");
	whole = der_bytes(der);
	return bytes_give(whole.data, whole.size, out, out_size);
}

static int sign_info(iotsafe_key *key, int algorithm, struct bytes info,
		     uint8_t **out, size_t *out_size)
{
	uint8_t *raw, *text;
	size_t size;
	struct der der;
	int result;

	TRY(signing_sign(key, algorithm, info, &raw, &size));
	text = raw;
	if (algorithm <= IOTSAFE_ECDSA_SHA512) {
		result = iotsafe_signature_to_der(raw, size, &text, &size);
		iotsafe_free(raw);
		TRY(result);
	}
	result = finish(&der, algorithm, info, (struct bytes){text, size}, out,
			out_size);
	iotsafe_free(text);
	return result;
}

int iotsafe_key_csr(iotsafe_key *key, const char *subject, const char *names,
		    const char *usages, uint8_t **out, size_t *out_size)
{
	struct der info;
	int algorithm;

	if (!bytes_ready(out, out_size) || !key || !subject)
		return error_set(IOTSAFE_ERR_ARG, "csr: something is NULL");
	if (!*subject)
		return error_set(IOTSAFE_ERR_ARG, "csr: the subject is empty");
	TRY(signing_choose(key, ~0, false, "csr", &algorithm));
	if (!key_spki(key).size)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "csr: the public key of %s is not known",
				 key_title(key));
	TRY(build_info(&info, key_spki(key), subject, names, usages));
	return sign_info(key, algorithm, der_bytes(&info), out, out_size);
}
