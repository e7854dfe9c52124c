// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns frames of vsmartcard-vpcd into commands to the card, and its answers
 * into frames: the card lies in a reader of a real pcscd. */
#include "vpcd.h"

#include "csim.h"
#include "problem.h"
#include "strike.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Frames of one byte; 1 to 3 get no answer. */
enum { POWER_OFF, POWER_ON, RESET, GET_ATR = 4 };

/* There is nothing to wait on for a pcscd that is yet to be started. */
#define RETRY_NS 100000000

/* A frame comes in one piece; the other end may still break. */
#define FRAME_SECONDS 5

/* ---- the ATR, ISO 7816-3 and ETSI TS 102 221 6.3 ---- */

/* TA1 96 is 16 clocks a bit; T=15 (1F C7) the voltages 5, 3 and 1.8 V. */
static const uint8_t interface_t0[] = {0x96, 0x80, 0x1F, 0xC7};
/* T=1 with blocks of 254 bytes. */
static const uint8_t interface_t1[] = {0x96, 0x81, 0xB1, 0xFE,
				       0x45, 0x1F, 0xC7};
static const uint8_t interface_both[] = {0x96, 0x80, 0xB1, 0xFE,
					 0x45, 0x1F, 0xC7};

/* Card data; by SFI or AID; four channels, which the card numbers. */
static const uint8_t historical[] = {0x80, 0x31, 0xA0, 0x73, 0xBE, 0x21, 0x13};

static void build_atr(struct vpcd *vpcd, const uint8_t *interface, size_t size)
{
	struct writer out = writer_on(vpcd->atr, sizeof(vpcd->atr));
	uint8_t check = 0;

	put_byte(&out, 0x3B);
	put_byte(&out, 0x90 | sizeof(historical)); /* TA1 and TD1 follow */
	put_bytes(&out, interface, size);
	put_bytes(&out, historical, sizeof(historical));
	for (size_t i = 1; i < out.size; i++)
		check ^= vpcd->atr[i];
	put_byte(&out, check);
	vpcd->atr_size = out.size;
}

bool vpcd_init(struct vpcd *vpcd, const char *where, const char *protocols)
{
	int size;

	vpcd->where = where;
	if (strcmp(protocols, "t0") == 0) {
		build_atr(vpcd, interface_t0, sizeof(interface_t0));
	} else if (strcmp(protocols, "t1") == 0) {
		build_atr(vpcd, interface_t1, sizeof(interface_t1));
	} else if (strcmp(protocols, "both") == 0) {
		build_atr(vpcd, interface_both, sizeof(interface_both));
	} else {
		size = hex_decode(protocols, strlen(protocols), vpcd->atr,
				  sizeof(vpcd->atr));
		if (size < 2)
			return problem("--atr: \"%s\" is none of t0, t1, both, "
				       "and no ATR in hex",
				       protocols);
		vpcd->atr_size = (size_t)size;
	}
	return strrchr(where, ':') != NULL ||
	       problem("--vpcd: \"%s\" is not HOST:PORT", where);
}

bool vpcd_is_block(const struct vpcd *vpcd)
{
	return vpcd->atr_size > sizeof(interface_t1) &&
	       memcmp(vpcd->atr + 2, interface_t1, sizeof(interface_t1)) == 0;
}

/* ---- the connection ---- */

static int connect_to(const struct addrinfo *address)
{
	static const struct timeval limit = {FRAME_SECONDS, 0};
	static const int on = 1;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool look_up(const char *where, struct addrinfo **found)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(where, ':');
	char host[256];
	int code;

	snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	code = getaddrinfo(host, colon + 1, &hints, found);
	return code == 0 ||
	       problem("--vpcd: %s: %s", where, gai_strerror(code));
}

/* The driver writes length and content apart, and the second one waits until
 * the first is acknowledged. */
