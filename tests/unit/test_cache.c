/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a second process knows of a card without asking, and every reason for
 * which it asks all the same. */
#include "base/crypto.h"
#include "cached.h"

TestSuite(cache, .init = set_up, .fini = tear_down);

Test(cache, leaves_five_exchanges_of_a_cold_start)
{
	expect_start(cold);
	expect_start(WARM);
	expect_start(WARM);
}

Test(cache, is_there_only_for_who_asks)
{
	struct fakecard fake = CARD_OF(a);
	char name[400];

	setenv("XDG_CACHE_HOME", folder, 1);
	cr_assert(start(&fake, NULL, &a) == cold);
	cr_assert(start(&fake, "cache=no", &a) == cold);
	cr_assert(!files(name, false), "%s", name);
	cr_assert(start(&fake, attribute, &a) == cold);
	cr_assert(start(&fake, "cache=no", &a) == cold);
	cr_assert(start(&fake, NULL, &a) == cold);
}

Test(cache, is_not_there_for_a_card_without_a_number)
{
	struct fakecard fake = CARD_OF(a);
	unsigned took;
	char name[400];

	fake.no_iccid = true;
	took = start(&fake, attribute, &a);
	cr_assert(!files(name, false), "%s", name);
	cr_assert(start(&fake, attribute, &a) == took);
}

Test(cache, wants_an_attribute_that_means_something)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_link link = fakecard_link(&fake);
	iotsafe_card *card;

	expect_error(iotsafe_card_open_link(&link, "cache=maybe", &card),
		     IOTSAFE_ERR_ARG, "cache=maybe");
}

/* ---- what has changed ---- */

Test(cache, with_a_key_of_the_past_is_corrected_by_the_first_signature)
{
	struct fakecard fake = CARD_OF(b);
	iotsafe_card *card;
	iotsafe_key *key;

	expect_start(cold);
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	/* The certificate may have been shown. */
	expect_error(sign(key, &b), IOTSAFE_ERR_VERIFY,
		     "another key than the cache had");
	expect_good(sign(key, &b));
	expect_good(key_learn(key, NULL));
	expect_chain(key, &b);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	cr_assert(start(&fake, attribute, &b) == WARM);
}

Test(cache, with_a_key_of_the_past_is_corrected_unseen_where_none_was_shown)
{
	struct fakecard fake = CARD_OF(b);
	iotsafe_card *card;
	iotsafe_key *key;

	expect_start(cold);
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(sign(key, &b));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	cr_assert(start(&fake, attribute, &b) <= cold);
}

/* That another public key of the cache fits says nothing about the card. */
Test(cache, with_a_key_of_the_past_is_not_corrected_by_itself)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;

	fake.objects[5] =
		(struct fake_object)KEY(IOTSAFE_CLASS_PUBLIC_KEY, "07", b);
	for (int i = 0; i < 2; i++) {
		const struct identity *signer = i ? &b : &a;

		fake.objects[0].key = signer;
		fake.asked[FAKE_GET_DATA] = 0;
		card = open_with(&fake, attribute);
		expect_good(iotsafe_key_open(card, "type=private", &key));
		expect_good(sign(key, signer));
		cr_assert(fake.asked[FAKE_GET_DATA], "%d", i);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
	}
}

/* The card has another key than what is from disk, and the program its
 * certificate. */
static void sign_with_certificate(iotsafe_card *card)
{
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(iotsafe_key_set_certificate(key, b.der.data, b.der.size));
	expect_good(sign(key, &b));
	iotsafe_key_free(key);
}

/* A certificate that a program brings is of the key that it was for. */
Test(cache, with_a_key_of_the_past_does_not_change_what_was_given)
{
	struct fakecard fake = CARD_OF(b);
	iotsafe_card *card;
	iotsafe_key *key;

	expect_start(cold);
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(iotsafe_key_set_certificate(key, a.der.data, a.der.size));
	for (int i = 0; i < 2; i++)
		expect_error(sign(key, &b), IOTSAFE_ERR_VERIFY,
			     "does not verify with its certificate");
	iotsafe_key_free(key);
	sign_with_certificate(card);
	iotsafe_card_free(card);
}

