/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AT+CSIM lines to the card in memory; OK to everything else. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "fakemodem.h"
#include "script.h"

#define LINE_ROOM 700

static void say(const struct fakemodem *modem, const char *text)
{
	ssize_t done = write(modem->master, text, strlen(text));

	cr_assert(done == (ssize_t)strlen(text));
}

static void csim(struct fakemodem *modem, const char *hex)
{
	iotsafe_link link = fakecard_link(modem->card);
	uint8_t command[300], response[300];
	size_t size = unhex(hex, command, sizeof(command));
	size_t response_size = sizeof(response);
	char answer[LINE_ROOM];
	int used;

	if (link.exchange(link.self, command, size, response, &response_size,
			  0)) {
		say(modem, "\r\n+CME ERROR: 3\r\n");
		return;
	}
	used = sprintf(answer, "\r\n+CSIM: %zu,\"", 2 * response_size);
	for (size_t i = 0; i < response_size; i++)
		used += sprintf(answer + used, "%02X", response[i]);
	strcpy(answer + used, "\"\r\n\r\nOK\r\n");
	say(modem, answer);
}

static void serve(struct fakemodem *modem, char *line)
{
	char *hex = strchr(line, '"');

	modem->lines++;
	if (modem->heard)
		modem->heard(modem, line);
	if (strncmp(line, "AT+CSIM=", 8) || !hex) {
		say(modem, "\r\nOK\r\n");
		return;
	}
	hex[strcspn(hex + 1, "\"") + 1] = '\0';
	csim(modem, hex + 1);
}

static void *run(void *self)
{
	struct fakemodem *modem = self;
	struct pollfd fds[2] = {{.fd = modem->master, .events = POLLIN},
				{.fd = modem->stop[0], .events = POLLIN}};
	char line[LINE_ROOM];
	size_t used = 0;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		if (read(modem->master, &line[used], 1) != 1)
			break;
		if (line[used] != '\r') {
			used = used + 1 < sizeof(line) ? used + 1 : 0;
			continue;
		}
		line[used] = '\0';
		used = 0;
		serve(modem, line);
	}
	return NULL;
}

void fakemodem_start(struct fakemodem *modem, struct fakecard *card)
{
	struct termios raw;

	*modem = (struct fakemodem){.card = card};
	modem->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(modem->master >= 0 && !grantpt(modem->master) &&
		  !unlockpt(modem->master));
	modem->slave =
		open(ptsname(modem->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(modem->slave >= 0 && !tcgetattr(modem->slave, &raw));
	cfmakeraw(&raw);
	cr_assert(!tcsetattr(modem->slave, TCSANOW, &raw));
	snprintf(modem->address, sizeof(modem->address), "at:%s",
		 ptsname(modem->master));
	cr_assert(pipe2(modem->stop, O_CLOEXEC) == 0);
	cr_assert(!pthread_create(&modem->thread, NULL, run, modem));
}

void fakemodem_stop(struct fakemodem *modem)
{
	close(modem->stop[1]);
	pthread_join(modem->thread, NULL);
	close(modem->stop[0]);
	close(modem->slave);
	close(modem->master);
}
