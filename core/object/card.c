/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public handle of a card: an address becomes a link, a channel and an
 * applet on it, opened when first needed and again when lost; operations take
 * turns on it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "object/card.h"
#include "object/key.h"
#include "object/registry.h"

#define TIMEOUT_LOWEST	100
#define TIMEOUT_HIGHEST 600000
#define TIMEOUT_DEFAULT 10000
/* Freeing a card must not hang on a modem that has gone; nor longer than any
 * other operation may. */
#define FREE_LIMIT 2000

/* The applets, in the order of trying. */
static const struct applet_kind *const applets[] = {&applet_iotsafe};

/* ---- opening ---- */

static int parse_aids(iotsafe_card *card)
{
	const char *text = address_get(&card->address, "aid");

	while (text && *text) {
		size_t digits = strcspn(text, ",");
		struct aid *aid = &card->aids[card->aids_count];

		if (card->aids_count == CHANNEL_AIDS_MAX || digits < 10 ||
		    digits > 2 * AID_MAX ||
		    !hex_decode(text, digits, aid->data))
			return error_set(IOTSAFE_ERR_ARG,
					 "address: aid=%.80s is not a list of "
					 "AIDs of 5 to 16 bytes",
					 text);
		aid->size = digits / 2;
		card->aids_count++;
		text += digits + (text[digits] == ',');
	}
	return IOTSAFE_OK;
}

/* The application's link has no attributes of its own. */
static int check_attributes(const iotsafe_card *card)
{
	static const char *const names[] = {"timeout", "aid", NULL};
	const struct address *address = &card->address;

	if (!card->own)
		return link_check_attributes(address, names);
	for (size_t i = 0; i < address->attributes_count; i++) {
		const char *name = address->attributes[i].name;

		if (strcmp(name, names[0]) && strcmp(name, names[1]))
			return error_set(IOTSAFE_ERR_ARG,
					 "address: a link of the application "
					 "has no attribute \"%.60s\"",
					 name);
	}
	return IOTSAFE_OK;
}

static int parse(iotsafe_card *card, const char *text)
{
	long timeout;

	TRY(address_parse(text, &card->address));
	address_format(&card->address, "timeout", card->name);
	TRY(check_attributes(card));
	TRY(address_get_number(&card->address, "timeout", TIMEOUT_LOWEST,
			       TIMEOUT_HIGHEST, TIMEOUT_DEFAULT, &timeout));
	card->timeout = (int)timeout;
	return parse_aids(card);
}

static int open_applet(iotsafe_card *card, const struct deadline *deadline)
{
	const struct applet_kind *kind = applets[0];
	const struct aid *aids = card->aids_count ? card->aids : kind->aids;
	size_t count = card->aids_count ? card->aids_count : kind->aids_count;

	card->applet.kind = kind;
	if (!card->applet.channel.manners.piece)
		card->applet.channel.manners.piece = 256;
	return channel_open(&card->applet.channel, &card->link, aids, count,
			    deadline);
}

/* Counters outlive links, and are read without a turn. */
static void count_up(iotsafe_card *card)
{
	const struct link_counters *now = &card->link.counters;
	const struct link_counters *then = &card->counted;

	card->counters[IOTSAFE_EXCHANGES] += now->exchanges - then->exchanges;
	card->counters[IOTSAFE_BYTES_SENT] +=
		now->bytes_sent - then->bytes_sent;
	card->counters[IOTSAFE_BYTES_RECEIVED] +=
		now->bytes_received - then->bytes_received;
	card->counters[IOTSAFE_LINK_TIME] +=
		now->microseconds - then->microseconds;
	card->counted = *now;
}

static int open_link(iotsafe_card *card, const struct deadline *deadline)
{
	struct manners *manners = &card->applet.channel.manners;
	int result = card->own
			     ? link_open_own(&card->link, &card->own_link)
			     : link_open(&card->link, &card->address, deadline);

	if (result < 0)
		return result;
	card->link_open = true;
	*manners = (struct manners){.piece = 256};
	manners->with_le = card->link.kind->wants_le;
	/* Behind a new link may be another card. */
	card_forget(card);
	return IOTSAFE_OK;
}

static void drop_link(iotsafe_card *card)
{
	if (!card->link_open)
		return;
	count_up(card);
	card->applet.channel.open = false;
	/* The application's own link has one life. */
	if (card->own)
		return;
	link_close(&card->link);
	card->link_open = false;
	card->link = (struct link){0};
	card->counted = (struct link_counters){0};
}

