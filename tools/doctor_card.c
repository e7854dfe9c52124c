/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An open card is looked at from below: applet, objects, identity, certificate,
 * and at the end, said beforehand, one signature.
 */
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "doctor.h"
#include "text.h"
#include "watch.h"

/* Slower than that is worth a word: exchanges take 10 to 100 ms on cards that
 * people have measured, signatures 100 to 500. In microseconds. */
#define SLOW_EXCHANGE  500000
#define SLOW_SIGNATURE 2000000

/* GET RANDOM, 8 bytes: what every applet has and changes nothing. */
static const uint8_t harmless[] = {0x80, 0x84, 0x00, 0x00, 0x08};

static const char signed_text[] = "iotsafe doctor: this text is worth nothing";

struct census {
	unsigned objects, private_keys, signers, secrets, certificates;
};

static const char *info_value(const iotsafe_info *info, const char *name)
{
	for (size_t i = 0; i < iotsafe_info_count(info); i++)
		if (!strcmp(iotsafe_info_name(info, i), name))
			return iotsafe_info_value(info, i);
	return NULL;
}

static const char *interface_words(const char *interface)
{
	return !strcmp(interface, "csim")    ? " by AT+CSIM"
	       : !strcmp(interface, "cgla")  ? " by AT+CCHO and AT+CGLA"
	       : !strcmp(interface, "basic") ? " by AT+CSIM, basic channel"
					     : "";
}

static void say_reached(struct doctor *doctor, const iotsafe_info *info)
{
	const char *interface = info_value(info, "interface");
	const char *iccid = info_value(info, "iccid");
	const char *aid = info_value(info, "aid");

	snprintf(doctor->interface, sizeof(doctor->interface), "%s",
		 interface ? interface : "");
	/* Six digits tell the operator, and no more than him. */
	if (iccid && strlen(iccid) > 6)
		redact_add(&doctor->redact, iccid + 6);
	doctor_say(doctor, LEVEL_OK, "reached", NULL, "The card is reached%s.",
		   interface_words(doctor->interface));
	if (iccid)
		doctor_say(doctor, LEVEL_OK, "card", NULL,
			   "The SIM's number (ICCID) is %s.", iccid);
	doctor_say(doctor, LEVEL_OK, "applet", NULL,
		   "The applet is there (AID %s).", aid ? aid : "not known");
}

static bool look_at_applet(struct doctor *doctor)
{
	iotsafe_info *info;

	if (iotsafe_card_info(doctor->cli->card, &info) < 0) {
		doctor_reason(doctor, LEVEL_PROBLEM);
		return false;
	}
	say_reached(doctor, info);
	doctor->at_applet = true;
	if (!strcmp(doctor->interface, "cgla") &&
	    !strstr(doctor->address, "interface="))
		doctor_say(doctor, LEVEL_NOTE, "csim-refused",
			   "Add interface=cgla to the address: it saves the "
			   "detour at each start.",
			   "This modem does not carry AT+CSIM to the card; "
			   "AT+CCHO and AT+CGLA work.");
	iotsafe_info_free(info);
	return true;
}

static void count_one(struct census *census, const iotsafe_object *object)
{
	int class = iotsafe_object_class(object);
	int flags = iotsafe_object_flags(object);

	census->objects++;
	census->private_keys += class == IOTSAFE_CLASS_PRIVATE_KEY;
	census->signers += class == IOTSAFE_CLASS_PRIVATE_KEY &&
			   (flags & IOTSAFE_OBJECT_SIGN) &&
			   (flags & IOTSAFE_OBJECT_ACTIVE);
	census->secrets += class == IOTSAFE_CLASS_SECRET_KEY &&
			   (flags & IOTSAFE_OBJECT_ACTIVE);
	census->certificates += (flags & IOTSAFE_OBJECT_CERTIFICATE) != 0;
}

