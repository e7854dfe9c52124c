/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_QUIRK_H
#define SIM_QUIRK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Manners of cards and modems; quirk.c has the table with a sentence each. */
enum quirk {
	/* the modem's line */
	QUIRK_ECHO,
	QUIRK_NO_QUOTES,
	QUIRK_NO_SPACE,
	QUIRK_SPACE_COLON,
	QUIRK_LOWER_HEX,
	QUIRK_UPPER_ONLY,
	QUIRK_BLANK_LINES,
	QUIRK_CR_ONLY,
	QUIRK_LF_ONLY,
	QUIRK_URC,
	QUIRK_SPLIT,
	QUIRK_STALE,
	QUIRK_LATE_OK,
	QUIRK_CME_TEXT,
	QUIRK_CME_NUMBER,
	QUIRK_PLAIN_ERROR,
	QUIRK_WRONG_LENGTH,
	QUIRK_CUT_256,
	QUIRK_NO_CSIM_TEST,
	QUIRK_STRICT_P3,
	QUIRK_BASIC_ONLY,
	QUIRK_LONG_IGNORED,
	QUIRK_NO_CSIM,
	QUIRK_NO_CGLA,
	QUIRK_CCHO_BARE,
	QUIRK_CCHO_HANDLE,
	QUIRK_CCHC_LINE,
	QUIRK_NO_CRSM,
	QUIRK_MAKER_ICCID,
	QUIRK_NO_CGLA_TEST,
	QUIRK_SILENT_TEST,
	QUIRK_NO_CCHC,
	QUIRK_CGLA_CLASS,
	QUIRK_NO_CHANNELS,
	QUIRK_FETCHES,
	QUIRK_C0_CLASS_0X,
	QUIRK_NO_CMEE,
	QUIRK_OK_FIRST,
	QUIRK_URC_AFTER,
	QUIRK_PAUSE,
	QUIRK_BOOT,
	QUIRK_SIM_SLOW,
	QUIRK_ASLEEP,
	QUIRK_LOCK,
	QUIRK_LOSE_FIRST,
	QUIRK_LOSE_SELECT,
	QUIRK_LOSE_SOME,
	/* the card's transport */
	QUIRK_DIRECT,
	QUIRK_6CXX,
	QUIRK_LE_61XX,
	QUIRK_91XX,
	QUIRK_CHAINED_61,
	QUIRK_CLASS_0X,
	QUIRK_CLASS_8X,
	QUIRK_IMPLICIT_CHANNEL,
	QUIRK_MAX_CHANNELS,
	QUIRK_CHANNEL_OPEN_00,
	QUIRK_CHANNEL_OPEN_01,
	QUIRK_FCI,
	QUIRK_NO_SFI,
	QUIRK_NO_ICCID,
	QUIRK_PIN,
	QUIRK_PIN_TRIES,
	QUIRK_PIN_MODEM,
	/* the applet */
	QUIRK_SIG8,
	QUIRK_SIG16,
	QUIRK_SIG_DER,
	QUIRK_SIG_BER81,
	QUIRK_BARE_LIST,
	QUIRK_PAGED_LIST,
	QUIRK_TAG92,
	QUIRK_NO_GET_DATA,
	QUIRK_BARE_PUBLIC_KEY,
	QUIRK_SHORT_READ,
	QUIRK_ZERO_PAD,
	QUIRK_STRICT_SESSION,
	QUIRK_NO_SESSION_0,
	QUIRK_STRICT_HASH,
	QUIRK_STUCK_SESSION,
	QUIRK_SHARED_SESSION,
	QUIRK_STRICT_USAGE,
	QUIRK_STRICT_33,
	QUIRK_PRF_BARE,
	QUIRK_PRF_NO_KEY,
	QUIRK_HKDF_NO_KEY,
	QUIRK_COUNT
};

/* What is switched on, and its number where the quirk has one; -1 is off. */
struct quirks {
	int value[QUIRK_COUNT];
};

void quirks_clear(struct quirks *quirks);

/*
 * Reads NAME[=NUMBER|=off][,...] on top of what is set. False with a sentence
 * in `why` when a name or a number is not good.
 */
bool quirks_parse(struct quirks *quirks, const char *text, char *why,
		  size_t why_size);

bool quirk_on(const struct quirks *quirks, enum quirk quirk);
int quirk_value(const struct quirks *quirks, enum quirk quirk, int otherwise);

void quirks_print(FILE *out);

#endif
