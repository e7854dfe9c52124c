/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PERSONALISE_H
#define SIM_PERSONALISE_H

/* `iotsafe-sim personalise`: options as main() gets them, from the word on; the
 * exit code. */
int personalise(int argc, char **argv);

#endif
