/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_UICC_H
#define SIM_UICC_H

#include "card.h"

#define UICC_MF	      0x3F00
#define UICC_EF_ICCID 0x2FE2

/* The master file: what answers while no applet is selected. */
extern const struct applet uicc_applet;

/* SELECT by file id or path; the file is then uicc_file(). */
uint16_t uicc_select(struct card *card, const struct command *command,
		     struct writer *out);
unsigned int uicc_file(const struct command *command);

/* Does the data of this command hold a PIN? */
bool uicc_is_secret(unsigned int ins);

#endif
