// SPDX-License-Identifier: LGPL-2.1-or-later
/* Puts a card and a modem together for tests, with nothing in between. */
#include "bench.h"

#include "../crypto.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

static void fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	abort();
}

static void collect(void *context, uint64_t due, const char *text, size_t size)
{
	struct bench *bench = context;

	if (size >= sizeof(bench->out) - bench->out_size)
		fail("the modem says too much");
	memcpy(bench->out + bench->out_size, text, size);
	bench->out_size += size;
	bench->out[bench->out_size] = '\0';
	if (bench->pieces++ == 0)
		bench->first_due = due;
	bench->due = due;
}

static void read_manners(struct bench *bench, const struct profile *profile,
			 const char *quirks, const char *faults)
{
	char why[128];

	quirks_clear(&bench->quirks);
	if ((profile->quirks && !quirks_parse(&bench->quirks, profile->quirks,
					      why, sizeof(why))) ||
	    (quirks &&
	     !quirks_parse(&bench->quirks, quirks, why, sizeof(why))) ||
	    (faults && !faults_parse(&bench->faults, faults, why, sizeof(why))))
		fail(why);
}

bool bench_open_store(struct bench *bench, const char *profile_name,
		      const char *quirks, const char *faults,
		      const char *directory)
{
	const struct profile *profile = profile_find(profile_name);

	memset(bench, 0, sizeof(*bench));
	read_manners(bench, profile, quirks, faults);
	if (!store_open(&bench->store, directory))
		return false;
	if (!personal_open(&bench->personal, profile, &bench->store,
			   &bench->quirks, &bench->faults)) {
		store_close(&bench->store);
		return false;
	}
	card_init(&bench->card, &bench->personal, &bench->quirks,
		  &bench->faults);
	for (enum applet_kind kind = 0; kind < APPLET_KINDS; kind++)
		card_add_aid(&bench->card, kind, profile_aid(profile, kind));
	modem_init(&bench->modem, &bench->card, &bench->log, collect, bench);
	return true;
}

void bench_open(struct bench *bench, const char *profile, const char *quirks,
		const char *faults)
{
	if (!bench_open_store(bench, profile, quirks, faults, NULL))
		fail("the card does not open");
}

void bench_close(struct bench *bench)
{
	card_close(&bench->card);
	personal_close(&bench->personal);
	store_close(&bench->store);
}

/* Hex with blanks, without them. */
size_t bench_bytes(const char *hex, uint8_t *bytes, size_t capacity)
{
	char packed[2048];
	size_t length = 0;
	int size;

	for (; *hex != '\0' && length < sizeof(packed); hex++)
		if (*hex != ' ')
			packed[length++] = *hex;
	size = hex_decode(packed, length, bytes, capacity);
	if (size < 0)
		fail("not hex");
	return (size_t)size;
}

const char *bench_do(struct bench *bench, const char *header, const char *data)
{
	static char hex[4 * CARD_COMMAND_MAX];
	uint8_t bytes[256];
	size_t size = bench_bytes(data, bytes, sizeof(bytes));

	snprintf(hex, sizeof(hex), "%s%02zX%s", header, size, data);
	return bench_fetch(bench, hex);
}

const char *bench_send(struct bench *bench, const char *hex)
{
	static char text[2 * CARD_RESPONSE_MAX + 1];
	uint8_t response[CARD_RESPONSE_MAX];
	uint8_t command[512];
	uint8_t *exact;
	size_t size = bench_bytes(hex, command, sizeof(command));

	/* on the heap, so that a sanitizer sees a byte read too far */
	exact = malloc(size + (size == 0));
	memcpy(exact, command, size);
	size = card_exchange(&bench->card, exact, size, response, NULL);
	free(exact);
	hex_encode(response, size, text);
	return text;
}

const char *bench_fetch(struct bench *bench, const char *hex)
{
	static char all[4096];
	const char *answer = bench_send(bench, hex);
	char next[] = "81C0000000";
	size_t size = 0;

	for (;;) {
		size_t length = strlen(answer);

		if (size + length >= sizeof(all))
			fail("an answer without end");
		memcpy(all + size, answer, length + 1);
		size += length - 4;
		if (memcmp(all + size, "61", 2) != 0)
			return all;
		memcpy(next + 8, all + size + 2, 2);
		answer = bench_send(bench, next);
	}
}

void bench_select(struct bench *bench)
{
	bench_choose(bench, APPLET_IOTSAFE);
}

void bench_choose(struct bench *bench, enum applet_kind kind)
{
	struct view aid = profile_aid(bench->personal.profile, kind);
	const char *answer;
	char select[64] = "01A40400";

	if (strcmp(bench_send(bench, "0070000001"), "019000") != 0)
		fail("no channel");
	snprintf(select + 8, sizeof(select) - 8, "%02X", (unsigned)aid.size);
	hex_encode(aid.data, aid.size, select + 10);
	answer = bench_fetch(bench, select);
	if (strcmp(answer + strlen(answer) - 4, "9000") != 0)
		fail("no applet");
}

