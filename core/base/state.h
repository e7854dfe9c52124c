/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What outlives a process that was killed: the logical channels that it had
 * open on the card behind a port, so that the next process of ours closes
 * them, and them alone. One small file a port, valid until the machine is
 * started again or the port has come anew. Used by who has the port; where it
 * cannot be written nothing is known, and all else works.
 *
 * `port` is a device's real path. NULL and "" have no state.
 */
#ifndef BASE_STATE_H
#define BASE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_CHANNELS_MAX 8
#define STATE_HANDLE_MAX   40
#define STATE_ICCID_MAX	   24
#define STATE_SIZE_MAX	   1024
#define STATE_LOST_MAX	   3

struct state_channel {
	pid_t pid;	  /* 0: nobody's */
	uint64_t started; /* of the process: pids are used again */
	unsigned number;  /* 1 to 19; 0: see handle */
	/* The modem's; "" where the number is 0 too: asked for, and the answer
	 * was not seen; nobody's then: and will not come any more. */
	char handle[STATE_HANDLE_MAX];
};

struct state {
	char boot[40];	/* the machine's boot id */
	uint64_t node;	/* number of the device */
	uint64_t since; /* when its node was made, in nanoseconds */
	char iccid[STATE_ICCID_MAX]; /* of the card with these channels, or ""
				      */
	uint64_t changes;	     /* times that a process changed the card */
	struct state_channel channels[STATE_CHANNELS_MAX];
	size_t channels_count;
};

/* The file's content, and back. False on anything that state_format() would
 * not have written. */
bool state_parse(const char *text, size_t size, struct state *out);
size_t state_format(const struct state *state, char out[STATE_SIZE_MAX]);

/* What is known of a port. Empty, and false, where that is nothing. */
bool state_read(const char *port, struct state *out);

/*
 * A channel of this process: is asked for; was answered for; was opened (by its
 * number, or else by its handle) or will not be; has been closed.
 *
 * Asking gives a descriptor, or 0. The answer is noted by it with a single
 * write as soon as it is read, for a process may be killed at any time. It is
 * closed by state_channel_answered(), also with nothing known (0 and "").
 */
int state_channel_asked(const char *port);
void state_channel_answered(int *note, unsigned number, const char *handle);
void state_channel_opened(const char *port, unsigned number,
			  const char *handle);
void state_channel_closed(const char *port, unsigned number,
			  const char *handle);

/* This process cannot use it any more, though it may be open: nobody's now. */
void state_channel_left(const char *port, unsigned number, const char *handle);

/* True where the answer to an opening was not seen; and that answer, if it
 * comes late: it is of a channel that nobody uses. */
bool state_channel_awaited(const char *port);
void state_channel_late(const char *port, unsigned number, const char *handle);

/*
 * A channel that is recorded and used by nobody, for its process is gone; with
 * `any` whoever recorded it, which is for who knows that nobody uses one. It
 * stays recorded until it is dropped. False: there is none.
 */
bool state_find_channel(const char *port, bool any, struct state_channel *out);
void state_drop_channel(const char *port, const struct state_channel *channel);

/* An answer will not come any more, but a channel may be open; how many there
 * are of these, STATE_LOST_MAX at most; none of them is open. */
void state_channel_lost(const char *port, const struct state_channel *channel);
unsigned state_lost_channels(const char *port);
void state_forget_lost(const char *port);

/* The card that is behind the port. What was recorded of another one is
 * forgotten, then true. */
bool state_set_iccid(const char *port, const char *iccid);

/* True if there is no such process, or it has ended. */
bool state_process_is_gone(pid_t pid);

/* This process changed objects of the card, which others may remember. */
void state_card_changed(const char *port);

#endif
