/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A channel over the link of at_far.h, and the exchanges that open it. */
#ifndef AT_CHANNEL_H
#define AT_CHANNEL_H

#include "at_far.h"
#include "uicc/channel.h"

#define LINE(text) "\r\n" text "\r\n"
#define AID	   "A0000005590010"
#define CCHO	   "AT+CCHO=\"" AID "\""
#define SELECT	   "AT+CSIM=24,\"01A4040007" AID "\""
#define CLOSE	   "AT+CSIM=10,\"0070800100\""
#define REFUSED	   LINE("+CME ERROR: 3")
#define RANDOM_1   "AT+CGLA=1,10,\"8084000008\""
#define EIGHT	   "16,\"01020304050607089000\""

#define CSIM_OPENS                                                             \
	{OPEN_CHANNEL, LINE("+CSIM: 6,\"019000\"") OK, FAR_ANSWER},            \
	{                                                                      \
		SELECT, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER               \
	}
#define CSIM_REFUSED                                                           \
	{                                                                      \
		OPEN_CHANNEL, REFUSED, FAR_ANSWER                              \
	}
#define CCHO_OPENS                                                             \
	{                                                                      \
		CCHO, LINE("+CCHO: 1") OK, FAR_ANSWER                          \
	}
#define CGLA_ANSWERS                                                           \
	{                                                                      \
		RANDOM_1, LINE("+CGLA: " EIGHT) OK, FAR_ANSWER                 \
	}
#define CCHC                                                                   \
	{                                                                      \
		"AT+CCHC=1", OK, FAR_ANSWER                                    \
	}

#define BASIC_SELECT "AT+CSIM=24,\"00A4040007" AID "\""
/* Twice: some modems drop the first. */
#define BASIC_REFUSED                                                          \
	{BASIC_SELECT, REFUSED, FAR_ANSWER},                                   \
	{                                                                      \
		BASIC_SELECT, REFUSED, FAR_ANSWER                              \
	}

static const struct aid aid = {{0xA0, 0, 0, 0x05, 0x59, 0, 0x10}, 7};
static struct channel channel;

static inline void start(const struct far_row *rows, size_t count)
{
	cr_assert_eq(open_far(rows, count, 5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	channel = (struct channel){.manners = {.piece = 256}};
}

static inline int open_channel(int timeout)
{
	struct deadline deadline = deadline_in(timeout, far.cancel[0]);

	return channel_open(&channel, &link_, &aid, 1, &deadline);
}

static inline int get_random(int timeout)
{
	struct deadline deadline = deadline_in(timeout, far.cancel[0]);
	uint8_t data[300];
	struct response response = {.data = data, .room = sizeof(data)};
	const struct apdu apdu = {.name = "GET RANDOM",
				  .cla = 0x80,
				  .ins = 0x84,
				  .expect = APDU_EXACT,
				  .le = 8};

	return channel_command(&channel, &apdu, &response, &deadline);
}

static inline void finish(void)
{
	channel_close(&channel, NULL);
	close_far();
	expect_all_answered();
}

static inline void expect_open(const char *handle)
{
	cr_assert_eq(open_channel(5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	cr_expect_str_eq(channel.handle, handle);
	cr_expect_eq(channel.number, *handle ? 0 : 1);
}

static inline void expect_failure(int result, int code, const char *words)
{
	cr_expect_eq(result, code, "%s: %s", iotsafe_error_name(result),
		     iotsafe_last_error());
	cr_expect(strstr(iotsafe_last_error(), words), "\"%s\" in \"%s\"",
		  words, iotsafe_last_error());
}

/* Eight random bytes, over a card that is opened for them. */
static inline void expect_random(const struct far_row *rows, size_t count,
				 const char *more, int expected)
{
	iotsafe_card *card;
	uint8_t *bytes;
	char text[150];
	size_t size;
	int result;

	far_start(&far, rows, count);
	snprintf(text, sizeof(text), "at:%s?aid=" AID "%s", far.path, more);
	cr_assert_eq(iotsafe_card_open(text, &card), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	result = iotsafe_card_random(card, 8, &bytes, &size);
	cr_expect_eq(result, expected, "%s", iotsafe_last_error());
	cr_expect(result < 0 || !memcmp(bytes, "\1\2\3\4\5\6\7\x08", 8));
	iotsafe_free(bytes);
	iotsafe_card_free(card);
	far_stop(&far);
	expect_all_answered();
}

#endif
