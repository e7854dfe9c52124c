/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which card it is: read when a channel is opened, compared when one is opened
 * again. */
#include <criterion/criterion.h>
#include <string.h>
#include "fakecard.h"
#include "script.h"
#include "uicc/channel.h"
#include "uicc/iccid.h"

#define READ_BY_NAME "01B082000A"
#define FILE_BYTES   "98991032547698103214"
#define ICCID	     "89990123456789012341"
#define OTHER_BYTES  "98991032547698103204"
#define OTHER	     "89990123456789012340"

static struct identity identity;

static void set_up(void)
{
	identity = identity_make((struct identity_wish){.name = "client"});
}

static void tear_down(void)
{
	identity_free(&identity);
}

TestSuite(swap, .init = set_up, .fini = tear_down);

/* ---- the number ---- */

Test(iccid, is_two_digits_a_byte_and_the_first_one_is_low)
{
	static const struct {
		const char *bytes, *digits;
	} rows[] = {
		{FILE_BYTES, ICCID},
		{"989910325476981032F4", "8999012345678901234"},
		{"989910325476981032FF", "899901234567890123"},
		/* Turned by the modem already. */
		{"89990123456789012341", ICCID},
		{"8999012345678901234F", "8999012345678901234"},
	};
	uint8_t file[ICCID_SIZE];
	char digits[ICCID_TEXT];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = {file,
				   unhex(rows[i].bytes, file, sizeof(file))};

		cr_assert(iccid_decode(in, digits));
		cr_assert_str_eq(digits, rows[i].digits);
	}
}

Test(iccid, is_none_where_nothing_was_written)
{
	static const char *const rows[] = {"FFFFFFFFFFFFFFFFFFFF",
					   "00000000000000000000",
					   "9899103254769810", ""};
	uint8_t file[ICCID_SIZE];
	char digits[ICCID_TEXT];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = {file, unhex(rows[i], file, sizeof(file))};

		cr_assert(!iccid_decode(in, digits), "%s", rows[i]);
	}
}

static void expect_number(struct script script, const char *number)
{
	iotsafe_card *card = script_open(&script, NULL);

	cr_assert_str_eq(iotsafe_card_iccid(card), number);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(iccid, is_read_in_one_exchange_before_the_applet_is_selected)
{
	expect_number((struct script)SCRIPT(ROW_OPEN,
					    {READ_BY_NAME, FILE_BYTES "9000"},
					    ROW_SELECT, ROW_CLOSE),
		      ICCID);
}

Test(iccid, of_a_card_without_short_names_is_read_as_a_file)
{
	expect_number((struct script)SCRIPT(ROW_OPEN, {READ_BY_NAME, "6A82"},
					    {"01A4000C022FE2", "9000"},
					    {"01B000000A", FILE_BYTES "9000"},
					    ROW_SELECT, ROW_CLOSE),
		      ICCID);
}

Test(iccid, is_not_needed)
{
	expect_number((struct script)SCRIPT(ROW_OPEN, {READ_BY_NAME, "6982"},
					    {"01A4000C022FE2", "6A82"},
					    ROW_SELECT, ROW_CLOSE),
		      "");
	expect_number((struct script)SCRIPT(ROW_OPEN,
					    {READ_BY_NAME, "ERR_MODEM"},
					    ROW_SELECT, ROW_CLOSE),
		      "");
}

Test(iccid, of_no_card_is_empty)
{
	cr_assert_str_eq(iotsafe_card_iccid(NULL), "");
}

/* ---- another card ---- */

static void make_card(struct fakecard *fake)
{
	*fake = (struct fakecard){
		.objects = {{.class = IOTSAFE_CLASS_PRIVATE_KEY,
			     .id = "01",
			     .key = &identity}}};
	fake->iccid = FILE_BYTES;
}

static int sign(iotsafe_key *key)
{
	static const uint8_t hash[32] = {1};
	uint8_t *out;
	size_t size;
	int result = iotsafe_key_sign(key, IOTSAFE_SHA256, hash, sizeof(hash),
				      &out, &size);

	iotsafe_free(out);
	return result;
}

static void expect_swapped(int result)
{
	cr_assert(result == IOTSAFE_ERR_CLOSED, "%s: %s",
		  iotsafe_error_name(result), iotsafe_last_error());
	cr_assert(strstr(iotsafe_last_error(),
			 "card: the SIM or its eSIM profile was changed: its "
			 "ICCID is " OTHER ", was " ICCID
			 "; open the card anew to use it"));
}

Test(swap, of_the_sim_is_an_error_from_then_on)
{
	struct fakecard fake;
	iotsafe_card *card;
	iotsafe_key *key;
	unsigned exchanges;

	make_card(&fake);
	card = fakecard_open(&fake);
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(sign(key));
	fake.reset_at = fake.exchanges + 1;
	fake.iccid = OTHER_BYTES;
	expect_swapped(sign(key));
	cr_assert(fake.signatures == 1, "nothing was signed by the other card");
	cr_assert(fakecard_channels(&fake) == 0);
	/* Though the first one came back. */
	fake.iccid = FILE_BYTES;
	exchanges = fake.exchanges;
	expect_swapped(sign(key));
	cr_assert(fake.exchanges == exchanges);
	cr_assert_str_eq(iotsafe_card_iccid(card), ICCID);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(swap, is_none_where_the_same_card_was_reset)
{
	struct fakecard fake;
	iotsafe_card *card;
	iotsafe_key *key;

	make_card(&fake);
	card = fakecard_open(&fake);
	expect_good(iotsafe_key_open(card, "id=01", &key));
	fake.reset_at = fake.exchanges + 1;
	expect_good(sign(key));
	cr_assert(fake.signatures == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	cr_assert(fakecard_channels(&fake) == 0);
}

/* What is known then is the public key. */
Test(swap, of_cards_without_number_shows_in_the_signature)
{
	struct fakecard fake;
	struct identity other;
	iotsafe_card *card;
	iotsafe_key *key;

	other = identity_make((struct identity_wish){.name = "other"});
	make_card(&fake);
	fake.no_iccid = true;
	fake.objects[1] =
		(struct fake_object){.class = IOTSAFE_CLASS_PUBLIC_KEY,
				     .id = "01",
				     .key = &identity};
	card = fakecard_open(&fake);
	cr_assert_str_eq(iotsafe_card_iccid(card), "");
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(sign(key));
	fake.reset_at = fake.exchanges + 1;
	fake.objects[0].key = &other;
	expect_error(sign(key), IOTSAFE_ERR_VERIFY, "does not verify");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	identity_free(&other);
}
