/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command and its answer become fields: class, instruction, P1 and P2, what
 * they carry, the status word. One table has the commands.
 */
#include <stdio.h>
#include <string.h>
#include "explain.h"
#include "status.h"

#define INS_GET_RESPONSE 0xC0

/* What P1 and P2 are to a command. */
enum parameters {
	NO_PARAMETERS,
	MANAGE,
	SELECTION,
	/* P1 opens or closes, P2 is the session's number. */
	SESSION,
	/* P1 says whether it is the last one. */
	UPDATE,
	OFFSET,
	/* P1 names a file, or both are an offset. */
	BINARY,
	GET_DATA,
	PRF_MODE,
	PIN_NUMBER,
	/* P2 says what for. */
	ENVIRONMENT
};

/* What the bytes of command and answer are. */
enum content { RAW, OBJECTS, CHANNEL_NUMBER, AID, KEY_CHOICE };

static const struct row {
	uint8_t ins;
	const char *name;
	enum parameters parameters;
	enum content sent, received;
} rows[] = {
	{0x20, "VERIFY PIN", PIN_NUMBER, RAW, RAW},
	{0x22, "MANAGE SECURITY ENVIRONMENT", ENVIRONMENT, KEY_CHOICE, RAW},
	{0x24, "PUT PUBLIC KEY INIT", SESSION, OBJECTS, RAW},
	{0x2A, "COMPUTE SIGNATURE INIT", SESSION, OBJECTS, RAW},
	{0x2B, "COMPUTE SIGNATURE UPDATE", UPDATE, OBJECTS, OBJECTS},
	{0x2C, "VERIFY SIGNATURE INIT", SESSION, OBJECTS, RAW},
	{0x2D, "VERIFY SIGNATURE UPDATE", UPDATE, OBJECTS, RAW},
	{0x46, "COMPUTE DH", NO_PARAMETERS, OBJECTS, RAW},
	{0x48, "COMPUTE PRF", PRF_MODE, OBJECTS, RAW},
	{0x4A, "COMPUTE HKDF", NO_PARAMETERS, OBJECTS, RAW},
	{0x70, "MANAGE CHANNEL", MANAGE, RAW, CHANNEL_NUMBER},
	{0x84, "GET RANDOM", NO_PARAMETERS, RAW, RAW},
	{0xA4, "SELECT", SELECTION, AID, OBJECTS},
	{0xB0, "READ FILE", OFFSET, OBJECTS, RAW},
	{0xB2, "READ RECORD", NO_PARAMETERS, RAW, RAW},
	{0xB9, "GENERATE KEY PAIR", NO_PARAMETERS, OBJECTS, OBJECTS},
	{0xC0, "GET RESPONSE", NO_PARAMETERS, RAW, RAW},
	{0xCB, "GET DATA", GET_DATA, OBJECTS, OBJECTS},
	{0xCD, "READ PUBLIC KEY", NO_PARAMETERS, OBJECTS, OBJECTS},
	{0xD8, "PUT PUBLIC KEY UPDATE", UPDATE, OBJECTS, RAW},
	{0xF2, "STATUS", NO_PARAMETERS, RAW, RAW},
};

static const struct row *find_row(uint8_t ins)
{
	static const struct row unknown = {.name = "unknown"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].ins == ins)
			return &rows[i];
	return &unknown;
}

/* The same instruction as READ FILE, which always has data. */
static const struct row read_binary = {0xB0, "READ BINARY", BINARY, RAW, RAW};

/* ISO 7816-8 and 7816-4, as Trust Onboard's applet has them: instructions that
 * IoT.05 gives another meaning, with P1 and P2 that it does not use. */
static const struct other {
	uint8_t p1, p2;
	struct row row;
} others[] = {
	{0x90, 0xA0, {0x2A, "PSO HASH", NO_PARAMETERS, RAW, RAW}},
	{0x9E, 0x9A, {0x2A, "PSO COMPUTE SIGNATURE", NO_PARAMETERS, RAW, RAW}},
	{0x80, 0x86, {0x2A, "PSO DECIPHER", NO_PARAMETERS, RAW, RAW}},
	{0x00, 0x81, {0x24, "CHANGE REFERENCE DATA", PIN_NUMBER, RAW, RAW}},
};

