/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of links, the application's own link, and children as modems. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sys/stat.h>
#include "base/error.h"
#include "link/module.h"
#include "link/words.h"
#include "links.h"

Test(link, says_why_an_address_cannot_be_opened)
{
	expect_refused("smoke:x", IOTSAFE_ERR_ARG, "unknown kind \"smoke\"");
	expect_refused("at:", IOTSAFE_ERR_ARG, "names no port");
	expect_refused("at:/dev/ttyUSB99", IOTSAFE_ERR_IO,
		       "at:/dev/ttyUSB99: no such port");
	expect_refused("at:/etc/passwd", IOTSAFE_ERR_IO, "not a port");
	expect_refused("at:/dev", IOTSAFE_ERR_IO, "not a port");
	expect_refused("at:/dev/null?baud=fast", IOTSAFE_ERR_ARG, "baud=fast");
	expect_refused("at:/dev/null?flow=up", IOTSAFE_ERR_ARG, "flow=up");
	expect_refused("at:/dev/null", IOTSAFE_ERR_CLOSED, "gone");
	expect_refused("exec:", IOTSAFE_ERR_ARG, "names no command");
	expect_refused("exec:echo 'a", IOTSAFE_ERR_ARG, "quotation");
}

Test(link, a_port_that_is_never_empty_ends_at_the_deadline)
{
	int64_t start = deadline_now();
	struct link link;

	cr_expect_eq(open_address(&link, "at:/dev/zero", 300),
		     IOTSAFE_ERR_TIMEOUT);
	cr_expect(strstr(iotsafe_last_error(), "does not answer AT commands"));
	cr_expect_lt(deadline_now() - start, 1500);
}

Test(link, refuses_attributes_that_nobody_knows)
{
	static const char *const others[] = {"timeout", "aid", NULL};
	struct address address;

	address_parse("at:/dev/ttyS0?baud=9600&timeout=5&flow=rts", &address);
	cr_expect_eq(link_check_attributes(&address, others), IOTSAFE_OK);
	cr_expect_eq(link_check_attributes(&address, NULL), IOTSAFE_ERR_ARG);
	cr_expect(strstr(iotsafe_last_error(), "\"timeout\""));
	address_parse("sim:?flow=rts", &address);
	cr_expect_eq(link_check_attributes(&address, others), IOTSAFE_ERR_ARG);
	address_parse("smoke:?flow=rts", &address);
	cr_expect_eq(link_check_attributes(&address, others), IOTSAFE_ERR_ARG);
}

/* --- The application's own link ---------------------------------------------
 */

struct own {
	int result;
	size_t size; /* of the answer it claims */
	int64_t deadline;
	int closed;
};

static int own_exchange(void *self, const uint8_t *command, size_t command_size,
			uint8_t *response, size_t *response_size,
			int64_t deadline)
{
	struct own *own = self;

	(void)command;
	(void)command_size;
	own->deadline = deadline;
	response[0] = 0x90;
	response[1] = 0x00;
	*response_size = own->size;
	return own->result;
}

static void own_close(void *self)
{
	struct own *own = self;

	own->closed++;
}

/* Further than any machine is up. */
#define FAR_AWAY INT64_C(0x123456789ABC)

static int ask_own(struct own *own, size_t command_size, size_t room)
{
	const iotsafe_link application = {sizeof(application), own,
					  own_exchange, own_close};
	struct deadline deadline = {FAR_AWAY, -1, -1};
	uint8_t command[300] = {0}, response[300];
	struct link link;
	int result;

	own->closed = 0;
	cr_assert_eq(link_open_own(&link, &application), IOTSAFE_OK);
	result = link_exchange(&link, NULL, command, command_size, response,
			       &room, &deadline);
	link_close(&link);
	link_close(&link);
	cr_expect_eq(own->closed, 1);
	return result;
}

Test(link, an_own_link_gets_the_deadline_and_is_closed_once)
{
	struct own own = {.size = 2};

	cr_expect_eq(ask_own(&own, 5, 258), IOTSAFE_OK);
	cr_expect_eq(own.deadline, FAR_AWAY);
}

Test(link, an_own_link_may_not_answer_without_a_status_word_or_too_much)
{
	static const size_t sizes[] = {0, 1, 259, 100000};

	for (size_t i = 0; i < 4; i++) {
		struct own own = {.size = sizes[i]};

		cr_expect_eq(ask_own(&own, 5, 258), IOTSAFE_ERR_FORMAT);
	}
}

Test(link, the_errors_of_an_own_link_get_sentences)
{
	static const int codes[][2] = {
		{IOTSAFE_ERR_BUSY, IOTSAFE_ERR_BUSY},
		{IOTSAFE_ERR_TIMEOUT, IOTSAFE_ERR_TIMEOUT},
		{IOTSAFE_ERR_ABSENT, IOTSAFE_ERR_ABSENT},
		{IOTSAFE_ERR_CLOSED, IOTSAFE_ERR_CLOSED},
		{IOTSAFE_ERR_UNTRUSTED, IOTSAFE_ERR_IO},
		{-4711, IOTSAFE_ERR_IO},
		{1, IOTSAFE_ERR_IO},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct own own = {.size = 2, .result = codes[i][0]};

		cr_expect_eq(ask_own(&own, 5, 258), codes[i][1]);
		cr_expect_eq(iotsafe_last_code(), codes[i][1]);
		cr_expect(strstr(iotsafe_last_error(), "application's link"));
	}
}

