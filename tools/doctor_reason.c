/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A failure of the library becomes the sentence a person needs, and what to do
 * next. One table; the first row that fits.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "doctor.h"
#include "watch.h"

static const struct row {
	int code;
	/* In the library's sentence; "" fits all. */
	const char *words;
	const char *id, *text, *next;
} rows[] = {
	{IOTSAFE_ERR_IO, "no such port", "no-port", "There is no such port.",
	 "Plug the modem in and look for it with `ls -l /dev/serial/by-id`; "
	 "names like ttyUSB2 change, those there do not."},
	{IOTSAFE_ERR_IO, "pcscd is not running", "no-pcscd",
	 "The service for card readers (pcscd) is not running.",
	 "systemctl start pcscd.socket, or install the package pcscd."},
	{IOTSAFE_ERR_IO, "pcsc:", "reader-failed",
	 "The reader cannot talk to the card.",
	 "Take the card out and put it back, look at its contacts and which way "
	 "round it is; try another reader or cable."},
	{IOTSAFE_ERR_ABSENT, "knows no reader", "no-reader",
	 "There is no card reader.",
	 "Connect one; pcsc_scan shows those that work."},
	{IOTSAFE_ERR_ABSENT, "a card in it", "no-card",
	 "There is no card in the reader.", "Put it in, chip first."},
	{IOTSAFE_ERR_ABSENT, "no card in the reader", "no-card",
	 "There is no card in the reader.", "Put it in, chip first."},
	{IOTSAFE_ERR_ABSENT, "no reader has", "which-reader",
	 "No reader has this name or number.",
	 "Take one of the names that the library lists, or its number."},
	{IOTSAFE_ERR_AMBIGUOUS, "readers fit", "which-reader",
	 "Several readers fit.",
	 "Name one in the address: pcsc:NAME, or its number."},
	{IOTSAFE_ERR_BUSY, "the reader to itself", "reader-busy",
	 "Another program has the reader to itself.",
	 "Mostly it is GnuPG's: gpgconf --kill scdaemon."},
	{IOTSAFE_ERR_DENIED, "polkit", "polkit",
	 "This user may not use card readers.",
	 "Log in at the machine itself, or allow the user "
	 "org.debian.pcsc-lite.access_pcsc and access_card in polkit."},
	{IOTSAFE_ERR_IO, "", "port-failed", "The port cannot be used.",
	 "Look at the cable and at the end of `dmesg`."},
	{IOTSAFE_ERR_BUSY, "no free logical channel", "no-channel",
	 "All logical channels of the card are taken.",
	 "Programs that crashed may have left them open: restart the modem, or "
	 "take the SIM out and put it in again."},
	{IOTSAFE_ERR_BUSY, "SIM busy", "sim-busy",
	 "The SIM is busy and stays so.",
	 "A modem that has just started needs some seconds: try again. If it "
	 "goes on, restart the modem and look whether its network settings "
	 "make it register again and again."},
	{IOTSAFE_ERR_BUSY, "the SIM is not ready", "not-ready",
	 "The SIM is not ready, and stays so.",
	 "A modem that has just started needs some seconds: try again. If it "
	 "goes on, look whether a SIM is in the slot that the modem uses."},
	{IOTSAFE_ERR_BUSY, "ClientIdsExhausted", "no-client",
	 "The modem serves no more programs over QMI.",
	 "Programs that crashed have left their places taken: restart the "
	 "modem."},
	{IOTSAFE_ERR_BUSY, "", "busy", "The card is in use by somebody else.",
	 "Wait for the other program, or end it."},
	{IOTSAFE_ERR_ABSENT, "no SIM in the modem", "no-sim",
	 "The modem has no SIM.",
	 "Put the SIM in with the modem switched off, look at the tray and at "
	 "the right slot; AT+CPIN? must then answer READY."},
	{IOTSAFE_ERR_ABSENT, "no IoT SAFE applet", "no-applet",
	 "This SIM has no IoT SAFE applet.",
	 "Ask the operator for a SIM with IoT SAFE. If the SIM should have it "
	 "under another application identifier, add aid=HEX to the address."},
	{IOTSAFE_ERR_ABSENT, "lets nobody select", "closed-applet",
	 "The SIM has the applet and lets nobody select it.",
	 "End other programs that use it, or restart the modem, which closes "
	 "what they left open. If it stays so, the applet is switched off: ask "
	 "the operator."},
	{IOTSAFE_ERR_ABSENT, "", "absent", "There is no card.",
	 "Put the card in, and look whether the reader sees it."},
	{IOTSAFE_ERR_PIN, "PUK", "puk",
	 "The SIM's PIN is blocked; it wants its PUK.",
	 "Enter the PUK from the operator's letter with AT+CPIN=\"PUK\",\"NEW "
	 "PIN\" in a terminal. Ten wrong ones destroy the SIM."},
	{IOTSAFE_ERR_PIN, "locked to another SIM", "sim-lock",
	 "The modem is locked to another SIM.",
	 "Use the SIM that came with the modem, or have the modem unlocked."},
	{IOTSAFE_ERR_PIN, "", "pin", "The SIM wants its PIN.",
	 "Enter it with AT+CPIN=\"PIN\" in a terminal, or switch it off for "
	 "good with AT+CLCK=\"SC\",0,\"PIN\". Three wrong ones block the SIM."},
	{IOTSAFE_ERR_MODEM, "+CME ERROR: 3", "asleep",
	 "The modem does not allow commands to the SIM now: it may be asleep, "
	 "or its SIM interface switched off.",
	 "Wake it with AT+CFUN=1; some makers have a command of their own "
	 "(AT+ECSIMSLEEP=0). Nordic modems need AT+CFUN=41 at least."},
	{IOTSAFE_ERR_MODEM, "+CME ERROR: 13", "sim-failure",
	 "The modem cannot talk to the SIM.",
	 "Clean the contacts, try the SIM in a telephone, try another SIM in "
	 "the modem."},
	{IOTSAFE_ERR_MODEM, "qmi:", "no-way",
	 "The modem refuses every command that reaches the SIM.",
	 "Name the SIM's slot (slot=2); try the modem's AT port (at:). Newer "
	 "firmware may let it pass."},
	{IOTSAFE_ERR_MODEM, "mbim:", "no-way",
	 "The modem refuses every command that reaches the SIM.",
	 "Try the modem's AT port (at:). Newer firmware may let it pass."},
	{IOTSAFE_ERR_MODEM, "", "no-way",
	 "The modem refuses every command that reaches the SIM.",
	 "Look whether its manual has AT+CSIM or AT+CCHO and AT+CGLA; newer "
	 "firmware may have them. Try the modem's MBIM or QMI port."},
	{IOTSAFE_ERR_FORMAT, "is truncated", "cut",
	 "An answer of the card arrives cut.",
	 "If it is always as long, the modem cuts it: add interface=cgla to the "
	 "address, or piece=50. If it is not, look at the cable and the speed "
	 "(baud=), try flow=rts."},
	{IOTSAFE_ERR_FORMAT, "", "garbled",
	 "An answer of the card arrives damaged.",
	 "Look at the cable and the speed (baud=), try flow=rts; on USB another "
	 "port of the same modem. If it is always the same command, report it "
	 "with a trace (iotsafe --trace all)."},
	{IOTSAFE_ERR_CLOSED, "ICCID", "swapped",
	 "The SIM, or its eSIM profile, is another one than a moment ago.",
	 "If you changed it, begin anew. If not, look at the contacts and at "
	 "who manages the profiles of this eSIM."},
	{IOTSAFE_ERR_CLOSED, "", "gone", "The modem has gone.",
	 "Look at the power supply: modems that draw more than a USB port gives "
	 "restart when they send."},
	{IOTSAFE_ERR_DENIED, "modem answered", "forbidden",
	 "The modem's firmware forbids it, or the access rules of the SIM do.",
	 "Try the modem's AT port (at:); newer firmware may allow it."},
	{IOTSAFE_ERR_DENIED, "", "denied",
	 "The card refuses: access is not allowed (6982).",
	 "The key or the file wants a right that this host has not, often the "
	 "SIM's PIN; ask who personalised the card."},
	{IOTSAFE_ERR_CARD, "6985", "conditions",
	 "The card refuses: conditions are not satisfied (6985).",
	 "The object may be deactivated, or a session of a crashed program is "
	 "left open: restart the modem. If it stays so, ask who personalised "
	 "the card."},
	{IOTSAFE_ERR_CARD, "", "refused", "The card refuses a command.",
	 "The status word says why (iotsafe trace tells it); report it with a "
	 "trace (iotsafe --trace all)."},
	{IOTSAFE_ERR_VERIFY, "", "bad-signature",
	 "A signature of the card does not verify.",
	 "Do not use this card: its answer was damaged on the way, or its key is "
	 "not the one it says. Try again; if it stays so, have the card "
	 "replaced."},
	{IOTSAFE_ERR_SUPPORT, "by id", "no-list",
	 "The card does not list its objects.",
	 "Name key and certificate by their ids (--key id=01 --cert id=02); "
	 "who personalised the card knows them."},
	{IOTSAFE_ERR_SUPPORT, "firmware has no such request", "no-request",
	 "The modem's firmware cannot do it over this port.",
	 "Try the modem's AT port (at:); newer firmware may have it."},
	{IOTSAFE_ERR_SUPPORT, "", "unsupported",
	 "This build or this card cannot do that.",
	 "Choose another way to the card, or a build that has this one."},
	{IOTSAFE_ERR_ARG, "", "address", "The address is not right.",
	 "See docs/addresses.md; at:/dev/ttyUSB2 is one."},
	{IOTSAFE_ERR_CANCELLED, "", "cancelled", "Ended by a signal.", NULL},
};

