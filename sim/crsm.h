/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CRSM_H
#define SIM_CRSM_H

#include "at_command.h"
#include "csim.h"

/* What stands behind AT+CRSM=. */
int crsm_run(struct modem *modem, struct text arguments, struct reply *reply);

#endif
