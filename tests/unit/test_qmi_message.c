/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QMI messages as they are on the wire. */
#include <criterion/criterion.h>
#include <string.h>
#include "base/error.h"
#include "link/qmi_error.h"
#include "link/qmi_message.h"

static uint8_t room[QMI_REQUEST_MAX];
static struct builder out;

static void begin(uint8_t service, uint8_t client, uint16_t transaction,
		  uint16_t id)
{
	const struct qmi_head head = {service, client, transaction, id};

	out = (struct builder){room, 0, sizeof(room), false};
	qmi_begin(&out, &head);
}

static void expect(const char *hex)
{
	char found[2 * QMI_REQUEST_MAX + 1];

	qmi_end(&out);
	cr_assert_not(out.failed);
	hex_encode(room, out.size, found);
	cr_assert_str_eq(found, hex);
}

Test(qmi_message, a_client_is_allocated_and_released)
{
	begin(QMI_CTL, 0, 1, QMI_CTL_ALLOCATE);
	qmi_tlv_u8(&out, QMI_TLV_CLIENT, QMI_UIM);
	expect("010F000000000001220004000101000B");
	begin(QMI_CTL, 0, 2, QMI_CTL_RELEASE);
	qmi_tlv(&out, QMI_TLV_CLIENT, (const uint8_t[]){QMI_UIM, 5}, 2);
	expect("0110000000000002230005000102000B05");
}

Test(qmi_message, the_proxy_is_told_the_path)
{
	begin(QMI_CTL, 0, 4, QMI_CTL_PROXY_OPEN);
	qmi_tlv(&out, 0x01, (const uint8_t *)"/dev/cdc-wdm0", 13);
	expect("011B00000000000400FF1000010D00"
	       "2F6465762F6364632D77646D30");
}

static const uint8_t aid[15] = {0xA0, 0, 0, 5, 0x59};

Test(qmi_message, channels_are_opened_and_closed)
{
	begin(QMI_UIM, 5, 1, QMI_UIM_OPEN_CHANNEL);
	qmi_open(&out, 1, aid, sizeof(aid));
	expect("012300000B050001004200170001010001"
	       "1010000FA00000055900000000000000000000");
	begin(QMI_UIM, 5, 3, QMI_UIM_LOGICAL_CHANNEL);
	qmi_tlv_u8(&out, 0x01, 1);
	qmi_tlv_u8(&out, 0x11, 1);
	expect("011400000B050003003F000800010100011101000"
	       "1");
}

Test(qmi_message, a_command_is_sent_on_its_channel)
{
	begin(QMI_UIM, 5, 0, QMI_UIM_SEND_APDU);
	qmi_apdu(&out, 1, 1, (const uint8_t[]){0, 0x81, 0xCB, 0, 0}, 5);
	qmi_number(&out, &(struct qmi_head){QMI_UIM, 5, 2, 0});
	expect("011E00000B050002003B0012000101000102070005000081CB0000"
	       "10010001");
}

Test(qmi_message, a_file_is_read_of_the_card_in_its_slot)
{
	begin(QMI_UIM, 5, 2, QMI_UIM_READ_TRANSPARENT);
	cr_assert(qmi_read_file(&out, 1, 0x2FE2));
	expect("012000000B05000200200014000102000600"
	       "020500E22F02003F03040000000000");
	begin(QMI_UIM, 5, 2, QMI_UIM_READ_TRANSPARENT);
	cr_assert(qmi_read_file(&out, 3, 0x2FE2));
	cr_assert_eq(room[16], 19);
	begin(QMI_UIM, 5, 2, QMI_UIM_READ_TRANSPARENT);
	cr_assert_not(qmi_read_file(&out, 4, 0x2FE2));
	cr_assert_not(qmi_read_file(&out, 0, 0x2FE2));
}

Test(qmi_message, what_does_not_fit_is_told)
{
	static const uint8_t much[QMI_REQUEST_MAX];

	begin(QMI_UIM, 5, 0, QMI_UIM_SEND_APDU);
	qmi_apdu(&out, 1, 1, much, sizeof(much));
	qmi_end(&out);
	cr_assert(out.failed);
}

static struct qmi_message message;

static bool parse(const char *hex)
{
	static uint8_t data[600];
	struct bytes in = {data, strlen(hex) / 2}, frame;

	cr_assert(hex_decode(hex, strlen(hex), data));
	return qmi_frame(&in, &frame) && qmi_parse(frame, &message);
}

#define ANSWER "800B0502"

