/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to COMPUTE SIGNATURE UPDATE: what is understood has its size, and
 * means the same in every form that cards know. */
#include <string.h>
#include "applet/iotsafe.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(const uint8_t *head, size_t head_size,
		       const struct signature *signature)
{
	uint8_t answer[4 + APPLET_SIGNATURE_MAX];
	struct signature again;

	memcpy(answer, head, head_size);
	memcpy(answer + head_size, signature->data, signature->size);
	CHECK(gsma_decode_signature(
		(struct bytes){answer, head_size + signature->size},
		IOTSAFE_ECDSA_SHA256, &again));
	CHECK(again.size == signature->size);
	CHECK(!memcmp(again.data, signature->data, signature->size));
	/* One byte more or less is another length than the one it says. */
	answer[head_size + signature->size] = 0;
	CHECK(!gsma_decode_signature(
		(struct bytes){answer, head_size + signature->size + 1},
		IOTSAFE_ECDSA_SHA256, &again));
	CHECK(!gsma_decode_signature(
		(struct bytes){answer, head_size + signature->size - 1},
		IOTSAFE_ECDSA_SHA256, &again));
}

/* DER that is read is what the same numbers are written as. */
static void check_der(const uint8_t *data, size_t size)
{
	uint8_t *rs, *der;
	size_t rs_size, der_size;

	if (iotsafe_signature_from_der(data, size, 32, &rs, &rs_size) < 0) {
		CHECK(!rs && !rs_size);
		return;
	}
	CHECK(rs_size == 64);
	CHECK(iotsafe_signature_to_der(rs, rs_size, &der, &der_size) == 0);
	CHECK(der_size == size && !memcmp(der, data, size));
	iotsafe_free(rs);
	iotsafe_free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes answer = {data, size};
	struct signature signature;

	if (gsma_decode_signature(answer, IOTSAFE_ECDSA_SHA512, &signature)) {
		CHECK(size && data[0] == 0x33);
		CHECK(signature.size == 64);
		check_form((const uint8_t[]){0x33, 0x40}, 2, &signature);
		check_form((const uint8_t[]){0x33, 0x00, 0x40}, 3, &signature);
		check_form((const uint8_t[]){0x33, 0x81, 0x40}, 3, &signature);
	}
	if (gsma_decode_signature(answer, IOTSAFE_RSA_PSS_SHA256, &signature)) {
		CHECK(signature.size >= 128);
		CHECK(signature.size <= APPLET_SIGNATURE_MAX);
		CHECK(signature.size < size);
	}
	check_der(data, size);
	return 0;
}
