/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configured addresses become slots and tokens. What is told of a token comes
 * from the configuration alone, so that looking through all tokens of a system,
 * as many programs do, wakes no modem.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "login.h"
#include "module.h"
#include "object.h"
#include "session.h"
#include "slot.h"

static struct slot slots[CONFIG_SLOTS_MAX];
static size_t slots_count;

/* ---- the table ---- */

static void make_slot(struct slot *slot, size_t index,
		      const struct config_slot *config)
{
	memset(slot, 0, sizeof(*slot));
	slot->id = index;
	slot->config = *config;
	pthread_mutex_init(&slot->lock, NULL);
	if (config->name)
		snprintf(slot->label, sizeof(slot->label), "%s", config->name);
	else if (!index)
		snprintf(slot->label, sizeof(slot->label), "iotsafe");
	else
		snprintf(slot->label, sizeof(slot->label), "iotsafe %zu",
			 index + 1);
}

ck_rv_t slot_table_make(void)
{
	struct config_slot read[CONFIG_SLOTS_MAX];
	int count = config_read(read);

	if (count < 0)
		return CKR_HOST_MEMORY;
	for (slots_count = 0; slots_count < (size_t)count; slots_count++)
		make_slot(&slots[slots_count], slots_count, &read[slots_count]);
	return CKR_OK;
}

void slot_table_free(void)
{
	while (slots_count) {
		struct slot *slot = &slots[--slots_count];

		session_close_all(slot);
		slot_forget(slot);
		config_free(&slot->config);
		pthread_mutex_destroy(&slot->lock);
	}
}

void slot_table_abandon(void)
{
	slots_count = 0;
}

struct slot *slot_find(ck_slot_id_t id)
{
	return id < slots_count ? &slots[id] : NULL;
}

/* ---- the card ---- */

/* What is there when it is back is told by the card's number: of one without
 * any nobody can say that it is the same. */
static ck_rv_t went_away(struct slot *slot, int code)
{
	const ck_rv_t result = error_of(code);

	slot->away = true;
	slot->gone |= !*iotsafe_card_iccid(slot->card);
	return slot->gone ? CKR_DEVICE_REMOVED : result;
}

ck_rv_t slot_failed(struct slot *slot, int code)
{
	slot->device_error = iotsafe_last_status();
	/* Where there is no SIM, or a key was made anew by somebody else, no
	 * handle is good any more. */
	if (code == IOTSAFE_ERR_ABSENT)
		slot->gone = true;
	if (code == IOTSAFE_ERR_CLOSED || code == IOTSAFE_ERR_IO)
		return went_away(slot, code);
	if (code == IOTSAFE_ERR_PIN && slot->locked) {
		/* A card that was started anew has forgotten it. */
		slot->logged_in = false;
		error_of(code);
		return CKR_USER_NOT_LOGGED_IN;
	}
	return error_of(code);
}

/* The library gives the card that it has open, unless another one was found in
 * its place: "until the card is opened anew". */
static ck_rv_t take_card(struct slot *slot, iotsafe_card *card)
{
	if (!slot->card) {
		slot->card = card;
		return CKR_OK;
	}
	slot->gone = card != slot->card;
	slot->away = false;
	iotsafe_card_free(card);
	return slot->gone ? CKR_DEVICE_REMOVED : CKR_OK;
}

ck_rv_t slot_need_card(struct slot *slot)
{
	iotsafe_card *card;
	int code;

	if (slot->card && !slot->away)
		return CKR_OK;
	if (!slot->config.address)
		return CKR_TOKEN_NOT_PRESENT;
	code = iotsafe_card_open(slot->config.address, &card);
	if (code >= 0)
		return take_card(slot, card);
	slot->device_error = iotsafe_last_status();
	if (!slot->card)
		return error_of_opening(code);
	/* A modem that starts may not have seen its SIM yet. */
	error_of(code);
	return CKR_DEVICE_ERROR;
}

void slot_forget(struct slot *slot)
{
	object_drop_all(slot);
	iotsafe_card_free(slot->card);
	slot->card = NULL;
	slot->gone = slot->away = false;
}

/* ---- what is told of it ---- */

/* Texts of PKCS #11 are padded with blanks and have no NUL. */
static void put_text(unsigned char *out, size_t room, const char *text)
{
	size_t size = strnlen(text, room);

	memset(out, ' ', room);
	memcpy(out, text, size);
}

/* An address without its attributes: lines for the modem may hold a PIN, and
 * words of a command whatever else. */
