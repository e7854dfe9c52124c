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

/* How the signature is written. */
struct form {
	int length; /* as in struct applet_manners */
	bool der;
};

/* A verification in one form after the other. */
struct trial {
	struct applet *applet;
	const struct record *key;
	const struct gsma_message *message;
	struct bytes signature;
	const struct deadline *deadline;
	struct form form;
	bool is_begun; /* INIT went well: what is refused then is the data */
	bool is_read;  /* the card gave a verdict: it can read the length */
};

static bool is_verdict(int result)
{
	return result >= 0 || result == IOTSAFE_ERR_VERIFY;
}

static bool is_misread(const struct trial *trial, int result)
{
	return trial->is_begun && gsma_is_misread(result);
}

static int verify_once(struct trial *trial, struct bytes tail)
{
	struct applet *applet = trial->applet;
	uint8_t body[APPLET_INIT_MAX];
	int result;

	result = gsma_session_open(applet, GSMA_VERIFY, trial->key,
				   gsma_init(trial->key, trial->message, body),
				   trial->deadline);
	trial->is_begun = result >= 0;
	if (result < 0)
		return gsma_without_mode(trial->message, result);
	result = gsma_send_message(applet, GSMA_VERIFY, trial->message, tail,
				   NULL, trial->deadline);
	gsma_session_end(applet, GSMA_VERIFY, result, trial->deadline);
	trial->is_read |= is_verdict(result);
	return result;
}

static int verify_as(struct trial *trial)
{
	uint8_t data[TAIL_MAX], value[TAIL_MAX];
	struct builder der = {value, 0, sizeof(value), false};
	struct builder tail = {data, 0, sizeof(data), false};
	struct bytes signature = trial->signature;
	struct form form = trial->form;

	if (form.der && crypto_rs_to_der(signature, &der))
		signature = (struct bytes){value, der.size};
	build_byte(&tail, TAG_SIGNATURE);
	if (form.length > 1)
		build_byte(&tail, form.length == 2 ? 0 : 0x81);
	build_byte(&tail, (uint8_t)signature.size);
	build_bytes(&tail, signature.data, signature.size);
	return verify_once(trial, (struct bytes){data, tail.size});
}

/* Once more with the text in short pieces where that may be what the card
 * made nothing of. */
static int try_form(struct trial *trial)
{
	int result = verify_as(trial);

	if (!is_misread(trial, result) ||
	    !gsma_is_long(trial->applet, trial->message, RS_SIZE + 3))
		return result;
	trial->applet->manners.short_text = true;
	return verify_as(trial);
}

/* The same with the other length, where the card made nothing of the first. */
static int try_lengths(struct trial *trial)
{
	int result = try_form(trial);
	struct error first;

	if (!is_misread(trial, result) || trial->is_read ||
	    trial->applet->manners.forced_length)
		return result;
	error_save(&first);
	trial->form.length = trial->form.length == 2 ? 1 : 2;
	result = try_form(trial);
	if (is_verdict(result))
		return result;
	error_restore(&first);
	return first.code;
}

/* r and s, then DER, or the other way round. A card that takes the one may
 * make nothing of the other, or not match it. */
static int try_forms(struct trial *trial, bool believed)
{
	int result = try_lengths(trial);
	struct error first;

	if (result == IOTSAFE_ERR_VERIFY ? believed
					 : !is_misread(trial, result))
		return result;
	error_save(&first);
	trial->form.der = !trial->form.der;
	result = try_lengths(trial);
	if (result >= 0 || (!is_verdict(first.code) && is_verdict(result)))
		return result;
	trial->form.der = !trial->form.der;
	error_restore(&first);
	return first.code;
}

/* A mismatch is believed where the card has verified in this form before; or
 * gave a signature as r and s, since no card is known that would have another
 * form back. */
int gsma_verify(struct applet *applet, const struct record *key,
		const struct gsma_message *message, struct bytes signature,
		const struct deadline *deadline)
{
	struct applet_manners *manners = &applet->manners;
	const bool short_text = manners->short_text;
	bool known = manners->signature_length != 0;
	struct trial trial = {
		.applet = applet,
		.key = key,
		.message = message,
		.signature = signature,
		.deadline = deadline,
		.form = {known ? manners->signature_length : 1,
			 manners->signature_der},
	};
	int result;

	/* An RSA block leaves no room for what it signs. */
	if (signature.size != RS_SIZE)
		return gsma_does_not_fit(gsma_update_name(GSMA_VERIFY));
	if (manners->verified_so)
		result = try_lengths(&trial);
	else
		result = try_forms(&trial, known && !manners->signature_der);
	if (!is_verdict(result))
		manners->short_text = short_text;
	if (result < 0)
		return result;
	manners->signature_length = (uint8_t)trial.form.length;
	manners->signature_der = trial.form.der;
	manners->verified_so = true;
	return result;
}
