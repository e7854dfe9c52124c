/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to GENERATE KEY PAIR, and keys on their way into the card: what is
 * understood has the ids and the point that stand there. */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The id's bytes stand in the answer. */
static void check_id(struct bytes answer, const struct record *record)
{
	if (!record->class) {
		CHECK(!record->id_size);
		return;
	}
	CHECK(record->id_size >= 1 && record->id_size <= APPLET_ID_MAX);
	CHECK(memmem(answer.data, answer.size, record->id, record->id_size));
}

static void check_pair(struct bytes answer)
{
	struct record private, public;
	struct public_key key;
	bool has_key;

	if (!gsma_decode_pair(answer, &private, &public, &key, &has_key))
		return;
	check_id(answer, &private);
	check_id(answer, &public);
	if (!has_key)
		return;
	if (key.modulus_size) {
		CHECK(memmem(answer.data, answer.size, key.modulus,
			     key.modulus_size));
		CHECK(memmem(answer.data, answer.size, key.exponent,
			     key.exponent_size));
		return;
	}
	CHECK(key.point[0] == 0x04);
	CHECK(memmem(answer.data, answer.size, key.point + 1, 64));
}

static void check_spki(struct bytes spki)
{
	uint8_t point[CRYPTO_POINT_SIZE], *again;
	size_t size;

	if (crypto_point_of_spki(spki, point) < 0)
		return;
	CHECK(point[0] == 0x04);
	CHECK(crypto_spki_from_point((struct bytes){point, sizeof(point)},
				     spki.size == 92, &again, &size) == 0);
	CHECK(bytes_equal(spki, (struct bytes){again, size}));
	iotsafe_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_pair((struct bytes){data, size});
	check_spki((struct bytes){data, size});
	return 0;
}
