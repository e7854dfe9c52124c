/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A shared secret and a counter become protected messages (docs/seal.md):
 * keys by HKDF-SHA256, AES-256-GCM, one COSE_Encrypt0 a message. No number is
 * used for sending before the state file says so, and nothing received is
 * given out before the state file knows it.
 */
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/crypto_datum.h"
#include "base/error.h"
#include "format/cose.h"
#include "format/seal_module.h"
#include "format/seal_state.h"

#define KEY_SIZE  32
#define IV_SIZE	  12
#define TAG_SIZE  16
#define DATA_MAX  65536
#define NUMBERS	  (UINT64_C(1) << 32)
#define BLOCK_MAX 64

struct way {
	gnutls_aead_cipher_hd_t cipher;
	uint8_t iv[IV_SIZE];
};

struct iotsafe_seal {
	pid_t owner;
	pthread_mutex_t lock; /* two threads must not take one number */
	struct way send, receive;
	uint8_t kid[COSE_KID_MAX];
	size_t kid_size;
	struct seal_state state;
	uint64_t next;	/* number to send with */
	uint64_t block; /* how many to reserve when they run out */
};

static int fail_crypto(int error)
{
	return error_set(IOTSAFE_ERR_SUPPORT, "seal: GnuTLS: %s",
			 gnutls_strerror(error));
}

/* ---- keys ---- */

/* HKDF-Expand (RFC 5869 2.3) with info "iotsafe seal v1" ‖ purpose ‖ kid. */
static int derive(const iotsafe_seal *seal, const uint8_t *prk, char purpose,
		  uint8_t *out, size_t size)
{
	uint8_t text[16 + COSE_KID_MAX] = "iotsafe seal v1";
	gnutls_datum_t key = datum_of((struct bytes){prk, 32});
	gnutls_datum_t info = {text, (unsigned)(16 + seal->kid_size)};
	int result;

	text[15] = (uint8_t)purpose;
	memcpy(text + 16, seal->kid, seal->kid_size);
	result = gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &key, &info, out, size);
	return result < 0 ? fail_crypto(result) : IOTSAFE_OK;
}

static int derive_way(const iotsafe_seal *seal, const uint8_t *prk,
		      char purpose, struct way *way)
{
	uint8_t keys[KEY_SIZE + IV_SIZE];
	gnutls_datum_t key = {keys, KEY_SIZE};
	int result = derive(seal, prk, purpose, keys, sizeof(keys));

	if (result >= 0) {
		memcpy(way->iv, keys + KEY_SIZE, IV_SIZE);
		result = gnutls_aead_cipher_init(
			&way->cipher, GNUTLS_CIPHER_AES_256_GCM, &key);
		result = result < 0 ? fail_crypto(result) : IOTSAFE_OK;
	}
	bytes_wipe(keys, sizeof(keys));
	return result;
}

static int derive_all(iotsafe_seal *seal, const uint8_t *secret, size_t size,
		      bool server)
{
	gnutls_datum_t ikm = datum_of((struct bytes){secret, size});
	gnutls_datum_t salt = {NULL, 0};
	uint8_t prk[32];
	int result = gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &ikm, &salt, prk);

	result = result < 0 ? fail_crypto(result) : IOTSAFE_OK;
	/* 'c' and 's': what client and server send; 'C' and 'S': their
	 * files. */
	if (result >= 0)
		result = derive_way(seal, prk, server ? 's' : 'c', &seal->send);
	if (result >= 0)
		result = derive_way(seal, prk, server ? 'c' : 's',
				    &seal->receive);
	if (result >= 0)
		result = derive(seal, prk, server ? 'S' : 'C', seal->state.key,
				SEAL_STATE_KEY);
	bytes_wipe(prk, sizeof(prk));
	return result;
}

/* ---- life ---- */

static int check(const uint8_t *secret, size_t secret_size, const uint8_t *kid,
		 size_t kid_size, const char *state, unsigned options)
{
	if (!secret || !kid || !state)
		return error_set(IOTSAFE_ERR_ARG, "seal: something is NULL");
	if (secret_size < 16 || secret_size > 1024)
		return error_set(IOTSAFE_ERR_ARG,
				 "seal: a secret of %zu bytes, not 16 to 1024",
				 secret_size);
	if (!kid_size || kid_size > COSE_KID_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "seal: a key id of %zu bytes, not 1 to %d",
				 kid_size, COSE_KID_MAX);
	if (options & ~(unsigned)(IOTSAFE_SEAL_SERVER | IOTSAFE_SEAL_CREATE))
		return error_set(IOTSAFE_ERR_ARG, "seal: unknown options %#x",
				 options);
	return IOTSAFE_OK;
}

