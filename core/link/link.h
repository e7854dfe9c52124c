/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A way to a card: bytes of an APDU in, bytes of its answer out, by a
 * deadline. What an APDU means is nobody's business here. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <iotsafe/iotsafe.h>
#include "base/address.h"
#include "base/deadline.h"

#define LINK_COMMAND_MAX  261 /* short APDU: header, Lc, 255 bytes, Le */
#define LINK_RESPONSE_MAX 500 /* pieces that a modem may have put together */
#define LINK_RESPONSE_ONE 258 /* of a card: 256 bytes and the status word */
#define LINK_HANDLE_MAX	  40
#define LINK_ICCID_SIZE	  10
#define AID_MAX		  16

struct link_counters {
	uint64_t exchanges;
	uint64_t bytes_sent;
	uint64_t bytes_received;
	uint64_t microseconds;
};

/* Who opens the channel that the applet is selected on. */
enum link_way {
	LINK_BY_MODEM, /* the modem: CCHO, QMI, MBIM */
	LINK_BY_HOST,  /* the host, with MANAGE CHANNEL */
	LINK_ON_BASIC, /* nobody: it is the basic channel, which others use */
	LINK_WAYS
};

/* Stays where it is from link_open() to link_close(). */
struct link {
	const struct link_kind *kind;
	void *self;
	struct link_counters counters;
	/* For kinds with channel_open; the others have LINK_BY_HOST alone. */
	enum link_way way;
	/* Others may be tried too: `way` is the one that worked last. */
	bool either;
	unsigned useless; /* ways that open and let nothing pass, a bit each */
	bool proven;	  /* a command on a channel was answered so */
	/* The kind's `iccid` gave it once; or was asked in vain the first time,
	 * and is not asked again: some modems say nothing for seconds. */
	bool has_iccid, no_iccid;
	/* Another channel of ours is open beside the one that is opened: what
	 * is recorded of this process may be that one, and the way is known. */
	bool more;
	/* The modem said that it has started anew: the channels are gone. */
	bool restarted;
	/* The way to the modem ended, a proxy perhaps: the modem itself may go
	 * on, and then keeps open what it opened for us. */
	bool way_gone;
	/* What is sent next may change the card: never said twice. */
	bool once;
	/* The card is ours until link_turn_end(). */
	bool in_turn;
	/* Set by open: nobody else uses the card, so that there are no turns;
	 * or other processes of ours have theirs between ours, so that a turn
	 * closes what it opened on the card. */
	bool alone, shared;
	/* The device's real path, where channels are recorded by it
	 * (base/state.h); else NULL. */
	const char *port;
	/* Where the answer to the opening of a channel is noted as soon as it
	 * is read: see state_channel_asked(); 0 where none is awaited. */
	int note;
	/* Channels, a bit each, that were open when the application's link
	 * failed, which goes on and has no port to record them by. */
	uint32_t strays;
	/* A command that expects data carries its Le also behind data (T=1,
	 * APDU-level readers, MBIM); T=0 manners leave it out. Set by open. */
	bool wants_le;
};

