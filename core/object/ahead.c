/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A signature that will probably be wanted is begun before it is known over
 * what, while somebody waits for the peer. It is no more than an attempt: who
 * signs finds it done, or does it.
 */
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

struct attempt {
	iotsafe_key *key;
	atomic_bool *under_way; /* set when its turn has come; or NULL */
};

/* What was signed with last, else what peers ask for first. */
static int likely_algorithm(const iotsafe_card *card, const iotsafe_key *key)
{
	static const int first[] = {IOTSAFE_ECDSA_SHA256,
				    IOTSAFE_RSA_PSS_SHA256,
				    IOTSAFE_RSA_PKCS1_SHA256};
	const struct applet *applet = &card->at->applet;
	const int able = key_algorithms(key) & ~applet->refused;

	if (able & applet->usual)
		return applet->usual;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (able & first[i])
			return first[i];
	return 0;
}

static int prepare(iotsafe_card *card, iotsafe_key *key,
		   const struct deadline *deadline)
{
	const struct applet_kind *kind = card->at->applet.kind;
	int algorithm;

	/* Who signs with what is from disk, and history, has more to do. */
	if (!kind->prepare ||
	    (key->cached && card->at->listed && !card->at->cached))
		return 0;
	TRY(key_check(card, key));
	TRY(key_learn_spki(card, key, deadline));
	algorithm = likely_algorithm(card, key);
	if (!algorithm)
		return 0;
	return kind->prepare(&card->at->applet, key_record(key), algorithm,
			     deadline);
}

/* Nothing that is lost is opened again for it, and nothing refused is told:
 * who signs meets it anew, deals with it, and has the words for it. */
static int prepare_in_turn(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	const struct attempt *attempt = self;
	int result;

	if (attempt->under_way)
		*attempt->under_way = true;
	result = prepare(card, attempt->key, deadline);

	return result == IOTSAFE_ERR_CANCELLED ? result : result > 0;
}

/* Where no channel outlives turns nothing would come of it. */
bool key_may_prepare(const iotsafe_key *key)
{
	const iotsafe_card *card = key->card;
	bool wanted;

	return address_get_flag(&card->address, "ahead", true, &wanted) >= 0 &&
	       wanted && card->has_channel &&
	       key_record(key)->applet == APPLET_IOTSAFE &&
	       !(key_record(key)->flags & IOTSAFE_OBJECT_SOFTWARE);
}

int key_prepare(iotsafe_key *key, const struct deadline *limit,
		atomic_bool *under_way)
{
	struct attempt attempt = {key, under_way};
	struct error kept;
	int result;

	if (!key_may_prepare(key))
		return 0;
	error_save(&kept);
	result = card_attempt_on(key->card, key_record(key), limit,
				 prepare_in_turn, &attempt);
	/* It was the caller's wish, and no failure. */
	if (result == IOTSAFE_ERR_CANCELLED)
		return result;
	error_restore(&kept);
	return result > 0;
}

int iotsafe_key_prepare(iotsafe_key *key)
{
	if (!key)
		return error_set(IOTSAFE_ERR_ARG, "key: none given");
	return key_prepare(key, NULL, NULL);
}
