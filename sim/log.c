// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes one JSON line for each exchange with the card. */
#include "log.h"

#include "problem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool log_open(struct log *log, const char *path)
{
	int fd;

	log->file = NULL;
	if (path == NULL)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		log->file = fdopen(fd, "a");
	if (log->file == NULL) {
		problem("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	setvbuf(log->file, NULL, _IOLBF, 0);
	return true;
}

void log_close(struct log *log)
{
	if (log->file != NULL)
		fclose(log->file);
	log->file = NULL;
}

static void put_time(FILE *file)
{
	struct timespec now;
	char text[32];
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	fprintf(file, "{\"time\":\"%s.%06ldZ\"", text, now.tv_nsec / 1000);
}

/* Hides the bytes from `from` on, but not the last `keep`. */
static void put_hidden(FILE *file, const char *name, struct view bytes,
		       size_t from, size_t keep)
{
	char text[2 * CARD_COMMAND_MAX + 1];

	hex_encode(bytes.data, bytes.size, text);
	if (bytes.size > from + keep)
		memset(text + 2 * from, '*', 2 * (bytes.size - from - keep));
	fprintf(file, ",\"%s\":\"%s\"", name, text);
}

static void put_hex(FILE *file, const char *name, struct view bytes)
{
	put_hidden(file, name, bytes, bytes.size, 0);
}

void log_write(struct log *log, const struct log_entry *entry)
{
	const struct card_note *note = &entry->note;
	struct view sw =
		view_of(entry->response.data + entry->response.size - 2, 2);

	if (log->file == NULL)
		return;
	put_time(log->file);
	fprintf(log->file, ",\"channel\":%u,\"name\":\"%s\"", note->channel,
		note->name);
	if (note->secret) {
		put_hidden(log->file, "command", entry->command, 5, 0);
		put_hidden(log->file, "response", entry->response, 0, 2);
	} else {
		put_hex(log->file, "command", entry->command);
		put_hex(log->file, "response", entry->response);
	}
	put_hex(log->file, "sw", sw);
	fprintf(log->file, ",\"us\":%llu,\"modem_us\":%llu,\"line_us\":%llu",
		(unsigned long long)entry->card_ns / 1000,
		(unsigned long long)entry->modem_ns / 1000,
		(unsigned long long)entry->line_ns / 1000);
	fprintf(log->file, ",\"line_in\":%zu,\"line_out\":%zu", entry->line_in,
		entry->line_out);
	if (note->problem != NULL)
		fprintf(log->file, ",\"problem\":\"%s\"", note->problem);
	fputs(note->signature ? ",\"signature\":true}\n" : "}\n", log->file);
}