/* What a kind of link does and who does what on it. */
struct link_kind {
	const char *scheme; /* "at" */
	/* The attributes that this kind of address has; ends with NULL. */
	const char *const *attributes;
	/* Opens what the address names; sets link->self. The rest but abandon
	 * may be called only after it succeeded. */
	int (*open)(struct link *link, const struct address *address,
		    const struct deadline *deadline);
	/*
	 * One command, one answer with its status word: 2 to
	 * LINK_RESPONSE_MAX bytes. `handle` is the modem's channel handle
	 * where the modem opens channels, else NULL. Counts bytes sent and
	 * received; link_exchange() counts the rest.
	 */
	int (*exchange)(struct link *link, const char *handle,
			const uint8_t *command, size_t command_size,
			uint8_t *response, size_t *response_size,
			const struct deadline *deadline);
	/* Frees everything; must not wait for a far side that is gone. Where
	 * there is an abandon, link->self is NULL before it is freed. */
	void (*close)(struct link *link);
	/* In a child made by fork(): lets go of the descriptors that would
	 * keep the card from others when the parent has ended. No word to the
	 * far side, which is the parent's. The parent may have been within
	 * open or close. NULL: there are none. */
	void (*abandon)(struct link *link);
	/* Modem-made channels (CCHO, QMI, MBIM): open with an AID gives the
	 * handle, _MODEM: refused. NULL: the host sends MANAGE CHANNEL and
	 * SELECT itself. */
	int (*channel_open)(struct link *link, const uint8_t *aid,
			    size_t aid_size, char handle[LINK_HANDLE_MAX],
			    const struct deadline *deadline);
	int (*channel_close)(struct link *link, const char *handle,
			     const struct deadline *deadline);
	/*
	 * Keeps other users away from the card for a whole operation, and lets
	 * them in again. Called in pairs, by link_turn_begin() and
	 * link_turn_end(); after open the link is in its first turn, close may
	 * come in the middle of one. begin waits for the others until the
	 * deadline: _BUSY or _TIMEOUT, _CANCELLED, or _CLOSED, where the card
	 * must be opened anew; all recorded. end never waits nor fails. NULL
	 * for both: nobody else uses the card.
	 */
	int (*turn_begin)(struct link *link, const struct deadline *deadline);
	void (*turn_end)(struct link *link);
	/* EF_ICCID as the modem reads it; _MODEM: refused, or no answer long
	 * before the deadline. NULL: the host reads it on a channel of its
	 * own. */
	int (*iccid)(struct link *link, uint8_t iccid[LINK_ICCID_SIZE],
		     const struct deadline *deadline);
	/* A handle of the modem is the number of the channel, and the class
	 * byte of commands carries it, as where the host opens channels.
	 * False: the modem puts the channel into the class byte itself. */
	bool host_sets_class;
	/* Gives the modem the SIM's PIN, once; _PIN: it was wrong. NULL: only
	 * the card is asked. */
	int (*unlock)(struct link *link, const char *pin,
		      const struct deadline *deadline);
	/* What people call the ways, by enum link_way; NULL where the host's is
	 * the only one. */
	const char *const *ways;
};

/* Finds the kind by the address's scheme and opens it. */
int link_open(struct link *link, const struct address *address,
	      const struct deadline *deadline);

/* In link_again.c. The same for an address that was open before: a device that
 * has gone is waited for. */
int link_open_again(struct link *link, const struct address *address,
		    const struct deadline *deadline);

/* Refuses an address with an attribute that neither its kind knows nor
 * `others` names (ends with NULL; NULL for none). */
int link_check_attributes(const struct address *address,
			  const char *const *others);

/* Wraps a copy of the application's own two functions. `own` was checked; its
 * close() is called also if this fails. */
int link_open_own(struct link *link, const iotsafe_link *own);

/*
 * The errors of an exchange: _IO, _CLOSED (the far side has gone), _TIMEOUT,
 * _CANCELLED, _BUSY (SIM busy to the end), _MODEM, _ABSENT (no SIM), _FORMAT.
 * After any of them the link may be used again: what is still on its way
 * from before is never taken for the answer to the next command.
 */
int link_exchange(struct link *link, const char *handle, const uint8_t *command,
		  size_t command_size, uint8_t *response, size_t *response_size,
		  const struct deadline *deadline);

/* Begins a turn, unless the link is in one: as it is when link_open() returns.
 * The errors of the kind's turn_begin; the link is then in no turn. */
int link_turn_begin(struct link *link, const struct deadline *deadline);

/* Ends it, if the link is in one. Keeps the error that is recorded. */
void link_turn_end(struct link *link);

/* Accepts a link that was never opened or is closed already. */
void link_close(struct link *link);

/* In a child made by fork(), for a link of its parent's: nothing else may be
 * done with that there. */
void link_abandon(struct link *link);

/* The way in use lets nothing pass: the others come first from now on. */
void link_leave_way(struct link *link);

#endif
