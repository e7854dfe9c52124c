/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust Onboard's mIAS applet: its row in the table of applets, what its files
 * hold, and its PIN.
 */
#include <stdio.h>
#include <string.h>
#include "applet/ef.h"
#include "applet/mias.h"
#include "base/error.h"
#include "base/trace.h"

/* ---- files ---- */

/* Takes a data object and gives its value. */
static int take_value(uint8_t **data, size_t *size, const char *name)
{
	struct mias_object object;
	struct bytes file = {*data, *size};
	uint8_t *value;

	if (!mias_decode_object(file, &object) ||
	    object.value_size > file.size - object.value_at)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "data object %s: its %zu bytes do not hold "
				 "the value",
				 name, file.size);
	value = bytes_room(object.value_size);
	if (!value)
		return IOTSAFE_ERR_MEMORY;
	memcpy(value, file.data + object.value_at, object.value_size);
	iotsafe_free(*data);
	*data = value;
	*size = object.value_size;
	return IOTSAFE_OK;
}

/* What the file is to give. */
static int open_content(const struct record *record, uint8_t **data,
			size_t *size, const char *name)
{
	switch (record->key_type) {
	case MIAS_CERTIFICATE:
		return mias_inflate(data, size);
	case MIAS_OBJECT:
	case MIAS_RSA:
		return take_value(data, size, name);
	default:
		return IOTSAFE_OK;
	}
}

/* What the file says of itself counts, as for the vendor's SDK. */
static void compare_size(const struct record *record, const struct ef *ef)
{
	if (record->size > ef->size)
		trace_line(IOTSAFE_TRACE_APDU,
			   "directory: %u bytes, the file has %zu (file %s)",
			   record->size, ef->size, ef->name);
}

static int read_any(struct applet *applet, const struct record *record,
		    uint8_t **out, size_t *out_size,
		    const struct deadline *deadline)
{
	struct ef ef = {.manner = &mias_manner,
			.path = record->id,
			.path_size = 2,
			.secret = record->class == IOTSAFE_CLASS_PRIVATE_KEY};
	int result;

	snprintf(ef.name, sizeof(ef.name), "%02X%02X", record->id[0],
		 record->id[1]);
	TRY(ef_read_whole(applet, &ef, out, deadline));
	*out_size = ef.size;
	compare_size(record, &ef);
	result = open_content(record, out, out_size, ef.name);
	if (result < 0) {
		iotsafe_free(*out);
		*out = NULL;
	}
	return result;
}

static const char *key_type_name(uint8_t key_type)
{
	switch (key_type) {
	case MIAS_RSA:
		return "RSA";
	case MIAS_RSA_1024:
		return "RSA-1024";
	case MIAS_RSA_2048:
		return "RSA-2048";
	default:
		return NULL;
	}
}

/* ---- PIN: key reference 81, as long as it is ---- */

/* Both PINs and one byte. */
#define CHANGE_MAX 17

static const uint8_t verify_header[] = {0x00, 0x20, 0x00, 0x81};
static const uint8_t change_header[] = {0x80, 0x24, 0x00, 0x81};

static struct bytes bytes_of(const char *pin)
{
	return (struct bytes){(const uint8_t *)pin, strlen(pin)};
}

static int pin_tries(struct applet *applet, int *tries,
		     const struct deadline *deadline)
{
	return ef_pin(applet, "VERIFY PIN", verify_header,
		      (struct bytes){NULL, 0}, tries, deadline);
}

static int pin_verify(struct applet *applet, const char *pin,
		      const struct deadline *deadline)
{
	return ef_pin(applet, "VERIFY PIN", verify_header, bytes_of(pin), NULL,
		      deadline);
}

/* The old one's length, the old one, the new one. */
static int pin_change(struct applet *applet, const char *old_pin,
		      const char *new_pin, const struct deadline *deadline)
{
	const struct bytes former = bytes_of(old_pin), next = bytes_of(new_pin);
	uint8_t data[CHANGE_MAX];
	struct builder builder = {data, 0, sizeof(data), false};
	int result;

	build_byte(&builder, (uint8_t)former.size);
	build_bytes(&builder, former.data, former.size);
	build_bytes(&builder, next.data, next.size);
	if (builder.failed)
		result = error_set(IOTSAFE_ERR_ARG,
				   "CHANGE REFERENCE DATA: the PINs are longer "
				   "than 16 characters together");
	else
		result = ef_pin(applet, "CHANGE REFERENCE DATA", change_header,
				(struct bytes){data, builder.size}, NULL,
				deadline);
	bytes_wipe(data, sizeof(data));
	return result;
}

const struct applet_kind applet_mias = {
	.name = "mias",
	.labels_tie = true,
	.keys_want_pin = true,
	.signing_command = "PSO COMPUTE SIGNATURE",
	.object = mias_object,
	.list = mias_list,
	.read = read_any,
	.sign = mias_sign,
	.key_type_name = key_type_name,
	.decrypt = mias_decrypt,
	.read_key = read_any,
	.pin_tries = pin_tries,
	.pin_verify = pin_verify,
	.pin_change = pin_change,
};