static int open_all(iotsafe_card *card, const struct deadline *deadline)
{
	if (!card->link_open)
		TRY(open_link(card, deadline));
	if (!card->applet.channel.open)
		return open_applet(card, deadline);
	return IOTSAFE_OK;
}

/* ---- turns and recovery ---- */

enum loss {
	LOST_NOTHING,
	LOST_CHANNEL, /* the card forgot it: reset */
	LOST_COMMAND, /* the modem refused; the channel may be there */
	LOST_LINK
};

/* What was open when the turn began. */
struct before {
	bool link, channel;
};

/* What a failure says about the card's state. A card that was reset does not
 * know the channel (6881), or answers on it as the USIM would. What was opened
 * in this turn cannot have got lost in it. */
static enum loss what_is_lost(struct before before, int code)
{
	unsigned status = iotsafe_last_status();

	if (code == IOTSAFE_ERR_CLOSED || code == IOTSAFE_ERR_IO)
		return before.link ? LOST_LINK : LOST_NOTHING;
	if (!before.channel)
		return LOST_NOTHING;
	if (code == IOTSAFE_ERR_MODEM)
		return LOST_COMMAND;
	if (code == IOTSAFE_ERR_CARD &&
	    (status == 0x6881 || status == 0x6D00 || status == 0x6E00))
		return LOST_CHANNEL;
	return LOST_NOTHING;
}

static int reopen(iotsafe_card *card, enum loss loss,
		  const struct deadline *deadline)
{
	struct error reason;
	int result;

	error_save(&reason);
	trace_line(IOTSAFE_TRACE_APDU, "card: opening again after: %s",
		   reason.text);
	/* A channel that a reset took may be another program's by now: it is
	 * closed only where it must still be ours. */
	if (loss == LOST_COMMAND)
		channel_close(&card->applet.channel, deadline);
	card->applet.channel.open = false;
	if (loss == LOST_LINK)
		drop_link(card);
	result = open_all(card, deadline);
	/* The first cause is the one to tell. */
	if (result < 0) {
		error_restore(&reason);
		return reason.code;
	}
	return IOTSAFE_OK;
}

static int run_once(iotsafe_card *card, card_operation operation, void *self,
		    const struct deadline *deadline)
{
	TRY(open_all(card, deadline));
	return operation(card, self, deadline);
}

/*
 * 6D00 and 6E00 tell a stranger's applet on our number from a command that
 * the applet does not have only by a second try: on a new channel the first
 * has the command, and the second refuses it again. Then the old channel was
 * ours all the time; cards have few, so that one of the two goes.
 */
static int run_in_new_channel(iotsafe_card *card, card_operation operation,
			      void *self, const struct deadline *deadline)
{
	struct channel old = card->applet.channel;
	unsigned status = iotsafe_last_status();
	int result = reopen(card, LOST_CHANNEL, deadline);

	if (result < 0) {
		card->applet.channel = old;
		return result;
	}
	result = run_once(card, operation, self, deadline);
	if (result < 0 && iotsafe_last_status() == status)
		channel_close(&old, deadline);
	return result;
}

static int run_again(iotsafe_card *card, enum loss loss,
		     card_operation operation, void *self,
		     const struct deadline *deadline)
{
	if (loss == LOST_CHANNEL && iotsafe_last_status() != 0x6881)
		return run_in_new_channel(card, operation, self, deadline);
	TRY(reopen(card, loss, deadline));
	return run_once(card, operation, self, deadline);
}

static int run_in_turn(iotsafe_card *card, card_operation operation, void *self,
		       const struct deadline *deadline)
{
	const struct before before = {card->link_open,
				      card->applet.channel.open};
	int result = run_once(card, operation, self, deadline);
	enum loss loss =
		result < 0 ? what_is_lost(before, result) : LOST_NOTHING;
	struct error kept;

	if (loss != LOST_NOTHING && !deadline_passed(deadline))
		result = run_again(card, loss, operation, self, deadline);
	if (result == IOTSAFE_ERR_CLOSED || result == IOTSAFE_ERR_IO) {
		error_save(&kept);
		drop_link(card);
		error_restore(&kept);
	}
	return result;
}

static int check_process(const iotsafe_card *card)
{
	if (card->pid != getpid())
		return error_set(IOTSAFE_ERR_CLOSED,
				 "card: opened by the parent process; open it "
				 "again in this one");
	return IOTSAFE_OK;
}

