/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses to cards, for the whole process, to its end. A child made by fork()
 * sees an empty registry: its parent's cards are not its own, and it keeps none
 * of their ports.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "base/trace.h"
#include "object/card.h"
#include "object/registry.h"

/* How long a process may take to end. */
#define END_LIMIT 2000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static iotsafe_card *first;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_cond_t removed = PTHREAD_COND_INITIALIZER;

/* Held over fork(), so that the child never finds it locked by a thread that
 * it does not have. */
static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* A program that goes into the background ends in the parent. Its port would
 * be locked for as long as the child has the descriptor, for the child too. */
static void after_fork_child(void)
{
	for (iotsafe_card *card = first; card; card = card->next)
		link_abandon(&card->link);
	pthread_mutex_unlock(&lock);
}

static void set_up(void)
{
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static iotsafe_card *find(const iotsafe_card *wanted)
{
	for (iotsafe_card *card = first; card; card = card->next)
		/* One that was exchanged serves nobody any more. */
		if (card->pid == wanted->pid && !card->is_other &&
		    !strcmp(card->name, wanted->name))
			return card;
	return NULL;
}

iotsafe_card *registry_enter(iotsafe_card *fresh)
{
	iotsafe_card *card;

	pthread_once(&once, set_up);
	pthread_mutex_lock(&lock);
	/* No user left: it is being closed, which takes seconds at most. */
	while ((card = find(fresh)) && !card->uses)
		pthread_cond_wait(&removed, &lock);
	if (!card) {
		card = fresh;
		card->next = first;
		first = card;
	}
	card->uses++;
	pthread_mutex_unlock(&lock);
	return card;
}

bool registry_leave(iotsafe_card *card)
{
	bool last;

	pthread_mutex_lock(&lock);
	last = --card->uses == 0;
	pthread_mutex_unlock(&lock);
	return last;
}

void registry_remove(iotsafe_card *card)
{
	pthread_mutex_lock(&lock);
	for (iotsafe_card **at = &first; *at; at = &(*at)->next)
		if (*at == card) {
			*at = card->next;
			break;
		}
	pthread_cond_broadcast(&removed);
	pthread_mutex_unlock(&lock);
}

static void close_card(iotsafe_card *card)
{
	int limit = card->timeout < END_LIMIT ? card->timeout : END_LIMIT;
	struct turn turn;

	turns_cancel(&card->turns);
	if (turn_begin(&card->turns, &turn, limit, NULL) < 0)
		return;
	card_hang_up(card, &turn.deadline);
	turn_end(&card->turns, &turn);
}

/*
 * A card has few channels, and an open one outlives the process that forgot
 * it. Many programs end without freeing what they have (GnuTLS's credentials,
 * and our key within), so what is open is closed here, whoever still counts as
 * its user.
 */
__attribute__((destructor)) static void close_cards(void)
{
	trace_part();
	pthread_mutex_lock(&lock);
	for (iotsafe_card *card = first; card; card = card->next)
		if (card->pid == getpid() && card->uses)
			close_card(card);
	pthread_mutex_unlock(&lock);
}
