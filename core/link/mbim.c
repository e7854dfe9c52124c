/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command APDU becomes a request of the service MS UICC Low Level Access, on
 * a channel that the modem opened, and its answer a response APDU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "link/digits.h"
#include "link/mbim_device.h"
#include "link/module.h"

/* Milliseconds for what no card takes long for; a command's limit is the
 * operation's. */
#define CHANNEL_LIMIT 10000

/* The number of the card is read beside what was asked for. */
#define ICCID_LIMIT 3000

/* Channels of one group can be closed together: ours are those of this one. */
#define GROUP 1

/* Values of the status field of an answer. */
#define STATUS_FAILURE		  2
#define STATUS_INVALID_PARAMETERS 21
#define STATUS_SELECT_FAILED	  0x87430002
#define STATUS_INVALID_CHANNEL	  0x87430003

/* SELECT's P2: the first occurrence, with its FCI or with no answer. */
#define P2_FCI	     0x00
#define P2_NO_ANSWER 0x0C

struct mbim {
	struct mbim_device device;
	/* Fibocom, Foxconn and Dell modems want all three. */
	bool extended; /* class byte type; Le is always said then */
	bool proven;   /* the class byte type is the right one */
	guint32 select_p2;
	char *path;
};

/* ---- opening and closing ---- */

static void mbim_close(struct link *link)
{
	struct mbim *mbim = link->self;

	mbim_device_end(&mbim->device);
	free(mbim->path);
	free(mbim);
	link->self = NULL;
}

static int start(struct mbim *mbim, const struct address *address,
		 const struct deadline *deadline)
{
	bool proxy;

	TRY(address_get_flag(address, "proxy", true, &proxy));
	if (!*address->path)
		return error_set(IOTSAFE_ERR_ARG, "mbim: names no device");
	mbim->path = realpath(address->path, NULL);
	if (!mbim->path)
		return error_set(IOTSAFE_ERR_IO, "%s: no such port",
				 mbim->device.name);
	return mbim_device_start(&mbim->device, mbim->path, proxy, deadline);
}

static int mbim_open(struct link *link, const struct address *address,
		     const struct deadline *deadline)
{
	struct mbim *mbim = calloc(1, sizeof(*mbim));
	int result;

	if (!mbim)
		return error_set(IOTSAFE_ERR_MEMORY, "mbim: no memory");
	mbim->device.link = link;
	snprintf(mbim->device.name, sizeof(mbim->device.name), "mbim:%s",
		 address->path);
	link->self = mbim;
	result = start(mbim, address, deadline);
	link->port = mbim->path;
	if (result < 0)
		mbim_close(link);
	return result;
}

/* ---- channels ---- */

/* SW1 is the low byte, SW2 the next. */
static unsigned status_word(guint32 status)
{
	return (status & 0xFF) << 8 | (status >> 8 & 0xFF);
}

static unsigned status_of(const MbimMessage *answer)
{
	return (unsigned)mbim_message_command_done_get_status_code(answer);
}

static int garbled(const struct mbim *mbim, const char *what, GError *error)
{
	error_set(IOTSAFE_ERR_FORMAT,
		  "%s: %s: the modem's answer is truncated or garbled: %s",
		  mbim->device.name, what, error->message);
	g_error_free(error);
	return IOTSAFE_ERR_FORMAT;
}

static int not_opened(const struct mbim *mbim, unsigned word)
{
	const bool full = word == 0x6881 || word == 0x6A81 || word == 0x6A84;

	return error_set_status(
		full ? IOTSAFE_ERR_BUSY : IOTSAFE_ERR_ABSENT, word,
		"%s: Open Channel: %s (card answered %04X)", mbim->device.name,
		full ? "the card has no free logical channel"
		     : "this SIM has no IoT SAFE applet",
		word);
}

static int close_channel(struct mbim *mbim, guint32 number,
			 const struct deadline *deadline)
{
	MbimMessage *answer;
	unsigned status;

	if (mbim->device.link->way_gone)
		return IOTSAFE_OK;
	TRY(mbim_device_ask(
		&mbim->device, "Close Channel",
		mbim_message_ms_uicc_low_level_access_close_channel_set_new(
			number, GROUP, NULL),
		&answer, deadline));
	status = status_of(answer);
	mbim_device_free(answer);
	return status ? mbim_error_record(status, mbim->device.name,
					  "Close Channel")
		      : IOTSAFE_OK;
}

/* A failed one may tell the card's word too; one that succeeded may have a
 * channel all the same. */
