/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests become QMUX frames, and frames messages with their TLVs. All
 * numbers are little endian.
 *
 * QMUX: 01, u16 length of all behind the 01, flags, service, client. Then
 * flags, transaction (u8 in the control service, else u16), u16 id, u16 length
 * of the TLVs. TLV: type, u16 length, value.
 */
#include "link/qmi_message.h"

#define QMUX_MARKER	0x01
#define QMUX_HEAD	6
#define QMUX_FROM_MODEM 0x80

#define CTL_RESPONSE	 0x01
#define SERVICE_RESPONSE 0x02

static size_t head_size(uint8_t service)
{
	return QMUX_HEAD + (service == QMI_CTL ? 6 : 7);
}

static void build_u16(struct builder *out, size_t value)
{
	build_byte(out, (uint8_t)value);
	build_byte(out, (uint8_t)(value >> 8));
}

static uint16_t get_u16(const uint8_t *data)
{
	return (uint16_t)(data[0] | data[1] << 8);
}

void qmi_begin(struct builder *out, const struct qmi_head *head)
{
	build_byte(out, QMUX_MARKER);
	build_u16(out, 0);
	build_byte(out, 0); /* from the host */
	build_byte(out, head->service);
	build_byte(out, head->client);
	build_byte(out, 0); /* a request */
	build_byte(out, (uint8_t)head->transaction);
	if (head->service != QMI_CTL)
		build_byte(out, (uint8_t)(head->transaction >> 8));
	build_u16(out, head->id);
	build_u16(out, 0);
}

void qmi_tlv(struct builder *out, uint8_t type, const uint8_t *data,
	     size_t size)
{
	build_byte(out, type);
	build_u16(out, size);
	build_bytes(out, data, size);
}

void qmi_tlv_u8(struct builder *out, uint8_t type, uint8_t value)
{
	qmi_tlv(out, type, &value, 1);
}

static void patch_u16(struct builder *out, size_t at, size_t value)
{
	struct builder hole = {out->data + at, 0, 2, false};

	build_u16(&hole, value);
}

void qmi_number(struct builder *out, const struct qmi_head *head)
{
	out->data[QMUX_HEAD + 1] = (uint8_t)head->transaction;
	if (head->service != QMI_CTL)
		out->data[QMUX_HEAD + 2] = (uint8_t)(head->transaction >> 8);
}

void qmi_end(struct builder *out)
{
	size_t size;

	if (out->failed)
		return;
	size = head_size(out->data[4]);
	patch_u16(out, 1, out->size - 1);
	patch_u16(out, size - 2, out->size - size);
}

void qmi_apdu(struct builder *out, uint8_t slot, uint8_t channel,
	      const uint8_t *command, size_t size)
{
	qmi_tlv_u8(out, 0x01, slot);
	build_byte(out, 0x02);
	build_u16(out, size + 2);
	build_u16(out, size);
	build_bytes(out, command, size);
	qmi_tlv_u8(out, 0x10, channel);
}

/* A session on the card itself, whatever is provisioned: libqmi's
 * QMI_UIM_SESSION_TYPE_CARD_SLOT_1 and so on. */
static uint8_t card_session(uint8_t slot)
{
	static const uint8_t types[] = {6, 7, 19};

	return slot >= 1 && slot <= sizeof(types) ? types[slot - 1] : 0;
}

bool qmi_read_file(struct builder *out, uint8_t slot, uint16_t file)
{
	const uint8_t session[] = {card_session(slot), 0}; /* no AID */
	static const uint8_t path[] = {0x00, 0x3F};

	qmi_tlv(out, 0x01, session, sizeof(session));
	build_byte(out, 0x02);
	build_u16(out, 2 + 1 + sizeof(path));
	build_u16(out, file);
	build_byte(out, sizeof(path));
	build_bytes(out, path, sizeof(path));
	build_byte(out, 0x03);
	build_u16(out, 4);
	build_u16(out, 0); /* from the first byte */
	build_u16(out, 0); /* to the last */
	return session[0];
}