Test(qmi_message, an_answer_tells_whose_it_is)
{
	cr_assert(parse("012000" ANSWER "03003B001400"
			"02040000000000"
			"100A0008000102030405069000"));
	cr_assert(message.response);
	cr_assert_eq(message.head.service, QMI_UIM);
	cr_assert_eq(message.head.client, 5);
	cr_assert_eq(message.head.transaction, 3);
	cr_assert_eq(message.head.id, QMI_UIM_SEND_APDU);
	cr_assert(qmi_is_whole(&message));
	cr_assert_eq(qmi_result(&message), 0);
}

Test(qmi_message, the_content_of_a_file_is_as_long_as_it_says)
{
	struct bytes content;

	cr_assert(parse("011F00" ANSWER "030020001300"
			"02040000000000"
			"1002009000"
			"11040002009899"));
	cr_assert(qmi_content(&message, &content));
	cr_assert_eq(content.size, 2);
	cr_assert_arr_eq(content.data, "\x98\x99", 2);
	cr_assert(parse("011F00" ANSWER "030020001300"
			"02040000000000"
			"1002009000"
			"11040003009899"));
	cr_assert_not(qmi_content(&message, &content));
}

Test(qmi_message, an_indication_is_no_answer)
{
	cr_assert(parse("010C00800BFF0400003B000000"));
	cr_assert_not(message.response);
	cr_assert(parse("010B0080000002012200"
			"0000"));
	cr_assert_not(message.response);
}

Test(qmi_message, the_card_s_answer_is_as_long_as_it_says)
{
	struct bytes value;

	cr_assert(parse("011800" ANSWER "03003B000C00"
			"02040000000000"
			"1002000000"));
	cr_assert(qmi_response(&message, &value));
	cr_assert_eq(value.size, 0);
	cr_assert(parse("011A00" ANSWER "03003B000E00"
			"02040000000000"
			"100400030090"
			"00"));
	cr_assert_not(qmi_response(&message, &value));
}

Test(qmi_message, a_failed_request_brings_the_card_s_word)
{
	cr_assert(parse("011800" ANSWER "020042000C00"
			"02040001005000"
			"1102006A82"));
	cr_assert_eq(qmi_result(&message), 80);
	cr_assert_eq(qmi_status(&message), 0x6A82);
	cr_assert(parse("011300" ANSWER "020042000700"
			"02040001000000"));
	cr_assert_eq(qmi_result(&message), QMI_ERROR_UNNAMED);
	cr_assert_eq(qmi_status(&message), 0);
}

Test(qmi_message, lengths_that_lie_are_seen)
{
	/* A TLV's, the TLVs', a result's, the frame's own. */
	cr_assert(parse("011300" ANSWER "02003B000700"
			"0205000000000"
			"0"));
	cr_assert_not(qmi_is_whole(&message));
	cr_assert(parse("011300" ANSWER "02003B000800"
			"02040000000000"));
	cr_assert_not(qmi_is_whole(&message));
	cr_assert(parse("011200" ANSWER "02003B000600"
			"020300000000"));
	cr_assert_eq(qmi_result(&message), -1);
	cr_assert_not(parse("010500800B05"));
	cr_assert_not(parse("011300" ANSWER "02003B000700020400"));
}

Test(qmi_message, noise_before_a_frame_is_dropped)
{
	cr_assert(parse("FF02030105000104014100"
			"010C00800BFF0400003B000000"));
	cr_assert_eq(message.head.client, 0xFF);
}

Test(qmi_message, errors_have_a_code_and_a_sentence)
{
	cr_assert_eq(qmi_error_record(68, "qmi:/dev/x", "open", true),
		     IOTSAFE_ERR_BUSY);
	cr_assert_eq(qmi_error_record(80, "qmi:/dev/x", "open", true),
		     IOTSAFE_ERR_ABSENT);
	cr_assert_eq(qmi_error_record(82, "qmi:/dev/x", "open", true),
		     IOTSAFE_ERR_DENIED);
	cr_assert_eq(qmi_error_record(102, "qmi:/dev/x", "open", true),
		     IOTSAFE_ERR_ABSENT);
	cr_assert_eq(qmi_error_record(80, "qmi:/dev/x", "send", false),
		     IOTSAFE_ERR_MODEM);
	cr_assert_str_eq(iotsafe_last_error(),
			 "qmi:/dev/x: send: modem answered error 80 "
			 "SimFileNotFound");
	cr_assert_eq(qmi_error_record(4711, "qmi:/dev/x", "open", true),
		     IOTSAFE_ERR_MODEM);
	cr_assert_str_eq(iotsafe_last_error(),
			 "qmi:/dev/x: open: modem answered error 4711");
}
