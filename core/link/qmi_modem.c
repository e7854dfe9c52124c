/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request becomes the answer with the same service, client, transaction and
 * message. On a shared device much else comes by.
 */
#include <string.h>
#include "base/error.h"
#include "base/trace.h"
#include "link/qmi_error.h"
#include "link/qmi_modem.h"

/* A SIM that is not ready is asked again after so many milliseconds, doubled
 * each time, until it has been for the limit. */
#define READY_FIRST 100
#define READY_MAX   800
#define READY_LIMIT 5000

void qmi_modem_begin(struct qmi_request *request, const char *name,
		     enum qmi_service service, uint8_t client, enum qmi_id id)
{
	request->name = name;
	request->head = (struct qmi_head){
		.service = (uint8_t)service,
		.client = client,
		.id = (uint16_t)id,
	};
	request->out = (struct builder){.data = request->data,
					.room = QMI_REQUEST_MAX};
	qmi_begin(&request->out, &request->head);
}

void qmi_modem_wipe(struct qmi_modem *modem)
{
	bytes_wipe(modem->buffer, modem->used);
}

/* Makes room behind what is still to be looked at. */
static void move_up(struct qmi_modem *modem)
{
	size_t left = modem->filled - modem->used;

	memmove(modem->buffer, modem->buffer + modem->used, left);
	bytes_wipe(modem->buffer + left, modem->used);
	modem->used = 0;
	modem->filled = left;
}

static void received(struct qmi_modem *modem, int size)
{
	modem->filled += (size_t)size;
	modem->link->counters.bytes_received += (uint64_t)size;
}

static int gave_up(struct qmi_modem *modem, int result, const char *name)
{
	const char *modem_name = modem->stream.name;

	if (result == IOTSAFE_ERR_CANCELLED)
		return error_set(result, "%s: %s: cancelled", modem_name, name);
	if (result == IOTSAFE_ERR_TIMEOUT)
		return error_set(result,
				 "%s: %s: the modem did not answer in time",
				 modem_name, name);
	modem->link->way_gone = true;
	if (result == IOTSAFE_ERR_CLOSED && modem->proxied)
		return error_set(result,
				 "%s: %s: qmi-proxy closed the connection",
				 modem_name, name);
	return result;
}

static bool next_message(struct qmi_modem *modem, struct qmi_message *message)
{
	struct bytes in = {modem->buffer + modem->used,
			   modem->filled - modem->used};
	struct bytes frame;
	bool found;

	do
		found = qmi_frame(&in, &frame);
	while (found && !qmi_parse(frame, message));
	modem->used = modem->filled - in.size;
	return found;
}

static bool is_answer(const struct qmi_message *message,
		      const struct qmi_head *wanted)
{
	const struct qmi_head *head = &message->head;

	return message->response && head->service == wanted->service &&
	       head->client == wanted->client &&
	       head->transaction == wanted->transaction &&
	       head->id == wanted->id;
}

/* _TIMEOUT and _CANCELLED are not recorded. */
static int await(struct qmi_modem *modem, const struct qmi_head *wanted,
		 struct qmi_message *answer, const struct deadline *deadline)
{
	int result;

	for (;;) {
		while (next_message(modem, answer))
			if (is_answer(answer, wanted))
				return IOTSAFE_OK;
		move_up(modem);
		/* Also of a modem that babbles without end. */
		if (deadline_passed(deadline))
			return IOTSAFE_ERR_TIMEOUT;
		result = stream_read(
			&modem->stream, modem->buffer + modem->filled,
			sizeof(modem->buffer) - modem->filled, deadline);
		if (result < 0)
			return result;
		received(modem, result);
	}
}

/* What is on its way has another number. */
static void number(struct qmi_modem *modem, struct qmi_request *request)
{
	struct qmi_head *head = &request->head;

	if (!++modem->transaction)
		modem->transaction = 1;
	head->transaction = modem->transaction;
	if (head->service == QMI_CTL) {
		head->transaction &= 0xFF;
		if (!head->transaction)
			head->transaction = ++modem->transaction & 0xFF;
	}
	qmi_number(&request->out, head);
}

