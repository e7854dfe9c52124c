/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which private key, public key and certificate belong together, and what it
 * costs to find out. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fakecard.h"
#include "object/key.h"
#include "script.h"

static struct identity root, issuer, a, b, c, alone, self_ca;

static void set_up(void)
{
	root = identity_make(
		(struct identity_wish){.name = "root", .ca = true});
	issuer = identity_make((struct identity_wish){
		.name = "issuer", .issuer = &root, .ca = true});
	a = identity_make(
		(struct identity_wish){.name = "a", .issuer = &issuer});
	b = identity_make((struct identity_wish){.name = "b", .issuer = &root});
	c = identity_make((struct identity_wish){.name = "c", .issuer = &root});
	alone = identity_make((struct identity_wish){.name = "alone"});
	self_ca = identity_make(
		(struct identity_wish){.name = "self", .ca = true});
}

static void tear_down(void)
{
	identity_free(&root);
	identity_free(&issuer);
	identity_free(&a);
	identity_free(&b);
	identity_free(&c);
	identity_free(&alone);
	identity_free(&self_ca);
}

TestSuite(identity, .init = set_up, .fini = tear_down);
TestSuite(chain, .init = set_up, .fini = tear_down);
TestSuite(signer, .init = set_up, .fini = tear_down);
TestSuite(ca, .init = set_up, .fini = tear_down);

#define PRIVATE(id_, label_, key_)                                             \
	{                                                                      \
		.class = IOTSAFE_CLASS_PRIVATE_KEY, .id = id_,                 \
		.label = label_, .key = &key_                                  \
	}
#define PUBLIC(id_, label_, key_)                                              \
	{                                                                      \
		.class = IOTSAFE_CLASS_PUBLIC_KEY, .id = id_, .label = label_, \
		.key = &key_                                                   \
	}
#define CERTIFICATE(id_, identity_)                                            \
	{                                                                      \
		.class = IOTSAFE_CLASS_FILE, .id = id_, .content = &identity_  \
	}

/* Opens the identity and expects this private key, and so many reads. */
static void expect_key(struct fakecard fake, const char *name,
		       const char *found, unsigned public_keys)
{
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_object *object;
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, name, &key));
	expect_good(iotsafe_key_object(key, &object));
	cr_assert_str_eq(iotsafe_object_name(object), found);
	cr_assert(fake.asked[FAKE_PUBLIC_KEY] == public_keys,
		  "%u public keys read", fake.asked[FAKE_PUBLIC_KEY]);
	cr_assert(fake.signatures == 0, "no signature is spent on it");
	cr_assert(fake.asked[FAKE_INIT] == 0);
	iotsafe_object_free(object);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static void expect_no_key(struct fakecard fake, int code, const char *words)
{
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key;

	expect_error(iotsafe_key_open(card, NULL, &key), code, words);
	cr_assert(fake.signatures == 0);
	iotsafe_card_free(card);
}

#define KEY_01 "iotsafe:id=01;type=private"
#define KEY_02 "iotsafe:id=02;type=private"

/* ---- finding the private key ---- */

Test(identity, is_the_only_key_that_can_sign_and_nothing_is_read)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    PUBLIC("01", NULL, a),
					    CERTIFICATE("01", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, NULL, &key));
	cr_assert(fake.exchanges == 4, "open, ICCID, SELECT, list");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(identity, is_not_a_key_that_is_deactivated)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, b), PRIVATE("02", NULL, a)}};

	fake.objects[0].inactive = true;
	expect_key(fake, NULL, KEY_02, 0);
	fake.objects[1].inactive = true;
	expect_no_key(fake, IOTSAFE_ERR_ABSENT,
		      "no private key on the card that can sign");
}

Test(identity, needs_a_private_key)
{
	expect_no_key((struct fakecard){.objects = {PUBLIC("01", NULL, a),
						    CERTIFICATE("01", a)}},
		      IOTSAFE_ERR_ABSENT, "no private key on the card");
}

Test(identity, is_the_key_whose_public_key_is_in_the_certificate)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, b), PRIVATE("02", NULL, a),
			    PUBLIC("01", NULL, b), PUBLIC("02", NULL, a),
			    CERTIFICATE("01", a)}};

	expect_key(fake, NULL, KEY_02, 2);
}