/* The path of an `at:` address, without its attributes; NULL for others. */
static const char *path_of(const struct doctor *doctor, char path[PATH_MAX])
{
	if (strncmp(doctor->address, "at:", 3) != 0)
		return NULL;
	snprintf(path, PATH_MAX, "%s", doctor->address + 3);
	path[strcspn(path, "?")] = '\0';
	return path;
}

static void say_permission(struct doctor *doctor, enum level level,
			   const char *path)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group;
	struct stat status;
	char next[256];

	if (stat(path, &status) < 0 || !(status.st_mode & S_IWGRP) ||
	    !(group = getgrgid(status.st_gid)) || !user)
		snprintf(next, sizeof(next),
			 "Nobody but its owner may use it: see `ls -l %.120s`.",
			 path);
	else
		snprintf(
			next, sizeof(next),
			"Join its group: sudo usermod -a -G %s %s, then log in "
			"again.",
			group->gr_name, user->pw_name);
	doctor_say_failure(doctor, level, "permission", next,
			   "This user may not use the port.");
}

/* The library has looked who it is: "port busy: NAME (process 12) has it". */
static bool read_holder(struct holder *holder)
{
	const char *said = strstr(iotsafe_last_error(), "port busy: ");

	return said && sscanf(said, "port busy: %31[^(] (process %d)",
			      holder->name, &holder->pid) == 2;
}

