/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to READ PUBLIC KEY: what is understood is an uncompressed point, the
 * bytes of which stand in the answer; and whatever points it holds, none that
 * is off its curve becomes a key. */
#include <string.h>
#include <iotsafe/iotsafe.h>
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_spki(const struct public_key *key)
{
	const struct bytes point = {key->point, sizeof(key->point)};
	unsigned bits;
	uint8_t *spki;
	size_t size;

	if (crypto_spki_from_point(point, false, &spki, &size) < 0)
		return;
	CHECK(size == 91 && !memcmp(spki + 26, key->point, 65));
	CHECK(crypto_spki_algorithms((struct bytes){spki, size}, &bits));
	CHECK(bits == 256);
	iotsafe_free(spki);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t whole[71] = {0x34, 0x45, 0x49, 0x43, 0x86, 0x41};
	struct public_key key, again;

	if (!gsma_decode_public_key((struct bytes){data, size}, &key))
		return 0;
	CHECK(key.point[0] == 0x04 && size >= 64);
	CHECK(memmem(data, size, key.point + 1, 64));
	memcpy(whole + 6, key.point, 65);
	CHECK(gsma_decode_public_key((struct bytes){whole, sizeof(whole)},
				     &again));
	CHECK(!memcmp(again.point, key.point, 65));
	check_spki(&key);
	return 0;
}
