// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns a command line (V.250, 3GPP TS 27.007) into answers of the modem. */
#include "at_command.h"

#include "cgla.h"
#include "crsm.h"
#include "csim.h"
#include "manner.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum form { FORM_RUN, FORM_READ, FORM_TEST, FORM_SET };

/* One extended command, taken apart. */
struct request {
	enum form form;
	struct text arguments;
};

typedef int extended_run(struct modem *modem, const struct request *request,
			 struct reply *reply, struct at_exchange *exchange);

static bool sim_present(const struct modem *modem)
{
	return !modem->pulled && !fault_on(modem->faults, FAULT_NO_SIM);
}

static int cmee(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	char line[] = "+CMEE: 0";

	(void)exchange;
	if (quirk_on(&modem->quirks, QUIRK_NO_CMEE))
		return CME_UNKNOWN;
	line[7] = (char)('0' + modem->cmee);
	if (request->form == FORM_READ)
		reply_line(reply, line);
	else if (request->form == FORM_TEST)
		reply_line(reply, "+CMEE: (0-2)");
	else if (request->form != FORM_SET || request->arguments.size != 1 ||
		 *request->arguments.at < '0' || *request->arguments.at > '2')
		return CME_BAD_PARAMETERS;
	else
		modem->cmee = (unsigned int)(*request->arguments.at - '0');
	return AT_OK;
}

static int enter_pin(struct modem *modem, struct text text)
{
	uint16_t sw;

	if (!text_unquote(&text))
		return CME_BAD_PARAMETERS;
	if (!card_is_locked(modem->card))
		return CME_NOT_ALLOWED;
	sw = card_try_pin(modem->card,
			  view_of((const uint8_t *)text.at, text.size));
	if (sw == SW_OK)
		return AT_OK;
	return sw == SW_BLOCKED ? CME_SIM_PUK : CME_PASSWORD;
}

static int cpin(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	(void)exchange;
	if (request->form == FORM_TEST)
		return AT_OK;
	if (!sim_present(modem))
		return CME_NO_SIM;
	if (request->form == FORM_SET)
		return enter_pin(modem, request->arguments);
	if (request->form != FORM_READ)
		return CME_NOT_ALLOWED;
	if (!card_is_locked(modem->card))
		reply_line(reply, "+CPIN: READY");
	else
		reply_line(reply, modem->card->pin_tries ? "+CPIN: SIM PIN"
							 : "+CPIN: SIM PUK");
	return AT_OK;
}

/* Without the PIN some modems answer for the SIM themselves. */
static bool modem_wants_pin(const struct modem *modem,
			    const struct request *request)
{
	static const char tries[] = "10,\"0020000100\"";

	return quirk_on(&modem->quirks, QUIRK_PIN_MODEM) &&
	       card_is_locked(modem->card) &&
	       (request->arguments.size != sizeof(tries) - 1 ||
		memcmp(request->arguments.at, tries, sizeof(tries) - 1) != 0);
}

typedef int card_run(struct modem *modem, struct text arguments,
		     struct reply *reply, struct at_exchange *exchange);

static int for_card(struct modem *modem, const struct request *request,
		    struct reply *reply, struct at_exchange *exchange,
		    const char *name, card_run *run)
{
	int result;

	if (!manner_knows(modem, name))
		return CME_UNKNOWN;
	if (request->form == FORM_TEST)
		return manner_test_form(modem, name);
	if (request->form != FORM_SET)
		return CME_BAD_PARAMETERS;
	if (!sim_present(modem))
		return CME_NO_SIM;
	result = manner_of_sim(modem);
	if (result != AT_OK)
		return result;
	if (modem_wants_pin(modem, request))
		return CME_SIM_PIN;
	return run(modem, request->arguments, reply, exchange);
}