static void say_busy(struct doctor *doctor, enum level level)
{
	struct holder holder = {0};
	char text[128], next[256];

	if (!read_holder(&holder)) {
		doctor_say_failure(doctor, level, "port-busy",
				   "End the other program; as root this "
				   "command can name it.",
				   "Another program has the port.");
		return;
	}
	holder.name[strcspn(holder.name, " ")] = '\0';
	snprintf(text, sizeof(text), "Another program has the port: %s (%d).",
		 holder.name, holder.pid);
	if (!strcmp(holder.name, "ModemManager"))
		snprintf(next, sizeof(next),
			 "Keep one port of the modem free of it with the udev "
			 "rule 78-iotsafe.rules, or stop it: systemctl stop "
			 "ModemManager.");
	else
		snprintf(next, sizeof(next),
			 "End %s (kill %d), or let both take turns with "
			 "share=yes if it is a program of this library.",
			 holder.name, holder.pid);
	doctor_say_failure(doctor, level, "port-busy", next, text);
}

/* Of a flood some lines come apart beyond recognition. */
static bool is_all_echo(const struct evidence *seen)
{
	return seen->echoes && (seen->lines - seen->echoes) * 10 <= seen->lines;
}

/* Nothing, or nothing that is AT: what came tells more than the failure. */
static void say_silence(struct doctor *doctor, enum level level)
{
	const struct evidence *seen = &doctor->evidence;
	const char *said = iotsafe_last_error();

	if (seen->nmea)
		doctor_say_failure(doctor, level, "gps",
				   "Choose another port of this modem.",
				   "This is the port of a GPS receiver (NMEA), "
				   "not one for commands.");
	else if (is_all_echo(seen))
		doctor_say_failure(
			doctor, level, "echo",
			"Choose another port; end a login (getty) that waits "
			"there; on a UART look whether receive and transmit "
			"touch.",
			"The port sends back what it is sent, and nothing "
			"else: it is a loop or a login, not a modem.");
	else if (strstr(said, "nothing answers"))
		doctor_say_failure(
			doctor, level, "silent",
			"Is the modem switched on? Try another speed "
			"(?baud=9600, 460800, 921600) and another port of "
			"the same modem.",
			"Nothing answers at this port.");
	else if (strstr(said, "does not answer AT commands"))
		doctor_say_failure(
			doctor, level, "no-modem",
			"Try another speed (?baud=9600, 460800, 921600); if "
			"that changes nothing, another port.",
			"Something is there, but it does not speak AT "
			"commands: the speed is wrong, or it is no modem.");
	else
		doctor_say_failure(
			doctor, level, "timeout",
			"Give it more time (--timeout 60000); try another way "
			"(interface=cgla), and restart the modem.",
			"The modem answers, but this command of the card got "
			"no answer in time.");
}

