/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A status of MBIM becomes a code and a sentence.
 */
#include "base/error.h"
#include "link/mbim_device.h"

static const struct {
	unsigned status;
	int code;
	const char *words;
} statuses[] = {
	{1, IOTSAFE_ERR_BUSY, "Busy"},
	{2, IOTSAFE_ERR_MODEM, "Failure"},
	{3, IOTSAFE_ERR_ABSENT, "SimNotInserted: no SIM in the modem"},
	{4, IOTSAFE_ERR_ABSENT, "BadSim: the modem cannot read the SIM"},
	{5, IOTSAFE_ERR_PIN, "PinRequired: the SIM wants its PIN"},
	{9, IOTSAFE_ERR_SUPPORT,
	 "NoDeviceSupport: this modem's firmware has no such request; try at:"},
	{14, IOTSAFE_ERR_BUSY, "NotInitialized: the SIM is not ready"},
	{20, IOTSAFE_ERR_MODEM, "RadioPowerOff"},
	{21, IOTSAFE_ERR_MODEM, "InvalidParameters"},
	{28, IOTSAFE_ERR_DENIED, "OperationNotAllowed"},
	/* Of MS UICC Low Level Access. */
	{0x87430001, IOTSAFE_ERR_BUSY, "no free logical channel"},
	{0x87430002, IOTSAFE_ERR_ABSENT,
	 "SELECT failed: this SIM has no IoT SAFE applet"},
	{0x87430003, IOTSAFE_ERR_MODEM, "invalid logical channel"},
};

int mbim_error_record(unsigned status, const char *modem, const char *what)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return error_set(statuses[i].code,
					 "%s: %s: modem answered status %s%X "
					 "%s",
					 modem, what, status > 9 ? "0x" : "",
					 status, statuses[i].words);
	return error_set(IOTSAFE_ERR_MODEM,
			 "%s: %s: modem answered status 0x%X", modem, what,
			 status);
}
