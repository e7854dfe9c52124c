/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust Onboard's file applet, the preview generation's: certificates and a
 * private key in files below 7FAA, behind CHV1.
 */
#include <stdlib.h>
#include <string.h>
#include "applet/ef.h"
#include "base/error.h"

#define KEY_TYPE_RSA 1

/* What the sheet of the preview generation has; Type A is "available" and
 * Type B "signing" since. */
static const struct place {
	uint8_t path[4];
	int class;
	const char *label;
} places[] = {
	{{0x7F, 0xAA, 0x6F, 0x01}, IOTSAFE_CLASS_FILE, "available"},
	{{0x7F, 0xAA, 0x6F, 0x02}, IOTSAFE_CLASS_PRIVATE_KEY, "available"},
	{{0x7F, 0xAA, 0x6F, 0x03}, IOTSAFE_CLASS_FILE, "signing"},
};

#define PLACES_COUNT (sizeof(places) / sizeof(places[0]))

static const struct ef_manner manner = {.size_tag = 0x80, .piece = 255};

static struct ef make_ef(const uint8_t *path, size_t path_size, bool secret)
{
	struct ef ef = {.manner = &manner,
			.path = path,
			.path_size = path_size,
			.secret = secret};

	if (path_size <= 4)
		hex_encode(path, path_size, ef.name);
	return ef;
}

static void fill(const struct place *place, size_t size, struct record *out)
{
	const bool is_key = place->class == IOTSAFE_CLASS_PRIVATE_KEY;

	memset(out, 0, sizeof(*out));
	out->class = place->class;
	out->flags = IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_READABLE;
	out->flags |= is_key ? IOTSAFE_OBJECT_SOFTWARE | IOTSAFE_OBJECT_SIGN |
				       IOTSAFE_OBJECT_DECRYPT
			     : IOTSAFE_OBJECT_CERTIFICATE;
	out->algorithms = is_key ? APPLET_RSA_HERE : 0;
	out->key_type = is_key ? KEY_TYPE_RSA : 0;
	out->size = is_key ? 0 : (uint16_t)size;
	out->has_size = out->has_state = out->has_access = true;
	out->has_functions = is_key;
	out->id_size = sizeof(place->path);
	memcpy(out->id, place->path, sizeof(place->path));
	out->label_size = (uint8_t)strlen(place->label);
	memcpy(out->label, place->label, out->label_size);
}

/* A file that is not there is no object. */
static int list(struct applet *applet, struct records *out,
		const struct deadline *deadline)
{
	int result = IOTSAFE_OK;

	*out = (struct records){calloc(PLACES_COUNT, sizeof(struct record)), 0};
	if (!out->items)
		return error_set(IOTSAFE_ERR_MEMORY, "files: no memory");
	for (size_t i = 0; i < PLACES_COUNT && result >= 0; i++) {
		struct ef ef = make_ef(places[i].path, 4, false);

		result = ef_select(applet, &ef, deadline);
		if (result >= 0)
			fill(&places[i], ef.size, &out->items[out->count++]);
		else if (result == IOTSAFE_ERR_ABSENT)
			result = IOTSAFE_OK;
	}
	if (result < 0) {
		free(out->items);
		*out = (struct records){NULL, 0};
	}
	return result;
}

/* Other cards of 3GPP have an application by this AID. */
static int probe(struct applet *applet, const struct deadline *deadline)
{
	struct ef ef = make_ef(places[0].path, 4, false);
	int result = ef_select(applet, &ef, deadline);

	if (result == IOTSAFE_ERR_CARD || result == IOTSAFE_ERR_FORMAT ||
	    result == IOTSAFE_ERR_DENIED)
		return error_set_status(IOTSAFE_ERR_ABSENT,
					iotsafe_last_status(),
					"SELECT file: no files of Trust "
					"Onboard in this applet");
	return result;
}

static int object(struct applet *applet, const struct record *wanted,
		  struct record *out, const struct deadline *deadline)
{
	(void)applet;
	(void)deadline;
	*out = *wanted;
	return IOTSAFE_OK;
}

/* A certificate or a private key. */
static int read_any(struct applet *applet, const struct record *record,
		    uint8_t **out, size_t *out_size,
		    const struct deadline *deadline)
{
	struct ef ef = make_ef(record->id, record->id_size,
			       record->class == IOTSAFE_CLASS_PRIVATE_KEY);

	TRY(ef_read_whole(applet, &ef, out, deadline));
	*out_size = ef.size;
	return IOTSAFE_OK;
}

static const char *key_type_name(uint8_t key_type)
{
	return key_type == KEY_TYPE_RSA ? "RSA" : NULL;
}

/* ---- CHV1: key reference 01, eight bytes, FF behind the PIN ---- */

#define CHV_SIZE 8

static const uint8_t verify_header[] = {0x00, 0x20, 0x00, 0x01};
static const uint8_t change_header[] = {0x00, 0x24, 0x00, 0x01};

static void pad(const char *pin, uint8_t out[CHV_SIZE])
{
	memset(out, 0xFF, CHV_SIZE);
	memcpy(out, pin, strnlen(pin, CHV_SIZE));
}

static int pin_tries(struct applet *applet, int *tries,
		     const struct deadline *deadline)
{
	return ef_pin(applet, "VERIFY CHV1", verify_header,
		      (struct bytes){NULL, 0}, tries, deadline);
}

static int pin_verify(struct applet *applet, const char *pin,
		      const struct deadline *deadline)
{
	uint8_t data[CHV_SIZE];
	int result;

	pad(pin, data);
	result = ef_pin(applet, "VERIFY CHV1", verify_header,
			(struct bytes){data, sizeof(data)}, NULL, deadline);
	bytes_wipe(data, sizeof(data));
	return result;
}

static int pin_change(struct applet *applet, const char *old_pin,
		      const char *new_pin, const struct deadline *deadline)
{
	uint8_t data[2 * CHV_SIZE];
	int result;

	pad(old_pin, data);
	pad(new_pin, data + CHV_SIZE);
	result = ef_pin(applet, "CHANGE CHV1", change_header,
			(struct bytes){data, sizeof(data)}, NULL, deadline);
	bytes_wipe(data, sizeof(data));
	return result;
}

const struct applet_kind applet_mf = {
	.name = "mf",
	.labels_tie = true,
	.keys_want_pin = true,
	.probe = probe,
	.object = object,
	.list = list,
	.read = read_any,
	.key_type_name = key_type_name,
	.read_key = read_any,
	.pin_tries = pin_tries,
	.pin_verify = pin_verify,
	.pin_change = pin_change,
};
