/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* READ FILE, READ PUBLIC KEY and GET RANDOM. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"
#include "script.h"

/* ---- a card with one file ---- */

struct disk {
	const uint8_t *data;
	size_t size;   /* what is there */
	int announced; /* what the list says; -1: nothing */
	bool marked;   /* as a certificate */
	bool pads;     /* zeros behind the end */
	unsigned end;  /* status word behind the end, else 6A86 */
	size_t piece;  /* most bytes of an answer, else 255 */
	size_t buffer; /* answers with more are cut: 1 byte arrives */
	size_t room;   /* answers are cut after so many bytes */
	bool needs_le; /* 9000 and no data without Le */
	bool no_le;    /* behind data it is refused: by the modem, or */
	bool by_card;  /* by the card */
	size_t waits;  /* for GET RESPONSE: so many, from `at` */
	size_t at;
	unsigned last; /* status word of the piece that reaches the end */
	int fail_at;   /* the n-th read (from 1) gets this: */
	unsigned status;
	int lose_at; /* the n-th read is lost by the modem */

	unsigned reads;
	bool selected;	 /* the applet, and so its files */
	size_t smallest; /* Le that was asked for, 0: none */
};

static size_t say(uint8_t *response, const void *data, size_t size,
		  unsigned status)
{
	if (size)
		memcpy(response, data, size);
	response[size] = (uint8_t)(status >> 8);
	response[size + 1] = (uint8_t)status;
	return size + 2;
}

static size_t say_list(const struct disk *disk, uint8_t *response)
{
	uint8_t list[] = {0x83, 0x01, 0x02, 0x4A, 0x01, 0x01, 0x21,
			  0x01, 0x01, 0x20, 0x02, 0,	0};

	list[8] = disk->marked ? 0x02 : 0x01;
	list[11] = (uint8_t)(disk->announced >> 8);
	list[12] = (uint8_t)disk->announced;
	return say(response, list, disk->announced < 0 ? 9 : sizeof(list),
		   0x9000);
}

static size_t say_piece(struct disk *disk, const uint8_t *command,
			size_t command_size, uint8_t *response)
{
	size_t offset = (size_t)command[2] << 8 | command[3];
	size_t le = command_size == 9 ? command[8] : 0;
	size_t size = disk->piece ? disk->piece : 255;
	uint8_t answer[256] = {0};
	unsigned status = 0x9000;

	disk->reads++;
	disk->smallest = le;
	if (disk->no_le) {
		disk->at = offset;
		disk->waits =
			disk->size - offset < 255 ? disk->size - offset : 255;
		return say(response, NULL, 0, 0x6100u | (unsigned)disk->waits);
	}
	if (disk->fail_at == (int)disk->reads)
		return say(response, NULL, 0, disk->status);
	if (disk->needs_le && command_size != 9)
		return say(response, NULL, 0, 0x9000);
	if (le && le < size)
		size = le;
	if (offset >= disk->size && !disk->pads)
		return say(response, NULL, 0, disk->end ? disk->end : 0x6A86);
	if (offset + size >= disk->size && disk->last)
		status = disk->last;
	if (offset + size > disk->size && !disk->pads)
		size = disk->size - offset;
	for (size_t i = 0; i < size && offset + i < disk->size; i++)
		answer[i] = disk->data[offset + i];
	if (disk->buffer && size > disk->buffer)
		return 1;
	size = say(response, answer, size, status);
	return disk->room && size > disk->room ? disk->room : size;
}

/* What waits, as much of it as is asked for. */
static size_t say_response(struct disk *disk, size_t le, uint8_t *response)
{
	const uint8_t *data = disk->data + disk->at;
	size_t size = le && le < disk->waits ? le : disk->waits;

	if (size > disk->buffer)
		return 1;
	disk->waits -= size;
	disk->at += size;
	return say(response, data, size,
		   disk->waits ? 0x6100u | (unsigned)disk->waits : 0x9000);
}

