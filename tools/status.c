/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A status word becomes words for people.
 */
#include <stddef.h>
#include "status.h"

struct meaning {
	unsigned status, mask;
	const char *words;
};

/* ISO 7816-4 5.6, ETSI TS 102 221 10.2.1 and IoT.05 clause 2.5.10; the first
 * that fits. */
static const struct meaning meanings[] = {
	{0x9000, 0xFFFF, "done"},
	{0x9100, 0xFF00, "done; a proactive command waits"},
	{0x6100, 0xFF00, "done; more data waits"},
	{0x6282, 0xFFFF, "the end came before that many bytes"},
	{0x6283, 0xFFFF, "deactivated"},
	{0x6285, 0xFFFF, "terminated"},
	{0x6200, 0xFF00, "warning; nothing changed"},
	{0x6300, 0xFFFF, "more data follows"},
	{0x63CF, 0xFFFF, "done; a remote administration session has ended"},
	{0x63C0, 0xFFF0,
	 "as many tries of the PIN are left as the last digit says"},
	{0x6300, 0xFF00, "warning; something changed"},
	{0x6400, 0xFF00, "failed; nothing changed"},
	{0x6500, 0xFF00, "failed; something changed"},
	{0x6700, 0xFFFF, "wrong length"},
	{0x6881, 0xFFFF, "logical channel not supported"},
	{0x6882, 0xFFFF, "secure messaging not supported"},
	{0x6883, 0xFFFF, "the last command of the chain was expected"},
	{0x6884, 0xFFFF, "command chaining not supported"},
	{0x6981, 0xFFFF, "not for this kind of file, or beyond its end"},
	{0x6982, 0xFFFF, "security status not satisfied"},
	{0x6983, 0xFFFF, "PIN blocked"},
	{0x6984, 0xFFFF, "data invalidated; remote administration runs"},
	{0x6985, 0xFFFF, "conditions not satisfied"},
	{0x6986, 0xFFFF, "command not allowed; no file selected"},
	{0x6989, 0xFFFF, "undone by remote administration, or full"},
	{0x6999, 0xFFFF, "the applet could not be selected"},
	{0x6A80, 0xFFFF, "wrong data"},
	{0x6A81, 0xFFFF, "function not supported"},
	{0x6A82, 0xFFFF, "not found"},
	{0x6A84, 0xFFFF, "no memory"},
	{0x6A86, 0xFFFF, "wrong P1 or P2"},
	{0x6A88, 0xFFFF, "referenced data not found"},
	{0x6B00, 0xFFFF, "wrong P1 or P2, or beyond the end"},
	{0x6C00, 0xFF00, "wrong Le"},
	{0x6D00, 0xFFFF, "unknown instruction"},
	{0x6D01, 0xFFFF, "the signature does not verify"},
	{0x6E00, 0xFFFF, "unknown class"},
	{0x6F00, 0xFF00, "failed"},
	{0x9300, 0xFFFF, "the SIM toolkit is busy"},
};

const char *status_words(unsigned status)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if ((status & meanings[i].mask) == meanings[i].status)
			return meanings[i].words;
	return "unknown status word";
}