void qmi_open(struct builder *out, uint8_t slot, const uint8_t *aid,
	      size_t size)
{
	qmi_tlv_u8(out, 0x01, slot);
	build_byte(out, 0x10);
	build_u16(out, size + 1);
	build_byte(out, (uint8_t)size);
	build_bytes(out, aid, size);
}

static bool may_begin(struct bytes in)
{
	if (in.data[0] != QMUX_MARKER)
		return false;
	if (in.size >= 3 && get_u16(in.data + 1) < head_size(QMI_CTL) - 1)
		return false;
	return in.size < 4 || !(in.data[3] & ~QMUX_FROM_MODEM);
}

bool qmi_frame(struct bytes *in, struct bytes *frame)
{
	struct bytes dropped;

	while (in->size && !may_begin(*in))
		bytes_take(in, 1, &dropped);
	return in->size >= 3 &&
	       bytes_take(in, (size_t)get_u16(in->data + 1) + 1, frame);
}

bool qmi_parse(struct bytes frame, struct qmi_message *message)
{
	struct qmi_head *head = &message->head;
	const uint8_t *data = frame.data;
	struct bytes start;
	bool control;

	if (frame.size < head_size(QMI_CTL))
		return false;
	head->service = data[4];
	head->client = data[5];
	control = head->service == QMI_CTL;
	if (!bytes_take(&frame, head_size(head->service), &start))
		return false;
	message->response =
		data[6] == (control ? CTL_RESPONSE : SERVICE_RESPONSE);
	head->transaction = control ? data[7] : get_u16(data + 7);
	head->id = get_u16(data + start.size - 4);
	message->tlvs = frame;
	/* A length that lies is seen as a TLV that does not end. */
	if (get_u16(data + start.size - 2) != frame.size)
		message->tlvs.size = frame.size ? 1 : 0;
	return true;
}

static bool next_tlv(struct bytes *in, uint8_t *type, struct bytes *value)
{
	struct bytes head, rest = *in;

	if (!bytes_take(&rest, 3, &head) ||
	    !bytes_take(&rest, get_u16(head.data + 1), value))
		return false;
	*type = head.data[0];
	*in = rest;
	return true;
}

bool qmi_is_whole(const struct qmi_message *message)
{
	struct bytes in = message->tlvs, value;
	uint8_t type;

	while (next_tlv(&in, &type, &value))
		;
	return !in.size;
}

bool qmi_find(const struct qmi_message *message, uint8_t type,
	      struct bytes *value)
{
	struct bytes in = message->tlvs;
	uint8_t found;

	while (next_tlv(&in, &found, value))
		if (found == type)
			return true;
	return false;
}

int qmi_result(const struct qmi_message *message)
{
	struct bytes value;
	int error;

	if (!qmi_find(message, QMI_TLV_RESULT, &value) || value.size != 4)
		return -1;
	if (!get_u16(value.data))
		return 0;
	error = get_u16(value.data + 2);
	return error ? error : QMI_ERROR_UNNAMED;
}

/* Bytes with their own length in front. */
static bool find_array(const struct qmi_message *message, uint8_t type,
		       struct bytes *array)
{
	struct bytes value, length;

	return qmi_find(message, type, &value) &&
	       bytes_take(&value, 2, &length) &&
	       bytes_take(&value, get_u16(length.data), array) && !value.size;
}

bool qmi_response(const struct qmi_message *message, struct bytes *response)
{
	return find_array(message, QMI_TLV_RESPONSE, response);
}

bool qmi_content(const struct qmi_message *message, struct bytes *content)
{
	return find_array(message, QMI_TLV_CONTENT, content);
}

unsigned qmi_status(const struct qmi_message *message)
{
	struct bytes value;

	if (!qmi_find(message, QMI_TLV_STATUS, &value) || value.size != 2)
		return 0;
	return (unsigned)value.data[0] << 8 | value.data[1];
}
