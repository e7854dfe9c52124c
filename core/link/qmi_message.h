/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of Qualcomm's modem interface: QMUX frames, the control service
 * and the three requests of the UIM service that carry APDUs. Pure. */
#ifndef LINK_QMI_MESSAGE_H
#define LINK_QMI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"

/* The length field counts all but the first byte. */
#define QMI_FRAME_MAX 65536
/* The longest of our own: a device path or an APDU, and what is around it. */
#define QMI_REQUEST_MAX 1200

enum qmi_service { QMI_CTL = 0x00, QMI_UIM = 0x0B };

enum qmi_id {
	QMI_CTL_ALLOCATE = 0x0022,
	QMI_CTL_RELEASE = 0x0023,
	QMI_CTL_PROXY_OPEN = 0xFF00, /* qmi-proxy's own */
	QMI_UIM_READ_TRANSPARENT = 0x0020,
	QMI_UIM_SEND_APDU = 0x003B,
	QMI_UIM_LOGICAL_CHANNEL = 0x003F,
	QMI_UIM_OPEN_CHANNEL = 0x0042,
};

enum qmi_type {
	QMI_TLV_RESULT = 0x02,
	QMI_TLV_CLIENT = 0x01,	 /* CTL allocate: service, client */
	QMI_TLV_CHANNEL = 0x10,	 /* both ways to open one */
	QMI_TLV_STATUS = 0x11,	 /* the card's SW1 and SW2 */
	QMI_TLV_RESPONSE = 0x10, /* send APDU: length, bytes */
	QMI_TLV_LONG = 0x11,	 /* send APDU: length, token */
	QMI_TLV_CONTENT = 0x11,	 /* read: length, bytes */
};

/* Who asks what; an answer has the same. */
struct qmi_head {
	uint8_t service, client;
	uint16_t transaction; /* one byte in the control service */
	uint16_t id;
};

struct qmi_message {
	struct qmi_head head;
	bool response; /* else a request or an indication */
	struct bytes tlvs;
};

/* A request: begin, TLVs, end. The builder is empty before. */
void qmi_begin(struct builder *out, const struct qmi_head *head);
void qmi_tlv(struct builder *out, uint8_t type, const uint8_t *data,
	     size_t size);
void qmi_tlv_u8(struct builder *out, uint8_t type, uint8_t value);
/* Gives a request that was begun its transaction. */
void qmi_number(struct builder *out, const struct qmi_head *head);
/* Fills in the lengths. */
void qmi_end(struct builder *out);

/* Send APDU: all of it but the lengths at its end. */
void qmi_apdu(struct builder *out, uint8_t slot, uint8_t channel,
	      const uint8_t *command, size_t size);

/* Read Transparent, of a whole file in the master file. False where the slot
 * has no session type that we know. */
bool qmi_read_file(struct builder *out, uint8_t slot, uint16_t file);

/* Either request to open a channel with this application on it. */
void qmi_open(struct builder *out, uint8_t slot, const uint8_t *aid,
	      size_t size);

/* The next whole frame; what can be none is dropped from `in`, the beginning
 * of one stays. */
bool qmi_frame(struct bytes *in, struct bytes *frame);

/* False for a frame that is too short to tell whose it is. */
bool qmi_parse(struct bytes frame, struct qmi_message *message);

/* True where the TLVs fill their room exactly. */
bool qmi_is_whole(const struct qmi_message *message);

/* The first TLV of this type. */
bool qmi_find(const struct qmi_message *message, uint8_t type,
	      struct bytes *value);

/* The error number of the result, 0 for success, -1 where there is none. */
#define QMI_ERROR_UNNAMED 0xFFFF /* failed, with error 0 */
int qmi_result(const struct qmi_message *message);

/* The answer that Send APDU brought, without its length. */
bool qmi_response(const struct qmi_message *message, struct bytes *response);

/* What Read Transparent brought. */
bool qmi_content(const struct qmi_message *message, struct bytes *content);

/* The card's status word, where the modem passes it on; else 0. */
unsigned qmi_status(const struct qmi_message *message);

#endif