static void say_row(struct doctor *doctor, enum level level)
{
	int code = iotsafe_last_code();
	const char *said = iotsafe_last_error();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code && strstr(said, rows[i].words)) {
			doctor_say_failure(doctor, level, rows[i].id,
					   rows[i].next, rows[i].text);
			return;
		}
	doctor_say_failure(doctor, level, "failed",
			   "Report it with a trace (iotsafe --trace all).",
			   "It failed.");
}

void doctor_reason(struct doctor *doctor, enum level level)
{
	char buffer[PATH_MAX];
	const char *path = path_of(doctor, buffer);
	int code = iotsafe_last_code();

	if (code == IOTSAFE_ERR_PIN && doctor_say_pin(doctor, level))
		return;
	if (code == IOTSAFE_ERR_CANCELLED && watch_late())
		doctor_say_failure(doctor, level, "time-up",
				   "Give it more time (--timeout 60000).",
				   "The time for all of this was up.");
	else if (code == IOTSAFE_ERR_TIMEOUT)
		say_silence(doctor, level);
	else if (code == IOTSAFE_ERR_IO && path && !access(path, F_OK) &&
		 strcasestr(iotsafe_last_error(), "permission"))
		say_permission(doctor, level, path);
	else if (code == IOTSAFE_ERR_BUSY &&
		 strstr(iotsafe_last_error(), "port busy"))
		say_busy(doctor, level);
	else
		say_row(doctor, level);
}
