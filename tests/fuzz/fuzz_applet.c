/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decoders of the applet's answers: lists, capabilities, public keys and
 * signatures, each over the same bytes. */
#include <string.h>
#include "applet/iotsafe.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_record(void *self, const struct record *record)
{
	size_t *count = self;

	CHECK(record->class >= IOTSAFE_CLASS_PRIVATE_KEY);
	CHECK(record->class <= IOTSAFE_CLASS_SECRET_KEY);
	CHECK(record->id_size <= APPLET_ID_MAX);
	CHECK(record->label_size <= APPLET_LABEL_MAX);
	++*count;
	return 0;
}

static void objects(struct bytes answer)
{
	size_t count = 0;

	if (gsma_decode_objects(answer, check_record, &count) == 0)
		CHECK(count <= answer.size);
}

static void signatures(struct bytes answer)
{
	static const int algorithms[] = {
		IOTSAFE_ECDSA_SHA256,
		IOTSAFE_RSA_PKCS1_SHA256,
		IOTSAFE_RSA_PSS_SHA256,
	};
	struct signature signature;

	for (size_t i = 0; i < 3; i++)
		if (gsma_decode_signature(answer, algorithms[i], &signature))
			CHECK(signature.size &&
			      signature.size <= APPLET_SIGNATURE_MAX);
	if (gsma_decode_signature(answer, IOTSAFE_ECDSA_SHA256, &signature))
		CHECK(signature.size == 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes answer = {data, size};
	struct capabilities capabilities;
	struct public_key key;

	objects(answer);
	signatures(answer);
	gsma_decode_capabilities(answer, &capabilities);
	if (gsma_decode_public_key(answer, &key))
		CHECK(key.point[0] == 0x04);
	return 0;
}
