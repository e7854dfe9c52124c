/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files and public keys of the card, read once: certificates with the parts
 * that PKCS #11 asks for by name, and public keys.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>
#include "error.h"
#include "front.h"
#include "object.h"

static void drop_front(struct object *object)
{
	iotsafe_file_free(object->file);
	object->file = NULL;
	blob_free(&object->spki_front);
	blob_free(&object->subject);
	blob_free(&object->issuer);
	blob_free(&object->serial);
	if (object->reading == OBJECT_BEGUN)
		object->reading = OBJECT_UNREAD;
}

void object_unread(struct object *object)
{
	drop_front(object);
	blob_free(&object->value);
	blob_free(&object->spki);
	object->reading = OBJECT_UNREAD;
	object->pair = NULL;
	object->paired = false;
}

/* ---- certificates ---- */

static bool take_datum(struct blob *blob, int error, gnutls_datum_t *datum)
{
	bool copied;

	if (error < 0)
		return false;
	copied = blob_copy(blob, datum->data, datum->size);
	gnutls_free(datum->data);
	return copied;
}

static bool take_spki(struct object *object, gnutls_x509_crt_t crt)
{
	gnutls_pubkey_t pubkey;
	gnutls_datum_t datum;
	bool taken = false;

	if (gnutls_pubkey_init(&pubkey) < 0)
		return false;
	if (gnutls_pubkey_import_x509(pubkey, crt, 0) >= 0)
		taken = take_datum(&object->spki,
				   gnutls_pubkey_export2(
					   pubkey, GNUTLS_X509_FMT_DER, &datum),
				   &datum);
	gnutls_pubkey_deinit(pubkey);
	return taken;
}

/* As DER, tag and length in front (PKCS #11 2.40 section 4.6.3). */
static bool take_serial(struct object *object, gnutls_x509_crt_t crt)
{
	uint8_t serial[2 + 127] = {0x02};
	size_t size = sizeof(serial) - 2;

	if (gnutls_x509_crt_get_serial(crt, serial + 2, &size) < 0)
		return false;
	serial[1] = (uint8_t)size;
	return blob_copy(&object->serial, serial, size + 2);
}

static bool take_parts(struct object *object, gnutls_x509_crt_t crt)
{
	gnutls_datum_t datum;

	object->is_ca = gnutls_x509_crt_get_ca_status(crt, NULL) == 1;
	/* A key that GnuTLS does not know can be shown all the same. */
	if (!take_spki(object, crt))
		blob_free(&object->spki);
	/* Written anew: what stands behind it in the card's file is not it. */
	return take_datum(&object->value,
			  gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER,
						  &datum),
			  &datum) &&
	       take_datum(&object->subject,
			  gnutls_x509_crt_get_raw_dn(crt, &datum), &datum) &&
	       take_datum(&object->issuer,
			  gnutls_x509_crt_get_raw_issuer_dn(crt, &datum),
			  &datum) &&
	       take_serial(object, crt);
}

/* The size of the DER value at the front (X.690 8.1.3), at most `size`: files
 * of a card are often longer than what was put into them. */
static size_t der_size(const uint8_t *data, size_t size)
{
	size_t length = 0, count;

	if (size < 2)
		return size;
	count = data[1] & 0x80 ? data[1] & 0x7F : 0;
	if (count > 3 || size < 2 + count)
		return size;
	if (!count)
		length = data[1];
	for (size_t i = 0; i < count; i++)
		length = length << 8 | data[2 + i];
	length += 2 + count;
	return length < size ? length : size;
}

/* Trust Onboard's Available one is text, with authorities behind it. */
static bool import(gnutls_x509_crt_t crt, const struct blob *data)
{
	static const char begin[] = "-----BEGIN ";
	gnutls_datum_t datum = {data->data,
				(unsigned)der_size(data->data, data->size)};
	gnutls_x509_crt_fmt_t format = GNUTLS_X509_FMT_DER;

	if (data->size > sizeof(begin) &&
	    !memcmp(data->data, begin, sizeof(begin) - 1)) {
		datum.size = (unsigned)data->size;
		format = GNUTLS_X509_FMT_PEM;
	}
	return gnutls_x509_crt_import(crt, &datum, format) >= 0;
}

ck_rv_t object_take_certificate(struct object *object, const uint8_t *data,
				size_t size)
{
	struct blob copy;
	gnutls_x509_crt_t crt;

	if (!blob_copy(&copy, data, size))
		return CKR_HOST_MEMORY;
	if (gnutls_x509_crt_init(&crt) < 0) {
		blob_free(&copy);
		return CKR_HOST_MEMORY;
	}
	object->reading = OBJECT_NOTHING;
	if (import(crt, &copy) && take_parts(object, crt))
		object->reading = OBJECT_READ;
	gnutls_x509_crt_deinit(crt);
	blob_free(&copy);
	return CKR_OK;
}

