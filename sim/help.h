/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_HELP_H
#define SIM_HELP_H

/* What iotsafe-sim --help prints. */
extern const char sim_help[];

#endif