/* The two bytes behind this tag and the length 02. */
static size_t number_in(const char *hex, const char *tag)
{
	const char *at = strstr(hex, tag);
	unsigned int number = 0;

	if (at == NULL || sscanf(at + 4, "%4X", &number) != 1)
		fail("no size");
	return number;
}

size_t bench_read_file(struct bench *bench, const char *path, uint8_t *bytes,
		       size_t capacity)
{
	bool is_path = strlen(path) == 8;
	char command[64];
	size_t size;

	snprintf(command, sizeof(command), "01A40804%02zX%s", strlen(path) / 2,
		 path);
	size = number_in(bench_fetch(bench, command),
			 is_path ? "8002" : "8102");
	if (size > capacity)
		fail("a file too long");
	for (size_t at = 0; at < size; at += 0xEE) {
		size_t piece = size - at < 0xEE ? size - at : 0xEE;
		const char *answer;

		snprintf(command, sizeof(command), "01B0%04zX%02zX", at, piece);
		answer = bench_send(bench, command);
		if (strlen(answer) != 2 * piece + 4 ||
		    hex_decode(answer, 2 * piece, bytes + at, piece) < 0)
			fail("a file that cannot be read");
	}
	return size;
}

const char *bench_at(struct bench *bench, const char *text)
{
	bench->out_size = 0;
	bench->out[0] = '\0';
	bench->due = 0;
	bench->pieces = 0;
	bench->modem.free_at = 0;
	modem_feed(&bench->modem, 0, text, strlen(text));
	return bench->out;
}

static EVP_PKEY *public_key(const char *group, const uint8_t *point,
			    size_t size)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
					group, 0);
	OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
					 point, size);
	params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_fromdata_init(ctx);
	EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *bench_public(const char *group, const char *point)
{
	uint8_t bytes[POINT_SIZE];

	if (bench_bytes(point, bytes, sizeof(bytes)) != sizeof(bytes))
		fail("not a point");
	return public_key(group, bytes, sizeof(bytes));
}

static int der_of(const uint8_t *r_s, uint8_t **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int size;

	ECDSA_SIG_set0(sig, BN_bin2bn(r_s, 32, NULL),
		       BN_bin2bn(r_s + 32, 32, NULL));
	size = i2d_ECDSA_SIG(sig, der);
	ECDSA_SIG_free(sig);
	return size;
}

bool bench_verifies(const char *point, const char *digest, const char *r_s)
{
	uint8_t public[POINT_SIZE], raw[SIGNATURE_RAW_SIZE], hash[64];
	size_t hash_size = bench_bytes(digest, hash, sizeof(hash));
	uint8_t *der = NULL;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;
	int size, good;

	if (bench_bytes(point, public, sizeof(public)) != sizeof(public) ||
	    bench_bytes(r_s, raw, sizeof(raw)) != sizeof(raw))
		return false;
	key = public_key("P-256", public, sizeof(public));
	size = der_of(raw, &der);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	EVP_PKEY_verify_init(ctx);
	good = EVP_PKEY_verify(ctx, der, (size_t)size, hash, hash_size);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	OPENSSL_free(der);
	return good == 1;
}

EVP_PKEY *bench_signing_key(struct bench *bench)
{
	uint8_t bytes[4096];
	const uint8_t *der = bytes;
	size_t size = bench_read_file(bench, "0201", bytes, sizeof(bytes));
	X509 *cert = d2i_X509(NULL, &der, (long)size);
	EVP_PKEY *key;

	bench_expect(cert != NULL && der == bytes + size);
	key = X509_get_pubkey(cert);
	X509_free(cert);
	return key;
}

void bench_expect(bool fact)
{
	if (!fact)
		abort();
}

/* On the heap and of its own size, so that a sanitizer sees its end. */
static void play_one(struct bench *bench, struct view command)
{
	uint8_t *exact = malloc(command.size + (command.size == 0));
	uint8_t response[CARD_RESPONSE_MAX];
	size_t size;

	bench_expect(exact != NULL);
	if (command.size > 0)
		memcpy(exact, command.data, command.size);
	size = card_exchange(&bench->card, exact, command.size, response, NULL);
	free(exact);
	bench_expect(size >= 2 && size <= CARD_RESPONSE_MAX);
	bench_expect(response[size - 2] >= 0x61 && response[size - 2] <= 0x9F);
}

void bench_play(struct bench *bench, const uint8_t *data, size_t size)
{
	struct view left = view_of(data, size);
	struct view length, command;

	while (view_take(&left, 1, &length) &&
	       view_take(&left, length.data[0], &command))
		play_one(bench, command);
}
