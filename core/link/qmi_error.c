/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An error number of QMI becomes a code and a sentence.
 */
#include <stddef.h>
#include <iotsafe/iotsafe.h>
#include "base/error.h"
#include "link/qmi_error.h"

enum {
	MISSING_ARGUMENT = 17,
	UIM_UNINITIALIZED = 37,
	INVALID_ARGUMENT = 48,
	DEVICE_NOT_READY = 52,
	INVALID_COMMAND = 71,
	NOT_SUPPORTED = 94,
};

static const struct qmi_error {
	int number;
	int code;
	const char *name;
	const char *meaning; /* "" where the name is enough */
} errors[] = {
	{1, IOTSAFE_ERR_MODEM, "MalformedMessage", ""},
	{2, IOTSAFE_ERR_MODEM, "NoMemory", ""},
	{3, IOTSAFE_ERR_MODEM, "Internal",
	 ": no such slot, no such applet, or a modem that cannot do it"},
	{4, IOTSAFE_ERR_MODEM, "Aborted", ""},
	{5, IOTSAFE_ERR_BUSY, "ClientIdsExhausted",
	 ": programs that crashed have left theirs; restart the modem"},
	{7, IOTSAFE_ERR_CLOSED, "InvalidClientId", ": the modem was reset"},
	{MISSING_ARGUMENT, IOTSAFE_ERR_MODEM, "MissingArgument", ""},
	{23, IOTSAFE_ERR_BUSY, "DeviceInUse", ""},
	{25, IOTSAFE_ERR_SUPPORT, "DeviceUnsupported", ""},
	{35, IOTSAFE_ERR_PIN, "PinBlocked", ""},
	{36, IOTSAFE_ERR_PIN, "PinAlwaysBlocked", ""},
	{UIM_UNINITIALIZED, IOTSAFE_ERR_BUSY, "UimUninitialized",
	 ": the SIM is not ready; is there one in the slot?"},
	{INVALID_ARGUMENT, IOTSAFE_ERR_MODEM, "InvalidArgument", ""},
	{DEVICE_NOT_READY, IOTSAFE_ERR_BUSY, "DeviceNotReady", ""},
	{68, IOTSAFE_ERR_BUSY, "InsufficientResources",
	 ": no free logical channel; close what other programs hold, or "
	 "restart the modem"},
	{INVALID_COMMAND, IOTSAFE_ERR_SUPPORT, "InvalidQmiCommand",
	 ": this modem's firmware has no such request"},
	{80, IOTSAFE_ERR_ABSENT, "SimFileNotFound",
	 ": this SIM has no IoT SAFE applet"},
	{82, IOTSAFE_ERR_DENIED, "AccessDenied",
	 ": the firmware, or the SIM's access rules, do not let us"},
	{83, IOTSAFE_ERR_MODEM, "HardwareRestricted", ""},
	{93, IOTSAFE_ERR_MODEM, "NoRadio", ""},
	{NOT_SUPPORTED, IOTSAFE_ERR_SUPPORT, "NotSupported",
	 ": this modem's firmware has no such request"},
	{102, IOTSAFE_ERR_ABSENT, "NoSim", ": no SIM in the modem"},
};

int qmi_error_record(int number, const char *modem, const char *what)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == number)
			return error_set(errors[i].code,
					 "%s: %s: modem answered error %d %s%s",
					 modem, what, number, errors[i].name,
					 errors[i].meaning);
	return error_set(IOTSAFE_ERR_MODEM, "%s: %s: modem answered error %d",
			 modem, what, number);
}

bool qmi_error_is_unknown_request(int number)
{
	return number == MISSING_ARGUMENT || number == INVALID_ARGUMENT ||
	       number == INVALID_COMMAND || number == NOT_SUPPORTED;
}

bool qmi_error_is_not_ready(int number)
{
	return number == UIM_UNINITIALIZED || number == DEVICE_NOT_READY;
}