static int disk_exchange(void *self, const uint8_t *command,
			 size_t command_size, uint8_t *response,
			 size_t *response_size, int64_t deadline)
{
	static const char iccid[] = "\x98\x99\x10\x32\x54\x76\x98\x10\x32\x14";
	struct disk *disk = self;

	(void)deadline;
	if (disk->no_le && command_size > 5 &&
	    command_size != 5u + command[4]) {
		*response_size = say(response, NULL, 0, 0x6700);
		return disk->by_card ? IOTSAFE_OK : IOTSAFE_ERR_MODEM;
	}
	switch (command[1]) {
	case 0xC0:
		*response_size = say_response(disk, command[4], response);
		break;
	case 0x70:
		disk->selected = false;
		*response_size = say(response, "\x01", 1, 0x9000);
		break;
	case 0xA4:
		disk->selected = true;
		*response_size = say(response, NULL, 0, 0x9000);
		break;
	case 0xCB:
		*response_size = say_list(disk, response);
		break;
	case 0xB0:
		if (!disk->selected) {
			*response_size = say(response, iccid, 10, 0x9000);
			break;
		}
		if (disk->lose_at == (int)disk->reads + 1) {
			disk->reads++;
			return IOTSAFE_ERR_MODEM;
		}
		*response_size =
			say_piece(disk, command, command_size, response);
		break;
	default:
		*response_size = say(response, NULL, 0, 0x9000);
	}
	return IOTSAFE_OK;
}

/* Bytes that are no DER. */
static const uint8_t *content(void)
{
	static uint8_t data[70000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(0x11 + i * 7 + i / 255);
	return data;
}

static int read_disk(struct disk *disk, uint8_t **out, size_t *size)
{
	iotsafe_link link = {
		.size = sizeof(link), .self = disk, .exchange = disk_exchange};
	iotsafe_card *card;
	iotsafe_file *file;
	int result;

	expect_good(iotsafe_card_open_link(&link, NULL, &card));
	expect_good(iotsafe_file_open(card, "id=02", &file));
	result = iotsafe_file_read(file, out, size);
	iotsafe_file_free(file);
	iotsafe_card_free(card);
	return result;
}

static void expect_file(struct disk disk, size_t size, unsigned reads)
{
	uint8_t *out;
	size_t out_size;

	expect_good(read_disk(&disk, &out, &out_size));
	cr_assert(out_size == size, "%zu bytes instead of %zu", out_size, size);
	cr_assert(!memcmp(out, disk.data, size));
	cr_assert(disk.reads == reads, "%u reads of %zu bytes instead of %u",
		  disk.reads, size, reads);
	iotsafe_free(out);
}

static void expect_no_file(struct disk disk, int code, const char *words)
{
	uint8_t *out = (uint8_t *)1;
	size_t size = 1;

	expect_error(read_disk(&disk, &out, &size), code, words);
	cr_assert(!out && !size);
}

Test(read_file, of_any_size_round_the_pieces_is_whole)
{
	static const size_t sizes[] = {1,   2,	 254, 255,  256,   257,	 509,
				       510, 511, 765, 4096, 32768, 65535};

	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		expect_file((struct disk){.data = content(),
					  .size = sizes[i],
					  .announced = (int)sizes[i]},
			    sizes[i], (unsigned)(sizes[i] + 254) / 255);
}

Test(read_file, in_pieces_of_any_size_is_whole)
{
	static const size_t pieces[] = {1, 50, 240, 256};

	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		expect_file((struct disk){.data = content(),
					  .size = 600,
					  .announced = 600,
					  .piece = pieces[i]},
			    600, (unsigned)((599 + pieces[i]) / pieces[i]));
}

Test(read_file, without_an_announced_size_ends_where_the_card_says_so)
{
	static const unsigned ends[] = {0x6A86, 0x6981, 0x6B00, 0x6282, 0x9000};

	for (size_t i = 0; i < COUNT_OF(ends); i++)
		expect_file((struct disk){.data = content(),
					  .size = 300,
					  .announced = -1,
					  .end = ends[i]},
			    300, 3);
}

Test(read_file, may_end_with_the_word_for_its_end)
{
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = -1,
				  .last = 0x6282},
		    300, 2);
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = 300,
				  .last = 0x6282},
		    300, 2);
}

Test(read_file, survives_a_remote_administration)
{
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = 300,
				  .last = 0x63CF},
		    300, 2);
}