int card_run(iotsafe_card *card, const struct deadline *limit,
	     card_operation operation, void *self)
{
	struct turn turn;
	int result;

	TRY(check_process(card));
	TRY(turn_begin(&card->turns, &turn, card->timeout, limit));
	result = run_in_turn(card, operation, self, &turn.deadline);
	count_up(card);
	turn_end(&card->turns, &turn);
	return result;
}

/* ---- the handle ---- */

static void close_link(iotsafe_card *card)
{
	if (card->link_open)
		link_close(&card->link);
	else if (card->own && card->own_link.close)
		card->own_link.close(card->own_link.self);
}

static void destroy(iotsafe_card *card)
{
	int limit = card->timeout < FREE_LIMIT ? card->timeout : FREE_LIMIT;
	struct deadline deadline = deadline_in(limit, -1);

	/* In a child made by fork() the link is the parent's. */
	if (card->pid == getpid()) {
		channel_close(&card->applet.channel, &deadline);
		close_link(card);
	}
	registry_remove(card);
	card_forget(card);
	turns_destroy(&card->turns);
	free(card);
}

static iotsafe_card *make(void)
{
	iotsafe_card *card = calloc(1, sizeof(*card));

	if (!card) {
		error_set(IOTSAFE_ERR_MEMORY, "card: no memory");
		return NULL;
	}
	card->pid = getpid();
	turns_init(&card->turns);
	return card;
}

static int do_nothing(iotsafe_card *card, void *self,
		      const struct deadline *deadline)
{
	(void)card;
	(void)self;
	(void)deadline;
	return IOTSAFE_OK;
}

int iotsafe_card_open(const char *address, iotsafe_card **card)
{
	iotsafe_card *fresh;
	int result;

	if (!card)
		return error_set(IOTSAFE_ERR_ARG, "card: no room given");
	*card = NULL;
	if (!address)
		address = secure_getenv("IOTSAFE_CARD");
	if (!address || !*address)
		return error_set(IOTSAFE_ERR_ARG,
				 "card: no address given, and IOTSAFE_CARD is "
				 "not set (for example at:/dev/ttyUSB2, or "
				 "sim: for the software SIM)");
	fresh = make();
	if (!fresh)
		return IOTSAFE_ERR_MEMORY;
	result = parse(fresh, address);
	if (result < 0) {
		destroy(fresh);
		return result;
	}
	*card = registry_enter(fresh);
	if (*card != fresh) {
		if (address_get(&fresh->address, "timeout"))
			(*card)->timeout = (int)fresh->timeout;
		destroy(fresh);
	}
	/* The first operation opens everything. */
	result = card_run(*card, NULL, do_nothing, NULL);
	if (result < 0) {
		struct error kept;

		error_save(&kept);
		iotsafe_card_free(*card);
		error_restore(&kept);
		*card = NULL;
	}
	return result;
}

static int open_own(iotsafe_card *card, const char *attributes)
{
	char text[ADDRESS_SIZE_MAX];

	if (snprintf(text, sizeof(text), "link:?%s",
		     attributes ? attributes : "") >= (int)sizeof(text))
		return error_set(IOTSAFE_ERR_ARG, "address: too long");
	TRY(parse(card, text));
	return card_run(card, NULL, do_nothing, NULL);
}

int iotsafe_card_open_link(const iotsafe_link *link, const char *attributes,
			   iotsafe_card **card)
{
	struct error kept;
	int result;

	if (!card)
		return error_set(IOTSAFE_ERR_ARG, "card: no room given");
	*card = NULL;
	if (!link || link->size < sizeof(*link) || !link->exchange)
		return error_set(IOTSAFE_ERR_ARG,
				 "card: the link is missing, of another size "
				 "or without exchange function");
	*card = make();
	if (!*card)
		return IOTSAFE_ERR_MEMORY;
	(*card)->own = true;
	(*card)->own_link = *link;
	(*card)->uses = 1;
	result = open_own(*card, attributes);
	if (result < 0) {
		error_save(&kept);
		iotsafe_card_free(*card);
		error_restore(&kept);
		*card = NULL;
	}
	return result;
}

iotsafe_card *card_use(iotsafe_card *card)
{
	card->uses++;
	return card;
}

void iotsafe_card_free(iotsafe_card *card)
{
	if (!card)
		return;
	if (registry_leave(card))
		destroy(card);
}

int iotsafe_card_cancel(iotsafe_card *card)
{
	if (!card)
		return error_set(IOTSAFE_ERR_ARG, "card: none given");
	TRY(check_process(card));
	turns_cancel(&card->turns);
	return IOTSAFE_OK;
}

