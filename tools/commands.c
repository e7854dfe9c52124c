/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of commands: what each is called, takes, and tells in its help.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"

static const struct command commands[] = {
	{"info", INFO, command_info, "", 0, 0, "what is known of the card",
	 "Prints names and values: the link, the applet and what it can do,\n"
	 "the card's identity, and whether its signatures are verified."},
	{"list", LIST, command_list, "[NAME]", 0, 1, "the objects on the card",
	 "Prints a line an object: keys, certificates and other files. NAME\n"
	 "chooses: label=client, id=0102, type=cert, joined by `;`."},
	{"cert", CERT, command_cert, "[NAME]", 0, 1, "a certificate, in PEM",
	 "Prints the certificate of the card's identity and those that issued\n"
	 "it, or the certificate NAME, or that of the private key NAME. With\n"
	 "--verify it says whether they lead to a root of BUNDLE instead."},
	{"pubkey", PUBKEY, command_pubkey, "[NAME]", 0, 1,
	 "a public key, in PEM",
	 "Prints the public key of the card's identity, or the public key\n"
	 "NAME, or that of the private key NAME."},
	{"random", RANDOM, command_random, "N", 1, 1,
	 "N random bytes from the card",
	 "Prints N bytes made by the card, or, with --seed-kernel, gives them\n"
	 "(512 at most) to the kernel's pool and credits them: as root alone."},
	{"file", FILE_, command_file, "NAME", 1, 1, "a file on the card",
	 "Writes what the file holds: as it is to a file or a pipe; on a\n"
	 "terminal text as text and other bytes in hexadecimal."},
	{"sign", SIGN, command_sign, "[FILE]", 0, 1,
	 "a signature by a key on the card",
	 "Hashes FILE (standard input if it is `-` or missing) and has the\n"
	 "card sign the hash. For `openssl dgst -verify`: --der --out FILE.\n"
	 "With --mode the card has a part in the hashing."},
	{"verify", VERIFY, command_verify, "SIGNATURE [FILE]", 1, 2,
	 "a signature, checked by the card",
	 "The card checks the signature in the file SIGNATURE (as `sign` writes\n"
	 "it: DER, raw or digits) over FILE with its public key --key."},
	{"verify-file", VERIFY_FILE, command_verify_file, "MANIFEST SIGNATURE",
	 2, 2, "a signed file, for upgrade hooks",
	 "Hashes MANIFEST, of any size, and has the card check its ECDSA\n"
	 "signature (DER or raw) with the public key --key, or with the key of\n"
	 "the certificate file --cert, put into the public key --slot first.\n"
	 "The status is 0 only if the signature is good. The certificate's\n"
	 "own signature and dates are not looked at."},
	{"generate", GENERATE, command_generate, "NAME", 1, 1,
	 "a new key pair in a slot of the card",
	 "Has the card make a new key pair in the private key NAME, and prints\n"
	 "its public key. The former key is lost for good."},
	{"put-key", PUT_KEY, command_put_key, "NAME FILE", 2, 2,
	 "a public key into a slot of the card",
	 "Puts the public key in FILE (PEM or DER, a public key or a\n"
	 "certificate) into the public-key object NAME."},
	{"agree", AGREE, command_agree, "[PEER]", 0, 1,
	 "a secret shared with a peer (ECDH)",
	 "The card's key agreement with the public key in the file PEER, put\n"
	 "into the public key --slot first; without PEER with the key that is\n"
	 "there. Gives the x coordinate, 32 bytes, a secret."},
	{"prf", PRF, command_prf, "", 0, 0, "the PRF of TLS 1.2, by the card",
	 "PRF(secret, label, seed) with SHA-256: of the card's secret key\n"
	 "--key, of the bytes in the file --secret, or of both together."},
	{"hkdf", HKDF, command_hkdf, "", 0, 0, "HKDF-Extract, by the card",
	 "Extracts from the bytes in the file --secret, on the card. With\n"
	 "--size it also expands (HKDF-Expand), on this host."},
	{"psk", PSK, command_psk, "IDENTITY", 1, 1,
	 "a pre-shared key for TLS, derived by the card",
	 "The key of 32 bytes for IDENTITY that --psk-kind derived uses; the\n"
	 "server computes the same from the secret key."},
	{"mac", MAC, command_mac, "[FILE]", 0, 1, "an AES-CMAC, by the card",
	 "The CMAC of FILE (standard input if it is `-` or missing) by the\n"
	 "secret key --key."},
	{"csr", CSR, command_csr, "SUBJECT", 1, 1,
	 "a certificate signing request, in PEM",
	 "A PKCS #10 request for the card's key, signed by it. SUBJECT is a\n"
	 "name by RFC 4514: CN=device-7,O=Example."},
	{"jws", JWS, command_jws, "[FILE]", 0, 1, "a signed token (JWS, JWT)",
	 "Prints FILE (standard input if it is `-` or missing) as a JWS in\n"
	 "compact form. For a JWT: --type JWT, and claims in JSON."},
	{"seal", SEAL, command_seal, "[FILE]", 0, 1,
	 "a message protected without TLS",
	 "Encrypts FILE (standard input if it is `-` or missing) as one\n"
	 "COSE_Encrypt0 (docs/seal.md). The secret comes from --secret, --peer\n"
	 "or --secret-key."},
	{"open", OPEN, command_open, "[FILE]", 0, 1,
	 "the text of a protected message",
	 "Decrypts what `seal` made at the other end, once."},
	{"connect", CONNECT, command_connect, "HOST:PORT", 1, 1,
	 "a TLS session with the card's identity",
	 "Connects, says what was agreed on standard error, and copies\n"
	 "standard input to the server and what it says to standard output,\n"
	 "until the server closes. With --json nothing is copied: what was\n"
	 "agreed is printed, and the session closed. An IPv6 address is\n"
	 "written in brackets."},
	{"apdu", APDU, command_apdu, "HEX...", 1, 1 << 16,
	 "commands to the applet, byte by byte",
	 "Sends each HEX on the applet's channel (written with channel 0) and\n"
	 "prints the answer and its status word. The exit status is 0 if all\n"
	 "were answered, whatever the status words say."},
	{"decrypt", DECRYPT, command_decrypt, "[FILE]", 0, 1,
	 "what was encrypted to an RSA key",
	 "Decrypts FILE (standard input if it is `-` or missing), as many bytes\n"
	 "as the modulus has, with PKCS#1 v1.5 padding: by the card, or here\n"
	 "with a software key of it. Gives a secret."},
	{"key", KEY, command_key, "[NAME]", 0, 1,
	 "a software key of the card, into a file",
	 "Writes the private key NAME to a new file, as PEM: only a key that\n"
	 "`list` shows as \"software\" can leave its card. Leave it there where\n"
	 "you can: every other command uses it without a file."},
	{"pin", PIN, command_pin, "tries|verify|change", 1, 1,
	 "the PIN of a Trust Onboard applet",
	 "Tells how often the PIN may still be wrong (which costs no try),\n"
	 "whether a PIN is the right one, or puts another one in its place. A\n"
	 "wrong PIN costs a try; with one try left nothing is sent without\n"
	 "--last-try. PINs never stand on the command line."},
	{"doctor", DOCTOR, command_doctor, "", 0, 0,
	 "finds out why it does not work",
	 "Looks at the ports of this host and who has them, at the modem, the\n"
	 "SIM, the applet, its objects, the identity and its certificates, and\n"
	 "has the card make one signature, after saying so. Says of each what\n"
	 "it found, and what to do next. Without --card (and IOTSAFE_CARD) all\n"
	 "ports of modems are tried. Nothing is changed on card or modem. The\n"
	 "status is 0 if nothing is wrong, and 19 if something is."},
	{"trace", TRACE, command_trace, "FILE", 1, 1,
	 "a recorded trace, told field by field",
	 "Tells what each command of the trace in FILE (`-` is standard input)\n"
	 "asked of the card, and what the card said. A trace is what\n"
	 "IOTSAFE_TRACE=all or --trace all writes to standard error; what else\n"
	 "stands in FILE is skipped. No card is needed."},
	{"bench", BENCH, command_bench, "[HOST:PORT]", 0, 1,
	 "how long it takes, and where the time goes",
	 "Opens the card, reads its certificate, signs, and makes TLS handshakes\n"
	 "with HOST:PORT, or with a server of its own that wants a certificate;\n"
	 "each --count times. Says how many signatures that takes. Prints for\n"
	 "each the times (p50, p95, max), the parts of the p50 (UART, modem and\n"
	 "card, library, network) and what the formula for the limit gives,\n"
	 "T = N t_modem + 10 B/baud + t_card, then N exchanges and B bytes. The\n"
	 "times of modem and card are estimated from the fastest exchanges. The\n"
	 "baud is that of the address: a modem on USB has no UART, and what is\n"
	 "counted for it is the modem's. With HOST:PORT as for `connect`."},
	{"with", WITH, command_with, "[--] COMMAND...", 1, INT_MAX,
	 "a program on GnuTLS that is to use the card",
	 "Becomes COMMAND, with --card in IOTSAFE_CARD and a library in\n"
	 "LD_PRELOAD that makes `iotsafe:` a name for keys and certificates\n"
	 "wherever GnuTLS takes a file. Behind `--` options are COMMAND's own.\n"
	 "The status is COMMAND's, 127 if it was not found, 126 if it cannot be\n"
	 "run so, 125 if something failed before."},
	{"tunnel", TUNNEL, command_tunnel, "LISTEN HOST:PORT", 2, 2,
	 "mutual TLS for programs without it",
	 "Takes plain connections on LISTEN (127.0.0.1:1883, [::1]:1883,\n"
	 "unix:/run/x.sock, or systemd for sockets that were handed over) and\n"
	 "carries each over TLS with the card's identity to HOST:PORT; with\n"
	 "--dtls datagrams. A line a connection goes to standard error, with\n"
	 "--json an object to standard output. It runs until a signal."},
};

#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

void commands_list(void)
{
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		printf("  %-11s %-18s  %s\n", commands[i].name,
		       commands[i].arguments, commands[i].summary);
}
