/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An APDU becomes an exchange with a card in a reader, through pcscd. The card
 * is shared with other programs: a turn is a transaction of PC/SC. Every call
 * may block (a transaction of somebody else, a dead card, a stopped pcscd), so
 * all are made in a worker's thread.
 */
#include <stdlib.h>
#include <string.h>
#include <winscard.h>
#include "base/error.h"
#include "base/trace.h"
#include "link/module.h"
#include "link/pcsc.h"
#include "link/pcsc_state.h"
#include "link/worker.h"

/* pcscd asks most readers every 400 ms whether the card is still there. */
#define NOTICE_LIMIT 1000

#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)

/* The worker's while it is in a call, ours between two. */
struct pcsc {
	struct worker *worker;
	char reader[PCSC_NAME_MAX];
	struct pcsc_readers readers;
	DWORD protocols; /* that may be spoken */
	/* A command was given up: the card may still be at it. */
	bool broken;

	SCARDCONTEXT context;
	SCARDHANDLE card;
	bool has_context, has_card, in_transaction;
	DWORD protocol;
	DWORD farewell; /* what becomes of the card in the end */
	LONG result;
	int patience; /* milliseconds, to learn why a command failed */
	uint8_t command[LINK_COMMAND_MAX], response[LINK_RESPONSE_ONE];
	DWORD command_size, response_size;
};

/* ---- in the worker's thread ---- */

/* A pcscd that ends while we connect looks like one that refuses us: only that
 * one is still there, and refuses again. */
static LONG establish(struct pcsc *pcsc)
{
	LONG result = SCARD_W_SECURITY_VIOLATION;

	for (int i = 0; i < 2 && result == SCARD_W_SECURITY_VIOLATION; i++)
		result = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
					       &pcsc->context);
	return result;
}

static LONG list_readers(struct pcsc *pcsc)
{
	char names[PCSC_READERS_MAX * PCSC_NAME_MAX + 1];
	DWORD size = sizeof(names);
	LONG result;

	result = establish(pcsc);
	if (result != SCARD_S_SUCCESS)
		return result;
	pcsc->has_context = true;
	result = SCardListReaders(pcsc->context, NULL, names, &size);
	if (result != SCARD_S_SUCCESS)
		return result;
	pcsc_read_names(&pcsc->readers, names, size);
	return pcsc_read_presence(pcsc->context, &pcsc->readers);
}

static void list_call(void *self)
{
	struct pcsc *pcsc = self;

	pcsc->result = list_readers(pcsc);
}

/* T=0 where the card offers it: what readers choose by themselves was seen to
 * fail with SIMs. */
static void connect_call(void *self)
{
	static const DWORD order[] = {SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1};
	struct pcsc *pcsc = self;

	pcsc->result = SCARD_E_PROTO_MISMATCH;
	for (size_t i = 0; i < 2; i++) {
		if (!(pcsc->protocols & order[i]) ||
		    pcsc->result != SCARD_E_PROTO_MISMATCH)
			continue;
		pcsc->result = SCardConnect(pcsc->context, pcsc->reader,
					    SCARD_SHARE_SHARED, order[i],
					    &pcsc->card, &pcsc->protocol);
	}
	pcsc->has_card = pcsc->result == SCARD_S_SUCCESS;
}

static void begin_call(void *self)
{
	struct pcsc *pcsc = self;

	pcsc->result = SCardBeginTransaction(pcsc->card);
	pcsc->in_transaction = pcsc->result == SCARD_S_SUCCESS;
}

/* Behind the connection nothing can have got lost yet. */
static void first_begin_call(void *self)
{
	struct pcsc *pcsc = self;

	begin_call(pcsc);
	if (pcsc->result != SCARD_W_RESET_CARD)
		return;
	pcsc->result =
		SCardReconnect(pcsc->card, SCARD_SHARE_SHARED, pcsc->protocol,
			       SCARD_LEAVE_CARD, &pcsc->protocol);
	if (pcsc->result == SCARD_S_SUCCESS)
		begin_call(pcsc);
}

static void transmit_call(void *self)
{
	struct pcsc *pcsc = self;
	const SCARD_IO_REQUEST *header = pcsc->protocol == SCARD_PROTOCOL_T1
						 ? SCARD_PCI_T1
						 : SCARD_PCI_T0;

	pcsc->response_size = sizeof(pcsc->response);
	pcsc->result = SCardTransmit(pcsc->card, header, pcsc->command,
				     pcsc->command_size, NULL, pcsc->response,
				     &pcsc->response_size);
	/* Pulled in the middle: some drivers call nothing a success. */
	if (pcsc->result == SCARD_S_SUCCESS && !pcsc->response_size)
		pcsc->result = SCARD_E_NOT_TRANSACTED;
	if (pcsc->result != SCARD_E_NOT_TRANSACTED &&
	    pcsc->result != SCARD_E_COMM_DATA_LOST)
		return;
	/* What was lost on the way may still be on it. */
	pcsc->farewell = SCARD_RESET_CARD;
	if (pcsc_card_has_gone(pcsc->context, pcsc->reader, pcsc->patience))
		pcsc->result = SCARD_W_REMOVED_CARD;
}

