/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A conversation with a QMI modem, through qmi-proxy or on the device: one
 * request, the answer that is its own. */
#ifndef LINK_QMI_MODEM_H
#define LINK_QMI_MODEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/deadline.h"
#include "link/link.h"
#include "link/qmi_message.h"
#include "link/stream.h"

struct qmi_modem {
	struct stream stream;
	struct link *link;
	char *path;   /* of the device, links followed */
	bool proxied; /* the stream is qmi-proxy's */
	bool silent;  /* the last request was not answered in time */
	uint16_t transaction;
	size_t used; /* of what was read: the last answer and before */
	size_t filled;
	uint8_t buffer[QMI_FRAME_MAX];
};

struct qmi_request {
	const char *name; /* "UIM Send APDU" */
	struct qmi_head head;
	struct builder out; /* in data */
	uint8_t data[QMI_REQUEST_MAX];
};

/* Starts a request; the TLVs are the caller's. */
void qmi_modem_begin(struct qmi_request *request, const char *name,
		     enum qmi_service service, uint8_t client, enum qmi_id id);

/*
 * Sends a request, again if need be, and waits for its answer, which stays
 * until the next one. Answers to others and to what was given up are skipped,
 * and so are indications. A SIM that is not ready is asked again for some
 * seconds. All errors are recorded; `error` is the modem's own, which the
 * caller judges.
 */
int qmi_modem_ask(struct qmi_modem *modem, struct qmi_request *request,
		  struct qmi_message *answer, int *error,
		  const struct deadline *deadline);

/* Records what the modem's error number means. */
int qmi_modem_refused(const struct qmi_modem *modem,
		      const struct qmi_request *request, int error);

/* Wipes what was read and is done with. */
void qmi_modem_wipe(struct qmi_modem *modem);

/* In qmi_open.c. Opens the device of the address, through the proxy where that
 * is wanted. */
int qmi_modem_open(struct qmi_modem *modem, const struct address *address,
		   const struct deadline *deadline);

#endif
