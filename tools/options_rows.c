/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table says which options there are, which commands take them, and what
 * the help says about them.
 */
#include <stdio.h>
#include "cli.h"
#include "options.h"

#define PLACE(member) offsetof(struct options, member)

#define CONNECTS   (CONNECT | TUNNEL)
#define TAKES_HASH (SIGN | VERIFY | VERIFY_FILE | HKDF)
#define GIVES_BYTES                                                            \
	(SIGN | CERT | PUBKEY | RANDOM | FILE_ | GENERATE | AGREE | PRF |      \
	 HKDF | PSK | MAC | CSR | JWS | SEAL | OPEN | DECRYPT)
#define GIVES_SECRET (AGREE | PRF | HKDF | PSK | DECRYPT)

const struct option_row option_rows[] = {
	{"key", TEXT, PLACE(key),
	 SIGN | CONNECTS | AGREE | CSR | JWS | SEAL | OPEN | DECRYPT | BENCH,
	 "OBJECT", "the private key (default: the card's identity)"},
	{"key", TEXT, PLACE(key), DOCTOR, "OBJECT",
	 "examine this identity, of several (default: the only\n"
	 "one)"},
	{"key", TEXT, PLACE(key), VERIFY | VERIFY_FILE, "OBJECT",
	 "the public key on the card"},
	{"key", TEXT, PLACE(key), PRF | PSK | MAC, "OBJECT",
	 "the secret key on the card"},
	{"hash", TEXT, PLACE(hash), TAKES_HASH, "NAME",
	 "sha256 (default), sha384 or sha512, or a whole\n"
	 "algorithm: ecdsa-sha256, rsa-pss-sha256, rsa-pkcs1-sha1, …"},
	{"digest", TEXT, PLACE(digest), SIGN | VERIFY, "HEX",
	 "this hash, instead of a file"},
	{"mode", TEXT, PLACE(mode), SIGN | VERIFY, "MODE",
	 "who hashes: host (default), full-text (the card) or\n"
	 "last-block (both)"},
	{"mode", TEXT, PLACE(mode), TUNNEL, "MODE",
	 "permissions of the Unix socket (default: 0600)"},
	{"data", TEXT, PLACE(data), SIGN | VERIFY, "FILE", "the same as FILE"},
	{"chain", FLAG, PLACE(chain), CERT, NULL,
	 "also those that issued it, as far as the card holds them"},
	{"complete", TEXT, PLACE(complete), CERT, "BUNDLE",
	 "also those that issued it, from a file or a directory of\n"
	 "CA certificates, up to the root, which is left out"},
	{"verify", TEXT, PLACE(verify), CERT, "BUNDLE",
	 "verify it with the CA certificates of a file or a\n"
	 "directory; the certificate itself goes to --out alone"},
	{"at", TEXT, PLACE(at), CERT, "TIME",
	 "as of that day, like 2021-06-30 (default: now)"},
	{"ignore-ca-expiry", FLAG, PLACE(ignore_ca_expiry), CERT, NULL,
	 "take CA certificates that have expired all the same"},
	{"der", FLAG, PLACE(der), SIGN | CERT | PUBKEY | GENERATE | CSR | KEY,
	 NULL, "DER: for `sign` the ASN.1 form that openssl wants"},
	{"raw", FLAG, PLACE(raw), SIGN | RANDOM, NULL,
	 "sign: r and s, one behind the other (default);\n"
	 "random: the bytes themselves"},
	{"hex", FLAG, PLACE(hex), RANDOM | FILE_ | MAC | SEAL | OPEN, NULL,
	 "hexadecimal digits (default of random and mac)"},
	{"hex", FLAG, PLACE(hex), GIVES_SECRET, NULL,
	 "show the secret, in hexadecimal digits"},
	{"out", TEXT, PLACE(out), GIVES_BYTES & ~GIVES_SECRET, "FILE",
	 "write to FILE, `-` for standard output: bytes, not\n"
	 "digits"},
	{"out", TEXT, PLACE(out), GIVES_SECRET, "FILE",
	 "write the secret's bytes to FILE, with mode 0600; `-`\n"
	 "for standard output"},
	{"out", TEXT, PLACE(out), KEY, "FILE",
	 "write the key to FILE, which must not be there yet, with\n"
	 "mode 0600; `-` for a pipe"},
	{"output", TEXT, PLACE(out), KEY, "FILE", "the same"},
	{"applet", TEXT, PLACE(applet), PIN, "APPLET",
	 "whose PIN: mias or mf (default: the one in use)"},
	{"pin-file", TEXT, PLACE(pin_file), PIN, "FILE",
	 "the PIN is in FILE (mode 0600): alone, or in lines of\n"
	 "ICCID applet=APPLET PIN"},
	{"pin-env", TEXT, PLACE(pin_env), PIN, "VARIABLE",
	 "the same in a variable of the environment; without\n"
	 "either the terminal is asked"},
	{"new-pin-file", TEXT, PLACE(new_pin_file), PIN, "FILE",
	 "the new PIN, likewise"},
	{"new-pin-env", TEXT, PLACE(new_pin_env), PIN, "VARIABLE",
	 "the new PIN, likewise"},
	{"last-try", FLAG, PLACE(last_try), PIN, NULL,
	 "send the PIN although a wrong one would block it"},
	{"secret", TEXT, PLACE(secret), PRF | HKDF | SEAL | OPEN, "FILE",
	 "the secret is what FILE holds, `-` is standard input"},
	{"secret-key", TEXT, PLACE(secret_key), SEAL | OPEN, "OBJECT",
	 "the secret is the PRF of this secret key of the card\n"
	 "with the label \"iotsafe seal\" and --kid"},
	{"peer", TEXT, PLACE(peer), SEAL | OPEN, "FILE",
	 "the secret is agreed upon with this public key, by the\n"
	 "card's private key --key"},
	{"slot", TEXT, PLACE(slot), AGREE | SEAL | OPEN, "OBJECT",
	 "the card's public-key object to put it into (default:\n"
	 "the only one that takes it)"},
	{"slot", TEXT, PLACE(slot), VERIFY_FILE, "OBJECT",
	 "the card's public-key object to put its key into"},
	{"label", TEXT, PLACE(label), PRF, "TEXT", "stands before the seed"},
	{"seed", TEXT, PLACE(seed), PRF, "HEX", "the seed"},
	{"salt", TEXT, PLACE(salt), HKDF, "HEX", "the salt (default: none)"},
	{"info", TEXT, PLACE(info), HKDF, "HEX",
	 "the info of HKDF-Expand (default: none)"},
	{"size", INTEGER, PLACE(size), PRF | HKDF, "N",
	 "how many bytes (prf: 32 by default)"},
	{"context", TEXT, PLACE(context), PSK | CONNECTS, "TEXT",
	 "what else the derived key is for (default: nothing)"},
	{"seed-kernel", FLAG, PLACE(seed_kernel), RANDOM, NULL,
	 "give the bytes to the kernel's pool, print nothing"},
	{"san", TEXT, PLACE(san), CSR, "LIST",
	 "names: dns:, ip:, email: and uri:, joined by commas"},
	{"usage", TEXT, PLACE(usage), CSR, "LIST",
	 "usages, joined by commas (default:\n"
	 "digitalSignature,clientAuth)"},
	{"type", TEXT, PLACE(type), JWS, "TEXT", "the header's typ"},
	{"kid", TEXT, PLACE(kid), JWS, "TEXT", "the header's kid"},
	{"kid", TEXT, PLACE(kid), SEAL | OPEN, "TEXT",
	 "the key id, 1 to 64 bytes, the same at both ends"},
	{"state", TEXT, PLACE(state), SEAL | OPEN, "FILE",
	 "keeps the numbers of the messages; never copy it back"},
	{"create", FLAG, PLACE(create), SEAL | OPEN, NULL,
	 "the first use of this secret: make the state file"},
	{"server", FLAG, PLACE(server), SEAL | OPEN, NULL,
	 "this is the end without the card"},
	{"server", FLAG, PLACE(server), BENCH, NULL,
	 "may stand in front of HOST:PORT"},
	{"extra", TEXT, PLACE(extra), SEAL | OPEN, "TEXT",
	 "authenticated with the message and not sent"},
	{"ca", FILES, PLACE(ca), CONNECTS | BENCH, "FILE",
	 "trust the CA certificates in FILE (PEM), several times\n"
	 "if need be; without it the system's"},
	{"card-ca", FLAG_TEXT, PLACE(card_ca), CONNECTS, "[=NAME]",
	 "trust the CA certificate on the card"},
	{"ca-key", TEXT, PLACE(ca_key), CONNECTS, "OBJECT",
	 "the card checks the CA's signature with this public key"},
	{"pin", FILES, PLACE(pin), CONNECTS, "FILE",
	 "trust the server that has the public key in FILE (a key\n"
	 "or a certificate), several times if need be"},
	{"pin-card", TEXT, PLACE(pin_card), CONNECTS, "OBJECT",
	 "the same with a public key on the card"},
	{"cert", TEXT, PLACE(cert), CONNECTS, "OBJECT",
	 "our certificate: a name on the card, or a file if it\n"
	 "begins with / or ./ (default: the key's)"},
	{"cert", TEXT, PLACE(cert), VERIFY_FILE, "FILE",
	 "the signer's certificate"},
	{"raw-key", FLAG, PLACE(raw_key), CONNECTS, NULL,
	 "show our public key alone, no certificate (RFC 7250)"},
	{"psk", TEXT, PLACE(psk), CONNECTS, "IDENTITY",
	 "a pre-shared key instead of certificates"},
	{"psk-key", TEXT, PLACE(psk_key), CONNECTS, "OBJECT",
	 "the card's secret key for it (default: the only one)"},
	{"psk-kind", TEXT, PLACE(psk_kind), CONNECTS, "KIND",
	 "derived (default: any version) or card (TLS 1.2; the\n"
	 "card computes the master secret)"},
	{"card-random", FLAG, PLACE(card_random), CONNECTS, NULL,
	 "our random number of the handshake comes from the card"},
	{"session", TEXT, PLACE(session), CONNECT, "FILE",
	 "resume the session in FILE, and keep the new one there\n"
	 "(mode 0600): whoever has it speaks for us"},
	{"report", TEXT, PLACE(report), DOCTOR, "FILE",
	 "write the findings to FILE (JSON, mode 0600) without\n"
	 "numbers of card and modem, names and host: to be shown\n"
	 "to others"},
	{"subject", FLAG, PLACE(subject), DOCTOR, NULL,
	 "keep the names in certificates in that report"},
	{"name", TEXT, PLACE(name), CONNECTS | BENCH, "NAME",
	 "the server's name (default: HOST)"},
	{"tls", TEXT, PLACE(tls), CONNECTS | BENCH, "VERSION",
	 "only 1.2 or only 1.3"},
	{"dtls", FLAG, PLACE(dtls), CONNECTS, NULL, "DTLS 1.2 over UDP"},
	{"alpn", TEXT, PLACE(alpn), CONNECTS, "LIST",
	 "protocols to offer, joined by commas"},
	{"insecure", FLAG, PLACE(insecure), CONNECTS | BENCH, NULL,
	 "do not authenticate the server: for tests only"},
	{"no-pipe", FLAG, PLACE(no_pipe), CONNECT, NULL,
	 "handshake, say what was agreed, close"},
	{"linger", INTEGER, PLACE(linger), CONNECT, "MS",
	 "say good-bye when the server has been silent so long\n"
	 "after the end of standard input (default: at once, then\n"
	 "read on until it closes)"},
	{"expose", FLAG, PLACE(expose), TUNNEL, NULL,
	 "listen where other hosts can reach it, too"},
	{"owner", TEXT, PLACE(owner), TUNNEL, "USER[:GROUP]",
	 "whose the Unix socket is"},
	{"max", INTEGER, PLACE(max), TUNNEL, "NUMBER",
	 "connections at once (default: 256); others wait"},
	{"idle", INTEGER, PLACE(idle), TUNNEL, "MS",
	 "end silent connections (default: none; --dtls 300000)"},
	{"resume", FLAG, PLACE(resume), TUNNEL, NULL,
	 "resume sessions, without the card"},
	{"count", INTEGER, PLACE(repeat), BENCH, "N",
	 "how often each is measured (10; opening 5 at most)"},
	{"svg", TEXT, PLACE(svg), BENCH, "FILE",
	 "draw the course of the middle handshake into FILE"},
	{"card", TEXT, PLACE(card), EVERY, "ADDRESS",
	 "how to reach the card (default: $IOTSAFE_CARD)"},
	{"timeout", INTEGER, PLACE(timeout), EVERY, "MS",
	 "limit of all that is done with the card (default: 10000\n"
	 "an operation); connect, tunnel: of an operation, of\n"
	 "reaching the host, and of the handshake"},
	{"json", FLAG, PLACE(json), EVERY, NULL,
	 "one JSON object on standard output"},
	{"trace", TEXT, PLACE(trace), EVERY, "WHAT",
	 "a line an exchange on standard error: apdu, at or all"},
	{"help", FLAG, PLACE(help), EVERY, NULL, "help, also on a command"},
	{"version", FLAG, PLACE(version), EVERY, NULL, "the version"},
};

const size_t option_rows_count = sizeof(option_rows) / sizeof(option_rows[0]);
_Static_assert(sizeof(option_rows) / sizeof(option_rows[0]) < OPTION_ROWS_MAX,
	       "room for all rows");

/* ---- help ---- */

static void list_one(const struct option_row *row)
{
	char head[32];
	const char *text = row->help;

	snprintf(head, sizeof(head), "--%s%s%s", row->name,
		 row->value && row->kind != FLAG_TEXT ? " " : "",
		 row->value ? row->value : "");
	printf("  %-19s ", head);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("%22s", "");
	}
	putchar('\n');
}

/* `command` is a bit, or EVERY for what every command takes. */
void options_list(unsigned command)
{
	for (size_t i = 0; i < option_rows_count; i++)
		if (command == EVERY
			    ? option_rows[i].commands == EVERY
			    : option_rows[i].commands != EVERY &&
				      option_rows[i].commands & command)
			list_one(&option_rows[i]);
}