static void end_call(void *self)
{
	struct pcsc *pcsc = self;

	if (pcsc->in_transaction)
		SCardEndTransaction(pcsc->card, SCARD_LEAVE_CARD);
	pcsc->in_transaction = false;
}

static void wipe(struct pcsc *pcsc)
{
	explicit_bzero(pcsc->command, sizeof(pcsc->command));
	explicit_bzero(pcsc->response, sizeof(pcsc->response));
}

static void late_call(void *self)
{
	end_call(self);
	wipe(self);
}

static void free_call(void *self)
{
	struct pcsc *pcsc = self;

	end_call(pcsc);
	if (pcsc->has_card)
		SCardDisconnect(pcsc->card, pcsc->farewell);
	if (pcsc->has_context)
		SCardReleaseContext(pcsc->context);
	wipe(pcsc);
	free(pcsc);
}

/* ---- in the caller's ---- */

/* Connecting waits for other programs, too. */
static const char others_turn[] =
	"another program had the card to itself (a transaction of PC/SC) when "
	"the time was up";

/* Runs a call; `otherwise` is the code and `late` the sentence for one that
 * does not come back in time. */
static int run(struct pcsc *pcsc, void (*call)(void *self), int otherwise,
	       const char *late, const struct deadline *deadline)
{
	int result = worker_run(pcsc->worker, call, deadline);

	if (result == IOTSAFE_ERR_TIMEOUT)
		return error_set(otherwise, "pcsc: \"%s\": %s", pcsc->reader,
				 late);
	if (result == IOTSAFE_ERR_CANCELLED)
		return error_set(result, "pcsc: \"%s\": cancelled",
				 pcsc->reader);
	if (result < 0)
		return result;
	/* libpcsclite says so, too, when pcscd has closed the connection;
	 * whether we may use the card was decided when we connected. */
	if (pcsc->result == SCARD_W_SECURITY_VIOLATION && pcsc->has_card)
		pcsc->result = SCARD_F_COMM_ERROR;
	if (pcsc->result != SCARD_S_SUCCESS)
		return pcsc_failed(pcsc->reader, (long)pcsc->result);
	return IOTSAFE_OK;
}

static int run_begin(struct pcsc *pcsc, void (*call)(void *self),
		     const struct deadline *deadline)
{
	return run(pcsc, call, IOTSAFE_ERR_BUSY, others_turn, deadline);
}

static int find_reader(struct pcsc *pcsc, const char *wanted,
		       const struct deadline *deadline)
{
	int result = worker_run(pcsc->worker, list_call, deadline);
	size_t chosen;

	if (result == IOTSAFE_ERR_TIMEOUT)
		return error_set(result, "pcsc: pcscd does not answer");
	if (result == IOTSAFE_ERR_CANCELLED)
		return error_set(result, "pcsc: cancelled");
	if (result < 0)
		return result;
	if (pcsc->result != SCARD_S_SUCCESS)
		return pcsc_failed("", (long)pcsc->result);
	TRY(pcsc_choose(&pcsc->readers, wanted, &chosen));
	strcpy(pcsc->reader, pcsc->readers.list[chosen].name);
	return IOTSAFE_OK;
}

static int open_card(struct pcsc *pcsc, const char *wanted,
		     const struct deadline *deadline)
{
	TRY(find_reader(pcsc, wanted, deadline));
	TRY(run(pcsc, connect_call, IOTSAFE_ERR_BUSY, others_turn, deadline));
	trace_line(IOTSAFE_TRACE_APDU, "pcsc: \"%s\", T=%d", pcsc->reader,
		   pcsc->protocol == SCARD_PROTOCOL_T1);
	return run_begin(pcsc, first_begin_call, deadline);
}

static int read_protocol(const struct address *address, DWORD *protocols)
{
	const char *value = address_get(address, "protocol");

	*protocols = PROTOCOLS;
	if (!value)
		return IOTSAFE_OK;
	if (!strcmp(value, "t0"))
		*protocols = SCARD_PROTOCOL_T0;
	else if (!strcmp(value, "t1"))
		*protocols = SCARD_PROTOCOL_T1;
	else
		return error_set(IOTSAFE_ERR_ARG,
				 "address: protocol=%.40s is neither t0 nor t1",
				 value);
	return IOTSAFE_OK;
}

