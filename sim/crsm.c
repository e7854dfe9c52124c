// SPDX-License-Identifier: LGPL-2.1-or-later
/* AT+CRSM: what the modem reads of the card itself, EF_ICCID. */
#include "crsm.h"

#include <stdlib.h>
#include <string.h>

#define READ_BINARY   176
#define EF_ICCID      12258
#define NUMBERS	      5
#define SW1_NOT_FOUND 0x6A

/* <command>,<fileid>,<P1>,<P2>,<P3>, in decimal. */
static bool parse(struct text text, unsigned long numbers[NUMBERS])
{
	char line[48], *at = line;

	if (text.size >= sizeof(line))
		return false;
	memcpy(line, text.at, text.size);
	line[text.size] = '\0';
	for (size_t i = 0; i < NUMBERS; i++) {
		char *end;

		numbers[i] = strtoul(at, &end, 10);
		if (end == at || *end != (i + 1 < NUMBERS ? ',' : '\0'))
			return false;
		at = end + 1;
	}
	return true;
}

int crsm_run(struct modem *modem, struct text arguments, struct reply *reply)
{
	const struct personal *personal = modem->card->personal;
	char hex[2 * ICCID_SIZE + 1], line[64];
	unsigned long numbers[NUMBERS];

	if (!parse(arguments, numbers))
		return CME_BAD_PARAMETERS;
	/* the record of a card has no files of its own */
	if (personal == NULL || quirk_on(&modem->quirks, QUIRK_NO_ICCID))
		return CME_NOT_ALLOWED;
	if (numbers[0] != READ_BINARY || numbers[1] != EF_ICCID ||
	    numbers[2] != 0 || numbers[3] != 0 || numbers[4] > ICCID_SIZE) {
		snprintf(line, sizeof(line), "+CRSM: %u,130", SW1_NOT_FOUND);
		reply_line(reply, line);
		return AT_OK;
	}
	hex_encode(personal->iccid, numbers[4] ? numbers[4] : ICCID_SIZE, hex);
	snprintf(line, sizeof(line), "+CRSM: 144,0,\"%s\"", hex);
	reply_line(reply, line);
	return AT_OK;
}

/* The digits, or the pairs as the file has them. */
static void number_of(const struct personal *personal, bool turned, char *out)
{
	hex_encode(personal->iccid, ICCID_SIZE, out);
	for (size_t i = 0; !turned && i < 2 * ICCID_SIZE; i += 2) {
		char first = out[i];

		out[i] = out[i + 1];
		out[i + 1] = first;
	}
}

/* As manuals of u-blox, Quectel, Fibocom, Huawei and Telit show it, or nearly:
 * some firmwares leave out the name, or turn no digits. */
int crsm_maker(struct modem *modem, enum maker maker, struct reply *reply)
{
	static const char *const names[] = {
		[MAKER_CCID] = "+CCID: \"", [MAKER_QCCID] = "+QCCID: ",
		[MAKER_ICCID] = "",	    [MAKER_HUAWEI] = "^ICCID: ",
		[MAKER_TELIT] = "#CCID: ",
	};
	const struct personal *personal = modem->card->personal;
	char digits[2 * ICCID_SIZE + 1], line[64];

	if (personal == NULL || quirk_on(&modem->quirks, QUIRK_NO_ICCID))
		return CME_NOT_ALLOWED;
	number_of(personal, maker == MAKER_HUAWEI, digits);
	snprintf(line, sizeof(line), "%s%s%s", names[maker], digits,
		 maker == MAKER_CCID ? "\"" : "");
	reply_line(reply, line);
	return AT_OK;
}