Test(identity, reads_no_further_than_the_key_that_is_found)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PRIVATE("02", NULL, b),
			    PRIVATE("03", NULL, c), PUBLIC("03", NULL, c),
			    PUBLIC("02", NULL, b), PUBLIC("01", NULL, a),
			    CERTIFICATE("01", a)}};

	expect_key(fake, NULL, KEY_01, 1);
}

Test(identity, labels_tie_more_than_ids)
{
	/* Ids swapped, labels true. */
	struct fakecard fake = {
		.objects = {PRIVATE("01", "x", b), PRIVATE("02", "y", a),
			    PUBLIC("02", "x", b), PUBLIC("01", "y", a),
			    CERTIFICATE("05", a)}};

	expect_key(fake, NULL, KEY_02, 2);
}

Test(identity, a_tie_by_label_and_id_is_the_strongest)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", "x", b), PRIVATE("02", "x", a),
			    PUBLIC("01", "x", b), PUBLIC("02", "x", a),
			    CERTIFICATE("05", a)}};

	expect_key(fake, NULL, KEY_02, 2);
}

Test(identity, a_key_nothing_speaks_against_is_the_one)
{
	/* Ids differ within the pair of `a`, and no labels. */
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, b), PRIVATE("02", NULL, a),
			    PUBLIC("01", NULL, b), PUBLIC("03", NULL, a),
			    CERTIFICATE("05", a)}};

	expect_key(fake, NULL, KEY_02, 1);
}

Test(identity, two_of_them_are_told_with_names_that_choose)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", "one", a), PRIVATE("02", NULL, b),
			    PUBLIC("01", NULL, a), PUBLIC("02", NULL, b),
			    CERTIFICATE("01", a), CERTIFICATE("02", b)}};

	expect_no_key(fake, IOTSAFE_ERR_AMBIGUOUS,
		      "the card has 2 identities; choose one of: "
		      "id=01;type=private (\"one\"), id=02;type=private");
	expect_key(fake, "id=01;type=private", KEY_01, 0);
	expect_key(fake, "id=02;type=private", KEY_02, 0);
	expect_key(fake, "one", KEY_01, 0);
}

Test(identity, without_certificates_decides_nothing_by_reading)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PRIVATE("02", NULL, b),
			    PUBLIC("01", NULL, a), PUBLIC("02", NULL, b)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key;

	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_AMBIGUOUS,
		     "2 identities");
	cr_assert(fake.asked[FAKE_PUBLIC_KEY] == 0);
	iotsafe_card_free(card);
}

Test(identity, certificates_of_neither_key_are_told)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PRIVATE("02", NULL, b),
			    PUBLIC("01", NULL, a), PUBLIC("02", NULL, b),
			    CERTIFICATE("01", c)}};

	expect_no_key(fake, IOTSAFE_ERR_VERIFY,
		      "the certificates on the card are of other keys");
}

Test(identity, ca_certificates_are_nobody_s)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, b), PRIVATE("02", NULL, a),
			    PUBLIC("01", NULL, b), PUBLIC("02", NULL, a),
			    CERTIFICATE("01", root), CERTIFICATE("02", a),
			    CERTIFICATE("03", issuer)}};

	expect_key(fake, NULL, KEY_02, 2);
}

Test(identity, may_have_a_certificate_signed_by_itself)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, b), PRIVATE("02", NULL, alone),
			    PUBLIC("01", NULL, b), PUBLIC("02", NULL, alone),
			    CERTIFICATE("01", alone)}};

	expect_key(fake, NULL, KEY_02, 2);
	/* As openssl req -x509 makes it: marked as a CA's. */
	fake.objects[1].key = fake.objects[3].key = &self_ca;
	fake.objects[4].content = &self_ca;
	expect_key(fake, NULL, KEY_02, 2);
}

Test(identity, survives_files_and_keys_that_are_refused)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, b), PRIVATE("02", NULL, a),
			    PUBLIC("01", NULL, b), PUBLIC("02", NULL, a),
			    CERTIFICATE("01", c), CERTIFICATE("02", a)}};

	fake.objects[4].refusal = 0x6985;
	expect_key(fake, NULL, KEY_02, 2);
	fake.objects[4].refusal = 0x6982;
	expect_key(fake, NULL, KEY_02, 2);
	fake.objects[4].refusal = 0;
	fake.objects[4].noise = "30030101";
	expect_key(fake, NULL, KEY_02, 2);
}

