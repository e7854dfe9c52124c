/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns the library's calls into operations that can be run, checked by GnuTLS
 * and by a server, and run again. */
#include "operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "simulator.h"

#define PAIR "ecdh" /* a key pair to make anew */

static const uint8_t hash[32] = {"what is to be signed, as a hash"};

static void need(int result, const char *what)
{
	if (result == IOTSAFE_OK)
		return;
	fprintf(stderr, "%s: %s: %s\n", what, iotsafe_error_name(result),
		iotsafe_last_error());
	exit(1);
}

static void forget(struct subject *subject)
{
	iotsafe_free(subject->out);
	subject->out = NULL;
	subject->out_size = 0;
}

static void let_go(struct subject *subject)
{
	forget(subject);
	iotsafe_key_free(subject->key);
	iotsafe_file_free(subject->file);
	subject->key = NULL;
	subject->file = NULL;
}

int subject_open(struct subject *subject)
{
	return iotsafe_card_open(subject->address, &subject->card);
}

void subject_close(struct subject *subject)
{
	let_go(subject);
	iotsafe_card_free(subject->card);
	subject->card = NULL;
}

static int nothing(struct subject *subject)
{
	(void)subject;
	return IOTSAFE_OK;
}

/* ---- open ---- */

static int opening(struct subject *subject)
{
	subject_close(subject);
	return subject_open(subject);
}

/* ---- list ---- */

static int read_list(iotsafe_card *card, char *text, size_t room)
{
	iotsafe_object *object;
	iotsafe_list *list;
	int result = iotsafe_card_list(card, NULL, &list);
	size_t size = 0;

	text[0] = '\0';
	while (result == IOTSAFE_OK) {
		result = iotsafe_list_next(list, &object);
		if (!object)
			break;
		size += (size_t)snprintf(
			text + size, room - size, "%s %x %s %x %zu\n",
			iotsafe_object_name(object),
			(unsigned)iotsafe_object_flags(object),
			iotsafe_object_key_type(object),
			(unsigned)iotsafe_object_algorithms(object),
			iotsafe_object_size(object));
		iotsafe_object_free(object);
		if (size >= room)
			break;
	}
	iotsafe_list_free(list);
	return result;
}

static int listing(struct subject *subject)
{
	return read_list(subject->card, subject->list, sizeof(subject->list));
}

static int check_list(struct subject *subject)
{
	return strcmp(subject->list, subject->original->list) ? WRONG : 0;
}

/* ---- read ---- */

static int name_file(struct subject *subject)
{
	return iotsafe_file_open(subject->card, "client-cert", &subject->file);
}

static int reading(struct subject *subject)
{
	forget(subject);
	return iotsafe_file_read(subject->file, &subject->out,
				 &subject->out_size);
}

static int is_same(const struct subject *subject, const uint8_t *data,
		   size_t size)
{
	return subject->out_size == size && !memcmp(subject->out, data, size)
		       ? 0
		       : WRONG;
}

static int check_file(struct subject *subject)
{
	return is_same(subject, subject->original->file,
		       subject->original->file_size);
}

/* ---- sign ---- */

static int name_key(struct subject *subject)
{
	uint8_t *spki;
	size_t size;
	int result = iotsafe_key_open(subject->card, NULL, &subject->key);

	if (result < 0)
		return result;
	result = iotsafe_key_public_key(subject->key, &spki, &size);
	iotsafe_free(spki);
	return result;
}

static int signing(struct subject *subject)
{
	forget(subject);
	return iotsafe_key_sign(subject->key, IOTSAFE_SHA256, hash,
				sizeof(hash), &subject->out,
				&subject->out_size);
}

