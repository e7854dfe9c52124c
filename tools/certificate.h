/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people and programs want to know of an X.509 certificate. */
#ifndef TOOLS_CERTIFICATE_H
#define TOOLS_CERTIFICATE_H

#include <gnutls/x509.h>
#include "cli.h"

struct certificate {
	gnutls_x509_crt_t crt;
	/* RFC 4514; "" where there is none. */
	char *subject;
	char *issuer;
};

/* The size of the DER value at the front (X.690 8.1.3), at most `size`. Files
 * on a card are often longer than what was put into them, or have the issuers
 * behind it. */
size_t certificate_size(const uint8_t *data, size_t size);

/* From DER, behind which a card may have padding, or from PEM. False if the
 * bytes hold no certificate. */
bool certificate_read(struct certificate *certificate, const uint8_t *data,
		      size_t size);
void certificate_free(struct certificate *certificate);

/* The DER encoding, to be released with gnutls_free(). */
int certificate_der(struct cli *cli, const struct certificate *certificate,
		    gnutls_datum_t *der);

/* An object: subject, issuer, serial, not_before, not_after, sha256, pem. */
int certificate_put(struct cli *cli, const char *name,
		    const struct certificate *certificate);

#endif