Test(identity, survives_a_public_key_that_makes_no_sense)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, b), PRIVATE("02", NULL, a),
			    PUBLIC("01", NULL, b), PUBLIC("02", NULL, a),
			    CERTIFICATE("02", a)}};

	/* Asked twice: it could have been garbled on its way. */
	fake.objects[2].noise = "3403010203";
	expect_key(fake, NULL, KEY_02, 3);
}

Test(identity, a_garbled_public_key_is_asked_for_again)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, NULL, &key));
	fake.fail_at = fake.exchanges + 1;
	fake.status = 0x9000; /* and no data */
	cr_assert(iotsafe_key_verifies(key) == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(identity, fails_where_the_sim_is_taken_out_while_it_is_read)
{
	static const int codes[] = {IOTSAFE_ERR_ABSENT, IOTSAFE_ERR_BUSY,
				    IOTSAFE_ERR_TIMEOUT};

	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		struct fakecard fake = {.objects = {PRIVATE("01", NULL, b),
						    PRIVATE("02", NULL, a),
						    PUBLIC("02", NULL, a),
						    CERTIFICATE("02", a)},
					.fail_at = 5,
					.fail_count = 2,
					.fail_code = codes[i]};
		iotsafe_card *card = fakecard_open(&fake);
		iotsafe_key *key;

		expect_error(iotsafe_key_open(card, NULL, &key), codes[i],
			     "READ FILE: application's link");
		/* What could not be read is not taken for unreadable. */
		fake.fail_at = 0;
		expect_good(iotsafe_key_open(card, NULL, &key));
		iotsafe_key_free(key);
		iotsafe_card_free(card);
	}
}

Test(identity, of_a_card_without_a_list_must_be_named)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a)},
				.no_list = true};

	expect_no_key(fake, IOTSAFE_ERR_SUPPORT, "name the key by id");
	expect_key(fake, "id=01", KEY_01, 0);
}

/* Its namesake, for who asks; nobody else spends a command on it. */
Test(identity, of_a_card_without_a_list_has_the_public_key_of_its_name)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)},
		.no_list = true};
	iotsafe_card *card = fakecard_open(&fake);
	uint8_t hash[32] = {1}, *out;
	iotsafe_key *key;
	size_t size;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	cr_assert(fake.asked[FAKE_PUBLIC_KEY] == 0);
	expect_good(iotsafe_key_public_key(key, &out, &size));
	cr_assert(memmem(a.der.data, a.der.size, out, size));
	iotsafe_free(out);
	cr_assert(iotsafe_key_verifies(key));
	cr_assert(fake.asked[FAKE_PUBLIC_KEY] == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- certificates and chains ---- */

static int sign(iotsafe_key *key, const struct identity *identity);

static void expect_certificate(iotsafe_key *key, unsigned index,
			       const struct identity *identity)
{
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_certificate(key, index, &out, &size));
	cr_assert(size == identity->der.size);
	cr_assert(!memcmp(out, identity->der.data, size), "certificate %u",
		  index);
	iotsafe_free(out);
}

static void expect_chain_end(iotsafe_key *key, unsigned index)
{
	uint8_t *out = (uint8_t *)1;
	size_t size = 1;

	expect_error(iotsafe_key_certificate(key, index, &out, &size),
		     IOTSAFE_ERR_ABSENT, index ? "its chain has" : "");
	cr_assert(!out && !size);
}

static iotsafe_key *open_key(iotsafe_card *card, const char *name)
{
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, name, &key));
	return key;
}

