/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EF_ICCID becomes the digits that are printed on the card.
 */
#include <string.h>
#include "base/error.h"
#include "uicc/channel.h"
#include "uicc/iccid.h"

/* READ BINARY by short file identifier (ETSI TS 102 221 11.1.3.2): on a new
 * channel the master file is the current folder (8.7), so that this is all. */
#define P1_SFI_ICCID 0x82

/* Two digits a byte, the first one low, the rest filled with F. Some modems
 * have turned them already: an ICCID begins with 89 (ITU-T E.118). */
bool iccid_decode(struct bytes in, char out[ICCID_TEXT])
{
	char pair[3];
	bool turned;
	size_t size;

	out[0] = '\0';
	if (in.size != ICCID_SIZE)
		return false;
	turned = in.data[0] == 0x89;
	for (size_t i = 0; i < ICCID_SIZE; i++) {
		hex_encode(in.data + i, 1, pair);
		out[2 * i + turned] = pair[1];
		out[2 * i + !turned] = pair[0];
	}
	size = ICCID_TEXT - 1;
	while (size && out[size - 1] == 'F')
		size--;
	out[size] = '\0';
	/* Of zeros alone: never written. */
	return size && strspn(out, "0") != size;
}

static bool is_gone(int result)
{
	return result < 0 && result != IOTSAFE_ERR_MODEM &&
	       result != IOTSAFE_ERR_CARD && result != IOTSAFE_ERR_FORMAT;
}

/* READ BINARY of what P1 names. */
static int read_binary(struct channel *channel, uint8_t p1,
		       char out[ICCID_TEXT], const struct deadline *deadline)
{
	uint8_t data[APDU_RESPONSE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	const struct apdu read = {
		.name = "READ BINARY ICCID",
		.ins = INS_READ_BINARY,
		.p1 = p1,
		.expect = APDU_EXACT,
		.le = ICCID_SIZE,
	};
	int result = channel_transact(channel, &read, &response, deadline);

	if (result >= 0 && response.status == 0x9000)
		iccid_decode((struct bytes){data, response.size}, out);
	return result;
}

static int read_by_name(struct channel *channel, char out[ICCID_TEXT],
			const struct deadline *deadline)
{
	return read_binary(channel, P1_SFI_ICCID, out, deadline);
}

static int select_and_read(struct channel *channel, char out[ICCID_TEXT],
			   const struct deadline *deadline)
{
	static const uint8_t file[] = {0x2F, 0xE2};
	uint8_t data[APDU_RESPONSE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	const struct apdu select = {
		.name = "SELECT ICCID",
		.ins = INS_SELECT,
		.p2 = 0x0C, /* no answer */
		.data = {file, sizeof(file)},
	};

	TRY(channel_exchange(channel, &select, apdu_class(0, channel->number),
			     false, &response, deadline));
	if (response.status != 0x9000 && !channel_data_waits(response.status))
		return IOTSAFE_OK;
	return read_binary(channel, 0, out, deadline);
}

/* On a channel of ours. */
static int read_on_channel(struct channel *channel,
			   int (*way)(struct channel *channel,
				      char out[ICCID_TEXT],
				      const struct deadline *deadline),
			   char out[ICCID_TEXT],
			   const struct deadline *deadline)
{
	/* That a modem lets this pass says nothing of the applet's commands. */
	const bool proven = channel->link->proven;
	int result = way(channel, out, deadline);

	channel->link->proven = proven;
	return result;
}

/* As the modem reads it. */
static int read_by_modem(struct link *link, char out[ICCID_TEXT],
			 const struct deadline *deadline)
{
	uint8_t file[ICCID_SIZE];
	int result = link->kind->iccid(link, file, deadline);

	if (result >= 0)
		iccid_decode((struct bytes){file, sizeof(file)}, out);
	link->has_iccid |= result >= 0;
	link->no_iccid |=
		!link->has_iccid && !link->restarted && !is_gone(result);
	return result;
}

int iccid_read(struct channel *channel, char out[ICCID_TEXT],
	       const struct deadline *deadline)
{
	struct link *link = channel->link;
	int result = IOTSAFE_ERR_MODEM;
	bool passes;

	out[0] = '\0';
	if (channel->number)
		result = read_on_channel(channel, read_by_name, out, deadline);
	passes = result >= 0;
	if (!*out && !is_gone(result) && link->kind->iccid && !link->no_iccid)
		result = read_by_modem(link, out, deadline);
	if (!*out && !is_gone(result) && passes)
		result = read_on_channel(channel, select_and_read, out,
					 deadline);
	return is_gone(result) ? result : IOTSAFE_OK;
}
