/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An error number of QMI becomes a code and a sentence.
 */
#include <stddef.h>
#include <iotsafe/iotsafe.h>
#include "base/error.h"
#include "link/qmi_error.h"

enum {
	INTERNAL = 3,
	MISSING_ARGUMENT = 17,
	UIM_UNINITIALIZED = 37,
	INVALID_ARGUMENT = 48,
	DEVICE_NOT_READY = 52,
	INSUFFICIENT_RESOURCES = 68,
	INVALID_COMMAND = 71,
	SIM_FILE_NOT_FOUND = 80,
	NOT_SUPPORTED = 94,
};

struct qmi_error {
	int number;
	int code;
	const char *name;
	const char *meaning; /* "" where the name is enough */
};

/* What means more where a channel is opened; ends with zeros. */
static const struct qmi_error opening_errors[] = {
	{INTERNAL, IOTSAFE_ERR_MODEM, "Internal",
	 ": no such slot, no such applet, or a modem that cannot do it"},
	{INSUFFICIENT_RESOURCES, IOTSAFE_ERR_BUSY, "InsufficientResources",
	 ": no free logical channel; close what other programs hold, or "
	 "restart the modem"},
	{SIM_FILE_NOT_FOUND, IOTSAFE_ERR_ABSENT, "SimFileNotFound",
	 ": this SIM has no IoT SAFE applet"},
	{0, 0, NULL, NULL},
};

static const struct qmi_error errors[] = {
	{1, IOTSAFE_ERR_MODEM, "MalformedMessage", ""},
	{2, IOTSAFE_ERR_MODEM, "NoMemory", ""},
	{INTERNAL, IOTSAFE_ERR_MODEM, "Internal", ""},
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
	{INSUFFICIENT_RESOURCES, IOTSAFE_ERR_BUSY, "InsufficientResources", ""},
	{INVALID_COMMAND, IOTSAFE_ERR_SUPPORT, "InvalidQmiCommand",
	 ": this modem's firmware has no such request"},
	{SIM_FILE_NOT_FOUND, IOTSAFE_ERR_MODEM, "SimFileNotFound", ""},
	{82, IOTSAFE_ERR_DENIED, "AccessDenied",
	 ": the firmware, or the SIM's access rules, do not let us"},
	{83, IOTSAFE_ERR_MODEM, "HardwareRestricted", ""},
	{93, IOTSAFE_ERR_MODEM, "NoRadio", ""},
	{NOT_SUPPORTED, IOTSAFE_ERR_SUPPORT, "NotSupported",
	 ": this modem's firmware has no such request"},
	{102, IOTSAFE_ERR_ABSENT, "NoSim", ": no SIM in the modem"},
	{0, 0, NULL, NULL},
};

static const struct qmi_error *find(const struct qmi_error *row, int number)
{
	while (row->name && row->number != number)
		row++;
	return row->name ? row : NULL;
}

int qmi_error_record(int number, const char *modem, const char *what,
		     bool opening)
{
	const struct qmi_error *row = NULL;

	if (opening)
		row = find(opening_errors, number);
	if (!row)
		row = find(errors, number);
	if (!row)
		return error_set(IOTSAFE_ERR_MODEM,
				 "%s: %s: modem answered error %d", modem, what,
				 number);
	return error_set(row->code, "%s: %s: modem answered error %d %s%s",
			 modem, what, number, row->name, row->meaning);
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