Test(chain, goes_up_as_far_as_the_card_holds_it_without_the_root)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a),
			    CERTIFICATE("05", root), CERTIFICATE("06", issuer),
			    CERTIFICATE("07", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);
	unsigned exchanges;

	expect_certificate(key, 0, &a);
	expect_certificate(key, 1, &issuer);
	expect_chain_end(key, 2);
	exchanges = fake.exchanges;
	expect_certificate(key, 0, &a);
	cr_assert(fake.exchanges == exchanges, "read once, and kept");
	cr_assert(fake.signatures == 0);
	iotsafe_key_free(key);
	key = open_key(card, NULL);
	expect_certificate(key, 1, &issuer);
	cr_assert(fake.exchanges == exchanges, "for other handles too");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, zariot_private_and_public_ids_differ)
{
	struct fakecard fake = {.objects = {PRIVATE("303036", NULL, a),
					    PUBLIC("303037", NULL, a),
					    CERTIFICATE("01", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_certificate(key, 0, &a);
	cr_assert(iotsafe_key_verifies(key) == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, of_the_only_key_has_any_public_key_of_the_card)
{
	/* The peer's public key has the id of ours. */
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, c),
			    PUBLIC("02", NULL, a), CERTIFICATE("05", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_certificate(key, 0, &a);
	expect_good(sign(key, &a));
	cr_assert(fake.signatures == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, is_found_in_files_that_do_not_say_what_they_hold)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    CERTIFICATE("05", c),
					    CERTIFICATE("06", a)}};
	iotsafe_card *card;
	iotsafe_key *key;

	fake.objects[1].noise = "7B226122";
	fake.objects[1].unmarked = fake.objects[2].unmarked = true;
	card = fakecard_open(&fake);
	key = open_key(card, NULL);
	expect_certificate(key, 0, &a);
	cr_assert(iotsafe_key_verifies(key) == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, is_found_in_a_file_without_the_mark_that_others_have)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a),
			    CERTIFICATE("05", issuer), CERTIFICATE("06", a)}};
	iotsafe_card *card;
	iotsafe_key *key;

	fake.objects[3].unmarked = true;
	card = fakecard_open(&fake);
	key = open_key(card, NULL);
	expect_certificate(key, 0, &a);
	expect_certificate(key, 1, &issuer);
	expect_chain_end(key, 2);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, may_be_text)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a),
			    CERTIFICATE("05", a), CERTIFICATE("06", issuer)}};
	iotsafe_card *card;
	iotsafe_key *key;

	fake.objects[2].pem = fake.objects[3].pem = true;
	card = fakecard_open(&fake);
	key = open_key(card, NULL);
	expect_certificate(key, 0, &a);
	expect_certificate(key, 1, &issuer);
	expect_chain_end(key, 2);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* A file whose certificate has others behind it, as DER. */
static struct identity joined(const struct identity *const *rows, size_t count)
{
	struct identity all = {.key = NULL};

	for (size_t i = 0; i < count; i++) {
		const gnutls_datum_t *der = &rows[i]->der;

		all.der.data =
			gnutls_realloc(all.der.data, all.der.size + der->size);
		if (der->size)
			memcpy(all.der.data + all.der.size, der->data,
			       der->size);
		all.der.size += der->size;
	}
	return all;
}

Test(chain, may_be_der_behind_der_in_one_file)
{
	static const gnutls_datum_t tails[] = {
		{NULL, 0},
		{(unsigned char *)"\0\0\0\0\0\0\0\0", 8},
		{(unsigned char *)"\xFF\xFF", 2},
		{(unsigned char *)"\x30\x82\x01\x00\x30", 5},
	};

	for (size_t i = 0; i < 2 * COUNT_OF(tails); i++) {
		struct identity tail = {.der = tails[i / 2]};
		struct identity both = joined(
			(const struct identity *[]){&a, &issuer, &tail}, 3);
		struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
						    PUBLIC("01", NULL, a),
						    CERTIFICATE("05", both)}};
		iotsafe_card *card;
		iotsafe_key *key;

		fake.objects[2].unmarked = i % 2;
		card = fakecard_open(&fake);
		key = open_key(card, NULL);
		expect_certificate(key, 0, &a);
		expect_certificate(key, 1, &issuer);
		expect_chain_end(key, 2);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		gnutls_free(both.der.data);
	}
}

/* What did not issue it is not sent. */
Test(chain, of_one_file_is_what_really_issued)
{
	struct identity both =
		joined((const struct identity *[]){&a, &c, &issuer}, 3);
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    PUBLIC("01", NULL, a),
					    CERTIFICATE("05", both)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_certificate(key, 0, &a);
	expect_certificate(key, 1, &issuer);
	expect_chain_end(key, 2);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	gnutls_free(both.der.data);
}

