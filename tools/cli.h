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

/* Of an option that may be given several times. */
#define FILES_MAX 16

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
	const char *verify;
	const char *complete;
	const char *at;
	bool ignore_ca_expiry;
	const char *key;
	const char *hash;
	const char *digest;
	const char *mode;
	const char *data;

	/* What goes into derivations and formats. */
	const char *secret;
	const char *slot;
	const char *label;
	const char *seed;
	const char *salt;
	const char *info;
	const char *context;
	int size;
	bool seed_kernel;
	const char *san;
	const char *usage;
	const char *type;
	const char *kid;
	const char *state;
	const char *peer;
	const char *secret_key;
	const char *extra;
	bool create;
	bool server;

	const char *ca[FILES_MAX];
	size_t ca_count;
	const char *pin[FILES_MAX];
	size_t pin_count;
	bool card_ca;
	const char *card_ca_name;
	const char *ca_key;
	const char *pin_card;
	const char *cert;
	const char *name;
	const char *tls;
	const char *alpn;
	const char *psk;
	const char *psk_key;
	const char *psk_kind;
	const char *session;
	bool raw_key;
	bool card_random;
	int linger;
	bool dtls;
	bool insecure;
	bool no_pipe;

	bool expose;
	const char *owner;
	int max;
	int idle;
	bool resume;

	const char *applet;
	const char *pin_file;
	const char *pin_env;
	const char *new_pin_file;
	const char *new_pin_env;
	bool last_try;

	const char *report;
	bool subject;
	/* How often, and what becomes of it. */
	int repeat;
	const char *svg;

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
	/* What became of SIGPIPE before we ignored it. */
	void (*sigpipe)(int);
	/* Failures are gathered, not said: they are of one connection. */
	bool quiet;
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
	FILE_ = 0x100,
	GENERATE = 0x200,
	PUT_KEY = 0x400,
	VERIFY = 0x800,
	VERIFY_FILE = 0x1000,
	AGREE = 0x2000,
	PRF = 0x4000,
	HKDF = 0x8000,
	PSK = 0x10000,
	MAC = 0x20000,
	CSR = 0x40000,
	JWS = 0x80000,
	SEAL = 0x100000,
	OPEN = 0x200000,
	DOCTOR = 0x400000,
	TRACE = 0x800000,
	WITH = 0x1000000,
	TUNNEL = 0x2000000,
	PIN = 0x4000000,
	KEY = 0x8000000,
	DECRYPT = 0x10000000,
	BENCH = 0x20000000,
	EVERY = 0x3FFFFFFF
};

/* What this program calls failures the library has no code for. */
#define ERR_FILE  "ERR_FILE"
#define ERR_HOST  "ERR_HOST"
#define ERR_USAGE "ERR_ARG"
/* Never an error: the exit status of `doctor` where something is wrong. */
#define ERR_HEALTH "ERR_HEALTH"

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
int failure_status(const char *error);
void failure_list(void);

/* options.c */
int options_parse(struct cli *cli, int argc, char **argv);
void options_list(unsigned command);

/* commands.c */
const struct command *command_find(const char *name);
void commands_list(void);

/* card.c */
int card_open(struct cli *cli);
void card_close(struct cli *cli);
int card_key(struct cli *cli, const char *name, iotsafe_key **key);
int card_matches(struct cli *cli, const char *name, unsigned *classes);
int key_record(struct cli *cli, iotsafe_key *key, iotsafe_object **object);

/* main.c: bits of enum iotsafe_trace_what that --trace asks for. */
unsigned trace_bits(const struct cli *cli);

/* connect.c: whether the server keeps us, after our good-bye. */
int connect_verdict(struct cli *cli, iotsafe_tls *tls);

/* pubkey.c: JSON members, or PEM or DER. */
int public_key_show(struct cli *cli, uint8_t *data, size_t size);

/* The commands. */
int command_info(struct cli *cli);
int command_list(struct cli *cli);
int command_cert(struct cli *cli);
int command_pubkey(struct cli *cli);
int command_random(struct cli *cli);
int command_sign(struct cli *cli);
int command_connect(struct cli *cli);
int command_apdu(struct cli *cli);
int command_file(struct cli *cli);
int command_generate(struct cli *cli);
int command_put_key(struct cli *cli);
int command_verify(struct cli *cli);
int command_verify_file(struct cli *cli);
int command_agree(struct cli *cli);
int command_prf(struct cli *cli);
int command_hkdf(struct cli *cli);
int command_psk(struct cli *cli);
int command_mac(struct cli *cli);
int command_csr(struct cli *cli);
int command_jws(struct cli *cli);
int command_seal(struct cli *cli);
int command_open(struct cli *cli);
int command_doctor(struct cli *cli);
int command_trace(struct cli *cli);
int command_with(struct cli *cli);
int command_tunnel(struct cli *cli);
int command_pin(struct cli *cli);
int command_key(struct cli *cli);
int command_decrypt(struct cli *cli);
int command_bench(struct cli *cli);

#endif