Test(read_file, loses_the_zeros_that_a_card_pads_with)
{
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = 300,
				  .pads = true},
		    300, 2);
	expect_file((struct disk){.data = content(),
				  .size = 65535,
				  .announced = 65535,
				  .pads = true,
				  .piece = 256},
		    65535, 256);
}

Test(read_file, without_end_stops_at_what_an_offset_can_name)
{
	struct disk disk = {.data = content(),
			    .size = 70000,
			    .announced = -1,
			    .pads = true,
			    .piece = 256};

	expect_file(disk, 65535, 256);
}

Test(read_file, without_end_ends_where_a_card_pads_whole_pieces)
{
	static const size_t sizes[] = {1, 254, 255, 300, 510, 511};

	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		expect_file((struct disk){.data = content(),
					  .size = sizes[i],
					  .announced = -1,
					  .pads = true},
			    sizes[i], (unsigned)(sizes[i] + 254) / 255 + 1);
}

/* A DER sequence of so many bytes altogether. */
static const uint8_t *der(size_t size)
{
	static uint8_t data[2000];

	memset(data, 0x5A, sizeof(data));
	data[0] = 0x30;
	if (size < 0x82) {
		data[1] = (uint8_t)(size - 2);
	} else if (size < 0x103) {
		data[1] = 0x81;
		data[2] = (uint8_t)(size - 3);
	} else {
		data[1] = 0x82;
		data[2] = (uint8_t)((size - 4) >> 8);
		data[3] = (uint8_t)(size - 4);
	}
	return data;
}

Test(read_file, without_an_announced_size_ends_with_its_der)
{
	static const size_t sizes[] = {10, 129, 150, 255, 256, 258, 510, 1200};

	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		expect_file((struct disk){.data = der(sizes[i]),
					  .size = sizes[i],
					  .announced = -1,
					  .pads = true},
			    sizes[i], (unsigned)(sizes[i] + 254) / 255);
}

Test(read_file, of_a_certificate_ends_with_its_der_in_a_larger_slot)
{
	expect_file((struct disk){.data = der(600),
				  .size = 2000,
				  .announced = 2000,
				  .marked = true},
		    600, 3);
	/* A file of another kind is as long as it says. */
	expect_file((struct disk){.data = der(600),
				  .size = 2000,
				  .announced = 2000},
		    2000, 8);
}

Test(read_file, of_a_certificate_is_whole_though_its_size_is_wrong)
{
	expect_file((struct disk){.data = der(600),
				  .size = 600,
				  .announced = 0x58, /* bytes swapped */
				  .marked = true},
		    600, 3);
}

/* So many values of DER, one behind the other, and more bytes. */
static const uint8_t *der_behind_der(const size_t *sizes, size_t count)
{
	static uint8_t data[70000];
	size_t at = 0;

	memset(data, 0xFF, sizeof(data));
	for (size_t i = 0; i < count; i++) {
		memcpy(data + at, der(sizes[i]), sizes[i]);
		at += sizes[i];
	}
	return data;
}

Test(read_file, of_a_certificate_has_the_others_behind_it)
{
	/* The second one begins everywhere round the end of a piece. */
	for (size_t size = 500; size < 520; size++) {
		const size_t sizes[] = {size, 300};

		expect_file((struct disk){.data = der_behind_der(sizes, 2),
					  .size = size + 300,
					  .announced = (int)size + 300,
					  .marked = true},
			    size + 300, (unsigned)(size + 300 + 254) / 255);
		/* In a larger slot. */
		expect_file((struct disk){.data = der_behind_der(sizes, 2),
					  .size = 2000,
					  .announced = 2000,
					  .marked = true},
			    size + 300, 4);
	}
}

Test(read_file, of_a_certificate_asks_behind_it_only_for_what_was_promised)
{
	const size_t one[] = {510};
	struct disk disk = {.data = der_behind_der(one, 1),
			    .size = 510,
			    .announced = 510,
			    .marked = true};

	expect_file(disk, 510, 2);
	disk.announced = -1;
	expect_file(disk, 510, 2);
	/* A refusal of what is behind it is its end. */
	disk.announced = 2000;
	disk.fail_at = 3;
	disk.status = 0x6985;
	expect_file(disk, 510, 3);
}

