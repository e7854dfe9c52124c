/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CRSM_H
#define SIM_CRSM_H

#include "at_command.h"
#include "csim.h"

/* Makers' commands for the ICCID, in the order of the quirk's number. */
enum maker {
	MAKER_CCID = 1,
	MAKER_QCCID,
	MAKER_ICCID,
	MAKER_HUAWEI,
	MAKER_TELIT
};

/* What stands behind AT+CRSM=. */
int crsm_run(struct modem *modem, struct text arguments, struct reply *reply);

int crsm_maker(struct modem *modem, enum maker maker, struct reply *reply);

#endif