Test(cache, that_does_not_fit_a_certificate_is_not_what_refuses_it)
{
	struct fakecard fake = CARD_OF(b);
	iotsafe_card *card;

	expect_start(cold);
	card = open_with(&fake, attribute);
	sign_with_certificate(card);
	iotsafe_card_free(card);
}

Test(cache, that_does_not_have_a_name_is_not_the_last_word)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;

	expect_start(cold);
	fake.objects[5] =
		(struct fake_object)KEY(IOTSAFE_CLASS_PRIVATE_KEY, "07", b);
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, "id=07", &key));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(cache, that_has_a_key_no_more_is_read_anew)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;

	expect_start(cold);
	fake.objects[0].id = "05";
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	expect_good(sign(key, &a));
	iotsafe_key_free(key);
	expect_error(iotsafe_key_open(card, "id=01", &key), IOTSAFE_ERR_ABSENT,
		     "no private key");
	iotsafe_card_free(card);
	cr_assert(start(&fake, attribute, &a) < cold);
	cr_assert(start(&fake, attribute, &a) == WARM);
}

/* Its id is another key's now, which would give another secret. */
Test(cache, that_has_a_key_no_more_agrees_with_the_one_that_is_there)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_start(cold);
	fake.objects[0].id = fake.objects[1].id = "05";
	fake.objects[0].label = fake.objects[1].label = "moved";
	fake.objects[5] =
		(struct fake_object)KEY(IOTSAFE_CLASS_PRIVATE_KEY, "01", b);
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(iotsafe_key_agree(key, "id=05", NULL, 0, &out, &size));
	cr_assert(out[0] == 0x05, "key %02X", out[0]);
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(cache, that_has_a_named_key_no_more_does_not_take_another)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	char name[400];
	iotsafe_key *key;

	expect_start(cold);
	fake.objects[0].id = "05";
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_error(sign(key, &a), IOTSAFE_ERR_ABSENT,
		     "is no longer on the card");
	cr_assert(!files(name, false));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(cache, without_a_certificate_does_not_say_that_there_is_none)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;

	fake.objects[2].class = 0;
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	cr_assert(!key_chain(key, 0).size);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	fake.objects[2].class = IOTSAFE_CLASS_FILE;
	cr_assert(start(&fake, attribute, &a) > WARM);
	cr_assert(start(&fake, attribute, &a) == WARM);
}

/* What was in the way need not stay. */
Test(cache, does_not_keep_what_the_card_refused)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;

	fake.objects[3].refusal = 0x6F00;
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	cr_assert(key_chain(key, 0).size && !key_chain(key, 1).size);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	fake.objects[3].refusal = 0;
	cr_assert(start(&fake, attribute, &a) > WARM);
	cr_assert(start(&fake, attribute, &a) == WARM);
}

/* It may have been replaced long ago. */
Test(cache, does_not_have_certificates_whose_time_is_over)
{
	struct identity over = identity_make((struct identity_wish){
		.name = "over", .issuer = &issuer, .expired = true});
	struct fakecard fake = CARD_OF(over);
	char name[400];

	cr_assert(start(&fake, attribute, &over) == cold);
	cr_assert(start(&fake, attribute, &over) == cold);
	cr_assert(!files(name, false), "%s", name);
	identity_free(&over);
}

/* Who signs with a key of which no signature can be verified would not notice
 * that it is another one. */
Test(cache, does_not_find_keys_that_nothing_verifies)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;

	for (int i = 0; i < 5; i++)
		fake.objects[i].type = 0x23;
	fake.objects[1].class = fake.objects[2].class = 0;
	for (int i = 0; i < 2; i++) {
		card = open_with(&fake, attribute);
		expect_good(iotsafe_key_open(card, "label=client", &key));
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		cr_assert(fake.asked[FAKE_GET_DATA] > 0, "%d", i);
		fake.asked[FAKE_GET_DATA] = 0;
	}
}

