/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is peculiar to Trust Onboard: two identities of which neither is the
 * card's, and applets with a PIN of their own.
 */
#include <stdio.h>
#include <string.h>
#include "doctor.h"

/* Where the two stand in their applet. */
struct pair {
	const char *applet;
	bool signing, available;
};

static void note_one(struct pair *pair, const iotsafe_object *object)
{
	const char *applet = iotsafe_object_applet(object);

	if (iotsafe_object_class(object) != IOTSAFE_CLASS_PRIVATE_KEY ||
	    !strcmp(applet, "iotsafe"))
		return;
	pair->applet = strcmp(applet, "mias") ? "mf" : "mias";
	if (iotsafe_object_flags(object) & IOTSAFE_OBJECT_SOFTWARE)
		pair->available = true;
	else
		pair->signing = true;
}

static void look(iotsafe_card *card, struct pair *pair)
{
	iotsafe_object *object;
	iotsafe_list *list;

	*pair = (struct pair){0};
	if (iotsafe_card_list(card, NULL, &list) < 0)
		return;
	while (iotsafe_list_next(list, &object) >= 0 && object) {
		note_one(pair, object);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
}

void doctor_say_applets(struct doctor *doctor)
{
	struct pair pair;

	look(doctor->cli->card, &pair);
	if (!pair.signing && !pair.available)
		return;
	doctor_say(doctor, LEVEL_OK, "trust-onboard", NULL,
		   "The card has Trust Onboard:%s%s%s.",
		   pair.signing ? " a Signing key, which never leaves it" : "",
		   pair.signing && pair.available ? ", and" : "",
		   pair.available ? " an Available key, which can be read"
				  : "");
}

bool doctor_say_two(struct doctor *doctor)
{
	struct pair pair;

	look(doctor->cli->card, &pair);
	if (!pair.signing || !pair.available)
		return false;
	doctor_say(
		doctor, LEVEL_PROBLEM, "several",
		"Say which, as here with --key: 'applet=mias;label=signing' "
		"(the key stays in the card; TLS 1.2 and DTLS 1.2) or "
		"'applet=mias;label=available' (this host signs; any version).",
		"Trust Onboard gives the card two identities, and none is "
		"named.");
	return true;
}

/* ---- PINs ---- */

static const char wrong_next[] =
	"Correct it where it stands (pin-file=, pin-env=), then ask `iotsafe "
	"pin tries`: a wrong PIN costs a try, and no PIN is sent when one is "
	"left.";

static const struct {
	const char *words, *id, *text, *next;
} reasons[] = {
	{"is blocked", "pin-blocked", "The applet's PIN is blocked.",
	 "Nothing here can unblock it: ask who sold the SIM. An identity "
	 "without a PIN, if the card has one, still works."},
	{" 0 tries left", "pin-blocked", "The applet's PIN is blocked.",
	 "Nothing here can unblock it: ask who sold the SIM. An identity "
	 "without a PIN, if the card has one, still works."},
	{" 1 try left", "pin-last-try",
	 "The applet's PIN has one try left, so that none is sent.",
	 "If you are sure of the PIN: iotsafe pin verify --last-try. A right "
	 "one brings all tries back, a wrong one blocks it for good."},
	{"does not tell how many", "pin-untold",
	 "The card does not tell how many tries its PIN has left, so that none "
	 "is sent.",
	 "`iotsafe pin verify` tries it. Then add pin-blind=yes to the address: "
	 "it is sent once a process, unasked, so that each start with a wrong "
	 "one costs a try, and a few of them block it for good. Or send it in "
	 "your program (iotsafe_card_pin_verify)."},
	{"wrong PIN", "pin-wrong", "The applet's PIN is wrong.", wrong_next},
	{"has refused one", "pin-wrong", "The applet's PIN is wrong.",
	 wrong_next},
	{"ICCID cannot be read", "pin-no-iccid",
	 "The card does not tell its number, so that the applet's PIN is not "
	 "sent.",
	 "A PIN is for one card alone, known by its ICCID. Send it in your "
	 "program (iotsafe_card_pin_verify), or reach the card in a way in "
	 "which its ICCID can be read: another interface=, another port, a "
	 "card reader."},
};

static void say_missing(struct doctor *doctor, enum level level)
{
	const char *iccid = iotsafe_card_iccid(doctor->cli->card);
	const char *applet =
		strstr(iotsafe_last_error(), "applet mf") ? "mf" : "mias";
	char next[384];

	snprintf(next, sizeof(next),
		 "Write a line `%s applet=%s PIN` into a file of mode 0600 and "
		 "add pin-file=FILE to the address. It is another PIN than the "
		 "SIM's; Trust Onboard's was sold as 0000.",
		 iccid, applet);
	doctor_say_failure(doctor, level, "applet-pin", next,
			   "The applet wants its PIN, and nobody gives it.");
}

bool doctor_say_pin(struct doctor *doctor, enum level level)
{
	const char *said = iotsafe_last_error();

	if (!doctor->at_applet)
		return false;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strstr(said, reasons[i].words)) {
			doctor_say_failure(doctor, level, reasons[i].id,
					   reasons[i].next, reasons[i].text);
			return true;
		}
	if (!strstr(said, "wants its PIN") &&
	    !strstr(said, "has none for the card"))
		return false;
	say_missing(doctor, level);
	return true;
}