static int pcsc_start(struct pcsc **out)
{
	static const struct worker_manners manners = {late_call, free_call};
	struct pcsc *pcsc = calloc(1, sizeof(*pcsc));
	int result;

	if (!pcsc)
		return error_set(IOTSAFE_ERR_MEMORY, "pcsc: no memory");
	pcsc->farewell = SCARD_LEAVE_CARD;
	result = worker_start(&pcsc->worker, &manners, pcsc);
	if (result < 0)
		free(pcsc);
	else
		*out = pcsc;
	return result;
}

static int pcsc_open(struct link *link, const struct address *address,
		     const struct deadline *deadline)
{
	struct pcsc *pcsc = NULL;
	DWORD protocols;
	bool shared;
	int result;

	TRY(read_protocol(address, &protocols));
	TRY(address_get_flag(address, "share", false, &shared));
	TRY(pcsc_start(&pcsc));
	pcsc->protocols = protocols;
	result = open_card(pcsc, address->path, deadline);
	if (result < 0) {
		worker_stop(pcsc->worker);
		return result;
	}
	link->self = pcsc;
	link->shared = shared;
	link->wants_le = pcsc->protocol == SCARD_PROTOCOL_T1;
	return IOTSAFE_OK;
}

/* Waits for the answer to a command that was given up, which is nobody's; the
 * transaction ended with it. Channels are as they were, unless PC/SC says
 * otherwise. */
static int check_whole(struct pcsc *pcsc, const struct deadline *deadline)
{
	int result;

	if (!pcsc->broken)
		return IOTSAFE_OK;
	result = run(pcsc, end_call, IOTSAFE_ERR_TIMEOUT,
		     "the card has still not answered an earlier command",
		     deadline);
	pcsc->broken = result == IOTSAFE_ERR_TIMEOUT ||
		       result == IOTSAFE_ERR_CANCELLED;
	/* Of that answer. */
	return result == IOTSAFE_ERR_FORMAT ? IOTSAFE_OK : result;
}

/* In the middle of a turn. */
static int make_whole(struct pcsc *pcsc, const struct deadline *deadline)
{
	if (!pcsc->broken)
		return IOTSAFE_OK;
	TRY(check_whole(pcsc, deadline));
	return run_begin(pcsc, begin_call, deadline);
}

static int pcsc_exchange(struct link *link, const char *handle,
			 const uint8_t *command, size_t command_size,
			 uint8_t *response, size_t *response_size,
			 const struct deadline *deadline)
{
	struct pcsc *pcsc = link->self;
	int left = deadline_left(deadline), result;

	(void)handle;
	TRY(make_whole(pcsc, deadline));
	/* The sentence has to come before the deadline. */
	pcsc->patience =
		left < 0 || left / 2 > NOTICE_LIMIT ? NOTICE_LIMIT : left / 2;
	memcpy(pcsc->command, command, command_size);
	pcsc->command_size = (DWORD)command_size;
	result = run(pcsc, transmit_call, IOTSAFE_ERR_TIMEOUT,
		     "the card did not answer in time", deadline);
	if (result == IOTSAFE_ERR_TIMEOUT || result == IOTSAFE_ERR_CANCELLED) {
		pcsc->broken = true;
		return result;
	}
	link->counters.bytes_sent += command_size;
	if (result >= 0) {
		memcpy(response, pcsc->response, pcsc->response_size);
		*response_size = pcsc->response_size;
		link->counters.bytes_received += pcsc->response_size;
	}
	wipe(pcsc);
	return result;
}

static int pcsc_turn_begin(struct link *link, const struct deadline *deadline)
{
	struct pcsc *pcsc = link->self;

	TRY(check_whole(pcsc, deadline));
	return run_begin(pcsc, begin_call, deadline);
}

static void pcsc_turn_end(struct link *link)
{
	struct pcsc *pcsc = link->self;

	worker_post(pcsc->worker, end_call);
}

static void pcsc_close(struct link *link)
{
	struct pcsc *pcsc = link->self;

	link->self = NULL;
	worker_stop(pcsc->worker);
}

static const char *const attributes[] = {"protocol", "share", NULL};

static const struct link_kind pcsc_kind = {
	.scheme = "pcsc",
	.attributes = attributes,
	.open = pcsc_open,
	.exchange = pcsc_exchange,
	.close = pcsc_close,
	.turn_begin = pcsc_turn_begin,
	.turn_end = pcsc_turn_end,
};

LINK_MODULE(pcsc_kind);
