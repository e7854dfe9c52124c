/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C_Login's PIN becomes the applet's. It is not kept: where the card forgets
 * that it was given, the program has to log in anew.
 */
#include <string.h>
#include "login.h"
#include "object.h"

#define PIN_ROOM 9

/* The address names a file or a variable, and the library asks there. */
bool login_may_be_wanted(const struct slot *slot)
{
	const char *address = slot->config.address;

	return !strstr(address, "pin-file=") && !strstr(address, "pin-env=");
}

/* One PIN can be given; where there are two, of the identities' applet. */
void login_note(struct slot *slot, const char *applet)
{
	if (!login_may_be_wanted(slot))
		return;
	if (!strcmp(applet, "mias"))
		slot->locked = "mias";
	else if (!strcmp(applet, "mf") && !slot->locked)
		slot->locked = "mf";
}

void login_count(struct slot *slot)
{
	slot->tries = -1;
	if (slot->locked)
		iotsafe_card_pin_tries(slot->card, slot->locked, &slot->tries);
}

/* Most programs ask before the card was looked at, and only once. */
bool login_is_told(const struct slot *slot)
{
	return slot->locked || slot->config.login;
}

bool login_hides(const struct slot *slot, ck_object_class_t class)
{
	return class == CKO_PRIVATE_KEY && slot->config.login &&
	       !slot->logged_in;
}

/* More than one wrong one since the right one. */
#define TRIES_LOW 2

ck_flags_t login_flags(const struct slot *slot)
{
	ck_flags_t flags = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;

	if (!login_is_told(slot))
		return 0;
	if (!slot->locked)
		return flags;
	if (slot->tries == 0)
		flags |= CKF_USER_PIN_LOCKED;
	if (slot->tries == 1)
		flags |= CKF_USER_PIN_FINAL_TRY;
	if (slot->tries > 0 && slot->tries <= TRIES_LOW)
		flags |= CKF_USER_PIN_COUNT_LOW;
	return flags;
}

/* What was behind the PIN may be read now. */
static ck_rv_t look_again(struct slot *slot)
{
	for (struct object *object = slot->objects; object;
	     object = object->next) {
		if (object->session || object->class == CKO_SECRET_KEY)
			continue;
		if (object->reading != OBJECT_READ)
			object_unread(object);
		object->pair = NULL;
		object->paired = false;
	}
	slot->listed = slot->identified = false;
	return object_need_all(slot);
}

static ck_rv_t refused(struct slot *slot, int code)
{
	if (code == IOTSAFE_ERR_ARG)
		return CKR_PIN_LEN_RANGE;
	if (code != IOTSAFE_ERR_PIN)
		return slot_failed(slot, code);
	slot_failed(slot, code);
	login_count(slot);
	return slot->tries == 0 ? CKR_PIN_LOCKED : CKR_PIN_INCORRECT;
}

ck_rv_t login_with(struct slot *slot, const unsigned char *pin,
		   unsigned long size)
{
	char text[PIN_ROOM] = "";
	int code;

	if (!pin)
		return CKR_ARGUMENTS_BAD;
	if (size >= sizeof(text))
		return CKR_PIN_LEN_RANGE;
	if (slot->tries == 0)
		return CKR_PIN_LOCKED;
	memcpy(text, pin, size);
	code = iotsafe_card_pin_verify(slot->card, slot->locked, text);
	explicit_bzero(text, sizeof(text));
	return code < 0 ? refused(slot, code) : look_again(slot);
}