/* What came before a request is no answer to it. How much of a babbling modem
 * is thrown away has an end: only the deadline ends the rest. */
static int drop_old(struct qmi_modem *modem)
{
	struct qmi_message message;
	size_t thrown = 0;
	int result = 1;

	while (result > 0 && thrown < QMI_FRAME_MAX) {
		while (next_message(modem, &message))
			;
		move_up(modem);
		result = stream_read_now(&modem->stream,
					 modem->buffer + modem->filled,
					 sizeof(modem->buffer) - modem->filled);
		if (result < 0)
			return result;
		received(modem, result);
		thrown += (size_t)result;
	}
	return IOTSAFE_OK;
}

static int send_request(struct qmi_modem *modem,
			const struct qmi_request *request,
			const struct deadline *deadline)
{
	size_t done = 0;
	int result = drop_old(modem);

	if (result >= 0)
		result = stream_write(&modem->stream, request->data,
				      request->out.size, &done, deadline);
	modem->link->counters.bytes_sent += done;
	return result;
}

static int ask_once(struct qmi_modem *modem, struct qmi_request *request,
		    struct qmi_message *answer, const struct deadline *deadline)
{
	int result;

	number(modem, request);
	result = send_request(modem, request, deadline);
	if (result >= 0)
		result = await(modem, &request->head, answer, deadline);
	modem->silent = result == IOTSAFE_ERR_TIMEOUT;
	if (modem->silent)
		/* What has begun to come will be nobody's. */
		modem->used = modem->filled;
	if (result < 0)
		return gave_up(modem, result, request->name);
	trace_line(IOTSAFE_TRACE_AT, "qmi %s: %zu bytes -> error %d, %zu bytes",
		   request->name, request->out.size, qmi_result(answer),
		   answer->tlvs.size);
	if (!qmi_is_whole(answer) || qmi_result(answer) < 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: %s: the modem's answer is truncated or "
				 "garbled",
				 modem->stream.name, request->name);
	return IOTSAFE_OK;
}

/* Takes what comes for some milliseconds. */
static int listen_for(struct qmi_modem *modem, int milliseconds,
		      const char *name, const struct deadline *deadline)
{
	static const struct qmi_head nobody = {.service = 0xFF};
	struct deadline end = deadline_within(deadline, milliseconds);
	struct qmi_message message;
	int result = await(modem, &nobody, &message, &end);

	return result == IOTSAFE_ERR_TIMEOUT ? IOTSAFE_OK
					     : gave_up(modem, result, name);
}

int qmi_modem_ask(struct qmi_modem *modem, struct qmi_request *request,
		  struct qmi_message *answer, int *error,
		  const struct deadline *deadline)
{
	struct deadline ready = deadline_within(deadline, READY_LIMIT);
	int wait = READY_FIRST;

	qmi_end(&request->out);
	if (request->out.failed)
		return error_set(IOTSAFE_ERR_ARG, "%s: %s: too long",
				 modem->stream.name, request->name);
	for (;;) {
		TRY(ask_once(modem, request, answer, deadline));
		*error = qmi_result(answer);
		if (!qmi_error_is_not_ready(*error) || deadline_passed(&ready))
			return IOTSAFE_OK;
		TRY(listen_for(modem, wait, request->name, &ready));
		/* That it is not ready tells more than a time that is up. What
		 * it said has gone from the buffer. */
		answer->tlvs = (struct bytes){NULL, 0};
		if (deadline_passed(deadline))
			return IOTSAFE_OK;
		wait = 2 * wait < READY_MAX ? 2 * wait : READY_MAX;
	}
}

int qmi_modem_refused(const struct qmi_modem *modem,
		      const struct qmi_request *request, int error)
{
	const uint16_t id = request->head.id;

	return qmi_error_record(error, modem->stream.name, request->name,
				id == QMI_UIM_OPEN_CHANNEL ||
					id == QMI_UIM_LOGICAL_CHANNEL);
}
