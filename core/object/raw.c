/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What needs no object: random bytes, and commands as the caller writes them.
 */
#include "base/error.h"
#include "object/cache.h"
#include "object/card.h"
#include "object/key.h"

struct buffer {
	uint8_t *data;
	size_t size;
};

static int read_random(iotsafe_card *card, void *self,
		       const struct deadline *deadline)
{
	struct buffer *out = self;

	TRY(card_need_iotsafe(card, "random"));
	return card->at->applet.kind->random(&card->at->applet, out->data,
					     out->size, deadline);
}

int card_random(iotsafe_card *card, uint8_t *out, size_t size,
		const struct deadline *limit)
{
	struct buffer buffer = {out, size};

	return card_run(card, limit, read_random, &buffer);
}

int iotsafe_card_random(iotsafe_card *card, size_t size, uint8_t **out,
			size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !card || !size || size > 65536)
		return error_set(IOTSAFE_ERR_ARG,
				 "random: 1 to 65536 bytes of a card");
	*out = bytes_room(size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	return bytes_settle(card_random(card, *out, size, NULL), size, out,
			    out_size);
}

#define ANSWER_MAX 8192

struct raw {
	struct bytes command;
	uint8_t answer[ANSWER_MAX];
	size_t answer_size;
};

static bool parse_command(struct bytes in, struct apdu *apdu)
{
	size_t lc, behind;

	*apdu = (struct apdu){.name = "APDU", .secret = true};
	if (in.size < 4 || in.size > APDU_COMMAND_MAX)
		return false;
	apdu->cla = in.data[0];
	apdu->ins = in.data[1];
	apdu->p1 = in.data[2];
	apdu->p2 = in.data[3];
	if (in.size == 4)
		return true;
	if (in.size == 5) {
		apdu->expect = in.data[4] ? APDU_EXACT : APDU_SOME;
		apdu->le = in.data[4];
		return true;
	}
	lc = in.data[4];
	behind = in.size - 5;
	if (!lc || (behind != lc && behind != lc + 1))
		return false;
	apdu->data = (struct bytes){in.data + 5, lc};
	if (behind == lc + 1) {
		apdu->le = in.data[5 + lc] ? in.data[5 + lc] : 256;
		apdu->expect = APDU_EXACT;
	}
	return true;
}

static int send_raw(iotsafe_card *card, void *self,
		    const struct deadline *deadline)
{
	struct raw *raw = self;
	struct response response = {.data = raw->answer,
				    .room = ANSWER_MAX - 2};
	struct apdu apdu;

	if (!parse_command(raw->command, &apdu))
		return error_set(IOTSAFE_ERR_ARG,
				 "APDU: %zu bytes are no short command",
				 raw->command.size);
	/* Nobody knows what it does. */
	cache_forget(card);
	card_commit(card, COMMIT_AT_ONCE);
	TRY(channel_transact(&card->at->applet.channel, &apdu, &response,
			     deadline));
	raw->answer[response.size] = (uint8_t)(response.status >> 8);
	raw->answer[response.size + 1] = (uint8_t)response.status;
	raw->answer_size = response.size + 2;
	return IOTSAFE_OK;
}

int iotsafe_card_transact(iotsafe_card *card, const uint8_t *data,
			  size_t data_size, uint8_t **out, size_t *out_size)
{
	struct raw raw = {.command = {data, data_size}};
	int result;

	if (!bytes_ready(out, out_size) || !card || !data)
		return error_null("APDU");
	result = card_run(card, NULL, send_raw, &raw);
	if (result >= 0)
		result = bytes_give(raw.answer, raw.answer_size, out, out_size);
	bytes_wipe(raw.answer, sizeof(raw.answer));
	return result;
}
