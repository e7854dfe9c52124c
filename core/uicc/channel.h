/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A logical channel of the UICC with an applet selected on it (ETSI TS 102
 * 221 8.7, 10.1.2; ISO/IEC 7816-4 5.4). Commands go in as fields; their
 * answers come back whole, however many exchanges that takes. */
#ifndef UICC_CHANNEL_H
#define UICC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/deadline.h"
#include "link/link.h"
#include "uicc/apdu.h"
#include "uicc/iccid.h"

#define CHANNEL_AIDS_MAX 16

struct aid {
	uint8_t data[AID_MAX];
	size_t size;
};

static inline bool aid_is(const struct aid *a, const struct aid *b)
{
	return bytes_equal((struct bytes){a->data, a->size},
			   (struct bytes){b->data, b->size});
}

/* What is found out about card and modem while talking to them. */
struct manners {
	bool class_0x;	  /* applet commands go with class 0X, not 8X */
	bool response_0x; /* and GET RESPONSE too */
	bool with_le;	  /* case 4 carries Le */
	bool no_exact_le; /* nor does it where a number is asked for */
	/* Where the modem opened the channel: whether the class byte says its
	 * number all the same, and whether that is known. */
	bool class_numbered, class_known;
	unsigned piece; /* most bytes to ask for at once, 1 to 256 */
	/* Said by the address: not to be changed. */
	bool forced_class, forced_le, forced_piece;
};

struct channel {
	struct link *link;
	bool open;
	int number; /* 0 to 19; 0 where the modem opens channels */
	char handle[LINK_HANDLE_MAX]; /* the modem's, else "" */
	struct aid aid;		      /* the selected applet */
	/* The card's number when the channel was opened, "" if not known. */
	char iccid[ICCID_TEXT];
	struct manners manners;
	/* The card said 63CF, 6984 or 6989: objects may have changed. */
	bool administered;
};

/* A whole answer. The caller gives `data` and `room`. */
struct response {
	uint8_t *data;
	size_t room;
	size_t size;
	unsigned status;
};

/*
 * Opens a channel and selects the first applet of the list that is there, that
 * of the last time before the others.
 * IOTSAFE_ERR_ABSENT with one sentence if there is none; then no channel is
 * left open.
 */
int channel_open(struct channel *channel, struct link *link,
		 const struct aid *aids, size_t aids_count,
		 const struct deadline *deadline);

/* No channel is free: so a card says, and a modem may say anything; over QMI
 * and MBIM it need not tell the card's word. */
bool channel_is_full(enum link_way way, int result);

/* Closes it on the card if that can be done in time, two seconds at most;
 * never fails. `deadline` may be NULL. */
void channel_close(struct channel *channel, const struct deadline *deadline);

/* The card has forgotten it, or it is a stranger's by now: not to be closed. */
void channel_lost(struct channel *channel);

/*
 * Sends one command on the channel; follows 61xx, 9Fxx and 6Cxx; turns 91xx
 * into 9000; tries the other class on 6E00. The status word is in the
 * response, whatever it is.
 */
int channel_transact(struct channel *channel, const struct apdu *apdu,
		     struct response *response,
		     const struct deadline *deadline);

/* The same, and records an error unless the status word is 9000 (or 63CF,
 * which also means: done). */
int channel_command(struct channel *channel, const struct apdu *apdu,
		    struct response *response, const struct deadline *deadline)
	FOR_MODULES(channel_command);

/* The same for a command that must bring data and may be repeated: where a 9000
 * comes alone, Le is sent along once. */
int channel_obtain(struct channel *channel, const struct apdu *apdu,
		   struct response *response, const struct deadline *deadline)
	FOR_MODULES(channel_obtain);

/* For what must not be sent twice: one exchange, whatever comes of it. */
int channel_once(struct channel *channel, const struct apdu *apdu,
		 struct response *response, const struct deadline *deadline)
	FOR_MODULES(channel_once);

/* One command, one answer, whatever the status word asks for; data is added
 * to the response. */
int channel_exchange(struct channel *channel, const struct apdu *apdu,
		     uint8_t cla, bool with_le, struct response *response,
		     const struct deadline *deadline);

/* 61xx, and 9Fxx of GSM 11.11: the answer waits to be fetched. */
bool channel_data_waits(unsigned status);

/* Of SELECT: the applet is there and cannot be had. */
bool channel_applet_is_closed(unsigned status);

/* Records the error for a command of this name that ended with this status
 * word. */
int channel_refused(const char *name, unsigned status)
	FOR_MODULES(channel_refused);

#endif
