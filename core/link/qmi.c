/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command APDU becomes the request Send APDU of the UIM service, on a channel
 * that the modem opened, and its answer a response APDU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "base/error.h"
#include "link/module.h"
#include "link/qmi_error.h"
#include "link/qmi_modem.h"

/* Milliseconds for what no card takes long for. A command's limit is the
 * operation's: some keys take half a minute to make. */
#define CONTROL_LIMIT 5000
#define CHANNEL_LIMIT 10000

/* The number of the card is read beside what was asked for. */
#define ICCID_LIMIT 3000
#define EF_ICCID    0x2FE2

/* Closing must not cost more than a good-bye is worth. */
#define RELEASE_LIMIT 1000

/* How a channel is asked for. The FCI is unwanted: nobody reads it, and its
 * length has one byte only. */
enum form {
	OPEN_WITHOUT_FCI, /* Open Logical Channel, which says so */
	OPEN,		  /* and does not */
	LOGICAL_CHANNEL,  /* the request for both opening and closing */
	FORMS
};

struct qmi {
	struct qmi_modem modem;
	uint8_t slot;
	uint8_t client; /* of the UIM service; 0: none yet */
	enum form form; /* that this firmware likes */
};

/* Asks, and makes an error of what the modem refuses. */
static int ask(struct qmi_modem *modem, struct qmi_request *request,
	       struct qmi_message *answer, const struct deadline *deadline)
{
	int error;

	TRY(qmi_modem_ask(modem, request, answer, &error, deadline));
	return error ? qmi_modem_refused(modem, request, error) : IOTSAFE_OK;
}

static int garbled(const struct qmi_modem *modem,
		   const struct qmi_request *request)
{
	return error_set(IOTSAFE_ERR_FORMAT,
			 "%s: %s: the modem's answer is truncated or garbled",
			 modem->stream.name, request->name);
}

/* ---- the client ---- */

static int allocate_client(struct qmi *qmi, const struct deadline *deadline)
{
	struct deadline limit = deadline_within(deadline, CONTROL_LIMIT);
	struct qmi_request request;
	struct qmi_message answer;
	struct bytes value;

	qmi_modem_begin(&request, "CTL Allocate CID", QMI_CTL, 0,
			QMI_CTL_ALLOCATE);
	qmi_tlv_u8(&request.out, QMI_TLV_CLIENT, QMI_UIM);
	TRY(ask(&qmi->modem, &request, &answer, &limit));
	if (!qmi_find(&answer, QMI_TLV_CLIENT, &value) || value.size != 2 ||
	    value.data[0] != QMI_UIM || !value.data[1])
		return garbled(&qmi->modem, &request);
	qmi->client = value.data[1];
	return IOTSAFE_OK;
}

/* The answer is waited for: the proxy drops what a client sent that has hung
 * up, and the modem has few clients to give. */
static void release_client(struct qmi *qmi)
{
	const uint8_t value[] = {QMI_UIM, qmi->client};
	bool silent = qmi->modem.silent;
	struct deadline limit = deadline_in(silent ? 0 : RELEASE_LIMIT, -1);
	struct qmi_request request;
	struct qmi_message answer;
	struct error kept;
	int error;

	if (!qmi->client || qmi->modem.link->way_gone)
		return;
	error_save(&kept);
	qmi_modem_begin(&request, "CTL Release CID", QMI_CTL, 0,
			QMI_CTL_RELEASE);
	qmi_tlv(&request.out, QMI_TLV_CLIENT, value, sizeof(value));
	qmi_modem_ask(&qmi->modem, &request, &answer, &error, &limit);
	error_restore(&kept);
}

/* ---- opening and closing ---- */

static void qmi_close(struct link *link)
{
	struct qmi *qmi = link->self;

	release_client(qmi);
	stream_close(&qmi->modem.stream);
	link->self = NULL;
	free(qmi->modem.path);
	bytes_wipe(qmi->modem.buffer, qmi->modem.filled);
	free(qmi);
}

static void qmi_abandon(struct link *link)
{
	struct qmi *qmi = link->self;

	stream_abandon(&qmi->modem.stream);
}

static int start(struct qmi *qmi, const struct address *address,
		 const struct deadline *deadline)
{
	long slot;

	TRY(address_get_number(address, "slot", 1, 8, 1, &slot));
	qmi->slot = (uint8_t)slot;
	/* What somebody's last life asked has other numbers. */
	if (getrandom(&qmi->modem.transaction, sizeof(qmi->modem.transaction),
		      GRND_NONBLOCK) < 0)
		qmi->modem.transaction = (uint16_t)deadline_now();
	TRY(qmi_modem_open(&qmi->modem, address, deadline));
	return allocate_client(qmi, deadline);
}

