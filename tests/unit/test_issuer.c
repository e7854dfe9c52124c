/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that may hold an issuer are read as far as it takes to know. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "fakecard.h"
#include "object/key.h"
#include "script.h"

static struct identity root, issuer, a, other;

static void set_up(void)
{
	root = identity_make(
		(struct identity_wish){.name = "root", .ca = true});
	issuer = identity_make((struct identity_wish){
		.name = "issuer", .issuer = &root, .ca = true});
	a = identity_make(
		(struct identity_wish){.name = "a", .issuer = &issuer});
	other = identity_make(
		(struct identity_wish){.name = "other", .ca = true});
}

static void tear_down(void)
{
	identity_free(&root);
	identity_free(&issuer);
	identity_free(&a);
	identity_free(&other);
}

TestSuite(issuer, .init = set_up, .fini = tear_down);

#define KEYS                                                                   \
	{.class = IOTSAFE_CLASS_PRIVATE_KEY, .id = "01", .key = &a},           \
	{                                                                      \
		.class = IOTSAFE_CLASS_PUBLIC_KEY, .id = "01", .key = &a       \
	}
#define CERTIFICATE(id_, identity_)                                            \
	{                                                                      \
		.class = IOTSAFE_CLASS_FILE, .id = id_, .content = &identity_  \
	}

static struct bytes der(const struct identity *identity)
{
	return (struct bytes){identity->der.data, identity->der.size};
}

/* Learns the chain anew, and tells how many it has. */
static unsigned learn(iotsafe_card *card)
{
	iotsafe_key *key;
	unsigned count = 0;

	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	while (key_chain(key, count).size)
		count++;
	iotsafe_key_free(key);
	return count;
}

/* A certificate takes two commands, its beginning takes one. */
static void expect_reads(struct fakecard *fake, iotsafe_card *card,
			 unsigned chain, unsigned reads)
{
	unsigned count = learn(card);

	cr_assert(a.der.size > 255 && a.der.size <= 510);
	cr_assert(count == chain, "a chain of %u", count);
	cr_assert(fake->asked[FAKE_READ_FILE] == reads, "read %u times",
		  fake->asked[FAKE_READ_FILE]);
	cr_assert(learn(card) == chain);
	cr_assert(fake->asked[FAKE_READ_FILE] == reads, "and again");
}

Test(issuer, is_read_to_the_end_and_a_root_is_not)
{
	struct fakecard fake = {
		.objects = {KEYS, CERTIFICATE("02", a),
			    CERTIFICATE("03", issuer), CERTIFICATE("04", root)},
	};
	iotsafe_card *card = fakecard_open(&fake);

	expect_reads(&fake, card, 2, 2 + 2 + 1);
	iotsafe_card_free(card);
}

Test(issuer, is_looked_for_in_the_beginnings_of_others)
{
	struct fakecard fake = {
		.objects = {KEYS, CERTIFICATE("02", a),
			    CERTIFICATE("03", other), CERTIFICATE("04", root)},
	};
	iotsafe_card *card = fakecard_open(&fake);

	expect_reads(&fake, card, 1, 2 + 1 + 1);
	iotsafe_card_free(card);
}

/* The search for the issuer's own issuer finds the file already begun. */
Test(issuer, that_was_passed_over_for_another_is_read_then)
{
	struct fakecard fake = {
		.objects = {KEYS, CERTIFICATE("02", a), CERTIFICATE("03", root),
			    CERTIFICATE("04", issuer)},
	};
	iotsafe_card *card = fakecard_open(&fake);

	expect_reads(&fake, card, 2, 2 + 1 + 2);
	iotsafe_card_free(card);
}

/* Certificates behind a certificate are looked at. */
Test(issuer, behind_a_certificate_that_is_none_is_found)
{
	struct identity both = {.key = NULL};
	struct fakecard fake = {
		.objects = {KEYS, CERTIFICATE("02", a),
			    CERTIFICATE("03", both)},
	};
	iotsafe_card *card;

	both.der.size = other.der.size + issuer.der.size;
	both.der.data = gnutls_malloc(both.der.size);
	memcpy(both.der.data, other.der.data, other.der.size);
	memcpy(both.der.data + other.der.size, issuer.der.data,
	       issuer.der.size);
	card = fakecard_open(&fake);
	cr_assert(learn(card) == 2);
	iotsafe_card_free(card);
	gnutls_free(both.der.data);
}

Test(issuer, that_was_begun_is_whole_to_who_wants_all_of_it)
{
	struct fakecard fake = {
		.objects = {KEYS, CERTIFICATE("02", a),
			    CERTIFICATE("03", root)},
	};
	iotsafe_card *card = fakecard_open(&fake);
	uint8_t *out;
	size_t size;

	cr_assert(learn(card) == 1);
	expect_good(card_ca(card, "id=03", 0, NULL, &out, &size));
	cr_assert(bytes_equal((struct bytes){out, size}, der(&root)));
	iotsafe_free(out);
	iotsafe_card_free(card);
}

Test(issuer, may_be_any_whose_beginning_does_not_tell)
{
	struct bytes whole = der(&other);

	cr_assert(!crypto_certificate_may_issue(whole, der(&a)));
	cr_assert(!crypto_certificate_may_issue(der(&root), der(&issuer)));
	cr_assert(crypto_certificate_may_issue(der(&issuer), der(&a)));
	/* Of another one: neither its issuer nor its subject is ours. */
	for (size_t cut = 0; cut < whole.size; cut++) {
		uint8_t *copy = malloc(cut + !cut);
		bool may;

		memcpy(copy, whole.data, cut);
		may = crypto_certificate_may_issue((struct bytes){copy, cut},
						   der(&a));
		cr_assert(cut > 60 || may, "told by %zu bytes", cut);
		cr_assert(cut < 255 || !may, "not told by %zu bytes", cut);
		free(copy);
	}
}
