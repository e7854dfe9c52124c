/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands of `iotsafe` share: the options given, the card, and the
 * way a failure becomes a sentence, a JSON member and an exit status. */
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <iotsafe/iotsafe.h>

struct json;

#define CA_FILES_MAX 16

/* What was given on the command line; zero where nothing was. */
struct options {
	const char *card;
	const char *trace;
	int timeout;
	bool json;
	bool help;
	bool version;

	const char *out;
	bool der;
	bool raw;
	bool hex;
	bool chain;
	const char *key;
	const char *hash;
	const char *digest;

	const char *ca[CA_FILES_MAX];
	size_t ca_count;
	bool card_ca;
	const char *card_ca_name;
	const char *cert;
	const char *name;
	const char *tls;
	const char *alpn;
	int linger;
	bool dtls;
	bool insecure;
	bool no_pipe;

	char **arguments;
	int count;
};

struct cli {
	struct options options;
	const struct command *command;
	iotsafe_card *card;
	/* The answer under construction, NULL without --json. */
	struct json *json;
	/* What went wrong, for the member "error". */
	const char *error;
	unsigned error_status;
	char error_text[1024];
};

/* Returns an exit status; whoever fails first has reported it by fail(). */
typedef int (*command_func)(struct cli *cli);

struct command {
	const char *name;
	/* One bit, for the table of options. */
	unsigned bit;
	command_func run;
	const char *arguments;
	int least, most;
	const char *summary;
	const char *detail;
};

enum command_bit {
	INFO = 0x01,
	LIST = 0x02,
	CERT = 0x04,
	PUBKEY = 0x08,
	RANDOM = 0x10,
	SIGN = 0x20,
	CONNECT = 0x40,
	APDU = 0x80,
	EVERY = 0xFF
};

/* What this program calls failures the library has no code for. */
#define ERR_FILE  "ERR_FILE"
#define ERR_HOST  "ERR_HOST"
#define ERR_USAGE "ERR_ARG"

/* Returns from a function with the status of one that failed. */
#define TRY(expression)                                                        \
	do {                                                                   \
		int status_ = (expression);                                    \
		if (status_)                                                   \
			return status_;                                        \
	} while (0)

/* failure.c */
int fail(struct cli *cli, const char *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int fail_library(struct cli *cli);
void failure_list(void);

/* options.c */
int options_parse(struct cli *cli, int argc, char **argv);
void options_list(unsigned command);

/* main.c */
const struct command *command_find(const char *name);

/* card.c */
int card_open(struct cli *cli);
void card_close(struct cli *cli);
int card_key(struct cli *cli, const char *name, iotsafe_key **key);
int card_matches(struct cli *cli, const char *name, unsigned *classes);
int key_record(struct cli *cli, iotsafe_key *key, iotsafe_object **object);

/* The commands. */
int command_info(struct cli *cli);
int command_list(struct cli *cli);
int command_cert(struct cli *cli);
int command_pubkey(struct cli *cli);
int command_random(struct cli *cli);
int command_sign(struct cli *cli);
int command_connect(struct cli *cli);
int command_apdu(struct cli *cli);

#endif
