// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns lines of a test into faults that begin now, and answers questions. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void set_faults(struct modem *modem, const char *text)
{
	struct faults fresh = {0};
	char why[128];

	if (*text != '\0' && !faults_parse(&fresh, text, why, sizeof(why))) {
		printf("bad: %s\n", why);
		return;
	}
	*modem->faults = fresh;
	modem->pulled = false;
	puts("ok");
}

static void run(struct control *control)
{
	const char *line = control->line;
	static const char faults[] = "faults";

	if (strcmp(line, "channels") == 0)
		printf("%u\n", card_channels_open(control->modem->card));
	else if (strcmp(line, "struck") == 0)
		printf("%u\n", control->modem->faults->struck);
	else if (strncmp(line, faults, sizeof(faults) - 1) == 0)
		set_faults(control->modem,
			   line + sizeof(faults) - 1 +
				   strspn(line + sizeof(faults) - 1, " "));
	else
		puts("bad: faults [LIST], struck, channels");
	fflush(stdout);
}

static void take(struct control *control, char c)
{
	if (c == '\n') {
		control->line[control->size] = '\0';
		control->size = 0;
		run(control);
	} else if (control->size < sizeof(control->line) - 1) {
		control->line[control->size++] = c;
	}
}

bool control_read(struct control *control)
{
	char bytes[512];
	ssize_t size = read(STDIN_FILENO, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < size; i++)
		take(control, bytes[i]);
	return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}