static int take_channel(struct mbim *mbim, const MbimMessage *answer,
			char handle[LINK_HANDLE_MAX],
			const struct deadline *deadline)
{
	guint32 word = 0, channel = 0, size;
	const guint8 *response;
	GError *error = NULL;
	bool parsed =
		mbim_message_ms_uicc_low_level_access_open_channel_response_parse(
			answer, &word, &channel, &size, &response, &error);
	unsigned status = status_of(answer);

	word = status_word(word);
	if (!parsed && !status)
		return garbled(mbim, "Open Channel", error);
	if (!parsed)
		g_error_free(error);
	if (parsed && word && word != 0x9000 && word >> 8 != 0x61 &&
	    word >> 8 != 0x91) {
		if (!status && channel)
			close_channel(mbim, channel, deadline);
		return not_opened(mbim, word);
	}
	if (status)
		return mbim_error_record(status, mbim->device.name,
					 "Open Channel");
	if (!channel)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: Open Channel: modem answered without a "
				 "channel",
				 mbim->device.name);
	snprintf(handle, LINK_HANDLE_MAX, "%u", channel);
	return IOTSAFE_OK;
}

static int try_open(struct mbim *mbim, const uint8_t *aid, size_t aid_size,
		    char handle[LINK_HANDLE_MAX], unsigned *status,
		    const struct deadline *deadline)
{
	MbimMessage *answer;
	int result;

	*status = 0;
	TRY(mbim_device_ask(
		&mbim->device, "Open Channel",
		mbim_message_ms_uicc_low_level_access_open_channel_set_new(
			(guint32)aid_size, aid, mbim->select_p2, GROUP, NULL),
		&answer, deadline));
	*status = status_of(answer);
	result = take_channel(mbim, answer, handle, deadline);
	mbim_device_free(answer);
	return result;
}

static int mbim_channel_open(struct link *link, const uint8_t *aid,
			     size_t aid_size, char handle[LINK_HANDLE_MAX],
			     const struct deadline *deadline)
{
	struct deadline limit = deadline_within(deadline, CHANNEL_LIMIT);
	struct mbim *mbim = link->self;
	unsigned status;
	int result = try_open(mbim, aid, aid_size, handle, &status, &limit);

	/* The card has seen the name, and has no such applet. */
	if (result == IOTSAFE_ERR_ABSENT && iotsafe_last_status() == 0x6A82)
		return result;
	if (mbim->select_p2 != P2_FCI ||
	    (status != STATUS_FAILURE && status != STATUS_SELECT_FAILED &&
	     status != STATUS_INVALID_PARAMETERS))
		return result;
	mbim->select_p2 = P2_NO_ANSWER;
	result = try_open(mbim, aid, aid_size, handle, &status, &limit);
	if (result < 0)
		mbim->select_p2 = P2_FCI;
	return result;
}

static int mbim_channel_close(struct link *link, const char *handle,
			      const struct deadline *deadline)
{
	return close_channel(link->self, (guint32)strtoul(handle, NULL, 10),
			     deadline);
}

/* ---- commands ---- */

static int take_response(const struct mbim *mbim, const MbimMessage *answer,
			 uint8_t *response, size_t *response_size)
{
	guint32 word, size;
	const guint8 *data;
	GError *error = NULL;

	if (!mbim_message_ms_uicc_low_level_access_apdu_response_parse(
		    answer, &word, &size, &data, &error))
		return garbled(mbim, "APDU", error);
	word = status_word(word);
	if (size > LINK_RESPONSE_MAX - 2 || size + 2 > *response_size || !word)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: APDU: the card's answer has %u bytes and "
				 "status word %04X",
				 mbim->device.name, size, word);
	if (size)
		memcpy(response, data, size);
	response[size] = (uint8_t)(word >> 8);
	response[size + 1] = (uint8_t)word;
	*response_size = size + 2;
	return IOTSAFE_OK;
}

static int try_command(struct mbim *mbim, const char *handle,
		       const uint8_t *command, size_t size,
		       MbimMessage **answer, const struct deadline *deadline)
{
	const MbimUiccClassByteType type =
		mbim->extended ? MBIM_UICC_CLASS_BYTE_TYPE_EXTENDED
			       : MBIM_UICC_CLASS_BYTE_TYPE_INTER_INDUSTRY;
	uint8_t with_le[LINK_COMMAND_MAX + 1];
	int result;

	memcpy(with_le, command, size);
	if (mbim->extended && size > 5 && size == 5u + command[4])
		with_le[size++] = 0;
	result = mbim_device_ask(
		&mbim->device, "APDU",
		mbim_message_ms_uicc_low_level_access_apdu_set_new(
			handle ? (guint32)strtoul(handle, NULL, 10) : 0,
			MBIM_UICC_SECURE_MESSAGING_NONE, type, (guint32)size,
			with_le, NULL),
		answer, deadline);
	explicit_bzero(with_le, sizeof(with_le));
	return result;
}