Test(chain, may_be_of_one_that_signed_itself)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, self_ca),
					    PUBLIC("01", NULL, self_ca),
					    CERTIFICATE("05", self_ca)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_certificate(key, 0, &self_ca);
	expect_chain_end(key, 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, is_absent_where_the_card_has_none)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    PUBLIC("01", NULL, a),
					    CERTIFICATE("05", root)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_key_certificate(key, 0, &out, &size),
		     IOTSAFE_ERR_ABSENT,
		     "key id 01 has no certificate on the card");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, of_another_key_is_told)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    PUBLIC("01", NULL, a),
					    CERTIFICATE("05", c)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_key_certificate(key, 0, &out, &size),
		     IOTSAFE_ERR_VERIFY,
		     "the certificate id 05 is of another key than id 01");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, of_an_unknown_key_may_be_ambiguous)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    CERTIFICATE("05", a),
					    CERTIFICATE("06", b)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_key_certificate(key, 0, &out, &size),
		     IOTSAFE_ERR_AMBIGUOUS,
		     "2 certificates may belong to the key; choose one of: "
		     "id=05;type=cert, id=06;type=cert");
	cr_assert(iotsafe_key_verifies(key) == 0);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- a certificate from elsewhere ---- */

Test(chain, may_come_from_elsewhere_as_der)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_good(iotsafe_key_set_certificate(key, a.der.data, a.der.size));
	expect_certificate(key, 0, &a);
	expect_chain_end(key, 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, may_come_from_elsewhere_as_der_with_its_issuers)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)}};
	iotsafe_card *card = fakecard_open(&fake);
	struct identity both =
		joined((const struct identity *[]){&a, &issuer}, 2);
	iotsafe_key *key = open_key(card, "id=01");

	expect_good(
		iotsafe_key_set_certificate(key, both.der.data, both.der.size));
	expect_certificate(key, 0, &a);
	expect_certificate(key, 1, &issuer);
	expect_chain_end(key, 2);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	gnutls_free(both.der.data);
}

Test(chain, may_come_from_elsewhere_as_pem_with_its_issuers)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    PUBLIC("01", NULL, a),
					    CERTIFICATE("05", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);
	uint8_t pem[8192];
	size_t size = a.pem.size + issuer.pem.size;

	cr_assert(size < sizeof(pem));
	memcpy(pem, a.pem.data, a.pem.size);
	memcpy(pem + a.pem.size, issuer.pem.data, issuer.pem.size);
	expect_good(iotsafe_key_set_certificate(key, pem, size));
	expect_certificate(key, 0, &a);
	expect_certificate(key, 1, &issuer);
	expect_chain_end(key, 2);
	cr_assert(fake.asked[FAKE_READ_FILE] == 0);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, from_elsewhere_must_be_of_the_key)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a),
					    PUBLIC("01", NULL, a),
					    CERTIFICATE("05", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_error(iotsafe_key_set_certificate(key, c.der.data, c.der.size),
		     IOTSAFE_ERR_VERIFY,
		     "certificate is of another key than id 01");
	expect_error(iotsafe_key_set_certificate(key, c.der.data, 9),
		     IOTSAFE_ERR_FORMAT, "neither DER nor PEM");
	expect_certificate(key, 0, &a);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, from_elsewhere_tells_the_public_key_that_the_card_does_not)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	cr_assert(iotsafe_key_verifies(key) == 0);
	expect_good(iotsafe_key_set_certificate(key, a.der.data, a.der.size));
	cr_assert(iotsafe_key_verifies(key) == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, may_be_another_file_of_the_card_if_it_is_of_the_key)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a),
			    CERTIFICATE("05", a), CERTIFICATE("06", c),
			    CERTIFICATE("07", issuer)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_certificate(key, 1, &issuer);
	expect_error(key_use_certificate(key, "id=06", NULL),
		     IOTSAFE_ERR_VERIFY, "is of another key than id 01");
	expect_certificate(key, 1, &issuer);
	expect_error(key_use_certificate(key, "id=77", NULL),
		     IOTSAFE_ERR_ABSENT, "no file id 77 on the card");
	expect_good(key_use_certificate(key, "id=05", NULL));
	expect_certificate(key, 0, &a);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(chain, from_elsewhere_has_a_limit)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);
	static uint8_t pem[20000];
	size_t size = 0;

	for (int i = 0; i < 9; i++) {
		cr_assert(size + a.pem.size < sizeof(pem));
		memcpy(pem + size, a.pem.data, a.pem.size);
		size += a.pem.size;
		if (i == 7)
			expect_good(
				iotsafe_key_set_certificate(key, pem, size));
	}
	expect_error(iotsafe_key_set_certificate(key, pem, size),
		     IOTSAFE_ERR_SUPPORT, "a chain of more than 8");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- who signed ---- */

