/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A certificate as a card or a server gives it becomes names, dates and PEM.
 */
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "certificate.h"
#include "cli.h"
#include "file.h"
#include "json.h"
#include "text.h"

size_t certificate_size(const uint8_t *data, size_t size)
{
	size_t length, count;

	if (size < 2)
		return size;
	length = data[1];
	count = length & 0x7F;
	if (length < 0x80)
		return length + 2 < size ? length + 2 : size;
	if (!count || count > 3 || size < 2 + count)
		return size;
	length = 0;
	for (size_t i = 0; i < count; i++)
		length = length << 8 | data[2 + i];
	length += 2 + count;
	return length < size ? length : size;
}

static bool import(gnutls_x509_crt_t crt, const uint8_t *data, size_t size)
{
	gnutls_datum_t der = {(unsigned char *)(uintptr_t)data,
			      (unsigned)certificate_size(data, size)};
	gnutls_datum_t pem = {der.data, (unsigned)size};

	return gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) >= 0 ||
	       gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) >= 0;
}

static char *take_name(int result, gnutls_datum_t *name)
{
	char *out;

	if (result < 0)
		return text_copy("");
	out = text_copy((const char *)name->data);
	gnutls_free(name->data);
	return out;
}

bool certificate_read(struct certificate *certificate, const uint8_t *data,
		      size_t size)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t name;
	int result;

	*certificate = (struct certificate){0};
	if (gnutls_x509_crt_init(&crt) < 0)
		return false;
	if (!import(crt, data, size)) {
		gnutls_x509_crt_deinit(crt);
		return false;
	}
	certificate->crt = crt;
	result = gnutls_x509_crt_get_dn3(crt, &name, 0);
	certificate->subject = take_name(result, &name);
	result = gnutls_x509_crt_get_issuer_dn3(crt, &name, 0);
	certificate->issuer = take_name(result, &name);
	return true;
}

void certificate_free(struct certificate *certificate)
{
	if (certificate->crt)
		gnutls_x509_crt_deinit(certificate->crt);
	text_free(certificate->subject);
	text_free(certificate->issuer);
	*certificate = (struct certificate){0};
}

int certificate_der(struct cli *cli, const struct certificate *certificate,
		    gnutls_datum_t *der)
{
	int result = gnutls_x509_crt_export2(certificate->crt,
					     GNUTLS_X509_FMT_DER, der);

	if (result < 0)
		return fail(cli, "ERR_FORMAT", "certificate: %s",
			    gnutls_strerror(result));
	return 0;
}

/* RFC 3339, in UTC. */
static void put_time(struct json *json, const char *name, time_t when)
{
	struct tm parts;
	char text[40];

	if (when == (time_t)-1 || !gmtime_r(&when, &parts)) {
		json_string(json, name, NULL);
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	json_string(json, name, text);
}

static void put_details(struct json *json,
			const struct certificate *certificate)
{
	gnutls_x509_crt_t crt = certificate->crt;
	uint8_t serial[64];
	size_t size = sizeof(serial);

	json_string(json, "subject", certificate->subject);
	json_string(json, "issuer", certificate->issuer);
	if (gnutls_x509_crt_get_serial(crt, serial, &size) < 0)
		size = 0;
	json_hex(json, "serial", serial, size);
	put_time(json, "not_before", gnutls_x509_crt_get_activation_time(crt));
	put_time(json, "not_after", gnutls_x509_crt_get_expiration_time(crt));
}

int certificate_put(struct cli *cli, const char *name,
		    const struct certificate *certificate)
{
	gnutls_datum_t der, pem;
	uint8_t hash[32];
	int status;

	TRY(certificate_der(cli, certificate, &der));
	status = pem_encode(cli, "CERTIFICATE", der.data, der.size, &pem);
	if (!status) {
		json_object(cli->json, name);
		put_details(cli->json, certificate);
		gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, hash);
		json_hex(cli->json, "sha256", hash, sizeof(hash));
		json_string(cli->json, "pem", (const char *)pem.data);
		json_end(cli->json);
		gnutls_free(pem.data);
	}
	gnutls_free(der.data);
	return status;
}
