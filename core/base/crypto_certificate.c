/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates: found among padding, taken apart, and who issued whom.
 */
#include <gnutls/x509.h>
#include <time.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"

/* Whether bytes are a certificate is a question, so that no is no error. */
static bool import_certificate(struct bytes der, gnutls_x509_crt_t *out)
{
	gnutls_datum_t data = datum_of(der);

	if (gnutls_x509_crt_init(out) < 0)
		return false;
	if (gnutls_x509_crt_import(*out, &data, GNUTLS_X509_FMT_DER) >= 0)
		return true;
	gnutls_x509_crt_deinit(*out);
	return false;
}

/* RFC 5280 4.1: Certificate { tbsCertificate { [0] version, serialNumber,
 * signature, issuer, validity, subject, subjectPublicKeyInfo … } … }. Taken
 * as it stands there, so that keys GnuTLS cannot use are told apart too. */
int crypto_spki_of_certificate(struct bytes certificate, uint8_t **out,
			       size_t *out_size)
{
	struct tlv outer, tbs, field = {0};
	const uint8_t *start;
	struct bytes rest;

	if (!tlv_next(&certificate, &outer) || outer.tag != 0x30 ||
	    !tlv_next(&outer.value, &tbs) || tbs.tag != 0x30)
		goto bad;
	rest = tbs.value;
	if (rest.size && rest.data[0] == 0xA0)
		tlv_next(&rest, &field);
	for (int i = 0; i < 5; i++)
		if (!tlv_next(&rest, &field))
			goto bad;
	start = rest.data;
	if (!tlv_next(&rest, &field) || field.tag != 0x30)
		goto bad;
	return bytes_give(start, (size_t)(rest.data - start), out, out_size);
bad:
	return error_set(IOTSAFE_ERR_FORMAT,
			 "certificate: its public key cannot be found");
}

/* Into a SEQUENCE whose end need not be there. */
static bool enter(struct bytes *in)
{
	const size_t length = in->size > 1 ? in->data[1] : 0;
	const size_t head = length < 0x80 ? 2 : 2 + (length & 0x7F);

	if (in->size <= head || in->data[0] != 0x30)
		return false;
	in->data += head;
	in->size -= head;
	return true;
}

static bool find_names(struct bytes start, struct bytes *issuer,
		       struct bytes *subject)
{
	struct tlv field[5];

	if (!enter(&start) || !enter(&start))
		return false;
	if (start.size && start.data[0] == 0xA0 && !tlv_next(&start, field))
		return false;
	for (int i = 0; i < 5; i++)
		if (!tlv_next(&start, &field[i]))
			return false;
	*issuer = field[2].value;
	*subject = field[4].value;
	return true;
}

bool crypto_certificate_may_issue(struct bytes start, struct bytes certificate)
{
	struct bytes issuer, subject, wanted, own;

	if (!find_names(start, &issuer, &subject) ||
	    !find_names(certificate, &wanted, &own))
		return true;
	return bytes_equal(subject, wanted) && !bytes_equal(subject, issuer);
}

bool crypto_certificate_trim(struct bytes *certificate)
{
	struct bytes rest = *certificate;
	struct tlv outer;
	gnutls_x509_crt_t crt;

	if (!tlv_next(&rest, &outer) || outer.tag != 0x30)
		return false;
	rest = (struct bytes){certificate->data,
			      (size_t)(rest.data - certificate->data)};
	if (!import_certificate(rest, &crt))
		return false;
	gnutls_x509_crt_deinit(crt);
	*certificate = rest;
	return true;
}

static bool has_signed(gnutls_x509_crt_t upper, gnutls_x509_crt_t lower)
{
	unsigned status = 0;

	/* The times are the verifier's business. GnuTLS takes a certificate
	 * for its own issuer where it is trusted. */
	return gnutls_x509_crt_verify(
		       lower, &upper, 1,
		       GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
			       GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
		       &status) >= 0 &&
	       !status;
}

/* By their names, and where that is asked for by the signature too. */
static bool is_issuer(struct bytes issuer, struct bytes certificate,
		      bool by_signature)
{
	gnutls_x509_crt_t upper, lower;
	bool issued = false;

	if (!import_certificate(issuer, &upper))
		return false;
	if (import_certificate(certificate, &lower)) {
		issued = gnutls_x509_crt_check_issuer(lower, upper) == 1 &&
			 (!by_signature || has_signed(upper, lower));
		gnutls_x509_crt_deinit(lower);
	}
	gnutls_x509_crt_deinit(upper);
	return issued;
}

bool crypto_certificate_issued(struct bytes issuer, struct bytes certificate)
{
	return is_issuer(issuer, certificate, false);
}

bool crypto_certificate_signed(struct bytes issuer, struct bytes certificate)
{
	return is_issuer(issuer, certificate, true);
}

bool crypto_certificate_is_ca(struct bytes certificate)
{
	unsigned critical, ca = 0;
	gnutls_x509_crt_t crt;
	int result;

	if (!import_certificate(certificate, &crt))
		return false;
	result = gnutls_x509_crt_get_basic_constraints(crt, &critical, &ca,
						       NULL);
	gnutls_x509_crt_deinit(crt);
	return result >= 0 && ca;
}

bool crypto_certificate_is_over(struct bytes certificate)
{
	gnutls_x509_crt_t crt;
	time_t until;

	if (!import_certificate(certificate, &crt))
		return false;
	until = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_x509_crt_deinit(crt);
	return until < time(NULL);
}

bool crypto_certificate_is_root(struct bytes certificate)
{
	return crypto_certificate_is_ca(certificate) &&
	       crypto_certificate_signed(certificate, certificate);
}

static int give_each(gnutls_x509_crt_t *list, unsigned count,
		     int (*each)(void *self, struct bytes certificate),
		     void *self)
{
	int result = IOTSAFE_OK;

	for (unsigned i = 0; i < count; i++) {
		gnutls_datum_t der;

		if (result >= 0 &&
		    gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_DER,
					    &der) >= 0) {
			result = each(self, (struct bytes){der.data, der.size});
			gnutls_free(der.data);
		}
		gnutls_x509_crt_deinit(list[i]);
	}
	gnutls_free(list);
	return result;
}

/* DER behind DER, as far as it is certificates. */
static int read_der(struct bytes data,
		    int (*each)(void *self, struct bytes certificate),
		    void *self)
{
	struct bytes one = data;
	int result = IOTSAFE_OK;

	while (result >= 0 && crypto_certificate_trim(&one)) {
		result = each(self, one);
		bytes_take(&data, one.size, &one);
		one = data;
	}
	return result;
}

int crypto_certificates_read(struct bytes data,
			     int (*each)(void *self, struct bytes certificate),
			     void *self)
{
	gnutls_datum_t text = datum_of(data);
	struct bytes first = data;
	gnutls_x509_crt_t *list;
	unsigned count;
	int error;

	if (crypto_certificate_trim(&first))
		return read_der(data, each, self);
	error = gnutls_x509_crt_list_import2(&list, &count, &text,
					     GNUTLS_X509_FMT_PEM, 0);
	if (error < 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "certificate: neither DER nor PEM (%s)",
				 gnutls_strerror(error));
	return give_each(list, count, each, self);
}