static void describe(const struct slot *slot, char *out, size_t room)
{
	const char *address = slot->config.address;

	if (!address)
		snprintf(out, room, "%s", slot->config.problem);
	else if (!strncmp(address, "exec:", 5))
		snprintf(out, room, "exec:");
	else
		snprintf(out, room, "%.*s", (int)strcspn(address, "?"),
			 address);
}

ck_rv_t C_GetSlotInfo(ck_slot_id_t id, struct ck_slot_info *info)
{
	const struct slot *slot;
	char text[65];

	TRY(module_enter());
	slot = slot_find(id);
	if (!slot || !info)
		return module_leave(slot ? CKR_ARGUMENTS_BAD
					 : CKR_SLOT_ID_INVALID);
	memset(info, 0, sizeof(*info));
	describe(slot, text, sizeof(text));
	put_text(info->slot_description, sizeof(info->slot_description), text);
	put_text(info->manufacturer_id, sizeof(info->manufacturer_id),
		 "libiotsafe");
	info->flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT;
	if (slot->config.address)
		info->flags |= CKF_TOKEN_PRESENT;
	return module_leave(CKR_OK);
}

static void fill_token(const struct slot *slot, struct ck_token_info *info)
{
	memset(info, 0, sizeof(*info));
	put_text(info->label, sizeof(info->label), slot->label);
	put_text(info->manufacturer_id, sizeof(info->manufacturer_id),
		 "libiotsafe");
	put_text(info->model, sizeof(info->model), "IoT SAFE");
	/* The card's number is not known before it is opened, and a URL must
	 * find the token then as well as afterwards. */
	put_text(info->serial_number, sizeof(info->serial_number), "");
	put_text(info->utc_time, sizeof(info->utc_time), "");
	info->flags = CKF_RNG | CKF_TOKEN_INITIALIZED | login_flags(slot);
	info->min_pin_len = login_is_told(slot) ? 4 : 0;
	info->max_pin_len = login_is_told(slot) ? 8 : 0;
	info->max_session_count = CK_EFFECTIVELY_INFINITE;
	info->session_count = CK_UNAVAILABLE_INFORMATION;
	info->max_rw_session_count = CK_EFFECTIVELY_INFINITE;
	info->rw_session_count = CK_UNAVAILABLE_INFORMATION;
	info->total_public_memory = CK_UNAVAILABLE_INFORMATION;
	info->free_public_memory = CK_UNAVAILABLE_INFORMATION;
	info->total_private_memory = CK_UNAVAILABLE_INFORMATION;
	info->free_private_memory = CK_UNAVAILABLE_INFORMATION;
}

ck_rv_t C_GetTokenInfo(ck_slot_id_t id, struct ck_token_info *info)
{
	struct slot *slot;

	TRY(module_enter());
	slot = slot_find(id);
	if (!slot || !info)
		return module_leave(slot ? CKR_ARGUMENTS_BAD
					 : CKR_SLOT_ID_INVALID);
	if (!slot->config.address)
		return module_leave(CKR_TOKEN_NOT_PRESENT);
	pthread_mutex_lock(&slot->lock);
	fill_token(slot, info);
	pthread_mutex_unlock(&slot->lock);
	return module_leave(CKR_OK);
}

static ck_rv_t list_slots(unsigned char token_present, ck_slot_id_t *list,
			  unsigned long *count)
{
	unsigned long room = *count, found = 0;

	for (size_t i = 0; i < slots_count; i++) {
		if (token_present && !slots[i].config.address)
			continue;
		if (list && found < room)
			list[found] = slots[i].id;
		found++;
	}
	*count = found;
	return list && found > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

ck_rv_t C_GetSlotList(unsigned char token_present, ck_slot_id_t *list,
		      unsigned long *count)
{
	TRY(module_enter());
	if (!count)
		return module_leave(CKR_ARGUMENTS_BAD);
	return module_leave(list_slots(token_present, list, count));
}

ck_rv_t C_WaitForSlotEvent(ck_flags_t flags, ck_slot_id_t *slot, void *reserved)
{
	(void)slot;
	TRY(module_enter());
	if (reserved)
		return module_leave(CKR_ARGUMENTS_BAD);
	/* Nothing tells when a SIM comes or goes. */
	return module_leave(flags & CKF_DONT_BLOCK
				    ? CKR_NO_EVENT
				    : CKR_FUNCTION_NOT_SUPPORTED);
}