static int verifies(const struct subject *subject, const uint8_t *der,
		    size_t der_size)
{
	const struct original *original = subject->original;
	gnutls_datum_t spki = {original->spki, (unsigned)original->spki_size};
	gnutls_datum_t data = {(uint8_t *)(uintptr_t)hash, sizeof(hash)};
	gnutls_datum_t signature = {(uint8_t *)(uintptr_t)der,
				    (unsigned)der_size};
	gnutls_pubkey_t key;
	int result;

	gnutls_pubkey_init(&key);
	result = gnutls_pubkey_import(key, &spki, GNUTLS_X509_FMT_DER);
	if (result >= 0)
		result = gnutls_pubkey_verify_hash2(
			key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature);
	gnutls_pubkey_deinit(key);
	return result < 0 ? WRONG : 0;
}

static int check_signature(struct subject *subject)
{
	uint8_t *der;
	size_t size;
	int result;

	if (iotsafe_signature_to_der(subject->out, subject->out_size, &der,
				     &size) < 0)
		return WRONG;
	result = verifies(subject, der, size);
	iotsafe_free(der);
	return result;
}

/* ---- key generation ---- */

static int find_pair(struct subject *subject)
{
	return listing(subject);
}

static int making(struct subject *subject)
{
	let_go(subject);
	return iotsafe_key_generate(subject->card, PAIR, &subject->key);
}

/* What the card tells now is what the library took for the new key. */
static int check_pair(struct subject *subject)
{
	uint8_t *mine = NULL;
	size_t size = 0;
	int result = WRONG;

	if (iotsafe_key_public_key(subject->key, &mine, &size) == 0 &&
	    iotsafe_card_public_key(subject->card, PAIR, &subject->out,
				    &subject->out_size) == 0)
		result = is_same(subject, mine, size);
	iotsafe_free(mine);
	return result;
}

/* ---- handshake ---- */

static int handshake(struct subject *subject)
{
	int result = subject_handshake(subject);

	return subject->opened == subject->accepted ? result : WRONG;
}

const struct operation operations[] = {
	{"open", nothing, opening, nothing},
	{"list", nothing, listing, check_list},
	{"read", name_file, reading, check_file},
	{"sign", name_key, signing, check_signature},
	{"key generation", find_pair, making, check_pair},
	{"handshake", nothing, handshake, nothing},
	{NULL, NULL, NULL, NULL},
};

const struct operation *operation_find(const char *name)
{
	const struct operation *each = operations;

	while (each->name && strcmp(each->name, name) != 0)
		each++;
	return each->name ? each : NULL;
}

/* ---- the card as it is ---- */

static void read_root(struct original *original, iotsafe_card *card)
{
	iotsafe_file *file;
	size_t size;

	need(iotsafe_file_open(card, "ca", &file), "the root certificate");
	need(iotsafe_file_read(file, &original->root.der.data, &size),
	     "the root certificate");
	original->root.der.size = (unsigned)size;
	iotsafe_file_free(file);
}

/* The subject as a server sees it. */
static void read_subject(struct original *original)
{
	gnutls_datum_t der = {original->file, (unsigned)original->file_size};
	size_t size = sizeof(original->subject);
	gnutls_x509_crt_t crt;

	gnutls_x509_crt_init(&crt);
	if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_x509_crt_get_dn(crt, original->subject, &size) < 0)
		give_up("the client's certificate");
	gnutls_x509_crt_deinit(crt);
}

void original_read(struct original *original, const char *address)
{
	struct subject subject = {.address = address};

	need(subject_open(&subject), "open");
	/* An empty slot would be listed otherwise. */
	need(making(&subject), "a key pair");
	let_go(&subject);
	need(read_list(subject.card, original->list, sizeof(original->list)),
	     "list");
	need(name_file(&subject), "client-cert");
	need(iotsafe_file_read(subject.file, &original->file,
			       &original->file_size),
	     "client-cert");
	need(name_key(&subject), "the key");
	need(iotsafe_key_public_key(subject.key, &original->spki,
				    &original->spki_size),
	     "the key");
	read_root(original, subject.card);
	subject_close(&subject);
	read_subject(original);
}

void original_free(struct original *original)
{
	iotsafe_free(original->file);
	iotsafe_free(original->spki);
	iotsafe_free(original->root.der.data);
}