Test(cache, goes_with_a_remote_administration)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_key *key;
	char name[400];

	expect_start(cold);
	fake.fail_at = 4;
	fake.status = 0x63CF;
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	cr_assert(!fake.asked[FAKE_GET_DATA] && files(name, false) == 1);
	expect_good(sign(key, &a));
	cr_assert(fake.asked[FAKE_GET_DATA]);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	cr_assert(start(&fake, attribute, &a) > WARM);
}

/* Also for who does not use it: others do. */
Test(cache, goes_with_commands_that_may_change_the_card)
{
	static const uint8_t command[] = {0x80, 0x84, 0, 0, 8};
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	char path[100];
	uint8_t *out;
	size_t size;

	setenv("XDG_CACHE_HOME", folder, 1);
	cr_assert(start(&fake, "cache=yes", &a) == cold);
	cr_assert(start(&fake, "cache=yes", &a) == WARM);
	card = open_with(&fake, NULL);
	expect_good(iotsafe_card_transact(card, command, sizeof(command), &out,
					  &size));
	iotsafe_free(out);
	iotsafe_card_free(card);
	cr_assert(start(&fake, "cache=yes", &a) == cold);
	snprintf(path, sizeof(path), "rm -r %s/libiotsafe", folder);
	cr_assert(system(path) == 0);
}

/* ---- explicit questions ---- */

Test(cache, is_not_what_a_list_is_made_from)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_object *object;
	unsigned count = 0;
	iotsafe_card *card;
	iotsafe_list *list;
	iotsafe_key *key;

	expect_start(cold);
	fake.objects[5] =
		(struct fake_object)KEY(IOTSAFE_CLASS_PRIVATE_KEY, "07", b);
	card = open_with(&fake, attribute);
	/* Nor where it was good for something else before. */
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(iotsafe_card_list(card, NULL, &list));
	while (iotsafe_list_next(list, &object) == IOTSAFE_OK && object) {
		iotsafe_object_free(object);
		count++;
	}
	cr_assert(count == 6, "%u objects", count);
	iotsafe_list_free(list);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	/* What was seen is what the next one goes by. */
	card = open_with(&fake, attribute);
	fake.asked[FAKE_GET_DATA] = 0;
	expect_good(iotsafe_key_open(card, "id=01", &key));
	cr_assert(!fake.asked[FAKE_GET_DATA]);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static void expect_read(uint8_t *out, size_t size, struct bytes expected)
{
	cr_assert(bytes_equal((struct bytes){out, size}, expected));
	iotsafe_free(out);
}

static void expect_key(uint8_t *out, size_t size, const struct identity *of)
{
	const struct bytes der = {of->der.data, of->der.size};
	struct bytes spki;
	uint8_t *data;

	expect_good(crypto_spki_of_certificate(der, &data, &spki.size));
	spki.data = data;
	expect_read(out, size, spki);
	iotsafe_free(data);
}

Test(cache, is_not_what_a_public_key_is_read_from)
{
	struct fakecard fake = CARD_OF(b);
	iotsafe_card *card;
	uint8_t *out;
	size_t size;

	expect_start(cold);
	card = open_with(&fake, attribute);
	expect_good(iotsafe_card_public_key(card, "id=01", &out, &size));
	expect_key(out, size, &b);
	iotsafe_card_free(card);
}

Test(cache, is_not_what_keys_and_certificates_are_read_from)
{
	struct fakecard fake = CARD_OF(b);
	iotsafe_card *card;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_start(cold);
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	expect_chain(key, &a);
	expect_good(iotsafe_key_public_key(key, &out, &size));
	expect_key(out, size, &b);
	expect_good(iotsafe_key_certificate(key, 0, &out, &size));
	expect_read(out, size, (struct bytes){b.der.data, b.der.size});
	expect_good(key_learn(key, NULL));
	expect_chain(key, &b);
	expect_good(sign(key, &b));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	cr_assert(start(&fake, attribute, &b) == WARM);
}

