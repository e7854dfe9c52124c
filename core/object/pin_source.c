/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file, a variable of the environment, or a function of the application
 * becomes the PIN of one card, or of an applet on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "object/pin.h"

/* Of a PIN file, and of a variable. */
#define TEXT_MAX 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static iotsafe_pin_func application;
static void *application_self;
static iotsafe_applet_pin_func applet_application;
static void *applet_application_self;

void iotsafe_pin_set(iotsafe_pin_func func, void *self)
{
	pthread_mutex_lock(&lock);
	application = func;
	application_self = self;
	pthread_mutex_unlock(&lock);
}

void iotsafe_pin_set_applet(iotsafe_applet_pin_func func, void *self)
{
	pthread_mutex_lock(&lock);
	applet_application = func;
	applet_application_self = self;
	pthread_mutex_unlock(&lock);
}

bool pin_is_possible(const char *text, size_t size, const char *applet)
{
	const char lowest = applet ? 0x20 : '0', highest = applet ? 0x7E : '9';

	if (size < PIN_MIN || size > PIN_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (text[i] < lowest || text[i] > highest)
			return false;
	return true;
}

/* The filler of 19 digits may be written, or not. */
static bool is_number(const char *text, size_t size, const char *iccid)
{
	while (size && (text[size - 1] == 'F' || text[size - 1] == 'f'))
		size--;
	return size == strlen(iccid) && !memcmp(text, iccid, size);
}

static const char blanks[] = " \t\r";

/* The word that is next in a line. */
static struct bytes next_word(const char **line)
{
	struct bytes word;

	*line += strspn(*line, blanks);
	word.data = (const uint8_t *)*line;
	word.size = strcspn(*line, " \t\r\n");
	*line += word.size;
	return word;
}

/* Takes "applet=mias" off the line; false where the line is for another PIN. */
static bool is_for(const char **line, const char *applet)
{
	static const char tag[] = "applet=";
	const char *rest = *line;
	struct bytes word = next_word(&rest);
	const size_t size = sizeof(tag) - 1;

	if (word.size < size || memcmp(word.data, tag, size) != 0)
		return !applet;
	*line = rest;
	return applet && word.size == size + strlen(applet) &&
	       !memcmp(word.data + size, applet, strlen(applet));
}

static int take_pin(struct bytes word, const char *where, const char *iccid,
		    const char *applet, char pin[PIN_MAX + 1])
{
	const char *text = (const char *)word.data;

	if (!pin_is_possible(text, word.size, applet))
		return error_set(IOTSAFE_ERR_ARG,
				 "PIN: %s: behind %s stand no four to eight %s",
				 where, iccid,
				 applet ? "characters" : "digits");
	memcpy(pin, text, word.size);
	pin[word.size] = '\0';
	return IOTSAFE_OK;
}

/* Lines of an ICCID and its PIN, an applet between them where it is that
 * one's; others are comments. */
static int find_in(const char *text, const char *where, const char *iccid,
		   const char *applet, char pin[PIN_MAX + 1])
{
	for (const char *line = text; *line; line += *line == '\n') {
		struct bytes number = next_word(&line);

		if (is_number((const char *)number.data, number.size, iccid) &&
		    is_for(&line, applet))
			return take_pin(next_word(&line), where, iccid, applet,
					pin);
		line += strcspn(line, "\n");
	}
	return error_set(IOTSAFE_ERR_PIN,
			 "PIN: %s has none for the card %s%s%s (a line is the "
			 "ICCID, a blank, %s%s%sthe PIN)",
			 where, iccid, applet ? ", applet " : "",
			 applet ? applet : "", applet ? "applet=" : "",
			 applet ? applet : "", applet ? ", a blank, " : "");
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

static int from_file(const char *path, const char *iccid, const char *applet,
		     char pin[PIN_MAX + 1])
{
	char text[TEXT_MAX];
	int result = read_file(path, text);

	if (result >= 0)
		result = find_in(text, path, iccid, applet, pin);
	bytes_wipe(text, sizeof(text));
	return result;
}

static int from_environment(const char *name, const char *iccid,
			    const char *applet, char pin[PIN_MAX + 1])
{
	const char *text = secure_getenv(name);

	if (!text)
		return error_set(IOTSAFE_ERR_PIN, "PIN: %s is not set", name);
	return find_in(text, name, iccid, applet, pin);
}

/* Asks the application; false where it has none. */
static bool ask(const char *iccid, const char *applet, int tries,
		char pin[PIN_MAX + 1])
{
	iotsafe_applet_pin_func for_applet;
	iotsafe_pin_func for_sim;
	void *self;

	pthread_mutex_lock(&lock);
	for_sim = application;
	for_applet = applet_application;
	self = applet ? applet_application_self : application_self;
	pthread_mutex_unlock(&lock);
	if (applet)
		return for_applet && for_applet(self, iccid, applet, tries, pin,
						PIN_MAX + 1) >= 0;
	return for_sim && for_sim(self, iccid, tries, pin, PIN_MAX + 1) >= 0;
}

static int from_application(const char *iccid, const char *applet, int tries,
			    char pin[PIN_MAX + 1])
{
	if (ask(iccid, applet, tries, pin) &&
	    pin_is_possible(pin, strnlen(pin, PIN_MAX + 1), applet))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_PIN,
			 "PIN: the application gave none for the card %s%s%s",
			 iccid, applet ? ", applet " : "",
			 applet ? applet : "");
}

bool pin_has_source(const iotsafe_card *card, const char *applet)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = applet ? applet_application != NULL : application != NULL;
	pthread_mutex_unlock(&lock);
	return has || address_get(&card->address, "pin-file") ||
	       address_get(&card->address, "pin-env");
}

int pin_find(const iotsafe_card *card, const char *iccid, const char *applet,
	     int tries, char pin[PIN_MAX + 1])
{
	const char *file = address_get(&card->address, "pin-file");
	const char *name = address_get(&card->address, "pin-env");

	if (file)
		return from_file(file, iccid, applet, pin);
	if (name)
		return from_environment(name, iccid, applet, pin);
	return from_application(iccid, applet, tries, pin);
}