static int ecsimsleep(struct modem *modem, const struct request *request,
		      struct reply *reply, struct at_exchange *exchange)
{
	(void)reply;
	(void)exchange;
	return request->form == FORM_SET
		       ? manner_sleep(modem, request->arguments)
		       : CME_UNKNOWN;
}

static int csim(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	if (request->form == FORM_SET && manner_lock(modem, request->arguments))
		return AT_OK;
	return for_card(modem, request, reply, exchange, "+CSIM", csim_run);
}

static int ccho(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	return for_card(modem, request, reply, exchange, "+CCHO", cgla_open);
}

static int cgla(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	return for_card(modem, request, reply, exchange, "+CGLA", cgla_run);
}

static int cchc(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	return for_card(modem, request, reply, exchange, "+CCHC", cgla_close);
}

static int crsm(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	int result;

	(void)exchange;
	if (quirk_on(&modem->quirks, QUIRK_NO_CRSM))
		return CME_UNKNOWN;
	if (request->form == FORM_TEST)
		return AT_OK;
	if (request->form != FORM_SET)
		return CME_BAD_PARAMETERS;
	if (!sim_present(modem))
		return CME_NO_SIM;
	result = manner_of_sim(modem);
	if (result != AT_OK)
		return result;
	return crsm_run(modem, request->arguments, reply);
}

static int maker(struct modem *modem, const struct request *request,
		 enum form form, enum maker maker, struct reply *reply)
{
	if (quirk_value(&modem->quirks, QUIRK_MAKER_ICCID, 0) != (int)maker ||
	    request->form != form)
		return CME_UNKNOWN;
	return sim_present(modem) ? crsm_maker(modem, maker, reply)
				  : CME_NO_SIM;
}

static int ccid(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	(void)exchange;
	return maker(modem, request, FORM_RUN, MAKER_CCID, reply);
}

static int qccid(struct modem *modem, const struct request *request,
		 struct reply *reply, struct at_exchange *exchange)
{
	(void)exchange;
	return maker(modem, request, FORM_RUN, MAKER_QCCID, reply);
}

static int iccid(struct modem *modem, const struct request *request,
		 struct reply *reply, struct at_exchange *exchange)
{
	(void)exchange;
	return maker(modem, request, FORM_RUN, MAKER_ICCID, reply);
}

static int huawei_iccid(struct modem *modem, const struct request *request,
			struct reply *reply, struct at_exchange *exchange)
{
	(void)exchange;
	return maker(modem, request, FORM_READ, MAKER_HUAWEI, reply);
}

static int telit_ccid(struct modem *modem, const struct request *request,
		      struct reply *reply, struct at_exchange *exchange)
{
	(void)exchange;
	return maker(modem, request, FORM_RUN, MAKER_TELIT, reply);
}

static int imsi(struct modem *modem, const struct request *request,
		struct reply *reply, struct at_exchange *exchange)
{
	(void)exchange;
	if (request->form == FORM_TEST)
		return AT_OK;
	if (!sim_present(modem))
		return CME_NO_SIM;
	reply_line(reply, "001010123456789");
	return AT_OK;
}

static int manufacturer(struct modem *modem, const struct request *request,
			struct reply *reply, struct at_exchange *exchange)
{
	(void)modem;
	(void)exchange;
	if (request->form != FORM_TEST)
		reply_line(reply, "libiotsafe");
	return AT_OK;
}

static int model(struct modem *modem, const struct request *request,
		 struct reply *reply, struct at_exchange *exchange)
{
	(void)modem;
	(void)exchange;
	if (request->form != FORM_TEST)
		reply_line(reply, "iotsafe-sim");
	return AT_OK;
}

static int revision(struct modem *modem, const struct request *request,
		    struct reply *reply, struct at_exchange *exchange)
{
	(void)modem;
	(void)exchange;
	if (request->form != FORM_TEST)
		reply_line(reply, SIM_VERSION);
	return AT_OK;
}

