/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CARD_H
#define SIM_CARD_H

#include "command.h"
#include "fault.h"
#include "iotsafe.h"
#include "personal.h"
#include "quirk.h"
#include "replay.h"
#include "tob_state.h"

#define CARD_CHANNELS	  20 /* the basic one and 19 logical ones */
#define CARD_COMMAND_MAX  261
#define CARD_DATA_MAX	  256
#define CARD_ANSWER_MAX	  512 /* fetched in several pieces */
#define CARD_RESPONSE_MAX (CARD_DATA_MAX + 2)
#define CARD_AIDS_MAX	  8
#define AID_MAX		  16

/* Status words, ISO 7816-4 and ETSI TS 102 221. */
enum status {
	SW_OK = 0x9000,
	SW_END_OF_FILE = 0x6282,
	SW_MORE_DATA = 0x6300,
	SW_TRIES = 0x63C0,
	SW_ADMINISTERED = 0x63CF,
	SW_WRONG_LENGTH = 0x6700,
	SW_NO_CHANNEL = 0x6881,
	SW_DENIED = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_INVALIDATED = 0x6984,
	SW_CONDITIONS = 0x6985,
	SW_NO_FILE_SELECTED = 0x6986,
	SW_WRONG_DATA = 0x6A80,
	SW_NO_FREE_CHANNEL = 0x6A81,
	SW_NOT_FOUND = 0x6A82,
	SW_NO_REFERENCE = 0x6A88,
	SW_WRONG_P1P2 = 0x6A86,
	SW_WRONG_OFFSET = 0x6B00,
	SW_WRONG_LE = 0x6C00,
	SW_UNKNOWN_INS = 0x6D00,
	SW_MISMATCH = 0x6D01,
	SW_WRONG_CLASS = 0x6E00,
	SW_FAILED = 0x6F00
};

struct card;
struct channel;

/* Runs a command: answer data into `out`, the status word returned. */
typedef uint16_t command_run(struct card *card, struct channel *channel,
			     const struct command *command, struct writer *out);

struct command_row {
	uint8_t ins;
	const char *name;
	command_run *run;
	bool secret; /* what goes in or comes out is nobody's business */
};

/* An application that can be selected; one row a command. */
struct applet {
	const struct command_row *rows;
	size_t row_count;
	/* The rest is for applets that differ, or NULL. */
	/* The row of a command, where its INS alone does not say it. */
	const struct command_row *(*row)(const struct channel *channel,
					 const struct command *command);
	/* SELECT of anything but an applet. */
	command_run *select;
	/* What SELECT of the applet tells. */
	void (*put_fci)(struct writer *out, struct view aid);
	/* Is this the class of this command? */
	bool (*suits)(const struct command *command);
	bool takes_chains;
	/* The INS whose answers wait for GET RESPONSE even where nothing was
	 * sent to the card, or 00. */
	uint8_t waits;
	bool plain_6cxx; /* 6Cxx only where nothing was sent */
	/* Forgets what a selection holds: new selection, close or reset. */
	void (*leave)(struct card *card, struct channel *channel);
};

struct channel {
	bool open;
	const struct applet *applet;
	unsigned int file; /* selected below the master file, or 0 */
	struct view aid;   /* of the applet */
	struct iotsafe_state iotsafe;
	struct tob_state tob;
	unsigned int turn; /* counts commands */
	/* an answer not yet fetched */
	uint8_t waiting[CARD_ANSWER_MAX];
	size_t waiting_size;
	size_t waiting_from;
	uint16_t waiting_sw;
	bool waiting_secret;
	/* after 6Cxx: the command that fetches it when repeated */
	uint8_t again[CARD_COMMAND_MAX];
	size_t again_size;
};

struct aid {
	const struct applet *applet;
	uint8_t bytes[AID_MAX];
	size_t size;
};

struct card {
	struct replay *replay; /* answers instead of the card, or NULL */
	struct quirks quirks;
	struct faults *faults;
	struct personal *personal;
	struct aid aids[CARD_AIDS_MAX];
	size_t aid_count;
	struct channel channels[CARD_CHANNELS];
	unsigned int pin_tries;
	bool pin_verified; /* since the last reset */
	bool signed_now;   /* the running command finished a signature */
	bool corrupt;	   /* a fault: the running command must go wrong */
	uint8_t stuck[SESSION_KINDS]; /* a bit a session left unfinished */
};

/* What the log wants to know about one exchange. */
struct card_note {
	unsigned int channel;
	const char *name;
	bool signature;
	bool secret; /* its data and its answer must not be written down */
	const char *problem; /* of a replay, or NULL */
};

void card_init(struct card *card, struct personal *personal,
	       const struct quirks *quirks, struct faults *faults);
bool card_add_aid(struct card *card, enum applet_kind kind, struct view aid);
/* Ends every channel but the basic one, as after a power cycle. */
void card_reset(struct card *card);
/* Closes one of them, behind the back of whoever uses it. */
void card_lose_channel(struct card *card, unsigned int number);
/* How many are open, without the basic one. */
unsigned int card_channels_open(const struct card *card);
void card_close(struct card *card);

/*
 * The number by which faults know a command. READ BINARY has the byte of READ
 * FILE: where no applet is selected no fault means it.
 */
unsigned int card_fault_ins(const struct card *card, unsigned int channel,
			    unsigned int ins);

/* The PIN is on, and was not given since the last reset. */
bool card_is_locked(const struct card *card);
/* One try: SW_OK, 63Cx, or 6983 where the PIN is blocked. */
uint16_t card_try_pin(struct card *card, struct view pin);

/* Bytes in, bytes out. Returns the size of the response, 2 to 258. */
size_t card_exchange(struct card *card, const uint8_t *command, size_t size,
		     uint8_t response[CARD_RESPONSE_MAX],
		     struct card_note *note);

#endif