Test(read_file, of_a_certificate_ends_where_the_next_one_is_cut)
{
	const size_t sizes[] = {510, 900};

	/* In the slot, or by the card. */
	expect_file((struct disk){.data = der_behind_der(sizes, 2),
				  .size = 1000,
				  .announced = 1000,
				  .marked = true},
		    510, 3);
	expect_file((struct disk){.data = der_behind_der(sizes, 2),
				  .size = 1000,
				  .announced = 2000,
				  .marked = true},
		    510, 5);
}

Test(read_file, of_a_certificate_has_no_more_than_a_chain_behind_it)
{
	const size_t sizes[] = {200, 200, 200, 200, 200, 200, 200, 200, 200};

	expect_file((struct disk){.data = der_behind_der(sizes, 9),
				  .size = 1800,
				  .announced = 1800,
				  .marked = true},
		    1600, 7);
}

Test(read_file, that_is_empty_has_no_bytes)
{
	expect_file((struct disk){.data = content(),
				  .size = 0,
				  .announced = 0,
				  .end = 0x6B00},
		    0, 1);
	expect_file((struct disk){.data = content(),
				  .size = 0,
				  .announced = -1,
				  .end = 0x9000},
		    0, 2);
}

/* Iot-safe.md 2.9: 6981, 6A86, 6B00 and an empty 9000 behind the first byte
 * are the end. */
Test(read_file, shorter_than_announced_is_what_there_is)
{
	static const unsigned ends[] = {0x6981, 0x6A86, 0x6B00, 0x6282, 0x9000};

	for (size_t i = 0; i < COUNT_OF(ends); i++)
		expect_file((struct disk){.data = content(),
					  .size = 300,
					  .announced = 400,
					  .end = ends[i]},
			    300, 3);
}

Test(read_file, that_is_refused_is_told)
{
	expect_no_file((struct disk){.data = content(),
				     .size = 300,
				     .announced = 300,
				     .fail_at = 1,
				     .status = 0x6985},
		       IOTSAFE_ERR_CARD,
		       "READ FILE: card answered 6985 conditions not satisfied "
		       "(file id 02)");
	expect_no_file((struct disk){.data = content(),
				     .size = 300,
				     .announced = 300,
				     .fail_at = 2,
				     .status = 0x6982},
		       IOTSAFE_ERR_DENIED, "READ FILE: card answered 6982");
	expect_no_file((struct disk){.data = content(),
				     .size = 300,
				     .announced = 300,
				     .fail_at = 1,
				     .status = 0x6A86},
		       IOTSAFE_ERR_CARD, "READ FILE: card answered 6A86");
}

Test(read_file, goes_on_in_smaller_pieces_where_the_modem_cuts_answers)
{
	/* 255 fails, then 128 a piece. */
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = 300,
				  .buffer = 200},
		    300, 1 + 3);
	/* 255 and 128 fail, then 50 a piece. */
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = 300,
				  .buffer = 64},
		    300, 2 + 6);
}

/* A card that gives nothing without Le would seem to have come to its end. */
Test(read_file, is_not_cut_where_a_piece_of_a_card_that_wants_le_fails)
{
	struct disk disk = {.data = content(),
			    .size = 300,
			    .announced = 300,
			    .buffer = 200,
			    .needs_le = true,
			    .lose_at = 4};

	/* All of it again, on a new channel. */
	expect_file(disk, 300, 4 + 3);
	disk.lose_at = 0;
	disk.fail_at = 4;
	disk.status = 0x6700;
	expect_no_file(disk, IOTSAFE_ERR_CARD, "card answered 6700");
}

/* Wavecom's modems take no length behind data, nor do strict cards. */
Test(read_file, is_fetched_in_smaller_pieces_where_nobody_takes_le)
{
	/* 255 fails, then Le, then 255 and 45 in pieces of 128. */
	for (int by_card = 0; by_card < 2; by_card++)
		expect_file((struct disk){.data = content(),
					  .size = 300,
					  .announced = 300,
					  .buffer = 200,
					  .no_le = true,
					  .by_card = by_card},
			    300, 1 + 2);
}