static int sign(iotsafe_key *key, const struct identity *identity)
{
	uint8_t hash[32] = {1, 2, 3}, *out;
	size_t size;
	int result =
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size);

	if (result < 0) {
		cr_assert(!out && !size, "nothing is given out");
		return result;
	}
	cr_assert(fakecard_verify(identity, hash, 32, out, size));
	iotsafe_free(out);
	return result;
}

Test(signer, a_corrupted_signature_is_not_given_out)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)},
		.wrong = true};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_error(sign(key, &a), IOTSAFE_ERR_VERIFY,
		     "the card's signature does not verify (key id 01)");
	fake.wrong = false;
	expect_good(sign(key, &a));
	fake.wrong = true;
	expect_error(sign(key, &a), IOTSAFE_ERR_VERIFY, "does not verify");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, is_checked_with_the_certificate_where_the_card_has_no_more)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), CERTIFICATE("05", a)},
		.wrong = true};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	/* Whether somebody has asked for it or not. */
	expect_error(sign(key, &a), IOTSAFE_ERR_VERIFY,
		     "does not verify with its certificate (key id 01)");
	expect_certificate(key, 0, &a);
	expect_error(sign(key, &a), IOTSAFE_ERR_VERIFY,
		     "does not verify with its certificate (key id 01)");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, without_a_public_key_is_not_verified)
{
	struct fakecard fake = {.objects = {PRIVATE("01", NULL, a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	cr_assert(iotsafe_key_verifies(key) == 0);
	expect_good(sign(key, &a));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, on_a_brainpool_curve_is_not_verified)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)}};
	uint8_t *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	fake.objects[0].type = fake.objects[1].type = 0x23;
	card = fakecard_open(&fake);
	key = open_key(card, NULL);
	cr_assert(iotsafe_key_verifies(key) == 0);
	expect_good(sign(key, &a));
	expect_good(iotsafe_key_public_key(key, &out, &size));
	cr_assert(size == 92, "the form with brainpool's OID");
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, of_a_vendor_s_key_type_still_signs)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), PUBLIC("01", NULL, a)}};
	iotsafe_card *card;
	iotsafe_key *key;

	fake.objects[0].type = fake.objects[1].type = 0x43;
	fake.objects[1].noise = "8641 04"
				"8BD2AEB9CB7E57CB2C4B482FFC81B7AF"
				"B9DE27E1E3BD23C23A4453BD9ACE3262"
				"547EF835C3DAC4FD97F8461A14611DC9"
				"C27745132DED8E545C1D54C72F046997";
	card = fakecard_open(&fake);
	key = open_key(card, NULL);
	expect_good(sign(key, &a));
	cr_assert(iotsafe_key_verifies(key) == 0);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static struct fakecard swapped(void)
{
	return (struct fakecard){
		.objects = {PRIVATE("01", NULL, a), PRIVATE("02", NULL, b),
			    PUBLIC("01", NULL, b), PUBLIC("02", NULL, a),
			    CERTIFICATE("05", a)}};
}

Test(signer, corrects_names_that_mislead)
{
	struct fakecard fake = swapped();
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *one = open_key(card, "id=01"), *two;

	expect_good(sign(one, &a));
	cr_assert(fake.signatures == 1);
	expect_certificate(one, 0, &a);
	/* What one signature has shown holds for every handle. */
	two = open_key(card, NULL);
	expect_certificate(two, 0, &a);
	expect_good(sign(two, &a));
	cr_assert(fake.signatures == 2);
	fake.wrong = true;
	expect_error(sign(one, &a), IOTSAFE_ERR_VERIFY, "does not verify");
	iotsafe_key_free(one);
	iotsafe_key_free(two);
	iotsafe_card_free(card);
}