static bool receive(int fd, uint8_t *bytes, size_t size)
{
	static const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	return recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

/* What does not fit is thrown away: `size` tells. */
static bool receive_frame(int fd, uint8_t *bytes, size_t room, size_t *size)
{
	uint8_t head[2], rest;

	if (!receive(fd, head, 2))
		return false;
	*size = (size_t)(head[0] << 8 | head[1]);
	if (!receive(fd, bytes, *size < room ? *size : room))
		return false;
	for (size_t i = room; i < *size; i++)
		if (!receive(fd, &rest, 1))
			return false;
	return true;
}

static bool send_frame(int fd, const uint8_t *bytes, size_t size)
{
	uint8_t frame[2 + CARD_RESPONSE_MAX] = {(uint8_t)(size >> 8),
						(uint8_t)size};

	memcpy(frame + 2, bytes, size);
	return send(fd, frame, 2 + size, MSG_NOSIGNAL) == (ssize_t)(2 + size);
}

/* ---- the card ---- */

struct state {
	const struct vpcd *vpcd;
	struct modem *modem;
	struct control *control;
	struct addrinfo *address;
	int fd; /* -1: the card is not in the reader */
};

/* What on a modem's line happens to the hex digits of an answer. */
static void damage(struct modem *modem, unsigned int ins,
		   struct at_exchange *exchange)
{
	struct view *answer = &exchange->entry.response;

	if (fault_strikes(modem->faults, FAULT_TRUNCATE, ins, NULL) ||
	    fault_strikes(modem->faults, FAULT_HALF, ins, NULL))
		answer->size /= 2;
	if (fault_strikes(modem->faults, FAULT_DIGIT, ins, NULL))
		exchange->response[answer->size / 2] ^= 0x01;
	if (fault_strikes(modem->faults, FAULT_GARBLE, ins, NULL))
		for (size_t i = 0; i < answer->size; i += 2)
			exchange->response[i] ^= 0x5A;
}

/* The answer leaves when the card's time is up. */
static void take_time(uint64_t start, uint64_t ns)
{
	uint64_t now = timing_now();

	while (now < start + ns && !loop_stopped()) {
		uint64_t left = start + ns - now;
		struct timespec wait = {(time_t)(left / 1000000000),
					(long)(left % 1000000000)};

		loop_poll(NULL, 0, &wait);
		now = timing_now();
	}
}

static bool answer(struct state *state, struct at_exchange *exchange,
		   size_t size)
{
	struct modem *modem = state->modem;
	uint64_t start = timing_now();
	bool sent;

	csim_card(modem, exchange, size);
	log_write(modem->log, &exchange->entry);
	damage(modem, exchange->ins, exchange);
	take_time(start, exchange->entry.card_ns);
	sent = send_frame(state->fd, exchange->response,
			  exchange->entry.response.size);
	strike_after(modem);
	return sent;
}

static bool refuse(struct state *state, uint16_t sw)
{
	uint8_t answer[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};

	return send_frame(state->fd, answer, sizeof(answer));
}

static bool run_command(struct state *state, struct at_exchange *exchange,
			size_t size)
{
	struct modem *modem = state->modem;
	int result;

	if (size < 4 || size > CARD_COMMAND_MAX)
		return refuse(state, SW_WRONG_LENGTH);
	modem->exchanges++;
	exchange->ins = exchange->command[1];
	if (fault_on(modem->faults, FAULT_DEAF))
		return true;
	result = strike_before(modem, exchange->ins,
			       exchange->command[0] & 0x03);
	if (result == AT_OK)
		return answer(state, exchange, size);
	/* A card that was pulled answers nothing either. */
	if (result == AT_SILENT || modem->pulled)
		return true;
	return refuse(state, SW_FAILED);
}

static bool run_control(struct state *state, uint8_t code)
{
	if (code == GET_ATR)
		return send_frame(state->fd, state->vpcd->atr,
				  state->vpcd->atr_size);
	if (code == POWER_OFF || code == POWER_ON || code == RESET)
		card_reset(state->modem->card);
	return true;
}

/* ---- the loop ---- */

static bool is_in(const struct state *state)
{
	return !state->modem->pulled &&
	       !fault_on(state->modem->faults, FAULT_NO_SIM);
}

static void take_out(struct state *state)
{
	if (state->fd >= 0)
		close(state->fd);
	state->fd = -1;
	card_reset(state->modem->card);
}

static void serve_frame(struct state *state)
{
	struct at_exchange exchange = {0};
	size_t size;
	bool good = receive_frame(state->fd, exchange.command,
				  sizeof(exchange.command), &size);

	if (good && size == 1)
		good = run_control(state, exchange.command[0]);
	else if (good)
		good = run_command(state, &exchange, size);
	OPENSSL_cleanse(&exchange, sizeof(exchange));
	if (!good)
		take_out(state);
}

static bool turn(struct state *state)
{
	static const struct timespec retry = {0, RETRY_NS};
	struct pollfd fds[2] = {
		{state->control ? STDIN_FILENO : -1, POLLIN, 0},
		{-1, POLLIN, 0},
	};

	if (!is_in(state))
		take_out(state);
	else if (state->fd < 0)
		state->fd = connect_to(state->address);
	fds[1].fd = state->fd;
	if (!loop_poll(fds, 2, state->fd < 0 && is_in(state) ? &retry : NULL))
		return false;
	if (fds[0].revents && !control_read(state->control))
		loop_stop();
	else if (fds[1].revents)
		serve_frame(state);
	return true;
}

enum loop_end vpcd_run(const struct vpcd *vpcd, struct modem *modem,
		       struct control *control)
{
	struct state state = {vpcd, modem, control, NULL, -1};
	bool good = look_up(vpcd->where, &state.address);

	while (good && !loop_stopped() && !modem->dead)
		good = turn(&state);
	if (state.fd >= 0)
		close(state.fd);
	if (state.address)
		freeaddrinfo(state.address);
	if (!good)
		return LOOP_FAILED;
	return modem->dead ? LOOP_DIED : LOOP_STOPPED;
}
