/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Codes of the library become those of PKCS #11, which has no room for its
 * sentence: who traces gets that on standard error.
 */
#include <iotsafe/iotsafe.h>
#include <stdio.h>
#include <stdlib.h>
#include "error.h"

static void tell(int code)
{
	const char *trace = secure_getenv("IOTSAFE_TRACE");

	if (trace && *trace)
		fprintf(stderr, "iotsafe-pkcs11: %s: %s\n",
			iotsafe_error_name(code), iotsafe_last_error());
}

ck_rv_t error_of(int code)
{
	tell(code);
	switch (code) {
	case IOTSAFE_ERR_MEMORY:
		return CKR_HOST_MEMORY;
	case IOTSAFE_ERR_CANCELLED:
		return CKR_FUNCTION_CANCELED;
	case IOTSAFE_ERR_ABSENT:
		return CKR_DEVICE_REMOVED;
	/* What port, modem or reader is away the card need not have left. */
	case IOTSAFE_ERR_IO:
	case IOTSAFE_ERR_CLOSED:
	case IOTSAFE_ERR_BUSY:
	case IOTSAFE_ERR_TIMEOUT:
	case IOTSAFE_ERR_MODEM:
	case IOTSAFE_ERR_CARD:
	case IOTSAFE_ERR_FORMAT:
	case IOTSAFE_ERR_VERIFY:
		return CKR_DEVICE_ERROR;
	/* ERR_PIN too: a program that asked for a PIN could do nothing with it,
	 * for the SIM's is given by the address. */
	default:
		return CKR_FUNCTION_FAILED;
	}
}

ck_rv_t error_of_opening(int code)
{
	switch (code) {
	case IOTSAFE_ERR_IO:
	case IOTSAFE_ERR_ABSENT:
	case IOTSAFE_ERR_ARG:
	case IOTSAFE_ERR_SUPPORT:
		tell(code);
		return CKR_TOKEN_NOT_PRESENT;
	default:
		return error_of(code);
	}
}