static const struct row *find_command(const struct record *record)
{
	const struct row *row = find_row(record->command[1]);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].row.ins == record->command[1] &&
		    others[i].p1 == record->command[2] &&
		    others[i].p2 == record->command[3])
			return &others[i].row;

	return row->parameters == OFFSET && record->command_size == 5
		       ? &read_binary
		       : row;
}

static void give(struct explain *explain, const char *name, const uint8_t *data,
		 size_t size, const char *words)
{
	struct field field = {.name = name, .data = data, .size = size};

	snprintf(field.words, sizeof(field.words), "%s", words);
	explain->give(explain->self, &field);
}

/* ETSI TS 102 221 10.1.1. */
static unsigned channel_of(uint8_t cla)
{
	return cla & 0x40 ? 4u + (cla & 0x0F) : cla & 0x03u;
}

static void give_class(struct explain *explain, const uint8_t *cla)
{
	char words[EXPLAIN_WORDS_MAX];

	snprintf(words, sizeof(words), "%s, channel %u%s",
		 *cla == 0xA0  ? "GSM"
		 : *cla & 0x80 ? "applet's own"
			       : "interindustry",
		 channel_of(*cla),
		 (*cla & 0x40) || !(*cla & 0x0C) ? "" : ", secure messaging");
	give(explain, "class", cla, 1, words);
}

static const char *manage_words(const uint8_t *p)
{
	return p[0] == 0x00 ? "open" : p[0] == 0x80 ? "close" : "unknown";
}

static const char *selection_words(uint8_t p1)
{
	return p1 == 0x00   ? "by file id"
	       : p1 == 0x04 ? "by application identifier"
	       : p1 == 0x08 ? "by path from the master file"
	       : p1 == 0x09 ? "by path from the current one"
			    : "unknown";
}

static const char *data_words(uint8_t p1)
{
	return p1 == 0x00   ? "the application"
	       : p1 == 0x01 ? "the list of objects"
	       : p1 == 0xC1 ? "one private key"
	       : p1 == 0xC2 ? "one public key"
	       : p1 == 0xC3 ? "one file"
	       : p1 == 0xC4 ? "one secret key"
			    : "unknown";
}

static const char *prf_words(uint8_t p1)
{
	return p1 == 0x00   ? "of a secret given"
	       : p1 == 0x01 ? "of a pre-shared key on the card"
	       : p1 == 0x02 ? "of a pre-shared key and a premaster secret"
			    : "unknown";
}

static const char *p1_words(enum parameters parameters, const uint8_t *p)
{
	switch (parameters) {
	case MANAGE:
		return manage_words(p);
	case SELECTION:
		return selection_words(p[0]);
	case SESSION:
		return p[0] == 0x00   ? "open a session"
		       : p[0] == 0x01 ? "close a session"
				      : "unknown";
	case UPDATE:
		return p[0] & 0x80 ? "the last part" : "more parts follow";
	case GET_DATA:
		return data_words(p[0]);
	case PRF_MODE:
		return prf_words(p[0]);
	case ENVIRONMENT:
		return p[0] == 0x41 ? "set, to compute" : "unknown";
	case BINARY:
		return p[0] == 0x82 ? "file 2, the ICCID" : "a file's number";
	default:
		return "";
	}
}

static void p2_words(enum parameters parameters, const uint8_t *p, char *out)
{
	out[0] = '\0';
	if (parameters == SESSION || parameters == UPDATE)
		snprintf(out, EXPLAIN_WORDS_MAX, "session %u", p[1]);
	else if (parameters == BINARY)
		snprintf(out, EXPLAIN_WORDS_MAX, "from byte %u on", p[1]);
	else if (parameters == PIN_NUMBER)
		snprintf(out, EXPLAIN_WORDS_MAX, "PIN %u%s", p[1] & 0x7Fu,
			 p[1] & 0x80 ? " of the applet" : "");
	else if (parameters == ENVIRONMENT)
		snprintf(out, EXPLAIN_WORDS_MAX, "%s",
			 p[1] == 0xB6	? "a signature"
			 : p[1] == 0xB8 ? "a decryption"
					: "unknown");
	else if (parameters == MANAGE && p[0] == 0x80)
		snprintf(out, EXPLAIN_WORDS_MAX, "channel %u", p[1]);
	else if (parameters == MANAGE && p[1] == 0x00)
		snprintf(out, EXPLAIN_WORDS_MAX, "the card chooses");
	else if (parameters == GET_DATA && p[0] == 0x01)
		snprintf(out, EXPLAIN_WORDS_MAX, "%s",
			 p[1] ? "the next page" : "the first page");
}

