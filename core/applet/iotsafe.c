/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The GSMA IoT SAFE applet (IoT.05): its row in the table of applets, what
 * its commands share, and GET RANDOM.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"

#define INS_GET_RANDOM 0x84

int gsma_ask_secret(struct applet *applet, const struct apdu *apdu,
		    struct response *response, uint8_t *out, size_t size,
		    const struct deadline *deadline)
{
	int result = channel_obtain(&applet->channel, apdu, response, deadline);

	if (result >= 0 && response->size != size)
		result = error_set(IOTSAFE_ERR_FORMAT,
				   "%s: the card's answer has %zu bytes, not "
				   "%zu",
				   apdu->name, response->size, size);
	if (result >= 0)
		memcpy(out, response->data, size);
	bytes_wipe(response->data, response->room);
	return result;
}

/* What is cut looks like anything: too short, or with bytes of its data for a
 * status word. */
static int get_random_piece(struct applet *applet, uint8_t *out, size_t size,
			    const struct deadline *deadline)
{
	uint8_t answer[APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu get = {
		.name = "GET RANDOM",
		.cla = CLA_IOTSAFE,
		.ins = INS_GET_RANDOM,
		.expect = APDU_EXACT,
		.le = (unsigned)size,
		.secret = true,
	};

	TRY(channel_transact(&applet->channel, &get, &response, deadline));
	if (gsma_is_cut(&response))
		return gsma_cut(get.name, &response);
	/* 6300 also comes with good bytes from some applets. */
	if (!apdu_is_done(response.status) && response.status != 0x6300)
		return channel_refused(get.name, response.status);
	if (response.size != size)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: %zu bytes asked, %zu given", get.name,
				 size, response.size);
	memcpy(out, answer, size);
	bytes_wipe(answer, sizeof(answer));
	return IOTSAFE_OK;
}

static int get_random(struct applet *applet, uint8_t *out, size_t size,
		      const struct deadline *deadline)
{
	struct manners *manners = &applet->channel.manners;

	while (size) {
		size_t most = manners->piece < 255 ? manners->piece : 255;
		size_t piece = size < most ? size : most;
		int result = get_random_piece(applet, out, piece, deadline);

		if (result == IOTSAFE_ERR_FORMAT && piece > 50 &&
		    gsma_take_smaller_pieces(manners))
			continue;
		TRY(result);
		out += piece;
		size -= piece;
	}
	return IOTSAFE_OK;
}

const struct applet_kind applet_iotsafe = {
	.name = "iotsafe",
	.signing_command = "COMPUTE SIGNATURE UPDATE",
	.capabilities = gsma_capabilities,
	.object = gsma_object,
	.list = gsma_list,
	.read = gsma_read_file,
	.public_key = gsma_read_public_key,
	.sign = gsma_sign,
	.random = get_random,
	.key_type_name = gsma_key_type_name,
	.prepare = gsma_prepare,
	.give_up = gsma_session_give_up,
};
