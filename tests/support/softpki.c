/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wishes become keys and certificates. Anything that fails ends the test. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "softpki.h"

static void need(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "pki: %s: %s\n", what, gnutls_strerror(result));
	abort();
}

static void make_key(struct identity *identity,
		     const struct identity_wish *wish)
{
	gnutls_ecc_curve_t curve = wish->p384 ? GNUTLS_ECC_CURVE_SECP384R1
					      : GNUTLS_ECC_CURVE_SECP256R1;

	need(gnutls_x509_privkey_init(&identity->key), "key");
	need(gnutls_x509_privkey_generate(
		     identity->key, wish->rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
		     wish->rsa ? 2048 : GNUTLS_CURVE_TO_BITS(curve), 0),
	     "generate");
}

static void set_names(gnutls_x509_crt_t crt, const struct identity_wish *wish)
{
	unsigned char address[4];

	need(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
					   wish->name,
					   (unsigned)strlen(wish->name)),
	     "name");
	if (wish->dns)
		need(gnutls_x509_crt_set_subject_alt_name(
			     crt, GNUTLS_SAN_DNSNAME, wish->dns,
			     (unsigned)strlen(wish->dns), GNUTLS_FSAN_APPEND),
		     "DNS name");
	if (wish->ip && inet_pton(AF_INET, wish->ip, address) == 1)
		need(gnutls_x509_crt_set_subject_alt_name(
			     crt, GNUTLS_SAN_IPADDRESS, address,
			     sizeof(address), GNUTLS_FSAN_APPEND),
		     "IP address");
}

static void set_domain(gnutls_x509_crt_t crt, const char *domain)
{
	gnutls_datum_t name = {(unsigned char *)(uintptr_t)domain,
			       (unsigned)strlen(domain)};
	gnutls_x509_name_constraints_t names;

	need(gnutls_x509_name_constraints_init(&names), "name constraints");
	need(gnutls_x509_name_constraints_add_permitted(
		     names, GNUTLS_SAN_DNSNAME, &name),
	     "domain");
	need(gnutls_x509_crt_set_name_constraints(crt, names, 1), "domain");
	gnutls_x509_name_constraints_deinit(names);
}

static void set_extensions(gnutls_x509_crt_t crt,
			   const struct identity_wish *wish)
{
	need(gnutls_x509_crt_set_basic_constraints(crt, wish->ca,
						   wish->longest - 1),
	     "CA");
	if (wish->purpose)
		need(gnutls_x509_crt_set_key_purpose_oid(crt, wish->purpose, 0),
		     "purpose");
	if (wish->allows)
		set_domain(crt, wish->allows);
}

static void set_fields(gnutls_x509_crt_t crt, const struct identity_wish *wish)
{
	static unsigned char serial;
	time_t now = time(NULL);

	serial++;
	need(gnutls_x509_crt_set_version(crt, wish->old ? 1 : 3), "version");
	need(gnutls_x509_crt_set_serial(crt, &serial, 1), "serial");
	need(gnutls_x509_crt_set_activation_time(crt, now - 7200), "from");
	need(gnutls_x509_crt_set_expiration_time(
		     crt, wish->expired ? now - 3600 : now + 200 * 86400),
	     "to");
	if (!wish->old)
		set_extensions(crt, wish);
}

/* GnuTLS builds chains only of certificates that it has read. */
static gnutls_x509_crt_t read_back(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;

	need(gnutls_x509_crt_init(&crt), "certificate");
	need(gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER), "import");
	return crt;
}

static void sign(gnutls_x509_crt_t crt, const struct identity *self,
		 const struct identity *issuer)
{
	gnutls_x509_crt_t issuer_crt;

	if (!issuer) {
		need(gnutls_x509_crt_sign2(crt, crt, self->key,
					   GNUTLS_DIG_SHA256, 0),
		     "sign");
		return;
	}
	issuer_crt = read_back(&issuer->der);
	need(gnutls_x509_crt_sign2(crt, issuer_crt, issuer->key,
				   GNUTLS_DIG_SHA256, 0),
	     "sign");
	gnutls_x509_crt_deinit(issuer_crt);
}

struct identity identity_make(struct identity_wish wish)
{
	struct identity identity;
	gnutls_x509_crt_t crt;

	make_key(&identity, &wish);
	need(gnutls_x509_crt_init(&crt), "certificate");
	need(gnutls_x509_crt_set_key(crt, identity.key), "key");
	set_names(crt, &wish);
	set_fields(crt, &wish);
	sign(crt, &identity, wish.issuer);
	need(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &identity.der),
	     "DER");
	need(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &identity.pem),
	     "PEM");
	gnutls_x509_crt_deinit(crt);
	return identity;
}

void identity_free(struct identity *identity)
{
	gnutls_x509_privkey_deinit(identity->key);
	gnutls_free(identity->der.data);
	gnutls_free(identity->pem.data);
}