Test(signer, corrects_the_certificate_of_a_key_that_was_misnamed)
{
	struct fakecard fake = swapped();
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, "id=01");

	/* So it seems, before the card has signed. */
	cr_assert(key_learn(key, NULL) < 0 || !key_chain(key, 0).size);
	expect_good(sign(key, &a));
	expect_certificate(key, 0, &a);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, corrects_an_identity_that_names_misled_to)
{
	struct fakecard fake = swapped();
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);
	iotsafe_object *object;

	expect_certificate(key, 0, &a);
	expect_good(sign(key, &a));
	cr_assert(fake.signatures == 2, "one more, once");
	expect_good(iotsafe_key_object(key, &object));
	cr_assert_str_eq(iotsafe_object_name(object), KEY_01);
	iotsafe_object_free(object);
	expect_good(sign(key, &a));
	cr_assert(fake.signatures == 3);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, zariot_the_next_pair_s_id_does_not_mislead)
{
	/* Each public key's id is one up, so that it is the next private
	 * key's. */
	struct fakecard fake = {.objects = {PRIVATE("303031", NULL, a),
					    PRIVATE("303032", NULL, b),
					    PUBLIC("303032", NULL, a),
					    PUBLIC("303033", NULL, b),
					    CERTIFICATE("05", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, NULL);

	expect_certificate(key, 0, &a);
	expect_good(sign(key, &a));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, is_not_corrected_against_a_certificate_that_the_user_gave)
{
	struct fakecard fake = swapped();
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key = open_key(card, "id=01");

	expect_good(iotsafe_key_set_certificate(key, b.der.data, b.der.size));
	for (int twice = 0; twice < 2; twice++)
		expect_error(sign(key, &a), IOTSAFE_ERR_VERIFY,
			     "does not verify with its certificate");
	expect_certificate(key, 0, &b);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(signer, is_corrected_for_the_next_time_where_its_certificate_was_out)
{
	struct fakecard fake = swapped();
	iotsafe_card *card;
	iotsafe_key *key;

	/* Certificates of both. */
	fake.objects[5] = (struct fake_object)CERTIFICATE("06", b);
	card = fakecard_open(&fake);
	key = open_key(card, "id=01");
	expect_certificate(key, 0, &b);
	expect_error(sign(key, &a), IOTSAFE_ERR_VERIFY,
		     "does not verify with its certificate");
	expect_certificate(key, 0, &a);
	expect_good(sign(key, &a));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- CA certificates for the TLS level ---- */

static void expect_ca(iotsafe_card *card, const char *name, unsigned index,
		      const struct identity *identity)
{
	uint8_t *out;
	size_t size;

	expect_good(card_ca(card, name, index, NULL, &out, &size));
	cr_assert(size == identity->der.size);
	cr_assert(!memcmp(out, identity->der.data, size));
	iotsafe_free(out);
}

Test(ca, are_those_that_signed_themselves_or_one_by_name)
{
	struct fakecard fake = {
		.objects = {PRIVATE("01", NULL, a), CERTIFICATE("05", root),
			    CERTIFICATE("06", a), CERTIFICATE("07", issuer),
			    CERTIFICATE("08", self_ca), CERTIFICATE("09", c)}};
	iotsafe_card *card;
	uint8_t *out;
	size_t size;

	fake.objects[5].noise = "0102";
	card = fakecard_open(&fake);
	expect_ca(card, NULL, 0, &root);
	expect_ca(card, NULL, 1, &self_ca);
	expect_error(card_ca(card, NULL, 2, NULL, &out, &size),
		     IOTSAFE_ERR_ABSENT,
		     "the card has no further CA certificate");
	expect_ca(card, "id=07", 0, &issuer);
	expect_error(card_ca(card, "id=07", 1, NULL, &out, &size),
		     IOTSAFE_ERR_ABSENT, "no further CA certificate");
	expect_error(card_ca(card, "id=09", 0, NULL, &out, &size),
		     IOTSAFE_ERR_FORMAT, "file id 09 is no certificate");
	expect_error(card_ca(card, "id=77", 0, NULL, &out, &size),
		     IOTSAFE_ERR_ABSENT, "no file id 77 on the card");
	iotsafe_card_free(card);
}

Test(ca, none_is_told)
{
	struct fakecard fake = {.objects = {CERTIFICATE("06", a)}};
	iotsafe_card *card = fakecard_open(&fake);
	uint8_t *out;
	size_t size;

	expect_error(card_ca(card, NULL, 0, NULL, &out, &size),
		     IOTSAFE_ERR_ABSENT, "the card has no CA certificate");
	iotsafe_card_free(card);
}
