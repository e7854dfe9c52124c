// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns names of faults into rules, and says when a rule strikes. */
#include "fault.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind the equals sign. */
enum shape { NOTHING, NUMBER, INS, INS_WORD, INS_NUMBER, ANY_INS };

static const char *const shapes[] = {
	[NOTHING] = "",		  [NUMBER] = "=N",	   [INS] = "=INS",
	[INS_WORD] = "=INS:SWSW", [INS_NUMBER] = "=INS:N", [ANY_INS] = "[=INS]",
};

static const struct fault_row {
	const char *name;
	enum shape shape;
	const char *sentence;
} rows[FAULT_COUNT] = {
	[FAULT_FLIP_SIGNATURE] = {"flip-signature", NOTHING,
				  "one bit of a signature is wrong"},
	[FAULT_DIE] = {"die", INS,
		       "the program ends at once when this command arrives"},
	[FAULT_SW] = {"sw", INS_WORD,
		      "the card answers this command with this status word"},
	[FAULT_ONCE] = {"once", INS_WORD,
			"the card answers this command with this status word, "
			"one time"},
	[FAULT_AFTER] = {"after", INS_WORD,
			 "this command is done, with its data, and this status "
			 "word stands where 9000 was, one time (63CF: remote "
			 "administration is over, and the client "
			 "certificate is another one)"},
	[FAULT_CORRUPT] = {"corrupt", INS,
			   "what this command gives is wrong and looks well: a "
			   "bit of a signature, key, file or secret; random "
			   "bytes are too few; what gives nothing works on "
			   "wrong input"},
	[FAULT_GARBAGE] = {"garbage", ANY_INS,
			   "the card answers this command with noise and "
			   "9000"},
	[FAULT_SHRINK] = {"shrink", NOTHING,
			  "READ FILE finds a file half as long as it was"},
	[FAULT_CME] = {"cme", INS_NUMBER,
		       "the modem answers this command with +CME ERROR: N"},
	[FAULT_SILENCE] = {"silence", ANY_INS,
			   "this command gets no answer at all"},
	[FAULT_TRUNCATE] = {"truncate", ANY_INS,
			    "the second half of the answer's hex is missing"},
	[FAULT_GARBLE] = {"garble", ANY_INS,
			  "every fourth character of the answer's hex is "
			  "noise"},
	[FAULT_BUSY] = {"busy", NUMBER,
			"the first N AT+CSIM get +CME ERROR: 14 (SIM busy)"},
	[FAULT_NO_SIM] = {"no-sim", NOTHING, "there is no SIM: +CME ERROR: 10"},
	[FAULT_NO_APPLET] = {"no-applet", NOTHING,
			     "the SIM has no applet: SELECT gets 6A82"},
	[FAULT_NO_CERTIFICATE] = {"no-certificate", NOTHING,
				  "the client certificate is not on the card"},
	[FAULT_WRONG_CERTIFICATE] = {"wrong-certificate", NOTHING,
				     "the client certificate is of another "
				     "key"},
	[FAULT_NO_KEY] = {"no-key", NOTHING,
			  "no private key for signatures is on the card"},
	[FAULT_RESET] = {"reset", NUMBER,
			 "after N AT+CSIM the card is reset once: channels, "
			 "selections and sessions are gone"},
	[FAULT_RESTART] = {"restart", NUMBER,
			   "after N AT+CSIM the modem restarts once: the card "
			   "is reset, echo is on, CMEE is 0, RDY is said"},
	[FAULT_DEAF] = {"deaf", NOTHING, "the modem answers nothing at all"},
	[FAULT_POWER_CUT] = {"power-cut", NUMBER,
			     "the program ends when N bytes have been written "
			     "to the store, in the middle of a file or before "
			     "it takes its place"},
	[FAULT_HALF] = {"half", ANY_INS,
			"the modem's answer ends in its middle, and no OK "
			"follows"},
	[FAULT_DIGIT] = {"digit", ANY_INS,
			 "one hex digit in the middle of the answer is another "
			 "one"},
	[FAULT_STORM] = {"storm", ANY_INS,
			 "hundred unsolicited lines stand before the answer, "
			 "and hundred behind it"},
	[FAULT_CARD_RESET] = {"card-reset", ANY_INS,
			      "the card is reset before this command: "
			      "channels, selections and sessions are gone"},
	[FAULT_MODEM_RESET] =
		{"modem-reset", ANY_INS,
		 "the modem restarts instead of doing this "
		 "command: the card is reset, echo is on, CMEE is "
		 "0, RDY is said"},
	[FAULT_CHANNEL_LOST] = {"channel-lost", ANY_INS,
				"the channel of this command was closed by "
				"somebody else"},
	[FAULT_PULL] = {"pull", ANY_INS,
			"the SIM is taken out before this command, and comes "
			"back when the faults change (--control)"},
	[FAULT_SWAP] = {"swap", ANY_INS,
			"another SIM is put in before this command, one time: "
			"it has another number and other keys to sign with"},
	[FAULT_UNPLUG] =
		{"unplug", ANY_INS,
		 "instead of doing this command the modem is unplugged, "
		 "one time; half a second later it is there again, as "
		 "another terminal behind the same link (--pty)"},
	[FAULT_DIR_COUNT] = {"dir-count", NUMBER,
			     "mIAS: the directory says it has N entries"},
	[FAULT_DIR_SIZE] = {"dir-size", NUMBER,
			    "mIAS: the directory says each file has N bytes"},
	[FAULT_DIR_ID] = {"dir-id", NUMBER,
			  "mIAS: the directory says each file has number N"},
	[FAULT_KEY_BITS] = {"key-bits", NUMBER,
			    "mIAS: the container says its key has N bits"},
	[FAULT_NO_SIZE] = {"no-size", NOTHING,
			   "Trust Onboard: control data of files has no size"},
	[FAULT_FCP_SIZE] = {"fcp-size", NUMBER,
			    "Trust Onboard: control data says a file has N "
			    "bytes"},
	[FAULT_ZLIB_BOMB] = {"zlib-bomb", NOTHING,
			     "mIAS: the Signing certificate inflates to 16 "
			     "MiB"},
	[FAULT_ZLIB_SIZE] = {"zlib-size", NUMBER,
			     "mIAS: the compressed certificate says it "
			     "inflates to N bytes"},
	[FAULT_ZLIB_CUT] = {"zlib-cut", NOTHING,
			    "mIAS: half of the compressed certificate is "
			    "missing"},
	[FAULT_LABEL_SIZE] = {"label-size", NUMBER,
			      "mIAS: labels of data objects say they have N "
			      "bytes"},
	[FAULT_VALUE_SIZE] = {"value-size", NUMBER,
			      "mIAS: values of data objects say they have N "
			      "bytes"},
	[FAULT_NOISE_KEY] = {"noise-key", NOTHING,
			     "Trust Onboard: the Available key is noise"},
	[FAULT_SIGNATURE_SIZE] = {"signature-size", NUMBER,
				  "mIAS: COMPUTE SIGNATURE gives N bytes, cut "
				  "or with others behind"},
};

