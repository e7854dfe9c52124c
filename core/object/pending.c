/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions of the header that are still to come; each one says so. */
#include <iotsafe/iotsafe.h>
#include "base/bytes.h"
#include "base/error.h"

#define PENDING(name)                                                          \
	return error_set(IOTSAFE_ERR_SUPPORT, name ": not in this build yet")

int iotsafe_key_sign_data(iotsafe_key *key, int algorithm, int mode,
			  const uint8_t *data, size_t data_size, uint8_t **out,
			  size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)key;
	(void)algorithm;
	(void)mode;
	(void)data;
	(void)data_size;
	PENDING("iotsafe_key_sign_data");
}

int iotsafe_signature_from_der(const uint8_t *data, size_t data_size,
			       size_t size, uint8_t **out, size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)data;
	(void)data_size;
	(void)size;
	PENDING("iotsafe_signature_from_der");
}

int iotsafe_key_generate(iotsafe_card *card, const char *name,
			 iotsafe_key **key)
{
	(void)card;
	(void)name;
	(void)key;
	PENDING("iotsafe_key_generate");
}

int iotsafe_key_agree(iotsafe_key *key, const char *name, const uint8_t *data,
		      size_t data_size, uint8_t **out, size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)key;
	(void)name;
	(void)data;
	(void)data_size;
	PENDING("iotsafe_key_agree");
}

int iotsafe_card_put_public_key(iotsafe_card *card, const char *name,
				const uint8_t *data, size_t data_size)
{
	(void)card;
	(void)name;
	(void)data;
	(void)data_size;
	PENDING("iotsafe_card_put_public_key");
}

int iotsafe_card_verify(iotsafe_card *card, const char *name, int algorithm,
			const uint8_t *data, size_t data_size,
			const uint8_t *signature, size_t signature_size)
{
	(void)card;
	(void)name;
	(void)algorithm;
	(void)data;
	(void)data_size;
	(void)signature;
	(void)signature_size;
	PENDING("iotsafe_card_verify");
}

int iotsafe_card_verify_data(iotsafe_card *card, const char *name,
			     int algorithm, int mode, const uint8_t *data,
			     size_t data_size, const uint8_t *signature,
			     size_t signature_size)
{
	(void)card;
	(void)name;
	(void)algorithm;
	(void)mode;
	(void)data;
	(void)data_size;
	(void)signature;
	(void)signature_size;
	PENDING("iotsafe_card_verify_data");
}

int iotsafe_card_mac(iotsafe_card *card, const char *name, const uint8_t *data,
		     size_t data_size, uint8_t **out, size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)card;
	(void)name;
	(void)data;
	(void)data_size;
	PENDING("iotsafe_card_mac");
}

int iotsafe_card_prf(iotsafe_card *card, const char *name,
		     const uint8_t *secret, size_t secret_size,
		     const char *label, const uint8_t *data, size_t data_size,
		     size_t size, uint8_t **out, size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)card;
	(void)name;
	(void)secret;
	(void)secret_size;
	(void)label;
	(void)data;
	(void)data_size;
	(void)size;
	PENDING("iotsafe_card_prf");
}

int iotsafe_card_hkdf_extract(iotsafe_card *card, int algorithm,
			      const uint8_t *secret, size_t secret_size,
			      const uint8_t *data, size_t data_size,
			      uint8_t **out, size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)card;
	(void)algorithm;
	(void)secret;
	(void)secret_size;
	(void)data;
	(void)data_size;
	PENDING("iotsafe_card_hkdf_extract");
}

int iotsafe_hkdf_expand(int algorithm, const uint8_t *secret,
			size_t secret_size, const uint8_t *data,
			size_t data_size, size_t size, uint8_t **out,
			size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)algorithm;
	(void)secret;
	(void)secret_size;
	(void)data;
	(void)data_size;
	(void)size;
	PENDING("iotsafe_hkdf_expand");
}

int iotsafe_card_psk(iotsafe_card *card, const char *name, const char *identity,
		     const uint8_t *data, size_t data_size, uint8_t **out,
		     size_t *out_size)
{
	bytes_ready(out, out_size);
	(void)card;
	(void)name;
	(void)identity;
	(void)data;
	(void)data_size;
	PENDING("iotsafe_card_psk");
}

int iotsafe_tls_set_ca_key(iotsafe_tls *tls, const char *name)
{
	(void)tls;
	(void)name;
	PENDING("iotsafe_tls_set_ca_key");
}

int iotsafe_tls_set_psk(iotsafe_tls *tls, const char *identity,
			const char *name, int kind, const uint8_t *data,
			size_t data_size)
{
	(void)tls;
	(void)identity;
	(void)name;
	(void)kind;
	(void)data;
	(void)data_size;
	PENDING("iotsafe_tls_set_psk");
}
