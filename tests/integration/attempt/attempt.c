/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attempt CARD WHAT [ARGUMENT…]: does one thing and prints how it failed, as
 * "CODE<tab>status<tab>sentence", or "OK". The same program stands beside this
 * one in Python and Lua.
 *   open
 *   sign NAME
 *   connect DESCRIPTOR CA SERVER-NAME TIMEOUT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <iotsafe/iotsafe.h>

static int sign(iotsafe_card *card, const char *name)
{
	const uint8_t hash[32] = {0};
	iotsafe_key *key;
	uint8_t *out;
	size_t out_size;
	int result = iotsafe_key_open(card, name, &key);

	if (result < 0)
		return result;
	result = iotsafe_key_sign(key, IOTSAFE_SHA256, hash, sizeof(hash), &out,
				  &out_size);
	iotsafe_free(out);
	iotsafe_key_free(key);
	return result;
}

/* The server may refuse a client of TLS 1.3 only after its handshake. */
static int shake_hands_and_listen(iotsafe_tls *tls, int fd, int timeout)
{
	uint8_t *out;
	size_t out_size;
	int result = iotsafe_tls_handshake(tls, fd, timeout);

	if (result < 0)
		return result;
	result = iotsafe_tls_receive(tls, 1, timeout, &out, &out_size);
	iotsafe_free(out);
	return result;
}

static int connect_to(iotsafe_card *card, char **arguments)
{
	iotsafe_tls *tls;
	int result = iotsafe_tls_new(card, 0, &tls);

	if (result >= 0)
		result = iotsafe_tls_set_ca_file(tls, arguments[1]);
	if (result >= 0)
		result = iotsafe_tls_set_server_name(tls, arguments[2]);
	if (result >= 0)
		result = shake_hands_and_listen(tls, atoi(arguments[0]),
						atoi(arguments[3]));
	iotsafe_tls_free(tls);
	return result;
}

static int attempt(int argc, char **argv)
{
	iotsafe_card *card;
	int result = iotsafe_card_open(argv[1], &card);

	if (result < 0)
		return result;
	if (argc == 4 && !strcmp(argv[2], "sign"))
		result = sign(card, argv[3]);
	else if (argc == 7 && !strcmp(argv[2], "connect"))
		result = connect_to(card, argv + 3);
	iotsafe_card_free(card);
	return result;
}

int main(int argc, char **argv)
{
	int result;

	if (argc < 3)
		return 2;
	result = attempt(argc, argv);
	if (result < 0)
		printf("%s\t%04X\t%s\n", iotsafe_error_name(result),
		       iotsafe_last_status(), iotsafe_last_error());
	else
		puts("OK");
	return 0;
}
