/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CGLA_H
#define SIM_CGLA_H

#include "csim.h"

/*
 * The modem's own logical channels, 3GPP TS 27.007 8.43 to 8.45: AT+CCHO="AID"
 * opens one and selects, AT+CGLA=ID,LENGTH,HEX speaks on it, AT+CCHC=ID closes
 * it. Results as at_run.
 */
int cgla_open(struct modem *modem, struct text arguments, struct reply *reply,
	      struct at_exchange *exchange);
int cgla_run(struct modem *modem, struct text arguments, struct reply *reply,
	     struct at_exchange *exchange);
int cgla_close(struct modem *modem, struct text arguments, struct reply *reply,
	       struct at_exchange *exchange);

#endif
