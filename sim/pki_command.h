/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PKI_COMMAND_H
#define SIM_PKI_COMMAND_H

/* `iotsafe-sim pki`: options as main() gets them, from the word on; the exit
 * code. */
int pki_command(int argc, char **argv);

#endif