static const struct {
	const char *name;
	extended_run *run;
} extended[] = {
	{"+CGMI", manufacturer}, {"+CGMM", model},
	{"+CGMR", revision},	 {"+CIMI", imsi},
	{"+CMEE", cmee},	 {"+CPIN", cpin},
	{"+CSIM", csim},	 {"+CCHO", ccho},
	{"+CGLA", cgla},	 {"+CCHC", cchc},
	{"+CRSM", crsm},	 {"+ECSIMSLEEP", ecsimsleep},
	{"+CCID", ccid},	 {"+QCCID", qccid},
	{"+ICCID", iccid},	 {"^ICCID", huawei_iccid},
	{"#CCID", telit_ccid},
};

static struct text trimmed(const char *from, const char *to)
{
	while (from < to && *from == ' ')
		from++;
	while (to > from && to[-1] == ' ')
		to--;
	return (struct text){from, (size_t)(to - from)};
}

/* Up to the semicolon that is not inside quotes. */
static const char *extended_end(const char *at)
{
	bool quoted = false;

	for (; *at != '\0' && (quoted || *at != ';'); at++)
		if (*at == '"')
			quoted = !quoted;
	return at;
}

static struct request request_of(const char *sign, const char *end)
{
	struct request request = {.form = FORM_RUN};
	struct text rest;

	if (sign == end)
		return request;
	rest = trimmed(sign + 1, end);
	request.arguments = rest;
	if (*sign == '?')
		request.form = FORM_READ;
	else if (rest.size == 1 && *rest.at == '?')
		request.form = FORM_TEST;
	else
		request.form = FORM_SET;
	return request;
}

static int run_extended(struct modem *modem, const char **at,
			struct reply *reply, struct at_exchange *exchange)
{
	const char *end = extended_end(*at);
	const char *sign = *at + strcspn(*at, "=?;");
	struct text name = trimmed(*at, sign);
	struct request request = request_of(sign, end);

	*at = *end == ';' ? end + 1 : end;
	for (size_t i = 0; i < sizeof(extended) / sizeof(*extended); i++)
		if (strlen(extended[i].name) == name.size &&
		    strncasecmp(extended[i].name, name.at, name.size) == 0)
			return extended[i].run(modem, &request, reply,
					       exchange);
	return CME_UNKNOWN;
}

static int identify(struct reply *reply)
{
	reply_line(reply, "libiotsafe");
	reply_line(reply, "iotsafe-sim");
	reply_line(reply, "Revision: " SIM_VERSION);
	return AT_OK;
}

/* E0, E1, I, and what a modem may be told at start without meaning here. */
static int run_basic(struct modem *modem, const char **at, struct reply *reply)
{
	bool ampersand = **at == '&';
	int letter = toupper((unsigned char)(*at)[ampersand ? 1 : 0]);
	unsigned int number = 0;

	*at += ampersand && letter != 0 ? 2 : 1;
	for (; isdigit((unsigned char)**at); (*at)++)
		number = (number * 10 + (unsigned int)(**at - '0')) % 1000;
	if (ampersand)
		return letter != 0 && strchr("CDFKSWY", letter) != NULL
			       ? AT_OK
			       : CME_UNKNOWN;
	if (letter == 'I')
		return identify(reply);
	if (letter == 'E' && number <= 1) {
		modem->echo = number == 1;
		return AT_OK;
	}
	return strchr("HLMQVXZ", letter) != NULL ? AT_OK : CME_UNKNOWN;
}

int at_run(struct modem *modem, const char *line, struct reply *reply,
	   struct at_exchange *exchange)
{
	int result = AT_OK;

	while (result == AT_OK) {
		line += strspn(line, " ;");
		if (*line == '\0')
			break;
		if (strchr("+^#$!*%", *line) != NULL)
			result = run_extended(modem, &line, reply, exchange);
		else
			result = run_basic(modem, &line, reply);
	}
	return result;
}