/* The modem did not pass the command on: it may want the other type. */
static bool may_be_the_type(unsigned status)
{
	return status == STATUS_INVALID_CHANNEL || status == STATUS_FAILURE ||
	       status == STATUS_INVALID_PARAMETERS;
}

static int other_type(struct mbim *mbim, const char *handle,
		      const uint8_t *command, size_t size, MbimMessage **answer,
		      const struct deadline *deadline)
{
	mbim_device_free(*answer);
	mbim->extended = !mbim->extended;
	TRY(try_command(mbim, handle, command, size, answer, deadline));
	if (status_of(*answer))
		mbim->extended = !mbim->extended;
	return IOTSAFE_OK;
}

static int mbim_exchange(struct link *link, const char *handle,
			 const uint8_t *command, size_t command_size,
			 uint8_t *response, size_t *response_size,
			 const struct deadline *deadline)
{
	struct mbim *mbim = link->self;
	MbimMessage *answer;
	unsigned status;
	int result;

	TRY(try_command(mbim, handle, command, command_size, &answer,
			deadline));
	if (!mbim->proven && may_be_the_type(status_of(answer)))
		TRY(other_type(mbim, handle, command, command_size, &answer,
			       deadline));
	status = status_of(answer);
	mbim->proven |= !status;
	result = status ? mbim_error_record(status, mbim->device.name, "APDU")
			: take_response(mbim, answer, response, response_size);
	mbim_device_free(answer);
	return result;
}

/* ---- the card's number ---- */

static bool take_iccid(gboolean parsed, gchar *text, GError *error,
		       uint8_t iccid[LINK_ICCID_SIZE])
{
	bool found = parsed && text && digits_to_iccid(text, iccid);

	g_clear_error(&error);
	g_free(text);
	return found;
}

/* The answer has one field more where another program, ModemManager perhaps,
 * told the modem that it knows version 3 of MBIM's extensions. */
static bool parse_iccid(const MbimMessage *answer,
			uint8_t iccid[LINK_ICCID_SIZE])
{
	GError *error = NULL;
	gchar *text = NULL;
	gboolean parsed = mbim_message_subscriber_ready_status_response_parse(
		answer, NULL, NULL, &text, NULL, NULL, NULL, &error);

	if (take_iccid(parsed, text, error, iccid))
		return true;
#if MBIM_CHECK_VERSION(1, 28, 0)
	error = NULL;
	text = NULL;
	parsed =
		mbim_message_ms_basic_connect_v3_subscriber_ready_status_response_parse(
			answer, NULL, NULL, NULL, &text, NULL, NULL, NULL,
			&error);
	return take_iccid(parsed, text, error, iccid);
#else
	return false;
#endif
}

static int mbim_iccid(struct link *link, uint8_t iccid[LINK_ICCID_SIZE],
		      const struct deadline *deadline)
{
	struct mbim *mbim = link->self;
	struct deadline limit = deadline_within(deadline, ICCID_LIMIT);
	MbimMessage *answer;
	bool found;
	int result = mbim_device_ask(
		&mbim->device, "Subscriber Ready Status",
		mbim_message_subscriber_ready_status_query_new(NULL), &answer,
		&limit);

	if ((result == IOTSAFE_ERR_TIMEOUT && !deadline_passed(deadline)) ||
	    result == IOTSAFE_ERR_FORMAT)
		return IOTSAFE_ERR_MODEM;
	TRY(result);
	found = !status_of(answer) && parse_iccid(answer, iccid);
	mbim_device_free(answer);
	return found ? IOTSAFE_OK : IOTSAFE_ERR_MODEM;
}

static const char *const attributes[] = {"proxy", NULL};

static const char *const ways[LINK_WAYS] = {[LINK_BY_MODEM] = "mbim"};

static const struct link_kind mbim_kind = {
	.scheme = "mbim",
	.attributes = attributes,
	.open = mbim_open,
	.exchange = mbim_exchange,
	.close = mbim_close,
	.channel_open = mbim_channel_open,
	.channel_close = mbim_channel_close,
	.iccid = mbim_iccid,
	.host_sets_class = true,
	.ways = ways,
};

LINK_MODULE(mbim_kind);