/* Of a certificate that was begun, the rest. */
static int read_file(struct slot *slot, struct object *object, uint8_t **data,
		     size_t *size)
{
	int code = 0;

	if (!object->file)
		code = iotsafe_file_open(slot->card, object->name,
					 &object->file);
	if (code >= 0)
		code = iotsafe_file_read(object->file, data, size);
	drop_front(object);
	return code;
}

/* What the card does not give, or gives as nonsense, is as good as not there;
 * a link that fails is no reason to say so. */
static bool is_nothing(int code)
{
	return code == IOTSAFE_ERR_ABSENT || code == IOTSAFE_ERR_FORMAT ||
	       code == IOTSAFE_ERR_DENIED || code == IOTSAFE_ERR_CARD ||
	       code == IOTSAFE_ERR_SUPPORT || code == IOTSAFE_ERR_AMBIGUOUS ||
	       code == IOTSAFE_ERR_VERIFY || code == IOTSAFE_ERR_PIN;
}

static ck_rv_t not_read(struct slot *slot, struct object *object, int code)
{
	drop_front(object);
	if (!is_nothing(code))
		return slot_failed(slot, code);
	object->reading = OBJECT_NOTHING;
	return CKR_OK;
}

/* ---- the beginning of a certificate ---- */

static ck_rv_t take_front(struct object *object, const struct front *front)
{
	if (!blob_copy(&object->serial, front->serial.data,
		       front->serial.size) ||
	    !blob_copy(&object->issuer, front->issuer.data,
		       front->issuer.size) ||
	    !blob_copy(&object->subject, front->subject.data,
		       front->subject.size) ||
	    !blob_copy(&object->spki_front, front->spki.data,
		       front->spki.size)) {
		drop_front(object);
		return CKR_HOST_MEMORY;
	}
	object->reading = OBJECT_BEGUN;
	return CKR_OK;
}

static int read_start(struct slot *slot, struct object *object, uint8_t **data,
		      size_t *size)
{
	int code = iotsafe_file_open(slot->card, object->name, &object->file);

	if (code >= 0)
		code = iotsafe_file_read_start(object->file, data, size);
	return code;
}

/* What is no certificate by its beginning is read whole. */
ck_rv_t object_begin(struct slot *slot, struct object *object)
{
	struct front front;
	uint8_t *data;
	size_t size;
	ck_rv_t result;
	int code;

	if (object->reading == OBJECT_BEGUN)
		return CKR_OK;
	if (object->reading || object->class != CKO_CERTIFICATE)
		return object_read(slot, object);
	TRY(slot_need_card(slot));
	code = read_start(slot, object, &data, &size);
	if (code < 0)
		return not_read(slot, object, code);
	result = front_parse(data, size, &front) ? take_front(object, &front)
						 : object_read(slot, object);
	iotsafe_free(data);
	return result;
}

/* ---- all objects ---- */

static ck_rv_t take_key(struct object *object, uint8_t *data, size_t size)
{
	if (!blob_take(&object->spki, data, size))
		return CKR_HOST_MEMORY;
	object->reading = OBJECT_READ;
	return CKR_OK;
}

static ck_rv_t take(struct object *object, uint8_t *data, size_t size)
{
	ck_rv_t result;

	if (object->class != CKO_CERTIFICATE)
		return take_key(object, data, size);
	result = object_take_certificate(object, data, size);
	iotsafe_free(data);
	return result;
}

static int open_key(struct slot *slot, struct object *object)
{
	return object->key ? 0
			   : iotsafe_key_open(slot->card, object->name,
					      &object->key);
}

ck_rv_t object_open_key(struct slot *slot, struct object *object)
{
	int code;

	TRY(slot_need_card(slot));
	code = open_key(slot, object);
	return code < 0 ? slot_failed(slot, code) : CKR_OK;
}

ck_rv_t object_read(struct slot *slot, struct object *object)
{
	uint8_t *data;
	size_t size;
	int code;

	if (object->reading > OBJECT_BEGUN)
		return CKR_OK;
	TRY(slot_need_card(slot));
	if (object->class == CKO_PRIVATE_KEY) {
		code = open_key(slot, object);
		if (code >= 0)
			code = iotsafe_key_public_key(object->key, &data,
						      &size);
	} else if (object->class == CKO_PUBLIC_KEY) {
		code = iotsafe_card_public_key(slot->card, object->name, &data,
					       &size);
	} else {
		code = read_file(slot, object, &data, &size);
	}
	return code < 0 ? not_read(slot, object, code)
			: take(object, data, size);
}