static size_t find(const char *name, size_t length)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		if (strlen(rows[i].name) == length &&
		    memcmp(rows[i].name, name, length) == 0)
			return i;
	return FAULT_COUNT;
}

static bool read_number(const char **text, int base, unsigned long most,
			unsigned int *out)
{
	char *end;
	unsigned long number;

	if (strchr("0123456789abcdefABCDEF", **text) == NULL || !**text)
		return false;
	number = strtoul(*text, &end, base);
	if (end == *text || number > most)
		return false;
	*text = end;
	*out = (unsigned int)number;
	return true;
}

static bool skip(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool read_value(const char **text, enum shape shape,
		       struct fault_rule *rule)
{
	unsigned int ins = 0;

	rule->any = shape == NOTHING || shape == NUMBER ||
		    (shape == ANY_INS && **text != '=');
	if (shape == NOTHING || (shape == ANY_INS && rule->any))
		return true;
	if (!skip(text, '='))
		return false;
	if (shape == NUMBER)
		return read_number(text, 10, 1000000, &rule->value);
	if (!read_number(text, 16, 0xFF, &ins))
		return false;
	rule->ins = (uint8_t)ins;
	if (shape == INS || shape == ANY_INS)
		return true;
	if (!skip(text, ':'))
		return false;
	if (shape == INS_WORD)
		return read_number(text, 16, 0xFFFF, &rule->value);
	return read_number(text, 10, 9999, &rule->value);
}

/* N, or N-M; behind the @. */
static bool read_times(const char **text, struct fault_rule *rule)
{
	if (!read_number(text, 10, 1000000, &rule->from) || rule->from == 0)
		return false;
	return !skip(text, '-') || (read_number(text, 10, 1000000, &rule->to) &&
				    rule->to >= rule->from);
}

static bool parse_one(struct faults *faults, const char **text, char *why,
		      size_t why_size)
{
	size_t name_length = strcspn(*text, "=@,");
	size_t index = find(*text, name_length);
	struct fault_rule rule = {.from = 1, .to = UINT_MAX};

	if (index == FAULT_COUNT) {
		snprintf(why, why_size, "no fault \"%.*s\"", (int)name_length,
			 *text);
		return false;
	}
	rule.fault = (enum fault)index;
	*text += name_length;
	if (!read_value(text, rows[index].shape, &rule) ||
	    (skip(text, '@') && !read_times(text, &rule)) ||
	    (**text != '\0' && **text != ',')) {
		snprintf(why, why_size, "fault %s is written %s%s[@N[-M]]",
			 rows[index].name, rows[index].name,
			 shapes[rows[index].shape]);
		return false;
	}
	if (faults->count == FAULT_RULES_MAX) {
		snprintf(why, why_size, "more than %d faults", FAULT_RULES_MAX);
		return false;
	}
	faults->rules[faults->count++] = rule;
	return true;
}

bool faults_parse(struct faults *faults, const char *text, char *why,
		  size_t why_size)
{
	do {
		if (!parse_one(faults, &text, why, why_size))
			return false;
	} while (skip(&text, ','));
	return true;
}

bool fault_on(const struct faults *faults, enum fault fault)
{
	for (size_t i = 0; i < faults->count; i++)
		if (faults->rules[i].fault == fault)
			return true;
	return false;
}

bool fault_value(const struct faults *faults, enum fault fault,
		 unsigned int *value)
{
	for (size_t i = 0; i < faults->count; i++)
		if (faults->rules[i].fault == fault) {
			*value = faults->rules[i].value;
			return true;
		}
	return false;
}

bool fault_holds(struct faults *faults, enum fault fault, unsigned int *value)
{
	unsigned int unused;

	if (!fault_value(faults, fault, value ? value : &unused))
		return false;
	faults->struck++;
	return true;
}

/* A rule without INS is about every command. */
static bool concerns(const struct fault_rule *rule, enum fault fault,
		     unsigned int ins)
{
	return rule->fault == fault && (rule->any || rule->ins == ins);
}

static bool strikes(struct faults *faults, enum fault fault, unsigned int ins,
		    unsigned int *value, bool once)
{
	bool now = false;

	for (size_t i = 0; i < faults->count; i++) {
		struct fault_rule *rule = &faults->rules[i];

		if (!concerns(rule, fault, ins))
			continue;
		rule->seen++;
		if (rule->seen < rule->from || rule->seen > rule->to ||
		    (once && rule->seen != rule->from))
			continue;
		now = true;
		faults->struck++;
		if (value != NULL)
			*value = rule->value;
	}
	return now;
}

bool fault_strikes(struct faults *faults, enum fault fault, unsigned int ins,
		   unsigned int *value)
{
	return strikes(faults, fault, ins, value, false);
}

bool fault_strikes_once(struct faults *faults, enum fault fault,
			unsigned int ins, unsigned int *value)
{
	return strikes(faults, fault, ins, value, true);
}

void faults_print(FILE *out)
{
	for (size_t i = 0; i < FAULT_COUNT; i++) {
		char name[40];

		snprintf(name, sizeof(name), "%s%s", rows[i].name,
			 shapes[rows[i].shape]);
		fprintf(out, "%-18s %s\n", name, rows[i].sentence);
	}
}
