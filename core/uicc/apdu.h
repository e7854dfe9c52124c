/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Command and response APDUs (ISO/IEC 7816-4 5.1): fields to bytes and back.
 * Pure. */
#ifndef UICC_APDU_H
#define UICC_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"

#define APDU_DATA_MAX	 255
#define APDU_COMMAND_MAX 261
/* A card gives 256 bytes and the status word at once; a modem that fetches what
 * 61xx announces puts the pieces together. */
#define APDU_RESPONSE_MAX 500

/* Instructions of ISO/IEC 7816-4 and ETSI TS 102 221 that are no applet's
 * own. */
#define INS_MANAGE_CHANNEL 0x70
#define INS_SELECT	   0xA4
#define INS_READ_BINARY	   0xB0
#define INS_GET_RESPONSE   0xC0

#define STATUS_OK	  0x9000
#define STATUS_NO_CHANNEL 0x6881 /* the card does not know the channel */

enum apdu_expect {
	APDU_NOTHING, /* cases 1 and 3 */
	APDU_SOME,    /* cases 2 and 4: whatever comes, Le = 00 */
	APDU_EXACT    /* cases 2 and 4: Le as given */
};

struct apdu {
	const char *name; /* "COMPUTE SIGNATURE INIT", for people */
	uint8_t cla;	  /* without the channel */
	uint8_t ins, p1, p2;
	struct bytes data; /* at most APDU_DATA_MAX */
	enum apdu_expect expect;
	unsigned le; /* 1 to 256, for APDU_EXACT */
	bool secret; /* its bytes stay out of the trace */
};

/* The class byte on a logical channel: 0 to 3 in the first interindustry
 * coding, 4 to 19 in the further one (ISO/IEC 7816-4 5.4.1). Keeps the
 * proprietary bit, and that of chaining. */
uint8_t apdu_class(uint8_t cla, int channel);

/*
 * Case 1 becomes five bytes with P3 = 00 (what modems and cards expect under
 * T=0). With `with_le` false, case 4 leaves Le out, as T=0 wants it, unless
 * an exact length is asked for.
 * Gives the size, or 0 if it does not fit.
 */
size_t apdu_encode(const struct apdu *apdu, uint8_t cla, bool with_le,
		   uint8_t out[APDU_COMMAND_MAX]);

/* Splits an answer into data and status word. False if it is shorter. */
bool apdu_split(struct bytes answer, struct bytes *data, unsigned *status);

/* 9000; and 63CF, which means that a remote administration has completed
 * besides (IoT.05 clause 2.5.10). */
bool apdu_is_done(unsigned status);

/* What a status word says, "" for one nobody has explained. */
const char *apdu_status_words(unsigned status);

/* The enum iotsafe_code for a status word that ends a command. */
int apdu_status_code(unsigned status);

#endif