Test(cache, is_not_where_files_and_anchors_come_from)
{
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card;
	iotsafe_file *file;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_start(cold);
	fake.objects[3].content = &b;
	fake.objects[4].content = &issuer;
	card = open_with(&fake, attribute);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(iotsafe_file_open(card, "id=03", &file));
	expect_good(iotsafe_file_read(file, &out, &size));
	expect_read(out, size, (struct bytes){b.der.data, b.der.size});
	expect_good(card_ca(card, "id=04", 0, NULL, &out, &size));
	expect_read(out, size,
		    (struct bytes){issuer.der.data, issuer.der.size});
	iotsafe_file_free(file);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- what comes in between ---- */

static void read_by_another(iotsafe_card *card)
{
	iotsafe_key *other;
	uint8_t *spki;
	size_t size;

	expect_good(iotsafe_key_open(card, NULL, &other));
	expect_good(iotsafe_key_public_key(other, &spki, &size));
	iotsafe_free(spki);
	iotsafe_key_free(other);
}

static void prepare_it(iotsafe_key *key)
{
	iotsafe_key_prepare(key);
}

static void learn_public_key(iotsafe_key *key)
{
	uint8_t *spki;
	size_t size;

	expect_good(iotsafe_key_public_key(key, &spki, &size));
	iotsafe_free(spki);
}

/* The chain is in a handshake; the list that the card has now is read for
 * somebody else, and the signature begun ahead. */
Test(cache, a_chain_that_was_shown_is_history_whoever_found_out_first)
{
	static void (*const between[])(iotsafe_key * key) = {NULL, prepare_it,
							     learn_public_key};

	for (int i = 0; i < 3; i++) {
		struct fakecard fake = CARD_OF(b);
		iotsafe_card *card;
		char name[400];
		iotsafe_key *key;

		files(name, true);
		expect_start(cold);
		card = open_with(&fake, attribute);
		expect_good(iotsafe_key_open(card, NULL, &key));
		expect_good(key_learn(key, NULL));
		expect_chain(key, &a);
		read_by_another(card);
		if (between[i])
			between[i](key);
		cr_assert(sign(key, &b) == IOTSAFE_ERR_VERIFY, "%d", i);
		expect_good(sign(key, &b));
		iotsafe_key_free(key);
		iotsafe_card_free(card);
	}
}

Test(cache, is_gone_after_a_command_that_nobody_knows)
{
	static const uint8_t command[] = {0x80, 0xCA, 0x00, 0x00, 0x00};
	struct fakecard fake = CARD_OF(a);
	iotsafe_card *card = open_with(&fake, attribute);
	char name[400];
	iotsafe_key *key;
	uint8_t *answer;
	size_t size;

	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	cr_assert(files(name, false) == 1);
	expect_good(iotsafe_card_transact(card, command, 5, &answer, &size));
	iotsafe_free(answer);
	cr_assert(files(name, false) == 0);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* Told from within a handshake, where nobody waits for the card. */
Test(cache, is_gone_when_a_peer_has_doubted_it)
{
	for (int i = 0; i < 2; i++) {
		struct fakecard fake = CARD_OF(a);
		iotsafe_card *card;
		char name[400];
		iotsafe_key *key;
		uint8_t *random;
		size_t size;

		expect_start(cold);
		card = open_with(&fake, attribute);
		expect_good(iotsafe_key_open(card, NULL, &key));
		expect_good(key_learn(key, NULL));
		key_doubt(key);
		cr_assert(files(name, false) == 1);
		if (i) {
			expect_good(
				iotsafe_card_random(card, 4, &random, &size));
			iotsafe_free(random);
		}
		cr_assert(files(name, false) == (i ? 0 : 1));
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		cr_assert(files(name, false) == 0);
	}
}
