/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of a slot, each with what is under way in it. */
#ifndef PKCS11_SESSION_H
#define PKCS11_SESSION_H

#include <gnutls/crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mechanism.h"
#include "module.h"
#include "slot.h"

/* A DigestInfo of the longest hash has 83 bytes. */
#define SIGNING_DATA_MAX 128

/* A signature that was begun. */
struct signing {
	bool active;
	ck_object_handle_t key;
	struct signing_way way;
	size_t size; /* of the signature */
	/* What C_SignUpdate brought: a hash, in parts; or what is hashed. */
	bool in_parts;
	gnutls_hash_hd_t hashing; /* NULL: it comes hashed */
	uint8_t data[SIGNING_DATA_MAX];
	size_t data_size;
};

/* And a decryption. */
struct decrypting {
	bool active;
	ck_object_handle_t key;
	size_t size; /* of the modulus */
};

/* A search, which goes on as far as it is asked to. */
struct finding {
	bool active;
	bool of_card; /* not of what sessions have alone */
	struct ck_attribute *attributes;
	unsigned long count;
	ck_object_handle_t looked_at;
};

struct session {
	struct session *next;
	struct slot *slot;
	ck_session_handle_t handle;
	ck_flags_t flags;
	struct signing signing;
	struct decrypting decrypting;
	struct finding finding;
};

/* Begins a call: finds the session and locks its slot. */
ck_rv_t session_enter(ck_session_handle_t handle, struct session **session);
/* Ends it; gives the result on. */
ck_rv_t session_leave(struct session *session, ck_rv_t result);
/* End what C_FindObjectsInit and C_SignInit began (find.c, sign.c). */
void find_end(struct finding *finding);
void sign_end(struct signing *signing);
void session_close_all(struct slot *slot);

#endif