int iotsafe_card_set_timeout(iotsafe_card *card, int milliseconds)
{
	if (!card || milliseconds < TIMEOUT_LOWEST ||
	    milliseconds > TIMEOUT_HIGHEST)
		return error_set(IOTSAFE_ERR_ARG,
				 "card: a time-out is %d to %d milliseconds",
				 TIMEOUT_LOWEST, TIMEOUT_HIGHEST);
	card->timeout = milliseconds;
	return IOTSAFE_OK;
}

const char *iotsafe_card_address(const iotsafe_card *card)
{
	return card ? card->name : "";
}

/* ---- what needs no object ---- */

struct buffer {
	uint8_t *data;
	size_t size;
};

/* Up to 256 bytes a command. */
static int read_random(iotsafe_card *card, void *self,
		       const struct deadline *deadline)
{
	struct buffer *out = self;

	for (size_t done = 0; done < out->size;) {
		size_t piece = out->size - done;

		if (piece > 255)
			piece = 255;
		TRY(card->applet.kind->random(&card->applet, out->data + done,
					      piece, deadline));
		done += piece;
	}
	return IOTSAFE_OK;
}

int iotsafe_card_random(iotsafe_card *card, size_t size, uint8_t **out,
			size_t *out_size)
{
	struct buffer buffer = {.size = size};
	int result;

	if (!bytes_ready(out, out_size) || !card || !size || size > 65536)
		return error_set(IOTSAFE_ERR_ARG,
				 "random: 1 to 65536 bytes of a card");
	buffer.data = bytes_room(size);
	if (!buffer.data)
		return IOTSAFE_ERR_MEMORY;
	result = card_run(card, NULL, read_random, &buffer);
	if (result < 0) {
		iotsafe_free(buffer.data);
		return result;
	}
	*out = buffer.data;
	*out_size = size;
	return IOTSAFE_OK;
}

#define ANSWER_MAX 8192

struct raw {
	struct bytes command;
	uint8_t answer[ANSWER_MAX];
	size_t answer_size;
};

static bool parse_command(struct bytes in, struct apdu *apdu)
{
	size_t lc, behind;

	*apdu = (struct apdu){.name = "APDU", .secret = true};
	if (in.size < 4 || in.size > APDU_COMMAND_MAX)
		return false;
	apdu->cla = in.data[0];
	apdu->ins = in.data[1];
	apdu->p1 = in.data[2];
	apdu->p2 = in.data[3];
	if (in.size == 4)
		return true;
	if (in.size == 5) {
		apdu->expect = in.data[4] ? APDU_EXACT : APDU_SOME;
		apdu->le = in.data[4];
		return true;
	}
	lc = in.data[4];
	behind = in.size - 5;
	if (!lc || (behind != lc && behind != lc + 1))
		return false;
	apdu->data = (struct bytes){in.data + 5, lc};
	if (behind == lc + 1) {
		apdu->le = in.data[5 + lc] ? in.data[5 + lc] : 256;
		apdu->expect = APDU_EXACT;
	}
	return true;
}

static int send_raw(iotsafe_card *card, void *self,
		    const struct deadline *deadline)
{
	struct raw *raw = self;
	struct response response = {.data = raw->answer,
				    .room = ANSWER_MAX - 2};
	struct apdu apdu;

	if (!parse_command(raw->command, &apdu))
		return error_set(IOTSAFE_ERR_ARG,
				 "APDU: %zu bytes are no short command",
				 raw->command.size);
	TRY(channel_transact(&card->applet.channel, &apdu, &response,
			     deadline));
	raw->answer[response.size] = (uint8_t)(response.status >> 8);
	raw->answer[response.size + 1] = (uint8_t)response.status;
	raw->answer_size = response.size + 2;
	return IOTSAFE_OK;
}

int iotsafe_card_transact(iotsafe_card *card, const uint8_t *data,
			  size_t data_size, uint8_t **out, size_t *out_size)
{
	struct raw raw = {.command = {data, data_size}};
	int result;

	if (!bytes_ready(out, out_size) || !card || !data)
		return error_set(IOTSAFE_ERR_ARG, "APDU: something is NULL");
	result = card_run(card, NULL, send_raw, &raw);
	if (result >= 0)
		result = bytes_give(raw.answer, raw.answer_size, out, out_size);
	bytes_wipe(raw.answer, sizeof(raw.answer));
	return result;
}

uint64_t iotsafe_card_counter(iotsafe_card *card, int counter)
{
	if (!card || counter < 0 || counter >= CARD_COUNTERS)
		return 0;
	return card->counters[counter];
}
