/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard on the software SIM: certificates, and files that lie. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include "tobcard.h"

TestSuite(tob, .init = tob_set_up, .fini = tob_tear_down, .timeout = 120);

/* ---- certificates ---- */

static unsigned chain_length(iotsafe_key *key)
{
	unsigned count = 0;
	uint8_t *out;
	size_t size;

	while (iotsafe_key_certificate(key, count, &out, &size) == 0) {
		iotsafe_free(out);
		count++;
	}
	return count;
}

Test(tob, chain_is_what_really_issued)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	char bundle[64];
	iotsafe_key *key;

	snprintf(bundle, sizeof(bundle), "%s/trust-onboard-bundle.pem",
		 tob_store);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=available");
	cr_assert(eq(uint, chain_length(key), 2));
	expect_good(iotsafe_key_complete_chain(key, bundle));
	cr_assert(eq(uint, chain_length(key), 2));
	iotsafe_key_free(key);
	key = open_key(card, "label=signing");
	cr_assert(eq(uint, chain_length(key), 1));
	expect_error(iotsafe_key_complete_chain(key, "/nonexistent"),
		     IOTSAFE_ERR_IO, "/nonexistent");
	expect_good(iotsafe_key_complete_chain(key, bundle));
	cr_assert(eq(uint, chain_length(key), 2));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	/* Behind the leaf stand the other identity's issuers. */
	card = open_card("trust-onboard", "quirk=wrong-chain&pin-env=TOB_PIN");
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=available");
	cr_assert(eq(uint, chain_length(key), 1));
	expect_good(iotsafe_key_complete_chain(key, bundle));
	cr_assert(eq(uint, chain_length(key), 2));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const char *const compressed_certificate_must_inflate_rows[] = {
	"fault=zlib-bomb", "fault=zlib-size%3D9", "fault=zlib-size%3D65535",
	"fault=zlib-cut"};

ParameterizedTestParameters(tob, compressed_certificate_must_inflate)
{
	return count_to(COUNT_OF(compressed_certificate_must_inflate_rows));
}

ParameterizedTest(int *index, tob, compressed_certificate_must_inflate)
{
	const char *const *row =
		&compressed_certificate_must_inflate_rows[*index];
	char attributes[128];
	iotsafe_file *file;
	iotsafe_card *card;
	uint8_t *out;
	size_t size;

	snprintf(attributes, sizeof(attributes), "quirk=kxc-zlib&%s", *row);
	card = open_card("trust-onboard", attributes);
	expect_good(iotsafe_file_open(card, "label=signing", &file));
	expect_error(iotsafe_file_read(file, &out, &size), IOTSAFE_ERR_FORMAT,
		     "its compressed form does not give");
	iotsafe_file_free(file);
	iotsafe_card_free(card);
}

static void read_leaf(const char *attributes, const char *name, uint8_t **out,
		      size_t *size)
{
	iotsafe_card *card = open_card("trust-onboard", attributes);
	iotsafe_key *key;

	give_pin(card, "applet=mias 0000");
	key = open_key(card, name);
	expect_good(iotsafe_key_certificate(key, 0, out, size));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, certificate_is_verified_at_a_time)
{
	const int64_t in_2019 = 1560000000, in_2010 = 1262304000;
	char bundle[64];
	uint8_t *leaf;
	size_t size;

	snprintf(bundle, sizeof(bundle), "%s/trust-onboard-bundle.pem",
		 tob_store);
	read_leaf("pin-env=TOB_PIN", "label=signing", &leaf, &size);
	expect_good(iotsafe_certificate_verify(leaf, size, bundle, -1, 0));
	expect_error(iotsafe_certificate_verify(leaf, size, bundle, in_2010, 0),
		     IOTSAFE_ERR_UNTRUSTED, "is not valid before");
	expect_error(iotsafe_certificate_verify(leaf, size, bundle, -1, 2),
		     IOTSAFE_ERR_ARG, NULL);
	expect_error(iotsafe_certificate_verify(leaf, size / 2, bundle, -1, 0),
		     IOTSAFE_ERR_FORMAT, NULL);
	iotsafe_free(leaf);
	/* The first generation's issuers have expired. */
	read_leaf("pin-env=TOB_PIN&quirk=g1", "label=signing", &leaf, &size);
	expect_error(iotsafe_certificate_verify(leaf, size, bundle, -1, 0),
		     IOTSAFE_ERR_UNTRUSTED, "(CA) has expired on 20");
	expect_good(iotsafe_certificate_verify(
		leaf, size, bundle, -1, IOTSAFE_VERIFY_IGNORE_CA_EXPIRY));
	expect_good(iotsafe_certificate_verify(leaf, size, bundle, in_2019, 0));
	/* Never the device's own. */
	expect_error(
		iotsafe_certificate_verify(leaf, size, bundle, (int64_t)1 << 40,
					   IOTSAFE_VERIFY_IGNORE_CA_EXPIRY),
		IOTSAFE_ERR_UNTRUSTED, "(device) has expired");
	iotsafe_free(leaf);
	/* Another authority. */
	expect_error(iotsafe_certificate_verify(tob_server.der.data,
						tob_server.der.size, bundle, -1,
						0),
		     IOTSAFE_ERR_UNTRUSTED, "ends without a root");
}

/* ---- bad input ---- */

static const char *const lie_is_told_by_name_rows[][3] = {
	{"fault=no-size", "ERR_FORMAT", "has no size (file 0002, containers)"},
	{"fault=fcp-size%3D65535", "ERR_FORMAT",
	 "65535 bytes are more than can be read"},
	{"fault=dir-id%3D4660", "ERR_ABSENT",
	 "left out: directory: its file pubdat00, 1234, is not on the card"},
	{"fault=value-size%3D20000", "ERR_FORMAT", "do not hold the value"},
};

ParameterizedTestParameters(tob, lie_is_told_by_name)
{
	return count_to(COUNT_OF(lie_is_told_by_name_rows));
}

ParameterizedTest(int *index, tob, lie_is_told_by_name)
{
	const char *const *row = lie_is_told_by_name_rows[*index];
	iotsafe_card *card = open_card("trust-onboard", row[0]);
	iotsafe_file *file = NULL;
	int result;
	uint8_t *out;
	size_t size;

	result = iotsafe_file_open(card, "label=available", &file);
	if (result >= 0)
		result = iotsafe_file_read(file, &out, &size);
	cr_assert(eq(str, (char *)iotsafe_error_name(result), (char *)row[1]),
		  "%s", iotsafe_last_error());
	cr_assert(strstr(iotsafe_last_error(), row[2]) != NULL, "%s",
		  iotsafe_last_error());
	iotsafe_file_free(file);
	iotsafe_card_free(card);
}

static const char *const lie_about_others_rows[] = {
	"fault=dir-count%3D5", "fault=dir-count%3D255", "fault=dir-size%3D0",
	"fault=dir-size%3D60000", "fault=key-bits%3D1000"};

ParameterizedTestParameters(tob, lie_about_others_is_in_nobody_s_way)
{
	return count_to(COUNT_OF(lie_about_others_rows));
}

ParameterizedTest(int *index, tob, lie_about_others_is_in_nobody_s_way)
{
	iotsafe_card *card =
		open_card("trust-onboard", lie_about_others_rows[*index]);
	iotsafe_file *file;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_open(card, "label=available", &file));
	expect_good(iotsafe_file_read(file, &out, &size));
	iotsafe_free(out);
	iotsafe_file_free(file);
	iotsafe_card_free(card);
}
