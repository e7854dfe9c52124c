/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits for what pcscd sees, and has it killed in the middle of a command. */
#include "reader.h"

#include <iotsafe/iotsafe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 20
#define TRIES	 (60000 / PAUSE_MS)

static void wait_a_little(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};

	nanosleep(&pause, NULL);
}

static bool is_there(const char *address, int *result)
{
	iotsafe_card *card;

	*result = iotsafe_card_open(address, &card);
	iotsafe_card_free(card);
	return *result == IOTSAFE_OK;
}

void reader_wait(const char *address)
{
	int result;

	for (int i = 0; i < TRIES && !is_there(address, &result); i++)
		wait_a_little();
}

void reader_insert_again(struct simulator *sim, const char *address)
{
	int result = IOTSAFE_OK;

	simulator_faults(sim, "no-sim");
	for (int i = 0; i < TRIES && result != IOTSAFE_ERR_ABSENT; i++) {
		wait_a_little();
		is_there(address, &result);
	}
	simulator_faults(sim, "");
	reader_wait(address);
}

/* One word, answered by a line. */
static void tell_pcscd(const char *word)
{
	const char *fds = getenv("IOTSAFE_PCSCD");
	int to, from;
	char answer;

	if (!fds || sscanf(fds, "%d,%d", &to, &from) != 2 ||
	    write(to, word, strlen(word)) != (ssize_t)strlen(word) ||
	    read(from, &answer, 1) != 1)
		give_up("IOTSAFE_PCSCD");
}

static void *kill_when_struck(void *self)
{
	struct reader_loss *loss = self;

	for (int i = 0; i < TRIES; i++) {
		if (simulator_count(loss->sim, "struck")) {
			tell_pcscd("kill\n");
			loss->killed = true;
			break;
		}
		wait_a_little();
	}
	return NULL;
}

void reader_lose(struct reader_loss *loss, struct simulator *sim)
{
	*loss = (struct reader_loss){.sim = sim};
	if (pthread_create(&loss->thread, NULL, kill_when_struck, loss))
		give_up("a thread");
}

void reader_lost(struct reader_loss *loss)
{
	pthread_join(loss->thread, NULL);
	if (loss->killed)
		tell_pcscd("start\n");
}
