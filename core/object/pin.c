/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A SIM that wants its PIN gets it, if somebody gave one for this very card and
 * a wrong one would still not block it: from a file, from the environment, or
 * from a function of the application.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "object/card.h"
#include "uicc/pin.h"

/* Of a PIN file, and of a variable. */
#define TEXT_MAX 4096

/* Fewer, and one mistake more would block the card. */
#define TRIES_LEAST 2

/* Cards that refused a PIN in this process: none is sent to them again. */
#define REFUSED_MAX 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static iotsafe_pin_func application;
static void *application_self;
static char refused[REFUSED_MAX][ICCID_TEXT];
static size_t refused_count;

void iotsafe_pin_set(iotsafe_pin_func func, void *self)
{
	pthread_mutex_lock(&lock);
	application = func;
	application_self = self;
	pthread_mutex_unlock(&lock);
}

static bool was_refused(const char *iccid)
{
	bool found;

	pthread_mutex_lock(&lock);
	/* Where there is no room left, nothing is risked. */
	found = refused_count == REFUSED_MAX;
	for (size_t i = 0; i < refused_count; i++)
		found |= !strcmp(refused[i], iccid);
	pthread_mutex_unlock(&lock);
	return found;
}

static void keep_refused(const char *iccid)
{
	pthread_mutex_lock(&lock);
	if (refused_count < REFUSED_MAX)
		snprintf(refused[refused_count++], ICCID_TEXT, "%s", iccid);
	pthread_mutex_unlock(&lock);
}

/* ---- where PINs come from ---- */

static bool is_pin(const char *text, size_t size)
{
	if (size < 4 || size > PIN_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

/* The filler of 19 digits may be written, or not. */
static bool is_number(const char *text, size_t size, const char *iccid)
{
	while (size && toupper((unsigned char)text[size - 1]) == 'F')
		size--;
	return size == strlen(iccid) && !memcmp(text, iccid, size);
}

/* Lines of an ICCID and its PIN; others are comments. */
static int find_in(const char *text, const char *where, const char *iccid,
		   char pin[PIN_MAX + 1])
{
	static const char blanks[] = " \t\r";

	for (const char *line = text; *line; line += *line == '\n') {
		size_t number, size;
		const char *value;

		line += strspn(line, blanks);
		number = strcspn(line, " \t\r\n");
		value = line + number + strspn(line + number, blanks);
		size = strcspn(value, " \t\r\n");
		if (is_number(line, number, iccid)) {
			if (!is_pin(value, size))
				return error_set(IOTSAFE_ERR_ARG,
						 "PIN: %s: behind %s stand no "
						 "four to eight digits",
						 where, iccid);
			memcpy(pin, value, size);
			pin[size] = '\0';
			return IOTSAFE_OK;
		}
		line += strcspn(line, "\n");
	}
	return error_set(IOTSAFE_ERR_PIN,
			 "PIN: %s has none for the card %s (a line is the "
			 "ICCID, a blank, the PIN)",
			 where, iccid);
}

static int check_mode(int fd, const char *path)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "%s", path);
	if (!S_ISREG(status.st_mode) || status.st_mode & 077)
		return error_set(IOTSAFE_ERR_ARG,
				 "PIN: %s can be read by others: its mode has "
				 "to be 0600",
				 path);
	return IOTSAFE_OK;
}

static int read_file(const char *path, char text[TEXT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t size = 0;
	int result;

	if (fd < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "PIN: %s", path);
	result = check_mode(fd, path);
	if (result >= 0)
		size = read(fd, text, TEXT_MAX - 1);
	if (size < 0)
		result =
			error_set_errno(IOTSAFE_ERR_IO, errno, "PIN: %s", path);
	text[size > 0 ? size : 0] = '\0';
	close(fd);
	return result;
}

static int from_file(const char *path, const char *iccid, char pin[PIN_MAX + 1])
{
	char text[TEXT_MAX];
	int result = read_file(path, text);

	if (result >= 0)
		result = find_in(text, path, iccid, pin);
	bytes_wipe(text, sizeof(text));
	return result;
}

static int from_environment(const char *name, const char *iccid,
			    char pin[PIN_MAX + 1])
{
	const char *text = secure_getenv(name);

	if (!text)
		return error_set(IOTSAFE_ERR_PIN, "PIN: %s is not set", name);
	return find_in(text, name, iccid, pin);
}

static int from_application(const char *iccid, int tries, char pin[PIN_MAX + 1])
{
	iotsafe_pin_func func;
	void *self;

	pthread_mutex_lock(&lock);
	func = application;
	self = application_self;
	pthread_mutex_unlock(&lock);
	if (func && func(self, iccid, tries, pin, PIN_MAX + 1) >= 0 &&
	    is_pin(pin, strnlen(pin, PIN_MAX + 1)))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_PIN,
			 "PIN: the application gave none for the card %s",
			 iccid);
}

