/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Codes of PC/SC become codes and sentences of ours, with the next step.
 */
#include "base/error.h"
#include "link/pcsc.h"

static const struct {
	uint32_t number;
	int code;
	const char *words;
} rows[] = {
	{0x80100003, IOTSAFE_ERR_CLOSED,
	 "pcscd does not know us any more: was it restarted?"},
	{0x80100006, IOTSAFE_ERR_MEMORY, "pcscd has no memory left"},
	/* Nothing is lost by that: the card and its channels are there. */
	{0x80100008, IOTSAFE_ERR_FORMAT,
	 "the card's answer has more than the 258 bytes that an answer has"},
	{0x80100009, IOTSAFE_ERR_ABSENT, "the reader has gone: connect it"},
	{0x8010000B, IOTSAFE_ERR_BUSY,
	 "another program has the reader to itself, often GnuPG's scdaemon: "
	 "end it (gpgconf --kill scdaemon), or have it share"},
	{0x8010000C, IOTSAFE_ERR_ABSENT, "no card in the reader: put it in"},
	{0x8010000F, IOTSAFE_ERR_SUPPORT,
	 "the card does not speak this protocol (protocol=), or another "
	 "program uses it with the other one"},
	{0x80100013, IOTSAFE_ERR_CLOSED,
	 "pcscd has gone in the middle: start it again"},
	{0x80100016, IOTSAFE_ERR_IO,
	 "the card did not answer the reader: is it still in it?"},
	{0x80100017, IOTSAFE_ERR_ABSENT, "the reader has gone: connect it"},
	{0x8010001D, IOTSAFE_ERR_IO,
	 "pcscd is not running: start it (systemctl start pcscd.socket), or "
	 "install the package pcscd"},
	{0x8010001E, IOTSAFE_ERR_CLOSED,
	 "pcscd has ended: start it again (systemctl start pcscd.socket)"},
	{0x8010002E, IOTSAFE_ERR_ABSENT,
	 "pcscd knows no reader: connect one (pcsc_scan shows them)"},
	{0x8010002F, IOTSAFE_ERR_IO,
	 "the reader lost what the card answered: try another cable or port"},
	{0x80100065, IOTSAFE_ERR_SUPPORT,
	 "the reader cannot speak with this card: try another reader"},
	{0x80100066, IOTSAFE_ERR_IO,
	 "the card is dumb: look at its contacts, which way round it is, and "
	 "the reader's voltage"},
	{0x80100067, IOTSAFE_ERR_IO,
	 "the reader has no power on the card: take it out and put it back"},
	{0x80100068, IOTSAFE_ERR_CLOSED,
	 "another program reset the card: its channels are gone"},
	{0x80100069, IOTSAFE_ERR_CLOSED, "the card was taken out: put it back"},
	{0x8010006A, IOTSAFE_ERR_DENIED,
	 "polkit lets nobody use cards who is not logged in at the machine "
	 "itself: allow this user org.debian.pcsc-lite.access_pcsc and "
	 "access_card"},
};

int pcsc_failed(const char *reader, long code)
{
	uint32_t number = (uint32_t)code;
	const char *quote = *reader ? "\"" : "";
	const char *colon = *reader ? ": " : "";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].number == number)
			return error_set(rows[i].code, "pcsc: %s%s%s%s%s",
					 quote, reader, quote, colon,
					 rows[i].words);
	return error_set(IOTSAFE_ERR_IO, "pcsc: %s%s%s%spcscd answered %08X",
			 quote, reader, quote, colon, (unsigned)number);
}
