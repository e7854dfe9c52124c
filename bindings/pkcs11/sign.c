/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C_Sign becomes one signature of the card. How long it will be is known
 * beforehand, so that the card signs once, and only when there is room.
 */
#include <string.h>
#include "object.h"
#include "mechanism.h"
#include "session.h"

/* A hash and the algorithm that is asked for with it. */
struct request {
	int algorithm;
	const uint8_t *hash;
	size_t hash_size;
	uint8_t store[32];
};

/* ---- C_SignInit ---- */

void sign_end(struct signing *signing)
{
	if (signing->hashing)
		gnutls_hash_deinit(signing->hashing, NULL);
	signing->hashing = NULL;
	signing->active = false;
}

static size_t signature_size(const struct object *key)
{
	return key->key_type == CKK_RSA ? key->modulus_size : 64;
}

static ck_rv_t begin(struct session *session,
		     const struct ck_mechanism *mechanism,
		     ck_object_handle_t handle)
{
	gnutls_hash_hd_t hashing = NULL;
	struct object *key;
	struct signing_way way;

	if (session->signing.active)
		return CKR_OPERATION_ACTIVE;
	TRY(object_private(session->slot, handle, &key));
	TRY(mechanism_check(key, mechanism, &way));
	if (way.digest && gnutls_hash_init(&hashing, way.digest) < 0)
		return CKR_MECHANISM_INVALID;
	session->signing = (struct signing){
		.active = true,
		.key = handle,
		.way = way,
		.size = signature_size(key),
		.hashing = hashing,
	};
	return CKR_OK;
}

ck_rv_t C_SignInit(ck_session_handle_t handle, struct ck_mechanism *mechanism,
		   ck_object_handle_t key)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	if (mechanism)
		return session_leave(session, begin(session, mechanism, key));
	/* PKCS #11 3.0 section 5.13: no mechanism ends what was begun. */
	sign_end(&session->signing);
	return session_leave(session, CKR_OK);
}

/* ---- what is to be signed ---- */

/* The curves have 256 bits: of a longer hash the front counts, a shorter one
 * is the same number with zeros in front (FIPS 186-4 section 6.4). */
static ck_rv_t ask_ecdsa(const struct object *key, const uint8_t *data,
			 size_t size, struct request *request)
{
	static const struct {
		size_t size;
		int algorithm;
	} sizes[] = {{32, IOTSAFE_ECDSA_SHA256},
		     {48, IOTSAFE_ECDSA_SHA384},
		     {64, IOTSAFE_ECDSA_SHA512}};

	if (!size || size > 64)
		return CKR_DATA_LEN_RANGE;
	*request = (struct request){0, data, size, {0}};
	for (size_t i = 0; i < 3; i++)
		if (sizes[i].size == size)
			request->algorithm = sizes[i].algorithm;
	if (request->algorithm & key->algorithms)
		return CKR_OK;
	request->algorithm = IOTSAFE_ECDSA_SHA256;
	request->hash = request->store;
	request->hash_size = sizeof(request->store);
	if (size > sizeof(request->store))
		size = sizeof(request->store);
	memcpy(request->store + sizeof(request->store) - size, data, size);
	return CKR_OK;
}

/* The front of a DigestInfo whose hash has this object identifier. */
static size_t put_front(const uint8_t *oid, size_t oid_size, size_t hash_size,
			uint8_t out[32])
{
	const uint8_t head[] = {0x30, (uint8_t)(8 + oid_size + hash_size),
				0x30, (uint8_t)(4 + oid_size),
				0x06, (uint8_t)oid_size};
	const uint8_t tail[] = {0x05, 0x00, 0x04, (uint8_t)hash_size};

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), oid, oid_size);
	memcpy(out + sizeof(head) + oid_size, tail, sizeof(tail));
	return sizeof(head) + oid_size + sizeof(tail);
}

/* The card pads, so that it must be told the hash: RFC 8017 section 9.2 has
 * what stands in front of one. */
static ck_rv_t ask_pkcs1(const struct object *key, const uint8_t *data,
			 size_t size, struct request *request)
{
	static const struct {
		uint8_t size, oid_size, oid[9];
		int algorithm;
	} hashes[] = {
		{20, 5, {0x2B, 14, 3, 2, 26}, IOTSAFE_RSA_PKCS1_SHA1},
		{28,
		 9,
		 {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4},
		 IOTSAFE_RSA_PKCS1_SHA224},
		{32,
		 9,
		 {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1},
		 IOTSAFE_RSA_PKCS1_SHA256},
		{48,
		 9,
		 {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2},
		 IOTSAFE_RSA_PKCS1_SHA384},
		{64,
		 9,
		 {0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3},
		 IOTSAFE_RSA_PKCS1_SHA512},
	};
	uint8_t front[32];

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		size_t skip = put_front(hashes[i].oid, hashes[i].oid_size,
					hashes[i].size, front);

		if (!(key->algorithms & hashes[i].algorithm) ||
		    size != skip + hashes[i].size ||
		    memcmp(data, front, skip) != 0)
			continue;
		*request = (struct request){
			hashes[i].algorithm, data + skip, hashes[i].size, {0}};
		return CKR_OK;
	}
	return CKR_DATA_INVALID;
}