static bool has_source(const iotsafe_card *card)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = application;
	pthread_mutex_unlock(&lock);
	return has || address_get(&card->address, "pin-file") ||
	       address_get(&card->address, "pin-env");
}

static int find_pin(const iotsafe_card *card, const char *iccid, int tries,
		    char pin[PIN_MAX + 1])
{
	const char *file = address_get(&card->address, "pin-file");
	const char *name = address_get(&card->address, "pin-env");

	if (file)
		return from_file(file, iccid, pin);
	if (name)
		return from_environment(name, iccid, pin);
	return from_application(iccid, tries, pin);
}

/* ---- when one is sent ---- */

/* The modem wants it; or a key is closed without, which may have many reasons
 * of which this is one. */
bool card_wants_pin(const iotsafe_card *card, int result)
{
	bool wanted = (result == IOTSAFE_ERR_PIN && !iotsafe_last_status()) ||
		      (result == IOTSAFE_ERR_DENIED &&
		       iotsafe_last_status() == 0x6982 && card->iccid[0]);

	return wanted && card->link_open && has_source(card);
}

/* On an open channel the card is known. Where the modem refuses all, another
 * one may have taken its place: asked anew, and compared. */
static int know_number(iotsafe_card *card, bool by_modem,
		       char iccid[ICCID_TEXT], const struct deadline *deadline)
{
	struct channel none = {.link = &card->link};
	struct channel *channel = &card->applet.channel;

	if (by_modem || !channel->open)
		TRY(iccid_read(&none, channel->iccid, deadline));
	memcpy(iccid, channel->iccid, ICCID_TEXT);
	if (*iccid)
		return card->has_iccid ? card_recognise(card) : IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_PIN,
			 "PIN: the card's ICCID cannot be read, so that no PIN "
			 "is sent: it might be another card's");
}

static int check_tries(iotsafe_card *card, const char *iccid, int *tries,
		       const struct deadline *deadline)
{
	TRY(pin_tries(&card->link, tries, deadline));
	if (*tries < TRIES_LEAST)
		return error_set(
			IOTSAFE_ERR_PIN,
			"PIN: the card %s has %d %s left: none is sent "
			"automatically",
			iccid, *tries, *tries == 1 ? "try" : "tries");
	if (was_refused(iccid))
		return error_set(IOTSAFE_ERR_PIN,
				 "PIN: the card %s has refused one in this "
				 "process: none is sent again",
				 iccid);
	return IOTSAFE_OK;
}

static int unlock(iotsafe_card *card, bool by_modem,
		  const struct deadline *deadline)
{
	char iccid[ICCID_TEXT], pin[PIN_MAX + 1] = "";
	int tries, result;

	TRY(know_number(card, by_modem, iccid, deadline));
	TRY(check_tries(card, iccid, &tries, deadline));
	result = find_pin(card, iccid, tries, pin);
	if (result >= 0) {
		trace_line(IOTSAFE_TRACE_APDU, "card: sends the PIN of %s",
			   iccid);
		result = by_modem && card->link.kind->unlock
				 ? card->link.kind->unlock(&card->link, pin,
							   deadline)
				 : pin_verify(&card->link, pin, deadline);
		/* Also where the answer was lost: it may have been wrong. */
		if (result < 0)
			keep_refused(iccid);
	}
	bytes_wipe(pin, sizeof(pin));
	return result;
}

int card_unlock(iotsafe_card *card, const struct deadline *deadline)
{
	bool by_modem = iotsafe_last_code() == IOTSAFE_ERR_PIN;
	struct error why;
	int result;

	error_save(&why);
	result = unlock(card, by_modem, deadline);
	/* 6982 was the answer: that no PIN helps is not the cause. */
	if (result < 0 && !by_modem && iotsafe_last_code() != IOTSAFE_ERR_PIN) {
		error_restore(&why);
		return why.code;
	}
	return result;
}
