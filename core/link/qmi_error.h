/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the error numbers of QMI mean for us. Pure. */
#ifndef LINK_QMI_ERROR_H
#define LINK_QMI_ERROR_H

#include <stdbool.h>

/* Records the error for `what` ("UIM Send APDU") on this modem. Some errors
 * mean something of their own when a channel is opened. */
int qmi_error_record(int number, const char *modem, const char *what,
		     bool opening);

/* The modem does not have this request, or not with these TLVs. */
bool qmi_error_is_unknown_request(int number);

/* The SIM is starting: the request may be repeated. */
bool qmi_error_is_not_ready(int number);

#endif
