/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Status words in words. */
#ifndef TOOLS_STATUS_H
#define TOOLS_STATUS_H

/* Static; "unknown status word" where nobody has told us. */
const char *status_words(unsigned status);

#endif