static bool take_census(struct doctor *doctor, struct census *census)
{
	iotsafe_object *object;
	iotsafe_list *list;
	int result;

	*census = (struct census){0};
	if (iotsafe_card_list(doctor->cli->card, NULL, &list) < 0) {
		doctor_reason(doctor, LEVEL_PROBLEM);
		return false;
	}
	while (!(result = iotsafe_list_next(list, &object)) && object) {
		count_one(census, object);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
	if (result < 0)
		doctor_reason(doctor, LEVEL_PROBLEM);
	return result >= 0;
}

static bool look_at_objects(struct doctor *doctor, struct census *census)
{
	if (!take_census(doctor, census))
		return false;
	if (!census->objects) {
		doctor_say(doctor, LEVEL_PROBLEM, "no-objects",
			   "The card must be personalised: ask who sold it for "
			   "keys and a certificate.",
			   "The applet is empty: there is no object in it.");
		return false;
	}
	doctor_say(doctor, LEVEL_OK, "objects", NULL,
		   "The card has %u objects; private keys: %u (of which %u can "
		   "sign), certificates: %u, secret keys: %u.",
		   census->objects, census->private_keys, census->signers,
		   census->certificates, census->secrets);
	doctor_say_applets(doctor);
	return true;
}

static void time_exchange(struct doctor *doctor)
{
	uint64_t start = clock_microseconds();
	uint8_t *answer;
	size_t size;

	watch_begin("timing an exchange");
	if (iotsafe_card_transact(doctor->cli->card, harmless, sizeof(harmless),
				  &answer, &size) < 0)
		return;
	watch_end();
	iotsafe_free(answer);
	doctor->exchange_us = clock_microseconds() - start;
	doctor_say(
		doctor,
		doctor->exchange_us > SLOW_EXCHANGE ? LEVEL_WARNING : LEVEL_OK,
		doctor->exchange_us > SLOW_EXCHANGE ? "slow" : "exchange",
		doctor->exchange_us > SLOW_EXCHANGE
			? "Look at the speed of the port (baud=); a signature "
			  "takes three of them."
			: NULL,
		"One exchange with the card takes %u ms.",
		(unsigned)(doctor->exchange_us / 1000));
}

static void say_signature(struct doctor *doctor, bool verified)
{
	bool slow = doctor->signature_us > SLOW_SIGNATURE;

	doctor_say(doctor, slow ? LEVEL_WARNING : LEVEL_OK,
		   slow ? "slow-signature" : "signature",
		   slow ? "Give servers and DTLS timers that much more time; a "
			  "session that is resumed needs no signature "
			  "(--session)."
			: NULL,
		   "One signature takes %u ms%s.",
		   (unsigned)(doctor->signature_us / 1000),
		   verified ? ", and verifies with the public key" : "");
	if (!verified)
		doctor_say(
			doctor, LEVEL_WARNING, "unverified",
			"Have the public key put on the card too, so that a "
			"damaged signature is noticed here and not by the "
			"server.",
			"The signature could not be verified: the public key "
			"is not known, or of a curve that GnuTLS lacks.");
}

/* The first hash that this key can sign. */
static int algorithm_of(iotsafe_key *key, size_t *size)
{
	static const struct {
		int algorithm;
		size_t size;
	} hashes[] = {{IOTSAFE_SHA256, 32},
		      {IOTSAFE_SHA384, 48},
		      {IOTSAFE_SHA512, 64}};
	iotsafe_object *object;
	int has = 0;
	size_t i = 0;

	if (iotsafe_key_object(key, &object) >= 0) {
		has = iotsafe_object_algorithms(object);
		iotsafe_object_free(object);
	}
	while (i < 2 && has && !(has & hashes[i].algorithm))
		i++;
	*size = hashes[i].size;
	return hashes[i].algorithm;
}

static void make_signature(struct doctor *doctor, iotsafe_key *key,
			   const char *name)
{
	uint8_t hash[64] = {0}, *signature;
	size_t hash_size, size;
	int algorithm = algorithm_of(key, &hash_size);
	uint64_t start;

	gnutls_hash_fast(hash_size == 32   ? GNUTLS_DIG_SHA256
			 : hash_size == 48 ? GNUTLS_DIG_SHA384
					   : GNUTLS_DIG_SHA512,
			 signed_text, sizeof(signed_text) - 1, hash);
	watch_end();
	fprintf(stderr,
		"iotsafe: the card makes one signature now, with %s, over \"%s\"\n",
		name, signed_text);
	watch_begin("waiting for the signature");
	start = clock_microseconds();
	if (iotsafe_key_sign(key, algorithm, hash, hash_size, &signature,
			     &size) < 0) {
		watch_end();
		doctor_reason(doctor, LEVEL_PROBLEM);
		return;
	}
	watch_end();
	doctor->signature_us = clock_microseconds() - start;
	iotsafe_free(signature);
	say_signature(doctor, iotsafe_key_verifies(key));
}

static void say_identity_failure(struct doctor *doctor,
				 const struct census *census, int result)
{
	if (result == IOTSAFE_ERR_AMBIGUOUS && doctor_say_two(doctor))
		return;
	if (result == IOTSAFE_ERR_AMBIGUOUS)
		doctor_say_failure(
			doctor, LEVEL_PROBLEM, "several",
			"Name one: --key NAME, or iotsafe:NAME in other "
			"programs.",
			"The card has several identities, and none is named.");
	else if (result == IOTSAFE_ERR_ABSENT && census->secrets &&
		 !census->signers)
		doctor_say(
			doctor, LEVEL_NOTE, "psk-only",
			"Use it with --psk IDENTITY; see docs/psk.md.",
			"The card has no key to sign with, but a secret key: "
			"it is made for pre-shared keys.");
	else if (result == IOTSAFE_ERR_ABSENT && doctor->cli->options.key)
		doctor_say_failure(doctor, LEVEL_PROBLEM, "no-such-key",
				   "Look for its name with `iotsafe list`.",
				   "The card has no private key of this name.");
	else if (result == IOTSAFE_ERR_ABSENT)
		doctor_say_failure(
			doctor, LEVEL_PROBLEM, "no-key",
			"Have a key pair put on the card or, where it has a "
			"slot for one, make it with `iotsafe generate NAME`.",
			"The card has no private key that can sign.");
	else if (result == IOTSAFE_ERR_VERIFY)
		doctor_say_failure(
			doctor, LEVEL_PROBLEM, "other-key",
			"Have the certificate issued for this key (`iotsafe "
			"csr`), or name the key it belongs to.",
			"The certificate on the card is of another key.");
	else
		doctor_reason(doctor, LEVEL_PROBLEM);
}

static bool look_at_certificate(struct doctor *doctor, iotsafe_key *key)
{
	uint8_t *der;
	size_t size;
	int result = iotsafe_key_certificate(key, 0, &der, &size);

	if (result >= 0) {
		iotsafe_free(der);
		doctor_certificates(doctor, key);
	} else if (result == IOTSAFE_ERR_ABSENT) {
		doctor_read_certificates(doctor);
		doctor_say(doctor, LEVEL_PROBLEM, "no-certificate",
			   "Ask for one with `iotsafe csr`, and have it put on "
			   "the card or give it as a file (--cert FILE).",
			   "The key has no certificate on the card.");
	} else {
		say_identity_failure(doctor, &(struct census){0}, result);
	}
	return result >= 0 || result == IOTSAFE_ERR_ABSENT ||
	       result == IOTSAFE_ERR_VERIFY;
}

static void look_at_key(struct doctor *doctor, iotsafe_key *key)
{
	iotsafe_object *object;

	if (iotsafe_key_object(key, &object) < 0) {
		doctor_reason(doctor, LEVEL_PROBLEM);
		return;
	}
	doctor_say(doctor, LEVEL_OK, "identity", NULL, "The key is %s (%s).",
		   iotsafe_object_name(object),
		   iotsafe_object_key_type(object));
	if (look_at_certificate(doctor, key) && !watch_over())
		make_signature(doctor, key, iotsafe_object_name(object));
	iotsafe_object_free(object);
}

static void look_at_identity(struct doctor *doctor, const struct census *census)
{
	iotsafe_key *key;
	int result;

	watch_begin("looking for the identity");
	result = iotsafe_key_open(doctor->cli->card, doctor->cli->options.key,
				  &key);
	watch_end();
	if (result < 0) {
		say_identity_failure(doctor, census, result);
		return;
	}
	look_at_key(doctor, key);
	iotsafe_key_free(key);
}

void doctor_examine(struct doctor *doctor)
{
	struct census census;

	watch_begin("looking at the card");
	if (look_at_applet(doctor) && !watch_over()) {
		time_exchange(doctor);
		if (look_at_objects(doctor, &census) && !watch_over())
			look_at_identity(doctor, &census);
	}
	watch_end();
	if (doctor->evidence.resets)
		doctor_say(doctor, LEVEL_WARNING, "reset",
			   "Look at the power supply and the antenna; update "
			   "the modem's firmware.",
			   "The modem or the card was reset while it was being "
			   "examined; it was opened again.");
}
