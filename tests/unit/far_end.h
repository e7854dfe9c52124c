/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The far end of a pseudo-terminal: a modem that follows a script, in a
 * thread of the test. It answers what it expects and stops at a surprise. */
#ifndef FAR_END_H
#define FAR_END_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <fcntl.h>

enum far_action {
	FAR_ANSWER,  /* writes the answer (NULL: nothing) and goes on */
	FAR_BYTES,   /* the same, byte by byte */
	FAR_PARTS,   /* the same, in parts that a form feed separates */
	FAR_HANG_UP, /* writes the answer and is gone */
	FAR_BABBLE,  /* writes without end */
	FAR_CANCEL,  /* writes a byte to the cancel pipe */
};

struct far_row {
	const char *expect; /* a line without its CR */
	const char *answer;
	enum far_action action;
};

struct far_end {
	int master;
	int slave; /* kept open: settings last, and no early hang-up */
	char path[64];
	const struct far_row *rows;
	size_t count;
	/* Read when the thread has ended. */
	size_t answered; /* rows */
	size_t bytes_in, bytes_out;
	char surprise[700]; /* a line that no row expected */
	int stop[2];	    /* a pipe: closing its end stops the thread */
	int cancel[2];	    /* cancel[0] serves a deadline */
	pthread_t thread;
};

static inline void far_write(struct far_end *far, const char *text, size_t size)
{
	ssize_t done = write(far->master, text, size);

	if (done > 0)
		far->bytes_out += (size_t)done;
}

/* Until the test stops it; waits only when the line is full. */
static inline void far_babble(struct far_end *far)
{
	struct pollfd fds[2] = {{.fd = far->master, .events = POLLOUT},
				{.fd = far->stop[0], .events = POLLIN}};

	while (poll(fds, 2, -1) > 0 && !fds[1].revents)
		far_write(far, "babble+CSIM=", 12);
}

/* Each part some time after the one before. */
static inline void far_write_parts(struct far_end *far, const char *text)
{
	struct pollfd stop = {.fd = far->stop[0], .events = POLLIN};
	size_t size = strcspn(text, "\f");

	far_write(far, text, size);
	while (text[size]) {
		poll(&stop, 1, 50);
		text += size + 1;
		size = strcspn(text, "\f");
		far_write(far, text, size);
	}
}

/* False when there is nothing more to do. */
static inline bool far_act(struct far_end *far, const struct far_row *row)
{
	size_t size = row->answer ? strlen(row->answer) : 0;

	if (row->action == FAR_BYTES) {
		for (size_t i = 0; i < size; i++)
			far_write(far, row->answer + i, 1);
		return true;
	}
	if (row->action == FAR_PARTS)
		far_write_parts(far, row->answer);
	else if (size)
		far_write(far, row->answer, size);
	if (row->action == FAR_CANCEL)
		return write(far->cancel[1], "x", 1) == 1;
	if (row->action == FAR_BABBLE)
		far_babble(far);
	if (row->action == FAR_HANG_UP) {
		close(far->slave);
		close(far->master);
		far->slave = far->master = -1;
		return false;
	}
	return row->action != FAR_BABBLE;
}

/* One line, to its CR. False when the test or the other side is done. */
static inline bool far_read_line(struct far_end *far, char *line, size_t room)
{
	struct pollfd fds[2] = {{.fd = far->master, .events = POLLIN},
				{.fd = far->stop[0], .events = POLLIN}};
	size_t size = 0;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		char byte;

		if (read(far->master, &byte, 1) != 1)
			return false;
		far->bytes_in++;
		line[size] = '\0';
		if (byte == '\r')
			return true;
		if (size + 1 < room)
			line[size++] = byte;
	}
	return false;
}

/* Every channel that is opened asks which card it is: no part of a script,
 * unless it has a row for it. */
static inline bool far_tells_number(struct far_end *far, const char *line)
{
	const char *answer = NULL;

	if (!strcmp(line, "AT+CRSM=176,12258,0,0,10"))
		answer = "\r\n+CRSM: 144,0,\"98991032547698103214\"\r\n"
			 "\r\nOK\r\n";
	if (!strcmp(line, "AT+CSIM=10,\"01B082000A\""))
		answer = "\r\n+CSIM: 24,\"989910325476981032149000\"\r\n"
			 "\r\nOK\r\n";
	if (answer)
		far_write(far, answer, strlen(answer));
	return answer != NULL;
}

static inline void *far_run(void *self)
{
	struct far_end *far = self;
	char line[sizeof(far->surprise)];

	while (far_read_line(far, line, sizeof(line))) {
		const struct far_row *row = &far->rows[far->answered];

		if (far->answered == far->count || strcmp(line, row->expect)) {
			if (far_tells_number(far, line))
				continue;
			snprintf(far->surprise, sizeof(far->surprise), "%s",
				 line);
			break;
		}
		far->answered++;
		if (!far_act(far, row))
			break;
	}
	return NULL;
}

static inline void far_start(struct far_end *far, const struct far_row *rows,
			     size_t count)
{
	struct termios termios;

	memset(far, 0, sizeof(*far));
	far->rows = rows;
	far->count = count;
	far->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (far->master < 0 || grantpt(far->master) || unlockpt(far->master) ||
	    ptsname_r(far->master, far->path, sizeof(far->path)) ||
	    pipe(far->stop) || pipe(far->cancel))
		abort();
	far->slave = open(far->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (far->slave < 0 || tcgetattr(far->slave, &termios))
		abort();
	cfmakeraw(&termios);
	tcsetattr(far->slave, TCSANOW, &termios);
	if (pthread_create(&far->thread, NULL, far_run, far))
		abort();
}

/* Ends the thread; then its numbers can be read. */
static inline void far_stop(struct far_end *far)
{
	close(far->stop[1]);
	pthread_join(far->thread, NULL);
	close(far->stop[0]);
	close(far->cancel[0]);
	close(far->cancel[1]);
	if (far->master >= 0)
		close(far->master);
	if (far->slave >= 0)
		close(far->slave);
}

#endif
