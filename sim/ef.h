/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_EF_H
#define SIM_EF_H

#include "card.h"

#define EF_MAX 0x7FFF /* what 15 bits of offset reach */

/* Takes the place of what is selected; the writer fills it. */
bool ef_begin(struct ef *ef, struct writer *out);
/* False where it did not fit. */
bool ef_end(struct ef *ef, const struct writer *out);
void ef_forget(struct ef *ef);

/*
 * File control parameters: the size under `size_tag`, type, `id`, life cycle,
 * and compact security attributes.
 */
void ef_put_fcp(const struct card *card, const struct ef *ef,
		unsigned int size_tag, unsigned int id, struct writer *out);

/* READ BINARY of the file selected on the channel. */
command_run ef_read_binary;

#endif