static void way_free(struct way *way)
{
	if (way->cipher)
		gnutls_aead_cipher_deinit(way->cipher);
}

static void seal_free(iotsafe_seal *seal)
{
	if (!seal)
		return;
	way_free(&seal->send);
	way_free(&seal->receive);
	seal_state_close(&seal->state);
	pthread_mutex_destroy(&seal->lock);
	bytes_wipe(seal, sizeof(*seal));
	free(seal);
}

static int seal_new(const uint8_t *secret, size_t secret_size,
		    const uint8_t *data, size_t data_size, const char *state,
		    unsigned options, iotsafe_seal **seal)
{
	iotsafe_seal *new;
	int result;

	if (!seal)
		return error_set(IOTSAFE_ERR_ARG, "seal: something is NULL");
	*seal = NULL;
	TRY(check(secret, secret_size, data, data_size, state, options));
	new = calloc(1, sizeof(*new));
	if (!new)
		return error_set(IOTSAFE_ERR_MEMORY, "seal: no memory");
	new->owner = getpid();
	pthread_mutex_init(&new->lock, NULL);
	new->block = 1;
	new->kid_size = data_size;
	memcpy(new->kid, data, data_size);
	new->state.file = new->state.directory = -1;
	result = derive_all(new, secret, secret_size,
			    options & IOTSAFE_SEAL_SERVER);
	if (result >= 0)
		result = seal_state_open(&new->state, state,
					 options & IOTSAFE_SEAL_CREATE);
	new->next = new->state.counters.reserved;
	if (result >= 0)
		*seal = new;
	else
		seal_free(new);
	return result;
}

/* ---- numbers ---- */

/* Takes the next number, reserved on disk before. One at first, so that short
 * programs waste none; then more and more, so that long ones write rarely. */
static int take_number(iotsafe_seal *seal, uint32_t *number)
{
	struct seal_counters counters = seal->state.counters;

	if (seal->next >= NUMBERS)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "seal: all 2^32 numbers of this secret are "
				 "used; take a new one");
	if (seal->next >= counters.reserved) {
		counters.reserved = seal->next + seal->block;
		TRY(seal_state_save(&seal->state, &counters));
		if (seal->block < BLOCK_MAX)
			seal->block *= 2;
	}
	*number = (uint32_t)seal->next++;
	return IOTSAFE_OK;
}

/* RFC 9052 3.1: the Partial IV, padded on the left, exclusive-or the base. */
static void make_nonce(const struct way *way, uint32_t number, uint8_t *nonce)
{
	memcpy(nonce, way->iv, IV_SIZE);
	for (int i = 0; i < 4; i++)
		nonce[IV_SIZE - 1 - i] ^= (uint8_t)(number >> 8 * i);
}

/* ---- messages ---- */

static int begin(const iotsafe_seal *seal, struct bytes data,
		 struct bytes extra, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !seal || (data.size && !data.data) ||
	    (extra.size && !extra.data))
		return error_set(IOTSAFE_ERR_ARG, "seal: something is NULL");
	if (extra.size > DATA_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "seal: more than %d bytes beside the message",
				 DATA_MAX);
	if (seal->owner != getpid())
		return error_set(IOTSAFE_ERR_CLOSED,
				 "seal: of another process, before fork()");
	return IOTSAFE_OK;
}

/* Enciphers or deciphers `size` bytes in place, the tag behind them. */
static int run_cipher(const struct way *way, bool sealing, uint32_t number,
		      struct bytes extra, uint8_t *text, size_t size)
{
	uint8_t nonce[IV_SIZE], room[32];
	struct builder aad = {room, 0, sizeof(room), false};
	giovec_t both[] = {{room, 0},
			   {(void *)(uintptr_t)extra.data, extra.size}};
	giovec_t body = {text, size};
	size_t tag_size = TAG_SIZE;

	cose_build_aad(&aad, extra.size);
	both[0].iov_len = aad.size;
	make_nonce(way, number, nonce);
	if (sealing)
		return gnutls_aead_cipher_encryptv2(way->cipher, nonce, IV_SIZE,
						    both, 2, &body, 1,
						    text + size, &tag_size);
	return gnutls_aead_cipher_decryptv2(way->cipher, nonce, IV_SIZE, both,
					    2, &body, 1, text + size, TAG_SIZE);
}

