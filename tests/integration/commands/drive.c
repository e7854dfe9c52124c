/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drive OPERATION ARGUMENT…: one operation on the card of IOTSAFE_CARD. Prints
 * what came out, in hexadecimal, or "CODE<tab>sentence". drive.py and
 * drive.lua do the same. Bytes are given in hexadecimal, "-" is NULL.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <iotsafe/iotsafe.h>

struct octets {
	uint8_t *data;
	size_t size;
};

static char **words;

static const char *text(int index)
{
	return strcmp(words[index], "-") ? words[index] : NULL;
}

static int number(int index)
{
	return atoi(words[index]);
}

static struct octets octets(int index)
{
	struct octets octets = {NULL, strlen(words[index]) / 2};

	if (!text(index))
		return (struct octets){NULL, 0};
	octets.data = malloc(octets.size + 1);
	for (size_t i = 0; octets.data && i < octets.size; i++) {
		const char digits[] = {words[index][2 * i],
				       words[index][2 * i + 1], '\0'};

		octets.data[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return octets;
}

static int algorithm(int index)
{
	return iotsafe_algorithm_from_name(words[index]);
}

/* What came out of an operation. */
static uint8_t *out;
static size_t out_size;

static int on_info(iotsafe_card *card)
{
	iotsafe_info *info;
	int result = iotsafe_card_info(card, &info);

	for (size_t i = 0; i < iotsafe_info_count(info); i++)
		printf("%s=%s\n", iotsafe_info_name(info, i),
		       iotsafe_info_value(info, i));
	iotsafe_info_free(info);
	return result;
}

static int on_list(iotsafe_card *card)
{
	iotsafe_list *list;
	iotsafe_object *object;
	int result = iotsafe_card_list(card, NULL, &list);

	while (result == IOTSAFE_OK &&
	       iotsafe_list_next(list, &object) == IOTSAFE_OK && object) {
		puts(iotsafe_object_name(object));
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
	return result;
}

static int on_random(iotsafe_card *card)
{
	return iotsafe_card_random(card, (size_t)number(0), &out, &out_size);
}

static int on_public_key(iotsafe_card *card)
{
	return iotsafe_card_public_key(card, text(0), &out, &out_size);
}

static int on_read(iotsafe_card *card)
{
	iotsafe_file *file;
	int result = iotsafe_file_open(card, text(0), &file);

	if (result == IOTSAFE_OK)
		result = iotsafe_file_read(file, &out, &out_size);
	iotsafe_file_free(file);
	return result;
}

/* KEY ALGORITHM MODE DATA */
static int on_sign(iotsafe_card *card)
{
	struct octets data = octets(3);
	iotsafe_key *key;
	int result = iotsafe_key_open(card, text(0), &key);

	if (result == IOTSAFE_OK)
		result = iotsafe_key_sign_data(key, algorithm(1), number(2),
					       data.data, data.size, &out,
					       &out_size);
	iotsafe_key_free(key);
	free(data.data);
	return result;
}

/* KEY ALGORITHM MODE DATA SIGNATURE */
static int on_verify(iotsafe_card *card)
{
	struct octets data = octets(3), signature = octets(4);
	int result = iotsafe_card_verify_data(card, text(0), algorithm(1),
					      number(2), data.data, data.size,
					      signature.data, signature.size);

	free(data.data);
	free(signature.data);
	return result;
}

/* KEY DATA */
static int on_mac(iotsafe_card *card)
{
	struct octets data = octets(1);
	int result = iotsafe_card_mac(card, text(0), data.data, data.size, &out,
				      &out_size);

	free(data.data);
	return result;
}

/* KEY: gives the new public key */
static int on_generate(iotsafe_card *card)
{
	iotsafe_key *key;
	int result = iotsafe_key_generate(card, text(0), &key);

	if (result == IOTSAFE_OK)
		result = iotsafe_key_public_key(key, &out, &out_size);
	iotsafe_key_free(key);
	return result;
}

/* KEY SPKI: gives what READ PUBLIC KEY tells afterwards */
static int on_put(iotsafe_card *card)
{
	struct octets spki = octets(1);
	int result = iotsafe_card_put_public_key(card, text(0), spki.data,
						 spki.size);

	if (result == IOTSAFE_OK)
		result = on_public_key(card);
	free(spki.data);
	return result;
}

/* KEY SLOT SPKI */
static int on_agree(iotsafe_card *card)
{
	struct octets spki = octets(2);
	iotsafe_key *key;
	int result = iotsafe_key_open(card, text(0), &key);

	if (result == IOTSAFE_OK)
		result = iotsafe_key_agree(key, text(1), spki.data, spki.size,
					   &out, &out_size);
	iotsafe_key_free(key);
	free(spki.data);
	return result;
}

/* KEY SECRET LABEL SEED SIZE */
static int on_prf(iotsafe_card *card)
{
	struct octets secret = octets(1), seed = octets(3);
	int result = iotsafe_card_prf(card, text(0), secret.data, secret.size,
				      text(2), seed.data, seed.size,
				      (size_t)number(4), &out, &out_size);

	free(secret.data);
	free(seed.data);
	return result;
}

/* HASH SECRET SALT */
static int on_hkdf(iotsafe_card *card)
{
	struct octets secret = octets(1), salt = octets(2);
	int result = iotsafe_card_hkdf_extract(card, algorithm(0), secret.data,
					       secret.size, salt.data,
					       salt.size, &out, &out_size);

	free(secret.data);
	free(salt.data);
	return result;
}

static const struct {
	const char *name;
	int arguments;
	int (*run)(iotsafe_card *card);
} operations[] = {
	{"info", 0, on_info},	      {"list", 0, on_list},
	{"random", 1, on_random},     {"public-key", 1, on_public_key},
	{"read", 1, on_read},	      {"sign", 4, on_sign},
	{"verify", 5, on_verify},     {"mac", 2, on_mac},
	{"generate", 1, on_generate}, {"put", 2, on_put},
	{"agree", 3, on_agree},	      {"prf", 5, on_prf},
	{"hkdf", 3, on_hkdf},
};

static int tell(int result)
{
	if (result < 0) {
		printf("%s\t%s\n", iotsafe_error_name(result),
		       iotsafe_last_error());
		return 0;
	}
	for (size_t i = 0; i < out_size; i++)
		printf("%02x", out[i]);
	putchar('\n');
	iotsafe_free(out);
	return 0;
}

int main(int argc, char **argv)
{
	iotsafe_card *card;
	int result;

	words = argv + 2;
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]);
	     i++) {
		if (argc < 2 || strcmp(argv[1], operations[i].name) ||
		    argc != 2 + operations[i].arguments)
			continue;
		result = iotsafe_card_open(NULL, &card);
		if (result == IOTSAFE_OK)
			result = operations[i].run(card);
		tell(result);
		iotsafe_card_free(card);
		return 0;
	}
	fprintf(stderr, "drive: no such operation, or not its arguments\n");
	return 2;
}
