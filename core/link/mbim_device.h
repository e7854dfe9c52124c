/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A conversation with an MBIM modem through libmbim, which knows callbacks
 * only: here each call waits for its own, by a deadline. */
#ifndef LINK_MBIM_DEVICE_H
#define LINK_MBIM_DEVICE_H

#include <libmbim-glib.h>
#include <stdbool.h>
#include "base/deadline.h"
#include "link/link.h"

struct mbim_device {
	/* The sources of libmbim are ours alone: whatever loop the application
	 * runs does not see them. */
	GMainContext *context;
	MbimDevice *device;
	struct link *link;
	char name[128]; /* "mbim:/dev/cdc-wdm0" */
};

/* `name` and `link` are set, the rest is zero. */
int mbim_device_start(struct mbim_device *mbim, const char *path, bool proxy,
		      const struct deadline *deadline);
/* Also after a start that failed. */
void mbim_device_end(struct mbim_device *mbim);

/*
 * Sends a request (`what` for errors), which is wiped and freed, NULL too. The
 * answer is to be freed by mbim_device_free(); its status is the caller's to
 * judge. While it says that modem or SIM are busy it is sent again, to the
 * deadline. All errors are recorded.
 */
int mbim_device_ask(struct mbim_device *mbim, const char *what,
		    MbimMessage *request, MbimMessage **answer,
		    const struct deadline *deadline);

/* Wipes it first: a PIN or a secret may be in it. */
void mbim_device_free(MbimMessage *message);

/* In mbim_error.c. Records what a status of MBIM means. */
int mbim_error_record(unsigned status, const char *modem, const char *what);

#endif
