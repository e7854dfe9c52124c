/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GET DATA of the GSMA IoT SAFE applet: what the applet can do, and which
 * objects it holds (IoT.05 clauses 2.12 and 2.14).
 */
#include <stdlib.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"

#define INS_GET_DATA	 0xCB
#define P1_APPLICATION	 0x00
#define P1_OBJECT_LIST	 0x01
#define P2_FIRST	 0x00
#define P2_NEXT		 0x01
#define STATUS_MORE_DATA 0x6300
/* The application's data as the standard lists it: 68 bytes. */
#define APPLICATION_SIZE 0x44

/* A list longer than this is no card's. */
#define LIST_MAX 32768

int gsma_capabilities(struct applet *applet, struct capabilities *out,
		      const struct deadline *deadline)
{
	uint8_t data[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	const struct apdu get = {
		.name = "GET DATA application",
		.cla = CLA_IOTSAFE,
		.ins = INS_GET_DATA,
		.p1 = P1_APPLICATION,
		.expect = APDU_EXACT,
		.le = APPLICATION_SIZE,
	};

	memset(out, 0, sizeof(*out));
	TRY(channel_transact(&applet->channel, &get, &response, deadline));
	if (apdu_is_done(response.status))
		gsma_decode_capabilities((struct bytes){data, response.size},
					 out);
	return IOTSAFE_OK;
}

static int add_record(void *self, const struct record *record)
{
	struct records *records = self;
	struct record *items;

	if (records->count == APPLET_OBJECTS_MAX)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "GET DATA object list: more than %d objects",
				 APPLET_OBJECTS_MAX);
	items = realloc(records->items,
			(records->count + 1) * sizeof(*records->items));
	if (!items)
		return error_no_memory("GET DATA object list");
	records->items = items;
	items[records->count++] = *record;
	return IOTSAFE_OK;
}

/* Reads all pages: 6300 means that more follows (P2 = 01). An object may lie
 * across two of them, so they are put together first. */
static int read_pages(struct applet *applet, struct response *list, bool *cut,
		      const struct deadline *deadline)
{
	const struct manners *manners = &applet->channel.manners;
	struct apdu get = {
		.name = "GET DATA object list",
		.cla = CLA_IOTSAFE,
		.ins = INS_GET_DATA,
		.p1 = P1_OBJECT_LIST,
		.p2 = P2_FIRST,
		.expect = manners->piece < 256 ? APDU_EXACT : APDU_SOME,
		.le = manners->piece,
	};
	size_t size = 0;
	int result;

	do {
		struct response page = {.data = list->data + size,
					.room = list->room - size};

		result = channel_transact(&applet->channel, &get, &page,
					  deadline);
		if (result >= 0 && gsma_is_cut(&page))
			result = gsma_cut(get.name, &page);
		*cut = result == IOTSAFE_ERR_FORMAT;
		TRY(result);
		if (!apdu_is_done(page.status) &&
		    page.status != STATUS_MORE_DATA)
			return channel_refused(get.name, page.status);
		if (page.status == STATUS_MORE_DATA && !page.size)
			return error_set(IOTSAFE_ERR_FORMAT,
					 "%s: the card announces more and "
					 "gives none",
					 get.name);
		size += page.size;
		list->status = page.status;
		get.p2 = P2_NEXT;
	} while (list->status == STATUS_MORE_DATA);
	list->size = size;
	return IOTSAFE_OK;
}

int gsma_list(struct applet *applet, struct records *out,
	      const struct deadline *deadline)
{
	struct response list = {.room = LIST_MAX};
	bool cut;
	int result;

	*out = (struct records){NULL, 0};
	list.data = malloc(list.room);
	if (!list.data)
		return error_no_memory("GET DATA object list");
	do
		result = read_pages(applet, &list, &cut, deadline);
	while (result < 0 && cut &&
	       gsma_take_smaller_pieces(&applet->channel.manners));
	if (result < 0)
		goto out;
	result = gsma_decode_objects((struct bytes){list.data, list.size},
				     add_record, out);
	applet->manners.has_list = list.size != 0;
	applet->manners.bare_list =
		list.size &&
		list.data[0] < gsma_wrapper(IOTSAFE_CLASS_PRIVATE_KEY);
	if (result == IOTSAFE_ERR_FORMAT)
		error_set(IOTSAFE_ERR_FORMAT,
			  "GET DATA object list: %zu bytes cannot be "
			  "understood",
			  list.size);
out:
	free(list.data);
	if (result < 0) {
		free(out->items);
		*out = (struct records){NULL, 0};
	}
	return result;
}

static int keep_record(void *self, const struct record *record)
{
	*(struct record *)self = *record;
	return IOTSAFE_OK;
}

int gsma_object(struct applet *applet, const struct record *wanted,
		struct record *out, const struct deadline *deadline)
{
	uint8_t data[2 * APDU_RESPONSE_MAX];
	uint8_t body[REFERENCE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	const struct apdu get = {
		.name = "GET DATA object",
		.cla = CLA_IOTSAFE,
		.ins = INS_GET_DATA,
		.p1 = gsma_wrapper(wanted->class),
		.data = gsma_reference(wanted, body),
		.expect = APDU_SOME,
	};

	TRY(channel_obtain(&applet->channel, &get, &response, deadline));
	memset(out, 0, sizeof(*out));
	if (gsma_decode_objects((struct bytes){data, response.size},
				keep_record, out) < 0 ||
	    out->class != wanted->class)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: %zu bytes cannot be understood", get.name,
				 response.size);
	return IOTSAFE_OK;
}
