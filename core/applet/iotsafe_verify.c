/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VERIFY SIGNATURE of the GSMA IoT SAFE applet: a hash or a text and a
 * signature in, the card's verdict out.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"

/* r‖s with tag 33 and the longer of its lengths. */
#define TAIL_MAX (3 + 64)

static int verify_once(struct applet *applet, const struct record *key,
		       const struct gsma_message *message, struct bytes tail,
		       const struct deadline *deadline)
{
	uint8_t body[REFERENCE_MAX + 16], answer[APDU_RESPONSE_MAX];
	struct builder init = {body, 0, sizeof(body), false};
	struct response response = {.data = answer, .room = sizeof(answer)};
	int result;

	gsma_build_init(&init, key, message);
	result = gsma_session_open(applet, GSMA_VERIFY, key,
				   (struct bytes){body, init.size}, deadline);
	if (result < 0)
		return gsma_without_mode(message, result);
	result = gsma_send_message(applet, GSMA_VERIFY, message, tail,
				   &response, deadline);
	gsma_session_end(applet, GSMA_VERIFY, result, deadline);
	return result;
}

/* With one byte of length behind tag 33, or two. */
static int verify_with(struct applet *applet, const struct record *key,
		       const struct gsma_message *message,
		       struct bytes signature, int length,
		       const struct deadline *deadline)
{
	uint8_t data[TAIL_MAX];
	struct builder tail = {data, 0, sizeof(data), false};

	build_byte(&tail, TAG_SIGNATURE);
	if (length == 2)
		build_byte(&tail, 0);
	build_byte(&tail, (uint8_t)signature.size);
	build_bytes(&tail, signature.data, signature.size);
	return verify_once(applet, key, message,
			   (struct bytes){data, tail.size}, deadline);
}

static bool is_verdict(int result)
{
	return result >= 0 || result == IOTSAFE_ERR_VERIFY;
}

/* The other form of what the card made nothing of. */
static int verify_otherwise(struct applet *applet, const struct record *key,
			    const struct gsma_message *message,
			    struct bytes signature, int length,
			    const struct deadline *deadline)
{
	struct applet_manners *manners = &applet->manners;
	bool is_long = gsma_is_long(applet, message, signature.size + 3);
	struct error first;
	int result = IOTSAFE_ERR_CARD;

	error_save(&first);
	if (is_long) {
		manners->short_text = true;
		result = verify_with(applet, key, message, signature, length,
				     deadline);
		if (is_verdict(result))
			return result;
		manners->short_text = gsma_is_misread(result);
	}
	if (!manners->forced_length && (!is_long || manners->short_text)) {
		result = verify_with(applet, key, message, signature,
				     3 - length, deadline);
		if (is_verdict(result)) {
			manners->signature_length = (uint8_t)(3 - length);
			return result;
		}
	}
	manners->short_text = manners->short_text && !is_long;
	error_restore(&first);
	return first.code;
}

int gsma_verify(struct applet *applet, const struct record *key,
		const struct gsma_message *message, struct bytes signature,
		const struct deadline *deadline)
{
	const struct applet_manners *manners = &applet->manners;
	int length = manners->signature_length ? manners->signature_length : 1;
	int result;

	/* An RSA block leaves no room for what it signs. */
	if (signature.size > TAIL_MAX - 3)
		return gsma_does_not_fit(gsma_update_name(GSMA_VERIFY));
	result = verify_with(applet, key, message, signature, length, deadline);
	if (!gsma_is_misread(result))
		return result;
	return verify_otherwise(applet, key, message, signature, length,
				deadline);
}