Test(link, refuses_commands_and_rooms_of_wrong_size)
{
	struct own own = {.size = 2};

	cr_expect_eq(ask_own(&own, 3, 258), IOTSAFE_ERR_ARG);
	cr_expect_eq(ask_own(&own, 262, 258), IOTSAFE_ERR_ARG);
	cr_expect_eq(ask_own(&own, 5, 257), IOTSAFE_ERR_ARG);
	cr_expect_eq(ask_own(&own, 261, 258), IOTSAFE_OK);
}

Test(link, a_closed_link_says_so)
{
	struct deadline deadline = deadline_in(0, -1);
	uint8_t bytes[LINK_RESPONSE_MAX] = {0};
	struct link link = {0};
	size_t size = sizeof(bytes);

	cr_expect_eq(
		link_exchange(&link, NULL, bytes, 5, bytes, &size, &deadline),
		IOTSAFE_ERR_CLOSED);
}

/* --- Turns --- */

struct turns_had {
	unsigned begun, ended;
	int result;
};

static int begin(struct link *link, const struct deadline *deadline)
{
	struct turns_had *had = link->self;

	(void)deadline;
	had->begun++;
	return had->result ? error_set(had->result, "not now") : IOTSAFE_OK;
}

static void end(struct link *link)
{
	struct turns_had *had = link->self;

	had->ended++;
	error_set(IOTSAFE_ERR_IO, "of no importance");
}

static const struct link_kind in_turns = {
	.scheme = "turns",
	.turn_begin = begin,
	.turn_end = end,
};

Test(link, a_turn_is_begun_once_and_ended_once)
{
	struct turns_had had = {0};
	struct link link = {.kind = &in_turns, .self = &had};

	link_turn_end(&link);
	cr_expect_eq(had.ended, 0, "none has begun");
	for (unsigned i = 1; i < 4; i++) {
		cr_expect_eq(link_turn_begin(&link, NULL), IOTSAFE_OK);
		cr_expect_eq(link_turn_begin(&link, NULL), IOTSAFE_OK);
		cr_expect(link.in_turn && had.begun == i);
		link_turn_end(&link);
		link_turn_end(&link);
		cr_expect(!link.in_turn && had.ended == i);
	}
}

Test(link, a_turn_that_is_refused_has_not_begun)
{
	struct turns_had had = {.result = IOTSAFE_ERR_BUSY};
	struct link link = {.kind = &in_turns, .self = &had};

	cr_expect_eq(link_turn_begin(&link, NULL), IOTSAFE_ERR_BUSY);
	cr_expect(!link.in_turn);
	link_turn_end(&link);
	cr_expect_eq(had.ended, 0);
	cr_expect_str_eq(iotsafe_last_error(), "not now");
}

Test(link, the_end_of_a_turn_keeps_the_error)
{
	struct turns_had had = {0};
	struct link link = {.kind = &in_turns, .self = &had};

	cr_expect_eq(link_turn_begin(&link, NULL), IOTSAFE_OK);
	error_set(IOTSAFE_ERR_CARD, "what went wrong");
	link_turn_end(&link);
	cr_expect_str_eq(iotsafe_last_error(), "what went wrong");
}

/* --- Words of a command
 * ------------------------------------------------------- */

static void expect_words(const char *text, const char *expected)
{
	char room[100], joined[100] = "";
	char *words[8];
	int count;

	strcpy(room, text);
	count = words_split(room, words, 8);
	for (int i = 0; i < count; i++) {
		strcat(joined, words[i]);
		strcat(joined, "|");
	}
	cr_expect_str_eq(count < 0 ? "refused" : joined, expected);
	cr_expect(count < 0 || !words[count]);
}

Test(words, are_split_as_a_shell_would)
{
	expect_words("", "");
	expect_words("  ", "");
	expect_words("a", "a|");
	expect_words(" ssh  gateway\tsocat ", "ssh|gateway|socat|");
	expect_words("a 'b c' \"d e\"", "a|b c|d e|");
	expect_words("a'b 'c", "ab c|");
	expect_words("a\\ b \\' \"\\\"\" '\\'", "a b|'|\"|\\|");
	expect_words("'' \"\"", "||");
	expect_words("a \"'\" '\"'", "a|'|\"|");
	expect_words("$HOME `x` *", "$HOME|`x`|*|");
	expect_words("a\\", "a\\|");
	expect_words("1 2 3 4 5 6 7", "1|2|3|4|5|6|7|");
	expect_words("1 2 3 4 5 6 7 8", "refused");
	expect_words("'a", "refused");
	expect_words("\"a\\\"", "refused");
}

/* The same program under another name tries to load a module, and tells. */
__attribute__((constructor)) static void load_if_asked(void)
{
	const struct link_kind *kind;

	if (!getenv("TEST_LINK_LOADS"))
		return;
	link_module_load("pcsc", &kind);
	_exit(strstr(iotsafe_last_error(), "cannot be loaded") ? 1 : 0);
}

Test(link, a_program_s_own_name_leads_to_no_module)
{
	char folder[] = "/tmp/iotsafe-link.XXXXXX", name[64], module[64];
	int status = -1;
	pid_t child;

	cr_assert(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/program", folder);
	snprintf(module, sizeof(module), "%s/link-pcsc.so", folder);
	fclose(fopen(module, "w"));
	child = fork();
	if (!child) {
		setenv("TEST_LINK_LOADS", "1", 1);
		execl("/proc/self/exe", name, (char *)NULL);
		_exit(2);
	}
	cr_expect(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
	unlink(module);
	rmdir(folder);
}