static int qmi_open_link(struct link *link, const struct address *address,
			 const struct deadline *deadline)
{
	struct qmi *qmi = calloc(1, sizeof(*qmi));
	int result;

	if (!qmi)
		return error_set(IOTSAFE_ERR_MEMORY, "qmi: no memory");
	qmi->modem.link = link;
	qmi->modem.stream.fd = -1;
	qmi->modem.stream.child_fd = -1;
	snprintf(qmi->modem.stream.name, sizeof(qmi->modem.stream.name),
		 "qmi:%s", address->path);
	link->self = qmi;
	result = start(qmi, address, deadline);
	link->port = qmi->modem.path;
	if (result < 0)
		qmi_close(link);
	return result;
}

/* ---- channels ---- */

static int open_refused(const struct qmi *qmi,
			const struct qmi_request *request, int error,
			unsigned status)
{
	const char *name = qmi->modem.stream.name;

	if (!status || status == 0x9000)
		return qmi_modem_refused(&qmi->modem, request, error);
	if (status == 0x6881 || status == 0x6A81 || status == 0x6A84)
		return error_set_status(IOTSAFE_ERR_BUSY, status,
					"%s: %s: the card has no free logical "
					"channel (card answered %04X)",
					name, request->name, status);
	return error_set_status(IOTSAFE_ERR_ABSENT, status,
				"%s: %s: this SIM has no IoT SAFE applet "
				"(card answered %04X, modem error %d)",
				name, request->name, status, error);
}

static int close_channel(struct qmi *qmi, uint8_t number,
			 const struct deadline *deadline)
{
	struct qmi_request request;
	struct qmi_message answer;

	qmi_modem_begin(&request, "UIM Logical Channel", QMI_UIM, qmi->client,
			QMI_UIM_LOGICAL_CHANNEL);
	qmi_tlv_u8(&request.out, 0x01, qmi->slot);
	qmi_tlv_u8(&request.out, 0x11, number);
	return ask(&qmi->modem, &request, &answer, deadline);
}

/* An error or a warning of ISO/IEC 7816-4. */
static bool is_refusal(unsigned status)
{
	return status >= 0x6200 && status <= 0x6FFF;
}

static int try_open(struct qmi *qmi, const uint8_t *aid, size_t aid_size,
		    char handle[LINK_HANDLE_MAX], int *error,
		    const struct deadline *deadline)
{
	struct qmi_request request;
	struct qmi_message answer;
	struct bytes value;
	unsigned status;
	uint8_t number;

	if (qmi->form == LOGICAL_CHANNEL)
		qmi_modem_begin(&request, "UIM Logical Channel", QMI_UIM,
				qmi->client, QMI_UIM_LOGICAL_CHANNEL);
	else
		qmi_modem_begin(&request, "UIM Open Logical Channel", QMI_UIM,
				qmi->client, QMI_UIM_OPEN_CHANNEL);
	qmi_open(&request.out, qmi->slot, aid, aid_size);
	if (qmi->form == OPEN_WITHOUT_FCI)
		qmi_tlv_u8(&request.out, 0x11, 0);
	TRY(qmi_modem_ask(&qmi->modem, &request, &answer, error, deadline));
	if (*error)
		return open_refused(qmi, &request, *error, qmi_status(&answer));
	/* The basic channel is no channel of ours. */
	if (!qmi_find(&answer, QMI_TLV_CHANNEL, &value) || value.size != 1 ||
	    !value.data[0])
		return garbled(&qmi->modem, &request);
	status = qmi_status(&answer);
	number = value.data[0];
	/* The modem has a channel, and the card no such applet on it. */
	if (is_refusal(status)) {
		close_channel(qmi, number, deadline);
		return open_refused(qmi, &request, 0, status);
	}
	snprintf(handle, LINK_HANDLE_MAX, "%u", number);
	return IOTSAFE_OK;
}

static int qmi_channel_open(struct link *link, const uint8_t *aid,
			    size_t aid_size, char handle[LINK_HANDLE_MAX],
			    const struct deadline *deadline)
{
	struct deadline limit = deadline_within(deadline, CHANNEL_LIMIT);
	struct qmi *qmi = link->self;
	enum form form = qmi->form;
	int error = 0;
	int result;

	for (;;) {
		result = try_open(qmi, aid, aid_size, handle, &error, &limit);
		if (result >= 0 || !qmi_error_is_unknown_request(error))
			return result;
		if (qmi->form + 1 == FORMS)
			break;
		qmi->form++;
	}
	/* None of them was it. */
	qmi->form = form;
	return result;
}

static int qmi_channel_close(struct link *link, const char *handle,
			     const struct deadline *deadline)
{
	return close_channel(link->self, (uint8_t)atoi(handle), deadline);
}