Test(read_file, does_not_take_data_for_a_status_word)
{
	/* 257 bytes, of which 256 arrive: two bytes of data at their end. */
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = 300,
				  .room = 256},
		    300, 1 + 3);
	expect_no_file((struct disk){.data = content(),
				     .size = 300,
				     .announced = 300,
				     .room = 40},
		       IOTSAFE_ERR_FORMAT, "READ FILE: the answer is cut");
}

Test(read_file, gives_up_where_even_small_answers_are_cut)
{
	expect_no_file((struct disk){.data = content(),
				     .size = 300,
				     .announced = 300,
				     .buffer = 40},
		       IOTSAFE_ERR_FORMAT, "has no status word (file id 02)");
}

Test(read_file, is_asked_for_with_le_where_a_9000_comes_alone)
{
	expect_file((struct disk){.data = content(),
				  .size = 300,
				  .announced = 300,
				  .needs_le = true},
		    300, 1 + 2);
}

Test(read_file, is_read_anew_at_each_call)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"81CB010000", "7302 4142 830102 4A0101 20020001 9000"},
		       {"81B00000 03 830102", "AA 9000"},
		       {"81B00000 03 830102", "BB 9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_file *file;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_open(card, "AB", &file));
	expect_good(iotsafe_file_read(file, &out, &size));
	expect_bytes(out, size, "AA");
	expect_good(iotsafe_file_read(file, &out, &size));
	expect_bytes(out, size, "BB");
	iotsafe_file_free(file);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- public keys ---- */

#define X "D569954216F62264F01B78ED599898D12C436A4633505DA18B008D5529E09AF2"
#define Y "83ED5E453EDC8B5492704C1B8D48895857442057335B39078AF27A9008DC1401"

struct key_case {
	const char *answer;
	bool good;
};

static const struct key_case keys[] = {
	{"34 45 49 43 86 41 04" X Y, true}, /* the standard's form */
	{"49 43 86 41 04" X Y, true},
	{"86 41 04" X Y, true},
	{"04" X Y, true},
	{X Y, true},
	{"86 40" X Y, true},
	{"34 44 49 42 86 40" X Y, true},
	{"34 43 86 41 04" X Y, true},
	{"34 41 04" X Y, true},
	/* behind the references that GENERATE KEY PAIR gives */
	{"840102 850103 34 45 49 43 86 41 04" X Y, true},
	{"34 8145 49 43 86 41 04" X Y, true},
	{"", false},
	{"34 00", false},
	{"34 45 49 43 86 41 03" X Y, false},
	{"34 45 49 43 86 41 04" X, false},
	{"86 42 04" X Y "00", false},
	{"86 3F " X "83ED5E453EDC8B5492704C1B8D4889585744205733"
	 "5B39078AF27A9008DC14",
	 false},
	{"02" X, false},
	{"34 47 34 45 49 43 86 41 04" X Y, false}, /* once more round it */
};

Test(public_key, has_a_point_under_any_of_its_wrappings)
{
	uint8_t point[65];

	unhex("04" X Y, point, sizeof(point));
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		struct public_key key = {.point = {0}};
		uint8_t data[128];
		struct bytes in = {data,
				   unhex(keys[i].answer, data, sizeof(data))};
		bool good = gsma_decode_public_key(in, &key);

		cr_assert(good == keys[i].good, "%s", keys[i].answer);
		if (good)
			cr_assert(!memcmp(key.point, point, 65), "%s",
				  keys[i].answer);
	}
}

Test(public_key, cut_at_any_byte_is_none)
{
	uint8_t data[128];
	size_t size = unhex("34 45 49 43 86 41 04" X Y, data, sizeof(data));

	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		struct public_key key;

		memcpy(copy, data, cut);
		cr_assert(!gsma_decode_public_key((struct bytes){copy, cut},
						  &key),
			  "%zu bytes", cut);
		free(copy);
	}
}

#define LIST_PUBLIC "850102 4A0101 4B0113 610101"