static int encrypt(iotsafe_seal *seal, struct bytes data, struct bytes extra,
		   uint8_t **out, size_t *out_size)
{
	size_t room = COSE_HEAD_MAX + data.size + TAG_SIZE;
	struct builder message = {bytes_room(room), 0, room, false};
	uint32_t number = 0;
	int result;

	if (!message.data)
		return IOTSAFE_ERR_MEMORY;
	result = take_number(seal, &number);
	if (result >= 0) {
		cose_build(&message, (struct bytes){seal->kid, seal->kid_size},
			   number, data.size + TAG_SIZE);
		if (data.size)
			memcpy(message.data + message.size, data.data,
			       data.size);
		result = run_cipher(&seal->send, true, number, extra,
				    message.data + message.size, data.size);
		result = result < 0 ? fail_crypto(result) : IOTSAFE_OK;
	}
	if (result >= 0)
		result = bytes_give(message.data,
				    message.size + data.size + TAG_SIZE, out,
				    out_size);
	iotsafe_free(message.data);
	return result;
}

static int decipher(iotsafe_seal *seal, const struct cose *message,
		    struct bytes extra, uint8_t *room, uint8_t **out,
		    size_t *out_size)
{
	struct seal_counters counters = seal->state.counters;
	size_t size = message->text.size - TAG_SIZE;
	int result;

	memcpy(room, message->text.data, message->text.size);
	if (run_cipher(&seal->receive, false, message->counter, extra, room,
		       size) < 0)
		return error_set(IOTSAFE_ERR_VERIFY,
				 "seal: message %u: not from the other end, or "
				 "changed on its way",
				 message->counter);
	/* Once its number is on disk, nothing may be in the text's way. */
	TRY(bytes_give(room, size, out, out_size));
	seal_counters_add(&counters, message->counter);
	result = seal_state_save(&seal->state, &counters);
	if (result < 0) {
		iotsafe_free(*out);
		bytes_ready(out, out_size);
	}
	return result;
}

static int decrypt(iotsafe_seal *seal, struct bytes data, struct bytes extra,
		   uint8_t **out, size_t *out_size)
{
	const struct bytes kid = {seal->kid, seal->kid_size};
	struct cose message;
	uint8_t *room;
	int result;

	if (!cose_read(data, &message))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "seal: %zu bytes that are no sealed message",
				 data.size);
	if (!bytes_equal(message.kid, kid))
		return error_set(IOTSAFE_ERR_VERIFY,
				 "seal: message %u: of another key id",
				 message.counter);
	if (!seal_counters_lack(&seal->state.counters, message.counter))
		return error_set(IOTSAFE_ERR_VERIFY,
				 "seal: message %u: seen before, or older than "
				 "the %d newest",
				 message.counter, SEAL_WINDOW);
	room = bytes_room(message.text.size);
	if (!room)
		return IOTSAFE_ERR_MEMORY;
	result = decipher(seal, &message, extra, room, out, out_size);
	iotsafe_free(room);
	return result;
}

static int seal_encrypt(iotsafe_seal *seal, const uint8_t *data,
			size_t data_size, const uint8_t *extra,
			size_t extra_size, uint8_t **out, size_t *out_size)
{
	const struct bytes text = {data, data_size},
			   beside = {extra, extra_size};
	int result;

	TRY(begin(seal, text, beside, out, out_size));
	if (data_size > DATA_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "seal: a message of more than %d bytes",
				 DATA_MAX);
	pthread_mutex_lock(&seal->lock);
	result = encrypt(seal, text, beside, out, out_size);
	pthread_mutex_unlock(&seal->lock);
	return result;
}

static int seal_decrypt(iotsafe_seal *seal, const uint8_t *data,
			size_t data_size, const uint8_t *extra,
			size_t extra_size, uint8_t **out, size_t *out_size)
{
	const struct bytes text = {data, data_size},
			   beside = {extra, extra_size};
	int result;

	TRY(begin(seal, text, beside, out, out_size));
	pthread_mutex_lock(&seal->lock);
	result = decrypt(seal, text, beside, out, out_size);
	pthread_mutex_unlock(&seal->lock);
	return result;
}

const struct seal_module iotsafe_seal_module = {
	.version = IOTSAFE_VERSION,
	.make = seal_new,
	.release = seal_free,
	.encrypt = seal_encrypt,
	.decrypt = seal_decrypt,
};

#ifdef MODULES_LINKED_IN
__attribute__((constructor)) static void enter(void)
{
	seal_enter(&iotsafe_seal_module);
}
#endif