/* ---- commands ---- */

/* Some firmwares fail the request where the card said no: the card's word is
 * the answer then, unless it is that all is well. */
static int refused(const struct qmi *qmi, const struct qmi_request *request,
		   int error, const struct qmi_message *answer,
		   uint8_t *response, size_t *response_size)
{
	unsigned status = qmi_status(answer);

	if (!status || status == 0x9000)
		return qmi_modem_refused(&qmi->modem, request, error);
	response[0] = (uint8_t)(status >> 8);
	response[1] = (uint8_t)status;
	*response_size = 2;
	return IOTSAFE_OK;
}

static int take_response(const struct qmi *qmi,
			 const struct qmi_request *request,
			 const struct qmi_message *answer, uint8_t *response,
			 size_t *response_size)
{
	struct bytes value;

	if (!qmi_response(answer, &value)) {
		if (qmi_find(answer, QMI_TLV_LONG, &value) && value.size == 6)
			return error_set(
				IOTSAFE_ERR_SUPPORT,
				"%s: %s: the modem has a long response "
				"of %u bytes, to be had in pieces, "
				"which is not supported",
				qmi->modem.stream.name, request->name,
				value.data[0] | value.data[1] << 8);
		return garbled(&qmi->modem, request);
	}
	if (value.size < 2 || value.size > *response_size)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: %s: the card's answer has %zu bytes",
				 qmi->modem.stream.name, request->name,
				 value.size);
	memcpy(response, value.data, value.size);
	*response_size = value.size;
	return IOTSAFE_OK;
}

static int send_apdu(struct qmi *qmi, struct qmi_request *request,
		     uint8_t *response, size_t *response_size,
		     const struct deadline *deadline)
{
	struct qmi_message answer;
	int error;

	TRY(qmi_modem_ask(&qmi->modem, request, &answer, &error, deadline));
	if (error)
		return refused(qmi, request, error, &answer, response,
			       response_size);
	return take_response(qmi, request, &answer, response, response_size);
}

static int qmi_exchange(struct link *link, const char *handle,
			const uint8_t *command, size_t command_size,
			uint8_t *response, size_t *response_size,
			const struct deadline *deadline)
{
	struct qmi *qmi = link->self;
	struct qmi_request request;
	int result;

	qmi_modem_begin(&request, "UIM Send APDU", QMI_UIM, qmi->client,
			QMI_UIM_SEND_APDU);
	qmi_apdu(&request.out, qmi->slot, (uint8_t)(handle ? atoi(handle) : 0),
		 command, command_size);
	result = send_apdu(qmi, &request, response, response_size, deadline);
	/* A PIN may be in the one, a decrypted secret in the other. */
	bytes_wipe(request.data, sizeof(request.data));
	qmi_modem_wipe(&qmi->modem);
	return result;
}

/* ---- the card's number ---- */

static int qmi_iccid(struct link *link, uint8_t iccid[LINK_ICCID_SIZE],
		     const struct deadline *deadline)
{
	struct qmi *qmi = link->self;
	struct deadline limit = deadline_within(deadline, ICCID_LIMIT);
	struct qmi_request request;
	struct qmi_message answer;
	struct bytes content;
	int result, error;

	qmi_modem_begin(&request, "UIM Read Transparent", QMI_UIM, qmi->client,
			QMI_UIM_READ_TRANSPARENT);
	if (!qmi_read_file(&request.out, qmi->slot, EF_ICCID))
		return IOTSAFE_ERR_MODEM;
	result = qmi_modem_ask(&qmi->modem, &request, &answer, &error, &limit);
	if ((result == IOTSAFE_ERR_TIMEOUT && !deadline_passed(deadline)) ||
	    result == IOTSAFE_ERR_FORMAT)
		return IOTSAFE_ERR_MODEM;
	TRY(result);
	if (error || !qmi_content(&answer, &content) ||
	    content.size != LINK_ICCID_SIZE)
		return IOTSAFE_ERR_MODEM;
	memcpy(iccid, content.data, LINK_ICCID_SIZE);
	return IOTSAFE_OK;
}

static const char *const attributes[] = {"proxy", "slot", NULL};

static const char *const ways[LINK_WAYS] = {[LINK_BY_MODEM] = "qmi"};

static const struct link_kind qmi_kind = {
	.scheme = "qmi",
	.attributes = attributes,
	.open = qmi_open_link,
	.exchange = qmi_exchange,
	.close = qmi_close,
	.abandon = qmi_abandon,
	.channel_open = qmi_channel_open,
	.channel_close = qmi_channel_close,
	.iccid = qmi_iccid,
	.ways = ways,
	.host_sets_class = true,
};

LINK_MODULE(qmi_kind);
