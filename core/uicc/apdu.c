/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command's fields become the bytes of a short APDU; a status word becomes
 * words and a code.
 */
#include <iotsafe/iotsafe.h>
#include "uicc/apdu.h"

uint8_t apdu_class(uint8_t cla, int channel)
{
	if (channel < 4)
		return (uint8_t)((cla & 0xFC) | channel);
	return (uint8_t)((cla & 0x90) | 0x40 | (channel - 4));
}

size_t apdu_encode(const struct apdu *apdu, uint8_t cla, bool with_le,
		   uint8_t out[APDU_COMMAND_MAX])
{
	struct builder builder = {out, 0, APDU_COMMAND_MAX, false};
	unsigned le = apdu->expect == APDU_EXACT ? apdu->le : 256;
	bool expects = apdu->expect != APDU_NOTHING;

	if (apdu->data.size > APDU_DATA_MAX || le < 1 || le > 256)
		return 0;
	/* A length that was asked for by number has to be said. */
	if (apdu->expect == APDU_EXACT)
		with_le = true;
	build_byte(&builder, cla);
	build_byte(&builder, apdu->ins);
	build_byte(&builder, apdu->p1);
	build_byte(&builder, apdu->p2);
	if (apdu->data.size) {
		build_byte(&builder, (uint8_t)apdu->data.size);
		build_bytes(&builder, apdu->data.data, apdu->data.size);
		if (expects && with_le)
			build_byte(&builder, (uint8_t)le);
	} else {
		build_byte(&builder, expects ? (uint8_t)le : 0);
	}
	return builder.failed ? 0 : builder.size;
}

bool apdu_split(struct bytes answer, struct bytes *data, unsigned *status)
{
	if (answer.size < 2)
		return false;
	*data = (struct bytes){answer.data, answer.size - 2};
	*status = (unsigned)answer.data[answer.size - 2] << 8 |
		  answer.data[answer.size - 1];
	return true;
}

bool apdu_is_done(unsigned status)
{
	return status == STATUS_OK || status == 0x63CF;
}

/*
 * ISO/IEC 7816-4 5.6, ETSI TS 102 221 10.2.1, and IoT.05 clause 2.5.10 for
 * what the applet adds (63CF, 6984, 6989, 6D01).
 */
static const struct {
	unsigned status;
	int code;
	const char *words;
} statuses[] = {
	{0x6283, IOTSAFE_ERR_CARD, "deactivated"},
	{0x6285, IOTSAFE_ERR_CARD, "terminated"},
	{0x63CF, IOTSAFE_ERR_CARD, "a remote administration has completed"},
	{0x6400, IOTSAFE_ERR_CARD, "integrity of the card's store is broken"},
	{0x6581, IOTSAFE_ERR_CARD, "memory problem"},
	{0x6700, IOTSAFE_ERR_CARD, "wrong length"},
	{0x6881, IOTSAFE_ERR_CARD, "logical channel not supported or open"},
	{0x6882, IOTSAFE_ERR_CARD, "secure messaging not supported"},
	{0x6884, IOTSAFE_ERR_CARD, "command chaining not supported"},
	{0x6900, IOTSAFE_ERR_CARD, "command not allowed"},
	{0x6981, IOTSAFE_ERR_CARD, "incompatible with the file's structure"},
	{0x6982, IOTSAFE_ERR_DENIED, "security status not satisfied"},
	{0x6983, IOTSAFE_ERR_PIN, "authentication method blocked"},
	{0x6984, IOTSAFE_ERR_CARD,
	 "data invalidated: a remote administration is under way"},
	{0x6985, IOTSAFE_ERR_CARD, "conditions not satisfied"},
	{0x6986, IOTSAFE_ERR_CARD, "command not allowed, no file selected"},
	{0x6989, IOTSAFE_ERR_CARD,
	 "changed by a remote administration, or no capacity left"},
	{0x6A80, IOTSAFE_ERR_CARD, "incorrect data"},
	{0x6A81, IOTSAFE_ERR_CARD, "function not supported"},
	{0x6A82, IOTSAFE_ERR_ABSENT, "not found"},
	{0x6A84, IOTSAFE_ERR_CARD, "not enough memory"},
	{0x6A86, IOTSAFE_ERR_CARD, "incorrect P1 or P2"},
	{0x6A88, IOTSAFE_ERR_ABSENT, "referenced data not found"},
	{0x6B00, IOTSAFE_ERR_CARD, "wrong P1 or P2"},
	{0x6D00, IOTSAFE_ERR_CARD, "instruction not known"},
	{0x6D01, IOTSAFE_ERR_VERIFY, "signature does not match"},
	{0x6E00, IOTSAFE_ERR_CARD, "class not known"},
	{0x6F00, IOTSAFE_ERR_CARD, "no diagnosis"},
	{0x9300, IOTSAFE_ERR_BUSY, "SIM toolkit is busy"},
	{0x9804, IOTSAFE_ERR_PIN, "access condition not fulfilled"},
	{0x9840, IOTSAFE_ERR_PIN, "PIN blocked"},
	{0x9862, IOTSAFE_ERR_CARD, "authentication error"},
};

#define STATUSES_COUNT (sizeof(statuses) / sizeof(statuses[0]))

const char *apdu_status_words(unsigned status)
{
	for (size_t i = 0; i < STATUSES_COUNT; i++)
		if (statuses[i].status == status)
			return statuses[i].words;
	if ((status & 0xFFF0) == 0x63C0)
		return "wrong PIN";
	return "";
}

int apdu_status_code(unsigned status)
{
	for (size_t i = 0; i < STATUSES_COUNT; i++)
		if (statuses[i].status == status)
			return statuses[i].code;
	if ((status & 0xFFF0) == 0x63C0)
		return IOTSAFE_ERR_PIN;
	return IOTSAFE_ERR_CARD;
}
