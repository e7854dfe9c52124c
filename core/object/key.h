/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the TLS level needs of cards and keys beyond the public header: the
 * same operations with a limit of their own, and answers without card I/O. */
#ifndef OBJECT_KEY_H
#define OBJECT_KEY_H

#include <iotsafe/iotsafe.h>
#include <stdatomic.h>
#include "base/bytes.h"
#include "base/deadline.h"

/* Certificates of a chain, at most; GnuTLS asks a URL for no more either. */
#define CHAIN_MAX 8

/* `limit` NULL: the card's own time-out alone counts. */
int key_open(iotsafe_card *card, const char *name, const struct deadline *limit,
	     iotsafe_key **key);
int key_sign(iotsafe_key *key, int algorithm, struct bytes hash,
	     const struct deadline *limit, uint8_t **out, size_t *out_size);

/* iotsafe_key_prepare() with a limit; whether it can come to anything. */
bool key_may_prepare(const iotsafe_key *key);
int key_prepare(iotsafe_key *key, const struct deadline *limit,
		atomic_bool *under_way);

/* In a child made by fork(): the card of a key of its parent's, opened anew by
 * the address and with the limits that it had there. IOTSAFE_ERR_CLOSED where
 * it is another card by its number. */
int key_open_card(const iotsafe_key *key, iotsafe_card **card);

/* Counts one more user. */
iotsafe_key *key_use(iotsafe_key *key);
iotsafe_card *card_use(iotsafe_card *card);

/* What the level above keeps with an open card: `release` is called with it
 * before the card goes. Locking is up to who puts it there. */
struct card_guest {
	void *data;
	void (*release)(void *data);
};
struct card_guest *card_guest(iotsafe_card *card);
/* Grows when keys or certificates of the card may have become others. */
unsigned card_changes(const iotsafe_card *card);

/* Learns certificate, chain and public key once, so that the following three
 * answer without card I/O. A key without certificate is no error here. */
int key_learn(iotsafe_key *key, const struct deadline *limit);
/* The same, and works on what was learned within the turn. */
int key_learn_and(iotsafe_key *key, int (*work)(iotsafe_key *key, void *self),
		  void *self) FOR_MODULES(key_learn_and);

/* enum iotsafe_algorithm bits that card and public key have in common. */
int key_algorithms(const iotsafe_key *key);
/* True where the card says that the key is on brainpoolP256r1. */
bool key_is_brainpool(const iotsafe_key *key);
/* SubjectPublicKeyInfo, empty if unknown. Borrowed until the key goes. */
struct bytes key_spki(const iotsafe_key *key);
/* The chain, leaf first; empty past the end. For use within a turn, or by who
 * has the handle alone: it goes when it becomes another one. */
struct bytes key_chain(const iotsafe_key *key, unsigned index)
	FOR_MODULES(key_chain);
/* A peer has refused it: what is known of it from disk may be history. */
void key_doubt(iotsafe_key *key);
/* A sentence-ready name of the key: `"client"` or `id 01`. */
const char *key_title(const iotsafe_key *key) FOR_MODULES(key_title);

/* Puts one more certificate behind the chain; within key_learn_and(). */
int key_add_issuer(iotsafe_key *key, struct bytes certificate)
	FOR_MODULES(key_add_issuer);

/* iotsafe_key_set_certificate() with a limit. */
int key_set_certificate(iotsafe_key *key, struct bytes data,
			const struct deadline *limit);

/* Records the error for a key that has no certificate: what is on the card
 * instead. To be called after key_learn(). */
int key_without_certificate(const iotsafe_key *key)
	FOR_MODULES(key_without_certificate);

/* Takes a certificate of the card by name instead of the matching one. */
int key_use_certificate(iotsafe_key *key, const char *name,
			const struct deadline *limit);

/* The certificate that issued this one, from the files of the applets that are
 * in use, unless it is a root; NULL where there is none. */
int card_issuer(iotsafe_card *card, struct bytes certificate, uint8_t **out,
		size_t *out_size);

/* CA certificates in the card's files: the one with this name, or with NULL
 * the index-th that is signed by itself. IOTSAFE_ERR_ABSENT past the end. */
int card_ca(iotsafe_card *card, const char *name, unsigned index,
	    const struct deadline *limit, uint8_t **out, size_t *out_size);

/*
 * The card's work for TLS: the public functions of the same names with a
 * limit. IOTSAFE_ERR_VERIFY: the signature is not this key's.
 */
int card_verify(iotsafe_card *card, const char *name, int algorithm,
		struct bytes hash, struct bytes signature,
		const struct deadline *limit);
/* A secret alone: mode 0; a secret key alone: mode 1 (NULL: the only one that
 * derives); both: mode 2. Fills `out`. */
int card_prf(iotsafe_card *card, const char *name, struct bytes secret,
	     const char *label, struct bytes seed, uint8_t *out, size_t size,
	     const struct deadline *limit);
/* iotsafe_card_psk() with the SHA-256 of the context; fills `out`. */
#define CARD_PSK_SIZE 32
int card_psk(iotsafe_card *card, const char *name, const char *identity,
	     const uint8_t *context_hash, uint8_t *out,
	     const struct deadline *limit);
/* The SubjectPublicKeyInfo in a public-key object. */
int card_public_key_spki(iotsafe_card *card, const char *name, uint8_t **out,
			 size_t *out_size, const struct deadline *limit);
int card_random(iotsafe_card *card, uint8_t *out, size_t size,
		const struct deadline *limit);

#endif