static void give_parameters(struct explain *explain, const struct row *row,
			    const uint8_t *p)
{
	char words[EXPLAIN_WORDS_MAX];

	if (row->parameters == OFFSET ||
	    (row->parameters == BINARY && !(p[0] & 0x80))) {
		snprintf(words, sizeof(words), "from byte %u on",
			 (unsigned)(p[0] << 8 | p[1]));
		give(explain, "P1 P2", p, 2, words);
		return;
	}
	give(explain, "P1", p, 1, p1_words(row->parameters, p));
	p2_words(row->parameters, p, words);
	give(explain, "P2", p + 1, 1, words);
}

static void give_content(struct explain *explain, const char *name,
			 enum content content, const uint8_t *data, size_t size,
			 bool answer)
{
	char words[EXPLAIN_WORDS_MAX] = "";

	if (content == CHANNEL_NUMBER && size == 1)
		snprintf(words, sizeof(words), "channel %u", data[0]);
	else if (content == KEY_CHOICE && size == 6)
		snprintf(words, sizeof(words), "algorithm %02X, key %02X",
			 data[2], data[5]);
	else if (content == AID)
		snprintf(words, sizeof(words), "what to select");
	give(explain, name, data, size, words);
	if (content == OBJECTS)
		explain_objects(explain, data, size, answer);
}

static void give_le(struct explain *explain, const uint8_t *le)
{
	char words[EXPLAIN_WORDS_MAX];

	snprintf(words, sizeof(words), "%u byte%s", *le ? *le : 256u,
		 *le == 1 ? ""
		 : *le	  ? "s"
			  : "s at most");
	give(explain, "Le", le, 1, words);
}

/* ISO 7816-3, the four cases: what stands behind the header. */
static void give_body(struct explain *explain, const struct row *row,
		      const uint8_t *body, size_t size)
{
	size_t lc;

	if (size == 0)
		return;
	if (size == 1) {
		give_le(explain, body);
		return;
	}
	lc = body[0];
	if (lc + 1 > size || lc + 2 < size) {
		give(explain, "rest", body, size, "of a wrong length");
		return;
	}
	if (row->parameters == PIN_NUMBER)
		give(explain, "data", body + 1, 0, "a PIN, not shown");
	else
		give_content(explain, "data", row->sent, body + 1, lc, false);
	if (lc + 2 == size)
		give_le(explain, body + 1 + lc);
}

static void give_command(struct explain *explain, const struct record *record,
			 const struct row *row)
{
	const uint8_t *command = record->command;

	give_class(explain, command);
	give(explain, "instruction", command + 1, 1, row->name);
	give_parameters(explain, row, command + 2);
	if (record->masked)
		give(explain, "data", command, 0, "not in the trace: secret");
	else
		give_body(explain, row, command + 4, record->command_size - 4);
}

static void give_answer(struct explain *explain, const struct record *record,
			enum content content)
{
	size_t size = record->answer_size - 2;
	const uint8_t *status = record->answer + size;
	char words[EXPLAIN_WORDS_MAX];

	if (record->masked) {
		snprintf(words, sizeof(words),
			 "%zu bytes, not in the trace: secret", record->hidden);
		give(explain, "answer", status, 0, words);
	} else if (size) {
		give_content(explain, "answer", content, record->answer, size,
			     true);
	}
	give(explain, "status", status, 2,
	     status_words((unsigned)(status[0] << 8 | status[1])));
}

/* What comes by GET RESPONSE is the answer to the command before it, unless
 * that has begun already. */
static enum content content_of(struct explain *explain,
			       const struct record *record)
{
	const uint8_t *command = record->command;
	unsigned channel = channel_of(command[0]);
	bool fetches = command[1] == INS_GET_RESPONSE;
	uint8_t ins = fetches ? explain->waiting[channel].ins : command[1];

	explain->waiting[channel].ins = record->answer_size == 2 ? ins : 0;
	return find_row(ins)->received;
}

void explain_exchange(struct explain *explain, const struct record *record)
{
	enum content content = content_of(explain, record);

	give_command(explain, record, find_command(record));
	give_answer(explain, record, content);
}
