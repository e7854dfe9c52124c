// SPDX-License-Identifier: LGPL-2.1-or-later
/* PINs of Trust Onboard: compared, counted, changed, kept. */
#include "tob.h"

#include "card.h"
#include "problem.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX (1 + TOB_PIN_MAX) /* the tries that are left, the digits */

static void name_of(const struct tob *tob, const struct tob_pin *pin,
		    char name[64])
{
	snprintf(name, 64, "%s/%s", tob->folder, pin->name);
}

static bool keep(struct tob *tob, const struct tob_pin *pin)
{
	uint8_t kept[KEPT_MAX] = {(uint8_t)pin->tries};
	char name[64];
	bool done;

	name_of(tob, pin, name);
	memcpy(kept + 1, pin->digits, pin->size);
	done = store_write(tob->store, name, kept, 1 + pin->size, 0600);
	OPENSSL_cleanse(kept, sizeof(kept));
	return done;
}

static bool set(struct tob_pin *pin, struct view digits)
{
	if (digits.size == 0 || digits.size > TOB_PIN_MAX)
		return false;
	memcpy(pin->digits, digits.data, digits.size);
	pin->size = digits.size;
	return true;
}

bool tob_pin_open(struct tob *tob, struct tob_pin *pin, const char *name,
		  const char *digits)
{
	enum store_found found;
	uint8_t *data;
	char file[64];
	size_t size;
	bool done;

	pin->name = name;
	pin->tries = TOB_TRIES;
	name_of(tob, pin, file);
	found = store_read(tob->store, file, &data, &size);
	if (found == STORE_ABSENT)
		return set(pin, view_of(digits, strlen(digits))) &&
		       keep(tob, pin);
	if (found == STORE_ERROR)
		return false;
	done = size > 1 && data[0] <= TOB_TRIES &&
	       set(pin, view_of(data + 1, size - 1));
	pin->tries = done ? data[0] : 0;
	OPENSSL_cleanse(data, size);
	free(data);
	return done || problem("%s/%s: not a PIN", tob->store->path, file);
}

uint16_t tob_pin_tries(const struct tob_pin *pin)
{
	return pin->tries == 0 ? SW_BLOCKED : (uint16_t)(SW_TRIES | pin->tries);
}

/* The try is spent before the digits are looked at, as cards do it. */
uint16_t tob_pin_verify(struct tob *tob, struct tob_pin *pin,
			struct view digits)
{
	if (pin->tries == 0)
		return SW_BLOCKED;
	pin->tries--;
	if (!keep(tob, pin))
		return SW_FAILED;
	if (!view_equal(digits, view_of(pin->digits, pin->size)))
		return (uint16_t)(SW_TRIES | pin->tries);
	pin->tries = TOB_TRIES;
	return keep(tob, pin) ? SW_OK : SW_FAILED;
}

uint16_t tob_pin_change(struct tob *tob, struct tob_pin *pin, struct view old,
			struct view digits)
{
	uint16_t sw = tob_pin_verify(tob, pin, old);

	if (sw != SW_OK)
		return sw;
	if (!set(pin, digits))
		return SW_WRONG_DATA;
	return keep(tob, pin) ? SW_OK : SW_FAILED;
}
