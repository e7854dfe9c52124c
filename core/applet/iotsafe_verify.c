/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VERIFY SIGNATURE of the GSMA IoT SAFE applet: a hash or a text and a
 * signature in, the card's verdict out.
 */
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"

/* r‖s or its DER, with tag 33 and the longest of its lengths. */
#define TAIL_MAX (3 + 72)
#define RS_SIZE	 64

static int verify_once(struct applet *applet, const struct record *key,
		       const struct gsma_message *message, struct bytes tail,
		       const struct deadline *deadline)
{
	uint8_t body[REFERENCE_MAX + 16];
	struct builder init = {body, 0, sizeof(body), false};
	int result;

	gsma_build_init(&init, key, message);
	result = gsma_session_open(applet, GSMA_VERIFY, key,
				   (struct bytes){body, init.size}, deadline);
	if (result < 0)
		return gsma_without_mode(message, result);
	result = gsma_send_message(applet, GSMA_VERIFY, message, tail, NULL,
				   deadline);
	gsma_session_end(applet, GSMA_VERIFY, result, deadline);
	return result;
}

/* How the signature is written. */
struct form {
	int length; /* as in struct applet_manners */
	bool der;
};

static int verify_as(struct applet *applet, const struct record *key,
		     const struct gsma_message *message, struct bytes signature,
		     struct form form, const struct deadline *deadline)
{
	uint8_t data[TAIL_MAX], value[TAIL_MAX];
	struct builder der = {value, 0, sizeof(value), false};
	struct builder tail = {data, 0, sizeof(data), false};

	if (form.der && crypto_rs_to_der(signature, &der))
		signature = (struct bytes){value, der.size};
	build_byte(&tail, TAG_SIGNATURE);
	if (form.length > 1)
		build_byte(&tail, form.length == 2 ? 0 : 0x81);
	build_byte(&tail, (uint8_t)signature.size);
	build_bytes(&tail, signature.data, signature.size);
	return verify_once(applet, key, message,
			   (struct bytes){data, tail.size}, deadline);
}

static bool is_verdict(int result)
{
	return result >= 0 || result == IOTSAFE_ERR_VERIFY;
}

/* What the card made nothing of, in another form: the text in short pieces,
 * the other length. */
static int verify_otherwise(struct applet *applet, const struct record *key,
			    const struct gsma_message *message,
			    struct bytes signature, struct form form,
			    const struct deadline *deadline)
{
	struct applet_manners *manners = &applet->manners;
	const struct applet_manners before = *manners;
	struct error first;
	int result = IOTSAFE_ERR_CARD;

	error_save(&first);
	if (gsma_is_long(applet, message, RS_SIZE + 3)) {
		manners->short_text = true;
		result = verify_as(applet, key, message, signature, form,
				   deadline);
	}
	if (!is_verdict(result) && !manners->forced_length) {
		form.length = form.length == 2 ? 1 : 2;
		manners->signature_length = (uint8_t)form.length;
		result = verify_as(applet, key, message, signature, form,
				   deadline);
	}
	if (is_verdict(result))
		return result;
	*manners = before;
	error_restore(&first);
	return first.code;
}

/* A card that gives DER wants it, and does not match what is r and s. Until
 * one of its own signatures has told, a mismatch is none before that was
 * tried. */
static int verify_der(struct applet *applet, const struct record *key,
		      const struct gsma_message *message,
		      struct bytes signature, struct form form,
		      const struct deadline *deadline)
{
	struct error first;
	int result;

	error_save(&first);
	form.der = true;
	result = verify_as(applet, key, message, signature, form, deadline);
	if (result >= 0) {
		applet->manners.signature_der = true;
		applet->manners.signature_length = (uint8_t)form.length;
		return result;
	}
	error_restore(&first);
	return first.code;
}

int gsma_verify(struct applet *applet, const struct record *key,
		const struct gsma_message *message, struct bytes signature,
		const struct deadline *deadline)
{
	struct applet_manners *manners = &applet->manners;
	bool known = manners->signature_length != 0;
	struct form form = {manners->signature_length, manners->signature_der};
	int result;

	/* An RSA block leaves no room for what it signs. */
	if (signature.size != RS_SIZE)
		return gsma_does_not_fit(gsma_update_name(GSMA_VERIFY));
	if (!form.length)
		form.length = 1;
	result = verify_as(applet, key, message, signature, form, deadline);
	if (gsma_is_misread(result))
		return verify_otherwise(applet, key, message, signature, form,
					deadline);
	if (result >= 0)
		manners->signature_length = (uint8_t)form.length;
	if (result == IOTSAFE_ERR_VERIFY && !known && !form.der)
		return verify_der(applet, key, message, signature, form,
				  deadline);
	return result;
}
