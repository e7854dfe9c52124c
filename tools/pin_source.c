/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file, a variable of the environment, or somebody at the terminal gives a
 * PIN. What cannot be one is refused before anything goes to the card.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "pin_source.h"
#include "watch.h"

/* Of a file, and of a variable. */
#define TEXT_MOST 4096

#define BLANKS " \t\r"

static int refuse(struct cli *cli, const char *where, const char *what)
{
	return fail(cli, ERR_USAGE,
		    "%s: %s has no four to eight characters of ASCII; nothing "
		    "was sent",
		    where, what);
}

static int copy(struct cli *cli, const struct pin_wanted *wanted,
		const char *where, const char *text, size_t size,
		char pin[PIN_MOST + 1])
{
	bool possible = size >= PIN_LEAST && size <= PIN_MOST;

	for (size_t i = 0; possible && i < size; i++)
		possible = text[i] >= 0x20 && text[i] <= 0x7E;
	if (!possible)
		return refuse(cli, where, wanted->what);
	memcpy(pin, text, size);
	pin[size] = '\0';
	return 0;
}

/* ---- lines ---- */

struct word {
	const char *text;
	size_t size;
};

static struct word next_word(const char **line)
{
	struct word word;

	*line += strspn(*line, BLANKS);
	word = (struct word){*line, strcspn(*line, BLANKS "\n")};
	*line += word.size;
	return word;
}

static bool is(struct word word, const char *text)
{
	return word.size == strlen(text) && !memcmp(word.text, text, word.size);
}

static bool names_applet(struct word word, const char *applet)
{
	static const char tag[] = "applet=";
	const size_t size = sizeof(tag) - 1;

	return word.size > size && !memcmp(word.text, tag, size) &&
	       is((struct word){word.text + size, word.size - size}, applet);
}

/* Either the PIN alone, or `ICCID applet=mias PIN` as for pin-file= in an
 * address, among the lines of other cards. */
static bool read_line(const struct pin_wanted *wanted, const char *line,
		      struct word *pin)
{
	struct word first = next_word(&line), second = next_word(&line);

	*pin = first;
	if (!first.size || first.text[0] == '#')
		return false;
	if (!second.size)
		return true;
	*pin = next_word(&line);
	return is(first, wanted->iccid) && names_applet(second, wanted->applet);
}

static int from_text(struct cli *cli, const struct pin_wanted *wanted,
		     const char *where, const char *text,
		     char pin[PIN_MOST + 1])
{
	struct word found;

	for (const char *line = text; *line;) {
		if (read_line(wanted, line, &found))
			return copy(cli, wanted, where, found.text, found.size,
				    pin);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return fail(cli, "ERR_PIN",
		    "%s has no PIN of applet %s of the card %s: a line is the "
		    "PIN alone, or `%s applet=%s PIN`; nothing was sent",
		    where, wanted->applet, wanted->iccid, wanted->iccid,
		    wanted->applet);
}

static int check_file(struct cli *cli, int fd, const char *path)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return fail(cli, ERR_FILE, "cannot read %s: %s", path,
			    strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_mode & 077)
		return fail(cli, ERR_USAGE,
			    "%s can be read by others: its mode has to be 0600 "
			    "(chmod 600)",
			    path);
	return 0;
}

static int read_file(struct cli *cli, const char *path, char text[TEXT_MOST])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t size = 0;
	int status;

	if (fd < 0)
		return fail(cli, ERR_FILE, "cannot read %s: %s", path,
			    strerror(errno));
	status = check_file(cli, fd, path);
	if (!status && (size = read(fd, text, TEXT_MOST - 1)) < 0)
		status = fail(cli, ERR_FILE, "cannot read %s: %s", path,
			      strerror(errno));
	text[size > 0 ? size : 0] = '\0';
	close(fd);
	return status;
}

static int from_file(struct cli *cli, const struct pin_wanted *wanted,
		     char pin[PIN_MOST + 1])
{
	char text[TEXT_MOST];
	int status = read_file(cli, wanted->file, text);

	if (!status)
		status = from_text(cli, wanted, wanted->file, text, pin);
	explicit_bzero(text, sizeof(text));
	return status;
}

static int from_variable(struct cli *cli, const struct pin_wanted *wanted,
			 char pin[PIN_MOST + 1])
{
	const char *text = getenv(wanted->variable);

	if (!text)
		return fail(cli, ERR_USAGE, "the variable %s is not set",
			    wanted->variable);
	return from_text(cli, wanted, wanted->variable, text, pin);
}

/* ---- the terminal ---- */

/* Until a line is there; a signal ends it, so that echo comes back. */
static int read_line_of(struct cli *cli, int tty, char *text, size_t room,
			size_t *size)
{
	struct pollfd waits[2] = {{.fd = tty, .events = POLLIN},
				  {.fd = watch_fd(), .events = POLLIN}};
	ssize_t got;

	while (poll(waits, 2, -1) < 0)
		if (errno != EINTR)
			return fail(cli, ERR_FILE, "poll: %s", strerror(errno));
	if (waits[1].revents)
		return fail(cli, "ERR_CANCELLED", "ended by a signal");
	got = read(tty, text, room);
	if (got <= 0)
		return fail(cli, ERR_USAGE,
			    "the terminal gave no PIN; nothing was sent");
	*size = (size_t)got - (text[got - 1] == '\n');
	return 0;
}

static int ask_once(struct cli *cli, const struct pin_wanted *wanted, int tty,
		    const char *more, char pin[PIN_MOST + 1])
{
	char text[1024];
	size_t size = 0;
	int status;

	dprintf(tty, "%s of applet %s of the card %s%s: ", wanted->what,
		wanted->applet, wanted->iccid, more);
	status = read_line_of(cli, tty, text, sizeof(text), &size);
	dprintf(tty, "\n");
	if (!status)
		status = copy(cli, wanted, "terminal", text, size, pin);
	explicit_bzero(text, sizeof(text));
	return status;
}

static int ask(struct cli *cli, const struct pin_wanted *wanted, int tty,
	       char pin[PIN_MOST + 1])
{
	char again[PIN_MOST + 1] = "";
	int status = ask_once(cli, wanted, tty, "", pin);

	if (!status && wanted->twice)
		status = ask_once(cli, wanted, tty, ", once more", again);
	if (!status && wanted->twice && strcmp(pin, again) != 0)
		status = fail(cli, ERR_USAGE,
			      "the two are not the same; nothing was sent");
	explicit_bzero(again, sizeof(again));
	return status;
}

static int from_terminal(struct cli *cli, const struct pin_wanted *wanted,
			 char pin[PIN_MOST + 1])
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, silent;
	int status;

	if (tty < 0 || tcgetattr(tty, &before) < 0) {
		if (tty >= 0)
			close(tty);
		return fail(cli, ERR_USAGE,
			    "there is no terminal to ask for %s at: use "
			    "%s FILE or %s VARIABLE",
			    wanted->what,
			    wanted->twice ? "--new-pin-file" : "--pin-file",
			    wanted->twice ? "--new-pin-env" : "--pin-env");
	}
	watch_end();
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	tcsetattr(tty, TCSAFLUSH, &silent);
	status = ask(cli, wanted, tty, pin);
	tcsetattr(tty, TCSAFLUSH, &before);
	close(tty);
	return status;
}

int pin_take(struct cli *cli, const struct pin_wanted *wanted,
	     char pin[PIN_MOST + 1])
{
	if (wanted->file)
		return from_file(cli, wanted, pin);
	if (wanted->variable)
		return from_variable(cli, wanted, pin);
	return from_terminal(cli, wanted, pin);
}
