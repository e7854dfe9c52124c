/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of Trust Onboard: the map of containers, the directory, data objects,
 * compressed certificates, control parameters, private keys. The first byte
 * chooses. */
#include <string.h>
#include "applet/ef.h"
#include "applet/mias.h"
#include "base/crypto.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_containers(struct bytes map)
{
	struct mias_container container;
	size_t count = 0;

	while (mias_decode_container(map, count, &container)) {
		CHECK((container.key & 0x0F) == count + 1);
		CHECK(container.key >= 0x10 && container.key < 0x50);
		CHECK(container.bits <= 0xFFFF);
		count++;
	}
	CHECK(count <= MIAS_CONTAINERS_MAX);
	CHECK(count * MIAS_CONTAINER_SIZE <= map.size);
}

static void check_directory(struct bytes directory)
{
	size_t count;

	if (!mias_decode_count(directory, &count))
		return;
	CHECK(count <= directory.data[0] && 21 * count < directory.size);
	for (size_t i = 0; i < count; i++) {
		struct mias_file file;
		int container;

		mias_decode_file(directory, i, &file);
		CHECK(strlen(file.name) <= MIAS_NAME_MAX);
		CHECK(strlen(file.directory) <= MIAS_NAME_MAX);
		container = mias_container_of(&file);
		CHECK(container >= -1 && container <= 99);
	}
}

static void check_object(struct bytes in)
{
	struct mias_object object;

	if (!mias_decode_object(in, &object))
		return;
	CHECK(object.value_at <= in.size);
	CHECK(object.label.size <= 255);
	CHECK(object.label.data >= in.data &&
	      object.label.data + object.label.size <= in.data + in.size);
	CHECK(!object.label.size ||
	      object.label.data[object.label.size - 1] != ' ');
}

static void check_certificate(struct bytes in)
{
	size_t size, wanted = 0;
	uint8_t *file;

	if (in.size >= 4)
		wanted = in.data[2] + 256U * in.data[3];
	CHECK(bytes_give(in.data, in.size, &file, &size) == 0);
	if (mias_inflate(&file, &size) == 0) {
		if (in.size >= 4 && in.data[0] == 1 && !in.data[1])
			CHECK(size == wanted);
		else
			CHECK(size == in.size && !memcmp(file, in.data, size));
	}
	iotsafe_free(file);
}

static void check_parameters(struct bytes in)
{
	size_t size;

	for (unsigned tag = 0x80; tag <= 0x81; tag++)
		if (ef_decode_size(in, (uint8_t)tag, &size))
			CHECK(size <= UINT32_MAX);
}

/* What was read once is read again, and is the same. */
static void check_key(struct bytes in)
{
	struct secret *key, *again;

	if (crypto_private_read(in, &key) < 0) {
		CHECK(!key);
		return;
	}
	CHECK(crypto_private_read(secret_bytes(key), &again) == 0);
	CHECK(bytes_equal(secret_bytes(key), secret_bytes(again)));
	secret_free(again);
	secret_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(struct bytes in) = {
		check_containers,  check_directory,  check_object,
		check_certificate, check_parameters, check_key,
	};
	uint8_t *copy;

	if (!size)
		return 0;
	/* A copy, so that a sanitizer sees its end. */
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	checks[data[0] % (sizeof(checks) / sizeof(checks[0]))](
		(struct bytes){copy, size - 1});
	free(copy);
	return 0;
}