Test(public_key, is_given_out_as_spki_and_read_once)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", LIST_PUBLIC "9000"},
		{"81CD0000 03 850102", "6147"},
		{"81C0000047", "34 45 49 43 86 41 04" X Y "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	for (int twice = 0; twice < 2; twice++) {
		expect_good(
			iotsafe_card_public_key(card, "id=02", &out, &size));
		expect_bytes(out, size,
			     "3059 3013 06072A8648CE3D0201 06082A8648CE3D030107"
			     "034200 04" X Y);
	}
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(public_key, is_asked_for_with_le_where_a_9000_comes_alone)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", LIST_PUBLIC "9000"},
		       {"81CD0000 03 850102", "9000"},
		       {"81CD0000 03 850102 00", "04" X Y "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_card_public_key(card, "id=02", &out, &size));
	iotsafe_free(out);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(public_key, that_the_card_refuses_is_told)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", LIST_PUBLIC "9000"},
		       {"81CD0000 03 850102", "6985"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_card_public_key(card, "id=02", &out, &size),
		     IOTSAFE_ERR_ABSENT,
		     "public key id 02: the card does not "
		     "give it out");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- random ---- */

Test(random, takes_as_many_commands_as_it_needs)
{
	char answer[2 * 255 + 8] = "";
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81840000FF", answer},
		       {"8184000001", "77 9000"}, ROW_CLOSE);
	iotsafe_card *card;
	uint8_t *out;
	size_t size;

	for (int i = 0; i < 255; i++)
		strcat(answer, "5A");
	strcat(answer, "9000");
	card = script_open(&script, NULL);
	expect_good(iotsafe_card_random(card, 256, &out, &size));
	cr_assert(size == 256 && out[254] == 0x5A && out[255] == 0x77);
	iotsafe_free(out);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

struct random_case {
	const char *answer;
	int code;
	const char *words;
};

Test(random, is_as_long_as_asked_or_refused)
{
	static const struct random_case cases[] = {
		{"0102 9000", 0, NULL},
		{"0102 6300", 0, NULL},
		{"0102 63CF", 0, NULL},
		{"01 9000", IOTSAFE_ERR_FORMAT, "2 bytes asked, 1 given"},
		{"010203 9000", IOTSAFE_ERR_FORMAT, "2 bytes asked, 3 given"},
		{"9000", IOTSAFE_ERR_FORMAT, "2 bytes asked, 0 given"},
		{"6985", IOTSAFE_ERR_CARD, "GET RANDOM: card answered 6985"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct script script =
			SCRIPT(ROW_OPEN, ROW_SELECT,
			       {"8184000002", cases[i].answer}, ROW_CLOSE);
		iotsafe_card *card = script_open(&script, NULL);
		uint8_t *out = (uint8_t *)1;
		size_t size = 1;

		expect_error(iotsafe_card_random(card, 2, &out, &size),
			     cases[i].code, cases[i].words);
		cr_assert(cases[i].code ? !out && !size : size == 2);
		iotsafe_free(out);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

/* A modem with a small buffer cuts what is longer (Sequans). */
Test(random, takes_smaller_pieces_where_answers_arrive_cut)
{
	char whole[2 * 128 + 8] = "", small[2 * 50 + 8] = "";
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81840000C8", whole},
		       {"8184000080", whole}, {"8184000032", small},
		       {"8184000032", small}, {"8184000032", small},
		       {"8184000032", small}, ROW_CLOSE);
	iotsafe_card *card;
	uint8_t *out;
	size_t size;

	for (int i = 0; i < 128; i++)
		strcat(whole, "5A");
	for (int i = 0; i < 50; i++)
		strcat(small, "A5");
	strcat(small, "9000");
	card = script_open(&script, NULL);
	expect_good(iotsafe_card_random(card, 200, &out, &size));
	cr_assert(size == 200 && out[0] == 0xA5 && out[199] == 0xA5);
	iotsafe_free(out);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* The list promises 1024 bytes and the DER 516, of which 12 are there. */
Test(certificate, that_is_cut_is_read_twice_and_is_none)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "840101 4A0101 4B0113 610101 920104 91020001"
			       "830102 600101 4A0101 210102 20020400 9000"},
		{"81B0000003 830102", "30820200 30820100 01020304 9000"},
		{"81B0000C03 830102", "6A86"},
		{"81B0000003 830102", "30820200 30820100 01020304 9000"},
		{"81B0000C03 830102", "6A86"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_error(iotsafe_key_certificate(key, 0, &out, &size),
		     IOTSAFE_ERR_ABSENT,
		     "has no certificate on the card; the file id 02 could not "
		     "be read");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}
