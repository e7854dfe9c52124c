/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One way to open a channel. For channel_way.c, which chooses. */
#ifndef UICC_CHANNEL_WAY_H
#define UICC_CHANNEL_WAY_H

#include "uicc/channel.h"

int channel_open_one_way(struct channel *channel, enum link_way way,
			 const struct aid *aids, size_t aids_count,
			 const struct deadline *deadline);

#endif
