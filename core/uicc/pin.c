/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Digits become VERIFY PIN, and its status word a number of tries.
 */
#include <string.h>
#include "base/error.h"
#include "uicc/channel.h"
#include "uicc/pin.h"

#define INS_VERIFY     0x20
#define REFERENCE_PIN1 0x01

static int verify(struct link *link, struct bytes data, unsigned *status,
		  const struct deadline *deadline)
{
	uint8_t answer[APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct channel basic = {.link = link, .manners = {.piece = 256}};
	const struct apdu apdu = {
		.name = "VERIFY PIN",
		.ins = INS_VERIFY,
		.p2 = REFERENCE_PIN1,
		.data = data,
		.secret = true,
	};

	TRY(channel_exchange(&basic, &apdu, 0x00, false, &response, deadline));
	*status = response.status;
	return IOTSAFE_OK;
}

/* Without data it asks (11.1.9.1.3). */
int pin_tries(struct link *link, int *tries, const struct deadline *deadline)
{
	unsigned status;

	TRY(verify(link, (struct bytes){NULL, 0}, &status, deadline));
	*tries = status == 0x6983 ? 0 : (int)(status & 0x0F);
	if (status == 0x6983 || (status & 0xFFF0) == 0x63C0)
		return IOTSAFE_OK;
	return channel_refused("VERIFY PIN", status);
}

int pin_verify(struct link *link, const char *pin,
	       const struct deadline *deadline)
{
	const bool once = link->once;
	uint8_t data[PIN_MAX];
	unsigned status = 0;
	int result;

	memset(data, 0xFF, sizeof(data));
	memcpy(data, pin, strnlen(pin, PIN_MAX));
	link->once = true;
	result = verify(link, (struct bytes){data, sizeof(data)}, &status,
			deadline);
	link->once = once;
	bytes_wipe(data, sizeof(data));
	if (result < 0 || status == 0x9000)
		return result;
	return channel_refused("VERIFY PIN", status);
}