/* The hash of an algorithm that is known. */
static ck_rv_t ask_with(int algorithm, const uint8_t *data, size_t size,
			struct request *request)
{
	size_t wanted = algorithm == IOTSAFE_RSA_PSS_SHA256   ? 32
			: algorithm == IOTSAFE_RSA_PSS_SHA384 ? 48
			: algorithm == IOTSAFE_RSA_PSS_SHA512 ? 64
							      : size;

	if (size != wanted)
		return CKR_DATA_LEN_RANGE;
	*request = (struct request){algorithm, data, size, {0}};
	return CKR_OK;
}

static ck_rv_t ask(const struct signing_way *way, const struct object *key,
		   const uint8_t *data, size_t size, struct request *request)
{
	if (way->base == CKM_ECDSA)
		return ask_ecdsa(key, data, size, request);
	if (way->algorithm)
		return ask_with(way->algorithm, data, size, request);
	return ask_pkcs1(key, data, size, request);
}

/* ---- C_Sign ---- */

static ck_rv_t sign_on_card(struct slot *slot, struct object *key,
			    const struct request *request, uint8_t *out,
			    size_t size)
{
	uint8_t *signature;
	size_t signature_size;
	int code;

	TRY(object_open_key(slot, key));
	code = iotsafe_key_sign(key->key, request->algorithm, request->hash,
				request->hash_size, &signature,
				&signature_size);
	if (code < 0)
		return slot_failed(slot, code);
	if (signature_size == size)
		memcpy(out, signature, size);
	iotsafe_free(signature);
	return signature_size == size ? CKR_OK : CKR_DEVICE_ERROR;
}

static ck_rv_t sign(struct session *session, const uint8_t *data, size_t size,
		    uint8_t *out)
{
	const struct signing *signing = &session->signing;
	struct object *key = object_find(session->slot, signing->key);
	struct request request;

	/* Another session made a new pair in its place. */
	if (!key)
		return CKR_KEY_HANDLE_INVALID;
	TRY(ask(&signing->way, key, data, size, &request));
	return sign_on_card(session->slot, key, &request, out, signing->size);
}

/* The length is asked for, or there is no room: nothing happens. */
static bool is_question(const struct signing *signing, const uint8_t *out,
			const unsigned long *out_size)
{
	return out_size && (!out || *out_size < signing->size);
}

static ck_rv_t sign_hashed(struct session *session, const uint8_t *data,
			   size_t size, uint8_t *out)
{
	struct signing *signing = &session->signing;

	if (!signing->hashing)
		return sign(session, data, size, out);
	if (size && gnutls_hash(signing->hashing, data, size) < 0)
		return CKR_GENERAL_ERROR;
	gnutls_hash_deinit(signing->hashing, signing->data);
	signing->hashing = NULL;
	return sign(session, signing->data,
		    gnutls_hash_get_len(signing->way.digest), out);
}

/* Whatever comes of it, the operation is over. */
static ck_rv_t finish(struct session *session, const uint8_t *data, size_t size,
		      uint8_t *out, unsigned long *out_size)
{
	struct signing *signing = &session->signing;
	ck_rv_t result = CKR_ARGUMENTS_BAD;

	if (is_question(signing, out, out_size)) {
		*out_size = signing->size;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	if (out_size && (data || !size))
		result = sign_hashed(session, data, size, out);
	if (result == CKR_OK)
		*out_size = signing->size;
	sign_end(signing);
	return result;
}

ck_rv_t C_Sign(ck_session_handle_t handle, unsigned char *data,
	       unsigned long size, unsigned char *out, unsigned long *out_size)
{
	struct session *session;
	ck_rv_t result = CKR_OPERATION_NOT_INITIALIZED;

	TRY(session_enter(handle, &session));
	if (session->signing.active && !session->signing.in_parts)
		result = finish(session, data, size, out, out_size);
	return session_leave(session, result);
}

/* ---- in parts ---- */

static ck_rv_t take_part(struct signing *signing, const uint8_t *data,
			 size_t size)
{
	if (!data)
		return CKR_ARGUMENTS_BAD;
	if (signing->hashing)
		return gnutls_hash(signing->hashing, data, size) < 0
			       ? CKR_GENERAL_ERROR
			       : CKR_OK;
	if (size > SIGNING_DATA_MAX - signing->data_size)
		return CKR_DATA_LEN_RANGE;
	memcpy(signing->data + signing->data_size, data, size);
	signing->data_size += size;
	return CKR_OK;
}

static ck_rv_t add_part(struct signing *signing, const uint8_t *data,
			size_t size)
{
	ck_rv_t result;

	if (!signing->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	signing->in_parts = true;
	result = size ? take_part(signing, data, size) : CKR_OK;
	if (result != CKR_OK)
		sign_end(signing);
	return result;
}

ck_rv_t C_SignUpdate(ck_session_handle_t handle, unsigned char *data,
		     unsigned long size)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	return session_leave(session, add_part(&session->signing, data, size));
}

ck_rv_t C_SignFinal(ck_session_handle_t handle, unsigned char *out,
		    unsigned long *out_size)
{
	struct session *session;
	ck_rv_t result = CKR_OPERATION_NOT_INITIALIZED;

	TRY(session_enter(handle, &session));
	if (session->signing.active)
		result = finish(session, session->signing.data,
				session->signing.data_size, out, out_size);
	return session_leave(session, result);
}
